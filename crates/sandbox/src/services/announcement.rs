//! What the call-me service says before it rings back: two short tones.

use std::{io, net::SocketAddr, time::Duration};

use tern_media::{
    PayloadFormat, Tone,
    codec::{CodecKind, Encoder},
    rtp,
    tone::ToneSamples,
};
use tern_sip::offer_answer::Agreed;
use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot},
    time::MissedTickBehavior,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    media::{News, ports::PortPair, tell},
    switch::SessionId,
};

const PACKET: Duration = Duration::from_millis(20);
/// Two tones of 300 ms with a pause, then a moment of silence so that the end is heard.
const PATTERN: [(usize, Option<f32>); 4] = [(15, Some(660.0)), (10, None), (15, Some(880.0)), (15, None)];

/// A waiting or running announcement; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Announcement {
    /// Where it would be sent to.
    pub(crate) address: SocketAddr,
    begin: Option<oneshot::Sender<(SocketAddr, PayloadFormat)>>,
    _stop: DropGuard,
}

impl Announcement {
    pub(crate) fn start(
        ip: std::net::IpAddr,
        session: SessionId,
        switch: mpsc::Sender<News>,
    ) -> io::Result<Self> {
        let ports = PortPair::bind(ip)?;
        let (begin, begun) = oneshot::channel();
        let stop = CancellationToken::new();
        let announcement =
            Self { address: ports.address, begin: Some(begin), _stop: stop.clone().drop_guard() };
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            if let Ok((remote, format)) = begun.await {
                play(&ports.rtp, remote, &format).await;
            }
            tell(&switch, News::Played(session));
            // The ports stay this call's until it is over.
            std::future::pending::<()>().await;
        }));
        Ok(announcement)
    }

    /// Plays, now that offer and answer have settled where to. Only once. Without an address or a known codec there
    /// is nothing to play, and the announcement is over at once.
    pub(crate) fn play(&mut self, agreed: &Agreed) {
        let format = agreed.formats.first().and_then(|format| {
            let kind = CodecKind::from_name(&format.name)?;
            Some(PayloadFormat { fmtp: format.remote_fmtp.clone(), ..PayloadFormat::new(kind, format.send) })
        });
        let begin = self.begin.take();
        if let (Some(begin), Some(remote), Some(format)) = (begin, agreed.remote, format) {
            // The task ends only with this value.
            let _ = begin.send((remote, format));
        }
    }
}

async fn play(socket: &UdpSocket, remote: SocketAddr, format: &PayloadFormat) {
    let packets = match render(format) {
        Ok(packets) => packets,
        Err(error) => {
            tracing::warn!(%error, "the announcement cannot be encoded");
            return;
        }
    };
    let mut header = rtp::Header {
        marker: true,
        payload_type: format.payload_type,
        sequence: rand::random(),
        timestamp: rand::random(),
        ssrc: rand::random(),
    };
    let mut tick = tokio::time::interval(PACKET);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut packet = Vec::new();
    for payload in packets {
        tick.tick().await;
        packet.clear();
        header.write(&mut packet);
        packet.extend_from_slice(&payload);
        let _ = socket.send_to(&packet, remote).await;
        header.marker = false;
        header.sequence = header.sequence.wrapping_add(1);
        header.timestamp = header.timestamp.wrapping_add(format.clock_rate / 50);
    }
}

fn render(format: &PayloadFormat) -> Result<Vec<Vec<u8>>, tern_media::codec::CodecError> {
    let rate = format.kind.sample_rate();
    let mut encoder = Encoder::new(format)?;
    let mut packets = Vec::new();
    for (count, hz) in PATTERN {
        let mut tone = hz.map(|hz| ToneSamples::new(Tone::Steady { hz, amplitude: 0.3 }, rate));
        for _ in 0..count {
            let mut samples = vec![0.0; (rate / 50) as usize];
            if let Some(tone) = &mut tone {
                tone.mix_into(&mut samples);
            }
            let mut payload = Vec::new();
            encoder.encode(&samples, &mut payload)?;
            packets.push(payload);
        }
    }
    Ok(packets)
}

#[cfg(test)]
mod tests {
    use tern_media::supported_formats;

    use super::*;

    #[test]
    fn every_known_codec_can_say_it() {
        for format in supported_formats() {
            let packets = render(&format).unwrap();
            assert_eq!(packets.len(), 55, "{:?}", format.kind);
            assert!(packets.iter().all(|p| !p.is_empty()));
            assert_ne!(packets[5], packets[20], "a tone is not a pause");
        }
    }
}
