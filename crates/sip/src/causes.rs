//! Words for what a Reason header says (RFC 3326): status codes by RFC 3261, causes of the telephone network by
//! ITU-T Q.850.
//!
//! What a call that ended so means for its owner (missed or not) is decided outside; here are only the words.

use crate::wire::{Reason, default_reason};

impl Reason {
    /// A Reason with a SIP status code: why we cancel or end a call (RFC 3326 2).
    pub fn sip(cause: u16, text: impl Into<String>) -> Reason {
        Reason { protocol: "SIP".into(), cause: Some(cause), text: Some(text.into()) }
    }

    /// Cancelled because another device took the call (RFC 3326 3.1).
    pub fn completed_elsewhere() -> Reason {
        Reason::sip(200, "Call completed elsewhere")
    }

    /// Whether another device took the call: then nobody has missed it.
    pub fn is_completed_elsewhere(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("SIP") && self.cause == Some(200)
    }

    /// English words for it: its own text, else those of its cause. `None` when it has neither.
    pub fn words(&self) -> Option<&str> {
        if let Some(text) = self.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            return Some(text);
        }
        let cause = self.cause?;
        if self.protocol.eq_ignore_ascii_case("Q.850") {
            q850(cause)
        } else if self.protocol.eq_ignore_ascii_case("SIP") && (100..700).contains(&cause) {
            Some(default_reason(cause))
        } else {
            None
        }
    }
}

/// ITU-T Q.850 (05/98) table 1.
fn q850(cause: u16) -> Option<&'static str> {
    Some(match cause {
        1 => "Unassigned number",
        2 => "No route to transit network",
        3 => "No route to destination",
        4 => "Send special information tone",
        5 => "Misdialled trunk prefix",
        6 => "Channel unacceptable",
        8 => "Preemption",
        16 => "Normal call clearing",
        17 => "User busy",
        18 => "No user responding",
        19 => "No answer from user",
        20 => "Subscriber absent",
        21 => "Call rejected",
        22 => "Number changed",
        23 => "Redirection to new destination",
        25 => "Exchange routing error",
        26 => "Non-selected user clearing",
        27 => "Destination out of order",
        28 => "Invalid number format",
        29 => "Facility rejected",
        31 => "Normal, unspecified",
        34 => "No circuit available",
        38 => "Network out of order",
        41 => "Temporary failure",
        42 => "Switching equipment congestion",
        43 => "Access information discarded",
        44 => "Requested circuit not available",
        47 => "Resource unavailable",
        49 => "Quality of service unavailable",
        50 => "Requested facility not subscribed",
        55 => "Incoming calls barred within group",
        57 => "Bearer capability not authorized",
        58 => "Bearer capability not available",
        63 => "Service not available",
        65 => "Bearer capability not implemented",
        69 => "Requested facility not implemented",
        79 => "Service not implemented",
        87 => "User not a member of the group",
        88 => "Incompatible destination",
        95 => "Invalid message",
        97 => "Message type not implemented",
        102 => "Recovery on timer expiry",
        111 => "Protocol error",
        127 => "Interworking",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_words_and_a_text_of_its_own_goes_first() {
        let words = |value: &str| Reason::parse(value).unwrap().words().map(str::to_owned);
        assert_eq!(words("Q.850;cause=17").as_deref(), Some("User busy"));
        assert_eq!(words("q.850;cause=16;text=\"\"").as_deref(), Some("Normal call clearing"));
        assert_eq!(words("SIP;cause=480").as_deref(), Some("Temporarily Unavailable"));
        assert_eq!(
            words("SIP;cause=200;text=\"Call completed elsewhere\"").as_deref(),
            Some("Call completed elsewhere")
        );
        assert_eq!(words("Q.850;cause=999"), None);
        assert_eq!(words("X.1;cause=17"), None);
        assert!(Reason::completed_elsewhere().is_completed_elsewhere());
        assert!(!Reason::parse("Q.850;cause=200").unwrap().is_completed_elsewhere());
    }
}
