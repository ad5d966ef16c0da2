//! What answers without a person: the echo, call-me, the outside, and who is welcomed.

use super::*;

#[tokio::test]
async fn the_echo_answers_and_is_logged_free_of_charge() {
    let house = House::open().await;
    let since = house.cursor(0).await;
    let mut phone = Phone::of(&house, 0).await;
    let call = phone.call("echo").await;
    let there = answered(phone.state().await);
    let heard = phone.hears(there, b"hello").await;
    let (header, payload) = tern_media::rtp::parse(&heard).unwrap();
    assert_eq!((payload, header.payload_type), (&b"hello"[..], 0));
    assert_ne!(header.ssrc, 0xAA);
    phone.hang_up(call).await;
    assert_eq!(phone.ended().await.by, EndedBy::Local);

    let logged = house.logged(0, &since).await;
    assert_eq!((logged.peer.as_str(), logged.number.as_str()), ("echo", FR));
    assert_eq!((logged.outcome, logged.direction), (CallOutcome::Answered, Direction::Outgoing));
    assert_eq!(logged.price, None);
    assert!(logged.sip_call_id.is_some());
}

#[tokio::test]
async fn call_me_plays_its_tones_and_rings_back() {
    let call_me_after = std::time::Duration::ZERO;
    let house = House::with(Settings { call_me_after, ..Settings::default() }).await;
    let mut phone = Phone::of(&house, 0).await;
    phone.register().await;
    let since = house.cursor(0).await;
    phone.call("callme").await;
    answered(phone.state().await);
    let mut buffer = [0; 512];
    let first = tokio::time::timeout(PATIENCE, phone.sound.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(first.0, 12 + 160, "20 ms of G.711");
    // The tones end, the service hangs up, then it calls.
    assert_eq!(phone.ended().await.by, EndedBy::Remote);
    let (incoming, from, call_id, there, _) = phone.incoming().await;
    assert_eq!(from, "echo");
    phone.accept(incoming).await;
    while phone.sound.try_recv_from(&mut buffer).is_ok() {}
    assert!(phone.hears(there, b"back").await.ends_with(b"back"));
    phone.hang_up(incoming).await;

    let outgoing = house.logged(0, &since).await;
    assert_eq!((outgoing.peer.as_str(), outgoing.outcome), ("callme", CallOutcome::Answered));
    let since = Cursor(house.after_call(0, &since).await);
    let called_back = house.logged(0, &since).await;
    assert_eq!((called_back.peer.as_str(), called_back.outcome), ("echo", CallOutcome::Answered));
    assert_eq!((called_back.direction, called_back.sip_call_id), (Direction::Incoming, Some(call_id)));
}

#[tokio::test]
async fn the_outside_calls_a_rented_number() {
    let house = House::open().await;
    let call = async |to: &str| {
        let body = serde_json::json!({"to": to, "ring_seconds": 5, "from": "+442079460111"});
        let url = format!("{}/sandbox/calls", house.sandbox.http_url());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut since = house.cursor(0).await;
    let (status, answer) = call(FR).await;
    assert_eq!((status, answer["state"].as_str()), (202, Some("missed")), "nobody is registered");
    assert_eq!(house.logged(0, &since).await.outcome, CallOutcome::Missed);
    assert_eq!(call("+447700900998").await.0, 404);

    let mut phone = Phone::of(&house, 0).await;
    phone.register().await;
    since = house.cursor(0).await;
    assert_eq!(call(FR).await.1["state"], "ringing");
    let (incoming, from, _, there, _) = phone.incoming().await;
    assert_eq!(from, "+442079460111");
    phone.accept(incoming).await;
    assert!(phone.hears(there, b"anybody?").await.ends_with(b"anybody?"));
    phone.hang_up(incoming).await;
    let logged = house.logged(0, &since).await;
    assert_eq!((logged.outcome, logged.peer.as_str()), (CallOutcome::Answered, "+442079460111"));
}

#[tokio::test]
async fn the_first_registration_is_a_visit() {
    let house = House::open().await;
    let operator: Arc<_> = house.sandbox.operator.clone();
    let mut welcome = Box::pin(operator.agenda_changed());
    Phone::of(&house, 0).await.register().await;
    // The world's task may have taken the notice already; the agenda itself tells.
    let due = async {
        loop {
            if operator.read(crate::store::agenda::next_at).unwrap().is_some() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = due => {}
        () = &mut welcome => {}
        () = tokio::time::sleep(PATIENCE) => panic!("no welcome is due"),
    }
}
