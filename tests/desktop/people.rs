//! Who writes gets a name, is blocked or deleted, and all that is kept goes into a file.

use std::fs;
use std::process::Command;

use xtask::stage::find_program;

use crate::desk::Desk;
use crate::screen::Screen;
use crate::until::{SOON, until};
use crate::window::Window;

/// Somebody who never wrote before.
const SENDER: &str = "+447700900651";

/// Opens Tern with an SMS from the sender on the screen, and its conversation.
async fn with_thread<'d>(desk: &'d Desk, text: &str) -> Window<'d> {
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    desk.provider.send_sms(SENDER, text).await;
    window.see_row("message", SENDER, "").await.click().await.unwrap();
    window.see("thread-view").await;
    window
}

fn row() -> String {
    format!("[data-testid=activity-item][data-peer=\"{SENDER}\"]")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_added_from_a_conversation_and_names_all_that_comes() {
    let desk = Desk::start().await;
    let window = with_thread(&desk, "It's Nora, new number!").await;
    window.click("thread-more").await;
    window.click("menu-add-contact").await;
    window.type_into("contact-name-input", "Nora Field").await;
    window.picture("new-contact");
    window.click("contact-save").await;
    window.read("thread-peer", "her name", |name| name == "Nora Field").await;
    desk.provider.send_sms(SENDER, "Got it?").await;
    desk.notifications.wait_for("her name", |n| n.title.contains("Nora Field")).await;

    let cards = desk.stage.home.write(
        "phone.vcf",
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Bo Lind\r\nTEL:+4530901820\r\nEND:VCARD\r\n\
         BEGIN:VCARD\r\nFN:Nobody\r\nEND:VCARD\r\n",
    );
    window.click("tab-contacts").await;
    window.give_file("contacts-file", &cards.unwrap()).await;
    window
        .read("contacts-counts", "what came", |text| {
            text.contains("1 contact added") && text.contains("(line 6)")
        })
        .await;
    window.click("contacts-result-close").await;
    window.type_into("contacts-search", "lin").await;
    until("Bo alone", SOON, async || {
        (window.texts("contact-row").await.join("\n").contains("Bo Lind")
            && window.count("[data-testid=contact-row]").await == 1)
            .then_some(())
    })
    .await;
    window.picture("contacts");
    window.quit().await;

    let window = desk.open().await;
    window.see_row("message", SENDER, "").await;
    window.read("activity-peer", "her name", |name| name == "Nora Field").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_number_is_not_heard_of_until_it_is_let_through() {
    let desk = Desk::start().await;
    let window = with_thread(&desk, "You have WON").await;
    window.click("thread-more").await;
    window.click("menu-block").await;
    window.click("block-spam").await;
    window.click("block-confirm").await;
    window.see_gone("thread-view").await;
    until("its rows gone", SOON, async || (window.count(&row()).await == 0).then_some(())).await;

    let told = desk.notifications.all().len();
    desk.provider.send_sms(SENDER, "Claim your prize now").await;
    // Whoever comes after it was told, so it would have been.
    desk.provider.send_sms("+33639982255", "Tu viens ?").await;
    window.see_row("message", "+33639982255", "[data-unread=true]").await;
    desk.notifications.wait_for("the next one", |n| n.body.contains("Tu viens")).await;
    assert_eq!(desk.notifications.all().len(), told + 1);
    assert_eq!(window.count(&row()).await, 0);

    window.click("open-settings").await;
    window.click("settings-blocked").await;
    window.see_attribute("blocked-number", "data-spam", "true").await;
    window.read("blocked-activity", "what came", |text| text.contains("Claim your prize")).await;
    window.picture("blocked");
    window.click("unblock").await;
    window.see("blocked-none").await;
    window.see_row("message", SENDER, "").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_conversation_stays_deleted() {
    let desk = Desk::start().await;
    let window = with_thread(&desk, "Nobody needs this").await;
    window.click("thread-more").await;
    window.click("menu-delete").await;
    window.picture("delete-asked");
    window.click("thread-delete-confirm").await;
    window.see_gone("thread-view").await;
    until("its rows gone", SOON, async || (window.count(&row()).await == 0).then_some(())).await;
    window.quit().await;

    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.see_row("message", "Acme", "").await;
    assert_eq!(window.count(&row()).await, 0, "the provider told of it again");
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_into_the_file_a_person_names() {
    let desk = Desk::start().await;
    let window = with_thread(&desk, "Keep this one").await;
    window.click("open-settings").await;
    let file = desk.stage.home.path().join("all of it.json");
    window.click("export").await;
    name_file(&desk, &file.display().to_string()).await;
    window.read("export-done", "where it is", |text| text.contains("all of it.json")).await;
    window.picture("exported");
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.contains("Keep this one") && written.contains("\"settings\""), "{written}");

    // Changed one's mind: nothing is written and nothing is said.
    fs::remove_file(&file).unwrap();
    window.click("export").await;
    dismiss(&desk).await;
    window.see_gone("export-done").await;
    assert!(!file.exists());
    window.quit().await;
}

/// Types a path into the desktop's dialog for files, and takes it.
async fn name_file(desk: &Desk, path: &str) {
    let screen = Screen::of(&desk.stage.display);
    screen.focus_dialog().await;
    for keys in [&["key", "ctrl+a"][..], &["type", path], &["key", "Return"]] {
        press(desk, keys);
    }
    screen.dialog_gone().await;
}

async fn dismiss(desk: &Desk) {
    let screen = Screen::of(&desk.stage.display);
    screen.focus_dialog().await;
    press(desk, &["key", "Escape"]);
    screen.dialog_gone().await;
}

fn press(desk: &Desk, keys: &[&str]) {
    let mut command = Command::new(find_program("xdotool").unwrap());
    desk.stage.place(&mut command);
    assert!(command.args(keys).status().unwrap().success(), "{keys:?}");
}
