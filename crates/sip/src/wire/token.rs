//! The scanner all header parsers share: RFC 3261 25.1 tokens, quoted strings, white space, lists.
//!
//! It works on unfolded, decoded text; splitting bytes into lines is the job of [`super::parse`].

use super::Malformed;

/// True for the characters of an RFC 3261 25.1 `token`.
pub(crate) fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '!' | '%' | '*' | '_' | '+' | '`' | '\'' | '~')
}

pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_char)
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
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
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
        match self.take_while(is_token_char) {
            "" => Err(Malformed(what)),
            token => Ok(token),
        }
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
        let mut chars = self.rest.char_indices();
        if !matches!(chars.next(), Some((_, '"'))) {
            return Err(Malformed(what));
        }
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    chars.next();
                }
                '"' => {
                    let (raw, rest) = self.rest.split_at(at.saturating_add(1));
                    self.rest = rest;
                    return Ok(raw);
                }
                _ => {}
            }
        }
        Err(Malformed(what))
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
    #[derive(Clone, Copy)]
    enum In {
        Plain,
        Quotes,
        Escape,
        Brackets,
    }
    let mut state = In::Plain;
    let mut start = 0usize;
    let mut items = Vec::new();
    for (at, c) in value.char_indices() {
        state = match (state, c) {
            (In::Plain, '"') => In::Quotes,
            (In::Plain, '<') => In::Brackets,
            (In::Plain, ',') => {
                items.push(value.get(start..at).unwrap_or_default().trim());
                start = at.saturating_add(1);
                In::Plain
            }
            (In::Quotes, '\\') => In::Escape,
            (In::Quotes, '"') => In::Plain,
            (In::Escape, _) => In::Quotes,
            (In::Brackets, '>') => In::Plain,
            (state, _) => state,
        };
    }
    if !matches!(state, In::Plain) {
        return Err(Malformed(what));
    }
    items.push(value.get(start..).unwrap_or_default().trim());
    if items.iter().any(|item| item.is_empty()) {
        return Err(Malformed(what));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        let items = split_list(r#""a,b\"" <sip:x;p=1,2@h> , <sip:y>"#, "list").unwrap();
        assert_eq!(items, [r#""a,b\"" <sip:x;p=1,2@h>"#, "<sip:y>"]);
        assert!(split_list("a,,b", "list").is_err());
        assert!(split_list("\"open", "list").is_err());
    }

    #[test]
    fn quoting_round_trips() {
        for text in ["plain", "a \"b\" \\ c", "", "привет"] {
            assert_eq!(unquote(&quote(text)), text);
        }
    }
}
