//! The switch's socket and its waiting.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket as StdUdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tern_sip::{Datagram, Endpoint, EndpointConfig, Listener, Strangers, Transport, wire::Method};
use tokio::{net::UdpSocket, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Deed, Switch};
use crate::{
    operator::{Operator, blocking},
    outside::OutsideRequest,
    services::{clips::Clip, studio::Studio},
};

/// How long calls may take to end when the sandbox stops.
const FAREWELL: Duration = Duration::from_millis(1500);
/// How long a host's addresses are asked for; a call rings elsewhere meanwhile.
const NAMED_WITHIN: Duration = Duration::from_secs(5);
/// After so many failures in a row the socket is gone.
const MAX_FAILURES: u32 = 100;

/// Runs the switch on its socket until stopped.
pub(crate) async fn run(
    operator: Arc<Operator>,
    socket: UdpSocket,
    local: SocketAddr,
    mut outside: mpsc::Receiver<OutsideRequest>,
    stop: CancellationToken,
) {
    // The address others reach this one by: what is bound to may be all of them.
    let address = SocketAddr::new(reachable(local.ip()), local.port());
    let endpoint = Endpoint::new(EndpointConfig {
        user_agent: concat!("Tern sandbox/", env!("CARGO_PKG_VERSION")).into(),
        listeners: vec![Listener { transport: Transport::Udp, address }],
        transports: vec![Transport::Udp],
        seed: rand::random(),
        handles: vec![Method::REGISTER],
        max_calls: operator.settings.max_legs,
        strangers: Strangers::Accept,
        // One phone may stand for a whole test's worth of them.
        flood: None,
        ..EndpointConfig::default()
    });
    // Media tasks repeat what they could not tell.
    let (news, mut told) = mpsc::channel(1024);
    let studio = Studio::start(operator.settings.media_silence, news.clone());
    let mut switch = Switch::new(endpoint, operator.clone(), address.ip(), studio, news);
    // Made once, and not while a call waits for it.
    drop(tokio::task::spawn_blocking(Clip::music));
    let (mut deeds, mut lookups) = (JoinSet::new(), JoinSet::new());
    let mut buffer = vec![0; tern_sip::wire::MAX_MESSAGE_BYTES];
    let mut failures = 0;
    let mut farewell: Option<tokio::time::Instant> = None;
    loop {
        let now = Instant::now();
        let (packets, done) = switch.work(now);
        for (remote, bytes) in packets {
            if let Err(error) = socket.send_to(&bytes, remote).await {
                tracing::debug!(%remote, %error, "a message cannot be sent");
                switch.endpoint().transport_failed(now, remote);
            }
        }
        for deed in done {
            deeds.spawn(carry_out(operator.clone(), deed));
        }
        // As many as calls ring, whose number is bounded.
        for (id, host) in switch.names() {
            lookups.spawn(async move { (id, addresses(&host, address).await) });
        }
        if farewell.is_some() && switch.endpoint().stats().calls == 0 {
            break;
        }
        let timeout = switch.poll_timeout().map(tokio::time::Instant::from_std);
        let clock = switch.poll_clock();
        tokio::select! {
            () = stop.cancelled(), if farewell.is_none() => {
                switch.hang_up_all(Instant::now());
                farewell = Some(tokio::time::Instant::now() + FAREWELL);
            }
            () = until(farewell) => break,
            () = until(timeout) => switch.handle_timeout(Instant::now()),
            () = until_clock(&operator, clock) => switch.handle_clock(Instant::now()),
            got = socket.recv_from(&mut buffer) => match got {
                Ok((length, remote)) => {
                    failures = 0;
                    let bytes = buffer.get(..length).unwrap_or_default();
                    let datagram = Datagram { local: address, remote, bytes };
                    switch.endpoint().handle_datagram(Instant::now(), datagram);
                }
                // Some systems report here that an earlier packet was not taken.
                Err(error) => {
                    failures += 1;
                    if failures > MAX_FAILURES {
                        tracing::error!(%error, "the SIP socket is gone");
                        break;
                    }
                }
            },
            Some(news) = told.recv() => switch.on_news(Instant::now(), news),
            Some(request) = outside.recv(), if farewell.is_none() => switch.carry_out(Instant::now(), request),
            Some(_) = deeds.join_next() => {}
            Some(Ok((id, found))) = lookups.join_next() => switch.named(Instant::now(), id, found),
        }
    }
    // Calls that did not end in time are written down nevertheless.
    let (_, done) = switch.work(Instant::now());
    for deed in done {
        deeds.spawn(carry_out(operator.clone(), deed));
    }
    while deeds.join_next().await.is_some() {}
    let stats = switch.endpoint().stats();
    tracing::debug!(
        received = stats.received,
        sent = stats.sent,
        garbage = stats.garbage,
        "the switch has stopped"
    );
}

/// What the system knows of a host, as far as it can be reached from the socket.
async fn addresses(host: &str, local: SocketAddr) -> Vec<IpAddr> {
    let asked = tokio::time::timeout(NAMED_WITHIN, tokio::net::lookup_host((host, 0))).await;
    let found = asked.ok().and_then(Result::ok).into_iter().flatten().map(|address| address.ip());
    found.filter(|ip| ip.is_ipv4() == local.is_ipv4()).collect()
}

async fn carry_out(operator: Arc<Operator>, deed: Deed) {
    let done = blocking(&operator, move |operator| match deed {
        Deed::Record(call) => operator.record_call(call).map(|_| ()),
        Deed::Visited(account) => operator.visited(account),
    });
    if let Err(error) = done.await {
        tracing::error!(%error, "a call cannot be written down");
    }
}

async fn until_clock(operator: &Operator, at: Option<Timestamp>) {
    match at {
        Some(at) => operator.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// An address of this machine that a peer can send to, where `bound` may stand for all of them.
fn reachable(bound: IpAddr) -> IpAddr {
    if !bound.is_unspecified() {
        return bound;
    }
    // Nothing is sent: connecting only chooses the way out. The address is set aside for documentation.
    let (any, far) = match bound {
        IpAddr::V4(_) => ("0.0.0.0:0", "192.0.2.1:9"),
        IpAddr::V6(_) => ("[::]:0", "[2001:db8::1]:9"),
    };
    let found = StdUdpSocket::bind(any).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    match (found, bound) {
        (Ok(address), _) => address.ip(),
        (Err(_), IpAddr::V4(_)) => std::net::Ipv4Addr::LOCALHOST.into(),
        (Err(_), IpAddr::V6(_)) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}
