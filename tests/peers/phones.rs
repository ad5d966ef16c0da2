//! `tern` and baresip as two people use them: hold, digits, and calls handed on, by words on standard input.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Baresip, Digest, Kamailio, Tern, TernCall};
use tern_tests::audio::{Sound, speech};

use super::{BOB, CAROL, TERN};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn we_hold_and_resume_and_digits_get_through_again() -> Result<()> {
    let Talk { mut tern, mut bob, registrar: _registrar, .. } = Talk::new()?;
    tern.say("hold")?;
    tern.wait_for_call("hold", "here", SOON)?;
    tern.say("resume")?;
    tern.wait_for_call("hold", "none", SOON)?;
    tern.say("digits 5")?;
    bob.wait_for("CALL_DTMF_START", SOON)?;
    tern.say("hangup")?;
    tern.wait(SOON)?;
    bob.wait_for("CALL_CLOSED", SOON)?;
    Ok(())
}

#[test]
fn baresip_holds_and_resumes_and_we_are_told() -> Result<()> {
    let Talk { mut tern, mut bob, registrar: _registrar, .. } = Talk::new()?;
    bob.hold()?;
    tern.wait_for_call("hold", "there", SOON)?;
    bob.resume()?;
    tern.wait_for_call("hold", "none", SOON)?;
    bob.hang_up()?;
    tern.wait(SOON)?;
    Ok(())
}

#[test]
fn digits_are_heard_on_both_sides() -> Result<()> {
    let Talk { mut tern, mut bob, registrar: _registrar, .. } = Talk::new()?;
    tern.say("digits 49#")?;
    for digit in ["4", "9", "#"] {
        let event = bob.wait_for("CALL_DTMF_START", SOON)?;
        assert_eq!(event["param"], digit, "{event}\n{}", tern.log());
    }
    bob.press("7")?;
    let event = tern.wait_for("digit", SOON)?;
    assert_eq!(event["digit"], "7", "{event}");
    tern.say("hangup")?;
    tern.wait(SOON)?;
    Ok(())
}

#[test]
fn we_hand_the_other_phone_on() -> Result<()> {
    let Talk { mut tern, registrar, voice, bob: _bob } = Talk::new()?;
    let mut carol = Baresip::start(&CAROL, registrar.address(), "PCMU/8000/1", &voice)?;
    tern.say(&format!("transfer sip:{}@sip.test", CAROL.user))?;
    carol.wait_for("CALL_ESTABLISHED", SOON)?;
    tern.wait_for_call("transfer", "done", SOON)?;
    Ok(())
}

/// A call from `tern` to baresip that both have taken.
struct Talk {
    tern: TernCall,
    bob: Baresip,
    registrar: Kamailio,
    voice: Sound,
}

impl Talk {
    fn new() -> Result<Self> {
        let registrar = Kamailio::start(Digest::Md5, &[TERN, BOB, CAROL])?;
        let voice = speech(8_000, 30.0, 21);
        let mut bob = Baresip::start(&BOB, registrar.address(), "PCMU/8000/1", &voice)?;
        let tern = Tern::new(&TERN, registrar.address())?;
        let mut tern = tern.call_and_obey(BOB.user, "PCMU", &speech(8_000, 30.0, 22))?;
        bob.wait_for("CALL_ESTABLISHED", SOON)?;
        tern.wait_for_call("state", "connected", SOON)?;
        Ok(Self { tern, bob, registrar, voice })
    }
}
