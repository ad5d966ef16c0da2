//! Starting the engine.

mod handle;
mod sandbox;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use rand::{SeedableRng, rngs::StdRng};
use tokio::sync::{broadcast, mpsc};

use crate::{
    api::{ErrorCode, ErrorView, Event, EventKind, MediaOverrides, Reply},
    core::{CoreConfig, Now, State},
    gate::{Gate, Through},
    link::{self, Connect},
    ports::Ports,
    storage::{Opened, Storage},
    store::Reader,
    task::{Parts, Task},
    voicemail,
};

pub use handle::{EngineHandle, EventStream};
pub use sandbox::{SandboxAccess, sandbox_access, sandbox_accounts, sandbox_clock};

/// Requests that may wait for the engine; whoever asks more waits.
const REQUESTS: usize = 64;
/// Events that may wait for a subscriber.
const EVENTS: usize = 1024;

/// How to start an engine.
pub struct EngineConfig {
    /// Where the database lies; `None` keeps everything in memory.
    pub data_dir: Option<PathBuf>,
    /// Where recordings go when the settings name no folder; `None` is a folder beside the database.
    pub recordings_dir: Option<PathBuf>,
    /// The outside.
    pub ports: Ports,
    /// `User-Agent` of SIP.
    pub user_agent: String,
    /// The local SIP address, whose port goes to the first account; `None` for any port on whichever address leads
    /// to an account's server.
    pub sip_bind: Option<SocketAddr>,
    /// How calls sound and travel, in place of what the accounts have.
    pub media: MediaOverrides,
    /// Adds account 0, which calls plain addresses and takes calls from anyone without a registrar.
    pub direct: bool,
    /// Asked in place of the system's DNS servers.
    pub dns: Option<SocketAddr>,
    /// Told of every SIP message, a line or several at a time, credentials redacted. Called on the engine's task:
    /// it must not wait.
    pub trace: Option<Trace>,
}

/// Where SIP messages are shown.
pub type Trace = Box<dyn Fn(&str) + Send + Sync>;

impl EngineConfig {
    /// An engine that keeps everything in memory and goes by the system's own settings.
    pub fn new(ports: Ports, user_agent: impl Into<String>) -> Self {
        Self {
            data_dir: None,
            recordings_dir: None,
            ports,
            user_agent: user_agent.into(),
            sip_bind: None,
            media: MediaOverrides::default(),
            direct: false,
            dns: None,
            trace: None,
        }
    }
}

/// The application without a window.
pub struct Engine;

impl Engine {
    /// Opens the database and starts, on the current tokio runtime. The engine runs until
    /// [`EngineHandle::shutdown`], or until the last handle is dropped. Where no key opens the database,
    /// [`crate::api::Snapshot::storage`] says what has to be chosen first.
    ///
    /// # Errors
    /// [`ErrorCode::StorageFailed`] when the database can't be opened, [`ErrorCode::Internal`] with the reason when
    /// the SIP address can't be bound.
    pub async fn start(config: EngineConfig) -> Result<EngineHandle, ErrorView> {
        Self::start_with(config, link::over_http()).await
    }

    pub(crate) async fn start_with(
        config: EngineConfig,
        connect: Connect,
    ) -> Result<EngineHandle, ErrorView> {
        if let Some(address) = config.sip_bind {
            // Told here and now: later it would only show as an account that does not connect.
            let free = std::net::UdpSocket::bind(address);
            free.map_err(|error| ErrorView::with_detail(ErrorCode::Internal, format!("{address}: {error}")))?;
        }
        let directory = config.data_dir;
        let beside = || Some(directory.as_ref()?.join("recordings"));
        let recordings = config.recordings_dir.or_else(beside);
        // A name that nobody can know before.
        let apart = || {
            let name: u64 = rand::Rng::random(&mut StdRng::from_os_rng());
            std::env::temp_dir().join(format!("tern-{name:016x}"))
        };
        let voices = directory.as_ref().map_or_else(apart, |directory| directory.join("voices"));
        voicemail::forget_sound(&voices);
        let storage = Storage::new(directory, &config.ports)?;
        let opened = storage.open().await?;
        let (requests_in, requests) = mpsc::channel(REQUESTS);
        let (events, _) = broadcast::channel(EVENTS);
        let reader = Arc::new(OnceLock::new());
        let handle = EngineHandle {
            requests: requests_in.clone(),
            reader: reader.clone(),
            ports: config.ports.clone(),
            voices,
        };
        let outside = Outside {
            core: CoreConfig {
                user_agent: config.user_agent,
                media: config.media,
                direct: config.direct,
                recordings,
                trace: config.trace.is_some(),
                zone: config.ports.clock.zone(),
                seed: rand::Rng::random(&mut StdRng::from_os_rng()),
            },
            ports: config.ports,
            connect,
            sip_bind: config.sip_bind,
            dns: config.dns,
            trace: config.trace,
            reader,
        };
        match opened {
            Opened::Open(opened) => {
                let (store, loaded) = *opened;
                let early = VecDeque::new();
                let through = Through { store, loaded, requests, events, seq: 0, early, chooser: None };
                let task = outside.task(through);
                tokio::spawn(task);
            }
            Opened::Closed(view) => {
                // Held weakly: the last handle's end must still be noticed.
                let requests_in = requests_in.downgrade();
                let gate = Gate { storage, view, requests, events, seq: 0 };
                tokio::spawn(async move {
                    let Some(mut through) = gate.pass().await else { return };
                    let early = std::mem::take(&mut through.early);
                    let (events, seq) = (through.events.clone(), through.seq.wrapping_add(1));
                    through.seq = seq;
                    let task = outside.task(through);
                    // Nobody may be listening.
                    let _ = events.send(Event { seq, kind: EventKind::StorageChanged {} });
                    drop(events);
                    tokio::spawn(async move {
                        for request in early {
                            let Some(requests_in) = requests_in.upgrade() else { return };
                            let _ = requests_in.send(request).await;
                        }
                    });
                    task.await;
                });
            }
        }
        Ok(handle)
    }
}

/// What the task is made of besides its storage.
struct Outside {
    core: CoreConfig,
    ports: Ports,
    connect: Connect,
    sip_bind: Option<SocketAddr>,
    dns: Option<SocketAddr>,
    trace: Option<Trace>,
    reader: Arc<OnceLock<Reader>>,
}

impl Outside {
    /// The task, ready to run; the handles can read from now on.
    fn task(self, through: Through) -> impl Future<Output = ()> + Send {
        let now = Now { instant: self.ports.clock.now(), wall: self.ports.clock.wall() };
        let (state, first) = State::new(self.core, through.loaded, now);
        // Set here only, and storage is opened once.
        let _ = self.reader.set(through.store.reader());
        if let Some(chooser) = through.chooser {
            let _ = chooser.send(Ok(Reply::Done {}));
        }
        let task = Task::new(Parts {
            state,
            store: through.store,
            ports: self.ports,
            connect: self.connect,
            sip_bind: self.sip_bind,
            dns: self.dns,
            trace: self.trace,
            requests: through.requests,
            events: through.events,
            seq: through.seq,
        });
        task.run(first)
    }
}
