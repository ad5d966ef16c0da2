//! When numbers are charged, what that comes to, and whether the balance covers it.
//!
//! Days are reckoned as the provider reckons them, from the day of the order: either the last day paid for, a day
//! before the same day months later, or that day itself. Which of both is seen from the day it names.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use tern_provider::types::{Money, Number, NumberKind, NumberState, Unpaid};

use super::Facts;
use crate::{
    accounts::money_view,
    api::{LineKind, NumberStateView, NumberTermsView, RenewalView, TermsView, UnpaidView},
    phone,
};

/// How far ahead costs are summed up, today included.
const AHEAD: i64 = 30;
/// No number is older than a century.
const MOST_MONTHS: i64 = 1_200;

/// How the account's numbers go on.
pub(crate) fn terms(facts: &Facts) -> TermsView {
    let today = facts.today();
    let end = later(today, AHEAD);
    let mut sum: Option<Money> = None;
    let mut not_priced = 0_u32;
    let mut numbers = Vec::with_capacity(facts.numbers.len());
    for number in facts.numbers.iter().filter(|number| number.state != NumberState::Deleted) {
        let times = charges(number, today, end).len();
        let cost = match (times, fee(number)) {
            (0, fee) => fee.map(|fee| Money { amount: Decimal::ZERO, currency: fee.currency.clone() }),
            (_, None) => {
                not_priced = not_priced.saturating_add(1);
                None
            }
            (times, Some(fee)) => {
                let amount = fee.amount.saturating_mul(Decimal::from(times));
                Some(Money { amount, currency: fee.currency.clone() })
            }
        };
        sum = add(sum, cost.as_ref(), &mut not_priced);
        numbers.push(NumberTermsView {
            id: number.id.0.clone(),
            e164: number.e164.clone(),
            formatted: phone::display(&number.e164),
            state: state(number.state),
            line: line(number),
            renewal: renewal(facts, number, today),
            next_30_days: cost.as_ref().map(money_view),
            auto_renew: number.terms.auto_renew,
            caller_id: number.terms.caller_id,
            ordered_on: number.terms.ordered_on.map(|day| day.to_string()),
            incoming_minute: number.terms.incoming_minute.as_ref().map(money_view),
            sms_price: number.terms.sms_price.as_ref().map(money_view),
            sms_left: number.terms.sms_left,
            calls_left: number.terms.calls_left,
            restrictions: number.terms.restrictions.clone(),
        });
    }
    TermsView {
        today: today.to_string(),
        numbers,
        covered: sum.as_ref().and_then(|sum| facts.falls_short(sum)).map(|short| !short),
        next_30_days: sum.as_ref().map(money_view),
        not_priced,
    }
}

/// Sums of one currency; a price in another stands beside it as one that is not known.
fn add(sum: Option<Money>, cost: Option<&Money>, not_priced: &mut u32) -> Option<Money> {
    match (sum, cost) {
        (sum, None) => sum,
        (None, Some(cost)) => Some(cost.clone()),
        (Some(sum), Some(cost)) if sum.currency == cost.currency => {
            Some(Money { amount: sum.amount.saturating_add(cost.amount), currency: sum.currency })
        }
        (sum, Some(cost)) => {
            if !cost.amount.is_zero() {
                *not_priced = not_priced.saturating_add(1);
            }
            sum
        }
    }
}

fn renewal(facts: &Facts, number: &Number, today: Date) -> RenewalView {
    let fee = fee(number);
    match number.state {
        NumberState::Expired => match number.terms.restorable_until {
            Some(until) => RenewalView::Restorable {
                until: until.to_string(),
                days: days(today, until),
                fee: fee.map(money_view),
                covered: fee.and_then(|fee| facts.falls_short(fee)).map(|short| !short),
            },
            None => RenewalView::NotKnown {},
        },
        NumberState::Suspended => RenewalView::Suspended {
            owed: facts.balance.as_ref().map(|balance| {
                let amount = (-balance.amount).max(Decimal::ZERO);
                money_view(&Money { amount, currency: balance.currency.clone() })
            }),
        },
        NumberState::Pending | NumberState::Deleted => RenewalView::NotKnown {},
        NumberState::Active => {
            let trial = number.terms.trial_until.map(|at| day_of(facts, at));
            let last = trial.or_else(|| {
                let ends = number.terms.auto_renew == Some(false);
                if ends { number.terms.expires_on.or(number.renews_on) } else { None }
            });
            if let Some(last) = last {
                return RenewalView::Ends { on: last.to_string(), days: days(today, last) };
            }
            let Some(on) = number.renews_on else { return RenewalView::NotKnown {} };
            RenewalView::Renews {
                on: on.to_string(),
                days: days(today, on),
                fee: fee.map(money_view),
                covered: covered(facts, number, on),
                unpaid: facts.rules.as_ref().and_then(|known| known.rules.unpaid).map(
                    |unpaid| match unpaid {
                        Unpaid::Expires => UnpaidView::Expires,
                        Unpaid::Suspends => UnpaidView::Suspends,
                    },
                ),
            }
        }
    }
}

/// Whether the balance covers the number's next fee after all that is charged before it: on earlier days, and on the
/// same day for the numbers that stand before it.
fn covered(facts: &Facts, number: &Number, on: Date) -> Option<bool> {
    let fee = fee(number)?;
    let place = facts.numbers.iter().position(|other| other.id == number.id)?;
    let mut sum = fee.clone();
    for (at, other) in facts.numbers.iter().enumerate().filter(|(at, _)| *at != place) {
        // What comes on the same day comes first for who stands first.
        let end = if at < place { later(on, 1) } else { on };
        let times = charges(other, Date::MIN, end).len();
        if times > 0 {
            let theirs = self::fee(other).filter(|theirs| theirs.currency == sum.currency)?;
            sum.amount = sum.amount.saturating_add(theirs.amount.saturating_mul(Decimal::from(times)));
        }
    }
    facts.falls_short(&sum).map(|short| !short)
}

/// The days from `from` on and before `end` on which a number is charged.
fn charges(number: &Number, from: Date, end: Date) -> Vec<Date> {
    let goes_on = matches!(number.state, NumberState::Active | NumberState::Suspended)
        && number.terms.auto_renew != Some(false)
        && number.terms.trial_until.is_none();
    let Some(first) = number.renews_on.filter(|_| goes_on) else { return Vec::new() };
    let mut days = Vec::new();
    let mut day = first;
    // Later than `end` at the latest after so many months as there are between both.
    while day < end && days.len() < 64 {
        // One that is overdue is charged the moment the provider gets to it.
        days.push(day.max(from));
        let next = following(number.terms.ordered_on, day);
        if next <= day {
            break;
        }
        day = next;
    }
    days
}

/// The renewal after the one on `day`, always reckoned from the day of the order.
pub(super) fn following(ordered_on: Option<Date>, day: Date) -> Date {
    let Some(ordered_on) = ordered_on else { return months_later(day, 1) };
    for months in 1..=MOST_MONTHS {
        let same_day = months_later(ordered_on, months);
        let last_day = same_day.saturating_sub(1.day());
        if last_day == day {
            return months_later(ordered_on, months.saturating_add(1)).saturating_sub(1.day());
        }
        if same_day == day {
            return months_later(ordered_on, months.saturating_add(1));
        }
        if last_day > day {
            break;
        }
    }
    // A day that fits neither way of reckoning is one the provider moved.
    months_later(day, 1)
}

fn months_later(day: Date, months: i64) -> Date {
    day.saturating_add(months.months())
}

/// What the next period costs, by today's price.
fn fee(number: &Number) -> Option<&Money> {
    number.terms.next_fee.as_ref().or(number.monthly_fee.as_ref())
}

fn later(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

fn days(today: Date, day: Date) -> i32 {
    today.until(day).map_or(0, |span| span.get_days())
}

fn day_of(facts: &Facts, at: Timestamp) -> Date {
    let zone = facts.rules.as_ref().and_then(|known| known.rules.zone.clone()).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).date()
}

fn state(state: NumberState) -> NumberStateView {
    match state {
        NumberState::Pending => NumberStateView::Pending,
        NumberState::Active => NumberStateView::Active,
        NumberState::Suspended => NumberStateView::Suspended,
        NumberState::Expired => NumberStateView::Expired,
        NumberState::Deleted => NumberStateView::Deleted,
    }
}

fn line(number: &Number) -> LineKind {
    match number.terms.kind {
        Some(NumberKind::Landline) => LineKind::Landline,
        Some(NumberKind::Mobile) => LineKind::Mobile,
        Some(NumberKind::TollFree) => LineKind::TollFree,
        Some(NumberKind::National) => LineKind::Other,
        None => phone::line_kind(&number.e164),
    }
}
