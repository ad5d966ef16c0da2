//! `tern answer`: waits for one call, takes it and follows it to its end.

use std::time::Duration;

use serde_json::json;
use tern_engine::api::{
    AccountId, CallDirection, CallState, CallView, Command, ErrorCode, ErrorView, EventKind,
};

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

pub(crate) async fn run(args: args::Answer, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let sound = audio::open(&args.sound)?;
    let extras = Extras { audio: Some(sound.audio), media: args.sound.media(), waits: true };
    let mut session = stop.or(Session::start(&args.account, extras)).await?;
    let talk = talk::talk_time(args.sound.seconds, sound.lasts);
    let ended = match stop.or(wait(&mut session, args.wait, report)).await {
        Ok(call) => {
            let answering = tokio::spawn({
                let engine = session.engine.clone();
                let call = call.id.clone();
                async move {
                    tokio::time::sleep(Duration::from_millis(args.after.into())).await;
                    // An error means that the caller gave up; the call's end tells it.
                    let _ = engine.command(Command::AnswerCall { call }).await;
                }
            });
            let ended =
                talk::follow(&mut session, call, talk, args.sound.control, args.sound.record(), report, stop)
                    .await;
            answering.abort();
            ended
        }
        Err(failure) => Err(failure),
    };
    session.close().await;
    ended
}

/// The first call that rings here.
async fn wait(session: &mut Session, seconds: Option<u32>, report: &Report) -> Result<CallView, Failure> {
    session.registered().await?;
    let address = session.view().map(|account| account.address.clone()).ok();
    report.say("waiting for a call");
    report.line(&json!({ "event": "waiting", "address": address }))?;
    let patience = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        call = rings(session) => call,
        () = patience => Err(ErrorView::with_detail(ErrorCode::NotAnswered, "no call came in").into()),
    }
}

async fn rings(session: &mut Session) -> Result<CallView, Failure> {
    if let Some(call) = session.watch.calls().iter().find(|call| is_ours(call, &session.account)) {
        return Ok(call.clone());
    }
    loop {
        match session.watch.next().await? {
            Seen::Happened(EventKind::CallChanged { call }) if is_ours(&call, &session.account) => {
                return Ok(call);
            }
            Seen::Happened(_) => {}
            Seen::Again => {
                if let Some(call) = session.watch.calls().iter().find(|call| is_ours(call, &session.account))
                {
                    return Ok(call.clone());
                }
            }
        }
    }
}

fn is_ours(call: &CallView, account: &AccountId) -> bool {
    call.account == *account && call.direction == CallDirection::Incoming && call.state == CallState::Ringing
}
