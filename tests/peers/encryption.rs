//! Encrypted calls between Tern and baresip, whose SRTP and DTLS are not ours: each hears the other, and says how.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Baresip, Digest, Kamailio, Tern, TernCall};
use tern_tests::audio::{Sound, correlate, correlate_pieces, speech};

use super::{BOB, TERN};

const SOON: Duration = Duration::from_secs(20);
const SECONDS: u32 = 6;
const COMPARED: f64 = 4.0;
/// The exit code that `tern` documents for a call that failed.
const FAILED: i32 = 1;

#[test]
fn keys_in_the_description_of_our_call() -> Result<()> {
    let cast = Cast::new("mediaenc=srtp", "--security required --keying sdes")?;
    cast.tern_calls("sdes")
}

#[test]
fn keys_in_the_description_of_their_call() -> Result<()> {
    let cast = Cast::new("mediaenc=srtp-mand", "--security preferred")?;
    cast.bob_calls("sdes")
}

#[test]
fn keys_beside_a_plain_profile_are_understood() -> Result<()> {
    let cast = Cast::new("mediaenc=srtp", "--security preferred --keying sdes")?;
    cast.tern_calls("sdes")
}

#[test]
fn a_handshake_in_our_call() -> Result<()> {
    let cast = Cast::new("mediaenc=dtls_srtp", "--security required --keying dtls")?;
    cast.tern_calls("dtls")
}

#[test]
fn a_handshake_in_their_call() -> Result<()> {
    let cast = Cast::new("mediaenc=dtls_srtp", "--security required")?;
    cast.bob_calls("dtls")
}

#[test]
fn a_phone_without_keys_is_called_in_the_clear_where_that_is_allowed() -> Result<()> {
    let cast = Cast::new("", "--security preferred")?;
    cast.tern_calls("none")
}

#[test]
fn a_phone_without_keys_is_not_talked_to_where_they_are_required() -> Result<()> {
    let cast = Cast::new("", "--security required")?;
    let mut tern = cast.tern()?.call(BOB.user, SECONDS, "PCMU", &cast.terns_voice)?;
    let mut bob = cast.bob;
    let status = tern.wait(SOON)?;
    assert_eq!(status.code(), Some(FAILED), "{}", tern.log());
    let summary = tern.last_line()?;
    assert_eq!(summary["code"], "callNotEncryptable", "{summary}\n{}\n{}", tern.log(), bob.log());
    assert_eq!(summary["packets_sent"], 0, "{summary}");
    let _ = bob.wait_for("CALL_CLOSED", Duration::ZERO);
    Ok(())
}

/// Two phones and what they say.
struct Cast {
    registrar: Kamailio,
    options: &'static str,
    bob: Baresip,
    terns_voice: Sound,
    bobs_voice: Sound,
}

impl Cast {
    fn new(parameters: &str, options: &'static str) -> Result<Self> {
        let registrar = Kamailio::start(Digest::Md5, &[TERN, BOB])?;
        let (terns_voice, bobs_voice) = (speech(8_000, 12.0, 11), speech(8_000, 12.0, 12));
        let bob = Baresip::start_with(&BOB, registrar.address(), "PCMU/8000/1", parameters, &bobs_voice)?;
        Ok(Self { registrar, options, bob, terns_voice, bobs_voice })
    }

    fn tern(&self) -> Result<Tern> {
        Ok(Tern::new(&TERN, self.registrar.address())?.with(self.options))
    }

    fn tern_calls(self, security: &str) -> Result<()> {
        let tern = self.tern()?.call(BOB.user, SECONDS, "PCMU", &self.terns_voice)?;
        self.check(tern, security)
    }

    fn bob_calls(mut self, security: &str) -> Result<()> {
        let mut tern = self.tern()?.answer(SECONDS, "PCMU", &self.terns_voice)?;
        tern.wait_for("waiting", SOON)?;
        self.bob.dial(TERN.user)?;
        self.check(tern, security)
    }

    fn check(mut self, mut tern: TernCall, security: &str) -> Result<()> {
        let status = tern.wait(SOON)?;
        assert!(status.success(), "{status}\n{}\n{}", tern.log(), self.bob.log());
        self.bob.wait_for("CALL_CLOSED", SOON)?;
        let heard = correlate(&self.terns_voice.part(0.0, COMPARED), &self.bob.heard()?);
        assert!(heard.correlation > 0.9, "bob heard {heard:?}\n{}\n{}", self.bob.log(), tern.log());
        // A handshake costs the first words; what comes after them is compared.
        let heard = correlate_pieces(&self.bobs_voice.part(0.0, COMPARED), &tern.heard()?, 0.2);
        assert!(heard.correlation > 0.85, "tern heard {heard:?}\n{}\n{}", self.bob.log(), tern.log());
        let told = tern.stdout();
        let shown =
            |wanted: &str| told.lines().any(|line| line.contains(&format!("\"security\":\"{wanted}\"")));
        assert!(shown(security), "{told}\n{}", tern.log());
        if security == "none" {
            assert!(!shown("sdes") && !shown("dtls"), "{told}");
        }
        Ok(())
    }
}
