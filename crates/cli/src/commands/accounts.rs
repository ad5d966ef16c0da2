//! `tern accounts`: the stored accounts, as the window has them.

use std::io::IsTerminal;

use serde_json::json;
use tern_engine::{
    EngineHandle,
    api::{
        AccountView, Command, ErrorCode, ErrorView, NewAccount, NewProvider, ProviderKind, RegistrationState,
        Reply, Secret,
    },
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
        AccountsCommand::Add(add) => {
            let args::NewAccount { name, user, domain, provider, password_env, proxy, way } = &**add;
            let provider = self::provider(provider)?;
            // Who leaves the SIP account out lets the provider name it.
            let is_asked = provider.is_some() && user.is_none() && password_env.is_none();
            let password = if is_asked {
                Secret(String::new())
            } else {
                password("Password: ", password_env.as_deref())?
            };
            Some(NewAccount {
                name: name.clone(),
                user: user.clone().unwrap_or_default(),
                domain: domain.clone().unwrap_or_default(),
                password,
                proxy: account::proxies(proxy),
                transport: account::transport(way.transport),
                options: Some(account::options(way)?),
                provider,
            })
        }
        _ => None,
    };
    let (engine, keyring) = account::stored_engine(args.data, &args.history).await?;
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
        // The password, and the provider's token where there is one.
        let entries = if account.provider.is_some() { ENTRIES } else { 1 };
        let Reply::AccountAdded { account } = engine.command(Command::AddAccount { account }).await? else {
            return Err(ErrorView::new(ErrorCode::Internal).into());
        };
        if let Err(error) = keyring.settled(entries).await {
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

fn provider(given: &args::AccountProvider) -> Result<Option<NewProvider>, Failure> {
    let kind = match given.provider {
        None => return Ok(None),
        Some(args::Company::Voipms) => ProviderKind::Voipms,
        Some(args::Company::Twilio) => ProviderKind::Twilio,
        Some(args::Company::Signalwire) => ProviderKind::Signalwire,
        Some(args::Company::Telnyx) => ProviderKind::Telnyx,
        Some(args::Company::Zadarma) => ProviderKind::Zadarma,
        Some(args::Company::Tern) => ProviderKind::Tern,
    };
    let token = password("API password, token or secret: ", given.provider_token_env.as_deref())?;
    let (url, user) = (given.provider_url.clone(), given.provider_user.clone());
    Ok(Some(NewProvider { kind, url, user, token }))
}

fn password(prompt: &str, variable: Option<&str>) -> Result<Secret, Failure> {
    if let Some(variable) = variable {
        return account::password(variable);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "passwordMissing",
            "There is no terminal to ask for the password at. Name an environment variable with --password-env.",
        ));
    }
    match rpassword::prompt_password(prompt) {
        Ok(password) if !password.is_empty() => Ok(Secret(password)),
        _ => Err(Failure::usage("passwordMissing", "No password was typed.")),
    }
}
