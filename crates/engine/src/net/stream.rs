//! One TCP or TLS connection of an account's SIP endpoint, in a task of its own.
//!
//! Invariant: what is to be written waits in a queue of bounded length, and what was read waits for the engine. A
//! peer that takes nothing loses its connection; one that sends too fast is slowed down by its own TCP.

use std::{io, net::SocketAddr, time::Duration};

use rustls::CertificateError;
use tern_sip::{FlowId, Transport};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::tls::{self, TrustError};
use crate::{
    api::AccountId,
    core::{Connection, Input, StreamEnd, StreamNews},
};

/// How long a connection, with its TLS handshake, may take to stand.
const CONNECT: Duration = Duration::from_secs(8);
/// How long one write may take; a peer that takes nothing for so long is gone.
const WRITE: Duration = Duration::from_secs(15);
/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Messages that may wait to be written.
const WRITES: usize = 64;
/// Bytes read at a time.
const CHUNK: usize = 16 * 1024;

/// Whose connection it is.
#[derive(Clone)]
pub(crate) struct Whose {
    pub(crate) account: AccountId,
    /// Which of its endpoints: each counts its connections anew.
    pub(crate) line: u32,
    pub(crate) flow: FlowId,
    pub(crate) inputs: mpsc::Sender<Input>,
}

/// A connection that is made or stands. Dropping it writes what is queued and closes.
pub(crate) struct Stream {
    writes: mpsc::Sender<Vec<u8>>,
    _held: oneshot::Sender<()>,
}

impl Stream {
    /// Starts to connect.
    pub(crate) fn connect(target: Connection, whose: Whose) -> Self {
        let (stream, mut ends) = Self::pair();
        tokio::spawn(async move {
            let made = tokio::select! {
                made = timeout(CONNECT, establish(&target)) => made,
                _ = &mut ends.dropped => return,
            };
            let (local, stream) = match made {
                Ok(Ok(made)) => made,
                Ok(Err(error)) => return whose.tell(StreamNews::Ended(end(&error))).await,
                Err(_) => return whose.tell(StreamNews::Ended(StreamEnd::TimedOut)).await,
            };
            whose.tell(StreamNews::Connected(local)).await;
            match stream {
                Made::Tcp(stream) => carry(stream, ends.writes, whose).await,
                Made::Tls(stream) => carry(*stream, ends.writes, whose).await,
            }
        });
        stream
    }

    /// Carries a connection that somebody else made.
    pub(crate) fn accepted(stream: TcpStream, whose: Whose) -> Self {
        let (handle, ends) = Self::pair();
        tokio::spawn(carry(stream, ends.writes, whose));
        handle
    }

    /// Queues a message; false when the peer takes nothing any more.
    #[must_use]
    pub(crate) fn write(&self, bytes: Vec<u8>) -> bool {
        self.writes.try_send(bytes).is_ok()
    }

    fn pair() -> (Self, Ends) {
        let (writes, queue) = mpsc::channel(WRITES);
        let (held, dropped) = oneshot::channel();
        (Self { writes, _held: held }, Ends { writes: queue, dropped })
    }
}

struct Ends {
    writes: mpsc::Receiver<Vec<u8>>,
    dropped: oneshot::Receiver<()>,
}

impl Whose {
    async fn tell(&self, news: StreamNews) {
        let Self { account, line, flow, inputs } = self;
        let input = Input::Stream { account: account.clone(), line: *line, flow: *flow, news };
        // An engine that has ended wants to know nothing.
        let _ = inputs.send(input).await;
    }
}

enum Made {
    Tcp(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

async fn establish(target: &Connection) -> io::Result<(SocketAddr, Made)> {
    let connector = match target.transport {
        Transport::Tls => {
            let file = target.ca_file.clone();
            // Reads files.
            let made = tokio::task::spawn_blocking(move || tls::connector(file.as_deref())).await;
            Some(made.map_err(io::Error::other)?.map_err(io::Error::other)?)
        }
        _ => None,
    };
    let socket = if target.remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(ip) = target.local {
        socket.bind(SocketAddr::new(ip, 0))?;
    }
    let stream = socket.connect(target.remote).await?;
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    let Some(connector) = connector else { return Ok((local, Made::Tcp(stream))) };
    let name = tls::server_name(&target.server_name)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no name of a server"))?;
    let stream = connector.connect(name, stream).await?;
    Ok((local, Made::Tls(Box::new(stream))))
}

/// Carries bytes both ways until either side ends it.
async fn carry(
    stream: impl AsyncRead + AsyncWrite + Send,
    mut writes: mpsc::Receiver<Vec<u8>>,
    whose: Whose,
) {
    let (mut read, mut write) = tokio::io::split(stream);
    let reading = async {
        let mut buffer = vec![0; CHUNK];
        loop {
            match read.read(&mut buffer).await {
                Ok(0) => return StreamEnd::Closed,
                Ok(length) => {
                    let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                    whose.tell(StreamNews::Bytes(bytes)).await;
                }
                Err(error) => return end(&error),
            }
        }
    };
    let writing = async {
        while let Some(bytes) = writes.recv().await {
            let written = timeout(WRITE, async {
                write.write_all(&bytes).await?;
                write.flush().await
            });
            match written.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Some(end(&error)),
                Err(_) => return Some(StreamEnd::TimedOut),
            }
        }
        let _ = timeout(FAREWELL, write.shutdown()).await;
        None
    };
    let why = tokio::select! {
        why = reading => Some(why),
        why = writing => why,
    };
    if let Some(why) = why {
        whose.tell(StreamNews::Ended(why)).await;
    }
}

/// What a failed connection is to the engine.
fn end(error: &io::Error) -> StreamEnd {
    use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    let inside = error.get_ref();
    if let Some(trust) = inside.and_then(|inside| inside.downcast_ref::<TrustError>()) {
        return StreamEnd::NoTrust(trust.to_string());
    }
    match inside.and_then(|inside| inside.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(error)) => match error {
            // Another one of the same name signed it, or one that may not sign.
            CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_) => {
                StreamEnd::UnknownAuthority
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                StreamEnd::WrongName
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => StreamEnd::OutOfDate,
            error => StreamEnd::BadCertificate(error.to_string()),
        },
        Some(error) => StreamEnd::Handshake(error.to_string()),
        None => match error.kind() {
            ConnectionRefused => StreamEnd::Refused,
            HostUnreachable | NetworkUnreachable | AddrNotAvailable => StreamEnd::NoWay,
            TimedOut => StreamEnd::TimedOut,
            _ => StreamEnd::Reset,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use rustls::ServerConfig;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::{super::tls::tests::Authority, *};

    /// A connection being made, and what is told of it.
    struct Client {
        stream: Stream,
        told: mpsc::Receiver<Input>,
    }

    impl Client {
        fn to(remote: SocketAddr, transport: Transport, ca_file: Option<PathBuf>) -> Self {
            let (inputs, told) = mpsc::channel(8);
            let target = Connection {
                transport,
                local: Some(remote.ip()),
                remote,
                server_name: "sip.example".into(),
                ca_file,
            };
            let mut endpoint = tern_sip::Endpoint::new(tern_sip::EndpointConfig::default());
            let now = std::time::Instant::now();
            let flow = endpoint.accepted(now, transport, remote, remote);
            let whose = Whose { account: AccountId(1), line: 1, flow, inputs };
            Self { stream: Stream::connect(target, whose), told }
        }

        async fn news(&mut self) -> StreamNews {
            match self.told.recv().await {
                Some(Input::Stream { news, .. }) => news,
                other => panic!("{other:?}"),
            }
        }
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Sends back what comes over TLS, until the other side closes.
    fn echo(listener: TcpListener, config: Arc<ServerConfig>) {
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await else { return };
            let mut buffer = [0; 64];
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                stream.write_all(&buffer[..length]).await.unwrap();
            }
        });
    }

    #[tokio::test]
    async fn bytes_go_both_ways_and_the_last_ones_leave_before_it_closes() {
        let (listener, address) = listener().await;
        let mut client = Client::to(address, Transport::Tcp, None);
        let (mut server, from) = listener.accept().await.unwrap();
        assert_eq!(client.news().await, StreamNews::Connected(from));
        assert!(client.stream.write(b"hello".to_vec()));
        let mut buffer = [0; 5];
        server.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"hello");
        server.write_all(b"there").await.unwrap();
        assert_eq!(client.news().await, StreamNews::Bytes(b"there".to_vec()));
        assert!(client.stream.write(b"bye".to_vec()));
        drop(client.stream);
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"bye");
    }

    #[tokio::test]
    async fn the_end_is_told_with_its_reason() {
        let (listener, address) = listener().await;
        let mut client = Client::to(address, Transport::Tcp, None);
        let (server, _) = listener.accept().await.unwrap();
        assert!(matches!(client.news().await, StreamNews::Connected(_)));
        drop(server);
        assert_eq!(client.news().await, StreamNews::Ended(StreamEnd::Closed));
        drop(listener);
        let mut client = Client::to(address, Transport::Tcp, None);
        assert_eq!(client.news().await, StreamNews::Ended(StreamEnd::Refused));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_shakes_no_hands_is_given_up() {
        let (listener, address) = listener().await;
        let file = Authority::new().file("silent");
        let mut client = Client::to(address, Transport::Tls, Some(file));
        let _silent = listener.accept().await.unwrap();
        assert_eq!(client.news().await, StreamNews::Ended(StreamEnd::TimedOut));
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_fills_a_queue_with_an_end() {
        let (listener, address) = listener().await;
        let mut client = Client::to(address, Transport::Tcp, None);
        let _server = listener.accept().await.unwrap();
        assert!(matches!(client.news().await, StreamNews::Connected(_)));
        let mut taken = 0;
        while client.stream.write(vec![b'x'; 65_536]) {
            taken += 1;
            tokio::task::yield_now().await;
            assert!(taken < 4096, "kept for ever");
        }
    }

    #[tokio::test]
    async fn only_the_certificate_that_was_meant_is_believed() {
        let (ours, theirs) = (Authority::new(), Authority::new());
        for (names, ends, authority, expect) in [
            (&["sip.example"][..], 4000, &ours, None),
            (&["sip:sip.example"], 4000, &ours, None),
            (&["other.example"], 4000, &ours, Some(StreamEnd::WrongName)),
            (&["*.example"], 4000, &ours, Some(StreamEnd::WrongName)),
            (&["sip.example"], 2001, &ours, Some(StreamEnd::OutOfDate)),
            (&["sip.example"], 4000, &theirs, Some(StreamEnd::UnknownAuthority)),
        ] {
            let (listener, address) = listener().await;
            echo(listener, authority.certify(names, ends));
            let mut client = Client::to(address, Transport::Tls, Some(ours.file("stream")));
            match expect {
                Some(end) => assert_eq!(client.news().await, StreamNews::Ended(end), "{names:?} {ends}"),
                None => {
                    assert!(matches!(client.news().await, StreamNews::Connected(_)), "{names:?}");
                    assert!(client.stream.write(b"OPTIONS".to_vec()));
                    assert_eq!(client.news().await, StreamNews::Bytes(b"OPTIONS".to_vec()));
                }
            }
        }
    }

    #[tokio::test]
    async fn without_a_file_of_its_own_an_account_believes_no_private_authority() {
        let (listener, address) = listener().await;
        echo(listener, Authority::new().certify(&["sip.example"], 4000));
        let mut client = Client::to(address, Transport::Tls, None);
        assert!(matches!(
            client.news().await,
            // Where no roots are installed, nobody at all is believed.
            StreamNews::Ended(StreamEnd::UnknownAuthority | StreamEnd::NoTrust(_))
        ));
    }

    #[tokio::test]
    async fn plain_text_is_no_handshake() {
        let (listener, address) = listener().await;
        let file = Authority::new().file("plain");
        let mut client = Client::to(address, Transport::Tls, Some(file));
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(b"SIP/2.0 400 Bad Request\r\n\r\n").await.unwrap();
        assert!(matches!(client.news().await, StreamNews::Ended(StreamEnd::Handshake(_))));
    }
}
