//! `tern call`: places one call and follows it to its end.

use tern_engine::api::{CallView, Command, ErrorCode, ErrorView, EventKind, Reply};

use super::talk;
use crate::{
    account::{Extras, Session},
    args, audio,
    exit::Exit,
    failure::Failure,
    report::Report,
    stop::Stop,
    watch::Seen,
};

pub(crate) async fn run(args: args::Call, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let sound = audio::open(&args.sound)?;
    let extras = Extras { audio: Some(sound.audio), media: args.sound.media(), waits: false };
    let mut session = stop.or(Session::start(&args.account, extras)).await?;
    let talk = talk::talk_time(args.sound.seconds, sound.lasts);
    let ended = match stop.or(place(&mut session, args.target)).await {
        Ok(call) => {
            talk::follow(&mut session, call, talk, args.sound.control, args.sound.record(), report, stop)
                .await
        }
        Err(failure) => Err(failure),
    };
    session.close().await;
    ended
}

/// Places the call, and returns it as first told.
async fn place(session: &mut Session, target: String) -> Result<CallView, Failure> {
    session.registered().await?;
    let account = session.account.clone();
    let Reply::CallPlaced { call: id } =
        session.engine.command(Command::PlaceCall { account, target, show: None }).await?
    else {
        return Err(ErrorView::new(ErrorCode::Internal).into());
    };
    loop {
        match session.watch.next().await? {
            Seen::Happened(EventKind::CallChanged { call }) if call.id == id => return Ok(call),
            Seen::Happened(_) => {}
            Seen::Again => {
                if let Some(call) = session.watch.calls().iter().find(|call| call.id == id) {
                    return Ok(call.clone());
                }
            }
        }
    }
}
