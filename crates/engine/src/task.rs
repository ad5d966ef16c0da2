//! The engine's task: the one owner of the state.
//!
//! It waits for the next input, lets the core step, and carries the effects out, in order. Whatever may take long
//! runs elsewhere and comes back as an input.

mod errands;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use jiff::tz::TimeZone;
use tern_provider::Secret;
use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::Instrument;

use crate::{
    api::{AccountId, CallStatsView, Command, ErrorCode, ErrorView, Event, EventKind, Reply, Snapshot},
    consult::Consulted,
    core::{
        Act, Effect, Input, MediaReport, Now, ProviderReport, RequestId, State, StreamEnd, StreamNews, Write,
    },
    engine::{SandboxAccess, Trace},
    link::{Connect, ProviderLink},
    net::{
        dns::Dns,
        media::Sounds,
        stream::{Stream, Whose},
        watch::{NetworkWatch, Noticed},
        wires::{self, Bound, Incoming, Towards, Wires},
    },
    ports::{NotificationAction, Ports, Ringing},
    record::BookChange,
    rules::Facts,
    store::Store,
};
use errands::{NoticeErrand, SecretErrand, spawn_device_watch, spawn_notices, spawn_secrets};

/// Inputs that may wait; whoever has more waits, except sockets and hints, which drop.
const INPUTS: usize = 512;
/// Notifications and keyring requests that may wait for a slow desktop.
const ERRANDS: usize = 128;
/// How long the desktop may take at the end to carry out what it was asked before.
const FAREWELL: Duration = Duration::from_secs(1);
/// Connections from others that may wait to be looked at.
const INCOMING: usize = 16;

/// What handles ask.
#[expect(clippy::large_enum_variant, reason = "few exist at a time, and each is moved once or twice")]
pub(crate) enum Request {
    Command(Command, oneshot::Sender<Result<Reply, ErrorView>>),
    Attach(Box<SandboxAccess>, oneshot::Sender<Result<Reply, ErrorView>>),
    Subscribe(oneshot::Sender<(Snapshot, broadcast::Receiver<Event>)>),
    Activate(NotificationAction),
    Facts(AccountId, oneshot::Sender<Option<Facts>>),
    Consult(AccountId, oneshot::Sender<Result<Consulted, ErrorView>>),
    HandOver(AccountId, Act, oneshot::Sender<Result<Reply, ErrorView>>),
    AddressBook(Box<BookChange>, oneshot::Sender<Result<Reply, ErrorView>>),
    Shutdown(oneshot::Sender<()>),
}

/// What tasks of the engine's own bring back.
enum Arrival {
    Line { account: AccountId, line: u32, attempt: u32, result: Result<Bound, ErrorView> },
}

/// The task and everything it owns.
pub(crate) struct Task {
    state: State,
    store: Option<Store>,
    ports: Ports,
    connect: Connect,
    sip_bind: Option<SocketAddr>,
    dns_server: Option<SocketAddr>,
    dns: Dns,
    trace: Option<Trace>,
    requests: mpsc::Receiver<Request>,
    inputs: mpsc::Receiver<Input>,
    inputs_in: mpsc::Sender<Input>,
    arrivals: mpsc::Receiver<Arrival>,
    arrivals_in: mpsc::Sender<Arrival>,
    incoming: mpsc::Receiver<Incoming>,
    incoming_in: mpsc::Sender<Incoming>,
    kept: mpsc::Receiver<Input>,
    kept_in: mpsc::Sender<Input>,
    secrets: mpsc::Sender<SecretErrand>,
    notices: mpsc::Sender<NoticeErrand>,
    events: broadcast::Sender<Event>,
    seq: u32,
    backlog: VecDeque<Input>,
    waiting: HashMap<RequestId, oneshot::Sender<Result<Reply, ErrorView>>>,
    next_request: u64,
    lines: HashMap<AccountId, Wires>,
    /// The endpoint each account's sockets are for, and the last attempt to open some.
    line_numbers: HashMap<AccountId, (u32, u32)>,
    links: HashMap<AccountId, ProviderLink>,
    sounds: Sounds,
    tone: Option<Box<dyn Ringing>>,
    ended: Vec<oneshot::Sender<()>>,
    finished: bool,
    zone: TimeZone,
}

/// What a task is made of.
pub(crate) struct Parts {
    pub(crate) state: State,
    pub(crate) store: Store,
    pub(crate) ports: Ports,
    pub(crate) connect: Connect,
    pub(crate) sip_bind: Option<SocketAddr>,
    pub(crate) dns: Option<SocketAddr>,
    pub(crate) trace: Option<Trace>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) events: broadcast::Sender<Event>,
    /// The number of the last event.
    pub(crate) seq: u32,
}

impl Task {
    /// Puts the task together. Its helpers start on the runtime at once.
    pub(crate) fn new(parts: Parts) -> Self {
        let (inputs_in, inputs) = mpsc::channel(INPUTS);
        let (arrivals_in, arrivals) = mpsc::channel(INPUTS);
        let (kept_in, kept) = mpsc::channel(INPUTS);
        let (incoming_in, incoming) = mpsc::channel(INCOMING);
        let (secrets, secret_errands) = mpsc::channel(ERRANDS);
        let (notices, notice_errands) = mpsc::channel(ERRANDS);
        spawn_secrets(secret_errands, parts.ports.clone(), inputs_in.clone());
        spawn_notices(notice_errands, parts.ports.clone());
        spawn_device_watch(parts.ports.audio.clone(), inputs_in.clone());
        let sounds = Sounds::new(parts.ports.audio.clone(), inputs_in.clone());
        Self {
            zone: parts.ports.clock.zone(),
            state: parts.state,
            store: Some(parts.store),
            ports: parts.ports,
            connect: parts.connect,
            sip_bind: parts.sip_bind,
            dns_server: parts.dns,
            dns: Dns::new(parts.dns),
            trace: parts.trace,
            requests: parts.requests,
            inputs,
            inputs_in,
            arrivals,
            arrivals_in,
            incoming,
            incoming_in,
            kept,
            kept_in,
            secrets,
            notices,
            events: parts.events,
            seq: parts.seq,
            backlog: VecDeque::new(),
            waiting: HashMap::new(),
            next_request: 0,
            lines: HashMap::new(),
            line_numbers: HashMap::new(),
            links: HashMap::new(),
            sounds,
            tone: None,
            ended: Vec::new(),
            finished: false,
        }
    }

    /// Runs until it is asked to end or the last handle has gone.
    pub(crate) async fn run(mut self, first: Vec<Effect>) {
        self.carry_out(first).await;
        let mut network = NetworkWatch::start();
        let mut handles_gone = false;
        while !self.finished {
            let input = if let Some(input) = self.backlog.pop_front() {
                Some(input)
            } else {
                let wake = self.state.next_wake();
                let wait = wake.map(|at| at.saturating_duration_since(self.ports.clock.now()));
                let timer = async {
                    match wait {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    request = self.requests.recv(), if !handles_gone => match request {
                        Some(request) => self.request(request),
                        None => {
                            handles_gone = true;
                            Some(Input::Shutdown)
                        }
                    },
                    input = self.kept.recv() => input,
                    input = self.inputs.recv() => input,
                    Some(arrival) = self.arrivals.recv() => self.arrived(arrival),
                    Some(incoming) = self.incoming.recv() => self.take_in(incoming),
                    () = timer => Some(Input::Timer),
                    noticed = network.noticed() => self.noticed(noticed),
                }
            };
            if let Some(input) = input {
                let now = self.now();
                let effects = self.state.step(now, input);
                self.carry_out(effects).await;
            }
        }
        // What was copied or shown for the time of the run is to be gone with it.
        let (done, last) = oneshot::channel();
        self.notice_errand(NoticeErrand::Last(done));
        let _ = tokio::time::timeout(FAREWELL, last).await;
        // Recordings are completed meanwhile. A panic there leaves nothing more to do.
        let _ = tokio::task::spawn_blocking(self.sounds.end()).await;
        self.tone = None;
        self.links.clear();
        self.lines.clear();
        if let Some(store) = self.store.take() {
            // Flushing may wait for the disk. A panic there leaves nothing more to do.
            let _ = tokio::task::spawn_blocking(move || store.close()).await;
        }
        for ended in self.ended.drain(..) {
            let _ = ended.send(());
        }
    }

    fn now(&self) -> Now {
        Now { instant: self.ports.clock.now(), wall: self.ports.clock.wall() }
    }

    fn request(&mut self, request: Request) -> Option<Input> {
        match request {
            Request::Command(command, answer) => Some(Input::Command(self.expect(answer), command)),
            Request::Attach(access, answer) => Some(Input::Attach(self.expect(answer), *access)),
            Request::Subscribe(answer) => {
                let snapshot = Snapshot {
                    seq: self.seq,
                    accounts: self.state.account_views(),
                    calls: self.state.call_views(),
                    // Read from the store by whoever asked.
                    activity: crate::api::ActivityPage { items: Vec::new(), next: None, unread: 0 },
                    devices: self.state.devices().clone(),
                    settings: self.state.settings().clone(),
                    notices: Some(self.state.notices().to_vec()).filter(|n| !n.is_empty()),
                    playing: self.state.playing.clone(),
                    storage: None,
                };
                let _ = answer.send((snapshot, self.events.subscribe()));
                None
            }
            Request::Facts(account, answer) => {
                // Whoever asked may have gone.
                let _ = answer.send(self.state.facts(&account, self.now()));
                None
            }
            Request::Consult(account, answer) => {
                let _ = answer.send(self.consulted(&account));
                None
            }
            Request::HandOver(account, act, answer) => {
                Some(Input::HandOver(self.expect(answer), account, act))
            }
            Request::AddressBook(change, answer) => Some(Input::AddressBook(self.expect(answer), *change)),
            Request::Activate(action) => Some(Input::Activated(action)),
            Request::Shutdown(answer) => {
                self.ended.push(answer);
                Some(Input::Shutdown)
            }
        }
    }

    /// An account's provider, for whoever asks it something.
    fn consulted(&self, account: &AccountId) -> Result<Consulted, ErrorView> {
        let facts = self.state.facts(account, self.now()).ok_or(ErrorView::new(ErrorCode::NotFound))?;
        let provider = self.links.get(account).map(ProviderLink::provider);
        match (provider, facts.capabilities) {
            (Some(provider), _) => Ok(Consulted { provider, numbers: facts.numbers }),
            (None, Some(_)) => Err(ErrorView::new(ErrorCode::ProviderUnreachable)),
            (None, None) => Err(ErrorView::new(ErrorCode::NotOffered)),
        }
    }

    fn expect(&mut self, answer: oneshot::Sender<Result<Reply, ErrorView>>) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        self.waiting.insert(id, answer);
        id
    }

    fn arrived(&mut self, arrival: Arrival) -> Option<Input> {
        let Arrival::Line { account, line, attempt, result } = arrival;
        if self.line_numbers.get(&account) != Some(&(line, attempt)) {
            return None;
        }
        let (inputs, incoming) = (&self.inputs_in, &self.incoming_in);
        let result = result.map(|bound| {
            let listeners = bound.listeners();
            match self.lines.get_mut(&account) {
                // The old sockets go as the new ones come: nothing arrives at their address any more.
                Some(wires) => wires.stand_on(bound, &account, line, inputs, incoming),
                None => {
                    let wires = Wires::start(bound, &account, line, inputs, incoming);
                    self.lines.insert(account.clone(), wires);
                }
            }
            listeners
        });
        Some(Input::Line { account, line, attempt, result })
    }

    /// Somebody connected.
    fn take_in(&mut self, incoming: Incoming) -> Option<Input> {
        let Incoming { account, line, stream, local, remote } = incoming;
        if self.line_numbers.get(&account).is_none_or(|(number, _)| *number != line) {
            return None;
        }
        let number = self.lines.get_mut(&account)?.take_in(stream)?;
        Some(Input::Accepted { account, line, number, local, remote })
    }

    fn noticed(&mut self, noticed: Noticed) -> Option<Input> {
        // Who travels sets the clock.
        let zone = self.ports.clock.zone();
        if zone != self.zone {
            self.zone = zone.clone();
            self.backlog.push_back(Input::Zone(zone));
        }
        let slept = noticed == Noticed::Slept;
        let misplaced = self.lines.iter().filter(|(_, wires)| slept || wires.is_misplaced());
        let moved: Vec<AccountId> = misplaced.map(|(account, _)| account.clone()).collect();
        if moved.is_empty() && !slept {
            return None;
        }
        // Another network, another DNS.
        self.dns = Dns::new(self.dns_server);
        self.sounds.network_changed();
        Some(Input::Network { moved, slept })
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Write(write) => self.write(write).await,
                effect => self.do_now(effect),
            }
        }
    }

    /// Hands a write to the store. While its queue is full, what it has done is put aside for the next steps.
    async fn write(&mut self, write: Write) {
        let mut next = Some(write);
        while let (Some(write), Some(store)) = (next.take(), &self.store) {
            let kept = self.kept_in.clone();
            let done = move |report: Option<_>| {
                if let Some(report) = report {
                    // The engine takes these even while it waits to write.
                    let _ = kept.blocking_send(Input::Kept(report));
                }
            };
            if let Err(write) = store.write(write, done) {
                next = Some(*write);
                if let Ok(Some(input)) =
                    tokio::time::timeout(Duration::from_millis(20), self.kept.recv()).await
                {
                    self.backlog.push_back(input);
                }
            }
        }
    }

    fn do_now(&mut self, effect: Effect) {
        match effect {
            Effect::Write(_) => {}
            Effect::Reply(request, reply) => {
                if let Some(answer) = self.waiting.remove(&request) {
                    // Whoever asked may have gone.
                    let _ = answer.send(reply);
                }
            }
            Effect::Event(kind) => self.publish(kind),
            Effect::OpenLine { account, line, attempt, towards } => {
                self.lines.remove(&account);
                self.open_line(account, line, attempt, towards.map_or(Towards::Everyone, Towards::Host));
            }
            Effect::MoveLine { account, line, attempt, towards } => {
                // Known already: a network that just came may have no DNS yet.
                let known = self.lines.get(&account).and_then(Wires::towards).map(Towards::Address);
                let towards = known.unwrap_or(towards.map_or(Towards::Everyone, Towards::Host));
                self.open_line(account, line, attempt, towards);
            }
            Effect::CloseLine(account) => {
                self.lines.remove(&account);
                self.line_numbers.remove(&account);
            }
            Effect::Send { account, local, remote, bytes } => {
                let sent = self.lines.get(&account).is_none_or(|wires| wires.send(local, remote, &bytes));
                if let (false, Some((line, _))) = (sent, self.line_numbers.get(&account)) {
                    self.backlog.push_back(Input::SendFailed { account, line: *line, remote });
                }
            }
            Effect::Connect { account, line, flow, to } => {
                let whose = Whose { account: account.clone(), line, flow, inputs: self.inputs_in.clone() };
                if let Some(wires) = self.lines.get_mut(&account) {
                    wires.keep(flow, Stream::connect(*to, whose));
                }
            }
            Effect::NameStream { account, line, number, flow } => {
                let whose = Whose { account: account.clone(), line, flow, inputs: self.inputs_in.clone() };
                if let Some(wires) = self.lines.get_mut(&account) {
                    wires.name(number, whose);
                }
            }
            Effect::WriteStream { account, flow, bytes } => {
                let taken = self.lines.get_mut(&account).is_none_or(|wires| wires.write(flow, bytes));
                if let (false, Some((line, _))) = (taken, self.line_numbers.get(&account)) {
                    let (line, news) = (*line, StreamNews::Ended(StreamEnd::Reset));
                    self.backlog.push_back(Input::Stream { account, line, flow, news });
                }
            }
            Effect::CloseStream { account, flow } => {
                if let Some(wires) = self.lines.get_mut(&account) {
                    wires.close(flow);
                }
            }
            Effect::Resolve { account, line, id, question } => {
                let (inputs, dns) = (self.inputs_in.clone(), self.dns.clone());
                tokio::spawn(async move {
                    let answer = dns.ask(&question).await;
                    let _ = inputs.send(Input::Resolved { account, line, id, answer }).await;
                });
            }
            Effect::Trace(text) => {
                if let Some(trace) = &self.trace {
                    trace(&text);
                }
            }
            Effect::OpenProvider { account, link, url, token } => {
                self.open_provider(account, link, &url, token)
            }
            Effect::CloseProvider(account) => {
                self.links.remove(&account);
            }
            Effect::Ask { account, link, request } => {
                if let Some(provider) = self.links.get_mut(&account).filter(|l| l.number() == link) {
                    provider.ask(request);
                }
            }
            Effect::GetSecret(account, kind, key) => {
                self.secret_errand(SecretErrand::Get(account, kind, key))
            }
            Effect::SetSecret(key, secret) => self.secret_errand(SecretErrand::Set(key, secret)),
            Effect::DeleteSecret(key) => self.secret_errand(SecretErrand::Delete(key)),
            Effect::Notify(notification) => self.notice_errand(NoticeErrand::Show(Box::new(notification))),
            Effect::CloseNotification(tag) => self.notice_errand(NoticeErrand::Close(tag)),
            Effect::Copy(code) => self.notice_errand(NoticeErrand::Copy(code)),
            Effect::ClearClipboard(code) => self.notice_errand(NoticeErrand::Clear(code)),
            Effect::Tone(tone) => {
                // The old one falls silent before the new one begins.
                self.tone = None;
                self.tone = tone.map(|(tone, place, whose)| self.ports.audio.ring(&place, tone, whose));
            }
            Effect::Browse(request, url) => {
                let (browser, inputs) = (self.ports.browser.clone(), self.inputs_in.clone());
                tokio::spawn(async move {
                    let opened = browser.open(&url).await.is_ok();
                    let _ = inputs.send(Input::Browsed(request, opened)).await;
                });
            }
            Effect::OpenMedia(call, ip, reach) => {
                let report = self.sounds.open(&call, ip, *reach, &self.dns).unwrap_or_else(|error| {
                    tracing::error!(%error, "no sockets for a call");
                    Some(MediaReport::NotOpened)
                });
                self.backlog.extend(report.map(|report| Input::Media(call, report)));
            }
            Effect::RunMedia(call, plan) => self.sounds.run(&call, plan),
            Effect::Sound(plan) => self.sounds.set(plan),
            Effect::Record { call, to, format, tone } => self.sounds.record(&call, to, format, tone),
            Effect::StopRecording(call) => self.sounds.stop_recording(&call),
            Effect::Play(path) => self.sounds.play(path),
            Effect::StopPlaying => self.sounds.stop_playing(),
            Effect::CheckSound(on) => self.sounds.check(on),
            Effect::Mute(call, muted) => self.sounds.mute(&call, muted),
            Effect::Digit(call, digit) => self.sounds.digit(&call, digit),
            Effect::CloseMedia(call) => {
                if !self.sounds.close(&call) {
                    let report = MediaReport::Closed(no_figures());
                    self.backlog.push_back(Input::Media(call, report));
                }
            }
            Effect::ListDevices => {
                let (audio, inputs) = (self.ports.audio.clone(), self.inputs_in.clone());
                tokio::task::spawn_blocking(move || {
                    let _ = inputs.blocking_send(Input::Devices(audio.devices()));
                });
            }
            Effect::Finished => self.finished = true,
        }
    }

    fn publish(&mut self, kind: EventKind) {
        self.seq = self.seq.wrapping_add(1);
        // Nobody may be listening.
        let _ = self.events.send(Event { seq: self.seq, kind });
    }

    fn open_line(&mut self, account: AccountId, line: u32, attempt: u32, towards: Towards) {
        self.line_numbers.insert(account.clone(), (line, attempt));
        let (arrivals, wanted, dns) = (self.arrivals_in.clone(), self.sip_bind, self.dns.clone());
        tokio::spawn(
            async move {
                let result = wires::bind(towards, wanted, &dns).await;
                let _ = arrivals.send(Arrival::Line { account, line, attempt, result }).await;
            }
            .instrument(tracing::debug_span!("line", line)),
        );
    }

    fn open_provider(&mut self, account: AccountId, link: u32, url: &str, token: Secret) {
        let report = match (self.connect)(url, token) {
            Ok(provider) => {
                let capabilities = provider.capabilities();
                let opened = ProviderLink::new(account.clone(), link, provider, self.inputs_in.clone());
                self.links.insert(account.clone(), opened);
                ProviderReport::Opened(capabilities)
            }
            Err(error) => ProviderReport::NotOpened(error),
        };
        self.backlog.push_back(Input::Provider { account, link, report });
    }

    fn secret_errand(&mut self, errand: SecretErrand) {
        if let Err(refused) = self.secrets.try_send(errand)
            && let SecretErrand::Get(account, kind, _) = refused.into_inner()
        {
            self.backlog.push_back(Input::Secret(account, kind, Err(crate::ports::SecretsError::Failed)));
        }
    }

    fn notice_errand(&mut self, errand: NoticeErrand) {
        if self.notices.try_send(errand).is_err() {
            tracing::warn!("the desktop is too slow for its notifications");
        }
    }
}

fn no_figures() -> CallStatsView {
    crate::net::media::figures(&tern_media::StreamStats::default(), 0)
}

/// The answer where the engine has ended.
pub(crate) fn gone() -> ErrorView {
    ErrorView::with_detail(ErrorCode::Internal, "the engine has ended")
}
