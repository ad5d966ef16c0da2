//! The jitter buffer: packets in as they arrive, packets out when they are due. Payloads only, no audio.
//!
//! Everything is measured as an *offset*: our clock minus the timestamp's clock, in seconds. A packet's arrival is
//! an offset (its transit), and so is the moment it is needed. Delay is the difference of two offsets, so the
//! unknown origin of timestamps cancels and a drifting sender just moves all of them.
//!
//! The invariant: the position (timestamp of the next sample to be given out) only moves by what was given out,
//! by holes that later packets prove, and by a restart. An empty buffer holds the position: what arrives late
//! is still played, at more delay, and playing faster takes the delay back. The delay has grown when that packet is
//! played, and not while nothing comes: if the packet is lost, what was held stands for it.
//!
//! What isn't here: decoding, concealing and stretching (`playout`), and counting for RTCP ([`Reception`]).

mod arrivals;
mod losses;
mod lots;
mod reception;
mod sounding;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

pub use reception::{Order, Reception};
pub use sounding::Correction;

use arrivals::Arrivals;
use losses::Losses;
use lots::Lots;
use sounding::Sounding;

/// Packets that may wait; the longest delay at the shortest packet time, and then some. More push out the oldest.
const CAPACITY: usize = 300;
/// Longest delay aimed at, seconds: beyond, a conversation is impossible anyway.
const LONGEST_DELAY: f64 = 0.4;
/// A buffer empty this long starts anew with the next packet, at the delay aimed at, seconds.
const RESTART_AFTER: f64 = 0.2;
/// A timestamp this far off what its arrival tells is a new count of timestamps, seconds.
const TIMESTAMP_JUMP: f64 = 3.0;
/// Delay above the aim that a restart throws away instead of playing, seconds.
const STALE: f64 = 0.06;
/// Whoever fetches samples and did not for so long slept, seconds; also for three lots of them.
const ASLEEP: f64 = 0.020;
/// Packets behind the newest one that may still come: the longest delay at the usual 20 ms. Older ones are lost.
pub(crate) const ON_THE_WAY: u32 = 20;

/// A packet that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its counted-on sequence number.
    pub sequence: i64,
    /// Its payload type.
    pub payload_type: u8,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// What became of a packet put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It waits to be played.
    Stored,
    /// Its time has passed.
    Late,
    /// A packet of that timestamp waits already.
    Duplicate,
    /// Its timestamp makes no sense yet; should the next agree, the buffer starts over.
    Doubtful,
}

/// What to play next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// This packet.
    Packet {
        /// The packet to decode.
        packet: Waiting,
        /// What was made up before it, if anything, stands for a pause of the sender, not for lost packets.
        after_pause: bool,
    },
    /// Nothing came for the next `ticks`, and a later packet is here.
    Hole {
        /// Length in units of the clock.
        ticks: u32,
        /// Packets were lost; otherwise the sender paused.
        lost: bool,
        /// The payload right behind the hole, if the hole is all that is between.
        follower: Option<Waiting>,
    },
    /// Nothing is here. Play something; then say how much with [`JitterBuffer::held`].
    Empty,
    /// The first packet, if any, isn't due yet.
    Starting,
}

/// The jitter buffer of one source.
#[derive(Debug)]
pub struct JitterBuffer {
    clock_rate: f64,
    epoch: Option<Instant>,
    packets: BTreeMap<i64, Waiting>,
    arrivals: Arrivals,
    /// Latest timestamp taken, counted on beyond 32 bits.
    latest: Option<i64>,
    doubted: Option<i64>,
    state: State,
    /// Where playing stopped for want of packets, while it isn't known why.
    stopped_at: Option<i64>,
    /// Sequence number of the last packet given out.
    last_out: Option<i64>,
    /// Recent sequence numbers that carried no audio: no hole where they are.
    not_audio: VecDeque<i64>,
    sounding: Sounding,
    losses: Losses,
    lots: Lots,
    /// When samples were fetched last.
    looked: Option<f64>,
    /// Length of a packet in units of the clock.
    packet_ticks: u32,
    dropped: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Waiting for a first packet, or for it to be due.
    Starting,
    /// `held` units of the clock were played in place of the packet at `position`.
    Playing { position: i64, held: u32 },
}

impl JitterBuffer {
    /// An empty buffer for timestamps at `clock_rate` Hz.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate: f64::from(clock_rate.max(1)),
            epoch: None,
            packets: BTreeMap::new(),
            arrivals: Arrivals::default(),
            latest: None,
            doubted: None,
            state: State::Starting,
            stopped_at: None,
            last_out: None,
            not_audio: VecDeque::new(),
            sounding: Sounding::default(),
            losses: Losses::default(),
            lots: Lots::default(),
            looked: None,
            packet_ticks: clock_rate / 50,
            dropped: 0,
        }
    }

    /// Puts in a packet that arrived `now`. `sequence` is counted on beyond 16 bits and no duplicate.
    pub fn insert(
        &mut self,
        now: Instant,
        sequence: i64,
        timestamp: u32,
        payload_type: u8,
        payload: &[u8],
    ) -> Inserted {
        let arrived = self.clock(now);
        let mut timestamp = match self.latest {
            // The nearest of all numbers with these lower 32 bits.
            Some(latest) => latest + i64::from(timestamp.wrapping_sub(latest as u32) as i32),
            None => i64::from(timestamp),
        };
        let transit = arrived - self.seconds(timestamp);
        if self.latest.is_some() && (transit - self.arrivals.target()).abs() > TIMESTAMP_JUMP {
            let agrees =
                self.doubted.is_some_and(|d| (0..=(self.clock_rate as i64)).contains(&(timestamp - d)));
            self.doubted = Some(timestamp);
            if !agrees {
                return Inserted::Doubtful;
            }
            self.restart();
            self.sequence_restarted();
            self.packets.clear();
            self.arrivals.clear();
            timestamp = i64::from(timestamp as u32);
        }
        self.doubted = None;
        self.latest = Some(self.latest.map_or(timestamp, |latest| latest.max(timestamp)));
        self.losses.note(sequence);
        let wait = self.losses.worth_waiting(self.packet_ticks).map(|ticks| self.seconds(i64::from(ticks)));
        if self.arrivals.is_empty() || !self.slept(arrived) {
            self.arrivals.note(arrived - self.seconds(timestamp), wait, LONGEST_DELAY);
        }
        if matches!(self.state, State::Playing { position, .. } if timestamp < position) {
            return Inserted::Late;
        }
        if self.packets.contains_key(&timestamp) {
            return Inserted::Duplicate;
        }
        if self.packets.len() >= CAPACITY {
            self.packets.pop_first();
            self.dropped += 1;
        }
        self.packets.insert(timestamp, Waiting { sequence, payload_type, payload: payload.to_vec() });
        Inserted::Stored
    }

    /// A packet of this number came and carried no audio.
    pub fn note_other(&mut self, sequence: i64) {
        if self.not_audio.len() == 64 {
            self.not_audio.pop_front();
        }
        self.not_audio.push_back(sequence);
        self.losses.note(sequence);
    }

    /// The source began counting its packets anew: numbers before and after don't compare.
    pub fn sequence_restarted(&mut self) {
        self.last_out = None;
        self.not_audio.clear();
        self.losses.sequence_restarted();
    }

    /// Samples are fetched `now`, a lot of so many seconds: a packet is needed up to so long before it sounds.
    pub fn fetched(&mut self, now: Instant, seconds: f64) {
        self.looked = Some(self.clock(now));
        self.lots.note(seconds);
    }

    /// The packet put in next repeats this much of the past before it, in units of the clock; 0 for none.
    pub fn note_reach(&mut self, ticks: u32) {
        self.losses.note_reach(ticks);
    }

    /// What to play next. It is needed `now`, though its first sample only sounds `ahead` seconds later, after
    /// what was given out before.
    pub fn next(&mut self, now: Instant, ahead: f64) -> Next {
        let now = self.clock(now);
        if self.state == State::Starting && !self.start(now) {
            return Next::Starting;
        }
        let State::Playing { position, held } = self.state else {
            return Next::Starting;
        };
        let Some((&first, waiting)) = self.packets.first_key_value() else {
            if f64::from(held) / self.clock_rate > RESTART_AFTER {
                self.restart();
                self.stopped_at = Some(position);
                return Next::Starting;
            }
            return Next::Empty;
        };
        let gap = first - position;
        let held = i64::from(held);
        if gap > held {
            let lost = self.lost_before(waiting.sequence);
            let left = u32::try_from(gap - held).unwrap_or(u32::MAX);
            if self.seconds(i64::from(left)) > TIMESTAMP_JUMP {
                self.restart();
                return Next::Starting;
            }
            let follower = (left <= self.packet_ticks.max(self.losses.reach())).then(|| waiting.clone());
            // What is repeated ends where the follower begins, so it is made in one piece.
            let ticks = if follower.is_some() { left } else { left.min(self.packet_ticks.max(1)) };
            self.needed(now, ahead, position + held);
            self.state = State::Playing { position: position + held + i64::from(ticks), held: 0 };
            return Next::Hole { ticks, lost: lost > 0, follower };
        }
        // What was played in place of packets that never came counts for them.
        let Some((_, packet)) = self.packets.pop_first() else {
            return Next::Empty;
        };
        let lost = self.lost_before(packet.sequence);
        self.last_out = Some(packet.sequence);
        // What was played in its place and more made everything later; before, nobody knew.
        self.sounding.shift(self.seconds(held - gap));
        self.needed(now, ahead, first);
        self.state = State::Playing { position: first, held: 0 };
        // A sender that paused goes on later than where it stopped; a network that stalled, just there.
        let paused = gap > 0 || self.stopped_at.take().is_some_and(|position| first > position);
        Next::Packet { packet, after_pause: lost == 0 && paused }
    }

    /// The packet last given out lasts `ticks`.
    pub fn played(&mut self, ticks: u32) {
        if let State::Playing { position, .. } = &mut self.state {
            *position += i64::from(ticks);
        }
        if ticks > 0 {
            self.packet_ticks = ticks;
        }
        // Overlapping timestamps would stop the position from moving on.
        while self.packets.first_key_value().is_some_and(
            |(first, _)| matches!(self.state, State::Playing { position, .. } if *first < position),
        ) {
            self.packets.pop_first();
            self.dropped += 1;
        }
    }

    /// `ticks` of something else were played because the buffer was empty.
    pub fn held(&mut self, ticks: u32) {
        if let State::Playing { held, .. } = &mut self.state {
            *held = held.saturating_add(ticks);
        }
    }

    /// What was given out last came to be played `ticks` longer (or shorter, if negative) than it is.
    pub fn stretched(&mut self, ticks: i64) {
        self.sounding.shift(ticks as f64 / self.clock_rate);
    }

    /// What the delay asks for at present.
    pub fn correction(&self) -> Correction {
        self.sounding.correction(self.arrivals.target(), self.lots.usual(), self.clock_rate)
    }

    /// What a packet that nothing held up waits at present, milliseconds.
    pub fn delay_ms(&self) -> f32 {
        self.sounding.offset().map_or(0.0, |offset| ((offset - self.arrivals.fastest()) * 1_000.0) as f32)
    }

    /// The delay aimed at, milliseconds.
    pub fn target_ms(&self) -> f32 {
        ((self.arrivals.target() - self.arrivals.fastest()) * 1_000.0) as f32
    }

    /// Packets that wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether no packet waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Packets thrown away because the buffer was full or too far behind.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether playing has begun and not stopped for want of packets.
    pub fn is_playing(&self) -> bool {
        self.state != State::Starting
    }

    /// The units of time in which packets come, in units of the clock.
    pub fn packet_ticks(&self) -> u32 {
        self.packet_ticks
    }

    /// Starts if the first packet is due, throwing away what is too old for the delay aimed at.
    fn start(&mut self, now: f64) -> bool {
        while let Some((&first, _)) = self.packets.first_key_value() {
            let surplus = now - self.seconds(first) - self.arrivals.target();
            if surplus < 0.0 {
                return false;
            }
            if surplus < STALE || self.packets.len() == 1 {
                self.state = State::Playing { position: first, held: 0 };
                self.sounding.clear();
                return true;
            }
            self.packets.pop_first();
            self.dropped += 1;
        }
        false
    }

    fn restart(&mut self) {
        self.state = State::Starting;
        self.sounding.clear();
    }

    /// Whether nobody looked for so long that it isn't known when what is here now arrived. More delay doesn't help who
    /// sleeps: nothing is played meanwhile either.
    fn slept(&self, now: f64) -> bool {
        self.looked.is_some_and(|looked| now - looked > ASLEEP.max(self.lots.usual() * 3.0))
    }

    fn lost_before(&self, sequence: i64) -> i64 {
        let Some(last) = self.last_out else { return 0 };
        let others = self.not_audio.iter().filter(|n| (last + 1..sequence).contains(*n)).count();
        (sequence - last - 1 - others as i64).clamp(0, 1_000)
    }

    fn needed(&mut self, now: f64, ahead: f64, position: i64) {
        let offset = now - self.seconds(position);
        self.sounding.note(offset, ahead);
    }

    fn clock(&mut self, now: Instant) -> f64 {
        let epoch = *self.epoch.get_or_insert(now);
        now.saturating_duration_since(epoch).as_secs_f64()
    }

    fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 / self.clock_rate
    }
}
