//! A sandbox that starts, is switched off, killed and started again.

use super::*;

#[tokio::test]
async fn the_api_can_be_switched_off() {
    let house = House::open(Settings::default()).await;
    let switch =
        async |state: &str| house.ask("POST /sandbox/faults", None, Some(json!({"api": state}))).await.status;
    assert_eq!(switch("down").await, 200);
    assert_eq!(house.ask("GET /v1/account", None, None).await.code(), (503, "unavailable"));
    assert_eq!(switch("ok").await, 200);
    assert_eq!(house.ask("GET /v1/account", None, None).await.status, 200);
    assert_eq!(switch("on fire").await, 400);
}

#[tokio::test]
async fn the_first_client_ever_is_welcomed_once() {
    let house = House::open(Settings::default()).await;
    let account = house.sandbox.operator.accounts().unwrap()[0].id;
    let cursor = house.provider(0).snapshot(None, 1).await.unwrap().cursor;
    house.sandbox.operator.visited(account).unwrap();
    house.pass(Duration::from_secs(14));
    assert_eq!(house.provider(0).changes(&cursor, 10).await.unwrap().changes.len(), 0);
    house.sandbox.operator.visited(account).unwrap();
    house.pass(Duration::from_secs(600));
    let changes = house.provider(0).changes(&cursor, 10).await.unwrap().changes;
    let [Change::Upsert(ActivityObject::Message(welcome))] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert!(welcome.text.contains("echo"));
}

#[tokio::test]
async fn what_happened_while_the_sandbox_was_closed_happens_once() {
    let data = tempfile::tempdir().unwrap();
    let path = || Some(data.path().to_owned());
    let house = House::open_at(Settings::default(), path(), "2026-05-20T12:00:00Z").await;
    let account = house.sandbox.operator.accounts().unwrap()[0].id;
    house.sandbox.operator.visited(account).unwrap();
    house.send("k", GB, STRANGER, "on its way").await;
    let cursor = house.provider(0).snapshot(None, 1).await.unwrap().cursor;
    let token = house.sandbox.accounts()[0].token.clone();
    house.sandbox.shutdown().await;

    let house = House::open_at(Settings::default(), path(), "2026-05-20T15:00:00Z").await;
    assert_eq!(house.sandbox.accounts()[0].token, token);
    // What was due while it was closed is made up for, each at its own time.
    house.pass(Duration::ZERO);
    assert_eq!(house.message("k").await["state"], "delivered");
    let changes = house.provider(0).changes(&cursor, 10).await.unwrap();
    let mut happened = Vec::new();
    for change in &changes.changes {
        match change {
            Change::Upsert(ActivityObject::Message(m)) if m.direction == Direction::Incoming => {
                happened.push((format!("sms {}", m.peer), m.at.to_string()));
            }
            Change::Upsert(ActivityObject::Call(c)) => {
                assert_eq!((c.outcome, c.direction), (CallOutcome::Missed, Direction::Incoming));
                happened.push((format!("call {}", c.peer), c.started_at.to_string()));
            }
            _ => {}
        }
    }
    happened.sort();
    assert_eq!(
        happened,
        [
            ("call +447700900318".into(), "2026-05-20T14:00:00Z".into()),
            // The welcome was due 15 seconds after the visit.
            ("sms +447700900318".into(), "2026-05-20T13:00:00Z".to_string()),
            ("sms +447700900555".into(), "2026-05-20T12:00:15Z".into()),
        ]
    );
    house.sandbox.shutdown().await;

    // Nobody came in between, so nobody was missed.
    let house = House::open_at(Settings::default(), path(), "2026-05-20T18:00:00Z").await;
    assert_eq!(house.provider(0).changes(&changes.next, 10).await.unwrap().changes.len(), 0);
}

#[tokio::test]
async fn a_killed_sandbox_goes_on_where_it_was() {
    let (data, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let house = House::open_at(Settings::default(), Some(data.path().into()), "2026-05-20T12:00:00Z").await;
    house.send("k", GB, FRIEND, "accepted, not yet sent").await;
    let cursor = house.provider(1).snapshot(None, 1).await.unwrap().cursor;
    // What a kill leaves: the files as they are at this moment.
    for file in std::fs::read_dir(data.path()).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), killed.path().join(file.file_name())).unwrap();
    }
    let house = House::open_at(Settings::default(), Some(killed.path().into()), "2026-05-20T12:00:30Z").await;
    house.pass(Duration::ZERO);
    let repeated = house.send("k", GB, FRIEND, "accepted, not yet sent").await;
    assert_eq!((repeated.status, &repeated.body["state"]), (200, &json!("delivered")));
    assert_eq!(house.balance().await, "25.35");
    let arrived = house.provider(1).changes(&cursor, 10).await.unwrap().changes;
    assert_eq!(arrived.len(), 1);
}

#[tokio::test]
async fn a_data_directory_has_one_sandbox() {
    let data = tempfile::tempdir().unwrap();
    let house = House::open_at(Settings::default(), Some(data.path().into()), "2026-05-20T12:00:00Z").await;
    let config = SandboxConfig { data: Some(data.path().into()), ..SandboxConfig::default() };
    let second = Sandbox::start(config).await;
    assert!(matches!(second.err(), Some(crate::StartError::Store(StoreError::InUse))));
    house.sandbox.shutdown().await;
}

#[tokio::test]
async fn loopback_only_unless_told_otherwise() {
    for config in [
        SandboxConfig { http: "0.0.0.0:0".parse().unwrap(), ..SandboxConfig::default() },
        SandboxConfig { sip: "[::]:0".parse().unwrap(), ..SandboxConfig::default() },
    ] {
        let refused = Sandbox::start(config).await.err();
        assert!(matches!(refused, Some(crate::StartError::NotLoopback(_))));
    }
}
