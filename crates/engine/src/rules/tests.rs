//! The rules by the published terms: a row of each table is named after its line.

mod numbers;
mod sms;

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
