//! What comes while Tern is not running.

use tern_engine::api::{ActivityWhat, CallOutcome, EventKind, Notice};

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_and_a_missed_call_wait_and_are_told_once() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    let before = traveller.snapshot().await.activity.unread;
    let person = traveller.leaves().await;
    scene.sms("+447700900142", "+447700900999", "Call me when you are back").await;
    scene.rings("+447700900142", 1).await;

    let traveller = person.sits_down().await;
    let away = traveller
        .until("a digest", |events| {
            events.iter().find_map(|event| match event {
                EventKind::NoticeRaised { notice: notice @ Notice::WhileAway { .. } } => Some(notice.clone()),
                _ => None,
            })
        })
        .await;
    assert_eq!(away, Notice::WhileAway { messages: 1, people: 1, missed_calls: 1 });
    let snapshot = traveller.snapshot().await;
    assert_eq!(snapshot.activity.unread, before + 2);
    let newest: Vec<_> = snapshot.activity.items.iter().filter(|item| item.unread).take(2).collect();
    assert!(
        newest
            .iter()
            .any(|item| matches!(&item.what, ActivityWhat::Call { outcome: CallOutcome::Missed, .. }))
    );
    assert!(newest.iter().any(|item| matches!(
        &item.what,
        ActivityWhat::Message { message } if message.text == "Call me when you are back"
    )));
    traveller.until_desk("one notification for both", |desk| desk.shown.len() == 1).await;
    traveller.desk().look(|desk| assert_eq!(desk.all.len(), 1, "{:?}", desk.all));
    assert_eq!(traveller.count(|event| matches!(event, EventKind::MessageArrived { .. })), 0);

    // Told once: the next start has nothing to tell.
    let traveller = traveller.leaves().await.sits_down().await;
    scene.sms("+447700900142", "+447700900999", "There you are").await;
    traveller
        .until("the next message", |events| {
            events.iter().any(|event| matches!(event, EventKind::MessageArrived { .. })).then_some(())
        })
        .await;
    let digests = traveller
        .count(|event| matches!(event, EventKind::NoticeRaised { notice: Notice::WhileAway { .. } }));
    assert_eq!(digests, 0);
}
