//! How the rest of the sandbox asks the switch to make a call from outside.

use tokio::sync::{mpsc, oneshot};

/// A call the outside world makes to a rented number.
#[derive(Debug, Clone)]
pub(crate) struct IncomingCall {
    pub(crate) to: String,
    pub(crate) from: Option<String>,
    pub(crate) ring_seconds: u32,
}

/// Why there is no such call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutsideError {
    /// Nobody rents the number.
    NumberUnknown,
    /// The switch is stopping or has too much to do.
    Busy,
}

/// A request to the switch; answered with whether anything rings.
pub(crate) type OutsideRequest = (IncomingCall, oneshot::Sender<Result<bool, OutsideError>>);

/// The way to the switch.
#[derive(Debug, Clone)]
pub(crate) struct Outside(mpsc::Sender<OutsideRequest>);

impl Outside {
    /// A way to the switch, and its end there. When sixteen calls wait to be begun, more are refused.
    pub(crate) fn channel() -> (Self, mpsc::Receiver<OutsideRequest>) {
        let (sender, receiver) = mpsc::channel(16);
        (Self(sender), receiver)
    }

    /// Calls; answers whether anybody is registered there, so that it rings.
    pub(crate) async fn call(&self, call: IncomingCall) -> Result<bool, OutsideError> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send((call, answer)).map_err(|_| OutsideError::Busy)?;
        answered.await.map_err(|_| OutsideError::Busy)?
    }
}
