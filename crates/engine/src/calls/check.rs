//! The sound check: one's own voice, played back a moment later, before anybody is called.
//!
//! Invariant: no call sounds while the sound is checked. The microphone does not stay open for a window that has
//! gone.

use std::time::Duration;

use crate::{
    api::{ErrorCode, EventKind, Reply, SoundCheckView},
    core::{Effect, RequestId, State},
};

/// How long a check goes on at most.
const LONGEST: Duration = Duration::from_secs(120);

impl State {
    pub(crate) fn check_sound(&mut self, request: RequestId, on: bool) {
        if !on {
            self.end_check();
        } else if !self.calls.is_empty() {
            return self.refuse(request, ErrorCode::SoundInUse);
        } else {
            if self.checking.is_none() {
                self.effect(Effect::CheckSound(true));
            }
            self.checking = self.now.instant.checked_add(LONGEST);
        }
        self.reply(request, Ok(Reply::Done {}));
    }

    pub(crate) fn sound_checked(&mut self, levels: SoundCheckView) {
        // What was said on the way of a check's end is no news.
        if self.checking.is_some() {
            self.event(EventKind::SoundChecked { check: Some(levels) });
        }
    }

    pub(crate) fn end_check(&mut self) {
        if self.checking.take().is_some() {
            self.effect(Effect::CheckSound(false));
            self.event(EventKind::SoundChecked { check: None });
        }
    }
}
