//! One call at the desk: its stream, what it may hear, and who may hear it.

use std::time::{Duration, Instant};

use super::crossing::Crossing;
use super::fader::Fader;
use super::hold::{HoldPlayer, HoldSound};
use super::limiter::Limiter;
use super::recording::Recording;
use super::{LegId, LegMode};
use crate::DEVICE_RATE;
use crate::dtmf::Digit;
use crate::recorder::Recorder;
use crate::stats::StreamStats;
use crate::stream::{Packet, Stream, StreamConfig, StreamError};
use crate::tone::{Tone, ToneSamples};

/// How long a stream takes to fall silent once it is muted, and some more, samples.
const MUTING: usize = DEVICE_RATE as usize / 50;

/// One call at the desk.
#[derive(Debug)]
pub struct Leg {
    id: LegId,
    stream: Stream,
    pub(super) mode: LegMode,
    muted: bool,
    /// This side to it.
    microphone: Fader,
    /// It to this side.
    loudspeaker: Fader,
    /// It and the conference to each other.
    conference: Fader,
    /// What waiting sounds like to it.
    holding: Fader,
    hold: Option<HoldPlayer>,
    others: Crossing,
    limiter: Limiter,
    beep: Option<ToneSamples>,
    pub(super) recording: Option<Recording>,
    /// What came from it in this lot: as it is, as this side hears it, as the conference hears it.
    heard: Vec<f32>,
    pub(super) here: Vec<f32>,
    pub(super) shared: Vec<f32>,
    /// What goes to it.
    out: Vec<f32>,
    piece: Vec<f32>,
}

impl Leg {
    pub(super) fn new(
        id: LegId,
        config: StreamConfig,
        mode: LegMode,
        hold: &HoldSound,
    ) -> Result<Self, StreamError> {
        let stream = Stream::new(StreamConfig { sample_rate: DEVICE_RATE, ..config })?;
        Ok(Self {
            id,
            stream,
            mode,
            muted: false,
            microphone: Fader::new(mode != LegMode::Waiting),
            loudspeaker: Fader::new(mode != LegMode::Waiting),
            conference: Fader::new(mode == LegMode::Joined),
            holding: Fader::new(mode == LegMode::Waiting),
            hold: (mode == LegMode::Waiting).then(|| HoldPlayer::new(hold)),
            others: Crossing::new(),
            limiter: Limiter::default(),
            beep: None,
            recording: None,
            heard: Vec::new(),
            here: Vec::new(),
            shared: Vec::new(),
            out: Vec::new(),
            piece: Vec::new(),
        })
    }

    /// Its name.
    pub fn id(&self) -> LegId {
        self.id
    }

    /// What it takes part in.
    pub fn mode(&self) -> LegMode {
        self.mode
    }

    /// The stream itself.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// The numbers at present.
    pub fn stats(&self) -> StreamStats {
        self.stream.stats()
    }

    /// Takes a datagram that arrived, RTP or RTCP.
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.stream.receive(now, datagram);
    }

    /// The next datagram to send.
    pub fn poll_packet(&mut self) -> Option<Packet> {
        self.stream.poll_packet()
    }

    /// Stops or resumes sending RTP, as where the other side takes none.
    pub fn set_sending(&mut self, enabled: bool) {
        self.stream.set_sending(enabled);
    }

    /// Keeps the microphone from it, or not.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.apply(MUTING);
        if let Some(recording) = &mut self.recording {
            recording.set(self.mode, muted);
        }
    }

    /// Ends the stream: what [`Self::poll_packet`] gives after this says goodbye.
    pub fn close(&mut self, now: Instant) {
        self.stream.close(now);
    }

    /// Another stream in place of this one, as after a new agreement. Who hears whom stays.
    pub(super) fn renew(&mut self, config: StreamConfig) -> Result<(), StreamError> {
        self.stream = Stream::new(StreamConfig { sample_rate: DEVICE_RATE, ..config })?;
        self.apply(0);
        Ok(())
    }

    pub(super) fn set_mode(&mut self, mode: LegMode, hold: &HoldSound) {
        if mode == self.mode {
            return;
        }
        if self.mode == LegMode::Talking && self.muted {
            // The stream is about to carry more than the microphone: nothing of that may slip out.
            self.microphone.shut();
        }
        self.mode = mode;
        self.loudspeaker.set(mode != LegMode::Waiting);
        self.conference.set(mode == LegMode::Joined);
        self.holding.set(mode == LegMode::Waiting);
        if mode == LegMode::Waiting {
            self.hold = Some(HoldPlayer::new(hold));
        }
        self.apply(MUTING);
        if let Some(recording) = &mut self.recording {
            recording.set(mode, self.muted);
        }
    }

    /// Changes what it hears while it waits.
    pub(super) fn set_hold(&mut self, hold: &HoldSound) {
        if self.hold.is_some() {
            self.hold = Some(HoldPlayer::new(hold));
        }
    }

    pub(super) fn send_dtmf(&mut self, digit: Digit, length: Duration) -> Result<(), StreamError> {
        self.stream.send_dtmf(digit, length)
    }

    pub(super) fn start_recording(&mut self, recorder: Recorder, beeps: bool) {
        self.recording = Some(Recording::new(recorder, beeps, self.mode, self.muted));
    }

    pub(super) fn beep(&mut self) {
        self.beep = Some(ToneSamples::new(Tone::Recording, DEVICE_RATE));
    }

    /// Takes `count` samples out of its stream.
    pub(super) fn listen(&mut self, now: Instant, count: usize) {
        self.heard.resize(count, 0.0);
        self.stream.playout(now, &mut self.heard);
        self.loudspeaker.pass(&self.heard, &mut self.here);
        self.conference.pass(&self.heard, &mut self.shared);
    }

    /// What all of the conference say, this leg among them: the rest of them is what it hears.
    pub(super) fn overhear(&mut self, all: &[f32]) {
        if self.conference.is_shut() {
            return;
        }
        self.piece.clear();
        self.piece.extend(all.iter().zip(&self.shared).map(|(all, own)| all - own));
        self.others.push(&self.piece);
    }

    /// Sends it what it is to hear while the microphone gave `near`.
    pub(super) fn speak(&mut self, now: Instant, near: &[f32]) {
        self.microphone.pass(near, &mut self.out);
        if !self.conference.is_shut() {
            self.others.take(near.len(), &mut self.piece);
            self.conference.add(&self.piece, &mut self.out);
        }
        match &mut self.hold {
            Some(_) if self.holding.is_shut() => self.hold = None,
            Some(hold) => {
                hold.fill(near.len(), &mut self.piece);
                self.holding.add(&self.piece, &mut self.out);
            }
            None => {}
        }
        if self.beep.as_mut().is_some_and(|beep| !beep.mix_into(&mut self.out)) {
            self.beep = None;
        }
        self.limiter.limit(&mut self.out);
        self.stream.capture(now, &self.out);
    }

    /// A stream that is muted sends nothing at all, so one that carries more than the microphone must not be; there
    /// the microphone alone is kept back. `pause` is how long the one takes to follow the other.
    fn apply(&mut self, pause: usize) {
        let alone = self.mode == LegMode::Talking;
        self.stream.set_muted(alone && self.muted);
        match self.mode {
            LegMode::Talking => self.microphone.set_later(true, pause),
            LegMode::Joined => self.microphone.set(!self.muted),
            LegMode::Waiting => self.microphone.set(false),
        }
    }
}
