//! What is remembered of servers from one request to the next: who answered, who did not, who refuses TCP.
//!
//! Everything here only changes an order or spares a wait. It is bounded, and it grows old: a server that failed gets
//! its turn again, and the DNS is asked anew.

use super::Candidate;
use crate::config::NextHop;
use crate::transport::Transport;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Things of one kind remembered; the oldest goes.
const MAX_REMEMBERED: usize = 64;
/// After this the DNS is asked again, whoever answers: its records may have changed.
const GOOD_FOR: Duration = Duration::from_secs(3600);
/// How long a silent server is left for last.
const BAD_FOR: Duration = Duration::from_secs(300);
/// How long a server that refused TCP gets long messages by UDP at once.
const WITHOUT_TCP_FOR: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(crate) struct Memory {
    good: Aging<NextHop, Candidate>,
    bad: Aging<(Transport, SocketAddr), ()>,
    without_tcp: Aging<SocketAddr, ()>,
}

impl Memory {
    /// The server that answered last for this hop (RFC 3263 4.3: later requests go to the one that worked).
    pub(crate) fn good(&self, now: Instant, hop: &NextHop) -> Option<&Candidate> {
        self.good.get(now, hop)
    }

    pub(crate) fn answered(&mut self, now: Instant, hop: &NextHop, candidate: &Candidate) {
        self.bad.remove(&place(candidate));
        // An address has no alternatives. Answering does not make what the DNS said any younger.
        if matches!(hop, NextHop::Name { .. }) && self.good.get(now, hop) != Some(candidate) {
            self.good.put(now + GOOD_FOR, hop.clone(), candidate.clone());
        }
    }

    /// A server gave no answer, or told how long to leave it alone (RFC 3261 21.5.4).
    pub(crate) fn failed(&mut self, now: Instant, candidate: &Candidate, rest: Option<Duration>) {
        self.good.retain(|_, good| place(good) != place(candidate));
        self.bad.put(now + rest.unwrap_or(BAD_FOR), place(candidate), ());
    }

    pub(crate) fn is_bad(&self, now: Instant, candidate: &Candidate) -> bool {
        self.bad.get(now, &place(candidate)).is_some()
    }

    pub(crate) fn refused_tcp(&mut self, now: Instant, remote: SocketAddr) {
        self.without_tcp.put(now + WITHOUT_TCP_FOR, remote, ());
    }

    pub(crate) fn is_without_tcp(&self, now: Instant, remote: SocketAddr) -> bool {
        self.without_tcp.get(now, &remote).is_some()
    }

    /// Another network: what failed there may work here.
    pub(crate) fn forget_failures(&mut self) {
        self.bad = Aging::default();
        self.without_tcp = Aging::default();
    }
}

/// A machine that is dead is dead under all its names.
fn place(candidate: &Candidate) -> (Transport, SocketAddr) {
    (candidate.transport, candidate.address)
}

#[derive(Debug)]
struct Aging<K, V>(Vec<(Instant, K, V)>);

impl<K, V> Default for Aging<K, V> {
    fn default() -> Self {
        Aging(Vec::new())
    }
}

impl<K: PartialEq, V> Aging<K, V> {
    fn get(&self, now: Instant, key: &K) -> Option<&V> {
        self.0.iter().find(|(until, k, _)| k == key && *until > now).map(|(_, _, v)| v)
    }

    fn put(&mut self, until: Instant, key: K, value: V) {
        self.remove(&key);
        if self.0.len() >= MAX_REMEMBERED {
            self.0.remove(0);
        }
        self.0.push((until, key, value));
    }

    fn remove(&mut self, key: &K) {
        self.0.retain(|(_, k, _)| k != key);
    }

    fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        self.0.retain(|(_, k, v)| keep(k, v));
    }
}
