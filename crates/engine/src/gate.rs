//! The engine before its storage is open: it takes the one choice that opens it, and lets everything else wait or go.

use std::collections::VecDeque;

use tokio::sync::{broadcast, mpsc, oneshot};

use crate::{
    api::{
        ActivityPage, Command, DevicesView, ErrorCode, ErrorView, Event, EventKind, Reply, Settings,
        Snapshot, StorageView,
    },
    record::Loaded,
    storage::{Opened, Storage},
    store::Store,
    task::{Request, gone},
};

/// Accounts of a sandbox that wait to be attached.
const WAITING: usize = 16;

/// Stands where the task will.
pub(crate) struct Gate {
    pub(crate) storage: Storage,
    pub(crate) view: StorageView,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) events: broadcast::Sender<Event>,
    /// The number of the last event.
    pub(crate) seq: u32,
}

/// What goes on once storage is open.
pub(crate) struct Through {
    pub(crate) store: Store,
    pub(crate) loaded: Loaded,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) seq: u32,
    /// Requests that came too early, oldest first.
    pub(crate) early: VecDeque<Request>,
    /// Who chose, to be told once the handles can read.
    pub(crate) chooser: Option<Chooser>,
}

/// Waits for what became of a choice.
pub(crate) type Chooser = oneshot::Sender<Result<Reply, ErrorView>>;

impl Gate {
    /// Waits for the choice; `None` when the shell has gone.
    pub(crate) async fn pass(mut self) -> Option<Through> {
        let mut early = VecDeque::new();
        while let Some(request) = self.requests.recv().await {
            match request {
                Request::Command(Command::OpenStorage { choice }, answer) => {
                    let closed = ErrorView::new(ErrorCode::StorageClosed);
                    let chosen = self.storage.choose(choice).await;
                    let reply = match chosen {
                        Ok(Opened::Open(opened)) => {
                            let (store, loaded) = *opened;
                            let Self { requests, events, seq, .. } = self;
                            let chooser = Some(answer);
                            return Some(Through { store, loaded, requests, events, seq, early, chooser });
                        }
                        Ok(Opened::Closed(view)) => {
                            self.view = view;
                            self.changed();
                            closed
                        }
                        Err(error) => error,
                    };
                    // Whoever asked may have gone.
                    let _ = answer.send(Err(reply));
                }
                Request::Command(_, answer) => {
                    let _ = answer.send(Err(ErrorView::new(ErrorCode::StorageClosed)));
                }
                Request::Attach(..) if early.len() < WAITING => early.push_back(request),
                Request::Attach(_, answer) => {
                    let _ = answer.send(Err(gone()));
                }
                Request::Subscribe(answer) => {
                    let _ = answer.send((self.snapshot(), self.events.subscribe()));
                }
                Request::Consult(_, answer) => {
                    let _ = answer.send(Err(ErrorView::new(ErrorCode::StorageClosed)));
                }
                Request::HandOver(_, _, answer) | Request::AddressBook(_, answer) => {
                    let _ = answer.send(Err(ErrorView::new(ErrorCode::StorageClosed)));
                }
                Request::Facts(_, answer) => {
                    let _ = answer.send(None);
                }
                // No notification was shown yet.
                Request::Activate(_) => {}
                Request::Shutdown(answer) => {
                    let _ = answer.send(());
                    return None;
                }
            }
        }
        None
    }

    fn changed(&mut self) {
        self.seq = self.seq.wrapping_add(1);
        let _ = self.events.send(Event { seq: self.seq, kind: EventKind::StorageChanged {} });
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            seq: self.seq,
            accounts: Vec::new(),
            calls: Vec::new(),
            activity: ActivityPage { items: Vec::new(), next: None, unread: 0 },
            devices: DevicesView::default(),
            settings: Settings::default(),
            notices: None,
            playing: None,
            storage: Some(self.view),
        }
    }
}
