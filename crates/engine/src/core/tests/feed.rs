use tern_provider::{
    ProviderError,
    types::{Cursor, PageToken},
};

use super::*;
use crate::api::FeedState;

fn batch(bench: &mut Bench) -> crate::record::Batch {
    let batches: Vec<_> = bench
        .written()
        .into_iter()
        .filter_map(|w| match w {
            Write::Apply(batch) => Some(batch),
            _ => None,
        })
        .collect();
    assert_eq!(batches.len(), 1);
    batches.into_iter().next().unwrap()
}

#[test]
fn the_first_sight_is_a_snapshot_then_the_changes_since_it_began() {
    let mut bench = Bench::attached(None);
    let link = bench.link();
    assert_eq!(bench.asked_one(), ProviderRequest::Snapshot(None));
    assert_eq!(bench.account().feed, FeedState::Loading {});
    bench.provider(link, snapshot("10", Some("p2")));
    let first = batch(&mut bench);
    assert!(first.history && first.cursor.is_none(), "the cursor is kept with the last page only");
    bench.kept(applied(vec![]));
    assert_eq!(bench.asked_one(), ProviderRequest::Snapshot(Some(PageToken("p2".into()))));
    bench.provider(link, snapshot("13", None));
    assert_eq!(batch(&mut bench).cursor, Some(Cursor("10".into())), "the first page's counts");
    bench.kept(applied(vec![]));
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("10".into())));
    bench.provider(link, changes("12", true));
    assert!(!batch(&mut bench).history);
    bench.kept(applied(vec![message_row(1, PEER)]));
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("12".into())));
    bench.provider(link, changes("13", false));
    bench.kept(applied(vec![]));
    assert_eq!(bench.account().feed, FeedState::Fresh {});
    let shown = bench.notified();
    assert_eq!(shown.len(), 1, "new while we looked: told at once, and the past is not");
    assert_eq!(shown[0].body, "the text");
}

#[test]
fn a_page_that_names_itself_ends_the_snapshot() {
    let mut bench = Bench::attached(None);
    let link = bench.link();
    bench.asked();
    bench.provider(link, snapshot("10", Some("p2")));
    bench.kept(applied(vec![]));
    bench.asked();
    bench.provider(link, snapshot("10", Some("p2")));
    bench.kept(applied(vec![]));
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("10".into())));
}

#[test]
fn what_came_while_away_is_told_once_and_together() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("5".into())));
    bench.provider(link, changes("7", true));
    bench.kept(applied(vec![message_row(1, PEER), message_row(2, "PayPal"), message_row(3, PEER)]));
    bench.provider(link, changes("8", false));
    let mut missed = message_row(4, PEER);
    missed.what = RowWhat::Call {
        direction: crate::api::CallDirection::Incoming,
        outcome: crate::api::CallOutcome::Missed,
        duration_seconds: 0,
        price: None,
    };
    bench.kept(applied(vec![missed]));
    let shown = bench.notified();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].body, "3 messages from 2 people, 1 missed call");
    let away = Notice::WhileAway { messages: 3, people: 2, missed_calls: 1 };
    assert_eq!(bench.notices(), std::slice::from_ref(&away));
    assert_eq!(bench.state.notices(), [away], "also for a window that opens later");
    bench.provider(link, ProviderReport::Hint);
    bench.provider(link, changes("9", false));
    bench.kept(applied(vec![message_row(5, PEER)]));
    assert_eq!(bench.notified()[0].tag, "thread-7", "what comes now is told by itself");
}

#[test]
fn nothing_while_away_is_not_worth_a_word() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, changes("7", false));
    bench.kept(applied(vec![]));
    assert!(bench.notified().is_empty() && bench.notices().is_empty());
}

#[test]
fn hints_shorten_the_wait_and_one_question_is_asked_at_a_time() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("5".into())));
    for _ in 0..5 {
        bench.provider(link, ProviderReport::Hint);
    }
    assert!(bench.asked().is_empty());
    bench.provider(link, changes("6", false));
    bench.kept(applied(vec![]));
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("6".into())), "five hints, one more look");
}

#[test]
fn without_hints_it_is_read_every_half_minute() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, changes("6", false));
    bench.kept(applied(vec![]));
    bench.asked();
    bench.wait(Duration::from_secs(29));
    assert!(bench.asked().is_empty());
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("6".into())));
}

#[test]
fn an_expired_place_means_a_new_snapshot_and_no_lost_rows() {
    for error in [
        ProviderError::ResyncRequired,
        ProviderError::Refused { code: "bad_cursor".into(), detail: String::new() },
    ] {
        let mut bench = Bench::attached(Some("5"));
        let link = bench.link();
        bench.asked();
        bench.provider(link, ProviderReport::Changes(Err(error)));
        assert_eq!(bench.asked_one(), ProviderRequest::Snapshot(None));
        bench.provider(link, snapshot("90", None));
        assert!(!batch(&mut bench).history, "what is new in it is new to the user");
        bench.kept(applied(vec![message_row(1, PEER)]));
        bench.provider(link, changes("91", false));
        bench.kept(applied(vec![]));
        assert_eq!(bench.notified().len(), 1);
    }
}

#[test]
fn while_the_provider_is_away_the_feed_is_stale_and_comes_back_by_itself() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.asked();
    bench.provider(link, ProviderReport::Changes(Err(ProviderError::Server { status: 503 })));
    let since = bench.now.wall.to_string();
    let stale = |bench: &Bench| match bench.account().feed {
        FeedState::Stale { since, error } => (since, error.code),
        other => panic!("{other:?}"),
    };
    assert_eq!(stale(&bench), (since.clone(), crate::api::ErrorCode::ProviderFailed));
    assert!(bench.account().balance.unwrap().stale);
    let mut tries = 0;
    for _ in 0..20 {
        bench.wait(Duration::from_secs(60));
        for _ in bench.asked().iter().filter(|a| matches!(a, ProviderRequest::Changes(_))) {
            tries += 1;
            bench.provider(link, ProviderReport::Changes(Err(ProviderError::Unreachable)));
        }
    }
    assert!((15..60).contains(&tries), "{tries} tries in 20 minutes");
    assert_eq!(stale(&bench).0, since, "stale since the first failure");
    bench.wait(Duration::from_secs(60));
    bench.provider(link, changes("6", false));
    bench.kept(applied(vec![]));
    assert_eq!(bench.account().feed, FeedState::Fresh {});
}

#[test]
fn a_provider_that_names_a_time_is_not_asked_before() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.asked();
    let wait = Duration::from_secs(100);
    bench
        .provider(link, ProviderReport::Changes(Err(ProviderError::RateLimited { retry_after: Some(wait) })));
    bench.wait(Duration::from_secs(99));
    assert!(!bench.asked().iter().any(|a| matches!(a, ProviderRequest::Changes(_))));
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("5".into())));
}

#[test]
fn a_refused_token_is_not_tried_for_ever() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, ProviderReport::Changes(Err(ProviderError::Unauthorized)));
    bench.asked();
    bench.wait(Duration::from_secs(200));
    assert!(!bench.asked().iter().any(|a| matches!(a, ProviderRequest::Changes(_))));
    bench.command(Command::Reconnect { account: ACCOUNT });
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("5".into())));
}

#[test]
fn what_could_not_be_kept_is_read_again() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.asked();
    bench.provider(link, changes("6", false));
    bench.kept(Kept::NotApplied(ACCOUNT));
    bench.wait(Duration::from_secs(5));
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("5".into())));
}

#[test]
fn answers_of_an_earlier_connection_are_not_heard() {
    let mut bench = Bench::attached(Some("5"));
    let old = bench.link();
    bench.attach();
    bench.asked();
    bench.provider(old, changes("6", false));
    assert!(!bench.written().iter().any(|w| matches!(w, Write::Apply(_))));
}

#[test]
fn a_provider_without_a_stream_is_asked_as_often_as_it_allows() {
    let mut bench = Bench::attached(None);
    let link = bench.link();
    let every = Duration::from_secs(60);
    let polled = Capabilities { hints: false, poll_every: Some(every), ..EVERYTHING };
    bench.provider(link, ProviderReport::Opened(polled));
    bench.asked();
    bench.provider(link, snapshot("10", None));
    bench.kept(applied(vec![]));
    bench.asked();
    bench.provider(link, changes("11", false));
    bench.kept(applied(vec![]));
    assert_eq!(bench.account().feed, FeedState::Fresh {});
    let asked = |bench: &mut Bench| {
        let asked = bench.asked();
        assert!(!asked.iter().any(|a| matches!(a, ProviderRequest::Hints(_))), "it has no stream");
        asked.iter().filter(|a| matches!(a, ProviderRequest::Changes(_))).count()
    };
    assert_eq!(asked(&mut bench), 0);
    bench.wait(every - Duration::from_secs(2));
    assert_eq!(asked(&mut bench), 0, "not before its time");
    bench.wait(Duration::from_secs(3));
    assert_eq!(asked(&mut bench), 1);
}
