//! The engine's events as one unbroken story.
//!
//! Invariant: between two calls of [`Watch::next`] nothing is lost. When the stream shows a gap, a new snapshot
//! stands in for what was missed.

use tern_engine::{
    EngineHandle, EventStream,
    api::{AccountId, AccountView, Answer, CallView, ErrorCode, ErrorView, EventKind, Query, Snapshot},
};

use crate::failure::Failure;

/// What there is to see.
#[expect(clippy::large_enum_variant, reason = "one at a time, never kept")]
pub(crate) enum Seen {
    Happened(EventKind),
    /// Some events were missed; [`Watch::calls`] are the calls that live now, and everything may be different.
    Again,
}

/// Follows one engine.
pub(crate) struct Watch {
    engine: EngineHandle,
    stream: EventStream,
    seq: u32,
    accounts: Vec<AccountView>,
    calls: Vec<CallView>,
}

impl Watch {
    pub(crate) async fn start(engine: &EngineHandle) -> Result<Self, Failure> {
        let (snapshot, stream) = engine.subscribe().await?;
        let Snapshot { seq, accounts, calls, .. } = snapshot;
        Ok(Self { engine: engine.clone(), stream, seq, accounts, calls })
    }

    /// The next thing that happened. The accounts are up to date when it returns. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<Seen, Failure> {
        let Some(event) = self.stream.next().await else {
            return Err(ErrorView::with_detail(ErrorCode::Internal, "the engine has ended").into());
        };
        if event.seq != self.seq.wrapping_add(1) {
            *self = Self::start(&self.engine).await?;
            return Ok(Seen::Again);
        }
        if let EventKind::AccountChanged { .. } = event.kind {
            // Counted as seen only after the answer: dropped here, the gap at the next event makes up for it.
            if let Answer::Snapshot { snapshot } = self.engine.query(Query::Snapshot {}).await? {
                self.accounts = snapshot.accounts;
            }
        }
        self.seq = event.seq;
        tracing::debug!(seq = event.seq, event = name(&event.kind), "the engine tells");
        Ok(Seen::Happened(event.kind))
    }

    /// All accounts.
    pub(crate) fn accounts(&self) -> &[AccountView] {
        &self.accounts
    }

    /// One account.
    pub(crate) fn account(&self, id: &AccountId) -> Result<&AccountView, Failure> {
        self.accounts.iter().find(|a| a.id == *id).ok_or_else(|| ErrorView::new(ErrorCode::NotFound).into())
    }

    /// The calls that lived when the story began, or began anew.
    pub(crate) fn calls(&self) -> &[CallView] {
        &self.calls
    }
}

/// The event's name alone: what it carries is people's.
fn name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::AccountChanged { .. } => "AccountChanged",
        EventKind::CallChanged { .. } => "CallChanged",
        EventKind::ActivityChanged { .. } => "ActivityChanged",
        EventKind::SettingsChanged {} => "SettingsChanged",
        EventKind::StorageChanged {} => "StorageChanged",
        EventKind::ContactsChanged {} => "ContactsChanged",
        EventKind::DevicesChanged {} => "DevicesChanged",
        EventKind::PlayingChanged { .. } => "PlayingChanged",
        EventKind::SoundChecked { .. } => "SoundChecked",
        EventKind::CallRang { .. } => "CallRang",
        EventKind::DigitCame { .. } => "DigitCame",
        EventKind::MessageArrived { .. } => "MessageArrived",
        EventKind::NoticeRaised { .. } => "NoticeRaised",
        EventKind::ShowRequested { .. } => "ShowRequested",
    }
}
