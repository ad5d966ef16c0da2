//! Where a 3xx response points (RFC 3261 8.1.3.4, 21.3): told to the application, never followed by itself. A number
//! one did not dial may cost more than the one dialled.

use crate::wire::{Address, HeaderAccess as _, Response, Uri, uri::Scheme};
use std::time::Duration;

/// Targets taken from one response.
const MAX_TARGETS: usize = 16;
/// Times one call may be redirected; a longer chain goes in circles.
const MAX_REDIRECTS: usize = 5;

/// One place a call may be tried at instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whom to call.
    pub uri: Uri,
    /// A name for it.
    pub display: Option<String>,
    /// How much it is preferred, in thousandths from 0 to 1000; without a `q` 1000 (RFC 3261 20.10).
    pub q: u16,
    /// For how long the address holds, where the response says so.
    pub expires: Option<Duration>,
}

/// The places a call has been to and may go to.
#[derive(Debug)]
pub(crate) struct Redirects {
    tried: Vec<Uri>,
    offered: Vec<Target>,
}

impl Redirects {
    /// `first`: whom the call was placed to.
    pub(crate) fn new(first: Uri) -> Redirects {
        Redirects { tried: vec![first], offered: Vec::new() }
    }

    /// Takes a 3xx. The places to go to, best first; none when the call has to end with the response.
    pub(crate) fn take(&mut self, response: &Response) -> Vec<Target> {
        self.offered.clear();
        // RFC 3261 21.3.4: what a 305 names is a proxy, and a callee has no say in which proxy we use.
        if !(300..400).contains(&response.code())
            || response.code() == 305
            || self.tried.len() > MAX_REDIRECTS
        {
            return Vec::new();
        }
        // RFC 3261 26.2.2: who asked for TLS all the way is not led away from it.
        let secure = self.tried.first().is_some_and(is_secure);
        let mut targets: Vec<Target> = targets(response);
        targets
            .retain(|t| !self.tried.iter().any(|u| u.equivalent(&t.uri)) && (!secure || is_secure(&t.uri)));
        self.offered = targets.clone();
        targets
    }

    /// Whether this is one of the places the last response named; it counts as tried from now on.
    pub(crate) fn choose(&mut self, uri: &Uri) -> bool {
        let known = self.offered.iter().any(|t| t.uri == *uri);
        if known {
            self.tried.push(uri.clone());
            self.offered.clear();
        }
        known
    }
}

fn is_secure(uri: &Uri) -> bool {
    uri.as_sip().is_some_and(|sip| sip.scheme == Scheme::Sips)
}

fn targets(response: &Response) -> Vec<Target> {
    let lists = response.headers.all("Contact").filter_map(|value| Address::parse_list(value).ok());
    let common = response.headers.number("Expires");
    let mut targets: Vec<Target> = Vec::new();
    for address in lists.flatten() {
        let Some(uri) = callable(&address.uri) else { continue };
        if targets.len() >= MAX_TARGETS || targets.iter().any(|t| t.uri.equivalent(&uri)) {
            continue;
        }
        let expires = address.expires().or(common).map(|s| Duration::from_secs(s.into()));
        targets.push(Target { uri, display: address.display.clone(), q: q(&address), expires });
    }
    // Stable: equals stay in the order of the response.
    targets.sort_by_key(|t| std::cmp::Reverse(t.q));
    targets
}

/// What may be called: no other scheme, and none of the headers RFC 3261 19.1.5 warns of.
fn callable(uri: &Uri) -> Option<Uri> {
    match uri {
        Uri::Sip(sip) if sip.params.get("method").is_none_or(|m| m.eq_ignore_ascii_case("INVITE")) => {
            let mut bare = sip.clone();
            bare.headers = None;
            bare.password = None;
            bare.params.remove("method");
            Some(Uri::Sip(bare))
        }
        Uri::Tel(_) => Some(uri.clone()),
        _ => None,
    }
}

/// RFC 3261 25.1 qvalue, in thousandths.
fn q(address: &Address) -> u16 {
    let Some(text) = address.params.get("q") else { return 1000 };
    match text.trim().parse::<f32>() {
        // The cast is of a number from 0 to 1000.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(q) if (0.0..=1.0).contains(&q) => (q * 1000.0).round() as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(code: u16, contacts: &[&str]) -> Response {
        let mut response = Response::new(code);
        for contact in contacts {
            response.headers.add("Contact", *contact);
        }
        response
    }

    fn take(first: &str, response: &Response) -> Vec<String> {
        let targets = Redirects::new(Uri::parse(first).unwrap()).take(response);
        targets.iter().map(|t| format!("{} {} {:?}", t.uri, t.q, t.expires.map(|e| e.as_secs()))).collect()
    }

    #[test]
    fn the_best_stands_first() {
        let mut response =
            moved(302, &["<sip:c@h>;q=0.5;expires=60, \"Ann\" <sip:a@h>", "<tel:+4930>;q=0.75"]);
        response.headers.add("Expires", "30");
        assert_eq!(
            take("sip:bob@h", &response),
            ["sip:a@h 1000 Some(30)", "tel:+4930 750 Some(30)", "sip:c@h 500 Some(60)"]
        );
    }

    #[test]
    fn only_what_can_be_called_and_was_not_tried_is_offered() {
        let list = "<sip:bob@H>, <mailto:x@h>, <sip:x@h;method=BYE>, <http://h>, <sip:a@h?Route=%3Csip:e%3E>, <sip:a@h>";
        assert_eq!(take("sip:bob@h", &moved(300, &["\"broken", list])), ["sip:a@h 1000 None"]);
        assert!(take("sip:bob@h", &moved(305, &["<sip:a@h>"])).is_empty());
        assert!(take("sip:bob@h", &moved(302, &[])).is_empty());
        assert_eq!(take("sips:bob@h", &moved(302, &["<sip:a@h>, <sips:b@h>"])), ["sips:b@h 1000 None"]);
    }

    #[test]
    fn a_chain_ends() {
        let mut redirects = Redirects::new(Uri::parse("sip:0@h").unwrap());
        for n in 1..=MAX_REDIRECTS {
            let targets = redirects.take(&moved(302, &[&format!("<sip:{n}@h>")]));
            assert!(!redirects.choose(&Uri::parse("sip:other@h").unwrap()));
            assert!(redirects.choose(&targets[0].uri), "{n}");
        }
        assert!(redirects.take(&moved(302, &["<sip:99@h>"])).is_empty());
    }
}
