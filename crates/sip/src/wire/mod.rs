//! Bytes to messages and back: the parser, the serialiser and one file per header family.
//!
//! Invariant: nothing in here keeps state, and no input makes it panic. What a message *means* (which dialog, which
//! transaction, whether to answer) is decided outside. `rsip` gives the vocabulary ([`Method`]'s standard names,
//! [`StatusCode`], [`Header`], [`Headers`]); its tokenizer, typed headers and writer are never used here.

pub mod address;
pub mod auth;
pub mod cseq;
pub mod digest;
pub mod headers;
pub mod message;
pub mod method;
pub mod params;
pub mod parse;
pub mod reason;
pub mod sdp;
mod status;
mod token;
pub mod uri;
pub mod via;
mod write;

pub use address::{Address, Contacts};
pub use cseq::CSeq;
pub use headers::HeaderAccess;
pub use message::{Message, Request, Response};
pub use method::Method;
pub use params::Params;
pub use parse::{MAX_HEADERS, MAX_MESSAGE_BYTES, ParseError, parse_datagram, validate};
pub use reason::Reason;
pub use rsip::{Header, Headers, StatusCode};
pub use status::default_reason;
pub use uri::{Host, SipUri, TelUri, Uri};
pub use via::Via;

/// A header value or URI that does not follow its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct Malformed(pub &'static str);
