//! A call to the echo service through the real sound devices.

use std::path::Path;
use std::time::Duration;

use tern_tests::audio::{Sound, correlate_pieces, speech};

use crate::desk::Desk;
use crate::until::{SOON, until};
use crate::window::Window;

/// A call in progress with a timer that has begun.
async fn call_echo(window: &Window<'_>) {
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.type_into("dial-input", "echo").await;
    window.click("dial-call").await;
    window.see("call-screen").await;
    window.see_attribute("call-state", "data-state", "connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_hears_themselves() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    call_echo(&window).await;
    let first = window.read("call-timer", "a time", |text| text.contains(':')).await;

    let voice = speech(48_000, 6.0, 7);
    let spoken = desk.artifacts().join("spoken.wav");
    voice.write(&spoken).unwrap();
    let heard = hear_oneself(&desk, &voice, &spoken).await;
    window.picture("in-a-call");
    window.read("call-timer", "a later time", |text| text != first).await;

    window.click("call-mute").await;
    window.see_attribute("call-mute", "aria-pressed", "true").await;
    let muted = listen(&desk, "muted.wav", &spoken).await;
    let (loud, quiet) = (loudness(&heard), loudness(&muted));
    assert!(quiet < loud / 20.0, "muted {quiet}, before {loud}");

    window.click("call-hangup").await;
    window.see_row("call", "echo", "[data-outcome=answered]").await;
    until("an idle loudspeaker", SOON, async || desk.is_silent().then_some(())).await;
    window.picture("after-the-call");
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_on_hold_and_goes_on() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    call_echo(&window).await;
    let voice = speech(48_000, 6.0, 8);
    let spoken = desk.artifacts().join("spoken.wav");
    voice.write(&spoken).unwrap();

    window.click("call-hold").await;
    window.see_attribute("call-state", "data-hold", "here").await;
    window.see_attribute("call-hold", "aria-pressed", "true").await;
    window.picture("on-hold");
    let held = listen(&desk, "held.wav", &spoken).await;

    window.click("call-hold").await;
    window.see_attribute("call-state", "data-hold", "none").await;
    let heard = hear_oneself(&desk, &voice, &spoken).await;
    let (loud, quiet) = (loudness(&heard), loudness(&held));
    assert!(quiet < loud / 20.0, "held {quiet}, afterwards {loud}");

    // Nobody of that name can take it over: the call stays.
    window.click("call-transfer").await;
    window.type_into("transfer-to", "nobody at all").await;
    window.click("transfer-now").await;
    window.read("transfer-dialog", "why not", |text| text.contains("not a number")).await;
    window.picture("no-transfer");
    window.see_attribute("call-state", "data-state", "connected").await;
    window.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_number_is_told_in_words() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    window.type_into("dial-input", "nobody-at-all").await;
    window.click("dial-call").await;
    window.see_attribute("call-state", "data-error", "numberUnknown").await;
    window.quit().await;
}

/// Speaks until it comes back well, and gives what came back. Not at the first try only: on a machine that builds
/// beside, everybody's sound stumbles, and that is not what this is about.
async fn hear_oneself(desk: &Desk, voice: &Sound, spoken: &Path) -> Sound {
    const ENOUGH: f64 = 0.8;
    let mut best = 0.0_f64;
    for attempt in 1..=4 {
        let heard = listen(desk, &format!("heard-{attempt}.wav"), spoken).await;
        let found = correlate_pieces(voice, &heard, 0.25);
        let late = found.delay * 1000.0;
        eprintln!("correlation {:.3}, mouth to ear and back {late:.0} ms", found.correlation);
        if found.correlation > ENOUGH {
            return heard;
        }
        best = best.max(found.correlation);
    }
    panic!("what came back is not what was said: correlation {best:.3}");
}

/// Speaks into the microphone and gives what the loudspeaker played meanwhile, with what came late.
async fn listen(desk: &Desk, name: &str, spoken: &Path) -> Sound {
    const LATEST_SECONDS: u64 = 2;
    let file = desk.artifacts().join(name);
    let recording = desk.stage.sound.record_loudspeaker(&file).unwrap();
    let mut speaking = desk.stage.sound.speak(spoken).unwrap();
    tokio::task::block_in_place(|| speaking.wait(Duration::from_secs(30))).unwrap();
    let size = || std::fs::metadata(&file).map_or(0, |file| file.len());
    let enough = size() + LATEST_SECONDS * 2 * 48_000;
    until("the end of the echo", SOON, async || (size() >= enough).then_some(())).await;
    Sound::read(&recording.finish().unwrap()).unwrap()
}

/// Root mean square; full scale is 1.
fn loudness(sound: &Sound) -> f64 {
    let sum: f64 = sound.samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (sum / sound.samples.len().max(1) as f64).sqrt()
}
