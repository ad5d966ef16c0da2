//! A SIP user agent without sockets, clocks or threads (RFC 3261).
//!
//! An [`Endpoint`] takes datagrams, bytes of connections, the time and commands, and gives back what to send, which
//! connections to open, what to ask the DNS, and events, through [`Endpoint::poll`]. Whoever drives it owns the sockets
//! and the clock, and after *every* call
//!
//! 1. drains [`Endpoint::poll`] until it gives `None`, and
//! 2. asks [`Endpoint::poll_timeout`] when to call [`Endpoint::handle_timeout`].
//!
//! Time is an argument, and all randomness comes from [`EndpointConfig::seed`], so a run can be repeated exactly.
//!
//! ```
//! use std::time::Instant;
//! use tern_sip::wire::Uri;
//! use tern_sip::{Endpoint, EndpointConfig, Listener, Login, NextHop, Output, RegistrationConfig, Transport};
//!
//! let listener = Listener { transport: Transport::Udp, address: "192.0.2.7:5060".parse().unwrap() };
//! let config = EndpointConfig { listeners: vec![listener], ..EndpointConfig::default() };
//! let mut endpoint = Endpoint::new(config);
//!
//! let now = Instant::now();
//! let mut account = RegistrationConfig::new(Uri::parse("sip:alice@example.com").unwrap(), Login::new("alice", "secret"));
//! account.proxies = vec![NextHop::udp("192.0.2.1:5060".parse().unwrap())];
//! endpoint.register(now, account);
//!
//! while let Some(output) = endpoint.poll() {
//!     match output {
//!         Output::Transmit { remote, bytes, .. } => {
//!             assert_eq!(remote.port(), 5060);
//!             assert!(bytes.starts_with(b"REGISTER sip:example.com SIP/2.0"));
//!         }
//!         Output::Resolve { .. } => unreachable!("the proxy is an address"),
//!         Output::Connect { .. } | Output::Write { .. } | Output::Close { .. } => unreachable!("this goes over UDP"),
//!         Output::Trace { .. } => unreachable!("it was not asked for"),
//!         Output::Event(event) => println!("{event:?}"),
//!     }
//! }
//! assert!(endpoint.poll_timeout().is_some(), "the REGISTER will be repeated");
//! ```
//!
//! # Rooms
//!
//! | module | what lives there |
//! |---|---|
//! | [`wire`] | bytes to messages and back, one file per header family, digest, SDP |
//! | `transaction` | the four machines of RFC 3261 17 and RFC 6026, a table per file |
//! | `layer` | all transactions, the way to the first hop and back |
//! | `guard` | how many requests are listened to |
//! | `target` | which servers a request may go to, and in which order (RFC 3263) |
//! | `flow` | connections and the messages cut out of their bytes |
//! | `stun` | the messages of a keep-alive (RFC 5626 3.5.2) |
//! | `uas` | what is asked of any request before it means anything (RFC 3261 8.2) |
//! | `dialog`, `invite` | dialogs and calls |
//! | `account`, `registration`, `authentication`, `credentials` | accounts, and who gets to see their passwords |
//! | `identity`, `answer_mode` | who calls whom, and which number a call shows |
//! | `transfer`, `redirect`, `info`, `trickle`, `usages` | what is done with a call beside talking |
//! | `origin` | who sends a request outside any dialog, and by which way |
//! | `message`, `subscription`, [`message_waiting`] | MESSAGE, SUBSCRIBE and NOTIFY, waiting messages |
//! | [`offer_answer`] | what an offer and an answer agree on (RFC 3264) |
//! | [`trace`] | traced messages made fit to be shown |
//! | `endpoint` | tells who a message, a timer or a command is for |
//!
//! # What is deliberately absent
//!
//! Sockets, TLS, the DNS (asked by [`Output::Resolve`]), audio. Nothing that costs money or lets somebody
//! listen happens by itself: redirections, transfers and wishes to be answered at once are told to the application.
//!
//! # Trust
//!
//! Credentials of an account answer challenges only from the account's own first hop and only for the realm it named.
//! Line breaks in anything that is written out become spaces. Input never panics; what is no SIP is counted in
//! [`Stats`] and ignored.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod answer_mode;
mod authentication;
mod causes;
mod config;
mod credentials;
mod dialog;
mod endpoint;
mod event;
mod extension;
mod flow;
mod guard;
mod identity;
mod ids;
mod info;
mod invite;
mod layer;
mod message;
pub mod message_waiting;
pub mod offer_answer;
mod origin;
mod random;
mod redirect;
mod registration;
mod stun;
mod subscription;
mod surroundings;
mod target;
mod timers;
pub mod trace;
mod transaction;
mod transfer;
mod transport;
mod trickle;
mod uas;
mod usages;
pub mod wire;

pub use answer_mode::AnswerMode;
pub use config::{
    CallConfig, EndpointConfig, Families, FloodLimit, Identity, Login, NextHop, Rate, RegistrationConfig,
    Reliability, Reply, RetryTimes, Secret, Strangers, TimerSettings,
};
pub use endpoint::{CallError, Endpoint};
pub use event::{
    CallState, EndedBy, Ending, Event, OfferFailure, Output, RegistrationFailure, RegistrationState, Stats,
    Way,
};
pub use identity::{CallerIdentity, Privacy, ShownAs, ShownIdentity};
pub use ids::{
    BranchId, CallId, FlowId, MessageId, RegistrationId, RequestId, ResolveId, SubscriptionId, TransferId,
};
pub use message::{Body, MessageConfig, MessageOutcome};
pub use origin::SendError;
pub use redirect::Target;
pub use subscription::{SubscriptionConfig, SubscriptionEnd, SubscriptionState};
pub use transfer::TransferProgress;
pub use transport::{
    Answer, Datagram, Disconnect, Listener, NaptrRecord, Question, Source, SrvRecord, Transport,
};
