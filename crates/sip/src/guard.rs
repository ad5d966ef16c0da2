//! How many requests are listened to: a token bucket for every source and one over all (RFC 3261 26.1.5, 26.3.2.4).
//!
//! Invariant: a meter is one point in time, the moment until which what was let through is paid for. A meter whose
//! moment has passed is as good as new, so it may be forgotten, and memory stays bounded. Requests inside a dialog may
//! run up twice the debt of others: a flood of new requests keeps the debt at the lower mark, and what comes in above
//! it is theirs alone, so a call can be hung up in the middle of a flood. What belongs to a known transaction is
//! answered from its memory and never gets here. Who is a stranger is told by [`crate::endpoint`], which knows the
//! dialogs and the accounts.

use crate::config::{FloodLimit, Rate};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Sources metered at a time. More than these are an attack with forged addresses, which only the overall limit stops.
const MAX_SOURCES: usize = 1024;

/// What a request claims to belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearing {
    /// A dialog of ours.
    Inside,
    /// Nothing yet.
    Outside,
}

#[derive(Debug)]
pub(crate) struct Guard {
    limit: Option<FloodLimit>,
    overall: Option<Instant>,
    /// By IPv4 address or IPv6 /64: whoever has one address of a /64 has them all.
    sources: BTreeMap<IpAddr, Instant>,
}

impl Guard {
    pub(crate) fn new(limit: Option<FloodLimit>) -> Guard {
        Guard { limit, overall: None, sources: BTreeMap::new() }
    }

    /// Whether one more request of that source is listened to.
    pub(crate) fn lets_in(&mut self, now: Instant, source: IpAddr, bearing: Bearing) -> bool {
        let Some(limit) = self.limit else { return true };
        let Some(overall) = paid(self.overall, now, limit.overall, bearing) else { return false };
        let key = block_of(source);
        let Some(own) = paid(self.sources.get(&key).copied(), now, limit.per_source, bearing) else {
            return false;
        };
        self.overall = Some(overall);
        if self.sources.len() >= MAX_SOURCES {
            self.sources.retain(|_, until| *until > now);
        }
        if self.sources.len() < MAX_SOURCES || self.sources.contains_key(&key) {
            self.sources.insert(key, own);
        }
        true
    }
}

/// The meter after one more request; `None` when that would be more than the rate and its burst allow.
fn paid(meter: Option<Instant>, now: Instant, rate: Rate, bearing: Bearing) -> Option<Instant> {
    let price = Duration::from_secs(1).checked_div(rate.per_second.max(1))?;
    let burst = match bearing {
        Bearing::Inside => rate.burst.saturating_mul(2),
        Bearing::Outside => rate.burst,
    };
    let until = meter.map_or(now, |until| until.max(now)).checked_add(price)?;
    (until.duration_since(now) <= price.saturating_mul(burst.max(1))).then_some(until)
}

fn block_of(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: FloodLimit = FloodLimit {
        per_source: Rate { per_second: 10, burst: 20 },
        overall: Rate { per_second: 100, burst: 50 },
    };

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    /// How many of `count` requests at one moment are let in.
    fn let_in(guard: &mut Guard, now: Instant, source: IpAddr, bearing: Bearing, count: usize) -> usize {
        (0..count).filter(|_| guard.lets_in(now, source, bearing)).count()
    }

    #[test]
    fn a_source_has_its_burst_and_then_its_rate() {
        let (mut guard, start) = (Guard::new(Some(LIMIT)), Instant::now());
        assert_eq!(let_in(&mut guard, start, ip(1), Bearing::Outside, 100), 20);
        assert_eq!(let_in(&mut guard, start, ip(2), Bearing::Outside, 100), 20, "another source has its own");
        let later = start + Duration::from_millis(500);
        assert_eq!(let_in(&mut guard, later, ip(1), Bearing::Outside, 100), 5);
        let rested = start + Duration::from_secs(60);
        assert_eq!(let_in(&mut guard, rested, ip(1), Bearing::Outside, 100), 20);
    }

    #[test]
    fn calls_have_a_share_that_a_flood_cannot_use_up() {
        let (mut guard, start) = (Guard::new(Some(LIMIT)), Instant::now());
        let_in(&mut guard, start, ip(1), Bearing::Outside, 1000);
        assert_eq!(let_in(&mut guard, start, ip(1), Bearing::Inside, 100), 20);
        assert_eq!(let_in(&mut guard, start, ip(1), Bearing::Inside, 1), 0, "and no more than that");
    }

    #[test]
    fn forged_sources_meet_the_overall_limit_and_fill_no_memory() {
        let (mut guard, start) = (Guard::new(Some(LIMIT)), Instant::now());
        let passed = (0..5000).filter(|n| guard.lets_in(start, ip(*n), Bearing::Outside)).count();
        assert_eq!(passed, 50);
        let mut guard =
            Guard::new(Some(FloodLimit { overall: Rate { per_second: 9999, burst: 9999 }, ..LIMIT }));
        let passed = (0..5000).filter(|n| guard.lets_in(start, ip(*n), Bearing::Outside)).count();
        assert_eq!((passed, guard.sources.len()), (5000, MAX_SOURCES));
        // What has calmed down makes room.
        guard.lets_in(start + Duration::from_secs(60), ip(9999), Bearing::Outside);
        assert_eq!(guard.sources.len(), 1);
    }

    #[test]
    fn one_network_of_ipv6_is_one_source() {
        let (mut guard, start) = (Guard::new(Some(LIMIT)), Instant::now());
        let host = |n: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n));
        let passed = (0..1000).filter(|n| guard.lets_in(start, host(*n), Bearing::Outside)).count();
        assert_eq!(passed, 20);
        let other = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1));
        assert!(guard.lets_in(start, other, Bearing::Outside));
    }
}
