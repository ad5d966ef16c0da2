//! An SMS arrives, is seen, and is answered.

use crate::desk::Desk;
use crate::until::{SOON, until};

const SENDER: &str = "+447700900318";

#[tokio::test(flavor = "multi_thread")]
async fn an_sms_is_shown_at_once_and_can_be_answered() {
    let mut desk = Desk::start().await;
    desk.log_everything();
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;

    let text = "Are <b>you</b> & yours there by 8?";
    desk.provider.send_sms(SENDER, text).await;
    let row = window.see_row("message", SENDER, "[data-unread=true]").await;
    assert!(row.text().await.unwrap().contains(text), "the row shows the text as it came");
    let notification = desk.notifications.wait_for("the SMS", |n| n.body.contains("by 8?")).await;
    assert_eq!(
        notification.body, "Are &lt;b&gt;you&lt;/b&gt; &amp; yours there by 8?",
        "a stranger's markup"
    );
    window.picture("sms-arrived");

    row.click().await.unwrap();
    window.see("thread-view").await;
    window.type_into("composer", "Yes, see you there.").await;
    window.picture("answering");
    window.click("send").await;
    window
        .see_selected("[data-testid=message][data-state=sent], [data-testid=message][data-state=delivered]")
        .await;
    window.see_row("message", SENDER, "[data-unread=false]").await;
    let seen = desk.provider.get("/v1/activity/snapshot?limit=5").await.to_string();
    assert!(seen.contains("Yes, see you there."), "the provider has it: {seen}");
    window.picture("answered");
    window.quit().await;
    let (_, _, password, _) = desk.provider.sip();
    desk.assert_not_logged(&["yours there", "see you there", SENDER, &password, &desk.provider.token()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_on_the_notification_opens_the_thread() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    desk.provider.send_sms("+33639982255", "Tu es là ?").await;
    let notification = desk.notifications.wait_for("the SMS", |n| n.body.contains("Tu es là")).await;
    desk.notifications.click(&notification).await;
    let thread = window.see("thread-view").await;
    assert!(thread.text().await.unwrap().contains("Tu es là ?"));
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_copied_and_an_answer_typed_without_opening_the_window() {
    let mut desk = Desk::start().await;
    desk.log_everything();
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;

    desk.provider.send_sms(SENDER, "482913 is your sign-in code.").await;
    let notification = desk.notifications.wait_for("the code", |n| n.body.contains("482913")).await;
    desk.notifications.press(&notification, "Copy code").await;
    // What was copied shows where it is pasted.
    window.see_row("message", SENDER, "").await.click().await.unwrap();
    window.type_into("composer", "\u{e009}v\u{e000}").await;
    until("the code in the composer", SOON, async || {
        let held = window.script("return document.querySelector('[data-testid=composer]').value").await;
        (held == "482913").then_some(())
    })
    .await;
    window.see("message-code").await;
    window.picture("code");

    desk.provider.send_sms("+33639982255", "Shall I call you?").await;
    let notification = desk.notifications.wait_for("the question", |n| n.body.contains("call you")).await;
    desk.notifications.reply(&notification, "In an hour.").await;
    until("the answer at the provider", SOON, async || {
        let sent = desk.provider.get("/v1/activity/snapshot?limit=5").await.to_string();
        sent.contains("In an hour.").then_some(())
    })
    .await;
    window.quit().await;
    desk.assert_not_logged(&["482913", "In an hour", "call you"]);
}
