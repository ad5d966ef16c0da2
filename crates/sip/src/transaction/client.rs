//! One client transaction: its machine, its request and where that goes.

use super::{ClientId, Path, Timer, client_invite, client_non_invite};
use crate::layer::Obstacle;
use crate::surroundings::{Surroundings, TimerKey};
use crate::wire::{HeaderAccess as _, Method, Request, Response};
use std::time::{Duration, Instant};

/// What a table tells to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    SendRequest,
    SendAck,
    Deliver,
    Start(Timer),
    Stop(Timer),
    /// Again after twice the time.
    Double(Timer),
    /// Again after twice the time, at most T2.
    DoubleToT2(Timer),
    /// Again after T2.
    RestartAtT2(Timer),
    ReportTimeout,
    ReportTransportError,
}

/// What happens to the transaction.
#[derive(Debug)]
pub(crate) enum Input<'a> {
    Response(&'a Response),
    Timer(Timer),
    TransportError(Obstacle),
}

/// What the core is told.
#[derive(Debug)]
pub(crate) enum Outcome {
    Nothing,
    Response,
    Timeout,
    TransportError(Obstacle),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    Invite(client_invite::State),
    NonInvite(client_non_invite::State),
}

#[derive(Debug)]
pub(crate) struct ClientTransaction {
    pub(crate) request: Request,
    pub(crate) path: Path,
    id: ClientId,
    machine: Machine,
    bytes: Vec<u8>,
    interval: Duration,
}

impl ClientTransaction {
    /// Starts the transaction by sending the request, whose Via is complete.
    pub(crate) fn start(
        id: ClientId,
        request: Request,
        path: Path,
        now: Instant,
        around: &mut Surroundings,
    ) -> Self {
        let bytes = request.to_bytes();
        let (machine, actions) = if request.method == Method::INVITE {
            (Machine::Invite(client_invite::State::Calling), client_invite::START)
        } else {
            (Machine::NonInvite(client_non_invite::State::Trying), client_non_invite::START)
        };
        let mut this =
            ClientTransaction { request, path, id, machine, bytes, interval: around.config.timers.t1 };
        this.perform(actions, None, now, around);
        this
    }

    pub(crate) fn handle(&mut self, input: Input<'_>, now: Instant, around: &mut Surroundings) -> Outcome {
        let response = match &input {
            Input::Response(response) => Some(*response),
            _ => None,
        };
        let obstacle = match &input {
            Input::TransportError(obstacle) => Some(*obstacle),
            _ => None,
        };
        let actions = match self.machine {
            Machine::Invite(state) => {
                let input = match input {
                    Input::Response(r) => match r.code() {
                        100..=199 => client_invite::Input::Provisional,
                        200..=299 => client_invite::Input::Success,
                        _ => client_invite::Input::Failure,
                    },
                    Input::Timer(timer) => client_invite::Input::Timer(timer),
                    Input::TransportError(_) => client_invite::Input::TransportError,
                };
                let (next, actions) = client_invite::step(state, input);
                self.machine = Machine::Invite(next);
                actions
            }
            Machine::NonInvite(state) => {
                let input = match input {
                    Input::Response(r) if r.code() < 200 => client_non_invite::Input::Provisional,
                    Input::Response(_) => client_non_invite::Input::Final,
                    Input::Timer(timer) => client_non_invite::Input::Timer(timer),
                    Input::TransportError(_) => client_non_invite::Input::TransportError,
                };
                let (next, actions) = client_non_invite::step(state, input);
                self.machine = Machine::NonInvite(next);
                actions
            }
        };
        match (self.perform(actions, response, now, around), obstacle) {
            (Outcome::TransportError(_), Some(obstacle)) => Outcome::TransportError(obstacle),
            (outcome, _) => outcome,
        }
    }

    pub(crate) fn is_terminated(&self) -> bool {
        matches!(
            self.machine,
            Machine::Invite(client_invite::State::Terminated)
                | Machine::NonInvite(client_non_invite::State::Terminated)
        )
    }

    /// Whether a provisional response has come and no final one (RFC 3261 9.1: only then it may be cancelled).
    pub(crate) fn is_proceeding(&self) -> bool {
        matches!(
            self.machine,
            Machine::Invite(client_invite::State::Proceeding)
                | Machine::NonInvite(client_non_invite::State::Proceeding)
        )
    }

    /// Lives on under another id and without repeating the request: another server has it now.
    pub(crate) fn step_back(&mut self, id: ClientId, around: &mut Surroundings) {
        around.timers.cancel(TimerKey::Client(self.id, Timer::A));
        around.timers.cancel(TimerKey::Client(self.id, Timer::E));
        for timer in [Timer::B, Timer::D, Timer::F, Timer::K, Timer::M] {
            around.timers.rename(TimerKey::Client(self.id, timer), TimerKey::Client(id, timer));
        }
        self.id = id;
    }

    /// Takes the transaction's timers away; for the one who drops it.
    pub(crate) fn clear(&self, around: &mut Surroundings) {
        for timer in [Timer::A, Timer::B, Timer::D, Timer::E, Timer::F, Timer::K, Timer::M] {
            around.timers.cancel(TimerKey::Client(self.id, timer));
        }
    }

    fn perform(
        &mut self,
        actions: &[Action],
        response: Option<&Response>,
        now: Instant,
        around: &mut Surroundings,
    ) -> Outcome {
        let mut outcome = Outcome::Nothing;
        for action in actions {
            match *action {
                Action::SendRequest => around.transmit(self.path, self.bytes.clone()),
                Action::SendAck => {
                    if let Some(response) = response {
                        around.transmit(self.path, self.ack(response).to_bytes());
                    }
                }
                Action::Deliver => outcome = Outcome::Response,
                Action::Start(timer) => {
                    if let Some(after) = timer.duration(&around.config.timers, self.path.transport) {
                        self.set(timer, after, now, around);
                    }
                }
                Action::Stop(timer) => around.timers.cancel(TimerKey::Client(self.id, timer)),
                Action::Double(timer) => {
                    self.interval = self.interval.saturating_mul(2);
                    self.set(timer, self.interval, now, around);
                }
                Action::DoubleToT2(timer) => {
                    self.interval = self.interval.saturating_mul(2).min(around.config.timers.t2);
                    self.set(timer, self.interval, now, around);
                }
                Action::RestartAtT2(timer) => self.set(timer, around.config.timers.t2, now, around),
                Action::ReportTimeout => outcome = Outcome::Timeout,
                Action::ReportTransportError => outcome = Outcome::TransportError(Obstacle::Refused),
            }
        }
        outcome
    }

    fn set(&self, timer: Timer, after: Duration, now: Instant, around: &mut Surroundings) {
        around.timers.set(TimerKey::Client(self.id, timer), now + after);
    }

    /// The ACK for a 3xx to 6xx (RFC 3261 17.1.1.3).
    fn ack(&self, response: &Response) -> Request {
        let mut ack = Request::new(Method::ACK, self.request.uri.clone());
        if let Ok(via) = self.request.headers.top_via() {
            ack.headers.add("Via", via.to_string());
        }
        ack.headers.add("Max-Forwards", "70");
        for route in self.request.headers.all("Route") {
            ack.headers.add("Route", route);
        }
        for (name, from) in
            [("From", &self.request.headers), ("To", &response.headers), ("Call-ID", &self.request.headers)]
        {
            ack.headers.add(name, from.first(name).unwrap_or_default());
        }
        if let Ok(cseq) = self.request.headers.cseq() {
            ack.headers.add("CSeq", format!("{} ACK", cseq.number));
        }
        ack
    }
}
