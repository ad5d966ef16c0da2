//! What an order costs: the profile's discounts, and the cashback that comes back at once.
//!
//! Pure: figures in, figures out. What is charged when stands in [`crate::orders`] and [`crate::lifecycle`].

use rust_decimal::{Decimal, dec};

use crate::{ledger::to_cents, model::Profile, settings::Settings};

/// An order's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quote {
    /// One number's fee for one month.
    pub(crate) monthly_fee: Decimal,
    pub(crate) count: u32,
    pub(crate) months: u32,
    /// Without any discount.
    pub(crate) list: Decimal,
    /// Of both kinds together.
    pub(crate) discount_percent: Decimal,
    /// What is charged.
    pub(crate) total: Decimal,
    /// Percent, and what it makes of `total`.
    pub(crate) cashback_percent: Decimal,
    pub(crate) cashback: Decimal,
}

/// The price of `count` numbers for `months` months for who has spent `spent` in the account's life.
pub(crate) fn quote(
    profile: Profile,
    monthly_fee: Decimal,
    count: u32,
    months: u32,
    spent: Decimal,
    settings: &Settings,
) -> Quote {
    let list = monthly_fee.saturating_mul(Decimal::from(count)).saturating_mul(Decimal::from(months));
    // `numgo` publishes no discounts.
    let discount_percent = match profile {
        Profile::Numgo => Decimal::ZERO,
        Profile::Prepaid => {
            tier(&settings.month_discounts, months).saturating_add(tier(&settings.bulk_discounts, count))
        }
    };
    let total = to_cents(part(list, dec!(100) - discount_percent.clamp(dec!(0), dec!(100))));
    let cashback_percent = cashback_percent(spent, settings);
    Quote {
        monthly_fee,
        count,
        months,
        list: to_cents(list),
        discount_percent,
        total,
        cashback_percent,
        cashback: cashback(total, spent, settings),
    }
}

/// The personal rate of who has spent `spent` so far.
pub(crate) fn cashback_percent(spent: Decimal, settings: &Settings) -> Decimal {
    tier(&settings.cashback_tiers, spent)
}

/// What comes back of a purchase.
pub(crate) fn cashback(price: Decimal, spent: Decimal, settings: &Settings) -> Decimal {
    to_cents(part(price, cashback_percent(spent, settings)))
}

/// From how much spent on the rate is higher than now; `None` at the highest.
pub(crate) fn next_tier(spent: Decimal, settings: &Settings) -> Option<(Decimal, Decimal)> {
    settings.cashback_tiers.iter().filter(|(from, _)| *from > spent).min_by_key(|(from, _)| *from).copied()
}

/// The value of the highest step that `reached` has reached.
fn tier<T: PartialOrd + Ord + Copy>(steps: &[(T, Decimal)], reached: T) -> Decimal {
    steps
        .iter()
        .filter(|(from, _)| *from <= reached)
        .max_by_key(|(from, _)| *from)
        .map_or(Decimal::ZERO, |(_, value)| *value)
}

fn part(amount: Decimal, percent: Decimal) -> Decimal {
    amount.saturating_mul(percent) / dec!(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discounts_for_months_and_for_many_are_the_profiles() {
        let settings = Settings::default();
        for (profile, count, months, list, percent, total) in [
            (Profile::Numgo, 1, 12, "58.80", "0", "58.80"),
            (Profile::Numgo, 20, 1, "98.00", "0", "98.00"),
            (Profile::Prepaid, 1, 1, "4.90", "0", "4.90"),
            (Profile::Prepaid, 1, 2, "9.80", "0", "9.80"),
            (Profile::Prepaid, 1, 3, "14.70", "5", "13.97"),
            (Profile::Prepaid, 1, 6, "29.40", "10", "26.46"),
            (Profile::Prepaid, 1, 12, "58.80", "15", "49.98"),
            (Profile::Prepaid, 4, 1, "19.60", "0", "19.60"),
            (Profile::Prepaid, 5, 1, "24.50", "5", "23.28"),
            (Profile::Prepaid, 5, 12, "294.00", "20", "235.20"),
        ] {
            let got = quote(profile, dec!(4.90), count, months, dec!(0), &settings);
            let shown = (got.list.to_string(), got.discount_percent.to_string(), got.total.to_string());
            assert_eq!(shown, (list.into(), percent.into(), total.into()), "{profile:?} {count} x {months}");
        }
    }

    #[test]
    fn the_personal_rate_rises_with_lifetime_spend() {
        let settings = Settings::default();
        for (spent, rate, back, next) in [
            ("0", "5", "0.25", Some("100")),
            ("99.99", "5", "0.25", Some("100")),
            ("100", "6", "0.29", Some("500")),
            ("500", "8", "0.39", Some("1000")),
            ("1000", "10", "0.49", None),
            ("99999", "10", "0.49", None),
        ] {
            let spent_so_far = spent.parse().unwrap();
            assert_eq!(cashback_percent(spent_so_far, &settings).to_string(), rate, "{spent}");
            assert_eq!(cashback(dec!(4.90), spent_so_far, &settings).to_string(), back, "{spent}");
            assert_eq!(next_tier(spent_so_far, &settings).map(|(from, _)| from.to_string()).as_deref(), next);
        }
    }
}
