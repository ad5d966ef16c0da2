//! Non-INVITE client transaction: RFC 3261 figure 6.

use super::Timer;
use super::client::Action::{self, *};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// 100 to 199.
    Provisional,
    /// 200 to 699.
    Final,
    Timer(Timer),
    TransportError,
}

/// What entering `Trying` does: 17.1.2.2.
pub(crate) const START: &[Action] = &[SendRequest, Start(Timer::E), Start(Timer::F)];

pub(crate) fn step(state: State, input: Input) -> (State, &'static [Action]) {
    use Input::*;
    use State::*;
    match (state, input) {
        (Trying, Timer(super::Timer::E)) => (Trying, &[SendRequest, DoubleToT2(super::Timer::E)]),
        // 17.1.2.2: in Proceeding the interval is T2 at once.
        (Proceeding, Timer(super::Timer::E)) => (Proceeding, &[SendRequest, RestartAtT2(super::Timer::E)]),
        (Trying | Proceeding, Timer(super::Timer::F)) => (Terminated, &[ReportTimeout]),
        (Trying | Proceeding, TransportError) => (Terminated, &[ReportTransportError]),
        (Trying | Proceeding, Provisional) => (Proceeding, &[Deliver]),
        (Trying | Proceeding, Final) => {
            (Completed, &[Stop(super::Timer::E), Stop(super::Timer::F), Start(super::Timer::K), Deliver])
        }
        (Completed, Timer(super::Timer::K)) => (Terminated, &[]),
        (state, _) => (state, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figure_6() {
        use Input::*;
        use State::*;
        for (state, input, then) in [
            (Trying, Timer(super::Timer::E), Trying),
            (Trying, Timer(super::Timer::F), Terminated),
            (Trying, TransportError, Terminated),
            (Trying, Provisional, Proceeding),
            (Trying, Final, Completed),
            (Proceeding, Timer(super::Timer::E), Proceeding),
            (Proceeding, Timer(super::Timer::F), Terminated),
            (Proceeding, Provisional, Proceeding),
            (Proceeding, Final, Completed),
            (Completed, Final, Completed),
            (Completed, Timer(super::Timer::K), Terminated),
        ] {
            assert_eq!(step(state, input).0, then, "{state:?} {input:?}");
        }
        assert_eq!(step(Completed, Final).1, []);
        assert_eq!(step(Trying, Timer(super::Timer::E)).1, [SendRequest, DoubleToT2(super::Timer::E)]);
    }
}
