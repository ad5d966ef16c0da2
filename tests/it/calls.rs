//! Calls between people, and every way they end.

use std::time::Duration;

use tern_engine::{
    api::{
        ActivityWhat, Answer, CallDirection, CallOutcome, CallState, Command, EndedBy, ErrorCode, EventKind,
        Query,
    },
    ports::{NotificationAction, fake::Record},
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

/// How many calls there are in Recent Activity.
async fn calls(actor: &Actor) -> usize {
    match actor.engine.query(Query::Activity { before: None, limit: 200 }).await {
        Ok(Answer::Activity { page }) => {
            page.items.iter().filter(|item| matches!(item.what, ActivityWhat::Call { .. })).count()
        }
        other => panic!("{other:?}"),
    }
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
        .until_desk("a notification that can answer", |desk| {
            desk.shown.iter().any(|n| n.buttons.iter().any(|b| b.action == answer))
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
    let quiet = |desk: &Record| desk.tones.is_empty() && desk.shown.is_empty();
    tokio::join!(friend.until_desk("quiet", quiet), traveller.until_desk("quiet", quiet));
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
    let before = calls(&friend).await;
    let call = traveller.calls(friend.number()).await;
    let rings = friend.is_called(0).await;
    let end = traveller.until_call(&call, CallState::Ended).await.end.expect("an end");
    assert_eq!((end.by, end.outcome), (EndedBy::Remote, CallOutcome::Unanswered));
    assert_eq!(end.error.map(|error| error.code), Some(ErrorCode::NotAnswered));
    let end = friend.until_call(&rings.id, CallState::Ended).await.end.expect("an end");
    assert_eq!(end.outcome, CallOutcome::Missed);
    remembers(&friend, CallDirection::Incoming, CallOutcome::Missed).await;
    // One call is one row, whether SIP or the provider told it.
    assert_eq!(calls(&friend).await, before + 1);
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
        let command =
            Command::PlaceCall { account: traveller.account.clone(), target: target.into(), show: None };
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
