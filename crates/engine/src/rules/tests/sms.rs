//! What an SMS costs, what it is refused for, when it leaves.

use super::*;

fn sms(facts: &Facts, to: &str, text: &str, sent: &[Sent]) -> crate::api::ComposedView {
    composed(facts, &Draft { from: None, to, text }, sent)
}

#[test]
fn an_sms_is_refused_before_it_is_sent_and_the_reason_is_said() {
    let trial = |left| {
        let mut facts = customer();
        facts.numbers[0].terms.sms_left = Some(left);
        facts
    };
    let papers = {
        let mut facts = customer();
        facts.rules.as_mut().unwrap().rules.documents_missing = vec![DocumentKind::Passport];
        facts
    };
    let silent = Facts { capabilities: Some(tern_provider::types::Capabilities::NONE), ..customer() };
    let poor = Facts { balance: Some(usd("0.04")), ..customer() };
    let long = "a".repeat(1531);
    for (line, facts, to, text, expect) in [
        (
            "not delivered: to US numbers",
            &customer(),
            "+12125550147",
            "Hi",
            Some(ErrorCode::DestinationNotServed),
        ),
        (
            "not delivered: to Canadian numbers",
            &customer(),
            "+14165550123",
            "Hi",
            Some(ErrorCode::DestinationNotServed),
        ),
        (
            "not delivered: to sanctioned countries",
            &customer(),
            "+989121234567",
            "Hi",
            Some(ErrorCode::DestinationNotServed),
        ),
        ("other countries under +1 get them", &customer(), "+18765550123", "Hi", None),
        ("outgoing SMS need papers", &papers, "+447700900318", "Hi", Some(ErrorCode::DocumentsNeeded)),
        ("trial: 5 SMS, none left", &trial(0), "+447700900318", "Hi", Some(ErrorCode::TrialUsedUp)),
        ("trial: one left", &trial(1), "+447700900318", "Hi", None),
        ("the balance does not cover it", &poor, "+447700900318", "Hi", Some(ErrorCode::InsufficientFunds)),
        ("nothing typed yet", &customer(), "+447700900318", " ", Some(ErrorCode::EmptyMessage)),
        (
            "longer than the provider takes",
            &customer(),
            "+447700900318",
            &long,
            Some(ErrorCode::MessageTooLong),
        ),
        ("no number", &customer(), "PayPal", "Hi", Some(ErrorCode::InvalidRecipient)),
        ("emergency", &customer(), "112", "Hi", Some(ErrorCode::EmergencyNotSupported)),
        ("a provider without SMS", &silent, "+447700900318", "Hi", Some(ErrorCode::NotOffered)),
        ("in order", &customer(), "+447700900318", "Hi", None),
    ] {
        assert_eq!(refusal(&sms(facts, to, text, &[]).verdict), expect, "{line}");
    }
}

#[test]
fn an_sms_costs_what_its_number_says_per_message_or_per_segment() {
    let two = "a".repeat(161);
    let by_segment = {
        let mut facts = customer();
        facts.rules.as_mut().unwrap().rules.sms_priced = Some(SmsPriced::Segment);
        facts
    };
    for (line, facts, text, expect) in [
        ("per message, fixed per number", &customer(), "Hi", "0.05"),
        ("however many segments", &customer(), &*two, "0.05"),
        ("setting: by the segment", &by_segment, &two, "0.10"),
    ] {
        let view = sms(facts, "+447700900318", text, &[]);
        let Price::Known { price, source, .. } = view.price else { panic!("{line}: {:?}", view.price) };
        assert_eq!((&*price.amount, source), (expect, PriceSource::NumberTerms), "{line}");
    }
    // A number without a price of its own costs what the target does, where that is told.
    let mut facts = customer();
    facts.numbers[0].terms.sms_price = None;
    assert_eq!(sms(&facts, "+447700900318", "Hi", &[]).price, Price::NotAsked {});
}

/// So many SMS, the last one so long ago, one every `every` seconds before.
fn history(now: Timestamp, count: i64, last: i64, every: i64) -> Vec<Sent> {
    let at = |n: i64| now.saturating_sub(SignedDuration::from_secs(last + n * every)).unwrap();
    (0..count).map(|n| Sent { at: at(n), number: GERMAN.into() }).collect()
}

#[test]
fn sending_at_most_1_per_second_100_per_hour_500_per_day() {
    let facts = customer();
    let later = |seconds: i64| {
        Some(facts.now.saturating_add(SignedDuration::from_secs(seconds)).unwrap().to_string())
    };
    for (line, sent, left, next_at) in [
        ("nothing sent yet", history(facts.now, 0, 0, 1), [1, 100, 500], None),
        ("1 per second: the next one a second after", history(facts.now, 1, 0, 1), [0, 99, 499], later(1)),
        ("one second later", history(facts.now, 1, 1, 1), [1, 99, 499], None),
        // The hundredth but last was 100 × 10 s ago, so an hour is over in 2600 s.
        ("100 per hour", history(facts.now, 100, 10, 10), [1, 0, 400], later(2600)),
        ("an hour is over for one of them", history(facts.now, 101, 36, 36), [1, 1, 399], None),
        // 500 of them, the oldest 500 × 100 s ago: 10 hours and 6 minutes to go.
        ("500 per day", history(facts.now, 500, 100, 100), [1, 65, 0], later(36_400)),
    ] {
        let view = sms(&facts, "+447700900318", "Hi", &sent);
        let got: Vec<u32> = view.limits.iter().map(|limit| limit.left).collect();
        assert_eq!((got, view.next_at), (left.to_vec(), next_at), "{line}");
    }
    let full = sms(&facts, "+447700900318", "Hi", &history(facts.now, 100, 10, 10));
    assert!(matches!(full.verdict, Verdict::Warned { error } if error.code == ErrorCode::RateLimited));
}

#[test]
fn limits_as_the_provider_has_them() {
    let change = |change: &dyn Fn(&mut KnownRules)| {
        let mut facts = customer();
        change(facts.rules.as_mut().unwrap());
        facts
    };
    let now = customer().now;
    let raised = change(&|known| {
        known.send_limits = Some(SendLimits { per_second: Some(10), per_hour: None, per_day: None });
    });
    let calendar = change(&|known| known.rules.sms_window = Some(LimitWindow::Calendar));
    let by_number = change(&|known| known.rules.sms_scope = Some(LimitScope::Number));
    let others =
        || history(now, 3, 60, 1).into_iter().map(|s| Sent { number: BRITISH.into(), ..s }).collect();
    let waiting = Facts { unsent: vec![GERMAN.into(), GERMAN.into()], ..customer() };
    let untold = Facts { rules: None, ..customer() };
    let unlimited = Facts { capabilities: Some(tern_provider::types::Capabilities::NONE), ..untold.clone() };
    let left = |facts: &Facts, sent: Vec<Sent>| -> Vec<u32> {
        sms(facts, "+447700900318", "Hi", &sent).limits.iter().map(|limit| limit.left).collect()
    };
    let nothing: Vec<u32> = Vec::new();
    for (line, got, expect) in [
        ("an account can have raised limits", left(&raised, history(now, 3, 0, 1)), vec![9]),
        (
            "calendar: a new hour has begun at noon",
            left(&calendar, history(now, 50, 1, 10)),
            vec![1, 100, 450],
        ),
        ("per number: those of another do not count", left(&by_number, others()), vec![1, 100, 500]),
        ("per account: they do", left(&customer(), others()), vec![1, 97, 497]),
        ("what waits to leave counts", left(&waiting, vec![]), vec![0, 98, 498]),
        ("the provider's own limits where the account has none", left(&untold, vec![]), vec![1, 100, 500]),
        ("no limits known", left(&unlimited, vec![]), nothing),
    ] {
        assert_eq!(got, expect, "{line}");
    }
}
