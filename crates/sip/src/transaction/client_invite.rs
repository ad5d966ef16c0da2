//! INVITE client transaction: RFC 3261 figure 5 with the Accepted state of RFC 6026 7.2.

use super::Timer;
use super::client::Action::{self, *};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
    Terminated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// 100 to 199.
    Provisional,
    /// 200 to 299.
    Success,
    /// 300 to 699.
    Failure,
    Timer(Timer),
    TransportError,
}

/// What entering `Calling` does: 17.1.1.2.
pub(crate) const START: &[Action] = &[SendRequest, Start(Timer::A), Start(Timer::B)];

pub(crate) fn step(state: State, input: Input) -> (State, &'static [Action]) {
    use Input::*;
    use State::*;
    match (state, input) {
        (Calling, Timer(super::Timer::A)) => (Calling, &[SendRequest, Double(super::Timer::A)]),
        (Calling, Timer(super::Timer::B)) => (Terminated, &[ReportTimeout]),
        (Calling, Provisional) => (Proceeding, &[Stop(super::Timer::A), Stop(super::Timer::B), Deliver]),
        (Proceeding, Provisional) => (Proceeding, &[Deliver]),

        // RFC 6026 7.2: a 2xx no longer ends the transaction; it stays for further 2xx of this or other branches.
        (Calling | Proceeding, Success) => {
            (Accepted, &[Stop(super::Timer::A), Stop(super::Timer::B), Start(super::Timer::M), Deliver])
        }
        (Accepted, Success) => (Accepted, &[Deliver]),
        (Accepted, Timer(super::Timer::M)) => (Terminated, &[]),

        (Calling | Proceeding, Failure) => (
            Completed,
            &[Stop(super::Timer::A), Stop(super::Timer::B), SendAck, Start(super::Timer::D), Deliver],
        ),
        (Completed, Failure) => (Completed, &[SendAck]),
        (Completed, Timer(super::Timer::D)) => (Terminated, &[]),

        (Calling | Proceeding | Completed, TransportError) => (Terminated, &[ReportTransportError]),
        (state, _) => (state, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figure_5() {
        use Input::*;
        use State::*;
        let next = |state, input| step(state, input).0;
        for (state, input, then) in [
            (Calling, Provisional, Proceeding),
            (Calling, Success, Accepted),
            (Calling, Failure, Completed),
            (Calling, Timer(super::Timer::A), Calling),
            (Calling, Timer(super::Timer::B), Terminated),
            (Calling, TransportError, Terminated),
            (Proceeding, Provisional, Proceeding),
            (Proceeding, Success, Accepted),
            (Proceeding, Failure, Completed),
            (Completed, Failure, Completed),
            (Completed, Success, Completed),
            (Completed, Timer(super::Timer::D), Terminated),
            (Accepted, Success, Accepted),
            (Accepted, Failure, Accepted),
            (Accepted, Timer(super::Timer::M), Terminated),
        ] {
            assert_eq!(next(state, input), then, "{state:?} {input:?}");
        }
        assert_eq!(step(Completed, Failure).1, [SendAck]);
        assert_eq!(step(Completed, Provisional).1, []);
    }
}
