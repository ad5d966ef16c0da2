//! Quit, miss something, come back.

use crate::desk::Desk;

const SENDER: &str = "+447700900318";
const CALLER: &str = "+33639982255";

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_tern_was_off_is_there_and_told_of_once() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.see("activity-item").await;
    window.quit().await;
    let before = desk.notifications.all().len();

    desk.provider.send_sms(SENDER, "Where are you?").await;
    assert!(!desk.provider.call(CALLER, 1).await, "who quits takes the registration back");

    let window = desk.open().await;
    let message = window.see_row("message", SENDER, "[data-unread=true]").await;
    assert!(message.text().await.unwrap().contains("Where are you?"));
    window.see_row("call", CALLER, "[data-outcome=missed][data-unread=true]").await;
    let digest = desk.notifications.wait_for("the digest", |n| n.title == "While you were away").await;
    assert!(digest.body.contains("1 message"), "{}", digest.body);
    assert!(digest.body.contains("1 missed call"), "{}", digest.body);
    window.see("away-notice").await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.picture("back-again");
    window.quit().await;
    let shown = desk.notifications.all();
    assert_eq!(shown.len(), before + 1, "one notification tells of all: {shown:#?}");

    // A third start has nothing new to tell.
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.see_row("call", CALLER, "[data-outcome=missed]").await;
    window.quit().await;
    assert_eq!(desk.notifications.all().len(), before + 1, "the same is not told twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_sandbox_goes_on_living_while_tern_is_off() {
    let desk = Desk::start().await;
    let window = desk.open_with_built_in_sandbox().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.see("sandbox-badge").await;
    window.see("activity-item").await;
    let before = window.read("balance", "an amount", |text| text.contains('$')).await;
    window.quit().await;

    // It listens on other ports now; the account is the same one.
    let window = desk.open_with_built_in_sandbox().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.see_selected("[data-testid=activity-item][data-kind=message][data-unread=true]").await;
    window.see_selected("[data-testid=activity-item][data-outcome=missed][data-unread=true]").await;
    window.see("away-notice").await;
    desk.notifications.wait_for("the digest", |n| n.title == "While you were away").await;
    window.read("balance", "what it was", |text| text == before).await;
    window.picture("built-in");
    window.quit().await;
}
