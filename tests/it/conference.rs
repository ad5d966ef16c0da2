//! Three people at three engines: in one conversation, and one who brings the other two together and leaves.

use tern_engine::api::{CallState, Command, EndedBy, HoldSound, HoldState, TransferState};
use tern_tests::audio::Sound;

use crate::scene::{Actor, Person, Scene, hums};

/// What each of three hums, in Hz; no one is a multiple of another.
const TONES: [f32; 3] = [300.0, 500.0, 710.0];
/// A second of sound.
const SECOND: u32 = 50;

/// Who waits hears nothing that could be taken for one of the three.
async fn holds_in_silence(actor: &Actor) {
    let settings = actor.snapshot().await.settings;
    let settings = tern_engine::api::Settings { hold_music: HoldSound::Silence {}, ..settings };
    actor.does(Command::ChangeSettings { settings }).await.expect("settings");
}

/// Whether all of `others` were heard at once, and `own` never.
#[track_caller]
fn hears(person: &Person, others: [usize; 2], own: usize) {
    let heard = hums(&Sound::read(&person.heard()).expect("a recording"), TONES);
    let together = heard.iter().filter(|tones| others.iter().all(|other| tones[*other])).count();
    assert!(together >= 2, "{}: the other two are not heard together: {heard:?}", person.demo.name);
    assert!(heard.iter().all(|tones| !tones[own]), "{}: hears themselves: {heard:?}", person.demo.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_three_hears_the_other_two_and_not_themselves() {
    let scene = Scene::start().await;
    let host = scene.someone("Demo traveller").hums(TONES[0]).also_without_provider().sits_down().await;
    let friend = scene.someone("Demo friend").hums(TONES[1]).sits_down().await;
    let third = Person::of_no_provider("third").hums(TONES[2]).sits_down().await;
    holds_in_silence(&host).await;

    // One through the provider, the other without.
    let first = host.calls(friend.number()).await;
    let rings = friend.is_called(0).await;
    friend.answers(&rings).await;
    host.until_call(&first, CallState::Connected).await;
    let (second, there) = host.talks_directly_with(&third).await;
    host.until_call_is(&first, "the first waits", |call| call.hold == HoldState::Here).await;

    host.does(Command::JoinCalls {}).await.expect("two calls");
    for call in [&first, &second] {
        host.until_call_is(call, "in the conference", |call| {
            call.joined && !call.changing && call.hold == HoldState::None
        })
        .await;
    }
    tokio::join!(
        host.hears_more(&first, 3 * SECOND),
        host.hears_more(&second, 3 * SECOND),
        friend.hears_more(&rings.id, 3 * SECOND),
        third.hears_more(&there, 3 * SECOND)
    );
    for call in [&first, &second] {
        host.hangs_up(call).await;
        host.until_call(call, CallState::Ended).await;
    }
    friend.until_call(&rings.id, CallState::Ended).await;
    third.until_call(&there, CallState::Ended).await;
    hears(&host.leaves().await, [1, 2], 0);
    hears(&friend.leaves().await, [0, 2], 1);
    hears(&third.leaves().await, [0, 1], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hands_a_call_over_talks_until_the_others_do() {
    let person = |name: &str, hz| Person::of_no_provider(name).hums(hz).sits_down();
    let (ann, ben, cy) =
        (person("ann", TONES[0]).await, person("ben", TONES[1]).await, person("cy", TONES[2]).await);
    holds_in_silence(&ann).await;
    let (to_ben, bens) = ann.talks_directly_with(&ben).await;
    let (to_cy, cys) = ann.talks_directly_with(&cy).await;
    let handed = Command::TransferToCall { call: to_ben.clone(), other: to_cy.clone() };
    ann.does(handed).await.expect("two calls");
    ben.until_call_is(&bens, "the wish", |call| call.transfer_asked.is_some()).await;

    // Ben has not decided yet: Ann and Cy go on talking, and Ben waits.
    let talk = ann.hears_more(&to_cy, SECOND).await;
    cy.hears_more(&cys, SECOND).await;
    assert_eq!((talk.state, talk.hold), (CallState::Connected, HoldState::None));
    let waits = ann.until_call_is(&to_ben, "a transfer", |call| call.transfer.is_some()).await;
    assert_eq!((waits.state, waits.hold), (CallState::Connected, HoldState::Here));

    ben.does(Command::AnswerTransfer { call: bens.clone(), accept: true }).await.expect("a wish");
    let done = ann
        .until_call_is(&to_ben, "handed over", |call| {
            call.transfer.as_ref().is_some_and(|transfer| transfer.state == TransferState::Done)
        })
        .await;
    assert_eq!(done.transfer.and_then(|transfer| transfer.error), None);
    ann.until_call(&to_ben, CallState::Ended).await;
    let end = ann.until_call(&to_cy, CallState::Ended).await.end.expect("an end");
    assert_eq!(end.error, None);
    assert_eq!(end.by, EndedBy::Remote, "Cy talks to Ben now");
    let with_ben = cy
        .until_snapshot("Cy talks to Ben", |snapshot| {
            snapshot.calls.iter().find(|call| call.id != cys && call.state == CallState::Connected).cloned()
        })
        .await;
    cy.hears_more(&with_ben.id, 2 * SECOND).await;
    cy.hangs_up(&with_ben.id).await;
    cy.until_call(&with_ben.id, CallState::Ended).await;
    for actor in [ann, ben] {
        actor.leaves().await;
    }
    let cy = cy.leaves().await;
    let heard = hums(&Sound::read(&cy.heard()).expect("a recording"), TONES);
    let last_of_ann = heard.iter().rposition(|tones| tones[0]).expect("Ann is heard");
    let first_of_ben = heard.iter().position(|tones| tones[1]).expect("Ben is heard");
    assert!(first_of_ben + 1 >= last_of_ann, "one after the other: {heard:?}");
    assert!(first_of_ben <= last_of_ann + 2, "and without a pause: {heard:?}");
}
