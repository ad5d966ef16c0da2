//! `Alert-Info`, `Call-Info` and `Error-Info` items: an address of something about the call (RFC 3261 20.4, 20.9, 20.18).
//!
//! Nothing is ever fetched from such an address; the parameters are what switches use.

use super::token::Scanner;
use super::{HeaderView, Malformed, Params, Uri};

/// One value of Alert-Info.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertInfo {
    /// Where the sound lies, or a `urn:alert:` (RFC 7462).
    pub uri: Uri,
    /// `info`, `appearance` ...
    pub params: Params,
}

/// One value of Call-Info.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallInfo {
    /// Where the information lies.
    pub uri: Uri,
    /// `purpose`, `answer-after` ...
    pub params: Params,
}

impl CallInfo {
    /// What the address is for: `icon`, `info`, `card` ...
    pub fn purpose(&self) -> Option<String> {
        self.params.get("purpose")
    }
}

impl HeaderView for AlertInfo {
    const NAME: &'static str = "Alert-Info";

    fn parse(value: &str) -> Result<AlertInfo, Malformed> {
        let (uri, params) = uri_and_params(value, Self::NAME)?;
        Ok(AlertInfo { uri, params })
    }
}

impl HeaderView for CallInfo {
    const NAME: &'static str = "Call-Info";

    fn parse(value: &str) -> Result<CallInfo, Malformed> {
        let (uri, params) = uri_and_params(value, Self::NAME)?;
        Ok(CallInfo { uri, params })
    }
}

/// By the grammar the brackets are not optional, but some switches leave them out.
fn uri_and_params(value: &str, what: &'static str) -> Result<(Uri, Params), Malformed> {
    let value = value.trim();
    let (uri, rest) = match value.strip_prefix('<') {
        Some(inner) => inner.split_once('>').ok_or(Malformed(what))?,
        None => value.split_at(value.find([';', ' ']).unwrap_or(value.len())),
    };
    Ok((Uri::parse(uri)?, Params::scan(&mut Scanner::new(rest), what)?))
}

impl std::fmt::Display for AlertInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

impl std::fmt::Display for CallInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;
    use crate::wire::{HeaderAccess as _, Headers};

    #[test]
    fn addresses_with_parameters() {
        let mut headers = Headers::default();
        headers
            .add("Call-Info", "<http://a.example/p,1.jpg> ;purpose=icon, <http://a.example/>;purpose=info");
        headers.add("Call-Info", "<sip:pbx.test>;answer-after=0");
        let list = headers.views::<CallInfo>().unwrap();
        assert_eq!(
            list.iter().map(CallInfo::purpose).collect::<Vec<_>>(),
            [Some("icon".into()), Some("info".into()), None]
        );
        assert_eq!(list[2].params.get("answer-after").as_deref(), Some("0"));
        round_trip::<AlertInfo>(&[
            ("<urn:alert:source:internal>", None),
            ("<http://x.example/ring>;info=alert-autoanswer;delay=0", None),
            ("http://127.0.0.1/Bellcore-dr4;info=x", Some("<http://127.0.0.1/Bellcore-dr4>;info=x")),
        ]);
        refused::<AlertInfo>(&["", "Auto Answer", "<http://x", "<>", "<http://x>;"]);
        refused::<CallInfo>(&["<http://x> y", ";answer-after=0"]);
    }
}
