//! What the page in the window may ask of this process: act, read, listen, have a file named. Nothing else.
//!
//! Invariant: a window has at most one flow of events. Subscribing ends the one before, so a page that was
//! reloaded is never told twice.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tauri::{Emitter, State, WebviewWindow};
use tern_engine::api::{Answer, Command, ErrorCode, ErrorView, Query, Reply, Snapshot};
use tern_engine::{EngineHandle, EventStream};
use tern_sandbox::Sandbox;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::platform::files;

/// The name under which the page listens for [`tern_engine::api::Event`]s.
const EVENTS: &str = "engine";

/// The engine, once it is up, and what was started around it.
pub(crate) struct Host {
    engine: watch::Sender<Option<EngineHandle>>,
    flows: Mutex<HashMap<String, JoinHandle<()>>>,
    sandbox: Mutex<Option<Sandbox>>,
    /// Where a person last wanted a file to lie.
    chosen: Mutex<Option<String>>,
}

impl Host {
    /// Without an engine: whatever needs it waits.
    pub(crate) fn new() -> Self {
        Self {
            engine: watch::Sender::new(None),
            flows: Mutex::default(),
            sandbox: Mutex::default(),
            chosen: Mutex::default(),
        }
    }

    /// The engine for those who wait for it outside of a window.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<EngineHandle>> {
        self.engine.subscribe()
    }

    /// The engine is up; everybody who waited goes on.
    pub(crate) fn ready(&self, engine: EngineHandle) {
        self.engine.send_replace(Some(engine));
    }

    /// Keeps an embedded sandbox until [`Host::close`].
    pub(crate) fn keep(&self, sandbox: Sandbox) {
        *self.sandbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(sandbox);
    }

    /// Un-registers and ends the engine, then the sandbox it may have registered with.
    pub(crate) async fn close(&self) {
        let engine = self.engine.borrow().clone();
        if let Some(engine) = engine {
            engine.shutdown().await;
        }
        let sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sandbox) = sandbox {
            sandbox.shutdown().await;
        }
    }

    /// Only a file that a person has just named may be replaced: the page alone can't want it.
    fn as_asked(&self, mut query: Query) -> Query {
        if let Query::Export { path, replace, .. } = &mut query {
            let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner).take();
            *replace = *replace && chosen.as_ref() == Some(path);
        }
        query
    }

    async fn engine(&self) -> Result<EngineHandle, ErrorView> {
        let mut engine = self.watch();
        let engine = engine.wait_for(Option::is_some).await.map(|engine| engine.clone());
        engine.ok().flatten().ok_or_else(|| ErrorView::new(ErrorCode::Internal))
    }

    fn begin_flow(&self, window: WebviewWindow, events: EventStream) {
        let label = window.label().to_owned();
        let flow = tauri::async_runtime::handle().inner().spawn(flow(window, events));
        let before = self.flows.lock().unwrap_or_else(PoisonError::into_inner).insert(label, flow);
        if let Some(before) = before {
            before.abort();
        }
    }

    fn end_flow(&self, window: &WebviewWindow) {
        let before = self.flows.lock().unwrap_or_else(PoisonError::into_inner).remove(window.label());
        if let Some(before) = before {
            before.abort();
        }
    }
}

async fn flow(window: WebviewWindow, mut events: EventStream) {
    while let Some(event) = events.next().await {
        // To this window alone; fails only when it is gone.
        if let Err(error) = window.emit_to(window.label(), EVENTS, event) {
            return tracing::info!(%error, "a window's events ended");
        }
    }
}

/// Acts.
#[tauri::command]
pub(crate) async fn dispatch(host: State<'_, Host>, command: Command) -> Result<Reply, ErrorView> {
    host.engine().await?.command(command).await
}

/// Reads.
#[tauri::command]
pub(crate) async fn ask(host: State<'_, Host>, query: Query) -> Result<Answer, ErrorView> {
    host.engine().await?.query(host.as_asked(query)).await
}

/// Asks where a new file is to lie; `None` where a person changed their mind.
#[tauri::command]
pub(crate) async fn choose_file(
    window: WebviewWindow,
    host: State<'_, Host>,
    name: String,
) -> Result<Option<String>, ErrorView> {
    // A name that is no text can't cross to the page and back.
    let chosen =
        files::choose_new(&window, name).await.and_then(|path| path.into_os_string().into_string().ok());
    (*host.chosen.lock().unwrap_or_else(PoisonError::into_inner)).clone_from(&chosen);
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use tern_engine::api::ExportFormat;

    use super::*;

    #[test]
    fn only_what_a_person_named_is_replaced_and_only_once() {
        let host = Host::new();
        let replaces = |path: &str| {
            let query = Query::Export { format: ExportFormat::Json, path: path.into(), replace: true };
            matches!(host.as_asked(query), Query::Export { replace: true, .. })
        };
        assert!(!replaces("/data/ann/.profile"));
        *host.chosen.lock().unwrap() = Some("/data/ann/all.json".into());
        assert!(replaces("/data/ann/all.json"));
        assert!(!replaces("/data/ann/all.json"));
        *host.chosen.lock().unwrap() = Some("/data/ann/all.json".into());
        assert!(!replaces("/data/ann/.profile"));
    }
}

/// Everything as it is now; the events after it follow under the name `engine`.
#[tauri::command]
pub(crate) async fn subscribe(window: WebviewWindow, host: State<'_, Host>) -> Result<Snapshot, ErrorView> {
    let engine = host.engine().await?;
    host.end_flow(&window);
    let (snapshot, events) = engine.subscribe().await?;
    host.begin_flow(window, events);
    Ok(snapshot)
}
