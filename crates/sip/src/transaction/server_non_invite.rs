//! Non-INVITE server transaction: RFC 3261 figure 8.

use super::Timer;
use super::server::Action::{self, *};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// The request again.
    Retransmission,
    /// The core answers 100 to 199.
    Provisional,
    /// The core answers 200 to 699.
    Final,
    Timer(Timer),
}

pub(crate) fn step(state: State, input: Input) -> (State, &'static [Action]) {
    use Input::*;
    use State::*;
    match (state, input) {
        (Trying | Proceeding, Provisional) => (Proceeding, &[SendResponse]),
        (Proceeding | Completed, Retransmission) => (state, &[SendResponse]),
        (Trying | Proceeding, Final) => (Completed, &[SendResponse, Start(super::Timer::J)]),
        (Completed, Timer(super::Timer::J)) => (Terminated, &[]),
        (state, _) => (state, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figure_8() {
        use Input::*;
        use State::*;
        for (state, input, then) in [
            (Trying, Retransmission, Trying),
            (Trying, Provisional, Proceeding),
            (Trying, Final, Completed),
            (Proceeding, Final, Completed),
            (Completed, Retransmission, Completed),
            (Completed, Final, Completed),
            (Completed, Timer(super::Timer::J), Terminated),
        ] {
            assert_eq!(step(state, input).0, then, "{state:?} {input:?}");
        }
        assert_eq!(step(Trying, Retransmission).1, []);
        assert_eq!(step(Completed, Retransmission).1, [SendResponse]);
    }
}
