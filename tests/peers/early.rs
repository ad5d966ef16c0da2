//! Before the answer: sound, branches of a forked call, reliable responses. SIPp is called.

use std::time::Duration;

use tern_sip::CallState;
use tern_sip::wire::sdp::Direction;
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

#[test]
fn reliable_answers_are_acknowledged_one_by_one() -> Result<()> {
    called("reliable_ringing")
}

#[test]
fn a_reliable_answer_out_of_order_waits_for_the_one_before() -> Result<()> {
    called("reliable_out_of_order")
}

#[test]
fn the_called_side_changes_the_session_while_it_rings() -> Result<()> {
    let mut peer = Sipp::wait_with("early_update")?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    let offer = agent.reoffered(call)?.ok_or("an UPDATE has an offer")?;
    assert_eq!(offer.media.first().map(|media| media.port), Some(20000));
    let answer = agent.answer(Some(&offer))?;
    agent.act(|endpoint, now| endpoint.answer_reoffer(now, call, answer))?;
    agent.confirmed(call)?;
    agent.hang_up(call)?;
    peer.wait()
}

#[test]
fn we_change_the_session_while_it_rings() -> Result<()> {
    let mut peer = Sipp::wait_with("early_offer")?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    agent.wait_for_state("early media", call, |s| matches!(s, CallState::EarlyMedia { .. }).then_some(()))?;
    let answer = agent.offer(call, agent.description(Direction::SendOnly, 2))?;
    assert_eq!(answer.media.first().map(|media| media.port), Some(20000));
    agent.confirmed(call)?;
    agent.hang_up(call)?;
    peer.wait()
}

#[test]
fn a_caller_who_insists_gets_reliable_ringing() -> Result<()> {
    let agent = Agent::start()?;
    let mut peer = Sipp::begin_with("reliable_wanted", agent.address(), &[])?;
    let (call, offer) = agent.incoming()?;
    agent.act(|endpoint, now| endpoint.ring(now, call))?;
    // The one for the PRACK.
    agent.wait_to_send("SIP/2.0 200")?;
    agent.accept(call, offer.as_ref())?;
    agent.confirmed(call)?;
    agent.hang_up(call)?;
    peer.wait()?;
    assert!(agent.sent("SIP/2.0 180").len() > 1, "it is repeated until acknowledged\n{}", agent.log());
    Ok(())
}

/// A call that SIPp answers as the scenario says and that needs nothing of us but its end.
fn called(scenario: &str) -> Result<()> {
    let mut peer = Sipp::wait_with(scenario)?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    agent.confirmed(call)?;
    agent.hang_up(call)?;
    peer.wait()
}
