//! Messages to bytes.

use super::{Headers, headers};

/// Writes start line, headers and body. Line breaks inside a value would let its author add headers of their own,
/// so they become spaces here, whoever made the value.
pub(crate) fn message(start_line: &str, list: &Headers, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len().saturating_add(512));
    push_line(&mut out, start_line);
    for header in list.iter() {
        let name = headers::name(header);
        // Written below from the body itself (RFC 3261 20.14).
        if name.eq_ignore_ascii_case("Content-Length") {
            continue;
        }
        push_line(&mut out, &format!("{name}: {}", headers::value(header)));
    }
    push_line(&mut out, &format!("Content-Length: {}", body.len()));
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

fn push_line(out: &mut Vec<u8>, line: &str) {
    out.extend(line.bytes().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }));
    out.extend_from_slice(b"\r\n");
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
