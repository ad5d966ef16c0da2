//! Before the answer: sound, branches of a forked call, reliable responses. SIPp is called.

use std::time::Duration;

use tern_sip::CallState;
use tern_tests::Result;
use tern_tests::actors::{Agent, Sipp};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn sound_before_the_answer_reaches_the_caller() -> Result<()> {
    let mut peer = Sipp::wait_with("early_media")?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    agent.wait_for_state("early media", call, |state| match state {
        CallState::EarlyMedia { sdp, .. } => sdp.media.first().map(|media| assert_eq!(media.port, 10000)),
        _ => None,
    })?;
    agent.confirmed(call)?;
    agent.hang_up(call)?;
    peer.wait()
}

#[test]
fn of_two_branches_that_answer_the_second_is_left() -> Result<()> {
    let mut peer = Sipp::wait_with("two_branches_answer")?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    for port in [10000, 20000] {
        agent.wait_for_state("early media of each branch", call, |state| match state {
            CallState::EarlyMedia { sdp, .. } => {
                sdp.media.first().filter(|media| media.port == port).map(|_| ())
            }
            _ => None,
        })?;
    }
    agent.confirmed(call)?;
    // Only when the other branch has been left is it known that the BYE of the first is ours.
    peer.wait_for_note("left", SOON)?;
    agent.hang_up(call)?;
    peer.wait()
}
