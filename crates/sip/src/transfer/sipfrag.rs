//! `message/sipfrag` bodies (RFC 3420) as NOTIFY carries them: a status line (RFC 3515 2.4.5).

use crate::wire::{HeaderAccess as _, Request};

/// The media type, with the version RFC 3515 2.4.5 shows.
pub(super) const CONTENT_TYPE: &str = "message/sipfrag;version=2.0";

/// Longer phrases are cut.
const MAX_PHRASE: usize = 128;

/// A status line as a body.
pub(super) fn body(code: u16, phrase: &str) -> Vec<u8> {
    let phrase: String = phrase.chars().filter(|c| !c.is_control()).take(MAX_PHRASE).collect();
    format!("SIP/2.0 {code} {phrase}\r\n").into_bytes()
}

/// The status in a NOTIFY's body: code and phrase.
pub(super) fn status(notify: &Request) -> Option<(u16, String)> {
    let media_type = notify.headers.first("Content-Type")?.split(';').next()?.trim();
    if !media_type.eq_ignore_ascii_case("message/sipfrag") {
        return None;
    }
    let line = notify.body.split(|b| matches!(b, b'\r' | b'\n')).next()?;
    let line = String::from_utf8_lossy(line);
    let (version, rest) = line.split_once(' ')?;
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return None;
    }
    let (code, phrase) = rest.split_once(' ').unwrap_or((rest, ""));
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let code = code.parse().ok().filter(|code| (100..700).contains(code))?;
    Some((code, phrase.chars().filter(|c| !c.is_control()).take(MAX_PHRASE).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Method, Uri};

    fn read(content_type: &str, body: &[u8]) -> Option<(u16, String)> {
        let mut notify = Request::new(Method::NOTIFY, Uri::parse("sip:a@b").unwrap());
        notify.set_body(content_type, body.to_vec());
        status(&notify)
    }

    #[test]
    fn a_status_line_is_read_whatever_follows_it() {
        let check = |body: &[u8], expected: Option<(u16, &str)>| {
            let expected = expected.map(|(code, phrase)| (code, phrase.to_owned()));
            assert_eq!(
                read("message/sipfrag;version=2.0", body),
                expected,
                "{}",
                String::from_utf8_lossy(body)
            );
        };
        check(&body(180, "Ringing"), Some((180, "Ringing")));
        check(b"SIP/2.0 603 Declined\r\nTo: <sip:a@b>;tag=1\r\n", Some((603, "Declined")));
        check(b"SIP/2.0 200", Some((200, "")));
        check(b"sip/2.0 200 \xc3\xa9\xff", Some((200, "é\u{fffd}")));
        for bad in
            ["", "INVITE sip:a@b SIP/2.0", "SIP/2.0 99 x", "SIP/2.0 +20 x", "SIP/2.0 700 x", "SIP/3.0 200 x"]
        {
            check(bad.as_bytes(), None);
        }
        assert_eq!(read("text/plain", b"SIP/2.0 200 OK"), None);
        assert_eq!(read("message/sipfrag", &[b'x'; 70_000]), None);
    }
}
