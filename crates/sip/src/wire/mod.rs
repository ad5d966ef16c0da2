//! Bytes to messages and back: the parser, the serialiser and one file per header family.
//!
//! Invariant: nothing in here keeps state, and no input makes it panic. What a message *means* (which dialog, which
//! transaction, whether to answer) is decided outside. `rsip` gives the vocabulary ([`Method`]'s standard names,
//! [`StatusCode`]); its tokenizer, headers and writer are never used here.

pub mod address;
pub mod auth;
pub mod content;
pub mod cseq;
pub mod date;
pub mod digest;
pub mod events;
pub mod framing;
pub mod headers;
pub mod history;
pub mod identity;
pub mod info;
pub mod message;
pub mod method;
pub mod multipart;
pub mod outbound;
pub mod params;
pub mod parse;
mod plain;
pub mod reason;
pub mod refer;
pub mod reliability;
pub mod replaces;
pub mod retry_after;
pub mod sdp;
pub mod session_timer;
mod status;
mod token;
pub mod uri;
pub mod via;
mod view;
pub mod warning;
mod write;

pub use address::{Address, Contacts};
pub use auth::AuthenticationInfo;
pub use content::{ContentDisposition, ContentType, Handling};
pub use cseq::CSeq;
pub use date::Date;
pub use events::{Event, SubscriptionState, Substate};
pub use framing::{Frame, Framer};
pub use headers::{Header, HeaderAccess, Headers};
pub use history::{Diversion, HistoryEntry, Retargeting};
pub use identity::{CalledParty, NetworkIdentity, Privacy, PrivacyKind};
pub use info::{AlertInfo, CallInfo};
pub use message::{Message, Request, Response};
pub use method::Method;
pub use multipart::{Body, Part};
pub use outbound::{FlowTimer, Gruu};
pub use params::Params;
pub use parse::{MAX_HEADERS, MAX_MESSAGE_BYTES, ParseError, parse_datagram, validate};
pub use reason::Reason;
pub use refer::{ReferSub, ReferTo, ReferredBy};
pub use reliability::{RAck, RSeq};
pub use replaces::{Join, Replaces, ReplacesWhen};
pub use retry_after::RetryAfter;
pub use rsip::StatusCode;
pub use session_timer::{MinSe, Refresher, SHORTEST_SESSION, SessionExpires};
pub use status::default_reason;
pub use uri::{Host, SipUri, TelUri, Uri};
pub use via::Via;
pub use view::HeaderView;
pub use warning::Warning;

/// A header value or URI that does not follow its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct Malformed(pub &'static str);
