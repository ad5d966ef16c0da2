//! `tern register`: whether the account can register, and whether it stays so.

use std::time::Duration;

use serde_json::json;
use tern_engine::api::{ErrorView, RegistrationState};

use crate::{
    account::{Extras, Session},
    args,
    exit::Exit,
    failure::{Failure, word},
    report::Report,
    stop::Stop,
};

pub(crate) async fn run(args: args::Register, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let mut session = stop.or(Session::start(&args.account, Extras::default())).await?;
    let ended = match stop.or(session.registered()).await {
        Ok(()) => stay(&mut session, args.seconds, report, stop).await,
        Err(failure) => {
            if let Failure::Told(told) = &failure {
                let line = json!({ "event": "failed", "code": told.code, "fault": word(&told.fault), "detail": told.detail });
                let _ = report.line(&line);
            }
            Err(failure)
        }
    };
    session.close().await;
    ended
}

/// Tells each change for so many seconds; how it stands at the end is how the command ends.
async fn stay(
    session: &mut Session,
    seconds: u32,
    report: &Report,
    stop: &mut Stop,
) -> Result<Exit, Failure> {
    let end = tokio::time::sleep(Duration::from_secs(seconds.into()));
    tokio::pin!(end);
    let mut told: Option<Option<ErrorView>> = None;
    loop {
        let now = trouble(&session.view()?.registration);
        if let Some(now) = now.filter(|now| told.as_ref() != Some(now)) {
            let account = session.view()?;
            match &now {
                None => {
                    report.say(format!("registered as {}", account.address));
                    report.line(&json!({ "event": "registered", "account": account.id.0, "address": account.address }))?;
                }
                Some(error) => report.line(&json!({
                    "event": "failed", "code": word(&error.code), "fault": word(&error.fault), "detail": error.detail,
                }))?,
            }
            told = Some(now);
        }
        tokio::select! {
            seen = session.watch.next() => { seen?; }
            () = &mut end => break,
            () = stop.asked() => break,
        }
    }
    match told {
        Some(Some(error)) => Err(error.into()),
        _ => Ok(Exit::Done),
    }
}

/// `None` while it is under way, else the error there is, or none.
fn trouble(registration: &RegistrationState) -> Option<Option<ErrorView>> {
    match registration {
        RegistrationState::Registered {} => Some(None),
        RegistrationState::PasswordNeeded { error }
        | RegistrationState::Retrying { error, .. }
        | RegistrationState::Stopped { error } => Some(Some(error.clone())),
        RegistrationState::Offline {} | RegistrationState::Registering {} => None,
    }
}
