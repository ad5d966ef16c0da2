//! One queue for all timers of the endpoint.
//!
//! Invariant: a key is set at most once, so cancelling leaves nothing behind and `next` is exact.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Timers<K> {
    queue: BTreeMap<(Instant, u64), K>,
    places: HashMap<K, (Instant, u64)>,
    sequence: u64,
}

impl<K: Copy + Eq + Hash> Timers<K> {
    pub(crate) fn new() -> Self {
        Timers { queue: BTreeMap::new(), places: HashMap::new(), sequence: 0 }
    }

    /// Sets or moves a timer.
    pub(crate) fn set(&mut self, key: K, at: Instant) {
        self.cancel(key);
        self.sequence = self.sequence.wrapping_add(1);
        let place = (at, self.sequence);
        self.queue.insert(place, key);
        self.places.insert(key, place);
    }

    pub(crate) fn cancel(&mut self, key: K) {
        if let Some(place) = self.places.remove(&key) {
            self.queue.remove(&place);
        }
    }

    /// Gives a running timer another name.
    pub(crate) fn rename(&mut self, from: K, to: K) {
        if let Some(place) = self.places.remove(&from) {
            self.queue.insert(place, to);
            self.places.insert(to, place);
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Takes the earliest timer that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (place, key) = self.queue.first_key_value().map(|(p, k)| (*p, *k))?;
        if place.0 > now {
            return None;
        }
        self.queue.remove(&place);
        self.places.remove(&key);
        Some(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn timers_fire_in_order_and_can_be_moved_and_cancelled() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::new();
        timers.set('a', at(30));
        timers.set('b', at(10));
        timers.set('c', at(20));
        timers.set('a', at(5));
        timers.cancel('c');
        timers.rename('b', 'd');
        timers.rename('x', 'y');
        assert_eq!(timers.next(), Some(at(5)));
        assert_eq!((timers.pop_due(at(9)), timers.pop_due(at(9))), (Some('a'), None));
        assert_eq!((timers.pop_due(at(99)), timers.len()), (Some('d'), 0));
    }
}
