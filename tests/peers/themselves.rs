//! The peers without Tern: when one of these fails, the other tests say nothing about Tern.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Baresip, Digest, Kamailio};
use tern_tests::audio::{correlate, speech};

use super::{BOB, CAROL};

#[test]
fn two_baresips_hear_each_other() -> Result<()> {
    let registrar = Kamailio::start(Digest::Md5, &[BOB, CAROL])?;
    let (bobs, carols) = (speech(8_000, 10.0, 1), speech(8_000, 10.0, 2));
    let mut bob = Baresip::start(&BOB, registrar.address(), "PCMU/8000/1", &bobs)?;
    let mut carol = Baresip::start(&CAROL, registrar.address(), "PCMU/8000/1", &carols)?;
    carol.dial(BOB.user)?;
    carol.wait_for("CALL_ESTABLISHED", Duration::from_secs(10))?;
    std::thread::sleep(Duration::from_secs(4));
    carol.hang_up()?;
    bob.wait_for("CALL_CLOSED", Duration::from_secs(10))?;
    let heard = correlate(&carols.part(0.0, 3.0), &bob.heard().map_err(|e| format!("{e} {}", bob.log()))?);
    assert!(heard.correlation > 0.9, "bob heard {heard:?}\n{}", bob.log());
    let heard = correlate(&bobs.part(0.0, 3.0), &carol.heard()?);
    assert!(heard.correlation > 0.9, "carol heard {heard:?}\n{}", carol.log());
    let wrong = correlate(&carols.part(0.0, 3.0), &carol.heard()?);
    assert!(wrong.correlation < 0.3, "carol heard herself: {wrong:?}");
    Ok(())
}
