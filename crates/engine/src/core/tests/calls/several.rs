//! Holding, and more than one call at a time: waiting, joined, and what becomes of the others.

use super::*;

fn direction(offer: &SessionDescription) -> Direction {
    offer.direction_of(&offer.media[0])
}

#[test]
fn a_call_is_held_and_taken_back() {
    let mut two = Two::new();
    let (call, _) = two.talking();
    assert_eq!(two.command(Command::HoldCall { call: call.clone(), held: true }), Ok(Reply::Done {}));
    let plan = two.plans().pop().unwrap();
    assert_eq!(plan.mode, LegMode::Waiting, "nothing is said from the moment on");
    assert!(plan.sending, "the music is heard");
    assert_eq!(plan.expected, Expected::Nothing);
    assert!(two.view(&call).changing);
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendOnly]);
    let view = two.view(&call);
    assert_eq!((view.hold, view.changing), (HoldState::Here, false));
    let plan = two.plans().pop().unwrap();
    assert_eq!((plan.mode, plan.sending), (LegMode::Waiting, true));
    two.command(Command::HoldCall { call: call.clone(), held: false }).unwrap();
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendRecv]);
    assert_eq!(two.view(&call).hold, HoldState::None);
    let plan = two.plans().pop().unwrap();
    assert_eq!((plan.mode, plan.sending), (LegMode::Talking, true));
}

#[test]
fn the_other_side_may_let_us_wait_too() {
    let mut two = Two::new();
    let (call, theirs) = two.talking();
    for (direction, hold, sending) in [
        (Direction::SendOnly, HoldState::There, false),
        (Direction::SendRecv, HoldState::None, true),
        (Direction::Inactive, HoldState::There, false),
    ] {
        let theirs_now = offer_answer::AudioCapabilities { direction, ..capabilities(4000) };
        let offer = offer_answer::offer(&theirs_now);
        two.peer.offer(two.bench.now.instant, theirs, offer).unwrap();
        two.settle();
        assert_eq!(two.view(&call).hold, hold, "{direction:?}");
        let plans = two.plans();
        let plan = plans.last().unwrap();
        assert_eq!(plan.sending, sending, "{direction:?}");
        let expected = if sending { Expected::Sound } else { Expected::Hold };
        assert_eq!(plan.expected, expected, "{direction:?}");
    }
}

#[test]
fn whoever_answers_a_second_call_lets_the_first_wait() {
    let mut two = Two::new();
    let (first, _) = two.talking();
    two.ring_us();
    let second = CallId(2);
    two.bench.command(Command::AnswerCall { call: second.clone() });
    two.open_media(&second);
    two.settle();
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendOnly]);
    assert_eq!((two.view(&first).hold, two.view(&second).hold), (HoldState::Here, HoldState::None));
    two.command(Command::HoldCall { call: first.clone(), held: false }).unwrap();
    two.offers();
    assert_eq!((two.view(&first).hold, two.view(&second).hold), (HoldState::None, HoldState::Here));
}

#[test]
fn two_calls_become_one_conversation_and_two_again() {
    use LegMode::{Joined, Talking, Waiting};
    let mut two = Two::new();
    let (first, second) = two.with_two_calls();
    assert_eq!(two.command(Command::JoinCalls {}), Ok(Reply::Done {}));
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendRecv]);
    assert_eq!(two.last_modes(&first, &second), [Some(Joined); 2]);
    for call in [&first, &second] {
        let view = two.view(call);
        assert!(view.joined && view.hold == HoldState::None);
    }
    // The microphone is one for all of them.
    two.command(Command::MuteCall { call: first.clone(), muted: true }).unwrap();
    assert!(two.view(&first).muted && two.view(&second).muted);
    two.command(Command::LeaveConference { call: first.clone() }).unwrap();
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendOnly]);
    assert_eq!(two.last_modes(&first, &second), [Some(Waiting), Some(Talking)]);
    assert!(!two.view(&first).joined && !two.view(&second).joined);
    let again = Command::LeaveConference { call: first.clone() };
    assert_eq!(two.command(again), Err(ErrorCode::NotFound));
}

#[test]
fn who_hangs_up_leaves_the_rest_of_a_conference() {
    let mut two = Two::new();
    let (first, second) = two.with_two_calls();
    two.command(Command::JoinCalls {}).unwrap();
    two.offers();
    two.modes();
    two.command(Command::HangUpCall { call: second.clone() }).unwrap();
    two.close_media(&second);
    assert_eq!(two.last_modes(&first, &second), [Some(LegMode::Talking), None]);
    assert!(!two.view(&first).joined);
    assert_eq!(two.command(Command::JoinCalls {}), Err(ErrorCode::NotFound), "nobody to join");
}

#[test]
fn a_conference_waits_and_comes_back_as_a_whole() {
    let mut two = Two::new();
    let (first, second) = two.with_two_calls();
    two.command(Command::JoinCalls {}).unwrap();
    two.offers();
    two.ring_us();
    let third = CallId(3);
    two.bench.command(Command::AnswerCall { call: third.clone() });
    two.open_media(&third);
    two.settle();
    two.offers();
    assert_eq!(two.last_modes(&first, &second), [Some(LegMode::Waiting); 2]);
    two.command(Command::HoldCall { call: first.clone(), held: false }).unwrap();
    two.offers();
    assert_eq!(two.last_modes(&first, &second), [Some(LegMode::Joined); 2]);
    assert_eq!(two.view(&third).hold, HoldState::Here);
}
