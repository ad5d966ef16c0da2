//! What is kept, as a window shows it.

use tern_provider::types::{Money, TransactionType};

use crate::{
    accounts::money_view,
    api::{
        ActivityItem, ActivityPage, ActivityWhat, MessageView, MoneyView, ThreadView, TransactionKind,
        TransactionView,
    },
    codes, phone,
    record::{Row, RowWhat, ThreadRowId},
    store::{Page, ThreadHead},
};

/// A row.
pub(crate) fn item(row: &Row) -> ActivityItem {
    let money = |m: &Option<Money>| -> Option<MoneyView> { m.as_ref().map(money_view) };
    ActivityItem {
        id: row.id.outside(),
        account: row.account.clone(),
        thread: row.thread.map(ThreadRowId::outside),
        number: row.number.clone(),
        peer: row.peer.clone(),
        peer_name: row.name.clone().unwrap_or_else(|| phone::display(&row.peer)),
        at: row.at.to_string(),
        unread: row.unread,
        recording: row.recording.clone(),
        what: match &row.what {
            RowWhat::Message { incoming, text, state, error, price, leaves_at } => ActivityWhat::Message {
                message: MessageView {
                    incoming: *incoming,
                    text: text.clone(),
                    state: *state,
                    error: error.clone(),
                    price: money(price),
                    leaves_at: leaves_at.map(|at| at.to_string()),
                    // Whoever sends a code has it already.
                    code: Some(text)
                        .filter(|_| *incoming)
                        .and_then(|text| codes::find(text))
                        .map(|code| code.reveal().to_owned()),
                },
            },
            RowWhat::Call { direction, outcome, duration_seconds, price } => ActivityWhat::Call {
                direction: *direction,
                outcome: *outcome,
                duration_seconds: *duration_seconds,
                price: money(price),
            },
            RowWhat::Ledger { kind, amount, balance_after, description } => ActivityWhat::Transaction {
                transaction: TransactionView {
                    kind: transaction_kind(*kind),
                    amount: money_view(amount),
                    balance_after: money_view(balance_after),
                    description: description.clone(),
                },
            },
            RowWhat::Gap { since } => ActivityWhat::Gap { since: since.to_string() },
        },
    }
}

/// A page of Recent Activity.
pub(crate) fn page(page: &Page) -> ActivityPage {
    ActivityPage {
        items: page.rows.iter().map(item).collect(),
        next: page.next.map(|place| place.to_string()),
        unread: page.unread,
    }
}

/// A conversation.
pub(crate) fn thread(id: ThreadRowId, head: ThreadHead, page: &Page) -> ThreadView {
    ThreadView {
        id: id.outside(),
        account: head.account,
        peer_name: head.name.unwrap_or_else(|| phone::display(&head.peer)),
        // Without a number of ours there is nothing to send from.
        can_reply: !head.number.is_empty() && phone::can_reply(&head.peer),
        number: head.number,
        peer: head.peer,
        draft: head.draft,
        items: page.rows.iter().map(item).collect(),
        next: page.next.map(|place| place.to_string()),
    }
}

/// Why money moved.
pub(crate) fn transaction_kind(kind: TransactionType) -> TransactionKind {
    match kind {
        TransactionType::Order => TransactionKind::Order,
        TransactionType::Renewal => TransactionKind::Renewal,
        TransactionType::Restore => TransactionKind::Restore,
        TransactionType::Call => TransactionKind::Call,
        TransactionType::Sms => TransactionKind::Sms,
        TransactionType::TopUp => TransactionKind::TopUp,
        TransactionType::Cashback => TransactionKind::Cashback,
        TransactionType::Refund => TransactionKind::Refund,
        TransactionType::Adjustment => TransactionKind::Adjustment,
    }
}
