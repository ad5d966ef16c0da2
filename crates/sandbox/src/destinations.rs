//! Where SMS and calls go, and what a minute costs there. Numbers are E.164 with the plus.
//!
//! Only what the provider needs to decide: no formatting, no validity beyond the length.

use rust_decimal::{Decimal, dec};

use crate::settings::Settings;

/// Numbers that are for emergencies somewhere. They are refused however they are dialled.
const EMERGENCY: &[&str] = &[
    "000", "08", "100", "101", "102", "103", "108", "110", "111", "112", "113", "115", "116", "117", "118",
    "119", "122", "123", "15", "17", "18", "190", "191", "192", "193", "194", "199", "911", "995", "997",
    "998", "999",
];

/// Area codes under +1 that are neither the United States with their territories nor Canada.
const CARIBBEAN: &[&str] = &[
    "242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767", "784",
    "809", "829", "849", "868", "869", "876",
];

/// Price of a minute by the longest prefix that fits.
const MINUTE: &[(&str, Decimal)] = &[
    ("1", dec!(0.02)),
    ("33", dec!(0.03)),
    ("336", dec!(0.06)),
    ("337", dec!(0.06)),
    ("44", dec!(0.02)),
    ("447", dec!(0.05)),
    ("46", dec!(0.03)),
    ("49", dec!(0.02)),
    ("4915", dec!(0.05)),
    ("4916", dec!(0.05)),
    ("4917", dec!(0.05)),
    ("61", dec!(0.03)),
    ("7", dec!(0.07)),
];

const MINUTE_ELSEWHERE: Decimal = dec!(0.15);

/// Whether these are the digits of an emergency number. A number with country code never is.
pub(crate) fn is_emergency(dialled: &str) -> bool {
    EMERGENCY.contains(&dialled)
}

/// A dialled text as E.164 with the plus: leading `+` or `00` or just the digits, with the usual separators.
/// `None` when it cannot be an international number.
pub(crate) fn e164(dialled: &str) -> Option<String> {
    let trimmed = dialled.trim();
    let (digits, has_plus) = match trimmed.strip_prefix('+') {
        Some(rest) => (rest, true),
        None => (trimmed, false),
    };
    if !digits.chars().all(|c| c.is_ascii_digit() || " -.()/".contains(c)) {
        return None;
    }
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let digits = match (has_plus, digits.strip_prefix("00")) {
        (false, Some(international)) => international.to_owned(),
        _ => digits,
    };
    // ITU-T E.164 section 6: at most 15 digits, country codes do not begin with 0.
    ((6..=15).contains(&digits.len()) && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

/// Whether the provider sends SMS there.
pub(crate) fn serves_sms(e164: &str, settings: &Settings) -> bool {
    !is_sanctioned(e164, settings) && !is_us_or_canada(e164)
}

/// Whether the provider puts calls through there.
pub(crate) fn serves_calls(e164: &str, settings: &Settings) -> bool {
    !is_sanctioned(e164, settings)
}

/// What a minute costs.
pub(crate) fn minute_price(e164: &str) -> Decimal {
    let digits = e164.trim_start_matches('+');
    MINUTE
        .iter()
        .filter(|(prefix, _)| digits.starts_with(prefix))
        .max_by_key(|(prefix, _)| prefix.len())
        .map_or(MINUTE_ELSEWHERE, |(_, price)| *price)
}

fn is_sanctioned(e164: &str, settings: &Settings) -> bool {
    let digits = e164.trim_start_matches('+');
    settings.sanctioned_prefixes.iter().any(|prefix| digits.starts_with(prefix.as_str()))
}

fn is_us_or_canada(e164: &str) -> bool {
    e164.strip_prefix("+1").is_some_and(|national| !CARIBBEAN.iter().any(|area| national.starts_with(area)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialled_texts() {
        for (dialled, expected) in [
            ("+44 7700 900142", Some("+447700900142")),
            ("0044-7700-900142", Some("+447700900142")),
            ("447700900142", Some("+447700900142")),
            ("+33 (6) 39.98.47.12", Some("+33639984712")),
            ("07700900142", None),
            ("+0447700900142", None),
            ("12345", None),
            ("1234567890123456", None),
            ("echo", None),
            ("+44x", None),
            ("", None),
        ] {
            assert_eq!(e164(dialled).as_deref(), expected, "{dialled}");
        }
    }

    #[test]
    fn where_sms_go() {
        let settings = Settings::default();
        for (number, served) in [
            ("+12125550147", false),
            ("+14165550123", false),
            ("+17875550123", false),
            ("+18765550123", true),
            ("+989121234567", false),
            ("+8501234567", false),
            ("+447700900142", true),
            ("+33639984712", true),
        ] {
            assert_eq!(serves_sms(number, &settings), served, "{number}");
        }
    }

    #[test]
    fn calls_reach_north_america_but_no_sanctioned_country() {
        let settings = Settings::default();
        assert!(serves_calls("+12125550147", &settings));
        assert!(!serves_calls("+989121234567", &settings));
        assert!(!serves_calls("+8501234567", &settings));
    }

    #[test]
    fn the_longest_prefix_prices_the_minute() {
        for (number, price) in [
            ("+4930231250", "0.02"),
            ("+491713920042", "0.05"),
            ("+33639984712", "0.06"),
            ("+8612345678", "0.15"),
        ] {
            assert_eq!(minute_price(number).to_string(), price, "{number}");
        }
    }
}
