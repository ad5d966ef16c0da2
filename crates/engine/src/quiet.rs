//! Whether a number is quiet now: switched off by hand, or by the time of day.
//!
//! A pure rule: settings, a number, a moment and a clock on the wall in, yes or no out. What being quiet means for a
//! call or an SMS is said where those are told of; what came meanwhile is told together when it is over.

mod zones;

use std::time::Duration;

use jiff::{Timestamp, civil::Weekday as JiffDay, tz::TimeZone};

use crate::{
    api::{AccountId, QuietHours, QuietSettings, QuietZone, Weekday},
    core::{State, Write},
    phone,
    record::RowId,
};

/// How often to look whether a quiet time is over, while something waits for it.
const LOOK: Duration = Duration::from_secs(30);
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Who is quiet now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct QuietNow {
    /// Also what came to no number of ours that is known.
    pub(crate) everyone: bool,
    /// These numbers, E.164.
    pub(crate) numbers: Vec<String>,
}

impl QuietNow {
    /// Whether what comes to this number is quiet.
    pub(crate) fn is(&self, number: &str) -> bool {
        self.everyone || self.numbers.iter().any(|quiet| quiet == number)
    }
}

/// Whether a number is quiet; `None` stands for one that is not known. `here` is the user's time zone.
pub(crate) fn is_quiet(
    settings: &QuietSettings,
    number: Option<&str>,
    at: Timestamp,
    here: &TimeZone,
) -> bool {
    let silenced = number.is_some_and(|number| settings.silent_numbers.iter().any(|silent| silent == number));
    settings.do_not_disturb
        || silenced
        || settings.hours.iter().any(|hours| {
            let meant = hours.number.as_deref().is_none_or(|only| Some(only) == number);
            // No number, no place of it.
            let meant = meant && (number.is_some() || hours.zone != QuietZone::Number {});
            meant && is_within(hours, at, &zone(&hours.zone, number, here))
        })
}

/// Where a rule's clock hangs. A zone that this computer does not know is the user's own.
fn zone(zone: &QuietZone, number: Option<&str>, here: &TimeZone) -> TimeZone {
    let name = match zone {
        QuietZone::Here {} => None,
        QuietZone::Number {} => {
            number.and_then(phone::country).and_then(|c| zones::of_country(&c).map(str::to_owned))
        }
        QuietZone::Named { name } => Some(name.clone()),
    };
    name.and_then(|name| TimeZone::get(&name).ok()).unwrap_or_else(|| here.clone())
}

/// Whether the clock on that wall is within the hours. It is read as people read it: an hour that a change of the
/// clocks skips is over at once, one that comes twice counts both times.
fn is_within(hours: &QuietHours, at: Timestamp, zone: &TimeZone) -> bool {
    let clock = zone.to_datetime(at);
    let minute = u16::from(clock.hour().unsigned_abs()) * 60 + u16::from(clock.minute().unsigned_abs());
    let (from, to) = (hours.from_minute % DAY, hours.to_minute % DAY);
    let today = day(clock.weekday());
    let yesterday = day(clock.weekday().previous());
    let begins = |day| hours.days.contains(&day);
    if from < to {
        begins(today) && (from..to).contains(&minute)
    } else {
        // Over midnight, or the whole day round: it belongs to the day it began on.
        begins(today) && minute >= from || begins(yesterday) && minute < to
    }
}

fn day(day: JiffDay) -> Weekday {
    match day {
        JiffDay::Monday => Weekday::Monday,
        JiffDay::Tuesday => Weekday::Tuesday,
        JiffDay::Wednesday => Weekday::Wednesday,
        JiffDay::Thursday => Weekday::Thursday,
        JiffDay::Friday => Weekday::Friday,
        JiffDay::Saturday => Weekday::Saturday,
        JiffDay::Sunday => Weekday::Sunday,
    }
}

impl State {
    /// Whether what comes to this number is neither heard nor shown outside of the window.
    pub(crate) fn is_quiet(&self, number: Option<&str>) -> bool {
        is_quiet(&self.settings.quiet, number, self.now.wall, &self.zone)
    }

    /// Puts a row aside, to be told of when its number is not quiet any more.
    pub(crate) fn set_aside(&mut self, row: RowId) {
        self.write(Write::SetAside(row));
        self.look_again();
    }

    /// Tells of what was put aside, where it may be told now.
    pub(crate) fn ask_away(&mut self) {
        let numbers = self.accounts.values().flat_map(|account| &account.numbers);
        let quiet = QuietNow {
            everyone: self.is_quiet(None),
            numbers: numbers.map(|n| n.e164.clone()).filter(|number| self.is_quiet(Some(number))).collect(),
        };
        self.write(Write::TellAway(quiet));
    }

    pub(crate) fn look_again(&mut self) {
        self.aside = self.now.instant.checked_add(LOOK);
    }

    pub(crate) fn run_aside(&mut self) {
        if self.aside.is_some_and(|at| at <= self.now.instant) {
            self.aside = None;
            // While an account catches up, it is told with what comes then.
            if self.is_catching_up() { self.look_again() } else { self.ask_away() }
        }
    }

    /// The account's number that a call came to, or was put to.
    pub(crate) fn is_quiet_for(&self, account: &AccountId, number: Option<&str>) -> bool {
        let only = || {
            let account = self.accounts.get(account)?;
            // Who has one number is called on that one.
            match account.numbers.as_slice() {
                [only] => Some(only.e164.as_str()),
                _ => None,
            }
        };
        self.is_quiet(number.filter(|number| !number.is_empty()).or_else(only))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: &str = "+4930901820";
    const LONDON: &str = "+442079460123";

    /// The rules of central Europe, spelled out.
    fn here() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn every_day() -> Vec<Weekday> {
        use Weekday::*;
        vec![Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday]
    }

    fn hours(from: u16, to: u16) -> QuietHours {
        QuietHours {
            number: None,
            days: every_day(),
            from_minute: from,
            to_minute: to,
            zone: QuietZone::Here {},
        }
    }

    fn quiet(hours: QuietHours) -> QuietSettings {
        QuietSettings { hours: vec![hours], ..QuietSettings::default() }
    }

    #[track_caller]
    fn check(settings: &QuietSettings, number: &str, at: &str, expect: bool) {
        assert_eq!(is_quiet(settings, Some(number), at.parse().unwrap(), &here()), expect, "{at}");
    }

    #[test]
    fn nobody_is_quiet_unless_asked_to() {
        check(&QuietSettings::default(), BERLIN, "2026-03-02T02:00:00Z", false);
    }

    #[test]
    fn do_not_disturb_is_for_all_and_a_silent_number_for_itself() {
        let all = QuietSettings { do_not_disturb: true, ..QuietSettings::default() };
        check(&all, BERLIN, "2026-03-02T12:00:00Z", true);
        let one = QuietSettings { silent_numbers: vec![BERLIN.into()], ..QuietSettings::default() };
        check(&one, BERLIN, "2026-03-02T12:00:00Z", true);
        check(&one, LONDON, "2026-03-02T12:00:00Z", false);
        assert!(!is_quiet(&one, None, "2026-03-02T12:00:00Z".parse().unwrap(), &here()));
    }

    #[test]
    fn a_range_within_a_day_holds_from_its_first_minute_to_before_its_last() {
        let noon = quiet(hours(12 * 60, 13 * 60 + 30));
        for (at, expect) in [
            ("2026-03-02T10:59:59Z", false),
            ("2026-03-02T11:00:00Z", true),
            ("2026-03-02T12:29:59Z", true),
            ("2026-03-02T12:30:00Z", false),
        ] {
            check(&noon, BERLIN, at, expect);
        }
    }

    #[test]
    fn a_range_over_midnight_belongs_to_the_day_it_begins_on() {
        // 2026-03-06 is a Friday. From Friday 22:00 to Saturday 07:00, and on no other night.
        let friday = quiet(QuietHours { days: vec![Weekday::Friday], ..hours(22 * 60, 7 * 60) });
        for (at, expect) in [
            ("2026-03-05T22:00:00Z", false),
            ("2026-03-06T05:00:00Z", false),
            ("2026-03-06T20:59:00Z", false),
            ("2026-03-06T21:00:00Z", true),
            ("2026-03-07T05:59:00Z", true),
            ("2026-03-07T06:00:00Z", false),
            ("2026-03-07T22:00:00Z", false),
        ] {
            check(&friday, BERLIN, at, expect);
        }
    }

    #[test]
    fn the_same_time_twice_is_a_whole_day() {
        let sunday = quiet(QuietHours { days: vec![Weekday::Sunday], ..hours(6 * 60, 6 * 60) });
        check(&sunday, BERLIN, "2026-03-01T04:59:00Z", false);
        check(&sunday, BERLIN, "2026-03-01T05:00:00Z", true);
        check(&sunday, BERLIN, "2026-03-02T04:59:00Z", true);
        check(&sunday, BERLIN, "2026-03-02T05:00:00Z", false);
    }

    #[test]
    fn the_clock_on_the_wall_counts_when_clocks_change() {
        let night = quiet(hours(22 * 60, 7 * 60));
        // Winter: 07:00 is 06:00Z. Summer begins 2026-03-29: 07:00 is 05:00Z.
        check(&night, BERLIN, "2026-03-28T05:30:00Z", true);
        check(&night, BERLIN, "2026-03-29T04:59:00Z", true);
        check(&night, BERLIN, "2026-03-29T05:00:00Z", false);
        // 02:00 to 03:00 does not exist that night: a range within it never holds.
        let skipped = quiet(hours(2 * 60, 3 * 60));
        check(&skipped, BERLIN, "2026-03-29T00:59:00Z", false);
        check(&skipped, BERLIN, "2026-03-29T01:00:00Z", false);
        // And on 2026-10-25 it comes twice.
        check(&skipped, BERLIN, "2026-10-25T00:30:00Z", true);
        check(&skipped, BERLIN, "2026-10-25T01:30:00Z", true);
        check(&skipped, BERLIN, "2026-10-25T02:00:00Z", false);
    }

    #[test]
    fn a_rule_may_be_for_one_number_and_hang_where_that_number_is() {
        let there =
            QuietHours { number: Some(LONDON.into()), zone: QuietZone::Number {}, ..hours(22 * 60, 7 * 60) };
        let settings = quiet(there);
        // 22:00 in London is 23:00 here.
        check(&settings, LONDON, "2026-03-02T21:30:00Z", false);
        check(&settings, LONDON, "2026-03-02T22:00:00Z", true);
        check(&settings, BERLIN, "2026-03-02T22:00:00Z", false);
    }

    #[test]
    fn an_unknown_zone_is_the_users_own() {
        let nowhere = QuietZone::Named { name: "Nowhere/At all".into() };
        let settings = quiet(QuietHours { zone: nowhere, ..hours(22 * 60, 23 * 60) });
        check(&settings, BERLIN, "2026-03-02T21:00:00Z", true);
        let tokyo = QuietZone::Named { name: "Asia/Tokyo".into() };
        let settings = quiet(QuietHours { zone: tokyo, ..hours(22 * 60, 23 * 60) });
        check(&settings, BERLIN, "2026-03-02T13:00:00Z", true);
    }
}
