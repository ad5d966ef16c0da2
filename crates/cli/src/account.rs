//! Which account acts, and the engine that runs for it.
//!
//! A stored account lives in the data directory the window uses, its password in the keyring. Every other kind
//! leaves nothing behind: its engine keeps everything in memory.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tern_engine::{
    Engine, EngineConfig, EngineHandle, SandboxAccess, Trace,
    api::{
        AccountId, AccountOptions, AccountView, Command, ErrorCode, ErrorView, FeedState, MediaOverrides,
        NewAccount, RegistrationState, Reply, Secret, Transport,
    },
    audio::FileAudio,
    ports::{
        Audio, Ports,
        plain::{MemorySecrets, NoBrowser, NoClipboard, NoNotifier, SystemClock},
    },
    sandbox_accounts,
};

use crate::{args, failure::Failure, history, keyring::Keyring, watch::Watch};

/// The window's folder inside the user's data directory.
const FOLDER: &str = "app.tern.desktop";
/// SIP's well-known port (RFC 3261 section 19.1.2), where others look for us when there is no registrar to ask.
const SIP_PORT: u16 = 5060;
/// Longer than a SIP request is repeated before it counts as unanswered (RFC 3261 section 17.1.2.2: 32 s).
const PATIENCE: Duration = Duration::from_secs(40);

/// How long numbers and balance may take after the feed was read.
const BRIEFLY: Duration = Duration::from_secs(3);

/// What an engine is started with besides its account.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) audio: Option<Arc<dyn Audio>>,
    pub(crate) media: MediaOverrides,
    /// Whether others are to find us: without a registrar that needs a port they can guess.
    pub(crate) waits: bool,
}

/// An engine with the account that acts.
pub(crate) struct Session {
    pub(crate) engine: EngineHandle,
    pub(crate) watch: Watch,
    pub(crate) account: AccountId,
    /// Acts without a registrar.
    pub(crate) direct: bool,
    /// What is known from earlier runs may be shown when the provider is away.
    pub(crate) stored: bool,
    /// For a stored account whose password no keyring has.
    password: Option<Secret>,
}

impl Session {
    /// Starts the engine and picks the account. Whatever comes after, [`Session::close`] must end it.
    pub(crate) async fn start(args: &args::Account, extras: Extras) -> Result<Self, Failure> {
        let password = args.password_env.as_deref().map(password).transpose()?;
        // Asked before the engine starts: nothing is to be undone when there is no such account.
        let sandbox = match &args.sandbox {
            Some(url) => Some(sandbox_account(url, args).await?),
            None => None,
        };
        let stored = sandbox.is_none() && args.user.is_none() && !args.direct;
        let keyring = stored.then(|| Arc::new(Keyring::new()));
        let engine = Engine::start(config(args, keyring, extras)?).await?;
        if let Err(failure) = history::open(&engine, &args.history).await {
            engine.shutdown().await;
            return Err(failure);
        }
        match Self::pick(args, engine.clone(), sandbox, stored, password).await {
            Ok(session) => Ok(session),
            Err(failure) => {
                engine.shutdown().await;
                Err(failure)
            }
        }
    }

    async fn pick(
        args: &args::Account,
        engine: EngineHandle,
        sandbox: Option<SandboxAccess>,
        stored: bool,
        password: Option<Secret>,
    ) -> Result<Self, Failure> {
        let mut watch = Watch::start(&engine).await?;
        let account = if let Some(access) = sandbox {
            engine.attach_sandbox(access).await?
        } else if let (Some(user), Some(domain), Some(password)) = (&args.user, &args.domain, &password) {
            let account = NewAccount {
                name: String::new(),
                user: user.clone(),
                domain: domain.clone(),
                password: password.clone(),
                proxy: proxies(&args.proxy),
                transport: transport(args.way.transport),
                options: Some(options(&args.way)?),
                provider: None,
            };
            match engine.command(Command::AddAccount { account }).await? {
                Reply::AccountAdded { account } => account,
                _ => return Err(ErrorView::new(ErrorCode::Internal).into()),
            }
        } else if args.direct {
            AccountId(0)
        } else {
            choose(watch.accounts(), args.account.as_deref())?
        };
        // What was added is not yet in the first snapshot.
        watch = Watch::start(&engine).await.unwrap_or(watch);
        Ok(Self { engine, watch, account, direct: args.direct, stored, password })
    }

    /// The account as it is now.
    pub(crate) fn view(&self) -> Result<&AccountView, Failure> {
        self.watch.account(&self.account)
    }

    /// Waits until calls can be placed and arrive.
    ///
    /// # Errors
    /// What keeps the account from registering, the first time it does.
    pub(crate) async fn registered(&mut self) -> Result<(), Failure> {
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        loop {
            let asked = match &self.view()?.registration {
                RegistrationState::Registered {} => return Ok(()),
                // Its sockets are open, and there is nobody to register with.
                RegistrationState::Offline {} if self.direct => return Ok(()),
                RegistrationState::PasswordNeeded { error } => Some(error.clone()),
                RegistrationState::Stopped { error } | RegistrationState::Retrying { error, .. } => {
                    return Err(error.clone().into());
                }
                RegistrationState::Offline {} | RegistrationState::Registering {} => None,
            };
            if let Some(error) = asked {
                let Some(password) = self.password.take() else { return Err(error.into()) };
                let account = self.account.clone();
                self.engine.command(Command::ProvidePassword { account, password }).await?;
            }
            tokio::select! {
                seen = self.watch.next() => { seen?; }
                () = &mut patience => return Err(ErrorView::new(ErrorCode::SipUnreachable).into()),
            }
        }
    }

    /// Waits until the activity feed is as the provider has it. A stored account whose provider is away still has
    /// what was read before: that is told as the second of both.
    ///
    /// # Errors
    /// The account has no feed, or it can't be read.
    pub(crate) async fn fed(&mut self) -> Result<Option<ErrorView>, Failure> {
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        loop {
            match &self.view()?.feed {
                FeedState::Fresh {} => return Ok(None),
                FeedState::Stale { error, .. } if self.stored => return Ok(Some(error.clone())),
                FeedState::Stale { error, .. } => return Err(error.clone().into()),
                FeedState::None {} => return Err(ErrorView::new(ErrorCode::NotOffered).into()),
                FeedState::Loading {} => {}
            }
            tokio::select! {
                seen = self.watch.next() => { seen?; }
                () = &mut patience => return Err(ErrorView::new(ErrorCode::ProviderUnreachable).into()),
            }
        }
    }

    /// Waits until everything that the provider keeps has been read, however far back it goes.
    ///
    /// # Errors
    /// The account has no feed, or it can't be read.
    pub(crate) async fn whole(&mut self) -> Result<(), Failure> {
        self.fed().await?;
        while self.view()?.history.is_some() {
            match tokio::time::timeout(PATIENCE, self.watch.next()).await {
                Ok(seen) => _ = seen?,
                Err(_) => return Err(ErrorView::new(ErrorCode::ProviderUnreachable).into()),
            }
        }
        Ok(())
    }

    /// Waits until the account's numbers and balance are as the provider has them, as far as it has any. A stored
    /// account whose provider is away still has what was read before: that is told as the second of both.
    ///
    /// # Errors
    /// The account has no provider, or it can't be read.
    pub(crate) async fn known(&mut self) -> Result<Option<ErrorView>, Failure> {
        if let Some(error) = self.fed().await? {
            return Ok(Some(error));
        }
        // Some report no balance, and some accounts have no number: nothing says that there is none to come.
        let patience = tokio::time::sleep(BRIEFLY);
        tokio::pin!(patience);
        loop {
            let account = self.view()?;
            if account.balance.is_some() && !account.numbers.is_empty() {
                return Ok(None);
            }
            tokio::select! {
                seen = self.watch.next() => { seen?; }
                () = &mut patience => return Ok(None),
            }
        }
    }

    /// The account's own number that is meant, however it is written.
    pub(crate) fn own_number(&self, typed: &str) -> Result<String, Failure> {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let wanted = digits(typed);
        let found = self.view()?.numbers.iter().find(|number| digits(&number.e164) == wanted);
        let found = found.map(|number| number.e164.clone());
        found.ok_or_else(|| ErrorView::with_detail(ErrorCode::NumberNotYours, typed).into())
    }

    /// Ends calls, un-registers, writes what is to be written.
    pub(crate) async fn close(self) {
        self.engine.shutdown().await;
    }
}

/// Starts an engine on the stored accounts without choosing one; their passwords are in the keyring.
pub(crate) async fn stored_engine(
    data: Option<PathBuf>,
    history: &args::History,
) -> Result<(EngineHandle, Arc<Keyring>), Failure> {
    let args = args::Account { data, ..args::Account::default() };
    let keyring = Arc::new(Keyring::new());
    let engine = Engine::start(config(&args, Some(keyring.clone()), Extras::default())?).await?;
    if let Err(failure) = history::open(&engine, history).await {
        engine.shutdown().await;
        return Err(failure);
    }
    // The history's key is no account's.
    keyring.begin();
    Ok((engine, keyring))
}

/// Starts an engine on what is to be read: the stored history, or all that a sandbox's account has.
pub(crate) async fn kept_engine(kept: args::Kept) -> Result<EngineHandle, Failure> {
    if kept.sandbox.is_none() {
        return Ok(stored_engine(kept.stored.data, &kept.stored.history).await?.0);
    }
    let args = args::Account {
        sandbox: kept.sandbox,
        sandbox_account: kept.sandbox_account,
        account_index: kept.account_index,
        ..args::Account::default()
    };
    let mut session = Session::start(&args, Extras::default()).await?;
    match session.whole().await {
        Ok(()) => Ok(session.engine),
        Err(failure) => {
            session.close().await;
            Err(failure)
        }
    }
}

/// The account called `name`, or the first.
pub(crate) fn choose(accounts: &[AccountView], name: Option<&str>) -> Result<AccountId, Failure> {
    let found = match name {
        Some(name) => {
            accounts.iter().find(|a| a.id.to_string() == name || a.name == name || a.address == name)
        }
        None => accounts.first(),
    };
    found.map(|a| a.id.clone()).ok_or_else(|| match name {
        Some(name) => Failure::not_found("noSuchAccount", format!("There is no stored account {name}.")),
        None => Failure::not_found(
            "noAccount",
            "No account is stored. Add one with `tern accounts add`, or name one with --sandbox or --user.",
        ),
    })
}

/// The password in the environment variable `name`.
pub(crate) fn password(name: &str) -> Result<Secret, Failure> {
    match std::env::var(name) {
        Ok(password) if !password.is_empty() => Ok(Secret(password)),
        _ => Err(Failure::usage(
            "passwordMissing",
            format!("The environment variable {name} that should hold the password is not set."),
        )),
    }
}

/// Several outbound proxies as the engine takes them.
pub(crate) fn proxies(given: &[String]) -> Option<String> {
    (!given.is_empty()).then(|| given.join(" "))
}

pub(crate) fn transport(given: args::Transport) -> Transport {
    match given {
        args::Transport::Auto => Transport::Auto,
        args::Transport::Udp => Transport::Udp,
        args::Transport::Tcp => Transport::Tcp,
        args::Transport::Tls => Transport::Tls,
    }
}

/// What an account has besides its address. The CA file is named whole: it is read again at each connection.
pub(crate) fn options(way: &args::Way) -> Result<AccountOptions, Failure> {
    let ca_file = match &way.ca {
        Some(file) => {
            let whole = file.canonicalize().map_err(|error| {
                let sentence = format!("The CA file {} can't be read.", file.display());
                Failure::machine("caFileUnreadable", sentence, error.to_string())
            })?;
            Some(whole.to_string_lossy().into_owned())
        }
        None => None,
    };
    Ok(AccountOptions { ca_file, outbound: !way.no_outbound, ..AccountOptions::default() })
}

async fn sandbox_account(url: &str, args: &args::Account) -> Result<SandboxAccess, Failure> {
    let accounts = sandbox_accounts(url).await?;
    let at = match (&args.sandbox_account, args.account_index) {
        (Some(name), _) => accounts
            .iter()
            .position(|a| a.name == *name || a.sip.user == *name)
            .ok_or_else(|| format!("The sandbox has no account {name}.")),
        (None, index) => Ok(index.unwrap_or(0)),
    };
    at.and_then(|at| {
        accounts.into_iter().nth(at).ok_or_else(|| format!("The sandbox has no account at {at}."))
    })
    .map_err(|sentence| Failure::not_found("noSuchAccount", sentence))
}

/// With a keyring the account is a stored one.
fn config(
    args: &args::Account,
    keyring: Option<Arc<Keyring>>,
    extras: Extras,
) -> Result<EngineConfig, Failure> {
    let bind = match (args.bind, args.direct && extras.waits) {
        (Some(bind), true) => Some(bind.or_port(SIP_PORT)),
        (Some(bind), false) => Some(bind.or_port(0)),
        (None, true) => Some(args::Bind::ANY.or_port(SIP_PORT)),
        (None, false) => None,
    };
    if let Some(address) = bind {
        // The engine would say the same, but not whose fault it is.
        std::net::UdpSocket::bind(address).map_err(|error| {
            Failure::machine(
                "addressInUse",
                format!("The address {address} can't be used for SIP. Give another one with --bind."),
                error.to_string(),
            )
        })?;
    }
    let ports = Ports {
        secrets: match &keyring {
            Some(keyring) => keyring.clone(),
            None => Arc::new(MemorySecrets::default()),
        },
        notifier: Arc::new(NoNotifier),
        audio: extras.audio.unwrap_or_else(|| Arc::new(FileAudio::silent())),
        clock: Arc::new(SystemClock),
        browser: Arc::new(NoBrowser),
        clipboard: Arc::new(NoClipboard),
    };
    let user_agent = concat!("Tern/", env!("CARGO_PKG_VERSION"), " (command line)");
    Ok(EngineConfig {
        data_dir: if keyring.is_some() { Some(data_dir(args.data.clone())?) } else { None },
        sip_bind: bind,
        media: extras.media,
        direct: args.direct,
        dns: args.dns,
        trace: args.trace.then(|| Box::new(|text: &str| eprintln!("{text}")) as Trace),
        ..EngineConfig::new(ports, user_agent)
    })
}

/// An engine of nobody's, for sound without a call.
pub(crate) async fn nobody(audio: Arc<dyn Audio>) -> Result<(EngineHandle, Watch), Failure> {
    let extras = Extras { audio: Some(audio), ..Extras::default() };
    let engine = Engine::start(config(&args::Account::default(), None, extras)?).await?;
    let watch = Watch::start(&engine).await?;
    Ok((engine, watch))
}

fn data_dir(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let place = given.or_else(|| Some(dirs::data_dir()?.join(FOLDER)));
    let Some(directory) = place else {
        return Err(Failure::machine(
            "noDataDirectory",
            "Tern has no place for its data. Give one with --data.",
            "HOME",
        ));
    };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    // Conversations are nobody else's.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(&directory) {
        Ok(()) => Ok(directory),
        Err(error) => Err(Failure::machine(
            "dataDirectory",
            format!("Tern's data directory {} can't be used.", directory.display()),
            error.to_string(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: u32, name: &str) -> AccountView {
        AccountView {
            id: AccountId(id),
            name: name.into(),
            address: format!("{name}@tern.example"),
            sandbox: false,
            registration: RegistrationState::Offline {},
            numbers: Vec::new(),
            balance: None,
            feed: FeedState::None {},
            topup_limits: None,
            topups: Vec::new(),
            voicemail: None,
            deletes_threads: false,
            deleting: 0,
            history: None,
            media: tern_engine::api::MediaOptions::default(),
        }
    }

    #[test]
    fn a_stored_account_goes_by_number_name_or_address() {
        let accounts = [account(1, "home"), account(4, "work")];
        let check = |name, expect| assert_eq!(choose(&accounts, name).ok(), expect, "{name:?}");
        check(None, Some(AccountId(1)));
        check(Some("4"), Some(AccountId(4)));
        check(Some("work"), Some(AccountId(4)));
        check(Some("home@tern.example"), Some(AccountId(1)));
        check(Some("2"), None);
        assert!(choose(&[], None).is_err());
    }

    #[test]
    fn a_password_that_is_not_there_is_said_by_its_variable() {
        let Err(Failure::Told(told)) = password("TERN_TEST_NO_SUCH_VARIABLE") else { panic!("missing") };
        assert!(told.sentence.contains("TERN_TEST_NO_SUCH_VARIABLE"));
        assert_eq!(told.code, "passwordMissing");
    }

    #[test]
    fn a_taken_address_is_this_computers_fault() {
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let bind = taken.local_addr().unwrap().to_string().parse().unwrap();
        let args = args::Account { direct: true, bind: Some(bind), ..args::Account::default() };
        let refused = config(&args, None, Extras::default()).err();
        assert!(matches!(refused, Some(Failure::Told(told)) if told.code == "addressInUse"));
    }
}
