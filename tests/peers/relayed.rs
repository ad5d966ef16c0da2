//! A provider that leads every call's sound through rtpengine, and translates where one side encrypts.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Baresip, Exchange, Kamailio, Rtpengine, Tern, TernCall};
use tern_tests::audio::{Sound, correlate_pieces, speech};

use super::{BOB, CAROL, TERN};

const SOON: Duration = Duration::from_secs(30);
const SECONDS: u32 = 6;
const COMPARED: f64 = 4.0;

#[test]
fn in_the_clear_on_both_sides() -> Result<()> {
    Cast::new(&[])?.with_baresip("--security off", "none")
}

#[test]
fn encrypted_by_keys_in_the_description_on_our_side_alone() -> Result<()> {
    Cast::new(&[TERN.user])?.with_baresip("--security required --keying sdes", "sdes")
}

#[test]
fn encrypted_by_a_handshake_on_our_side_alone() -> Result<()> {
    Cast::new(&[])?.with_baresip("--security required --keying dtls", "dtls")
}

#[test]
fn a_call_from_the_clear_comes_encrypted() -> Result<()> {
    let cast = Cast::new(&[TERN.user])?;
    let mut bob = cast.bob()?;
    let tern = Tern::new(&TERN, cast.registrar.address())?.with("--security required --keying sdes");
    let mut tern = tern.answer(SECONDS, "PCMU", &cast.terns_voice)?;
    tern.wait_for("waiting", SOON)?;
    bob.dial(TERN.user)?;
    cast.check(tern, bob, "sdes")
}

/// One of us in the clear, the other by a handshake.
#[test]
fn between_two_of_us() -> Result<()> {
    let cast = Cast::new(&[])?;
    let carol = Tern::new(&CAROL, cast.registrar.address())?.with("--security off");
    let mut carol = carol.answer(SECONDS, "opus", &cast.bobs_voice)?;
    carol.wait_for("waiting", SOON)?;
    let tern = Tern::new(&TERN, cast.registrar.address())?.with("--security required --keying dtls");
    let mut tern = tern.call(CAROL.user, SECONDS, "opus", &cast.terns_voice)?;
    for phone in [&mut tern, &mut carol] {
        let status = phone.wait(SOON)?;
        assert!(status.success(), "{status}\n{}\n{}", phone.log(), cast.media.log());
    }
    shows(&tern, "dtls");
    shows(&carol, "none");
    cast.compare(&tern, &carol.heard()?)
}

/// Everything that a call takes, with the two voices.
struct Cast {
    media: Rtpengine,
    registrar: Kamailio,
    terns_voice: Sound,
    bobs_voice: Sound,
}

impl Cast {
    /// Calls to some users are encrypted whoever calls; others get what the caller's offer says.
    fn new(encrypted: &[&str]) -> Result<Self> {
        let media = Rtpengine::start()?;
        let exchange = Exchange { media: Some(&media), encrypted, ..Exchange::default() };
        let registrar = Kamailio::start_as(&exchange, &[TERN, BOB, CAROL])?;
        let (terns_voice, bobs_voice) = (speech(8_000, 12.0, 41), speech(8_000, 12.0, 42));
        Ok(Self { media, registrar, terns_voice, bobs_voice })
    }

    fn bob(&self) -> Result<Baresip> {
        Baresip::start(&BOB, self.registrar.address(), "PCMU/8000/1", &self.bobs_voice)
    }

    fn with_baresip(self, options: &str, security: &str) -> Result<()> {
        let bob = self.bob()?;
        let tern = Tern::new(&TERN, self.registrar.address())?.with(options);
        let tern = tern.call(BOB.user, SECONDS, "PCMU", &self.terns_voice)?;
        self.check(tern, bob, security)
    }

    fn check(&self, mut tern: TernCall, mut bob: Baresip, security: &str) -> Result<()> {
        let status = tern.wait(SOON)?;
        assert!(status.success(), "{status}\n{}\n{}", tern.log(), self.media.log());
        bob.wait_for("CALL_CLOSED", SOON)?;
        shows(&tern, security);
        self.compare(&tern, &bob.heard()?)
    }

    fn compare(&self, tern: &TernCall, theirs: &Sound) -> Result<()> {
        // A handshake may cost the first word.
        for (who, said, heard) in
            [("the other", &self.terns_voice, theirs), ("tern", &self.bobs_voice, &tern.heard()?)]
        {
            let found = correlate_pieces(&said.part(0.5, COMPARED), heard, 0.2);
            assert!(found.correlation > 0.75, "{who} heard {found:?}\n{}\n{}", tern.log(), self.media.log());
        }
        let log = self.media.log();
        assert!(log.contains("'answer'"), "the sound took another way:\n{log}");
        Ok(())
    }
}

#[track_caller]
fn shows(tern: &TernCall, security: &str) {
    let shown = format!("\"security\":\"{security}\"");
    let lines = tern.stdout();
    let last = lines.lines().rfind(|line| line.contains("\"state\":\"connected\"")).unwrap_or_default();
    assert!(last.contains(&shown), "{last}\n{}", tern.log());
}
