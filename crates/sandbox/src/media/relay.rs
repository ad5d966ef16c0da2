//! Packets from one customer to the other. A real provider relays so that customers behind routers hear each other;
//! so does this one.
//!
//! Invariant: once a side's packets come from one address, only that address and the one its description names are
//! listened to.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    MAX_PACKET, News,
    ports::{PortPair, rtcp_of},
    tell,
};
use crate::switch::SessionId;

/// Where the descriptions of both sides want their RTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Declared {
    caller: Option<SocketAddr>,
    callee: Option<SocketAddr>,
}

/// A running relay; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Where the caller is to send.
    pub(crate) for_caller: SocketAddr,
    /// Where the callee is to send.
    pub(crate) for_callee: SocketAddr,
    declared: watch::Sender<Declared>,
    _stop: DropGuard,
}

impl Relay {
    pub(crate) fn start(
        ip: std::net::IpAddr,
        session: SessionId,
        silence: Duration,
        switch: mpsc::Sender<News>,
    ) -> io::Result<Self> {
        let (caller, callee) = (PortPair::bind(ip)?, PortPair::bind(ip)?);
        let (declared, changes) = watch::channel(Declared::default());
        let stop = CancellationToken::new();
        let relay = Self {
            for_caller: caller.address,
            for_callee: callee.address,
            declared,
            _stop: stop.clone().drop_guard(),
        };
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            run(caller, callee, changes, silence, || tell(&switch, News::Silent(session))).await;
        }));
        Ok(relay)
    }

    /// Where the caller's description wants its RTP.
    pub(crate) fn set_caller(&self, address: Option<SocketAddr>) {
        self.declared.send_modify(|declared| declared.caller = address);
    }

    /// Where the callee's description wants its RTP.
    pub(crate) fn set_callee(&self, address: Option<SocketAddr>) {
        self.declared.send_modify(|declared| declared.callee = address);
    }
}

async fn run(
    caller: PortPair,
    callee: PortPair,
    mut changes: watch::Receiver<Declared>,
    silence: Duration,
    silent: impl Fn(),
) {
    let mut buffers = [[0; MAX_PACKET]; 4];
    let [caller_rtp, caller_rtcp, callee_rtp, callee_rtcp] = &mut buffers;
    let (mut rtp, mut rtcp) = (Way::default(), Way::default());
    let mut deadline = Instant::now() + silence;
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = *changes.borrow_and_update();
                rtp.declare(now.caller, now.callee);
                rtcp.declare(now.caller.and_then(rtcp_of), now.callee.and_then(rtcp_of));
                continue;
            }
            () = tokio::time::sleep_until(deadline) => silent(),
            got = caller.rtp.recv_from(caller_rtp) => {
                let Way { caller: from, callee: to } = &mut rtp;
                forward(got, caller_rtp, from, &callee.rtp, to).await;
            }
            got = callee.rtp.recv_from(callee_rtp) => {
                let Way { caller: to, callee: from } = &mut rtp;
                forward(got, callee_rtp, from, &caller.rtp, to).await;
            }
            got = caller.rtcp.recv_from(caller_rtcp) => {
                let Way { caller: from, callee: to } = &mut rtcp;
                forward(got, caller_rtcp, from, &callee.rtcp, to).await;
            }
            got = callee.rtcp.recv_from(callee_rtcp) => {
                let Way { caller: to, callee: from } = &mut rtcp;
                forward(got, callee_rtcp, from, &caller.rtcp, to).await;
            }
        }
        deadline = Instant::now() + silence;
    }
}

async fn forward(
    got: io::Result<(usize, SocketAddr)>,
    buffer: &[u8],
    from: &mut Side,
    out: &UdpSocket,
    to: &Side,
) {
    // An error here is an earlier packet's: nobody was there to take it.
    let Ok((length, source)) = got else { return };
    if let (true, Some(target), Some(packet)) = (from.accept(source), to.target(), buffer.get(..length)) {
        let _ = out.send_to(packet, target).await;
    }
}

/// Both directions of RTP, or of RTCP.
#[derive(Debug, Default)]
struct Way {
    caller: Side,
    callee: Side,
}

impl Way {
    fn declare(&mut self, caller: Option<SocketAddr>, callee: Option<SocketAddr>) {
        self.caller.declare(caller);
        self.callee.declare(callee);
    }
}

/// Where one side is.
#[derive(Debug, Default)]
pub(crate) struct Side {
    declared: Option<SocketAddr>,
    seen: Option<SocketAddr>,
}

impl Side {
    /// What its description says. Where it was seen before counts no more if that has changed.
    pub(crate) fn declare(&mut self, address: Option<SocketAddr>) {
        if self.declared != address {
            *self = Self { declared: address, seen: None };
        }
    }

    /// Whether a packet from there is this side's.
    pub(crate) fn accept(&mut self, source: SocketAddr) -> bool {
        if self.seen.is_none() || self.declared == Some(source) {
            self.seen = Some(source);
        }
        self.seen == Some(source)
    }

    /// Where to send to it: where it really is, else where it says.
    pub(crate) fn target(&self) -> Option<SocketAddr> {
        self.seen.or(self.declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn a_side_is_where_its_packets_come_from() {
        let mut side = Side::default();
        assert_eq!(side.target(), None);
        side.declare(Some(at(1)));
        assert_eq!(side.target(), Some(at(1)));
        assert!(side.accept(at(2)), "behind a router it comes from elsewhere");
        assert_eq!(side.target(), Some(at(2)));
        assert!(!side.accept(at(3)), "a stranger");
        assert!(side.accept(at(1)) && side.target() == Some(at(1)), "the declared address always counts");
        side.declare(Some(at(4)));
        assert_eq!(side.target(), Some(at(4)));
    }

    #[tokio::test]
    async fn packets_cross_in_both_directions() {
        let (news, _) = mpsc::channel(1);
        let relay = Relay::start([127, 0, 0, 1].into(), SessionId(1), Duration::from_secs(60), news).unwrap();
        let caller = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let callee = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        relay.set_caller(Some(caller.local_addr().unwrap()));
        relay.set_callee(Some(callee.local_addr().unwrap()));
        let mut buffer = [0; 64];
        // Until the relay's task has read both addresses, packets have nowhere to go.
        let (length, from) = loop {
            caller.send_to(b"hello", relay.for_caller).await.unwrap();
            let wait = tokio::time::timeout(Duration::from_millis(20), callee.recv_from(&mut buffer)).await;
            if let Ok(got) = wait {
                break got.unwrap();
            }
        };
        assert_eq!((&buffer[..length], from), (&b"hello"[..], relay.for_callee));
        callee.send_to(b"back", relay.for_callee).await.unwrap();
        let (length, from) = caller.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..length], from), (&b"back"[..], relay.for_caller));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_told() {
        let (news, mut told) = mpsc::channel(1);
        let _relay =
            Relay::start([127, 0, 0, 1].into(), SessionId(7), Duration::from_secs(600), news).unwrap();
        assert_eq!(told.recv().await, Some(News::Silent(SessionId(7))));
    }
}
