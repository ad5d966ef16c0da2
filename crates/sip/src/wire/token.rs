//! The scanner all header parsers share: RFC 3261 25.1 tokens, quoted strings, white space, lists.
//!
//! It works on unfolded, decoded text; splitting bytes into lines is the job of [`super::parse`].

use super::Malformed;

/// RFC 3261 25.1 `token`, by byte.
static TOKEN: [bool; 256] = table(b"-.!%*_+`'~", true);
/// What ends an unquoted parameter value: white space, `;`, `,`, `"`.
static VALUE_END: [bool; 256] = table(b" \t\r\n;,\"", false);

#[allow(clippy::indexing_slicing, reason = "runs in the compiler: an index out of bounds ends the build")]
const fn table(marks: &[u8], alphanumeric: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let mut n = 0;
    while n < marks.len() {
        table[marks[n] as usize] = true;
        n += 1;
    }
    let mut byte = 0;
    while alphanumeric && byte < 128 {
        table[byte] |= (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    table
}

fn is(table: &[bool; 256], byte: u8) -> bool {
    table.get(usize::from(byte)).copied().unwrap_or(false)
}

/// True for the characters of an RFC 3261 25.1 `token`.
pub(crate) fn is_token_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(|byte| is(&TOKEN, byte))
}

pub(crate) fn is_token(text: &str) -> bool {
    is_token_bytes(text.as_bytes())
}

pub(crate) fn is_token_bytes(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is(&TOKEN, *byte))
}

/// Reads a header value from left to right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Scanner { rest: text }
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(crate) fn skip_ws(&mut self) {
        if let Some(b' ' | b'\t' | b'\r' | b'\n') = self.rest.as_bytes().first() {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        }
    }

    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_ws();
        self.rest.is_empty()
    }

    /// Takes `c`, with white space around it (the SEMI, EQUAL, SLASH, COMMA ... of RFC 3261 25.1).
    pub(crate) fn eat(&mut self, c: char) -> bool {
        self.skip_ws();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                self.skip_ws();
                true
            }
            None => false,
        }
    }

    pub(crate) fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    pub(crate) fn token(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        match self.take_until(|byte| !is(&TOKEN, byte)) {
            "" => Err(Malformed(what)),
            token => Ok(token),
        }
    }

    /// Up to `last`, which is taken too.
    pub(crate) fn take_through(&mut self, last: char) -> Option<&'a str> {
        let end = self.rest.find(last)?.checked_add(last.len_utf8())?;
        let (taken, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(taken)
    }

    /// Up to white space, `;`, `,` or a quote.
    pub(crate) fn take_value(&mut self) -> &'a str {
        self.take_until(|byte| is(&VALUE_END, byte))
    }

    /// Up to the first byte that `ends`. It must be true only for bytes of ASCII, or for all others too.
    fn take_until(&mut self, ends: impl Fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(ends).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest;
        taken
    }

    /// Digits, with white space before them; too big a number is an error.
    pub(crate) fn whole_number(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.skip_ws();
        self.take_while(|c| c.is_ascii_digit()).parse().map_err(|_| Malformed(what))
    }

    /// Like [`Self::whole_number`], but seconds beyond what fits are as many as fit (RFC 3261 20.19 and its kin).
    pub(crate) fn delta_seconds(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.skip_ws();
        match self.take_while(|c| c.is_ascii_digit()) {
            "" => Err(Malformed(what)),
            digits => Ok(digits.parse().unwrap_or(u32::MAX)),
        }
    }

    /// A comment with the comments inside it, without the outer brackets and the escapes (RFC 3261 25.1 `comment`);
    /// the scanner stands on the opening bracket.
    pub(crate) fn comment(&mut self, what: &'static str) -> Result<String, Malformed> {
        let mut text = String::new();
        let mut depth = 0usize;
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '(' => depth = depth.saturating_add(1),
                ')' => depth = depth.saturating_sub(1),
                '\\' => {
                    text.extend(chars.next().map(|(_, c)| c));
                    continue;
                }
                _ => {}
            }
            match (c, depth) {
                (_, 0) => {
                    self.rest = self.rest.get(at.saturating_add(c.len_utf8())..).unwrap_or_default();
                    return Ok(text);
                }
                ('(', 1) => {}
                (c, _) => text.push(c),
            }
        }
        Err(Malformed(what))
    }

    /// A quoted string with its quotes and escapes as written; the scanner stands on the opening quote.
    pub(crate) fn quoted_raw(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        let end = quoted_end(self.rest).ok_or(Malformed(what))?;
        let (raw, rest) = self.rest.split_at_checked(end).ok_or(Malformed(what))?;
        self.rest = rest;
        Ok(raw)
    }
}

/// Where the quoted string that text begins with ends, quotes included; `None` where it begins with none or never ends.
pub(crate) fn quoted_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = usize::from(bytes.first() == Some(&b'"'));
    if at == 0 {
        return None;
    }
    loop {
        let found = memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        at = at.checked_add(found)?.checked_add(1)?;
        if bytes.get(at.checked_sub(1)?) == Some(&b'"') {
            return Some(at);
        }
        // The escaped one; of a longer character the other bytes are no quotes.
        at = at.checked_add(1)?;
    }
}

/// Takes quotes and escapes off a quoted string; other text comes back as it is.
pub(crate) fn unquote(raw: &str) -> String {
    let Some(inner) = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')) else {
        return raw.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// Puts text into quotes, escaping what RFC 3261 25.1 `quoted-string` does not allow bare.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Splits at commas that stand outside quotes and angle brackets (RFC 3261 7.3.1).
pub(crate) fn split_list<'a>(value: &'a str, what: &'static str) -> Result<Vec<&'a str>, Malformed> {
    let mut items = Vec::new();
    each_item(value, what, |item| {
        items.push(item);
        Ok(())
    })?;
    Ok(items)
}

/// Gives each item of a list to `each`, up to the first error.
pub(crate) fn each_item<'a>(
    value: &'a str,
    what: &'static str,
    mut each: impl FnMut(&'a str) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let bad = Malformed(what);
    let bytes = value.as_bytes();
    let (mut start, mut at) = (0usize, 0usize);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let found = memchr::memchr3(b',', b'"', b'<', rest);
        at = at.saturating_add(found.unwrap_or(rest.len()));
        match bytes.get(at) {
            Some(b'"') => at = at.saturating_add(quoted_end(value.get(at..).ok_or(bad)?).ok_or(bad)?),
            Some(b'<') => {
                let end = memchr::memchr(b'>', bytes.get(at..).unwrap_or_default()).ok_or(bad)?;
                at = at.saturating_add(end);
            }
            comma_or_end => {
                match value.get(start..at).unwrap_or_default().trim() {
                    "" => return Err(bad),
                    item => each(item)?,
                }
                if comma_or_end.is_none() {
                    return Ok(());
                }
                at = at.saturating_add(1);
                start = at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        let items = split_list(r#""a,b\"" <sip:x;p=1,2@h> , <sip:y>"#, "list").unwrap();
        assert_eq!(items, [r#""a,b\"" <sip:x;p=1,2@h>"#, "<sip:y>"]);
        assert!(split_list("a,,b", "list").is_err());
        for bad in ["\"open", "", " ", ",", "a,", "<a", "\"\\", "a,\"\\\""] {
            assert!(split_list(bad, "list").is_err(), "{bad}");
        }
        assert_eq!(split_list("a<,>b,\"\\\u{20ac}\"", "list").unwrap(), ["a<,>b", "\"\\\u{20ac}\""]);
    }

    #[test]
    fn quoting_round_trips() {
        for text in ["plain", "a \"b\" \\ c", "", "привет"] {
            assert_eq!(unquote(&quote(text)), text);
        }
    }
}
