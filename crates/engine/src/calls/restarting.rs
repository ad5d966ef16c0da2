//! The way of a call's sound dies though nobody moved: a cable, a NAT or a relay on the way. It is looked for anew
//! (RFC 8445 section 9), with one offer, while the old way is still tried.
//!
//! Invariant: between two ways that stood for a while a call begins anew at most [`TRIES`] times, and whoever does not choose
//! the way lets the other side begin. Two sides that both notice meet once and not for ever.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::Phase;
use crate::{
    api::{CallId, CallStatsView},
    core::{Addresses, State},
    line::LineState,
};

/// Tries to find a way again: the first with the sockets there are, the others with new ones, for which servers are asked
/// again.
const TRIES: u32 = 3;
/// How long the side that does not choose the way leaves it to the other one to begin.
const COURTESY: Duration = Duration::from_secs(3);
/// How long a try may take, an exchange of signalling and the checks; doubled for the next.
const PATIENCE: Duration = Duration::from_secs(8);
/// A way that stood for so long was a good one: what happens after it is another matter.
const STEADY: Duration = Duration::from_secs(30);

/// What is done about a dead way.
#[derive(Debug, Default)]
pub(super) struct Restarting {
    /// Since the last way that was a good one.
    tries: u32,
    /// When the next try is due.
    pub(super) due: Option<Instant>,
    /// Since when there is a way.
    stands: Option<Instant>,
    /// How often it was looked for anew, whoever began.
    count: u32,
}

impl Restarting {
    /// A way stands, or stands again.
    pub(super) fn found(&mut self, now: Instant) {
        self.due = None;
        self.stands.get_or_insert(now);
    }

    /// The way seems dead. Whether to begin at once.
    fn lost(&mut self, now: Instant, choosing: bool) -> bool {
        let stood = self.stands.take().map(|since| now.saturating_duration_since(since));
        if stood.is_some_and(|stood| stood >= STEADY) {
            self.tries = 0;
        }
        if self.due.is_some() || self.tries >= TRIES {
            return false;
        }
        if !choosing {
            self.due = now.checked_add(COURTESY);
        }
        choosing
    }

    /// Begins; which try it is, from 1.
    fn begin(&mut self, now: Instant) -> u32 {
        self.tries = self.tries.saturating_add(1);
        self.count = self.count.saturating_add(1);
        let patience = PATIENCE.saturating_mul(self.tries);
        self.due = now.checked_add(patience).filter(|_| self.tries < TRIES);
        self.tries
    }

    /// The other side begins.
    pub(super) fn joined(&mut self, now: Instant) {
        self.count = self.count.saturating_add(1);
        // Its checks take their time; what is heard of the old way meanwhile is no news.
        self.due = now.checked_add(PATIENCE).filter(|_| self.tries < TRIES);
    }

    /// Puts into a call's figures what they don't know.
    pub(super) fn figures(&self, stats: CallStatsView) -> CallStatsView {
        CallStatsView { ways_renewed: self.count, ..stats }
    }
}

impl State {
    /// The other side answers no checks. What is known of our addresses now: a NAT may have changed them.
    pub(super) fn way_silent(&mut self, id: &CallId, rtp: SocketAddr, addresses: Addresses) {
        let now = self.now.instant;
        let Some(call) = self.calls.get_mut(id).filter(|call| call.phase == Phase::Connected) else { return };
        let Some(ice) = call.agreed.as_ref().and_then(|agreed| agreed.transport.ice.as_ref()) else { return };
        if call.ways.look_again(addresses) {
            call.rtp = Some(rtp);
        }
        if call.ways.restarting.lost(now, ice.controlling) {
            self.restart_checks(id);
        }
    }

    /// Takes the tries that are due.
    pub(crate) fn run_restarts(&mut self) {
        let now = self.now.instant;
        let due = self.calls.values().filter(|call| call.ways.restarting.due.is_some_and(|due| due <= now));
        for id in due.map(|call| call.id.clone()).collect::<Vec<_>>() {
            self.restart_checks(&id);
        }
    }

    /// When the next try is due.
    pub(crate) fn next_restart(&self) -> Option<Instant> {
        self.calls.values().filter_map(|call| call.ways.restarting.due).min()
    }

    fn restart_checks(&mut self, id: &CallId) {
        let now = self.now.instant;
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.phase != Phase::Connected {
            call.ways.restarting.due = None;
            return;
        }
        let tries = call.ways.restarting.begin(now);
        tracing::info!(tries, "the way for the sound seems dead, another is looked for");
        if tries == 1 {
            call.ways.renew(&mut self.random);
            self.offer_again(id);
        } else if let Some(LineState::Up(up)) = self.accounts.get(&call.account).map(|a| &a.line.state) {
            let ip = up.local.ip();
            self.open_media(id, ip);
        }
        self.call_changed(id);
    }
}
