//! The sound of calls as the provider handles it: packets relayed between two customers, or made and reflected by
//! a service. No audio is decoded here.
//!
//! Each call has a task of its own that ends when its handle is dropped.

pub(crate) mod description;
pub(crate) mod ports;
pub(crate) mod relay;

use tokio::sync::mpsc;

use crate::switch::SessionId;

/// What media tasks tell the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing has come in for so long that the other side must be gone.
    Silent(SessionId),
    /// An announcement has been played to its end.
    Played(SessionId),
    /// A key was pressed.
    Digit(SessionId, char),
    /// A message was recorded: samples of [`crate::greeting::RATE`].
    Recorded(SessionId, Vec<i16>),
}

/// Tells the switch, unless it has more to read than it can: silence is told again, a digit pressed again.
pub(crate) fn tell(switch: &mpsc::Sender<News>, news: News) {
    let _ = switch.try_send(news);
}

/// As large as a datagram on a usual network gets.
pub(crate) const MAX_PACKET: usize = 2048;
