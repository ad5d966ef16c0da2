//! What may be dialled, told before anything is dialled: by the rates' answer of the API and by the switch's refusal,
//! in the same words.

use rust_decimal::Decimal;

use crate::{destinations, model::Number, model::NumberState, settings::Settings};

/// Why a call goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// An emergency number.
    Emergency,
    /// A country the provider does not serve.
    NotServed,
    /// Nobody has this number or name.
    Unknown,
    /// The number exists but does not work now.
    NotWorking,
    /// The provider wants to know first who its customer is.
    Documents,
    /// The balance does not cover a minute.
    NoFunds,
}

impl Refused {
    /// Status code and reason phrase, shown to the caller as they are.
    pub(crate) fn status(self) -> (u16, &'static str) {
        match self {
            Self::Emergency => (403, "Emergency calls are not possible"),
            Self::NotServed => (403, "Destination not served"),
            Self::Unknown => (404, "Not Found"),
            Self::NotWorking => (480, "Temporarily Unavailable"),
            Self::Documents => (403, "Passport and registration address needed"),
            Self::NoFunds => (402, "Payment Required"),
        }
    }

    /// Stable; what the API says.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Emergency => "emergency_not_supported",
            Self::NotServed => "destination_not_served",
            Self::Unknown => "number_unknown",
            Self::NotWorking => "not_reachable",
            Self::Documents => "documents_required",
            Self::NoFunds => "insufficient_funds",
        }
    }

    /// For people, in the Warning of the refusal and in the API.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Emergency => {
                "Emergency services cannot be called here; use a phone of the country you are in."
            }
            Self::NotServed => "Calls to this country are not put through.",
            Self::Unknown => "Nobody has this number.",
            Self::NotWorking => "This number takes no calls at the moment.",
            Self::Documents => {
                "Passport and registration address must be approved before SMS and calls go out."
            }
            Self::NoFunds => "The balance does not cover a minute of this call.",
        }
    }
}

/// Whether `peer` may be dialled at all, whoever has it: a number in E.164, or what was typed.
pub(crate) fn permitted(peer: &str, settings: &Settings) -> Result<(), Refused> {
    if destinations::is_emergency(peer) {
        return Err(Refused::Emergency);
    }
    if peer.starts_with('+') && !destinations::serves_calls(peer, settings) {
        return Err(Refused::NotServed);
    }
    Ok(())
}

/// Whether the callee sees `number`: only with the CallerID service, and only in the number's own country.
pub(crate) fn is_shown(number: &Number, caller_id: bool, destination: &str) -> bool {
    caller_id
        && number.state == NumberState::Active
        && destinations::country(destination).is_some_and(|country| country == number.country)
}

/// How many whole minutes a balance buys; `None`: as many as one likes.
pub(crate) fn minutes_bought(balance: Decimal, minute: Decimal) -> Option<u64> {
    if minute <= Decimal::ZERO {
        return None;
    }
    let minutes = (balance.max(Decimal::ZERO) / minute).floor();
    Some(u64::try_from(minutes).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rust_decimal::dec;

    use super::*;
    use crate::model::{AccountId, NumberKind, Purpose};

    fn number(e164: &str, country: &str) -> Number {
        Number {
            id: "num_1".into(),
            account: AccountId(1),
            e164: e164.into(),
            country: country.into(),
            city: None,
            label: None,
            kind: NumberKind::Mobile,
            calls: true,
            sms: true,
            monthly_fee: dec!(1),
            incoming_minute: dec!(0),
            sms_price: None,
            ordered_on: date(2026, 1, 1),
            product: String::new(),
            purpose: Purpose::Rental,
            renews_on: None,
            auto_renew: true,
            state: NumberState::Active,
            order: None,
            ends_at: None,
            sms_left: None,
            calls_left: None,
            service: None,
            disposal: None,
            trouble: None,
            reported_at: None,
        }
    }

    #[test]
    fn the_rented_number_shows_only_with_the_service_and_in_its_own_country() {
        let german = number("+491713920042", "DE");
        let american = number("+12125550147", "US");
        for (number, service, destination, shown) in [
            (&german, true, "+4930231250", true),
            (&german, true, "+43123456789", false),
            (&german, false, "+4930231250", false),
            (&american, true, "+12025550178", true),
            (&american, true, "+14165550123", false),
            (&american, true, "+18765550123", false),
            (&german, true, "echo", false),
        ] {
            assert_eq!(is_shown(number, service, destination), shown, "{} to {destination}", number.e164);
        }
        let expired = Number { state: NumberState::Expired, ..german };
        assert!(!is_shown(&expired, true, "+4930231250"));
    }

    #[test]
    fn emergency_numbers_and_sanctioned_countries_are_refused_before_dialling() {
        let settings = Settings::default();
        for (peer, refused) in [
            ("112", Err(Refused::Emergency)),
            ("911", Err(Refused::Emergency)),
            ("999", Err(Refused::Emergency)),
            ("+989121234567", Err(Refused::NotServed)),
            ("+8501234567", Err(Refused::NotServed)),
            ("+447700900142", Ok(())),
            ("echo", Ok(())),
        ] {
            assert_eq!(permitted(peer, &settings), refused, "{peer}");
        }
        for refused in [Refused::Emergency, Refused::NotServed] {
            assert_eq!(refused.status().0, 403);
            assert!(!refused.sentence().is_empty() && !refused.code().is_empty());
        }
    }

    #[test]
    fn the_minutes_a_balance_buys() {
        for (balance, minute, minutes) in [
            (dec!(1.00), dec!(0.30), Some(3)),
            (dec!(0.30), dec!(0.30), Some(1)),
            (dec!(0.29), dec!(0.30), Some(0)),
            (dec!(-5), dec!(0.30), Some(0)),
            (dec!(1), dec!(0), None),
        ] {
            assert_eq!(minutes_bought(balance, minute), minutes, "{balance}");
        }
    }
}
