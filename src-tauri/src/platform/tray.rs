//! The tray icon: how registration stands, Open, Quit.
//!
//! Invariant: [`Tray::is_shown`] is true only while something draws the icon. Many desktops have nothing that
//! does; there the icon would be an illusion and a window hidden behind it lost.

#[cfg(target_os = "linux")]
mod host;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tauri::image::Image;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Wry};
use tern_engine::api::{AccountView, RegistrationState, Snapshot};
use tern_engine::texts::Texts;

use super::window;

const READY: Image<'_> = tauri::include_image!("../icons/tray-ready.png");
const OFFLINE: Image<'_> = tauri::include_image!("../icons/tray-offline.png");
const ATTENTION: Image<'_> = tauri::include_image!("../icons/tray-attention.png");

/// The tray, drawn or not.
#[derive(Default)]
pub(crate) struct Tray {
    hosted: AtomicBool,
    drawn: Mutex<Option<Drawn>>,
    says: Mutex<Option<Says>>,
}

struct Drawn {
    icon: TrayIcon,
    standing: MenuItem<Wry>,
    open: MenuItem<Wry>,
    quit: MenuItem<Wry>,
}

/// What the tray tells.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Says {
    standing: String,
    light: Light,
    open: String,
    quit: String,
}

/// Which icon stands for how things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Light {
    Ready,
    Offline,
    Attention,
}

impl Tray {
    /// Whether the icon can be seen, so that a hidden window can be found again.
    pub(crate) fn is_shown(&self) -> bool {
        self.hosted.load(Ordering::Acquire) && lock(&self.drawn).is_some()
    }

    /// Tells how things stand now. Nothing is redrawn that did not change.
    pub(crate) fn tell(&self, app: &AppHandle, snapshot: &Snapshot) {
        let says = Says::new(snapshot, &Texts::new(snapshot.settings.language));
        {
            let mut before = lock(&self.says);
            if before.as_ref() == Some(&says) {
                return;
            }
            *before = Some(says.clone());
        }
        on_main_thread(app, move |app| {
            if let Some(drawn) = lock(&app.state::<Tray>().drawn).as_ref() {
                drawn.update(&says);
            }
        });
    }

    fn hosted(&self, app: &AppHandle, hosted: bool) {
        let before = self.hosted.swap(hosted, Ordering::AcqRel);
        if hosted && lock(&self.drawn).is_none() {
            on_main_thread(app, draw);
        }
        if before && !hosted {
            // Whoever drew the icon is gone; a window hidden behind it would be lost.
            window::show(app);
        }
    }
}

/// Shows the icon as soon as there is something that draws it.
pub(crate) fn raise(app: &AppHandle) {
    app.manage(Tray::default());
    #[cfg(target_os = "linux")]
    {
        let app = app.clone();
        tauri::async_runtime::spawn(host::follow(move |hosted| app.state::<Tray>().hosted(&app, hosted)));
    }
    #[cfg(not(target_os = "linux"))]
    app.state::<Tray>().hosted(app, true);
}

fn draw(app: &AppHandle) {
    let tray = app.state::<Tray>();
    if lock(&tray.drawn).is_some() {
        return;
    }
    // The library behind it is loaded at run time and its absence ends in a panic.
    let drawn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Drawn::new(app)));
    let drawn = match drawn {
        Ok(Ok(drawn)) => drawn,
        Ok(Err(error)) => return tracing::warn!(%error, "no tray icon"),
        Err(_) => return tracing::warn!("no tray icon: libayatana-appindicator3 is not installed"),
    };
    if let Some(says) = lock(&tray.says).as_ref() {
        drawn.update(says);
    }
    *lock(&tray.drawn) = Some(drawn);
}

impl Drawn {
    fn new(app: &AppHandle) -> tauri::Result<Self> {
        let standing = MenuItem::new(app, "Tern", false, None::<&str>)?;
        let open = MenuItem::with_id(app, "open", "Open Tern", true, None::<&str>)?;
        let quit = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
        let menu = Menu::with_items(
            app,
            &[
                &standing,
                &PredefinedMenuItem::separator(app)?,
                &open,
                &PredefinedMenuItem::separator(app)?,
                &quit,
            ],
        )?;
        let icon = TrayIconBuilder::with_id("tern")
            .icon(OFFLINE)
            .tooltip("Tern")
            .menu(&menu)
            .show_menu_on_left_click(false)
            .on_menu_event(|app, event| match event.id().as_ref() {
                "open" => window::show(app),
                "quit" => app.exit(0),
                _ => {}
            })
            .on_tray_icon_event(|icon, event| {
                if let TrayIconEvent::Click {
                    button: MouseButton::Left,
                    button_state: MouseButtonState::Up,
                    ..
                } = event
                {
                    window::show(icon.app_handle());
                }
            })
            .build(app)?;
        Ok(Self { icon, standing, open, quit })
    }

    fn update(&self, says: &Says) {
        let icon = match says.light {
            Light::Ready => READY,
            Light::Offline => OFFLINE,
            Light::Attention => ATTENTION,
        };
        let updated = self
            .icon
            .set_icon(Some(icon))
            // Linux has no tooltips on these; there the menu's first line and the title say it.
            .and_then(|()| self.icon.set_tooltip(Some(&says.standing)))
            .and_then(|()| self.icon.set_title(cfg!(target_os = "linux").then_some(&says.standing)))
            .and_then(|()| self.standing.set_text(&says.standing))
            .and_then(|()| self.open.set_text(&says.open))
            .and_then(|()| self.quit.set_text(&says.quit));
        if let Err(error) = updated {
            tracing::warn!(%error, "the tray could not be updated");
        }
    }
}

impl Says {
    fn new(snapshot: &Snapshot, texts: &Texts) -> Self {
        // One line for all accounts: the one in trouble is what its user has to know.
        let account = snapshot
            .accounts
            .iter()
            .find(|account| !matches!(account.registration, RegistrationState::Registered {}))
            .or(snapshot.accounts.first());
        Self {
            standing: account
                .map_or_else(|| texts.get("tray-no-account", &[]), |account| line(account, texts)),
            light: account.map_or(Light::Offline, light),
            open: texts.get("tray-open", &[]),
            quit: texts.get("tray-quit", &[]),
        }
    }
}

fn line(account: &AccountView, texts: &Texts) -> String {
    let key = match account.registration {
        RegistrationState::Registered {} => "tray-registered",
        RegistrationState::Registering {} => "tray-registering",
        RegistrationState::Offline {} => "tray-offline",
        RegistrationState::Retrying { .. }
        | RegistrationState::PasswordNeeded { .. }
        | RegistrationState::Stopped { .. } => "tray-trouble",
    };
    texts.get(key, &[("account", account.name.as_str().into())])
}

fn light(account: &AccountView) -> Light {
    match account.registration {
        RegistrationState::Registered {} => Light::Ready,
        RegistrationState::Registering {}
        | RegistrationState::Offline {}
        | RegistrationState::Retrying { .. } => Light::Offline,
        RegistrationState::PasswordNeeded { .. } | RegistrationState::Stopped { .. } => Light::Attention,
    }
}

fn on_main_thread(app: &AppHandle, work: impl FnOnce(&AppHandle) + Send + 'static) {
    let handle = app.clone();
    // Fails only when the event loop has ended.
    let _ = app.run_on_main_thread(move || work(&handle));
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tern_engine::api::{
        AccountId, ActivityPage, DevicesView, ErrorCode, ErrorView, FeedState, Language, Settings,
    };

    use super::*;

    fn account(name: &str, registration: RegistrationState) -> AccountView {
        AccountView {
            id: AccountId(1),
            name: name.into(),
            address: "a@b.example".into(),
            sandbox: false,
            registration,
            numbers: Vec::new(),
            balance: None,
            feed: FeedState::None {},
            topup_limits: None,
            topups: Vec::new(),
            media: tern_engine::api::MediaOptions::default(),
            voicemail: None,
            deletes_threads: false,
            deleting: 0,
            history: None,
        }
    }

    fn says(accounts: Vec<AccountView>) -> Says {
        let snapshot = Snapshot {
            seq: 0,
            accounts,
            calls: Vec::new(),
            activity: ActivityPage { items: Vec::new(), next: None, unread: 0 },
            devices: DevicesView::default(),
            settings: Settings::default(),
            notices: None,
            playing: None,
            storage: None,
        };
        Says::new(&snapshot, &Texts::new(Language::En))
    }

    #[test]
    fn the_account_in_trouble_is_the_one_told_of() {
        let refused = RegistrationState::Stopped { error: ErrorView::new(ErrorCode::WrongPassword) };
        let told = says(vec![account("Home", RegistrationState::Registered {}), account("Work", refused)]);
        assert_eq!((told.standing.as_str(), told.light), ("Work: needs attention", Light::Attention));
        let told = says(vec![account("Home", RegistrationState::Registered {})]);
        assert_eq!((told.standing.as_str(), told.light), ("Home: ready for calls", Light::Ready));
    }

    #[test]
    fn without_an_account_nothing_is_ready() {
        assert_eq!(says(Vec::new()).light, Light::Offline);
    }
}
