use tern_provider::{ProviderError, types::IdempotencyKey};

use super::*;
use crate::api::{ErrorCode, ErrorView, MessageState};

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
