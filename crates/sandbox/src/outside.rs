//! How the rest of the sandbox asks the switch to do something.

use tokio::sync::{mpsc, oneshot};

use crate::model::AccountId;

/// A call the outside world makes to a rented number.
#[derive(Debug, Clone)]
pub(crate) struct IncomingCall {
    pub(crate) to: String,
    pub(crate) from: Option<String>,
    pub(crate) ring_seconds: u32,
}

/// A call of the conference bridge to somebody who is to take part.
#[derive(Debug, Clone)]
pub(crate) struct CallMe {
    pub(crate) conference: String,
    /// A rented number or a SIP user.
    pub(crate) target: String,
    pub(crate) organiser: bool,
}

/// Why there is no such call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutsideError {
    /// Nobody rents the number.
    NumberUnknown,
    /// The switch is stopping or has too much to do.
    Busy,
}

/// A request to the switch; calls are answered with whether anything rings.
#[derive(Debug)]
pub(crate) enum OutsideRequest {
    /// The outside calls.
    Call(IncomingCall, oneshot::Sender<Result<bool, OutsideError>>),
    /// The conference bridge calls.
    CallMe(CallMe, oneshot::Sender<Result<bool, OutsideError>>),
    /// A conference was started or is over.
    ConferenceChanged(String),
    /// Messages were heard or deleted.
    MessagesChanged(AccountId),
}

/// The way to the switch.
#[derive(Debug, Clone)]
pub(crate) struct Outside(mpsc::Sender<OutsideRequest>);

impl Outside {
    /// A way to the switch, and its end there. When sixteen requests wait, more are refused.
    pub(crate) fn channel() -> (Self, mpsc::Receiver<OutsideRequest>) {
        let (sender, receiver) = mpsc::channel(16);
        (Self(sender), receiver)
    }

    /// Calls; answers whether anybody is registered there, so that it rings.
    pub(crate) async fn call(&self, call: IncomingCall) -> Result<bool, OutsideError> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(OutsideRequest::Call(call, answer)).map_err(|_| OutsideError::Busy)?;
        answered.await.map_err(|_| OutsideError::Busy)?
    }

    /// Calls somebody into a conference; answers whether it rings.
    pub(crate) async fn call_me(&self, call: CallMe) -> Result<bool, OutsideError> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(OutsideRequest::CallMe(call, answer)).map_err(|_| OutsideError::Busy)?;
        answered.await.map_err(|_| OutsideError::Busy)?
    }

    /// A conference was started or is over.
    pub(crate) async fn conference_changed(&self, id: String) {
        // A switch that is gone has hung everybody up.
        let _ = self.0.send(OutsideRequest::ConferenceChanged(id)).await;
    }

    /// Messages were heard or deleted.
    pub(crate) async fn messages_changed(&self, account: AccountId) {
        let _ = self.0.send(OutsideRequest::MessagesChanged(account)).await;
    }
}
