//! Sockets whose servers are asked: a thread of their own asks, and keeps what was found alive until the sound
//! begins, because a phone may ring for minutes and a NAT forgets in one.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token, Waker};
use rustls::ClientConfig;
use tern_media::path::{Servers, TurnServer, TurnTransport};
use tokio::{runtime::Handle, sync::mpsc};

use super::{
    sockets::{Asked, Wire},
    turn_uri::TurnUri,
};
use crate::{
    api::CallId,
    core::{Input, MediaReport, Reach},
    net::{dns::Dns, tls},
};

/// How long a call waits for servers' answers, names included.
const PATIENCE: Duration = Duration::from_millis(500);
/// The thread's bell; the sockets have the tokens below.
const BELL: Token = Token(Wire::TOKENS);
/// STUN (RFC 8489 section 18.6).
const PORT: u16 = 3478;

/// Sockets on their way.
pub(super) struct Gathering {
    bell: Arc<Waker>,
    taken: Arc<AtomicBool>,
    given: Receiver<Wire>,
}

struct Asking {
    call: CallId,
    wire: Wire,
    poll: Poll,
    taken: Arc<AtomicBool>,
    give: SyncSender<Wire>,
    inputs: mpsc::Sender<Input>,
}

impl Gathering {
    /// Asks the servers; what is known after [`PATIENCE`] at the latest is told as [`MediaReport::Opened`].
    pub(super) fn start(
        call: CallId,
        wire: Wire,
        reach: Reach,
        dns: Dns,
        inputs: mpsc::Sender<Input>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let bell = Arc::new(Waker::new(poll.registry(), BELL)?);
        let taken = Arc::new(AtomicBool::new(false));
        let (give, given) = sync_channel(1);
        let asking = Asking { call, wire, poll, taken: taken.clone(), give, inputs };
        let runtime = Handle::current();
        std::thread::Builder::new().name("tern-path".into()).spawn(move || {
            let deadline = Instant::now().checked_add(PATIENCE);
            let asked = runtime.block_on(async {
                tokio::time::timeout(PATIENCE, asked(&reach, &dns)).await.unwrap_or_default()
            });
            asking.run(asked, deadline.unwrap_or_else(Instant::now));
        })?;
        Ok(Self { bell, taken, given })
    }

    /// The sockets, for whoever has something to send.
    pub(super) fn take(self) -> Option<Wire> {
        self.taken.store(true, Ordering::Release);
        let _ = self.bell.wake();
        self.given.recv().ok()
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        // Nobody receives: the thread gives back what was lent, and ends.
        self.taken.store(true, Ordering::Release);
        let _ = self.bell.wake();
    }
}

/// Looks up the names of servers for sockets that don't wait for it.
pub(super) fn look_up(reach: Reach, dns: Dns) -> Receiver<Asked> {
    let (tell, told) = sync_channel(1);
    tokio::spawn(async move {
        // The call may be over by then.
        let _ = tell.try_send(asked(&reach, &dns).await);
    });
    told
}

impl Asking {
    fn run(mut self, asked: Asked, deadline: Instant) {
        let nowhere = asked.servers.turn.as_ref().is_some_and(|turn| turn.addresses.is_empty());
        self.wire.ask(asked);
        if let Err(error) = self.wire.register(self.poll.registry(), Token(0)) {
            tracing::error!(%error, "a call's sockets can't be waited for");
        }
        let mut events = Events::with_capacity(8);
        let mut told = false;
        while !self.taken.load(Ordering::Acquire) {
            let now = Instant::now();
            let wake = self.wire.tick(now);
            if !told && (self.wire.is_complete() || now >= deadline) {
                let (rtp, addresses) = self.wire.addresses();
                let opened = MediaReport::Opened(rtp, addresses);
                let trouble = nowhere.then(|| "its name leads nowhere".to_owned());
                let trouble = trouble.or_else(|| self.wire.trouble_so_far()).map(MediaReport::NoRelay);
                for report in trouble.into_iter().chain([opened]) {
                    let _ = self.inputs.blocking_send(Input::Media(self.call.clone(), report));
                }
                self.wire.learn();
                told = true;
            }
            if let Some(why) = self.wire.late_trouble() {
                let _ = self.inputs.try_send(Input::Media(self.call.clone(), MediaReport::NoRelay(why)));
            }
            if told && let Some(found) = self.wire.news() {
                // The engine may just wait for the sockets: with no room for it, the next description tells it.
                let _ = self.inputs.try_send(Input::Media(self.call.clone(), MediaReport::Found(found)));
            }
            let wake = wake.into_iter().chain((!told).then_some(deadline)).min();
            let wait = wake.map(|wake| wake.saturating_duration_since(now).max(Duration::from_millis(1)));
            if let Err(error) = self.poll.poll(&mut events, wait)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "a call's sockets can't be waited for");
                break;
            }
            self.wire.receive(|_, _, _| {});
        }
        self.wire.deregister(self.poll.registry());
        let _ = self.give.send(self.wire);
    }
}

/// The addresses of the servers an account names, and whom to believe where they speak TLS.
async fn asked(reach: &Reach, dns: &Dns) -> Asked {
    let (stun, turn) = tokio::join!(stun(reach, dns), turn(reach, dns));
    let Some((turn, trust)) = turn else {
        return Asked { servers: Servers { stun, ..Servers::default() }, trust: None };
    };
    Asked { servers: Servers { stun, turn: Some(turn), silent: Vec::new() }, trust }
}

/// Where the STUN server is (RFC 8489 section 8).
async fn stun(reach: &Reach, dns: &Dns) -> Vec<SocketAddr> {
    let Some(name) = &reach.stun else { return Vec::new() };
    let ([service], own) = dns.services_of(name, ["_stun._udp"], PORT).await;
    service.unwrap_or(own)
}

/// Where and how the TURN server is reached, and whom to believe there.
async fn turn(reach: &Reach, dns: &Dns) -> Option<(TurnServer, Option<Arc<ClientConfig>>)> {
    let named = reach.turn.as_ref()?;
    let uri = TurnUri::parse(&named.server);
    let trust = match &uri {
        Some(TurnUri { transport: TurnTransport::Tls(_), .. }) => {
            let file = reach.ca_file.clone();
            // Reads files.
            let read = tokio::task::spawn_blocking(move || tls::client(file.as_deref())).await;
            let warn = |error: &tls::TrustError| tracing::warn!(%error, "no certificates to believe");
            read.ok().and_then(|read| read.inspect_err(warn).ok())
        }
        _ => None,
    };
    let (addresses, streams, transport) = match uri {
        Some(uri) => located(uri, dns).await,
        None => (Vec::new(), Vec::new(), TurnTransport::Any),
    };
    let (user, password) = (named.user.clone(), named.password.0.clone());
    Some((TurnServer { addresses, streams, transport, user, password }, trust))
}

/// Where a TURN server takes datagrams or what its transport is, where it takes connections if that is elsewhere, and the
/// transport that is left (RFC 5928 section 3).
async fn located(uri: TurnUri, dns: &Dns) -> (Vec<SocketAddr>, Vec<SocketAddr>, TurnTransport) {
    let service = match &uri.transport {
        TurnTransport::Any => {
            let (named, own) = dns.services_of(&uri.server, ["_turn._udp", "_turn._tcp"], uri.port).await;
            return match named {
                [Some(datagrams), Some(streams)] if !datagrams.is_empty() && !streams.is_empty() => {
                    (datagrams, streams, TurnTransport::Any)
                }
                [Some(datagrams), _] if !datagrams.is_empty() => (datagrams, Vec::new(), TurnTransport::Udp),
                [_, Some(streams)] => (streams, Vec::new(), TurnTransport::Tcp),
                [Some(_), None] => (Vec::new(), Vec::new(), TurnTransport::Any),
                [None, None] => (own, Vec::new(), TurnTransport::Any),
            };
        }
        TurnTransport::Udp => "_turn._udp",
        TurnTransport::Tcp => "_turn._tcp",
        TurnTransport::Tls(_) => "_turns._tcp",
    };
    let ([named], own) = dns.services_of(&uri.server, [service], uri.port).await;
    (named.unwrap_or(own), Vec::new(), uri.transport)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    /// A server that sees everybody at 198.51.100.7:31000 and answers so many questions.
    fn stun_server(answers: usize) -> SocketAddr {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut request = [0; 512];
            for _ in 0..answers {
                let (_, from) = socket.recv_from(&mut request).unwrap();
                // RFC 8489 section 14.2: port and address are joined with the cookie.
                let mut answer = vec![1, 1, 0, 12];
                answer.extend_from_slice(&request[4..20]);
                answer.extend_from_slice(&[0, 0x20, 0, 8, 0, 1]);
                answer.extend_from_slice(&(31_000_u16 ^ 0x2112).to_be_bytes());
                answer.extend_from_slice(&[198 ^ 0x21, 51 ^ 0x12, 100 ^ 0xA4, 7 ^ 0x42]);
                socket.send_to(&answer, from).unwrap();
            }
        });
        address
    }

    async fn opened(stun: String) -> (Option<Input>, Gathering) {
        let wire = Wire::open([127, 0, 0, 1].into(), None, true).unwrap();
        let reach = Reach { stun: Some(stun), checks: true, ..Reach::default() };
        let (inputs, mut said) = mpsc::channel(4);
        let gathering = Gathering::start(CallId(7), wire, reach, Dns::new(None), inputs).unwrap();
        (said.recv().await, gathering)
    }

    #[tokio::test]
    async fn servers_are_where_the_dns_says() {
        use TurnTransport::{Any, Tcp, Tls, Udp};
        let dns = Dns::new(Some(crate::net::dns::tests::server().await));
        let at = |all: &[&str]| all.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        for (name, addresses, streams, transport) in [
            ("both.test", at(&["192.0.2.1:5349"]), at(&["192.0.2.3:443"]), Any),
            ("turn:both.test?transport=tcp", at(&["192.0.2.3:443"]), at(&[]), Tcp),
            // RFC 5928 section 3: where there are records, they tell what the server takes.
            ("example.test", at(&["192.0.2.1:5349"]), at(&[]), Udp),
            ("turns:both.test", at(&["192.0.2.3:5000"]), at(&[]), Tls("both.test".into())),
            ("turn:one.example.test", at(&["192.0.2.1:3478"]), at(&[]), Any),
            ("turns:one.example.test", at(&["192.0.2.1:5349"]), at(&[]), Tls("one.example.test".into())),
            ("turn:one.example.test:99", at(&["192.0.2.1:99"]), at(&[]), Any),
        ] {
            let found = located(TurnUri::parse(name).unwrap(), &dns).await;
            assert_eq!(found, (addresses, streams, transport), "{name}");
        }
        let reach = |name: &str| Reach { stun: Some(name.to_owned()), ..Reach::default() };
        assert_eq!(stun(&reach("both.test"), &dns).await, at(&["192.0.2.1:3479"]));
        assert_eq!(stun(&reach("one.example.test"), &dns).await, at(&["192.0.2.1:3478"]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_outside_address_is_what_the_other_side_is_told() {
        let (input, gathering) = opened(stun_server(2).to_string()).await;
        let Some(Input::Media(CallId(7), MediaReport::Opened(rtp, addresses))) = input else {
            panic!("{input:?}")
        };
        assert_eq!(rtp, SocketAddr::from(([198, 51, 100, 7], 31_000)));
        assert_eq!(addresses.candidates.len(), 4, "each socket's own address and the one seen");
        assert!(gathering.take().is_some(), "the sockets are there for the sound");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_silent_server_holds_a_call_up_no_longer_than_patience_lasts() {
        let silent = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let before = Instant::now();
        let (input, gathering) = opened(silent.local_addr().unwrap().to_string()).await;
        let Some(Input::Media(_, MediaReport::Opened(rtp, addresses))) = input else { panic!("{input:?}") };
        assert!(before.elapsed() >= PATIENCE && before.elapsed() < 20 * PATIENCE);
        assert!(rtp.ip().is_loopback());
        assert_eq!(addresses.candidates.len(), 2);
        drop(gathering);
    }
}
