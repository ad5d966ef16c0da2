//! `tern sms`: sends one and waits for its fate, or lists them.

use std::time::Duration;

use tern_engine::api::{
    ActivityId, ActivityItem, ActivityWhat, Command, ErrorCode, ErrorView, EventKind, MessageState, Reply,
};

use super::row;
use crate::{
    account::{Extras, Session},
    args::{self, SmsCommand},
    exit::Exit,
    failure::Failure,
    report::Report,
    stop::Stop,
    watch::Seen,
};

/// Longer than a send is looked up after its answer was lost.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: args::Sms, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let (SmsCommand::Send { account, .. } | SmsCommand::List { account, .. }) = &args.command;
    let mut session = stop.or(Session::start(account, Extras::default())).await?;
    let ended = match args.command {
        SmsCommand::Send { from, to, text, .. } => stop.or(send(&mut session, from, to, text, report)).await,
        SmsCommand::List { peer, limit, .. } => stop.or(list(&mut session, peer, limit, report)).await,
    };
    session.close().await;
    ended
}

async fn list(
    session: &mut Session,
    peer: Option<String>,
    limit: u32,
    report: &Report,
) -> Result<Exit, Failure> {
    if let Some(error) = session.fed().await? {
        report.stale(&error);
    }
    let wanted = |item: &ActivityItem| {
        matches!(item.what, ActivityWhat::Message { .. })
            && row::is_with(item, &session.account, peer.as_deref())
    };
    for item in row::newest(&session.engine, limit, wanted).await? {
        report.line(&row::line(&item))?;
    }
    Ok(Exit::Done)
}

async fn send(
    session: &mut Session,
    from: Option<String>,
    to: String,
    text: String,
    report: &Report,
) -> Result<Exit, Failure> {
    // The account's numbers come with its feed.
    session.fed().await?;
    let from = match from {
        Some(from) => from,
        None => {
            let number = session.view()?.numbers.iter().find(|number| number.sms && number.active);
            number
                .map(|number| number.e164.clone())
                .ok_or_else(|| ErrorView::new(ErrorCode::NumberNotYours))?
        }
    };
    let account = session.account.clone();
    let queued = session.engine.command(Command::SendMessage { account, from, to, text }).await?;
    let Reply::MessageQueued { message, .. } = queued else {
        return Err(ErrorView::new(ErrorCode::Internal).into());
    };
    match tokio::time::timeout(PATIENCE, sent(session, &message, report)).await {
        Ok(ended) => ended,
        Err(_) => Err(ErrorView::new(ErrorCode::SendUnknown).into()),
    }
}

/// Tells each state of the message until the provider has it, or never will.
async fn sent(session: &mut Session, id: &ActivityId, report: &Report) -> Result<Exit, Failure> {
    let mut told = None;
    loop {
        let rows = row::newest(&session.engine, 1, |item| item.id == *id).await?;
        if let Some(item) = rows.first()
            && let ActivityWhat::Message { message } = &item.what
        {
            if told != Some(message.state) {
                told = Some(message.state);
                report.line(&row::line(item))?;
            }
            match message.state {
                MessageState::Sent | MessageState::Delivered | MessageState::Received => {
                    return Ok(Exit::Done);
                }
                MessageState::Failed => {
                    let error = message.error.clone();
                    return Err(error.unwrap_or_else(|| ErrorView::new(ErrorCode::ProviderRefused)).into());
                }
                MessageState::Queued | MessageState::Sending | MessageState::Unknown => {}
            }
        }
        loop {
            match session.watch.next().await? {
                Seen::Happened(EventKind::ActivityChanged { .. }) | Seen::Again => break,
                Seen::Happened(_) => {}
            }
        }
    }
}
