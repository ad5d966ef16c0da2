//! `;name=value` parameters of headers and URIs.

use super::Malformed;
use super::token::{Scanner, is_token, is_token_char, quote, quoted_end, unquote};

/// An ordered list of parameters. Names compare without case (RFC 3261 7.3.1); values keep their writing.
///
/// Kept as the text it is written as, without white space, since most parameters are never looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(String);

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
        let bare = |v: &str| {
            is_token(v) || (!v.is_empty() && v.chars().all(|c| is_token_char(c) || "[]:".contains(c)))
        };
        match value {
            Some(v) if !bare(v) => self.put(name, Some(&quote(v))),
            value => self.put(name, value),
        }
    }

    /// Sets or replaces a parameter whose grammar asks for quotes whatever stands in it, as `+sip.instance` does.
    pub fn set_quoted(&mut self, name: &str, value: &str) {
        self.put(name, Some(&quote(value)));
    }

    /// Takes a parameter away.
    pub fn remove(&mut self, name: &str) {
        let mut kept = Params::default();
        self.iter().filter(|(n, _)| !n.eq_ignore_ascii_case(name)).for_each(|(n, v)| kept.push(n, v));
        *self = kept;
    }

    /// Names and values as written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            let text = rest.strip_prefix(';')?;
            let (name, after) = text.split_at(text.find(['=', ';']).unwrap_or(text.len()));
            let Some(value) = after.strip_prefix('=') else {
                rest = after;
                return Some((name, None));
            };
            let end = match quoted_end(value) {
                Some(end) => end,
                None => value.find(';').unwrap_or(value.len()),
            };
            let (value, after) = value.split_at_checked(end)?;
            rest = after;
            Some((name, Some(value)))
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn put(&mut self, name: &str, value: Option<&str>) {
        if !self.has(name) {
            return self.push(name, value);
        }
        let mut all = Params::default();
        let mut done = false;
        for (n, v) in self.iter() {
            let here = !done && n.eq_ignore_ascii_case(name);
            all.push(n, if here { value } else { v });
            done |= here;
        }
        *self = all;
    }

    fn push(&mut self, name: &str, value: Option<&str>) {
        self.0.push(';');
        self.0.push_str(name);
        if let Some(value) = value {
            self.0.push('=');
            self.0.push_str(value);
        }
    }

    fn raw(&self, name: &str) -> Option<Option<&str>> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// Reads `*( SEMI generic-param )` (RFC 3261 25.1) to the end of the value.
    pub(crate) fn scan(scanner: &mut Scanner<'_>, what: &'static str) -> Result<Params, Malformed> {
        let mut params = Params::default();
        let length = scanner.rest().len();
        if length > 0 {
            params.0.reserve(length);
        }
        Params::walk(scanner, what, |name, value| params.push(name, value))?;
        Ok(params)
    }

    /// Like [`Params::scan`], with nothing kept.
    pub(crate) fn check(scanner: &mut Scanner<'_>, what: &'static str) -> Result<(), Malformed> {
        Params::walk(scanner, what, |_, _| {})
    }

    fn walk<'a>(
        scanner: &mut Scanner<'a>,
        what: &'static str,
        mut each: impl FnMut(&'a str, Option<&'a str>),
    ) -> Result<(), Malformed> {
        while scanner.eat(';') {
            let name = scanner.token(what)?;
            let value = if scanner.eat('=') {
                Some(match scanner.peek() {
                    Some('"') => scanner.quoted_raw(what)?,
                    // Wider than token / host, for IPv6 `received=` and for peers that leave quotes out.
                    _ => match scanner.take_value() {
                        "" => return Err(Malformed(what)),
                        value => value,
                    },
                })
            } else {
                None
            };
            each(name, value);
        }
        if scanner.at_end() { Ok(()) } else { Err(Malformed(what)) }
    }

    /// Reads URI parameters, where no white space and no quotes stand (RFC 3261 25.1 `uri-parameters`).
    pub(crate) fn from_uri(text: &str) -> Params {
        let mut params = String::with_capacity(text.len().saturating_add(1));
        params.push(';');
        params.push_str(text);
        Params(params)
    }

    /// Whether [`Params::from_uri`] may take this text: each parameter has a name.
    pub(crate) fn check_uri(text: &str) -> Result<(), Malformed> {
        let mut before = b';';
        for b in text.bytes().chain([b';']) {
            if before == b';' && matches!(b, b';' | b'=') {
                return Err(Malformed("uri parameter"));
            }
            before = b;
        }
        Ok(())
    }
}

impl std::fmt::Display for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Params {
        Params::scan(&mut Scanner::new(text), "test").unwrap()
    }

    #[test]
    fn order_writing_and_quotes_are_kept() {
        let params = read(" ; a = 1;b ;c=\"x;\\\" y=\"; D=[::1]");
        assert_eq!(
            params.iter().collect::<Vec<_>>(),
            [("a", Some("1")), ("b", None), ("c", Some("\"x;\\\" y=\"")), ("D", Some("[::1]"))]
        );
        assert_eq!((params.get("C").as_deref(), params.get("B").as_deref()), (Some("x;\" y="), Some("")));
        assert_eq!(params.get("e"), None);
    }

    #[test]
    fn parameters_are_set_in_their_place() {
        let mut params = read(";a=1;b;a=2");
        params.set("B", Some("x y"));
        params.set("A", Some("3"));
        params.set("n", None);
        assert_eq!(params.to_string(), ";a=3;b=\"x y\";a=2;n");
        params.remove("a");
        params.set_quoted("q", "z");
        assert_eq!(params.to_string(), ";b=\"x y\";n;q=\"z\"");
    }

    #[test]
    fn malformed_ones_are_refused() {
        for text in [";", ";=1", ";a=", ";a=\"x", ";a b", ";a=1,b", "a", ";a=x\"y\""] {
            assert!(Params::scan(&mut Scanner::new(text), "test").is_err(), "{text}");
        }
        for text in ["", ";", "a;", "=1", "a;;b", "a;=1"] {
            assert!(Params::check_uri(text).is_err(), "{text}");
        }
        for text in ["a", "a=", "a=b=c;d", "lr"] {
            assert!(Params::check_uri(text).is_ok(), "{text}");
        }
    }
}
