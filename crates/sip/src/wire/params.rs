//! `;name=value` parameters of headers and URIs.

use super::Malformed;
use super::token::{Scanner, is_token, is_token_char, quote, unquote};

/// An ordered list of parameters. Names compare without case (RFC 3261 7.3.1); values keep their writing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// The value of `name` without quotes; an empty string when the parameter stands without a value.
    pub fn get(&self, name: &str) -> Option<String> {
        self.raw(name).map(|value| value.map(unquote).unwrap_or_default())
    }

    /// Whether the parameter is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Sets or replaces a parameter. Values that are no token or host are quoted.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(|v| {
            let bare =
                is_token(v) || (!v.is_empty() && v.chars().all(|c| is_token_char(c) || "[]:".contains(c)));
            if bare { v.to_owned() } else { quote(v) }
        });
        self.put(name, value);
    }

    /// Sets or replaces a parameter whose grammar asks for quotes whatever stands in it, as `+sip.instance` does.
    pub fn set_quoted(&mut self, name: &str, value: &str) {
        self.put(name, Some(quote(value)));
    }

    /// Takes a parameter away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Names and values as written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_deref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn put(&mut self, name: &str, value: Option<String>) {
        match self.0.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some(slot) => slot.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    fn raw(&self, name: &str) -> Option<Option<&str>> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_deref())
    }

    /// Reads `*( SEMI generic-param )` (RFC 3261 25.1) to the end of the value.
    pub(crate) fn scan(scanner: &mut Scanner<'_>, what: &'static str) -> Result<Params, Malformed> {
        let mut params = Params::default();
        while scanner.eat(';') {
            let name = scanner.token(what)?;
            let value = if scanner.eat('=') {
                Some(match scanner.peek() {
                    Some('"') => scanner.quoted_raw(what)?,
                    // Wider than token / host, for IPv6 `received=` and for peers that leave quotes out.
                    _ => match scanner.take_while(|c| !c.is_whitespace() && !matches!(c, ';' | ',' | '"')) {
                        "" => return Err(Malformed(what)),
                        value => value,
                    },
                })
            } else {
                None
            };
            params.0.push((name.to_owned(), value.map(str::to_owned)));
        }
        if scanner.at_end() { Ok(params) } else { Err(Malformed(what)) }
    }

    /// Reads URI parameters, where no white space and no quotes stand (RFC 3261 25.1 `uri-parameters`).
    pub(crate) fn from_uri(text: &str) -> Result<Params, Malformed> {
        let mut params = Params::default();
        for part in text.split(';') {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (part, None),
            };
            if name.is_empty() {
                return Err(Malformed("uri parameter"));
            }
            params.0.push((name.to_owned(), value));
        }
        Ok(params)
    }
}

impl std::fmt::Display for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}
