//! What one source sent and what of it came: RFC 3550 appendix A.1 (sequence numbers), A.3 (loss) and A.8 (jitter).

use std::time::Instant;

use super::ON_THE_WAY;

/// Jumps ahead up to this are loss (appendix A.1, MAX_DROPOUT).
const MAX_DROPOUT: u16 = 3_000;
/// Jumps back up to this are reordering (appendix A.1, MAX_MISORDER).
const MAX_MISORDER: u16 = 100;
/// Sequence numbers of which it is remembered whether they came.
const SEEN: usize = 1_024;

/// Counts of one source.
#[derive(Debug)]
pub struct Reception {
    clock_rate: u32,
    epoch: Instant,
    base: i64,
    highest: i64,
    /// The next number after a jump that wasn't believed yet.
    doubted: Option<u16>,
    seen: [u64; SEEN / 64],
    received: u64,
    unique: u64,
    transit: Option<f64>,
    jitter: f64,
    expected_before: i64,
    lost_before: i64,
    received_before: u64,
}

/// How a packet stands to those before it. Numbers are counted on beyond 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The highest number so far.
    Newest(i64),
    /// Earlier than one that already came.
    Reordered(i64),
    /// This number came before.
    Duplicate,
    /// The source started over from here.
    Restarted(i64),
    /// A jump so wide that a second packet must confirm it; drop this one.
    Doubtful,
}

impl Reception {
    /// Starts with the first packet of a source, which isn't counted yet.
    pub fn new(now: Instant, first: u16, clock_rate: u32) -> Self {
        let base = i64::from(first);
        Self {
            clock_rate,
            epoch: now,
            base,
            highest: base - 1,
            doubted: None,
            seen: [0; SEEN / 64],
            received: 0,
            unique: 0,
            transit: None,
            jitter: 0.0,
            expected_before: 0,
            lost_before: 0,
            received_before: 0,
        }
    }

    /// Counts a packet in (appendix A.1).
    pub fn count(&mut self, sequence: u16) -> Order {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let order = if self.received == 0 || (1..MAX_DROPOUT).contains(&ahead) {
            let number = self.highest + i64::from(ahead);
            self.advance(number);
            Order::Newest(number)
        } else if ahead == 0 || ahead > u16::MAX - MAX_MISORDER {
            let number = self.highest - i64::from(0_u16.wrapping_sub(ahead));
            if number < self.base || self.was_seen(number) {
                Order::Duplicate
            } else {
                Order::Reordered(number)
            }
        } else if self.doubted == Some(sequence) {
            // Two packets in a row of the new count: the source started over.
            let number = self.highest + 1;
            let restarted = i64::from(sequence) + (number / 65_536 + 1) * 65_536;
            *self = Self { jitter: self.jitter, ..Self::new(self.epoch, sequence, self.clock_rate) };
            (self.base, self.highest) = (restarted, restarted - 1);
            self.advance(restarted);
            Order::Restarted(restarted)
        } else {
            self.doubted = Some(sequence.wrapping_add(1));
            return Order::Doubtful;
        };
        self.doubted = None;
        self.received += 1;
        if let Order::Newest(number) | Order::Reordered(number) | Order::Restarted(number) = order {
            self.mark(number);
            self.unique += 1;
        }
        order
    }

    /// Notes the arrival of a packet for the jitter (appendix A.8). Not for packets whose timestamp says nothing of
    /// when they were sent, such as telephone events.
    pub fn time(&mut self, now: Instant, timestamp: u32) {
        let arrival = now.saturating_duration_since(self.epoch).as_secs_f64() * f64::from(self.clock_rate);
        // Wrapping arithmetic on whole units first: only the difference to the last one has to be small.
        let transit = (arrival as i64 as u32).wrapping_sub(timestamp);
        if let Some(last) = self.transit {
            let change = f64::from(transit.wrapping_sub(last as u32) as i32).abs();
            // A jump of the timestamps is no jitter.
            if change < f64::from(self.clock_rate) * 5.0 {
                self.jitter += (change - self.jitter) / 16.0;
            }
        }
        self.transit = Some(f64::from(transit));
    }

    /// The RTP clock changed with the codec.
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        if clock_rate != self.clock_rate {
            self.clock_rate = clock_rate;
            self.transit = None;
            self.jitter = 0.0;
        }
    }

    /// Packets that should have come by now.
    pub fn expected(&self) -> i64 {
        self.highest - self.base + 1
    }

    /// Packets that didn't come, duplicates not counting for others.
    pub fn missing(&self) -> u64 {
        u64::try_from(self.expected()).unwrap_or(0).saturating_sub(self.unique)
    }

    /// Appendix A.3: as RTCP reports it, duplicates counting as received.
    pub fn cumulative_lost(&self) -> i32 {
        (self.expected() - self.received as i64).clamp(-0x80_0000, 0x7F_FFFF) as i32
    }

    /// The highest sequence number with its wraps, as RTCP reports it.
    pub fn highest(&self) -> u32 {
        self.highest as u32
    }

    /// Interarrival jitter in units of the clock.
    pub fn jitter(&self) -> f64 {
        self.jitter
    }

    /// Interarrival jitter in milliseconds.
    pub fn jitter_ms(&self) -> f32 {
        (self.jitter / f64::from(self.clock_rate.max(1)) * 1_000.0) as f32
    }

    /// Share lost since the last call, in 256ths (appendix A.3). What was overtaken and may still come is not lost yet: it
    /// counts in the next call, unless it came.
    pub fn take_fraction_lost(&mut self) -> u8 {
        let share = self.fraction_lost();
        (self.expected_before, self.lost_before) = (self.expected(), self.settled_lost());
        self.received_before = self.received;
        share
    }

    /// Whether a packet came since the last [`Self::take_fraction_lost`].
    pub fn is_heard(&self) -> bool {
        self.received > self.received_before
    }

    /// What [`Self::take_fraction_lost`] would give now.
    pub fn fraction_lost(&self) -> u8 {
        let (expected, lost) =
            (self.expected() - self.expected_before, self.settled_lost() - self.lost_before);
        if expected <= 0 || lost <= 0 { 0 } else { (lost.saturating_mul(256) / expected).min(255) as u8 }
    }

    /// Whether the losses known so far end a row of them.
    pub fn is_between_losses(&self) -> bool {
        self.was_seen(self.first_unsettled())
    }

    fn first_unsettled(&self) -> i64 {
        (self.highest + 1).saturating_sub(i64::from(ON_THE_WAY)).max(self.base)
    }

    /// Lost for good, of all that was expected.
    fn settled_lost(&self) -> i64 {
        let overtaken =
            (self.first_unsettled()..=self.highest).filter(|number| !self.was_seen(*number)).count();
        self.expected() - self.received as i64 - overtaken as i64
    }

    fn advance(&mut self, to: i64) {
        let first_new = self.highest + 1;
        // Bits of numbers not seen for a whole turn of the window belong to older ones.
        for number in first_new.max(to - SEEN as i64 + 1)..=to {
            if let Some(word) = self.seen.get_mut(word_of(number)) {
                *word &= !bit_of(number);
            }
        }
        self.highest = to;
    }

    fn mark(&mut self, number: i64) {
        if let Some(word) = self.seen.get_mut(word_of(number)) {
            *word |= bit_of(number);
        }
    }

    fn was_seen(&self, number: i64) -> bool {
        self.seen.get(word_of(number)).is_some_and(|word| word & bit_of(number) != 0)
    }
}

fn word_of(number: i64) -> usize {
    number.rem_euclid(SEEN as i64) as usize / 64
}

fn bit_of(number: i64) -> u64 {
    1 << number.rem_euclid(64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};
    use std::time::Duration;

    fn feed(numbers: &[u16]) -> (Vec<Order>, Reception) {
        let mut reception = Reception::new(Instant::now(), numbers[0], 8_000);
        let orders = numbers.iter().map(|n| reception.count(*n)).collect();
        (orders, reception)
    }

    #[test]
    fn orders() {
        use Order::*;
        let (orders, reception) = feed(&[65_534, 65_535, 0, 3, 2, 2, 3, 4]);
        assert_eq!(
            orders,
            [
                Newest(65_534),
                Newest(65_535),
                Newest(65_536),
                Newest(65_539),
                Reordered(65_538),
                Duplicate,
                Duplicate,
                Newest(65_540)
            ]
        );
        assert_eq!(reception.missing(), 1);
        assert_eq!(reception.cumulative_lost(), -1, "duplicates count as received in RTCP");
        assert_eq!(reception.highest(), 65_540);
    }

    #[test]
    fn a_packet_from_before_the_first_is_none_of_ours() {
        let (orders, reception) = feed(&[10, 9, 11]);
        assert_eq!(orders, [Order::Newest(10), Order::Duplicate, Order::Newest(11)]);
        assert_eq!(reception.missing(), 0);
    }

    #[test]
    fn a_wide_jump_must_be_confirmed() {
        let (orders, _) = feed(&[10, 20_000, 11, 12]);
        assert_eq!(orders, [Order::Newest(10), Order::Doubtful, Order::Newest(11), Order::Newest(12)]);
        let (orders, reception) = feed(&[10, 20_000, 20_001, 20_002]);
        assert_eq!(
            orders,
            [Order::Newest(10), Order::Doubtful, Order::Restarted(85_537), Order::Newest(85_538)]
        );
        assert_eq!(reception.missing(), 0, "counting starts over with the source");
    }

    #[test]
    fn what_is_loss_what_is_reordering_and_what_is_neither() {
        use Order::*;
        // Appendix A.1: MAX_DROPOUT and MAX_MISORDER.
        let (orders, reception) = feed(&[10, 2_000]);
        assert_eq!((orders[1], reception.missing()), (Newest(2_000), 1_989));
        assert_eq!(feed(&[10, 110, 15]).0[2], Reordered(15), "95 behind");
        assert_eq!(feed(&[2_000, 1_500]).0[1], Doubtful);
        // Two jumps to one place with a packet between are not two in a row.
        let (orders, _) = feed(&[10, 20_000, 11, 20_001, 12]);
        assert_eq!(orders, [Newest(10), Doubtful, Newest(11), Doubtful, Newest(12)]);
    }

    #[test]
    fn that_a_number_came_is_forgotten_when_its_place_is_anothers() {
        let numbers: Vec<u16> = (0..1_100).filter(|n| *n != 1_050).chain([1_050]).collect();
        let (orders, reception) = feed(&numbers);
        assert_eq!(orders.last(), Some(&Order::Reordered(1_050)));
        assert_eq!(reception.missing(), 0);
    }

    #[test]
    fn a_burst_is_told_as_a_whole() {
        let numbers: Vec<u16> = (0..27).filter(|n| !(5..10).contains(n)).collect();
        let (_, mut reception) = feed(&numbers);
        assert!(
            !reception.is_between_losses(),
            "seven of these 27 are settled, and more of the burst is not"
        );
        (27..30).for_each(|n| _ = reception.count(n));
        assert!(reception.is_between_losses());
    }

    #[test]
    fn the_fraction_is_since_the_last_report() {
        let numbers: Vec<u16> = (0..60).filter(|n| n % 3 != 1 || *n > 30).collect();
        let (_, mut reception) = feed(&numbers);
        assert_eq!(reception.take_fraction_lost(), 42, "10 of 60");
        assert_eq!(reception.take_fraction_lost(), 0);
        (61..100).for_each(|n| _ = reception.count(n));
        assert_eq!(reception.take_fraction_lost(), 6, "1 of 40");
    }

    #[test]
    fn what_was_overtaken_is_lost_when_it_did_not_come() {
        let (_, mut reception) = feed(&[0, 1, 2, 3, 4, 7, 8]);
        assert_eq!(reception.take_fraction_lost(), 0, "two may be on their way");
        reception.count(5);
        (9..40).for_each(|n| _ = reception.count(n));
        assert_eq!(reception.take_fraction_lost(), 8, "one of them was, and is 1 of these 31");
    }

    #[test]
    fn jitter_follows_the_formula() {
        let start = Instant::now();
        let mut reception = Reception::new(start, 0, 8_000);
        // Every second packet 10 ms late: |D| is 80 units each time, so J goes to 80.
        for i in 0..400_u32 {
            let late = if i % 2 == 0 { 0 } else { 10 };
            reception.time(start + Duration::from_millis(u64::from(i) * 20 + late), i.wrapping_mul(160));
        }
        assert!((reception.jitter() - 80.0).abs() < 1.0, "{}", reception.jitter());
        assert!((reception.jitter_ms() - 10.0).abs() < 0.2);
        let before = reception.jitter();
        let ms = |n: u64| start + Duration::from_millis(n);
        // Timestamps that begin anew are no jitter, and another clock begins without any.
        reception.time(ms(8_000), 900_000);
        assert_eq!(reception.jitter(), before);
        reception.set_clock_rate(48_000);
        reception.time(ms(8_020), 5_000);
        assert_eq!(reception.jitter(), 0.0);
        reception.time(ms(8_040), 5_960);
        assert!(reception.jitter() < 0.1, "{}", reception.jitter());
    }

    #[test]
    fn any_sequence_of_numbers_is_survived() {
        let mut random = StdRng::seed_from_u64(9);
        let mut reception = Reception::new(Instant::now(), 7, 8_000);
        for _ in 0..200_000 {
            reception.count(random.random());
            reception.time(Instant::now(), random.random());
            reception.take_fraction_lost();
        }
    }
}
