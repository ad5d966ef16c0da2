//! The device of a call from its beginning to its end: opened, lost, replaced by the default one, gone back to.
//!
//! The invariant: opening waits in a thread of its own, so the sound of a call goes on, as silence, meanwhile. A
//! device that was chosen is used whenever it is there, the default one when it isn't, and when there is none at
//! all the next one that comes.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use super::DeviceId;
use super::card::News;
use crate::error::AudioError;

/// How long until a device that can't be opened is tried again, and until a missing one is looked for again.
const AGAIN: Duration = Duration::from_secs(2);

/// A stream that can be opened on one device or another.
pub(crate) trait Follows: Sized + Send + 'static {
    /// Opens one; `slower` times the usual period where a device has stumbled.
    fn open(id: Option<&DeviceId>, slower: u32) -> Result<Self, AudioError>;
    /// Where it sounds.
    fn on(&self) -> &DeviceId;
    /// What happened to it.
    fn news(&mut self, now: Instant) -> Option<News>;
    /// Whether samples pass.
    fn moves(&self, now: Instant) -> bool;
    /// Times samples were lost or missing.
    fn slips(&self) -> u64;

    /// Opens one in a thread of its own.
    fn begin(id: Option<&DeviceId>, slower: u32) -> Receiver<Result<Self, AudioError>> {
        let (give, coming) = sync_channel(1);
        let id = id.cloned();
        let open = move || drop(give.send(Self::open(id.as_ref(), slower)));
        // Without a thread the channel is closed, which is an answer.
        if let Err(error) = std::thread::Builder::new().name("tern-open".into()).spawn(open) {
            tracing::warn!(%error, "no thread to open a device");
        }
        coming
    }
}

/// What became of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Followed {
    /// It sounds here now.
    On(DeviceId),
    /// There is no device now.
    Nowhere(AudioError),
}

/// A device that is followed.
#[derive(Debug)]
pub(crate) struct Following<D> {
    chosen: Option<DeviceId>,
    state: State<D>,
    retry: Retry,
    /// Times samples slipped on devices that are closed by now.
    slips: u64,
    /// What was told last: it is told once.
    told: Option<Followed>,
}

#[derive(Debug)]
enum State<D> {
    /// It runs.
    On(D),
    /// It runs on the default one; the chosen one is looked for.
    StandsIn(D, Look<D>),
    /// The device of this id is being opened.
    Opening(Option<DeviceId>, Receiver<Result<D, AudioError>>),
    /// Nothing could be opened.
    Nowhere { again: Instant },
}

/// The search for the chosen device.
#[derive(Debug)]
enum Look<D> {
    At(Instant),
    Trying(Receiver<Result<D, AudioError>>),
}

impl<D: Follows> Following<D> {
    /// Begins to open the chosen device, or the default one.
    pub(crate) fn new(chosen: Option<DeviceId>) -> Self {
        Self::slow(chosen, 1)
    }

    /// The same for sound that may come late, in pieces `slower` times as long.
    pub(crate) fn slow(chosen: Option<DeviceId>, slower: u32) -> Self {
        let retry = Retry { slowest: slower, ..Retry::default() };
        let state = State::Opening(chosen.clone(), D::begin(chosen.as_ref(), retry.slower()));
        Self { chosen, state, retry, slips: 0, told: None }
    }

    /// The device, while samples pass through it.
    pub(crate) fn moving(&mut self, now: Instant) -> Option<&mut D> {
        self.device().filter(|device| device.moves(now))
    }

    /// The device, whether samples pass through it or not.
    pub(crate) fn device(&mut self) -> Option<&mut D> {
        match &mut self.state {
            State::On(device) | State::StandsIn(device, _) => Some(device),
            State::Opening(..) | State::Nowhere { .. } => None,
        }
    }

    /// Times samples were lost or missing since the beginning.
    pub(crate) fn slips(&self) -> u64 {
        match &self.state {
            State::On(device) | State::StandsIn(device, _) => self.slips + device.slips(),
            State::Opening(..) | State::Nowhere { .. } => self.slips,
        }
    }

    /// Moves on to `now`; to be called with every look at the sound. `Some` may be followed by more.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Followed> {
        let followed = self.follow(now).filter(|followed| self.told.as_ref() != Some(followed));
        if followed.is_some() {
            self.told.clone_from(&followed);
        }
        followed
    }

    fn follow(&mut self, now: Instant) -> Option<Followed> {
        match &mut self.state {
            State::On(device) | State::StandsIn(device, _) => match device.news(now) {
                Some(News::Ended(error)) => self.lost(now, error),
                Some(News::On(id)) => Some(Followed::On(id)),
                None => self.look_for_the_chosen(now),
            },
            State::Opening(id, coming) => match coming.try_recv() {
                Ok(Ok(device)) => {
                    let stands_in = id.is_none() && self.chosen.is_some();
                    let on = Followed::On(device.on().clone());
                    self.state = match stands_in {
                        true => State::StandsIn(device, Look::At(later(now))),
                        false => State::On(device),
                    };
                    Some(on)
                }
                Ok(Err(error)) if id.is_some() => {
                    tracing::warn!(%error, "the chosen audio device can't be used");
                    self.state = State::Opening(None, D::begin(None, self.retry.slower()));
                    None
                }
                Ok(Err(error)) => self.give_up(now, error),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => {
                    self.give_up(now, AudioError::Backend("no thread to open a device".into()))
                }
            },
            State::Nowhere { again } if now >= *again => {
                self.open_again();
                None
            }
            State::Nowhere { .. } => None,
        }
    }

    fn lost(&mut self, now: Instant, error: AudioError) -> Option<Followed> {
        tracing::warn!(%error, "the audio device is lost");
        self.slips = self.slips();
        if self.retry.stumbled(now) {
            self.open_again();
            None
        } else {
            self.give_up(now, error)
        }
    }

    fn open_again(&mut self) {
        // What runs is closed first: many devices can't be opened twice.
        dispose(std::mem::replace(&mut self.state, State::Nowhere { again: Instant::now() }));
        let coming = D::begin(self.chosen.as_ref(), self.retry.slower());
        self.state = State::Opening(self.chosen.clone(), coming);
    }

    fn give_up(&mut self, now: Instant, error: AudioError) -> Option<Followed> {
        self.state = State::Nowhere { again: later(now) };
        Some(Followed::Nowhere(error))
    }

    fn look_for_the_chosen(&mut self, now: Instant) -> Option<Followed> {
        let State::StandsIn(device, look) = &mut self.state else { return None };
        match look {
            Look::At(when) if now >= *when => {
                *look = Look::Trying(D::begin(self.chosen.as_ref(), self.retry.slower()));
                None
            }
            Look::At(_) => None,
            Look::Trying(coming) => match coming.try_recv() {
                Ok(Ok(better)) => {
                    self.slips += device.slips();
                    let on = Followed::On(better.on().clone());
                    let before = std::mem::replace(&mut self.state, State::On(better));
                    // Until the last moment it sounds where it did.
                    dispose(before);
                    Some(on)
                }
                Err(TryRecvError::Empty) => None,
                Ok(Err(_)) | Err(TryRecvError::Disconnected) => {
                    *look = Look::At(later(now));
                    None
                }
            },
        }
    }
}

/// Lets a device go where nobody waits for it.
fn dispose<D: Send + 'static>(device: D) {
    // Without a thread it goes here and now.
    let _ = std::thread::Builder::new().name("tern-close".into()).spawn(move || drop(device));
}

fn later(now: Instant) -> Instant {
    now.checked_add(AGAIN).unwrap_or(now)
}

/// How often in a row a device that stumbles is opened again at once.
const RETRIES: u32 = 6;
/// A device that ran this long had not stumbled in a row.
const STEADY: Duration = Duration::from_secs(10);

/// Opens a device that stumbled again, with longer periods, as long as there is hope.
#[derive(Debug, Clone, Copy, Default)]
struct Retry {
    /// Never faster than that.
    slowest: u32,
    count: u32,
    last: Option<Instant>,
}

impl Retry {
    /// Whether to open it again at once.
    fn stumbled(&mut self, now: Instant) -> bool {
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > STEADY) {
            self.count = 0;
        }
        self.last = Some(now);
        self.count += 1;
        self.count <= RETRIES
    }

    /// How many times the usual period to try: a device that is only lost, once, keeps it.
    fn slower(self) -> u32 {
        let slower = match self.count {
            0 | 1 => 1,
            2 => 2,
            _ => 4,
        };
        slower.max(self.slowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{LazyLock, Mutex, MutexGuard};

    /// The devices that are there, in the order of preference, and those that stand still.
    static THERE: LazyLock<Mutex<Vec<&'static str>>> = LazyLock::new(Mutex::default);
    /// One test at a time.
    static ALONE: Mutex<()> = Mutex::new(());

    #[derive(Debug)]
    struct Fake(DeviceId);

    impl Follows for Fake {
        fn open(id: Option<&DeviceId>, _: u32) -> Result<Self, AudioError> {
            let there = THERE.lock().unwrap();
            let found = match id {
                None => there.first(),
                Some(id) => there.iter().find(|name| **name == id.as_str()),
            };
            let gone = || AudioError::DeviceGone(id.map_or_else(String::new, ToString::to_string));
            found.map(|name| Self(DeviceId::new(*name))).ok_or_else(gone)
        }
        fn on(&self) -> &DeviceId {
            &self.0
        }
        fn news(&mut self, _: Instant) -> Option<News> {
            let there = THERE.lock().unwrap().contains(&self.0.as_str());
            (!there).then(|| News::Ended(AudioError::DeviceGone(self.0.to_string())))
        }
        fn moves(&self, _: Instant) -> bool {
            true
        }
        fn slips(&self) -> u64 {
            1
        }
        fn begin(id: Option<&DeviceId>, slower: u32) -> Receiver<Result<Self, AudioError>> {
            let (give, coming) = sync_channel(1);
            give.send(Self::open(id, slower)).unwrap();
            coming
        }
    }

    fn with(devices: &[&'static str]) {
        *THERE.lock().unwrap() = devices.to_vec();
    }

    fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What is told within so many looks, 4 ms apart.
    fn told(following: &mut Following<Fake>, now: &mut Instant, looks: u32) -> Vec<Followed> {
        (0..looks)
            .filter_map(|_| {
                *now += Duration::from_millis(4);
                following.poll(*now)
            })
            .collect()
    }

    fn on(name: &str) -> Followed {
        Followed::On(DeviceId::new(name))
    }

    #[test]
    fn a_chosen_device_that_vanishes_is_replaced_at_once_and_gone_back_to() {
        let _alone = alone();
        let mut now = Instant::now();
        with(&["default", "headset"]);
        let mut following = Following::<Fake>::new(Some(DeviceId::new("headset")));
        assert_eq!(told(&mut following, &mut now, 5), [on("headset")]);
        with(&["default"]);
        assert_eq!(told(&mut following, &mut now, 10), [on("default")], "within 40 ms");
        assert_eq!(told(&mut following, &mut now, 2_000), [], "for 8 s it is not there");
        with(&["default", "headset"]);
        assert_eq!(told(&mut following, &mut now, 510), [on("headset")], "within 2 s of its return");
        assert_eq!(following.slips(), 3, "those of the devices before are kept");
    }

    #[test]
    fn without_a_choice_the_next_default_takes_over() {
        let _alone = alone();
        let mut now = Instant::now();
        with(&["first", "second"]);
        let mut following = Following::<Fake>::new(None);
        assert_eq!(told(&mut following, &mut now, 5), [on("first")]);
        with(&["second"]);
        assert_eq!(told(&mut following, &mut now, 10), [on("second")]);
        with(&["first", "second"]);
        assert_eq!(told(&mut following, &mut now, 2_000), [], "it stays where the system is");
    }

    #[test]
    fn with_no_device_at_all_it_says_so_once_and_takes_the_first_that_comes() {
        let _alone = alone();
        let mut now = Instant::now();
        with(&[]);
        let mut following = Following::<Fake>::new(Some(DeviceId::new("headset")));
        let none = Followed::Nowhere(AudioError::DeviceGone(String::new()));
        assert_eq!(told(&mut following, &mut now, 5_000), [none], "once in 20 s");
        assert!(following.moving(now).is_none());
        with(&["default"]);
        assert_eq!(told(&mut following, &mut now, 510), [on("default")]);
        assert!(following.moving(now).is_some());
    }

    #[test]
    fn a_device_that_stumbles_is_tried_with_longer_periods_and_not_for_ever() {
        let start = Instant::now();
        let mut retry = Retry::default();
        let tries: Vec<_> = (0..8).map(|_| (retry.stumbled(start), retry.slower())).collect();
        let slow = (true, 4);
        assert_eq!(tries, [(true, 1), (true, 2), slow, slow, slow, slow, (false, 4), (false, 4)]);
        assert!(retry.stumbled(start + STEADY * 2), "after a steady time there is new hope");
        assert_eq!(retry.slower(), 1);
    }
}
