//! Who gets to see a proof of our password, and who does not.

use tern_sip::Login;
use tern_tests::Result;
use tern_tests::actors::{Agent, DOMAIN, Digest, Kamailio, Sipp};

use super::TERN;

#[test]
fn a_peer_that_asks_gets_a_proof_for_invite_and_bye() -> Result<()> {
    let mut peer = Sipp::wait_with("asks_for_credentials")?;
    let agent = Agent::start()?;
    let login = Login::new(TERN.user, TERN.password);
    let config = agent.call_config("peer", peer.address(), Some(login))?;
    let call = agent.act(|endpoint, now| endpoint.call(now, config))?;
    agent.confirmed(call)?;
    agent.hang_up(call)?;
    peer.wait()
}

#[test]
fn a_stranger_who_challenges_our_bye_with_401_gets_nothing() -> Result<()> {
    a_stranger_gets_nothing("401 Unauthorized", "WWW-Authenticate")
}

#[test]
fn a_stranger_who_challenges_our_bye_with_407_gets_nothing() -> Result<()> {
    a_stranger_gets_nothing("407 Proxy Authentication Required", "Proxy-Authenticate")
}

/// He names our own realm, and the account has just proved itself to its real server.
fn a_stranger_gets_nothing(status: &str, challenge: &str) -> Result<()> {
    let registrar = Kamailio::start(Digest::Md5, &[TERN])?;
    let agent = Agent::start()?;
    let (_, contact) = agent.register(&TERN, registrar.address())?;
    let blanks = [("CONTACT", contact.as_str()), ("STATUS", status), ("CHALLENGE", challenge)];
    let mut stranger = Sipp::begin_with("bye_challenged", agent.address(), &blanks)?;
    let (call, offer) = agent.incoming()?;
    agent.accept(call, offer.as_ref())?;
    agent.confirmed(call)?;
    agent.hang_up(call)?;
    check_that_nothing_was_told(&mut stranger)
}

fn check_that_nothing_was_told(stranger: &mut Sipp) -> Result<()> {
    stranger.wait()?;
    assert_eq!(stranger.received("BYE").len(), 1, "{}", stranger.log());
    for word in ["authorization:", "response=", "nonce"] {
        assert!(!stranger.heard(word), "{word}\n{}", stranger.log());
    }
    Ok(())
}

/// The same through our own server: it hands on what a stranger says, so its address alone proves nothing.
#[test]
fn a_stranger_behind_our_own_server_gets_nothing_either() -> Result<()> {
    let registrar = Kamailio::start(Digest::Md5, &[TERN])?;
    let agent = Agent::start()?;
    agent.register(&TERN, registrar.address())?;
    for (status, challenge) in [
        ("401 Unauthorized", "WWW-Authenticate"),
        ("407 Proxy Authentication Required", "Proxy-Authenticate"),
    ] {
        let contact = format!("sip:{}@{DOMAIN}", TERN.user);
        let blanks = [("CONTACT", contact.as_str()), ("STATUS", status), ("CHALLENGE", challenge)];
        let mut stranger = Sipp::begin_with("bye_challenged", registrar.address(), &blanks)?;
        let (call, offer) = agent.incoming()?;
        agent.accept(call, offer.as_ref())?;
        agent.confirmed(call)?;
        agent.hang_up(call)?;
        check_that_nothing_was_told(&mut stranger)?;
    }
    Ok(())
}
