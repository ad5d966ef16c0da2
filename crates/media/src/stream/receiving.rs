//! The way in: packets of the source that is listened to, into the playout; digits by events and in the sound.
//!
//! What isn't here: what the jitter buffer does with them (`playout`).

use std::collections::VecDeque;
use std::time::Instant;

use super::{StreamConfig, StreamError, StreamEvent};
use crate::codec::CodecKind;
use crate::dtmf::{self, Press, Recognizer};
use crate::jitter::{Inserted, Order, Reception};
use crate::level::Level;
use crate::playout::Playout;
use crate::resample::Resampler;
use crate::rtp;
use crate::xr::Losses;

/// Events that may wait to be fetched.
const EVENTS: usize = 64;
/// Played samples above this are sound: the smallest code words of G.711 and the remains of G.722's filters are not.
const SOUND: f32 = 4e-4;

#[derive(Debug)]
pub(super) struct Receiving {
    formats: Vec<(u8, CodecKind)>,
    noise_payload_types: Vec<u8>,
    rate: u32,
    pub(super) source: Option<Source>,
    /// A new SSRC that one packet was seen of, and the sequence number that would confirm it.
    candidate: Option<(u32, u16)>,
    pub(super) playout: Playout,
    kind: CodecKind,
    /// That of the latest packet.
    pub(super) heard_kind: Option<CodecKind>,
    resampler: Resampler,
    pub(super) level: Level,
    presses: Vec<(u8, dtmf::Receiver)>,
    tones: Recognizer,
    /// The peer sends its digits as events: what sounds like one in its sound is the same once more.
    sends_events: bool,
    /// At the stream's rate.
    ready: VecDeque<f32>,
    piece: Vec<f32>,
    converted: Vec<f32>,
    events: VecDeque<StreamEvent>,
    /// Lost packets of sources that were replaced.
    lost_before: u64,
    pub(super) counts: Counts,
    pub(super) last_packet: Option<Instant>,
    /// When something was to be heard last.
    pub(super) last_sound: Option<Instant>,
    /// The latest packet described a pause: none need follow it.
    pub(super) pausing: bool,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) late: u64,
    pub(super) duplicate: u64,
    pub(super) reordered: u64,
}

#[derive(Debug)]
pub(super) struct Source {
    pub(super) ssrc: u32,
    pub(super) reception: Reception,
    pub(super) losses: Losses,
}

/// What a payload type stands for.
#[derive(Clone, Copy)]
enum Content {
    Sound(CodecKind),
    Noise,
    Digit,
}

impl Receiving {
    pub(super) fn new(config: &StreamConfig) -> Result<Self, StreamError> {
        let preferred = config.receive.first().ok_or(StreamError::Config("nothing to receive"))?.kind;
        let formats: Vec<_> = config.receive.iter().map(|f| (f.payload_type, f.kind)).collect();
        let presses = config.receive_events.iter();
        let resampler = Resampler::new(preferred.sample_rate(), config.sample_rate);
        Ok(Self {
            playout: Playout::new(formats.clone(), preferred)
                .with_comfort_noise(config.receive_comfort_noise.clone()),
            formats,
            noise_payload_types: config.receive_comfort_noise.clone(),
            rate: config.sample_rate,
            source: None,
            candidate: None,
            kind: preferred,
            heard_kind: None,
            resampler: resampler.ok_or(StreamError::Config("sample rate"))?,
            level: Level::new(config.sample_rate),
            presses: presses
                .map(|events| (events.payload_type, dtmf::Receiver::new(events.clock_rate)))
                .collect(),
            tones: Recognizer::new(preferred.sample_rate()),
            sends_events: false,
            ready: VecDeque::new(),
            piece: Vec::new(),
            converted: Vec::new(),
            events: VecDeque::new(),
            lost_before: 0,
            counts: Counts::default(),
            last_packet: None,
            last_sound: None,
            pausing: false,
        })
    }

    /// Packets that never came, of all sources.
    pub(super) fn lost(&self) -> u64 {
        self.lost_before + self.source.as_ref().map_or(0, |source| source.reception.missing())
    }

    pub(super) fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop_front()
    }

    pub(super) fn push_event(&mut self, event: StreamEvent) {
        if self.events.len() >= EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// False when the datagram is nothing that was negotiated.
    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Ok((header, payload)) = rtp::parse(datagram) else { return false };
        let Some(content) = self.content(header.payload_type) else { return false };
        if !self.accept_source(now, &header) {
            return true;
        }
        let Some(source) = &mut self.source else { return true };
        self.last_packet = Some(now);
        self.counts.packets += 1;
        self.counts.bytes += payload.len() as u64;
        let number = match source.reception.count(header.sequence) {
            Order::Newest(number) => number,
            Order::Reordered(number) => {
                self.counts.reordered += 1;
                number
            }
            Order::Restarted(number) => {
                self.playout.sequence_restarted();
                source.losses = Losses::default();
                number
            }
            Order::Duplicate => {
                self.counts.duplicate += 1;
                return true;
            }
            Order::Doubtful => return true,
        };
        let inserted = match content {
            Content::Sound(kind) => self.receive_sound(now, kind, number, &header, payload),
            Content::Noise => {
                self.pausing = true;
                self.playout.insert(now, number, header.timestamp, header.payload_type, payload)
            }
            Content::Digit => {
                self.receive_digit(now, number, &header, payload);
                Inserted::Stored
            }
        };
        match inserted {
            Inserted::Stored | Inserted::Doubtful => {}
            Inserted::Late => self.counts.late += 1,
            Inserted::Duplicate => self.counts.duplicate += 1,
        }
        if let Some(source) = &mut self.source {
            source.losses.note(number, inserted != Inserted::Late);
        }
        true
    }

    /// Fills `out` with what is to be heard from `now` on.
    pub(super) fn play(&mut self, now: Instant, out: &mut [f32]) {
        let rate = self.playout.sample_rate() as usize;
        let ours = self.rate as usize;
        let at_codec_rate = |samples: usize| samples * rate / ours;
        // The resampler takes whole pieces, so up to one more than is asked for is fetched.
        let piece = (rate != ours).then_some(rate / 400);
        self.playout.fetched(now, at_codec_rate(out.len()) + piece.unwrap_or(0));
        while self.ready.len() < out.len() {
            let ahead = at_codec_rate(self.ready.len());
            self.piece.resize(piece.unwrap_or(out.len() - self.ready.len()), 0.0);
            self.playout.fill(now, ahead, &mut self.piece);
            self.recognize(now);
            self.converted.clear();
            self.resampler.process(&self.piece, &mut self.converted);
            self.ready.extend(&self.converted);
        }
        let count = out.len();
        out.iter_mut().zip(self.ready.drain(..count)).for_each(|(to, from)| *to = from);
        self.level.feed(out);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.presses.iter().filter_map(|(_, presses)| presses.poll_timeout()).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for i in 0..self.presses.len() {
            let press = self.presses.get_mut(i).and_then(|(_, presses)| presses.handle_timeout(now));
            self.note_press(press);
        }
    }

    /// Looks for what is to be heard in the piece that comes next.
    fn recognize(&mut self, now: Instant) {
        if self.piece.iter().any(|sample| sample.abs() > SOUND) {
            self.last_sound = Some(now);
        }
        if self.sends_events {
            return;
        }
        let mut found = Vec::new();
        self.tones.feed(&self.piece, |press| found.push(press));
        found.into_iter().for_each(|press| self.note_press(Some(press)));
    }

    fn content(&self, payload_type: u8) -> Option<Content> {
        let format = self.formats.iter().find(|(number, _)| *number == payload_type);
        let noise = || self.noise_payload_types.contains(&payload_type).then_some(Content::Noise);
        let digit =
            || self.presses.iter().any(|(number, _)| *number == payload_type).then_some(Content::Digit);
        format.map(|(_, kind)| Content::Sound(*kind)).or_else(noise).or_else(digit)
    }

    fn receive_sound(
        &mut self,
        now: Instant,
        kind: CodecKind,
        number: i64,
        header: &rtp::Header,
        payload: &[u8],
    ) -> Inserted {
        self.pausing = false;
        self.select_codec(kind);
        if let Some(source) = &mut self.source {
            source.reception.set_clock_rate(kind.clock_rate());
            source.reception.time(now, header.timestamp);
        }
        self.playout.insert(now, number, header.timestamp, header.payload_type, payload)
    }

    fn receive_digit(&mut self, now: Instant, number: i64, header: &rtp::Header, payload: &[u8]) {
        self.sends_events = true;
        self.playout.note_other(number);
        let presses = self.presses.iter_mut().find(|(pt, _)| *pt == header.payload_type);
        let complete =
            presses.map(|(_, presses)| presses.receive(now, header.timestamp, payload)).unwrap_or_default();
        complete.into_iter().for_each(|press| self.note_press(press));
    }

    /// Whether the packet is of the source that is listened to, which may change to another by this.
    fn accept_source(&mut self, now: Instant, header: &rtp::Header) -> bool {
        match &self.source {
            Some(source) if source.ssrc == header.ssrc => {
                self.candidate = None;
                return true;
            }
            // One stray packet must not silence the call: a second in sequence proves a new source.
            Some(_) if self.candidate != Some((header.ssrc, header.sequence)) => {
                self.candidate = Some((header.ssrc, header.sequence.wrapping_add(1)));
                return false;
            }
            Some(source) => {
                self.lost_before += source.reception.missing();
                self.playout.replace_source(self.kind);
                self.presses.iter_mut().for_each(|(_, presses)| presses.reset());
                self.sends_events = false;
                self.push_event(StreamEvent::SsrcChanged { ssrc: header.ssrc });
            }
            None => self.push_event(StreamEvent::MediaStarted),
        }
        self.candidate = None;
        self.pausing = false;
        let reception = Reception::new(now, header.sequence, self.kind.clock_rate());
        self.source = Some(Source { ssrc: header.ssrc, reception, losses: Losses::default() });
        true
    }

    fn select_codec(&mut self, kind: CodecKind) {
        if self.heard_kind == Some(kind) {
            return;
        }
        if self.heard_kind.is_some() {
            self.push_event(StreamEvent::CodecChanged { kind });
        }
        self.heard_kind = Some(kind);
        let before = std::mem::replace(&mut self.kind, kind);
        // Between codecs of one rate the playout changes over packet by packet; otherwise timestamps change too.
        if (before.clock_rate(), before.sample_rate()) != (kind.clock_rate(), kind.sample_rate()) {
            self.playout.replace_source(kind);
            self.tones = Recognizer::new(kind.sample_rate());
            if let Some(resampler) = Resampler::new(kind.sample_rate(), self.rate) {
                self.resampler = resampler;
            }
        }
    }

    fn note_press(&mut self, press: Option<Press>) {
        if let Some(Press { digit, held }) = press {
            self.push_event(StreamEvent::DtmfReceived { digit, held });
        }
    }
}
