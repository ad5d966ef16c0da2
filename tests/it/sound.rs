//! What is said comes back, through each codec.

use tern_engine::api::{CallState, Command};
use tern_tests::audio::Sound;

use crate::scene::{Scene, resembles, speech};

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

    let seconds = Sound::read(&person.heard()).expect("a recording").seconds();
    assert!(seconds > 3.5, "only {seconds} s were recorded");
    resembles(&Sound::read(&speech()).expect("the fixture"), &person.heard());
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

#[tokio::test(flavor = "multi_thread")]
async fn who_is_muted_after_talking_sounds_like_a_quiet_room_and_not_like_a_dead_line() {
    let scene = Scene::start().await;
    let traveller = scene.someone("Demo traveller").says(&speech()).speaks_only("PCMU").sits_down().await;
    let friend = scene.someone("Demo friend").hums(400.0).sits_down().await;
    let call = traveller.calls(friend.number()).await;
    let rings = friend.is_called(0).await;
    friend.answers(&rings).await;
    friend.until_call(&rings.id, CallState::Connected).await;
    friend.hears_more(&rings.id, 50).await;
    traveller.does(Command::MuteCall { call: call.clone(), muted: true }).await.expect("there is a call");
    traveller.hears_more(&call, 150).await;
    friend.hangs_up(&rings.id).await;
    friend.until_call(&rings.id, CallState::Ended).await;
    let heard = Sound::read(&friend.leaves().await.heard()).expect("a recording");
    let talk = heard.part(0.0, heard.seconds() - 2.0);
    let quiet = heard.part(heard.seconds() - 1.5, heard.seconds() - 0.2);
    let loudness = |sound: &Sound| {
        (sound.samples.iter().map(|s| f64::from(s * s)).sum::<f64>() / sound.samples.len() as f64).sqrt()
    };
    let (talk, room) = (loudness(&talk), loudness(&quiet));
    assert!(talk > 0.03, "the voice is heard before: {talk}");
    assert!((1e-5..0.003).contains(&room), "a quiet room: {room}");
    let dead = quiet.samples.windows(480).filter(|piece| piece.iter().all(|s| *s == piece[0])).count();
    assert_eq!(dead, 0, "at no time is the line dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_heard_of_a_muted_microphone() {
    let scene = Scene::start().await;
    let traveller = scene.someone("Demo traveller").says(&speech()).speaks_only("PCMU").sits_down().await;
    let call = traveller.calls("echo").await;
    traveller.does(Command::MuteCall { call: call.clone(), muted: true }).await.expect("there is a call");
    traveller
        .until_call_is(&call, "two seconds of echo", |call| {
            call.muted && call.stats.as_ref().is_some_and(|stats| stats.packets_received >= PACKETS / 2)
        })
        .await;
    traveller.hangs_up(&call).await;
    traveller.until_call(&call, CallState::Ended).await;
    let heard = Sound::read(&traveller.leaves().await.heard()).expect("a recording");
    let loudest = heard.samples.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
    // PCMU's smallest step is not quite nothing.
    assert!(heard.seconds() > 1.5 && loudest < 0.01, "{loudest} in {} s", heard.seconds());
}
