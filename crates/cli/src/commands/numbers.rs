//! `tern numbers`: how they go on, ordering, restoring, renewing, where their calls go, greetings and papers.

use std::path::Path;

use serde_json::{Value, json};
use tern_engine::api::{
    Answer, Command, ErrorCode, ErrorView, ForwardTo, ForwardingView, NewPaper, NumberOrder, NumberTermsView,
    OfferView, PaperView, Query, RenewalView, Reply, TermsView,
};

use super::{
    consent::{agree, price},
    row,
};
use crate::{
    account::{Extras, Session},
    args::{self, NumbersCommand, Switch},
    exit::Exit,
    failure::{Failure, word},
    report::Report,
    stop::Stop,
};

pub(crate) async fn run(args: args::Numbers, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let mut session = stop.or(Session::start(args.command.account(), Extras::default())).await?;
    let ended = stop.or(act(&mut session, args.command, report)).await;
    session.close().await;
    ended
}

async fn act(session: &mut Session, command: NumbersCommand, report: &Report) -> Result<Exit, Failure> {
    if let Some(error) = session.known().await? {
        report.stale(&error);
    }
    match command {
        NumbersCommand::List { .. } => list(session, report).await,
        NumbersCommand::Order { offer: None, country, .. } => offers(session, country, report).await,
        NumbersCommand::Order { offer: Some(offer), count, months, trial, yes, .. } => {
            order(session, NumberOrder { offer, count, months, trial }, yes, report).await
        }
        NumbersCommand::Restore { number, yes, .. } => restore(session, &number, yes, report).await,
        NumbersCommand::Renew { number, switch, .. } => {
            let (account, number) = (session.account.clone(), session.own_number(&number)?);
            let on = switch == Switch::On;
            let renew = Command::RenewNumber { account, number: number.clone(), on };
            session.engine.command(renew).await?;
            one(session, &number, report).await
        }
        NumbersCommand::Forward { number, to, in_turn, nowhere, .. } => {
            let number = session.own_number(&number)?;
            if nowhere || !to.is_empty() {
                let forwarding = ForwardingView { targets: to, in_turn };
                let (account, number) = (session.account.clone(), number.clone());
                session.engine.command(Command::ForwardNumber { account, number, forwarding }).await?;
            }
            forwarding(session, number, report).await
        }
        NumbersCommand::Greeting { number, upload, play, off, .. } => {
            let number = session.own_number(&number)?;
            let greeting = match (upload, play) {
                (Some(file), _) => Some(Some(uploaded(session, &file).await?)),
                (None, Some(id)) => Some(Some(id)),
                (None, None) => off.then_some(None),
            };
            if let Some(greeting) = greeting {
                let (account, number) = (session.account.clone(), number.clone());
                let change = Command::ChangeAnswering { account, number, on: !off, greeting };
                session.engine.command(change).await?;
            }
            answering(session, number, report).await
        }
        NumbersCommand::Documents { passport, proof_of_address, address, .. } => {
            let mut papers = Vec::new();
            papers.extend(passport.map(|file| NewPaper::Passport { path: text(&file) }));
            papers.extend(proof_of_address.map(|file| NewPaper::ProofOfAddress { path: text(&file) }));
            papers.extend(address.and_then(|parts| match <[String; 3]>::try_from(parts) {
                Ok([city, street, building]) => {
                    Some(NewPaper::RegistrationAddress { city, street, building })
                }
                Err(_) => None,
            }));
            for paper in papers {
                let account = session.account.clone();
                session.engine.command(Command::HandInPaper { account, paper }).await?;
            }
            documents(session, report).await
        }
    }
}

async fn terms(session: &Session) -> Result<TermsView, Failure> {
    match session.engine.query(Query::NumberTerms { account: session.account.clone() }).await? {
        Answer::NumberTerms { terms } => Ok(terms),
        _ => Err(ErrorView::new(ErrorCode::Internal).into()),
    }
}

async fn list(session: &Session, report: &Report) -> Result<Exit, Failure> {
    let terms = terms(session).await?;
    for number in &terms.numbers {
        report.say(format!("{}  {}", number.formatted, sentence(number)));
        report.line(&number_line(number))?;
    }
    let total = terms.next_30_days.as_ref();
    if let Some(total) = total {
        let short = if terms.covered == Some(false) { ", more than the balance" } else { "" };
        report.say(format!("The next 30 days cost {}{short}.", price(Some(total))));
    }
    report.line(&json!({
        "event": "terms",
        "today": terms.today,
        "next_30_days": row::money(total),
        "covered": terms.covered,
        "not_priced": terms.not_priced,
    }))?;
    Ok(Exit::Done)
}

async fn one(session: &Session, number: &str, report: &Report) -> Result<Exit, Failure> {
    let terms = terms(session).await?;
    let found = terms.numbers.iter().find(|known| known.e164 == number);
    let found = found.ok_or_else(|| ErrorView::new(ErrorCode::NumberNotYours))?;
    report.say(format!("{}  {}", found.formatted, sentence(found)));
    report.line(&number_line(found))?;
    Ok(Exit::Done)
}

async fn offers(session: &Session, country: Option<String>, report: &Report) -> Result<Exit, Failure> {
    let account = session.account.clone();
    let country = country.map(|code| code.to_uppercase());
    let Answer::Offers { offers } = session.engine.query(Query::Offers { account, country }).await? else {
        return Err(ErrorView::new(ErrorCode::Internal).into());
    };
    for offer in &offers {
        let place = offer.city.as_deref().unwrap_or(&offer.country);
        report.say(format!("{}  {place}  {} a month", offer.id, price(Some(&offer.monthly_fee))));
        report.line(&offer_line(offer))?;
    }
    Ok(Exit::Done)
}

async fn order(session: &Session, order: NumberOrder, yes: bool, report: &Report) -> Result<Exit, Failure> {
    let account = session.account.clone();
    let quoted = Query::Quote { account: account.clone(), order: order.clone() };
    let Answer::Quote { quote } = session.engine.query(quoted).await? else {
        return Err(ErrorView::new(ErrorCode::Internal).into());
    };
    report.line(&json!({
        "event": "quote",
        "list_price": row::money(Some(&quote.list_price)),
        "discount_percent": quote.discount_percent,
        "total": row::money(Some(&quote.total)),
        "cashback": row::money(quote.cashback.as_ref()),
    }))?;
    let months = if order.months == 1 { "month" } else { "months" };
    let what = format!("{} of {} for {} {months}", order.count, order.offer, order.months);
    let costs = if order.trial { "a trial, free of charge".to_owned() } else { price(Some(&quote.total)) };
    agree(report, &what, &costs, yes || order.trial).await?;
    let Reply::Ordered { order } = session.engine.command(Command::OrderNumbers { account, order }).await?
    else {
        return Err(ErrorView::new(ErrorCode::Internal).into());
    };
    report.line(&json!({
        "event": "order",
        "id": order.id,
        "state": word(&order.state),
        "total": row::money(Some(&order.total)),
        "numbers": order.numbers,
    }))?;
    Ok(Exit::Done)
}

async fn restore(session: &Session, number: &str, yes: bool, report: &Report) -> Result<Exit, Failure> {
    let number = session.own_number(number)?;
    let known = terms(session).await?;
    let found = known.numbers.into_iter().find(|known| known.e164 == number);
    let renewal = found.map(|found| found.renewal);
    // The provider says best why another can't be restored.
    if let Some(RenewalView::Restorable { fee, until, .. }) = &renewal {
        report.line(&json!({ "event": "quote", "total": row::money(fee.as_ref()), "until": until }))?;
        agree(report, &format!("Bringing {number} back"), &price(fee.as_ref()), yes).await?;
    }
    let restore = Command::RestoreNumber { account: session.account.clone(), number: number.clone() };
    session.engine.command(restore).await?;
    one(session, &number, report).await
}

async fn forwarding(session: &Session, number: String, report: &Report) -> Result<Exit, Failure> {
    let query = Query::Forwarding { account: session.account.clone(), number: number.clone() };
    let Answer::Forwarding { forwarding } = session.engine.query(query).await? else {
        return Err(ErrorView::new(ErrorCode::Internal).into());
    };
    let target = |to: &ForwardTo| match to {
        ForwardTo::OwnSip {} => "own-sip".to_owned(),
        ForwardTo::Sip { address } => format!("sip:{address}"),
        ForwardTo::Server { address } => format!("server:{address}"),
        ForwardTo::Phone { number } => format!("phone:{number}"),
    };
    let targets: Vec<String> = forwarding.targets.iter().map(target).collect();
    report.line(&json!({
        "event": "forwarding",
        "number": number,
        "targets": targets,
        "in_turn": forwarding.in_turn,
    }))?;
    Ok(Exit::Done)
}

async fn uploaded(session: &Session, file: &Path) -> Result<String, Failure> {
    let upload = Command::UploadGreeting { account: session.account.clone(), path: text(file) };
    match session.engine.command(upload).await? {
        Reply::GreetingUploaded { greeting } => Ok(greeting.id),
        _ => Err(ErrorView::new(ErrorCode::Internal).into()),
    }
}

async fn answering(session: &Session, number: String, report: &Report) -> Result<Exit, Failure> {
    let query = Query::Answering { account: session.account.clone(), number: number.clone() };
    let Answer::Answering { answering } = session.engine.query(query).await? else {
        return Err(ErrorView::new(ErrorCode::Internal).into());
    };
    for greeting in &answering.greetings {
        report.line(&json!({
            "event": "greeting",
            "id": greeting.id,
            "name": greeting.name,
            "seconds": greeting.seconds,
        }))?;
    }
    report.line(&json!({
        "event": "answering",
        "number": number,
        "on": answering.on,
        "greeting": answering.greeting,
    }))?;
    Ok(Exit::Done)
}

async fn documents(session: &Session, report: &Report) -> Result<Exit, Failure> {
    let query = Query::Papers { account: session.account.clone() };
    let Answer::Papers { papers } = session.engine.query(query).await? else {
        return Err(ErrorView::new(ErrorCode::Internal).into());
    };
    for paper in &papers {
        report.line(&paper_line(paper))?;
    }
    Ok(Exit::Done)
}

fn number_line(number: &NumberTermsView) -> Value {
    let renewal = serde_json::to_value(&number.renewal).unwrap_or_default();
    json!({
        "event": "number",
        "id": number.id,
        "number": number.e164,
        "formatted": number.formatted,
        "state": word(&number.state),
        "line": word(&number.line),
        "renewal": renewal,
        "next_30_days": row::money(number.next_30_days.as_ref()),
        "auto_renew": number.auto_renew,
        "caller_id": number.caller_id,
        "ordered_on": number.ordered_on,
        "incoming_minute": row::money(number.incoming_minute.as_ref()),
        "sms_price": row::money(number.sms_price.as_ref()),
        "sms_left": number.sms_left,
        "calls_left": number.calls_left,
        "restrictions": number.restrictions,
    })
}

fn offer_line(offer: &OfferView) -> Value {
    json!({
        "event": "offer",
        "id": offer.id,
        "country": offer.country,
        "city": offer.city,
        "line": word(&offer.line),
        "calls": offer.calls,
        "sms": offer.sms,
        "monthly_fee": row::money(Some(&offer.monthly_fee)),
        "setup_fee": row::money(offer.setup_fee.as_ref()),
        "incoming_minute": row::money(offer.incoming_minute.as_ref()),
        "sms_price": row::money(offer.sms_price.as_ref()),
        "restrictions": offer.restrictions,
        "documents": offer.documents,
        "connection_days": offer.connection_days,
        "stock": offer.stock,
        "trial_hours": offer.trial_hours,
    })
}

fn paper_line(paper: &PaperView) -> Value {
    json!({
        "event": "document",
        "id": paper.id,
        "kind": paper.kind,
        "state": word(&paper.state),
        "reason": paper.reason,
        "at": paper.at,
    })
}

/// What comes next, for people.
fn sentence(number: &NumberTermsView) -> String {
    let short = |covered: &Option<bool>| {
        if *covered == Some(false) { "; the balance does not cover it" } else { "" }
    };
    match &number.renewal {
        RenewalView::Renews { on, days, fee, covered, .. } => {
            format!("renews {on} (in {days} days) for {}{}", price(fee.as_ref()), short(covered))
        }
        RenewalView::Ends { on, days } => format!("ends {on} (in {days} days)"),
        RenewalView::Restorable { until, days, fee, covered } => format!(
            "expired; can be restored until {until} ({days} days) for {}{}",
            price(fee.as_ref()),
            short(covered)
        ),
        RenewalView::Suspended { owed } => {
            format!("rests until the balance is positive; {} is owed", price(owed.as_ref()))
        }
        RenewalView::NotKnown {} => word(&number.state),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
