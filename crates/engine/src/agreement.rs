//! Where SIP and audio meet: what we offer, and what an agreed description means for a call's stream.
//!
//! Neither crate knows the other; this is the only place that turns one's formats into the other's.

use std::net::SocketAddr;

use tern_media::{
    COMFORT_NOISE, CodecKind, PayloadFormat, StreamConfig, TelephoneEvent, supported_formats,
    supported_telephone_events,
};
use tern_sip::{
    offer_answer::{
        Agreed, AudioCapabilities, Format, SecurityCapabilities, SessionVersion, TransportCapabilities,
    },
    wire::sdp::{Codec, Direction},
};

use crate::api::{DtmfWay, MediaOptions};

/// Packet time asked for where the account has none of its own, ms.
const PACKET_MS: u32 = 20;
/// The clock of comfort noise, Hz.
const NOISE_CLOCK: u32 = 8_000;
/// Packet times made, ms.
const PACKET_TIMES: [u32; 5] = [10, 20, 30, 40, 60];

/// What this side can do, received at `rtp`, as an account has it.
pub(crate) fn capabilities(
    rtp: SocketAddr,
    session: SessionVersion,
    media: &MediaOptions,
) -> AudioCapabilities {
    let all = supported_formats();
    let formats = match media.codecs.as_slice() {
        [] => all,
        names => named(&all, names),
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
    // RFC 3389 section 4: for codecs that have no pauses of their own, which are all of this clock.
    if formats.iter().any(|f| f.clock_rate == NOISE_CLOCK) {
        codecs.push(Codec::new(COMFORT_NOISE, "CN", NOISE_CLOCK, 1, None));
    }
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
        own_order: !media.codecs.is_empty(),
        extended_reports: true,
    }
}

/// The stream an agreement asks for, as an account has it; `None` when its formats are none of ours.
pub(crate) fn stream(agreed: &Agreed, seed: u64, media: &MediaOptions) -> Option<StreamConfig> {
    let send = agreed.formats.iter().find_map(|f| payload(f, f.send, f.remote_fmtp.as_deref()))?;
    let receive: Vec<PayloadFormat> =
        agreed.formats.iter().filter_map(|f| payload(f, f.receive, None)).collect();
    let mut config = StreamConfig::new(send, seed);
    config.receive = receive;
    config.packet_ms = agreed_packet_ms(agreed, media);
    config.extended_reports = agreed.extended_reports;
    config.send_comfort_noise = agreed.comfort_noise.as_ref().map(|noise| noise.send);
    config.receive_comfort_noise = agreed.comfort_noise.iter().map(|noise| noise.receive).collect();
    if let Some(event) = &agreed.telephone_event {
        let send = TelephoneEvent { payload_type: event.send, clock_rate: event.clock_rate };
        config.send_events = (media.dtmf != DtmfWay::InBand).then_some(send);
        config.receive_events =
            vec![TelephoneEvent { payload_type: event.receive, clock_rate: event.clock_rate }];
    }
    Some(config)
}

fn packet_ms(media: &MediaOptions) -> u32 {
    media.packet_ms.filter(|ms| PACKET_TIMES.contains(ms)).unwrap_or(PACKET_MS)
}

/// What the other side asks for, where it is a packet time we make; never longer than it takes.
fn agreed_packet_ms(agreed: &Agreed, media: &MediaOptions) -> u32 {
    let wanted = agreed.ptime.filter(|ms| PACKET_TIMES.contains(ms)).unwrap_or(packet_ms(media));
    let most = agreed.max_ptime.unwrap_or(wanted);
    PACKET_TIMES.into_iter().rfind(|ms| *ms <= wanted.min(most)).unwrap_or(PACKET_TIMES[0])
}

/// Whether a digit goes by INFO: as the account wants it, or where neither an event nor a tone would be understood.
pub(crate) fn by_info(agreed: &Agreed, digit: tern_media::Digit, media: &MediaOptions) -> bool {
    match media.dtmf {
        DtmfWay::Info => true,
        DtmfWay::Rfc4733 | DtmfWay::InBand => false,
        DtmfWay::Auto => {
            let tones = |f: &Format| CodecKind::from_name(&f.name).is_some_and(CodecKind::keeps_tones);
            !agreed.takes_event(digit.code()) && !agreed.formats.first().is_some_and(tones)
        }
    }
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

/// Those that are named, in the order of their names; one named twice is one.
fn named(all: &[PayloadFormat], names: &[String]) -> Vec<PayloadFormat> {
    let mut formats: Vec<PayloadFormat> = Vec::new();
    for name in names {
        let found = all.iter().find(|format| format.kind.name().eq_ignore_ascii_case(name));
        if let Some(format) = found
            && !formats.iter().any(|known| known.payload_type == format.payload_type)
        {
            formats.push(format.clone());
        }
    }
    formats
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
    fn an_account_has_its_own_packet_time_and_way_of_digits() {
        let of = |ours: &MediaOptions, theirs: &MediaOptions, maxptime: Option<&str>| {
            let mut offer = offer_answer::offer(&capabilities(address(4000), SESSION, theirs));
            let attribute = maxptime.map(|ms| tern_sip::wire::sdp::Attribute::new("maxptime", ms));
            offer.media[0].attributes.extend(attribute);
            let (_, agreed) =
                offer_answer::answer(&offer, &capabilities(address(5000), SESSION, ours)).unwrap();
            (stream(&agreed, 1, ours).unwrap(), agreed)
        };
        let options = |codecs: &[&str], packet_ms, dtmf| MediaOptions {
            codecs: codecs.iter().map(|c| (*c).to_owned()).collect(),
            packet_ms,
            dtmf,
            ..MediaOptions::default()
        };
        let usual = MediaOptions::default();
        let packet =
            |theirs, maxptime| of(&usual, &options(&["PCMA"], theirs, DtmfWay::Auto), maxptime).0.packet_ms;
        assert_eq!([packet(None, None), packet(Some(30), None), packet(Some(60), Some("40"))], [20, 30, 40]);
        assert_eq!(packet(None, Some("5")), 10, "nothing shorter is made");
        let own = options(&["PCMU", "opus"], None, DtmfWay::InBand);
        let (config, agreed) = of(&own, &usual, None);
        assert_eq!(config.send.kind, CodecKind::Pcmu, "the account's order stands before the offer's");
        assert_eq!((config.send_comfort_noise, config.extended_reports), (Some(13), true));
        assert!(config.send_events.is_none() && config.receive_events.len() == 1);
        let five = tern_media::Digit::from_code(5).unwrap();
        let info = |dtmf, agreed: &Agreed| by_info(agreed, five, &options(&[], None, dtmf));
        let ways = [DtmfWay::Auto, DtmfWay::Rfc4733, DtmfWay::Info, DtmfWay::InBand];
        assert_eq!(ways.map(|way| info(way, &agreed)), [false, false, true, false]);
        let without = |name: &str| {
            let mut agreed = of(&options(&[name], None, DtmfWay::Auto), &usual, None).1;
            agreed.telephone_event = None;
            agreed
        };
        // G.711 carries tones unharmed; what Opus makes of them nobody promises.
        assert!(!info(DtmfWay::Auto, &without("PCMA")) && info(DtmfWay::Auto, &without("opus")));
    }

    #[test]
    fn a_limit_leaves_its_codecs_in_its_order() {
        let codecs = ["pcma", "PCMU", "G7xx", "PCMA"].map(str::to_owned).to_vec();
        let media = MediaOptions { codecs, ..MediaOptions::default() };
        let names: Vec<_> =
            capabilities(address(1), SESSION, &media).codecs.into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["PCMA", "PCMU", "CN", "telephone-event"]);
    }
}
