//! Days and hours as the provider's books count them: in the billing zone, at the billing hour, in working days.
//!
//! Not here: which day something is due ([`crate::billing`]).

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::TimeZone,
};

use crate::settings::Settings;

/// The day of `at` in the billing zone.
pub(crate) fn day_of(at: Timestamp, settings: &Settings) -> Date {
    at.to_zoned(settings.billing_zone.clone()).date()
}

/// When what belongs to `day` happens.
pub(crate) fn billing_moment(day: Date, settings: &Settings) -> Timestamp {
    let civil = day.at(settings.billing_hour.clamp(0, 23), 0, 0, 0);
    let zoned = civil.to_zoned(settings.billing_zone.clone()).or_else(|_| civil.to_zoned(TimeZone::UTC));
    // Only days at the very end of time have no moment.
    zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// When `day` begins.
pub(crate) fn start_of(day: Date, settings: &Settings) -> Timestamp {
    day.to_zoned(settings.billing_zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// The moment so many working days (Monday to Friday) later, at the same time of day.
pub(crate) fn working_days_later(at: Timestamp, days: u32, settings: &Settings) -> Timestamp {
    let zoned = at.to_zoned(settings.billing_zone.clone());
    let mut day = zoned.date();
    let mut left = days;
    while left > 0 && day < Date::MAX {
        day = day.saturating_add(1.day());
        if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    let civil = day.to_datetime(zoned.time());
    civil.to_zoned(settings.billing_zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// The first moment of the month after the one `at` lies in.
pub(crate) fn next_month(at: Timestamp, settings: &Settings) -> Timestamp {
    start_of(day_of(at, settings).first_of_month().saturating_add(1.month()), settings)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_billing_zone_says_which_day_it_is() {
        let utc = Settings::default();
        let east = Settings { billing_zone: TimeZone::fixed(jiff::tz::offset(3)), ..Settings::default() };
        let late = at("2026-01-31T22:30:00Z");
        assert_eq!((day_of(late, &utc), day_of(late, &east)), (date(2026, 1, 31), date(2026, 2, 1)));
        assert_eq!(billing_moment(date(2026, 2, 1), &utc), at("2026-02-01T12:00:00Z"));
        assert_eq!(billing_moment(date(2026, 2, 1), &east), at("2026-02-01T09:00:00Z"));
    }

    #[test]
    fn weekends_are_no_working_days() {
        // 22 May 2026 is a Friday.
        for (days, expected) in [
            (0, "2026-05-22T10:00:00Z"),
            (1, "2026-05-25T10:00:00Z"),
            (5, "2026-05-29T10:00:00Z"),
            (6, "2026-06-01T10:00:00Z"),
        ] {
            let got = working_days_later(at("2026-05-22T10:00:00Z"), days, &Settings::default());
            assert_eq!(got, at(expected), "{days}");
        }
    }

    #[test]
    fn a_month_ends_at_the_first_of_the_next() {
        let settings = Settings::default();
        assert_eq!(next_month(at("2026-01-31T23:00:00Z"), &settings), at("2026-02-01T00:00:00Z"));
        assert_eq!(next_month(at("2026-12-01T00:00:00Z"), &settings), at("2027-01-01T00:00:00Z"));
    }
}
