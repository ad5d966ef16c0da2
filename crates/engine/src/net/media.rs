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

use mio::{Events, Interest, Poll, Token};
use tern_media::{Digit, PacketKind, Session, SessionEvent, StreamEvent, StreamStats, rtp};
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
/// Packets in a row by which an address that nobody agreed on shows to be the other side's (RFC 3550 appendix A.1
/// asks for two; a guess of three is yet less likely).
const PROBATION: u32 = 3;

/// A call's sockets, and its thread once there is something to hear.
pub(crate) struct CallSound {
    /// Until the thread takes them.
    sockets: Option<(UdpSocket, UdpSocket)>,
    commands: Option<commands::SyncSender<Say>>,
}

enum Say {
    Plan(Box<MediaPlan>),
    Sockets(Box<Sockets>),
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

    /// Moves to sockets on another local address, at once: what is heard and said goes on there.
    pub(crate) fn reopen(&mut self, ip: IpAddr) -> io::Result<SocketAddr> {
        let (rtp, rtcp) = pair(ip)?;
        let address = rtp.local_addr()?;
        match &self.commands {
            Some(_) => self.say(Say::Sockets(Box::new(Sockets::new(rtp, rtcp)?))),
            None => self.sockets = Some((rtp, rtcp)),
        }
        Ok(address)
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
        let sockets = match Sockets::new(rtp, rtcp) {
            Ok(sockets) => sockets,
            Err(error) => return tracing::error!(%error, "no sockets for a call"),
        };
        let (say, said) = commands::sync_channel(COMMANDS);
        let thread = Sounding { call: call.clone(), sockets, said, inputs: inputs.clone() };
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
    sockets: Sockets,
    said: commands::Receiver<Say>,
    inputs: mpsc::Sender<Input>,
}

/// RTP and RTCP, and what wakes when something comes.
///
/// A socket's own time-out is counted in the kernel's ticks, 4 ms and more: packets would leave by as much too late.
struct Sockets {
    rtp: mio::net::UdpSocket,
    rtcp: mio::net::UdpSocket,
    poll: Poll,
    events: Events,
}

impl Sockets {
    fn new(rtp: UdpSocket, rtcp: UdpSocket) -> io::Result<Self> {
        rtp.set_nonblocking(true)?;
        rtcp.set_nonblocking(true)?;
        let mut rtp = mio::net::UdpSocket::from_std(rtp);
        let mut rtcp = mio::net::UdpSocket::from_std(rtcp);
        let poll = Poll::new()?;
        poll.registry().register(&mut rtp, Token(0), Interest::READABLE)?;
        poll.registry().register(&mut rtcp, Token(1), Interest::READABLE)?;
        Ok(Self { rtp, rtcp, poll, events: Events::with_capacity(4) })
    }

    /// Waits until something comes, or until `wake`.
    fn wait(&mut self, wake: Instant) {
        let wait = wake.saturating_duration_since(Instant::now());
        if !wait.is_zero()
            && let Err(error) = self.poll.poll(&mut self.events, Some(wait))
            && error.kind() != io::ErrorKind::Interrupted
        {
            // Better late packets than a thread that spins.
            std::thread::sleep(wait);
        }
    }
}

/// Whom we send to and listen to.
struct Peer {
    agreed: Option<SocketAddr>,
    agreed_rtcp: Option<SocketAddr>,
    payload_types: Vec<u8>,
    /// Where its packets come from, which behind a NAT is not where it says (symmetric RTP, RFC 4961).
    heard: Option<(SocketAddr, Instant)>,
    stranger: Option<Stranger>,
}

/// Somebody at another address than agreed, who may be the other side behind a NAT, or anybody.
struct Stranger {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    packets: u32,
}

impl Peer {
    fn new(plan: &MediaPlan) -> Self {
        let formats = plan.stream.receive.iter().map(|format| format.payload_type);
        let events = plan.stream.receive_events.iter().map(|events| events.payload_type);
        Self {
            agreed: plan.remote,
            agreed_rtcp: plan.remote_rtcp,
            payload_types: formats.chain(events).collect(),
            heard: None,
            stranger: None,
        }
    }

    /// Whether to take a packet from there. The agreed address always counts; another one is followed while the
    /// agreed one is silent, once it has shown that it sends what was agreed on: a single datagram from a stranger
    /// must not turn a call away.
    fn takes(&mut self, now: Instant, from: SocketAddr, packet: &rtp::Header) -> bool {
        let known = Some(from) == self.agreed || self.heard.is_some_and(|(heard, _)| heard == from);
        let silent = self.heard.is_none_or(|(_, at)| now.saturating_duration_since(at) > SILENCE);
        let takes = known || (silent && self.proves(from, packet));
        if takes {
            self.heard = Some((from, now));
            self.stranger = None;
        }
        takes
    }

    /// Counts the packets in a row that a stranger sends.
    fn proves(&mut self, from: SocketAddr, packet: &rtp::Header) -> bool {
        if !self.payload_types.contains(&packet.payload_type) {
            return false;
        }
        let packets = match &self.stranger {
            Some(s) if (s.from, s.ssrc, s.next) == (from, packet.ssrc, packet.sequence) => s.packets + 1,
            _ => 1,
        };
        let next = packet.sequence.wrapping_add(1);
        self.stranger = Some(Stranger { from, ssrc: packet.ssrc, next, packets });
        packets >= PROBATION
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
    fn run(mut self, mut plan: Box<MediaPlan>, audio: &dyn Audio) {
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
                    Ok(Say::Sockets(sockets)) => {
                        self.sockets = *sockets;
                        // Where its packets come from is to be heard anew.
                        peer = Peer::new(&plan);
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
            self.sockets.wait(wake);
            self.receive(&mut session, &mut peer, &mut buffer);
        }
    }

    /// Takes what has come.
    fn receive(&self, session: &mut Session, peer: &mut Peer, buffer: &mut [u8]) {
        for _ in 0..BURST {
            let Ok((length, from)) = self.sockets.rtcp.recv_from(buffer) else { break };
            let known = peer.heard.is_some_and(|(heard, _)| heard.ip() == from.ip())
                || peer.agreed_rtcp.is_some_and(|a| a.ip() == from.ip());
            if let Some(datagram) = buffer.get(..length).filter(|_| known) {
                session.receive(Instant::now(), datagram);
            }
        }
        for _ in 0..BURST {
            match self.sockets.rtp.recv_from(buffer) {
                Ok((length, from)) => {
                    let now = Instant::now();
                    if let Some(datagram) = buffer.get(..length)
                        && let Ok((header, _)) = rtp::parse(datagram)
                        && peer.takes(now, from, &header)
                    {
                        session.receive(now, datagram);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A refused packet of ours is told on the next read; the other side may just not be ready.
                Err(_) => {}
            }
        }
    }

    fn send(&self, session: &mut Session, peer: &Peer) {
        while let Some(packet) = session.poll_packet() {
            let (socket, remote) = match packet.kind {
                PacketKind::Rtp => (&self.sockets.rtp, peer.rtp()),
                PacketKind::Rtcp => (&self.sockets.rtcp, peer.rtcp()),
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
            SessionEvent::Stream(StreamEvent::DtmfReceived { digit, .. }) => {
                self.tell(MediaReport::Digit(digit.as_char()));
            }
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

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn peer(agreed: Option<SocketAddr>) -> Peer {
        let agreed_rtcp = agreed.map(|a| address(a.port() + 1));
        Peer { agreed, agreed_rtcp, payload_types: vec![8], heard: None, stranger: None }
    }

    fn packet(payload_type: u8, sequence: u16, ssrc: u32) -> rtp::Header {
        rtp::Header { marker: false, payload_type, sequence, timestamp: 0, ssrc }
    }

    /// Three packets in a row.
    fn follows(peer: &mut Peer, at: Instant, from: SocketAddr) -> [bool; 3] {
        [1, 2, 3].map(|sequence| peer.takes(at, from, &packet(8, sequence, 7)))
    }

    #[test]
    fn the_other_side_may_be_elsewhere_but_no_stranger_takes_over_a_call_that_works() {
        let (agreed, nat, stranger) = (address(4000), address(5000), address(6666));
        let start = Instant::now();
        let mut peer = peer(Some(agreed));
        assert_eq!(peer.rtp(), Some(agreed));
        assert_eq!(follows(&mut peer, start, nat), [false, false, true]);
        assert_eq!((peer.rtp(), peer.rtcp()), (Some(nat), Some(address(5001))));
        assert_eq!(follows(&mut peer, start + Duration::from_secs(1), stranger), [false; 3]);
        assert!(peer.takes(start + Duration::from_secs(1), agreed, &packet(8, 9, 9)));
        assert_eq!((peer.rtp(), peer.rtcp()), (Some(agreed), Some(address(4001))));
        let later = start + Duration::from_secs(9);
        assert_eq!(follows(&mut peer, later, nat), [false, false, true], "the other side moved");
        let mut held = self::peer(None);
        assert_eq!(follows(&mut held, start, nat), [false, false, true]);
        assert_eq!(held.rtp(), None);
    }

    #[test]
    fn garbage_before_the_first_packet_leads_nobody_astray() {
        let (agreed, stranger, other) = (address(4000), address(6666), address(6667));
        let start = Instant::now();
        let mut peer = peer(Some(agreed));
        for n in 0..20 {
            assert!(!peer.takes(start, stranger, &packet(77, n, 7)), "a payload type nobody agreed on");
            assert!(!peer.takes(start, stranger, &packet(8, n * 3, 7)), "no row");
            assert!(!peer.takes(start, stranger, &packet(8, n, u32::from(n))), "not one source");
            assert!(
                !peer.takes(start, if n % 2 == 0 { stranger } else { other }, &packet(8, n, 7)),
                "not one place"
            );
        }
        assert_eq!(peer.rtp(), Some(agreed));
        assert!(peer.takes(start, agreed, &packet(8, 1, 1)));
    }
}
