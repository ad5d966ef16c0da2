//! The books after kills at any point.
//!
//! A child process (this test's own program) does business on a data directory until it is killed by the system,
//! again and again; after each kill the books must hold together and everything it had confirmed must be there.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    SetClock, Settings, ledger,
    model::TopUpState,
    operator::Operator,
    orders::Wish,
    seed,
    sms::Draft,
    store::{Store, accounts, messages, orders},
};

const DIRECTORY: &str = "TERN_SANDBOX_KILLED_DIRECTORY";
const ROUND: &str = "TERN_SANDBOX_KILLED_ROUND";
const ROUNDS: u64 = 12;
const BEGIN: &str = "2025-01-31T09:00:00Z";

fn open(directory: &std::path::Path) -> Operator {
    let begin: jiff::Timestamp = BEGIN.parse().unwrap();
    let clock = Arc::new(SetClock::new(begin));
    let store = Store::open(Some(directory)).unwrap();
    seed::plant(&store, begin).unwrap();
    let operator = Operator::new(store, Settings::default(), clock).unwrap();
    operator.catch_up().unwrap();
    operator
}

/// What the child does: business without end. Each thing done is told once it is confirmed.
#[test]
fn child_that_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let operator = open(directory.as_ref());
    let mut random = StdRng::seed_from_u64(round);
    for n in 0_u64.. {
        let account = operator.accounts().unwrap().remove(0);
        let key = format!("{round}-{n}");
        match random.random_range(0..5) {
            0 => {
                let (topup, _) = operator.create_topup(&account, &key, "50").unwrap();
                operator.settle_topup(&topup.id, TopUpState::Paid).unwrap();
                println!("topup {}", topup.id);
            }
            1 => {
                let wish = Wish {
                    product: ["gb-mobile", "gb-london", "se-stockholm"][random.random_range(0..3)].into(),
                    count: random.random_range(1..3),
                    months: 1,
                    auto_renew: true,
                    trial: false,
                    service: None,
                    numbers: Vec::new(),
                };
                // Without money or stock it is refused, which is business as well.
                if let Ok((order, ..)) = operator.order(&account, &key, &wish) {
                    println!("order {}", order.id);
                }
            }
            2 => {
                let draft =
                    Draft { from: "+447700900142".into(), to: "+447700900777".into(), text: "hi".into() };
                if let Ok((message, _)) = operator.send_message(&account, &key, &draft) {
                    println!("message {}", message.id);
                }
            }
            3 => drop(operator.receive_message("+447700900142", "Acme", "1234")),
            _ => {
                let hours = random.random_range(1..48);
                operator
                    .set_clock(crate::clock::later(operator.now(), Duration::from_secs(hours * 3600)))
                    .unwrap();
            }
        }
    }
}

#[test]
fn the_ledger_is_balanced_after_kills_at_random_points() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(7);
    let mut confirmed: Vec<(String, String)> = Vec::new();
    let mut clock = None;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "rest::rules::books::child_that_is_killed", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // So many confirmed, then a kill somewhere in what follows.
        let done = random.random_range(1..40);
        let mut seen = 0;
        let mut take = |line: std::io::Result<String>| {
            let line = line.unwrap();
            let known = line.split_once(' ').filter(|(kind, _)| ["topup", "order", "message"].contains(kind));
            if let Some((kind, id)) = known {
                confirmed.push((kind.into(), id.into()));
                seen += 1;
            }
            seen
        };
        for line in lines.by_ref() {
            if take(line) >= done {
                break;
            }
        }
        std::thread::yield_now();
        child.kill().unwrap();
        child.wait().unwrap();
        // What was confirmed before the kill got through counts as well.
        for line in lines {
            take(line);
        }
        assert!(seen > 0, "round {round} did nothing");

        let operator = open(directory.path());
        assert_eq!(operator.read(ledger::audit).unwrap(), Vec::<String>::new(), "round {round}");
        assert!(clock.is_none_or(|before| operator.now() >= before), "the clock went back");
        clock = Some(operator.now());
        operator
            .read(|c| -> Result<(), crate::store::StoreError> {
                assert_eq!(accounts::list(c)?.len(), 2);
                for (kind, id) in &confirmed {
                    let there = match kind.as_str() {
                        "topup" => {
                            crate::store::topups::by_id(c, id)?.is_some_and(|t| t.state == TopUpState::Paid)
                        }
                        "order" => orders::by_id(c, id)?.is_some(),
                        _ => messages::by_id(c, id)?.is_some(),
                    };
                    assert!(there, "{kind} {id} was confirmed and is gone");
                }
                Ok(())
            })
            .unwrap();
    }
}

/// Every write fails once at its very end, as if killed before its commit: nothing of it is there.
#[test]
fn a_write_that_is_cut_off_leaves_nothing_of_itself() {
    let directory = tempfile::tempdir().unwrap();
    let operator = open(directory.path());
    let count = |operator: &Operator| -> Vec<i64> {
        operator
            .read(|c| -> Result<_, crate::store::StoreError> {
                ["orders", "numbers", "transactions", "entries", "agenda", "changes", "idempotency"]
                    .iter()
                    .map(|table| Ok(c.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))?))
                    .collect()
            })
            .unwrap()
    };
    let before = count(&operator);
    let account = operator.accounts().unwrap().remove(0);
    let wish = Wish {
        product: "gb-mobile".into(),
        count: 2,
        months: 1,
        auto_renew: true,
        trial: false,
        service: None,
        numbers: Vec::new(),
    };
    // The files as they are with the transaction open.
    let killed = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().to_owned(), killed.path().to_owned());
    operator.before_commit(move || {
        for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    });
    operator.order(&account, "k", &wish).unwrap();
    assert_ne!(count(&operator), before);
    let reopened = open(killed.path());
    assert_eq!(count(&reopened), before);
    assert_eq!(reopened.read(ledger::audit).unwrap(), Vec::<String>::new());
}
