//! A call's connections to its TURN server: TCP, and TLS over it. What they carry is the path's affair.
//!
//! Invariant: nothing here waits. What a server does not take in time is lost, as it would be in a full network.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use mio::{Interest, Registry, Token, net::TcpStream};
use rustls::{ClientConfig, ClientConnection};
use tern_media::path::{Connect, StreamId};

use crate::net::tls;

/// Bytes that wait for a slow network at most: half a second of sound without compression, and what belongs to it.
const WAITING: usize = 32 * 1024;
/// Reads at a time before the sound is looked after again.
const BURST: u32 = 16;

/// One connection.
pub(super) struct Stream {
    pub(super) id: StreamId,
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    stage: Stage,
    /// Not written yet.
    out: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    /// The keys are being agreed on.
    Shaking,
    Standing,
    Ended,
}

/// What happened to a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It stands.
    Connected,
    /// This came.
    Bytes(Vec<u8>),
    /// It could not be made, or is no more, and why.
    Ended(String),
}

impl Stream {
    /// Begins to connect.
    pub(super) fn open(connect: Connect, trust: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let Connect { stream: id, to, tls } = connect;
        let tls = match tls {
            None => None,
            Some(name) => {
                let missing = || io::Error::new(io::ErrorKind::InvalidInput, "no certificates to believe");
                let trust = trust.ok_or_else(missing)?.clone();
                let name = tls::server_name(&name)
                    .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no name of a server"))?;
                Some(Box::new(ClientConnection::new(trust, name).map_err(io::Error::other)?))
            }
        };
        Ok(Self { id, socket: TcpStream::connect(to)?, tls, stage: Stage::Connecting, out: Vec::new() })
    }

    /// Has it wake whoever waits there.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Has it wake nobody.
    pub(super) fn deregister(&mut self, registry: &Registry) {
        // What was never registered needs no end of it.
        let _ = registry.deregister(&mut self.socket);
    }

    /// Whether everything has left.
    pub(super) fn is_empty(&self) -> bool {
        let sealed = self.tls.as_ref().is_some_and(|tls| tls.wants_write());
        self.stage != Stage::Standing || self.out.is_empty() && !sealed
    }

    /// Sends, as soon as the network takes it. A message is lost whole or not at all: a part of one would be the end of
    /// the stream.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.stage == Stage::Standing && self.out.len().saturating_add(bytes.len()) <= WAITING {
            self.out.extend_from_slice(bytes);
            // What the network says of it is heard when it is read.
            let _ = self.flush();
        }
    }

    /// Moves on, and tells what happened.
    pub(super) fn drive(&mut self, mut tell: impl FnMut(News)) {
        if self.stage == Stage::Ended {
            return;
        }
        if let Err(error) = self.step(&mut tell) {
            // A certificate that is not believed is told to the server.
            let _ = self.flush();
            self.stage = Stage::Ended;
            tell(News::Ended(error.to_string()));
        }
    }

    fn step(&mut self, tell: &mut impl FnMut(News)) -> io::Result<()> {
        if self.stage == Stage::Connecting {
            if let Some(error) = self.socket.take_error()? {
                return Err(error);
            }
            match self.socket.peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(error),
            }
            self.socket.set_nodelay(true)?;
            self.stage = Stage::Shaking;
        }
        self.flush()?;
        let mut buffer = [0; 4096];
        for _ in 0..BURST {
            let came = match &mut self.tls {
                None if self.stage == Stage::Shaking => None,
                None => not_yet(self.socket.read(&mut buffer))?,
                Some(tls) => {
                    let read = not_yet(tls.read_tls(&mut self.socket))?;
                    tls.process_new_packets().map_err(io::Error::other)?;
                    match (not_yet(tls.reader().read(&mut buffer))?, read) {
                        (Some(length), _) => Some(length),
                        // Of the protocol's own affairs, or a part of something.
                        (None, Some(length)) if length > 0 => continue,
                        (None, other) => other,
                    }
                }
            };
            match came {
                None => break,
                Some(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up")),
                Some(length) => tell(News::Bytes(buffer.get(..length).unwrap_or_default().to_vec())),
            }
        }
        if self.stage == Stage::Shaking && self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking()) {
            self.stage = Stage::Standing;
            tell(News::Connected);
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => {
                while let Some(length @ 1..) = not_yet(self.socket.write(&self.out))? {
                    self.out.drain(..length);
                }
            }
            Some(tls) => loop {
                if !self.out.is_empty() {
                    let length = tls.writer().write(&self.out)?;
                    self.out.drain(..length);
                }
                if !tls.wants_write() || not_yet(tls.write_tls(&mut self.socket))?.is_none() {
                    break;
                }
            },
        }
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(tls) = self.tls.as_mut().filter(|_| self.stage == Stage::Standing) {
            tls.send_close_notify();
        }
        if self.stage == Stage::Standing {
            let _ = self.flush();
        }
    }
}

/// What is not there yet is nothing wrong.
fn not_yet(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(length) => Ok(Some(length)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{SocketAddr, TcpListener},
        time::{Duration, Instant},
    };

    use mio::{Events, Poll};
    use rustls::{ServerConfig, ServerConnection};
    use tern_media::{
        PacketKind,
        path::{Local, Servers, TurnServer, TurnTransport},
    };

    use super::*;
    use crate::net::tls::tests::Authority;

    /// What a path asks for.
    fn wanted(to: SocketAddr, transport: TurnTransport) -> Connect {
        let (user, password) = (String::from("u"), String::from("p"));
        let turn = TurnServer { addresses: vec![to], streams: Vec::new(), transport, user, password };
        let servers = Servers { turn: Some(turn), ..Servers::default() };
        let socket = (PacketKind::Rtp, SocketAddr::from(([127, 0, 0, 1], 4000)));
        Local::new(Instant::now(), &[socket], &servers).poll_connect().unwrap()
    }

    /// Takes one connection, turns the first eight bytes round, and hangs up.
    fn server(config: Option<Arc<ServerConfig>>) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut bytes = [0; 8];
            match config {
                None => {
                    socket.read_exact(&mut bytes).unwrap();
                    bytes.reverse();
                    socket.write_all(&bytes).unwrap();
                }
                Some(config) => {
                    let mut tls = ServerConnection::new(config).unwrap();
                    let mut stream = rustls::Stream::new(&mut tls, &mut socket);
                    // Who does not believe us says no more.
                    if stream.read_exact(&mut bytes).is_ok() {
                        bytes.reverse();
                        stream.write_all(&bytes).unwrap();
                        tls.send_close_notify();
                        tls.complete_io(&mut socket).unwrap();
                    }
                }
            }
        });
        address
    }

    /// Talks with it to the end.
    fn talk(connect: Connect, trust: Option<&Arc<ClientConfig>>) -> Vec<News> {
        let mut poll = Poll::new().unwrap();
        let mut stream = Stream::open(connect, trust).unwrap();
        stream.register(poll.registry(), Token(0)).unwrap();
        let (mut events, mut news) = (Events::with_capacity(4), Vec::new());
        let deadline = Instant::now() + Duration::from_secs(20);
        while !news.iter().any(|news| matches!(news, News::Ended(_))) {
            assert!(Instant::now() < deadline, "{news:?}");
            // Only what it wakes for is looked at.
            poll.poll(&mut events, Some(Duration::from_secs(1))).unwrap();
            let before = news.len();
            stream.drive(|what| news.push(what));
            if news.get(before..).unwrap().contains(&News::Connected) {
                stream.write(b"12345678");
            }
        }
        news
    }

    #[test]
    fn bytes_go_both_ways_by_tcp_and_by_tls() {
        let authority = Authority::new();
        let trust = tls::client(Some(&authority.file("turn"))).unwrap();
        // Elsewhere than in SIP a name may stand for several (RFC 9525 section 6.3).
        let certificate = authority.certify(&["*.turn.test"], 2200);
        let plain = talk(wanted(server(None), TurnTransport::Tcp), None);
        let name = TurnTransport::Tls("one.turn.test".into());
        let sealed = talk(wanted(server(Some(certificate)), name), Some(&trust));
        for news in [plain, sealed] {
            let came: Vec<u8> = news
                .iter()
                .flat_map(|news| if let News::Bytes(bytes) = news { bytes.clone() } else { Vec::new() })
                .collect();
            assert_eq!(
                (news.first(), came.as_slice()),
                (Some(&News::Connected), &b"87654321"[..]),
                "{news:?}"
            );
        }
    }

    #[test]
    fn who_is_not_there_or_not_believed_is_said() {
        let nobody = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let news = talk(wanted(nobody, TurnTransport::Tcp), None);
        assert!(matches!(&news[..], [News::Ended(why)] if why.contains("refused")), "{news:?}");
        let (ours, theirs) = (Authority::new(), Authority::new());
        let trust = tls::client(Some(&ours.file("turn-ours"))).unwrap();
        for (authority, name) in [(&theirs, "turn.test"), (&ours, "other.test")] {
            let certificate = authority.certify(&["turn.test"], 2200);
            let name = TurnTransport::Tls(name.into());
            let news = talk(wanted(server(Some(certificate)), name), Some(&trust));
            assert!(matches!(&news[..], [News::Ended(why)] if why.contains("certificate")), "{news:?}");
        }
    }

    #[test]
    fn a_network_that_takes_nothing_loses_messages_whole() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut stream =
            Stream::open(wanted(listener.local_addr().unwrap(), TurnTransport::Tcp), None).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while stream.stage != Stage::Standing {
            assert!(Instant::now() < deadline);
            stream.drive(|_| {});
        }
        for _ in 0..50_000 {
            stream.write(&[7; 1000]);
        }
        let waiting = stream.out.len();
        assert!(waiting <= WAITING && waiting > WAITING - 1000, "{waiting}");
    }
}
