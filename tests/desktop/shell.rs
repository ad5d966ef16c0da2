//! The window among the others of a desktop: started twice, closed, unable to start.

use std::process::Command;
use std::time::Duration;

use xtask::stage::find_program;

use crate::desk::{Desk, app};
use crate::screen::Screen;
use crate::tray::Tray;
use crate::until::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_ends_and_leaves_the_first() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see("window").await;
    let first = window.pid().await;
    let mut second = desk.spawn("tern-desktop", Command::new(app()), &desk.provider.url());
    let ended = tokio::task::block_in_place(|| second.wait(SOON)).unwrap();
    assert!(ended.success(), "{ended}\n{}", second.output());
    assert_eq!(window.pid().await, first);
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_window_quits_where_there_is_no_tray() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    let pid = window.pid().await;
    Screen::of(&desk.stage.display).close_tern();
    window.wait_for_end(pid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_window_hides_it_behind_the_tray() {
    let desk = Desk::start().await;
    let tray = Tray::start(&desk.stage.bus).await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    tray.says("ready for calls").await;
    let pid = window.pid().await;
    let screen = Screen::of(&desk.stage.display);
    screen.hide_tern().await;
    tray.choose("Open Tern").await;
    until("the window back", SOON, async || screen.shows_tern().then_some(())).await;
    assert_eq!(window.pid().await, pid);
    tray.choose("Quit").await;
    window.wait_for_end(pid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_keeps_its_size_from_one_start_to_the_next() {
    let desk = Desk::start().await;
    let screen = Screen::of(&desk.stage.display);
    let is_sized = async |size| {
        until(&format!("a window of {size:?}"), SOON, async || {
            (screen.size_of_tern()? == size).then_some(())
        })
        .await;
    };
    let window = desk.open().await;
    window.see("window").await;
    screen.resize_tern(900, 640);
    is_sized((900, 640)).await;
    window.quit().await;
    let window = desk.open().await;
    window.see("window").await;
    is_sized((900, 640)).await;
    window.picture("smaller");
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_that_cannot_be_written_is_told_and_nothing_panics() {
    let desk = Desk::start().await;
    let mut command = Command::new(app());
    // Below a file there is no directory, not even for root.
    command.env("TERN_DATA_DIR", "/dev/null/tern");
    let mut app = desk.spawn_as_is("tern-desktop", command);
    app.wait_for_line("TERN_DATA_DIR", SOON).unwrap();
    // The same in a dialog, for who started it from a menu.
    let painted = desk.stage.display.screenshot_when_painted(&desk.artifacts().join("dialog.png"), SOON);
    painted.unwrap_or_else(|error| panic!("{error}"));
    press_return(&desk).await;
    let ended = tokio::task::block_in_place(|| app.wait(SOON)).unwrap();
    assert_eq!(ended.code(), Some(1), "{}", app.output());
    assert!(!app.output().contains("panicked"), "{}", app.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_display_a_sentence_and_a_code_are_all() {
    let desk = Desk::start().await;
    for display in ["", ":4711"] {
        let mut command = Command::new(app());
        desk.stage.place(&mut command);
        command.env("DISPLAY", display);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("display") && !said.contains("panicked"), "{said}");
    }
}

/// Nobody has the focus on a display without a window manager: Return goes to whatever is under the pointer.
async fn press_return(desk: &Desk) {
    let xdotool = find_program("xdotool").unwrap();
    let press = || {
        let mut command = Command::new(&xdotool);
        desk.stage.place(&mut command);
        command.args(["mousemove", "40", "40", "key", "Return"]).status().is_ok_and(|status| status.success())
    };
    until("a key pressed", Duration::from_secs(5), async || press().then_some(())).await;
}
