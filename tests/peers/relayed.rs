//! A provider that leads every call's sound through rtpengine, and translates where one side encrypts.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Baresip, Exchange, Kamailio, Rtpengine, Tern};
use tern_tests::audio::{correlate, correlate_pieces, speech};

use super::{BOB, TERN};

const SOON: Duration = Duration::from_secs(20);
const SECONDS: u32 = 6;
const COMPARED: f64 = 4.0;

#[test]
fn sound_gets_through_a_relay_of_the_providers() -> Result<()> {
    let media = Rtpengine::start()?;
    let exchange = Exchange { media: Some(&media), ..Exchange::default() };
    let registrar = Kamailio::start_as(&exchange, &[TERN, BOB])?;
    let (terns, bobs) = (speech(8_000, 12.0, 41), speech(8_000, 12.0, 42));
    let mut bob = Baresip::start(&BOB, registrar.address(), "PCMU/8000/1", &bobs)?;
    let mut tern = Tern::new(&TERN, registrar.address())?.call(BOB.user, SECONDS, "PCMU", &terns)?;
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", tern.log());
    bob.wait_for("CALL_CLOSED", SOON)?;
    let heard = correlate(&terns.part(0.0, COMPARED), &bob.heard()?);
    assert!(heard.correlation > 0.9, "bob heard {heard:?}\n{}\n{}", tern.log(), media.log());
    let heard = correlate_pieces(&bobs.part(0.0, COMPARED), &tern.heard()?, 0.2);
    assert!(heard.correlation > 0.9, "tern heard {heard:?}\n{}\n{}", tern.log(), media.log());
    assert!(media.log().contains("Answered call"), "it went another way:\n{}", media.log());
    Ok(())
}
