//! A call is one row, whoever tells of it: SIP here, the provider's log, both in any order.

use super::*;

#[test]
fn a_call_is_one_row_whoever_tells_of_it_first() {
    let local = |sip: Option<&str>| LocalCall {
        account: ACCOUNT,
        sip_call_id: sip.map(str::to_owned),
        direction: CallDirection::Incoming,
        number: OURS.into(),
        peer: PEER.into(),
        at: at(1),
        duration_seconds: 0,
        outcome: CallOutcome::Missed,
        recording: None,
    };
    let logged = |sip| vec![Change::Upsert(ActivityObject::Call(call("c1", sip, RemoteOutcome::Missed)))];
    let check = |first: &dyn Fn(&mut Connection), second: &dyn Fn(&mut Connection)| {
        let mut connection = database();
        first(&mut connection);
        second(&mut connection);
        let page = read::activity(&connection, None, 10).unwrap();
        assert_eq!((page.rows.len(), page.unread), (1, 1));
        assert_eq!(page.rows[0].at, at(2), "the provider's word counts");
    };
    let by_sip = |connection: &mut Connection| {
        run(connection, Write::Call(local(Some("x@y"))));
    };
    let by_log = |connection: &mut Connection| {
        apply_changes(connection, logged(Some("x@y")), false);
    };
    check(&by_sip, &by_log);
    check(&by_log, &by_sip);
    let mut connection = database();
    by_sip(&mut connection);
    assert!(apply_changes(&mut connection, logged(Some("x@y")), false).fresh.is_empty(), "told already");
    run(&mut connection, Write::Call(local(Some("other"))));
    run(&mut connection, Write::Call(local(None)));
    assert_eq!(rows(&connection).len(), 3);
    run(&mut connection, Write::ReadCalls);
    assert_eq!(read::activity(&connection, None, 10).unwrap().unread, 0);
}

/// A call as both sides tell it.
#[derive(Clone, Copy)]
struct Real {
    at: i64,
    seconds: u32,
    peer: usize,
    incoming: bool,
    by_sip: bool,
    by_log: bool,
}

const PEERS: [&str; 3] = ["+442079460123", "+442079460124", "+491713920042"];

impl Real {
    fn seen(self, id: usize) -> LocalCall {
        let (direction, unanswered) = if self.incoming {
            (CallDirection::Incoming, CallOutcome::Missed)
        } else {
            (CallDirection::Outgoing, CallOutcome::Unanswered)
        };
        LocalCall {
            account: ACCOUNT,
            sip_call_id: Some(format!("sip{id}")),
            direction,
            number: OURS.into(),
            peer: PEERS[self.peer].into(),
            at: at(self.at),
            duration_seconds: self.seconds,
            outcome: if self.seconds > 0 { CallOutcome::Answered } else { unanswered },
            recording: Some(format!("call {id}.wav")),
        }
    }

    fn logged(self, id: usize, offset: i64) -> Change {
        let unanswered = if self.incoming { RemoteOutcome::Missed } else { RemoteOutcome::Unanswered };
        Change::Upsert(ActivityObject::Call(CallRecord {
            direction: if self.incoming { Direction::Incoming } else { Direction::Outgoing },
            peer: PEERS[self.peer].into(),
            started_at: at(self.at + offset),
            duration_seconds: self.seconds,
            outcome: if self.seconds > 0 { RemoteOutcome::Answered } else { unanswered },
            ..call(&format!("log{id}"), None, RemoteOutcome::Missed)
        }))
    }
}

#[test]
fn a_day_of_calls_told_by_both_sides_has_a_row_for_each() {
    for seed in 0..100 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let offset = random.random_range(-60..=60);
        let mut calls = Vec::new();
        let mut now = 0;
        for _ in 0..random.random_range(1..30) {
            // Often the same one calls again at once.
            now += if random.random_bool(0.4) {
                random.random_range(8..60)
            } else {
                random.random_range(60..5_000)
            };
            let seconds = if random.random_bool(0.5) { random.random_range(1..600) } else { 0 };
            let told = random.random_range(0..10);
            calls.push(Real {
                at: now,
                seconds,
                peer: random.random_range(0..PEERS.len()),
                incoming: random.random_bool(0.6),
                by_sip: told != 0,
                by_log: true,
            });
            now += i64::from(seconds) + 5;
        }
        let mut connection = database();
        // The log is read every minute, SIP tells at a call's end; sometimes Tern was off, and the log is all there is.
        let ends = |call: &Real| call.at + i64::from(call.seconds) + 3;
        for minute in 0..=(now / 60 + 2) {
            let within =
                |call: &Real, late: i64| (minute * 60..minute * 60 + 60).contains(&(ends(call) + late));
            let seen: Vec<_> = calls.iter().enumerate().filter(|(_, c)| c.by_sip && within(c, 0)).collect();
            let logged: Vec<_> = calls
                .iter()
                .enumerate()
                .filter(|(_, c)| c.by_log && within(c, 1))
                .map(|(id, c)| c.logged(id, offset))
                .collect();
            let log_first = random.random_bool(0.1);
            if log_first {
                apply_changes(&mut connection, logged.clone(), false);
            }
            for (id, call) in &seen {
                run(&mut connection, Write::Call(call.seen(*id)));
            }
            if !log_first {
                // The same page may come twice.
                apply_changes(&mut connection, logged.clone(), false);
            }
            apply_changes(&mut connection, logged, false);
        }
        let found = rows(&connection);
        assert_eq!(found.len(), calls.len(), "seed {seed}, clock {offset} s off");
        let recordings = found.iter().filter(|row| row.recording.is_some()).count();
        assert_eq!(
            recordings,
            calls.iter().filter(|c| c.by_sip).count(),
            "seed {seed}: each with what SIP saw"
        );
        let talked: u32 = found
            .iter()
            .map(|row| match row.what {
                RowWhat::Call { duration_seconds, .. } => duration_seconds,
                _ => panic!("no call"),
            })
            .sum();
        assert_eq!(talked, calls.iter().map(|c| c.seconds).sum::<u32>(), "seed {seed}");
    }
}

#[test]
fn a_call_taken_elsewhere_is_not_missed_and_one_turned_down_here_neither() {
    for (seen, logged, expected) in [
        (CallOutcome::Missed, RemoteOutcome::Answered, CallOutcome::Answered),
        (CallOutcome::Declined, RemoteOutcome::Missed, CallOutcome::Declined),
        (CallOutcome::Missed, RemoteOutcome::Missed, CallOutcome::Missed),
    ] {
        for sip_first in [true, false] {
            let mut connection = database();
            let local = LocalCall {
                outcome: seen,
                recording: None,
                ..Real { at: 2, seconds: 0, peer: 0, incoming: true, by_sip: true, by_log: true }.seen(1)
            };
            let log = Change::Upsert(ActivityObject::Call(CallRecord {
                duration_seconds: if logged == RemoteOutcome::Answered { 90 } else { 0 },
                price: Some(Money { amount: "0.02".parse().unwrap(), currency: "USD".into() }),
                ..call("c1", None, logged)
            }));
            if sip_first {
                run(&mut connection, Write::Call(local.clone()));
            }
            let fresh = apply_changes(&mut connection, vec![log], false).fresh.len();
            assert_eq!(fresh, usize::from(!sip_first && logged == RemoteOutcome::Missed), "told once");
            if !sip_first {
                run(&mut connection, Write::Call(local));
            }
            let found = rows(&connection);
            assert_eq!(found.len(), 1, "{seen:?} {logged:?}");
            let RowWhat::Call { outcome, price, .. } = &found[0].what else { panic!("no call") };
            assert_eq!((*outcome, price.is_some()), (expected, true), "sip first: {sip_first}");
            assert_eq!(found[0].unread, expected == CallOutcome::Missed, "{seen:?} {logged:?} {sip_first}");
        }
    }
}

#[test]
fn what_sip_saw_before_this_version_is_joined_too() {
    let mut connection = Connection::open_in_memory().unwrap();
    let before = MIGRATIONS.len().min(9);
    Migrations::from_slice(&MIGRATIONS[..before]).to_latest(&mut connection).unwrap();
    connection
        .execute_batch(
            "INSERT INTO account (id, name, user, domain, sandbox, secret_name) VALUES (1, 'a', 'a', 'd', 0, 's');
             INSERT INTO activity (id, account, kind, remote_id, version, thread, number, peer, at, unread, deleted)
                 VALUES (1, 1, 'call', NULL, 0, NULL, '+4930901820', '+442079460123', 1700000001000000, 1, 0);
             INSERT INTO call (activity, sip_call_id, incoming, outcome, duration_seconds) VALUES (1, 'x', 1, 'missed', 0);",
        )
        .unwrap();
    prepare(&mut connection).unwrap();
    let log = Change::Upsert(ActivityObject::Call(call("c1", None, RemoteOutcome::Missed)));
    assert_eq!(apply_changes(&mut connection, vec![log], false).fresh.len(), 0);
    assert_eq!(rows(&connection).len(), 1);
}
