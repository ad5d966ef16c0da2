//! Starting the engine, and the handle its shells hold.

use std::{net::SocketAddr, path::PathBuf};

use tern_provider::{Secret, types::SipCredentials};

use crate::{
    api::{AccountId, Answer, Command, ErrorCode, ErrorView, Event, Query, Reply, Snapshot},
    ports::{NotificationAction, Ports},
};

/// How to start an engine.
pub struct EngineConfig {
    /// Where the database lies; `None` keeps everything in memory.
    pub data_dir: Option<PathBuf>,
    /// The outside.
    pub ports: Ports,
    /// `User-Agent` of SIP.
    pub user_agent: String,
    /// The local SIP address; `None` for any port on every interface.
    pub sip_bind: Option<SocketAddr>,
    /// Limits the offer to these codecs, by their rtpmap names (`opus`, `PCMU`, `PCMA`), in this order.
    pub codecs: Option<Vec<String>>,
    /// Adds account 0, which calls plain addresses and takes calls from anyone without a registrar.
    pub direct: bool,
}

/// The application without a window.
pub struct Engine;

impl Engine {
    /// Opens the database and starts. The engine runs until [`EngineHandle::shutdown`], or until the last handle is
    /// dropped.
    ///
    /// # Errors
    /// [`ErrorCode::StorageFailed`] when the database can't be opened, [`ErrorCode::Internal`] with the reason when
    /// the SIP address can't be bound.
    pub async fn start(config: EngineConfig) -> Result<EngineHandle, ErrorView> {
        let _ = config;
        Err(ErrorView::new(ErrorCode::Internal))
    }
}

/// What a sandbox hands out for its first account.
#[derive(Debug, Clone)]
pub struct SandboxAccess {
    /// The API's base address, such as `http://127.0.0.1:8080`.
    pub url: String,
    /// Bearer token.
    pub token: Secret,
    /// The account's name.
    pub name: String,
    /// Its SIP account.
    pub sip: SipCredentials,
}

/// Asks the sandbox at `url` for its first demo account.
///
/// # Errors
/// [`ErrorCode::ProviderUnreachable`], or [`ErrorCode::NotFound`] when it has no accounts.
pub async fn sandbox_access(url: &str) -> Result<SandboxAccess, ErrorView> {
    let _ = url;
    Err(ErrorView::new(ErrorCode::ProviderUnreachable))
}

/// A way to the running engine. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {}

impl EngineHandle {
    /// Asks the engine to act. Answered once the intent is taken on.
    ///
    /// # Errors
    /// Whatever kept the intent from being taken on.
    pub async fn command(&self, command: Command) -> Result<Reply, ErrorView> {
        let _ = command;
        Err(ErrorView::new(ErrorCode::Internal))
    }

    /// Reads.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::StorageFailed`].
    pub async fn query(&self, query: Query) -> Result<Answer, ErrorView> {
        let _ = query;
        Err(ErrorView::new(ErrorCode::Internal))
    }

    /// Everything as it is now, and the events that follow it without a gap.
    ///
    /// # Errors
    /// [`ErrorCode::StorageFailed`] when the first page can't be read, [`ErrorCode::Internal`] after the end.
    pub async fn subscribe(&self) -> Result<(Snapshot, EventStream), ErrorView> {
        Err(ErrorView::new(ErrorCode::Internal))
    }

    /// Adds the sandbox's account, or brings the one of the same address up to date, and starts it. Its secrets are
    /// handed over at each start and kept nowhere.
    ///
    /// # Errors
    /// [`ErrorCode::StorageFailed`]; [`ErrorCode::ProviderRefused`] when the address is no sandbox's.
    pub async fn attach_sandbox(&self, access: SandboxAccess) -> Result<AccountId, ErrorView> {
        let _ = access;
        Err(ErrorView::new(ErrorCode::Internal))
    }

    /// A notification's button was pressed, or the notification itself clicked.
    pub async fn activate(&self, action: NotificationAction) {
        let _ = action;
    }

    /// Ends calls, un-registers (for at most 2 seconds), writes what is to be written. Later commands fail.
    pub async fn shutdown(&self) {}
}

/// Events as they happen. Holds at most 1,024 that were not taken; older ones are dropped, which shows as a gap in
/// `seq`: subscribe again.
pub struct EventStream {}

impl EventStream {
    /// The next event; `None` once the engine has ended.
    pub async fn next(&mut self) -> Option<Event> {
        None
    }
}
