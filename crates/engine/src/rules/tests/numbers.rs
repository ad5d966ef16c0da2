//! When numbers renew, whether the balance covers it, what that comes to.

use super::*;

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
