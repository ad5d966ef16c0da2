//! Tern and Linphone: every codec in one direction or the other, hold, digits.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Digest, Kamailio, Linphone, Linphonec, Tern, TernCall};
use tern_tests::audio::{Sound, correlate_pieces, speech};

use super::{BOB, TERN};

const SOON: Duration = Duration::from_secs(20);

/// How long calls last, and the part of the voices that is compared: it must have arrived by then.
const SECONDS: u32 = 6;
const COMPARED: f64 = 4.0;

#[test]
fn opus_when_we_call() -> Result<()> {
    Cast::new("opus", 48_000)?.we_call()
}

#[test]
fn pcmu_when_we_call() -> Result<()> {
    Cast::new("PCMU", 8_000)?.we_call()
}

#[test]
fn g722_when_we_are_called() -> Result<()> {
    Cast::new("G722", 16_000)?.we_are_called()
}

#[test]
fn pcma_when_we_are_called() -> Result<()> {
    Cast::new("PCMA", 8_000)?.we_are_called()
}

#[test]
fn each_holds_and_resumes_and_digits_get_through() -> Result<()> {
    let cast = Cast::new("PCMU", 8_000)?;
    let mut bob = cast.bob()?;
    let tern = Tern::new(&TERN, cast.registrar.address())?;
    let mut tern = tern.call_and_obey(BOB.user, "PCMU", &cast.terns_voice)?;
    tern.wait_for_call("state", "connected", SOON)?;
    tern.say("hold")?;
    tern.wait_for_call("hold", "here", SOON)?;
    bob.wait_for_line("has been paused by", SOON)?;
    tern.say("resume")?;
    tern.wait_for_call("hold", "none", SOON)?;
    bob.hold()?;
    tern.wait_for_call("hold", "there", SOON)?;
    bob.resume()?;
    tern.wait_for_call("hold", "none", SOON)?;
    tern.say("digits 4#")?;
    for digit in ["4", "#"] {
        bob.wait_for_line(&format!("Receiving tone {digit}"), SOON)?;
    }
    bob.press('7')?;
    let event = tern.wait_for("digit", SOON)?;
    assert_eq!(event["digit"], "7", "{event}");
    tern.say("hangup")?;
    tern.wait(SOON)?;
    bob.wait_for_line("ended", SOON)?;
    Ok(())
}

/// Everything a call needs, with the two voices.
struct Cast {
    registrar: Kamailio,
    codec: &'static str,
    terns_voice: Sound,
    bobs_voice: Sound,
}

impl Cast {
    /// Both have one codec alone; the voices have its rate, in Hz.
    fn new(codec: &'static str, rate: u32) -> Result<Self> {
        Ok(Self {
            registrar: Kamailio::start(Digest::Md5, &[TERN, BOB])?,
            codec,
            terns_voice: speech(rate, 12.0, 31),
            bobs_voice: speech(rate, 12.0, 32),
        })
    }

    fn bob(&self) -> Result<Linphonec> {
        Linphonec::start(&Linphone {
            codec: self.codec,
            account: Some((&BOB, self.registrar.address())),
            spoken: Some(&self.bobs_voice),
            ..Linphone::default()
        })
    }

    fn we_call(&self) -> Result<()> {
        let bob = self.bob()?;
        let tern = Tern::new(&TERN, self.registrar.address())?;
        let tern = tern.call(BOB.user, SECONDS, self.codec, &self.terns_voice)?;
        self.check(tern, bob)
    }

    fn we_are_called(&self) -> Result<()> {
        let mut bob = self.bob()?;
        let tern = Tern::new(&TERN, self.registrar.address())?;
        let mut tern = tern.answer(SECONDS, self.codec, &self.terns_voice)?;
        tern.wait_for("waiting", SOON)?;
        bob.dial(&format!("sip:{}@sip.test", TERN.user))?;
        self.check(tern, bob)
    }

    #[track_caller]
    fn check(&self, mut tern: TernCall, mut bob: Linphonec) -> Result<()> {
        let status = tern.wait(SOON)?;
        assert!(status.success(), "{status}\n{}", tern.log());
        bob.wait_for_line("ended", SOON)?;
        let summary = tern.last_line()?;
        assert_eq!(summary["codec"], self.codec, "{summary}");
        // Both buffers follow the network by stretching time a little: each fifth of a second is aligned by itself.
        // What is lost or garbled is still missing, and another voice gives 0.2.
        let pairs = [("bob", &self.terns_voice, bob.heard()?), ("tern", &self.bobs_voice, tern.heard()?)];
        for (who, said, heard) in pairs {
            let found = correlate_pieces(&said.part(0.0, COMPARED), &heard, 0.2);
            assert!(found.correlation > 0.85, "{who} heard {found:?}\n{}\n{}", bob.log(), tern.log());
        }
        Ok(())
    }
}
