//! A phone that answers each call with one status and nothing else, called without a registrar.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tern_engine::{
    Engine, EngineConfig,
    api::{AccountId, CallEndView, Command, EndedBy, ErrorCode, EventKind, Reply},
    ports::{Ports, RingTone, fake::FakePorts, plain::SystemClock},
};
use tokio::{net::UdpSocket, sync::oneshot, time::timeout};

use crate::scene::SOON;

/// Answers every INVITE with `status`: who hears 488 may offer once more. The receiver gets the first ACK's first line.
async fn phone(status: &'static str) -> (SocketAddr, oneshot::Receiver<String>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let address = socket.local_addr().expect("an address");
    let (confirm, confirmed) = oneshot::channel();
    tokio::spawn(async move {
        let mut confirm = Some(confirm);
        let mut bytes = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut bytes).await.expect("a request");
            let request = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if request.starts_with("ACK ") {
                if let Some(confirm) = confirm.take() {
                    let _ = confirm.send(request.lines().next().unwrap_or_default().to_owned());
                }
                continue;
            }
            let kept = ["Via:", "From:", "Call-ID:", "CSeq:"];
            let mut answer = format!("SIP/2.0 {status}\r\n");
            for line in request.lines() {
                if kept.iter().any(|name| line.starts_with(name)) {
                    answer += &format!("{line}\r\n");
                } else if line.starts_with("To:") {
                    answer += &format!("{line};tag=blunt\r\n");
                }
            }
            answer += "Content-Length: 0\r\n\r\n";
            socket.send_to(answer.as_bytes(), from).await.expect("an answer");
        }
    });
    (address, confirmed)
}

/// How a call ended, and what was heard of that.
async fn call(status: &'static str) -> (CallEndView, Vec<RingTone>) {
    let (address, confirmed) = phone(status).await;
    let desk = FakePorts::default();
    let ports = Ports { clock: std::sync::Arc::new(SystemClock), ..desk.ports() };
    let engine = Engine::start(EngineConfig {
        sip_bind: Some("127.0.0.1:0".parse().expect("an address")),
        direct: true,
        ..EngineConfig::new(ports, "Tern/tests")
    })
    .await
    .expect("an engine");
    let (_, mut events) = engine.subscribe().await.expect("a subscription");
    let target = format!("sip:anyone@{address}");
    let deadline = Instant::now() + SOON;
    let id = loop {
        let command = Command::PlaceCall { account: AccountId(0), target: target.clone(), show: None };
        match engine.command(command).await {
            Ok(Reply::CallPlaced { call }) => break call,
            // Its socket is being opened.
            Err(error) if error.code == ErrorCode::NotRegistered && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            other => panic!("{status}: not placed: {other:?}"),
        }
    };
    let end = timeout(SOON, async {
        loop {
            match events.next().await.expect("the engine runs").kind {
                EventKind::CallChanged { call } if call.id == id => {
                    if let Some(end) = call.end {
                        return end;
                    }
                }
                _ => {}
            }
        }
    });
    let end = end.await.unwrap_or_else(|_| panic!("{status}: no end"));
    let ack = timeout(SOON, confirmed).await.expect("in time").expect("an ACK");
    assert!(ack.starts_with("ACK sip:anyone@"), "{ack}");
    // It is told before it is heard.
    let deadline = Instant::now() + SOON;
    while desk.look(|desk| desk.tones.is_empty()) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let tones = desk.look(|desk| desk.tones.clone());
    engine.shutdown().await;
    (end, tones)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_own_word() {
    for (status, expect) in [
        ("486 Busy Here", ErrorCode::Busy),
        ("600 Busy Everywhere", ErrorCode::Busy),
        ("603 Decline", ErrorCode::Declined),
        ("404 Not Found", ErrorCode::NumberUnknown),
        ("604 Does Not Exist Anywhere", ErrorCode::NumberUnknown),
        ("480 Temporarily Unavailable", ErrorCode::NotAnswered),
        ("488 Not Acceptable Here", ErrorCode::NoCommonCodec),
        ("503 Service Unavailable", ErrorCode::CallFailed),
        ("499 Whatever", ErrorCode::CallFailed),
    ] {
        let (end, tones) = call(status).await;
        assert_eq!(end.by, EndedBy::Remote, "{status}");
        let error = end.error.expect(status);
        assert_eq!(error.code, expect, "{status}");
        let busy = matches!(expect, ErrorCode::Busy | ErrorCode::Declined);
        assert_eq!(tones, [if busy { RingTone::Busy } else { RingTone::Congestion }], "{status}");
        let code = status.split(' ').next().unwrap_or_default();
        assert!(error.detail.as_deref().unwrap_or_default().contains(code), "{status}: {:?}", error.detail);
    }
}
