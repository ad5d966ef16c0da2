//! Who calls, which of one's numbers was called, who diverted the call, and which number to show when calling.
//!
//! Only reading and writing of headers: which account a call belongs to is the endpoint's part, what a number means
//! to its owner (a name, a rented number, a block list) the application's.
//!
//! Invariant: what only a server may say (P-Asserted-Identity, Remote-Party-ID, P-Called-Party-ID, History-Info,
//! Diversion) is read from [`Sender::OwnServer`] alone; anybody can write these headers (RFC 3325 5).

mod called;
mod caller;
mod shown;

pub(crate) use called::{Called, Own};
pub use caller::CallerIdentity;
pub use shown::{Privacy, ShownAs, ShownIdentity};

/// Whose word a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// It came from the server of an account of ours.
    OwnServer,
    /// It came from anywhere else.
    Anybody,
}
