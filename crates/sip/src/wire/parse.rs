//! Bytes to messages: start line, header lines, body (RFC 3261 7, 18.3), and the check of what every message needs.
//!
//! Two steps, because a request whose headers can be read deserves a 400 while noise deserves silence:
//! [`parse_datagram`] frames, [`validate`] reads the mandatory headers.

use super::{
    CSeq, Contacts, Header, HeaderAccess as _, Headers, Malformed, Message, Method, Request, Response,
    StatusCode, Uri, headers, token::is_token,
};
use std::borrow::Cow;

/// Largest message taken: what a UDP datagram can hold (RFC 3261 18.1.1).
pub const MAX_MESSAGE_BYTES: usize = 65_535;
/// Most header lines taken; everyday messages have below 40.
pub const MAX_HEADERS: usize = 256;
/// Room made for the headers of one message.
const USUAL_HEADERS: usize = 20;

/// Why bytes are no usable message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Only line ends: a keep-alive (RFC 5626 4.4.1).
    #[error("keep-alive")]
    KeepAlive,
    /// Not SIP, or a broken response: to be dropped.
    #[error("not a SIP message: {0}")]
    Garbage(&'static str),
    /// A broken request whose headers can be read: to be answered with `code`, unless it is an ACK.
    #[error("bad request: {phrase}")]
    BadRequest {
        /// 400, 505 ...
        code: u16,
        /// The reason phrase that says what is wrong.
        phrase: String,
        /// The method token of the request line, as far as it can be told.
        method: String,
        /// The headers, for Via, From, To, Call-ID, CSeq of the response.
        headers: Headers,
    },
}

/// Reads one message: the datagram it came in, or what [`super::Framer`] cut out of a stream. Octets beyond
/// Content-Length are cut off, too few are an error (RFC 3261 18.3).
pub fn parse_datagram(bytes: &[u8]) -> Result<Message, ParseError> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(ParseError::Garbage("too long"));
    }
    // RFC 3261 7.5: empty lines before the start line are skipped.
    let lead = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let bytes = bytes.get(lead..).unwrap_or_default();
    if bytes.is_empty() {
        return Err(ParseError::KeepAlive);
    }
    // A request cut off inside its headers still deserves its 400: the lines that are whole say whom to tell.
    let (end, mut fault) = match head_end(bytes, 0) {
        Some(end) => (end, None),
        None => {
            (memchr::memrchr(b'\n', bytes).map_or(0, |at| at.saturating_add(1)), Some("no end of headers"))
        }
    };
    let (head, body) = bytes.split_at_checked(end).unwrap_or_default();
    let head = decode(head);
    let mut lines = Lines { rest: &head };
    let start = lines.next().unwrap_or_default();
    let mut list: Vec<Header> = Vec::with_capacity(USUAL_HEADERS);
    for line in lines {
        match name_and_value(line) {
            _ if list.len() >= MAX_HEADERS => {
                fault = Some("too many headers");
                break;
            }
            Some((name, value)) => list.push(headers::header(name, unfold(value))),
            None => fault = Some("header line without a name"),
        }
    }
    let list = Headers::from(list);
    match strip_prefix_no_case(start, "SIP/2.0 ") {
        Some(rest) => parse_response(rest, list, fault, body),
        None => parse_request(start, list, fault, body),
    }
}

/// Checks that the headers every message carries are there once and well-formed (RFC 3261 8.1.1, 8.2.2, 20).
/// Max-Forwards may be absent, as RFC 2543 senders leave it out.
pub fn validate(message: &Message) -> Result<(), Malformed> {
    let list = message.headers();
    for name in ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type"] {
        if list.all(name).nth(1).is_some() {
            return Err(Malformed("header that may stand only once"));
        }
    }
    list.vias()?;
    list.top_via()?;
    list.from_address()?;
    list.to_address()?;
    list.call_id()?;
    let cseq: CSeq = list.cseq()?;
    if let Message::Request(request) = message
        && cseq.method != request.method
    {
        return Err(Malformed("cseq method"));
    }
    // RFC 3261 20.22: 0 to 255.
    if let Some(text) = list.first("Max-Forwards")
        && text.trim().parse::<u8>().is_err()
    {
        return Err(Malformed("max-forwards"));
    }
    Contacts::parse(list.all("Contact"))?;
    list.addresses("Route")?;
    list.addresses("Record-Route")?;
    Ok(())
}

fn parse_request(
    start: &str,
    headers: Headers,
    broken_line: Option<&'static str>,
    body: &[u8],
) -> Result<Message, ParseError> {
    let mut parts = start.splitn(2, ' ');
    let method = parts.next().unwrap_or_default().to_owned();
    let rest = parts.next().unwrap_or_default();
    let Some((uri, version)) = rest.trim_end().rsplit_once(' ') else {
        return Err(ParseError::Garbage("start line"));
    };
    if !version.get(..4).is_some_and(|v| v.eq_ignore_ascii_case("SIP/")) || !is_token(&method) {
        return Err(ParseError::Garbage("start line"));
    }
    let bad = |code: u16, phrase: &str, headers: Headers| {
        Err(ParseError::BadRequest { code, phrase: phrase.to_owned(), method: method.clone(), headers })
    };
    if headers.first("Via").is_none() {
        return Err(ParseError::Garbage("request without Via"));
    }
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return bad(505, "Version Not Supported", headers);
    }
    // RFC 3261 7.1: single spaces, nothing after the version.
    if rest.len() != rest.trim_end().len() || uri.contains(char::is_whitespace) {
        return bad(400, "Bad Request: white space in request line", headers);
    }
    let (Ok(method), Ok(uri)) = (Method::parse(&method), Uri::parse(uri)) else {
        return bad(400, "Bad Request: request URI", headers);
    };
    // RFC 3261 19.1.1: no header component in a Request-URI.
    if uri.as_sip().is_some_and(|u| u.headers.is_some()) {
        return bad(400, "Bad Request: headers in request URI", headers);
    }
    if let Some(what) = broken_line {
        return bad(400, &format!("Bad Request: {what}"), headers);
    }
    match cut_body(&headers, body) {
        Ok(body) => {
            let message = Message::Request(Request { method, uri, headers, body });
            match validate(&message) {
                Ok(()) => Ok(message),
                Err(Malformed(what)) => bad(400, &format!("Bad Request: {what}"), message.headers().clone()),
            }
        }
        Err(what) => bad(400, &format!("Bad Request: {what}"), headers),
    }
}

fn parse_response(
    rest: &str,
    headers: Headers,
    broken_line: Option<&'static str>,
    body: &[u8],
) -> Result<Message, ParseError> {
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    // RFC 3261 7.2: three digits.
    let code: u16 = match code.len() {
        3 => code.parse().map_err(|_| ParseError::Garbage("status code"))?,
        _ => return Err(ParseError::Garbage("status code")),
    };
    if !(100..700).contains(&code) {
        return Err(ParseError::Garbage("status code"));
    }
    if let Some(what) = broken_line {
        return Err(ParseError::Garbage(what));
    }
    let body = cut_body(&headers, body).map_err(ParseError::Garbage)?;
    let message = Message::Response(Response {
        status: StatusCode::from(code),
        reason: reason.trim().to_owned(),
        headers,
        body,
    });
    match validate(&message) {
        Ok(()) => Ok(message),
        Err(Malformed(what)) => Err(ParseError::Garbage(what)),
    }
}

/// Headers and bytes of one part of a multipart body; it may begin with the empty line.
pub(super) fn part_head(bytes: &[u8]) -> Option<(Headers, &[u8])> {
    if let Some(rest) = bytes.strip_prefix(b"\r\n").or_else(|| bytes.strip_prefix(b"\n")) {
        return Some((Headers::default(), rest));
    }
    let (head, rest) = match bytes.is_empty() {
        true => (bytes, bytes),
        false => bytes.split_at_checked(head_end(bytes, 0)?)?,
    };
    let mut list = Vec::new();
    for line in (Lines { rest: &decode(head) }) {
        let (name, value) = name_and_value(line)?;
        list.push(headers::header(name, unfold(value)));
    }
    Some((list.into(), rest))
}

/// Where the empty line after the headers ends, searched for from `from` on.
pub(super) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes.get(from..)?).find_map(|at| {
        let next = from.checked_add(at)?.checked_add(1)?;
        match bytes.get(next..)? {
            [b'\n', ..] => next.checked_add(1),
            [b'\r', b'\n', ..] => next.checked_add(2),
            _ => None,
        }
    })
}

/// Whether the first line speaks of SIP, or is not yet whole and may become such a line of at most `limit` bytes.
pub(super) fn starts_like_sip(bytes: &[u8], limit: usize) -> bool {
    let Some(end) = memchr::memchr(b'\n', bytes) else { return bytes.len() < limit };
    let line = bytes.get(..end).unwrap_or_default().trim_ascii();
    let last = line.rsplit(|b| *b == b' ').next().unwrap_or_default();
    end < limit && [line, last].iter().any(|l| l.get(..4).is_some_and(|l| l.eq_ignore_ascii_case(b"SIP/")))
}

/// Names and values of the header lines of a head, values with their folds.
pub(super) fn header_lines(head: &str) -> impl Iterator<Item = (&str, &str)> {
    Lines { rest: head }.skip(1).filter_map(name_and_value)
}

/// Logical lines up to the empty one: a line that begins with white space belongs to the one before
/// (RFC 3261 7.3.1).
struct Lines<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.rest.as_bytes();
        let mut ends = memchr::memchr_iter(b'\n', bytes);
        let end = ends
            .find(|at| !matches!(bytes.get(at.saturating_add(1)), Some(b' ' | b'\t')))
            .unwrap_or(bytes.len());
        let line = self.rest.get(..end)?;
        self.rest = self.rest.get(end.saturating_add(1)..).unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        (!line.is_empty()).then_some(line)
    }
}

/// RFC 3261 7.3.1: white space may stand before the colon.
fn name_and_value(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_at_checked(memchr::memchr(b':', line.as_bytes())?)?;
    let name = name.trim_ascii_end();
    is_token(name).then(|| (name, value.strip_prefix(':').unwrap_or(value)))
}

/// The text of a line without the white space around it, each fold a space (RFC 3261 7.3.1).
fn unfold(text: &str) -> String {
    let text = text.trim_ascii();
    if memchr::memchr(b'\n', text.as_bytes()).is_none() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split('\n') {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(line.trim_ascii());
    }
    out
}

/// UTF-8 by the RFC; a line that is none is taken as Latin-1, which old gateways put into display names.
pub(super) fn decode(head: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(head) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let line = |line: &[u8]| match std::str::from_utf8(line) {
                Ok(text) => text.to_owned(),
                Err(_) => line.iter().map(|b| char::from(*b)).collect(),
            };
            Cow::Owned(head.split_inclusive(|b| *b == b'\n').map(line).collect())
        }
    }
}

fn cut_body(headers: &Headers, body: &[u8]) -> Result<Vec<u8>, &'static str> {
    let Some(text) = headers.first("Content-Length") else {
        // RFC 3261 18.3: without it, the body of a datagram reaches to its end.
        return Ok(body.to_vec());
    };
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_digit()) {
        return Err("content-length");
    }
    let length: usize = text.parse().map_err(|_| "content-length")?;
    body.get(..length).map(<[u8]>::to_vec).ok_or("body shorter than content-length")
}

fn strip_prefix_no_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}
