//! The rules by the published terms: a row of each table is named after its line.

use jiff::{SignedDuration, civil::Date};
use tern_provider::types::{
    AccountRules, DocumentKind, LimitScope, LimitWindow, NumberTerms, Permission, Rate, RemoteId, SendLimits,
    Shown, SmsPriced, Unpaid,
};

use super::*;
use crate::{
    api::{CallerShown, HiddenWhy, LineKind, NumberTermsView, PriceGap, RenewalView, UnpaidView},
    record::Sent,
};

const GERMAN: &str = "+491713920042";
const BRITISH: &str = "+447700900142";
const BERLIN: &str = "+4930231250";

fn usd(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: "USD".into() }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn noon(text: &str) -> Timestamp {
    day(text).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp()
}

fn number(e164: &str, country: &str) -> Number {
    Number {
        id: RemoteId(e164.into()),
        e164: e164.into(),
        country: country.into(),
        city: None,
        label: None,
        calls: true,
        sms: true,
        monthly_fee: Some(usd("3.00")),
        renews_on: None,
        state: NumberState::Active,
        terms: NumberTerms {
            auto_renew: Some(true),
            caller_id: Some(true),
            sms_price: Some(usd("0.05")),
            ..NumberTerms::default()
        },
    }
}

/// A customer of the profile `numgo` with a German and a British number and 10 dollars.
fn customer() -> Facts {
    Facts {
        now: noon("2026-03-10"),
        capabilities: Some(tern_provider::Adapter::Tern.capabilities()),
        region: Some("DE".into()),
        numbers: vec![number(GERMAN, "DE"), number(BRITISH, "GB")],
        balance: Some(usd("10.00")),
        rules: Some(KnownRules {
            at: noon("2026-03-10"),
            ahead: SignedDuration::ZERO,
            send_limits: Some(SendLimits { per_second: Some(1), per_hour: Some(100), per_day: Some(500) }),
            rules: AccountRules {
                zone: Some(TimeZone::UTC),
                unpaid: Some(Unpaid::Expires),
                sms_window: Some(LimitWindow::Rolling),
                sms_scope: Some(LimitScope::Account),
                sms_priced: Some(SmsPriced::Message),
                longest_text: Some(1530),
                no_calls_to: vec!["IR".into(), "KP".into()],
                no_sms_to: ["US", "CA", "PR", "IR", "KP"].map(String::from).to_vec(),
                ..AccountRules::default()
            },
        }),
        rates: Vec::new(),
        unsent: Vec::new(),
    }
}

fn told(target: &str, call: Permission, shown: Shown) -> KeptRate {
    KeptRate {
        target: target.into(),
        number: None,
        at: noon("2026-03-10").saturating_sub(SignedDuration::from_secs(90)).unwrap(),
        rate: Rate {
            target: target.into(),
            country: None,
            name: None,
            call,
            sms: Permission::Unknown,
            shown,
        },
    }
}

fn allowed(price: &str) -> Permission {
    Permission::Allowed { price: Some(usd(price)) }
}

fn says_no(code: &str) -> Permission {
    Permission::Refused { code: code.into(), detail: "Why.".into(), price: None }
}

/// The code it is refused with; `None` where it is not.
fn refusal(verdict: &Verdict) -> Option<ErrorCode> {
    match verdict {
        Verdict::Refused { error } => Some(error.code),
        Verdict::Allowed {} | Verdict::Warned { .. } | Verdict::Unknown {} => None,
    }
}

#[test]
fn a_target_is_refused_before_it_is_dialled_and_the_reason_is_said() {
    let facts = customer();
    for (line, typed, expect) in [
        ("emergency numbers (911, 112 …) can't be called", "911", Some(ErrorCode::EmergencyNotSupported)),
        ("emergency numbers, however they are written", "1-1-2", Some(ErrorCode::EmergencyNotSupported)),
        ("calls to sanctioned countries: Iran", "+98 912 123 4567", Some(ErrorCode::DestinationNotServed)),
        (
            "calls to sanctioned countries: North Korea",
            "+850 2 123 4567",
            Some(ErrorCode::DestinationNotServed),
        ),
        ("the United States can be called", "+1 212 555 0147", None),
        ("not dialable: half a number", "+4930", Some(ErrorCode::InvalidTarget)),
        ("not dialable: nothing", "", Some(ErrorCode::InvalidTarget)),
        ("a number without its country code is of the first number's country", "030 231250", None),
        ("a service of the provider", "echo", None),
    ] {
        assert_eq!(refusal(&target(&facts, typed, None).call), expect, "{line}");
    }
}

#[test]
fn a_target_is_written_as_usual_with_country_and_kind() {
    let view = target(&customer(), "030 231250", None);
    assert_eq!((view.dialled.as_deref(), &*view.formatted), (Some(BERLIN), "+49 30 231250"));
    assert_eq!((view.country.as_deref(), view.line), (Some("DE"), LineKind::Landline));
    // Half of it tells where it will go.
    assert_eq!(target(&customer(), "+4420", None).country.as_deref(), Some("GB"));
    let echo = target(&customer(), "echo", None);
    assert_eq!((echo.dialled.as_deref(), echo.line, echo.country), (Some("echo"), LineKind::NoNumber, None));
}

#[test]
fn what_the_provider_says_counts_unless_it_is_known_better_here() {
    let refused_for = |facts: &Facts| refusal(&target(facts, BERLIN, None).call);
    let with = |call| Facts { rates: vec![told(BERLIN, call, Shown::Unknown)], ..customer() };
    let papers = |facts: Facts| {
        let mut known = facts.rules.unwrap();
        known.rules.documents_missing = vec![DocumentKind::Passport, DocumentKind::RegistrationAddress];
        Facts { rules: Some(known), ..facts }
    };
    let poor = |facts: Facts| Facts { balance: Some(usd("0.04")), ..facts };
    for (line, facts, expect) in [
        ("allowed", with(allowed("0.05")), None),
        (
            "refused by the provider",
            with(says_no("destination_not_served")),
            Some(ErrorCode::DestinationNotServed),
        ),
        ("a reason Tern has no words for", with(says_no("on_holiday")), Some(ErrorCode::ProviderRefused)),
        ("outgoing calls need papers", papers(with(allowed("0.05"))), Some(ErrorCode::DocumentsNeeded)),
        ("the papers were approved since", with(says_no("documents_required")), None),
        (
            "the balance does not cover a minute",
            poor(with(allowed("0.05"))),
            Some(ErrorCode::InsufficientFunds),
        ),
        ("money came in since", with(says_no("insufficient_funds")), None),
    ] {
        assert_eq!(refused_for(&facts), expect, "{line}");
    }
    let Verdict::Refused { error } = target(&papers(customer()), BERLIN, None).call else { panic!() };
    assert_eq!(error.detail.as_deref(), Some("passport, registration_address"));
}

#[test]
fn a_premium_number_nobody_prices_is_warned_of() {
    let premium = "+19005551234";
    let verdict = |rates| target(&Facts { rates, ..customer() }, premium, None).call;
    assert!(matches!(verdict(vec![]), Verdict::Warned { error } if error.code == ErrorCode::PremiumNumber));
    assert_eq!(verdict(vec![told(premium, allowed("4.99"), Shown::Unknown)]), Verdict::Allowed {});
}

#[test]
fn a_price_has_its_source_and_its_age_or_the_reason_why_there_is_none() {
    let minute = |facts: &Facts| target(facts, BERLIN, None).minute;
    let asked = Facts { rates: vec![told(BERLIN, allowed("0.02"), Shown::Unknown)], ..customer() };
    let Price::Known { price, source, age_seconds, .. } = minute(&asked) else { panic!() };
    assert_eq!((&*price.amount, source, age_seconds), ("0.02", PriceSource::Rate, 90));
    let silent = Facts { rates: vec![told(BERLIN, Permission::Unknown, Shown::Unknown)], ..customer() };
    let without = Facts { capabilities: Some(tern_provider::Adapter::Telnyx.capabilities()), ..customer() };
    let plain = Facts { capabilities: None, ..customer() };
    let gap = |why| Price::NotKnown { why };
    for (line, facts, expect) in [
        ("to be asked", customer(), Price::NotAsked {}),
        ("asked and not told", silent, gap(PriceGap::NotTold)),
        ("a provider without rates", without, gap(PriceGap::NoRates)),
        ("no provider", plain, gap(PriceGap::NoProvider)),
    ] {
        assert_eq!(minute(&facts), expect, "{line}");
    }
    assert_eq!(target(&customer(), "echo", None).minute, gap(PriceGap::NoNumber));
}

#[test]
fn how_many_whole_minutes_the_balance_buys() {
    for (line, balance, minute, minutes) in [
        ("whole minutes alone", "1.00", "0.30", Some(3)),
        ("exactly one", "0.30", "0.30", Some(1)),
        ("not one", "0.29", "0.30", Some(0)),
        ("debt buys none", "-5.00", "0.30", Some(0)),
        ("what is free has no end", "1.00", "0.00", None),
    ] {
        let rates = vec![told(BERLIN, allowed(minute), Shown::Unknown)];
        let facts = Facts { balance: Some(usd(balance)), rates, ..customer() };
        assert_eq!(target(&facts, BERLIN, None).minutes, minutes, "{line}");
    }
    let rates = vec![told(BERLIN, allowed("0.02"), Shown::Unknown)];
    let euros = Money { currency: "EUR".into(), ..usd("10.00") };
    assert_eq!(target(&Facts { balance: Some(euros), rates, ..customer() }, BERLIN, None).minutes, None);
}

#[test]
fn the_called_side_sees_the_number_with_caller_id_on_and_in_its_own_country_alone() {
    let number = |e164: &str| Some(CallAs::Number { number: e164.into() });
    let off = |mut facts: Facts| {
        facts.numbers[0].terms.caller_id = Some(false);
        facts
    };
    let shows = |e164: &str| CallerShown::Number { number: e164.into(), formatted: phone_of(e164) };
    let hidden = |why| CallerShown::Hidden { why };
    let says = |shown| Facts { rates: vec![told("+43123456789", allowed("0.15"), shown)], ..customer() };
    for (line, facts, typed, show, expect) in [
        ("a German number shows in Germany", customer(), BERLIN, number(GERMAN), shows(GERMAN)),
        ("not in Austria", customer(), "+43123456789", number(GERMAN), hidden(HiddenWhy::OtherCountry)),
        (
            "not without the CallerID service",
            off(customer()),
            BERLIN,
            number(GERMAN),
            hidden(HiddenWhy::ServiceOff),
        ),
        ("the first one where none is chosen", customer(), BERLIN, None, shows(GERMAN)),
        ("withheld", customer(), BERLIN, Some(CallAs::Anonymous {}), hidden(HiddenWhy::Withheld)),
        (
            "the provider's word counts",
            says(Shown::Number(BRITISH.into())),
            "+43123456789",
            None,
            shows(BRITISH),
        ),
        ("its rule says why", says(Shown::Another), "+43123456789", None, hidden(HiddenWhy::OtherCountry)),
    ] {
        assert_eq!(target(&facts, typed, show.as_ref()).shown, expect, "{line}");
    }
    let mut silent = customer();
    silent.numbers[0].terms.caller_id = None;
    assert_eq!(target(&silent, BERLIN, None).shown, CallerShown::Unknown {});
}

fn phone_of(e164: &str) -> String {
    crate::phone::display(e164)
}

#[test]
fn a_number_that_rests_or_is_not_ours_calls_nobody() {
    let show = |e164: &str| Some(CallAs::Number { number: e164.into() });
    let in_state = |state| {
        let mut facts = customer();
        facts.numbers[0].state = state;
        facts
    };
    for (line, facts, show, expect) in [
        ("somebody else's", customer(), show("+15550100"), Some(ErrorCode::NumberNotYours)),
        (
            "kept, but takes no calls until the balance is positive",
            in_state(NumberState::Suspended),
            show(GERMAN),
            Some(ErrorCode::NumberSuspended),
        ),
        ("expired", in_state(NumberState::Expired), show(GERMAN), Some(ErrorCode::NumberNotYours)),
        ("in order", customer(), show(GERMAN), None),
    ] {
        assert_eq!(refusal(&target(&facts, BERLIN, show.as_ref()).call), expect, "{line}");
    }
}

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

/// A customer of one number, renewed on `renews_on` by an order of `ordered_on`.
fn renewing(ordered_on: &str, renews_on: &str, today: &str) -> Facts {
    let mut number = number(GERMAN, "DE");
    number.renews_on = Some(day(renews_on));
    number.terms.ordered_on = Some(day(ordered_on));
    Facts { now: noon(today), numbers: vec![number], ..customer() }
}

fn only(facts: &Facts) -> NumberTermsView {
    terms(facts).numbers.remove(0)
}

#[test]
fn renewal_days_follow_the_order_date_not_each_other() {
    for (line, ordered, expiries) in [
        (
            "2 Jan, monthly: 1 Feb, 1 Mar, 1 Apr",
            "2025-01-02",
            &["2025-02-01", "2025-03-01", "2025-04-01"][..],
        ),
        (
            "31 Jan, common year: 27 Feb, 30 Mar, 29 Apr, 30 May",
            "2025-01-31",
            &["2025-02-27", "2025-03-30", "2025-04-29", "2025-05-30"],
        ),
        (
            "31 Jan, leap year: 28 Feb, 30 Mar, 29 Apr",
            "2024-01-31",
            &["2024-02-28", "2024-03-30", "2024-04-29"],
        ),
        ("10 Mar, 12 months: 9 Mar next year", "2025-03-10", &["2026-03-09", "2026-04-09"]),
        ("30 Jan 2025: 27 Feb, 29 Mar, 29 Apr", "2025-01-30", &["2025-02-27", "2025-03-29", "2025-04-29"]),
        (
            "prepaid: connected 20 Jan, charged on the 20th",
            "2025-01-20",
            &["2025-02-20", "2025-03-20", "2025-04-20"],
        ),
        ("prepaid: connected 31 Jan", "2025-01-31", &["2025-02-28", "2025-03-31", "2025-04-30"]),
    ] {
        for pair in expiries.windows(2) {
            let [first, second] = pair else { panic!() };
            // From the day after the first renewal the second one is what is seen; with the first still to come, both
            // fall into the days ahead only if they lie close enough.
            let facts = renewing(ordered, first, first);
            let RenewalView::Renews { on, days, .. } = only(&facts).renewal else { panic!("{line}") };
            assert_eq!((&*on, days), (*first, 0), "{line}");
            assert_eq!(renewal::following(Some(day(ordered)), day(first)), day(second), "{line}");
        }
    }
    assert_eq!(renewal::following(None, day("2025-02-01")), day("2025-03-01"), "no order date is told");
    assert_eq!(renewal::following(Some(day("2025-01-02")), day("2025-02-14")), day("2025-03-14"), "moved");
}

#[test]
fn days_to_the_renewal_to_the_expiry_and_to_the_end_of_restore() {
    let changed = |change: &dyn Fn(&mut Number), today: &str| {
        let mut facts = renewing("2025-01-02", "2025-02-01", today);
        change(&mut facts.numbers[0]);
        only(&facts).renewal
    };
    let fee = Some(crate::accounts::money_view(&usd("3.00")));
    assert_eq!(
        changed(&|_| {}, "2025-01-29"),
        RenewalView::Renews {
            on: "2025-02-01".into(),
            days: 3,
            fee: fee.clone(),
            covered: Some(true),
            unpaid: Some(UnpaidView::Expires)
        },
        "a warning goes out 3 days before expiry (1 Feb → 29 Jan)"
    );
    let leaving = |n: &mut Number| n.terms.auto_renew = Some(false);
    assert_eq!(
        changed(&leaving, "2025-01-29"),
        RenewalView::Ends { on: "2025-02-01".into(), days: 3 },
        "leaving: auto-renew off"
    );
    let expired = |n: &mut Number| {
        n.state = NumberState::Expired;
        n.terms.restorable_until = Some(day("2025-02-11"));
    };
    for (today, days) in [("2025-02-02", 9), ("2025-02-11", 0)] {
        let (until, fee) = ("2025-02-11".to_owned(), fee.clone());
        assert_eq!(
            changed(&expired, today),
            RenewalView::Restorable { until, days, fee, covered: Some(true) },
            "restore is open through the 10th day after expiry (1 Feb → 11 Feb)"
        );
    }
    let trial = |n: &mut Number| n.terms.trial_until = Some(noon("2025-02-05"));
    assert_eq!(
        changed(&trial, "2025-01-29"),
        RenewalView::Ends { on: "2025-02-05".into(), days: 7 },
        "trial: 14 days"
    );
    let dearer = |n: &mut Number| n.terms.next_fee = Some(usd("4.00"));
    let RenewalView::Renews { fee, .. } = changed(&dearer, "2025-01-29") else { panic!() };
    assert_eq!(fee.unwrap().amount, "4.00", "at the price of that day (it may have changed)");
    let mut debt = renewing("2025-01-20", "2025-02-20", "2025-01-29");
    debt.numbers[0].state = NumberState::Suspended;
    debt.balance = Some(usd("-2.50"));
    assert_eq!(
        only(&debt).renewal,
        RenewalView::Suspended { owed: Some(crate::accounts::money_view(&usd("2.50"))) },
        "kept but takes no calls or SMS until the balance is positive"
    );
}

#[test]
fn the_balance_covers_the_renewals_in_the_order_they_come() {
    let mut facts = renewing("2025-01-02", "2025-02-10", "2025-02-01");
    let mut sooner = number(BRITISH, "GB");
    sooner.renews_on = Some(day("2025-02-05"));
    facts.numbers.push(sooner);
    let covered = |balance: &str| -> Vec<Option<bool>> {
        let facts = Facts { balance: Some(usd(balance)), ..facts.clone() };
        terms(&facts)
            .numbers
            .into_iter()
            .map(|number| match number.renewal {
                RenewalView::Renews { covered, .. } => covered,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(covered("6.00"), [Some(true), Some(true)]);
    assert_eq!(covered("5.99"), [Some(false), Some(true)], "what renews first is paid first");
    assert_eq!(covered("2.99"), [Some(false), Some(false)]);
    assert_eq!(covered("-1.00"), [Some(false), Some(false)]);
}

#[test]
fn what_the_next_30_days_cost_in_all() {
    let cost = |facts: &Facts| terms(facts).next_30_days.map(|money| money.amount);
    let two = |first: &str, second: &str| {
        let mut facts = renewing("2025-01-02", first, "2025-02-01");
        let mut other = number(BRITISH, "GB");
        other.renews_on = Some(day(second));
        other.monthly_fee = Some(usd("4.90"));
        facts.numbers.push(other);
        facts
    };
    let mut off = two("2025-02-10", "2025-02-20");
    off.numbers[0].terms.auto_renew = Some(false);
    let mut unpriced = two("2025-02-10", "2025-02-20");
    unpriced.numbers[0].monthly_fee = None;
    for (line, facts, expect) in [
        ("both", &two("2025-02-10", "2025-02-20"), "7.90"),
        ("today counts", &two("2025-02-01", "2025-02-20"), "10.90"),
        ("the thirtieth day, 2 March, counts", &two("2025-02-10", "2025-03-02"), "7.90"),
        ("the day after it does not", &two("2025-02-10", "2025-03-03"), "3.00"),
        ("a number that ends costs nothing more", &off, "4.90"),
        ("what has no price stands beside", &unpriced, "4.90"),
    ] {
        assert_eq!(cost(facts).as_deref(), Some(expect), "{line}");
    }
    // 1 Feb and 1 March lie 28 days apart.
    assert_eq!(cost(&renewing("2025-01-02", "2025-02-01", "2025-02-01")).as_deref(), Some("6.00"));
    assert_eq!((terms(&unpriced).not_priced, terms(&off).not_priced), (1, 0));
    assert_eq!(terms(&two("2025-02-10", "2025-02-20")).covered, Some(true));
    let poor = Facts { balance: Some(usd("7.89")), ..two("2025-02-10", "2025-02-20") };
    assert_eq!(terms(&poor).covered, Some(false));
}

#[test]
fn the_day_is_the_providers() {
    let mut facts = renewing("2025-01-02", "2025-02-01", "2025-01-31");
    facts.now = day("2025-01-31").at(23, 30, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
    assert_eq!(terms(&facts).today, "2025-01-31");
    facts.rules.as_mut().unwrap().rules.zone = Some(TimeZone::fixed(jiff::tz::offset(2)));
    assert_eq!(terms(&facts).today, "2025-02-01", "billing time zone");
}
