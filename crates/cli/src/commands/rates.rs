//! `tern rates`: what a call or an SMS to somewhere comes to, before either.

use serde_json::{Value, json};
use tern_engine::api::{
    Answer, CallAs, CallerShown, Command, ErrorCode, ErrorView, Price, Query, TargetView, Verdict,
};

use super::row;
use crate::{
    account::{Extras, Session},
    args,
    exit::Exit,
    failure::{Failure, word},
    report::Report,
    stop::Stop,
};

pub(crate) async fn run(args: args::Rates, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let mut session = stop.or(Session::start(&args.account, Extras::default())).await?;
    let ended = stop.or(told(&mut session, args.target, args.from, report)).await;
    session.close().await;
    ended
}

async fn told(
    session: &mut Session,
    target: String,
    from: Option<String>,
    report: &Report,
) -> Result<Exit, Failure> {
    session.known().await?;
    let account = session.account.clone();
    let show = match from {
        Some(from) => Some(CallAs::Number { number: session.own_number(&from)? }),
        None => None,
    };
    let ask = Command::AskRate { account: account.clone(), target: target.clone(), show: show.clone() };
    match session.engine.command(ask).await {
        // What it comes to is told in any case: with the reason where it can't be dialled.
        Ok(_) => {}
        Err(error) => match error.code {
            ErrorCode::InvalidTarget | ErrorCode::EmergencyNotSupported | ErrorCode::NotOffered => {}
            _ => report.stale(&error),
        },
    }
    let Answer::Target { target } = session.engine.query(Query::Target { account, target, show }).await?
    else {
        return Err(ErrorView::new(ErrorCode::Internal).into());
    };
    report.line(&line(&target))?;
    match target.call {
        Verdict::Refused { error } => Err(error.into()),
        Verdict::Warned { error } => {
            report.stale(&error);
            Ok(Exit::Done)
        }
        Verdict::Allowed {} | Verdict::Unknown {} => Ok(Exit::Done),
    }
}

fn line(target: &TargetView) -> Value {
    let (shows, hidden) = match &target.shown {
        CallerShown::Number { number, .. } => (Some(number), None),
        CallerShown::Hidden { why } => (None, Some(word(why))),
        CallerShown::Unknown {} => (None, None),
    };
    json!({
        "event": "rate",
        "to": target.dialled,
        "formatted": target.formatted,
        "country": target.country,
        "line": word(&target.line),
        "call": verdict(&target.call),
        "call_refusal": refusal(&target.call),
        "minute": price(&target.minute),
        "minutes": target.minutes,
        "shows": shows,
        "hidden_because": hidden,
        "sms": verdict(&target.sms),
        "sms_refusal": refusal(&target.sms),
        "sms_price": price(&target.sms_price),
    })
}

fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed {} => "allowed",
        Verdict::Warned { .. } => "warned",
        Verdict::Refused { .. } => "refused",
        Verdict::Unknown {} => "unknown",
    }
}

fn refusal(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Warned { error } | Verdict::Refused { error } => Some(word(&error.code)),
        Verdict::Allowed {} | Verdict::Unknown {} => None,
    }
}

/// The amount with its source and age, or why there is none.
fn price(price: &Price) -> Value {
    match price {
        Price::Known { price, source, at, age_seconds } => {
            let mut line = row::money(Some(price));
            if let Some(fields) = line.as_object_mut() {
                fields.insert("source".into(), json!(word(source)));
                fields.insert("at".into(), json!(at));
                fields.insert("age_seconds".into(), json!(age_seconds));
            }
            line
        }
        Price::NotAsked {} => json!({ "not_known": "notAsked" }),
        Price::NotKnown { why } => json!({ "not_known": word(why) }),
    }
}
