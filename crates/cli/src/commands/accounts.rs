//! `tern accounts`: the stored accounts, as the window has them.

use std::io::IsTerminal;

use serde_json::json;
use tern_engine::{
    EngineHandle,
    api::{AccountView, Command, ErrorCode, ErrorView, NewAccount, RegistrationState, Reply, Secret},
    ports::SecretsError,
};

use crate::{
    account,
    args::{self, AccountsCommand},
    exit::Exit,
    failure::Failure,
    keyring::Keyring,
    report::Report,
    stop::Stop,
    watch::Watch,
};

/// What the keyring has of an account: password and provider's token.
const ENTRIES: u32 = 2;

pub(crate) async fn run(args: args::Accounts, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let command = args.command.unwrap_or(AccountsCommand::List);
    // Asked before anything starts, so that nothing has to be undone.
    let new = match &command {
        AccountsCommand::Add { name, user, domain, password_env, proxy, way } => Some(NewAccount {
            name: name.clone(),
            user: user.clone(),
            domain: domain.clone(),
            password: password(password_env.as_deref())?,
            proxy: account::proxies(proxy),
            transport: account::transport(way.transport),
            options: Some(account::options(way)?),
            provider: None,
        }),
        _ => None,
    };
    let (engine, keyring) = account::stored_engine(args.data).await?;
    let ended = stop.or(act(&engine, &keyring, &command, new, report)).await;
    engine.shutdown().await;
    ended
}

async fn act(
    engine: &EngineHandle,
    keyring: &Keyring,
    command: &AccountsCommand,
    new: Option<NewAccount>,
    report: &Report,
) -> Result<Exit, Failure> {
    if let Some(account) = new {
        let Reply::AccountAdded { account } = engine.command(Command::AddAccount { account }).await? else {
            return Err(ErrorView::new(ErrorCode::Internal).into());
        };
        if let Err(error) = keyring.settled(1).await {
            report.say(format!("the password was not kept, because {error}; it has to be given each time"));
        }
        let watch = Watch::start(engine).await?;
        report.line(&line("added", watch.account(&account)?))?;
        return Ok(Exit::Done);
    }
    let watch = Watch::start(engine).await?;
    if let AccountsCommand::Remove { account: name } = command {
        let account = account::choose(watch.accounts(), Some(name))?;
        let gone = line("removed", watch.account(&account)?);
        engine.command(Command::RemoveAccount { account }).await?;
        if let Err(error) = keyring.settled(ENTRIES).await
            && error != SecretsError::Unavailable
        {
            report.say(format!("the password may still be in the keyring, because {error}"));
        }
        report.line(&gone)?;
        return Ok(Exit::Done);
    }
    for account in watch.accounts() {
        report.line(&line("account", account))?;
    }
    Ok(Exit::Done)
}

fn line(event: &str, account: &AccountView) -> serde_json::Value {
    json!({
        "event": event,
        "account": account.id.0,
        "name": account.name,
        "address": account.address,
        "sandbox": account.sandbox,
        "numbers": account.numbers.iter().map(|number| &number.e164).collect::<Vec<_>>(),
        "password_needed": matches!(account.registration, RegistrationState::PasswordNeeded { .. }),
    })
}

fn password(variable: Option<&str>) -> Result<Secret, Failure> {
    if let Some(variable) = variable {
        return account::password(variable);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "passwordMissing",
            "There is no terminal to ask for the password at. Name an environment variable with --password-env.",
        ));
    }
    match rpassword::prompt_password("Password: ") {
        Ok(password) if !password.is_empty() => Ok(Secret(password)),
        _ => Err(Failure::usage("passwordMissing", "No password was typed.")),
    }
}
