//! Transfers (RFC 3515, 5589): REFER in both directions, the subscription it makes, and the dialogs that take the
//! place of others (RFC 3891).
//!
//! Invariant: a REFER calls nobody. It becomes [`crate::Event::TransferAsked`], and only
//! [`crate::Endpoint::accept_transfer`] places the call. At most one transfer in each direction is open in a call.
//!
//! The transferor's part is in `transferor`, the transferee's in `transferee`; the target's is an INVITE with
//! Replaces and stands with the other INVITEs in the endpoint. Whether the call is held meanwhile, and whether it is
//! ended after a transfer that was done, is the application's to say.

mod referral;
mod sipfrag;
mod transferee;
mod transferor;

pub(crate) use referral::Referral;
pub(crate) use transferee::Transferee;
pub(crate) use transferor::{Transferor, refer_to, refer_to_replacing};

/// The event package of the subscription a REFER makes (RFC 3515 2.4.4).
const PACKAGE: &str = "refer";

/// How a transfer we asked for goes on. [`Self::Done`], [`Self::Failed`] and [`Self::NoNews`] come last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferProgress {
    /// The other side has taken the request (202).
    Accepted,
    /// It calls the new target: the provisional response it got.
    Proceeding {
        /// 100, 180, 183 ...
        code: u16,
        /// Its words.
        phrase: String,
    },
    /// The other side talks to the new target; the call here may be ended.
    Done,
    /// Refused, or the new call came to nothing; the call here goes on.
    Failed {
        /// The code of the answer to the REFER, or of the one to the new call.
        code: u16,
        /// Its words.
        phrase: String,
    },
    /// Accepted, but the other side does not tell what becomes of it (RFC 4488), or has stopped telling.
    NoNews,
}
