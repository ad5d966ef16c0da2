//! By which ways a request came: `History-Info` (RFC 7044) and the older `Diversion` (RFC 5806).

use super::token::Scanner;
use super::{Address, HeaderView, Malformed, Reason};

/// One entry of a History-Info list: a target the request was sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The target; its URI may carry `Reason` and `Privacy` headers.
    pub address: Address,
    /// The place in the tree of retargetings: `1.1.2` (RFC 7044 10.3).
    pub index: Vec<u32>,
}

/// How an entry came to be (RFC 7044 10.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retargeting {
    /// `rc`: another contact of the same user; the index of the entry it was made from.
    RegisteredContact(Vec<u32>),
    /// `mp`: another user, as in forwarding; the index of the entry it was made from.
    MappedUser(Vec<u32>),
    /// `np`: the same target, sent on.
    NoChange(Vec<u32>),
}

/// One entry of a Diversion list, the latest diversion first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion(pub Address);

impl HistoryEntry {
    /// How the entry came to be, where it is told.
    pub fn retargeting(&self) -> Option<Retargeting> {
        let made = |name: &str| index(&self.address.params.get(name)?).ok();
        made("rc")
            .map(Retargeting::RegisteredContact)
            .or_else(|| made("mp").map(Retargeting::MappedUser))
            .or_else(|| made("np").map(Retargeting::NoChange))
    }

    /// Why the request left this target again: the Reason inside the URI, or its `cause` parameter (RFC 4458).
    pub fn reason(&self) -> Option<Reason> {
        let uri = self.address.uri.as_sip()?;
        if let Some(reason) = uri.header("Reason").and_then(|value| Reason::parse(&value).ok()) {
            return Some(reason);
        }
        let cause = uri.params.get("cause")?.parse().ok()?;
        Some(Reason { protocol: "SIP".into(), cause: Some(cause), text: None })
    }

    /// Whether the entry is not to be shown to the called user (RFC 7044 10.1.2).
    pub fn is_private(&self) -> bool {
        let privacy = self.address.uri.as_sip().and_then(|uri| uri.header("Privacy"));
        privacy.is_some_and(|words| {
            words.split([';', ',']).any(|word| word.trim().eq_ignore_ascii_case("history"))
        })
    }
}

impl Diversion {
    /// Why it was diverted: `user-busy`, `no-answer`, `unconditional` ...
    pub fn reason(&self) -> Option<String> {
        self.0.params.get("reason")
    }

    /// How many diversions stand behind this entry; 1 where it is not said.
    pub fn counter(&self) -> u32 {
        let text = self.0.params.get("counter").unwrap_or_default();
        Scanner::new(&text).delta_seconds("counter").unwrap_or(1)
    }

    /// Whether the diverting user is to stay unnamed: any `privacy` but `off` (RFC 5806 4).
    pub fn is_private(&self) -> bool {
        self.0.params.get("privacy").is_some_and(|word| !word.eq_ignore_ascii_case("off"))
    }
}

impl HeaderView for HistoryEntry {
    const NAME: &'static str = "History-Info";

    fn parse(value: &str) -> Result<HistoryEntry, Malformed> {
        let mut address = Address::parse(value)?;
        let index = index(&address.params.get("index").ok_or(Malformed(Self::NAME))?)?;
        address.params.remove("index");
        Ok(HistoryEntry { address, index })
    }
}

impl HeaderView for Diversion {
    const NAME: &'static str = "Diversion";

    fn parse(value: &str) -> Result<Diversion, Malformed> {
        Address::parse(value).map(Diversion)
    }
}

fn index(text: &str) -> Result<Vec<u32>, Malformed> {
    text.split('.')
        .map(|part| match part.bytes().all(|b| b.is_ascii_digit()) {
            true => part.parse().map_err(|_| Malformed("index")),
            false => Err(Malformed("index")),
        })
        .collect()
}

impl std::fmt::Display for HistoryEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bare = self.address.clone();
        let params = std::mem::take(&mut bare.params);
        let index: Vec<String> = self.index.iter().map(u32::to_string).collect();
        write!(f, "{bare};index={}{params}", index.join("."))
    }
}

impl std::fmt::Display for Diversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;
    use crate::wire::{HeaderAccess as _, Headers};

    #[test]
    fn histories_of_forwarded_calls() {
        let mut headers = Headers::default();
        headers.add(
            "History-Info",
            "<sip:bob@example.com?Reason=SIP%3Bcause%3D302>;index=1;rc=1, <sip:carol@example.com;cause=486>;index=1.1;mp=1",
        );
        headers.add("History-Info", "\"D\" <sip:dan@192.0.2.5?Privacy=history>;index=1.1.1;rc=1.1");
        let history = headers.views::<HistoryEntry>().unwrap();
        assert_eq!(
            history.iter().map(|h| h.index.clone()).collect::<Vec<_>>(),
            [vec![1], vec![1, 1], vec![1, 1, 1]]
        );
        assert_eq!(history[0].reason().unwrap().cause, Some(302));
        assert_eq!(history[1].reason().unwrap().cause, Some(486));
        assert_eq!(history[1].retargeting(), Some(Retargeting::MappedUser(vec![1])));
        assert_eq!(history.iter().map(HistoryEntry::is_private).collect::<Vec<_>>(), [false, false, true]);
        round_trip::<HistoryEntry>(&[("<sip:a@b>;index=1.2;np=1.1", None)]);
        refused::<HistoryEntry>(&[
            "",
            "<sip:a@b>",
            "<sip:a@b>;index=x",
            "<sip:a@b>;index=1..2",
            "<sip:a@b>;index=+1",
        ]);
    }

    #[test]
    fn diversions() {
        let text = "\"Bob\" <sip:+15551000@192.0.2.1>;reason=no-answer;counter=3;privacy=full";
        let diversion = Diversion::parse(text).unwrap();
        assert_eq!(
            (diversion.reason().as_deref(), diversion.counter(), diversion.is_private()),
            (Some("no-answer"), 3, true)
        );
        let plain = Diversion::parse("<tel:+1555>;privacy=off").unwrap();
        assert_eq!((plain.reason(), plain.counter(), plain.is_private()), (None, 1, false));
        round_trip::<Diversion>(&[("<sip:a@b>;reason=unconditional", None)]);
        refused::<Diversion>(&["", "Bob", "<sip:a@b", "<sip:a@b>;reason="]);
    }
}
