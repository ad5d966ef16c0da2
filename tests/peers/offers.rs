//! Offers and answers at unusual places: late, changed in mid-call, crossing each other. SIPp calls.

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
