//! The echo: whoever calls hears themselves. Packets are reflected as a sender of its own, so the caller's jitter
//! buffer and statistics meet what they would meet with anybody.

use std::{collections::HashMap, io, net::SocketAddr, time::Duration};

use tern_media::{
    rtcp::{self, ReportBlock, RtcpPacket},
    rtp,
};
use tern_sip::offer_answer::Agreed;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    media::{
        MAX_PACKET, News,
        ports::{PortPair, rtcp_of},
        relay::Side,
        tell,
    },
    switch::SessionId,
};

/// What offer and answer have settled.
#[derive(Debug, Clone, Default)]
struct Terms {
    remote: Option<SocketAddr>,
    /// Payload type as it comes in and as it goes out.
    payload_types: HashMap<u8, u8>,
    sends: bool,
}

/// A running echo; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Echo {
    /// Where to send to it.
    pub(crate) address: SocketAddr,
    terms: watch::Sender<Terms>,
    _stop: DropGuard,
}

impl Echo {
    pub(crate) fn start(
        ip: std::net::IpAddr,
        session: SessionId,
        silence: Duration,
        switch: mpsc::Sender<News>,
    ) -> io::Result<Self> {
        let ports = PortPair::bind(ip)?;
        let (terms, changes) = watch::channel(Terms::default());
        let stop = CancellationToken::new();
        let echo = Self { address: ports.address, terms, _stop: stop.clone().drop_guard() };
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            run(ports, changes, silence, || tell(&switch, News::Silent(session))).await;
        }));
        Ok(echo)
    }

    /// What offer and answer have settled.
    pub(crate) fn agree(&self, agreed: &Agreed) {
        let formats = agreed.formats.iter().chain(&agreed.telephone_event);
        let terms = Terms {
            remote: agreed.remote,
            payload_types: formats.map(|f| (f.receive, f.send)).collect(),
            sends: agreed.direction.sends(),
        };
        self.terms.send_replace(terms);
    }
}

async fn run(ports: PortPair, mut changes: watch::Receiver<Terms>, silence: Duration, silent: impl Fn()) {
    let mut reflector = Reflector::new();
    let (mut rtp_side, mut rtcp_side) = (Side::default(), Side::default());
    let (mut rtp_buffer, mut rtcp_buffer) = ([0; MAX_PACKET], [0; MAX_PACKET]);
    let mut out = Vec::with_capacity(MAX_PACKET);
    let mut deadline = Instant::now() + silence;
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                let terms = changes.borrow_and_update();
                rtp_side.declare(terms.remote);
                rtcp_side.declare(terms.remote.and_then(rtcp_of));
                continue;
            }
            () = tokio::time::sleep_until(deadline) => silent(),
            got = ports.rtp.recv_from(&mut rtp_buffer) => {
                let Ok((length, source)) = got else { continue };
                let Some(packet) = rtp_buffer.get(..length).filter(|_| rtp_side.accept(source)) else { continue };
                out.clear();
                let reflected = {
                    let terms = changes.borrow();
                    terms.sends && reflector.reflect(packet, &terms.payload_types, &mut out)
                };
                if reflected && let Some(target) = rtp_side.target() {
                    let _ = ports.rtp.send_to(&out, target).await;
                }
            }
            got = ports.rtcp.recv_from(&mut rtcp_buffer) => {
                let Ok((length, source)) = got else { continue };
                let Some(packet) = rtcp_buffer.get(..length).filter(|_| rtcp_side.accept(source)) else { continue };
                out.clear();
                if reflector.report(packet, &mut out) && let Some(target) = rtcp_side.target() {
                    let _ = ports.rtcp.send_to(&out, target).await;
                }
            }
        }
        deadline = Instant::now() + silence;
    }
}

/// Turns packets round. Gaps and order stay as they came: what was lost on the way here stays lost.
#[derive(Debug)]
struct Reflector {
    ssrc: u32,
    source: Option<Source>,
}

/// Whose packets are being reflected, and how far their numbers are from ours.
#[derive(Debug, Clone, Copy)]
struct Source {
    ssrc: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
    highest: u16,
    next_timestamp: u32,
}

impl Reflector {
    fn new() -> Self {
        Self { ssrc: rand::random(), source: None }
    }

    /// Appends the packet as this side sends it; `false` when it is none, or of a sort not agreed on.
    fn reflect(&mut self, packet: &[u8], payload_types: &HashMap<u8, u8>, out: &mut Vec<u8>) -> bool {
        let Ok((header, payload)) = rtp::parse(packet) else { return false };
        let Some(payload_type) = payload_types.get(&header.payload_type).copied() else { return false };
        let mut source = match self.source {
            Some(source) if source.ssrc == header.ssrc => source,
            // RFC 3550 section 5.1: a random start; a new source goes on where the old one ended.
            earlier => {
                let (sequence, timestamp) = earlier.map_or_else(
                    || (rand::random::<u16>(), rand::random::<u32>()),
                    |e| (e.highest.wrapping_add(e.sequence_offset).wrapping_add(1), e.next_timestamp),
                );
                Source {
                    ssrc: header.ssrc,
                    sequence_offset: sequence.wrapping_sub(header.sequence),
                    timestamp_offset: timestamp.wrapping_sub(header.timestamp),
                    highest: header.sequence,
                    next_timestamp: timestamp,
                }
            }
        };
        let timestamp = header.timestamp.wrapping_add(source.timestamp_offset);
        // Half the circle ahead counts as later (RFC 1982).
        if header.sequence.wrapping_sub(source.highest) < 0x8000 {
            source.highest = header.sequence;
            source.next_timestamp = timestamp.wrapping_add(960);
        }
        self.source = Some(source);
        let header = rtp::Header {
            payload_type,
            sequence: header.sequence.wrapping_add(source.sequence_offset),
            timestamp,
            ssrc: self.ssrc,
            ..header
        };
        header.write(out);
        out.extend_from_slice(payload);
        true
    }

    /// Appends a receiver report to a sender report, so that the caller can tell its round trip (RFC 3550 section
    /// 6.4.1); `false` when there is nothing to report on.
    fn report(&self, packet: &[u8], out: &mut Vec<u8>) -> bool {
        let Ok(packets) = rtcp::parse(packet) else { return false };
        let Some((sender, ntp)) = packets.iter().find_map(|packet| match packet {
            RtcpPacket::SenderReport { ssrc, info, .. } => Some((*ssrc, info.ntp)),
            _ => None,
        }) else {
            return false;
        };
        let block = ReportBlock {
            ssrc: sender,
            highest_sequence: self.source.filter(|s| s.ssrc == sender).map_or(0, |s| s.highest.into()),
            last_sender_report: ((ntp >> 16) & 0xFFFF_FFFF) as u32,
            // Answered at once.
            delay_since_last: 0,
            ..ReportBlock::default()
        };
        let compound = [
            RtcpPacket::ReceiverReport { ssrc: self.ssrc, blocks: vec![block] },
            RtcpPacket::SourceDescription { chunks: vec![(self.ssrc, "echo".into())] },
        ];
        rtcp::write(&compound, out);
        true
    }
}

#[cfg(test)]
mod tests {
    use tern_media::rtcp::SenderInfo;

    use super::*;

    fn packet(ssrc: u32, sequence: u16, timestamp: u32, payload_type: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        rtp::Header { marker: sequence == 65_535, payload_type, sequence, timestamp, ssrc }.write(&mut bytes);
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes
    }

    fn reflect(reflector: &mut Reflector, packet: &[u8]) -> Option<(rtp::Header, Vec<u8>)> {
        let mut out = Vec::new();
        let types = HashMap::from([(111, 96), (0, 0)]);
        reflector.reflect(packet, &types, &mut out).then(|| {
            let (header, payload) = rtp::parse(&out).unwrap();
            (header, payload.to_vec())
        })
    }

    #[test]
    fn reflected_as_a_sender_of_its_own() {
        let mut reflector = Reflector::new();
        let (first, payload) = reflect(&mut reflector, &packet(5, 65_535, u32::MAX - 99, 111)).unwrap();
        assert_eq!((payload, first.payload_type, first.marker), (vec![255, 255], 96, true));
        assert_ne!(first.ssrc, 5);
        // One packet lost, over both wraps.
        let (third, _) = reflect(&mut reflector, &packet(5, 1, 1820, 111)).unwrap();
        assert_eq!(third.sequence.wrapping_sub(first.sequence), 2);
        assert_eq!(third.timestamp.wrapping_sub(first.timestamp), 1920);
        assert_eq!(third.ssrc, first.ssrc);
    }

    #[test]
    fn a_new_source_goes_on_where_the_old_one_ended() {
        let mut reflector = Reflector::new();
        let (first, _) = reflect(&mut reflector, &packet(5, 10, 1000, 0)).unwrap();
        let (second, _) = reflect(&mut reflector, &packet(6, 40_000, 77, 0)).unwrap();
        assert_eq!(second.sequence, first.sequence.wrapping_add(1));
        assert_eq!(second.timestamp, first.timestamp.wrapping_add(960));
    }

    #[test]
    fn garbage_and_what_was_not_agreed_on_is_not_reflected() {
        let mut reflector = Reflector::new();
        for bytes in [&b""[..], b"hello", &[0x80; 11], &packet(5, 1, 1, 18)] {
            assert!(reflect(&mut reflector, bytes).is_none());
        }
    }

    #[test]
    fn a_sender_report_is_answered_so_that_the_round_trip_shows() {
        let mut reflector = Reflector::new();
        reflect(&mut reflector, &packet(5, 9, 0, 0)).unwrap();
        let info = SenderInfo { ntp: 0x1122_3344_5566_7788, ..SenderInfo::default() };
        let mut theirs = Vec::new();
        rtcp::write(&[RtcpPacket::SenderReport { ssrc: 5, info, blocks: vec![] }], &mut theirs);
        let mut out = Vec::new();
        assert!(reflector.report(&theirs, &mut out));
        let RtcpPacket::ReceiverReport { blocks, .. } = rtcp::parse(&out).unwrap().remove(0) else {
            panic!()
        };
        assert_eq!((blocks[0].ssrc, blocks[0].last_sender_report), (5, 0x3344_5566));
        assert_eq!(blocks[0].highest_sequence, 9);
        assert!(!reflector.report(b"garbage", &mut out));
    }
}
