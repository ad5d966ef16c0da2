//! Header names: long and compact forms, and access to `rsip`'s untyped headers by name.
//!
//! Values stay text here; the families parse them.

use super::token::split_list;
use super::{Address, CSeq, Header, HeaderView, Headers, Malformed, Reason, Via};
use rsip::headers::untyped::UntypedHeader as _;

macro_rules! known_headers {
    ($($variant:ident = $name:literal $(/ $compact:literal)?;)*) => {
        /// Makes the header of a name, long or compact, in any case (RFC 3261 7.3.1, 7.3.3).
        pub fn header(name: &str, value: impl Into<String>) -> Header {
            let value = value.into();
            $(
                if name.eq_ignore_ascii_case($name) $(|| name.eq_ignore_ascii_case($compact))? {
                    return Header::$variant(rsip::headers::$variant::new(value));
                }
            )*
            let long = EXTENSION_COMPACT_FORMS.iter().find(|(c, _)| name.eq_ignore_ascii_case(c)).map(|(_, long)| *long);
            Header::Other(long.unwrap_or(name).to_owned(), value)
        }

        /// The long name of a header.
        pub fn name(header: &Header) -> &str {
            match header {
                $(Header::$variant(_) => $name,)*
                Header::Other(name, _) => name,
            }
        }

        /// The value of a header as text.
        pub fn value(header: &Header) -> &str {
            match header {
                $(Header::$variant(inner) => inner.value(),)*
                Header::Other(_, value) => value,
            }
        }
    };
}

known_headers! {
    Accept = "Accept";
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    AlertInfo = "Alert-Info";
    Allow = "Allow";
    AuthenticationInfo = "Authentication-Info";
    Authorization = "Authorization";
    CSeq = "CSeq";
    CallId = "Call-ID" / "i";
    CallInfo = "Call-Info";
    Contact = "Contact" / "m";
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding" / "e";
    ContentLanguage = "Content-Language";
    ContentLength = "Content-Length" / "l";
    ContentType = "Content-Type" / "c";
    Date = "Date";
    ErrorInfo = "Error-Info";
    Event = "Event" / "o";
    Expires = "Expires";
    From = "From" / "f";
    InReplyTo = "In-Reply-To";
    MaxForwards = "Max-Forwards";
    MimeVersion = "MIME-Version";
    MinExpires = "Min-Expires";
    Organization = "Organization";
    Priority = "Priority";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyRequire = "Proxy-Require";
    RecordRoute = "Record-Route";
    ReplyTo = "Reply-To";
    Require = "Require";
    RetryAfter = "Retry-After";
    Route = "Route";
    Server = "Server";
    Subject = "Subject" / "s";
    SubscriptionState = "Subscription-State";
    Supported = "Supported" / "k";
    Timestamp = "Timestamp";
    To = "To" / "t";
    Unsupported = "Unsupported";
    UserAgent = "User-Agent";
    Via = "Via" / "v";
    Warning = "Warning";
    WwwAuthenticate = "WWW-Authenticate";
}

/// Compact forms registered by extensions whose headers `rsip` does not name.
const EXTENSION_COMPACT_FORMS: [(&str, &str); 8] = [
    ("a", "Accept-Contact"),
    ("b", "Referred-By"),
    ("d", "Request-Disposition"),
    ("j", "Reject-Contact"),
    ("n", "Identity-Info"),
    ("r", "Refer-To"),
    ("u", "Allow-Events"),
    ("x", "Session-Expires"),
];

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
        match self.first("Call-ID").map(str::trim) {
            Some(id) if !id.is_empty() && !id.contains(char::is_whitespace) => Ok(id),
            _ => Err(Malformed("call-id")),
        }
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
        self.iter().filter(move |h| name(h).eq_ignore_ascii_case(wanted)).map(value)
    }

    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.push(header(name, value));
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.add(name, value);
    }

    fn remove(&mut self, gone: &str) {
        self.retain(|h| !name(h).eq_ignore_ascii_case(gone));
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
