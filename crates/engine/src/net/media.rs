//! A call's sound: two UDP sockets, and the thread that owns them together with the media session.
//!
//! Invariant: nothing here waits for the engine. Figures that it has no time for are dropped; only the last ones of
//! a call are sure to arrive.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Arc, mpsc as commands},
    time::{Duration, Instant},
};

use tern_media::{Digit, PacketKind, Session, SessionEvent, StreamEvent, StreamStats};
use tokio::sync::mpsc;

use crate::{
    api::{CallId, CallStatsView, ErrorCode, ErrorView},
    core::{Input, MediaPlan, MediaReport},
    ports::Audio,
};

/// Tries for an even port with a free one above it (RFC 3550 section 11).
const PORT_TRIES: u32 = 32;
/// How long a digit sounds.
const DIGIT: Duration = Duration::from_millis(160);
/// Datagrams taken at a time before the sound is looked after again.
const BURST: u32 = 64;
/// Commands that may wait for the thread.
const COMMANDS: usize = 64;
/// How long the sender we listen to may be silent before another one takes its place.
const SILENCE: Duration = Duration::from_secs(2);

/// A call's sockets, and its thread once there is something to hear.
pub(crate) struct CallSound {
    /// Until the thread takes them.
    sockets: Option<(UdpSocket, UdpSocket)>,
    commands: Option<commands::SyncSender<Say>>,
}

enum Say {
    Plan(Box<MediaPlan>),
    Mute(bool),
    Digit(char),
}

impl CallSound {
    /// Opens RTP and RTCP on neighbouring ports of `ip`.
    pub(crate) fn open(ip: IpAddr) -> io::Result<(Self, SocketAddr)> {
        let (rtp, rtcp) = pair(ip)?;
        let address = rtp.local_addr()?;
        Ok((Self { sockets: Some((rtp, rtcp)), commands: None }, address))
    }

    /// Starts the sound, or changes it.
    pub(crate) fn run(
        &mut self,
        call: &CallId,
        plan: Box<MediaPlan>,
        audio: &Arc<dyn Audio>,
        inputs: &mpsc::Sender<Input>,
    ) {
        let Some((rtp, rtcp)) = self.sockets.take() else {
            return self.say(Say::Plan(plan));
        };
        let (say, said) = commands::sync_channel(COMMANDS);
        let thread = Sounding { call: call.clone(), rtp, rtcp, said, inputs: inputs.clone() };
        let audio = audio.clone();
        let spawned = std::thread::Builder::new()
            .name("tern-call".into())
            .spawn(move || thread.run(plan, audio.as_ref()));
        match spawned {
            Ok(_) => self.commands = Some(say),
            Err(error) => tracing::error!(%error, "no thread for a call"),
        }
    }

    /// Mutes or unmutes.
    pub(crate) fn mute(&self, muted: bool) {
        self.say(Say::Mute(muted));
    }

    /// Sends a digit.
    pub(crate) fn digit(&self, digit: char) {
        self.say(Say::Digit(digit));
    }

    /// Whether a thread runs that will tell its last figures once this is dropped.
    pub(crate) fn is_running(&self) -> bool {
        self.commands.is_some()
    }

    fn say(&self, say: Say) {
        if let Some(commands) = &self.commands {
            // A thread that has ended hears nothing; one with a full queue is beyond help.
            let _ = commands.try_send(say);
        }
    }
}

struct Sounding {
    call: CallId,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    said: commands::Receiver<Say>,
    inputs: mpsc::Sender<Input>,
}

/// Whom we send to and listen to.
struct Peer {
    agreed: Option<SocketAddr>,
    agreed_rtcp: Option<SocketAddr>,
    /// Where its packets come from, which behind a NAT is not where it says (symmetric RTP, RFC 4961).
    heard: Option<(SocketAddr, Instant)>,
}

impl Peer {
    fn new(plan: &MediaPlan) -> Self {
        Self { agreed: plan.remote, agreed_rtcp: plan.remote_rtcp, heard: None }
    }

    /// Whether to take a packet from there. The agreed address always counts; another one is followed while the
    /// agreed one is silent, so that a stranger can't take over a call that works.
    fn takes(&mut self, now: Instant, from: SocketAddr) -> bool {
        let free = match self.heard {
            None => true,
            Some((heard, at)) => {
                heard == from || Some(from) == self.agreed || now.saturating_duration_since(at) > SILENCE
            }
        };
        if free {
            self.heard = Some((from, now));
        }
        free
    }

    fn rtp(&self) -> Option<SocketAddr> {
        // The other side takes no sound at all: then none is sent, wherever it sends from.
        self.agreed?;
        self.heard.map(|(heard, _)| heard).or(self.agreed)
    }

    fn rtcp(&self) -> Option<SocketAddr> {
        match self.heard {
            Some((heard, _)) if Some(heard) != self.agreed => {
                Some(SocketAddr::new(heard.ip(), heard.port().checked_add(1)?))
            }
            _ => self.agreed_rtcp,
        }
    }
}

impl Sounding {
    fn run(self, mut plan: Box<MediaPlan>, audio: &dyn Audio) {
        let opened = audio.open(plan.microphone.as_deref(), plan.speaker.as_deref());
        if let Some(code) = opened.trouble {
            self.tell(MediaReport::Trouble(ErrorView::new(code)));
        }
        let mut session = match Session::open(plan.stream.clone(), &opened.source, &opened.sink) {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(%error, "a call's sound can't be set up");
                self.tell(MediaReport::Trouble(ErrorView::new(ErrorCode::NoCommonCodec)));
                self.tell_last(StreamStats::default());
                return;
            }
        };
        session.set_sending(plan.sending);
        session.set_muted(plan.muted);
        let mut peer = Peer::new(&plan);
        let mut buffer = [0; 2048];
        let mut next_figures = Instant::now();
        loop {
            loop {
                match self.said.try_recv() {
                    Ok(Say::Mute(muted)) => session.set_muted(muted),
                    Ok(Say::Digit(digit)) => {
                        if let Some(digit) = Digit::from_char(digit)
                            && let Err(error) = session.send_dtmf(digit, DIGIT)
                        {
                            tracing::info!(%error, "a digit was not sent");
                        }
                    }
                    Ok(Say::Plan(new)) => {
                        if differs(&plan, &new) {
                            match Session::open(new.stream.clone(), &opened.source, &opened.sink) {
                                Ok(fresh) => session = fresh,
                                Err(error) => tracing::error!(%error, "a call's sound can't be changed"),
                            }
                            session.set_muted(new.muted);
                        }
                        session.set_sending(new.sending);
                        if (new.remote, new.remote_rtcp) != (plan.remote, plan.remote_rtcp) {
                            peer = Peer::new(&new);
                        }
                        plan = new;
                    }
                    Err(commands::TryRecvError::Empty) => break,
                    Err(commands::TryRecvError::Disconnected) => {
                        let now = Instant::now();
                        session.close(now);
                        session.tick(now);
                        self.send(&mut session, &peer);
                        self.tell_last(session.stats());
                        return;
                    }
                }
            }
            let now = Instant::now();
            let wake = session.tick(now);
            self.send(&mut session, &peer);
            while let Some(event) = session.poll_event() {
                self.report(event);
            }
            if now >= next_figures {
                self.tell(MediaReport::Stats(figures(&session.stats())));
                next_figures = now.checked_add(Duration::from_secs(1)).unwrap_or(now);
            }
            self.receive(&mut session, &mut peer, &mut buffer, wake);
        }
    }

    /// Takes what has come and waits for more, but not beyond `wake`.
    fn receive(&self, session: &mut Session, peer: &mut Peer, buffer: &mut [u8], wake: Instant) {
        while let Ok((length, from)) = self.rtcp.recv_from(buffer) {
            let known = peer.heard.is_some_and(|(heard, _)| heard.ip() == from.ip())
                || peer.agreed_rtcp.is_some_and(|a| a.ip() == from.ip());
            if let Some(datagram) = buffer.get(..length).filter(|_| known) {
                session.receive(Instant::now(), datagram);
            }
        }
        for _ in 0..BURST {
            let now = Instant::now();
            let wait = wake.saturating_duration_since(now);
            // A time-out of zero would mean to wait for ever.
            if wait.is_zero()
                || self.rtp.set_read_timeout(Some(wait.max(Duration::from_micros(100)))).is_err()
            {
                return;
            }
            match self.rtp.recv_from(buffer) {
                Ok((length, from)) => {
                    let now = Instant::now();
                    if let Some(datagram) = buffer.get(..length).filter(|d| is_rtp(d))
                        && peer.takes(now, from)
                    {
                        session.receive(now, datagram);
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return;
                }
                // A refused packet of ours is told on the next read; the other side may just not be ready.
                Err(_) => {}
            }
        }
    }

    fn send(&self, session: &mut Session, peer: &Peer) {
        while let Some(packet) = session.poll_packet() {
            let (socket, remote) = match packet.kind {
                PacketKind::Rtp => (&self.rtp, peer.rtp()),
                PacketKind::Rtcp => (&self.rtcp, peer.rtcp()),
            };
            if let Some(remote) = remote {
                // What the network refuses is loss like any other.
                let _ = socket.send_to(&packet.bytes, remote);
            }
        }
    }

    fn report(&self, event: SessionEvent) {
        match event {
            SessionEvent::Stream(StreamEvent::MediaStarted) => self.tell(MediaReport::Started),
            SessionEvent::Stream(_) => {}
            SessionEvent::SourceFinished => self.tell(MediaReport::SourceFinished),
            SessionEvent::CaptureFailed(error) => {
                self.tell(MediaReport::Trouble(trouble(&error, ErrorCode::NoMicrophone)));
            }
            SessionEvent::PlaybackFailed(error) => {
                self.tell(MediaReport::Trouble(trouble(&error, ErrorCode::NoSpeaker)));
            }
        }
    }

    fn tell(&self, report: MediaReport) {
        let _ = self.inputs.try_send(Input::Media(self.call.clone(), report));
    }

    fn tell_last(&self, stats: StreamStats) {
        // The sound is over: now there is time to wait. An engine that has ended needs no figures.
        let _ =
            self.inputs.blocking_send(Input::Media(self.call.clone(), MediaReport::Closed(figures(&stats))));
    }
}

/// The figures as a window shows them.
pub(crate) fn figures(stats: &StreamStats) -> CallStatsView {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let codec = stats.send_codec.or(stats.receive_codec);
    let rate = u64::from(stats.receive_codec.map_or(48_000, |c| c.sample_rate()));
    CallStatsView {
        codec: codec.map_or(String::new(), |c| c.name().to_owned()),
        packets_sent: count(stats.packets_sent),
        packets_received: count(stats.packets_received),
        packets_lost: count(stats.packets_lost),
        concealed_ms: count(stats.samples_concealed.saturating_mul(1000) / rate),
        jitter_ms: stats.jitter_ms,
        round_trip_ms: stats.round_trip_ms,
        level_in: loudness(stats.capture_level_db),
        level_out: loudness(stats.playout_level_db),
    }
}

/// -60 dB below full scale and less is nothing, full scale is 1.
fn loudness(db: f32) -> f32 {
    ((db + 60.0) / 60.0).clamp(0.0, 1.0)
}

fn trouble(error: &tern_media::AudioError, missing: ErrorCode) -> ErrorView {
    let code = match error {
        tern_media::AudioError::NoDevice(_) | tern_media::AudioError::NoDeviceSupport => missing,
        _ => ErrorCode::AudioDeviceFailed,
    };
    ErrorView::with_detail(code, error.to_string())
}

/// Whether the sound itself is to be made anew, and not only sent elsewhere. The seed always differs.
fn differs(old: &MediaPlan, new: &MediaPlan) -> bool {
    let (a, b) = (&old.stream, &new.stream);
    a.send != b.send
        || a.receive != b.receive
        || a.send_events != b.send_events
        || a.receive_events != b.receive_events
        || a.packet_ms != b.packet_ms
}

/// RFC 3550 section 5.1: version 2 in the first two bits. Anything else on this port is nobody's sound.
fn is_rtp(datagram: &[u8]) -> bool {
    datagram.len() >= 12 && datagram.first().is_some_and(|b| b >> 6 == 2)
}

fn pair(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    for _ in 0..PORT_TRIES {
        let first = UdpSocket::bind((ip, 0))?;
        let port = first.local_addr()?.port();
        let (rtp, rtcp) = if port % 2 == 0 {
            let Ok(rtcp) = UdpSocket::bind((ip, port.saturating_add(1))) else { continue };
            (first, rtcp)
        } else {
            let Ok(rtp) = UdpSocket::bind((ip, port.saturating_sub(1))) else { continue };
            (rtp, first)
        };
        rtcp.set_nonblocking(true)?;
        return Ok((rtp, rtcp));
    }
    Err(io::ErrorKind::AddrInUse.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_has_an_even_port_and_rtcp_the_next() {
        for _ in 0..20 {
            let (rtp, rtcp) = pair([127, 0, 0, 1].into()).unwrap();
            let port = rtp.local_addr().unwrap().port();
            assert_eq!(port % 2, 0);
            assert_eq!(rtcp.local_addr().unwrap().port(), port + 1);
        }
    }

    #[test]
    fn a_stranger_does_not_take_over_a_call_that_works() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (agreed, nat, stranger) = (address(4000), address(5000), address(6666));
        let start = Instant::now();
        let mut peer = Peer { agreed: Some(agreed), agreed_rtcp: Some(address(4001)), heard: None };
        assert_eq!(peer.rtp(), Some(agreed));
        assert!(peer.takes(start, nat));
        assert_eq!((peer.rtp(), peer.rtcp()), (Some(nat), Some(address(5001))));
        assert!(!peer.takes(start + Duration::from_secs(1), stranger));
        assert!(peer.takes(start + Duration::from_secs(1), agreed));
        assert_eq!((peer.rtp(), peer.rtcp()), (Some(agreed), Some(address(4001))));
        assert!(peer.takes(start + Duration::from_secs(9), nat), "the other side moved");
        let mut held = Peer { agreed: None, agreed_rtcp: None, heard: None };
        assert!(held.takes(start, nat));
        assert_eq!(held.rtp(), None);
    }

    #[test]
    fn what_is_no_rtp_is_told_by_its_first_bits() {
        assert!(is_rtp(&[0x80; 12]));
        assert!(!is_rtp(&[0x80; 11]));
        assert!(!is_rtp(b"OPTIONS sip:x SIP/2.0"));
        assert!(!is_rtp(&[]));
    }
}
