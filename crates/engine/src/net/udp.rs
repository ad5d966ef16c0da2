//! UDP sockets of a line, and which local address leads to a server.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use tokio::{net::UdpSocket, sync::mpsc, task::AbortHandle};

use crate::{api::AccountId, core::Input};

/// Longest datagram read; SIP's own limit lies below.
const DATAGRAM: usize = 65_535;

/// An open socket whose datagrams go to the engine.
pub(crate) struct UdpLine {
    socket: Arc<UdpSocket>,
    reader: AbortHandle,
    /// The local address as others reach it.
    pub(crate) local: SocketAddr,
}

impl UdpLine {
    /// Starts reading. Datagrams that the engine is too busy for are dropped: SIP repeats what matters.
    pub(crate) fn start(
        socket: UdpSocket,
        local: SocketAddr,
        account: AccountId,
        line: u32,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let socket = Arc::new(socket);
        let mine = socket.clone();
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; DATAGRAM];
            loop {
                match mine.recv_from(&mut buffer).await {
                    Ok((length, remote)) => {
                        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                        let input = Input::Datagram { account: account.clone(), line, local, remote, bytes };
                        if let Err(mpsc::error::TrySendError::Closed(_)) = inputs.try_send(input) {
                            return;
                        }
                    }
                    // Errors of earlier sends are told here on some systems; the socket goes on.
                    Err(error)
                        if matches!(
                            error.kind(),
                            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
                        ) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the SIP socket can't be read");
                        return;
                    }
                }
            }
        })
        .abort_handle();
        Self { socket, reader, local }
    }

    /// Sends, or says that the network refused it. A full buffer counts as loss.
    pub(crate) fn send(&self, remote: SocketAddr, bytes: &[u8]) -> bool {
        match self.socket.try_send_to(bytes, remote) {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

impl Drop for UdpLine {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The local address that the system would send from. Connecting a UDP socket sends nothing.
pub(crate) fn local_ip(remote: IpAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    // Any port does; that of discard cannot be mistaken.
    socket.connect((remote, 9)).ok()?;
    socket.local_addr().ok().map(|a| a.ip()).filter(|ip| !ip.is_unspecified())
}

/// The address of whatever network there is.
pub(crate) fn any_ip() -> Option<IpAddr> {
    // Set aside for documentation (RFC 5737, RFC 3849): routed like the rest of the world, and nobody is there.
    let (four, six) = (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    local_ip(four.into()).or_else(|| local_ip(six.into()))
}
