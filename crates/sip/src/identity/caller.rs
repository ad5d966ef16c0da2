//! Who calls: RFC 3325 where the account's own server says so, else the From header.

use super::Sender;
use crate::wire::{self, Address, HeaderAccess as _, Request, Uri};

/// Who calls, and on whose word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerIdentity {
    /// The account's own server vouches for it (RFC 3325 9.1, or a screened Remote-Party-ID).
    Asserted(Address),
    /// The caller says so in From; nobody has checked it.
    Claimed(Address),
    /// The caller withholds it (RFC 3323, RFC 3325 7).
    Anonymous,
}

impl CallerIdentity {
    /// The address to show; `None` for an anonymous caller. It has no header parameters.
    pub fn address(&self) -> Option<&Address> {
        match self {
            CallerIdentity::Asserted(address) | CallerIdentity::Claimed(address) => Some(address),
            CallerIdentity::Anonymous => None,
        }
    }

    pub(crate) fn of(request: &Request, from: &Address, sender: Sender) -> CallerIdentity {
        // A server should have taken the identity away before it came here (RFC 3325 7); the wish counts all the same.
        if asks_for_privacy(request) {
            return CallerIdentity::Anonymous;
        }
        if sender == Sender::OwnServer {
            if let Some(address) = asserted(request) {
                return CallerIdentity::Asserted(address);
            }
            if let Some(identity) = remote_party(request) {
                return identity;
            }
        }
        if is_nobody(&from.uri) {
            return CallerIdentity::Anonymous;
        }
        CallerIdentity::Claimed(Address::named(from.display.clone(), from.uri.clone()))
    }
}

/// An address that names nobody: RFC 3323 4.1.1.3 (`anonymous.invalid`), other names below `invalid`, and the user
/// `anonymous` at the server's own host, as gateways write it.
fn is_nobody(uri: &Uri) -> bool {
    let Uri::Sip(sip) = uri else { return false };
    let host = sip.host.to_string().to_ascii_lowercase();
    let user = uri.user().unwrap_or_default();
    host == "invalid" || host.ends_with(".invalid") || user.eq_ignore_ascii_case("anonymous")
}

fn asks_for_privacy(request: &Request) -> bool {
    let wishes = request.headers.views::<wire::Privacy>().unwrap_or_default();
    wishes.iter().any(wire::Privacy::hides_the_caller)
}

/// RFC 3325 9.1: one sip or sips address, one tel number, or both. The number is what a person knows, so it goes
/// first; the name is whichever of the two has one.
fn asserted(request: &Request) -> Option<Address> {
    let all: Vec<Address> = request
        .headers
        .all("P-Asserted-Identity")
        .filter_map(|value| Address::parse_list(value).ok())
        .flatten()
        .filter(|a| !matches!(a.uri, Uri::Other(..)) && !is_nobody(&a.uri))
        .take(2)
        .collect();
    let uri = all.iter().find(|a| matches!(a.uri, Uri::Tel(_))).or(all.first())?.uri.clone();
    let display = all.into_iter().find_map(|a| a.display);
    Some(Address::named(display, uri))
}

/// Remote-Party-ID never became an RFC, and gateways write it to this day (draft-ietf-sip-privacy-04, 6).
fn remote_party(request: &Request) -> Option<CallerIdentity> {
    let lists = request.headers.all("Remote-Party-ID").filter_map(|value| Address::parse_list(value).ok());
    let calling = |a: &Address| a.params.get("party").is_none_or(|p| p.eq_ignore_ascii_case("calling"));
    let party = lists.flatten().find(calling)?;
    let is = |name: &str, value: &str| party.params.get(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
    if is("privacy", "full") || is("privacy", "uri") || is_nobody(&party.uri) {
        return Some(CallerIdentity::Anonymous);
    }
    let display = if is("privacy", "name") { None } else { party.display.clone() };
    let address = Address::named(display, party.uri.clone());
    // Not screened: the server only passes on what the caller said.
    Some(if is("screen", "yes") {
        CallerIdentity::Asserted(address)
    } else {
        CallerIdentity::Claimed(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Method;

    fn who(sender: Sender, from: &str, headers: &[(&str, &str)]) -> String {
        let mut request = Request::new(Method::INVITE, Uri::parse("sip:me@h").unwrap());
        for (name, value) in headers {
            request.headers.add(name, *value);
        }
        match CallerIdentity::of(&request, &Address::parse(from).unwrap(), sender) {
            CallerIdentity::Asserted(address) => format!("asserted {address}"),
            CallerIdentity::Claimed(address) => format!("claimed {address}"),
            CallerIdentity::Anonymous => "anonymous".into(),
        }
    }

    #[test]
    fn only_the_own_server_asserts() {
        let pai = [("P-Asserted-Identity", "\"Ann\" <sip:+4930@p>")];
        let from = "\"Bank\" <sip:+1800@p>;tag=1";
        assert_eq!(who(Sender::OwnServer, from, &pai), "asserted Ann <sip:+4930@p>");
        assert_eq!(who(Sender::Anybody, from, &pai), "claimed Bank <sip:+1800@p>");
        assert_eq!(who(Sender::OwnServer, from, &[]), "claimed Bank <sip:+1800@p>");
    }

    #[test]
    fn a_number_goes_before_an_address_and_takes_its_name() {
        let both = [("P-Asserted-Identity", "\"Ann\" <sip:ann@p>, <tel:+4930>")];
        assert_eq!(who(Sender::OwnServer, "sip:x@p", &both), "asserted Ann <tel:+4930>");
        let broken = [("P-Asserted-Identity", "\"open"), ("P-Asserted-Identity", "<sip:ann@p>")];
        assert_eq!(who(Sender::OwnServer, "sip:x@p", &broken), "asserted <sip:ann@p>");
    }

    #[test]
    fn who_hides_stays_hidden() {
        let hidden = [("P-Asserted-Identity", "<tel:+4930>"), ("Privacy", "critical; id")];
        assert_eq!(who(Sender::OwnServer, "sip:x@p", &hidden), "anonymous");
        for from in
            ["\"Anonymous\" <sip:anonymous@anonymous.invalid>", "sip:Anonymous@192.0.2.1", "sip:u@x.invalid"]
        {
            assert_eq!(who(Sender::Anybody, from, &[]), "anonymous", "{from}");
        }
        // Nothing asks the server to hide what it asserts.
        let known = [("P-Asserted-Identity", "<tel:+4930>"), ("Privacy", "none")];
        assert_eq!(who(Sender::OwnServer, "sip:anonymous@anonymous.invalid", &known), "asserted <tel:+4930>");
    }

    #[test]
    fn gateways_write_remote_party_id() {
        let check = |value: &str, expected: &str| {
            assert_eq!(who(Sender::OwnServer, "sip:x@p", &[("Remote-Party-ID", value)]), expected, "{value}");
        };
        check("\"Ann\" <sip:+4930@p>;party=calling;screen=yes;privacy=off", "asserted Ann <sip:+4930@p>");
        check("\"Ann\" <sip:+4930@p>;screen=yes;privacy=name", "asserted <sip:+4930@p>");
        check("<sip:+4930@p>;party=calling", "claimed <sip:+4930@p>");
        check("<sip:+4930@p>;party=calling;privacy=full;screen=yes", "anonymous");
        check("<sip:+4930@p>;party=called;screen=yes", "claimed <sip:x@p>");
        let rpid = [("Remote-Party-ID", "<sip:+4930@p>;screen=yes")];
        assert_eq!(who(Sender::Anybody, "sip:x@p", &rpid), "claimed <sip:x@p>");
    }
}
