//! Calls given up before they are answered, in every order in which the messages can meet.

use tern_sip::{CallState, EndedBy};
use tern_tests::Result;
use tern_tests::actors::{Agent, Sipp};

#[test]
fn a_ringing_call_is_cancelled() -> Result<()> {
    hang_up_while_it_rings("cancelled")
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() -> Result<()> {
    hang_up_while_it_rings("answer_crosses_cancel")
}

#[test]
fn a_cancel_waits_for_the_first_word_of_the_other_side() -> Result<()> {
    let mut peer = Sipp::wait_with("cancel_waits")?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    agent.hang_up(call)?;
    peer.wait()?;
    agent.ended(call)?;
    Ok(())
}

fn hang_up_while_it_rings(scenario: &str) -> Result<()> {
    let mut peer = Sipp::wait_with(scenario)?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    agent.wait_for_state("ringing", call, |state| matches!(state, CallState::Ringing).then_some(()))?;
    agent.hang_up(call)?;
    let ending = agent.ended(call)?;
    assert_eq!(ending.by, EndedBy::Local, "{ending:?}");
    peer.wait()
}
