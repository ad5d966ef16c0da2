use jiff::{SignedDuration, tz::TimeZone};
use tern_provider::types::{
    AccountRules, DocumentKind, LimitScope, LimitWindow, Number, NumberKind, NumberState, NumberTerms,
    OrderRequest, Permission, Rate, RefundRequest, SendLimits, Shown, SmsPriced, Unpaid,
};

use super::*;
use crate::record::{Intent, IntentWhat, KeptRate, KnownRules, MOST_RATES};

fn usd(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: "USD".into() }
}

fn loaded(connection: &mut Connection) -> crate::record::LoadedAccount {
    load(connection).unwrap().accounts.remove(0)
}

#[test]
fn what_a_provider_tells_of_numbers_and_rules_comes_back_as_it_was() {
    let mut connection = database();
    let terms = NumberTerms {
        kind: Some(NumberKind::Mobile),
        ordered_on: Some("2026-01-31".parse().unwrap()),
        expires_on: Some("2026-02-27".parse().unwrap()),
        restorable_until: Some("2026-03-09".parse().unwrap()),
        auto_renew: Some(false),
        caller_id: Some(true),
        trial_until: Some(at(3)),
        sms_left: Some(4),
        calls_left: Some(1),
        next_fee: Some(usd("4.00")),
        incoming_minute: Some(usd("0.01")),
        sms_price: Some(usd("0.05")),
        restrictions: vec!["Sends no links.".into(), "Makes no calls.".into()],
    };
    let number = |id: &str, terms| Number {
        id: RemoteId(id.into()),
        e164: OURS.into(),
        country: "DE".into(),
        city: None,
        label: None,
        calls: true,
        sms: true,
        monthly_fee: Some(usd("3.00")),
        renews_on: None,
        state: NumberState::Active,
        terms,
    };
    // One of which nothing is told stands beside it.
    let numbers = vec![number("n1", terms), number("n2", NumberTerms::default())];
    run(&mut connection, Write::Numbers(ACCOUNT, numbers.clone()));
    let known = KnownRules {
        at: at(5),
        ahead: SignedDuration::from_secs(-90),
        send_limits: Some(SendLimits { per_second: Some(1), per_hour: None, per_day: Some(500) }),
        rules: AccountRules {
            now: None,
            zone: Some(TimeZone::UTC),
            unpaid: Some(Unpaid::Suspends),
            sms_window: Some(LimitWindow::Calendar),
            sms_scope: Some(LimitScope::Number),
            sms_priced: Some(SmsPriced::Segment),
            longest_text: Some(1530),
            no_calls_to: vec!["IR".into(), "KP".into()],
            no_sms_to: vec!["US".into()],
            documents_missing: vec![DocumentKind::Passport, DocumentKind::RegistrationAddress],
        },
    };
    run(&mut connection, Write::Rules(ACCOUNT, known.clone()));
    let account = loaded(&mut connection);
    assert_eq!((account.numbers, account.rules), (numbers, Some(known)));
}

#[test]
fn the_latest_rates_are_kept_and_no_more() {
    let mut connection = database();
    let kept = |n: i64, number: Option<&str>, call: Permission| KeptRate {
        target: format!("+49{n}"),
        number: number.map(str::to_owned),
        at: at(n),
        rate: Rate {
            target: format!("+49{n}"),
            country: Some("DE".into()),
            name: None,
            call,
            sms: Permission::Unknown,
            shown: Shown::Number(OURS.into()),
        },
    };
    let refused = Permission::Refused { code: "no".into(), detail: "No.".into(), price: Some(usd("0.02")) };
    let one = kept(1_000, Some(OURS), refused);
    run(&mut connection, Write::Rate(ACCOUNT, one.clone()));
    assert_eq!(loaded(&mut connection).rates, [one]);
    let most = i64::from(MOST_RATES);
    for n in 0..most + 10 {
        let rate = kept(2_000 + n, None, Permission::Allowed { price: Some(usd("0.02")) });
        run(&mut connection, Write::Rate(ACCOUNT, rate));
    }
    let rates = loaded(&mut connection).rates;
    assert_eq!((rates.len() as i64, rates[0].at), (most, at(2_000 + most + 9)));
    assert!(rates.iter().all(|rate| rate.at >= at(2_010)), "the oldest are gone");
}

#[test]
fn an_intent_is_there_until_it_is_answered() {
    let mut connection = database();
    let intents = [
        IntentWhat::Order(OrderRequest {
            offer: RemoteId("gb".into()),
            quantity: 2,
            months: 3,
            trial: false,
        }),
        IntentWhat::Restore(RemoteId("n1".into())),
        IntentWhat::Refund(RefundRequest {
            service: RemoteId("n1".into()),
            amount: usd("4.90"),
            reason: "out_of_service".into(),
            explanation: String::new(),
            payment_details: Some("a card".into()),
        }),
    ]
    .into_iter()
    .zip(0..)
    .map(|(what, n)| Intent { account: ACCOUNT, key: IdempotencyKey(format!("k{n}")), at: at(n), what })
    .collect::<Vec<_>>();
    for intent in &intents {
        run(&mut connection, Write::Intent(intent.clone()));
    }
    assert_eq!(loaded(&mut connection).intents, intents);
    run(&mut connection, Write::RemoveIntent(intents[1].key.clone()));
    let left = [intents[0].clone(), intents[2].clone()];
    assert_eq!(loaded(&mut connection).intents, left);
}

#[test]
fn what_the_provider_took_is_counted_newest_first() {
    let mut connection = database();
    let sent = |id: &str, second: i64, direction| {
        let message =
            Message { at: at(second), direction, state: Remote::Sent, ..super::message(id, 1, "Hi") };
        Change::Upsert(ActivityObject::Message(message))
    };
    let changes = vec![
        sent("m1", 10, Direction::Outgoing),
        sent("m2", 20, Direction::Outgoing),
        sent("m3", 30, Direction::Incoming),
        sent("m4", 40, Direction::Outgoing),
    ];
    apply_changes(&mut connection, changes, false);
    let times = |since| -> Vec<Timestamp> {
        read::sent_since(&connection, &ACCOUNT, since).unwrap().into_iter().map(|sent| sent.at).collect()
    };
    assert_eq!(times(at(0)), [at(40), at(20), at(10)]);
    assert_eq!(times(at(20)), [at(40)]);
}
