//! One call, from its first state to its summary.
//!
//! Invariant: whatever happens after a call began, its summary is the last line.

use std::time::Duration;

use serde_json::{Value, json};
use tern_engine::api::{
    CallDirection, CallEndView, CallId, CallState, CallStatsView, CallView, Command, EndedBy, ErrorCode,
    ErrorView, EventKind, Language, Notice,
};
use tern_engine::texts::Texts;
use tokio::time::{Instant, sleep_until};

use super::control::{Control, obey};
use crate::{
    account::Session,
    exit::Exit,
    failure::{Failure, word},
    report::{Report, plain},
    stop::Stop,
    watch::Seen,
};

/// After the file has been played: its last sounds are still under way, and an echo comes back later than it left.
const TAIL: Duration = Duration::from_millis(700);
/// How long the other side has to confirm that we hung up.
const FAREWELL: Duration = Duration::from_secs(5);

/// When we hang up by ourselves, counted from the answer.
pub(super) fn talk_time(seconds: Option<u32>, file: Option<Duration>) -> Option<Duration> {
    seconds.map(|seconds| Duration::from_secs(seconds.into())).or(file.map(|lasts| lasts + TAIL))
}

/// What is known of the call so far.
#[derive(Default)]
struct Course {
    state: Option<CallState>,
    answered: Option<Instant>,
    stats: Option<CallStatsView>,
    trouble: Option<ErrorCode>,
    interrupted: bool,
    told: Option<Value>,
}

/// Follows `call` to its end, hanging up after `talk` or when asked to stop. What is said is recorded into `record`.
pub(super) async fn follow(
    session: &mut Session,
    call: CallView,
    talk: Option<Duration>,
    control: bool,
    mut record: Option<String>,
    report: &Report,
    stop: &mut Stop,
) -> Result<Exit, Failure> {
    let id = call.id.clone();
    let mut control = Control::new(control);
    let mut course = Course::default();
    let mut hang_up_at: Option<Instant> = None;
    let mut give_up_at: Option<Instant> = None;
    let mut news = Some(call);
    loop {
        if let Some(call) = news.take() {
            course.tell(&call, report)?;
            if let Some(end) = &call.end {
                return course.finish(Some(end), report);
            }
            if call.state == CallState::Connected && record.is_some() {
                let command = Command::RecordCall { call: id.clone(), on: true, path: record.take() };
                if let Err(error) = session.engine.command(command).await {
                    report.say(sentence(&error));
                }
            }
            if let (Some(answered), None) = (course.answered, hang_up_at) {
                hang_up_at = talk.map(|talk| answered + talk);
            }
        }
        tokio::select! {
            seen = session.watch.next() => news = match seen? {
                Seen::Happened(EventKind::CallChanged { call }) if call.id == id => Some(call),
                Seen::Happened(EventKind::DigitCame { call, digit }) if call == id => {
                    report.line(&json!({ "event": "digit", "call": call.0, "digit": digit }))?;
                    None
                }
                Seen::Happened(EventKind::NoticeRaised { notice: Notice::Trouble { error, .. } }) => {
                    report.say(sentence(&error));
                    let code = word(&error.code);
                    report.line(&json!({ "event": "trouble", "code": code, "detail": error.detail }))?;
                    None
                }
                Seen::Happened(_) => None,
                Seen::Again => match session.watch.calls().iter().find(|c| c.id == id) {
                    Some(call) => Some(call.clone()),
                    // It ended among what was missed.
                    None => return course.finish(None, report),
                },
            },
            typed = control.next() => match typed {
                Ok(word) => {
                    if let Err(error) = obey(session, &id, word).await {
                        report.say(sentence(&error));
                        report.line(&json!({ "event": "refused", "code": crate::failure::word(&error.code) }))?;
                    }
                }
                Err(line) => report.say(format!("this is no command: {}", plain(&line))),
            },
            () = stop.asked(), if give_up_at.is_none() => {
                course.interrupted = true;
                give_up_at = Some(hang_up(session, &id).await);
            }
            () = at(hang_up_at), if give_up_at.is_none() => give_up_at = Some(hang_up(session, &id).await),
            () = at(give_up_at) => return course.finish(None, report),
        }
    }
}

/// Never, where there is no time set.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

async fn hang_up(session: &Session, call: &CallId) -> Instant {
    // An error means that it is over already; its last event is on its way.
    let _ = session.engine.command(Command::HangUpCall { call: call.clone() }).await;
    Instant::now() + FAREWELL
}

impl Course {
    fn tell(&mut self, call: &CallView, report: &Report) -> Result<(), Failure> {
        if call.stats.is_some() {
            self.stats.clone_from(&call.stats);
        }
        if call.state == CallState::Connected && self.answered.is_none() {
            self.answered = Some(Instant::now());
        }
        let trouble = call.audio_trouble.as_ref().map(|error| error.code);
        if let (Some(error), true) = (&call.audio_trouble, trouble != self.trouble) {
            report.say(sentence(error));
        }
        if self.state != Some(call.state) || self.trouble != trouble {
            self.state = Some(call.state);
            self.trouble = trouble;
            report.say(told(call));
        }
        let line = line(call);
        // Figures and loudness come each second, and are told once, at the end.
        let told = without_codec(&line);
        if self.told.as_ref() != Some(&told) {
            self.told = Some(told);
            report.line(&line)?;
        }
        Ok(())
    }

    /// The last line, and the exit status it means.
    fn finish(&self, end: Option<&CallEndView>, report: &Report) -> Result<Exit, Failure> {
        let error = end.and_then(|end| end.error.as_ref());
        if let Some(error) = error {
            report.say(sentence(error));
        }
        report.line(&self.summary(end))?;
        Ok(self.exit(end))
    }

    fn exit(&self, end: Option<&CallEndView>) -> Exit {
        match end {
            Some(CallEndView { by: EndedBy::Network, error, .. }) => {
                error.as_ref().map_or(Exit::Unreachable, |error| Exit::of(error.code))
            }
            _ if self.answered.is_some() => Exit::Done,
            _ if self.interrupted => Exit::Interrupted,
            Some(CallEndView { error: Some(error), .. }) => Exit::of(error.code),
            _ => Exit::NotAnswered,
        }
    }

    fn summary(&self, end: Option<&CallEndView>) -> Value {
        let stats = self.stats.as_ref();
        let error = end.and_then(|end| end.error.as_ref());
        let by = end.map_or(EndedBy::Local, |end| end.by);
        json!({
            "event": "summary",
            "ended_by": word(&by),
            "reason": error.map_or_else(|| "hung up".to_owned(), |e| e.detail.clone().unwrap_or_else(|| word(&e.code))),
            "code": error.map(|error| word(&error.code)),
            "outcome": end.map(|end| word(&end.outcome)),
            "codec": stats.map(|stats| &stats.codec),
            "packets_sent": stats.map_or(0, |stats| stats.packets_sent),
            "packets_received": stats.map_or(0, |stats| stats.packets_received),
            "lost": stats.map_or(0, |stats| stats.packets_lost),
            "concealed_ms": stats.map_or(0, |stats| stats.concealed_ms),
            "jitter_ms": stats.map(|stats| tenths(stats.jitter_ms)),
            "round_trip_ms": stats.and_then(|stats| stats.round_trip_ms).map(tenths),
            "duration_ms": self.answered.map_or(0, |since| since.elapsed().as_millis() as u64),
        })
    }
}

/// The codec shows itself with the figures, a second after the line that matters.
fn without_codec(line: &Value) -> Value {
    let mut line = line.clone();
    if let Some(fields) = line.as_object_mut() {
        fields.remove("codec");
    }
    line
}

/// Rounded, so that a line does not pretend to an exactness that nothing was measured with.
fn tenths(milliseconds: f32) -> f64 {
    (f64::from(milliseconds) * 10.0).round() / 10.0
}

fn line(call: &CallView) -> Value {
    json!({
        "event": "call",
        "state": word(&call.state),
        "call": call.id.0,
        "direction": word(&call.direction),
        "peer": call.peer,
        "peer_name": call.peer_name,
        "number": call.number,
        "hold": word(&call.hold),
        "transfer": call.transfer.as_ref().map(|transfer| word(&transfer.state)),
        "transfer_to": call.transfer.as_ref().map(|transfer| &transfer.to),
        "transfer_asked": call.transfer_asked.as_ref().map(|asked| &asked.to),
        "redirect": call.redirect.iter().map(|other| &other.target).collect::<Vec<_>>(),
        "diverted_by": call.diverted_by,
        "anonymous": call.anonymous,
        "codec": call.stats.as_ref().map(|stats| &stats.codec),
        "security": word(&call.security.protocol),
        "suite": call.security.suite,
        "trouble": call.audio_trouble.as_ref().map(|error| word(&error.code)),
    })
}

fn told(call: &CallView) -> String {
    let who = plain(&call.peer_name);
    match (call.state, call.direction) {
        (CallState::Dialing, _) => format!("calling {who}"),
        (CallState::Ringing, CallDirection::Outgoing) => format!("it rings at {who}"),
        (CallState::Ringing, CallDirection::Incoming) => format!("{who} is calling"),
        (CallState::Redirected, _) => {
            let others: Vec<String> = call.redirect.iter().map(|other| plain(&other.target)).collect();
            format!("{who} says to call {} instead", others.join(" or "))
        }
        (CallState::Connecting, _) => format!("connecting with {who}"),
        (CallState::Connected, _) => format!("talking with {who}"),
        (CallState::Ended, _) => format!("the call with {who} is over"),
    }
}

fn sentence(error: &ErrorView) -> String {
    let sentence = Texts::new(Language::System).error(error.code);
    match &error.detail {
        Some(detail) => format!("{sentence} ({})", plain(detail)),
        None => sentence,
    }
}

#[cfg(test)]
mod tests {
    use tern_engine::api::CallOutcome;

    use super::*;

    fn end(by: EndedBy, error: Option<ErrorCode>) -> CallEndView {
        CallEndView { by, outcome: CallOutcome::Failed, error: error.map(ErrorView::new) }
    }

    #[test]
    fn the_end_decides_the_exit_status() {
        let silent = Course::default();
        let answered = || Course { answered: Some(Instant::now()), ..Course::default() };
        let interrupted = Course { interrupted: true, ..Course::default() };
        assert_eq!(answered().exit(Some(&end(EndedBy::Remote, None))), Exit::Done);
        assert_eq!(answered().exit(None), Exit::Done);
        assert_eq!(
            answered().exit(Some(&end(EndedBy::Network, Some(ErrorCode::CallLost)))),
            Exit::Unreachable
        );
        assert_eq!(silent.exit(Some(&end(EndedBy::Remote, Some(ErrorCode::Declined)))), Exit::Busy);
        assert_eq!(silent.exit(Some(&end(EndedBy::Remote, Some(ErrorCode::NumberUnknown)))), Exit::NotFound);
        assert_eq!(silent.exit(Some(&end(EndedBy::Remote, None))), Exit::NotAnswered);
        assert_eq!(interrupted.exit(Some(&end(EndedBy::Local, None))), Exit::Interrupted);
    }

    #[test]
    fn a_summary_has_every_field_whatever_happened() {
        let bare = Course::default().summary(Some(&end(EndedBy::Remote, Some(ErrorCode::Busy))));
        for field in [
            "ended_by",
            "reason",
            "code",
            "codec",
            "packets_sent",
            "packets_received",
            "lost",
            "concealed_ms",
            "jitter_ms",
            "round_trip_ms",
            "duration_ms",
        ] {
            assert!(bare.get(field).is_some(), "{field}");
        }
        assert_eq!(
            (&bare["ended_by"], &bare["code"], &bare["reason"]),
            (&json!("remote"), &json!("busy"), &json!("busy"))
        );
    }

    #[test]
    fn figures_of_the_last_second_make_the_summary() {
        let stats = CallStatsView {
            codec: "opus".into(),
            packets_sent: 200,
            packets_received: 198,
            packets_lost: 2,
            packets_unusable: 0,
            concealed_ms: 40,
            jitter_ms: 0.123,
            round_trip_ms: Some(12.34),
            level_in: 0.5,
            level_out: 0.5,
            ways_renewed: 0,
            quality: None,
        };
        let summary = Course { stats: Some(stats), ..Course::default() }.summary(None);
        assert_eq!(summary["codec"], "opus");
        assert_eq!(summary["lost"], 2);
        assert_eq!(summary["jitter_ms"], 0.1);
        assert_eq!(summary["round_trip_ms"], 12.3);
        assert_eq!(summary["ended_by"], "local");
    }

    #[test]
    fn seconds_go_before_the_file_and_a_file_before_none() {
        let file = Some(Duration::from_secs(3));
        assert_eq!(talk_time(Some(1), file), Some(Duration::from_secs(1)));
        assert_eq!(talk_time(None, file), Some(Duration::from_millis(3700)));
        assert_eq!(talk_time(None, None), None);
    }
}
