//! One server transaction: its machine, the request it answers and the last response.

use super::{Path, ServerId, Timer, server_invite, server_non_invite};
use crate::surroundings::{Surroundings, TimerKey};
use crate::wire::{HeaderAccess as _, Method, Request, Response};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What a table tells to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    SendResponse,
    Start(Timer),
    Stop(Timer),
    /// Again after twice the time, at most T2.
    DoubleToT2(Timer),
}

/// What happens to the transaction.
#[derive(Debug)]
pub(crate) enum Input {
    Retransmission,
    Ack,
    Respond(Response),
    Timer(Timer),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    Invite(server_invite::State),
    NonInvite(server_non_invite::State),
}

#[derive(Debug)]
pub(crate) struct ServerTransaction {
    pub(crate) request: Request,
    pub(crate) path: Path,
    /// The tag that makes our responses one dialog (RFC 3261 8.2.6.2).
    pub(crate) local_tag: String,
    id: ServerId,
    machine: Machine,
    response: Option<Vec<u8>>,
    /// Where to connect when the connection of the request is gone (RFC 3261 18.2.2); tried once.
    retreat: Option<SocketAddr>,
    interval: Duration,
}

impl ServerTransaction {
    pub(crate) fn new(id: ServerId, request: Request, path: Path, local_tag: String, t1: Duration) -> Self {
        let port = request.headers.top_via().ok().and_then(|via| via.port);
        let port = port.unwrap_or(path.transport.default_port());
        let retreat = path.flow.map(|_| SocketAddr::new(path.remote.ip(), port));
        let machine = if request.method == Method::INVITE {
            Machine::Invite(server_invite::State::Proceeding)
        } else {
            Machine::NonInvite(server_non_invite::State::Trying)
        };
        ServerTransaction { request, path, local_tag, id, machine, response: None, retreat, interval: t1 }
    }

    pub(crate) fn handle(&mut self, input: Input, now: Instant, around: &mut Surroundings) {
        let mut offered = None;
        let actions = match self.machine {
            Machine::Invite(state) => {
                let input = match input {
                    Input::Retransmission => server_invite::Input::Retransmission,
                    Input::Ack => server_invite::Input::Ack,
                    Input::Timer(timer) => server_invite::Input::Timer(timer),
                    Input::Respond(response) => {
                        let input = match response.code() {
                            100..=199 => server_invite::Input::Provisional,
                            200..=299 => server_invite::Input::Success,
                            _ => server_invite::Input::Failure,
                        };
                        offered = Some(response.to_bytes());
                        input
                    }
                };
                let (next, actions) = server_invite::step(state, input);
                self.machine = Machine::Invite(next);
                actions
            }
            Machine::NonInvite(state) => {
                let input = match input {
                    Input::Retransmission => server_non_invite::Input::Retransmission,
                    // An ACK cannot reach a non-INVITE transaction: its key names INVITE.
                    Input::Ack => return,
                    Input::Timer(timer) => server_non_invite::Input::Timer(timer),
                    Input::Respond(response) => {
                        let input = match response.code() {
                            100..=199 => server_non_invite::Input::Provisional,
                            _ => server_non_invite::Input::Final,
                        };
                        offered = Some(response.to_bytes());
                        input
                    }
                };
                let (next, actions) = server_non_invite::step(state, input);
                self.machine = Machine::NonInvite(next);
                actions
            }
        };
        // A response the table does not send (a second final one) must not replace the one that was.
        if offered.is_some() && actions.contains(&Action::SendResponse) {
            self.response = offered;
        }
        for action in actions {
            match *action {
                Action::SendResponse => {
                    if let Some(bytes) = &self.response {
                        let bytes = bytes.clone();
                        around.respond(now, &mut self.path, &mut self.retreat, bytes);
                    }
                }
                Action::Start(timer) => {
                    if let Some(after) = timer.duration(&around.config.timers, self.path.transport) {
                        around.timers.set(TimerKey::Server(self.id, timer), now + after);
                    }
                }
                Action::Stop(timer) => around.timers.cancel(TimerKey::Server(self.id, timer)),
                Action::DoubleToT2(timer) => {
                    self.interval = self.interval.saturating_mul(2).min(around.config.timers.t2);
                    around.timers.set(TimerKey::Server(self.id, timer), now + self.interval);
                }
            }
        }
    }

    pub(crate) fn is_terminated(&self) -> bool {
        matches!(
            self.machine,
            Machine::Invite(server_invite::State::Terminated)
                | Machine::NonInvite(server_non_invite::State::Terminated)
        )
    }

    /// Takes the transaction's timers away; for the one who drops it.
    pub(crate) fn clear(&self, around: &mut Surroundings) {
        for timer in [Timer::G, Timer::H, Timer::I, Timer::J, Timer::L] {
            around.timers.cancel(TimerKey::Server(self.id, timer));
        }
        around.timers.cancel(TimerKey::Unanswered(self.id));
    }
}
