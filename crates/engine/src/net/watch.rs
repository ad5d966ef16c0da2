//! Notices that the computer's addresses changed, or that it slept.
//!
//! What is told here is a hint: whoever hears it looks at the addresses themselves. Hints that come in a burst, as
//! they do when a network goes and the next one comes, are one hint.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;

/// How long a burst is waited for.
const BURST: Duration = Duration::from_millis(60);
/// How often to look where nothing tells, and whether the clocks still agree.
const LOOK: Duration = Duration::from_secs(2);
/// The wall clock may run ahead of the steady one by so much before the computer is taken to have slept.
const SLEPT: Duration = Duration::from_secs(5);

/// What was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noticed {
    /// Addresses may be different.
    Addresses,
    /// The computer slept: what was agreed with others before may be void.
    Slept,
}

/// Watches from now on, in the background.
pub(crate) struct NetworkWatch {
    hints: mpsc::Receiver<()>,
    looks: tokio::time::Interval,
    looked: (Instant, SystemTime),
}

impl NetworkWatch {
    /// Starts. Inside a runtime only.
    pub(crate) fn start() -> Self {
        let (tell, hints) = mpsc::channel(1);
        tokio::spawn(listen(tell));
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self { hints, looks, looked: (Instant::now(), SystemTime::now()) }
    }

    /// The next hint. May be dropped while it waits.
    pub(crate) async fn noticed(&mut self) -> Noticed {
        tokio::select! {
            Some(()) = self.hints.recv() => {}
            _ = self.looks.tick() => {}
        }
        let now = (Instant::now(), SystemTime::now());
        let before = std::mem::replace(&mut self.looked, now);
        if slept(before, now) { Noticed::Slept } else { Noticed::Addresses }
    }
}

/// While a computer sleeps, only its wall clock goes on.
fn slept(before: (Instant, SystemTime), now: (Instant, SystemTime)) -> bool {
    let steady = now.0.saturating_duration_since(before.0);
    now.1.duration_since(before.1).is_ok_and(|wall| wall > steady.saturating_add(SLEPT))
}

async fn listen(tell: mpsc::Sender<()>) {
    let mut changes = match system::Changes::open() {
        Ok(changes) => changes,
        // Then looking now and then has to do.
        Err(error) => return tracing::info!(%error, "the system tells no changes of its addresses"),
    };
    while changes.next().await {
        // The rest of the burst.
        let quiet = tokio::time::Instant::now() + BURST;
        while let Ok(true) = tokio::time::timeout_at(quiet, changes.next()).await {}
        if let Err(mpsc::error::TrySendError::Closed(())) = tell.try_send(()) {
            return;
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    //! Linux tells over a netlink socket (RFC 3549). Only that something came counts; what it says is not read.

    use std::io;

    use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE};

    /// Addresses and routes, IPv4 and IPv6: the groups of <linux/rtnetlink.h>.
    const GROUPS: u32 = 0x10 | 0x40 | 0x100 | 0x400;
    /// More than the system sends at a time.
    const MESSAGE: usize = 8192;

    pub(super) struct Changes {
        socket: TokioSocket,
        buffer: Vec<u8>,
    }

    impl Changes {
        pub(super) fn open() -> io::Result<Self> {
            let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
            socket.socket_mut().bind(&SocketAddr::new(0, GROUPS))?;
            Ok(Self { socket, buffer: Vec::with_capacity(MESSAGE) })
        }

        /// Waits for the next change; false when there will be none.
        pub(super) async fn next(&mut self) -> bool {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer).await {
                Ok(()) => true,
                // More came than the system kept for us (ENOBUFS), which is a change, too.
                Err(error) if error.raw_os_error() == Some(105) => true,
                Err(error) => {
                    tracing::warn!(%error, "the system tells no changes any more");
                    false
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! macOS and Windows tell through if-watch.

    use std::io;

    use futures_util::StreamExt;
    use if_watch::tokio::IfWatcher;

    pub(super) struct Changes(IfWatcher);

    impl Changes {
        pub(super) fn open() -> io::Result<Self> {
            IfWatcher::new().map(Self)
        }

        /// Waits for the next change; false when there will be none.
        pub(super) async fn next(&mut self) -> bool {
            matches!(self.0.next().await, Some(Ok(_)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_ran_ahead_tells_of_sleep() {
        let start = (Instant::now(), SystemTime::now());
        let later = |steady: u64, wall: u64| {
            (start.0 + Duration::from_secs(steady), start.1 + Duration::from_secs(wall))
        };
        assert!(slept(start, later(1, 3600)));
        assert!(!slept(start, later(3600, 3600)));
        assert!(!slept(start, later(2, 4)), "a clock that is set right is no sleep");
        assert!(!slept(start, (start.0 + Duration::from_secs(9), start.1 - Duration::from_secs(9))));
    }

    #[tokio::test]
    async fn it_looks_by_itself_too() {
        assert_eq!(NetworkWatch::start().noticed().await, Noticed::Addresses);
    }
}
