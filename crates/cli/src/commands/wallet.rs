//! `tern wallet`: top-ups, the ledger, money back.

use serde_json::{Value, json};
use tern_engine::api::{
    Answer, Command, ErrorCode, ErrorView, EventKind, LedgerRow, NewRefund, Notice, Query, RefundView, Reply,
};

use super::row;
use crate::{
    account::{self, Extras, Session},
    args::{self, WalletCommand},
    exit::Exit,
    failure::{Failure, word},
    report::Report,
    stop::Stop,
    watch::Seen,
};

pub(crate) async fn run(args: args::Wallet, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let mut session = stop.or(Session::start(args.command.account(), Extras::default())).await?;
    let ended = stop.or(act(&mut session, args.command, report)).await;
    session.close().await;
    ended
}

async fn act(session: &mut Session, command: WalletCommand, report: &Report) -> Result<Exit, Failure> {
    session.known().await?;
    match command {
        WalletCommand::Topup { amount, wait, .. } => topup(session, amount, wait, report).await,
        WalletCommand::Transactions { from, to, kind, limit, .. } => {
            let kinds = kind.into_iter().map(Into::into).collect();
            transactions(session, (from, to), kinds, limit, report).await
        }
        WalletCommand::Refund { service: Some(service), amount, reason, pay_to_env, .. } => {
            let payment_details =
                pay_to_env.as_deref().map(account::password).transpose()?.map(|text| text.0);
            let refund = NewRefund {
                service: session.own_number(&service).unwrap_or(service),
                amount: amount.unwrap_or_default(),
                reason: reason.unwrap_or_default(),
                payment_details,
            };
            let ask = Command::AskRefund { account: session.account.clone(), refund };
            let Reply::RefundAsked { refund } = session.engine.command(ask).await? else {
                return Err(ErrorView::new(ErrorCode::Internal).into());
            };
            report.line(&refund_line(&refund))?;
            Ok(Exit::Done)
        }
        WalletCommand::Refund { service: None, .. } => {
            let refunds = Query::Refunds { account: session.account.clone() };
            let Answer::Refunds { refunds } = session.engine.query(refunds).await? else {
                return Err(ErrorView::new(ErrorCode::Internal).into());
            };
            for refund in &refunds {
                report.line(&refund_line(refund))?;
            }
            Ok(Exit::Done)
        }
    }
}

async fn topup(session: &mut Session, amount: String, wait: bool, report: &Report) -> Result<Exit, Failure> {
    let account = session.account.clone();
    let started = session.engine.command(Command::AddFunds { account, amount: amount.clone() }).await;
    let page = match started {
        Ok(Reply::TopUpStarted { host, .. }) => host,
        // There is no browser here: its address is for the reader.
        Err(ErrorView { code: ErrorCode::BrowserFailed, detail: Some(page), .. }) => page,
        Ok(_) => return Err(ErrorView::new(ErrorCode::Internal).into()),
        Err(error) => return Err(error.into()),
    };
    report.say(format!("Pay on the provider's own page: {page}"));
    report.line(&json!({ "event": "topup", "state": "pending", "amount": amount, "checkout": page }))?;
    if !wait {
        return Ok(Exit::Done);
    }
    loop {
        let Seen::Happened(EventKind::NoticeRaised { notice }) = session.watch.next().await? else {
            continue;
        };
        match notice {
            Notice::FundsAdded { account, amount, currency } if account == session.account => {
                let money = json!({ "amount": amount, "currency": currency });
                report.line(&json!({ "event": "topup", "state": "paid", "money": money }))?;
                return Ok(Exit::Done);
            }
            Notice::FundsNotAdded { account } if account == session.account => {
                report.say("The top-up was declined or given up; nothing was paid.");
                report.line(&json!({ "event": "topup", "state": "notPaid" }))?;
                return Ok(Exit::Failed);
            }
            _ => {}
        }
    }
}

async fn transactions(
    session: &Session,
    (from, to): (Option<String>, Option<String>),
    kinds: Vec<tern_engine::api::TransactionKind>,
    limit: usize,
    report: &Report,
) -> Result<Exit, Failure> {
    let mut left = limit;
    let mut page = None;
    loop {
        let account = session.account.clone();
        let (from, to, kinds) = (from.clone(), to.clone(), kinds.clone());
        let query = Query::Ledger { account, from, to, kinds, page };
        let Answer::Ledger { ledger } = session.engine.query(query).await? else {
            return Err(ErrorView::new(ErrorCode::Internal).into());
        };
        for row in ledger.rows.iter().take(left) {
            report.line(&ledger_line(row))?;
        }
        left = left.saturating_sub(ledger.rows.len());
        page = ledger.next;
        if page.is_none() || left == 0 {
            return Ok(Exit::Done);
        }
    }
}

fn ledger_line(row: &LedgerRow) -> Value {
    json!({
        "event": "transaction",
        "id": row.id,
        "at": row.at,
        "kind": word(&row.transaction.kind),
        "amount": row::money(Some(&row.transaction.amount)),
        "balance_after": row::money(Some(&row.transaction.balance_after)),
        "description": row.transaction.description,
        "reference": row.reference,
    })
}

fn refund_line(refund: &RefundView) -> Value {
    json!({
        "event": "refund",
        "id": refund.id,
        "service": refund.service,
        "amount": row::money(Some(&refund.amount)),
        "at": refund.at,
        "state": word(&refund.state),
        "due": refund.due,
        "ground": refund.ground,
        "to_balance": refund.to_balance,
    })
}
