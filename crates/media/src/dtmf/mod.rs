//! Telephone events, RFC 4733: the payload, a [`Sender`] that spells digits into packets and a [`Receiver`] that
//! reads each press once however many packets tell of it.
//!
//! Digits as tones in the sound are in `inband`. What isn't here: the tone a person hears when pressing a key
//! (`tone`), and sequence numbers (`stream`).

mod inband;

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

pub(crate) use inband::{KeyTones, Recognizer};

/// One of the sixteen DTMF keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digit(u8);

const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

impl Digit {
    /// The key of a character: 0-9, `*`, `#`, A-D in either case.
    pub fn from_char(key: char) -> Option<Self> {
        let key = key.to_ascii_uppercase();
        KEYS.iter().position(|k| *k == key).map(|code| Self(code as u8))
    }

    /// The key of an event code (RFC 4733 section 3.2, table 3).
    pub fn from_code(code: u8) -> Option<Self> {
        (code < 16).then_some(Self(code))
    }

    /// The event code, 0..=15.
    pub fn code(self) -> u8 {
        self.0
    }

    /// The character on the key.
    pub fn as_char(self) -> char {
        KEYS.get(usize::from(self.0)).copied().unwrap_or('?')
    }

    /// The two frequencies of the tone, low and high, in Hz (ITU-T Q.23).
    pub fn frequencies(self) -> (f32, f32) {
        let (row, column) = match self.as_char() {
            '1' => (0, 0),
            '2' => (0, 1),
            '3' => (0, 2),
            'A' => (0, 3),
            '4' => (1, 0),
            '5' => (1, 1),
            '6' => (1, 2),
            'B' => (1, 3),
            '7' => (2, 0),
            '8' => (2, 1),
            '9' => (2, 2),
            'C' => (2, 3),
            '*' => (3, 0),
            '0' => (3, 1),
            '#' => (3, 2),
            _ => (3, 3),
        };
        let low: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
        let high: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
        (low.get(row).copied().unwrap_or_default(), high.get(column).copied().unwrap_or_default())
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

/// The four bytes of an event payload, RFC 4733 section 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPayload {
    /// Event code; 0..=15 are DTMF.
    pub event: u8,
    /// The press is over.
    pub end: bool,
    /// Power in dBm0 with the sign dropped, 0..=63.
    pub volume: u8,
    /// Since the press began, in units of the clock.
    pub duration: u16,
}

impl EventPayload {
    /// The payload of a packet; `None` when it is too short. Further events in the same payload are left unread,
    /// as nobody sends them.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let ([event, flags, hi, lo], _) = payload.split_first_chunk::<4>()?;
        Some(Self {
            event: *event,
            end: flags & 0x80 != 0,
            volume: flags & 0x3F,
            duration: u16::from_be_bytes([*hi, *lo]),
        })
    }

    /// Appends the four bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(self.event);
        out.push(u8::from(self.end) << 7 | (self.volume & 0x3F));
        out.extend_from_slice(&self.duration.to_be_bytes());
    }
}

/// Digits that may wait to be sent.
const QUEUE: usize = 64;
/// Shortest press that receivers must recognise is 40 ms (ITU-T Q.24); a margin for those that need more.
const SHORTEST: Duration = Duration::from_millis(60);
/// Silence between two presses, so that a repeated digit is two digits.
const GAP: Duration = Duration::from_millis(60);
/// RFC 4733 section 2.5.1.4: the last packet is sent three times.
const END_COPIES: u8 = 3;
/// A usual level: -10 dBm0.
const VOLUME: u8 = 10;

/// What takes the place of one audio packet while digits are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    /// The payload.
    pub payload: EventPayload,
    /// First packet of its press: it gets the RTP marker bit (RFC 4733 section 2.5.1.1), and its RTP timestamp
    /// is that of all the packets of the press.
    pub first: bool,
}

/// Spells digits into packets, one per packet time, in place of audio.
#[derive(Debug)]
pub struct Sender {
    clock_rate: u32,
    waiting: VecDeque<(Digit, u32)>,
    state: SenderState,
}

#[derive(Debug)]
enum SenderState {
    Idle,
    /// `elapsed` and `length` in units of the clock.
    Pressed {
        digit: Digit,
        elapsed: u32,
        length: u32,
    },
    /// Repeating the end.
    Ending {
        digit: Digit,
        length: u32,
        left: u8,
    },
    Gap {
        left: u32,
    },
}

impl Sender {
    /// A sender whose durations are counted at `clock_rate` Hz.
    pub fn new(clock_rate: u32) -> Self {
        Self { clock_rate, waiting: VecDeque::new(), state: SenderState::Idle }
    }

    /// Queues a press. False when too many wait already.
    pub fn press(&mut self, digit: Digit, length: Duration) -> bool {
        if self.waiting.len() >= QUEUE {
            return false;
        }
        // RFC 4733 section 2.5.1.3: a duration holds 16 bits; nobody holds a key long enough to need segments.
        let longest = u32::from(u16::MAX);
        self.waiting.push_back((digit, self.units(length.max(SHORTEST)).min(longest)));
        true
    }

    /// Whether digits are being sent or wait.
    pub fn is_active(&self) -> bool {
        !self.waiting.is_empty() || !matches!(self.state, SenderState::Idle)
    }

    /// The next packet time has passed: what to send for it. `None` means audio.
    pub fn next(&mut self, packet_time: Duration) -> Option<EventPacket> {
        let step = self.units(packet_time);
        loop {
            match &mut self.state {
                SenderState::Idle => {
                    let (digit, length) = self.waiting.pop_front()?;
                    self.state = SenderState::Pressed { digit, elapsed: 0, length };
                }
                SenderState::Pressed { digit, elapsed, length } => {
                    let first = *elapsed == 0;
                    let (digit, length) = (*digit, *length);
                    *elapsed = elapsed.saturating_add(step);
                    if *elapsed < length {
                        return Some(packet(digit, false, *elapsed, first));
                    }
                    self.state = SenderState::Ending { digit, length, left: END_COPIES - 1 };
                    return Some(packet(digit, true, length, first));
                }
                SenderState::Ending { left: 0, .. } => {
                    let left = self.units(GAP);
                    self.state = SenderState::Gap { left };
                }
                SenderState::Ending { digit, length, left } => {
                    *left -= 1;
                    return Some(packet(*digit, true, *length, false));
                }
                SenderState::Gap { left } => {
                    *left = left.saturating_sub(step);
                    if *left == 0 {
                        self.state = SenderState::Idle;
                    }
                    return None;
                }
            }
        }
    }

    fn units(&self, time: Duration) -> u32 {
        u32::try_from(time.as_micros() * u128::from(self.clock_rate) / 1_000_000).unwrap_or(u32::MAX)
    }
}

fn packet(digit: Digit, end: bool, duration: u32, first: bool) -> EventPacket {
    let duration = u16::try_from(duration).unwrap_or(u16::MAX);
    EventPacket { payload: EventPayload { event: digit.code(), end, volume: VOLUME, duration }, first }
}

/// A press that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Press {
    /// The key.
    pub digit: Digit,
    /// How long it was held, as far as the packets told.
    pub held: Duration,
}

/// A press whose end got lost counts as over after this long without a packet.
const SILENCE_ENDS: Duration = Duration::from_millis(250);

/// What is behind by no more than this is a straggler; farther behind, the source counts its time anew.
const STRAGGLES_S: u32 = 10;

/// Reads presses from packets: each once, also when some of its packets are lost or doubled.
#[derive(Debug)]
pub struct Receiver {
    clock_rate: u32,
    current: Option<Current>,
    /// Timestamp of the last press told of: its repeated ends say nothing new.
    told: Option<u32>,
}

#[derive(Debug)]
struct Current {
    timestamp: u32,
    digit: Digit,
    duration: u16,
    last: Instant,
}

impl Receiver {
    /// A receiver whose durations are counted at `clock_rate` Hz.
    pub fn new(clock_rate: u32) -> Self {
        Self { clock_rate: clock_rate.max(1), current: None, told: None }
    }

    /// Takes one packet. Gives the presses that are now complete: mostly none or one, two when the end of the
    /// earlier was lost.
    pub fn receive(&mut self, now: Instant, timestamp: u32, payload: &[u8]) -> [Option<Press>; 2] {
        let Some(payload) = EventPayload::parse(payload) else { return [None; 2] };
        let Some(digit) = Digit::from_code(payload.event) else { return [None; 2] };
        // RFC 4733 section 2.5.2.2: all packets of a press share its timestamp. Older ones are stragglers.
        if self.told.is_some_and(|told| self.is_straggler(timestamp, told)) {
            return [None; 2];
        }
        let interrupted = match &self.current {
            Some(current) if current.timestamp == timestamp => None,
            Some(current) if self.is_straggler(timestamp, current.timestamp) => return [None; 2],
            Some(_) => self.finish(),
            None => None,
        };
        let current =
            self.current.get_or_insert(Current { timestamp, digit, duration: payload.duration, last: now });
        current.duration = current.duration.max(payload.duration);
        current.last = now;
        [interrupted, if payload.end { self.finish() } else { None }]
    }

    /// When [`Self::handle_timeout`] must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.current.as_ref().map(|current| current.last + SILENCE_ENDS)
    }

    /// The press whose end never came.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Press> {
        self.poll_timeout().filter(|due| *due <= now).and_then(|_| self.finish())
    }

    /// Another source took over: its timestamps are unrelated.
    pub fn reset(&mut self) {
        self.current = None;
        self.told = None;
    }

    fn is_straggler(&self, timestamp: u32, latest: u32) -> bool {
        latest.wrapping_sub(timestamp) <= self.clock_rate.saturating_mul(STRAGGLES_S)
    }

    fn finish(&mut self) -> Option<Press> {
        let current = self.current.take()?;
        self.told = Some(current.timestamp);
        let held =
            Duration::from_micros(u64::from(current.duration) * 1_000_000 / u64::from(self.clock_rate));
        Some(Press { digit: current.digit, held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const PTIME: Duration = Duration::from_millis(20);

    fn spell(text: &str, clock: u32, length_ms: u64) -> Vec<Option<EventPacket>> {
        let mut sender = Sender::new(clock);
        for key in text.chars() {
            assert!(sender.press(Digit::from_char(key).unwrap(), Duration::from_millis(length_ms)));
        }
        let mut packets = Vec::new();
        while sender.is_active() {
            packets.push(sender.next(PTIME));
        }
        packets
    }

    fn read(clock: u32, packets: &[Option<EventPacket>], keep: impl Fn(usize) -> bool) -> String {
        let start = Instant::now();
        let step = clock / 50;
        let mut receiver = Receiver::new(clock);
        let mut keys = String::new();
        let mut note = |press: Option<Press>| keys.extend(press.map(|p| p.digit.as_char()));
        let mut timestamp = 0;
        for i in 0..packets.len() + 50 {
            let now = start + PTIME * i as u32;
            if packets.get(i).is_some_and(|packet| packet.is_some_and(|p| p.first)) {
                timestamp = (0xFFFF_FF00_u32).wrapping_add(i as u32 * step);
            }
            if let Some(Some(packet)) = packets.get(i).filter(|_| keep(i)) {
                let mut bytes = Vec::new();
                packet.payload.write(&mut bytes);
                receiver.receive(now, timestamp, &bytes).into_iter().for_each(&mut note);
            }
            note(receiver.handle_timeout(now));
        }
        keys
    }

    #[test]
    fn one_press_is_spelled_as_the_rfc_draws_it() {
        let packets: Vec<_> = spell("5", 8_000, 100).into_iter().flatten().collect();
        let seen: Vec<_> = packets.iter().map(|p| (p.first, p.payload.end, p.payload.duration)).collect();
        assert_eq!(
            seen,
            [
                (true, false, 160),
                (false, false, 320),
                (false, false, 480),
                (false, false, 640),
                (false, true, 800),
                (false, true, 800),
                (false, true, 800),
            ]
        );
        assert!(packets.iter().all(|p| p.payload.event == 5 && p.payload.volume == 10));
    }

    #[test]
    fn every_key_is_read_back_at_both_clocks() {
        for clock in [8_000, 48_000] {
            let packets = spell("0123456789*#ABCD", clock, 100);
            assert_eq!(read(clock, &packets, |_| true), "0123456789*#ABCD");
        }
    }

    #[test]
    fn a_repeated_digit_is_two_digits() {
        assert_eq!(read(8_000, &spell("1122", 8_000, 60), |_| true), "1122");
    }

    #[test]
    fn lost_packets_lose_no_digit() {
        let packets = spell("90210", 8_000, 100);
        // Any one in three lost, whichever it is.
        for phase in 0..3 {
            assert_eq!(read(8_000, &packets, |i| i % 3 != phase), "90210", "phase {phase}");
        }
        // Only one packet of each press survives: the first.
        let first = |i: usize| packets[i].is_some_and(|p| p.first);
        assert_eq!(read(8_000, &packets, first), "90210");
        let random = std::cell::RefCell::new(StdRng::seed_from_u64(4733));
        assert_eq!(read(8_000, &packets, |_| random.borrow_mut().random_bool(0.7)), "90210");
    }

    #[test]
    fn a_short_press_is_long_enough_and_silence_follows_it() {
        // ITU-T Q.24: 40 ms of tone and 40 ms of pause are recognised.
        let packets = spell("77", 8_000, 5);
        let ends: Vec<_> =
            packets.iter().flatten().filter(|p| p.payload.end).map(|p| p.payload.duration).collect();
        assert_eq!(ends, [480; 6], "60 ms, told three times each");
        let first = packets.iter().position(Option::is_none).unwrap();
        assert!(packets[first..first + 3].iter().all(Option::is_none), "60 ms between them");
    }

    #[test]
    fn a_press_goes_on_as_long_as_packets_tell_of_it_and_ends_with_its_source() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let payload = |duration: u16| {
            let [high, low] = duration.to_be_bytes();
            [7, 0x0A, high, low]
        };
        let mut receiver = Receiver::new(8_000);
        // Two of them overtake each other.
        for (at, duration) in [(0, 160), (200, 3_200), (400, 1_600), (600, 1_760)] {
            assert_eq!(receiver.handle_timeout(ms(at)), None, "{at}");
            assert_eq!(receiver.receive(ms(at), 4_000, &payload(duration)), [None, None]);
        }
        assert_eq!(receiver.handle_timeout(ms(849)), None);
        let press = Press { digit: Digit(7), held: Duration::from_millis(400) };
        assert_eq!(receiver.handle_timeout(ms(850)), Some(press));
        // Another source counts for itself, and ends nothing of the one before.
        receiver.receive(ms(900), 9_000, &payload(160));
        receiver.reset();
        assert_eq!(receiver.handle_timeout(ms(2_000)), None);
        receiver.receive(ms(2_000), 3_000, &payload(160));
        assert!(receiver.handle_timeout(ms(2_250)).is_some(), "behind the other's, and no straggler");
    }

    #[test]
    fn held_time_is_told() {
        let mut receiver = Receiver::new(8_000);
        let payload = [7, 0x8A, 0x03, 0x20];
        let now = Instant::now();
        let [_, press] = receiver.receive(now, 4_000, &payload);
        assert_eq!(press, Some(Press { digit: Digit(7), held: Duration::from_millis(100) }));
        assert_eq!(receiver.receive(now, 4_000, &payload), [None, None], "the copies of the end");
        assert_eq!(receiver.receive(now, 3_000, &payload), [None, None], "a straggler");
    }

    #[test]
    fn a_source_that_counts_its_time_anew_is_read_on() {
        let payload = |digit: u8, end: bool| [digit, if end { 0x8A } else { 0x0A }, 0x03, 0x20];
        let now = Instant::now();
        // As after a transfer on the other side that keeps the source: far back, or just below the wrap.
        for (before, after) in [(4_000_000, 1_000), (100, u32::MAX - 2_000_000)] {
            let mut receiver = Receiver::new(8_000);
            assert!(receiver.receive(now, before, &payload(1, true))[1].is_some());
            let [_, press] = receiver.receive(now, after, &payload(2, true));
            assert_eq!(press.map(|press| press.digit), Some(Digit(2)), "{before} to {after}");
            assert_eq!(receiver.receive(now, after, &payload(2, true)), [None, None]);
            // Also while a press goes on whose end is lost.
            receiver.receive(now, after + 8_000, &payload(3, false));
            let presses = receiver.receive(now, before, &payload(4, true));
            assert_eq!(presses.map(|press| press.map(|p| p.digit)), [Some(Digit(3)), Some(Digit(4))]);
        }
        // What is only a little late is not.
        let mut receiver = Receiver::new(8_000);
        receiver.receive(now, 100_000, &payload(1, false));
        assert_eq!(receiver.receive(now, 100_000 - 8_000, &payload(2, true)), [None, None]);
        assert!(receiver.receive(now, 100_000, &payload(1, true))[1].is_some());
        assert_eq!(receiver.receive(now, 100_000 - 80_000, &payload(2, true)), [None, None]);
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut sender = Sender::new(8_000);
        let taken = (0..100).filter(|_| sender.press(Digit(1), SHORTEST)).count();
        assert_eq!(taken, QUEUE);
    }

    #[test]
    fn junk_is_no_digit_and_never_panics() {
        let mut random = StdRng::seed_from_u64(1);
        let mut receiver = Receiver::new(8_000);
        let now = Instant::now();
        assert_eq!(
            receiver.receive(now, 0, &[16, 0x80, 0, 0]),
            [None, None],
            "flash and fax events are no keys"
        );
        for _ in 0..100_000 {
            let bytes: Vec<u8> = (0..random.random_range(0..8)).map(|_| random.random()).collect();
            receiver.receive(now, random.random(), &bytes);
            receiver.handle_timeout(now);
        }
    }

    #[test]
    fn characters_and_codes_agree() {
        for code in 0..16 {
            let digit = Digit::from_code(code).unwrap();
            assert_eq!(Digit::from_char(digit.as_char()), Some(digit));
        }
        assert_eq!(Digit::from_char('a'), Digit::from_char('A'));
        assert_eq!(Digit::from_char('x'), None);
        assert_eq!(Digit::from_char('5').unwrap().frequencies(), (770.0, 1_336.0));
        assert_eq!(Digit::from_char('#').unwrap().frequencies(), (941.0, 1_477.0));
        assert_eq!(Digit::from_char('D').unwrap().frequencies(), (941.0, 1_633.0));
    }
}
