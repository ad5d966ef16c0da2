//! `tern balance`.

use std::time::Duration;

use serde_json::json;
use tern_engine::api::{BalanceView, ErrorCode, ErrorView, FeedState};

use super::row;
use crate::{
    account::{Extras, Session},
    args,
    exit::Exit,
    failure::Failure,
    report::Report,
    stop::Stop,
};

/// Longer than the provider's own time-outs.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) async fn run(args: args::Balance, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let mut session = stop.or(Session::start(&args.account, Extras::default())).await?;
    let read = async {
        tokio::time::timeout(PATIENCE, balance(&mut session))
            .await
            .unwrap_or_else(|_| Err(ErrorView::new(ErrorCode::ProviderUnreachable).into()))
    };
    let ended = stop.or(read).await.and_then(|balance| {
        let money = &balance.money;
        report.say(format!(
            "{} {}{}",
            money.amount,
            money.currency,
            if balance.stale { " (old)" } else { "" }
        ));
        let mut line = row::money(Some(money));
        if let Some(fields) = line.as_object_mut() {
            fields.insert("event".into(), json!("balance"));
            fields.insert("at".into(), json!(balance.at));
            fields.insert("stale".into(), json!(balance.stale));
        }
        report.line(&line).map(|()| Exit::Done)
    });
    session.close().await;
    ended
}

/// The balance once it was read, or what is known of it when it can't be.
async fn balance(session: &mut Session) -> Result<BalanceView, Failure> {
    loop {
        let account = session.view()?;
        match (&account.balance, &account.feed) {
            (Some(balance), _) if !balance.stale => return Ok(balance.clone()),
            (Some(balance), FeedState::Stale { .. }) => return Ok(balance.clone()),
            (None, FeedState::Stale { error, .. }) => return Err(error.clone().into()),
            (None, FeedState::None {}) => return Err(ErrorView::new(ErrorCode::NotOffered).into()),
            _ => {}
        }
        session.watch.next().await?;
    }
}
