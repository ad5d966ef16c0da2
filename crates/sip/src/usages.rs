//! What lives in a call's dialog beside its session (RFC 5057 4): the subscriptions of transfers, digits and
//! candidates on their way, and why the call is being ended.

use crate::info::Digits;
use crate::transfer::{Transferee, Transferor};
use crate::trickle::Telling;
use crate::wire::Reason;

/// The usages of one call.
#[derive(Debug, Default)]
pub(crate) struct Usages {
    /// The transfer asked of the other side.
    pub(crate) transferor: Option<Transferor>,
    /// The transfer the other side asks of us.
    pub(crate) transferee: Option<Transferee>,
    pub(crate) digits: Digits,
    pub(crate) telling: Telling,
    /// Goes into our BYE or CANCEL (RFC 3326).
    pub(crate) parting: Option<Reason>,
}

impl Usages {
    /// Whether the dialog is still needed when the session is over (RFC 5057 4.1).
    pub(crate) fn outlive_session(&self) -> bool {
        self.transferor.is_some() || self.transferee.as_ref().is_some_and(Transferee::outlives_session)
    }
}
