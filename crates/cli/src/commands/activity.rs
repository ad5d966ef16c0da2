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
        Ok(told) if args.follow => tokio::select! {
            ended = follow(&mut session, told, report) => ended,
            () = stop.asked() => Ok(Exit::Done),
        },
        Ok(_) => Ok(Exit::Done),
        Err(failure) => Err(failure),
    };
    session.close().await;
    ended
}

/// Tells the newest rows, and returns what there was when they were read.
async fn list(session: &mut Session, limit: u32, report: &Report) -> Result<Vec<ActivityItem>, Failure> {
    if let Some(error) = session.fed().await? {
        report.stale(&error);
    }
    let rows = rows(session, limit.max(COMPARED)).await?;
    let older = rows.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    for item in rows.iter().skip(older) {
        report.line(&row::line(item))?;
    }
    Ok(rows)
}

/// Tells each row that is new, or different from what it was.
async fn follow(session: &mut Session, told: Vec<ActivityItem>, report: &Report) -> Result<Exit, Failure> {
    let mut known: HashMap<ActivityId, ActivityItem> = by_id(told);
    loop {
        match session.watch.next().await? {
            Seen::Happened(EventKind::ActivityChanged { .. }) | Seen::Again => {}
            Seen::Happened(_) => continue,
        }
        let rows = rows(session, COMPARED).await?;
        for item in &rows {
            if known.get(&item.id) != Some(item) {
                report.line(&row::line(item))?;
            }
        }
        known = by_id(rows);
    }
}

fn by_id(rows: Vec<ActivityItem>) -> HashMap<ActivityId, ActivityItem> {
    rows.into_iter().map(|item| (item.id.clone(), item)).collect()
}

async fn rows(session: &Session, limit: u32) -> Result<Vec<ActivityItem>, Failure> {
    row::newest(&session.engine, limit, |item| item.account == session.account).await
}
