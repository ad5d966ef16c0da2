//! The headers of a message: their names, long and compact, and their values as text.
//!
//! What a value means is read by the families' own files, when somebody asks for it.
//!
//! All text of a message's headers lies in one string and a line is two places in it: a message is read without an
//! allocation for each of its headers, and most of them are never looked at.

use super::token::{is_token_bytes, split_list};
use super::{Address, CSeq, HeaderView, Malformed, Reason, Via};
use std::borrow::Cow;
use std::ops::Range;

/// One header line on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    name: Cow<'static, str>,
    value: String,
}

/// The headers of a message in order.
#[derive(Clone, Default)]
pub struct Headers(Box<Lines>);

/// Kept in a box, as messages are moved more often than they are made.
#[derive(Clone, Default)]
struct Lines {
    text: String,
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    name: Name,
    value: Range<usize>,
}

#[derive(Debug, Clone)]
enum Name {
    Known(Known),
    /// As written, in the text.
    Other(Range<usize>),
}

macro_rules! known_headers {
    ($($variant:ident = $name:literal $(/ $compact:literal)?;)*) => {
        /// Names the codec knows: those with a compact form, and those whose writing is to be the usual one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Known {
            $($variant,)*
        }

        const NAMES: &[&str] = &[$($name),*];

        impl Known {
            const ALL: &'static [Known] = &[$(Known::$variant),*];

            /// The long name.
            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $(Known::$variant => $name,)*
                }
            }

            /// RFC 3261 7.3.3 and the IANA registry of compact forms.
            fn of_compact(letter: u8) -> Option<Known> {
                match letter {
                    $($($compact => Some(Known::$variant),)?)*
                    _ => None,
                }
            }
        }
    };
}

known_headers! {
    Accept = "Accept";
    AcceptContact = "Accept-Contact" / b'a';
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    AlertInfo = "Alert-Info";
    Allow = "Allow";
    AllowEvents = "Allow-Events" / b'u';
    AuthenticationInfo = "Authentication-Info";
    Authorization = "Authorization";
    CallId = "Call-ID" / b'i';
    CallInfo = "Call-Info";
    Contact = "Contact" / b'm';
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding" / b'e';
    ContentLanguage = "Content-Language";
    ContentLength = "Content-Length" / b'l';
    ContentType = "Content-Type" / b'c';
    CSeq = "CSeq";
    Date = "Date";
    Diversion = "Diversion";
    ErrorInfo = "Error-Info";
    Event = "Event" / b'o';
    Expires = "Expires";
    FlowTimer = "Flow-Timer";
    From = "From" / b'f';
    HistoryInfo = "History-Info";
    IdentityInfo = "Identity-Info" / b'n';
    InReplyTo = "In-Reply-To";
    Join = "Join";
    MaxForwards = "Max-Forwards";
    MimeVersion = "MIME-Version";
    MinExpires = "Min-Expires";
    MinSe = "Min-SE";
    Organization = "Organization";
    PAssertedIdentity = "P-Asserted-Identity";
    PAssociatedUri = "P-Associated-URI";
    PCalledPartyId = "P-Called-Party-ID";
    PPreferredIdentity = "P-Preferred-Identity";
    Path = "Path";
    Priority = "Priority";
    Privacy = "Privacy";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyRequire = "Proxy-Require";
    RAck = "RAck";
    Reason = "Reason";
    RecordRoute = "Record-Route";
    ReferSub = "Refer-Sub";
    ReferTo = "Refer-To" / b'r';
    ReferredBy = "Referred-By" / b'b';
    RejectContact = "Reject-Contact" / b'j';
    Replaces = "Replaces";
    ReplyTo = "Reply-To";
    RequestDisposition = "Request-Disposition" / b'd';
    Require = "Require";
    RetryAfter = "Retry-After";
    Route = "Route";
    RSeq = "RSeq";
    Server = "Server";
    ServiceRoute = "Service-Route";
    SessionExpires = "Session-Expires" / b'x';
    Subject = "Subject" / b's';
    SubscriptionState = "Subscription-State";
    Supported = "Supported" / b'k';
    Timestamp = "Timestamp";
    To = "To" / b't';
    Unsupported = "Unsupported";
    UserAgent = "User-Agent";
    Via = "Via" / b'v';
    Warning = "Warning";
    WwwAuthenticate = "WWW-Authenticate";
}

/// Where each known name stands in [`Known::ALL`], plus one, at the place its length and letters give.
static PLACES: [u8; 512] = places();

/// Length and three letters, such that no two known names meet; that none do is checked when this is compiled.
const fn place(length: usize, first: u8, middle: u8, last: u8) -> usize {
    let (first, middle, last) = ((first | 0x20) as usize, (middle | 0x20) as usize, (last | 0x20) as usize);
    (length + first * 4 + middle * 6 + last * 19) % 512
}

// Evaluated by the compiler alone: an index out of bounds ends the build.
#[allow(clippy::indexing_slicing, clippy::panic, reason = "runs in the compiler, on names of ours")]
const fn places() -> [u8; 512] {
    let mut places = [0u8; 512];
    let mut n = 0;
    while n < Known::ALL.len() {
        let name = NAMES[n].as_bytes();
        let at = place(name.len(), name[0], name[name.len() / 2], name[name.len() - 1]);
        assert!(places[at] == 0, "two names at one place");
        places[at] = n as u8 + 1;
        n += 1;
    }
    places
}

impl Known {
    /// A name in any case, long or compact (RFC 3261 7.3.1, 7.3.3).
    pub(super) fn of(name: &str) -> Option<Known> {
        Known::of_bytes(name.as_bytes())
    }

    fn of_bytes(bytes: &[u8]) -> Option<Known> {
        if let [letter] = bytes {
            return Known::of_compact(letter.to_ascii_lowercase());
        }
        let at = place(bytes.len(), *bytes.first()?, *bytes.get(bytes.len() / 2)?, *bytes.last()?);
        let number = usize::from(*PLACES.get(at)?).checked_sub(1)?;
        let name = NAMES.get(number)?.as_bytes();
        // Nearly all are written the usual way, which is the faster comparison.
        let same = name == bytes || name.eq_ignore_ascii_case(bytes);
        Known::ALL.get(number).filter(|_| same).copied()
    }
}

/// Makes the header of a name, long or compact, in any case (RFC 3261 7.3.1, 7.3.3).
pub fn header(name: &str, value: impl Into<String>) -> Header {
    let name = match Known::of(name) {
        Some(known) => Cow::Borrowed(known.as_str()),
        None => Cow::Owned(name.to_owned()),
    };
    Header { name, value: value.into() }
}

/// The long name of a header.
pub fn name(header: &Header) -> &str {
    &header.name
}

/// The value of a header as text.
pub fn value(header: &Header) -> &str {
    &header.value
}

impl Headers {
    /// Nothing yet, with room for so many lines of a head.
    pub(super) fn of_head(lines: usize) -> Headers {
        Headers(Box::new(Lines { text: String::new(), lines: Vec::with_capacity(lines) }))
    }

    /// Adds a line whose name and value stand in a head that is going to be kept; `false` where the name is no token.
    pub(super) fn note(&mut self, head: &[u8], name: Range<usize>, value: Range<usize>) -> bool {
        let text = head.get(name.clone()).unwrap_or_default();
        let name = match Known::of_bytes(text) {
            Some(known) => Name::Known(known),
            None if is_token_bytes(text) => Name::Other(name),
            None => return false,
        };
        self.0.lines.push(Line { name, value });
        true
    }

    /// Keeps the head all lines so far were noted in; the values of some are to be written anew.
    pub(super) fn keep(&mut self, head: &str, anew: &[usize], write: impl Fn(&str) -> String) {
        self.0.text = head.to_owned();
        for number in anew {
            let Some(line) = self.0.lines.get(*number) else { continue };
            let text = write(self.value(line));
            let value = self.write(&text);
            if let Some(line) = self.0.lines.get_mut(*number) {
                line.value = value;
            }
        }
    }

    /// The first value of a header the codec knows.
    pub(super) fn first_known(&self, wanted: Known) -> Option<&str> {
        let found =
            self.0.lines.iter().find(|line| matches!(line.name, Name::Known(known) if known == wanted));
        found.map(|line| self.value(line))
    }

    /// Names, in the usual writing where they are known, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.lines.iter().map(|line| (self.name(line), self.value(line)))
    }

    /// Enough room for all lines.
    pub(super) fn written_length(&self) -> usize {
        let names = self.0.lines.len().saturating_mul(24);
        self.0.text.len().saturating_add(names)
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.lines.is_empty()
    }

    /// Appends a line.
    pub fn push(&mut self, header: Header) {
        self.put(&header.name, &header.value);
    }

    /// Appends several lines.
    pub fn extend(&mut self, headers: Vec<Header>) {
        headers.into_iter().for_each(|header| self.push(header));
    }

    /// Known names and values, for one pass over all lines.
    pub(super) fn known(&self) -> impl Iterator<Item = (Known, &str)> {
        self.0.lines.iter().filter_map(|line| match line.name {
            Name::Known(known) => Some((known, self.value(line))),
            Name::Other(_) => None,
        })
    }

    fn put(&mut self, name: &str, value: &str) {
        let name = match Known::of(name) {
            Some(known) => Name::Known(known),
            None => Name::Other(self.write(name)),
        };
        let value = self.write(value);
        self.0.lines.push(Line { name, value });
    }

    fn write(&mut self, text: &str) -> Range<usize> {
        let start = self.0.text.len();
        self.0.text.push_str(text);
        start..self.0.text.len()
    }

    fn name<'a>(&'a self, line: &'a Line) -> &'a str {
        match &line.name {
            Name::Known(known) => known.as_str(),
            Name::Other(range) => self.0.text.get(range.clone()).unwrap_or_default(),
        }
    }

    fn value(&self, line: &Line) -> &str {
        self.0.text.get(line.value.clone()).unwrap_or_default()
    }

    fn is(&self, line: &Line, known: Option<Known>, wanted: &str) -> bool {
        match (&line.name, known) {
            (Name::Known(a), Some(b)) => *a == b,
            (Name::Other(range), None) => {
                self.0.text.get(range.clone()).is_some_and(|name| name.eq_ignore_ascii_case(wanted))
            }
            _ => false,
        }
    }
}

impl From<Vec<Header>> for Headers {
    fn from(list: Vec<Header>) -> Headers {
        let mut headers = Headers::default();
        headers.extend(list);
        headers
    }
}

impl From<Headers> for Vec<Header> {
    fn from(headers: Headers) -> Vec<Header> {
        headers.iter().map(|(name, value)| header(name, value)).collect()
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Headers) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl std::fmt::Display for Headers {
    /// A line each.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.iter().try_for_each(|(name, value)| write!(f, "{name}: {value}\r\n"))
    }
}

/// Reading and changing a message's headers by name.
pub trait HeaderAccess {
    /// Every value of a header, in order, lists not split.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str>;
    /// The first value of a header.
    fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }
    /// Appends a header.
    fn add(&mut self, name: &str, value: impl Into<String>);
    /// Puts one header in the place of all of that name.
    fn set(&mut self, name: &str, value: impl Into<String>);
    /// Takes all headers of that name away.
    fn remove(&mut self, name: &str);

    /// Tokens of a list header such as Require or Supported.
    fn tokens<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        self.all(name).flat_map(|value| value.split(',')).map(str::trim).filter(|t| !t.is_empty()).collect()
    }
    /// A header that is one whole number; capped at `u32::MAX` (RFC 3261 20.19 for Expires).
    fn number(&self, name: &str) -> Option<u32> {
        let digits = self.first(name)?.trim().split([' ', ';', '(']).next()?;
        if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        Some(digits.parse().unwrap_or(u32::MAX))
    }
    /// The typed view of a header that may stand once; `None` when it is not there.
    fn view<V: HeaderView>(&self) -> Result<Option<V>, Malformed> {
        let mut values = self.all(V::NAME);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => V::parse(value).map(Some),
            // RFC 3261 7.3.1: only lists may stand in several lines.
            _ => Err(Malformed(V::NAME)),
        }
    }
    /// The typed views of a list header, in one line or several.
    fn views<V: HeaderView>(&self) -> Result<Vec<V>, Malformed> {
        let mut views = Vec::new();
        for value in self.all(V::NAME) {
            for item in split_list(value, V::NAME)? {
                views.push(V::parse(item)?);
            }
        }
        Ok(views)
    }
    /// Puts a typed header in the place of all of its name.
    fn set_view<V: HeaderView>(&mut self, view: &V) {
        self.set(V::NAME, view.to_string());
    }
    /// All Via values, topmost first.
    fn vias(&self) -> Result<Vec<Via>, Malformed> {
        let mut vias = Vec::new();
        for value in self.all("Via") {
            vias.extend(Via::parse_list(value)?);
        }
        Ok(vias)
    }
    /// The topmost Via.
    fn top_via(&self) -> Result<Via, Malformed> {
        let value = self.first("Via").ok_or(Malformed("via"))?;
        let items = split_list(value, "via list")?;
        Via::parse(items.first().copied().unwrap_or_default())
    }
    /// The values of a header that lists addresses: Route, Record-Route, Contact without `*`, Path (RFC 3327),
    /// Service-Route (RFC 3608), P-Associated-URI (RFC 7315 4.1).
    fn addresses(&self, name: &str) -> Result<Vec<Address>, Malformed> {
        let mut list = Vec::new();
        for value in self.all(name) {
            list.extend(Address::parse_list(value)?);
        }
        Ok(list)
    }
    /// The From header.
    #[allow(clippy::wrong_self_convention, reason = "From is the header's name")]
    fn from_address(&self) -> Result<Address, Malformed> {
        Address::parse(self.first("From").ok_or(Malformed("from"))?)
    }
    /// The To header.
    fn to_address(&self) -> Result<Address, Malformed> {
        Address::parse(self.first("To").ok_or(Malformed("to"))?)
    }
    /// The Call-ID.
    fn call_id(&self) -> Result<&str, Malformed> {
        call_id(self.first("Call-ID").unwrap_or_default())
    }
    /// The CSeq.
    fn cseq(&self) -> Result<CSeq, Malformed> {
        CSeq::parse(self.first("CSeq").ok_or(Malformed("cseq"))?)
    }
    /// The Reason header, where there is a readable one.
    fn reason(&self) -> Option<Reason> {
        Reason::parse(self.first("Reason")?).ok()
    }
}

impl HeaderAccess for Headers {
    fn all<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        let known = Known::of(wanted);
        self.0.lines.iter().filter(move |line| self.is(line, known, wanted)).map(|line| self.value(line))
    }

    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.put(name, &value.into());
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.add(name, value);
    }

    fn remove(&mut self, gone: &str) {
        let known = Known::of(gone);
        let mut lines = std::mem::take(&mut self.0.lines);
        lines.retain(|line| !self.is(line, known, gone));
        self.0.lines = lines;
    }
}

/// A Call-ID that may stand (RFC 3261 25.1 `callid`): not empty, and without white space.
pub(super) fn call_id(value: &str) -> Result<&str, Malformed> {
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(value);
    }
    match value.trim() {
        id if !id.is_empty() && !id.contains(char::is_whitespace) => Ok(id),
        _ => Err(Malformed("call-id")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_and_odd_case_names_become_the_long_header() {
        for (given, long) in [
            ("v", "Via"),
            ("V", "Via"),
            ("MaX-fOrWaRdS", "Max-Forwards"),
            ("x", "Session-Expires"),
            ("L", "Content-Length"),
        ] {
            assert_eq!(name(&header(given, "1")), long);
        }
        assert_eq!(name(&header("X-Own", "1")), "X-Own");
        for known in Known::ALL {
            assert_eq!(Known::of(&known.as_str().to_ascii_uppercase()), Some(*known));
        }
        assert_eq!(Known::of(""), None);
    }

    #[test]
    fn lines_are_added_replaced_and_taken_away() {
        let mut headers = Headers::default();
        for (name, value) in [("x-a", "1"), ("v", "2"), ("X-A", "3"), ("", "4")] {
            headers.add(name, value);
        }
        assert_eq!(headers.all("X-a").collect::<Vec<_>>(), ["1", "3"]);
        headers.set("Via", "5");
        headers.remove("x-A");
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("", "4"), ("Via", "5")]);
        assert_eq!(headers.to_string(), ": 4\r\nVia: 5\r\n");
        let list: Vec<Header> = headers.clone().into();
        assert_eq!(Headers::from(list), headers);
        assert_ne!(headers, Headers::default());
    }

    #[test]
    fn views_stand_once_and_lists_in_many_lines() {
        use crate::wire::{RSeq, Warning};
        let mut headers = Headers::default();
        assert_eq!(headers.view::<RSeq>(), Ok(None));
        headers.set_view(&RSeq(7));
        assert_eq!(headers.view::<RSeq>(), Ok(Some(RSeq(7))));
        headers.add("rseq", "8");
        assert!(headers.view::<RSeq>().is_err());
        headers.add("Warning", "301 a \"x\"");
        headers.add("Warning", "302 b \"y\", 303 c \"z\"");
        assert_eq!(headers.views::<Warning>().unwrap().len(), 3);
        headers.add("Warning", "");
        assert!(headers.views::<Warning>().is_err());
    }

    #[test]
    fn numbers_are_capped_and_checked() {
        let mut headers = Headers::default();
        headers.add("Expires", "99999999999999");
        headers.add("Retry-After", "18 (in a meeting)");
        headers.add("Min-Expires", "-1");
        assert_eq!(headers.number("Expires"), Some(u32::MAX));
        assert_eq!(headers.number("retry-after"), Some(18));
        assert_eq!(headers.number("Min-Expires"), None);
    }
}
