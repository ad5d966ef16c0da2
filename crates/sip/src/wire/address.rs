//! Addresses: `From`, `To`, `Contact`, `Route`, `Record-Route` values (RFC 3261 20.10, 25.1 `name-addr`).

use super::token::{Scanner, each_item, is_token_char, quote, quoted_end, split_list, unquote};
use super::{Malformed, Params, Uri, plain};

/// A name-addr or addr-spec with header parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The display name without quotes and escapes.
    pub display: Option<String>,
    /// The URI.
    pub uri: Uri,
    /// Parameters of the header, not of the URI.
    pub params: Params,
}

/// What a REGISTER's Contact headers say (RFC 3261 10.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contacts {
    /// `*`: every binding.
    All,
    /// The listed addresses; may be empty.
    List(Vec<Address>),
}

impl Address {
    /// An address without display name and parameters.
    pub fn new(uri: Uri) -> Address {
        Address { display: None, uri, params: Params::default() }
    }

    /// An address with a display name.
    pub fn named(display: Option<String>, uri: Uri) -> Address {
        Address { display, uri, params: Params::default() }
    }

    /// Reads one address that fills the whole value.
    pub fn parse(value: &str) -> Result<Address, Malformed> {
        let Pieces { display, uri, rest } = Pieces::of(value)?;
        let uri = Uri::parse(uri)?;
        let params = Params::scan(&mut Scanner::new(rest), "address parameters")?;
        Ok(Address { display: display.map(unquote).filter(|d| !d.is_empty()), uri, params })
    }

    /// Whether [`Address::parse`] would read it.
    pub(crate) fn check(value: &str) -> Result<(), Malformed> {
        if plain::is_address(value) {
            return Ok(());
        }
        let Pieces { uri, rest, .. } = Pieces::of(value)?;
        Uri::check(uri)?;
        Params::check(&mut Scanner::new(rest), "address parameters")
    }

    /// Whether [`Address::parse_list`] would read it.
    pub(crate) fn check_list(value: &str) -> Result<(), Malformed> {
        if plain::is_address_list(value) {
            return Ok(());
        }
        each_item(value, "address list", Address::check)
    }

    /// Reads a comma-separated list.
    pub fn parse_list(value: &str) -> Result<Vec<Address>, Malformed> {
        split_list(value, "address list")?.into_iter().map(Address::parse).collect()
    }

    /// The `tag` parameter (RFC 3261 19.3).
    pub fn tag(&self) -> Option<String> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The same address with this tag.
    pub fn with_tag(mut self, tag: &str) -> Address {
        self.params.set("tag", Some(tag));
        self
    }

    /// The `expires` parameter of a Contact in seconds; values beyond 2^32-1 are capped (RFC 3261 20.19).
    pub fn expires(&self) -> Option<u32> {
        let text = self.params.get("expires")?;
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        Some(text.parse().unwrap_or(u32::MAX))
    }
}

/// An address in its parts, none of which was read yet but the display name.
struct Pieces<'a> {
    /// With its quotes.
    display: Option<&'a str>,
    uri: &'a str,
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    fn of(value: &'a str) -> Result<Pieces<'a>, Malformed> {
        let bad = Malformed("address");
        let value = value.trim_ascii_start();
        let (display, inner) = match value.as_bytes().first() {
            Some(b'"') => {
                let (name, rest) = value.split_at_checked(quoted_end(value).ok_or(bad)?).ok_or(bad)?;
                (Some(name), rest.trim_ascii_start().strip_prefix('<').ok_or(bad)?)
            }
            Some(b'<') => (None, value.get(1..).ok_or(bad)?),
            _ => match value.split_once('<') {
                // Tokens and spaces by the grammar; peers also write dots and other alphabets without quotes.
                Some((name, inner)) if !name.contains(['"', ',', ';', ':', '@']) => {
                    (Some(name.trim()), inner)
                }
                Some(_) => return Err(bad),
                // RFC 3261 20.10: without brackets every parameter belongs to the header, and the URI may contain no
                // comma, question mark or semicolon.
                None => {
                    let end = value.find(|c: char| c == ';' || c.is_whitespace()).unwrap_or(value.len());
                    let (uri, rest) = value.split_at_checked(end).ok_or(bad)?;
                    return match uri.contains([',', '?']) {
                        true => Err(bad),
                        false => Ok(Pieces { display: None, uri, rest }),
                    };
                }
            },
        };
        let (uri, rest) = inner.split_once('>').ok_or(bad)?;
        Ok(Pieces { display, uri, rest })
    }
}

impl Contacts {
    /// Reads all Contact values of a message.
    pub fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Result<Contacts, Malformed> {
        let mut list = Vec::new();
        let mut star = None;
        for value in values {
            if value.trim() == "*" {
                star = Some(());
            } else {
                list.extend(Address::parse_list(value)?);
            }
        }
        match (star, list.is_empty()) {
            (Some(()), true) => Ok(Contacts::All),
            // RFC 3261 10.2.2: `*` stands alone.
            (Some(()), false) => Err(Malformed("contact")),
            (None, _) => Ok(Contacts::List(list)),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.display.as_deref() {
            Some(name) if !name.is_empty() && name.chars().all(is_token_char) => write!(f, "{name} ")?,
            Some(name) if !name.is_empty() => write!(f, "{} ", quote(name))?,
            _ => {}
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

impl std::str::FromStr for Address {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Address, Malformed> {
        Address::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyday_addresses() {
        let check = |text: &str, display: Option<&str>, uri: &str, tag: Option<&str>| {
            let a = Address::parse(text).unwrap();
            assert_eq!(
                (a.display.as_deref(), a.uri.to_string().as_str(), a.tag().as_deref()),
                (display, uri, tag),
                "{text}"
            );
        };
        check("sip:a@b;tag=1", None, "sip:a@b", Some("1"));
        check("<sip:a@b;lr>;tag=1", None, "sip:a@b;lr", Some("1"));
        check("\"Quoted \\\"x\\\"\" <sip:a@b> ; tag = 9", Some("Quoted \"x\""), "sip:a@b", Some("9"));
        check("T. Watson <sip:a@b>", Some("T. Watson"), "sip:a@b", None);
        check("caller<sip:a@b>;tag=323", Some("caller"), "sip:a@b", Some("323"));
        check("\"\" <sip:a@b>", None, "sip:a@b", None);
        check("Дмитрий <sip:a@b>", Some("Дмитрий"), "sip:a@b", None);
    }

    #[test]
    fn broken_addresses_are_refused() {
        for text in [
            "",
            "\"open <sip:a@b>",
            "< sip:a@b>",
            "<sip:a@b",
            "Bell, A <sip:a@b>",
            "sip:a@b?x=y",
            "<sip:a@b>;;",
            "\"x\" sip:a@b",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn display_names_are_quoted_on_the_way_out() {
        let uri = Uri::parse("sip:a@b").unwrap();
        assert_eq!(
            Address::named(Some("Ann \"x\"".into()), uri.clone()).to_string(),
            "\"Ann \\\"x\\\"\" <sip:a@b>"
        );
        assert_eq!(Address::named(Some("Ann".into()), uri).to_string(), "Ann <sip:a@b>");
    }

    #[test]
    fn contacts_know_the_star() {
        assert_eq!(Contacts::parse(["*"].into_iter()).unwrap(), Contacts::All);
        assert!(Contacts::parse(["*", "<sip:a@b>"].into_iter()).is_err());
        let Contacts::List(list) =
            Contacts::parse(["<sip:a@b>;expires=99999999999, sip:c@d"].into_iter()).unwrap()
        else {
            panic!()
        };
        assert_eq!((list.len(), list[0].expires()), (2, Some(u32::MAX)));
    }
}
