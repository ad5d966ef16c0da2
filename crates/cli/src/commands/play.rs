//! `tern play`.

use serde_json::json;
use tern_engine::api::{Command, EventKind, Notice, PlayingView};

use crate::{
    account::nobody,
    args,
    audio::{End, between},
    exit::Exit,
    failure::Failure,
    report::Report,
    stop::Stop,
    watch::{Seen, Watch},
};

pub(crate) async fn run(args: args::Play, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let sound = between(&End::Null, &args.audio_out)?;
    let (engine, mut watch) = nobody(sound.audio).await?;
    let path = args.file.to_string_lossy().into_owned();
    let played = async {
        engine.command(Command::PlayFile { path }).await?;
        to_its_end(&mut watch, report).await
    };
    let ended = stop.or(played).await;
    engine.shutdown().await;
    ended
}

async fn to_its_end(watch: &mut Watch, report: &Report) -> Result<Exit, Failure> {
    loop {
        match watch.next().await? {
            Seen::Happened(EventKind::PlayingChanged { playing: Some(playing) }) => {
                let PlayingView { path, position_ms, length_ms } = playing;
                report.line(&json!({
                    "event": "playing",
                    "path": path,
                    "position_ms": position_ms,
                    "length_ms": length_ms,
                }))?;
            }
            Seen::Happened(EventKind::PlayingChanged { playing: None }) => {
                report.line(&json!({ "event": "played" }))?;
                return Ok(Exit::Done);
            }
            Seen::Happened(EventKind::NoticeRaised { notice: Notice::Trouble { error, .. } }) => {
                return Err(error.into());
            }
            Seen::Happened(_) | Seen::Again => {}
        }
    }
}
