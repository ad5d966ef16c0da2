//! Settings as they are written in a file: TOML, each under the name it has in `docs/provider-settings.md`, durations in
//! words (`"36 h"`), money in strings. What is left out keeps its default; what there is no setting for is refused.

use std::{fmt, time::Duration};

use jiff::{Span, SpanRelativeTo, tz::TimeZone};
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

use super::Settings;

/// Why a file's settings can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct SettingsError {
    /// From 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Settings {
    /// Reads a file's text.
    ///
    /// # Errors
    /// With the line: what is no TOML, no setting, or no value for its setting.
    pub fn read(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count().saturating_add(1);
            SettingsError { line, reason: reason(error.message()) }
        })?;
        if settings.topup_min > settings.topup_max {
            let line = line_of(text, "topup_max").or(line_of(text, "topup_min")).unwrap_or(1);
            return Err(SettingsError { line, reason: "topup_min is above topup_max".into() });
        }
        Ok(settings)
    }
}

/// Without the list of every setting there is.
fn reason(message: &str) -> String {
    let told = message.lines().next().unwrap_or_default();
    match told.strip_prefix("unknown field ") {
        Some(rest) => format!("there is no setting {}", rest.split(", expected").next().unwrap_or(rest)),
        None => told.to_owned(),
    }
}

fn line_of(text: &str, name: &str) -> Option<usize> {
    let place = text.lines().position(|line| line.trim_start().starts_with(name))?;
    Some(place.saturating_add(1))
}

/// With `deserialize_with`, so that what can't be read is told with its line.
pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_str(Words("a duration such as \"36 h\" or \"PT36H\"", read_duration))
}

pub(super) fn review<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    from.deserialize_str(Words("a duration, or \"by hand\"", |text| match text {
        "by hand" => Some(None),
        text => read_duration(text).map(Some),
    }))
}

/// Through a string: a float has no exact cents.
pub(super) fn money<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    from.deserialize_str(Words("an amount in a string, such as \"5.00\"", |text| {
        text.parse().ok().filter(|amount: &Decimal| !amount.is_sign_negative())
    }))
}

pub(super) fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<TimeZone, D::Error> {
    from.deserialize_str(Words("a time zone such as \"Europe/Berlin\"", |text| match text {
        "UTC" => Some(TimeZone::UTC),
        text => TimeZone::get(text).ok(),
    }))
}

pub(super) fn hour<'de, D: Deserializer<'de>>(from: D) -> Result<i8, D::Error> {
    let hour = i8::deserialize(from)?;
    if (0..24).contains(&hour) { Ok(hour) } else { Err(D::Error::custom("an hour is 0 to 23")) }
}

pub(super) fn prefixes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let prefixes = Vec::<String>::deserialize(from)?;
    let is_code = |code: &String| (1..=15).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
    if prefixes.iter().all(is_code) {
        return Ok(prefixes);
    }
    Err(D::Error::custom("calling codes are digits alone, such as \"98\""))
}

/// Steps of percents, each from a threshold on; in their order.
pub(super) fn steps<'de, D, T>(from: D) -> Result<Vec<(T, Decimal)>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialOrd,
{
    let steps = Vec::<(T, Decimal)>::deserialize(from)?;
    let is_percent = |percent: &Decimal| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(percent);
    if !steps.is_sorted_by(|(one, _), (next, _)| one < next) {
        return Err(D::Error::custom("each step begins above the one before"));
    }
    if steps.iter().all(|(_, percent)| is_percent(percent)) {
        return Ok(steps);
    }
    Err(D::Error::custom("a percentage is 0 to 100"))
}

pub(super) fn trial<'de, D: Deserializer<'de>>(from: D) -> Result<(Duration, u32, u32), D::Error> {
    let (text, messages, calls) = <(String, u32, u32)>::deserialize(from)?;
    let duration =
        read_duration(&text).ok_or_else(|| D::Error::custom("a trial lasts such as \"14 days\""))?;
    Ok((duration, messages, calls))
}

/// A day is 24 hours here.
fn read_duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
}

/// A string of a certain form.
struct Words<T>(&'static str, fn(&str) -> Option<T>);

impl<T> Visitor<'_> for Words<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page's own file, with everything at its default.
    fn page() -> String {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let page = std::fs::read_to_string(root.join("docs/provider-settings.md")).unwrap();
        let (_, file) = page.split_once("```toml\n").unwrap();
        file.split_once("```").unwrap().0.to_owned()
    }

    #[test]
    fn the_pages_file_names_every_setting_with_its_default() {
        let file = page();
        let read = Settings::read(&file).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", Settings::default()));
        let code = include_str!("mod.rs");
        let (_, fields) = code.split_once("pub struct Settings {").unwrap();
        let (fields, _) = fields.split_once("\n}").unwrap();
        let names =
            fields.lines().filter_map(|line| line.trim_start().strip_prefix("pub ")?.split(':').next());
        let missing: Vec<&str> =
            names.filter(|name| !file.lines().any(|line| line.starts_with(&format!("{name} = ")))).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn each_setting_in_a_file_is_taken() {
        for line in page().lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, value) = line.split_once(" = ").unwrap();
            // Another value of the same kind.
            let other = match value {
                "true" => "false".to_owned(),
                "false" => "true".to_owned(),
                "\"rolling\"" => "\"calendar\"".to_owned(),
                "\"account\"" => "\"number\"".to_owned(),
                "\"message\"" => "\"segment\"".to_owned(),
                "\"order\"" => "\"restore\"".to_owned(),
                "\"started_minute\"" => "\"second\"".to_owned(),
                "\"UTC\"" => "\"Europe/Berlin\"".to_owned(),
                "[\"SHA-256\", \"MD5\"]" => "[\"MD5\"]".to_owned(),
                _ => {
                    let place = value.rfind(|c: char| c.is_ascii_digit()).unwrap();
                    let (begin, end) = value.split_at(place);
                    let digit = if end.starts_with('1') { '2' } else { '1' };
                    format!("{begin}{digit}{}", &end[1..])
                }
            };
            let read =
                Settings::read(&format!("{name} = {other}\n")).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_ne!(format!("{read:?}"), format!("{:?}", Settings::default()), "{name} = {other}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_line() {
        let check = |text: &str, line: usize, part: &str| {
            let error = Settings::read(text).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.reason.contains(part) && error.reason.len() < 120, "{text}: {error}");
        };
        check("# fine\nwarn_days = 3\nwarn_day = 3\n", 3, "there is no setting `warn_day`");
        check("warn_days = \"three\"", 1, "expected i32");
        check("topup_min = 5.0", 1, "an amount in a string");
        check("topup_min = \"-5\"", 1, "an amount");
        check("\nring_for = \"soon\"", 2, "a duration such as");
        check("ring_for = \"-3 s\"", 1, "a duration such as");
        check("billing_hour = 24", 1, "0 to 23");
        check("billing_zone = \"Mars/Base\"", 1, "a time zone");
        check("sms_window = \"sliding\"", 1, "rolling");
        check("sanctioned_prefixes = [\"+98\"]", 1, "digits alone");
        check("bulk_discounts = [[5, \"105\"]]", 1, "0 to 100");
        check("month_discounts = [[6, \"5\"], [3, \"10\"]]", 1, "above the one before");
        check("sms_limits = { per_second = 1 }", 1, "per_hour");
        check("warn_days = 3\nwarn_days = 4", 2, "duplicate");
        check("warn_days", 1, "");
        check("topup_min = \"50\"\ntopup_max = \"10\"", 2, "above topup_max");
    }
}
