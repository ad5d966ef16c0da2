use tern_provider::{
    ProviderError,
    types::{
        IdempotencyKey, RemoteId, TopUp, TopUpId as RemoteTopUp, TopUpState, Transaction, TransactionType,
    },
};

use super::*;
use crate::api::{ErrorCode, TopUpId};

fn topup(state: TopUpState, url: &str) -> TopUp {
    TopUp { id: RemoteTopUp("t1".into()), state, amount: usd("25.00"), checkout_url: url.parse().unwrap() }
}

const PAGE: &str = "http://127.0.0.1:8080/checkout/t1";

/// A bench on which a top-up was asked for; tells the request and the key.
fn asked() -> (Bench, u32, RequestId, IdempotencyKey) {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, changes("6", false));
    bench.kept(applied(vec![]));
    bench.asked();
    let request = bench.command(Command::AddFunds { account: ACCOUNT, amount: "25.00".into() });
    let key = match bench.asked_one() {
        ProviderRequest::CreateTopUp(key, amount) => {
            assert_eq!(amount, usd("25.00"));
            key
        }
        other => panic!("{other:?}"),
    };
    assert!(bench.written().iter().any(|w| matches!(w, Write::TopUp(t) if t.key == key)), "intent first");
    (bench, link, request, key)
}

fn browsed(bench: &mut Bench) -> Vec<String> {
    bench.take(|e| match e {
        Effect::Browse(_, url) => Ok(url.to_string()),
        other => Err(other),
    })
}

fn ledger(reference: Option<&str>, balance: &str) -> Kept {
    let entry = Transaction {
        id: RemoteId("l1".into()),
        version: 1,
        kind: TransactionType::TopUp,
        amount: usd("25.00"),
        balance_after: usd(balance),
        at: Timestamp::from_second(1_772_442_100).unwrap(),
        description: "Top-up".into(),
        reference: reference.map(str::to_owned),
    };
    Kept::Applied(ACCOUNT, Applied { ledger: vec![entry], changed: 1, ..Applied::default() })
}

#[test]
fn the_page_is_opened_and_the_ledger_says_when_the_money_is_there() {
    let (mut bench, link, request, key) = asked();
    bench.provider(link, ProviderReport::TopUpCreated(key.clone(), Ok(topup(TopUpState::Pending, PAGE))));
    assert_eq!(browsed(&mut bench), [PAGE]);
    bench.give(Input::Browsed(Some(request), true));
    let started = Reply::TopUpStarted { topup: TopUpId("t1".into()), host: "127.0.0.1".into() };
    assert_eq!(bench.reply_to(request), Some(Ok(started)));
    bench.wait(Duration::from_secs(3));
    assert_eq!(bench.asked_one(), ProviderRequest::TopUp(key.clone(), RemoteTopUp("t1".into())));
    bench.provider(link, ProviderReport::TopUp(key, Ok(topup(TopUpState::Paid, PAGE))));
    assert!(bench.notices().is_empty(), "paid is not yet there");
    assert_eq!(bench.account().topups[0].state, crate::api::TopUpState::Paid);
    assert!(matches!(bench.asked_one(), ProviderRequest::Changes(_)), "the ledger is looked at now");
    bench.kept(ledger(Some("t1"), "35.00"));
    let funds = Notice::FundsAdded { account: ACCOUNT, amount: "25.00".into(), currency: "USD".into() };
    assert_eq!(bench.notices(), [funds]);
    let view = bench.account();
    assert!(view.topups.is_empty());
    assert_eq!(view.balance.unwrap().money.amount, "35.00");
}

#[test]
fn the_ledger_may_be_faster_than_the_page() {
    let (mut bench, link, _, key) = asked();
    bench.provider(link, ProviderReport::TopUpCreated(key, Ok(topup(TopUpState::Pending, PAGE))));
    bench.events();
    bench.kept(ledger(Some("t1"), "35.00"));
    assert_eq!(bench.notices().len(), 1);
    bench.kept(ledger(Some("t1"), "35.00"));
    assert_eq!(bench.notices().len(), 0, "told once");
}

#[test]
fn money_from_elsewhere_ends_no_top_up() {
    let (mut bench, link, _, key) = asked();
    bench.provider(link, ProviderReport::TopUpCreated(key, Ok(topup(TopUpState::Pending, PAGE))));
    bench.events();
    bench.kept(ledger(Some("another"), "35.00"));
    bench.kept(ledger(None, "35.00"));
    assert!(bench.notices().is_empty());
    assert_eq!(bench.account().topups.len(), 1);
}

#[test]
fn a_page_elsewhere_is_not_opened() {
    let (mut bench, link, request, key) = asked();
    let evil = topup(TopUpState::Pending, "https://evil.example/pay");
    bench.provider(link, ProviderReport::TopUpCreated(key, Ok(evil)));
    assert!(browsed(&mut bench).is_empty());
    assert_eq!(bench.reply_to(request).unwrap().unwrap_err().code, ErrorCode::CheckoutNotTrusted);
    assert!(bench.account().topups.is_empty());
}

#[test]
fn without_a_browser_the_address_is_told_and_the_top_up_lives() {
    let (mut bench, link, request, key) = asked();
    bench.provider(link, ProviderReport::TopUpCreated(key, Ok(topup(TopUpState::Pending, PAGE))));
    bench.give(Input::Browsed(Some(request), false));
    let error = bench.reply_to(request).unwrap().unwrap_err();
    assert_eq!((error.code, error.detail.as_deref()), (ErrorCode::BrowserFailed, Some(PAGE)));
    browsed(&mut bench);
    let again = bench.command(Command::OpenCheckout { account: ACCOUNT, topup: TopUpId("t1".into()) });
    assert_eq!(browsed(&mut bench), [PAGE]);
    bench.give(Input::Browsed(Some(again), true));
    assert!(bench.reply_to(again).unwrap().is_ok());
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let (mut bench, link, request, key) = asked();
    bench.provider(link, ProviderReport::TopUpCreated(key.clone(), Err(ProviderError::Timeout)));
    bench.wait(Duration::from_secs(3));
    assert_eq!(bench.asked_one(), ProviderRequest::CreateTopUp(key.clone(), usd("25.00")));
    bench.provider(link, ProviderReport::TopUpCreated(key.clone(), Err(ProviderError::Unreachable)));
    bench.wait(Duration::from_secs(5));
    bench.provider(link, ProviderReport::TopUpCreated(key, Err(ProviderError::Unreachable)));
    assert_eq!(bench.reply_to(request).unwrap().unwrap_err().code, ErrorCode::ProviderUnreachable);
}

#[test]
fn a_declined_payment_is_told() {
    let (mut bench, link, _, key) = asked();
    bench.provider(link, ProviderReport::TopUpCreated(key.clone(), Ok(topup(TopUpState::Pending, PAGE))));
    bench.wait(Duration::from_secs(3));
    bench.events();
    bench.provider(link, ProviderReport::TopUp(key, Ok(topup(TopUpState::Declined, PAGE))));
    assert_eq!(bench.notices(), [Notice::FundsNotAdded { account: ACCOUNT }]);
    assert!(bench.account().topups.is_empty());
}

#[test]
fn it_is_asked_about_for_an_hour_and_less_and_less_often() {
    let (mut bench, link, _, key) = asked();
    bench.provider(link, ProviderReport::TopUpCreated(key.clone(), Ok(topup(TopUpState::Pending, PAGE))));
    let count = |bench: &mut Bench, minutes: u64| {
        let mut asked = 0;
        for _ in 0..minutes * 60 {
            bench.wait(Duration::from_secs(1));
            if bench.asked().iter().any(|a| matches!(a, ProviderRequest::TopUp(..))) {
                asked += 1;
                let pending = topup(TopUpState::Pending, PAGE);
                bench.provider(link, ProviderReport::TopUp(key.clone(), Ok(pending)));
            }
        }
        asked
    };
    let first = count(&mut bench, 1);
    assert!((4..20).contains(&first), "{first}");
    let rest = count(&mut bench, 60);
    assert!((110..260).contains(&rest), "{rest}");
    assert_eq!(count(&mut bench, 10), 0);
}

#[test]
fn amounts_are_checked_before_anything_is_asked() {
    let mut bench = Bench::attached(Some("5"));
    bench.asked();
    for amount in ["4.99", "abc", "3601", "-5"] {
        let request = bench.command(Command::AddFunds { account: ACCOUNT, amount: amount.into() });
        assert_eq!(bench.reply_to(request).unwrap().unwrap_err().code, ErrorCode::InvalidAmount);
    }
    assert!(bench.asked().is_empty());
}

#[test]
fn a_balance_read_across_a_ledger_row_is_read_again() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.kept(ledger(None, "35.00"));
    assert!(bench.asked().contains(&ProviderRequest::Account));
    bench.kept(ledger(None, "34.00"));
    bench.provider(link, ProviderReport::Account(Ok(info("10.00"))));
    assert_eq!(bench.account().balance.unwrap().money.amount, "34.00", "older than the ledger");
    assert!(bench.asked().contains(&ProviderRequest::Account));
    bench.provider(link, ProviderReport::Account(Ok(info("34.00"))));
    assert_eq!(bench.account().balance.unwrap().money.amount, "34.00");
}
