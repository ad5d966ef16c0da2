//! `tern check`.

use std::time::Duration;

use serde_json::json;
use tern_engine::api::{Command, EventKind, SoundCheckView};

use crate::{
    account::nobody,
    args,
    audio::between,
    exit::Exit,
    failure::{Failure, word},
    report::Report,
    stop::Stop,
    watch::{Seen, Watch},
};

pub(crate) async fn run(args: args::Check, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let sound = between(&args.audio_in, &args.audio_out)?;
    let (engine, mut watch) = nobody(sound.audio).await?;
    let time = Duration::from_secs(args.seconds.into());
    let checked = async {
        engine.command(Command::TestMicrophone { on: true }).await?;
        report.say("speak, and hear yourself a second later");
        match tokio::time::timeout(time, levels(&mut watch, report)).await {
            Ok(ended) => ended,
            Err(_) => Ok(Exit::Done),
        }
    };
    let ended = stop.or(checked).await;
    engine.shutdown().await;
    ended
}

/// Tells the levels until the check ends by itself.
async fn levels(watch: &mut Watch, report: &Report) -> Result<Exit, Failure> {
    loop {
        match watch.next().await? {
            Seen::Happened(EventKind::SoundChecked { check: Some(check) }) => {
                let SoundCheckView { level_in, level_out, trouble } = check;
                report.line(&json!({
                    "event": "levels",
                    "in": hundredths(level_in),
                    "out": hundredths(level_out),
                    "trouble": trouble.map(|error| word(&error.code)),
                }))?;
            }
            Seen::Happened(EventKind::SoundChecked { check: None }) => return Ok(Exit::Done),
            Seen::Happened(_) | Seen::Again => {}
        }
    }
}

/// Rounded: a meter is no measure.
fn hundredths(level: f32) -> f64 {
    (f64::from(level) * 100.0).round() / 100.0
}
