//! What a person sees when they open Tern for the first time.

use std::time::{Duration, Instant};

use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn the_window_shows_registration_balance_dial_pad_and_activity() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    let account = desk.provider.get("/v1/account").await;
    let amount = account["balance"]["amount"].as_str().unwrap();
    window.read("balance", amount, |text| text.contains(amount)).await;
    window.see("add-funds").await;
    window.see("dial-input").await;
    // Seeded: both kinds, from more than one person.
    for kind in ["message", "call"] {
        let selector = format!("[data-testid=activity-item][data-kind={kind}]");
        assert!(window.count(&selector).await > 1, "too few rows of kind {kind}");
    }
    window.picture("first-look");
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_can_reach_nothing_but_the_engine() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see("window").await;
    // Strict content policy and no global bridge: a script in a message would find nothing to call.
    assert_eq!(window.script("return typeof window.__TAURI__").await, "undefined");
    let fetched =
        window.script("return fetch('http://127.0.0.1:9/').then(() => 'reached', e => e.name)").await;
    assert_eq!(fetched, "TypeError");
    let evaluated = window.script("try { return eval('1 + 1') } catch (e) { return e.name }").await;
    assert_eq!(evaluated, "EvalError");
    let refused = window
        .script(
            "return window.__TAURI_INTERNALS__.invoke('plugin:window|close').then(() => 'done', e => String(e))",
        )
        .await;
    assert!(refused.as_str().is_some_and(|said| said.contains("not allowed")), "{refused}");
    window.quit().await;
}

/// Says how long a start takes and what the idle app holds; fails only where a person would think it hangs.
#[tokio::test(flavor = "multi_thread")]
async fn the_feed_is_there_soon_after_the_start() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.quit().await;

    let begun = Instant::now();
    let window = desk.open().await;
    window.see("activity-item").await;
    let feed = begun.elapsed();
    window.see_attribute("registration-state", "data-state", "registered").await;
    let ready = begun.elapsed();
    let memory = window.memory().await;
    eprintln!(
        "start to painted feed {} ms, to ready for calls {} ms; app and page hold {memory} MB",
        feed.as_millis(),
        ready.as_millis(),
    );
    assert!(feed < Duration::from_secs(15), "{feed:?}");
    assert!(memory < 600, "{memory} MB");
    window.quit().await;
}
