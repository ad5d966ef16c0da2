//! Everything an account's SIP endpoint is connected by: UDP sockets, TCP listeners, connections.
//!
//! A line stands on the local address that leads to its server, and on one of the other IP family where there is
//! one. Where TCP can listen on the same port, it does (RFC 3261 section 18.2.1).

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tern_sip::{FlowId, Listener, Transport};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    sync::mpsc,
    task::AbortHandle,
};

use super::{
    dns::Dns,
    stream::{Stream, Whose},
    udp::{UdpLine, any_ip, local_ip},
};
use crate::{
    api::{AccountId, ErrorCode, ErrorView},
    core::Input,
};

/// Connections a line takes from others; whoever comes later is turned away.
const INCOMING: usize = 32;
/// Ports tried until one is free for UDP and TCP both.
const PORT_TRIES: u32 = 8;

/// Where a line is to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Towards {
    /// Reachable by anyone.
    Everyone,
    /// On the way to this host.
    Host(String),
    /// On the way to this address.
    Address(IpAddr),
}

/// Sockets that are not read yet.
pub(crate) struct Bound {
    sockets: Vec<(UdpSocket, SocketAddr, Option<TcpListener>)>,
    towards: Option<IpAddr>,
    /// The address was given, whichever leads there.
    fixed: bool,
}

/// A connection from outside that the endpoint has not named yet.
pub(crate) struct Incoming {
    pub(crate) account: AccountId,
    pub(crate) line: u32,
    pub(crate) stream: TcpStream,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

/// A line's sockets and connections.
pub(crate) struct Wires {
    udp: Vec<UdpLine>,
    listening: Vec<AbortHandle>,
    streams: HashMap<FlowId, Stream>,
    unnamed: HashMap<u32, TcpStream>,
    next_unnamed: u32,
    towards: Option<IpAddr>,
    fixed: bool,
}

impl Bound {
    /// What the endpoint is to know of; the preferred address first.
    pub(crate) fn listeners(&self) -> Vec<Listener> {
        let mut listeners = Vec::new();
        for (_, local, tcp) in &self.sockets {
            listeners.push(Listener { transport: Transport::Udp, address: *local });
            if tcp.is_some() {
                listeners.push(Listener { transport: Transport::Tcp, address: *local });
            }
        }
        listeners
    }
}

/// Binds. `wanted` is the address asked for in the configuration; its port is given to whoever comes first.
pub(crate) async fn bind(
    towards: Towards,
    wanted: Option<SocketAddr>,
    dns: &Dns,
) -> Result<Bound, ErrorView> {
    let unreachable = || ErrorView::new(ErrorCode::SipUnreachable);
    let remote = match &towards {
        Towards::Everyone => None,
        Towards::Address(ip) => Some(*ip),
        Towards::Host(host) => Some(dns.leads_to(host).await.ok_or_else(unreachable)?),
    };
    let given = wanted.map(|w| w.ip()).filter(|ip| !ip.is_unspecified());
    let ip = match (given, remote) {
        (Some(given), _) => given,
        (None, Some(remote)) => local_ip(remote).ok_or_else(unreachable)?,
        (None, None) => any_ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    // Whoever is to be reached by anyone listens everywhere.
    let everywhere = remote.is_none() && given.is_none();
    let port = wanted.map_or(0, |w| w.port());
    let mut sockets = vec![sockets(ip, everywhere, port).await.map_err(|_| unreachable())?];
    if given.is_none() && !ip.is_loopback()
        && let Some(other) = other_family(ip)
        // Without it the line still stands.
        && let Ok(more) = self::sockets(other, everywhere, port).await
    {
        sockets.push(more);
    }
    Ok(Bound { sockets, towards: remote, fixed: given.is_some() })
}

async fn sockets(
    ip: IpAddr,
    everywhere: bool,
    port: u16,
) -> io::Result<(UdpSocket, SocketAddr, Option<TcpListener>)> {
    let listen = match (everywhere, ip) {
        (false, ip) => ip,
        (true, IpAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
        // One that takes IPv4 as well would be in the way of the other socket: only the address itself.
        (true, ip @ IpAddr::V6(_)) => ip,
    };
    let mut found = None;
    for _ in 0..PORT_TRIES {
        let udp = match UdpSocket::bind((listen, port)).await {
            Ok(udp) => udp,
            // Another account's socket has the port already.
            Err(_) => UdpSocket::bind((listen, 0)).await?,
        };
        let port = udp.local_addr()?.port();
        let tcp = TcpListener::bind((listen, port)).await.ok();
        let taken = tcp.is_none();
        found = Some((udp, SocketAddr::new(ip, port), tcp));
        if !taken {
            break;
        }
    }
    found.ok_or_else(|| io::ErrorKind::AddrInUse.into())
}

/// This computer's address in the other family, where it has a way to the world there.
fn other_family(ip: IpAddr) -> Option<IpAddr> {
    let far: IpAddr = match ip {
        IpAddr::V4(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        IpAddr::V6(_) => Ipv4Addr::new(192, 0, 2, 1).into(),
    };
    local_ip(far)
}

impl Wires {
    /// Starts to read.
    pub(crate) fn start(
        bound: Bound,
        account: &AccountId,
        line: u32,
        inputs: &mpsc::Sender<Input>,
        incoming: &mpsc::Sender<Incoming>,
    ) -> Self {
        let mut wires = Self {
            udp: Vec::new(),
            listening: Vec::new(),
            streams: HashMap::new(),
            unnamed: HashMap::new(),
            next_unnamed: 0,
            towards: None,
            fixed: false,
        };
        wires.stand_on(bound, account, line, inputs, incoming);
        wires
    }

    /// Moves to other sockets. Connections stay until the endpoint closes them.
    pub(crate) fn stand_on(
        &mut self,
        bound: Bound,
        account: &AccountId,
        line: u32,
        inputs: &mpsc::Sender<Input>,
        incoming: &mpsc::Sender<Incoming>,
    ) {
        self.stop_listening();
        self.udp.clear();
        self.towards = bound.towards;
        self.fixed = bound.fixed;
        for (socket, local, tcp) in bound.sockets {
            self.udp.push(UdpLine::start(socket, local, account.clone(), line, inputs.clone()));
            if let Some(tcp) = tcp {
                let accepting = accept(tcp, account.clone(), line, incoming.clone());
                self.listening.push(tokio::spawn(accepting).abort_handle());
            }
        }
    }

    /// Sends a datagram from `local`, or says that the network refused it.
    pub(crate) fn send(&self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) -> bool {
        let same_family = |u: &&UdpLine| u.local.is_ipv4() == remote.is_ipv4();
        let socket = self.udp.iter().find(|u| u.local == local).or_else(|| self.udp.iter().find(same_family));
        socket.is_some_and(|socket| socket.send(remote, bytes))
    }

    /// Keeps a connection under the endpoint's name for it.
    pub(crate) fn keep(&mut self, flow: FlowId, stream: Stream) {
        self.streams.insert(flow, stream);
    }

    /// Writes to a connection; false when its peer takes nothing any more.
    pub(crate) fn write(&mut self, flow: FlowId, bytes: Vec<u8>) -> bool {
        match self.streams.get(&flow) {
            // Already told as ended, or about to be.
            None => true,
            Some(stream) => stream.write(bytes) || self.streams.remove(&flow).is_none(),
        }
    }

    /// Closes a connection, its last words said.
    pub(crate) fn close(&mut self, flow: FlowId) {
        self.streams.remove(&flow);
    }

    /// Takes a connection from outside; its number until it is named, or none when there are too many.
    pub(crate) fn take_in(&mut self, stream: TcpStream) -> Option<u32> {
        if self.streams.len() + self.unnamed.len() >= INCOMING {
            return None;
        }
        let number = self.next_unnamed;
        self.next_unnamed = number.wrapping_add(1);
        self.unnamed.insert(number, stream);
        Some(number)
    }

    /// The endpoint names a connection from outside.
    pub(crate) fn name(&mut self, number: u32, whose: Whose) {
        if let Some(stream) = self.unnamed.remove(&number) {
            self.streams.insert(whose.flow, Stream::accepted(stream, whose));
        }
    }

    /// Whether this line should stand elsewhere by now.
    pub(crate) fn is_misplaced(&self) -> bool {
        let Some(here) = self.udp.first().map(|u| u.local.ip()) else { return true };
        match self.towards {
            _ if self.fixed => false,
            Some(towards) => local_ip(towards) != Some(here),
            None => any_ip().is_some_and(|ip| ip != here),
        }
    }

    /// The address the line looks for its way to.
    pub(crate) fn towards(&self) -> Option<IpAddr> {
        self.towards
    }

    fn stop_listening(&mut self) {
        for listening in self.listening.drain(..) {
            listening.abort();
        }
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        self.stop_listening();
    }
}

async fn accept(listener: TcpListener, account: AccountId, line: u32, incoming: mpsc::Sender<Incoming>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                let Ok(local) = stream.local_addr() else { continue };
                let came = Incoming { account: account.clone(), line, stream, local, remote };
                // A full queue turns it away.
                if let Err(mpsc::error::TrySendError::Closed(_)) = incoming.try_send(came) {
                    return;
                }
            }
            Err(error) => {
                // No more files, or a connection that went before it was taken.
                tracing::debug!(%error, "a connection was not taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn bound(wanted: Option<SocketAddr>) -> Bound {
        bind(Towards::Host("127.0.0.1".into()), wanted, &Dns::new(None)).await.unwrap()
    }

    #[tokio::test]
    async fn the_local_address_is_the_one_that_leads_there_for_udp_and_tcp() {
        let bound = bound(None).await;
        let listeners = bound.listeners();
        assert_eq!(listeners.len(), 2, "{listeners:?}");
        assert_eq!(listeners[0].address, listeners[1].address);
        assert_eq!(listeners[0].address.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_ne!(listeners[0].address.port(), 0);
        assert_eq!([listeners[0].transport, listeners[1].transport], [Transport::Udp, Transport::Tcp]);
    }

    #[tokio::test]
    async fn a_taken_port_is_left_to_its_owner() {
        let first = bound(None).await;
        let wanted = first.listeners()[0].address;
        let second = bound(Some(wanted)).await;
        assert_ne!(second.listeners()[0].address, wanted);
    }

    #[tokio::test]
    async fn a_line_that_leads_there_is_where_it_should_be() {
        let (inputs, _told) = mpsc::channel(1);
        let (incoming, mut came) = mpsc::channel(1);
        let bound = bound(None).await;
        let address = bound.listeners()[0].address;
        let mut wires = Wires::start(bound, &AccountId(1), 1, &inputs, &incoming);
        assert!(!wires.is_misplaced());
        let _client = TcpStream::connect(address).await.unwrap();
        let stream = came.recv().await.unwrap().stream;
        assert_eq!(wires.take_in(stream), Some(0));
        wires.towards = Some(IpAddr::from([192, 0, 2, 1]));
        assert!(wires.is_misplaced(), "loopback leads nowhere else");
    }
}
