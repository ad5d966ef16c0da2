//! Where SIP and audio meet: what we offer, and what an agreed description means for a call's stream.
//!
//! Neither crate knows the other; this is the only place that turns one's formats into the other's.

use std::net::SocketAddr;

use tern_media::{
    CodecKind, PayloadFormat, StreamConfig, TelephoneEvent, supported_formats, supported_telephone_events,
};
use tern_sip::{
    offer_answer::{
        Agreed, AudioCapabilities, Format, SecurityCapabilities, SessionVersion, TransportCapabilities,
    },
    wire::sdp::{Codec, Direction},
};

use crate::api::MediaOptions;

/// Packet time asked for where the account has none of its own, ms.
const PACKET_MS: u32 = 20;
/// Packet times made, ms.
const PACKET_TIMES: [u32; 5] = [10, 20, 30, 40, 60];

/// What this side can do, received at `rtp`, as an account has it.
pub(crate) fn capabilities(
    rtp: SocketAddr,
    session: SessionVersion,
    media: &MediaOptions,
) -> AudioCapabilities {
    let all = supported_formats();
    let formats: Vec<PayloadFormat> = match media.codecs.as_slice() {
        [] => all,
        names => names
            .iter()
            .filter_map(|n| all.iter().find(|f| f.kind.name().eq_ignore_ascii_case(n)))
            .cloned()
            .collect(),
    };
    let mut codecs: Vec<Codec> = formats
        .iter()
        .map(|f| {
            Codec::new(
                f.payload_type,
                f.kind.name(),
                f.clock_rate,
                f.kind.rtpmap_channels(),
                f.fmtp.as_deref(),
            )
        })
        .collect();
    for event in supported_telephone_events() {
        // RFC 4733 section 2.1: events share the clock of the audio they go with.
        if formats.iter().any(|f| f.clock_rate == event.clock_rate) {
            codecs.push(Codec::new(
                event.payload_type,
                "telephone-event",
                event.clock_rate,
                1,
                Some(TelephoneEvent::FMTP),
            ));
        }
    }
    AudioCapabilities {
        address: rtp,
        codecs,
        ptime: Some(packet_ms(media)),
        direction: Direction::SendRecv,
        session,
        security: SecurityCapabilities::default(),
        transport: TransportCapabilities::default(),
    }
}

/// The stream an agreement asks for, as an account has it; `None` when its formats are none of ours.
pub(crate) fn stream(agreed: &Agreed, seed: u64, media: &MediaOptions) -> Option<StreamConfig> {
    let send = agreed.formats.iter().find_map(|f| payload(f, f.send, f.remote_fmtp.as_deref()))?;
    let receive: Vec<PayloadFormat> =
        agreed.formats.iter().filter_map(|f| payload(f, f.receive, None)).collect();
    let mut config = StreamConfig::new(send, seed);
    config.receive = receive;
    // What the other side asks for, where it is a packet time we make.
    config.packet_ms = agreed.ptime.filter(|ms| [10, 20, 40, 60].contains(ms)).unwrap_or(packet_ms(media));
    if let Some(event) = &agreed.telephone_event {
        config.send_events = Some(TelephoneEvent { payload_type: event.send, clock_rate: event.clock_rate });
        config.receive_events =
            vec![TelephoneEvent { payload_type: event.receive, clock_rate: event.clock_rate }];
    }
    Some(config)
}

fn packet_ms(media: &MediaOptions) -> u32 {
    media.packet_ms.filter(|ms| PACKET_TIMES.contains(ms)).unwrap_or(PACKET_MS)
}

fn payload(format: &Format, payload_type: u8, fmtp: Option<&str>) -> Option<PayloadFormat> {
    let kind = CodecKind::from_name(&format.name)?;
    let mut payload = PayloadFormat::new(kind, payload_type);
    if format.clock_rate != payload.clock_rate {
        return None;
    }
    payload.fmtp = fmtp.map(str::to_owned);
    Some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tern_sip::offer_answer;

    const SESSION: SessionVersion = SessionVersion { id: 1, version: 1 };

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn two_of_us_agree_on_opus_with_events_of_its_clock() {
        let ours = capabilities(address(4000), SESSION, &MediaOptions::default());
        let offer = offer_answer::offer(&ours);
        let (_, agreed) =
            offer_answer::answer(&offer, &capabilities(address(5000), SESSION, &MediaOptions::default()))
                .unwrap();
        let config = stream(&agreed, 1, &MediaOptions::default()).unwrap();
        assert_eq!(config.send.kind, CodecKind::Opus);
        assert_eq!(config.receive.len(), 4);
        assert_eq!(config.send_events.unwrap().clock_rate, 48_000);
        assert_eq!(agreed.remote, Some(address(4000)));
    }

    #[test]
    fn a_limit_leaves_its_codecs_in_its_order() {
        let codecs = vec!["pcma".to_owned(), "PCMU".to_owned(), "G7xx".to_owned()];
        let media = MediaOptions { codecs, ..MediaOptions::default() };
        let names: Vec<_> =
            capabilities(address(1), SESSION, &media).codecs.into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["PCMA", "PCMU", "telephone-event"]);
    }
}
