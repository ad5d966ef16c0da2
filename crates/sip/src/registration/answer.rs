//! What a registrar's answer says.

use super::About;
use crate::account::Reach;
use crate::config::NextHop;
use crate::event::{RegistrationFailure, RegistrationState};
use crate::surroundings::{self, LONGEST_WAIT};
use crate::target;
use crate::wire::{Address, Gruu, HeaderAccess as _, Host, Response, Uri};
use std::net::SocketAddr;
use std::time::Duration;

/// Routes and addresses taken from one answer.
const MAX_LISTED: usize = 16;

/// What a 2xx brings.
#[derive(Debug, Clone)]
pub(super) struct Learnt {
    pub(super) expires: Duration,
    /// RFC 3608.
    pub(super) routes: Vec<Address>,
    /// RFC 5627.
    pub(super) gruu: Option<Gruu>,
    pub(super) reach: Reach,
    /// P-Associated-URI (RFC 7315 4.1).
    associated: Vec<Uri>,
    /// Where the server sees us.
    pub(super) public: Option<SocketAddr>,
}

impl Learnt {
    /// Reads a 2xx to the REGISTER with that Contact, which asked for `asked`.
    pub(super) fn read(response: &Response, contact: Option<&Address>, asked: Duration) -> Learnt {
        let headers = &response.headers;
        let listed = |name| {
            let mut list = headers.addresses(name).unwrap_or_default();
            list.truncate(MAX_LISTED);
            list
        };
        let bindings = headers.addresses("Contact").unwrap_or_default();
        let ours = contact.and_then(|contact| ours(&bindings, contact));
        // RFC 3261 10.2.4: our Contact's `expires`, else Expires, else what was asked.
        let seconds = ours.and_then(Address::expires).or_else(|| headers.number("Expires"));
        let granted = seconds.map_or(asked, |s| Duration::from_secs(s.into()));
        // RFC 5626 6: the registrar says so when the flow is what it keeps.
        let outbound = headers.tokens("Require").iter().any(|t| t.eq_ignore_ascii_case("outbound"));
        Learnt {
            expires: granted.clamp(Duration::from_secs(1), LONGEST_WAIT),
            routes: listed("Service-Route"),
            gruu: ours.and_then(Address::gruu),
            reach: if outbound { Reach::Flow } else { Reach::Address },
            associated: listed("P-Associated-URI").into_iter().map(|a| a.uri).collect(),
            public: headers.top_via().ok().and_then(|v| v.public_address()),
        }
    }

    /// For the application.
    pub(super) fn state(&self, contact: Address, proven: bool) -> RegistrationState {
        RegistrationState::Registered {
            expires: self.expires,
            contact,
            public_address: self.public,
            gruu: self.gruu.clone(),
            associated: self.associated.clone(),
            proven,
        }
    }
}

/// How long the registrar asks to wait; at least a second, or its zero would be a storm.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    surroundings::retry_after(response).map(|wait| wait.max(Duration::from_secs(1)))
}

/// Where a 3xx sends the REGISTER, as far as it stays inside the account's own domain: a server that could send it
/// anywhere would choose who sees the credentials.
pub(super) fn redirected(response: &Response, about: &About) -> Option<(Uri, NextHop)> {
    let Host::Name(domain) = &about.registrar.as_sip()?.host else { return None };
    let inside = |uri: &Uri| match uri.as_sip().map(|sip| &sip.host) {
        Some(Host::Name(name)) => is_within(name, domain),
        _ => false,
    };
    let listed = response.headers.addresses("Contact").ok()?;
    let chosen = listed.into_iter().map(|contact| contact.uri).find(inside)?;
    let hop = target::first_hop(&chosen, &[])?;
    Some((chosen, hop))
}

pub(super) fn server_error(response: &Response) -> RegistrationFailure {
    RegistrationFailure::ServerError(response.code(), response.reason.clone())
}

/// Our binding among those listed: by instance and flow, else by address, else the only one there is, for a registrar
/// may write the public address into it.
fn ours<'a>(bindings: &'a [Address], sent: &Address) -> Option<&'a Address> {
    let same_device = |b: &&Address| {
        b.instance().is_some() && b.instance() == sent.instance() && b.reg_id() == sent.reg_id()
    };
    let only = if let [one] = bindings { Some(one) } else { None };
    bindings
        .iter()
        .find(same_device)
        .or_else(|| bindings.iter().find(|b| b.uri.equivalent(&sent.uri)))
        .or_else(|| bindings.iter().find(|b| b.instance().is_some() && b.instance() == sent.instance()))
        .or(only)
}

fn is_within(name: &str, domain: &str) -> bool {
    let lower = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    let (name, domain) = (lower(name), lower(domain));
    name == domain || name.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_a_domain() {
        assert!(is_within("SIP.example.com.", "example.com") && is_within("example.com", "example.com"));
        assert!(!is_within("evilexample.com", "example.com") && !is_within("com", "example.com"));
    }

    #[test]
    fn our_binding_is_found_among_others() {
        let list = |text: &str| Address::parse_list(text).unwrap();
        let sent = Address::parse("<sip:u@192.0.2.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=2").unwrap();
        let bindings = list(
            "<sip:x@192.0.2.9>;expires=1, <sip:u@203.0.113.5:1024>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=2, \
             <sip:u@203.0.113.5:1025>;+sip.instance=\"<urn:uuid:1>\";reg-id=2;expires=3",
        );
        assert_eq!(ours(&bindings, &sent).unwrap().expires(), Some(3));
        let plain = Address::parse("<sip:u@192.0.2.1>").unwrap();
        let bindings = list("<sip:x@192.0.2.9>;expires=1, <sip:u@192.0.2.1>;expires=2");
        assert_eq!(ours(&bindings, &plain).unwrap().expires(), Some(2));
        assert_eq!(ours(&list("<sip:u@203.0.113.5:9>;expires=4"), &plain).unwrap().expires(), Some(4));
        assert!(ours(&list("<sip:x@a>, <sip:y@b>"), &plain).is_none());
    }
}
