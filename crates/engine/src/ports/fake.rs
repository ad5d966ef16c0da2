//! Ports that remember what they were asked, for tests.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use tern_media::NationalTones;
use url::Url;

use super::{
    Audio, Browser, BrowserError, Clipboard, ClipboardError, Clock, Notification, Notifier, OneTimeCode,
    Ports, RingPlace, RingTone, Ringing, plain::MemorySecrets,
};
use crate::{
    api::DevicesView,
    audio::{FileAudio, OpenedAudio},
};

/// What was shown, what is still there, what was opened and what rang.
#[derive(Default)]
pub struct Record {
    /// Notifications there are now, oldest first.
    pub shown: Vec<Notification>,
    /// Every notification ever shown.
    pub all: Vec<Notification>,
    /// Pages opened.
    pub opened: Vec<Url>,
    /// Tones that sound now.
    pub tones: Vec<RingTone>,
    /// What is in the clipboard.
    pub clipboard: Option<String>,
}

/// Ports whose doings can be looked at.
#[derive(Clone, Default)]
pub struct FakePorts {
    record: Arc<Mutex<Record>>,
    secrets: Arc<MemorySecrets>,
    clock: Arc<FakeClock>,
}

impl FakePorts {
    /// Looks at what happened so far.
    pub fn look<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        look(&self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts something into the clipboard, as another program does.
    pub fn copy(&self, text: &str) {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clipboard = Some(text.to_owned());
    }

    /// The clock, to be moved by hand.
    pub fn clock(&self) -> &FakeClock {
        &self.clock
    }

    /// Ports around the same record, secrets and clock; a second engine gets what the first one left.
    pub fn ports(&self) -> Ports {
        Ports {
            secrets: self.secrets.clone(),
            notifier: Arc::new(FakeNotifier(self.record.clone())),
            audio: Arc::new(FakeAudio(self.record.clone())),
            clock: self.clock.clone(),
            browser: Arc::new(FakeBrowser(self.record.clone())),
            clipboard: Arc::new(FakeClipboard(self.record.clone())),
        }
    }
}

struct FakeNotifier(Arc<Mutex<Record>>);

#[async_trait]
impl Notifier for FakeNotifier {
    async fn show(&self, notification: Notification) {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.shown.retain(|n| n.tag != notification.tag);
        record.shown.push(notification.clone());
        record.all.push(notification);
    }

    async fn close(&self, tag: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).shown.retain(|n| n.tag != tag);
    }
}

struct FakeBrowser(Arc<Mutex<Record>>);

#[async_trait]
impl Browser for FakeBrowser {
    async fn open(&self, url: &Url) -> Result<(), BrowserError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).opened.push(url.clone());
        Ok(())
    }
}

struct FakeClipboard(Arc<Mutex<Record>>);

#[async_trait]
impl Clipboard for FakeClipboard {
    async fn copy(&self, code: &OneTimeCode) -> Result<(), ClipboardError> {
        let held = Some(code.reveal().to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clipboard = held;
        Ok(())
    }

    async fn clear(&self, code: &OneTimeCode) {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.clipboard = record.clipboard.take().filter(|held| held != code.reveal());
    }
}

struct FakeAudio(Arc<Mutex<Record>>);

struct FakeRinging(Arc<Mutex<Record>>, RingTone);

impl Ringing for FakeRinging {}

impl Drop for FakeRinging {
    fn drop(&mut self) {
        let tones = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).tones;
        if let Some(at) = tones.iter().position(|t| *t == self.1) {
            tones.remove(at);
        }
    }
}

impl Audio for FakeAudio {
    fn open(&self, _: Option<&str>, _: Option<&str>) -> OpenedAudio {
        FileAudio::silent().open(None, None)
    }

    fn ring(&self, _: &RingPlace, tone: RingTone, _: NationalTones) -> Box<dyn Ringing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tones.push(tone);
        Box::new(FakeRinging(self.0.clone(), tone))
    }

    fn devices(&self) -> DevicesView {
        DevicesView::default()
    }
}

/// A clock that stands still until it is moved.
pub struct FakeClock {
    started: Instant,
    passed: Mutex<Duration>,
}

impl Default for FakeClock {
    fn default() -> Self {
        Self { started: Instant::now(), passed: Mutex::default() }
    }
}

impl FakeClock {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        *self.passed.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Instant {
        self.started + *self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wall(&self) -> Timestamp {
        let passed = *self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        // 2026-03-02T09:00:00Z
        Timestamp::constant(1_772_442_000, 0).checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
}
