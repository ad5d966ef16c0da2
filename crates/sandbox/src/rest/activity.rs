//! The activity of an account: as a whole, and what has changed since.

use axum::{Json, extract::State, http::StatusCode};
use rusqlite::Connection;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Api,
    extract::{Caller, Params},
    faulty::disorder,
    page::{place, rows},
    problem::Problem,
    view::{
        CallView, ChangeView, ChangesView, ItemView, MessageView, NoticeView, ObjectView, SnapshotView,
        TransactionView,
    },
};
use crate::{
    model::{Account, Kind},
    store::{
        StoreError, accounts, calls,
        changes::{self, Place},
        messages, notices, transactions,
    },
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SnapshotParams {
    /// Most rows, 1 to 500; 100 if not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_page` of the page before.
    #[param(pattern = r"^[0-9]{1,18}(\.[0-9]{1,18}){3}$")]
    page: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesParams {
    /// A cursor, from `snapshot` or an earlier `next`.
    #[param(pattern = "^[a-z0-9]{8}-[0-9]{1,18}$")]
    since: String,
    /// Most rows, 1 to 500; 100 if not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Everything, newest first, page by page.
///
/// The cursor was taken before the first page's rows were read: `changes` from there misses nothing.
#[utoipa::path(get, path = "/v1/activity/snapshot", operation_id = "activity_snapshot", tag = "activity", params(SnapshotParams),
    security(("token" = [])), responses(
    (status = 200, body = SnapshotView),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_page`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn snapshot(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<SnapshotParams>,
) -> Result<Json<SnapshotView>, Problem> {
    let limit = rows(params.limit, DEFAULT_LIMIT, MAX_LIMIT)?;
    let (seq, place) = match &params.page {
        // The row of the caller was read first of all, so its place in the feed is before every row read below.
        None => (account.seq, Place::TOP),
        Some(page) => read_page_token(page).ok_or_else(|| {
            Problem::of(StatusCode::BAD_REQUEST, "bad_page", "This is not a page of this snapshot.")
        })?,
    };
    let cursor = write_cursor(&api.operator.epoch, seq);
    let is_first = params.page.is_none();
    let view = api
        .ask(move |op| {
            Ok(op.read(|c| -> Result<_, StoreError> {
                let mut rows = changes::snapshot(c, account.id, place, limit.saturating_add(1))?;
                let more = rows.len() > limit as usize;
                rows.truncate(limit as usize);
                let next_page = rows.last().filter(|_| more).map(|row| write_page_token(seq, row.place));
                let mut items = Vec::with_capacity(rows.len());
                for row in rows {
                    if let Some((version, object)) = object(c, &account, row.kind, &row.id)? {
                        items.push(ItemView { kind: row.kind.word(), id: row.id, version, object });
                    }
                }
                let rows = if is_first { Some(changes::rows(c, account.id)?) } else { None };
                Ok(SnapshotView { cursor, items, next_page, rows })
            })?)
        })
        .await?;
    Ok(Json(view))
}

/// What has changed since a cursor, oldest first.
#[utoipa::path(get, path = "/v1/activity/changes", operation_id = "activity_changes", tag = "activity", params(ChangesParams),
    security(("token" = [])), responses(
    (status = 200, body = ChangesView),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_cursor`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 410, body = Problem, content_type = "application/problem+json",
        description = "`resync_required`: the cursor is too old, begin with a snapshot."),
))]
pub(super) async fn changes(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<ChangesParams>,
) -> Result<Json<ChangesView>, Problem> {
    let id = account.id;
    let since = read_cursor(&api.operator.epoch, &params.since, &account)?;
    let limit = rows(params.limit, DEFAULT_LIMIT, MAX_LIMIT)?;
    let epoch = api.operator.epoch.clone();
    let view = api
        .ask(move |op| {
            Ok(op.read(|c| -> Result<_, StoreError> {
                // Read again in this view: rows may have been forgotten since the token was checked.
                let fresh = accounts::by_id(c, account.id)?.ok_or(StoreError::Value("account"))?;
                if since < fresh.oldest_cursor {
                    return Ok(None);
                }
                let mut rows = changes::after(c, account.id, since, limit.saturating_add(1))?;
                let has_more = rows.len() > limit as usize;
                rows.truncate(limit as usize);
                let next = write_cursor(&epoch, rows.last().map_or(since, |row| row.seq));
                let mut changes = Vec::with_capacity(rows.len());
                for row in rows {
                    let current = if row.deleted { None } else { object(c, &account, row.kind, &row.id)? };
                    changes.push(ChangeView {
                        seq: row.seq,
                        op: if current.is_some() { "upsert" } else { "delete" },
                        kind: row.kind.word(),
                        id: row.id,
                        version: row.version,
                        object: current.map(|(_, object)| object),
                    });
                }
                Ok(Some(ChangesView { changes, next, has_more }))
            })?)
        })
        .await?;
    view.map(|page| Json(disorder(&api, id, page))).ok_or_else(resync_required)
}

fn object(
    c: &Connection,
    account: &Account,
    kind: Kind,
    id: &str,
) -> Result<Option<(u64, ObjectView)>, StoreError> {
    let currency = &account.currency;
    Ok(match kind {
        Kind::Message => messages::by_id(c, id)?
            .map(|row| (row.version, ObjectView::Message(MessageView::new(&row, currency)))),
        Kind::Call => {
            calls::by_id(c, id)?.map(|row| (row.version, ObjectView::Call(CallView::new(&row, currency))))
        }
        Kind::Transaction => transactions::by_id(c, id)?
            .map(|row| (row.version, ObjectView::Transaction(TransactionView::new(&row, currency)))),
        Kind::Notice => notices::by_id(c, id)?.map(|row| (1, ObjectView::Notice(NoticeView::new(&row)))),
    })
}

pub(super) fn write_cursor(epoch: &str, seq: u64) -> String {
    format!("{epoch}-{seq}")
}

/// A cursor's place in the feed of `account`.
pub(super) fn read_cursor(epoch: &str, cursor: &str, account: &Account) -> Result<u64, Problem> {
    let bad = || Problem::of(StatusCode::BAD_REQUEST, "bad_cursor", "This is not a cursor of this account.");
    let (of, seq) = cursor.split_once('-').ok_or_else(bad)?;
    let seq = place(seq).and_then(|seq| u64::try_from(seq).ok()).ok_or_else(bad)?;
    let is_epoch = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if of.len() != epoch.len() || !of.bytes().all(is_epoch) {
        return Err(bad());
    }
    // A cursor of a database that is gone: nothing here continues it.
    if of != epoch {
        return Err(resync_required());
    }
    if seq > account.seq {
        return Err(bad());
    }
    if seq < account.oldest_cursor {
        return Err(resync_required());
    }
    Ok(seq)
}

fn resync_required() -> Problem {
    Problem::of(StatusCode::GONE, "resync_required", "The cursor has expired; begin with a snapshot.")
}

fn write_page_token(seq: u64, place: Place) -> String {
    format!("{seq}.{}.{}.{}", place.at_ms, place.rank, place.position)
}

fn read_page_token(token: &str) -> Option<(u64, Place)> {
    let mut parts = token.split('.');
    let mut number = || place(parts.next()?);
    let seq = u64::try_from(number()?).ok()?;
    let place = Place { at_ms: number()?, rank: number()?, position: number()? };
    parts.next().is_none().then_some((seq, place))
}
