//! Which of one's numbers was called, and who diverted the call there.
//!
//! A server that holds several numbers for one account replaces the dialled number by the bound Contact (RFC 3261
//! 16.5) and leaves it in one of five places. They are asked in this order:
//!
//! 1. P-Called-Party-ID (RFC 7315 4.2): made for this question, the Request-URI before the Contact took its place.
//! 2. The Request-URI, unless it is our Contact: the server has put the number itself there.
//! 3. History-Info (RFC 7044 5), from its newest entry back: nearest to us first, for the oldest may be the number
//!    of whoever diverted the call to us.
//! 4. To: what the caller dialled; after a diversion it names somebody else.
//! 5. Diversion (RFC 5806 5), newest first: with nothing else, a number that was diverted to the account was called.
//!
//! An address that is only the account's own says nothing about a number and goes behind those that do, except in
//! P-Called-Party-ID. Without an own server behind it, only the Request-URI and To are asked.

use super::Sender;
use crate::wire::{
    Address, CalledParty, Diversion, HeaderAccess as _, HeaderView, HistoryEntry, Request, Retargeting, Uri,
};

/// History-Info and Diversion values read; a call that was diverted more often is no less diverted.
const MAX_ENTRIES: usize = 20;

/// What the Request-URI of every call to an account may be: neither is a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a> {
    /// The user part of the bound Contact.
    pub(crate) contact_user: &'a str,
    /// The address of record.
    pub(crate) aor: &'a Uri,
}

/// What a call's headers say about its way here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    /// The number called, and after it what else the request names, best first. Never empty.
    pub(crate) numbers: Vec<Uri>,
    /// Who diverted the call last.
    pub(crate) diverted_by: Option<Address>,
}

impl Called {
    pub(crate) fn of(request: &Request, to: &Address, sender: Sender, own: Option<Own<'_>>) -> Called {
        let (stated, history, diversions) = match sender {
            Sender::OwnServer => (
                request.headers.view::<CalledParty>().ok().flatten(),
                entries::<HistoryEntry>(request),
                entries::<Diversion>(request),
            ),
            Sender::Anybody => (None, Vec::new(), Vec::new()),
        };
        let own_user = own.and_then(|o| o.aor.user());
        let is_own = |uri: &Uri| own_user.is_some() && uri.user() == own_user;
        let is_contact = |uri: &Uri| own.is_some_and(|o| uri.user().as_deref() == Some(o.contact_user));

        let rest: Vec<Uri> = std::iter::once(request.uri.clone())
            .chain(history.iter().rev().map(|entry| entry.address.uri.clone()))
            .chain(std::iter::once(to.uri.clone()))
            .chain(diversions.iter().map(|diversion| diversion.0.uri.clone()))
            // RFC 5627: a GRUU names an instance of the account.
            .filter(|uri| uri.as_sip().is_none_or(|sip| !sip.params.has("gr")))
            .collect();
        let (plain, telling): (Vec<Uri>, Vec<Uri>) = rest.into_iter().partition(is_own);
        let mut numbers: Vec<Uri> = Vec::new();
        for uri in stated.map(|party| party.0.uri).into_iter().chain(telling).chain(plain) {
            let known = numbers.iter().any(|n| n.user() == uri.user());
            if uri.user().is_some() && !is_contact(&uri) && !known {
                numbers.push(bare(uri));
            }
        }
        if numbers.is_empty() {
            numbers.push(bare(to.uri.clone()));
        }
        let called = numbers.first().and_then(Uri::user);
        let somebody_else = |a: &Address| !is_own(&a.uri) && a.uri.user() != called;
        // RFC 5806 5: the newest stands on top. RFC 7044 10.3: the newest stands last.
        let by_diversion = diversions.iter().map(|d| (&d.0, d.is_private()));
        let by_history = diverting(&history).map(|entry| (&entry.address, entry.is_private()));
        let diverted_by = by_diversion
            .chain(by_history)
            .find(|(address, _)| somebody_else(address))
            // Who wants to stay unnamed is not replaced by somebody further away.
            .filter(|(_, is_private)| !is_private)
            .map(|(address, _)| Address::named(address.display.clone(), bare(address.uri.clone())));
        Called { numbers, diverted_by }
    }
}

/// The entries of a history that were left for another target, newest first: another names them in `mp` (RFC 7044
/// 5), or a Reason was put into their URI (RFC 4244 4.1, by which older servers still write).
fn diverting(history: &[HistoryEntry]) -> impl Iterator<Item = &HistoryEntry> {
    let mapped = |index: &[u32]| {
        history
            .iter()
            .any(|e| matches!(e.retargeting(), Some(Retargeting::MappedUser(from)) if from == index))
    };
    let has_reason =
        |entry: &HistoryEntry| entry.address.uri.as_sip().is_some_and(|sip| sip.header("Reason").is_some());
    history.iter().rev().filter(move |entry| mapped(&entry.index) || has_reason(entry))
}

fn entries<V: HeaderView>(request: &Request) -> Vec<V> {
    let mut entries = request.headers.views::<V>().unwrap_or_default();
    entries.truncate(MAX_ENTRIES);
    entries
}

/// Without the headers a History-Info value carries in its URI.
fn bare(uri: Uri) -> Uri {
    match uri {
        Uri::Sip(mut sip) => {
            sip.headers = None;
            Uri::Sip(sip)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Method;

    /// The account is `login`, its Contact has the user `c0ffee`.
    fn called(
        sender: Sender,
        line: &str,
        to: &str,
        headers: &[(&str, &str)],
    ) -> (Vec<String>, Option<String>) {
        let aor = Uri::parse("sip:login@p").unwrap();
        let mut request = Request::new(Method::INVITE, Uri::parse(line).unwrap());
        for (name, value) in headers {
            request.headers.add(name, *value);
        }
        let own = Own { contact_user: "c0ffee", aor: &aor };
        let called = Called::of(&request, &Address::parse(to).unwrap(), sender, Some(own));
        let numbers = called.numbers.iter().map(Uri::to_string).collect();
        (numbers, called.diverted_by.map(|a| a.to_string()))
    }

    const CONTACT: &str = "sip:c0ffee@192.0.2.1:5060";

    #[test]
    fn each_place_is_asked_in_its_turn() {
        let check = |line: &str, to: &str, headers: &[(&str, &str)], expected: &str| {
            assert_eq!(called(Sender::OwnServer, line, to, headers).0[0], expected);
        };
        let all = [
            ("P-Called-Party-ID", "<sip:+1@p>"),
            ("History-Info", "<sip:+3@p>;index=1, <sip:c0ffee@192.0.2.1>;index=1.1;rc=1"),
            ("Diversion", "<sip:+5@p>"),
        ];
        check(CONTACT, "<sip:+4@p>", &all, "sip:+1@p");
        check("sip:+2@192.0.2.1", "<sip:+4@p>", &all[1..], "sip:+2@192.0.2.1");
        check(CONTACT, "<sip:+4@p>", &all[1..], "sip:+3@p");
        check(CONTACT, "<sip:+4@p>", &all[2..], "sip:+4@p");
        check(CONTACT, "<sip:login@p>", &all[2..], "sip:+5@p");
        check(CONTACT, "<sip:login@p>", &[], "sip:login@p");
        check("sip:login@192.0.2.1;gr=urn:uuid:1", "<sip:+4@p>", &[], "sip:+4@p");
        // That the account's address was called is an answer, where a header exists for it.
        check(CONTACT, "<sip:+4@p>", &[("P-Called-Party-ID", "<sip:login@p>")], "sip:login@p");
    }

    #[test]
    fn the_newest_of_a_history_is_nearest_to_us() {
        let history = [(
            "History-Info",
            "<sip:+9@p?Reason=SIP%3Bcause%3D302>;index=1, <sip:+3@p>;index=1.1;mp=1, \
             <sip:login@p>;index=1.1.1;mp=1.1, <sip:c0ffee@192.0.2.1>;index=1.1.1.1;rc=1.1.1",
        )];
        let (numbers, diverted_by) = called(Sender::OwnServer, CONTACT, "<sip:+9@p>", &history);
        assert_eq!(numbers, ["sip:+3@p", "sip:+9@p", "sip:login@p"]);
        assert_eq!(diverted_by.as_deref(), Some("<sip:+9@p>"));
    }

    #[test]
    fn who_diverted_last_is_told_unless_it_is_the_number_called() {
        let diversion =
            [("Diversion", "\"Ann\" <sip:+7@p>;reason=user-busy, <sip:+8@p>;reason=unconditional")];
        let (numbers, by) = called(Sender::OwnServer, CONTACT, "<sip:+4@p>", &diversion);
        assert_eq!((numbers[0].as_str(), by.as_deref()), ("sip:+4@p", Some("Ann <sip:+7@p>")));
        let (numbers, by) = called(Sender::OwnServer, CONTACT, "<sip:+7@p>", &diversion);
        assert_eq!((numbers[0].as_str(), by.as_deref()), ("sip:+7@p", Some("<sip:+8@p>")));
        let private = [("Diversion", "<sip:+7@p>;privacy=full, <sip:+8@p>")];
        assert_eq!(called(Sender::OwnServer, CONTACT, "<sip:+4@p>", &private).1, None);
    }

    #[test]
    fn anybody_may_say_only_whom_he_called() {
        let lies = [
            ("P-Called-Party-ID", "<sip:+1@p>"),
            ("Diversion", "<sip:+5@p>"),
            ("History-Info", "<sip:+3@p>"),
        ];
        assert_eq!(called(Sender::Anybody, CONTACT, "<sip:+4@p>", &lies), (vec!["sip:+4@p".into()], None));
    }
}
