//! Session timers (RFC 4028): calls that the network has silently lost do not last. These tests wait for real halves
//! of real minutes, for 90 seconds is the shortest there may be.

use std::time::Duration;

use tern_sip::EndedBy;
use tern_tests::Result;
use tern_tests::actors::{Agent, Sipp};

#[test]
fn we_refresh_after_half_the_time() -> Result<()> {
    let mut peer = Sipp::wait_with("timer_ours")?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    agent.confirmed(call)?;
    peer.wait_for_note("refreshed", Duration::from_secs(60))?;
    agent.hang_up(call)?;
    peer.wait()?;
    let (answered, refreshed) = (agent.sent("ACK")[0].0, agent.sent("UPDATE")[0].0);
    let after = refreshed.duration_since(answered).as_secs();
    assert!((43..48).contains(&after), "{after} s\n{}", agent.log());
    Ok(())
}

#[test]
fn a_peer_that_never_refreshes_is_hung_up_before_the_session_expires() -> Result<()> {
    let mut peer = Sipp::wait_with("timer_theirs")?;
    let agent = Agent::start()?;
    let call = agent.call("peer", peer.address())?;
    agent.confirmed(call)?;
    peer.wait()?;
    let ending = agent.ended(call)?;
    assert_eq!(ending.by, EndedBy::Network, "{ending:?}");
    let (answered, left) = (agent.sent("ACK")[0].0, agent.sent("BYE")[0].0);
    let after = left.duration_since(answered).as_secs();
    // The smaller of 32 s and a third of the interval before its end.
    assert!((58..63).contains(&after), "{after} s\n{}", agent.log());
    Ok(())
}

#[test]
fn a_refresh_is_answered_and_the_call_goes_on() -> Result<()> {
    let agent = Agent::start()?;
    let mut peer = Sipp::begin_with("timer_refreshed", agent.address(), &[])?;
    let (call, offer) = agent.incoming()?;
    agent.accept(call, offer.as_ref())?;
    agent.confirmed(call)?;
    peer.wait_for_note("refreshed", Duration::from_secs(20))?;
    agent.hang_up(call)?;
    peer.wait()
}

#[test]
fn too_short_an_interval_is_refused_with_the_shortest() -> Result<()> {
    let agent = Agent::start()?;
    let mut peer = Sipp::begin_with("timer_too_short", agent.address(), &[])?;
    peer.wait()
}
