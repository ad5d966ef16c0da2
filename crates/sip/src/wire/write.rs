//! Messages to bytes.

use super::Headers;
use std::fmt::{Display, Write as _};

/// Writes start line, headers and body. Line breaks inside a value would let its author add headers of their own,
/// so they become spaces here, whoever made the value.
pub(crate) fn message(start_line: std::fmt::Arguments<'_>, list: &Headers, body: &[u8]) -> Vec<u8> {
    let mut out = String::with_capacity(list.written_length().saturating_add(body.len()).saturating_add(160));
    push_shown(&mut out, start_line);
    out.push_str("\r\n");
    for (name, value) in list.iter() {
        // Written below from the body itself (RFC 3261 20.14).
        if name == "Content-Length" {
            continue;
        }
        push(&mut out, name);
        out.push_str(": ");
        push(&mut out, value);
        out.push_str("\r\n");
    }
    out.push_str("Content-Length: ");
    push_shown(&mut out, body.len());
    out.push_str("\r\n\r\n");
    let mut out = out.into_bytes();
    out.extend_from_slice(body);
    out
}

fn push(out: &mut String, text: &str) {
    match memchr::memchr2(b'\r', b'\n', text.as_bytes()) {
        None => out.push_str(text),
        Some(_) => out.push_str(&text.replace(['\r', '\n'], " ")),
    }
}

fn push_shown(out: &mut String, shown: impl Display) {
    let start = out.len();
    // Writing to a string does not fail.
    let _ = write!(out, "{shown}");
    if let Some(line) = out.get(start..)
        && line.contains(['\r', '\n'])
    {
        let line = line.replace(['\r', '\n'], " ");
        out.truncate(start);
        out.push_str(&line);
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::{HeaderAccess as _, Message, Method, Request, Uri, parse_datagram};

    #[test]
    fn a_value_cannot_smuggle_a_header() {
        let mut request = Request::new(Method::OPTIONS, Uri::parse("sip:a@b").unwrap());
        for (name, value) in
            [("Via", "SIP/2.0/UDP h;branch=z9hG4bKx"), ("Call-ID", "c"), ("CSeq", "1 OPTIONS")]
        {
            request.headers.add(name, value);
        }
        request.headers.add("From", "<sip:a@b>;tag=1");
        request.headers.add("To", "<sip:a@b>");
        request.headers.add("Subject", "x\r\nRoute: <sip:evil>");
        request.headers.add("Content-Length", "999");
        request.body = b"abc".to_vec();
        let Ok(Message::Request(back)) = parse_datagram(&request.to_bytes()) else { panic!() };
        assert_eq!(back.headers.first("Route"), None);
        assert_eq!(back.headers.all("Content-Length").collect::<Vec<_>>(), ["3"]);
        assert_eq!(back.body, b"abc");
    }
}
