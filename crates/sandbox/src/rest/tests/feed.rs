//! Recent Activity: the snapshot in pages, the changes after a cursor, the hints.

use super::*;

#[tokio::test]
async fn the_snapshot_in_pages_is_everything_once_newest_first() {
    let house = House::open(Settings::default()).await;
    let provider = house.provider(0);
    let whole = provider.snapshot(None, 500).await.unwrap();
    assert!(whole.next_page.is_none() && whole.objects.len() > 40);
    let mut pieces = Vec::new();
    let mut page = None;
    loop {
        let next = provider.snapshot(page.take(), 7).await.unwrap();
        assert_eq!(next.cursor, whole.cursor);
        pieces.extend(next.objects);
        match next.next_page {
            Some(token) => page = Some(token),
            None => break,
        }
    }
    assert_eq!(pieces, whole.objects);
    let at = |object: &ActivityObject| match object {
        ActivityObject::Message(m) => m.at,
        ActivityObject::Call(c) => c.started_at,
        ActivityObject::Transaction(t) => t.at,
        ActivityObject::Gap(gap) => gap.until,
    };
    assert!(pieces.windows(2).all(|pair| at(&pair[0]) >= at(&pair[1])));
}

#[tokio::test]
async fn changes_tell_everything_after_a_cursor() {
    let house = House::open(Settings::default()).await;
    let provider = house.provider(0);
    let cursor = provider.snapshot(None, 1).await.unwrap().cursor;
    let none = provider.changes(&cursor, 100).await.unwrap();
    assert_eq!((none.changes.len(), none.has_more, &none.next), (0, false, &cursor));

    house.send("k", GB, SAM, "hi").await;
    house.pass(Duration::from_secs(5));
    // The message (by now delivered), its charge, the answer: each once, as it is now.
    let mut kinds = Vec::new();
    let mut since = cursor.clone();
    loop {
        let page = provider.changes(&since, 1).await.unwrap();
        for change in &page.changes {
            kinds.push(match change {
                Change::Upsert(ActivityObject::Message(m)) => format!("{:?} {:?}", m.direction, m.state),
                Change::Upsert(ActivityObject::Transaction(t)) => format!("{:?} {}", t.kind, t.amount.amount),
                other => format!("{other:?}"),
            });
        }
        since = page.next;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(kinds, ["Sms -0.05", "Outgoing Delivered", "Incoming Received"]);

    let of_a_gone_database = Cursor("aaaaaaaa-3".into());
    for (cursor, expected) in [
        (of_a_gone_database, ProviderError::ResyncRequired),
        (Cursor(format!("{}9", since.0)), refused("bad_cursor")),
        (Cursor("".into()), refused("bad_cursor")),
        (Cursor("a-b".into()), refused("bad_cursor")),
        (Cursor("-1".into()), refused("bad_cursor")),
    ] {
        let error = provider.changes(&cursor, 10).await.unwrap_err();
        assert_eq!(without_detail(error), expected, "{cursor:?}");
    }
}

#[tokio::test]
async fn cursors_older_than_the_feed_keeps_are_expired() {
    let house = House::open(Settings { change_retention: 2, ..Settings::default() }).await;
    let provider = house.provider(0);
    let old = provider.snapshot(None, 1).await.unwrap().cursor;
    for n in 0..3 {
        house.sandbox.operator.receive_message(GB, "Acme", &format!("{n}")).unwrap();
    }
    assert_eq!(provider.changes(&old, 10).await.unwrap().changes.len(), 3, "nothing is forgotten yet");
    house.sandbox.operator.note_alive().unwrap();
    assert_eq!(provider.changes(&old, 10).await, Err(ProviderError::ResyncRequired));
    assert_eq!(provider.hints(&old).await.err(), Some(ProviderError::ResyncRequired));
    let fresh = provider.snapshot(None, 1).await.unwrap().cursor;
    assert!(provider.changes(&fresh, 10).await.is_ok());
}

#[tokio::test]
async fn the_stream_hints_at_each_change_and_ends_at_shutdown() {
    let house = House::open(Settings::default()).await;
    let provider = house.provider(0);
    let cursor = provider.snapshot(None, 1).await.unwrap().cursor;
    let mut live = provider.hints(&cursor).await.unwrap();
    house.sandbox.operator.receive_message(GB, "Acme", "one").unwrap();
    assert_eq!(live.next().await, Some(Ok(())));

    // Who was away is told at once, and others' changes are no business of this account.
    let mut late = provider.hints(&cursor).await.unwrap();
    assert_eq!(late.next().await, Some(Ok(())));
    house.sandbox.operator.receive_message(FRIEND, "Acme", "not yours").unwrap();
    house.sandbox.operator.receive_message(GB, "Acme", "two").unwrap();
    assert_eq!(live.next().await, Some(Ok(())));
    let seen = provider.changes(&cursor, 10).await.unwrap();
    assert_eq!(seen.changes.len(), 2);

    house.sandbox.shutdown().await;
    assert_eq!(live.next().await, None);
}
