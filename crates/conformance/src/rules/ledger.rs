//! The ledger adds up.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    http::Ask,
    rule::{Judged, broken, nothing},
    run::Run,
};

/// A row that comes between two readings is met a second time at most.
const ATTEMPTS: usize = 3;

pub(crate) async fn adds_up(run: &mut Run) -> Judged {
    let list = run.ask_if_there(Ask::get("/v1/transactions").with("limit", "100")).await?;
    list.is_fine()?;
    let rows = list.rows("transactions");
    if rows.is_empty() {
        return Err(nothing("the ledger is empty"));
    }
    for pair in rows.windows(2) {
        let [newer, older] = pair else { continue };
        let (Some(after), Some(amount), Some(before)) =
            (money(newer, "balance_after"), money(newer, "amount"), money(older, "balance_after"))
        else {
            continue;
        };
        if before.checked_add(amount) != Some(after) {
            return Err(broken("`balance_after`: the previous row's plus its own amount", "another sum"));
        }
    }
    for _ in 0..ATTEMPTS {
        let newest = || Ask::get("/v1/transactions").with("limit", "1");
        let before = run.ask(newest()).await?;
        let account = run.ask(Ask::get("/v1/account")).await?;
        let after = run.ask(newest()).await?;
        let id = |row: Option<&Value>| row.and_then(|row| row.get("id").cloned());
        let row = after.rows("transactions").first();
        if id(row) != id(before.rows("transactions").first()) {
            continue;
        }
        let (last, now) = (row.and_then(|row| money(row, "balance_after")), money(&account.body, "balance"));
        if last.is_some() && now.is_some() && last != now {
            return Err(broken("the balance: the newest row's `balance_after`", "another"));
        }
        return Ok(());
    }
    Err(nothing("the ledger moves too fast to be held against the balance"))
}

/// Lenient about the form, which is another rule's.
fn money(row: &Value, field: &str) -> Option<Decimal> {
    let money = row.get(field)?;
    let amount = money.get("amount").unwrap_or(money);
    amount.as_str().map_or_else(|| amount.to_string(), str::to_owned).parse().ok()
}
