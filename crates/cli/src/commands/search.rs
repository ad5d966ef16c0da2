//! `tern search`, `tern export`: reading what is kept.

use serde_json::json;
use tern_engine::api::{Answer, ErrorCode, ErrorView, ExportFormat, Query, SearchFilter, SearchKind};

use super::row;
use crate::{account, args, exit::Exit, failure::Failure, report::Report, stop::Stop};

pub(crate) async fn run(args: args::Search, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let engine = stop.or(account::kept_engine(args.kept)).await?;
    let filter = SearchFilter {
        number: args.number,
        kind: args.kind.map(|kind| match kind {
            args::SearchedKind::Message => SearchKind::Message,
            args::SearchedKind::Call => SearchKind::Call,
            args::SearchedKind::Ledger => SearchKind::Ledger,
        }),
        since: args.since,
        until: args.until,
        unread: args.unread,
        blocked: args.blocked,
    };
    let query = Query::Search { text: args.text.join(" "), filter, before: None, limit: args.limit };
    let ended = match stop.or(async { Ok(engine.query(query).await?) }).await {
        Ok(Answer::Search { page }) => page.hits.iter().rev().try_for_each(|hit| {
            let mut line = row::line(&hit.item);
            if let Some(line) = line.as_object_mut() {
                line.insert("snippet".into(), json!(hit.snippet));
                line.insert("ranges".into(), json!(hit.ranges));
            }
            report.line(&line)
        }),
        Ok(_) => Err(ErrorView::new(ErrorCode::Internal).into()),
        Err(failure) => Err(failure),
    };
    engine.shutdown().await;
    ended.map(|()| Exit::Done)
}

/// Everything kept, into a file.
pub(crate) async fn export(args: args::Export, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let engine = stop.or(account::kept_engine(args.kept)).await?;
    let format = match args.format {
        args::ExportedAs::Json => ExportFormat::Json,
        args::ExportedAs::Csv => ExportFormat::Csv,
    };
    let path = args.file.to_string_lossy().into_owned();
    let query = Query::Export { format, path, replace: false };
    let ended = match stop.or(async { Ok(engine.query(query).await?) }).await {
        Ok(Answer::Export { written }) => report.line(&json!({
            "event": "exported", "rows": written.rows, "contacts": written.contacts, "blocked": written.blocked,
            "drafts": written.drafts, "file": args.file,
        })),
        Ok(_) => Err(ErrorView::new(ErrorCode::Internal).into()),
        Err(failure) => Err(failure),
    };
    engine.shutdown().await;
    ended.map(|()| Exit::Done)
}
