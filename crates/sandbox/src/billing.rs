//! Dates and quantities that are charged: renewal days, billed minutes.

use std::time::Duration;

use jiff::{ToSpan, civil::Date};
use rust_decimal::Decimal;

use crate::{
    ledger::to_cents,
    settings::{MinuteRounding, Settings},
};

/// The last day paid for by `months` months, always reckoned from the day of the order: months later, on the last
/// day of a month that is too short, less one day.
pub(crate) fn expiry(ordered_on: Date, months: u32) -> Date {
    ordered_on.saturating_add(i64::from(months).months()).saturating_sub(1.day())
}

/// The first expiry after `today` of a number that is renewed month by month.
pub(crate) fn next_expiry(ordered_on: Date, today: Date) -> Date {
    (1..=1200).map(|months| expiry(ordered_on, months)).find(|day| *day > today).unwrap_or(Date::MAX)
}

/// The day on which the month after `months` paid ones is charged (`prepaid`): the day of the month on which the
/// number was connected, or the last of a month that is too short.
pub(crate) fn charge_day(connected_on: Date, months: u32) -> Date {
    connected_on.saturating_add(i64::from(months).months())
}

/// The first day of charge after `day`.
pub(crate) fn next_charge(connected_on: Date, day: Date) -> Date {
    (1..=1200).map(|months| charge_day(connected_on, months)).find(|next| *next > day).unwrap_or(Date::MAX)
}

/// What talking for `talked` costs at `minute` a minute. `None`: not answered.
pub(crate) fn call_charge(talked: Option<Duration>, minute: Decimal, settings: &Settings) -> Decimal {
    let seconds = match talked {
        Some(talked) => talked.as_secs().saturating_add(u64::from(talked.subsec_nanos() > 0)),
        None if settings.bill_unanswered => 1,
        None => 0,
    };
    let minutes = match settings.minute_rounding {
        MinuteRounding::StartedMinute => Decimal::from(seconds.div_ceil(60)),
        MinuteRounding::Second => Decimal::from(seconds) / Decimal::from(60),
    };
    to_cents(minutes.saturating_mul(minute))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rust_decimal::dec;

    use super::*;

    #[test]
    fn expiries_are_reckoned_from_the_order_date() {
        let cases: &[(Date, &[(u32, Date)])] = &[
            (date(2025, 1, 2), &[(1, date(2025, 2, 1)), (2, date(2025, 3, 1)), (3, date(2025, 4, 1))]),
            (
                date(2025, 1, 31),
                &[
                    (1, date(2025, 2, 27)),
                    (2, date(2025, 3, 30)),
                    (3, date(2025, 4, 29)),
                    (4, date(2025, 5, 30)),
                ],
            ),
            (date(2024, 1, 31), &[(1, date(2024, 2, 28)), (2, date(2024, 3, 30)), (3, date(2024, 4, 29))]),
            (date(2025, 3, 10), &[(12, date(2026, 3, 9))]),
            (date(2025, 1, 30), &[(1, date(2025, 2, 27)), (2, date(2025, 3, 29)), (3, date(2025, 4, 29))]),
        ];
        for (ordered, expiries) in cases {
            for (months, expected) in *expiries {
                assert_eq!(expiry(*ordered, *months), *expected, "{ordered} + {months}");
            }
        }
        assert_eq!(next_expiry(date(2025, 1, 31), date(2025, 3, 30)), date(2025, 4, 29));
    }

    #[test]
    fn prepaid_is_charged_on_the_day_of_the_connection() {
        let connected = date(2025, 1, 20);
        let days: Vec<Date> = (1..=3).map(|months| charge_day(connected, months)).collect();
        assert_eq!(days, [date(2025, 2, 20), date(2025, 3, 20), date(2025, 4, 20)]);
        assert_eq!(next_charge(connected, date(2025, 3, 20)), date(2025, 4, 20));
        // Too short a month is charged on its last day, the next one on the day again.
        assert_eq!(next_charge(date(2025, 1, 31), date(2025, 1, 31)), date(2025, 2, 28));
        assert_eq!(next_charge(date(2025, 1, 31), date(2025, 2, 28)), date(2025, 3, 31));
    }

    #[test]
    fn minutes_as_configured() {
        let started = Settings::default();
        let second = Settings { minute_rounding: MinuteRounding::Second, ..Settings::default() };
        let ringing = Settings { bill_unanswered: true, ..Settings::default() };
        for (talked, settings, charge) in [
            (Some(60), &started, "0.05"),
            (Some(61), &started, "0.10"),
            (Some(0), &started, "0.00"),
            (None, &started, "0.00"),
            (None, &ringing, "0.05"),
            (Some(90), &second, "0.08"),
        ] {
            let talked_for = talked.map(Duration::from_secs);
            assert_eq!(call_charge(talked_for, dec!(0.05), settings).to_string(), charge, "{talked:?}");
        }
    }
}
