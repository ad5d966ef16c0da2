//! Tern and baresip call each other through Kamailio; sound is held against what was said.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Baresip, Digest, Kamailio, Tern, TernCall};
use tern_tests::audio::{Sound, correlate_pieces, speech};

use super::{BOB, TERN};

const SOON: Duration = Duration::from_secs(20);

/// How long calls last, and the part of the voices that is compared: it must have arrived by then.
const SECONDS: u32 = 6;
const COMPARED: f64 = 4.0;

#[test]
fn tern_calls_baresip_and_both_hear() -> Result<()> {
    let cast = Cast::new()?;
    let mut bob = cast.bob()?;
    let mut tern = cast.tern()?.call(BOB.user, SECONDS, "PCMU", &cast.terns_voice)?;
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", tern.log());
    bob.wait_for("CALL_CLOSED", SOON)?;
    cast.check_sound(&tern, &bob)?;
    let summary = tern.last_line()?;
    assert_eq!(summary["event"], "summary", "{summary}");
    assert_eq!(summary["codec"], "PCMU", "{summary}");
    assert_eq!(summary["ended_by"], "local", "{summary}");
    check_packets(&summary);
    Ok(())
}

#[test]
fn baresip_calls_tern_and_both_hear() -> Result<()> {
    let cast = Cast::new()?;
    let mut bob = cast.bob()?;
    let mut tern = cast.tern()?.answer(SECONDS, "PCMU", &cast.terns_voice)?;
    tern.wait_for("waiting", SOON)?;
    bob.dial(TERN.user)?;
    bob.wait_for("CALL_ESTABLISHED", SOON)?;
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", tern.log());
    bob.wait_for("CALL_CLOSED", SOON)?;
    cast.check_sound(&tern, &bob)?;
    let summary = tern.last_line()?;
    assert_eq!(summary["ended_by"], "local", "{summary}");
    check_packets(&summary);
    Ok(())
}

#[test]
fn baresip_hangs_up_and_tern_says_who() -> Result<()> {
    let cast = Cast::new()?;
    let mut bob = cast.bob()?;
    let mut tern = cast.tern()?.call(BOB.user, 15, "PCMU", &cast.terns_voice)?;
    bob.wait_for("CALL_ESTABLISHED", SOON)?;
    bob.hang_up()?;
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", tern.log());
    let summary = tern.last_line()?;
    assert_eq!(summary["ended_by"], "remote", "{summary}\n{}", tern.log());
    Ok(())
}

#[test]
fn an_unknown_user_is_told_as_404() -> Result<()> {
    let cast = Cast::new()?;
    let mut tern = cast.tern()?.call("nobody", SECONDS, "PCMU", &cast.terns_voice)?;
    let status = tern.wait(SOON)?;
    assert_eq!(status.code(), Some(NOT_FOUND), "{}", tern.log());
    let summary = tern.last_line()?;
    assert_eq!(summary["event"], "summary", "{summary}");
    assert_eq!(summary["ended_by"], "remote", "{summary}");
    assert_eq!(summary["code"], "numberUnknown", "{summary}");
    assert_eq!(summary["packets_sent"], 0, "{summary}");
    Ok(())
}

/// The exit code that `tern` documents for a number that nobody has.
const NOT_FOUND: i32 = 5;

/// Everything a call needs, with the two voices.
struct Cast {
    registrar: Kamailio,
    terns_voice: Sound,
    bobs_voice: Sound,
}

impl Cast {
    fn new() -> Result<Self> {
        Ok(Self {
            registrar: Kamailio::start(Digest::Md5, &[TERN, BOB])?,
            terns_voice: speech(8_000, 12.0, 11),
            bobs_voice: speech(8_000, 12.0, 12),
        })
    }

    fn bob(&self) -> Result<Baresip> {
        Baresip::start(&BOB, self.registrar.address(), "PCMU/8000/1", &self.bobs_voice)
    }

    fn tern(&self) -> Result<Tern> {
        Tern::new(&TERN, self.registrar.address())
    }

    #[track_caller]
    fn check_sound(&self, tern: &TernCall, bob: &Baresip) -> Result<()> {
        // On a busy machine a pause slips in between, or a packet comes too late: each fifth of a second is aligned by
        // itself. What is lost or garbled is still missing, and another voice gives 0.2.
        let heard = correlate_pieces(&self.terns_voice.part(0.0, COMPARED), &bob.heard()?, 0.2);
        assert!(heard.correlation > 0.85, "bob heard {heard:?}\n{}\n{}", bob.log(), tern.log());
        // Tern's buffer follows the network by stretching time a little, which moves the rest of the recording.
        let heard = correlate_pieces(&self.bobs_voice.part(0.0, COMPARED), &tern.heard()?, 0.2);
        assert!(heard.correlation > 0.9, "tern heard {heard:?}\n{}\n{}", bob.log(), tern.log());
        Ok(())
    }
}

/// A call of six seconds with packets of 20 ms, on loopback: nearly all of them must be there.
#[track_caller]
fn check_packets(summary: &serde_json::Value) {
    let number = |name: &str| summary[name].as_f64().unwrap_or(f64::NAN);
    let expected = f64::from(SECONDS) * 50.0;
    for name in ["packets_sent", "packets_received"] {
        assert!((expected * 0.8..expected * 1.2).contains(&number(name)), "{name}: {summary}");
    }
    assert!(number("lost") <= 5.0, "{summary}");
    for name in ["concealed_ms", "jitter_ms"] {
        assert!(number(name) >= 0.0, "{name}: {summary}");
    }
}
