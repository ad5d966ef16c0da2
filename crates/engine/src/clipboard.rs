//! A one-time code in the clipboard: copied when asked for, gone after a while.

use std::time::Duration;

use crate::{
    core::{Effect, State},
    ports::OneTimeCode,
};

impl State {
    /// Copies a code. One that was copied before is gone with it.
    pub(crate) fn copy_code(&mut self, code: OneTimeCode) {
        let stays = self.settings.code_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        let until = stays.and_then(|stays| self.now.instant.checked_add(stays));
        self.copied = Some((code.clone(), until));
        self.effect(Effect::Copy(code));
    }

    pub(crate) fn run_clipboard(&mut self) {
        let now = self.now.instant;
        if self.copied.as_ref().and_then(|(_, until)| *until).is_some_and(|until| until <= now) {
            self.clear_clipboard();
        }
    }

    /// Empties the clipboard now, unless it is to keep the code: nobody would do it after the end.
    pub(crate) fn clear_clipboard(&mut self) {
        if let Some((code, Some(_))) = self.copied.take() {
            self.effect(Effect::ClearClipboard(code));
        }
    }
}
