//! A SIP user agent without sockets, clocks or threads (RFC 3261).
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod config;
mod endpoint;
mod event;
mod ids;
pub mod offer_answer;
mod transport;
pub mod wire;

pub use config::{
    CallConfig, EndpointConfig, Identity, Login, NextHop, RegistrationConfig, Reply, Secret, TimerSettings,
};
pub use endpoint::{CallError, Endpoint};
pub use event::{CallState, EndedBy, Ending, Event, Output, RegistrationFailure, RegistrationState, Stats};
pub use ids::{CallId, RegistrationId, RequestId, ResolveId};
pub use transport::{Datagram, Listener, Source, Transport};
