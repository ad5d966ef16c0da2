//! Adding funds on the provider's own page.

use rust_decimal::Decimal;
use tern_engine::api::{ActivityWhat, Command, ErrorCode, EventKind, Notice, Reply, TransactionKind};
use url::Url;

use crate::scene::{Actor, Scene, post};

async fn balance(actor: &Actor) -> Decimal {
    actor.until_account("a balance", |account| account.balance.as_ref()?.money.amount.parse().ok()).await
}

/// Starts a top-up and returns the page that was opened.
async fn checkout(actor: &Actor, amount: &str) -> Url {
    let command = Command::AddFunds { account: actor.account.clone(), amount: amount.into() };
    let Ok(Reply::TopUpStarted { host, .. }) = actor.does(command).await else { panic!("not started") };
    let page = actor.desk().look(|desk| desk.opened.last().cloned()).expect("a page was opened");
    assert!(host.contains(page.host_str().expect("a host")), "{host} is not of {page}");
    page
}

async fn notice(actor: &Actor) -> Notice {
    actor
        .until("the outcome", |events| {
            events.iter().find_map(|event| match event {
                EventKind::NoticeRaised { notice } => Some(notice.clone()),
                _ => None,
            })
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_on_the_page_the_balance_follows() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    let before = balance(&traveller).await;
    let page = checkout(&traveller, "25.00").await;
    assert_eq!(post(&format!("{page}/pay"), "").await, 303);
    // Pressed twice, credited once.
    assert_eq!(post(&format!("{page}/pay"), "").await, 303);
    let Notice::FundsAdded { amount, currency, .. } = notice(&traveller).await else { panic!("not added") };
    assert_eq!((amount.parse().ok(), &*currency), (Some(Decimal::from(25)), "USD"));
    traveller
        .until_snapshot("the new balance and its ledger row", |snapshot| {
            let account = snapshot.accounts.first()?;
            let now: Decimal = account.balance.as_ref()?.money.amount.parse().ok()?;
            let row = snapshot.activity.items.iter().find_map(|item| match &item.what {
                ActivityWhat::Transaction { transaction } if transaction.kind == TransactionKind::TopUp => {
                    transaction.balance_after.amount.parse::<Decimal>().ok()
                }
                _ => None,
            })?;
            (now == before + Decimal::from(25) && row == now && account.topups.is_empty()).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn declined_on_the_page_nothing_is_added() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    let before = balance(&traveller).await;
    let page = checkout(&traveller, "10.00").await;
    assert_eq!(post(&format!("{page}/decline"), "").await, 303);
    assert!(matches!(notice(&traveller).await, Notice::FundsNotAdded { .. }));
    assert_eq!(balance(&traveller).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_outside_the_limits_opens_nothing() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    for amount in ["4.99", "3600.01", "-5", "five", "", "1e3", "25.001"] {
        let command = Command::AddFunds { account: traveller.account.clone(), amount: amount.into() };
        let refused = traveller.does(command).await.expect_err(amount);
        assert_eq!(refused.code, ErrorCode::InvalidAmount, "{amount}");
    }
    traveller.desk().look(|desk| assert!(desk.opened.is_empty()));
}
