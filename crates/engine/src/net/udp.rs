//! The UDP socket of one account's SIP endpoint, on the local address that leads to its proxy.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use tern_sip::{Answer, Question};
use tokio::{
    net::{UdpSocket, lookup_host},
    sync::mpsc,
    task::AbortHandle,
};

use crate::{
    api::{AccountId, ErrorCode, ErrorView},
    core::Input,
};

/// Longest datagram read; SIP's own limit lies below.
const DATAGRAM: usize = 65_535;

/// An open socket whose datagrams go to the engine.
pub(crate) struct LineSocket {
    socket: Arc<UdpSocket>,
    reader: AbortHandle,
    /// The local address as others reach it.
    pub(crate) local: SocketAddr,
    /// Towards whom, for noticing that another local address leads there now.
    pub(crate) towards: Option<SocketAddr>,
}

/// A bound socket that is not read yet.
pub(crate) struct Bound {
    pub(crate) socket: UdpSocket,
    pub(crate) local: SocketAddr,
    pub(crate) towards: Option<SocketAddr>,
}

impl LineSocket {
    /// Starts reading. Datagrams that the engine is too busy for are dropped: SIP repeats what matters.
    pub(crate) fn start(bound: Bound, account: AccountId, line: u32, inputs: mpsc::Sender<Input>) -> Self {
        let socket = Arc::new(bound.socket);
        let mine = socket.clone();
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; DATAGRAM];
            loop {
                match mine.recv_from(&mut buffer).await {
                    Ok((length, remote)) => {
                        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                        let input = Input::Datagram { account: account.clone(), line, remote, bytes };
                        if let Err(mpsc::error::TrySendError::Closed(_)) = inputs.try_send(input) {
                            return;
                        }
                    }
                    // Errors of earlier sends are told here on some systems; the socket goes on.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                    Err(error) => {
                        tracing::warn!(%error, "the SIP socket can't be read");
                        return;
                    }
                }
            }
        })
        .abort_handle();
        Self { socket, reader, local: bound.local, towards: bound.towards }
    }

    /// Sends, or says that the network refused it. A full buffer counts as loss.
    pub(crate) fn send(&self, remote: SocketAddr, bytes: &[u8]) -> bool {
        match self.socket.try_send_to(bytes, remote) {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

impl Drop for LineSocket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Binds a socket that leads to `towards`. `wanted` is the address asked for in the configuration; its port is given
/// to whoever comes first.
pub(crate) async fn bind(
    towards: Option<(String, u16)>,
    wanted: Option<SocketAddr>,
) -> Result<Bound, ErrorView> {
    let remote = match towards {
        Some((host, port)) => {
            Some(resolve(&host, port).await.ok_or(ErrorView::new(ErrorCode::SipUnreachable))?)
        }
        None => None,
    };
    let ip = match (wanted, remote) {
        (Some(wanted), _) if !wanted.ip().is_unspecified() => wanted.ip(),
        (_, Some(remote)) => local_ip(remote).ok_or(ErrorView::new(ErrorCode::SipUnreachable))?,
        (_, None) => any_ip(),
    };
    let port = wanted.map_or(0, |w| w.port());
    // Whoever is to be reached by anyone listens everywhere.
    let listen = if remote.is_none() && wanted.is_none_or(|w| w.ip().is_unspecified()) {
        match ip {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    } else {
        ip
    };
    let socket = match UdpSocket::bind((listen, port)).await {
        Ok(socket) => socket,
        // Another account's socket has the port already.
        Err(_) => {
            UdpSocket::bind((listen, 0)).await.map_err(|_| ErrorView::new(ErrorCode::SipUnreachable))?
        }
    };
    let bound = socket.local_addr().map_err(|_| ErrorView::new(ErrorCode::SipUnreachable))?;
    Ok(Bound { socket, local: SocketAddr::new(ip, bound.port()), towards: remote })
}

/// What the system knows of names: addresses only, IPv4 before IPv6.
pub(crate) async fn answer(question: &Question) -> Answer {
    let Question::Addresses(host) = question else { return Answer::Nothing };
    let Ok(found) = lookup_host((host.as_str(), 0)).await else { return Answer::Nothing };
    let mut addresses: Vec<IpAddr> = found.map(|a| a.ip()).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses.dedup();
    Answer::Addresses(addresses)
}

/// The first address of a name, IPv4 before IPv6: few SIP providers answer on both.
pub(crate) async fn resolve(host: &str, port: u16) -> Option<SocketAddr> {
    let found: Vec<SocketAddr> = lookup_host((host, port)).await.ok()?.collect();
    found.iter().find(|a| a.is_ipv4()).or_else(|| found.first()).copied()
}

/// The local address that the system would send from. Connecting a UDP socket sends nothing.
pub(crate) fn local_ip(remote: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect(remote).ok()?;
    socket.local_addr().ok().map(|a| a.ip())
}

/// The address of whatever network there is, or the computer's own.
fn any_ip() -> IpAddr {
    // TEST-NET-1 (RFC 5737): routed like the rest of the world, and nobody is there.
    let world = SocketAddr::from(([192, 0, 2, 1], 9));
    local_ip(world).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_local_address_is_the_one_that_leads_there() {
        let bound = bind(Some(("127.0.0.1".into(), 5060)), None).await.unwrap();
        assert_eq!(bound.local.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_ne!(bound.local.port(), 0);
    }

    #[tokio::test]
    async fn a_taken_port_is_left_to_its_owner() {
        let first = bind(Some(("127.0.0.1".into(), 5060)), None).await.unwrap();
        let wanted = SocketAddr::from(([127, 0, 0, 1], first.local.port()));
        let second = bind(Some(("127.0.0.1".into(), 5060)), Some(wanted)).await.unwrap();
        assert_ne!(first.local.port(), second.local.port());
    }
}
