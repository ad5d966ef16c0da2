//! Tern's window, seen and used the way a person does: through what is on the screen.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

use tern_tests::{Process, ports};
use thirtyfour::prelude::*;
use thirtyfour::{Capabilities, WebDriver};
use xtask::stage::find_program;

use crate::desk::{Desk, app};
use crate::until::{SOON, until};

/// An open window. Dropped in a failing test it leaves a picture, its page and its logs behind.
pub(crate) struct Window<'d> {
    desk: &'d Desk,
    driver: WebDriver,
    process: Process,
}

impl<'d> Window<'d> {
    /// Opens the app; `sandbox` is what `TERN_SANDBOX` is to be.
    pub(crate) async fn open(desk: &'d Desk, sandbox: &str) -> Self {
        let port = ports::free().unwrap();
        let mut command =
            Command::new(find_program("WebKitWebDriver").unwrap_or_else(|error| panic!("{error}")));
        command.args(["--host=127.0.0.1", &format!("--port={port}")]).env("TAURI_WEBVIEW_AUTOMATION", "true");
        let process = desk.spawn("WebKitWebDriver", command, sandbox);
        let address = format!("http://127.0.0.1:{port}");
        until("WebKitWebDriver", SOON, async || reqwest::get(format!("{address}/status")).await.ok()).await;
        let mut capabilities = Capabilities::new();
        capabilities.set("browserName", "wry").unwrap();
        let options = serde_json::json!({ "binary": app(), "args": [] });
        capabilities.set("webkitgtk:browserOptions", options).unwrap();
        let driver = match WebDriver::new(address, capabilities).await {
            Ok(driver) => driver,
            Err(error) => {
                desk.picture("did-not-open");
                desk.keep_logs();
                panic!("the window did not open: {error}\n{}", process.output());
            }
        };
        Self { desk, driver, process }
    }

    /// Waits until an element is there and can be seen.
    pub(crate) async fn see(&self, id: &str) -> WebElement {
        until(&format!("{id} on the screen"), SOON, async || {
            let element = self.driver.find(by(id)).await.ok()?;
            element.is_displayed().await.ok()?.then_some(element)
        })
        .await
    }

    /// Waits until an element is gone.
    pub(crate) async fn see_gone(&self, id: &str) {
        until(&format!("{id} gone"), SOON, async || (!self.is_there(id).await).then_some(())).await;
    }

    /// Whether an element is there now.
    pub(crate) async fn is_there(&self, id: &str) -> bool {
        self.driver.find_all(by(id)).await.is_ok_and(|found| !found.is_empty())
    }

    /// Waits until an element reads as wanted, and gives its text.
    pub(crate) async fn read(&self, id: &str, what: &str, fits: impl Fn(&str) -> bool) -> String {
        until(&format!("{id} reads {what}"), SOON, async || {
            self.texts(id).await.into_iter().next().filter(|text| fits(text))
        })
        .await
    }

    /// The texts of all elements of that id, top to bottom.
    pub(crate) async fn texts(&self, id: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(`[data-testid=\"${arguments[0]}\"]`)].map(e => e.innerText)";
        match self.driver.execute(script, vec![id.into()]).await {
            Ok(answer) => answer.convert().unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }

    /// Waits until an attribute of an element has that value.
    pub(crate) async fn see_attribute(&self, id: &str, name: &str, value: &str) {
        self.see_selected(&format!("[data-testid=\"{id}\"][{name}=\"{value}\"]")).await;
    }

    /// Waits for a row of Recent Activity: its kind, the other side as it came, and what else its line says.
    pub(crate) async fn see_row(&self, kind: &str, peer: &str, more: &str) -> WebElement {
        self.see_selected(&format!(
            "[data-testid=activity-item][data-kind={kind}][data-peer=\"{peer}\"]{more}"
        ))
        .await
    }

    /// Waits until something that a CSS selector picks can be seen.
    pub(crate) async fn see_selected(&self, selector: &str) -> WebElement {
        until(&format!("{selector} on the screen"), SOON, async || {
            let element = self.driver.find(By::Css(selector)).await.ok()?;
            element.is_displayed().await.ok()?.then_some(element)
        })
        .await
    }

    /// How many elements a CSS selector picks now.
    pub(crate) async fn count(&self, selector: &str) -> usize {
        self.driver.find_all(By::Css(selector)).await.map_or(0, |found| found.len())
    }

    /// Clicks an element once it can be clicked.
    pub(crate) async fn click(&self, id: &str) {
        until(&format!("{id} can be clicked"), SOON, async || {
            let element = self.driver.find(by(id)).await.ok()?;
            element.click().await.ok()
        })
        .await;
    }

    /// Types into a field.
    pub(crate) async fn type_into(&self, id: &str, text: &str) {
        let field = self.see(id).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Chooses a file in a field for files, which need not be seen.
    pub(crate) async fn give_file(&self, id: &str, path: &Path) {
        let field =
            until(&format!("{id} in the page"), SOON, async || self.driver.find(by(id)).await.ok()).await;
        field.send_keys(path.display().to_string()).await.unwrap();
    }

    /// Runs a script in the page and gives its answer.
    pub(crate) async fn script(&self, script: &str) -> serde_json::Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// Keeps a picture of the screen after the test.
    pub(crate) fn picture(&self, name: &str) {
        self.desk.picture(name);
    }

    /// The app's process id.
    pub(crate) async fn pid(&self) -> u32 {
        self.desk.notifications.owner_pid("app.tern.desktop.SingleInstance").await
    }

    /// Memory of the app and of the processes behind its page, in MB: what they share counts once (PSS).
    pub(crate) async fn memory(&self) -> u64 {
        let mut family = vec![self.pid().await];
        let mut next = 0;
        while let Some(pid) = family.get(next).copied() {
            next += 1;
            for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
                let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
                family.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            }
        }
        let kilobytes = |pid: &u32| {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0)
        };
        family.iter().map(kilobytes).sum::<u64>() / 1024
    }

    /// Ends the app the way the end of a session does, and waits until it is gone.
    pub(crate) async fn quit(self) {
        let pid = self.pid().await;
        let status = Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap();
        assert!(status.success(), "the app was gone already");
        self.wait_for_end(pid).await;
    }

    /// Waits until the app has ended by itself.
    pub(crate) async fn wait_for_end(&self, pid: u32) {
        // Whoever ended and was not collected yet has no command line any more.
        let gone = || fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().is_empty();
        until("the end of the app", SOON, async || gone().then_some(())).await;
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        self.desk.picture("failed");
        self.desk.keep_logs();
        let folder = self.desk.artifacts();
        let _ = fs::write(folder.join("output.txt"), self.process.output());
        let page = tokio::task::block_in_place(|| {
            let page = tokio::time::timeout(Duration::from_secs(5), self.driver.source());
            tokio::runtime::Handle::current().block_on(page)
        });
        if let Ok(Ok(page)) = page {
            let _ = fs::write(folder.join("page.html"), page);
        }
        eprintln!("what there was to see: {}", folder.display());
    }
}

fn by(id: &str) -> By {
    By::Css(format!("[data-testid=\"{id}\"]"))
}
