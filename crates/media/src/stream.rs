//! One call's audio stream: microphone samples to RTP, RTP to loudspeaker samples, with RTCP and telephone events.
//!
//! It is driven from outside: samples by [`Stream::capture`] and [`Stream::playout`], datagrams by
//! [`Stream::receive`] and [`Stream::poll_packet`], time by every `now`. It never waits and never fails: what can't
//! be used is counted.
//!
//! What isn't here: where samples come from (`io`), and who may send to us (the owner of the socket).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};
use thiserror::Error;

use crate::codec::{CodecError, CodecKind, Encoder, PayloadFormat, TelephoneEvent};
use crate::dtmf::{self, Digit, EventPacket};
use crate::jitter::{Inserted, Order, Reception};
use crate::level::Level;
use crate::playout::Playout;
use crate::report::{Reporter, Sent};
use crate::resample::Resampler;
use crate::rtcp;
use crate::rtp;
use crate::stats::StreamStats;

/// What was negotiated, and what makes this stream itself.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// What to send, under the peer's payload type and with the peer's `a=fmtp`.
    pub send: PayloadFormat,
    /// What may come in, under our payload types; the preferred one first.
    pub receive: Vec<PayloadFormat>,
    /// How to send digits, under the peer's payload type.
    pub send_events: Option<TelephoneEvent>,
    /// How digits may come in, under our payload types.
    pub receive_events: Vec<TelephoneEvent>,
    /// Length of a packet sent, milliseconds (`a=ptime`): 10, 20, 40 or 60.
    pub packet_ms: u32,
    /// Rate of the samples given to [`Stream::capture`] and [`Stream::playout`], Hz.
    pub sample_rate: u32,
    /// Name of this endpoint in RTCP; random per call tells nobody anything (RFC 7022).
    pub cname: String,
    /// Everything random about the stream follows from it: SSRC, first sequence number and timestamp, RTCP times.
    pub seed: u64,
}

impl StreamConfig {
    /// One codec both ways, with 20 ms packets at [`crate::DEVICE_RATE`].
    pub fn new(format: PayloadFormat, seed: u64) -> Self {
        Self {
            receive: vec![format.clone()],
            send: format,
            send_events: None,
            receive_events: Vec::new(),
            packet_ms: 20,
            sample_rate: crate::DEVICE_RATE,
            cname: format!("{seed:016x}"),
            seed,
        }
    }

    /// The same with telephone events under one payload type both ways.
    pub fn with_events(mut self, events: TelephoneEvent) -> Self {
        self.send_events = Some(events.clone());
        self.receive_events = vec![events];
        self
    }
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Where it belongs, should the two not share a port.
    pub kind: PacketKind,
    /// The datagram.
    pub bytes: Vec<u8>,
}

/// The two protocols of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketKind {
    /// Media.
    Rtp,
    /// Reports.
    Rtcp,
}

/// What happened in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEvent {
    /// The first audio packet of the peer came.
    MediaStarted,
    /// The peer pressed a key, and released it.
    DtmfReceived {
        /// The key.
        digit: Digit,
        /// How long it was held.
        held: Duration,
    },
    /// Another source sends now, as after a transfer on the other side.
    SsrcChanged {
        /// The new one.
        ssrc: u32,
    },
    /// The peer sends another codec now.
    CodecChanged {
        /// The new one.
        kind: CodecKind,
    },
    /// The peer's source said goodbye (RTCP BYE).
    PeerLeft,
}

/// A stream that can't be made, or a digit that can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StreamError {
    /// The codec can't be set up.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// No payload format to receive, or a packet time or sample rate that doesn't exist.
    #[error("the stream's configuration makes no sense: {0}")]
    Config(&'static str),
    /// The peer takes no telephone events.
    #[error("the peer takes no telephone events")]
    NoEvents,
    /// Too many digits wait to be sent.
    #[error("too many digits wait to be sent")]
    TooManyDigits,
}

/// Datagrams that may wait to be fetched.
const PACKETS: usize = 128;
/// Events that may wait to be fetched.
const EVENTS: usize = 64;
/// Capture that pauses longer than this goes on at the timestamp of its own time.
const CAPTURE_PAUSE: Duration = Duration::from_millis(250);

/// One call's audio.
#[derive(Debug)]
pub struct Stream {
    config: StreamConfig,
    sending: Sending,
    receiving: Receiving,
    reporter: Option<Reporter>,
    random: StdRng,
    packets: VecDeque<Packet>,
    events: VecDeque<StreamEvent>,
    stats: StreamStats,
}

#[derive(Debug)]
struct Sending {
    encoder: Encoder,
    resampler: Resampler,
    level: Level,
    /// At the codec's rate, less than a packet.
    waiting: VecDeque<f32>,
    frame: Vec<f32>,
    frame_samples: usize,
    frame_ticks: u32,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    enabled: bool,
    muted: bool,
    /// 0 muted, 1 not; moves slowly enough not to click.
    gain: f32,
    last_capture: Option<Instant>,
    digits: Option<dtmf::Sender>,
    digit_timestamp: u32,
    scratch: Vec<f32>,
}

#[derive(Debug)]
struct Receiving {
    source: Option<Source>,
    /// A new SSRC that one packet was seen of, and the sequence number that would confirm it.
    candidate: Option<(u32, u16)>,
    playout: Playout,
    kind: CodecKind,
    resampler: Resampler,
    level: Level,
    presses: Vec<(u8, dtmf::Receiver)>,
    /// At the stream's rate.
    ready: VecDeque<f32>,
    piece: Vec<f32>,
    converted: Vec<f32>,
    /// Lost packets of sources that were replaced.
    lost_before: u64,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    reception: Reception,
}

impl Stream {
    /// A stream as negotiated.
    pub fn new(config: StreamConfig) -> Result<Self, StreamError> {
        if ![10, 20, 30, 40, 60].contains(&config.packet_ms) {
            return Err(StreamError::Config("packet time"));
        }
        let preferred = config.receive.first().ok_or(StreamError::Config("nothing to receive"))?.kind;
        let resampler = |from, to| Resampler::new(from, to).ok_or(StreamError::Config("sample rate"));
        let mut random = StdRng::seed_from_u64(config.seed);
        let kind = config.send.kind;
        let sending = Sending {
            encoder: Encoder::new(&config.send)?,
            resampler: resampler(config.sample_rate, kind.sample_rate())?,
            level: Level::new(config.sample_rate),
            waiting: VecDeque::new(),
            frame: Vec::new(),
            frame_samples: (kind.sample_rate() / 1_000 * config.packet_ms) as usize,
            frame_ticks: kind.clock_rate() / 1_000 * config.packet_ms,
            ssrc: random.random(),
            // RFC 3711 3.3.1: in the lower half, so that who misses the first packets does not miss a turn of the counter.
            sequence: random.random_range(0..0x8000),
            timestamp: random.random(),
            marker: true,
            enabled: true,
            muted: false,
            gain: 1.0,
            last_capture: None,
            digits: config.send_events.as_ref().map(|events| dtmf::Sender::new(events.clock_rate)),
            digit_timestamp: 0,
            scratch: Vec::new(),
        };
        let formats = config.receive.iter().map(|format| (format.payload_type, format.kind)).collect();
        let presses = config
            .receive_events
            .iter()
            .map(|events| (events.payload_type, dtmf::Receiver::new(events.clock_rate)))
            .collect();
        let receiving = Receiving {
            source: None,
            candidate: None,
            playout: Playout::new(formats, preferred),
            kind: preferred,
            resampler: resampler(preferred.sample_rate(), config.sample_rate)?,
            level: Level::new(config.sample_rate),
            presses,
            ready: VecDeque::new(),
            piece: Vec::new(),
            converted: Vec::new(),
            lost_before: 0,
        };
        let stats = StreamStats { send_codec: Some(kind), ..StreamStats::default() };
        Ok(Self {
            config,
            sending,
            receiving,
            reporter: None,
            random,
            packets: VecDeque::new(),
            events: VecDeque::new(),
            stats,
        })
    }

    /// Rate of the samples that go in and come out, Hz.
    pub fn sample_rate(&self) -> u32 {
        self.config.sample_rate
    }

    /// Samples of one packet at that rate: the piece in which it makes least delay to hand them over.
    pub fn frame_len(&self) -> usize {
        (self.config.sample_rate / 1_000 * self.config.packet_ms) as usize
    }

    /// The source that this stream's packets name.
    pub fn ssrc(&self) -> u32 {
        self.sending.ssrc
    }

    /// Takes microphone samples, any number, the last of which was recorded `now`. Packets come out of
    /// [`Self::poll_packet`].
    pub fn capture(&mut self, now: Instant, samples: &[f32]) {
        self.start_reports(now);
        self.follow_feedback();
        let sending = &mut self.sending;
        let rate = self.config.sample_rate;
        let length = Duration::from_secs_f64(samples.len() as f64 / f64::from(rate));
        if let Some(last) = sending.last_capture {
            let missing = now.saturating_duration_since(last).saturating_sub(length);
            if missing > CAPTURE_PAUSE {
                let kind = self.config.send.kind;
                // What waited for the rest of its packet is given up, and its time with it.
                let given_up = sending.waiting.len() as f64 / f64::from(kind.sample_rate());
                let ticks = (missing.as_secs_f64() + given_up) * f64::from(kind.clock_rate());
                sending.timestamp = sending.timestamp.wrapping_add(ticks as u32);
                sending.waiting.clear();
                sending.resampler.reset();
                sending.marker = true;
            }
        }
        sending.last_capture = Some(now);
        sending.level.feed(samples);
        let gained = sending.gain(samples, rate);
        let mut converted = std::mem::take(&mut sending.frame);
        converted.clear();
        sending.resampler.process(&gained, &mut converted);
        sending.waiting.extend(&converted);
        sending.frame = converted;
        sending.scratch = gained;
        while self.sending.waiting.len() >= self.sending.frame_samples {
            self.send_frame();
        }
    }

    /// The next datagram to send.
    pub fn poll_packet(&mut self) -> Option<Packet> {
        self.packets.pop_front()
    }

    /// Takes a datagram that arrived, RTP or RTCP.
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.start_reports(now);
        if rtp::is_rtcp(datagram) {
            self.receive_rtcp(now, datagram);
        } else if !self.receive_rtp(now, datagram) {
            self.stats.packets_malformed += 1;
        }
    }

    /// Fills `out` with what is to be heard from `now` on. Call it when the loudspeaker needs it and not before:
    /// packets may arrive until then.
    pub fn playout(&mut self, now: Instant, out: &mut [f32]) {
        let receiving = &mut self.receiving;
        let rate = receiving.playout.sample_rate() as usize;
        let at_codec_rate = |samples: usize| samples * rate / self.config.sample_rate as usize;
        // The resampler takes whole pieces, so up to one more than is asked for is fetched.
        let piece = (rate != self.config.sample_rate as usize).then_some(rate / 400);
        receiving.playout.set_lot(at_codec_rate(out.len()) + piece.unwrap_or(0));
        while receiving.ready.len() < out.len() {
            let ahead = at_codec_rate(receiving.ready.len());
            receiving.piece.resize(piece.unwrap_or(out.len() - receiving.ready.len()), 0.0);
            receiving.playout.fill(now, ahead, &mut receiving.piece);
            receiving.converted.clear();
            receiving.resampler.process(&receiving.piece, &mut receiving.converted);
            receiving.ready.extend(&receiving.converted);
        }
        let count = out.len();
        out.iter_mut().zip(receiving.ready.drain(..count)).for_each(|(to, from)| *to = from);
        receiving.level.feed(out);
    }

    /// When [`Self::handle_timeout`] must be called at the latest. Ask again after every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let digits = self.receiving.presses.iter().filter_map(|(_, presses)| presses.poll_timeout()).min();
        let report = self.reporter.as_ref().map(Reporter::due);
        [digits, report].into_iter().flatten().min()
    }

    /// Does what the time asks for: reports, ends of digits.
    pub fn handle_timeout(&mut self, now: Instant) {
        for i in 0..self.receiving.presses.len() {
            let press =
                self.receiving.presses.get_mut(i).and_then(|(_, presses)| presses.handle_timeout(now));
            self.note_press(press);
        }
        if self.reporter.as_ref().is_some_and(|reporter| reporter.due() <= now) {
            self.report(now, false);
        }
    }

    /// Sends a digit as a telephone event, after those already waiting. It needs [`Self::capture`] to go on.
    pub fn send_dtmf(&mut self, digit: Digit, length: Duration) -> Result<(), StreamError> {
        let sender = self.sending.digits.as_mut().ok_or(StreamError::NoEvents)?;
        if sender.press(digit, length) { Ok(()) } else { Err(StreamError::TooManyDigits) }
    }

    /// Sends silence in place of what is captured. Digits are still sent.
    pub fn set_muted(&mut self, muted: bool) {
        self.sending.muted = muted;
        if self.sending.last_capture.is_none() {
            // Nothing was said yet that could click: who is muted from the start is not heard at all.
            self.sending.gain = if muted { 0.0 } else { 1.0 };
        }
    }

    /// Whether silence is sent in place of what is captured.
    pub fn is_muted(&self) -> bool {
        self.sending.muted
    }

    /// Stops or resumes sending RTP altogether, as while on hold (`a=recvonly`, `a=inactive`).
    pub fn set_sending(&mut self, enabled: bool) {
        if enabled && !self.sending.enabled {
            self.sending.marker = true;
        }
        self.sending.enabled = enabled;
    }

    /// Ends the stream: queues the last report with a goodbye.
    pub fn close(&mut self, now: Instant) {
        self.start_reports(now);
        self.report(now, true);
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop_front()
    }

    /// The numbers at present.
    pub fn stats(&self) -> StreamStats {
        let playout = &self.receiving.playout;
        let jitter = playout.jitter();
        let played = playout.played();
        let feedback = self.reporter.as_ref().map(Reporter::feedback).unwrap_or_default();
        let reception = self.receiving.source.as_ref().map(|source| &source.reception);
        let send_clock = self.config.send.kind.clock_rate() as f32;
        StreamStats {
            packets_lost: self.receiving.lost_before + reception.map_or(0, Reception::missing),
            packets_malformed: self.stats.packets_malformed + played.malformed,
            packets_dropped: self.stats.packets_dropped + jitter.dropped(),
            samples_concealed: played.concealed,
            samples_recovered: played.recovered,
            samples_played: played.samples,
            samples_accelerated: played.accelerated,
            samples_expanded: played.expanded,
            jitter_ms: reception.map_or(0.0, Reception::jitter_ms),
            buffer_ms: jitter.delay_ms(),
            target_ms: jitter.target_ms(),
            round_trip_ms: feedback.round_trip.map(|trip| trip.as_secs_f32() * 1_000.0),
            peer_loss: feedback.loss,
            peer_jitter_ms: feedback.jitter.map(|units| units as f32 / send_clock * 1_000.0),
            capture_level_db: self.sending.level.db(),
            playout_level_db: self.receiving.level.db(),
            ..self.stats
        }
    }

    fn start_reports(&mut self, now: Instant) {
        if self.reporter.is_none() {
            let random = StdRng::seed_from_u64(self.random.random());
            self.reporter = Some(Reporter::new(now, self.sending.ssrc, self.config.cname.clone(), random));
        }
    }

    fn follow_feedback(&mut self) {
        if let Some(loss) = self.reporter.as_ref().and_then(|reporter| reporter.feedback().loss) {
            self.sending.encoder.set_network(loss, None);
        }
    }

    fn send_frame(&mut self) {
        let sending = &mut self.sending;
        sending.frame.clear();
        sending.frame.extend(sending.waiting.drain(..sending.frame_samples));
        let timestamp = sending.timestamp;
        sending.timestamp = timestamp.wrapping_add(sending.frame_ticks);
        let packet_time = Duration::from_millis(u64::from(self.config.packet_ms));
        let event = sending.digits.as_mut().and_then(|digits| digits.next(packet_time));
        // The encoder hears the audio under a digit too: its state must not jump afterwards.
        let mut payload = Vec::new();
        let encoded = sending.encoder.encode(&sending.frame, &mut payload);
        if !sending.enabled {
            return;
        }
        match (event, encoded) {
            (Some(event), _) => self.push_event(event, timestamp),
            // RFC 7587 section 3.1.3: with DTX a packet of one or two bytes needs no sending.
            (None, Ok(())) if self.config.send.kind == CodecKind::Opus && payload.len() <= 2 => {
                self.sending.marker = true;
            }
            (None, Ok(())) => {
                let marker = std::mem::take(&mut self.sending.marker);
                self.push_rtp(self.config.send.payload_type, marker, timestamp, &payload);
            }
            (None, Err(error)) => tracing::error!(%error, "a frame could not be encoded"),
        }
    }

    fn push_event(&mut self, event: EventPacket, timestamp: u32) {
        let Some(payload_type) = self.config.send_events.as_ref().map(|events| events.payload_type) else {
            return;
        };
        if event.first {
            self.sending.digit_timestamp = timestamp;
        }
        let mut payload = Vec::new();
        event.payload.write(&mut payload);
        self.push_rtp(payload_type, event.first, self.sending.digit_timestamp, &payload);
        self.sending.marker = true;
    }

    fn push_rtp(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) {
        let sequence = self.sending.sequence;
        self.sending.sequence = sequence.wrapping_add(1);
        let header = rtp::Header { marker, payload_type, sequence, timestamp, ssrc: self.sending.ssrc };
        let mut bytes = Vec::with_capacity(rtp::HEADER_LEN + payload.len());
        header.write(&mut bytes);
        bytes.extend_from_slice(payload);
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += payload.len() as u64;
        self.push_packet(Packet { kind: PacketKind::Rtp, bytes });
    }

    fn push_packet(&mut self, packet: Packet) {
        if self.packets.len() >= PACKETS {
            // Old audio helps nobody.
            self.packets.pop_front();
            self.stats.packets_dropped += 1;
        }
        self.packets.push_back(packet);
    }

    fn report(&mut self, now: Instant, last: bool) {
        let sending = &self.sending;
        let clock = f64::from(self.config.send.kind.clock_rate());
        let since = sending.last_capture.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        let sent = (self.stats.packets_sent > 0).then(|| Sent {
            timestamp: sending.timestamp.wrapping_add((since * clock) as u32),
            packets: self.stats.packets_sent,
            octets: self.stats.bytes_sent,
        });
        let received = self.receiving.source.as_mut().map(|source| (source.ssrc, &mut source.reception));
        let Some(reporter) = &mut self.reporter else { return };
        let bytes =
            if last { reporter.goodbye(now, sent, received) } else { reporter.report(now, sent, received) };
        self.stats.rtcp_sent += 1;
        self.push_packet(Packet { kind: PacketKind::Rtcp, bytes });
    }

    fn receive_rtcp(&mut self, now: Instant, datagram: &[u8]) {
        let Ok(packets) = rtcp::parse(datagram) else {
            self.stats.packets_malformed += 1;
            return;
        };
        self.stats.rtcp_received += 1;
        let gone = self.reporter.as_mut().map(|reporter| reporter.receive(now, &packets)).unwrap_or_default();
        if self.receiving.source.as_ref().is_some_and(|source| gone.contains(&source.ssrc)) {
            self.push_stream_event(StreamEvent::PeerLeft);
        }
    }

    /// False when the datagram is nothing this stream negotiated.
    fn receive_rtp(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Ok((header, payload)) = rtp::parse(datagram) else { return false };
        let format = self.config.receive.iter().find(|format| format.payload_type == header.payload_type);
        let kind = format.map(|format| format.kind);
        let is_event = self.receiving.presses.iter().any(|(pt, _)| *pt == header.payload_type);
        if kind.is_none() && !is_event {
            return false;
        }
        if !self.accept_source(now, &header) {
            return true;
        }
        let Some(source) = &mut self.receiving.source else { return true };
        self.stats.packets_received += 1;
        self.stats.bytes_received += payload.len() as u64;
        let number = match source.reception.count(header.sequence) {
            Order::Newest(number) => number,
            Order::Reordered(number) => {
                self.stats.packets_reordered += 1;
                number
            }
            Order::Restarted(number) => {
                self.receiving.playout.sequence_restarted();
                number
            }
            Order::Duplicate => {
                self.stats.packets_duplicate += 1;
                return true;
            }
            Order::Doubtful => return true,
        };
        match kind {
            Some(kind) => self.receive_audio(now, kind, number, &header, payload),
            None => self.receive_event(now, number, &header, payload),
        }
        true
    }

    fn receive_audio(
        &mut self,
        now: Instant,
        kind: CodecKind,
        number: i64,
        header: &rtp::Header,
        payload: &[u8],
    ) {
        self.select_codec(kind);
        if let Some(source) = &mut self.receiving.source {
            source.reception.set_clock_rate(kind.clock_rate());
            source.reception.time(now, header.timestamp);
        }
        match self.receiving.playout.insert(now, number, header.timestamp, header.payload_type, payload) {
            Inserted::Stored | Inserted::Doubtful => {}
            Inserted::Late => self.stats.packets_late += 1,
            Inserted::Duplicate => self.stats.packets_duplicate += 1,
        }
    }

    fn receive_event(&mut self, now: Instant, number: i64, header: &rtp::Header, payload: &[u8]) {
        self.receiving.playout.note_other(number);
        let presses = self.receiving.presses.iter_mut().find(|(pt, _)| *pt == header.payload_type);
        let complete =
            presses.map(|(_, presses)| presses.receive(now, header.timestamp, payload)).unwrap_or_default();
        complete.into_iter().for_each(|press| self.note_press(press));
    }

    /// Whether the packet is of the source that is listened to, which may change to another by this.
    fn accept_source(&mut self, now: Instant, header: &rtp::Header) -> bool {
        let receiving = &mut self.receiving;
        match &receiving.source {
            Some(source) if source.ssrc == header.ssrc => {
                receiving.candidate = None;
                return true;
            }
            // One stray packet must not silence the call: a second in sequence proves a new source.
            Some(_) if receiving.candidate != Some((header.ssrc, header.sequence)) => {
                receiving.candidate = Some((header.ssrc, header.sequence.wrapping_add(1)));
                return false;
            }
            Some(source) => {
                receiving.lost_before += source.reception.missing();
                receiving.playout.replace_source(receiving.kind);
                receiving.presses.iter_mut().for_each(|(_, presses)| presses.reset());
                self.push_stream_event(StreamEvent::SsrcChanged { ssrc: header.ssrc });
            }
            None => self.push_stream_event(StreamEvent::MediaStarted),
        }
        let receiving = &mut self.receiving;
        receiving.candidate = None;
        let reception = Reception::new(now, header.sequence, receiving.kind.clock_rate());
        receiving.source = Some(Source { ssrc: header.ssrc, reception });
        true
    }

    fn select_codec(&mut self, kind: CodecKind) {
        if self.stats.receive_codec == Some(kind) {
            return;
        }
        if self.stats.receive_codec.is_some() {
            self.push_stream_event(StreamEvent::CodecChanged { kind });
        }
        self.stats.receive_codec = Some(kind);
        let receiving = &mut self.receiving;
        let before = receiving.kind;
        receiving.kind = kind;
        // Between codecs of one rate the playout changes over packet by packet; otherwise timestamps change too.
        if (before.clock_rate(), before.sample_rate()) != (kind.clock_rate(), kind.sample_rate()) {
            receiving.playout.replace_source(kind);
            if let Some(resampler) = Resampler::new(kind.sample_rate(), self.config.sample_rate) {
                receiving.resampler = resampler;
            }
        }
    }

    fn note_press(&mut self, press: Option<dtmf::Press>) {
        if let Some(dtmf::Press { digit, held }) = press {
            self.push_stream_event(StreamEvent::DtmfReceived { digit, held });
        }
    }

    fn push_stream_event(&mut self, event: StreamEvent) {
        if self.events.len() >= EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

impl Sending {
    /// The samples with mute applied, moving over 5 ms.
    fn gain(&mut self, samples: &[f32], rate: u32) -> Vec<f32> {
        let goal = if self.muted { 0.0 } else { 1.0 };
        let step = 200.0 / rate as f32;
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        out.extend(samples.iter().map(|sample| {
            if self.gain != goal {
                self.gain += (goal - self.gain).clamp(-step, step);
            }
            // What is no number would poison every filter behind it.
            if sample.is_finite() { sample.clamp(-1.0, 1.0) * self.gain } else { 0.0 }
        }));
        out
    }
}
