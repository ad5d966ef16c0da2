//! Calls handed on: by baresip and SIPp to us, by us to them, and calls that take the place of others.

use std::time::Duration;

use tern_sip::wire::Uri;
use tern_sip::{CallId, Event, RegistrationId, TransferId, TransferProgress};
use tern_tests::Result;
use tern_tests::actors::{Agent, Baresip, DOMAIN, Digest, Kamailio, Sipp};
use tern_tests::audio::speech;

use super::{BOB, CAROL, TERN};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn baresip_hands_us_on_to_somebody() -> Result<()> {
    let Three { agent, account, mut bob, mut carol, registrar: _registrar } = Three::new()?;
    let call = agent.call_as(account, BOB.user)?;
    agent.confirmed(call)?;
    bob.transfer(CAROL.user)?;
    let (id, to) = asked(&agent, call)?;
    assert_eq!(to.user().as_deref(), Some(CAROL.user));
    let offer = agent.description(Default::default(), 1);
    let placed = agent.act(|endpoint, now| endpoint.accept_transfer(now, id, offer))?;
    agent.confirmed(placed)?;
    carol.wait_for("CALL_ESTABLISHED", SOON)?;
    // He has been told, and leaves.
    bob.wait_for("CALL_CLOSED", SOON)?;
    agent.ended(call)?;
    agent.hang_up(placed)?;
    carol.wait_for("CALL_CLOSED", SOON)?;
    Ok(())
}

#[test]
fn we_hand_baresip_on_to_somebody() -> Result<()> {
    let Three { agent, account, bob: _bob, mut carol, registrar: _registrar } = Three::new()?;
    let call = agent.call_as(account, BOB.user)?;
    agent.confirmed(call)?;
    let to = uri(&format!("sip:{}@{DOMAIN}", CAROL.user))?;
    agent.act(|endpoint, now| endpoint.transfer(now, call, to))?;
    done(&agent, call)?;
    carol.wait_for("CALL_ESTABLISHED", SOON)?;
    agent.hang_up(call)?;
    Ok(())
}

/// baresip 1.0 doesn't know Replaces: it calls, and the call whose place it was to take is ours to end.
#[test]
fn we_connect_two_baresips_and_leave() -> Result<()> {
    let Three { agent, account, mut bob, mut carol, registrar: _registrar } = Three::new()?;
    let first = agent.call_as(account, BOB.user)?;
    agent.confirmed(first)?;
    let second = agent.call_as(account, CAROL.user)?;
    agent.confirmed(second)?;
    for phone in [&mut bob, &mut carol] {
        phone.wait_for("CALL_ESTABLISHED", SOON)?;
    }
    agent.act(|endpoint, now| endpoint.transfer_to(now, first, second))?;
    done(&agent, first)?;
    for phone in [&mut bob, &mut carol] {
        phone.wait_for("CALL_ESTABLISHED", SOON)?;
    }
    for call in [first, second] {
        agent.hang_up(call)?;
    }
    Ok(())
}

#[test]
fn a_call_placed_for_an_attended_transfer_says_whose_place_it_takes() -> Result<()> {
    let agent = Agent::start()?;
    let mut target = Sipp::wait_with("takes_the_place")?;
    let address = target.address().to_string();
    let mut peer = Sipp::begin_with("transfers_us", agent.address(), &[("TARGET", &address)])?;
    let (call, offer) = agent.incoming()?;
    agent.accept(call, offer.as_ref())?;
    let (id, _) = asked(&agent, call)?;
    let offer = agent.description(Default::default(), 1);
    let placed = agent.act(|endpoint, now| endpoint.accept_transfer(now, id, offer))?;
    agent.confirmed(placed)?;
    peer.wait()?;
    agent.hang_up(placed)?;
    target.wait()
}

#[test]
fn a_call_that_takes_the_place_of_another_ends_it() -> Result<()> {
    let agent = Agent::start()?;
    let mut left = Sipp::begin_with("is_left", agent.address(), &[])?;
    let (first, offer) = agent.incoming()?;
    agent.accept(first, offer.as_ref())?;
    agent.confirmed(first)?;
    let answer = agent.sent("SIP/2.0 200").pop().ok_or("no answer was sent")?.1;
    let value =
        |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    let to_tag = value("To:").split_once("tag=").map_or("", |(_, tag)| tag);
    let blanks = [("CALL_ID", value("Call-ID:")), ("TO_TAG", to_tag)];
    let mut peer = Sipp::begin_with("replaces", agent.address(), &blanks)?;
    let (second, replaced, offer) =
        agent.wait_for("a call in the place of another", |event| match event {
            Event::IncomingCall { call, replaces, offer, .. } => Some((*call, *replaces, offer.clone())),
            _ => None,
        })?;
    assert_eq!(replaced, Some(first));
    agent.accept(second, offer.as_ref())?;
    agent.ended(first)?;
    left.wait()?;
    agent.hang_up(second)?;
    peer.wait()
}

/// Two baresips and our user agent, registered at one exchange.
struct Three {
    bob: Baresip,
    carol: Baresip,
    agent: Agent,
    account: RegistrationId,
    registrar: Kamailio,
}

impl Three {
    fn new() -> Result<Self> {
        let registrar = Kamailio::start(Digest::Md5, &[TERN, BOB, CAROL])?;
        let voice = speech(8_000, 8.0, 5);
        let phone = |who| Baresip::start(who, registrar.address(), "PCMU/8000/1", &voice);
        let (bob, carol) = (phone(&BOB)?, phone(&CAROL)?);
        let agent = Agent::start()?;
        let (account, _) = agent.register(&TERN, registrar.address())?;
        Ok(Self { bob, carol, agent, account, registrar })
    }
}

fn asked(agent: &Agent, call: CallId) -> Result<(TransferId, Uri)> {
    agent.wait_for("a transfer to be asked for", |event| match event {
        Event::TransferAsked { call: of, request, to, .. } if *of == call => Some((*request, to.clone())),
        _ => None,
    })
}

fn done(agent: &Agent, call: CallId) -> Result<()> {
    let end = agent.wait_for("the end of a transfer", |event| match event {
        Event::Transfer { call: of, progress } if *of == call => match progress {
            TransferProgress::Accepted | TransferProgress::Proceeding { .. } => None,
            end => Some(end.clone()),
        },
        _ => None,
    })?;
    assert_eq!(end, TransferProgress::Done, "{}", agent.log());
    Ok(())
}

fn uri(text: &str) -> Result<Uri> {
    Ok(Uri::parse(text).map_err(|error| format!("{text}: {error:?}"))?)
}
