use tern_provider::{
    ProviderError,
    types::{IdempotencyKey, SendLimits},
};

use super::*;
use crate::{
    api::{ErrorCode, ErrorView, MessageState},
    record::Sent,
};

const ROW: RowId = RowId(3);
const THREAD: ThreadRowId = ThreadRowId(7);

/// A bench on which an SMS was asked for and kept; tells its key.
fn queued() -> (Bench, u32, IdempotencyKey) {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    let request = bench.command(send(OURS, "+44 20 7946 0123", "on my way"));
    let written = bench.written();
    let new = match written.last() {
        Some(Write::Queue(id, new)) if *id == request => new.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((new.to.as_str(), new.text.as_str()), (PEER, "on my way"));
    assert!(bench.reply_to(request).is_none(), "answered before it is kept");
    bench.asked();
    let key = new.key.clone();
    bench.kept(Kept::Queued(request, new, ROW, THREAD));
    assert_eq!(
        bench.reply_to(request),
        Some(Ok(Reply::MessageQueued { message: ROW.outside(), thread: THREAD.outside() }))
    );
    (bench, link, key)
}

fn send(from: &str, to: &str, text: &str) -> Command {
    Command::SendMessage { account: ACCOUNT, from: from.into(), to: to.into(), text: text.into() }
}

/// The states the store was told, without everything else.
fn moves(bench: &mut Bench) -> Vec<(MessageState, Option<ErrorCode>)> {
    bench
        .written()
        .into_iter()
        .filter_map(|w| match w {
            Write::Outbox(_, ROW, state, error) => Some((state, error.map(|e| e.code))),
            _ => None,
        })
        .collect()
}

fn mark(bench: &mut Bench, state: MessageState) {
    bench.kept(Kept::Moved(ACCOUNT, ROW, state, Some(THREAD)));
}

#[test]
fn the_row_says_sending_before_the_request_leaves() {
    let (mut bench, link, key) = queued();
    assert_eq!(moves(&mut bench), [(MessageState::Sending, None)]);
    assert!(bench.asked().is_empty());
    mark(&mut bench, MessageState::Sending);
    match bench.asked_one() {
        ProviderRequest::Send(ROW, sent, message) => {
            assert_eq!((sent, message.to.as_str()), (key.clone(), PEER))
        }
        other => panic!("{other:?}"),
    }
    bench.provider(link, ProviderReport::Sent(ROW, Ok(message("out1"))));
    assert_eq!(bench.written().pop(), Some(Write::Sent(ACCOUNT, ROW, key, message("out1"))));
    bench.kept(Kept::Sent(ACCOUNT, ROW, Some(THREAD)));
    bench.wait(Duration::from_secs(20));
    assert!(!bench.asked().iter().any(|a| matches!(a, ProviderRequest::Send(..))));
}

#[test]
fn no_answer_is_unknown_and_looked_up_before_it_is_sent_again_with_the_same_key() {
    for error in [ProviderError::Timeout, ProviderError::Unreachable, ProviderError::Server { status: 502 }] {
        let (mut bench, link, key) = queued();
        mark(&mut bench, MessageState::Sending);
        bench.asked();
        bench.written();
        bench.provider(link, ProviderReport::Sent(ROW, Err(error)));
        assert_eq!(moves(&mut bench), [(MessageState::Unknown, Some(ErrorCode::SendUnknown))]);
        mark(&mut bench, MessageState::Unknown);
        bench.wait(Duration::from_secs(3));
        assert!(matches!(bench.asked_one(), ProviderRequest::FindSent(ROW, sought) if sought.key == key));
        bench.provider(link, ProviderReport::FoundSent(ROW, Ok(None)));
        mark(&mut bench, MessageState::Sending);
        assert!(matches!(bench.asked_one(), ProviderRequest::Send(ROW, again, _) if again == key));
    }
}

#[test]
fn what_is_found_is_not_sent_again() {
    let (mut bench, link, _) = queued();
    mark(&mut bench, MessageState::Sending);
    bench.provider(link, ProviderReport::Sent(ROW, Err(ProviderError::Timeout)));
    mark(&mut bench, MessageState::Unknown);
    bench.asked();
    bench.wait(Duration::from_secs(3));
    bench.asked();
    bench.provider(link, ProviderReport::FoundSent(ROW, Ok(Some(message("out1")))));
    bench.kept(Kept::Sent(ACCOUNT, ROW, Some(THREAD)));
    bench.wait(Duration::from_secs(600));
    assert!(!bench.asked().iter().any(|a| matches!(a, ProviderRequest::Send(..))));
}

#[test]
fn without_keys_an_unknown_sms_is_never_sent_again() {
    let (mut bench, link, _) = queued();
    let no_keys = Capabilities { idempotent_send: false, ..EVERYTHING };
    bench.provider(link, ProviderReport::Opened(no_keys));
    mark(&mut bench, MessageState::Sending);
    bench.provider(link, ProviderReport::Sent(ROW, Err(ProviderError::Timeout)));
    mark(&mut bench, MessageState::Unknown);
    bench.asked();
    let mut looked = 0;
    for _ in 0..50 {
        bench.wait(Duration::from_secs(150));
        for request in bench.asked() {
            match request {
                ProviderRequest::FindSent(..) => {
                    looked += 1;
                    bench.provider(link, ProviderReport::FoundSent(ROW, Ok(None)));
                }
                ProviderRequest::Send(..) => panic!("sent again"),
                _ => {}
            }
        }
    }
    assert_eq!(looked, 5);
    let told = moves(&mut bench);
    assert_eq!(
        told.last(),
        Some(&(MessageState::Unknown, Some(ErrorCode::SendUnconfirmed))),
        "given up, and said so"
    );
}

#[test]
fn limits_pause_the_outbox_as_long_as_the_provider_says() {
    let (mut bench, link, key) = queued();
    mark(&mut bench, MessageState::Sending);
    bench.asked();
    bench.written();
    let wait = Some(Duration::from_secs(40));
    bench.provider(link, ProviderReport::Sent(ROW, Err(ProviderError::RateLimited { retry_after: wait })));
    assert_eq!(moves(&mut bench), [(MessageState::Queued, None)]);
    mark(&mut bench, MessageState::Queued);
    bench.wait(Duration::from_secs(39));
    assert_eq!(moves(&mut bench), []);
    bench.wait(Duration::from_secs(2));
    assert_eq!(moves(&mut bench), [(MessageState::Sending, None)]);
    mark(&mut bench, MessageState::Sending);
    let sent =
        bench.asked().into_iter().any(|a| matches!(a, ProviderRequest::Send(ROW, again, _) if again == key));
    assert!(sent);
}

#[test]
fn a_refusal_is_final_and_says_why() {
    let (mut bench, link, _) = queued();
    mark(&mut bench, MessageState::Sending);
    bench.written();
    let refused =
        ProviderError::Refused { code: "destination_not_served".into(), detail: "Not there".into() };
    bench.provider(link, ProviderReport::Sent(ROW, Err(refused)));
    assert_eq!(moves(&mut bench), [(MessageState::Failed, Some(ErrorCode::DestinationNotServed))]);
    mark(&mut bench, MessageState::Failed);
    bench.asked();
    bench.wait(Duration::from_secs(25));
    assert!(
        !bench.asked().iter().any(|a| matches!(a, ProviderRequest::Send(..) | ProviderRequest::FindSent(..)))
    );
}

#[test]
fn a_second_try_is_a_new_intent_in_the_place_of_the_first() {
    let (mut bench, _, key) = queued();
    bench.written();
    let request = bench.command(Command::RetryMessage { message: ROW.outside() });
    assert_eq!(bench.written(), [Write::FindFailed(request, ROW)]);
    let found = Some((ACCOUNT, OURS.into(), PEER.into(), "on my way".into()));
    bench.kept(Kept::FoundFailed(request, ROW, found));
    match bench.written().pop() {
        Some(Write::Queue(_, new)) => assert!(new.key != key && new.replaces == Some(ROW)),
        other => panic!("{other:?}"),
    }
    let request = bench.command(Command::RetryMessage { message: ROW.outside() });
    bench.kept(Kept::FoundFailed(request, ROW, None));
    assert_eq!(bench.reply_to(request), Some(Err(ErrorView::new(ErrorCode::NotFound))));
}

#[test]
fn what_can_not_be_sent_is_refused_at_once() {
    let mut bench = Bench::attached(Some("5"));
    for (command, code) in [
        (send(OURS, PEER, " \n"), ErrorCode::EmptyMessage),
        (send(OURS, PEER, &"x".repeat(20_000)), ErrorCode::MessageTooLong),
        (send(OURS, "PayPal", "hi"), ErrorCode::InvalidRecipient),
        (send(OURS, "112", "hi"), ErrorCode::EmergencyNotSupported),
        (send("+15550100", PEER, "hi"), ErrorCode::NumberNotYours),
    ] {
        let request = bench.command(command);
        assert_eq!(bench.reply_to(request).unwrap().unwrap_err().code, code);
    }
    assert!(!bench.written().iter().any(|w| matches!(w, Write::Queue(..))));
}

/// 1 a second, 100 an hour.
fn limited() -> Capabilities {
    let limits = SendLimits { per_second: Some(1), per_hour: Some(100), per_day: None };
    Capabilities { send_limits: Some(limits), ..EVERYTHING }
}

/// Queues an SMS as the row `row`.
fn queue(bench: &mut Bench, row: i64) {
    let request = bench.command(send(OURS, PEER, "on my way"));
    let new = bench.written().into_iter().find_map(|w| match w {
        Write::Queue(id, new) if id == request => Some(new),
        _ => None,
    });
    bench.kept(Kept::Queued(request, new.expect("not queued"), RowId(row), THREAD));
}

/// SMS that left `minutes` ago.
fn gone(bench: &Bench, minutes: i64, count: usize) -> Vec<Sent> {
    let at = bench.now.wall - jiff::SignedDuration::from_mins(minutes);
    vec![Sent { at, number: OURS.into() }; count]
}

/// An SMS, and when it left.
type Left = (RowId, Timestamp);
/// An SMS, and when it was said to leave.
type Told = (RowId, Option<Timestamp>);

/// Lets time pass; the store and the provider answer at once. Tells when each SMS left, and what was told of the rest.
fn run(bench: &mut Bench, link: u32, time: Duration) -> (Vec<Left>, Vec<Told>) {
    let (mut left, mut told) = (Vec::new(), Vec::new());
    let until = bench.now.instant + time;
    loop {
        let (written, asked) = (bench.written(), bench.asked());
        let is_quiet = written.is_empty() && asked.is_empty();
        for write in written {
            match write {
                Write::Outbox(_, row, state, _) => bench.kept(Kept::Moved(ACCOUNT, row, state, Some(THREAD))),
                Write::Sent(_, row, ..) => bench.kept(Kept::Sent(ACCOUNT, row, Some(THREAD))),
                Write::Leaves(times) => told.extend(times),
                _ => {}
            }
        }
        for request in asked {
            if let ProviderRequest::Send(row, ..) = request {
                left.push((row, bench.now.wall));
                bench.provider(link, ProviderReport::Sent(row, Ok(message(&format!("out{}", row.0)))));
            }
        }
        if is_quiet {
            let Some(rest) = until.checked_duration_since(bench.now.instant).filter(|r| !r.is_zero()) else {
                return (left, told);
            };
            bench.wait(rest.min(Duration::from_millis(500)));
        }
    }
}

#[test]
fn the_limits_hold_the_queue_and_the_next_one_is_told_when_it_leaves() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, ProviderReport::Opened(limited()));
    queue(&mut bench, 1);
    queue(&mut bench, 2);
    // 99 left in the last hour: one more may, the second when the first of them is an hour old.
    let left = gone(&bench, 30, 99);
    bench.kept(Kept::Left(ACCOUNT, left));
    let start = bench.now.wall;
    let (left, told) = run(&mut bench, link, Duration::from_secs(60));
    assert_eq!(left.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [RowId(1)]);
    let half_past = start + jiff::SignedDuration::from_mins(30);
    assert_eq!(told, [(RowId(2), Some(half_past))]);
    let (left, _) = run(&mut bench, link, Duration::from_secs(28 * 60));
    assert_eq!(left, [], "before its time");
    let (left, _) = run(&mut bench, link, Duration::from_secs(120));
    assert_eq!(left.len(), 1);
    let late = left[0].1.duration_since(half_past);
    assert!(!late.is_negative() && late.as_secs() < 2, "{late}");
}

#[test]
fn one_a_second_leaves_and_so_short_a_wait_is_not_told() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, ProviderReport::Opened(limited()));
    (1..=5).for_each(|row| queue(&mut bench, row));
    bench.kept(Kept::Left(ACCOUNT, Vec::new()));
    let (left, told) = run(&mut bench, link, Duration::from_secs(10));
    assert_eq!((left.len(), told.len()), (5, 0));
    for pair in left.windows(2) {
        assert!(pair[1].1.duration_since(pair[0].1) >= jiff::SignedDuration::from_secs(1), "{pair:?}");
    }
}

#[test]
fn what_left_before_a_restart_and_from_elsewhere_counts() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, ProviderReport::Opened(limited()));
    bench.written();
    queue(&mut bench, 1);
    // Nothing leaves before the store has told.
    assert_eq!(run(&mut bench, link, Duration::from_secs(30)).0, []);
    let left = gone(&bench, 10, 50);
    bench.kept(Kept::Left(ACCOUNT, left));
    assert_eq!(run(&mut bench, link, Duration::from_secs(5)).0.len(), 1);
    // Another device sends 49.
    let departed = gone(&bench, 1, 49);
    bench.kept(Kept::Applied(ACCOUNT, Applied { departed, changed: 49, ..Applied::default() }));
    queue(&mut bench, 2);
    let (left, told) = run(&mut bench, link, Duration::from_secs(5));
    assert_eq!((left.len(), told.len()), (0, 1));
    // The account's limit is raised.
    let raised = SendLimits { per_second: Some(1), per_hour: Some(1000), per_day: None };
    bench.provider(
        link,
        ProviderReport::Account(Ok(AccountInfo { send_limits: Some(raised), ..info("10.00") })),
    );
    assert_eq!(run(&mut bench, link, Duration::from_secs(5)).0.len(), 1);
}

#[test]
fn a_pause_that_the_provider_asks_for_is_told_too() {
    let (mut bench, link, _) = queued();
    mark(&mut bench, MessageState::Sending);
    bench.written();
    bench.asked();
    let wait = Some(Duration::from_secs(400));
    bench.provider(link, ProviderReport::Sent(ROW, Err(ProviderError::RateLimited { retry_after: wait })));
    let expected = bench.now.wall + jiff::SignedDuration::from_secs(400);
    let (left, told) = run(&mut bench, link, Duration::from_secs(390));
    assert_eq!((left.len(), told), (0, vec![(ROW, Some(expected))]));
    assert_eq!(run(&mut bench, link, Duration::from_secs(20)).0.len(), 1);
}
