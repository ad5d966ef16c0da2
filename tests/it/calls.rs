//! Calls between people, and every way they end.

use std::time::Duration;

use tern_engine::{
    api::{
        ActivityWhat, Answer, CallDirection, CallOutcome, CallState, Command, EndedBy, ErrorCode, EventKind,
        Query,
    },
    ports::NotificationAction,
};
use tern_sandbox::Settings;

use crate::scene::{Actor, Scene};

/// Waits until the newest call in Recent Activity is this one.
async fn remembers(actor: &Actor, direction: CallDirection, outcome: CallOutcome) {
    actor
        .until_snapshot(&format!("{direction:?} {outcome:?} in the feed"), |snapshot| {
            let newest = snapshot.activity.items.iter().find_map(|item| match &item.what {
                ActivityWhat::Call { direction, outcome, .. } => Some((*direction, *outcome)),
                _ => None,
            });
            (newest == Some((direction, outcome))).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_and_one_hangs_up() {
    let scene = Scene::start().await;
    let (traveller, friend) = (scene.traveller().await, scene.friend().await);
    let call = traveller.calls(friend.number()).await;
    let rings = friend.is_called(0).await;
    assert_eq!(rings.direction, CallDirection::Incoming);
    traveller.until_call(&call, CallState::Ringing).await;

    // The notification's own button answers.
    let answer = NotificationAction::Answer { call: rings.id.clone() };
    friend
        .until("a notification", |_| {
            friend.desk().look(|desk| {
                desk.shown.iter().any(|n| n.buttons.iter().any(|b| b.action == answer)).then_some(())
            })
        })
        .await;
    friend.engine.activate(answer.clone()).await;
    let (here, there) = tokio::join!(
        traveller.until_call(&call, CallState::Connected),
        friend.until_call(&rings.id, CallState::Connected)
    );
    assert!(here.answered_at.is_some() && there.answered_at.is_some());
    for (actor, id) in [(&traveller, &call), (&friend, &rings.id)] {
        actor
            .until_call_is(id, "sound in both directions", |call| {
                call.stats.as_ref().is_some_and(|s| s.packets_sent > 50 && s.packets_received > 50)
            })
            .await;
    }

    traveller.hangs_up(&call).await;
    let here = traveller.until_call(&call, CallState::Ended).await.end.expect("an end");
    let there = friend.until_call(&rings.id, CallState::Ended).await.end.expect("an end");
    assert_eq!((here.by, here.outcome, here.error), (EndedBy::Local, CallOutcome::Answered, None));
    assert_eq!((there.by, there.outcome, there.error), (EndedBy::Remote, CallOutcome::Answered, None));
    remembers(&traveller, CallDirection::Outgoing, CallOutcome::Answered).await;
    remembers(&friend, CallDirection::Incoming, CallOutcome::Answered).await;
    // Nothing of the ringing is left.
    friend.desk().look(|desk| assert!(desk.tones.is_empty() && desk.shown.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_turned_down() {
    let scene = Scene::start().await;
    let (traveller, friend) = (scene.traveller().await, scene.friend().await);
    let call = traveller.calls("friend").await;
    let rings = friend.is_called(0).await;
    friend.does(Command::DeclineCall { call: rings.id.clone() }).await.expect("it rings");
    let end = traveller.until_call(&call, CallState::Ended).await.end.expect("an end");
    assert_eq!(end.by, EndedBy::Remote);
    let code = end.error.expect("a reason").code;
    assert!(matches!(code, ErrorCode::Declined | ErrorCode::Busy), "{code:?}");
    let end = friend.until_call(&rings.id, CallState::Ended).await.end.expect("an end");
    assert_eq!((end.by, end.outcome), (EndedBy::Local, CallOutcome::Declined));
    remembers(&friend, CallDirection::Incoming, CallOutcome::Declined).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_gives_up_leaves_a_missed_call() {
    let scene = Scene::start().await;
    let (traveller, friend) = (scene.traveller().await, scene.friend().await);
    let call = traveller.calls(friend.number()).await;
    let rings = friend.is_called(0).await;
    traveller.hangs_up(&call).await;
    let end = traveller.until_call(&call, CallState::Ended).await.end.expect("an end");
    assert_eq!((end.by, end.outcome), (EndedBy::Local, CallOutcome::Unanswered));
    let end = friend.until_call(&rings.id, CallState::Ended).await.end.expect("an end");
    assert_eq!((end.by, end.outcome), (EndedBy::Remote, CallOutcome::Missed));
    remembers(&friend, CallDirection::Incoming, CallOutcome::Missed).await;
    remembers(&traveller, CallDirection::Outgoing, CallOutcome::Unanswered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_nobody_answers_is_missed() {
    let scene = Scene::with(Settings { ring_for: Duration::from_secs(1), ..Settings::default() }).await;
    let (traveller, friend) = (scene.traveller().await, scene.friend().await);
    let call = traveller.calls(friend.number()).await;
    let rings = friend.is_called(0).await;
    let end = traveller.until_call(&call, CallState::Ended).await.end.expect("an end");
    assert_eq!((end.by, end.outcome), (EndedBy::Remote, CallOutcome::Unanswered));
    assert_eq!(end.error.map(|error| error.code), Some(ErrorCode::NotAnswered));
    let end = friend.until_call(&rings.id, CallState::Ended).await.end.expect("an end");
    assert_eq!(end.outcome, CallOutcome::Missed);
    remembers(&friend, CallDirection::Incoming, CallOutcome::Missed).await;
    // One call is one row, whether SIP or the provider told it.
    let Ok(Answer::Activity { page }) =
        friend.engine.query(Query::Activity { before: None, limit: 50 }).await
    else {
        panic!("no activity")
    };
    let unseen =
        page.items.iter().filter(|item| item.unread && matches!(item.what, ActivityWhat::Call { .. }));
    assert_eq!(unseen.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_this_number() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    let call = traveller.calls("sip:nobody@sandbox.tern.example").await;
    let end = traveller.until_call(&call, CallState::Ended).await.end.expect("an end");
    assert_eq!((end.by, end.outcome), (EndedBy::Remote, CallOutcome::Failed));
    let error = end.error.expect("a reason");
    assert_eq!(error.code, ErrorCode::NumberUnknown);
    assert!(error.detail.expect("the server's words").contains("404"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_called_is_refused_before_dialling() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    for (target, expect) in [
        ("112", ErrorCode::EmergencyNotSupported),
        ("9-1-1", ErrorCode::EmergencyNotSupported),
        ("", ErrorCode::InvalidTarget),
        ("sip:", ErrorCode::InvalidTarget),
    ] {
        let command = Command::PlaceCall { account: traveller.account.clone(), target: target.into() };
        assert_eq!(traveller.does(command).await.map_err(|error| error.code), Err(expect), "{target:?}");
    }
    assert_eq!(traveller.count(|event| matches!(event, EventKind::CallChanged { .. })), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn call_me_rings_back() {
    let soon = Settings { call_me_after: Duration::from_millis(200), ..Settings::default() };
    let scene = Scene::with(soon).await;
    let traveller = scene.traveller().await;
    let call = traveller.calls("callme").await;
    let end = traveller.until_call(&call, CallState::Ended).await.end.expect("an end");
    assert_eq!((end.by, end.outcome), (EndedBy::Remote, CallOutcome::Answered));
    let rings = traveller.is_called(0).await;
    traveller.answers(&rings).await;
    traveller
        .until_call_is(&rings.id, "the echo", |call| {
            call.stats.as_ref().is_some_and(|s| s.packets_received > 25)
        })
        .await;
    traveller.hangs_up(&rings.id).await;
    let end = traveller.until_call(&rings.id, CallState::Ended).await.end.expect("an end");
    assert_eq!((end.by, end.outcome), (EndedBy::Local, CallOutcome::Answered));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_of_a_muted_microphone() {
    let scene = Scene::start().await;
    let traveller = scene.someone("Demo traveller").says(&crate::scene::speech()).sits_down().await;
    let call = traveller.calls("echo").await;
    traveller.until_call(&call, CallState::Connected).await;
    let loud = |call: &tern_engine::api::CallView| call.stats.as_ref().is_some_and(|s| s.level_out > 0.05);
    traveller.until_call_is(&call, "an echo", loud).await;
    traveller.does(Command::MuteCall { call: call.clone(), muted: true }).await.expect("there is a call");
    let muted = traveller
        .until_call_is(&call, "silence", |call| {
            call.muted && call.stats.as_ref().is_some_and(|s| s.level_out < 0.01)
        })
        .await;
    assert!(muted.muted);
    traveller.hangs_up(&call).await;
    traveller.until_call(&call, CallState::Ended).await;
}
