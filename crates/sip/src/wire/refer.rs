//! `Refer-To` (RFC 3515), `Referred-By` (RFC 3892) and `Refer-Sub` (RFC 4488).

use super::{Address, HeaderView, Malformed, Replaces, Uri};

/// Where the receiver of a REFER shall turn to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferTo(pub Address);

/// Who sent the REFER, as told to the third party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferredBy(pub Address);

/// Whether a REFER makes a subscription to its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferSub(pub bool);

impl ReferTo {
    /// The target without the headers its URI carries.
    pub fn target(&self) -> Uri {
        match &self.0.uri {
            Uri::Sip(uri) => {
                let mut bare = uri.clone();
                bare.headers = None;
                Uri::Sip(bare)
            }
            other => other.clone(),
        }
    }

    /// The dialog the new call takes the place of (RFC 3891 6.1, a `Replaces` header inside the URI).
    pub fn replaces(&self) -> Result<Option<Replaces>, Malformed> {
        let Some(uri) = self.0.uri.as_sip() else { return Ok(None) };
        uri.header("Replaces").map(|value| Replaces::parse(&value)).transpose()
    }
}

impl ReferredBy {
    /// The Content-ID of the signed token in the body, where there is one.
    pub fn token(&self) -> Option<String> {
        self.0.params.get("cid")
    }
}

impl HeaderView for ReferTo {
    const NAME: &'static str = "Refer-To";

    fn parse(value: &str) -> Result<ReferTo, Malformed> {
        // RFC 3261 20 wants brackets around a URI with headers; phones leave them out here, and then nothing but the
        // URI can stand in the value.
        if value.contains('?') && !value.contains('<') {
            return Ok(ReferTo(Address::new(Uri::parse(value.trim())?)));
        }
        Address::parse(value).map(ReferTo)
    }
}

impl HeaderView for ReferredBy {
    const NAME: &'static str = "Referred-By";

    fn parse(value: &str) -> Result<ReferredBy, Malformed> {
        Address::parse(value).map(ReferredBy)
    }
}

impl HeaderView for ReferSub {
    const NAME: &'static str = "Refer-Sub";

    fn parse(value: &str) -> Result<ReferSub, Malformed> {
        match value.split(';').next().unwrap_or_default().trim() {
            word if word.eq_ignore_ascii_case("true") => Ok(ReferSub(true)),
            word if word.eq_ignore_ascii_case("false") => Ok(ReferSub(false)),
            _ => Err(Malformed(Self::NAME)),
        }
    }
}

impl std::fmt::Display for ReferTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::fmt::Display for ReferredBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::fmt::Display for ReferSub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;
    use crate::wire::{Host, SipUri};

    #[test]
    fn targets_carry_replaces() {
        let text = "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>";
        let bare = "sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994";
        for text in [text, bare] {
            let refer = ReferTo::parse(text).unwrap();
            let replaces = refer.replaces().unwrap().unwrap();
            assert_eq!(replaces.to_string(), "12345@192.168.118.3;to-tag=12345;from-tag=5FFE-3994");
            assert_eq!(refer.target().to_string(), "sip:dave@denver.example.org");
        }
        let mut uri = SipUri::new(Some("dave"), Host::parse("denver.example.org").unwrap(), None);
        uri.add_header("Replaces", "12345@192.168.118.3;to-tag=12345;from-tag=5FFE-3994");
        assert_eq!(ReferTo(Address::new(uri.into())).to_string(), text);
        assert_eq!(ReferTo::parse("<sip:a@b>").unwrap().replaces(), Ok(None));
        assert!(ReferTo::parse("<sip:a@b?Replaces=x>").unwrap().replaces().is_err());
    }

    #[test]
    fn malformed_ones_are_refused() {
        round_trip::<ReferTo>(&[("<sip:a@b;method=SUBSCRIBE>", None), ("tel:+1234", Some("<tel:+1234>"))]);
        refused::<ReferTo>(&["", "<sip:a@b>,<sip:c@d>", "<>", "bob", "sip:a@b?x y"]);
        round_trip::<ReferredBy>(&[("<sip:a@b>;cid=\"20398823.2UWQFN309shb3@referrer.example\"", None)]);
        assert_eq!(ReferredBy::parse("<sip:a@b>;cid=\"1@c\"").unwrap().token().as_deref(), Some("1@c"));
        refused::<ReferredBy>(&["", "<sip:a@b>;cid=", "*"]);
        round_trip::<ReferSub>(&[("false", None), ("TRUE;x=1", Some("true"))]);
        refused::<ReferSub>(&["", "no"]);
    }
}
