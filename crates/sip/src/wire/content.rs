//! What a body is: `Content-Type` and `Content-Disposition` (RFC 3261 20.15, 20.11).

use super::token::Scanner;
use super::{HeaderView, Malformed, Params};

/// A media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// `application`, `text`, `multipart` ... in small letters.
    pub kind: String,
    /// `sdp`, `plain`, `mixed` ... in small letters.
    pub subtype: String,
    /// `charset`, `boundary` ...
    pub params: Params,
}

/// What is to be done with a body, and what when it cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDisposition {
    /// `session`, `render`, `icon` ... as written.
    pub kind: String,
    /// What follows when the body is not understood.
    pub handling: Handling,
}

/// The `handling` parameter (RFC 5621 4, 8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// The whole message is refused with 415; also where nothing is said.
    Required,
    /// The body is left alone.
    Optional,
}

impl ContentType {
    /// Compares type and subtype with `kind/subtype`.
    pub fn is(&self, text: &str) -> bool {
        let (kind, subtype) = text.split_once('/').unwrap_or((text, ""));
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Whether the body is made of parts.
    pub fn is_multipart(&self) -> bool {
        self.kind == "multipart"
    }
}

impl HeaderView for ContentType {
    const NAME: &'static str = "Content-Type";

    fn parse(value: &str) -> Result<ContentType, Malformed> {
        let mut scanner = Scanner::new(value);
        scanner.skip_ws();
        let kind = scanner.token(Self::NAME)?.to_ascii_lowercase();
        if !scanner.eat('/') {
            return Err(Malformed(Self::NAME));
        }
        let subtype = scanner.token(Self::NAME)?.to_ascii_lowercase();
        Ok(ContentType { kind, subtype, params: Params::scan(&mut scanner, Self::NAME)? })
    }
}

impl HeaderView for ContentDisposition {
    const NAME: &'static str = "Content-Disposition";

    fn parse(value: &str) -> Result<ContentDisposition, Malformed> {
        let mut scanner = Scanner::new(value);
        scanner.skip_ws();
        let kind = scanner.token(Self::NAME)?.to_owned();
        let params = Params::scan(&mut scanner, Self::NAME)?;
        let handling = match params.get("handling") {
            Some(word) if word.eq_ignore_ascii_case("optional") => Handling::Optional,
            _ => Handling::Required,
        };
        Ok(ContentDisposition { kind, handling })
    }
}

impl std::fmt::Display for ContentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}{}", self.kind, self.subtype, self.params)
    }
}

impl std::fmt::Display for ContentDisposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)?;
        match self.handling {
            Handling::Optional => f.write_str(";handling=optional"),
            Handling::Required => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;

    #[test]
    fn types_and_dispositions() {
        round_trip::<ContentType>(&[
            ("application/sdp", None),
            ("Text/Plain ; charset=\"utf-8\"", Some("text/plain;charset=\"utf-8\"")),
            ("multipart/mixed;boundary=\"a b\"", None),
        ]);
        refused::<ContentType>(&["", "text", "text/", "/plain", "text/plain;", "text/plain, text/html"]);
        assert!(ContentType::parse("Application / SDP;x=1").unwrap().is("application/sdp"));
        round_trip::<ContentDisposition>(&[
            ("session", None),
            ("render;handling=optional", None),
            ("alert; handling=REQUIRED", Some("alert")),
        ]);
        refused::<ContentDisposition>(&["", ";handling=optional", "a b"]);
    }
}
