//! The endpoint: the one owner of all transactions, dialogs, calls and registrations.

use crate::config::{CallConfig, EndpointConfig, RegistrationConfig, Reply};
use crate::event::{Output, Stats};
use crate::ids::{CallId, RegistrationId, RequestId, ResolveId};
use crate::transport::{Datagram, Listener, Transport};
use crate::wire::sdp::SessionDescription;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

/// A SIP user agent without input or output of its own.
#[derive(Debug)]
pub struct Endpoint {
    config: EndpointConfig,
    outputs: VecDeque<Output>,
    stats: Stats,
    next_id: u64,
}

/// Why a call could not be placed or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// [`EndpointConfig::max_calls`] are alive.
    #[error("too many calls")]
    TooManyCalls,
    /// No registration of that id.
    #[error("unknown account")]
    UnknownAccount,
    /// No call of that id, or it is over.
    #[error("unknown call")]
    UnknownCall,
    /// The call is in no state for this.
    #[error("not possible in this state of the call")]
    WrongState,
    /// Neither the target nor a next hop says where to send, or there is no listener of that transport.
    #[error("no way to the target")]
    NoRoute,
}

impl Endpoint {
    /// An endpoint with no registrations and no calls.
    pub fn new(config: EndpointConfig) -> Endpoint {
        Endpoint { config, outputs: VecDeque::new(), stats: Stats::default(), next_id: 0 }
    }

    /// Takes bytes from the network.
    pub fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        let _ = (now, datagram);
    }

    /// Does what is due. To be called at the time [`Self::poll_timeout`] told; earlier or later does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// When [`Self::handle_timeout`] is to be called next. Ask again after every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next thing to do, until `None`. To be drained after every other call.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The answer to [`Output::Resolve`]; `None` when the name has no address.
    pub fn resolved(&mut self, now: Instant, id: ResolveId, hop: Option<(Transport, SocketAddr)>) {
        let _ = (now, id, hop);
    }

    /// The network refused a message to that address (RFC 3261 18.4).
    pub fn transport_failed(&mut self, now: Instant, transport: Transport, remote: SocketAddr) {
        let _ = (now, transport, remote);
    }

    /// The local addresses changed; later requests use the new ones.
    pub fn set_listeners(&mut self, listeners: Vec<Listener>) {
        self.config.listeners = listeners;
    }

    /// Counters and sizes.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Registers an account and keeps it registered until [`Self::unregister`].
    pub fn register(&mut self, now: Instant, config: RegistrationConfig) -> RegistrationId {
        let _ = (now, config);
        self.next_id = self.next_id.saturating_add(1);
        RegistrationId(self.next_id)
    }

    /// Registers anew at once: after a network change, or after `Failed` without a retry.
    pub fn refresh(&mut self, now: Instant, id: RegistrationId) {
        let _ = (now, id);
    }

    /// Removes the binding; `Unregistered` follows, and the id is spent.
    pub fn unregister(&mut self, now: Instant, id: RegistrationId) {
        let _ = (now, id);
    }

    /// Places a call.
    pub fn call(&mut self, now: Instant, config: CallConfig) -> Result<CallId, CallError> {
        let _ = (now, config);
        Err(CallError::NoRoute)
    }

    /// Tells the caller that it rings here (180).
    pub fn ring(&mut self, now: Instant, call: CallId) -> Result<(), CallError> {
        self.progress(now, call, Reply::new(180))
    }

    /// Sends a provisional response of the application's making: 180, 182, 183 with early media ...
    pub fn progress(&mut self, now: Instant, call: CallId, reply: Reply) -> Result<(), CallError> {
        let _ = (now, call, reply);
        Err(CallError::UnknownCall)
    }

    /// Takes an incoming call. `sdp` is the answer, or our offer when the INVITE had none.
    pub fn accept(&mut self, now: Instant, call: CallId, sdp: SessionDescription) -> Result<(), CallError> {
        let _ = (now, call, sdp);
        Err(CallError::UnknownCall)
    }

    /// Refuses an incoming call with any final code from 300 on.
    pub fn reject(&mut self, now: Instant, call: CallId, reply: Reply) -> Result<(), CallError> {
        let _ = (now, call, reply);
        Err(CallError::UnknownCall)
    }

    /// Ends a call in whatever state it is: CANCEL, BYE, or 603 for one that still rings here.
    pub fn hang_up(&mut self, now: Instant, call: CallId) -> Result<(), CallError> {
        let _ = (now, call);
        Err(CallError::UnknownCall)
    }

    /// Answers [`crate::Event::Reoffer`] with a description.
    pub fn answer_reoffer(
        &mut self,
        now: Instant,
        call: CallId,
        sdp: SessionDescription,
    ) -> Result<(), CallError> {
        let _ = (now, call, sdp);
        Err(CallError::UnknownCall)
    }

    /// Refuses [`crate::Event::Reoffer`]; the session goes on as it was (RFC 3261 14.2).
    pub fn reject_reoffer(&mut self, now: Instant, call: CallId, reply: Reply) -> Result<(), CallError> {
        let _ = (now, call, reply);
        Err(CallError::UnknownCall)
    }

    /// Answers [`crate::Event::Request`]. A provisional reply may come before the final one; a request already
    /// answered or expired is ignored.
    pub fn respond(&mut self, now: Instant, id: RequestId, reply: Reply) {
        let _ = (now, id, reply);
    }
}
