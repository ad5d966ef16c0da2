//! INVITE server transaction: RFC 3261 figure 7 with the Accepted state of RFC 6026 7.1.

use super::Timer;
use super::server::Action::{self, *};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
    Terminated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// The INVITE again.
    Retransmission,
    Ack,
    /// The core answers 100 to 199.
    Provisional,
    /// The core answers 200 to 299, for the first time or again.
    Success,
    /// The core answers 300 to 699.
    Failure,
    Timer(Timer),
}

pub(crate) fn step(state: State, input: Input) -> (State, &'static [Action]) {
    use Input::*;
    use State::*;
    match (state, input) {
        (Proceeding, Retransmission) => (Proceeding, &[SendResponse]),
        (Proceeding, Provisional) => (Proceeding, &[SendResponse]),

        // RFC 6026 7.1: retransmitted INVITEs are absorbed, the core retransmits its 2xx.
        (Proceeding, Success) => (Accepted, &[SendResponse, Start(super::Timer::L)]),
        (Accepted, Success) => (Accepted, &[SendResponse]),
        (Accepted, Timer(super::Timer::L)) => (Terminated, &[]),

        (Proceeding, Failure) => (Completed, &[SendResponse, Start(super::Timer::G), Start(super::Timer::H)]),
        (Completed, Retransmission) => (Completed, &[SendResponse]),
        (Completed, Timer(super::Timer::G)) => (Completed, &[SendResponse, DoubleToT2(super::Timer::G)]),
        (Completed, Timer(super::Timer::H)) => (Terminated, &[]),
        (Completed, Ack) => {
            (Confirmed, &[Stop(super::Timer::G), Stop(super::Timer::H), Start(super::Timer::I)])
        }
        (Confirmed, Timer(super::Timer::I)) => (Terminated, &[]),
        (state, _) => (state, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figure_7() {
        use Input::*;
        use State::*;
        for (state, input, then) in [
            (Proceeding, Retransmission, Proceeding),
            (Proceeding, Provisional, Proceeding),
            (Proceeding, Success, Accepted),
            (Proceeding, Failure, Completed),
            (Completed, Retransmission, Completed),
            (Completed, Timer(super::Timer::G), Completed),
            (Completed, Timer(super::Timer::H), Terminated),
            (Completed, Ack, Confirmed),
            (Completed, Success, Completed),
            (Confirmed, Ack, Confirmed),
            (Confirmed, Timer(super::Timer::I), Terminated),
            (Accepted, Retransmission, Accepted),
            (Accepted, Timer(super::Timer::L), Terminated),
        ] {
            assert_eq!(step(state, input).0, then, "{state:?} {input:?}");
        }
        assert_eq!(step(Accepted, Retransmission).1, []);
        assert_eq!(step(Confirmed, Retransmission).1, []);
    }
}
