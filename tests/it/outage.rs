//! The provider's API goes away and comes back.

use tern_engine::api::{Command, ErrorCode, FeedState};

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn the_last_known_feed_stays_marked_stale_and_recovers() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    let before = traveller.snapshot().await.activity.items;
    assert!(!before.is_empty());

    scene.api("down").await;
    traveller.does(Command::Reconnect { account: traveller.account.clone() }).await.expect("taken");
    let error = traveller
        .until_account("stale", |account| match &account.feed {
            FeedState::Stale { error, .. } => Some(error.clone()),
            _ => None,
        })
        .await;
    assert!(matches!(error.code, ErrorCode::ProviderUnreachable | ErrorCode::ProviderFailed), "{error:?}");
    let during = traveller.snapshot().await;
    assert_eq!(during.activity.items, before);
    assert!(during.accounts[0].balance.as_ref().is_some_and(|balance| balance.stale));

    // What came meanwhile is there once the feed is fresh.
    scene.sms("+447700900142", "+447700900999", "You were away").await;
    scene.api("ok").await;
    traveller.does(Command::Reconnect { account: traveller.account.clone() }).await.expect("taken");
    traveller
        .until_snapshot("fresh, with the message", |snapshot| {
            let fresh = snapshot.accounts[0].feed == FeedState::Fresh {};
            let newest = snapshot.activity.items.first()?;
            (fresh && newest.peer == "+447700900999").then_some(())
        })
        .await;
}
