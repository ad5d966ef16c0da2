use tern_provider::{
    ProviderError,
    types::{IdempotencyKey, Order, OrderState as RemoteOrder},
};

use super::*;
use crate::{
    api::{ErrorCode, NumberOrder, OrderState},
    record::{Intent, IntentWhat},
};

fn order() -> NumberOrder {
    NumberOrder { offer: "gb-mobile".into(), count: 2, months: 3, trial: false }
}

fn placed() -> Order {
    Order {
        id: RemoteId("ord_1".into()),
        state: RemoteOrder::Done,
        total: usd("9.60"),
        placed_at: Timestamp::from_second(1_772_442_000).unwrap(),
        numbers: vec![number()],
    }
}

fn acts(bench: &mut Bench) -> Vec<(IdempotencyKey, Act)> {
    let asked = bench.asked().into_iter();
    asked
        .filter_map(|r| if let ProviderRequest::Act(key, act) = r { Some((key, act)) } else { None })
        .collect()
}

fn reply(bench: &mut Bench, request: RequestId) -> Option<Result<Reply, ErrorCode>> {
    let replies = bench.take(|e| match e {
        Effect::Reply(to, reply) if to == request => Ok(reply),
        other => Err(other),
    });
    replies.into_iter().next().map(|reply| reply.map_err(|error| error.code))
}

/// A bench on which an order was asked for.
fn ordered() -> (Bench, u32, RequestId, IdempotencyKey) {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    let everything = Capabilities { catalogue: true, auto_renew: true, ..EVERYTHING };
    bench.provider(link, ProviderReport::Opened(everything));
    bench.provider(link, ProviderReport::Account(Ok(info("10.00"))));
    bench.asked();
    let request = bench.command(Command::OrderNumbers { account: ACCOUNT, order: order() });
    let written = bench.written();
    let (key, act) = acts(&mut bench).remove(0);
    assert!(matches!(&act, Act::Once(IntentWhat::Order(o)) if o.quantity == 2 && o.months == 3), "{act:?}");
    assert!(written.iter().any(|w| matches!(w, Write::Intent(i) if i.key == key)), "intent first");
    (bench, link, request, key)
}

#[test]
fn an_order_is_kept_before_it_is_placed_and_forgotten_once_it_is() {
    let (mut bench, link, request, key) = ordered();
    bench.provider(link, ProviderReport::Acted(key.clone(), Ok(Acted::Order(placed()))));
    let Some(Ok(Reply::Ordered { order })) = reply(&mut bench, request) else { panic!("no order") };
    assert_eq!((order.state, &*order.total.amount), (OrderState::Done, "9.60"));
    assert!(bench.written().iter().any(|w| matches!(w, Write::RemoveIntent(k) if *k == key)));
    assert!(bench.asked().contains(&ProviderRequest::Numbers), "the new numbers are read");
}

#[test]
fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    let (mut bench, link, request, key) = ordered();
    for _ in 0..2 {
        bench.provider(link, ProviderReport::Acted(key.clone(), Err(ProviderError::Timeout)));
        assert_eq!(reply(&mut bench, request), None);
        bench.wait(Duration::from_secs(15));
        let again = acts(&mut bench);
        assert_eq!(again.iter().map(|(key, _)| key).collect::<Vec<_>>(), [&key]);
    }
    bench.provider(link, ProviderReport::Acted(key.clone(), Err(ProviderError::Timeout)));
    assert_eq!(reply(&mut bench, request), Some(Err(ErrorCode::OutcomeUnknown)));
    // Nobody waits any more; what became of it is found out all the same.
    bench.wait(Duration::from_secs(61));
    assert_eq!(acts(&mut bench).len(), 1);
    bench.provider(link, ProviderReport::Acted(key.clone(), Ok(Acted::Order(placed()))));
    assert!(bench.written().iter().any(|w| matches!(w, Write::RemoveIntent(k) if *k == key)));
}

#[test]
fn what_the_provider_refuses_is_over() {
    let (mut bench, link, request, key) = ordered();
    let refused = ProviderError::Refused { code: "insufficient_funds".into(), detail: "No.".into() };
    bench.provider(link, ProviderReport::Acted(key.clone(), Err(refused)));
    assert_eq!(reply(&mut bench, request), Some(Err(ErrorCode::InsufficientFunds)));
    assert!(bench.written().iter().any(|w| matches!(w, Write::RemoveIntent(k) if *k == key)));
    bench.wait(Duration::from_secs(120));
    assert!(acts(&mut bench).is_empty());
}

#[test]
fn an_order_of_an_earlier_run_is_placed_under_its_key_unless_it_is_old() {
    let start = |age: i64| {
        let now = Timestamp::from_second(1_772_442_000 - age).unwrap();
        let offer = RemoteId("gb-mobile".into());
        let what = tern_provider::types::OrderRequest { offer, quantity: 1, months: 1, trial: false };
        let intent = Intent {
            account: ACCOUNT,
            key: IdempotencyKey("k1".into()),
            at: now,
            what: IntentWhat::Order(what),
        };
        let mut bench =
            Bench::new(false, loaded(LoadedAccount { intents: vec![intent], ..left_account(profile(true)) }));
        bench.attach();
        bench
    };
    let asked = acts(&mut start(60));
    assert_eq!(asked.iter().map(|(key, _)| key.0.as_str()).collect::<Vec<_>>(), ["k1"]);
    let mut late = start(2 * 3600);
    assert!(acts(&mut late).is_empty(), "nobody wants an order of long ago");
    assert!(late.written().iter().any(|w| matches!(w, Write::RemoveIntent(_))));
}

#[test]
fn whoever_waits_over_a_connection_that_is_gone_is_told() {
    let (mut bench, link, _, _) = ordered();
    let renew = Command::RenewNumber { account: ACCOUNT, number: OURS.into(), on: false };
    let request = bench.command(renew);
    assert_eq!(acts(&mut bench).len(), 1);
    bench.provider(link, ProviderReport::Opened(Capabilities { catalogue: true, ..EVERYTHING }));
    assert_eq!(reply(&mut bench, request), Some(Err(ErrorCode::ProviderUnreachable)));
    // What has a key goes on.
    let again = acts(&mut bench);
    assert!(matches!(again.as_slice(), [(_, Act::Once(_))]), "{again:?}");
}

#[test]
fn what_the_provider_does_not_offer_is_not_asked() {
    let mut bench = Bench::attached(Some("5"));
    for command in [
        Command::OrderNumbers { account: ACCOUNT, order: order() },
        Command::AskRate { account: ACCOUNT, target: PEER.into(), show: None },
    ] {
        let request = bench.command(command);
        assert_eq!(reply(&mut bench, request), Some(Err(ErrorCode::NotOffered)));
    }
}

#[test]
fn a_target_is_asked_about_once_a_minute_and_no_emergency_number_at_all() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, ProviderReport::Opened(Capabilities { rates: true, ..EVERYTHING }));
    bench.asked();
    let ask = |bench: &mut Bench, target: &str| {
        bench.command(Command::AskRate { account: ACCOUNT, target: target.into(), show: None })
    };
    let first = ask(&mut bench, PEER);
    assert_eq!(reply(&mut bench, first), None);
    let rate = tern_provider::types::Rate {
        target: PEER.into(),
        country: Some("GB".into()),
        name: None,
        call: tern_provider::types::Permission::Allowed { price: Some(usd("0.02")) },
        sms: tern_provider::types::Permission::Unknown,
        shown: tern_provider::types::Shown::Unknown,
    };
    assert_eq!(bench.asked(), [ProviderRequest::Rate(first, PEER.into(), None)]);
    bench.provider(link, ProviderReport::Rate(first, PEER.into(), None, Ok(rate)));
    assert_eq!(reply(&mut bench, first), Some(Ok(Reply::Done {})));
    assert!(bench.written().iter().any(|w| matches!(w, Write::Rate(_, kept) if kept.target == PEER)));
    let second = ask(&mut bench, PEER);
    assert_eq!((reply(&mut bench, second), bench.asked()), (Some(Ok(Reply::Done {})), vec![]));
    let emergency = ask(&mut bench, "112");
    assert_eq!(reply(&mut bench, emergency), Some(Err(ErrorCode::EmergencyNotSupported)));
    bench.wait(Duration::from_secs(61));
    bench.asked();
    let third = ask(&mut bench, PEER);
    assert!(matches!(&*bench.asked(), [ProviderRequest::Rate(..)]));
    assert_eq!(reply(&mut bench, third), None);
    // The connection is lost before the answer.
    bench.provider(link, ProviderReport::Opened(EVERYTHING));
    assert_eq!(reply(&mut bench, third), Some(Err(ErrorCode::ProviderUnreachable)));
}
