//! Bytes to messages: start line, header lines, body (RFC 3261 7, 18.3), and the check of what every message needs.
//!
//! Two steps, because a request whose headers can be read deserves a 400 while noise deserves silence:
//! [`parse_datagram`] frames, [`validate`] reads the mandatory headers.

use super::{
    CSeq, Contacts, HeaderAccess as _, Headers, Malformed, Message, Method, Request, Response, StatusCode,
    Uri, headers, token::is_token,
};

/// Largest message taken: what a UDP datagram can hold (RFC 3261 18.1.1).
pub const MAX_MESSAGE_BYTES: usize = 65_535;
/// Most header lines taken; everyday messages have below 40.
pub const MAX_HEADERS: usize = 256;

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

/// Reads the one message of a datagram. Octets beyond Content-Length are cut off, too few are an error
/// (RFC 3261 18.3).
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
    let (lines, body) = split_head(bytes)?;
    let mut lines = lines.into_iter();
    let start = lines.next().unwrap_or_default();
    let mut list = Headers::default();
    let mut broken_line = None;
    for line in lines {
        // RFC 3261 7.3.1: white space may stand before the colon.
        match line.split_once(':') {
            Some((name, value)) if is_token(name.trim_end()) => {
                list.push(headers::header(name.trim_end(), value.trim()));
            }
            _ => broken_line = Some("header line without a name"),
        }
    }
    if let Some(rest) = strip_prefix_no_case(&start, "SIP/2.0 ") {
        return parse_response(rest, list, broken_line, body);
    }
    parse_request(&start, list, broken_line, body)
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
    let mut list = Headers::default();
    let (lines, rest) = match bytes.is_empty() {
        true => (Vec::new(), bytes),
        false => split_head(bytes).ok()?,
    };
    for line in lines {
        let (name, value) = line.split_once(':').filter(|(name, _)| is_token(name.trim_end()))?;
        list.push(headers::header(name.trim_end(), value.trim()));
    }
    Some((list, rest))
}

/// Unfolded, decoded lines up to the empty one, and what follows it.
fn split_head(bytes: &[u8]) -> Result<(Vec<String>, &[u8]), ParseError> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = bytes;
    loop {
        let Some(end) = rest.iter().position(|b| *b == b'\n') else {
            return Err(ParseError::Garbage("no end of headers"));
        };
        let line = rest.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
        if line.is_empty() {
            return Ok((lines, rest));
        }
        let text = decode(line);
        // RFC 3261 7.3.1: a line that begins with white space continues the one before.
        match lines.last_mut() {
            Some(last) if text.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(text.trim());
            }
            _ => lines.push(text),
        }
        if lines.len() > MAX_HEADERS {
            return Err(ParseError::Garbage("too many headers"));
        }
    }
}

/// UTF-8 by the RFC; anything else is taken as Latin-1, which old gateways put into display names.
fn decode(line: &[u8]) -> String {
    match std::str::from_utf8(line) {
        Ok(text) => text.to_owned(),
        Err(_) => line.iter().map(|b| char::from(*b)).collect(),
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
