//! Several calls as one conversation, mixed on this computer.
//!
//! Invariant: a conference has two calls or more, all of them answered. One that is left alone is a call like any
//! other; who is put on hold alone leaves it; the whole of it may wait while another call is talked to.

use super::Phase;
use crate::{
    api::{CallId, ErrorCode, Reply},
    core::{RequestId, State},
};

impl State {
    pub(crate) fn join_calls(&mut self, request: RequestId) {
        let answered: Vec<CallId> =
            self.calls.values().filter(|c| c.phase == Phase::Connected).map(|c| c.id.clone()).collect();
        if answered.len() < 2 {
            return self.refuse(request, ErrorCode::NotFound);
        }
        // Whoever is muted for the one who is talked to is muted for all.
        let muted = self.calls.values().any(|c| c.phase == Phase::Connected && !c.held && c.muted);
        for id in &answered {
            if let Some(call) = self.calls.get_mut(id) {
                call.joined = true;
                call.muted = muted;
            }
        }
        for id in &answered {
            self.set_held(id, false);
            self.replan(id);
            self.call_changed(id);
        }
        self.reply(request, Ok(Reply::Done {}));
    }

    pub(crate) fn leave_conference(&mut self, request: RequestId, id: &CallId) {
        if !self.calls.get(id).is_some_and(|c| c.joined && c.phase == Phase::Connected) {
            return self.refuse(request, ErrorCode::NotFound);
        }
        self.unjoin(id);
        self.set_held(id, true);
        self.call_changed(id);
        self.reply(request, Ok(Reply::Done {}));
    }

    /// The calls of the conference, where this one is part of it; otherwise this one.
    pub(super) fn with_joined(&self, id: &CallId) -> Vec<CallId> {
        if !self.calls.get(id).is_some_and(|c| c.joined) {
            return vec![id.clone()];
        }
        self.calls.values().filter(|c| c.joined).map(|c| c.id.clone()).collect()
    }

    /// Takes a call out of the conference. It is as it was otherwise: talked to, waiting, or over.
    pub(super) fn unjoin(&mut self, id: &CallId) {
        let Some(call) = self.calls.get_mut(id).filter(|c| c.joined) else { return };
        call.joined = false;
        let mut left = self.calls.values_mut().filter(|c| c.joined);
        if let (Some(last), None) = (left.next(), left.next()) {
            last.joined = false;
            let last = last.id.clone();
            self.replan(&last);
            self.call_changed(&last);
        }
    }

    /// Has a call sound as is wanted now, with what was agreed on.
    pub(super) fn replan(&mut self, id: &CallId) {
        if let Some(agreed) = self.calls.get(id).and_then(|c| c.agreed.clone()) {
            self.run_media(id, &agreed);
        }
    }
}
