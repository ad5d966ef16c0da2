//! What the application gives: the endpoint's own settings, accounts, calls, replies.

use crate::identity::ShownIdentity;
use crate::ids::RegistrationId;
use crate::transport::{Listener, Transport};
use crate::wire::sdp::SessionDescription;
use crate::wire::{Address, Header, Method, Replaces, Uri, headers};
use std::net::SocketAddr;
use std::time::Duration;

/// RFC 4028 4 recommends half an hour.
const SESSION_TIMER: Duration = Duration::from_secs(1800);

/// Settings of an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// Written into User-Agent and Server.
    pub user_agent: String,
    /// The addresses the driver receives on.
    pub listeners: Vec<Listener>,
    /// What requests may be sent over; the first named is taken where the DNS leaves the choice (RFC 3263 4.1).
    /// Connections need no listener.
    pub transports: Vec<Transport>,
    /// Which addresses of a host come first. Those of a family without a listener are passed over.
    pub families: Families,
    /// How long a server may give no sign of life before the next one is tried, where there is a next one. The last
    /// has the full time of RFC 3261.
    pub failover_after: Duration,
    /// Whether every message is given out as [`Output::Trace`](crate::Output::Trace) too.
    pub trace: bool,
    /// Source of every tag, branch, Call-ID and back-off. From the system's generator in production, fixed in tests.
    pub seed: [u8; 32],
    /// Methods outside a dialog that the application answers itself: a registrar names REGISTER here. All others
    /// get 405 or 501.
    pub handles: Vec<Method>,
    /// Calls at a time; one more is answered 486.
    pub max_calls: usize,
    /// How long an incoming call may wait for the application before it gets 480.
    pub incoming_timeout: Duration,
    /// T1, T2, T4.
    pub timers: TimerSettings,
    /// What happens to requests of strangers.
    pub strangers: Strangers,
    /// How many requests are listened to; `None`: all.
    pub flood: Option<FloodLimit>,
    /// Which provisional answers to an incoming call are acknowledged: with `Supported` those with a description, where
    /// the caller can, with `Required` all.
    pub reliable_provisionals: Reliability,
    /// Whether an incoming call may have a session timer (RFC 4028); how long is the caller's choice.
    pub session_timer: Option<Duration>,
}

/// The order of a host's addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Families {
    /// As the resolver gives them (RFC 6724).
    #[default]
    AsResolved,
    /// IPv4 before IPv6.
    Ipv4First,
    /// IPv6 before IPv4.
    Ipv6First,
}

/// What happens to a stranger's request: one outside every dialog that neither comes from an account's own server nor
/// names a Contact that an account has registered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strangers {
    /// Dropped without an answer: any answer would tell a scanner that somebody is there. Right for a registered phone.
    #[default]
    Drop,
    /// Taken like any other: right for a server, and for calls straight from one address to another.
    Accept,
}

/// How many requests are listened to; what is beyond gets no answer and is sent again by whoever means it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloodLimit {
    /// For each IPv4 address, for each IPv6 /64.
    pub per_source: Rate,
    /// For all of them.
    pub overall: Rate,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests per second in the long run.
    pub per_second: u32,
    /// Requests at one moment after a quiet time; inside a dialog as many again.
    pub burst: u32,
}

/// Whether provisional responses are acknowledged (RFC 3262).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reliability {
    /// Never.
    Off,
    /// Where the other side wants it.
    #[default]
    Supported,
    /// The other side must: one that cannot refuses a call with 420, and is refused with 421 when it calls.
    Required,
}

/// The base timers of RFC 3261 17.1.1.1 and table 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerSettings {
    /// Round-trip estimate.
    pub t1: Duration,
    /// Longest retransmission interval for non-INVITE requests and INVITE responses.
    pub t2: Duration,
    /// Longest time a message stays in the network.
    pub t4: Duration,
}

/// Where the first hop of a request is, when it is not taken from the request's own URIs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NextHop {
    /// A known address.
    Address {
        /// How.
        transport: Transport,
        /// Where.
        address: SocketAddr,
    },
    /// A name for the driver to resolve (RFC 3263).
    Name {
        /// Host name.
        host: String,
        /// Port, where fixed; without one SRV applies.
        port: Option<u16>,
        /// Transport, where fixed; without one NAPTR applies.
        transport: Option<Transport>,
    },
}

/// A password. Its Debug shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// User name and password for digest challenges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The authentication user name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The realm these credentials are for. `None`: whichever the account's own server names first.
    pub realm: Option<String>,
}

/// An account to register (RFC 3261 10.2).
#[derive(Debug, Clone)]
pub struct RegistrationConfig {
    /// The address of record, `sip:user@domain`.
    pub aor: Uri,
    /// The name others see.
    pub display_name: Option<String>,
    /// Credentials.
    pub login: Login,
    /// The registrar's URI; `None` takes the domain of the address of record.
    pub registrar: Option<Uri>,
    /// Outbound proxies: first hops of every request of this account, the preferred one first. With an instance id
    /// each gets a flow of its own (RFC 5626 4.2.1, at most four), so that calls come in while one is down; without
    /// one the first alone is used.
    pub proxies: Vec<NextHop>,
    /// What names this device for good, `urn:uuid:...`: made once, kept, and the same at every start (RFC 5626 4.1).
    pub instance: Option<String>,
    /// How long a binding is asked for.
    pub expires: Duration,
    /// When a failed registration is tried again.
    pub retry: RetryTimes,
}

/// How long a failed flow waits: a random time, at least half, of a base that is doubled with each failure in a row
/// (RFC 5626 4.5). A Retry-After of the server goes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryTimes {
    /// The base while no other flow of the account stands.
    pub all_failed: Duration,
    /// The base while another one does.
    pub some_failed: Duration,
    /// The longest.
    pub longest: Duration,
}

/// Who places a call.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "one per call placed, moved once")]
pub enum Identity {
    /// An account: its address in From, its credentials for its own server, its proxy as first hop.
    Account(RegistrationId),
    /// An address without a registration.
    Plain {
        /// The From address.
        from: Address,
        /// Credentials for a server that asks; used only towards the call's first hop.
        login: Option<Login>,
    },
}

/// A call to place.
#[derive(Debug, Clone)]
pub struct CallConfig {
    /// Who calls.
    pub identity: Identity,
    /// Who is called.
    pub target: Uri,
    /// First hop; `None` takes the account's proxy, else the target's own host.
    pub next_hop: Option<NextHop>,
    /// Which number the call shows, if any.
    pub show: ShownIdentity,
    /// The dialog, as the target knows it, whose place the call takes (RFC 3891).
    pub replaces: Option<Replaces>,
    /// Who asked for the call (RFC 3892).
    pub referred_by: Option<Address>,
    /// The offer; without one the other side makes it, and `Event::Reoffer` asks for the answer.
    pub offer: Option<SessionDescription>,
    /// Headers to add to the INVITE.
    pub headers: Vec<Header>,
    /// How long to let it ring before it is cancelled.
    pub ring_timeout: Duration,
    /// Whether the other side may, or must, have its provisional answers acknowledged.
    pub reliable_provisionals: Reliability,
    /// The session interval asked for, at least 90 s (RFC 4028); it ends a call that the network has silently lost.
    pub session_timer: Option<Duration>,
}

/// A response in the application's words. Via, From, To, Call-ID, CSeq, Contact and Content-Length are the endpoint's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status code, 100 to 699.
    pub code: u16,
    /// Reason phrase; the usual one when `None`.
    pub reason: Option<String>,
    /// Headers to add.
    pub headers: Vec<Header>,
    /// Content type and body.
    pub body: Option<(String, Vec<u8>)>,
}

impl Default for EndpointConfig {
    fn default() -> EndpointConfig {
        EndpointConfig {
            user_agent: "Tern".into(),
            listeners: Vec::new(),
            transports: vec![Transport::Udp, Transport::Tcp, Transport::Tls],
            families: Families::default(),
            failover_after: Duration::from_secs(4),
            trace: false,
            seed: [0; 32],
            handles: Vec::new(),
            max_calls: 16,
            incoming_timeout: Duration::from_secs(180),
            timers: TimerSettings::default(),
            strangers: Strangers::Drop,
            flood: Some(FloodLimit::default()),
            reliable_provisionals: Reliability::Supported,
            session_timer: Some(SESSION_TIMER),
        }
    }
}

impl Strangers {
    pub(crate) fn are_accepted(self) -> bool {
        matches!(self, Strangers::Accept)
    }
}

impl Default for FloodLimit {
    /// Far above what a phone is asked, far below what would keep it from its calls.
    fn default() -> FloodLimit {
        FloodLimit {
            per_source: Rate { per_second: 20, burst: 60 },
            overall: Rate { per_second: 100, burst: 300 },
        }
    }
}

impl Default for TimerSettings {
    /// The RFC's values: 500 ms, 4 s, 5 s.
    fn default() -> TimerSettings {
        TimerSettings {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
        }
    }
}

impl TimerSettings {
    /// 64*T1: the life of timers B, F, H, J, L and M.
    pub(crate) fn transaction_life(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

impl NextHop {
    /// A known UDP address.
    pub fn udp(address: SocketAddr) -> NextHop {
        NextHop::Address { transport: Transport::Udp, address }
    }
}

impl Secret {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The password itself; for hashing only.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret::new(text)
    }
}

impl Login {
    /// Credentials for whichever realm the account's server names.
    pub fn new(username: impl Into<String>, password: impl Into<Secret>) -> Login {
        Login { username: username.into(), password: password.into(), realm: None }
    }
}

impl RegistrationConfig {
    /// An account with the usual hour of expiry and no proxy.
    pub fn new(aor: Uri, login: Login) -> RegistrationConfig {
        RegistrationConfig {
            aor,
            display_name: None,
            login,
            registrar: None,
            proxies: Vec::new(),
            instance: None,
            expires: Duration::from_secs(3600),
            retry: RetryTimes::default(),
        }
    }
}

impl Default for RetryTimes {
    /// The RFC's values: 30 s, 90 s, 30 minutes.
    fn default() -> RetryTimes {
        RetryTimes {
            all_failed: Duration::from_secs(30),
            some_failed: Duration::from_secs(90),
            longest: Duration::from_secs(1800),
        }
    }
}

impl CallConfig {
    /// A call with three minutes to ring.
    pub fn new(identity: Identity, target: Uri, offer: impl Into<Option<SessionDescription>>) -> CallConfig {
        CallConfig {
            identity,
            target,
            next_hop: None,
            show: ShownIdentity::account(),
            replaces: None,
            referred_by: None,
            offer: offer.into(),
            headers: Vec::new(),
            ring_timeout: Duration::from_secs(180),
            reliable_provisionals: Reliability::Supported,
            session_timer: Some(SESSION_TIMER),
        }
    }
}

impl Reply {
    /// A reply with the usual phrase and nothing more.
    pub fn new(code: u16) -> Reply {
        Reply { code, reason: None, headers: Vec::new(), body: None }
    }

    /// With this reason phrase.
    pub fn reason(mut self, phrase: impl Into<String>) -> Reply {
        self.reason = Some(phrase.into());
        self
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push(headers::header(name, value));
        self
    }

    /// With a body.
    pub fn body(mut self, content_type: impl Into<String>, bytes: Vec<u8>) -> Reply {
        self.body = Some((content_type.into(), bytes));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password() {
        let login = Login::new("alice", "hunter2");
        let config = RegistrationConfig::new(Uri::parse("sip:alice@example.com").unwrap(), login);
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
