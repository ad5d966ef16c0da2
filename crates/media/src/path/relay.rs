//! An address on a TURN server (RFC 8656): asked for, kept, given back; what comes and goes through it.
//!
//! The protocol (long-term credentials, 401 and 438, refreshes, permissions, channels) is `turn-client-proto`'s.

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
    types::{AddressFamily, TurnCredentials},
    udp::TurnClientUdp,
};

use super::{Transmit, TurnServer};

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
    client: TurnClientUdp,
    /// The client counts its time from here.
    start: Instant,
    pub(super) state: RelayState,
    /// The server's last refusal, code and phrase.
    refused: Option<String>,
    permitted: Vec<IpAddr>,
    channel: Option<SocketAddr>,
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
    pub(super) fn new(now: Instant, local: SocketAddr, server: SocketAddr, turn: &TurnServer) -> Self {
        let mut config = TurnConfig::new(TurnCredentials::new(&turn.user, &turn.password));
        // RFC 8656 section 7.1: without a wish it would be IPv4.
        config.set_address_family(if local.is_ipv6() { AddressFamily::IPV6 } else { AddressFamily::IPV4 });
        config.set_request_retransmits(FIRST_REPEAT, LONGEST_REPEAT, REPEATS, LONGEST_REPEAT);
        Self {
            client: TurnClientUdp::allocate(local, server, config),
            start: now,
            state: RelayState::Asking,
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

    /// Why there is no address: the server's words, or none where it said nothing.
    pub(super) fn trouble(&self) -> Option<String> {
        match self.state {
            RelayState::Standing(_) => None,
            RelayState::Asking | RelayState::Gone => {
                Some(self.refused.clone().unwrap_or_else(|| "no answer".to_owned()))
            }
        }
    }

    /// Takes what the server sent; relayed data is left in `datagram`.
    pub(super) fn receive(&mut self, now: Instant, datagram: &mut Vec<u8>) -> FromServer {
        if self.address().is_none() {
            self.refused = refusal(datagram).or(self.refused.take());
        }
        let now = self.elapsed(now);
        let (server, local) = (self.server(), self.local());
        let taken =
            match self.client.recv(Sending::new(datagram.as_slice(), TransportType::Udp, server, local), now)
            {
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
        Some(Transmit { from: sending.from, to: sending.to, bytes: sending.data })
    }

    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        let now = self.elapsed(now);
        let sending: Sending<Data<'static>> = self.client.poll_transmit(now)?;
        Some(Transmit { from: sending.from, to: sending.to, bytes: sending.data.to_vec() })
    }

    /// Lets time pass; says when to do so again.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Instant> {
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
        let end = self.start.checked_add(PATIENCE).filter(|_| self.state == RelayState::Asking);
        if end.is_some_and(|end| now >= end) {
            self.state = RelayState::Gone;
            return None;
        }
        again.into_iter().chain(end).min()
    }

    /// Gives the address back, so that the server need not wait for its end.
    pub(super) fn close(&mut self, now: Instant) {
        let now = self.elapsed(now);
        let _ = self.client.delete(now);
        self.state = RelayState::Gone;
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
