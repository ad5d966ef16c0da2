//! A provider, and the people who use it.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tern_engine::{
    Engine, EngineConfig, EngineHandle, SandboxAccess, Secret, SipCredentials,
    api::{
        AccountId, AccountView, Answer, CallId, CallState, CallView, Command, ErrorView, EventKind,
        FeedState, MediaOverrides, Query, RegistrationState, Reply, Snapshot,
    },
    audio::{AudioEnd, FileAudio},
    ports::{
        Audio, Ports,
        fake::{FakePorts, Record},
        plain::SystemClock,
    },
};
use tern_sandbox::{DemoAccount, Sandbox, SandboxConfig, Settings, SipAccount};
use tern_tests::{
    Scratch,
    audio::{Match, Sound, correlate_pieces},
    ports,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout_at},
};

/// Enough for anything that is not a wait by design, on a computer busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The speech that is in the repository, 5 s at 48 kHz.
pub(crate) fn speech() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/speech-48k.wav")
}

/// How much of what was said is in what was heard.
///
/// Compared up to 3 kHz, which every codec carries, and a few syllables at a time: a phone
/// stretches time a little to follow the network, the more the busier the computer is, and each stretch moves all
/// that comes after it.
fn resemblance(said: &Sound, heard: &Sound) -> Match {
    correlate_pieces(&said.at_rate(6_000), &heard.at_rate(6_000), 0.15)
}

#[track_caller]
pub(crate) fn resembles(said: &Sound, heard: &Path) {
    let heard = Sound::read(heard).expect("a recording");
    let found = resemblance(said, &heard);
    assert!(found.correlation > 0.9, "{found:?} in {} s heard", heard.seconds());
}

#[test]
fn another_voice_does_not_resemble() {
    let found =
        resemblance(&tern_tests::audio::speech(16_000, 4.0, 1), &tern_tests::audio::speech(48_000, 5.0, 2));
    assert!(found.correlation < 0.6, "{found:?}");
}

/// The account without a provider.
const DIRECT: AccountId = AccountId(0);

/// A tone of so many Hz.
pub(crate) fn hum(hz: f32, seconds: f32) -> Sound {
    let rate = 8_000;
    let sample = |n: usize| 0.2 * (std::f32::consts::TAU * (n as f32 * hz / rate as f32).fract()).sin();
    Sound { rate, samples: (0..(seconds * rate as f32) as usize).map(sample).collect() }
}

/// Which tones sound in each half second, on one channel.
pub(crate) fn hums<const N: usize>(heard: &Sound, tones: [f32; N]) -> Vec<[bool; N]> {
    let there = |piece: &[f32], hz: f32| {
        let (mut re, mut im) = (0.0_f64, 0.0_f64);
        for (n, sample) in piece.iter().enumerate() {
            let angle = std::f64::consts::TAU * n as f64 * f64::from(hz) / f64::from(heard.rate);
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        // A quarter of what is hummed: what leaks from another one where sound is stretched is less.
        2.0 * re.hypot(im) / piece.len() as f64 > 0.05
    };
    let half = heard.rate as usize / 2;
    heard.samples.chunks_exact(half).map(|piece| tones.map(|hz| there(piece, hz))).collect()
}

/// A provider.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        // Nobody writes by themselves: a test tells all that happens.
        let settings = Settings { welcome_after: Duration::from_secs(86_400), ..settings };
        let config = SandboxConfig { settings, ..SandboxConfig::default() };
        Self { sandbox: Sandbox::start(config).await.expect("a sandbox on free ports") }
    }

    /// Somebody who has numbers in several countries, money and a past.
    pub(crate) async fn traveller(&self) -> Actor {
        self.someone("Demo traveller").sits_down().await
    }

    /// Somebody whom the traveller can call.
    pub(crate) async fn friend(&self) -> Actor {
        self.someone("Demo friend").sits_down().await
    }

    /// Somebody about to start Tern, on a computer that never had it.
    pub(crate) fn someone(&self, name: &str) -> Person {
        Person::new(self.sandbox.http_url(), self.demo(name).clone())
    }

    pub(crate) fn demo(&self, name: &str) -> &DemoAccount {
        self.sandbox.accounts().iter().find(|a| a.name == name).expect("a demo account of this name")
    }

    /// An SMS from outside.
    pub(crate) async fn sms(&self, to: &str, from: &str, text: &str) {
        let body = format!(r#"{{"to":"{to}","from":"{from}","text":"{text}"}}"#);
        assert_eq!(post(&format!("{}/sandbox/sms", self.sandbox.http_url()), &body).await, 201);
    }

    /// The outside calls, and lets it ring.
    pub(crate) async fn rings(&self, to: &str, seconds: u32) {
        let body = format!(r#"{{"to":"{to}","from":"+447700900318","ring_seconds":{seconds}}}"#);
        assert_eq!(post(&format!("{}/sandbox/calls", self.sandbox.http_url()), &body).await, 202);
    }

    /// Takes the provider's API away, or brings it back.
    pub(crate) async fn api(&self, state: &str) {
        self.fault("api", state).await;
    }

    /// Turns one of the provider's fault switches; the others are well again.
    pub(crate) async fn fault(&self, switch: &str, state: &str) {
        let body = format!(r#"{{"{switch}":"{state}"}}"#);
        assert_eq!(post(&format!("{}/sandbox/faults", self.sandbox.http_url()), &body).await, 200);
    }
}

/// Somebody with a computer on which Tern is not running.
pub(crate) struct Person {
    url: String,
    pub(crate) demo: DemoAccount,
    home: Scratch,
    desk: FakePorts,
    audio: Option<Arc<dyn Audio>>,
    codec: Option<String>,
    /// Where it is called without a provider.
    port: Option<u16>,
}

impl Person {
    /// Somebody without a provider: calls plain addresses, and takes calls from anyone.
    pub(crate) fn of_no_provider(name: &str) -> Self {
        let secret = || Secret::new("");
        let sip = SipAccount { user: "".into(), domain: "".into(), password: secret(), proxy: "".into() };
        let demo = DemoAccount { name: name.into(), token: secret(), numbers: Vec::new(), sip };
        Self::new(String::new(), demo).also_without_provider()
    }

    fn new(url: String, demo: DemoAccount) -> Self {
        let home = Scratch::new("it").expect("a folder");
        Self { url, demo, home, desk: FakePorts::default(), audio: None, codec: None, port: None }
    }

    /// What the provider gave it to be known by.
    pub(crate) fn access(&self) -> SandboxAccess {
        let DemoAccount { name, token, sip, .. } = &self.demo;
        SandboxAccess {
            url: self.url.clone(),
            token: Secret::new(token.reveal()),
            name: name.clone(),
            sip: SipCredentials {
                user: sip.user.clone(),
                domain: sip.domain.clone(),
                password: Secret::new(sip.password.reveal()),
                proxy: Some(sip.proxy.clone()),
            },
        }
    }

    /// Can be called, and call, without the provider as well.
    pub(crate) fn also_without_provider(mut self) -> Self {
        self.port = Some(ports::free().expect("a port"));
        self
    }

    /// Will say what is in `spoken`; what is heard is recorded.
    pub(crate) fn says(mut self, spoken: &Path) -> Self {
        let ends = (AudioEnd::File(spoken.to_owned()), AudioEnd::File(self.home.join("heard.wav")));
        self.audio = Some(Arc::new(FileAudio::new(ends.0, ends.1)));
        self
    }

    /// Will say a tone of so many Hz, without end as far as a test goes.
    pub(crate) fn hums(self, hz: f32) -> Self {
        let tone = self.home.join("tone.wav");
        hum(hz, 60.0).write(&tone).expect("written");
        self.says(&tone)
    }

    /// Has only this codec.
    pub(crate) fn speaks_only(mut self, codec: &str) -> Self {
        self.codec = Some(codec.to_owned());
        self
    }

    /// What was heard. Complete once Tern has ended.
    pub(crate) fn heard(&self) -> PathBuf {
        self.home.join("heard.wav")
    }

    /// Starts Tern without an account.
    pub(crate) async fn opens_tern(self) -> Actor {
        let mut ports: Ports = self.desk.ports();
        // Calls follow the sockets, and those follow the computer's clock.
        ports.clock = Arc::new(SystemClock);
        if let Some(audio) = &self.audio {
            ports.audio = audio.clone();
        }
        let engine = Engine::start(EngineConfig {
            data_dir: Some(self.home.path().to_owned()),
            sip_bind: Some((Ipv4Addr::LOCALHOST, self.port.unwrap_or(0)).into()),
            direct: self.port.is_some(),
            media: MediaOverrides {
                codecs: self.codec.clone().map(|codec| vec![codec]),
                ..Default::default()
            },
            ..EngineConfig::new(ports, "Tern/tests")
        })
        .await
        .expect("an engine");
        let (snapshot, mut stream) = engine.subscribe().await.expect("a subscription");
        let (tell, told) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut seq = snapshot.seq;
            while let Some(event) = stream.next().await {
                // A gap would make the story untrue.
                assert_eq!(event.seq, seq + 1, "an event was lost");
                seq = event.seq;
                tell.send_modify(|events: &mut Vec<EventKind>| events.push(event.kind));
            }
        });
        Actor { engine, person: self, account: AccountId(u32::MAX), told }
    }

    /// Starts Tern on the account at the sandbox, and waits until it is ready.
    pub(crate) async fn sits_down(self) -> Actor {
        let mut actor = self.opens_tern().await;
        if actor.person.url.is_empty() {
            actor.account = DIRECT;
            return actor;
        }
        let access = actor.person.access();
        actor.account = actor.engine.attach_sandbox(access).await.expect("an account");
        actor
            .until_account("registered, with a feed", |account| {
                let registered = account.registration == RegistrationState::Registered {};
                (registered && account.feed == FeedState::Fresh {}).then_some(())
            })
            .await;
        actor
    }
}

/// Somebody with Tern running.
pub(crate) struct Actor {
    pub(crate) engine: EngineHandle,
    pub(crate) person: Person,
    pub(crate) account: AccountId,
    /// Everything that happened since Tern was started.
    told: watch::Receiver<Vec<EventKind>>,
}

impl Actor {
    /// The first of the account's numbers that takes SMS and calls.
    pub(crate) fn number(&self) -> &str {
        self.person.demo.numbers.first().expect("a number")
    }

    /// What was shown, opened and rung.
    pub(crate) fn desk(&self) -> &FakePorts {
        &self.person.desk
    }

    pub(crate) async fn does(&self, command: Command) -> Result<Reply, ErrorView> {
        self.engine.command(command).await
    }

    pub(crate) async fn calls(&self, target: &str) -> CallId {
        self.calls_from(&self.account, target).await
    }

    /// Calls without a provider, and waits until they talk.
    pub(crate) async fn talks_directly_with(&self, other: &Actor) -> (CallId, CallId) {
        let before = other.count(|event| matches!(event, EventKind::CallRang { .. }));
        let here = self.calls_from(&DIRECT, &other.address()).await;
        let there = other.is_called(before).await;
        other.answers(&there).await;
        self.until_call(&here, CallState::Connected).await;
        other.until_call(&there.id, CallState::Connected).await;
        (here, there.id)
    }

    /// Where it is called without a provider.
    fn address(&self) -> String {
        format!("sip:someone@127.0.0.1:{}", self.person.port.expect("it can be called directly"))
    }

    async fn calls_from(&self, account: &AccountId, target: &str) -> CallId {
        let command = Command::PlaceCall { account: account.clone(), target: target.into(), show: None };
        match self.does(command).await {
            Ok(Reply::CallPlaced { call }) => call,
            other => panic!("{target}: {other:?}"),
        }
    }

    pub(crate) async fn answers(&self, call: &CallView) {
        self.does(Command::AnswerCall { call: call.id.clone() }).await.expect("it rings");
    }

    pub(crate) async fn hangs_up(&self, call: &CallId) {
        self.does(Command::HangUpCall { call: call.clone() }).await.expect("there is a call");
    }

    /// Waits until somebody calls who did not before.
    pub(crate) async fn is_called(&self, before: usize) -> CallView {
        self.until("the phone rings", |events| {
            let mut rang = events.iter().filter_map(|event| match event {
                EventKind::CallRang { call } => Some(call),
                _ => None,
            });
            let id = rang.nth(before)?;
            events.iter().find_map(|event| match event {
                EventKind::CallChanged { call } if call.id == *id => Some(call.clone()),
                _ => None,
            })
        })
        .await
    }

    /// Waits until a call is, or was, in this state.
    pub(crate) async fn until_call(&self, id: &CallId, state: CallState) -> CallView {
        self.until(&format!("call {id} {state:?}"), |events| {
            events.iter().find_map(|event| match event {
                EventKind::CallChanged { call } if call.id == *id && call.state == state => {
                    Some(call.clone())
                }
                _ => None,
            })
        })
        .await
    }

    /// Waits until a call's latest news fits.
    pub(crate) async fn until_call_is(
        &self,
        id: &CallId,
        what: &str,
        fits: impl Fn(&CallView) -> bool,
    ) -> CallView {
        self.until(what, |events| {
            let latest = events.iter().rev().find_map(|event| match event {
                EventKind::CallChanged { call } if call.id == *id => Some(call),
                _ => None,
            })?;
            fits(latest).then(|| latest.clone())
        })
        .await
    }

    /// Waits until as much more of the other side's sound has come.
    pub(crate) async fn hears_more(&self, id: &CallId, packets: u32) -> CallView {
        let so_far = |call: &CallView| call.stats.as_ref().map_or(0, |stats| stats.packets_received);
        let before = self.until_call_is(id, "any figures", |call| call.stats.is_some()).await;
        let goal = so_far(&before) + packets;
        self.until_call_is(id, "more of the other side", |call| so_far(call) >= goal).await
    }

    /// Waits until the events since the start hold what `look` looks for.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl FnMut(&[EventKind]) -> Option<T>) -> T {
        let mut told = self.told.clone();
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(found) = look(&told.borrow_and_update()) {
                return found;
            }
            match timeout_at(deadline, told.changed()).await {
                Ok(Ok(())) => {}
                _ => panic!("{}: no {what} in {:#?}", self.person.demo.name, told.borrow()),
            }
        }
    }

    /// Waits until everything as it is now fits.
    pub(crate) async fn until_snapshot<T>(
        &self,
        what: &str,
        mut look: impl FnMut(&Snapshot) -> Option<T>,
    ) -> T {
        let mut told = self.told.clone();
        let deadline = Instant::now() + SOON;
        loop {
            told.mark_unchanged();
            let snapshot = self.snapshot().await;
            if let Some(found) = look(&snapshot) {
                return found;
            }
            match timeout_at(deadline, told.changed()).await {
                Ok(Ok(())) => {}
                _ => panic!("{}: not {what}: {snapshot:#?}", self.person.demo.name),
            }
        }
    }

    /// Waits until the account fits.
    pub(crate) async fn until_account<T>(
        &self,
        what: &str,
        mut look: impl FnMut(&AccountView) -> Option<T>,
    ) -> T {
        let id = self.account.clone();
        self.until_snapshot(what, |snapshot| look(snapshot.accounts.iter().find(|a| a.id == id)?)).await
    }

    /// Waits until what is shown, opened and rung fits. Nothing announces that, so it is looked at again and again.
    pub(crate) async fn until_desk(&self, what: &str, fits: impl Fn(&Record) -> bool) {
        let deadline = Instant::now() + SOON;
        while !self.person.desk.look(&fits) {
            if Instant::now() > deadline {
                let (shown, tones) = self.person.desk.look(|desk| (desk.all.clone(), desk.tones.clone()));
                panic!("{}: not {what}: {shown:?} {tones:?}", self.person.demo.name);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        match self.engine.query(Query::Snapshot {}).await {
            Ok(Answer::Snapshot { snapshot }) => snapshot,
            other => panic!("{other:?}"),
        }
    }

    /// How many events so far fit.
    pub(crate) fn count(&self, fits: impl Fn(&EventKind) -> bool) -> usize {
        self.told.borrow().iter().filter(|event| fits(event)).count()
    }

    /// Quits Tern.
    pub(crate) async fn leaves(self) -> Person {
        self.engine.shutdown().await;
        self.person
    }
}

/// Posts JSON and returns the status: as much of HTTP as the sandbox's own strings need.
pub(crate) async fn post(url: &str, body: &str) -> u16 {
    let (host, path) =
        url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("http://HOST:PORT/PATH");
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.expect("the sandbox listens");
    stream.write_all(request.as_bytes()).await.expect("the sandbox reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the sandbox answers");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}
