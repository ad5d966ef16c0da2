//! Lists in pages.

use serde_json::Value;

use crate::{
    http::Ask,
    rule::{Judged, Verdict, broken, nothing},
    run::Run,
};

/// Lists by their address and the field of their rows, the one most likely to be long first.
const LISTS: &[(&str, &str)] = &[
    ("/v1/transactions", "transactions"),
    ("/v1/calls", "calls"),
    ("/v1/notices", "notices"),
    ("/v1/orders", "orders"),
];
const ROWS: usize = 3;
const MAX_PAGES: usize = 5;

pub(crate) async fn pages(run: &mut Run) -> Judged {
    let mut shortest = nothing("the server has no list");
    for (path, field) in LISTS {
        match in_pages(run, path, field).await {
            Err(Verdict::NotApplicable { why }) => shortest = nothing(why),
            judged => return judged,
        }
    }
    Err(shortest)
}

async fn in_pages(run: &mut Run, path: &str, field: &str) -> Judged {
    let whole = run.ask_if_there(Ask::get(path).with("limit", "50")).await?;
    whole.is_fine()?;
    if whole.rows(field).len() <= ROWS {
        return Err(nothing("no list of this account has more than a page"));
    }
    let (mut seen, mut page) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let mut ask = Ask::get(path).with("limit", "3");
        if let Some(page) = &page {
            ask = ask.with("page", page);
        }
        let answer = run.ask(ask).await?;
        answer.is_fine()?;
        let rows = answer.rows(field);
        if rows.len() > ROWS {
            return Err(broken(format!("{path}?limit={ROWS}: at most {ROWS} rows"), rows.len().to_string()));
        }
        seen.extend(rows.iter().cloned());
        let next = answer.text("next_page").map(str::to_owned);
        if next.is_some() && next == page {
            return Err(broken("another `next_page` on each page", "the same again"));
        }
        page = next;
        if page.is_none() {
            break;
        }
    }
    let ids: Vec<&str> = seen.iter().filter_map(id).collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    if once.len() != seen.len() {
        return Err(broken(format!("{path}: each row once, with its id"), "some twice or without"));
    }
    // A row that came meanwhile pushes the others on; then the two readings can't be held against each other.
    let known: Vec<&str> = whole.rows(field).iter().filter_map(id).take(ids.len()).collect();
    if known.first() == ids.first() && known != ids {
        return Err(broken(format!("{path}: the rows of one long page"), "others, or in another order"));
    }
    let moments: Vec<&str> = seen.iter().filter_map(moment).collect();
    let is_sorted = moments.is_sorted_by(|newer, older| instant(newer) >= instant(older));
    if is_sorted { Ok(()) } else { Err(broken(format!("{path}: newest first"), "in another order")) }
}

pub(crate) async fn bad_page(run: &mut Run) -> Judged {
    for (path, _) in LISTS.iter().chain([&("/v1/activity/snapshot", "items")]) {
        let answer = run.ask(Ask::get(path).with("page", "never given out")).await?;
        if !answer.is_absent() {
            answer.is_refused(400, "bad_page")?;
        }
    }
    Ok(())
}

fn id(row: &Value) -> Option<&str> {
    row.get("id")?.as_str()
}

fn moment(row: &Value) -> Option<&str> {
    row.get("at").or_else(|| row.get("started_at"))?.as_str()
}

/// Nothing for another form of time, which is another rule's.
fn instant(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}
