//! `tern activity`: Recent Activity, and with `--follow` what becomes of it.

use std::collections::HashMap;

use tern_engine::api::{ActivityId, ActivityItem, EventKind};

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

/// Rows compared with their earlier selves: more than arrive between two looks, few enough to look often.
const COMPARED: u32 = 200;

pub(crate) async fn run(args: args::Activity, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let mut session = stop.or(Session::start(&args.account, Extras::default())).await?;
    let ended = match stop.or(list(&mut session, args.limit, report)).await {
        Ok(()) if args.follow => tokio::select! {
            ended = follow(&mut session, report) => ended,
            () = stop.asked() => Ok(Exit::Done),
        },
        Ok(()) => Ok(Exit::Done),
        Err(failure) => Err(failure),
    };
    session.close().await;
    ended
}

async fn list(session: &mut Session, limit: u32, report: &Report) -> Result<(), Failure> {
    if let Some(error) = session.fed().await? {
        report.stale(&error);
    }
    for item in row::newest(&session.engine, limit, |item| item.account == session.account).await? {
        report.line(&row::line(&item))?;
    }
    Ok(())
}

async fn follow(session: &mut Session, report: &Report) -> Result<Exit, Failure> {
    let mut known: HashMap<ActivityId, ActivityItem> = HashMap::new();
    for item in rows(session).await? {
        known.insert(item.id.clone(), item);
    }
    loop {
        match session.watch.next().await? {
            Seen::Happened(EventKind::ActivityChanged { .. }) | Seen::Again => {}
            Seen::Happened(_) => continue,
        }
        let rows = rows(session).await?;
        for item in &rows {
            if known.get(&item.id) != Some(item) {
                report.line(&row::line(item))?;
            }
        }
        known = rows.into_iter().map(|item| (item.id.clone(), item)).collect();
    }
}

async fn rows(session: &Session) -> Result<Vec<ActivityItem>, Failure> {
    row::newest(&session.engine, COMPARED, |item| item.account == session.account).await
}
