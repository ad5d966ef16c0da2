//! Everything wired by hand, in one place: ports into the engine, and the engine into the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tauri::{AppHandle, Manager};
use tern_engine::api::{Answer, ErrorCode, ErrorView, EventKind, Query, Snapshot};
use tern_engine::audio::DeviceAudio;
use tern_engine::ports::{Ports, plain::SystemClock};
use tern_engine::{Engine, EngineConfig, EngineHandle};

use crate::bridge::Host;
use crate::leave::{self, Leaving};
use crate::platform::clipboard::DesktopClipboard;
use crate::platform::keyring::Keyring;
use crate::platform::links::SystemBrowser;
use crate::platform::notify::DesktopNotifier;
use crate::platform::tray::{self, Tray};
use crate::platform::window;
use crate::trouble::Trouble;
use crate::{log, sandbox};

/// Where data is kept instead of the desktop's own place for it.
const DATA_DIR: &str = "TERN_DATA_DIR";

const ICON: &[u8] = include_bytes!("../../icons/128x128.png");

/// Shows the window and starts everything behind it.
///
/// # Errors
/// What keeps the app from starting at all. What comes later than that ends it by itself.
pub(crate) fn compose(app: &mut tauri::App) -> Result<(), Trouble> {
    let data = data_directory(app)?;
    app.manage(log::start(&data));
    app.manage(Host::new());
    app.manage(Leaving::default());
    window::open(app)?;
    tray::raise(app.handle());
    leave::on_signals(app.handle().clone());
    let app = app.handle().clone();
    tauri::async_runtime::spawn(async move {
        if let Err(error) = start(&app, data).await {
            let shown = app.clone();
            let _ = app.run_on_main_thread(move || {
                Trouble::Engine(error).show();
                shown.exit(1);
            });
        }
    });
    Ok(())
}

async fn start(app: &AppHandle, data: PathBuf) -> Result<(), ErrorView> {
    let host = app.state::<Host>();
    let ports = Ports {
        secrets: Arc::new(Keyring::new()),
        notifier: Arc::new(DesktopNotifier::new(app.clone(), host.watch(), icon_file(&data))),
        audio: Arc::new(DeviceAudio::new()),
        clock: Arc::new(SystemClock),
        browser: Arc::new(SystemBrowser),
        clipboard: Arc::new(DesktopClipboard::default()),
    };
    let engine = Engine::start(EngineConfig {
        data_dir: Some(data.clone()),
        // Where people look for sound; a computer without such a folder keeps it beside the database.
        recordings_dir: app.path().audio_dir().ok().map(|music| music.join("Tern")),
        ..EngineConfig::new(ports, concat!("Tern/", env!("CARGO_PKG_VERSION")))
    })
    .await?;
    tauri::async_runtime::spawn(attend(app.clone(), engine.clone()));
    let snapshot = match engine.subscribe().await?.0 {
        open if open.storage.is_none() => open,
        // The window asks how.
        _ => {
            host.ready(engine.clone());
            opened(&engine).await?
        }
    };
    let first_start = snapshot.accounts.is_empty();
    if !first_start {
        // The feed as it was last seen is worth showing before any provider answers.
        host.ready(engine.clone());
    }
    if let Err(error) = sandbox::attach(&host, &engine, &snapshot, &data).await {
        tracing::warn!(code = ?error.code, detail = error.detail, "the sandbox could not be attached");
    }
    if first_start {
        host.ready(engine);
    }
    Ok(())
}

/// What there is once the history is open.
async fn opened(engine: &EngineHandle) -> Result<Snapshot, ErrorView> {
    let (mut snapshot, mut events) = engine.subscribe().await?;
    while snapshot.storage.is_some() {
        if events.next().await.is_none() {
            return Err(ErrorView::new(ErrorCode::Internal));
        }
        snapshot = engine.subscribe().await?.0;
    }
    Ok(snapshot)
}

/// The shell's own ear: keeps the tray true and brings the window when it is asked for.
async fn attend(app: AppHandle, engine: EngineHandle) {
    loop {
        let Ok((snapshot, mut events)) = engine.subscribe().await else { return };
        app.state::<Tray>().tell(&app, &snapshot);
        let mut seen = snapshot.seq;
        loop {
            let Some(event) = events.next().await else { return };
            if event.seq != seen.wrapping_add(1) {
                break;
            }
            seen = event.seq;
            match event.kind {
                EventKind::ShowRequested { .. } => window::show(&app),
                EventKind::StorageChanged {}
                | EventKind::AccountChanged { .. }
                | EventKind::SettingsChanged {} => {
                    if let Ok(Answer::Snapshot { snapshot }) = engine.query(Query::Snapshot {}).await {
                        app.state::<Tray>().tell(&app, &snapshot);
                    }
                }
                _ => {}
            }
        }
    }
}

fn data_directory(app: &tauri::App) -> Result<PathBuf, Trouble> {
    let directory = match std::env::var_os(DATA_DIR).filter(|directory| !directory.is_empty()) {
        Some(directory) => PathBuf::from(directory),
        None => app.path().app_data_dir()?,
    };
    match make(&directory) {
        Ok(()) => Ok(directory),
        Err(error) => {
            Err(Trouble::Data { directory: directory.display().to_string(), reason: error.to_string() })
        }
    }
}

/// Nobody else reads what is kept in it.
fn make(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    // A directory may be there and still refuse files.
    let probe = directory.join(".writable");
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(probe)
}

/// Notification servers don't know an app that was not installed; a file they can always show.
fn icon_file(data: &Path) -> Option<PathBuf> {
    let path = data.join("icon.png");
    if std::fs::read(&path).ok().as_deref() != Some(ICON) {
        std::fs::write(&path, ICON).ok()?;
    }
    Some(path)
}
