//! Values that providers write now as a text, now as a number, and lists of one that come without the list.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{ProviderError, types::Money};

/// A scalar, whatever its JSON type; `null` is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Loose(pub(crate) String);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Bool(flag) => flag.to_string(),
            _ => return Err(serde::de::Error::custom("not a scalar")),
        }))
    }
}

impl Loose {
    /// The text, unless it is empty.
    pub(crate) fn text(&self) -> Option<&str> {
        let text = self.0.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Whether it says yes.
    pub(crate) fn is_yes(&self) -> bool {
        matches!(self.0.trim().to_ascii_lowercase().as_str(), "1" | "yes" | "true" | "on")
    }

    /// A count; what is none is 0.
    pub(crate) fn count(&self) -> u32 {
        self.0.trim().parse().unwrap_or(0)
    }

    /// An exact decimal.
    pub(crate) fn decimal(&self) -> Result<Decimal, ProviderError> {
        let text = self.0.trim();
        Decimal::from_str_exact(text)
            // A provider's own rounding may be finer than we count; further digits are no money.
            .or_else(|_| if text.contains('.') { text.parse() } else { Err(rust_decimal::Error::Underflow) })
            .map_err(|_| ProviderError::Malformed)
    }

    /// An amount in a currency.
    pub(crate) fn money(&self, currency: &str) -> Result<Money, ProviderError> {
        let currency = currency.trim().to_ascii_uppercase();
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(ProviderError::Malformed);
        }
        Ok(Money { amount: self.decimal()?, currency })
    }

    /// An amount that may be missing.
    pub(crate) fn price(&self, currency: &str) -> Result<Option<Money>, ProviderError> {
        if self.text().is_none() { Ok(None) } else { self.money(currency).map(Some) }
    }
}

/// Reads a list that comes as one object when it has one element.
pub(crate) fn many<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let list = match value {
        serde_json::Value::Null => return Ok(Vec::new()),
        serde_json::Value::Array(list) => list,
        one => vec![one],
    };
    list.into_iter().map(|item| serde_json::from_value(item).map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(json: &str) -> Loose {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn scalars_of_every_type_are_texts() {
        for (json, text) in [("\"7\"", "7"), ("7", "7"), ("10.340", "10.340"), ("null", ""), ("true", "true")]
        {
            assert_eq!(loose(json).0, text, "{json}");
        }
        assert!(serde_json::from_str::<Loose>("[1]").is_err());
    }

    #[test]
    fn money_is_exact_or_refused() {
        assert_eq!(loose("-0.00750").money("usd").unwrap().amount.to_string(), "-0.00750");
        assert_eq!(loose("112.192790").money("USD").unwrap().currency, "USD");
        for (amount, currency) in [("\"\"", "USD"), ("\"a\"", "USD"), ("1e400", "USD"), ("1", "dollars")] {
            assert_eq!(loose(amount).money(currency), Err(ProviderError::Malformed), "{amount} {currency}");
        }
        assert_eq!(loose("null").price("USD"), Ok(None));
    }

    #[test]
    fn a_list_of_one_may_come_without_the_list() {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "many")]
            rows: Vec<Loose>,
        }
        for (json, count) in [("{\"rows\":[1,2]}", 2), ("{\"rows\":\"1\"}", 1), ("{\"rows\":null}", 0)] {
            assert_eq!(serde_json::from_str::<Answer>(json).unwrap().rows.len(), count, "{json}");
        }
    }
}
