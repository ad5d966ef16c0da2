//! What a REFER may ask for: an INVITE to a `sip:`, `sips:` or `tel:` address, in the place of another dialog or not.
//!
//! Of the headers a Refer-To carries in its URI only Replaces is taken. Any other could put words into the mouth of
//! whoever places the call (RFC 3261 19.1.5).

use crate::wire::{Address, HeaderAccess as _, ReferSub, ReferTo, Replaces, Request, Uri};

/// A transfer that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Referral {
    /// Whom to call.
    pub(crate) target: Uri,
    /// Whose place the call takes at the target.
    pub(crate) replaces: Option<Replaces>,
    /// Who asks, for the target to see (RFC 3892).
    pub(crate) referred_by: Option<Address>,
    /// Whether the asker wants to hear what becomes of it.
    pub(crate) tell: Tell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    /// The subscription of RFC 3515 2.4.4.
    Progress,
    /// None (RFC 4488 4).
    Nothing,
}

impl Referral {
    /// Reads a REFER; the error is the code to refuse it with.
    pub(super) fn read(request: &Request) -> Result<Referral, u16> {
        let mut values = request.headers.all("Refer-To");
        // RFC 3515 2.4.2: exactly one.
        let (Some(value), None) = (values.next(), values.next()) else { return Err(400) };
        let refer_to: ReferTo = parse(value).ok_or(400u16)?;
        let mut target = refer_to.target();
        match &mut target {
            Uri::Sip(sip) => {
                // RFC 3515 2.1: a method other than INVITE would be sent as it stands.
                if sip.params.get("method").is_some_and(|m| !m.eq_ignore_ascii_case("INVITE")) {
                    return Err(403);
                }
                sip.params.remove("method");
                sip.password = None;
            }
            Uri::Tel(_) => {}
            // RFC 3515 2.4.2: a scheme that cannot be called.
            _ => return Err(416),
        }
        let replaces = refer_to.replaces().map_err(|_| 400u16)?;
        let referred_by = request.headers.first("Referred-By").and_then(|v| Address::parse(v).ok());
        let silent = request.headers.view::<ReferSub>().ok().flatten() == Some(ReferSub(false));
        let tell = if silent { Tell::Nothing } else { Tell::Progress };
        Ok(Referral { target, replaces, referred_by, tell })
    }
}

fn parse(value: &str) -> Option<ReferTo> {
    use crate::wire::HeaderView as _;
    ReferTo::parse(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Method;

    fn read(headers: &[(&str, &str)]) -> Result<Referral, u16> {
        let mut refer = Request::new(Method::REFER, Uri::parse("sip:a@b").unwrap());
        for (name, value) in headers {
            refer.headers.add(name, *value);
        }
        Referral::read(&refer)
    }

    #[test]
    fn only_what_can_be_called_is_taken() {
        let check = |value: &str, expected: Result<&str, u16>| {
            let target = read(&[("Refer-To", value)]).map(|r| r.target.to_string());
            assert_eq!(target, expected.map(str::to_owned), "{value}");
        };
        check("<sip:carol@example.com>", Ok("sip:carol@example.com"));
        check("\"Carol\" <sips:carol@example.com;transport=tcp>", Ok("sips:carol@example.com;transport=tcp"));
        check("tel:+4930", Ok("tel:+4930"));
        check("<sip:carol@example.com;method=INVITE>", Ok("sip:carol@example.com"));
        check("<sip:carol:secret@example.com>", Ok("sip:carol@example.com"));
        check("<sip:carol@example.com;method=BYE>", Err(403));
        check("<http://example.com/>", Err(416));
        check("<mailto:carol@example.com>", Err(416));
        check("<sip:>", Err(400));
        check("", Err(400));
        assert_eq!(read(&[]), Err(400));
        assert_eq!(read(&[("Refer-To", "<sip:a@b>"), ("Refer-To", "<sip:c@d>")]), Err(400));
    }

    #[test]
    fn no_header_but_replaces_comes_through_the_uri() {
        let value = "<sip:carol@example.com?Replaces=1%402%3Bto-tag%3Da%3Bfrom-tag%3Db&Route=%3Csip%3Aevil%3E\
                     &Authorization=x&body=v%3D0>";
        let referral =
            read(&[("Refer-To", value), ("Refer-Sub", "false"), ("Referred-By", "<sip:bob@b>")]).unwrap();
        assert_eq!(referral.target.to_string(), "sip:carol@example.com");
        let replaces = referral.replaces.unwrap();
        assert_eq!(
            (replaces.call_id.as_str(), replaces.to_tag.as_str(), replaces.from_tag.as_str()),
            ("1@2", "a", "b")
        );
        assert_eq!(
            (referral.tell, referral.referred_by.unwrap().to_string().as_str()),
            (Tell::Nothing, "<sip:bob@b>")
        );
        assert_eq!(read(&[("Refer-To", "<sip:carol@example.com?Replaces=nonsense>")]), Err(400));
    }
}
