//! The sound of all calls: their sockets, and the one thread that owns them together with the desk.
//!
//! Invariant: nothing here waits for the engine, and the engine waits for nothing here. Figures that there is no
//! time for are dropped; only the last ones of a call are sure to arrive.

mod addresses;
mod gathering;
mod silent;
mod sockets;
mod streams;
mod thread;
mod turn_uri;

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use mio::{Poll, Token, Waker};
use tern_media::{CheckLevels, Player, Quality, RecordFormat, Recorder, StreamStats, quality};
use tokio::sync::mpsc;

use self::{
    gathering::Gathering,
    silent::Silent,
    sockets::Wire,
    thread::{AudioThread, Say},
};
use crate::{
    api::{BadSide, CallId, CallStatsView, ErrorView, QualityView, SilenceCause, SoundCheckView},
    core::{Input, MediaPlan, MediaReport, Reach, RecordTo, SoundPlan},
    net::dns::Dns,
    ports::Audio,
};

/// Commands that may wait for the thread.
const COMMANDS: usize = 256;
/// Characters of the other side's name in that of a file.
const LONGEST_PEER: usize = 40;
/// The token of the thread's own bell; sockets have those below.
const BELL: Token = Token(usize::MAX);

/// Every call's sockets, and the thread once there is something to hear.
pub(crate) struct Sounds {
    audio: Arc<dyn Audio>,
    inputs: mpsc::Sender<Input>,
    /// `None` once the thread has it.
    calls: HashMap<CallId, Option<Wire>>,
    /// Sockets to come, while servers are asked about them.
    gathering: HashMap<CallId, Gathering>,
    /// Which servers answer no datagrams in the network of now.
    silent: Silent,
    thread: Option<Running>,
    /// For a thread that has not started yet.
    plan: Option<Box<SoundPlan>>,
}

struct Running {
    say: SyncSender<Say>,
    bell: Arc<Waker>,
    thread: JoinHandle<()>,
}

impl Sounds {
    /// No sound yet.
    pub(crate) fn new(audio: Arc<dyn Audio>, inputs: mpsc::Sender<Input>) -> Self {
        Self {
            audio,
            inputs,
            calls: HashMap::new(),
            gathering: HashMap::new(),
            silent: Silent::default(),
            thread: None,
            plan: None,
        }
    }

    /// The computer is in another network: what servers did in the last one says nothing of this one.
    pub(crate) fn network_changed(&mut self) {
        self.silent = Silent::default();
    }

    /// Opens a call's sockets on `ip`, or on the address that leads to where the other side is. Where no server is asked, a call that has some moves to the new ones at once,
    /// or nobody is to be waited for, and the answer is what to tell the other side; else [`MediaReport::Opened`]
    /// follows. Servers that answer later are told by [`MediaReport::Found`].
    pub(crate) fn open(
        &mut self,
        call: &CallId,
        ip: IpAddr,
        reach: Reach,
        dns: &Dns,
    ) -> io::Result<Option<MediaReport>> {
        let ip = match reach.towards.map(addresses::source) {
            Some(Some(ip)) => ip,
            Some(None) => return Ok(Some(MediaReport::Unreachable)),
            None => ip,
        };
        let mut wire = Wire::open(ip, reach.ports, reach.checks)?.remembering(self.silent.clone());
        if reach.asks() && reach.at_once {
            wire.ask_later(gathering::look_up(reach, dns.clone()));
        } else if reach.asks() {
            let gathering = Gathering::start(call.clone(), wire, reach, dns.clone(), self.inputs.clone())?;
            self.gathering.insert(call.clone(), gathering);
            return Ok(None);
        }
        let (rtp, addresses) = wire.addresses();
        match self.calls.get(call) {
            Some(None) => self.say(Say::Move(call.clone(), Box::new(wire))),
            _ => {
                self.calls.insert(call.clone(), Some(wire));
            }
        }
        Ok(Some(MediaReport::Opened(rtp, addresses)))
    }

    /// Starts a call's sound, or changes it.
    pub(crate) fn run(&mut self, call: &CallId, plan: Box<MediaPlan>) {
        if let Some(wire) = self.gathering.remove(call).and_then(Gathering::take) {
            match self.calls.get(call) {
                Some(None) => self.say(Say::Move(call.clone(), Box::new(wire))),
                _ => {
                    self.calls.insert(call.clone(), Some(wire));
                }
            }
        }
        match self.calls.get_mut(call).map(Option::take) {
            None => {}
            Some(None) => self.say(Say::Plan(call.clone(), plan)),
            Some(Some(wire)) => self.say(Say::Start(call.clone(), Box::new(wire), plan)),
        }
    }

    /// How everything sounds here from now on.
    pub(crate) fn set(&mut self, plan: Box<SoundPlan>) {
        match &self.thread {
            Some(_) => self.say(Say::Sound(plan)),
            None => self.plan = Some(plan),
        }
    }

    /// Mutes or unmutes a call.
    pub(crate) fn mute(&mut self, call: &CallId, muted: bool) {
        if self.is_running(call) {
            self.say(Say::Mute(call.clone(), muted));
        }
    }

    /// Sends a digit into a call.
    pub(crate) fn digit(&mut self, call: &CallId, digit: char) {
        if self.is_running(call) {
            self.say(Say::Digit(call.clone(), digit));
        }
    }

    /// Starts to record a call. The disk is asked elsewhere; what comes of it is told by the thread, or by who asked.
    pub(crate) fn record(&mut self, call: &CallId, to: RecordTo, format: RecordFormat, tone: bool) {
        let Some(mut door) = self.door() else { return };
        let (call, inputs) = (call.clone(), self.inputs.clone());
        tokio::task::spawn_blocking(move || match Recorder::start(&file_for(to, format), format) {
            Ok(recorder) => door.say(Say::Record(call, Box::new(recorder), tone)),
            Err(error) => {
                let report = MediaReport::RecordingFailed(thread::no_recording(&error));
                let _ = inputs.blocking_send(Input::Media(call, report));
            }
        });
    }

    /// Ends a call's recording.
    pub(crate) fn stop_recording(&mut self, call: &CallId) {
        self.say(Say::StopRecording(call.clone()));
    }

    /// Plays a file to this side. The disk is asked elsewhere.
    pub(crate) fn play(&mut self, path: PathBuf) {
        let Some(mut door) = self.door() else { return };
        let inputs = self.inputs.clone();
        tokio::task::spawn_blocking(move || match Player::open(&path) {
            Ok(player) => door.say(Say::Play(path, Box::new(player))),
            Err(error) => {
                let _ = inputs.blocking_send(Input::Played(Err(thread::no_playing(&error))));
            }
        });
    }

    /// Starts a sound check, or ends it.
    pub(crate) fn check(&mut self, on: bool) {
        if on || self.thread.is_some() {
            self.say(Say::Check(on));
        }
    }

    /// Ends what is played.
    pub(crate) fn stop_playing(&mut self) {
        if self.thread.is_some() {
            self.say(Say::StopPlaying);
        }
    }

    /// Ends a call's sound and gives its sockets up. Whether the thread will tell its last figures.
    pub(crate) fn close(&mut self, call: &CallId) -> bool {
        let running = self.is_running(call);
        self.calls.remove(call);
        self.gathering.remove(call);
        if running {
            self.say(Say::Close(call.clone()));
        }
        running
    }

    /// Ends everything; to be waited for, but not by whoever must not wait: recordings are completed meanwhile.
    pub(crate) fn end(self) -> impl FnOnce() + Send {
        let thread = self.thread;
        move || {
            if let Some(Running { say, bell, thread }) = thread {
                drop(say);
                let _ = bell.wake();
                // A thread that panicked has nothing left to complete.
                let _ = thread.join();
            }
        }
    }

    fn is_running(&self, call: &CallId) -> bool {
        self.thread.is_some() && matches!(self.calls.get(call), Some(None))
    }

    fn say(&mut self, say: Say) {
        if let Some(mut door) = self.door() {
            door.say(say);
        }
    }

    /// The way to the thread, which starts when it is first needed.
    fn door(&mut self) -> Option<Door> {
        if self.thread.is_none() {
            match self.start() {
                Ok(running) => self.thread = Some(running),
                Err(error) => tracing::error!(%error, "no thread for the sound"),
            }
        }
        self.thread.as_ref().map(|running| Door { say: running.say.clone(), bell: running.bell.clone() })
    }

    fn start(&mut self) -> io::Result<Running> {
        let poll = Poll::new()?;
        let bell = Arc::new(Waker::new(poll.registry(), BELL)?);
        let (say, said) = sync_channel(COMMANDS);
        let plan = self.plan.take().map_or_else(SoundPlan::default, |plan| *plan);
        let thread = AudioThread::new(poll, said, self.inputs.clone(), self.audio.clone(), plan);
        let thread = std::thread::Builder::new().name("tern-audio".into()).spawn(move || thread.run())?;
        Ok(Running { say, bell, thread })
    }
}

/// Where to speak to the thread.
struct Door {
    say: SyncSender<Say>,
    bell: Arc<Waker>,
}

impl Door {
    fn say(&mut self, say: Say) {
        // A thread that has ended hears nothing; one with a full queue is beyond help.
        if self.say.try_send(say).is_ok() {
            let _ = self.bell.wake();
        }
    }
}

/// The file of a recording. What the other side calls itself is no path.
fn file_for(to: RecordTo, format: RecordFormat) -> PathBuf {
    let (folder, peer, at) = match to {
        RecordTo::File(path) => return path,
        RecordTo::New { folder, peer, at } => (folder, peer, at),
    };
    let time = at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H.%M.%S").to_string();
    let peer: String =
        peer.chars().filter(|c| c.is_alphanumeric() || "+-_@".contains(*c)).take(LONGEST_PEER).collect();
    let name = format!("{time} {peer}");
    let name = name.trim();
    let extension = format.extension();
    let file = |name: &str| folder.join(format!("{name}.{extension}"));
    // Two calls with one peer in one second: as unlikely as it is, neither may be lost.
    let others = (2..100).map(|n| file(&format!("{name} ({n})")));
    let free = std::iter::once(file(name)).chain(others).find(|path| !path.exists());
    free.unwrap_or_else(|| file(name))
}

/// The figures as a window shows them; `rejected` never reached the stream.
pub(crate) fn figures(stats: &StreamStats, rejected: u64) -> CallStatsView {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let codec = stats.send_codec.or(stats.receive_codec);
    let rate = u64::from(stats.receive_codec.map_or(48_000, |c| c.sample_rate()));
    CallStatsView {
        codec: codec.map_or(String::new(), |c| c.name().to_owned()),
        packets_sent: count(stats.packets_sent),
        packets_received: count(stats.packets_received),
        packets_lost: count(stats.packets_lost),
        packets_unusable: count(stats.packets_malformed.saturating_add(rejected)),
        concealed_ms: count(stats.samples_concealed.saturating_mul(1000) / rate),
        jitter_ms: stats.jitter_ms,
        round_trip_ms: stats.round_trip_ms,
        level_in: loudness(stats.capture_level_db),
        level_out: loudness(stats.playout_level_db),
        ways_renewed: 0,
        quality: stats.quality.as_ref().map(quality_view),
    }
}

/// A sound check's levels as a window shows them.
fn check_view(levels: CheckLevels, trouble: Option<ErrorView>) -> SoundCheckView {
    SoundCheckView { level_in: loudness(levels.capture_db), level_out: loudness(levels.playout_db), trouble }
}

fn quality_view(quality: &Quality) -> QualityView {
    QualityView {
        mos: quality.mos,
        loss: quality.loss,
        concealed: quality.concealed,
        delay_ms: quality.delay_ms,
        jitter_ms: quality.jitter_ms,
        bad_side: match quality.bad_side {
            None => BadSide::None,
            Some(quality::BadSide::Here) => BadSide::Here,
            Some(quality::BadSide::There) => BadSide::There,
            Some(quality::BadSide::Both) => BadSide::Both,
        },
        silence: quality.silence.map(|silence| match silence {
            quality::Silence::MutedHere => SilenceCause::MutedHere,
            quality::Silence::MicrophoneHere => SilenceCause::MicrophoneHere,
            quality::Silence::MutedThere => SilenceCause::MutedThere,
            quality::Silence::MicrophoneThere => SilenceCause::MicrophoneThere,
            quality::Silence::BlockedPath => SilenceCause::BlockedPath,
            quality::Silence::HoldThere => SilenceCause::HoldThere,
        }),
        overruns: 0,
        underruns: 0,
    }
}

/// -60 dB below full scale and less is nothing, full scale is 1.
fn loudness(db: f32) -> f32 {
    ((db + 60.0) / 60.0).clamp(0.0, 1.0)
}
