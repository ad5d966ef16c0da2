//! What is missing on this machine, or wrong, is told and does not stop the rest.

use crate::desk::{Desk, With};
use crate::window::Window;

/// What the history is closed with where there is no keyring.
const PASSPHRASE: &str = "correct horse battery";

/// Types the sandbox's SIP account in by hand, as one of a provider that Tern knows nothing of.
async fn add_account(desk: &Desk, window: &Window<'_>, password: Option<&str>) {
    let (user, domain, right, proxy) = desk.provider.sip();
    window.click("welcome-settings").await;
    window.click("account-add").await;
    window.type_into("account-user", &user).await;
    window.type_into("account-domain", &domain).await;
    window.type_into("account-password", password.unwrap_or(&right)).await;
    window.type_into("account-proxy", &proxy).await;
    window.picture("add-account");
    window.click("account-submit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_not_tried_again() {
    let desk = Desk::start().await;
    let window = desk.open_without_account().await;
    add_account(&desk, &window, Some("not the password")).await;
    window.see("password-prompt").await;
    window.see_attribute("registration-state", "data-state", "stopped").await;
    window.picture("wrong-password");
    let (_, _, right, _) = desk.provider.sip();
    window.type_into("password-input", &right).await;
    window.click("password-submit").await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyring_keeps_the_password_from_one_start_to_the_next() {
    let desk = Desk::start().await;
    let window = desk.open_without_account().await;
    add_account(&desk, &window, None).await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.quit().await;
    let window = desk.open_without_account().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keyring_the_password_is_asked_for_at_each_start() {
    let desk = Desk::start_with(With::NoKeyring).await;
    let window = desk.open_without_account().await;
    // Nothing is kept in the clear: first its user says how.
    window.see("storage").await;
    window.picture("storage-choice");
    window.type_into("storage-passphrase", PASSPHRASE).await;
    window.type_into("storage-again", PASSPHRASE).await;
    window.click("storage-open").await;
    window.see_gone("storage").await;
    add_account(&desk, &window, None).await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.quit().await;

    let window = desk.open_without_account().await;
    window.type_into("storage-passphrase", PASSPHRASE).await;
    window.click("storage-open").await;
    window.see("password-prompt").await;
    window.see_attribute("registration-state", "data-state", "passwordNeeded").await;
    window.picture("password-needed");
    let (_, _, right, _) = desk.provider.sip();
    window.type_into("password-input", &right).await;
    window.click("password-submit").await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.quit().await;
    desk.assert_nowhere_on_disk(&right);
    desk.assert_nowhere_on_disk(PASSPHRASE);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_sound_devices_a_call_still_connects_and_says_so() {
    let desk = Desk::start_with(With::NoSound).await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.type_into("dial-input", "echo").await;
    window.click("dial-call").await;
    window.see_attribute("call-state", "data-state", "connected").await;
    window.see("call-audio-trouble").await;
    window.picture("no-sound");
    window.click("call-hangup").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_away_the_last_known_feed_stays_and_recovers() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.see_row("message", "Acme", "").await;
    window.quit().await;

    desk.provider.answers(false).await;
    let window = desk.open().await;
    window.see_row("message", "Acme", "").await;
    window.see("stale-banner").await;
    window.picture("stale");
    desk.provider.send_sms("+447700900318", "Back again").await;
    desk.provider.answers(true).await;
    window.click("stale-retry").await;
    window.see_row("message", "+447700900318", "[data-unread=true]").await;
    window.see_gone("stale-banner").await;
    window.quit().await;
}
