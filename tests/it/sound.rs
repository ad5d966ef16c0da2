//! What is said comes back, through each codec.

use tern_engine::api::CallState;
use tern_tests::audio::{Sound, correlate};

use crate::scene::{Scene, speech};

/// 20 ms each: four seconds of the five that are spoken.
const PACKETS: u32 = 200;

async fn echoes(codec: &str) {
    let scene = Scene::start().await;
    let traveller = scene.someone("Demo traveller").says(&speech()).speaks_only(codec).sits_down().await;
    let call = traveller.calls("echo").await;
    traveller.until_call(&call, CallState::Connected).await;
    let heard = traveller
        .until_call_is(&call, "four seconds of echo", |call| {
            call.stats.as_ref().is_some_and(|stats| stats.packets_received >= PACKETS)
        })
        .await;
    let stats = heard.stats.expect("figures");
    assert_eq!(stats.codec.to_lowercase(), codec.to_lowercase());
    traveller.hangs_up(&call).await;
    let end = traveller.until_call(&call, CallState::Ended).await;
    let stats = end.stats.expect("the last figures");
    assert_eq!(stats.packets_lost, 0, "{stats:?}");
    let person = traveller.leaves().await;

    let said = Sound::read(&speech()).expect("the fixture");
    let heard = Sound::read(&person.heard()).expect("a recording");
    assert!(heard.seconds() > 3.5, "only {} s were recorded", heard.seconds());
    let found = correlate(&said, &heard);
    assert!(found.correlation > 0.9, "{codec}: {found:?}, {} s heard, {stats:?}", heard.seconds());
}

#[tokio::test(flavor = "multi_thread")]
async fn opus() {
    echoes("opus").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pcmu() {
    echoes("PCMU").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pcma() {
    echoes("PCMA").await;
}
