//! Rows of Recent Activity as lines.

use serde_json::{Value, json};
use tern_engine::{
    EngineHandle,
    api::{AccountId, ActivityItem, ActivityWhat, Answer, ErrorCode, ErrorView, MoneyView, Query},
};

use crate::failure::{Failure, word};

/// As many as one page can hold.
const PAGE: u32 = 200;

/// The newest rows that `wanted` lets through, oldest first, at most `limit`.
pub(super) async fn newest(
    engine: &EngineHandle,
    limit: u32,
    wanted: impl Fn(&ActivityItem) -> bool,
) -> Result<Vec<ActivityItem>, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    let mut before = None;
    while rows.len() < limit {
        let Answer::Activity { page } = engine.query(Query::Activity { before, limit: PAGE }).await? else {
            return Err(ErrorView::new(ErrorCode::Internal).into());
        };
        rows.extend(page.items.into_iter().filter(&wanted));
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    rows.truncate(limit);
    rows.reverse();
    Ok(rows)
}

/// Whether a row is the account's and, where one is given, with `peer`: a number however it is written, or a name.
pub(super) fn is_with(item: &ActivityItem, account: &AccountId, peer: Option<&str>) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    item.account == *account
        && peer.is_none_or(|peer| {
            let number = digits(peer);
            item.peer.eq_ignore_ascii_case(peer)
                || item.peer_name.eq_ignore_ascii_case(peer)
                || (number.len() > 3 && number == digits(&item.peer))
        })
}

/// One row as one object; its `event` names its kind.
pub(super) fn line(item: &ActivityItem) -> Value {
    let mut line = match &item.what {
        ActivityWhat::Message { message } => json!({
            "event": "message",
            "direction": if message.incoming { "incoming" } else { "outgoing" },
            "state": word(&message.state),
            "text": message.text,
            "error": message.error.as_ref().map(|error| word(&error.code)),
            "price": money(message.price.as_ref()),
            "code": message.code,
        }),
        ActivityWhat::Call { direction, outcome, duration_seconds, price } => json!({
            "event": "call",
            "direction": word(direction),
            "outcome": word(outcome),
            "duration_seconds": duration_seconds,
            "price": money(price.as_ref()),
        }),
        ActivityWhat::Transaction { transaction } => json!({
            "event": "transaction",
            "kind": word(&transaction.kind),
            "amount": money(Some(&transaction.amount)),
            "balance_after": money(Some(&transaction.balance_after)),
            "description": transaction.description,
        }),
        ActivityWhat::Gap { since } => json!({ "event": "gap", "since": since }),
    };
    if let Value::Object(fields) = &mut line {
        fields.insert("id".into(), json!(item.id));
        fields.insert("at".into(), json!(item.at));
        fields.insert("unread".into(), json!(item.unread));
        if !matches!(item.what, ActivityWhat::Transaction { .. } | ActivityWhat::Gap { .. }) {
            fields.insert("number".into(), json!(item.number));
            fields.insert("peer".into(), json!(item.peer));
            fields.insert("peer_name".into(), json!(item.peer_name));
        }
    }
    line
}

/// An amount as one object.
pub(super) fn money(money: Option<&MoneyView>) -> Value {
    money.map_or(Value::Null, |money| json!({ "amount": money.amount, "currency": money.currency }))
}

#[cfg(test)]
mod tests {
    use tern_engine::api::{ActivityId, MessageState, MessageView};

    use super::*;

    fn message(peer: &str) -> ActivityItem {
        ActivityItem {
            id: ActivityId("m1".into()),
            account: AccountId(1),
            thread: None,
            number: "+4915112345678".into(),
            peer: peer.into(),
            peer_name: peer.into(),
            at: "2026-03-02T09:00:00Z".into(),
            unread: true,
            recording: None,
            what: ActivityWhat::Message {
                message: MessageView {
                    incoming: true,
                    text: "hello".into(),
                    state: MessageState::Received,
                    error: None,
                    leaves_at: None,
                    price: Some(MoneyView { amount: "0.05".into(), currency: "USD".into() }),
                    code: Some("4821".into()),
                },
            },
        }
    }

    #[test]
    fn a_row_becomes_one_flat_object() {
        let line = line(&message("+447700900123"));
        assert_eq!(line["event"], "message");
        assert_eq!(line["direction"], "incoming");
        assert_eq!(line["state"], "received");
        assert_eq!(line["text"], "hello");
        assert_eq!(line["peer"], "+447700900123");
        assert_eq!(line["price"]["amount"], "0.05");
        assert_eq!(line["code"], "4821");
    }

    #[test]
    fn a_peer_is_a_number_however_written_or_a_name() {
        let check = |row: &str, peer, expect| {
            assert_eq!(is_with(&message(row), &AccountId(1), peer), expect, "{row} {peer:?}");
        };
        check("+447700900123", None, true);
        check("+447700900123", Some("+44 7700 900123"), true);
        check("+447700900123", Some("447700900123"), true);
        check("+447700900123", Some("+447700900124"), false);
        check("MyBank", Some("mybank"), true);
        check("MyBank", Some(""), false);
        assert!(!is_with(&message("MyBank"), &AccountId(2), None));
    }
}
