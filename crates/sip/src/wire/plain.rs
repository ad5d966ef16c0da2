//! The everyday shapes of URIs, addresses and Via values, told at one glance.
//!
//! Most values of most messages look alike: no escapes, no white space, no list. Whoever only checks a value asks here
//! first and goes the whole way through its grammar where the answer is no. Yes means that the reader of the whole
//! grammar takes the value, alone and as a list of one; no means nothing.

const HOST: u8 = 1;
const USER: u8 = 2;
const TOKEN: u8 = 4;
const URI_PARAM: u8 = 8;
const VALUE: u8 = 16;
const QUOTED: u8 = 32;
const NAME: u8 = 64;
const DIGIT: u8 = 128;

static CLASSES: [u8; 256] = classes();

// Evaluated by the compiler alone: an index out of bounds ends the build.
#[allow(clippy::indexing_slicing, reason = "runs in the compiler")]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        // RFC 3261 25.1, with everything left out that asks for a closer look.
        classes[byte] = match b {
            b'0'..=b'9' => HOST | USER | TOKEN | URI_PARAM | VALUE | QUOTED | NAME | DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' => {
                HOST | USER | TOKEN | URI_PARAM | VALUE | QUOTED | NAME
            }
            b'!' | b'~' | b'*' | b'\'' | b'+' | b'%' => USER | TOKEN | URI_PARAM | VALUE | QUOTED | NAME,
            b'`' => TOKEN | VALUE | QUOTED | NAME,
            b'(' | b')' | b'&' | b'$' => USER | URI_PARAM | VALUE | QUOTED,
            b'[' | b']' | b':' | b'/' => URI_PARAM | VALUE | QUOTED,
            b' ' => QUOTED | NAME,
            b'"' | b'\\' => 0,
            b';' | b',' | b'<' | b'>' => QUOTED,
            b'!'..=b'~' => VALUE | QUOTED,
            _ => QUOTED,
        };
        byte += 1;
    }
    classes
}

/// A `sip:` or `sips:` URI without password and headers.
pub(super) fn is_uri(text: &str) -> bool {
    let mut glance = Glance(text.as_bytes());
    glance.uri() && glance.0.is_empty()
}

/// `<uri>;name=value`, with a display name or without.
pub(super) fn is_address(text: &str) -> bool {
    let mut glance = Glance(text.as_bytes());
    glance.address() && glance.0.is_empty()
}

/// Several of them, with commas between.
pub(super) fn is_address_list(text: &str) -> bool {
    let mut glance = Glance(text.as_bytes());
    while glance.address() {
        if glance.0.is_empty() {
            return true;
        }
        if !glance.eat(b',') {
            return false;
        }
        while glance.eat(b' ') {}
    }
    false
}

/// `SIP/2.0/UDP host:port;name=value`.
pub(super) fn is_via(text: &str) -> bool {
    let mut glance = Glance(text.as_bytes());
    glance.skip(b"SIP/2.0/")
        && glance.take(TOKEN) > 0
        && glance.eat(b' ')
        && glance.host_and_port()
        && glance.params()
        && glance.0.is_empty()
}

/// What was not looked at yet.
#[derive(Clone, Copy)]
struct Glance<'a>(&'a [u8]);

impl Glance<'_> {
    /// Takes the bytes of a class and tells how many there were.
    #[inline]
    fn take(&mut self, class: u8) -> usize {
        let classes = |b: &u8| CLASSES.get(usize::from(*b)).copied().unwrap_or_default();
        let before = self.0.len();
        // Four at a time: tags and branches are long.
        while let Some(([a, b, c, d], rest)) = self.0.split_first_chunk()
            && classes(a) & classes(b) & classes(c) & classes(d) & class != 0
        {
            self.0 = rest;
        }
        while let Some((byte, rest)) = self.0.split_first()
            && classes(byte) & class != 0
        {
            self.0 = rest;
        }
        before.saturating_sub(self.0.len())
    }

    #[inline]
    fn eat(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn skip(&mut self, prefix: &[u8]) -> bool {
        match self.0.strip_prefix(prefix) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// A quoted string behind its opening quote.
    fn quoted(&mut self) -> bool {
        loop {
            self.take(QUOTED);
            if self.eat(b'"') {
                return true;
            }
            match self.0 {
                [b'\\', _, rest @ ..] => self.0 = rest,
                _ => return false,
            }
        }
    }

    #[inline]
    fn address(&mut self) -> bool {
        if self.eat(b'"') {
            if !self.quoted() {
                return false;
            }
            while self.eat(b' ') {}
        } else {
            self.take(NAME);
        }
        self.eat(b'<') && self.uri() && self.eat(b'>') && self.params()
    }

    #[inline]
    fn uri(&mut self) -> bool {
        if !self.skip(b"sip:") && !self.skip(b"sips:") {
            return false;
        }
        let after_scheme = *self;
        if self.take(USER) == 0 || !self.eat(b'@') {
            *self = after_scheme;
        }
        if !self.host_and_port() {
            return false;
        }
        while self.eat(b';') {
            if self.take(URI_PARAM) == 0 {
                return false;
            }
            if self.eat(b'=') {
                self.take(URI_PARAM);
            }
        }
        true
    }

    /// A name or an IPv4 address: what is no address is a name.
    #[inline]
    fn host_and_port(&mut self) -> bool {
        if self.take(HOST) == 0 {
            return false;
        }
        if !self.eat(b':') {
            return true;
        }
        let first = self.0.first().copied().unwrap_or_default();
        match self.take(DIGIT) {
            1..=4 => true,
            // Up to 59999; those above are left to the reader.
            5 => first < b'6',
            _ => false,
        }
    }

    #[inline]
    fn params(&mut self) -> bool {
        while self.eat(b';') {
            if self.take(TOKEN) == 0 {
                return false;
            }
            if self.eat(b'=') && self.take(VALUE) == 0 && !(self.eat(b'"') && self.quoted()) {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Address, Uri, Via};

    const URIS: [&str; 6] = [
        "sip:anna@example.com",
        "sips:+1-201@192.0.2.1:5061;transport=tcp;lr",
        "sip:example.com",
        "sip:h:59999",
        "sip:a%20b@h;ob;x=[::1]:5",
        "sip:(a)&b1$@h;maddr=h_1",
    ];
    const ADDRESSES: [&str; 6] = [
        "<sip:anna@example.com>;tag=a1.b",
        "\"Anna, B; <c> \u{e9}\" <sip:a@b:5060;lr>;expires=60;ob",
        "Anna B. <sips:h;a=>;+sip.x=1",
        "<sip:h>",
        "\"A\\\"B\" <sip:a@h>;+sip.instance=\"<urn:uuid:1>,\\\\\";q=1",
        "A<sip:a@h>;x=[::1]:5;y",
    ];
    const VIAS: [&str; 3] = [
        "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1;rport",
        "SIP/2.0/TLS host.example;received=2001:db8::1;alias",
        "SIP/2.0/TCP h",
    ];

    /// `text` with every byte changed into every other of ASCII, with every byte put before it, and without it.
    fn changed(text: &str, each: impl Fn(&str)) {
        let mut chars: Vec<char> = text.chars().collect();
        for at in 0..chars.len() {
            let kept = chars[at];
            for byte in (0..128u8).chain([0xA0, 0xE9]) {
                chars[at] = char::from(byte);
                each(&chars.iter().collect::<String>());
                chars[at] = kept;
                chars.insert(at, char::from(byte));
                each(&chars.iter().collect::<String>());
                chars.remove(at);
            }
            chars.remove(at);
            each(&chars.iter().collect::<String>());
            chars.insert(at, kept);
        }
    }

    #[test]
    fn what_is_plain_is_read_by_the_whole_grammar() {
        for text in URIS {
            assert!(is_uri(text), "{text}");
            changed(text, |text| assert!(!is_uri(text) || Uri::parse(text).is_ok(), "{text:?}"));
        }
        for text in ADDRESSES {
            assert!(is_address(text), "{text}");
            changed(text, |text| {
                if is_address_list(text) {
                    assert!(Address::parse_list(text).is_ok(), "{text:?}");
                }
                let two = format!("{text}, {text}");
                if is_address_list(&two) {
                    assert!(Address::parse_list(&two).is_ok(), "{two:?}");
                }
                if is_address(text) {
                    assert!(Address::parse(text).is_ok(), "{text:?}");
                    assert_eq!(Address::parse_list(text).map(|l| l.len()), Ok(1), "{text:?}");
                }
            });
        }
        for text in VIAS {
            assert!(is_via(text), "{text}");
            changed(text, |text| {
                if is_via(text) {
                    assert!(Via::parse(text).is_ok(), "{text:?}");
                    assert_eq!(Via::parse_list(text).map(|l| l.len()), Ok(1), "{text:?}");
                }
            });
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_reader() {
        for text in
            ["", "sip:", "sip:a:b@h", "sip:h:60000", "sip:h:", "sip:a@h?x=y", "SIP:h", "tel:+1", "sip:h;"]
        {
            assert!(!is_uri(text), "{text}");
        }
        assert!(!is_address_list("<sip:a@b>,") && is_address_list("<sip:a@b>,<sip:c@d>;q=1, A <sip:e@f>"));
        for text in ["sip:a@b", "<sip:a@b>, <sip:c@d>", "\"a\\\" <sip:a@b>", "<sip:a@b> ;x", "<sip:a@b>;x=<y"]
        {
            assert!(!is_address(text), "{text}");
        }
        for text in
            ["SIP/2.0/UDP [::1]", "SIP/2.0/UDP a, SIP/2.0/UDP b", "SIP / 2.0 / UDP h", "SIP/2.0/UDP h;a=\"b"]
        {
            assert!(!is_via(text), "{text}");
        }
    }
}
