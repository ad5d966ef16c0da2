//! SIP messages as a person reads them: when, which way, and the text, without what must not be shown.
//!
//! Credentials and keys are left out whole. What people write to each other is left out, too: a trace is sent to
//! others for help.

use std::{fmt::Write as _, net::SocketAddr};

use jiff::{Timestamp, tz::TimeZone};
use tern_sip::{Transport, Way};

/// Headers whose value proves who somebody is.
const PROOFS: [&str; 2] = ["authorization", "proxy-authorization"];
/// What stands for what is left out.
const LEFT_OUT: &str = "…";

/// One message with a line before it.
pub(crate) fn show(
    at: Timestamp,
    way: Way,
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
    bytes: &[u8],
) -> String {
    let arrow = match way {
        Way::In => "<-",
        Way::Out => "->",
    };
    let time = at.to_zoned(TimeZone::system()).strftime("%H:%M:%S%.3f");
    let mut shown = format!("{time} {local} {arrow} {remote} {}\n", transport.via_token());
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_ref(), ""));
    let mut proof = false;
    let mut is_sdp = false;
    for line in head.lines() {
        // RFC 3261 section 7.3.1: a line that begins with a space goes on with the header before.
        let folded = line.starts_with([' ', '\t']);
        let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !folded {
            proof = PROOFS.contains(&name.as_str());
            if name == "content-type" || name == "c" {
                is_sdp = line.to_ascii_lowercase().contains("application/sdp");
            }
        }
        match (proof, folded) {
            (false, _) => push(&mut shown, line),
            (true, false) => {
                let scheme = line.split(':').nth(1).and_then(|v| v.split_whitespace().next()).unwrap_or("");
                let whole = line.split(':').next().unwrap_or_default();
                push(&mut shown, &format!("{whole}: {scheme} {LEFT_OUT}"));
            }
            (true, true) => {}
        }
    }
    if is_sdp {
        for line in body.lines() {
            // RFC 4568: the keys of SRTP.
            let line = if line.starts_with("a=crypto:") { "a=crypto:…" } else { line };
            push(&mut shown, line);
        }
    } else if !body.is_empty() {
        let _ = write!(shown, "  ({} bytes)\n", body.len());
    }
    shown
}

/// A line without what a terminal would obey.
fn push(shown: &mut String, line: &str) {
    shown.push_str("  ");
    shown.extend(line.chars().filter(|c| !c.is_control() || *c == '\t'));
    shown.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str) -> String {
        let address = SocketAddr::from(([192, 0, 2, 1], 5060));
        show(Timestamp::UNIX_EPOCH, Way::Out, Transport::Udp, address, address, message.as_bytes())
    }

    #[test]
    fn proofs_keys_and_texts_are_left_out() {
        let register = "REGISTER sip:example.com SIP/2.0\r\nTo: <sip:alice@example.com>\r\n\
                        Authorization : Digest username=\"alice\",\r\n response=\"6629fae49393a05397450978507c4ef1\"\r\n\
                        proxy-authorization: Digest response=\"abc\"\r\nContent-Length: 0\r\n\r\n";
        let text = shown(register);
        assert!(text.contains("Digest …") && text.contains("To: <sip:alice@example.com>"), "{text}");
        assert!(!text.contains("6629fae4") && !text.contains("abc"), "{text}");
        assert!(text.contains("Content-Length: 0"));
        let text = shown("MESSAGE sip:b@c SIP/2.0\r\nContent-Type: text/plain\r\n\r\nthe secret");
        assert!(!text.contains("secret") && text.contains("(10 bytes)"), "{text}");
        let text = shown(
            "INVITE sip:b@c SIP/2.0\r\nc: application/sdp\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:k",
        );
        assert!(text.contains("v=0") && !text.contains("inline"), "{text}");
    }

    #[test]
    fn a_message_cannot_command_the_terminal() {
        assert!(!shown("SIP/2.0 200 \u{1b}[2JOK\r\n\r\n").contains('\u{1b}'));
    }
}
