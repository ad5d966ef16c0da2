//! Offers and answers at unusual places: late, changed in mid-call, crossing each other. SIPp calls.

use std::ops::Range;

use tern_sip::CallId;
use tern_sip::wire::sdp::Direction;
use tern_tests::Result;
use tern_tests::actors::{Agent, Sipp};

#[test]
fn an_invite_without_an_offer_gets_ours() -> Result<()> {
    let agent = Agent::start()?;
    let mut peer = Sipp::begin_with("offer_delayed", agent.address(), &[])?;
    let (call, offer) = agent.incoming()?;
    assert_eq!(offer, None);
    agent.accept(call, None)?;
    let answer = agent.wait_for_state("the answer in the ACK", call, |state| match state {
        tern_sip::CallState::Confirmed { sdp } => Some(sdp.clone()),
        _ => None,
    })?;
    assert!(answer.is_some(), "{}", agent.log());
    agent.hang_up(call)?;
    peer.wait()
}

#[test]
fn the_answer_comes_again_until_it_is_acknowledged() -> Result<()> {
    let agent = Agent::start()?;
    let mut peer = Sipp::begin_with("ack_lost", agent.address(), &[])?;
    let (call, offer) = agent.incoming()?;
    agent.accept(call, offer.as_ref())?;
    agent.confirmed(call)?;
    agent.hang_up(call)?;
    peer.wait()?;
    let times: Vec<_> = agent.sent("SIP/2.0 200").into_iter().map(|(at, _)| at).collect();
    assert!(times.len() >= 3, "{}", agent.log());
    // RFC 3261 13.3.1.4: after T1, 500 ms, and then after twice as long each time.
    let waits: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert!((450..900).contains(&waits[0]) && (950..1400).contains(&waits[1]), "{waits:?}");
    Ok(())
}

#[test]
fn the_other_side_holds_and_resumes() -> Result<()> {
    let agent = Agent::start()?;
    let mut peer = Sipp::begin_with("hold_and_resume", agent.address(), &[])?;
    let (call, offer) = agent.incoming()?;
    agent.accept(call, offer.as_ref())?;
    for _ in ["hold", "resume"] {
        let offer = agent.reoffered(call)?;
        let answer = agent.answer(offer.as_ref())?;
        agent.act(|endpoint, now| endpoint.answer_reoffer(now, call, answer))?;
    }
    agent.ended(call)?;
    peer.wait()
}

#[test]
fn an_update_changes_the_session_both_ways() -> Result<()> {
    let agent = Agent::start()?;
    let mut peer = Sipp::begin_with("update", agent.address(), &[])?;
    let (call, offer) = agent.incoming()?;
    agent.accept(call, offer.as_ref())?;
    let offer = agent.reoffered(call)?;
    let answer = agent.answer(offer.as_ref())?;
    agent.act(|endpoint, now| endpoint.answer_reoffer(now, call, answer))?;
    let answer = agent.offer(call, agent.description(Direction::SendOnly, 3))?;
    assert_eq!(answer.media.first().map(|media| answer.direction_of(media)), Some(Direction::RecvOnly));
    agent.hang_up(call)?;
    peer.wait()
}

/// RFC 3261 14.1: who owns the Call-ID comes second.
#[test]
fn of_two_offers_at_once_the_callers_comes_again_after_the_callees_chance() -> Result<()> {
    let mut peer = Sipp::wait_with("glare_as_callee")?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    agent.confirmed(call)?;
    glare(&agent, call, &mut peer, 2100..4100)
}

#[test]
fn of_two_offers_at_once_the_callees_comes_again_soon() -> Result<()> {
    let agent = Agent::start()?;
    let mut peer = Sipp::begin_with("glare_as_caller", agent.address(), &[])?;
    let (call, offer) = agent.incoming()?;
    agent.accept(call, offer.as_ref())?;
    agent.confirmed(call)?;
    glare(&agent, call, &mut peer, 0..2100)
}

/// Offers while the other side does, and looks how many milliseconds pass until the next try.
fn glare(agent: &Agent, call: CallId, peer: &mut Sipp, wait: Range<u128>) -> Result<()> {
    agent.offer(call, agent.description(Direction::SendOnly, 2))?;
    agent.hang_up(call)?;
    peer.wait()?;
    assert_eq!(agent.sent("SIP/2.0 491").len(), 1, "{}", agent.log());
    let offers: Vec<_> = agent.sent("INVITE").into_iter().filter(|(_, m)| m.contains("a=sendonly")).collect();
    // A 491 has an ACK of its own (RFC 3261 17.1.1.3), in the transaction of the first try.
    let refused = branch(&offers[0].1);
    let acks = agent.sent("ACK");
    let ack = acks.iter().find(|(_, ack)| branch(ack) == refused).ok_or("no ACK for the 491")?;
    let again = offers.iter().find(|(_, m)| branch(m) != refused).ok_or("no second try")?;
    let waited = again.0.duration_since(ack.0).as_millis();
    assert!(wait.contains(&waited), "{waited} ms\n{}", agent.log());
    Ok(())
}

/// The name of a request's transaction.
fn branch(message: &str) -> Option<&str> {
    message.split_once("branch=")?.1.split([';', '\r', ',']).next()
}
