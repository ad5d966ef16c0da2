//! Somebody calls: a ringtone, a notification, the window's own answer and decline, a missed call.

use crate::desk::Desk;
use crate::screen::Screen;
use crate::tray::Tray;
use crate::until::{SOON, until};

const CALLER: &str = "+447700900318";

#[tokio::test(flavor = "multi_thread")]
async fn it_rings_and_the_notification_answers() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    assert!(desk.is_silent(), "it sounds before anybody calls");

    assert!(desk.provider.call(CALLER, 60).await, "it rings nowhere");
    window.see("incoming-call").await;
    let notification = desk.notifications.wait_for("a ringing call", |n| n.category == "call.incoming").await;
    assert_eq!(notification.urgency, 2, "a call must not time out");
    hear_ringing(&desk).await;
    window.picture("ringing");

    desk.notifications.press(&notification, "Answer").await;
    window.see_attribute("call-state", "data-state", "connected").await;
    window.see_gone("incoming-call").await;
    window.click("call-hangup").await;
    window.see_row("call", CALLER, "[data-outcome=answered]").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_answers() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    desk.provider.call(CALLER, 60).await;
    let notification = desk.notifications.wait_for("a ringing call", |n| n.category == "call.incoming").await;
    window.click("incoming-answer").await;
    window.see_attribute("call-state", "data-state", "connected").await;
    until("the notification gone", SOON, async || {
        desk.notifications.all().iter().any(|n| n.id == notification.id && !n.open).then_some(())
    })
    .await;
    window.click("call-hangup").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_and_the_notification_decline() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;

    desk.provider.call(CALLER, 60).await;
    window.click("incoming-decline").await;
    window.see_gone("incoming-call").await;
    window.see_row("call", CALLER, "[data-outcome=declined]").await;
    until("silence after declining", SOON, async || desk.is_silent().then_some(())).await;

    let other = "+33639982255";
    desk.provider.call(other, 60).await;
    let notification =
        desk.notifications.wait_for("the second call", |n| n.category == "call.incoming" && n.open).await;
    desk.notifications.press(&notification, "Decline").await;
    window.see_gone("incoming-call").await;
    window.see_row("call", other, "[data-outcome=declined]").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_nobody_answers_is_missed() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    desk.provider.call(CALLER, 2).await;
    window.see("incoming-call").await;
    window.see_gone("incoming-call").await;
    window.see_row("call", CALLER, "[data-outcome=missed][data-unread=true]").await;
    desk.notifications.wait_for("a missed call", |n| n.title == "Missed call").await;
    assert!(!desk.notifications.all().iter().any(|n| n.category == "call.incoming" && n.open));
    window.picture("missed");
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_window_comes_back_to_who_answered() {
    let desk = Desk::start().await;
    let tray = Tray::start(&desk.stage.bus).await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    tray.says("ready for calls").await;
    let screen = Screen::of(&desk.stage.display);
    screen.hide_tern().await;

    desk.provider.call(CALLER, 60).await;
    let notification = desk.notifications.wait_for("a ringing call", |n| n.category == "call.incoming").await;
    assert!(!screen.shows_tern(), "it came before anybody answered");
    desk.notifications.press(&notification, "Answer").await;
    until("the window", SOON, async || screen.shows_tern().then_some(())).await;
    window.see_attribute("call-state", "data-state", "connected").await;
    window.click("call-hangup").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_notifications_have_no_buttons_the_window_itself_comes() {
    let desk = Desk::start().await;
    let tray = Tray::start(&desk.stage.bus).await;
    desk.notifications.draw_no_buttons();
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    tray.says("ready for calls").await;
    let screen = Screen::of(&desk.stage.display);
    screen.hide_tern().await;

    desk.provider.call(CALLER, 60).await;
    until("the window", SOON, async || screen.shows_tern().then_some(())).await;
    let notification = desk.notifications.wait_for("a ringing call", |n| n.category == "call.incoming").await;
    assert!(notification.actions.is_empty(), "{:?}", notification.actions);
    window.click("incoming-decline").await;
    window.quit().await;
}

/// Waits until the loudspeaker rings: between two rings there is silence.
async fn hear_ringing(desk: &Desk) {
    const AUDIBLE: f64 = 0.01;
    let file = desk.artifacts().join("ringtone.wav");
    let recording = desk.stage.sound.record_loudspeaker(&file).unwrap();
    let loudness = |piece: &[i16]| {
        (piece.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / piece.len() as f64).sqrt() / 32_768.0
    };
    until("a ringtone from the loudspeaker", SOON, async || {
        // The header is finished when the recording is; what follows it is plain samples.
        let bytes = std::fs::read(&file).ok()?;
        let samples: Vec<i16> =
            bytes.get(44..)?.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        samples.chunks(4_800).any(|piece| loudness(piece) > AUDIBLE).then_some(())
    })
    .await;
    recording.finish().unwrap();
}
