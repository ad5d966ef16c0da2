//! How a call sounds, in numbers a person understands: the E-model (ITU-T G.107, for wide band G.107.1), which side
//! suffers, and why one side hears nothing.
//!
//! Pure figures of counts and instants. What isn't here: who counts (`stream`), and words for people.

use std::time::{Duration, Instant};

use crate::codec::CodecKind;

/// How a call sounds, over its last second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Transmission rating of the wideband E-model, brought to 0..=100 by its largest value of 129.
    pub rating: f32,
    /// Mean opinion score of the conversation, 1..=4.5: with the delay.
    pub mos: f32,
    /// Mean opinion score of listening: without the delay.
    pub mos_listening: f32,
    /// Share of the peer's packets that did not come, 0..=1.
    pub loss: f32,
    /// Share of what was played that was made up, 0..=1.
    pub concealed: f32,
    /// From mouth to ear as far as this end can tell, ms.
    pub delay_ms: f32,
    /// Interarrival jitter, ms.
    pub jitter_ms: f32,
    /// Which side suffers.
    pub bad_side: Option<BadSide>,
    /// Why one side hears nothing.
    pub silence: Option<Silence>,
}

/// Where sound suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadSide {
    /// What comes here.
    Here,
    /// What comes to the peer.
    There,
    /// Either.
    Both,
}

/// Why one side hears nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// We are muted.
    MutedHere,
    /// Our microphone gives nothing, not even the noise of a room.
    MicrophoneHere,
    /// The peer gave sound, and now digital silence: nobody's microphone does that by itself.
    MutedThere,
    /// The peer has given digital silence from the beginning.
    MicrophoneThere,
    /// Packets don't come here, or ours don't come there.
    BlockedPath,
    /// The peer holds the call.
    HoldThere,
}

/// What the signalling says the peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expected {
    /// Sound.
    #[default]
    Sound,
    /// Nothing, as we asked for.
    Nothing,
    /// Nothing or music: it holds the call.
    Hold,
}

/// The counts of a stream at one instant; all since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) kind: CodecKind,
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) late: u64,
    pub(crate) played: u64,
    pub(crate) concealed: u64,
    pub(crate) jitter_ms: f32,
    pub(crate) delay_ms: f32,
    /// Share of our packets that the peer lacks, where it told lately.
    pub(crate) loss_there: Option<f32>,
}

/// What silence is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) expected: Expected,
    /// Since when the peer is expected to send.
    pub(crate) since: Option<Instant>,
    pub(crate) last_packet: Option<Instant>,
    pub(crate) last_sound: Option<Instant>,
    /// The latest packet described a pause, after which none need come.
    pub(crate) pausing: bool,
    pub(crate) last_report: Option<Instant>,
    pub(crate) muted: bool,
    /// Since when we send without pause.
    pub(crate) sending_since: Option<Instant>,
    pub(crate) last_captured_sound: Option<Instant>,
    pub(crate) last_capture: Option<Instant>,
    /// The peer reports on nothing of ours though it reports.
    pub(crate) unheard: bool,
}

/// Between two looks.
const SECOND: Duration = Duration::from_secs(1);
/// Silence is named after this long: with a look each second within three.
const SILENT: Duration = Duration::from_secs(2);
/// A peer that described a pause and sends no reports either is gone after this long.
const PAUSE: Duration = Duration::from_secs(10);
/// Two reports are this far apart at most (RFC 3550 section 6.3.1), and one may be lost.
const REPORTS: Duration = Duration::from_secs(16);
/// Share lost or made up from which a side is called bad, over about three seconds.
const BAD: f32 = 0.03;

/// Looks at the counts each second.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    before: Option<(Instant, Counted)>,
    /// Smoothed share that was not there here.
    here: f32,
    latest: Option<Quality>,
}

impl Meter {
    /// When to look next; `None` before the first look.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.before.map(|(at, _)| at + SECOND)
    }

    /// The latest figures.
    pub(crate) fn latest(&self) -> Option<Quality> {
        self.latest
    }

    /// Takes the counts of `now`.
    pub(crate) fn look(&mut self, now: Instant, counted: Counted, heard: &Heard) {
        let Some((_, before)) = self.before.replace((now, counted)) else { return };
        let since = |new: u64, old: u64| new.saturating_sub(old) as f32;
        let (received, lost) = (since(counted.received, before.received), since(counted.lost, before.lost));
        let share = |part: f32, whole: f32| if whole > 0.0 { (part / whole).min(1.0) } else { 0.0 };
        let loss = share(lost, received + lost);
        let late = share(since(counted.late, before.late), received + lost);
        let concealed =
            share(since(counted.concealed, before.concealed), since(counted.played, before.played));
        self.here += (loss.max(concealed) - self.here) * 0.5;
        let missing = (loss + late).max(concealed);
        let rating = rating(counted.kind, missing, counted.delay_ms);
        let there = counted.loss_there.is_some_and(|loss| loss >= BAD);
        self.latest = Some(Quality {
            rating,
            mos: mos(rating),
            mos_listening: mos(self::rating(counted.kind, missing, 0.0)),
            loss,
            concealed,
            delay_ms: counted.delay_ms,
            jitter_ms: counted.jitter_ms,
            bad_side: match (self.here >= BAD, there) {
                (true, true) => Some(BadSide::Both),
                (true, false) => Some(BadSide::Here),
                (false, true) => Some(BadSide::There),
                (false, false) => None,
            },
            silence: silence(now, heard),
        });
    }
}

/// Why one side hears nothing, if it does: what cannot be heard here comes first, the other side knows itself.
pub(crate) fn silence(now: Instant, heard: &Heard) -> Option<Silence> {
    let long_ago = |at: Instant, limit: Duration| now.saturating_duration_since(at) >= limit;
    let recent = |at: Option<Instant>, limit: Duration| at.is_some_and(|at| !long_ago(at, limit));
    match heard.expected {
        Expected::Hold => return Some(Silence::HoldThere),
        Expected::Nothing => {}
        Expected::Sound => {
            let waited = heard.since.map(|since| heard.last_packet.map_or(since, |last| last.max(since)));
            let allowed = match heard.pausing {
                true if recent(heard.last_report, REPORTS) => Duration::MAX,
                true => PAUSE,
                false => SILENT,
            };
            if waited.is_some_and(|since| long_ago(since, allowed)) {
                return Some(Silence::BlockedPath);
            }
            // What was heard before a hold says nothing of what came after it.
            let quiet = heard.since.map(|since| heard.last_sound.map_or(since, |last| last.max(since)));
            // A described pause is the room's own noise, so somebody's microphone works.
            if !heard.pausing && quiet.is_some_and(|at| long_ago(at, SILENT)) && heard.last_packet.is_some() {
                let ever = heard.last_sound.is_some();
                return Some(if ever { Silence::MutedThere } else { Silence::MicrophoneThere });
            }
        }
    }
    let sending = heard.sending_since?;
    if heard.unheard && long_ago(sending, SILENT) {
        return Some(Silence::BlockedPath);
    }
    if heard.muted {
        return Some(Silence::MutedHere);
    }
    let quiet = heard.last_captured_sound.map_or(sending, |last| last.max(sending));
    let works = recent(heard.last_capture, SILENT) && !long_ago(quiet, SILENT);
    (!works && long_ago(sending, SILENT)).then_some(Silence::MicrophoneHere)
}

/// Equipment impairment on the wideband scale and robustness against packet loss.
///
/// G.711 36 (narrow band itself on that scale) with 25.1 for concealment, and G.722's 13: ITU-T G.113 appendices I and
/// IV. No Recommendation has Opus: its figures, and G.722's robustness, are those with which the model gives what
/// PESQ measured with this crate's redundancy and concealment at 5, 10 and 20 % loss.
fn equipment(kind: CodecKind) -> (f32, f32) {
    match kind {
        CodecKind::Opus => (10.0, 17.4),
        CodecKind::G722 => (13.0, 3.2),
        CodecKind::Pcmu | CodecKind::Pcma => (36.0, 25.1),
    }
}

/// The rating of G.107.1 with its default values, brought to 0..=100.
fn rating(kind: CodecKind, missing: f32, delay_ms: f32) -> f32 {
    const BEST: f32 = 129.0;
    let (impairment, robustness) = equipment(kind);
    let percent = missing * 100.0;
    // G.107.1 (7-17), losses taken as independent.
    let equipment = impairment + (95.0 - impairment) * percent / (percent + robustness);
    ((BEST - delay_impairment(delay_ms) - equipment) / BEST * 100.0).clamp(0.0, 100.0)
}

/// Idd of G.107 (7-27).
fn delay_impairment(delay_ms: f32) -> f32 {
    if delay_ms <= 100.0 {
        return 0.0;
    }
    let x = (delay_ms / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

/// G.107 annex B.
fn mos(rating: f32) -> f32 {
    let r = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f32, b: f32, off: f32) {
        assert!((a - b).abs() <= off, "{a} is not {b}");
    }

    #[test]
    fn the_model_gives_the_recommendations_own_figures() {
        // G.107 table B.1.
        for (r, expected) in
            [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58), (0.0, 1.0)]
        {
            near(mos(r), expected, 0.01);
        }
        // G.107 figure of Idd: nothing to 100 ms, about 3 at 200 ms, about 25 at 400 ms.
        assert_eq!(delay_impairment(100.0), 0.0);
        near(delay_impairment(200.0), 3.0, 0.5);
        near(delay_impairment(400.0), 24.5, 2.0);
        near(rating(CodecKind::Pcmu, 0.0, 0.0) * 1.29, 93.0, 0.1);
        near(rating(CodecKind::G722, 0.0, 0.0) * 1.29, 116.0, 0.1);
    }

    #[test]
    fn opus_is_rated_as_it_was_measured() {
        for (loss, pesq) in [(0.05, 3.98), (0.10, 3.54), (0.20, 2.88)] {
            near(mos(rating(CodecKind::Opus, loss, 0.0)), pesq, 0.2);
        }
        let at = |loss| mos(rating(CodecKind::G722, loss, 0.0));
        assert!(at(0.0) > at(0.01) && at(0.01) > at(0.1) && at(1.0) >= 1.0);
    }

    const NOTHING: Counted = Counted {
        kind: CodecKind::Pcma,
        received: 0,
        lost: 0,
        late: 0,
        played: 0,
        concealed: 0,
        jitter_ms: 0.0,
        delay_ms: 50.0,
        loss_there: None,
    };

    /// A stream that is well in every direction at `now`.
    fn well(now: Instant, start: Instant) -> Heard {
        Heard {
            expected: Expected::Sound,
            since: Some(start),
            last_packet: Some(now),
            last_sound: Some(now),
            pausing: false,
            last_report: Some(now),
            muted: false,
            sending_since: Some(start),
            last_captured_sound: Some(now),
            last_capture: Some(now),
            unheard: false,
        }
    }

    #[test]
    fn the_side_that_suffers_is_named() {
        let start = Instant::now();
        let side = |lost_here: u64, there: Option<f32>| {
            let mut meter = Meter::default();
            for second in 0..6_u64 {
                let now = start + SECOND * second as u32;
                let counted = Counted {
                    received: second * (50 - lost_here),
                    lost: second * lost_here,
                    played: second * 8_000,
                    concealed: second * lost_here * 160,
                    loss_there: there,
                    ..NOTHING
                };
                meter.look(now, counted, &well(now, start));
                assert_eq!(meter.due(), Some(now + SECOND));
            }
            meter.latest().unwrap()
        };
        let clean = side(0, Some(0.0));
        assert_eq!((clean.bad_side, clean.silence, clean.loss), (None, None, 0.0));
        let here = side(5, None);
        assert_eq!(here.bad_side, Some(BadSide::Here));
        near(here.loss, 0.1, 0.001);
        near(here.concealed, 0.1, 0.001);
        assert!(here.mos < clean.mos - 0.3);
        assert_eq!(side(0, Some(0.1)).bad_side, Some(BadSide::There));
        assert_eq!(side(5, Some(0.1)).bad_side, Some(BadSide::Both));
    }

    #[test]
    fn each_cause_of_silence_has_its_name_within_three_seconds() {
        let start = Instant::now();
        let now = start + Duration::from_secs(60);
        let check = |change: fn(&mut Heard, Instant), expected: Option<Silence>| {
            // It begins now, and is looked at each second.
            let mut heard = well(now, start);
            change(&mut heard, now);
            let named = (0..=3)
                .map(|second| {
                    let later = now + SECOND * second;
                    // What the change did not end goes on.
                    let mut at = heard;
                    let goes_on = |at: &mut Option<Instant>| {
                        if *at == Some(now) {
                            *at = Some(later);
                        }
                    };
                    goes_on(&mut at.last_packet);
                    goes_on(&mut at.last_sound);
                    goes_on(&mut at.last_report);
                    goes_on(&mut at.last_captured_sound);
                    goes_on(&mut at.last_capture);
                    silence(later, &at)
                })
                .find(Option::is_some)
                .flatten();
            assert_eq!(named, expected);
        };
        let just_before = |now: Instant| Some(now - Duration::from_millis(20));
        check(|_, _| {}, None);
        check(|h, _| h.muted = true, Some(Silence::MutedHere));
        check(|h, now| h.last_captured_sound = Some(now - SECOND / 50), Some(Silence::MicrophoneHere));
        check(|h, now| h.last_capture = Some(now - SECOND / 50), Some(Silence::MicrophoneHere));
        check(|h, now| h.last_packet = Some(now - SECOND / 50), Some(Silence::BlockedPath));
        check(|h, _| h.unheard = true, Some(Silence::BlockedPath));
        check(|h, now| h.last_sound = Some(now - SECOND / 50), Some(Silence::MutedThere));
        check(|h, _| h.last_sound = None, Some(Silence::MicrophoneThere));
        check(|h, _| h.expected = Expected::Hold, Some(Silence::HoldThere));
        // A pause that was described is none of them, while reports come or for a while.
        check(
            |h, now| {
                h.pausing = true;
                h.last_packet = Some(now - SECOND / 50);
                h.last_sound = Some(now - SECOND / 50);
            },
            None,
        );
        // Nothing is expected while we hold the call, and we send nothing.
        check(
            |h, now| {
                h.expected = Expected::Nothing;
                h.sending_since = None;
                h.last_packet = Some(now - SECOND / 50);
            },
            None,
        );
        let mut gone = well(now, start);
        gone.pausing = true;
        gone.last_packet = just_before(now);
        gone.last_report = None;
        assert_eq!(silence(now + PAUSE, &gone), Some(Silence::BlockedPath));
        // Whoever comes back from a hold gets the time it takes to speak, and is named when it is over.
        let resumed = |last_packet| Heard {
            since: Some(now),
            last_packet: Some(last_packet),
            last_sound: Some(start),
            ..well(last_packet, start)
        };
        assert_eq!(silence(now + SECOND, &resumed(now + SECOND)), None);
        assert_eq!(silence(now + SILENT, &resumed(now + SILENT)), Some(Silence::MutedThere));
        // At the beginning each side gets its time.
        let mut fresh = well(now, now);
        (fresh.last_packet, fresh.last_sound, fresh.last_captured_sound) = (None, None, None);
        assert_eq!(silence(now + SECOND, &Heard { last_capture: Some(now + SECOND), ..fresh }), None);
        assert_eq!(silence(now + SILENT, &fresh), Some(Silence::BlockedPath));
    }
}
