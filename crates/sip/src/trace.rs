//! Traced messages made fit to be shown: one line of a ladder, or the whole text, without what would let a reader log in
//! or listen.
//!
//! Works on the bytes as they were, not on parsed messages: what is broken is worth showing most. Left out are the
//! values of credentials and challenges but for a few harmless ones, passwords in URIs, keys in session descriptions,
//! and every body that is not one. Control characters are made visible, so that a peer cannot write to the terminal.

use crate::event::Way;
use crate::transport::Transport;
use std::borrow::Cow;
use std::net::SocketAddr;

/// What stands in place of a secret.
const HIDDEN: &str = "***";
/// Headers whose parameters are secrets, or what secrets are computed from.
const SECRET_HEADERS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
    "proxy-authentication-info",
];
/// The parameters of these that may be seen.
const HARMLESS: [&str; 6] = ["realm", "algorithm", "qop", "stale", "nc", "username"];
/// Bodies of such lines.
const DESCRIPTIONS: [&str; 2] = ["application/sdp", "application/trickle-ice-sdpfrag"];
/// Session description lines that carry keys (RFC 4568, RFC 8866 5.12, RFC 8839 5.4).
const SECRET_LINES: [&str; 4] = ["k=", "a=crypto:", "a=ice-pwd:", "a=key-mgmt:"];

/// One line for a message: direction, transport, the other side, the start line, and for responses what they answer.
pub fn ladder_line(way: Way, transport: Transport, remote: SocketAddr, bytes: &[u8]) -> String {
    let arrow = match way {
        Way::In => "<-",
        Way::Out => "->",
    };
    let text = String::from_utf8_lossy(bytes);
    let (head, _) = split(&text);
    let mut lines = unfolded(head).into_iter();
    let start = without_passwords(&lines.next().unwrap_or_default());
    let start = visible(&start);
    let cseq = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("CSeq").then(|| visible(value.trim()).into_owned())
    });
    match cseq.filter(|_| start.starts_with("SIP/")) {
        Some(cseq) => format!("{arrow} {remote} {transport} {start} ({cseq})"),
        None => format!("{arrow} {remote} {transport} {start}"),
    }
}

/// The whole message, its lines ended by `\n`.
pub fn message(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = split(&text);
    let mut shown = String::new();
    let mut is_description = false;
    for line in unfolded(head) {
        let (name, value) = line.split_once(':').unwrap_or(("", &line));
        let name = name.trim().to_ascii_lowercase();
        if matches!(name.as_str(), "content-type" | "c") {
            let kind = value.trim().to_ascii_lowercase();
            is_description = DESCRIPTIONS.iter().any(|known| kind.starts_with(known));
        }
        let line = match SECRET_HEADERS.contains(&name.as_str()) {
            true => without_secrets(&line),
            false => without_passwords(&line),
        };
        shown.push_str(&visible(&line));
        shown.push('\n');
    }
    shown.push('\n');
    match (body.is_empty(), is_description) {
        (true, _) => {}
        (false, true) => {
            for line in body.lines() {
                let secret = SECRET_LINES.iter().find(|start| line.to_ascii_lowercase().starts_with(**start));
                match secret {
                    Some(start) => shown.push_str(&format!("{start}{HIDDEN}")),
                    None => shown.push_str(&visible(line)),
                }
                shown.push('\n');
            }
        }
        (false, false) => shown.push_str(&format!("[{} octets]\n", body.len())),
    }
    shown
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches(['\r', '\n']);
    let ends = text.find("\r\n\r\n").map(|at| (at, 4)).or_else(|| text.find("\n\n").map(|at| (at, 2)));
    match ends.and_then(|(at, length)| Some((text.get(..at)?, text.get(at.checked_add(length)?..)?))) {
        Some(parts) => parts,
        None => (text, ""),
    }
}

/// RFC 3261 7.3.1: a line that begins with white space belongs to the one before; a secret may stand in it.
fn unfolded(head: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in head.split('\n') {
        let line = line.trim_end_matches('\r');
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(line.trim_start());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Shows of a credential or challenge its scheme and what is harmless.
fn without_secrets(line: &str) -> String {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let value = value.trim();
    let (scheme, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    // Authentication-Info has no scheme.
    let (scheme, rest) = if scheme.contains(['=', ',']) { ("", value) } else { (scheme, rest) };
    let mut shown = vec![];
    for param in split_params(rest) {
        let (key, value) = param.split_once('=').unwrap_or(("", ""));
        let key = key.trim();
        let harmless = HARMLESS.iter().any(|h| h.eq_ignore_ascii_case(key));
        match (harmless, key.is_empty()) {
            (true, _) => shown.push(format!("{key}={}", value.trim())),
            (false, false) => shown.push(format!("{key}={HIDDEN}")),
            // A scheme of another form, such as Basic: nothing in it is known to be harmless.
            (false, true) => shown.push(HIDDEN.to_owned()),
        }
    }
    let space = if scheme.is_empty() || shown.is_empty() { "" } else { " " };
    format!("{name}: {scheme}{space}{}", shown.join(", "))
}

/// At commas outside quotes.
fn split_params(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        let plain = !escaped;
        escaped = quoted && plain && c == '\\';
        quoted ^= c == '"' && plain;
        c == ',' && !quoted
    })
    .filter(|param| !param.trim().is_empty())
    .collect()
}

/// Passwords stand between the first colon of a SIP URI's user part and its `@` (RFC 3261 19.1.1).
fn without_passwords(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    loop {
        let lower = rest.to_ascii_lowercase();
        let schemes =
            ["sip:", "sips:"].into_iter().filter_map(|s| Some(lower.find(s)?.saturating_add(s.len())));
        let Some((before, uri)) = schemes.min().and_then(|at| rest.split_at_checked(at)) else { break };
        shown.push_str(before);
        let end =
            uri.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '@')).unwrap_or(uri.len());
        let (user, after) = uri.split_at_checked(end).unwrap_or((uri, ""));
        match user.split_once(':') {
            Some((user, _)) if after.starts_with('@') => {
                shown.push_str(user);
                shown.push(':');
                shown.push_str(HIDDEN);
            }
            _ => shown.push_str(user),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

fn visible(line: &str) -> Cow<'_, str> {
    if line.chars().any(|c| c.is_control() && c != '\t') {
        let show =
            |c: char| if c.is_control() && c != '\t' { c.escape_default().to_string() } else { c.into() };
        Cow::Owned(line.chars().map(show).collect())
    } else {
        Cow::Borrowed(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, expect: &str) {
        let shown = message(format!("OPTIONS sip:h SIP/2.0\r\n{head}\r\n\r\n").as_bytes());
        assert_eq!(shown, format!("OPTIONS sip:h SIP/2.0\n{expect}\n\n"));
    }

    #[test]
    fn credentials_and_challenges_keep_their_secrets() {
        check(
            "Authorization: Digest username=\"al,ice\", realm=\"a \\\"b, c\", nonce=\"n1\",response=\"r1\", nc=00000001, cnonce=\"c\"",
            "Authorization: Digest username=\"al,ice\", realm=\"a \\\"b, c\", nonce=***, response=***, nc=00000001, cnonce=***",
        );
        check(
            "proxy-authorization : Digest\r\n\tresponse=\"r1\",\r\n nonce=\"n1\"",
            "proxy-authorization : Digest response=***, nonce=***",
        );
        check(
            "WWW-Authenticate: Digest realm=\"sip.test\", nonce=\"n1\", opaque=\"o\", qop=\"auth\"",
            "WWW-Authenticate: Digest realm=\"sip.test\", nonce=***, opaque=***, qop=\"auth\"",
        );
        check(
            "Authentication-Info: nextnonce=\"n2\", rspauth=\"x\"",
            "Authentication-Info: nextnonce=***, rspauth=***",
        );
        check("Authorization: Basic YWxpY2U6c2VjcmV0", "Authorization: Basic ***");
    }

    #[test]
    fn passwords_in_uris_are_hidden_wherever_they_stand() {
        check(
            "Contact: <sip:alice:pw@h:5060>, SIPS:bob:x@[2001:db8::1]",
            "Contact: <sip:alice:***@h:5060>, SIPS:bob:***@[2001:db8::1]",
        );
        check("To: \"sip:a:b\" <sip:bob@h:5060>", "To: \"sip:a:b\" <sip:bob@h:5060>");
        assert_eq!(
            ladder_line(
                Way::Out,
                Transport::Tls,
                "192.0.2.1:5061".parse().unwrap(),
                b"INVITE sips:bob:pw@h SIP/2.0\r\n\r\n"
            ),
            "-> 192.0.2.1:5061 TLS INVITE sips:bob:***@h SIP/2.0"
        );
    }

    #[test]
    fn descriptions_are_shown_without_keys_and_other_bodies_not_at_all() {
        let told = b"INFO sip:b SIP/2.0\r\nContent-Type: application/trickle-ice-sdpfrag\r\n\r\na=ice-ufrag:8hhY\r\na=ice-pwd:x\r\n";
        let shown = message(told);
        assert!(shown.contains("a=ice-ufrag:8hhY") && shown.contains("a=ice-pwd:***"), "{shown}");
        let sdp = b"SIP/2.0 200 OK\r\nc: application/sdp\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\nk=clear:x\r\nm=audio 4 RTP/AVP 0\r\n";
        let shown = message(sdp);
        assert!(shown.ends_with("\n\nv=0\na=crypto:***\nk=***\nm=audio 4 RTP/AVP 0\n"), "{shown}");
        let text = b"MESSAGE sip:h SIP/2.0\r\nContent-Type: text/plain\r\n\r\nmeet me at six";
        assert!(message(text).ends_with("\n\n[14 octets]\n"));
    }

    #[test]
    fn a_line_says_what_a_response_answers_and_cannot_write_to_the_terminal() {
        let bytes = b"SIP/2.0 180 Ringing\x1b[2J\r\nTo: x\r\nCSeq: 2 INVITE\r\n\r\n";
        assert_eq!(
            ladder_line(Way::In, Transport::Udp, "192.0.2.1:5060".parse().unwrap(), bytes),
            "<- 192.0.2.1:5060 UDP SIP/2.0 180 Ringing\\u{1b}[2J (2 INVITE)"
        );
        for noise in [&b""[..], b"\r\n\r\n", b"\xff\xfe", b"Authorization", b"sip:", b"\r\n sip:a:b@"] {
            message(noise);
            ladder_line(Way::In, Transport::Udp, "192.0.2.1:5060".parse().unwrap(), noise);
        }
    }
}
