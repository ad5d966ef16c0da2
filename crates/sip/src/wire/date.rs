//! The Date header (RFC 3261 20.17).

use super::{HeaderView, Malformed};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS_FROM_YEAR_0_TO_1970: i64 = 719_468;

/// A point in time as the peer's clock has it, to the second, in GMT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Seconds since 1970-01-01 00:00:00 GMT; years 1 to 9999.
    unix_seconds: i64,
}

impl Date {
    /// A date by its seconds since 1970. `None` outside the years 1 to 9999, which four digits cannot write.
    pub fn from_unix_seconds(unix_seconds: i64) -> Option<Date> {
        (-62_135_596_800..=253_402_300_799).contains(&unix_seconds).then_some(Date { unix_seconds })
    }

    /// Seconds since 1970-01-01 00:00:00 GMT.
    pub fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }
}

impl HeaderView for Date {
    const NAME: &'static str = "Date";

    /// The day of the week is not compared with the date: nothing follows from it. A zone other than GMT is an
    /// error (RFC 3261 20.17); a message with such a Date is to be taken and the header to be ignored.
    fn parse(value: &str) -> Result<Date, Malformed> {
        let bad = Malformed(Self::NAME);
        let number = |text: &str, digits: usize| -> Result<i64, Malformed> {
            match text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()) {
                true => text.parse().map_err(|_| bad),
                false => Err(bad),
            }
        };
        let (weekday, rest) = value.trim().split_once(',').ok_or(bad)?;
        let mut words = rest.split_ascii_whitespace();
        let mut next = || words.next().ok_or(bad);
        let (day, month, year, clock, zone) = (next()?, next()?, next()?, next()?, next()?);
        if words.next().is_some() || zone != "GMT" || !DAYS.contains(&weekday) {
            return Err(bad);
        }
        let month = (1i64..).zip(MONTHS).find(|(_, name)| *name == month).map(|(n, _)| n).ok_or(bad)?;
        let (day, year) = (number(day, 2)?, number(year, 4)?);
        let mut parts = clock.split(':');
        let mut part = || number(parts.next().unwrap_or_default(), 2);
        let (hour, minute, second) = (part()?, part()?, part()?);
        // 60 is a leap second.
        if parts.next().is_some()
            || hour > 23
            || minute > 59
            || second > 60
            || !(1..=days_in(month, year)).contains(&day)
        {
            return Err(bad);
        }
        let seconds = days_from_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Date::from_unix_seconds(seconds).ok_or(bad)
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, seconds) = (self.unix_seconds.div_euclid(86_400), self.unix_seconds.rem_euclid(86_400));
        let (year, month, day) = date_of(days);
        let name = |names: &[&'static str], n: i64| {
            usize::try_from(n).ok().and_then(|n| names.get(n)).copied().unwrap_or_default()
        };
        // 1970-01-01 was a Thursday.
        let weekday = name(&DAYS, (days + 3).rem_euclid(7));
        let month = name(&MONTHS, month - 1);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

fn days_in(month: i64, year: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of a Gregorian date, counted in years that begin in March, so that the leap day is the last of its year.
/// All arguments are checked to be small.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - DAYS_FROM_YEAR_0_TO_1970
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_FROM_YEAR_0_TO_1970;
    // A year is never longer than 366 days, so the estimate is at most some years low.
    let mut year = days.div_euclid(366);
    let first_of = |year: i64| year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year += (days - first_of(year)).div_euclid(366);
    while first_of(year + 1) <= days {
        year += 1;
    }
    let rest = days - first_of(year);
    let month = (5 * rest + 2) / 153;
    let day = rest - (153 * month + 2) / 5 + 1;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;

    #[test]
    fn dates_are_gmt() {
        let seconds = |text: &str| Date::parse(text).unwrap().unix_seconds();
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
        assert_eq!(seconds("Sat, 13 Nov 2010 23:29:00 GMT"), 1_289_690_940);
        assert_eq!(seconds("Thu, 29 Feb 2024 12:00:00 GMT"), 1_709_208_000);
        assert_eq!(seconds("Fri, 31 Dec 9999 23:59:59 GMT"), 253_402_300_799);
        refused::<Date>(&[
            "",
            "Fri, 01 Jan 2010 16:00:00 EST",
            "Fri, 01 Jan 2010 16:00:00 +0000",
            "Fri, 01 Jan 2010 16:00:00",
            "Fri, 01 Jan 2010 16:00:00 GMT again",
            "Fri 01 Jan 2010 16:00:00 GMT",
            "Fri, 29 Feb 2023 16:00:00 GMT",
            "Fri, 1 Jan 2010 16:00:00 GMT",
            "Fri, 01 Jan 10 16:00:00 GMT",
            "Fri, 01 Jan 2010 24:00:00 GMT",
            "Fri, 01 Jan 2010 16:00:00:00 GMT",
            "Fri, 01 Foo 2010 16:00:00 GMT",
            "Fri, -1 Jan 2010 16:00:00 GMT",
        ]);
    }

    #[test]
    fn eight_hundred_years_are_written_and_read() {
        for day in (-146_097..146_097i64).step_by(13) {
            let date = Date::from_unix_seconds(day * 86_400 + 86_399).unwrap();
            assert_eq!(Date::parse(&date.to_string()), Ok(date));
        }
        round_trip::<Date>(&[
            ("Mon, 01 Jan 0001 00:00:00 GMT", None),
            ("Sun, 22 Nov 2026 11:02:35 GMT", None),
        ]);
        assert_eq!(Date::from_unix_seconds(i64::MAX), None);
    }
}
