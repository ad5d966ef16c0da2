//! What answers when no customer does.

pub(crate) mod announcement;
pub(crate) mod clips;
pub(crate) mod echo;
pub(crate) mod studio;

use std::net::SocketAddr;

use tern_media::supported_formats;
use tern_sip::{
    offer_answer::{
        self, Agreed, AudioCapabilities, Disagreement, SecurityCapabilities, SessionVersion,
        TransportCapabilities,
    },
    wire::sdp::{Codec, Direction, SessionDescription},
};

/// What a service offers: everything the program knows.
pub(crate) fn offer(address: SocketAddr) -> SessionDescription {
    let mut codecs = known_codecs();
    codecs.extend(events());
    offer_answer::offer(&capabilities(address, codecs, 1))
}

/// A service's answer: of the offered codecs the first it knows, so that there is no doubt about what is sent, and
/// the keys.
pub(crate) fn answer(
    offer: &SessionDescription,
    address: SocketAddr,
    version: u64,
) -> Result<(SessionDescription, Agreed), Disagreement> {
    let known = known_codecs();
    let offered = offer.media.iter().filter(|m| m.kind == "audio" && m.port != 0).flat_map(|m| m.codecs());
    let first = offered.into_iter().find(|codec| known.iter().any(|k| k.same_encoding(codec)));
    let mut codecs: Vec<Codec> =
        first.iter().filter_map(|f| known.iter().find(|k| k.same_encoding(f)).cloned()).collect();
    codecs
        .extend(events().into_iter().filter(|e| first.as_ref().is_none_or(|f| f.clock_rate == e.clock_rate)));
    offer_answer::answer(offer, &capabilities(address, codecs, version))
}

fn capabilities(address: SocketAddr, codecs: Vec<Codec>, version: u64) -> AudioCapabilities {
    AudioCapabilities {
        address,
        codecs,
        ptime: Some(20),
        direction: Direction::SendRecv,
        // The port is the session's alone for as long as it lasts.
        session: SessionVersion { id: u64::from(address.port()), version },
        security: SecurityCapabilities::default(),
        transport: TransportCapabilities::default(),
        own_order: false,
        extended_reports: false,
    }
}

fn known_codecs() -> Vec<Codec> {
    supported_formats()
        .into_iter()
        .map(|format| {
            let kind = format.kind;
            Codec::new(
                format.payload_type,
                kind.name(),
                format.clock_rate,
                kind.rtpmap_channels(),
                format.fmtp.as_deref(),
            )
        })
        .collect()
}

fn events() -> Vec<Codec> {
    tern_media::supported_telephone_events()
        .into_iter()
        .map(|e| Codec::new(e.payload_type, "telephone-event", e.clock_rate, 1, Some("0-16")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(lines: &str) -> Result<Vec<(String, u8)>, Disagreement> {
        let text =
            format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{lines}");
        let offer = SessionDescription::parse(text.as_bytes()).unwrap();
        let (_, agreed) = answer(&offer, ([127, 0, 0, 1], 4000).into(), 1)?;
        let formats = agreed.formats.iter().chain(&agreed.telephone_event);
        Ok(formats.map(|f| (f.name.to_lowercase(), f.send)).collect())
    }

    #[test]
    fn the_first_known_codec_is_taken() {
        let all = "m=audio 6000 RTP/AVP 18 96 0 8 101 102\r\na=rtpmap:96 opus/48000/2\r\n\
                   a=rtpmap:101 telephone-event/8000\r\na=rtpmap:102 telephone-event/48000\r\n";
        for (lines, expected) in [
            (all, vec![("opus", 96), ("telephone-event", 102)]),
            (
                "m=audio 6000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
                vec![("pcma", 8), ("telephone-event", 101)],
            ),
            ("m=audio 6000 RTP/AVP 0\r\n", vec![("pcmu", 0)]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(name, pt)| (name.to_owned(), pt)).collect();
            assert_eq!(answered(lines).unwrap(), expected);
        }
        assert_eq!(answered("m=audio 6000 RTP/AVP 18\r\n"), Err(Disagreement::NoCommonCodec));
    }
}
