//! Servers to which lately no datagram came through: in such a network a call does not wait again to learn it.
//!
//! What is done about them is the path's affair. A network that was left is forgotten with its list.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long it is believed that a server does not answer. Each call asks again meanwhile, beside other ways.
const BELIEVED: Duration = Duration::from_secs(600);
/// Servers that are remembered.
const MOST: usize = 16;

/// What all calls of a network know of servers.
#[derive(Debug, Clone, Default)]
pub(super) struct Silent(Arc<Mutex<Vec<(SocketAddr, Instant)>>>);

impl Silent {
    /// Those that are believed to be silent.
    pub(super) fn list(&self, now: Instant) -> Vec<SocketAddr> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, since)| now.saturating_duration_since(*since) < BELIEVED);
        known.iter().map(|(server, _)| *server).collect()
    }

    /// Takes note of which servers answered, and which did not.
    pub(super) fn learn(&self, now: Instant, answering: &[(SocketAddr, bool)]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(server, _)| !answering.iter().any(|(other, _)| other == server));
        known.extend(answering.iter().filter(|(_, answers)| !answers).map(|(server, _)| (*server, now)));
        let surplus = known.len().saturating_sub(MOST);
        known.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn silence_is_believed_for_minutes_or_until_an_answer() {
        let (silent, now) = (Silent::default(), Instant::now());
        silent.learn(now, &[(server(1), false), (server(2), true), (server(3), false)]);
        assert_eq!(silent.list(now), [server(1), server(3)]);
        let later = now + BELIEVED / 2;
        silent.clone().learn(later, &[(server(1), true), (server(3), false)]);
        assert_eq!(silent.list(now + BELIEVED), [server(3)], "asked again meanwhile, in vain");
        assert!(silent.list(later + BELIEVED).is_empty());
    }

    #[test]
    fn a_long_list_forgets_what_is_oldest() {
        let (silent, now) = (Silent::default(), Instant::now());
        for port in 0..100 {
            silent.learn(now, &[(server(port), false)]);
        }
        let left = silent.list(now);
        assert_eq!((left.len(), left.last()), (MOST, Some(&server(99))));
    }
}
