//! The rules of calls over real SIP: who is shown, who is rung, what it costs, and what the provider answers itself.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tern_sip::{ShownAs, ShownIdentity, message_waiting};

use super::*;
use crate::{
    SetClock, greeting,
    ledger::{self, Posting},
    model::TransactionKind,
    store::{numbers, transactions},
};

const GB: &str = "+447700900142";
const TOLL_FREE: &str = "+18005550199";

/// A sandbox whose provider's clock moves only when told.
struct Clocked {
    house: House,
    clock: Arc<SetClock>,
    client: reqwest::Client,
}

impl Clocked {
    async fn open() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(SetClock::new("2026-05-20T12:00:00Z".parse::<Timestamp>().unwrap()));
        let config = SandboxConfig { settings, clock: clock.clone(), ..SandboxConfig::default() };
        let house = House { sandbox: Sandbox::start(config).await.unwrap() };
        Self { house, clock, client: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    async fn ask(&self, account: usize, request: &str, body: Option<Value>) -> (u16, Value) {
        let (method, path) = request.split_once(' ').unwrap();
        let url = format!("{}{path}", self.house.sandbox.http_url());
        let token = self.house.sandbox.accounts()[account].token.reveal().to_owned();
        let mut builder = self.client.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some(body) = body {
            builder = builder.json(&body);
        }
        let response = builder.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    /// Changes what a number does with calls; `path` is what follows its id.
    async fn set(&self, account: usize, e164: &str, path: &str, body: Value) {
        let operator = &self.house.sandbox.operator;
        let number = operator.read(|c| numbers::by_e164(c, e164)).unwrap().unwrap();
        let (status, answer) =
            self.ask(account, &format!("PUT /v1/numbers/{}/{path}", number.id), Some(body)).await;
        assert_eq!(status, 200, "{answer}");
    }

    fn account(&self, account: usize) -> crate::model::AccountId {
        self.house.sandbox.operator.accounts().unwrap()[account].id
    }

    fn balance(&self, account: usize) -> String {
        let id = self.account(account);
        self.house.sandbox.operator.read(|c| transactions::balance(c, id)).unwrap().to_string()
    }

    fn set_balance(&self, account: usize, to: &str) {
        let (operator, id) = (&self.house.sandbox.operator, self.account(account));
        let decimal = |text: &str| text.parse::<rust_decimal::Decimal>().unwrap();
        let amount = decimal(to) - decimal(&self.balance(account));
        operator
            .write(|books| {
                let posting = Posting {
                    kind: TransactionKind::Adjustment,
                    amount,
                    at: operator.now(),
                    description: "test".into(),
                    reference: None,
                };
                ledger::post(books, id, posting).map(|_| ())
            })
            .unwrap();
    }

    /// Waits until something has come to be so.
    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let patient = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, patient).await.is_ok(), "never: {what}");
    }
}

/// Sends a tone for as long as it is polled, in packets of 20 ms; answers nothing.
async fn hum(phone: &Phone, to: SocketAddr, hz: f32, packets: u32) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for n in 0..packets {
        tick.tick().await;
        let header = tern_media::rtp::Header {
            marker: n == 0,
            payload_type: 0,
            sequence: n as u16,
            timestamp: n * 160,
            ssrc: 0xBB,
        };
        let mut packet = Vec::new();
        header.write(&mut packet);
        packet.extend((0..160_u32).map(|i| {
            let phase = std::f32::consts::TAU * hz * (n * 160 + i) as f32 / 8_000.0;
            tern_media::codec::Law::Mu.compress((phase.sin() * 8_000.0) as i16)
        }));
        phone.sound.send_to(&packet, to).await.unwrap();
    }
}

async fn say(phone: &Phone, to: SocketAddr, payload: &[u8]) {
    let mut packet = Vec::new();
    tern_media::rtp::Header { marker: false, payload_type: 0, sequence: 7, timestamp: 9, ssrc: 0xAA }
        .write(&mut packet);
    packet.extend_from_slice(payload);
    phone.sound.send_to(&packet, to).await.unwrap();
}

/// Whether a packet that ends so is among those that have come by now.
fn heard(phone: &Phone, payload: &[u8]) -> bool {
    let mut buffer = [0; 512];
    let mut heard = false;
    while let Ok((length, _)) = phone.sound.try_recv_from(&mut buffer) {
        heard |= buffer[..length].ends_with(payload);
    }
    heard
}

/// Listens for so many packets; answers how much of a frequency was in the last 40 of them.
async fn level(phone: &Phone, hz: f32, packets: usize) -> f32 {
    let mut heard = Vec::new();
    let mut buffer = [0; 512];
    for _ in 0..packets {
        let got = tokio::time::timeout(PATIENCE, phone.sound.recv_from(&mut buffer))
            .await
            .expect("silence")
            .unwrap();
        let (_, payload) = tern_media::rtp::parse(&buffer[..got.0]).unwrap();
        heard.extend(
            payload.iter().map(|code| f32::from(tern_media::codec::Law::Mu.expand(*code)) / 32_768.0),
        );
    }
    let last = &heard[heard.len().saturating_sub(40 * 160)..];
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in last.iter().enumerate() {
        let angle = std::f32::consts::TAU * hz * n as f32 / 8_000.0;
        re += sample * angle.cos();
        im += sample * angle.sin();
    }
    (re * re + im * im).sqrt() * 2.0 / last.len() as f32
}

async fn press(phone: &Phone, call: CallId, keys: &str) {
    for key in keys.chars() {
        let press = Duration::from_millis(100);
        phone.command(move |endpoint, now| endpoint.info_dtmf(now, call, key, press)).await.unwrap();
    }
}

/// Calls, with a number of the account's own named as the one to show.
async fn call_as(phone: &Phone, number: &str, target: &str) -> CallId {
    let uri = |user: &str| Uri::parse(&format!("sip:{user}@{DOMAIN}")).unwrap();
    let login = Login::new(phone.account.user.clone(), phone.account.password.reveal());
    let from = tern_sip::wire::Address::new(uri(&phone.account.user));
    let identity = Identity::Plain { from, login: Some(login) };
    let offer = SessionDescription::parse(phone.offer("0 8", "").as_bytes()).unwrap();
    let mut config = CallConfig::new(identity, uri(target), offer);
    config.next_hop = Some(NextHop::udp(phone.proxy));
    let number = Some(tern_sip::wire::Address::new(uri(number)));
    config.show = ShownIdentity { number, shown_as: ShownAs::Preferred, ..ShownIdentity::account() };
    phone.command(move |endpoint, now| endpoint.call(now, config)).await.unwrap()
}

#[tokio::test]
async fn the_rented_number_shows_only_with_caller_id_and_in_its_own_country() {
    let house = Clocked::open().await;
    let (mut traveller, mut friend) = (Phone::of(&house.house, 0).await, Phone::of(&house.house, 1).await);
    friend.register().await;
    let mut shown = async |number: &str| {
        let call = call_as(&traveller, number, FRIEND).await;
        let (_, from, ..) = friend.incoming().await;
        traveller.hang_up(call).await;
        friend.ended().await;
        traveller.ended().await;
        from
    };
    assert_eq!(shown(GB).await, GB, "a British number in Britain");
    assert_eq!(shown(FR).await, "anonymous", "a French number in Britain");
    house.set(0, GB, "caller-id", json!({"enabled": false})).await;
    assert_eq!(shown(GB).await, "anonymous", "without the service");
    // Between SIP accounts there is no country.
    traveller.call("friend").await;
    assert_eq!(friend.incoming().await.1, "traveller");
}

#[tokio::test]
async fn a_call_is_charged_by_the_minute_warned_and_ended_when_the_money_is_gone() {
    let house = Clocked::open().await;
    let (mut traveller, mut friend) = (Phone::of(&house.house, 0).await, Phone::of(&house.house, 1).await);
    friend.register().await;
    let ours = house.house.cursor(0).await;
    house.set_balance(0, "0.12");
    traveller.call(FRIEND).await;
    let (incoming, ..) = friend.incoming().await;
    friend.accept(incoming).await;
    answered(traveller.state().await);
    house.until("the first minute is charged at once", async || house.balance(0) == "0.07").await;
    house.clock.advance(Duration::from_secs(59));
    assert_eq!(house.balance(0), "0.07");
    house.clock.advance(Duration::from_secs(1));
    house.until("the second when it begins", async || house.balance(0) == "0.02").await;
    let warned = async || {
        let page = house.ask(0, "GET /v1/activity/snapshot", None).await.1;
        let items = page["items"].as_array().unwrap().clone();
        items.iter().any(|i| i["object"]["peer"] == "Balance" && i["object"]["state"] == "received")
    };
    house.until("a minute before the end it is said", warned).await;
    house.clock.advance(Duration::from_secs(60));
    let ending = traveller.ended().await;
    assert_eq!((ending.by, ending.reason.and_then(|r| r.cause)), (EndedBy::Remote, Some(402)));
    assert_eq!(friend.ended().await.by, EndedBy::Remote);
    let logged = house.house.logged(0, &ours).await;
    assert_eq!((logged.outcome, price(&logged).as_deref()), (CallOutcome::Answered, Some("0.10")));
    assert_eq!(logged.duration_seconds, 120);
    assert_eq!(house.balance(0), "0.02", "nothing is charged beyond what was there");
}

#[tokio::test]
async fn a_call_cut_by_a_kill_is_in_the_log_for_what_it_was_charged() {
    let data = tempfile::tempdir().unwrap();
    let config = || SandboxConfig { data: Some(data.path().into()), ..SandboxConfig::default() };
    let house = House { sandbox: Sandbox::start(config()).await.unwrap() };
    let operator = house.sandbox.operator.clone();
    let account = operator.accounts().unwrap()[0].id;
    let call = crate::call_log::RunningCall {
        id: "call_running".into(),
        account,
        direction: crate::model::Direction::Outgoing,
        number: GB.into(),
        peer: FRIEND.into(),
        started_at: operator.now(),
    };
    for talked in [0, 60] {
        let charge = crate::call_log::MinuteCharge {
            amount: "0.05".parse().unwrap(),
            talked: Duration::from_secs(talked),
            what: "Call".into(),
        };
        operator.charge_call(&call, charge).unwrap();
    }
    let since = house.cursor(0).await;
    house.sandbox.shutdown().await;
    drop(operator);
    let house = House { sandbox: Sandbox::start(config()).await.unwrap() };
    let logged = house.logged(0, &since).await;
    assert_eq!((logged.outcome, price(&logged).as_deref()), (CallOutcome::Answered, Some("0.10")));
    assert_eq!(logged.duration_seconds, 60);
}

#[tokio::test]
async fn refusals_say_why_and_the_rates_say_it_before_dialling() {
    let house = Clocked::open().await;
    let mut phone = Phone::of(&house.house, 0).await;
    for (target, code, says) in [
        ("112", "emergency_not_supported", "Emergency services cannot be called here"),
        ("+989121234567", "destination_not_served", "Calls to this country are not put through"),
    ] {
        phone.call(target).await;
        let ending = phone.ended().await;
        assert_eq!(ending.code, Some(403));
        let told = ending.reason.and_then(|reason| reason.text).unwrap_or_default();
        assert!(told.starts_with(says), "{told}");
        let (_, rate) = house.ask(0, &format!("GET /v1/rates?to={}", target.replace('+', "%2B")), None).await;
        assert_eq!(
            (&rate["allowed"], &rate["code"], &rate["sip_status"]),
            (&json!(false), &json!(code), &json!(403))
        );
        assert!(rate["detail"].as_str().unwrap().starts_with(says));
    }
    let (_, rate) = house.ask(0, "GET /v1/rates?to=%2B447700900777&from=%2B447700900142", None).await;
    assert_eq!(rate["minute"], json!({"amount": "0.05", "currency": "USD"}));
    assert_eq!((&rate["minutes"], &rate["shows"], &rate["country"]), (&json!(508), &json!(GB), &json!("GB")));
}

#[tokio::test]
async fn a_number_reaches_sip_only_after_its_forwarding_says_so() {
    let house = Clocked::open().await;
    let (mut traveller, mut friend) = (Phone::of(&house.house, 0).await, Phone::of(&house.house, 1).await);
    friend.register().await;
    house.set(1, FRIEND, "forwarding", json!({"targets": []})).await;
    let theirs = house.house.cursor(1).await;
    traveller.call(FRIEND).await;
    assert_eq!(traveller.ended().await.code, Some(480));
    assert_eq!(house.house.logged(1, &theirs).await.outcome, CallOutcome::Missed);
    house.set(1, FRIEND, "forwarding", json!({"targets": [{"to": "sip"}]})).await;
    traveller.call(FRIEND).await;
    friend.incoming().await;
}

#[tokio::test]
async fn a_number_is_forwarded_to_a_third_party_and_to_a_server_at_once_or_in_turn() {
    let target_rings = Duration::from_millis(400);
    let house = Clocked::with(Settings { target_rings, ..Settings::default() }).await;
    let mut traveller = Phone::of(&house.house, 0).await;
    let (mut party, mut server) = (Phone::of(&house.house, 1).await, Phone::of(&house.house, 1).await);
    let targets = json!([
        {"to": "sip_address", "address": format!("sip:desk@{}", party.local)},
        {"to": "server", "address": server.local.to_string()},
    ]);
    house.set(1, FRIEND, "forwarding", json!({"order": "simultaneous", "targets": targets})).await;
    traveller.call(FRIEND).await;
    let (_, (at_server, ..)) = tokio::join!(party.incoming(), server.incoming());
    server.accept(at_server).await;
    answered(traveller.state().await);
    assert_eq!(party.ended().await.by, EndedBy::Remote);
    server.hang_up(at_server).await;
    server.ended().await;
    traveller.ended().await;

    house.set(1, FRIEND, "forwarding", json!({"order": "sequential", "targets": targets})).await;
    traveller.call(FRIEND).await;
    party.incoming().await;
    // It rings for its time, then the next one does.
    assert_eq!(party.ended().await.by, EndedBy::Remote);
    let (at_server, ..) = server.incoming().await;
    server.accept(at_server).await;
    answered(traveller.state().await);
}

#[tokio::test]
async fn a_number_is_forwarded_to_a_host_by_its_name() {
    let house = Clocked::open().await;
    let mut traveller = Phone::of(&house.house, 0).await;
    let mut party = Phone::of(&house.house, 1).await;
    let forward = async |address: String| {
        let targets = json!([{"to": "sip_address", "address": address}]);
        house.set(1, FRIEND, "forwarding", json!({"targets": targets})).await;
    };
    forward(format!("sip:desk@localhost:{}", party.local.port())).await;
    traveller.call(FRIEND).await;
    let (at_party, ..) = party.incoming().await;
    party.accept(at_party).await;
    answered(traveller.state().await);
    party.hang_up(at_party).await;
    party.ended().await;
    traveller.ended().await;

    // A name that nobody has (RFC 2606) reaches nobody.
    forward("sip:desk@nowhere.invalid:5060".into()).await;
    traveller.call(FRIEND).await;
    assert_eq!(traveller.ended().await.code, Some(480));
}

#[tokio::test]
async fn the_phone_leg_of_a_forwarded_call_is_billed_to_the_owner() {
    let house = Clocked::open().await;
    let mut friend = Phone::of(&house.house, 1).await;
    friend.register().await;
    house.set(0, GB, "forwarding", json!({"targets": [{"to": "phone", "number": FRIEND}]})).await;
    let before = house.balance(0);
    let since = house.house.cursor(0).await;
    let (status, state) =
        house.ask(0, "POST /sandbox/calls", Some(json!({"to": GB, "ring_seconds": 5}))).await;
    assert_eq!((status, &state["state"]), (202, &json!("ringing")));
    let (incoming, ..) = friend.incoming().await;
    friend.accept(incoming).await;
    house.until("both are charged", async || house.balance(0) != before).await;
    friend.hang_up(incoming).await;
    let logged = house.house.logged(0, &since).await;
    assert_eq!(
        price(&logged).as_deref(),
        Some("0.06"),
        "0.01 for the incoming minute, 0.05 for the one to the phone"
    );
}

#[tokio::test]
async fn who_is_not_there_gets_a_message_is_told_of_it_and_hears_it() {
    let house = Clocked::open().await;
    // The option is ticked, a greeting uploaded, selected, saved.
    let wav = greeting::write(&[4_000; 800]);
    let token = house.house.sandbox.accounts()[1].token.reveal().to_owned();
    let url = format!("{}/v1/greetings?name=Away", house.house.sandbox.http_url());
    let sent = house.client.post(url).bearer_auth(token).header("content-type", "audio/wav").body(wav);
    let uploaded: Value = sent.send().await.unwrap().json().await.unwrap();
    house.set(1, FRIEND, "voicemail", json!({"enabled": true, "greeting": uploaded["id"]})).await;

    let mut traveller = Phone::of(&house.house, 0).await;
    let theirs = house.house.cursor(1).await;
    let call = traveller.call(FRIEND).await;
    let there = answered(traveller.state().await);
    // The greeting and the beep take less than a second; what is said after them is kept.
    hum(&traveller, there, 500.0, 150).await;
    traveller.hang_up(call).await;
    traveller.ended().await;
    let logged = house.house.logged(1, &theirs).await;
    assert_eq!(logged.outcome, CallOutcome::Missed, "for the one who was called");
    let list = async || house.ask(1, "GET /v1/voicemails", None).await.1;
    house.until("the message is kept", async || list().await["new"] == 1).await;
    let voicemails = list().await;
    let message = &voicemails["voicemails"][0];
    assert_eq!((&message["number"], &message["peer"]), (&json!(FRIEND), &json!("anonymous")));
    assert!((2..=3).contains(&message["seconds"].as_u64().unwrap()), "{message}");

    // RFC 3842: whoever registers is told.
    let mut friend = Phone::of(&house.house, 1).await;
    friend.register().await;
    let waiting = async |friend: &mut Phone| loop {
        if let Event::MessageWaiting { summary, .. } = friend.event().await {
            let counts = summary.of_class(message_waiting::MessageClass::Voice).unwrap();
            return (summary.waiting, counts.new, counts.old);
        }
    };
    assert_eq!(waiting(&mut friend).await, (message_waiting::Waiting::Yes, 1, 0));
    let call = friend.call("voicemail").await;
    loop {
        if let Event::Call { state: CallState::Answered { .. }, .. } = friend.event().await {
            break;
        }
    }
    // A signal, a beep, then the message.
    assert!(level(&friend, 500.0, 100).await > 0.1, "the message is heard");
    press(&friend, call, "#").await;
    assert_eq!(waiting(&mut friend).await, (message_waiting::Waiting::No, 0, 1));
    assert_eq!(list().await["voicemails"][0]["heard"], true);
}

#[tokio::test]
async fn a_key_of_the_menu_reaches_its_person() {
    let house = Clocked::open().await;
    let (mut traveller, mut friend) = (Phone::of(&house.house, 0).await, Phone::of(&house.house, 1).await);
    friend.register().await;
    let options = json!([{"key": "2", "label": "Friend", "target": {"to": "sip"}}]);
    house.set(1, FRIEND, "menu", json!({"options": options})).await;
    let theirs = house.house.cursor(1).await;
    let call = traveller.call(FRIEND).await;
    let there = answered(traveller.state().await);
    press(&traveller, call, "52").await;
    let (incoming, .., friend_sends_to, _) = friend.incoming().await;
    // Music while it rings.
    hum(&traveller, there, 300.0, 5).await;
    let mut buffer = [0; 512];
    tokio::time::timeout(PATIENCE, traveller.sound.recv_from(&mut buffer)).await.unwrap().unwrap();
    friend.accept(incoming).await;
    // Until the menu has let go of the line, the music goes on.
    house
        .until("they hear each other", async || {
            say(&traveller, there, b"from traveller").await;
            say(&friend, friend_sends_to, b"from friend").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            heard(&traveller, b"from friend") && heard(&friend, b"from traveller")
        })
        .await;
    traveller.hang_up(call).await;
    friend.ended().await;
    assert_eq!(house.house.logged(1, &theirs).await.outcome, CallOutcome::Answered);
}

/// Plans a conference of the traveller's; answers its id and both PINs.
async fn conference(house: &Clocked) -> (String, String, String) {
    let (status, planned) = house.ask(0, "POST /v1/conferences", Some(json!({"title": "Round"}))).await;
    assert_eq!(status, 201, "{planned}");
    let text = |key: &str| planned[key].as_str().unwrap().to_owned();
    (text("id"), text("pin"), text("organiser_pin"))
}

/// Joins a conference; answers the call and where sound goes.
async fn join(house: &Clocked, phone: &mut Phone, target: &str, pin: &str, id: &str) -> (CallId, SocketAddr) {
    let there_before = participants(house, id).await;
    let call = phone.call(target).await;
    let there = answered(phone.state().await);
    press(phone, call, pin).await;
    house.until("joined", async || participants(house, id).await > there_before).await;
    (call, there)
}

async fn participants(house: &Clocked, id: &str) -> usize {
    house.ask(0, &format!("GET /v1/conferences/{id}"), None).await.1["participants"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_conference_with_pin_is_started_by_the_organiser_mixed_and_paid_by_the_minute() {
    let house = Clocked::open().await;
    let (id, pin, organiser_pin) = conference(&house).await;
    let mut organiser = Phone::of(&house.house, 0).await;
    let (mut one, mut two) = (Phone::of(&house.house, 1).await, Phone::of(&house.house, 1).await);
    let (_, one_there) = join(&house, &mut one, TOLL_FREE, &pin, &id).await;
    let (call, organiser_there) = join(&house, &mut organiser, TOLL_FREE, &organiser_pin, &id).await;
    press(&organiser, call, "1").await;
    let show = async || house.ask(0, &format!("GET /v1/conferences/{id}"), None).await.1;
    house.until("started", async || show().await["state"] == "running").await;
    let (_, two_there) = join(&house, &mut two, "conference", &pin, &id).await;

    let mut buffer = [0; 512];
    for phone in [&organiser, &one, &two] {
        while phone.sound.try_recv_from(&mut buffer).is_ok() {}
    }
    let ((), (), (), one_hears, two_hears) = tokio::join!(
        hum(&organiser, organiser_there, 400.0, 120),
        hum(&one, one_there, 700.0, 120),
        hum(&two, two_there, 1100.0, 120),
        async { level(&one, 400.0, 100).await },
        async { level(&two, 700.0, 100).await },
    );
    assert!(one_hears > 0.1 && two_hears > 0.1, "{one_hears} {two_hears}");

    house.clock.advance(Duration::from_secs(600));
    organiser.hang_up(call).await;
    house
        .until("the organiser has left", async || {
            show().await["participants"].as_array().unwrap().iter().any(|p| !p["left_at"].is_null())
        })
        .await;
    let (status, ended) = house.ask(0, &format!("POST /v1/conferences/{id}/end"), None).await;
    assert_eq!((status, &ended["state"]), (200, &json!("ended")));
    // The friend's balance knows nothing of it, nor does the organiser's before the invoice.
    assert_eq!(one.ended().await.by, EndedBy::Remote);
    assert_eq!(show().await["minutes"], 20, "two on the toll-free line for ten minutes, VoIP free");
    assert_eq!(two.ended().await.by, EndedBy::Remote);
}

#[tokio::test]
async fn who_waits_for_the_organiser_is_dropped_after_five_minutes_and_a_cancelled_conference_is_free() {
    let house = Clocked::open().await;
    let (id, pin, _) = conference(&house).await;
    let mut friend = Phone::of(&house.house, 1).await;
    join(&house, &mut friend, TOLL_FREE, &pin, &id).await;
    house.clock.advance(Duration::from_secs(299));
    tokio::task::yield_now().await;
    let show = async || house.ask(0, &format!("GET /v1/conferences/{id}"), None).await.1;
    assert!(show().await["participants"][0]["left_at"].is_null(), "not yet");
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(friend.ended().await.by, EndedBy::Remote);
    let (status, cancelled) = house.ask(0, &format!("POST /v1/conferences/{id}/cancel"), None).await;
    assert_eq!((status, &cancelled["state"], &cancelled["minutes"]), (200, &json!("cancelled"), &json!(0)));
    // A PIN of what is cancelled opens nothing: three tries and the line is closed.
    let call = friend.call(TOLL_FREE).await;
    answered(friend.state().await);
    press(&friend, call, &pin.repeat(3)).await;
    assert_eq!(friend.ended().await.by, EndedBy::Remote);
}

#[tokio::test]
async fn minutes_of_a_conference_that_was_never_started_count_once_the_organiser_was_there() {
    let house = Clocked::open().await;
    let (id, pin, organiser_pin) = conference(&house).await;
    let (mut organiser, mut friend) = (Phone::of(&house.house, 0).await, Phone::of(&house.house, 1).await);
    let (waiting, _) = join(&house, &mut friend, TOLL_FREE, &pin, &id).await;
    let (call, _) = join(&house, &mut organiser, TOLL_FREE, &organiser_pin, &id).await;
    house.clock.advance(Duration::from_secs(120));
    organiser.hang_up(call).await;
    friend.hang_up(waiting).await;
    let show = async || house.ask(0, &format!("GET /v1/conferences/{id}"), None).await.1;
    house
        .until("both have left", async || {
            show().await["participants"].as_array().unwrap().iter().all(|p| !p["left_at"].is_null())
        })
        .await;
    assert_eq!(show().await["minutes"], 4);
}

#[tokio::test]
async fn the_bridge_rings_the_participant_instead() {
    let house = Clocked::open().await;
    let (id, ..) = conference(&house).await;
    let mut friend = Phone::of(&house.house, 1).await;
    friend.register().await;
    let path = format!("POST /v1/conferences/{id}/call-me");
    let (status, state) = house.ask(0, &path, Some(json!({"target": "friend"}))).await;
    assert_eq!((status, &state["state"]), (202, &json!("ringing")));
    let (incoming, from, ..) = friend.incoming().await;
    assert_eq!(from, TOLL_FREE);
    friend.accept(incoming).await;
    house.until("in without a PIN", async || participants(&house, &id).await == 1).await;
    let (_, shown) = house.ask(0, &format!("GET /v1/conferences/{id}"), None).await;
    assert_eq!(shown["participants"][0]["line"], "call_me");
    assert_eq!(house.ask(0, &path, Some(json!({"target": "+447700900998"}))).await.0, 404);
}
