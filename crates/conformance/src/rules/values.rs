//! Money, times and numbers wherever they stand: every field of every object that was read.

use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value};

use crate::{
    rule::{Judged, broken},
    run::Run,
};

/// Fields that hold money, beside every `amount`.
const MONEY: &[&str] = &[
    "balance",
    "balance_after",
    "cashback",
    "cashback_balance",
    "granted",
    "incoming_minute",
    "lifetime_spend",
    "minute",
    "monthly_fee",
    "next_cashback_from",
    "next_fee",
    "price",
    "sms_price",
    "threshold",
    "total",
];
const TIMES: &[&str] = &["at", "started_at", "ends_at", "reported_at", "due"];
const DAYS: &[&str] = &["renews_on", "ordered_on", "restore_until"];

pub(crate) async fn money(run: &mut Run) -> Judged {
    each_field(run, "{amount: decimal in a string, currency}", &|fields, name, value| {
        let is_part = name == "amount" && fields.contains_key("currency");
        if !(MONEY.contains(&name) || name == "amount") || is_part || value.is_null() {
            return None;
        }
        let Some(money) = value.as_object() else { return Some(kind(value)) };
        let amount = match money.get("amount") {
            None => return Some("an object without amount"),
            Some(amount) => amount,
        };
        let Some(text) = amount.as_str() else { return Some(kind(amount)) };
        if !is_decimal(text) {
            return Some("an amount that is no decimal");
        }
        let currency = money.get("currency").and_then(Value::as_str).unwrap_or_default();
        let is_currency = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
        (!is_currency).then_some("an amount without a currency of ISO 4217")
    })
    .await
}

pub(crate) async fn times(run: &mut Run) -> Judged {
    each_field(run, "RFC 3339 in UTC, a day as YYYY-MM-DD", &|_, name, value| {
        let Some(text) = value.as_str() else {
            let is_one = TIMES.contains(&name) || DAYS.contains(&name);
            return (is_one && !value.is_null()).then(|| kind(value));
        };
        let in_utc = text.ends_with('Z') || text.ends_with("+00:00");
        if TIMES.contains(&name) && (text.parse::<Timestamp>().is_err() || !in_utc) {
            return Some("another form of time");
        }
        let is_day = text.len() == "2026-01-31".len() && text.parse::<Date>().is_ok();
        (DAYS.contains(&name) && !is_day).then_some("another form of day")
    })
    .await
}

pub(crate) async fn numbers(run: &mut Run) -> Judged {
    each_field(run, "E.164 with the plus", &|_, name, value| {
        let text = value.as_str().filter(|_| matches!(name, "e164" | "number"))?;
        let digits = text.strip_prefix('+').unwrap_or_default();
        let is_e164 = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        (!is_e164).then_some("another form of number")
    })
    .await
}

/// What is wrong with a field: its object, its name, its value.
type Look<'a> = &'a (dyn Fn(&Map<String, Value>, &str, &Value) -> Option<&'static str> + Sync);

async fn each_field(run: &mut Run, expected: &str, look: Look<'_>) -> Judged {
    for (path, body) in run.samples().await? {
        if let Some((place, fault)) = find(&body, String::new(), look) {
            return Err(broken(format!("{path}: `{place}`: {expected}"), fault));
        }
    }
    Ok(())
}

fn find(value: &Value, place: String, look: Look<'_>) -> Option<(String, &'static str)> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            let fault = look(fields, name, value).map(|fault| (place.clone(), fault));
            fault.or_else(|| find(value, place, look))
        }),
        Value::Array(rows) => rows.iter().find_map(|row| find(row, format!("{place}[]"), look)),
        _ => None,
    }
}

/// The type of a value, never the value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a bare string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(part)
}

#[cfg(test)]
mod tests {
    use super::is_decimal;

    #[test]
    fn amounts_are_plain_decimals() {
        for good in ["0", "10.34", "-0.08", "3600.00"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", "-", ".5", "5.", "1e3", "+5", "5,00", "1_000", "0x1", "NaN"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }
}
