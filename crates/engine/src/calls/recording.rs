//! Recordings of calls, and sound files that are played.
//!
//! Invariant: a call's row of Recent Activity names its recording only when there is a file.

use std::path::PathBuf;

use tern_media::RecordFormat;

use super::Phase;
use crate::{
    api::{self, CallId, ErrorCode, ErrorView, EventKind, Notice, PlayingView, RecordingView, Reply},
    core::{Effect, RecordTo, RequestId, State},
};

/// A call's recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Recording {
    /// None now.
    #[default]
    Off,
    /// Its file is being made.
    Starting,
    /// It goes on.
    On(RecordingView),
}

impl State {
    pub(crate) fn record_call(&mut self, request: RequestId, id: &CallId, on: bool, path: Option<String>) {
        let Some(call) = self.calls.get_mut(id).filter(|c| c.phase == Phase::Connected) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        match (on, &call.recording) {
            (true, Recording::Off) => {
                let peer = call.peer.clone();
                let folder = self.settings.recordings_folder.clone().map(PathBuf::from);
                let format = match (self.settings.record_format, &path) {
                    (_, Some(path)) if is_opus(path) => RecordFormat::Opus,
                    (_, Some(_)) | (api::RecordFormat::Wav, None) => RecordFormat::Wav,
                    (api::RecordFormat::Opus, None) => RecordFormat::Opus,
                };
                let to = match (path, folder.or_else(|| self.config.recordings.clone())) {
                    (Some(path), _) => RecordTo::File(PathBuf::from(path)),
                    (None, Some(folder)) => RecordTo::New { folder, peer, at: self.now.wall },
                    // Nothing is kept by who keeps nothing.
                    (None, None) => return self.refuse(request, ErrorCode::RecordingFailed),
                };
                if let Some(call) = self.calls.get_mut(id) {
                    call.recording = Recording::Starting;
                }
                let tone = self.settings.record_tone;
                self.effect(Effect::Record { call: id.clone(), to, format, tone });
            }
            (false, Recording::Starting | Recording::On(_)) => {
                call.recording = Recording::Off;
                self.effect(Effect::StopRecording(id.clone()));
                self.call_changed(id);
            }
            (true, _) | (false, Recording::Off) => {}
        }
        self.reply(request, Ok(Reply::Done {}));
    }

    pub(super) fn recording_started(&mut self, id: &CallId, path: String) {
        let Some(call) = self.calls.get_mut(id) else { return };
        match call.recording {
            Recording::Starting => {
                let started_at = self.now.wall.to_string();
                call.recorded = Some(path.clone());
                call.recording = Recording::On(RecordingView { path, started_at });
                self.call_changed(id);
            }
            // Asked to stop before it began.
            Recording::Off => self.effect(Effect::StopRecording(id.clone())),
            Recording::On(_) => {}
        }
    }

    pub(super) fn recording_failed(&mut self, id: &CallId, error: ErrorView) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.recording = Recording::Off;
        let account = Some(call.account.clone());
        self.call_changed(id);
        self.notice(Notice::Trouble { account, error });
    }

    pub(crate) fn play_file(&mut self, request: RequestId, path: &str) {
        self.effect(Effect::Play(PathBuf::from(path)));
        self.reply(request, Ok(Reply::Done {}));
    }

    pub(crate) fn stop_playing(&mut self, request: RequestId) {
        self.effect(Effect::StopPlaying);
        self.reply(request, Ok(Reply::Done {}));
    }

    /// How far a file is played; `None` at its end.
    pub(crate) fn played(&mut self, report: Result<Option<PlayingView>, ErrorView>) {
        let playing = match report {
            Ok(playing) => playing,
            Err(error) => {
                self.notice(Notice::Trouble { account: None, error });
                // What was played before goes on.
                return;
            }
        };
        if self.playing != playing {
            self.playing = playing.clone();
            self.event(EventKind::PlayingChanged { playing });
        }
    }
}

/// A file that is named says by its name what it is to be.
fn is_opus(path: &str) -> bool {
    let extension = std::path::Path::new(path).extension();
    extension.is_some_and(|e| e.eq_ignore_ascii_case("opus") || e.eq_ignore_ascii_case("ogg"))
}
