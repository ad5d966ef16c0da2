//! A call that was answered with 3xx: it waits for the application, and goes on at another place or ends (RFC 3261
//! 8.1.3.4).

use super::{Call, State};
use crate::authentication::Authentication;
use crate::config::NextHop;
use crate::event::{Ending, Event};
use crate::layer::Layer;
use crate::surroundings::CallTimer;
use crate::wire::{HeaderAccess as _, Response, Uri};
use std::time::Instant;

/// Who calls behind an anonymous From (RFC 3325 5).
const FOR_THE_OWN_SERVER: [&str; 2] = ["P-Preferred-Identity", "P-Asserted-Identity"];

impl Call {
    /// Tells where the response points. False when there is nothing to follow.
    pub(super) fn redirected(&mut self, now: Instant, response: &Response, layer: &mut Layer) -> bool {
        let Some(caller) = &mut self.caller else { return false };
        let targets = caller.redirects.take(response);
        if targets.is_empty() {
            return false;
        }
        self.state = State::Redirected { ending: Ending::of_response(response) };
        self.drop_legs(now, layer);
        layer.around.event(Event::Redirected { call: self.id, code: response.code(), targets });
        true
    }

    /// The application does not follow: over with the 3xx.
    pub(super) fn leave_redirected(&mut self, now: Instant, layer: &mut Layer) {
        if let State::Redirected { ending } = &self.state {
            let ending = ending.clone();
            self.end(now, ending, layer);
        }
    }

    /// Calls one of the targets: the same Call-ID, From and To, and a CSeq one higher (RFC 3261 8.1.3.4). False when
    /// that is none of them.
    pub(crate) fn follow(&mut self, now: Instant, target: &Uri, hop: NextHop, layer: &mut Layer) -> bool {
        let (State::Redirected { .. }, Some(caller)) = (&self.state, &mut self.caller) else { return false };
        if !caller.redirects.choose(target) {
            return false;
        }
        caller.request.uri = target.clone();
        let own = self.credentials.as_ref().is_some_and(|c| c.is_own(&hop, layer));
        if hop != caller.hop && !own {
            // What the server of the first INVITE was told about the caller is not for whoever it points to.
            for name in FOR_THE_OWN_SERVER {
                caller.request.headers.remove(name);
            }
        }
        caller.hop = hop;
        caller.attempt = Default::default();
        Authentication::unsign(&mut caller.request);
        let ring = caller.ring_timeout;
        self.send_invite_again(now, layer);
        layer.around.timers.set(self.timer(CallTimer::Ring), now + ring);
        true
    }
}
