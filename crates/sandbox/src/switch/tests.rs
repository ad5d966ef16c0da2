//! The switch over loopback, with phones made of the same endpoint the application uses.

mod rules;
mod services;
mod transfer;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use tern_provider::{Provider, sandbox::SandboxProvider, types::*};
use tern_sip::{
    CallConfig, CallId, CallState, Datagram, EndedBy, Ending, Endpoint, EndpointConfig, Event, Identity,
    Listener, Login, NextHop, Output, RegistrationConfig, RegistrationFailure, RegistrationId,
    RegistrationState, Reply, Strangers, TransferProgress, Transport,
    wire::{HeaderAccess, Uri, sdp::SessionDescription},
};
use tokio::{net::UdpSocket, sync::mpsc};

use crate::{DOMAIN, Sandbox, SandboxConfig, Settings, SipAccount, media::description::audio_address};

const FRIEND: &str = "+447700900777";
const FR: &str = "+33639984712";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

type Command = Box<dyn FnOnce(&mut Endpoint, Instant) + Send>;

/// A phone: an endpoint on a socket of its own, and a socket for sound.
struct Phone {
    account: SipAccount,
    proxy: SocketAddr,
    commands: mpsc::UnboundedSender<Command>,
    events: mpsc::UnboundedReceiver<Event>,
    sound: UdpSocket,
    /// Where its SIP comes in.
    local: SocketAddr,
}

impl Phone {
    async fn of(house: &House, account: usize) -> Self {
        Self::with(house, house.sandbox.accounts()[account].sip.clone()).await
    }

    async fn with(house: &House, account: SipAccount) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let sound = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        let (commands, received) = mpsc::unbounded_channel();
        let (told, events) = mpsc::unbounded_channel();
        tokio::spawn(drive(socket, local, received, told));
        Self { account, proxy: house.sandbox.sip_addr(), commands, events, sound, local }
    }

    async fn command<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Endpoint, Instant) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let command: Command = Box::new(move |endpoint, now| drop(answer.send(work(endpoint, now))));
        assert!(self.commands.send(command).is_ok());
        answered.await.unwrap()
    }

    async fn register(&mut self) -> RegistrationState {
        self.begin_registration().await;
        loop {
            match self.event().await {
                Event::Registration { state: RegistrationState::Registering, .. } => {}
                Event::Registration { state, .. } => return state,
                other => panic!("{other:?}"),
            }
        }
    }

    async fn begin_registration(&mut self) -> RegistrationId {
        let aor = Uri::parse(&format!("sip:{}@{DOMAIN}", self.account.user)).unwrap();
        let login = Login::new(self.account.user.clone(), self.account.password.reveal());
        let mut config = RegistrationConfig::new(aor, login);
        config.proxies = vec![NextHop::udp(self.proxy)];
        self.command(move |endpoint, now| endpoint.register(now, config)).await
    }

    async fn call(&mut self, target: &str) -> CallId {
        self.call_with(target, &self.offer("0 8", "")).await
    }

    async fn call_with(&mut self, target: &str, offer: &str) -> CallId {
        let from = format!("<sip:{}@{DOMAIN}>", self.account.user);
        let login = Login::new(self.account.user.clone(), self.account.password.reveal());
        let identity =
            Identity::Plain { from: tern_sip::wire::Address::parse(&from).unwrap(), login: Some(login) };
        let target = Uri::parse(&format!("sip:{target}@{DOMAIN}")).unwrap();
        let offer = SessionDescription::parse(offer.as_bytes()).unwrap();
        let mut config = CallConfig::new(identity, target, offer);
        config.next_hop = Some(NextHop::udp(self.proxy));
        self.command(move |endpoint, now| endpoint.call(now, config)).await.unwrap()
    }

    fn offer(&self, formats: &str, attributes: &str) -> String {
        let port = self.sound.local_addr().unwrap().port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {formats}\r\n{attributes}"
        )
    }

    async fn accept(&self, call: CallId) {
        let sdp = SessionDescription::parse(self.offer("0", "").as_bytes()).unwrap();
        self.command(move |endpoint, now| endpoint.accept(now, call, sdp)).await.unwrap();
    }

    async fn hang_up(&self, call: CallId) {
        self.command(move |endpoint, now| endpoint.hang_up(now, call)).await.unwrap();
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("nothing happened").unwrap()
    }

    /// The next state of a call that is not a mere `Trying` or `Confirmed`.
    async fn state(&mut self) -> CallState {
        loop {
            match self.event().await {
                Event::Call { state: CallState::Trying | CallState::Confirmed { .. }, .. } => {}
                Event::Call { state, .. } => return state,
                other => panic!("{other:?}"),
            }
        }
    }

    async fn ended(&mut self) -> Ending {
        loop {
            if let CallState::Ended(ending) = self.state().await {
                return ending;
            }
        }
    }

    async fn incoming(&mut self) -> (CallId, String, String, SocketAddr, String) {
        match self.event().await {
            Event::IncomingCall { call, request, from, offer, .. } => (
                call,
                from.uri.user().unwrap(),
                request.headers.call_id().unwrap().to_owned(),
                audio_address(&offer.unwrap()).unwrap(),
                request.headers.first("P-Called-Party-ID").unwrap().to_owned(),
            ),
            other => panic!("{other:?}"),
        }
    }

    /// Sends RTP there until something comes back; answers what did.
    async fn hears(&self, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        tern_media::rtp::Header { marker: false, payload_type: 0, sequence: 7, timestamp: 9, ssrc: 0xAA }
            .write(&mut packet);
        packet.extend_from_slice(payload);
        let mut buffer = [0; 512];
        for _ in 0..200 {
            self.sound.send_to(&packet, to).await.unwrap();
            let wait = std::time::Duration::from_millis(50);
            if let Ok(got) = tokio::time::timeout(wait, self.sound.recv_from(&mut buffer)).await {
                return buffer[..got.unwrap().0].to_vec();
            }
        }
        panic!("nothing heard");
    }
}

async fn drive(
    socket: UdpSocket,
    local: SocketAddr,
    mut commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::UnboundedSender<Event>,
) {
    let listeners = vec![Listener { transport: Transport::Udp, address: local }];
    let strangers = Strangers::Accept;
    let config = EndpointConfig { listeners, strangers, seed: rand::random(), ..EndpointConfig::default() };
    let mut endpoint = Endpoint::new(config);
    let mut buffer = vec![0; 65_535];
    loop {
        while let Some(output) = endpoint.poll() {
            match output {
                Output::Transmit { remote, bytes, .. } => drop(socket.send_to(&bytes, remote).await),
                Output::Event(event) => drop(events.send(event)),
                other => panic!("not asked for: {other:?}"),
            }
        }
        let timeout = endpoint.poll_timeout().map(tokio::time::Instant::from_std);
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => command(&mut endpoint, Instant::now()),
                None => return,
            },
            () = async { match timeout {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            } } => endpoint.handle_timeout(Instant::now()),
            got = socket.recv_from(&mut buffer) => {
                let Ok((length, remote)) = got else { continue };
                let bytes = &buffer[..length];
                let datagram = Datagram { local, remote, bytes };
                endpoint.handle_datagram(Instant::now(), datagram);
            }
        }
    }
}

struct House {
    sandbox: Sandbox,
}

impl House {
    async fn open() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        let config = SandboxConfig { settings, ..SandboxConfig::default() };
        Self { sandbox: Sandbox::start(config).await.unwrap() }
    }

    fn provider(&self, account: usize) -> SandboxProvider {
        let token = self.sandbox.accounts()[account].token.clone();
        SandboxProvider::new(self.sandbox.http_url(), token).unwrap()
    }

    async fn cursor(&self, account: usize) -> Cursor {
        self.provider(account).snapshot(None, 1).await.unwrap().cursor
    }

    /// The place in the feed right after the first call that follows `since`.
    async fn after_call(&self, account: usize, since: &Cursor) -> String {
        let provider = self.provider(account);
        let mut since = since.clone();
        loop {
            let page = provider.changes(&since, 1).await.unwrap();
            since = page.next;
            if matches!(page.changes.as_slice(), [Change::Upsert(ActivityObject::Call(_))]) {
                return since.0;
            }
        }
    }

    /// The first call in an account's log after `since`; waits for it.
    async fn logged(&self, account: usize, since: &Cursor) -> CallRecord {
        let provider = self.provider(account);
        let mut hints = provider.hints(since).await.unwrap();
        loop {
            for change in provider.changes(since, 100).await.unwrap().changes {
                if let Change::Upsert(ActivityObject::Call(call)) = change {
                    return call;
                }
            }
            let hint = futures_util::StreamExt::next(&mut hints);
            tokio::time::timeout(PATIENCE, hint).await.expect("nothing was written down");
        }
    }
}

fn price(call: &CallRecord) -> Option<String> {
    call.price.as_ref().map(|p| p.amount.to_string())
}

fn answered(state: CallState) -> SocketAddr {
    match state {
        CallState::Answered { sdp: Some(sdp) } => audio_address(&sdp).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Traveller (0) talks to friend (1): both phones, the call at each, and where each sends sound.
async fn talk(house: &House) -> ((Phone, CallId, SocketAddr), (Phone, CallId, SocketAddr)) {
    let (mut traveller, mut friend) = (Phone::of(house, 0).await, Phone::of(house, 1).await);
    friend.register().await;
    let call = traveller.call(FRIEND).await;
    let (incoming, _, friend_sends_to) = takes(&mut friend).await;
    let traveller_sends_to = answered(traveller.state().await);
    ((traveller, call, traveller_sends_to), (friend, incoming, friend_sends_to))
}

#[tokio::test]
async fn registration_good_wrong_and_of_somebody_else() {
    let house = House::open().await;
    let mut phone = Phone::of(&house, 0).await;
    let state = phone.register().await;
    assert!(matches!(state, RegistrationState::Registered { .. }), "{state:?}");

    let mut wrong = house.sandbox.accounts()[0].sip.clone();
    wrong.password = tern_provider::Secret::new("guess");
    let state = Phone::with(&house, wrong).await.register().await;
    let failed = |reason| RegistrationState::Failed { reason, retry_after: None };
    assert_eq!(state, failed(RegistrationFailure::WrongCredentials));

    // The friend's password does not open the traveller's address.
    let friend = house.sandbox.accounts()[1].sip.clone();
    let mut phone = Phone::with(&house, friend.clone()).await;
    phone.account.user = "traveller".into();
    let aor = Uri::parse(&format!("sip:traveller@{DOMAIN}")).unwrap();
    let mut config = RegistrationConfig::new(aor, Login::new("friend", friend.password.reveal()));
    config.proxies = vec![NextHop::udp(phone.proxy)];
    phone.command(move |endpoint, now| endpoint.register(now, config)).await;
    loop {
        match phone.event().await {
            Event::Registration { state: RegistrationState::Registering, .. } => {}
            Event::Registration { state: RegistrationState::Failed { reason, .. }, .. } => {
                assert_eq!(reason, RegistrationFailure::Forbidden);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn garbage_is_ignored() {
    let house = House::open().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for garbage in [&b""[..], b"\r\n\r\n", b"hello", &[0xFF; 1400], b"INVITE sip:x SIP/2.0\r\n\r\n"] {
        socket.send_to(garbage, house.sandbox.sip_addr()).await.unwrap();
    }
    let state = Phone::of(&house, 0).await.register().await;
    assert!(matches!(state, RegistrationState::Registered { .. }));
}

#[tokio::test]
async fn where_a_call_does_not_go() {
    let house = House::open().await;
    let mut phone = Phone::of(&house, 0).await;
    for (target, code, phrase, outcome) in [
        ("112", 403, "Emergency calls are not possible", CallOutcome::Failed),
        ("911", 403, "Emergency calls are not possible", CallOutcome::Failed),
        ("+989121234567", 403, "Destination not served", CallOutcome::Failed),
        ("+447700900998", 404, "Not Found", CallOutcome::Failed),
        ("nobody", 404, "Not Found", CallOutcome::Failed),
        ("friend", 480, "Temporarily Unavailable", CallOutcome::Unanswered),
        (FRIEND, 480, "Temporarily Unavailable", CallOutcome::Unanswered),
        ("447700900777", 480, "Temporarily Unavailable", CallOutcome::Unanswered),
    ] {
        let since = house.cursor(0).await;
        phone.call(target).await;
        let ending = phone.ended().await;
        assert_eq!((ending.code, ending.phrase.as_str()), (Some(code), phrase), "{target}");
        assert_eq!(house.logged(0, &since).await.outcome, outcome, "{target}");
    }
    // No codec in common.
    let offer = phone.offer("18", "");
    phone.call_with("echo", &offer).await;
    assert_eq!(phone.ended().await.code, Some(488));
}

#[tokio::test]
async fn a_caller_who_is_nobody_is_not_served() {
    let house = House::open().await;
    let mut account = house.sandbox.accounts()[0].sip.clone();
    account.password = tern_provider::Secret::new("guess");
    let mut phone = Phone::with(&house, account).await;
    phone.call("echo").await;
    assert_eq!(phone.ended().await.code, Some(407));
    // With one's own password, but another's name.
    let friend = house.sandbox.accounts()[1].sip.clone();
    let mut phone = Phone::with(&house, friend).await;
    let offer = SessionDescription::parse(phone.offer("0", "").as_bytes()).unwrap();
    let identity = Identity::Plain {
        from: tern_sip::wire::Address::parse(&format!("<sip:traveller@{DOMAIN}>")).unwrap(),
        login: Some(Login::new("friend", phone.account.password.reveal())),
    };
    let target = Uri::parse(&format!("sip:echo@{DOMAIN}")).unwrap();
    let mut config = CallConfig::new(identity, target, offer);
    config.next_hop = Some(NextHop::udp(phone.proxy));
    phone.command(move |endpoint, now| endpoint.call(now, config)).await.unwrap();
    assert_eq!(phone.ended().await.code, Some(403));
}

#[tokio::test]
async fn a_call_the_balance_does_not_cover() {
    let house = House::open().await;
    let operator = house.sandbox.operator.clone();
    let account = operator.accounts().unwrap()[0].id;
    operator
        .write(|books| {
            let posting = crate::ledger::Posting {
                kind: crate::model::TransactionKind::Adjustment,
                amount: "-25.36".parse().unwrap(),
                at: operator.now(),
                description: "test".into(),
                reference: None,
            };
            crate::ledger::post(books, account, posting).map(|_| ())
        })
        .unwrap();
    let mut phone = Phone::of(&house, 0).await;
    phone.call(FRIEND).await;
    assert_eq!(phone.ended().await.code, Some(402));
}

#[tokio::test]
async fn two_customers_talk() {
    let house = House::open().await;
    let (mut traveller, mut friend) = (Phone::of(&house, 0).await, Phone::of(&house, 1).await);
    friend.register().await;
    let (ours, theirs) = (house.cursor(0).await, house.cursor(1).await);

    let call = traveller.call(FRIEND).await;
    let (incoming, from, call_id, friend_sends_to, called) = friend.incoming().await;
    assert_eq!(called, format!("<sip:{FRIEND}@{DOMAIN}>"), "which of their numbers was called");
    assert_eq!(from, "anonymous", "a French number does not show in Britain");
    friend.command(move |endpoint, now| endpoint.ring(now, incoming)).await.unwrap();
    assert_eq!(traveller.state().await, CallState::Ringing);
    friend.accept(incoming).await;
    let traveller_sends_to = answered(traveller.state().await);

    // Both hear the other, through the provider.
    let (at_traveller, at_friend) = tokio::join!(
        traveller.hears(traveller_sends_to, b"from traveller"),
        friend.hears(friend_sends_to, b"from friend")
    );
    assert!(at_traveller.ends_with(b"from friend") && at_friend.ends_with(b"from traveller"));

    traveller.hang_up(call).await;
    assert_eq!(friend.ended().await.by, EndedBy::Remote);
    let logged = house.logged(0, &ours).await;
    assert_eq!((logged.outcome, logged.peer.as_str()), (CallOutcome::Answered, FRIEND));
    assert_eq!(price(&logged).as_deref(), Some("0.05"), "a started minute to a British mobile");
    let logged = house.logged(1, &theirs).await;
    assert_eq!((logged.outcome, logged.direction), (CallOutcome::Answered, Direction::Incoming));
    assert_eq!((logged.peer.as_str(), logged.number.as_str()), ("anonymous", FRIEND));
    assert_eq!(logged.sip_call_id.as_deref(), Some(call_id.as_str()), "the log names the friend's own leg");
    assert_eq!(price(&logged).as_deref(), Some("0.01"), "an incoming minute");
    let balance = house.provider(0).account().await.unwrap().balance;
    assert_eq!(balance.amount.to_string(), "25.35");
}

#[tokio::test]
async fn the_other_side_hangs_up() {
    let house = House::open().await;
    let (mut traveller, mut friend) = (Phone::of(&house, 0).await, Phone::of(&house, 1).await);
    friend.register().await;
    traveller.call("friend").await;
    let (incoming, ..) = friend.incoming().await;
    friend.accept(incoming).await;
    answered(traveller.state().await);
    friend.hang_up(incoming).await;
    assert_eq!(traveller.ended().await.by, EndedBy::Remote);
}

#[tokio::test]
async fn a_cancelled_call_is_missed() {
    let house = House::open().await;
    let (mut traveller, mut friend) = (Phone::of(&house, 0).await, Phone::of(&house, 1).await);
    friend.register().await;
    let (ours, theirs) = (house.cursor(0).await, house.cursor(1).await);
    let call = traveller.call(FRIEND).await;
    let (incoming, _, call_id, ..) = friend.incoming().await;
    friend.command(move |endpoint, now| endpoint.ring(now, incoming)).await.unwrap();
    assert_eq!(traveller.state().await, CallState::Ringing);
    traveller.hang_up(call).await;
    assert_eq!(friend.ended().await.by, EndedBy::Remote);
    assert_eq!(traveller.ended().await.by, EndedBy::Local);
    assert_eq!(house.logged(0, &ours).await.outcome, CallOutcome::Unanswered);
    let logged = house.logged(1, &theirs).await;
    assert_eq!((logged.outcome, logged.sip_call_id), (CallOutcome::Missed, Some(call_id)));
    assert_eq!(logged.price, None);
}

#[tokio::test]
async fn busy_and_declined_are_told_apart() {
    let house = House::open().await;
    let (mut traveller, mut friend) = (Phone::of(&house, 0).await, Phone::of(&house, 1).await);
    friend.register().await;
    for (code, for_caller, for_callee) in
        [(486, CallOutcome::Busy, CallOutcome::Missed), (603, CallOutcome::Declined, CallOutcome::Declined)]
    {
        let (ours, theirs) = (house.cursor(0).await, house.cursor(1).await);
        traveller.call(FRIEND).await;
        let (incoming, ..) = friend.incoming().await;
        friend.command(move |endpoint, now| endpoint.reject(now, incoming, Reply::new(code))).await.unwrap();
        friend.ended().await;
        assert_eq!(traveller.ended().await.code, Some(code));
        assert_eq!(house.logged(0, &ours).await.outcome, for_caller);
        assert_eq!(house.logged(1, &theirs).await.outcome, for_callee);
    }
}

#[tokio::test]
async fn nobody_answers_in_time() {
    let ring_for = std::time::Duration::from_millis(300);
    let house = House::with(Settings { ring_for, ..Settings::default() }).await;
    let (mut traveller, mut friend) = (Phone::of(&house, 0).await, Phone::of(&house, 1).await);
    friend.register().await;
    let theirs = house.cursor(1).await;
    traveller.call(FRIEND).await;
    let (incoming, ..) = friend.incoming().await;
    friend.command(move |endpoint, now| endpoint.ring(now, incoming)).await.unwrap();
    assert_eq!(friend.ended().await.by, EndedBy::Remote);
    assert_eq!(traveller.ended().await.code, Some(480));
    assert_eq!(house.logged(1, &theirs).await.outcome, CallOutcome::Missed);
}

#[tokio::test]
async fn who_is_not_registered_misses_the_call() {
    let house = House::open().await;
    let (mut traveller, mut friend) = (Phone::of(&house, 0).await, Phone::of(&house, 1).await);
    let id = friend.begin_registration().await;
    loop {
        if let Event::Registration { state: RegistrationState::Registered { .. }, .. } = friend.event().await
        {
            break;
        }
    }
    friend.command(move |endpoint, now| endpoint.unregister(now, id)).await;
    loop {
        if let Event::Registration { state: RegistrationState::Unregistered, .. } = friend.event().await {
            break;
        }
    }
    let theirs = house.cursor(1).await;
    traveller.call(FRIEND).await;
    assert_eq!(traveller.ended().await.code, Some(480));
    let logged = house.logged(1, &theirs).await;
    assert_eq!((logged.outcome, logged.sip_call_id), (CallOutcome::Missed, None));
    assert_eq!((logged.peer.as_str(), logged.number.as_str()), ("anonymous", FRIEND));
}

#[tokio::test]
async fn of_several_places_the_first_to_answer_has_the_call() {
    let house = House::open().await;
    let mut traveller = Phone::of(&house, 0).await;
    let (mut desk, mut pocket) = (Phone::of(&house, 1).await, Phone::of(&house, 1).await);
    desk.register().await;
    pocket.register().await;
    let theirs = house.cursor(1).await;
    traveller.call(FRIEND).await;
    let ((..), (at_pocket, _, call_id, ..)) = tokio::join!(desk.incoming(), pocket.incoming());
    pocket.accept(at_pocket).await;
    answered(traveller.state().await);
    assert_eq!(desk.ended().await.by, EndedBy::Remote);
    pocket.hang_up(at_pocket).await;
    traveller.ended().await;
    let logged = house.logged(1, &theirs).await;
    assert_eq!((logged.outcome, logged.sip_call_id), (CallOutcome::Answered, Some(call_id)));
}

#[tokio::test]
async fn a_stopping_sandbox_hangs_up_and_writes_down() {
    let data = tempfile::tempdir().unwrap();
    let config = || SandboxConfig { data: Some(data.path().into()), ..SandboxConfig::default() };
    let house = House { sandbox: Sandbox::start(config()).await.unwrap() };
    let since = house.cursor(0).await;
    let mut phone = Phone::of(&house, 0).await;
    phone.call("echo").await;
    answered(phone.state().await);
    house.sandbox.shutdown().await;
    assert_eq!(phone.ended().await.by, EndedBy::Remote);
    let house = House { sandbox: Sandbox::start(config()).await.unwrap() };
    assert_eq!(house.logged(0, &since).await.outcome, CallOutcome::Answered);
}

/// Takes whatever call comes next at `phone`.
async fn takes(phone: &mut Phone) -> (CallId, String, SocketAddr) {
    let (incoming, from, _, sends_to, _) = phone.incoming().await;
    phone.accept(incoming).await;
    (incoming, from, sends_to)
}

#[tokio::test]
async fn digits_reach_the_other_side() {
    let house = House::open().await;
    let ((traveller, call, _), (mut friend, ..)) = talk(&house).await;
    let press = std::time::Duration::from_millis(200);
    traveller.command(move |endpoint, now| endpoint.info_dtmf(now, call, '7', press)).await.unwrap();
    loop {
        if let Event::Dtmf { digit, duration, .. } = friend.event().await {
            assert_eq!((digit, duration), ('7', press));
            return;
        }
    }
}
