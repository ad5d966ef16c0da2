//! `Replaces` (RFC 3891) and `Join` (RFC 3911): another dialog named by its three parts.
//!
//! Finding that dialog, and whether it may be replaced, is not decided here.

use super::token::Scanner;
use super::{HeaderView, Malformed, Params};

/// The dialog to be replaced, named as the receiver of the header sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// The Call-ID.
    pub call_id: String,
    /// The receiver's own tag.
    pub to_tag: String,
    /// The other side's tag.
    pub from_tag: String,
    /// Which states of the dialog are meant.
    pub when: ReplacesWhen,
}

/// The `early-only` flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplacesWhen {
    /// Early or confirmed.
    Any,
    /// `early-only`: a dialog that is confirmed already stays (RFC 3891 3).
    EarlyOnly,
}

/// The dialog to be joined, named as the receiver of the header sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The Call-ID.
    pub call_id: String,
    /// The receiver's own tag.
    pub to_tag: String,
    /// The other side's tag.
    pub from_tag: String,
}

impl HeaderView for Replaces {
    const NAME: &'static str = "Replaces";

    fn parse(value: &str) -> Result<Replaces, Malformed> {
        let (call_id, to_tag, from_tag, params) = dialog(value, Self::NAME)?;
        let when = match params.has("early-only") {
            true => ReplacesWhen::EarlyOnly,
            false => ReplacesWhen::Any,
        };
        Ok(Replaces { call_id, to_tag, from_tag, when })
    }
}

impl HeaderView for Join {
    const NAME: &'static str = "Join";

    fn parse(value: &str) -> Result<Join, Malformed> {
        let (call_id, to_tag, from_tag, _) = dialog(value, Self::NAME)?;
        Ok(Join { call_id, to_tag, from_tag })
    }
}

/// Call-ID, to-tag, from-tag and all parameters.
fn dialog(value: &str, what: &'static str) -> Result<(String, String, String, Params), Malformed> {
    let mut scanner = Scanner::new(value);
    scanner.skip_ws();
    let call_id = scanner.take_while(|c| c != ';' && c != ',' && !c.is_whitespace()).to_owned();
    let params = Params::scan(&mut scanner, what)?;
    // RFC 3891 6.1: each tag exactly once.
    let one = |name: &str| {
        let mut found = params.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, Some(tag))), None) => Ok(tag.to_owned()),
            _ => Err(Malformed(what)),
        }
    };
    if call_id.is_empty() {
        return Err(Malformed(what));
    }
    let (to_tag, from_tag) = (one("to-tag")?, one("from-tag")?);
    Ok((call_id, to_tag, from_tag, params))
}

impl std::fmt::Display for Replaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        match self.when {
            ReplacesWhen::EarlyOnly => f.write_str(";early-only"),
            ReplacesWhen::Any => Ok(()),
        }
    }
}

impl std::fmt::Display for Join {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;

    #[test]
    fn dialogs_are_named_by_three_parts() {
        round_trip::<Replaces>(&[
            ("98732@sip.example.com;to-tag=ff87ff;from-tag=r33th4x0r", None),
            ("12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only", None),
            // The order is free, and white space may stand around the separators.
            ("87134@192.0.2.1 ;from-tag=5 ; to-tag = 24 ;x=1", Some("87134@192.0.2.1;to-tag=24;from-tag=5")),
        ]);
        refused::<Replaces>(&[
            "",
            "a@b",
            "a@b;to-tag=1",
            "a@b;from-tag=1",
            "a@b;to-tag=1;to-tag=2;from-tag=3",
            "a@b;to-tag=1;from-tag",
            ";to-tag=1;from-tag=2",
            "a@b;to-tag=1;from-tag=2,c@d;to-tag=1;from-tag=2",
        ]);
        round_trip::<Join>(&[("a@b;to-tag=1;from-tag=2", None)]);
        refused::<Join>(&["a@b;to-tag=1"]);
    }
}
