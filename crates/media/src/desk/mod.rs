//! The desk: one microphone, one loudspeaker, and every call that sounds on this computer.
//!
//! The thread that owns it waits for datagrams no longer than until the instant [`Desk::tick`] returns. Nothing here
//! waits, so the same code runs on virtual time with files and on real time with sound cards.
//!
//! Each call is a [`Leg`]. One that talks hears the microphone and is heard here; one that waits hears music; those
//! that are joined hear the microphone and each other, never themselves. Nothing is buffered for a single leg: a
//! queue stands only between the loudspeaker's clock and the microphone's, where what one leg says goes to another.
//!
//! What deliberately isn't here: sockets, and who may talk to whom (the owner says so with [`Desk::set_mode`]).

mod check;
mod crossing;
mod fader;
mod hold;
mod leg;
mod limiter;
mod player;
mod recording;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use check::Check;
pub use check::CheckLevels;
pub use hold::{HoldSound, hold_music};
pub use leg::Leg;
pub use limiter::Limiter;
pub use player::Player;
use recording::Recording;

use crate::DEVICE_RATE;
use crate::device::DeviceId;
use crate::dtmf::Digit;
use crate::error::AudioError;
use crate::io::{IoEvent, Sink, SinkSpec, Source, SourceSpec};
use crate::process::{ProcessConfig, ProcessStats, Processor};
use crate::recorder::{Finishing, Recorder};
use crate::stream::{StreamConfig, StreamError, StreamEvent};
use crate::tone::{Tone, ToneSamples};

/// Names a leg for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(u32);

impl LegId {
    /// The leg of this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// What a leg takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegMode {
    /// It and this side hear each other.
    Talking,
    /// It hears the [`HoldSound`]; nobody hears it.
    Waiting,
    /// It, this side and all other joined legs hear each other.
    Joined,
}

/// Something the owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskEvent {
    /// From a leg's stream.
    Stream(LegId, StreamEvent),
    /// The file that was the source has been played to its end.
    SourceFinished,
    /// The source couldn't be opened or failed; silence is sent, with a device until one comes.
    CaptureFailed(AudioError),
    /// The sink couldn't be opened or failed; nothing is heard, with a device until one comes.
    PlaybackFailed(AudioError),
    /// The microphone used from now on: the chosen one or what takes its place.
    CaptureUsing(DeviceId),
    /// The loudspeaker used from now on: the chosen one or what takes its place.
    PlaybackUsing(DeviceId),
    /// A leg's recording failed and has ended; what was written before is there.
    RecordingFailed(LegId, AudioError),
    /// The file that was played has ended, or was stopped.
    PlayerFinished,
}

/// Time between two looks where no sound card sets the pace.
const TICK: Duration = Duration::from_millis(4);
/// Sound cards that are due within so much of each other are looked at together.
const TOGETHER: Duration = Duration::from_micros(1_500);
/// The longest, also where one does: it may be lost.
const LOOK: Duration = Duration::from_millis(10);
/// Events that may wait to be fetched.
const EVENTS: usize = 64;

/// One microphone, one loudspeaker, and the calls between them.
#[derive(Debug)]
pub struct Desk {
    source: Source,
    sink: Sink,
    processor: Processor,
    legs: Vec<Leg>,
    hold: HoldSound,
    tone: Option<ToneSamples>,
    player: Option<Player>,
    check: Option<Check>,
    limiter: Limiter,
    captured: Vec<f32>,
    near: Vec<f32>,
    heard: Vec<f32>,
    shared: Vec<f32>,
    events: VecDeque<DeskEvent>,
}

impl Desk {
    /// A desk without calls, between what is open already. The microphone's sound is left as it is.
    pub fn new(source: Source, sink: Sink) -> Self {
        Self {
            source,
            sink,
            processor: Processor::new(ProcessConfig::OFF),
            legs: Vec::new(),
            hold: HoldSound::default(),
            tone: None,
            player: None,
            check: None,
            limiter: Limiter::default(),
            captured: Vec::new(),
            near: Vec::new(),
            heard: Vec::new(),
            shared: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// Opens source and sink. One that can't be opened doesn't stop a call: silence takes its place and an event says
    /// why.
    pub fn open(source: &SourceSpec, sink: &SinkSpec) -> Self {
        let mut desk = Self::new(Source::silence(), Sink::null());
        desk.set_source(source);
        desk.set_sink(sink);
        desk
    }

    /// Changes to another source, in the middle of calls too.
    pub fn set_source(&mut self, spec: &SourceSpec) {
        // The old one goes first: many devices can't be opened twice.
        self.source = Source::silence();
        match Source::open(spec) {
            Ok(source) => self.source = source,
            Err(error) => self.push(DeskEvent::CaptureFailed(error)),
        }
    }

    /// Times the microphone's samples were lost, and times the loudspeaker lacked some.
    pub fn slips(&self) -> (u64, u64) {
        (self.source.overruns(), self.sink.underruns())
    }

    /// Changes to another sink, in the middle of calls too.
    pub fn set_sink(&mut self, spec: &SinkSpec) {
        self.sink = Sink::null();
        match Sink::open(spec) {
            Ok(sink) => self.sink = sink,
            Err(error) => self.push(DeskEvent::PlaybackFailed(error)),
        }
    }

    /// Which parts of the microphone's processing work. Files are sent as they are.
    pub fn set_processing(&mut self, config: ProcessConfig) {
        self.processor.set_config(config);
    }

    /// Which share of its time (0..=1) the thread that owns this was at work lately; to be told about once a second.
    /// Encoders work less where there is no time for more.
    pub fn set_load(&mut self, load: f32) {
        self.legs.iter_mut().for_each(|leg| leg.stream().set_load(load));
    }

    /// What the microphone's processing knows.
    pub fn process_stats(&self) -> ProcessStats {
        self.processor.stats()
    }

    /// Changes what waiting legs hear.
    pub fn set_hold_sound(&mut self, hold: HoldSound) {
        if hold != self.hold {
            self.hold = hold;
            self.legs.iter_mut().for_each(|leg| leg.set_hold(&self.hold));
        }
    }

    /// Adds a call. One that is there already gets a new stream and keeps its place.
    pub fn add_leg(&mut self, id: LegId, stream: StreamConfig, mode: LegMode) -> Result<(), StreamError> {
        match self.leg(id) {
            Some(leg) => {
                leg.renew(stream)?;
                self.set_mode(id, mode);
            }
            None => self.legs.push(Leg::new(id, stream, mode, &self.hold)?),
        }
        Ok(())
    }

    /// Takes a call away. Its recording, if it has one, is completed by what is given back.
    pub fn remove_leg(&mut self, id: LegId) -> Option<Finishing> {
        let place = self.legs.iter().position(|leg| leg.id() == id)?;
        self.legs.remove(place).recording.map(Recording::finish)
    }

    /// Changes what a call takes part in.
    pub fn set_mode(&mut self, id: LegId, mode: LegMode) {
        if let Some(leg) = self.legs.iter_mut().find(|leg| leg.id() == id) {
            leg.set_mode(mode, &self.hold);
        }
    }

    /// One of the calls.
    pub fn leg(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id() == id)
    }

    /// Whether there is nothing to do: no call, nothing to play, nothing to check.
    pub fn is_idle(&self) -> bool {
        self.legs.is_empty() && self.player.is_none() && self.check.is_none()
    }

    /// Moves everything on to `now`: packets to loudspeaker, microphone to packets, reports. Returns when to call it
    /// again at the latest.
    pub fn tick(&mut self, now: Instant) -> Instant {
        let wanted = self.sink.wanted(now);
        if wanted > 0 {
            self.listen(now, wanted);
        }
        self.captured.clear();
        self.source.read(now, &mut self.captured);
        if !self.captured.is_empty() {
            self.speak(now);
        }
        let paced = |due: Option<Instant>| due.unwrap_or(now + TICK);
        let (one, other) = (paced(self.source.due(now)), paced(self.sink.due(now)));
        let mut wake =
            if one.max(other) - one.min(other) < TOGETHER { one.max(other) } else { one.min(other) };
        for leg in &mut self.legs {
            leg.stream().handle_timeout(now);
            wake = leg.stream().poll_timeout().map_or(wake, |due| due.min(wake));
        }
        self.collect_events();
        wake.clamp(now, now + LOOK)
    }

    /// The next thing the owner should know.
    pub fn poll_event(&mut self) -> Option<DeskEvent> {
        self.events.pop_front()
    }

    /// Sends a digit into a call, and lets the one who pressed it hear it when a sound card plays.
    pub fn send_dtmf(&mut self, id: LegId, digit: Digit, length: Duration) -> Result<(), StreamError> {
        let Some(leg) = self.leg(id) else { return Ok(()) };
        leg.send_dtmf(digit, length)?;
        if self.sink.is_device() {
            self.play_tone(Tone::Key(digit));
        }
        Ok(())
    }

    /// Plays a tone over everything, for this side only.
    pub fn play_tone(&mut self, tone: Tone) {
        self.tone = Some(ToneSamples::new(tone, DEVICE_RATE));
    }

    /// Plays a file over everything, for this side only, in place of the one that is played.
    pub fn play(&mut self, player: Player) {
        self.player = Some(player);
    }

    /// Ends what is played.
    pub fn stop_playing(&mut self) {
        if let Some(player) = &mut self.player {
            player.stop();
        }
    }

    /// What is played.
    pub fn player(&self) -> Option<&Player> {
        self.player.as_ref()
    }

    /// Starts a sound check: this side hears from now on what it said a second ago.
    pub fn start_check(&mut self) {
        self.check = Some(Check::new());
    }

    /// Ends it.
    pub fn stop_check(&mut self) {
        if let Some(check) = &mut self.check {
            check.stop();
        }
    }

    /// How loud the sound check's ends are, while there is one.
    pub fn check_levels(&self) -> Option<CheckLevels> {
        self.check.as_ref().map(Check::levels)
    }

    /// Records a call: this side left, what is heard of the other side right, which in a conference is all of it.
    /// With `beeps` both sides hear at once, and every 15 s, that they are recorded. A recording that is under way
    /// goes on, and the new one comes back.
    pub fn record(&mut self, id: LegId, recorder: Box<Recorder>, beeps: bool) -> Result<(), Box<Recorder>> {
        let Some(leg) = self.leg(id).filter(|leg| leg.recording.is_none()) else { return Err(recorder) };
        leg.start_recording(*recorder, beeps);
        Ok(())
    }

    /// Ends a call's recording.
    pub fn stop_recording(&mut self, id: LegId) -> Option<Finishing> {
        self.leg(id)?.recording.take().map(Recording::finish)
    }

    /// Packets to loudspeaker.
    fn listen(&mut self, now: Instant, count: usize) {
        self.heard.clear();
        self.heard.resize(count, 0.0);
        self.shared.clear();
        self.shared.resize(count, 0.0);
        for leg in &mut self.legs {
            leg.listen(now, count);
            add(&mut self.heard, &leg.here);
            add(&mut self.shared, &leg.shared);
        }
        for leg in &mut self.legs {
            leg.overhear(&self.shared);
            if let Some(recording) = &mut leg.recording {
                let all = leg.mode == LegMode::Joined;
                recording.hear(if all { &self.shared } else { &leg.here });
            }
        }
        if self.tone.as_mut().is_some_and(|tone| !tone.mix_into(&mut self.heard)) {
            self.tone = None;
        }
        // Nobody should miss the beginning of a message. A call's sound can't wait.
        if !self.sink.is_opening()
            && self.player.as_mut().is_some_and(|player| !player.mix_into(&mut self.heard))
        {
            self.player = None;
            self.push(DeskEvent::PlayerFinished);
        }
        if self.check.as_mut().is_some_and(|check| !check.mix_into(&mut self.heard)) {
            self.check = None;
        }
        self.limiter.limit(&mut self.heard);
        self.sink.write(&self.heard);
        self.processor.render(&self.heard);
    }

    /// Microphone to packets.
    fn speak(&mut self, now: Instant) {
        self.near.clear();
        if self.source.is_device() {
            self.processor.capture(&self.captured, &mut self.near);
        } else {
            // A file is as it is meant to be.
            self.near.extend_from_slice(&self.captured);
        }
        if let Some(check) = &mut self.check {
            check.speak(&self.near);
        }
        let mut beeps = false;
        let mut all = false;
        for leg in &mut self.legs {
            let due = leg.recording.as_mut().is_some_and(|recording| recording.speak(&self.near));
            if due && leg.mode != LegMode::Waiting {
                leg.beep();
                beeps = true;
                all |= leg.mode == LegMode::Joined;
            }
        }
        if beeps {
            self.play_tone(Tone::Recording);
        }
        for leg in &mut self.legs {
            if all && leg.mode == LegMode::Joined {
                leg.beep();
            }
            leg.speak(now, &self.near);
        }
    }

    fn collect_events(&mut self) {
        let events = &mut self.events;
        for leg in &mut self.legs {
            let id = leg.id();
            while let Some(event) = leg.stream().poll_event() {
                put(events, DeskEvent::Stream(id, event));
            }
            if let Some(error) = leg.recording.as_mut().and_then(Recording::poll_error) {
                leg.recording = None;
                put(events, DeskEvent::RecordingFailed(id, error));
            }
        }
        match self.source.poll_event() {
            Some(IoEvent::Finished) => put(events, DeskEvent::SourceFinished),
            Some(IoEvent::Failed(error)) => put(events, DeskEvent::CaptureFailed(error)),
            Some(IoEvent::Using(id)) => put(events, DeskEvent::CaptureUsing(id)),
            None => {}
        }
        match self.sink.poll_event() {
            Some(IoEvent::Failed(error)) => put(events, DeskEvent::PlaybackFailed(error)),
            Some(IoEvent::Using(id)) => put(events, DeskEvent::PlaybackUsing(id)),
            Some(IoEvent::Finished) | None => {}
        }
    }

    fn push(&mut self, event: DeskEvent) {
        put(&mut self.events, event);
    }
}

fn put(events: &mut VecDeque<DeskEvent>, event: DeskEvent) {
    if events.len() >= EVENTS {
        events.pop_front();
    }
    events.push_back(event);
}

fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}
