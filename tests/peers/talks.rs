//! Whole talks with baresip and Linphone, in each codec and each way of encrypting: both hear, each holds and
//! resumes, digits get through, and both hear again.
//!
//! The foreign coders, ciphers and handshakes are the oracle of ours.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{
    Baresip, Credentials, DOMAIN, Digest, Encryption, Kamailio, Linphone, Linphonec, Tern, TernCall,
};
use tern_tests::audio::{Sound, correlate_pieces, speech};

use super::{BOB, TERN};

const SOON: Duration = Duration::from_secs(30);
/// What is heard before the first word of signalling, and after the last one, in seconds.
const BEFORE: f64 = 2.5;
const AFTER: f64 = 3.0;
/// Both sides' buffers follow the network by stretching time; another voice gives 0.2.
const ALIKE: f64 = 0.75;

#[test]
fn opus_with_baresip() -> Result<()> {
    Cast::new("opus")?.both_call(baresip)
}

#[test]
fn g722_with_baresip() -> Result<()> {
    Cast::new("G722")?.both_call(baresip)
}

#[test]
fn pcmu_with_baresip() -> Result<()> {
    Cast::new("PCMU")?.both_call(baresip)
}

#[test]
fn pcma_with_baresip() -> Result<()> {
    Cast::new("PCMA")?.both_call(baresip)
}

#[test]
fn opus_with_linphone() -> Result<()> {
    Cast::new("opus")?.both_call(linphone)
}

#[test]
fn g722_with_linphone() -> Result<()> {
    Cast::new("G722")?.both_call(linphone)
}

#[test]
fn pcmu_with_linphone() -> Result<()> {
    Cast::new("PCMU")?.both_call(linphone)
}

#[test]
fn pcma_with_linphone() -> Result<()> {
    Cast::new("PCMA")?.both_call(linphone)
}

#[test]
fn keys_in_the_description_with_linphone() -> Result<()> {
    let cast = Cast::new("PCMU")?.encrypted("--security required --keying sdes", "sdes");
    cast.both_call(|cast| linphone_that(cast, Encryption::Sdes))
}

#[test]
fn a_handshake_with_linphone() -> Result<()> {
    let cast = Cast::new("PCMU")?.encrypted("--security required --keying dtls", "dtls");
    cast.both_call(|cast| linphone_that(cast, Encryption::Dtls))
}

/// It takes keys beside a plain profile (RFC 8643) for none, and is talked to in the clear where that is allowed.
#[test]
fn keys_beside_a_plain_profile_with_linphone() -> Result<()> {
    let mut cast = Cast::new("PCMU")?.encrypted("--security preferred --keying sdes", "none");
    let bob = linphone_that(&mut cast, Encryption::Sdes)?;
    cast.tern_calls(bob)
}

/// Somebody else's phone.
trait Phone {
    fn dial(&mut self, user: &str) -> Result<()>;
    fn hold(&mut self) -> Result<()>;
    fn resume(&mut self) -> Result<()>;
    fn press(&mut self, digit: char) -> Result<()>;
    fn wait_for_digit(&mut self, digit: char) -> Result<()>;
    fn wait_for_end(&mut self) -> Result<()>;
    /// What it heard, from the call's start on.
    fn heard(&mut self) -> Result<Sound>;
    /// Whether that goes on after a hold.
    fn records_after_holding(&self) -> bool;
    fn log(&self) -> String;
}

impl Phone for Baresip {
    fn dial(&mut self, user: &str) -> Result<()> {
        Self::dial(self, user)
    }

    fn hold(&mut self) -> Result<()> {
        Self::hold(self)
    }

    fn resume(&mut self) -> Result<()> {
        Self::resume(self)
    }

    fn press(&mut self, digit: char) -> Result<()> {
        Self::press(self, &digit.to_string())
    }

    fn wait_for_digit(&mut self, digit: char) -> Result<()> {
        let event = self.wait_for("CALL_DTMF_START", SOON)?;
        assert_eq!(event["param"], digit.to_string(), "{event}");
        Ok(())
    }

    fn wait_for_end(&mut self) -> Result<()> {
        self.wait_for("CALL_CLOSED", SOON).map(|_| ())
    }

    fn heard(&mut self) -> Result<Sound> {
        Self::heard(self)
    }

    fn records_after_holding(&self) -> bool {
        // Its recording filter is not started again; the digits tell that packets are still read.
        false
    }

    fn log(&self) -> String {
        Self::log(self)
    }
}

impl Phone for Linphonec {
    fn dial(&mut self, user: &str) -> Result<()> {
        Self::dial(self, &format!("sip:{user}@{DOMAIN}"))
    }

    fn hold(&mut self) -> Result<()> {
        Self::hold(self)
    }

    fn resume(&mut self) -> Result<()> {
        Self::resume(self)
    }

    fn press(&mut self, digit: char) -> Result<()> {
        Self::press(self, digit)
    }

    fn wait_for_digit(&mut self, digit: char) -> Result<()> {
        self.wait_for_lines(&format!("Receiving tone {digit}"), 1, SOON)
    }

    fn wait_for_end(&mut self) -> Result<()> {
        self.wait_for_lines(" ended (", 1, SOON)
    }

    fn heard(&mut self) -> Result<Sound> {
        Self::heard(self)
    }

    fn records_after_holding(&self) -> bool {
        true
    }

    fn log(&self) -> String {
        Self::log(self)
    }
}

fn baresip(cast: &mut Cast) -> Result<Baresip> {
    // In its own words G.722 has the rate that its samples have.
    let codec = match cast.codec {
        "opus" => "opus/48000/2",
        "G722" => "G722/16000/1",
        "PCMA" => "PCMA/8000/1",
        _ => "PCMU/8000/1",
    };
    Baresip::start(&BOB, cast.registrar.address(), codec, &cast.bobs_voice)
}

fn linphone(cast: &mut Cast) -> Result<Linphonec> {
    linphone_that(cast, Encryption::None)
}

fn linphone_that(cast: &mut Cast, encryption: Encryption) -> Result<Linphonec> {
    let phone = Linphonec::start(&Linphone {
        codec: cast.codec,
        encryption,
        account: Some((&BOB, cast.registrar.address())),
        spoken: Some(&cast.bobs_voice),
        ..Linphone::default()
    })?;
    cast.registrar.wait_to_bind(BOB.user, [127, 0, 0, 1].into(), SOON)?;
    Ok(phone)
}

/// Everything a talk needs, with the two voices.
struct Cast {
    registrar: Kamailio,
    codec: &'static str,
    options: &'static str,
    security: &'static str,
    terns_voice: Sound,
    bobs_voice: Sound,
}

impl Cast {
    /// Both have one codec alone; the voices have what it carries.
    fn new(codec: &'static str) -> Result<Self> {
        let rate = match codec {
            "opus" => 48_000,
            "G722" => 16_000,
            _ => 8_000,
        };
        Ok(Self {
            registrar: Kamailio::start(Digest::Md5, &[TERN, BOB])?,
            codec,
            options: "--security off",
            security: "none",
            terns_voice: speech(rate, 20.0, 31),
            bobs_voice: speech(rate, 20.0, 32),
        })
    }

    /// What Tern is told about encryption, and what it is to show.
    fn encrypted(self, options: &'static str, security: &'static str) -> Self {
        Self { options, security, ..self }
    }

    /// A talk that we begin, and one that the other phone begins.
    fn both_call<P: Phone>(mut self, phone: impl Fn(&mut Self) -> Result<P>) -> Result<()> {
        let bob = phone(&mut self)?;
        self.tern_calls(bob)?;
        // Both at the same registrar: the first one's binding is replaced.
        let bob = phone(&mut self)?;
        self.bob_calls(bob)
    }

    fn tern_calls(&mut self, bob: impl Phone) -> Result<()> {
        let tern = self.tern()?.call_and_obey(BOB.user, self.codec, &self.terns_voice)?;
        self.talk(tern, bob)
    }

    fn bob_calls(&mut self, mut bob: impl Phone) -> Result<()> {
        let mut tern = self.tern()?.answer_and_obey(self.codec, &self.terns_voice)?;
        tern.wait_for("waiting", SOON)?;
        bob.dial(TERN.user)?;
        self.talk(tern, bob)
    }

    fn tern(&self) -> Result<Tern> {
        // baresip knows events at 8 kHz alone, whatever they stand beside (RFC 4733 section 2.1).
        let second = if self.codec == "opus" { " --codec PCMU" } else { "" };
        let options = format!("{}{second}", self.options);
        Ok(Tern::new(&TERN, self.registrar.address())?.with(&options))
    }

    fn talk(&mut self, mut tern: TernCall, mut bob: impl Phone) -> Result<()> {
        if let Err(error) = self.act(&mut tern, &mut bob) {
            panic!("{error}\n{}\n{}", bob.log(), tern.log());
        }
        let summary = tern.last_line()?;
        assert_eq!(summary["codec"], self.codec, "{summary}");
        let shown = format!("\"security\":\"{}\"", self.security);
        let lines = tern.stdout();
        let last = lines.lines().rfind(|line| line.contains("\"state\":\"connected\"")).unwrap_or_default();
        assert!(last.contains(&shown), "{last}\n{}", tern.log());
        let goes_on = bob.records_after_holding();
        let pairs = [
            ("bob", &self.terns_voice, bob.heard()?, goes_on),
            ("tern", &self.bobs_voice, tern.heard()?, true),
        ];
        for (who, said, heard, goes_on) in pairs {
            // A handshake may cost the first word.
            let begin = correlate_pieces(&said.part(0.5, BEFORE - 0.5), &heard, 0.2);
            assert!(
                begin.correlation > ALIKE,
                "{who} heard {begin:?} at first\n{}\n{}",
                bob.log(),
                tern.log()
            );
            if !goes_on {
                continue;
            }
            // Where in the file the other side is after the hold, its program decides.
            let length = heard.seconds();
            let tail = heard.part(length - AFTER + 0.5, length - 0.5);
            let end = correlate_pieces(&tail, said, 0.2);
            assert!(end.correlation > ALIKE, "{who} heard {end:?} at last\n{}\n{}", bob.log(), tern.log());
        }
        Ok(())
    }

    fn act(&mut self, tern: &mut TernCall, bob: &mut impl Phone) -> Result<()> {
        tern.wait_for_call("state", "connected", SOON)?;
        tern.wait_to_hear(BEFORE, SOON)?;
        self.after_the_ack_of(&TERN, || {
            tern.say("hold")?;
            tern.wait_for_call("hold", "here", SOON)
        })?;
        self.after_the_ack_of(&TERN, || {
            tern.say("resume")?;
            tern.wait_for_call("hold", "none", SOON)
        })?;
        self.after_the_ack_of(&BOB, || {
            bob.hold()?;
            tern.wait_for_call("hold", "there", SOON)
        })?;
        self.after_the_ack_of(&BOB, || {
            bob.resume()?;
            tern.wait_for_call("hold", "none", SOON)
        })?;
        tern.say("digits 4#")?;
        bob.wait_for_digit('4')?;
        bob.wait_for_digit('#')?;
        bob.press('7')?;
        let event = tern.wait_for("digit", SOON)?;
        assert_eq!(event["digit"], "7", "{event}");
        tern.wait_to_hear(AFTER, SOON)?;
        tern.say("hangup")?;
        let status = tern.wait(SOON)?;
        assert!(status.success(), "{status}");
        bob.wait_for_end()
    }

    /// Does something, and waits until whoever offered has acknowledged the answer: offers of both at once are
    /// another matter, and Linphone does not repeat one that was turned away for it.
    fn after_the_ack_of(&mut self, who: &Credentials, act: impl FnOnce() -> Result<()>) -> Result<()> {
        let before = self.registrar.saw("ACK", who.user).len();
        act()?;
        self.registrar.wait_to_see(before + 1, "ACK", who.user, SOON)?;
        Ok(())
    }
}
