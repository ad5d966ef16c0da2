//! Telephone numbers: what a person types to what is dialled, and what comes in to what is shown.
//!
//! Everything is a pure function over strings. Whether a destination is served or what it costs is the provider's
//! to say.

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region,
};

use crate::api::{ErrorCode, LineKind};

/// What a person asked to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A telephone number in E.164, with the plus.
    Number(String),
    /// A name the provider knows, such as `echo`.
    Name(String),
    /// A whole SIP address.
    Address(String),
}

/// Numbers that reach the emergency services somewhere: refused everywhere, because a softphone tells nobody where
/// the caller is, and travellers dial what they know from home.
const EMERGENCY_ANYWHERE: [&str; 10] = ["112", "911", "999", "000", "110", "118", "119", "08", "102", "103"];
/// Short numbers that are emergency services only there.
const EMERGENCY_IN: [(&str, &[&str]); 9] = [
    ("FR", &["15", "17", "18", "114", "115", "191", "196"]),
    ("RU", &["01", "02", "03", "04", "101", "104"]),
    ("UA", &["101", "104"]),
    ("IT", &["113", "115", "117"]),
    ("ES", &["061", "062", "080", "085", "091", "092"]),
    ("CH", &["117", "144"]),
    ("AT", &["122", "133", "140", "144"]),
    ("BR", &["190", "192", "193"]),
    ("IN", &["100", "101", "108"]),
];

/// Reads what was typed. `region` is the country of the account's first number: a number typed without a country
/// code is one of there.
///
/// # Errors
/// [`ErrorCode::EmergencyNotSupported`], [`ErrorCode::InvalidTarget`].
pub(crate) fn target(typed: &str, region: Option<&str>) -> Result<Target, ErrorCode> {
    let typed = typed.trim();
    if typed.is_empty() || typed.len() > 256 || typed.chars().any(char::is_control) {
        return Err(ErrorCode::InvalidTarget);
    }
    let lower = typed.to_ascii_lowercase();
    let dialled = lower.strip_prefix("tel:").unwrap_or(typed);
    if is_emergency(user_part(dialled), region) {
        return Err(ErrorCode::EmergencyNotSupported);
    }
    if lower.starts_with("sip:") || lower.starts_with("sips:") {
        return Ok(Target::Address(typed.to_owned()));
    }
    if typed.contains('@') {
        return Ok(Target::Address(format!("sip:{typed}")));
    }
    if looks_dialled(dialled) {
        // Extensions and services of the server are short and mean nothing outside of it; no table of numbering
        // plans may turn them into somebody's number.
        if dialled.len() <= 6 && dialled.chars().all(|c| c.is_ascii_digit()) {
            return Ok(Target::Name(dialled.to_owned()));
        }
        return normalise(dialled, region).map(Target::Number).ok_or(ErrorCode::InvalidTarget);
    }
    let is_name = typed.starts_with(|c: char| c.is_ascii_alphabetic())
        && typed.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    is_name.then(|| Target::Name(typed.to_owned())).ok_or(ErrorCode::InvalidTarget)
}

/// Reads whom an SMS is for, to E.164.
///
/// # Errors
/// [`ErrorCode::EmergencyNotSupported`], [`ErrorCode::InvalidRecipient`].
pub(crate) fn recipient(typed: &str, region: Option<&str>) -> Result<String, ErrorCode> {
    let typed = typed.trim();
    if is_emergency(typed, region) {
        return Err(ErrorCode::EmergencyNotSupported);
    }
    if !looks_dialled(typed) {
        return Err(ErrorCode::InvalidRecipient);
    }
    normalise(typed, region).ok_or(ErrorCode::InvalidRecipient)
}

/// The other side for people: a number as usual with its country code, anything else as it came.
pub(crate) fn display(peer: &str) -> String {
    if !peer.starts_with('+') {
        return peer.to_owned();
    }
    match PhoneNumber::parse(peer, None) {
        // Possible, not valid: a number of a block no table knows yet is grouped like its neighbours.
        Ok(number) if number.is_possible_with_reason().is_ok() => {
            number.format_as(PhoneNumberFormat::International).into_owned()
        }
        _ => peer.to_owned(),
    }
}

/// A SIP user part to how the activity feed names the same peer: E.164 where it is a whole number.
pub(crate) fn peer_of_user(user: &str) -> String {
    let digits = user.strip_prefix('+').unwrap_or(user);
    let is_number = (7..=15).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit());
    let plus = format!("+{digits}");
    if is_number && (user.starts_with('+') || PhoneNumber::parse(&plus, None).is_ok_and(|n| n.is_valid())) {
        plus
    } else {
        user.to_owned()
    }
}

/// The country of a number in E.164 (ISO 3166 alpha-2), where one country alone has it.
pub(crate) fn country(e164: &str) -> Option<String> {
    let number = PhoneNumber::parse(e164, None).ok()?;
    number.get_region_code().map(|region| region.to_string())
}

/// The country that what was typed leads to (ISO 3166 alpha-2), be it half a number or of a block no table knows:
/// then the greatest of those that share the calling code.
pub(crate) fn likely_country(typed: &str, region: Option<&str>) -> Option<String> {
    let number = PhoneNumber::parse(typed, region.and_then(|r| Region::from_code(r).ok())).ok()?;
    let main = || PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code);
    let country = number.get_region_code().or_else(main)?.to_string();
    (country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase())).then_some(country)
}

/// What sort of line a number in E.164 is of, as far as its numbering plan tells.
pub(crate) fn line_kind(e164: &str) -> LineKind {
    match PhoneNumber::parse(e164, None).map(|number| number.get_type()) {
        Ok(PhoneNumberType::FixedLine) => LineKind::Landline,
        Ok(PhoneNumberType::Mobile) => LineKind::Mobile,
        Ok(PhoneNumberType::FixedLineOrMobile) => LineKind::LandlineOrMobile,
        Ok(PhoneNumberType::TollFree) => LineKind::TollFree,
        Ok(PhoneNumberType::PremiumRate) => LineKind::Premium,
        Ok(PhoneNumberType::SharedCost) => LineKind::SharedCost,
        Ok(PhoneNumberType::VoIP) => LineKind::Voip,
        Ok(
            PhoneNumberType::PersonalNumber
            | PhoneNumberType::Pager
            | PhoneNumberType::UAN
            | PhoneNumberType::VoiceMail,
        ) => LineKind::Other,
        Ok(PhoneNumberType::Unknown) | Err(_) => LineKind::Unknown,
    }
}

/// Whether an SMS to this peer can arrive: alphanumeric senders and short codes take no answer.
pub(crate) fn can_reply(peer: &str) -> bool {
    recipient(peer, None).is_ok()
}

fn looks_dialled(typed: &str) -> bool {
    typed.chars().any(|c| c.is_ascii_digit())
        && typed.chars().all(|c| c.is_ascii_digit() || "+-()./ \u{a0}".contains(c))
}

fn normalise(typed: &str, region: Option<&str>) -> Option<String> {
    let region = region.and_then(|r| Region::from_code(r).ok());
    let number = PhoneNumber::parse(typed, region).ok()?;
    // Possible, not valid: numbering plans grow faster than any table of them.
    if number.is_possible_with_reason().ok()? != NumberLengthType::IsPossible {
        return None;
    }
    Some(number.format_as(PhoneNumberFormat::E164).into_owned())
}

fn user_part(address: &str) -> &str {
    let rest = match address.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") => {
            rest
        }
        _ => address,
    };
    rest.split(['@', ';']).next().unwrap_or(rest)
}

fn is_emergency(typed: &str, region: Option<&str>) -> bool {
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    if typed.chars().any(|c| c.is_ascii_alphabetic()) {
        return false;
    }
    EMERGENCY_ANYWHERE.contains(&digits.as_str())
        || EMERGENCY_IN.iter().any(|(r, numbers)| Some(*r) == region && numbers.contains(&digits.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, region: Option<&str>, expect: Result<Target, ErrorCode>) {
        assert_eq!(target(typed, region), expect, "{typed:?} in {region:?}");
    }

    #[test]
    fn what_is_typed_becomes_what_is_dialled() {
        let number = |n: &str| Ok(Target::Number(n.into()));
        check("+44 20 7946 0123", None, number("+442079460123"));
        check("020 7946 0123", Some("GB"), number("+442079460123"));
        check("(030) 901820", Some("DE"), number("+4930901820"));
        check("tel:+4930901820", None, number("+4930901820"));
        check("8 (495) 123-45-67", Some("RU"), number("+74951234567"));
        check(" echo ", None, Ok(Target::Name("echo".into())));
        check("sip:bob@192.0.2.4:5070", None, Ok(Target::Address("sip:bob@192.0.2.4:5070".into())));
        check("bob@example.com", None, Ok(Target::Address("sip:bob@example.com".into())));
    }

    #[test]
    fn nonsense_is_refused() {
        for typed in ["", "   ", "+12", "+", "030 901820", "a b", "<script>", "x\u{7}y"] {
            check(typed, None, Err(ErrorCode::InvalidTarget));
        }
    }

    #[test]
    fn emergency_numbers_are_refused_however_they_are_written() {
        for typed in
            ["112", "9-1-1", "tel:999", "sip:112@example.com", "911@example.com", "sip:110;x=y@example.com"]
        {
            check(typed, Some("DE"), Err(ErrorCode::EmergencyNotSupported));
        }
        check("15", Some("FR"), Err(ErrorCode::EmergencyNotSupported));
        check("15", Some("DE"), Ok(Target::Name("15".into())));
        check("+49 112 3456789", None, Ok(Target::Number("+491123456789".into())));
    }

    #[test]
    fn recipients_are_telephone_numbers() {
        assert_eq!(recipient("07700 900123", Some("GB")), Ok("+447700900123".into()));
        for typed in ["Bank", "sip:a@b", "7726", "", "+1"] {
            assert_eq!(recipient(typed, None), Err(ErrorCode::InvalidRecipient), "{typed:?}");
        }
        assert!(can_reply("+447700900123") && !can_reply("PayPal") && !can_reply("7726"));
    }

    #[test]
    fn peers_are_shown_as_usual() {
        assert_eq!(display("+442079460123"), "+44 20 7946 0123");
        assert_eq!(display("+447700900142"), "+44 7700 900142");
        assert_eq!(display("+33639984712"), "+33 6 39 98 47 12");
        assert_eq!(display("PayPal"), "PayPal");
        assert_eq!(display("+999123"), "+999123");
        assert_eq!(peer_of_user("442079460123"), "+442079460123");
        assert_eq!(peer_of_user("+442079460123"), "+442079460123");
        assert_eq!(peer_of_user("echo"), "echo");
        assert_eq!(peer_of_user("1000"), "1000");
    }

    #[test]
    fn half_a_number_tells_its_country_and_a_whole_one_its_kind() {
        for (typed, region, expect) in [
            ("+4420", None, Some("GB")),
            ("+44 7700 900123", None, Some("GB")),
            ("030 901", Some("DE"), Some("DE")),
            ("+1 787 555 0123", None, Some("PR")),
            ("+", None, None),
            ("echo", None, None),
        ] {
            assert_eq!(likely_country(typed, region).as_deref(), expect, "{typed}");
        }
        for (e164, kind) in [
            ("+4930901820", LineKind::Landline),
            ("+33612345678", LineKind::Mobile),
            ("+12125550123", LineKind::LandlineOrMobile),
            ("+18005550199", LineKind::TollFree),
            ("+19005551234", LineKind::Premium),
            ("echo", LineKind::Unknown),
        ] {
            assert_eq!(line_kind(e164), kind, "{e164}");
        }
    }

    #[test]
    fn a_number_tells_its_country() {
        for (e164, expect) in [
            ("+12125550123", Some("US")),
            ("+14165550123", Some("CA")),
            ("+4930901820", Some("DE")),
            ("12345", None),
        ] {
            assert_eq!(country(e164).as_deref(), expect, "{e164}");
        }
    }
}
