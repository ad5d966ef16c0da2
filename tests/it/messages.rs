//! SMS in and out.

use tern_engine::api::{
    ActivityItem, ActivityWhat, Answer, Command, ErrorCode, EventKind, MessageState, Query, Reply, ThreadId,
    ThreadView,
};

use crate::scene::{Actor, Scene};

const STRANGER: &str = "+447700900999";

async fn thread(actor: &Actor, thread: &ThreadId) -> ThreadView {
    let query = Query::Thread { thread: thread.clone(), before: None, limit: 20 };
    match actor.engine.query(query).await {
        Ok(Answer::Thread { thread }) => thread,
        other => panic!("{other:?}"),
    }
}

fn state(item: &ActivityItem) -> Option<MessageState> {
    match &item.what {
        ActivityWhat::Message { message } => Some(message.state),
        _ => None,
    }
}

fn text(item: &ActivityItem) -> &str {
    match &item.what {
        ActivityWhat::Message { message } => &message.text,
        _ => "",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_comes_in_and_is_answered() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    let number = "+447700900142";
    scene.sms(number, STRANGER, "Are you <b>there</b>?").await;
    let item = traveller
        .until("the message", |events| {
            events.iter().find_map(|event| match event {
                EventKind::MessageArrived { item } if item.peer == STRANGER => Some(item.clone()),
                _ => None,
            })
        })
        .await;
    assert_eq!((text(&item), state(&item)), ("Are you <b>there</b>?", Some(MessageState::Received)));
    assert!(item.unread);
    let there = item.thread.clone().expect("a conversation");
    traveller.until_desk("one notification", |desk| desk.shown.len() == 1 && desk.all.len() == 1).await;

    let command = Command::SendMessage {
        account: traveller.account.clone(),
        from: number.into(),
        to: STRANGER.into(),
        text: "Yes & here".into(),
    };
    let Ok(Reply::MessageQueued { message, thread: same }) = traveller.does(command).await else {
        panic!("not queued")
    };
    assert_eq!(same, there);
    traveller
        .until_snapshot("delivered", |snapshot| {
            let item = snapshot.activity.items.iter().find(|item| item.id == message)?;
            (state(item) == Some(MessageState::Delivered)).then_some(())
        })
        .await;
    let conversation = thread(&traveller, &there).await;
    let texts: Vec<&str> = conversation.items.iter().map(text).collect();
    assert_eq!(texts, ["Yes & here", "Are you <b>there</b>?"]);
    assert!(conversation.can_reply);

    traveller.does(Command::MarkThreadRead { thread: there.clone() }).await.expect("it is there");
    traveller
        .until_snapshot("read", |snapshot| {
            let unread = |item: &&ActivityItem| item.unread && item.thread.as_ref() == Some(&there);
            snapshot.activity.items.iter().find(unread).is_none().then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_write_each_other() {
    let scene = Scene::start().await;
    let (traveller, friend) = (scene.traveller().await, scene.friend().await);
    let command = Command::SendMessage {
        account: friend.account.clone(),
        from: "+447700900777".into(),
        to: "+447700900142".into(),
        text: "Привет 👋".into(),
    };
    friend.does(command).await.expect("queued");
    let item = traveller
        .until("the message", |events| {
            events.iter().find_map(|event| match event {
                EventKind::MessageArrived { item } => Some(item.clone()),
                _ => None,
            })
        })
        .await;
    assert_eq!((text(&item), &*item.peer), ("Привет 👋", "+447700900777"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_not_arrive_says_why() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    for (from, to, words, expect) in [
        ("+447700900142", "not a number", "hello", ErrorCode::InvalidRecipient),
        ("+447700900142", STRANGER, "", ErrorCode::EmptyMessage),
        (STRANGER, "+447700900318", "hello", ErrorCode::NumberNotYours),
        ("+447700900142", "+12125550199", "hello", ErrorCode::DestinationNotServed),
    ] {
        let command = Command::SendMessage {
            account: traveller.account.clone(),
            from: from.into(),
            to: to.into(),
            text: words.into(),
        };
        let code = match traveller.does(command).await {
            Err(error) => error.code,
            Ok(Reply::MessageQueued { message, .. }) => {
                traveller
                    .until_snapshot("failed", |snapshot| {
                        let item = snapshot.activity.items.iter().find(|item| item.id == message)?;
                        match &item.what {
                            ActivityWhat::Message { message } => {
                                message.error.as_ref().map(|error| error.code)
                            }
                            _ => None,
                        }
                    })
                    .await
            }
            Ok(other) => panic!("{other:?}"),
        };
        assert_eq!(code, expect, "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_doubled_or_out_of_order_leaves_the_client_right() {
    for fault in ["doubled", "reordered"] {
        let scene = Scene::start().await;
        let traveller = scene.traveller().await;
        scene.fault("feed", fault).await;
        let number = "+447700900142";
        let command = Command::SendMessage {
            account: traveller.account.clone(),
            from: number.into(),
            to: STRANGER.into(),
            text: "There in five".into(),
        };
        let Ok(Reply::MessageQueued { message, thread: there }) = traveller.does(command).await else {
            panic!("not queued")
        };
        let is_delivered = |items: &[ActivityItem]| {
            let item = items.iter().find(|item| item.id == message);
            item.and_then(state) == Some(MessageState::Delivered)
        };
        traveller
            .until_snapshot("delivered", |snapshot| is_delivered(&snapshot.activity.items).then_some(()))
            .await;
        // Each brings a page with what the page before said behind it.
        for text in ["One", "Two", "Three"] {
            scene.sms(number, STRANGER, text).await;
            traveller
                .until_snapshot(text, |snapshot| {
                    let newest = snapshot.activity.items.iter().find(|item| item.peer == STRANGER)?;
                    (self::text(newest) == text).then_some(())
                })
                .await;
        }
        let items = traveller.snapshot().await.activity.items;
        assert!(is_delivered(&items), "{fault}: an older state came back");
        let conversation = thread(&traveller, &there).await;
        let texts: Vec<&str> = conversation.items.iter().map(text).collect();
        assert_eq!(texts, ["Three", "Two", "One", "There in five"], "{fault}");
        let arrived = traveller.count(|event| matches!(event, EventKind::MessageArrived { .. }));
        assert_eq!(arrived, 3, "{fault}: each is told once");
    }
}
