//! Session descriptions passed from one side of a call to the other, so that the sound goes through the provider.
//!
//! Codecs and their parameters stay the customers' business; only addresses are changed, and what leads around the
//! relay is taken out.

use std::net::SocketAddr;

use tern_sip::wire::sdp::{Attribute, Connection, Direction, SessionDescription};

/// Attributes that name addresses or paths of the side that wrote them (RFC 8839, RFC 3605).
const PATHS: &[&str] =
    &["candidate", "end-of-candidates", "ice-ufrag", "ice-pwd", "ice-lite", "ice-options", "rtcp"];

/// Where a description wants its audio sent.
pub(crate) fn audio_address(description: &SessionDescription) -> Option<SocketAddr> {
    let media = description.media.iter().find(|m| m.kind == "audio" && m.port != 0)?;
    let ip = description.connection_of(media).filter(|ip| !ip.is_unspecified())?;
    Some(SocketAddr::new(ip, media.port))
}

/// The description with its first audio stream led to `relay`, and every other stream refused.
pub(crate) fn redirected(description: &SessionDescription, relay: SocketAddr) -> SessionDescription {
    let mut redirected = description.clone();
    let here = Connection::Ip(relay.ip());
    redirected.connection = Some(here);
    redirected.attributes.retain(|a| !PATHS.contains(&a.name.as_str()));
    let mut taken = false;
    for media in &mut redirected.media {
        let led = !taken && media.kind == "audio" && media.port != 0;
        taken |= led;
        media.port = if led { relay.port() } else { 0 };
        media.connection = None;
        media.attributes.retain(|a| !PATHS.contains(&a.name.as_str()));
    }
    redirected
}

/// The answer to a later offer within a call, from the description sent last: same streams, the direction the offer
/// leaves, the next version (RFC 3264 section 8). `None`: our own offer, with nothing changed.
pub(crate) fn renewed(sent: &SessionDescription, offer: Option<&SessionDescription>) -> SessionDescription {
    let mut renewed = sent.clone();
    let version: u64 = renewed.origin.version.parse().unwrap_or(0);
    renewed.origin.version = version.saturating_add(1).to_string();
    let direction = offer
        .and_then(|offer| {
            let audio = offer.media.iter().find(|m| m.kind == "audio" && m.port != 0)?;
            Some(offer.direction_of(audio).reversed())
        })
        .unwrap_or_default();
    for media in renewed.media.iter_mut().filter(|m| m.port != 0) {
        media.attributes.retain(|a| Direction::parse(&a.name).is_none());
        media.attributes.push(Attribute::flag(direction.as_str()));
    }
    renewed
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=ice-lite\r\n\
        m=video 5000 RTP/AVP 96\r\nm=audio 6000 RTP/AVP 0 101\r\nc=IN IP4 192.0.2.9\r\na=rtcp:7001\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=candidate:1 1 UDP 1 10.0.0.1 1 typ host\r\na=sendonly\r\n";

    #[test]
    fn the_first_audio_goes_through_the_relay() {
        let offer = SessionDescription::parse(OFFER.as_bytes()).unwrap();
        assert_eq!(audio_address(&offer), Some("192.0.2.9:6000".parse().unwrap()));
        let led = redirected(&offer, "127.0.0.1:4000".parse().unwrap());
        assert_eq!(audio_address(&led), Some("127.0.0.1:4000".parse().unwrap()));
        assert_eq!(led.media[0].port, 0);
        let text = String::from_utf8(led.to_bytes()).unwrap();
        for gone in ["candidate", "rtcp", "192.0.2.9", "ice"] {
            assert!(!text.contains(gone), "{text}");
        }
        assert!(text.contains("telephone-event") && text.contains("sendonly"));
    }

    #[test]
    fn a_hold_is_answered_with_its_mirror() {
        let offer = SessionDescription::parse(OFFER.as_bytes()).unwrap();
        let sent = redirected(&offer, "127.0.0.1:4000".parse().unwrap());
        let answer = renewed(&sent, Some(&offer));
        let audio = answer.audio().unwrap();
        assert_eq!(answer.direction_of(audio), Direction::RecvOnly);
        assert_eq!(answer.origin.version, "2");
        let ours = renewed(&answer, None);
        assert_eq!(ours.direction_of(ours.audio().unwrap()), Direction::SendRecv);
    }

    #[test]
    fn no_audio_is_no_address() {
        let text = OFFER.replace("m=audio 6000", "m=audio 0");
        assert_eq!(audio_address(&SessionDescription::parse(text.as_bytes()).unwrap()), None);
        let held = OFFER.replace("192.0.2.9", "0.0.0.0");
        assert_eq!(audio_address(&SessionDescription::parse(held.as_bytes()).unwrap()), None);
    }
}
