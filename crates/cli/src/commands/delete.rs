//! `tern delete`: a conversation goes, from this computer and where that is wanted from the provider.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use tern_engine::api::{Command, ErrorCode, ErrorView, EventKind, Notice, Reply, ThreadId};

use super::row;
use crate::{
    account::{Extras, Session},
    args,
    exit::Exit,
    failure::Failure,
    report::Report,
    stop::Stop,
    watch::Seen,
};

/// How long the provider may take for one message before it is left to a later run.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: args::Delete, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let mut session = stop.or(Session::start(&args.account, Extras::default())).await?;
    let ended = stop.or(delete(&mut session, &args.peer, args.at_provider, report)).await;
    session.close().await;
    ended
}

async fn delete(
    session: &mut Session,
    peer: &str,
    at_provider: bool,
    report: &Report,
) -> Result<Exit, Failure> {
    if session.stored {
        // What has not been read yet goes too, whenever it is.
        if let Some(error) = session.fed().await? {
            report.stale(&error);
        }
    } else {
        session.whole().await?;
    }
    // Nothing is deleted by halves.
    if at_provider && !session.view()?.deletes_threads {
        return Err(ErrorView::with_detail(ErrorCode::NotOffered, "--at-provider").into());
    }
    let with = |item: &_| row::is_with(item, &session.account, Some(peer));
    let rows = row::newest(&session.engine, u32::MAX, with).await?;
    let threads: BTreeSet<String> = rows.into_iter().filter_map(|row| row.thread).map(|id| id.0).collect();
    if threads.is_empty() {
        return Err(Failure::not_found("noConversation", format!("There is no conversation with {peer}.")));
    }
    let (mut asked, mut staying) = (0_u32, 0_u32);
    let conversations = threads.len();
    for thread in threads {
        let delete = Command::DeleteThread { thread: ThreadId(thread), at_provider };
        match session.engine.command(delete).await? {
            Reply::ThreadDeleted { asked: more, staying: left } => {
                asked = asked.saturating_add(more);
                staying = staying.saturating_add(left);
            }
            _ => return Err(ErrorView::new(ErrorCode::Internal).into()),
        }
    }
    let line =
        json!({ "event": "deleted", "conversations": conversations, "asked": asked, "staying": staying });
    report.line(&line)?;
    answered(session, asked, report).await
}

/// Waits until the provider has answered for each message.
async fn answered(session: &mut Session, asked: u32, report: &Report) -> Result<Exit, Failure> {
    let (mut deleted, mut refused) = (0_u32, 0_u32);
    while deleted.saturating_add(refused) < asked {
        let Ok(seen) = tokio::time::timeout(PATIENCE, session.watch.next()).await else {
            let left = session.view()?.deleting;
            report.line(
                &json!({ "event": "deletedThere", "deleted": asked.saturating_sub(left), "left": left }),
            )?;
            report.say(
                "The provider has not answered for all of them. Tern goes on with the rest when it runs.",
            );
            return Ok(Exit::Unreachable);
        };
        if let Seen::Happened(EventKind::NoticeRaised {
            notice: Notice::DeletedThere { account, deleted: gone, refused: kept },
        }) = seen?
            && account == session.account
        {
            deleted = deleted.saturating_add(gone);
            refused = refused.saturating_add(kept);
        }
    }
    if asked > 0 {
        report.line(&json!({ "event": "deletedThere", "deleted": deleted, "refused": refused }))?;
    }
    Ok(if refused > 0 { Exit::Refused } else { Exit::Done })
}
