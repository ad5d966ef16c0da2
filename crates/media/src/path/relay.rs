//! An address on a TURN server (RFC 8656): asked for, kept, given back; what comes and goes through it, by datagrams or
//! by a stream to the server.
//!
//! The protocol (long-term credentials, 401 and 438, refreshes, permissions, channels) is `turn-client-proto`'s; what
//! separates its messages in a stream is ours.

mod frames;

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use stun_proto::{
    Instant as Elapsed,
    agent::Transmit as Sending,
    types::{
        TransportType,
        attribute::ErrorCode,
        data::Data,
        message::{Message, MessageClass},
    },
};
use turn_client_proto::{
    api::{TurnClientApi, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet},
    client::TurnClient,
    tcp::TurnClientTcp,
    types::{AddressFamily, TurnCredentials},
    udp::TurnClientUdp,
};

use self::frames::{Frames, padded};
use super::{
    Transmit, TurnServer,
    local::{SILENCE, StreamId, TurnTransport},
};

/// Hosts a permission is asked for; a description with more of them is no honest one.
const PERMISSIONS: usize = 32;
/// RFC 8489 section 6.2.1 asks for 500 ms where the way is not known; a call waits for this, and a request that comes
/// twice costs little.
const FIRST_REPEAT: Duration = Duration::from_millis(100);
const LONGEST_REPEAT: Duration = Duration::from_millis(1600);
const REPEATS: u32 = 7;
/// A server that still refuses or says nothing will not do otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// An allocation of one socket.
#[derive(Debug)]
pub(super) struct Relay {
    client: TurnClient,
    way: Way,
    /// When [`Self::handle_timeout`] is to be called.
    pub(super) wakes: Option<Instant>,
    /// The client counts its time from here.
    start: Instant,
    pub(super) state: RelayState,
    /// The server has said something.
    heard: bool,
    /// The server's last refusal, code and phrase.
    refused: Option<String>,
    permitted: Vec<IpAddr>,
    channel: Option<SocketAddr>,
}

/// How its server is reached.
#[derive(Debug)]
enum Way {
    Datagrams,
    /// A connection that somebody is to make.
    Wanted(StreamId, Option<String>),
    /// One that is being made.
    Connecting(StreamId),
    Connected(StreamId, Frames),
}

/// Where an allocation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RelayState {
    Asking,
    /// Others reach us there.
    Standing(SocketAddr),
    /// The server did not give one, or took it back.
    Gone,
}

/// What a datagram from the server was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromServer {
    /// The client's own affair, or nothing.
    Handled,
    /// Somebody sent what the datagram now holds.
    Data(SocketAddr),
}

impl Relay {
    /// Asks from a socket, or with `stream` over a connection that is yet to be made.
    pub(super) fn new(
        now: Instant,
        local: SocketAddr,
        server: SocketAddr,
        turn: &TurnServer,
        stream: Option<StreamId>,
    ) -> Self {
        let mut config = TurnConfig::new(TurnCredentials::new(&turn.user, &turn.password));
        // RFC 8656 section 7.1: without a wish it would be IPv4.
        config.set_address_family(if local.is_ipv6() { AddressFamily::IPV6 } else { AddressFamily::IPV4 });
        config.set_request_retransmits(FIRST_REPEAT, LONGEST_REPEAT, REPEATS, LONGEST_REPEAT);
        Self {
            client: match stream {
                None => TurnClientUdp::allocate(local, server, config).into(),
                Some(_) => TurnClientTcp::allocate(local, server, config).into(),
            },
            way: stream.map_or(Way::Datagrams, |stream| match &turn.transport {
                TurnTransport::Tls(name) => Way::Wanted(stream, Some(name.clone())),
                TurnTransport::Any | TurnTransport::Udp | TurnTransport::Tcp => Way::Wanted(stream, None),
            }),
            wakes: Some(now),
            start: now,
            state: RelayState::Asking,
            heard: false,
            refused: None,
            permitted: Vec::new(),
            channel: None,
        }
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.client.remote_addr()
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.client.local_addr()
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self.state {
            RelayState::Standing(address) => Some(address),
            RelayState::Asking | RelayState::Gone => None,
        }
    }

    /// The connection it goes over.
    pub(super) fn stream(&self) -> Option<StreamId> {
        match &self.way {
            Way::Datagrams => None,
            Way::Wanted(stream, _) | Way::Connecting(stream) | Way::Connected(stream, _) => Some(*stream),
        }
    }

    /// The connection to make, said once; with TLS where a name is given.
    pub(super) fn poll_connect(&mut self) -> Option<(StreamId, Option<String>)> {
        let Way::Wanted(stream, tls) = &mut self.way else { return None };
        let (stream, tls) = (*stream, tls.take());
        self.way = Way::Connecting(stream);
        Some((stream, tls))
    }

    /// Its connection stands: what waited goes out.
    pub(super) fn connected(&mut self) {
        if let Way::Connecting(stream) = self.way {
            self.way = Way::Connected(stream, Frames::default());
        }
    }

    /// Whether the server has said anything.
    pub(super) fn is_heard(&self) -> bool {
        self.heard
    }

    /// Whether it answers datagrams, where it is asked by those and that can be said.
    pub(super) fn answers(&self, now: Instant) -> Option<bool> {
        let silent = now.saturating_duration_since(self.start) >= SILENCE;
        (matches!(self.way, Way::Datagrams) && (self.heard || silent)).then_some(self.heard)
    }

    /// Why there is no address: the server's words, or none where it said nothing.
    pub(super) fn trouble(&self) -> Option<String> {
        match self.state {
            RelayState::Standing(_) => None,
            RelayState::Asking | RelayState::Gone => {
                Some(self.refused.clone().unwrap_or_else(|| "no answer".to_owned()))
            }
        }
    }

    /// Takes what came over the connection; what was relayed is handed on with who sent it.
    pub(super) fn receive_stream(
        &mut self,
        now: Instant,
        bytes: &[u8],
        mut relayed: impl FnMut(SocketAddr, Vec<u8>),
    ) {
        let Way::Connected(_, frames) = &mut self.way else { return };
        let mut came = Vec::new();
        let broken = frames.take(bytes, |frame| came.push(frame)).is_err();
        for mut frame in came {
            if let FromServer::Data(peer) = self.receive(now, &mut frame) {
                relayed(peer, frame);
            }
        }
        if broken {
            self.refused = Some("no TURN server".to_owned());
            self.state = RelayState::Gone;
        }
    }

    /// Its connection is no more, or there was none.
    pub(super) fn disconnected(&mut self, why: &str) {
        self.refused.get_or_insert_with(|| why.to_owned());
        self.state = RelayState::Gone;
    }

    /// Takes a message of the server's; relayed data is left in `datagram`.
    pub(super) fn receive(&mut self, now: Instant, datagram: &mut Vec<u8>) -> FromServer {
        self.heard = true;
        if self.address().is_none() {
            self.refused = refusal(datagram).or(self.refused.take());
        }
        let now = self.elapsed(now);
        let message = Sending::new(datagram.as_slice(), self.client.transport(), self.server(), self.local());
        let taken = match self.client.recv(message, now) {
            TurnRecvRet::PeerData(data) => Some((data.peer, data.data().to_vec())),
            TurnRecvRet::Handled | TurnRecvRet::Ignored(_) | TurnRecvRet::PeerIcmp { .. } => None,
        };
        self.take_events();
        match taken {
            Some((peer, data)) => {
                *datagram = data;
                FromServer::Data(peer)
            }
            None => FromServer::Handled,
        }
    }

    /// Lets a host send to us through the server (RFC 8656 section 9), and us to it.
    pub(super) fn permit(&mut self, now: Instant, host: IpAddr) {
        if self.address().is_none()
            || self.permitted.contains(&host)
            || self.permitted.len() >= PERMISSIONS
            || host.is_ipv6() != self.local().is_ipv6()
        {
            return;
        }
        self.permitted.push(host);
        let now = self.elapsed(now);
        if let Err(error) = self.client.create_permission(TransportType::Udp, host, now) {
            tracing::debug!(%error, "no permission on the relay");
        }
    }

    /// Gives the way that was chosen a channel: four bytes a packet instead of thirty-six (RFC 8656 section 12).
    pub(super) fn bind(&mut self, now: Instant, peer: SocketAddr) {
        if self.channel == Some(peer) || self.address().is_none() {
            return;
        }
        self.channel = Some(peer);
        let now = self.elapsed(now);
        if let Err(error) = self.client.bind_channel(TransportType::Udp, peer, now) {
            tracing::debug!(%error, "no channel on the relay");
        }
    }

    /// What to send to the server so that it hands `bytes` on; `None` until it lets us.
    pub(super) fn wrap(&mut self, now: Instant, to: SocketAddr, bytes: &[u8]) -> Option<Transmit> {
        self.permit(now, to.ip());
        let now = self.elapsed(now);
        let sending = self.client.send_to(TransportType::Udp, to, bytes, now).ok()??.build();
        self.transmit(sending.from, sending.to, sending.data)
    }

    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        if matches!(self.way, Way::Wanted(..) | Way::Connecting(_)) {
            return None;
        }
        let now = self.elapsed(now);
        let sending: Sending<Data<'static>> = self.client.poll_transmit(now)?;
        self.transmit(sending.from, sending.to, sending.data.to_vec())
    }

    fn transmit(&self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) -> Option<Transmit> {
        match &self.way {
            Way::Datagrams => Some(Transmit { from, to, bytes, stream: None }),
            Way::Connected(stream, _) => {
                Some(Transmit { from, to, bytes: padded(bytes), stream: Some(*stream) })
            }
            Way::Wanted(..) | Way::Connecting(_) => None,
        }
    }

    /// Lets time pass.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.wakes = match (self.state, &self.way) {
            (RelayState::Gone, _) => None,
            // Nothing can be said yet.
            (_, Way::Wanted(..) | Way::Connecting(_)) => self.patience(now),
            (_, Way::Datagrams | Way::Connected(..)) => self.pass(now),
        };
    }

    /// When it is given up, where there is no answer.
    fn patience(&mut self, now: Instant) -> Option<Instant> {
        let end = self.start.checked_add(PATIENCE).filter(|_| self.state == RelayState::Asking)?;
        if now >= end {
            self.state = RelayState::Gone;
            return None;
        }
        Some(end)
    }

    fn pass(&mut self, now: Instant) -> Option<Instant> {
        let elapsed = self.elapsed(now);
        let again = match self.client.poll(elapsed) {
            TurnPollRet::WaitUntil(until) => {
                let wait = u64::try_from(until.as_nanos()).map_or(Duration::ZERO, Duration::from_nanos);
                self.start.checked_add(wait)
            }
            TurnPollRet::Closed => {
                self.state = RelayState::Gone;
                None
            }
            TurnPollRet::AllocateTcpSocket { .. } | TurnPollRet::TcpClose { .. } => None,
        };
        self.take_events();
        let end = self.patience(now);
        again.filter(|_| self.state != RelayState::Gone).into_iter().chain(end).min()
    }

    /// Gives the address back, so that the server need not wait for its end.
    pub(super) fn close(&mut self, now: Instant) {
        let now = self.elapsed(now);
        let _ = self.client.delete(now);
        self.state = RelayState::Gone;
        self.wakes = None;
    }

    fn take_events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                TurnEvent::AllocationCreated(_, address) => self.state = RelayState::Standing(address),
                TurnEvent::AllocationCreateFailed(_) => self.state = RelayState::Gone,
                TurnEvent::PermissionCreateFailed(_, host) => self.permitted.retain(|ip| *ip != host),
                TurnEvent::ChannelCreateFailed(_, peer) => {
                    self.channel = self.channel.filter(|channel| *channel != peer);
                }
                TurnEvent::PermissionCreated(..)
                | TurnEvent::ChannelCreated(..)
                | TurnEvent::TcpConnected(_)
                | TurnEvent::TcpConnectFailed(_) => {}
            }
        }
    }

    fn elapsed(&self, now: Instant) -> Elapsed {
        let nanos = now.saturating_duration_since(self.start).as_nanos();
        Elapsed::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}

/// Code and phrase of an error response (RFC 8489 section 14.8).
fn refusal(datagram: &[u8]) -> Option<String> {
    let message =
        Message::from_bytes(datagram).ok().filter(|message| message.has_class(MessageClass::Error))?;
    let error = message.attribute::<ErrorCode>().ok()?;
    Some(format!("{} {}", error.code(), error.reason()).trim_end().to_owned())
}
