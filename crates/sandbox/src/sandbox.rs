//! Starting and stopping a sandbox: the one place where its parts are put together.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use tern_provider::Secret;
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    DOMAIN, backlog,
    clock::{Clock, WallClock},
    model::NumberState,
    operator::Operator,
    outside::Outside,
    rest::{self, Api},
    seed,
    settings::Settings,
    store::{Store, StoreError, numbers},
    switch::driver,
    world,
};

/// How a sandbox is to run.
#[derive(Clone)]
pub struct SandboxConfig {
    /// Where SIP listens (UDP); port 0 for a free one.
    pub sip: SocketAddr,
    /// Where the REST API listens; port 0 for a free one.
    pub http: SocketAddr,
    /// Directory of the database, made if it is missing; `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// Whether addresses other than loopback are allowed. The sandbox hands out tokens and free money, so it is
    /// for this machine unless somebody means otherwise.
    pub allow_remote: bool,
    /// SMS in the first account's past besides the few it has anyway, for measuring what a client carries. A
    /// database that has them gets no more.
    pub backlog: u32,
    /// The rules.
    pub settings: Settings,
    /// The provider's time.
    pub clock: Arc<dyn Clock>,
}

impl Default for SandboxConfig {
    /// Free ports on 127.0.0.1, in memory, the machine's clock.
    fn default() -> Self {
        Self {
            sip: SocketAddr::from(([127, 0, 0, 1], 0)),
            http: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: None,
            allow_remote: false,
            backlog: 0,
            settings: Settings::default(),
            clock: Arc::new(WallClock),
        }
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address that other machines can reach, without leave.
    #[error("{0} can be reached from other machines; the sandbox stays on loopback unless told otherwise")]
    NotLoopback(SocketAddr),
    /// The address is taken, or not this machine's.
    #[error("{address} cannot be listened on: {error}")]
    Bind {
        /// Which one.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The data could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A seeded account, with everything needed to use it.
#[derive(Debug, Clone)]
pub struct DemoAccount {
    /// Such as `Demo traveller`.
    pub name: String,
    /// For the REST API.
    pub token: Secret,
    /// Its numbers, E.164.
    pub numbers: Vec<String>,
    /// Its SIP account.
    pub sip: SipAccount,
}

/// The SIP side of an account.
#[derive(Debug, Clone)]
pub struct SipAccount {
    /// User part and digest username.
    pub user: String,
    /// Always [`DOMAIN`].
    pub domain: String,
    /// Digest password.
    pub password: Secret,
    /// Where to send, as `host:port`.
    pub proxy: String,
}

/// A running sandbox. Dropping it stops it abruptly; [`Sandbox::shutdown`] lets it finish.
pub struct Sandbox {
    http: SocketAddr,
    sip: SocketAddr,
    accounts: Vec<DemoAccount>,
    #[cfg(test)]
    pub(crate) operator: Arc<Operator>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts one; it listens once this returns. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When an address cannot be listened on (or must not be), or the data cannot be used.
    pub async fn start(config: SandboxConfig) -> Result<Self, StartError> {
        for address in [config.sip, config.http] {
            if !config.allow_remote && !address.ip().is_loopback() {
                return Err(StartError::NotLoopback(address));
            }
        }
        let bind = |address| move |error| StartError::Bind { address, error };
        let listener = TcpListener::bind(config.http).await.map_err(bind(config.http))?;
        let http = listener.local_addr().map_err(bind(config.http))?;
        let socket = UdpSocket::bind(config.sip).await.map_err(bind(config.sip))?;
        let sip = socket.local_addr().map_err(bind(config.sip))?;

        let operator = Arc::new(open(&config).await?);
        let accounts = demo_accounts(&operator, sip)?;
        let (outside, requests) = Outside::channel();
        let stop = CancellationToken::new();
        let api = Api::new(operator.clone(), outside, http, sip, stop.clone());
        let app = rest::router(api).into_make_service_with_connect_info::<SocketAddr>();

        let tasks = vec![
            tokio::spawn(world::run(operator.clone(), stop.clone())),
            tokio::spawn(driver::run(operator.clone(), socket, sip, requests, stop.clone())),
            tokio::spawn({
                let stopped = stop.clone().cancelled_owned();
                async move {
                    if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
                        tracing::error!(%error, "the sandbox's API has stopped");
                    }
                }
            }),
        ];
        Ok(Self {
            http,
            sip,
            accounts,
            #[cfg(test)]
            operator,
            stop,
            tasks,
        })
    }

    /// The REST API's address, such as `http://127.0.0.1:8080`.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Where SIP listens (UDP).
    pub fn sip_addr(&self) -> SocketAddr {
        self.sip
    }

    /// The seeded accounts; the first is the one meant for demonstrations.
    pub fn accounts(&self) -> &[DemoAccount] {
        &self.accounts
    }

    /// Stops: streams end, running requests are answered, calls are hung up, the data is closed.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            // A task that panicked has already stopped.
            let _ = task.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn open(config: &SandboxConfig) -> Result<Operator, StoreError> {
    let config = config.clone();
    tokio::task::spawn_blocking(move || {
        let store = Store::open(config.data.as_deref())?;
        seed::plant(&store, config.clock.now())?;
        backlog::plant(&store, config.backlog, config.clock.now())?;
        let operator = Operator::new(store, config.settings, config.clock)?;
        operator.catch_up()?;
        Ok(operator)
    })
    .await
    .unwrap_or(Err(StoreError::Value("interrupted")))
}

fn demo_accounts(operator: &Operator, sip: SocketAddr) -> Result<Vec<DemoAccount>, StoreError> {
    operator
        .accounts()?
        .into_iter()
        .map(|account| {
            let mut numbers = operator.read(|c| numbers::of_account(c, account.id))?;
            numbers.retain(|n| n.is_connected() && n.state != NumberState::Deleted);
            Ok(DemoAccount {
                name: account.name,
                token: account.token,
                numbers: numbers.into_iter().map(|n| n.e164).collect(),
                sip: SipAccount {
                    user: account.sip_user,
                    domain: DOMAIN.into(),
                    password: account.sip_password,
                    proxy: sip.to_string(),
                },
            })
        })
        .collect()
}
