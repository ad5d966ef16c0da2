//! Accounts that say goodbye: removed, or at the end, they un-register while nobody looks at them any more.

use std::time::{Duration, Instant};

use tern_sip::{Event, Output, RegistrationState as Sip};

use super::{LineState, Up};
use crate::{
    api::{AccountId, RegistrationState},
    core::{Effect, State},
};

/// How long an account's un-registering may take after it was removed.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a BYE or CANCEL is looked after: T1 (RFC 3261 section 17.1.2.1) and a little.
const LAST_WORDS: Duration = Duration::from_millis(600);

/// An endpoint that says goodbye.
pub(crate) struct Leaving {
    pub(super) account: AccountId,
    pub(super) line: u32,
    pub(super) up: Box<Up>,
    /// Not before: a BYE may have to be repeated once.
    from: Instant,
    until: Instant,
}

impl Leaving {
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let until = if self.up.registration.is_none() { self.from } else { self.until };
        Some(self.up.endpoint.poll_timeout().map_or(until, |at| at.min(until)))
    }
}

impl State {
    /// Ends the account's calls and un-registers it; what that takes goes on in `leaving`.
    pub(crate) fn leave(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let in_call = self.calls.values().any(|c| c.account == *id);
        self.hang_up_calls_of(id);
        let Some(account) = self.accounts.get_mut(id) else { return };
        let LineState::Up(mut up) = std::mem::replace(&mut account.line.state, LineState::Off) else {
            self.effect(Effect::CloseLine(id.clone()));
            return;
        };
        let seen = up.endpoint.stats();
        tracing::info!(
            received = seen.received,
            sent = seen.sent,
            garbage = seen.garbage,
            bad = seen.bad_requests,
            stray = seen.stray_responses,
            strangers = seen.strangers,
            flooded = seen.flooded,
            forged = seen.forged,
            "a line is closed"
        );
        if let Some(registration) = up.registration {
            up.endpoint.unregister(now, registration);
            if up.registered != (RegistrationState::Registered {}) {
                // A server that did not take us in is not waited for.
                up.registration = None;
            }
        }
        let until = now.checked_add(FAREWELL).unwrap_or(now);
        let from = if in_call { now.checked_add(LAST_WORDS).unwrap_or(now) } else { now };
        let line = account.line.number;
        self.leaving.push(Leaving { account: id.clone(), line, up, from, until });
        self.account_changed(id);
    }

    pub(crate) fn run_leaving(&mut self) {
        let now = self.now.instant;
        for mut leaving in std::mem::take(&mut self.leaving) {
            let up = &mut leaving.up;
            if up.endpoint.poll_timeout().is_some_and(|at| at <= now) {
                up.endpoint.handle_timeout(now);
            }
            let mut carried = Vec::new();
            while let Some(output) = up.endpoint.poll() {
                match output {
                    Output::Event(Event::Registration {
                        state: Sip::Unregistered | Sip::Failed { .. },
                        ..
                    }) => {
                        up.registration = None;
                    }
                    Output::Event(_) => {}
                    output => carried.push(output),
                }
            }
            let gone = up.registration.is_none();
            for output in carried {
                self.carry(&leaving.account, leaving.line, output);
            }
            if (gone && leaving.from <= now) || leaving.until <= now {
                // Added again meanwhile: the socket is the new line's by now.
                let back = self
                    .accounts
                    .get(&leaving.account)
                    .is_some_and(|a| !matches!(a.line.state, LineState::Off));
                if !back {
                    self.effect(Effect::CloseLine(leaving.account.clone()));
                }
            } else {
                self.leaving.push(leaving);
            }
        }
    }
}
