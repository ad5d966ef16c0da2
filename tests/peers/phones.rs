//! `tern` as a person uses it beside talking: a call handed on, by words on standard input.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Baresip, Digest, Kamailio, Tern};
use tern_tests::audio::speech;

use super::{BOB, CAROL, TERN};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn we_hand_the_other_phone_on() -> Result<()> {
    let registrar = Kamailio::start(Digest::Md5, &[TERN, BOB, CAROL])?;
    let voice = speech(8_000, 30.0, 21);
    let mut bob = Baresip::start(&BOB, registrar.address(), "PCMU/8000/1", &voice)?;
    let mut carol = Baresip::start(&CAROL, registrar.address(), "PCMU/8000/1", &voice)?;
    let tern = Tern::new(&TERN, registrar.address())?;
    let mut tern = tern.call_and_obey(BOB.user, "PCMU", &speech(8_000, 30.0, 22))?;
    bob.wait_for("CALL_ESTABLISHED", SOON)?;
    tern.wait_for_call("state", "connected", SOON)?;
    tern.say(&format!("transfer sip:{}@sip.test", CAROL.user))?;
    carol.wait_for("CALL_ESTABLISHED", SOON)?;
    tern.wait_for_call("transfer", "done", SOON)?;
    Ok(())
}
