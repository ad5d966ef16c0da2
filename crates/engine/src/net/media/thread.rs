//! The thread that owns the desk and every call's sockets.
//!
//! It lives from the first sound to the engine's end, and sleeps without devices while nothing sounds.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token};
use tern_media::{
    AudioError, Desk, DeskEvent, Digit, Finishing, LegId, Player, ProcessConfig, Recorder, SourceSpec,
    StreamEvent, StreamStats, path::PathEvent, secure::SecurityState,
};
use tokio::sync::mpsc;

use super::{check_view, figures, sockets::Wire};
use crate::{
    api::{CallId, ErrorCode, ErrorView, PlayingView},
    core::{Input, MediaPlan, MediaReport, SoundPlan},
    ports::Audio,
};

/// How long a digit sounds.
const DIGIT: Duration = Duration::from_millis(160);
/// How often the levels of a sound check are told.
const LEVELS: Duration = Duration::from_millis(100);
/// How often figures are told.
const FIGURES: Duration = Duration::from_secs(1);
/// How long the end of a call waits for its recording to be complete: a disk may hang for ever.
const COMPLETING: Duration = Duration::from_secs(3);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// What the thread is told.
pub(super) enum Say {
    Start(CallId, Box<Wire>, Box<MediaPlan>),
    Plan(CallId, Box<MediaPlan>),
    Move(CallId, Box<Wire>),
    Mute(CallId, bool),
    Digit(CallId, char),
    Record(CallId, Box<Recorder>, bool),
    StopRecording(CallId),
    Close(CallId),
    Play(PathBuf, Box<Player>),
    StopPlaying,
    Check(bool),
    Sound(Box<SoundPlan>),
}

/// The thread's own.
pub(super) struct AudioThread {
    poll: Poll,
    events: Events,
    /// Sockets may hold what no event tells of.
    unread: bool,
    said: Receiver<Say>,
    inputs: mpsc::Sender<Input>,
    audio: Arc<dyn Audio>,
    plan: SoundPlan,
    /// While there is something to hear.
    desk: Option<Desk>,
    /// What is missing at the desk, for calls that come later.
    trouble: Vec<ErrorView>,
    calls: Vec<Sounding>,
    closing: Vec<Closing>,
    /// Recordings that were stopped and complete themselves: only the end waits for them.
    completing: Vec<Finishing>,
    playing: Option<PathBuf>,
    next_token: usize,
    next_figures: Instant,
    /// While the sound is checked: when its levels are told next.
    checking: Option<Instant>,
    load: Load,
}

/// How much of its time the thread is at work, sleeping that somebody else's work caused included.
struct Load {
    since: Instant,
    woke: Instant,
    worked: Duration,
}

/// One call.
struct Sounding {
    call: CallId,
    leg: LegId,
    wire: Box<Wire>,
    plan: Box<MediaPlan>,
    /// What became of the keys, until the engine had room to hear it: it decides whether the call goes on.
    untold: Option<SecurityState>,
}

/// A call that is over but for its recording.
struct Closing {
    call: CallId,
    stats: StreamStats,
    rejected: u64,
    recording: Option<Finishing>,
    until: Instant,
}

impl Load {
    fn new(now: Instant) -> Self {
        Self { since: now, woke: now, worked: Duration::ZERO }
    }

    fn wakes(&mut self, now: Instant) {
        self.woke = now;
    }

    fn sleeps(&mut self, now: Instant) {
        self.worked = self.worked.saturating_add(now.saturating_duration_since(self.woke));
    }

    /// The share since it was taken last, 0..=1.
    fn take(&mut self, now: Instant) -> f32 {
        self.sleeps(now);
        let share =
            self.worked.as_secs_f32() / now.saturating_duration_since(self.since).as_secs_f32().max(1e-3);
        *self = Self::new(now);
        share.min(1.0)
    }
}

impl AudioThread {
    pub(super) fn new(
        poll: Poll,
        said: Receiver<Say>,
        inputs: mpsc::Sender<Input>,
        audio: Arc<dyn Audio>,
        plan: SoundPlan,
    ) -> Self {
        Self {
            poll,
            events: Events::with_capacity(32),
            unread: false,
            said,
            inputs,
            audio,
            plan,
            desk: None,
            trouble: Vec::new(),
            calls: Vec::new(),
            closing: Vec::new(),
            completing: Vec::new(),
            playing: None,
            next_token: 0,
            next_figures: Instant::now(),
            checking: None,
            load: Load::new(Instant::now()),
        }
    }

    pub(super) fn run(mut self) {
        loop {
            loop {
                match self.said.try_recv() {
                    Ok(say) => self.take(say),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return self.end(),
                }
            }
            let wake = self.tick();
            self.tell_closed();
            let wake =
                if self.closing.is_empty() { wake } else { Some(earlier(wake, Instant::now() + LOOK)) };
            self.wait(wake);
            self.receive();
        }
    }

    fn take(&mut self, say: Say) {
        match say {
            Say::Start(call, wire, plan) => self.start(call, wire, plan),
            Say::Plan(call, plan) => self.change(&call, plan),
            Say::Move(call, mut wire) => {
                if let Some(sounding) = self.calls.iter_mut().find(|sounding| sounding.call == call) {
                    sounding.wire.deregister(self.poll.registry());
                    wire.take_over(&mut sounding.wire);
                    std::mem::swap(&mut sounding.wire, &mut wire);
                }
                if let Some(place) = self.calls.iter().position(|sounding| sounding.call == call) {
                    let mut sounding = self.calls.remove(place);
                    self.register(&mut sounding.wire);
                    self.calls.insert(place, sounding);
                }
            }
            Say::Mute(call, muted) => {
                if let Some(leg) = self.leg(&call).and_then(|id| self.desk.as_mut()?.leg(id)) {
                    leg.set_muted(muted);
                }
            }
            Say::Digit(call, digit) => {
                if let (Some(id), Some(digit), Some(desk)) =
                    (self.leg(&call), Digit::from_char(digit), &mut self.desk)
                    && let Err(error) = desk.send_dtmf(id, digit, DIGIT)
                {
                    tracing::info!(%error, "a digit was not sent");
                }
            }
            Say::Record(call, recorder, tone) => self.record(&call, recorder, tone),
            Say::StopRecording(call) => {
                let ended = self.leg(&call).and_then(|id| self.desk.as_mut()?.stop_recording(id));
                self.completing.extend(ended);
            }
            Say::Close(call) => self.close(&call),
            Say::Play(path, player) => {
                if self.desk.is_none() {
                    self.open(false);
                }
                if let Some(desk) = &mut self.desk {
                    desk.play(*player);
                    self.playing = Some(path);
                    self.tell_playing();
                }
            }
            Say::StopPlaying => {
                if let Some(desk) = &mut self.desk {
                    desk.stop_playing();
                }
            }
            Say::Check(on) => self.check(on),
            Say::Sound(plan) => self.set(*plan),
        }
    }

    fn check(&mut self, on: bool) {
        // A call has the devices for itself.
        if on && self.calls.is_empty() && self.checking.is_none() {
            self.checking = Some(Instant::now());
            self.open(true);
            if let Some(desk) = &mut self.desk {
                desk.start_check();
            }
        } else if !on
            && self.checking.take().is_some()
            && let Some(desk) = &mut self.desk
        {
            desk.stop_check();
            if self.calls.is_empty() {
                desk.set_source(&SourceSpec::Silence);
            }
        }
        self.process();
    }

    /// Works on the microphone's sound as the settings say. A sound check needs the loudspeaker's echo taken out in
    /// any case: one's own voice would come back again and again.
    fn process(&mut self) {
        let processing = self.plan.processing;
        let echo = processing.echo || self.checking.is_some();
        if let Some(desk) = &mut self.desk {
            desk.set_processing(ProcessConfig { echo, ..processing });
        }
    }

    fn start(&mut self, call: CallId, mut wire: Box<Wire>, plan: Box<MediaPlan>) {
        self.register(&mut wire);
        wire.agree(&plan);
        let leg = LegId::new(call.0);
        if self.calls.is_empty() {
            self.open(true);
        }
        let Some(desk) = &mut self.desk else { return };
        if let Err(error) = desk.add_leg(leg, plan.stream.clone(), plan.mode) {
            tracing::error!(%error, "a call's sound can't be set up");
            self.tell(&call, MediaReport::Trouble(ErrorView::new(ErrorCode::NoCommonCodec)));
        }
        for trouble in &self.trouble {
            self.tell(&call, MediaReport::Trouble(trouble.clone()));
        }
        self.calls.push(Sounding { call, leg, wire, plan, untold: None });
        self.follow(leg);
    }

    fn change(&mut self, call: &CallId, plan: Box<MediaPlan>) {
        let Some(sounding) = self.calls.iter_mut().find(|sounding| sounding.call == *call) else { return };
        let Some(desk) = &mut self.desk else { return };
        let leg = sounding.leg;
        if differs(&sounding.plan, &plan)
            && let Err(error) = desk.add_leg(leg, plan.stream.clone(), plan.mode)
        {
            tracing::error!(%error, "a call's sound can't be changed");
        }
        sounding.wire.agree(&plan);
        sounding.plan = plan;
        self.follow(leg);
    }

    /// Does at the desk what a call's plan says.
    fn follow(&mut self, id: LegId) {
        let Some(plan) = self.calls.iter().find(|sounding| sounding.leg == id).map(|s| &s.plan) else {
            return;
        };
        let Some(desk) = &mut self.desk else { return };
        desk.set_mode(id, plan.mode);
        if let Some(leg) = desk.leg(id) {
            leg.set_sending(plan.sending);
            leg.stream().set_expected(plan.expected);
            leg.set_muted(plan.muted);
        }
    }

    /// Opens the devices: both, or only the one to hear.
    fn open(&mut self, both: bool) {
        let opened = self.audio.open(self.plan.microphone.as_deref(), self.plan.speaker.as_deref());
        let source = if both { opened.source } else { SourceSpec::Silence };
        self.trouble = opened.trouble.filter(|_| both).map(ErrorView::new).into_iter().collect();
        match &mut self.desk {
            // Something is played already.
            Some(desk) => desk.set_source(&source),
            None => {
                let mut desk = Desk::open(&source, &opened.sink);
                desk.set_hold_sound(self.plan.hold.clone());
                self.desk = Some(desk);
            }
        }
        self.process();
    }

    /// Follows the settings, in the middle of calls too.
    fn set(&mut self, plan: SoundPlan) {
        let before = std::mem::replace(&mut self.plan, plan);
        self.process();
        let listening = !self.calls.is_empty() || self.checking.is_some();
        let Some(desk) = &mut self.desk else { return };
        desk.set_hold_sound(self.plan.hold.clone());
        let opened = self.audio.open(self.plan.microphone.as_deref(), self.plan.speaker.as_deref());
        if before.microphone != self.plan.microphone && listening {
            self.trouble.retain(|known| known.code == ErrorCode::NoSpeaker);
            desk.set_source(&opened.source);
        }
        if before.speaker != self.plan.speaker {
            self.trouble.retain(|known| known.code != ErrorCode::NoSpeaker);
            desk.set_sink(&opened.sink);
        }
    }

    fn record(&mut self, call: &CallId, recorder: Box<Recorder>, tone: bool) {
        let path = recorder.path().to_owned();
        let desk = self.desk.as_mut();
        let Some(id) = self.calls.iter().find(|sounding| sounding.call == *call).map(|s| s.leg) else {
            // The call ended while the disk was asked: nobody wants an empty file.
            drop(recorder.finish().wait());
            let _ = std::fs::remove_file(path);
            return;
        };
        if desk.is_some_and(|desk| desk.record(id, recorder, tone).is_ok()) {
            self.tell(call, MediaReport::RecordingStarted(path.to_string_lossy().into_owned()));
        }
    }

    fn close(&mut self, call: &CallId) {
        let Some(place) = self.calls.iter().position(|sounding| sounding.call == *call) else { return };
        let mut sounding = self.calls.remove(place);
        let now = Instant::now();
        let (mut stats, mut recording) = (StreamStats::default(), None);
        let rejected = sounding.wire.rejected();
        if let Some(desk) = &mut self.desk {
            if let Some(leg) = desk.leg(sounding.leg) {
                leg.close(now);
                while let Some(packet) = leg.poll_packet() {
                    sounding.wire.send(&packet);
                }
                stats = leg.stats();
            }
            recording = desk.remove_leg(sounding.leg);
            if self.calls.is_empty() {
                // Nobody hears the microphone any more.
                desk.set_source(&SourceSpec::Silence);
            }
        }
        let until = now.checked_add(COMPLETING).unwrap_or(now);
        self.closing.push(Closing { call: call.clone(), stats, rejected, recording, until });
    }

    /// Moves the desk on. When to come again at the latest; `None` while there is nothing to hear.
    fn tick(&mut self) -> Option<Instant> {
        let desk = self.desk.as_mut()?;
        let now = Instant::now();
        let mut wake = desk.tick(now);
        for sounding in &mut self.calls {
            while let Some(packet) = desk.leg(sounding.leg).and_then(|leg| leg.poll_packet()) {
                sounding.wire.send(&packet);
            }
            if let Some(other) = sounding.wire.tick(now) {
                wake = wake.min(other);
            }
            // With no room for it now, the next description tells it.
            if let Some(found) = sounding.wire.news() {
                let report = MediaReport::Found(found);
                let _ = self.inputs.try_send(Input::Media(sounding.call.clone(), report));
            }
            if let Some(why) = sounding.wire.late_trouble() {
                let _ = self.inputs.try_send(Input::Media(sounding.call.clone(), MediaReport::NoRelay(why)));
            }
            while let Some(event) = sounding.wire.poll_event() {
                if let PathEvent::Security(state) = event {
                    sounding.untold = Some(state);
                    continue;
                }
                let silent = matches!(event, PathEvent::Quiet | PathEvent::Failed | PathEvent::Lost);
                let silent = silent.then(|| sounding.wire.addresses());
                let silent = silent.map(|(rtp, addresses)| MediaReport::Silent(rtp, addresses));
                for report in way(event).into_iter().chain(silent) {
                    let _ = self.inputs.try_send(Input::Media(sounding.call.clone(), report));
                }
            }
            sounding.untold = sounding.untold.filter(|state| {
                let report = MediaReport::Security(*state);
                self.inputs.try_send(Input::Media(sounding.call.clone(), report)).is_err()
            });
        }
        while let Some(event) = self.desk.as_mut().and_then(Desk::poll_event) {
            self.report(event);
        }
        if now >= self.next_figures {
            self.next_figures = now.checked_add(FIGURES).unwrap_or(now);
            let load = self.load.take(now);
            if let Some(desk) = &mut self.desk {
                desk.set_load(load);
            }
            self.tell_figures();
        }
        if self.checking.is_some_and(|due| now >= due) {
            self.checking = now.checked_add(LEVELS);
            self.tell_levels();
        }
        if self.desk.as_ref().is_some_and(Desk::is_idle) {
            self.desk = None;
            return None;
        }
        Some(wake)
    }

    /// Waits until something comes, or until `wake`.
    fn wait(&mut self, wake: Option<Instant>) {
        let now = Instant::now();
        self.load.sleeps(now);
        let wait = wake.map(|wake| wake.saturating_duration_since(now));
        if wait.is_none_or(|wait| !wait.is_zero())
            && let Err(error) = self.poll.poll(&mut self.events, wait)
            && error.kind() != io::ErrorKind::Interrupted
        {
            // Better late packets than a thread that spins.
            self.unread = true;
            std::thread::sleep(wait.unwrap_or(LOOK));
        }
        self.load.wakes(Instant::now());
    }

    fn receive(&mut self) {
        let Some(desk) = &mut self.desk else { return };
        if self.events.is_empty() && !self.unread {
            return;
        }
        self.unread = false;
        for Sounding { wire, leg, .. } in &mut self.calls {
            let Some(leg) = desk.leg(*leg) else { continue };
            self.unread |= wire.receive(|now, _, datagram| leg.receive(now, datagram));
        }
    }

    fn register(&mut self, wire: &mut Wire) {
        // What came before it was registered.
        self.unread = true;
        let first = Token(self.next_token);
        self.next_token = self.next_token.wrapping_add(Wire::TOKENS);
        if let Err(error) = wire.register(self.poll.registry(), first) {
            // It is read at each turn in any case, only a little later.
            tracing::error!(%error, "a call's sockets can't wake the sound");
        }
    }

    fn leg(&self, call: &CallId) -> Option<LegId> {
        self.calls.iter().find(|sounding| sounding.call == *call).map(|sounding| sounding.leg)
    }

    fn report(&mut self, event: DeskEvent) {
        match event {
            DeskEvent::Stream(leg, event) => {
                let Some(call) = self.calls.iter().find(|s| s.leg == leg).map(|s| s.call.clone()) else {
                    return;
                };
                match event {
                    StreamEvent::MediaStarted => self.tell(&call, MediaReport::Started),
                    StreamEvent::DtmfReceived { digit, .. } => {
                        self.tell(&call, MediaReport::Digit(digit.as_char()));
                    }
                    _ => {}
                }
            }
            DeskEvent::SourceFinished => self.tell_all(&MediaReport::SourceFinished),
            DeskEvent::CaptureFailed(error) => self.lacks(trouble(&error, ErrorCode::NoMicrophone)),
            DeskEvent::PlaybackFailed(error) => self.lacks(trouble(&error, ErrorCode::NoSpeaker)),
            DeskEvent::CaptureUsing(id) => {
                self.trouble.retain(|known| known.code != ErrorCode::NoMicrophone);
                self.tell_all(&MediaReport::Microphone(id.as_str().to_owned()));
            }
            DeskEvent::PlaybackUsing(id) => {
                self.trouble.retain(|known| known.code != ErrorCode::NoSpeaker);
                self.tell_all(&MediaReport::Speaker(id.as_str().to_owned()));
            }
            DeskEvent::RecordingFailed(leg, error) => {
                if let Some(call) = self.calls.iter().find(|s| s.leg == leg).map(|s| s.call.clone()) {
                    self.tell(&call, MediaReport::RecordingFailed(no_recording(&error)));
                }
            }
            DeskEvent::PlayerFinished => {
                self.playing = None;
                let _ = self.inputs.try_send(Input::Played(Ok(None)));
            }
        }
    }

    /// Something is missing here, for every call that sounds and those to come.
    fn lacks(&mut self, trouble: ErrorView) {
        self.tell_all(&MediaReport::Trouble(trouble.clone()));
        self.trouble.retain(|known| *known != trouble);
        self.trouble.push(trouble);
    }

    fn tell(&self, call: &CallId, report: MediaReport) {
        let _ = self.inputs.try_send(Input::Media(call.clone(), report));
    }

    fn tell_all(&self, report: &MediaReport) {
        self.calls.iter().for_each(|sounding| self.tell(&sounding.call, report.clone()));
    }

    fn tell_figures(&mut self) {
        let (overruns, underruns) = self.desk.as_ref().map_or((0, 0), Desk::slips);
        let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        for sounding in &self.calls {
            let stats = self.desk.as_mut().and_then(|desk| Some(desk.leg(sounding.leg)?.stats()));
            if let Some(stats) = stats {
                let mut view = figures(&stats, sounding.wire.rejected());
                if let Some(quality) = &mut view.quality {
                    // The devices are those of all calls.
                    (quality.overruns, quality.underruns) = (count(overruns), count(underruns));
                }
                self.tell(&sounding.call, MediaReport::Stats(view));
            }
        }
        self.tell_playing();
    }

    fn tell_levels(&self) {
        if let Some(levels) = self.desk.as_ref().and_then(Desk::check_levels) {
            let trouble = self.trouble.last().cloned();
            let _ = self.inputs.try_send(Input::Checked(check_view(levels, trouble)));
        }
    }

    fn tell_playing(&self) {
        if let (Some(path), Some(player)) = (&self.playing, self.desk.as_ref().and_then(Desk::player)) {
            let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
            let view = PlayingView {
                path: path.to_string_lossy().into_owned(),
                position_ms: millis(player.position()),
                length_ms: millis(player.length()),
            };
            let _ = self.inputs.try_send(Input::Played(Ok(Some(view))));
        }
    }

    /// Tells the last figures of calls whose recordings are complete.
    fn tell_closed(&mut self) {
        let now = Instant::now();
        self.completing.retain(|recording| !recording.is_finished());
        self.closing.retain(|closing| {
            let complete = closing.recording.as_ref().is_none_or(Finishing::is_finished);
            if !complete && now < closing.until {
                return true;
            }
            let report = MediaReport::Closed(figures(&closing.stats, closing.rejected));
            // With no room for it now, it is told at the next turn. An engine that has ended needs no figures.
            let told = self.inputs.try_send(Input::Media(closing.call.clone(), report));
            matches!(told, Err(mpsc::error::TrySendError::Full(_)))
        });
    }

    /// The engine ends: goodbyes are said and recordings completed.
    fn end(mut self) {
        for call in self.calls.iter().map(|sounding| sounding.call.clone()).collect::<Vec<_>>() {
            self.close(&call);
        }
        self.desk = None;
        let recordings = self.closing.iter_mut().filter_map(|closing| closing.recording.take());
        self.completing.extend(recordings);
        let until = Instant::now() + COMPLETING;
        while self.completing.iter().any(|recording| !recording.is_finished()) && Instant::now() < until {
            std::thread::sleep(LOOK);
        }
        self.tell_closed();
    }
}

/// What the engine is to know of the path.
fn way(event: PathEvent) -> Option<MediaReport> {
    match event {
        PathEvent::Connected { from, to, relayed } => {
            tracing::info!(%from, %to, relayed, "a way for the sound");
            Some(MediaReport::Way(true))
        }
        PathEvent::Moved { to } => {
            tracing::info!(%to, "the other side's sound comes from elsewhere");
            None
        }
        PathEvent::Quiet => {
            tracing::info!("the other side answers no checks");
            None
        }
        PathEvent::Answering => Some(MediaReport::Way(true)),
        PathEvent::Failed | PathEvent::Lost => {
            tracing::warn!(?event, "no way for the sound");
            Some(MediaReport::Way(false))
        }
        PathEvent::Security(_) => None,
    }
}

fn earlier(wake: Option<Instant>, other: Instant) -> Instant {
    wake.map_or(other, |wake| wake.min(other))
}

fn trouble(error: &AudioError, missing: ErrorCode) -> ErrorView {
    let code = match error {
        AudioError::NoDevice(_) | AudioError::NoDeviceSupport => missing,
        _ => ErrorCode::AudioDeviceFailed,
    };
    ErrorView::with_detail(code, error.to_string())
}

/// Why there is no recording, or no more of it.
pub(super) fn no_recording(error: &AudioError) -> ErrorView {
    ErrorView::with_detail(ErrorCode::RecordingFailed, error.to_string())
}

/// Why a file is not played.
pub(super) fn no_playing(error: &AudioError) -> ErrorView {
    ErrorView::with_detail(ErrorCode::PlayingFailed, error.to_string())
}

/// Whether the sound itself is to be made anew, and not only sent elsewhere. The seed always differs.
fn differs(old: &MediaPlan, new: &MediaPlan) -> bool {
    let (a, b) = (&old.stream, &new.stream);
    a.send != b.send
        || a.receive != b.receive
        || a.send_events != b.send_events
        || a.receive_events != b.receive_events
        || a.packet_ms != b.packet_ms
}
