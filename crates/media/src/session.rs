//! A call's sound as one thing to own: source, sink and stream, moved along by [`Session::tick`].
//!
//! The thread that owns it waits for datagrams no longer than until the instant `tick` returns. Nothing here
//! waits, so the same code runs on virtual time with files and on real time with sound cards.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::DEVICE_RATE;
use crate::dtmf::Digit;
use crate::error::AudioError;
use crate::io::{IoEvent, Sink, SinkSpec, Source, SourceSpec};
use crate::stats::StreamStats;
use crate::stream::{Packet, Stream, StreamConfig, StreamError, StreamEvent};
use crate::tone::{Tone, ToneSamples};

/// Something the call should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// From the stream.
    Stream(StreamEvent),
    /// The file that was the source has been played to its end.
    SourceFinished,
    /// The source couldn't be opened or failed; silence is sent.
    CaptureFailed(AudioError),
    /// The sink couldn't be opened or failed; nothing is heard.
    PlaybackFailed(AudioError),
}

/// Time between two looks at the sound cards: a fraction of their periods.
const TICK: Duration = Duration::from_millis(4);
/// Events that may wait to be fetched.
const EVENTS: usize = 64;

/// One call's sound.
#[derive(Debug)]
pub struct Session {
    stream: Stream,
    source: Source,
    sink: Sink,
    tone: Option<ToneSamples>,
    captured: Vec<f32>,
    piece: Vec<f32>,
    events: VecDeque<SessionEvent>,
}

impl Session {
    /// Joins what is open already. The stream must run at [`DEVICE_RATE`].
    pub fn new(stream: Stream, source: Source, sink: Sink) -> Self {
        debug_assert_eq!(stream.sample_rate(), DEVICE_RATE, "the stream must run at the rate of the devices");
        let (captured, piece) = (Vec::new(), Vec::new());
        Self { stream, source, sink, tone: None, captured, piece, events: VecDeque::new() }
    }

    /// Opens all of it. A source or sink that can't be opened doesn't stop a call: silence takes its place and an
    /// event says why.
    pub fn open(config: StreamConfig, source: &SourceSpec, sink: &SinkSpec) -> Result<Self, StreamError> {
        let stream = Stream::new(StreamConfig { sample_rate: DEVICE_RATE, ..config })?;
        let mut session = Self::new(stream, Source::silence(), Sink::null());
        session.set_source(source);
        session.set_sink(sink);
        Ok(session)
    }

    /// Changes to another source in the middle of the call.
    pub fn set_source(&mut self, spec: &SourceSpec) {
        // The old one goes first: many devices can't be opened twice.
        self.source = Source::silence();
        match Source::open(spec) {
            Ok(source) => self.source = source,
            Err(error) => self.push(SessionEvent::CaptureFailed(error)),
        }
    }

    /// Changes to another sink in the middle of the call.
    pub fn set_sink(&mut self, spec: &SinkSpec) {
        self.sink = Sink::null();
        match Sink::open(spec) {
            Ok(sink) => self.sink = sink,
            Err(error) => self.push(SessionEvent::PlaybackFailed(error)),
        }
    }

    /// Takes a datagram that arrived, RTP or RTCP.
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.stream.receive(now, datagram);
    }

    /// Moves everything on to `now`: microphone to packets, packets to loudspeaker, reports. Returns when to call it
    /// again at the latest.
    pub fn tick(&mut self, now: Instant) -> Instant {
        self.captured.clear();
        self.source.read(now, &mut self.captured);
        if !self.captured.is_empty() {
            self.stream.capture(now, &self.captured);
        }
        let wanted = self.sink.wanted(now);
        if wanted > 0 {
            self.piece.resize(wanted, 0.0);
            self.stream.playout(now, &mut self.piece);
            if self.tone.as_mut().is_some_and(|tone| !tone.mix_into(&mut self.piece)) {
                self.tone = None;
            }
            self.sink.write(&self.piece);
        }
        self.stream.handle_timeout(now);
        self.collect_events();
        let next = now + TICK;
        self.stream.poll_timeout().map_or(next, |due| due.clamp(now, next))
    }

    /// The next datagram to send.
    pub fn poll_packet(&mut self) -> Option<Packet> {
        self.stream.poll_packet()
    }

    /// The next thing the call should know.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// Sends a digit, and lets the one who pressed it hear it when a sound card plays.
    pub fn send_dtmf(&mut self, digit: Digit, length: Duration) -> Result<(), StreamError> {
        self.stream.send_dtmf(digit, length)?;
        if self.sink.is_device() {
            self.play(Tone::Key(digit));
        }
        Ok(())
    }

    /// Plays a tone over the call, for this side only.
    pub fn play(&mut self, tone: Tone) {
        self.tone = Some(ToneSamples::new(tone, DEVICE_RATE));
    }

    /// Ends the tone.
    pub fn stop_tone(&mut self) {
        self.tone = None;
    }

    /// Sends silence in place of the source.
    pub fn set_muted(&mut self, muted: bool) {
        self.stream.set_muted(muted);
    }

    /// Stops or resumes sending RTP, as while on hold.
    pub fn set_sending(&mut self, enabled: bool) {
        self.stream.set_sending(enabled);
    }

    /// Ends the stream: what [`Self::poll_packet`] gives after this says goodbye.
    pub fn close(&mut self, now: Instant) {
        self.stream.close(now);
    }

    /// The numbers at present.
    pub fn stats(&self) -> StreamStats {
        self.stream.stats()
    }

    /// The stream itself.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    fn collect_events(&mut self) {
        while let Some(event) = self.stream.poll_event() {
            self.push(SessionEvent::Stream(event));
        }
        match self.source.poll_event() {
            Some(IoEvent::Finished) => self.push(SessionEvent::SourceFinished),
            Some(IoEvent::Failed(error)) => self.push(SessionEvent::CaptureFailed(error)),
            None => {}
        }
        if let Some(IoEvent::Failed(error)) = self.sink.poll_event() {
            self.push(SessionEvent::PlaybackFailed(error));
        }
    }

    fn push(&mut self, event: SessionEvent) {
        if self.events.len() >= EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
