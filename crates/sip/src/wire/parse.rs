//! Bytes to messages: start line, header lines, body (RFC 3261 7, 18.3), and the check of what every message needs.
//!
//! Two steps, because a request whose headers can be read deserves a 400 while noise deserves silence:
//! [`parse_datagram`] frames, [`validate`] reads the mandatory headers.

use super::headers::{Known, call_id};
use super::token::is_token;
use super::{
    Address, CSeq, HeaderAccess as _, Headers, Malformed, Message, Method, Request, Response, StatusCode,
    Uri, Via,
};
use std::borrow::Cow;
use std::ops::Range;

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
    let mut lines = HeadLines::of(bytes);
    let end = match lines.end {
        Some(end) => end,
        // A request cut off inside its headers still deserves its 400: the lines that are whole say whom to tell.
        None => {
            let end = memchr::memrchr(b'\n', bytes).map_or(0, |at| at.saturating_add(1));
            lines = HeadLines::of(bytes.get(..end).unwrap_or_default());
            lines.fault.get_or_insert("no end of headers");
            end
        }
    };
    let (head, body) = bytes.split_at_checked(end).unwrap_or_default();
    let head = decode(head);
    if let Cow::Owned(text) = &head {
        // Decoded anew, the lines stand elsewhere.
        let fault = lines.fault;
        lines = HeadLines::of(text.as_bytes());
        lines.fault = fault;
    }
    let HeadLines { start, mut list, folded, fault, .. } = lines;
    let start = head.get(start).unwrap_or_default();
    list.keep(&head, &folded, |text| unfold(text).unwrap_or_else(|| text.to_owned()));
    match strip_prefix_no_case(start, "SIP/2.0 ") {
        Some(rest) => parse_response(rest, list, fault, body),
        None => parse_request(start, list, fault, body),
    }
}

/// Checks that the headers every message carries are there once and well-formed (RFC 3261 8.1.1, 8.2.2, 20).
/// Max-Forwards may be absent, as RFC 2543 senders leave it out.
pub fn validate(message: &Message) -> Result<(), Malformed> {
    let mut seen = Seen::default();
    for (known, value) in message.headers().known() {
        match known {
            Known::Via => {
                Via::check_list(value)?;
                seen.via = true;
            }
            Known::From => once(&mut seen.from, "from", Address::check(value))?,
            Known::To => once(&mut seen.to, "to", Address::check(value))?,
            Known::CallId => once(&mut seen.call_id, "call-id", call_id(value).map(drop))?,
            Known::CSeq => {
                let cseq = CSeq::parse(value)?;
                if let Message::Request(request) = message
                    && cseq.method != request.method
                {
                    return Err(Malformed("cseq method"));
                }
                once(&mut seen.cseq, "cseq", Ok(()))?;
            }
            // RFC 3261 20.22: 0 to 255.
            Known::MaxForwards => {
                let number = value.parse::<u8>().map(drop).map_err(|_| Malformed("max-forwards"));
                once(&mut seen.max_forwards, "max-forwards", number)?;
            }
            Known::ContentLength => once(&mut seen.content_length, "content-length", Ok(()))?,
            Known::ContentType => once(&mut seen.content_type, "content-type", Ok(()))?,
            Known::Contact if value == "*" => seen.star = true,
            Known::Contact => {
                Address::check_list(value)?;
                seen.contact = true;
            }
            Known::Route | Known::RecordRoute => Address::check_list(value)?,
            _ => {}
        }
    }
    let needed = [
        (seen.via, "no via"),
        (seen.from, "no from"),
        (seen.to, "no to"),
        (seen.call_id, "no call-id"),
        (seen.cseq, "no cseq"),
        // RFC 3261 10.2.2: `*` stands alone.
        (!(seen.star && seen.contact), "contact"),
    ];
    match needed.into_iter().find(|(there, _)| !there) {
        Some((_, what)) => Err(Malformed(what)),
        None => Ok(()),
    }
}

/// Which headers a message was found to have.
#[derive(Default)]
struct Seen {
    via: bool,
    from: bool,
    to: bool,
    call_id: bool,
    cseq: bool,
    max_forwards: bool,
    content_length: bool,
    content_type: bool,
    contact: bool,
    star: bool,
}

/// Notes a header that may stand only once.
fn once(seen: &mut bool, what: &'static str, read: Result<(), Malformed>) -> Result<(), Malformed> {
    match std::mem::replace(seen, true) {
        true => Err(Malformed(what)),
        false => read,
    }
}

fn parse_request(
    start: &str,
    headers: Headers,
    broken_line: Option<&'static str>,
    body: &[u8],
) -> Result<Message, ParseError> {
    let space = start.bytes().position(|b| b == b' ').unwrap_or(start.len());
    let method = start.get(..space).unwrap_or_default();
    let rest = start.get(space.saturating_add(1)..).unwrap_or_default();
    let line = rest.trim_end();
    let last = line.bytes().rposition(|b| b == b' ');
    let Some((uri, version)) = last.and_then(|at| Some((line.get(..at)?, line.get(at.saturating_add(1)..)?)))
    else {
        return Err(ParseError::Garbage("start line"));
    };
    if !version.get(..4).is_some_and(|v| v.eq_ignore_ascii_case("SIP/")) || !is_token(method) {
        return Err(ParseError::Garbage("start line"));
    }
    let bad = |code: u16, phrase: &str, headers: Headers| {
        Err(ParseError::BadRequest { code, phrase: phrase.to_owned(), method: method.to_owned(), headers })
    };
    if headers.first_known(Known::Via).is_none() {
        return Err(ParseError::Garbage("request without Via"));
    }
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return bad(505, "Version Not Supported", headers);
    }
    // RFC 3261 7.1: single spaces, nothing after the version.
    if rest.len() != line.len() || has_white_space(uri) {
        return bad(400, "Bad Request: white space in request line", headers);
    }
    let (Ok(method), Ok(uri)) = (Method::parse(method), Uri::parse(uri)) else {
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
    let head = decode(head);
    let mut list = Headers::default();
    for line in Lines::of(&head) {
        let (name, value) = name_and_value_text(&head, line.place)?;
        list.add(name, unfold(value).unwrap_or_else(|| value.to_owned()));
    }
    Some((list, rest))
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
    Lines::of(head).skip(1).filter_map(|line| name_and_value_text(head, line.place))
}

/// The lines of a message's head, by their places.
struct HeadLines {
    start: Range<usize>,
    list: Headers,
    /// Lines whose values stand on several lines and have to be written anew.
    folded: Vec<usize>,
    fault: Option<&'static str>,
    /// Behind the empty line, where there is one.
    end: Option<usize>,
}

impl HeadLines {
    fn of(bytes: &[u8]) -> HeadLines {
        let mut lines = Lines { bytes, at: 0, end: None };
        let mut head = HeadLines {
            start: lines.next().map(|line| line.place).unwrap_or_default(),
            list: Headers::of_head(USUAL_HEADERS),
            folded: Vec::new(),
            fault: None,
            end: None,
        };
        for Line { place, folded } in lines.by_ref() {
            if head.list.len() >= MAX_HEADERS {
                head.fault = Some("too many headers");
                // What follows is not looked at.
                head.end = Some(place.start);
                return head;
            }
            let noted =
                name_and_value(bytes, place).is_some_and(|(name, value)| head.list.note(bytes, name, value));
            match noted {
                true if folded => head.folded.push(head.list.len().saturating_sub(1)),
                true => {}
                false => head.fault = Some("header line without a name"),
            }
        }
        head.end = lines.end;
        head
    }
}

/// The places of logical lines up to the empty one: a line that begins with white space belongs to the one before
/// (RFC 3261 7.3.1).
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Behind the empty line, once it was found.
    end: Option<usize>,
}

struct Line {
    place: Range<usize>,
    folded: bool,
}

impl<'a> Lines<'a> {
    fn of(head: &'a str) -> Lines<'a> {
        Lines { bytes: head.as_bytes(), at: 0, end: None }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let start = self.at;
        let rest = self.bytes.get(start..)?;
        let mut folded = false;
        let mut length = match memchr::memchr(b'\n', rest) {
            Some(length) => length,
            None => rest.len(),
        };
        if matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]) {
            self.end = start.checked_add(length)?.checked_add(1);
            return None;
        }
        while let Some([b' ' | b'\t', more @ ..]) = rest.get(length.saturating_add(1)..) {
            folded = true;
            let more = memchr::memchr(b'\n', more).unwrap_or(more.len());
            length = length.saturating_add(2).saturating_add(more);
        }
        self.at = start.saturating_add(length).saturating_add(1);
        let line = rest.get(..length)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (!line.is_empty()).then(|| Line { place: start..start.saturating_add(line.len()), folded })
    }
}

/// The places of a line's name and value, without the white space around them. RFC 3261 7.3.1: it may stand before
/// the colon too.
fn name_and_value(head: &[u8], line: Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let text = head.get(line.clone())?;
    let (name, value) = text.split_at_checked(text.iter().position(|b| *b == b':')?)?;
    let name = name.trim_ascii_end();
    let kept = value.get(1..)?.trim_ascii_end();
    let skipped = value.len().checked_sub(1)?.checked_sub(kept.len())?;
    let end = line.end.checked_sub(skipped)?;
    let start = end.checked_sub(kept.trim_ascii_start().len())?;
    Some((line.start..line.start.checked_add(name.len())?, start..end))
}

/// The texts of a line's name, which is a token, and value.
fn name_and_value_text(head: &str, line: Range<usize>) -> Option<(&str, &str)> {
    let (name, value) = name_and_value(head.as_bytes(), line)?;
    Some((head.get(name).filter(|name| is_token(name))?, head.get(value)?))
}

/// A value that stands on several lines in one, each fold a space (RFC 3261 7.3.1). `None` when it stands on one.
fn unfold(text: &str) -> Option<String> {
    memchr::memchr(b'\n', text.as_bytes())?;
    let mut out = String::with_capacity(text.len());
    for line in text.split('\n') {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(line.trim_ascii());
    }
    Some(out)
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
    let Some(text) = headers.first_known(Known::ContentLength) else {
        // RFC 3261 18.3: without it, the body of a datagram reaches to its end.
        return Ok(body.to_vec());
    };
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("content-length");
    }
    let length: usize = text.parse().map_err(|_| "content-length")?;
    body.get(..length).map(<[u8]>::to_vec).ok_or("body shorter than content-length")
}

/// Nearly no text has any, which its bytes alone tell faster.
fn has_white_space(text: &str) -> bool {
    !text.bytes().all(|b| b.is_ascii_graphic()) && text.contains(char::is_whitespace)
}

fn strip_prefix_no_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}
