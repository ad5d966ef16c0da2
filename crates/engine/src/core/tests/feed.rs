use tern_provider::{
    ProviderError,
    types::{ActivityObject, Cursor, PageToken},
};

use super::*;
use crate::{
    api::{FeedState, HistoryView},
    record::{HistoryMove, HistoryPlace, Reading},
};

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

/// Answers the question for the page `asked`.
fn older(asked: Option<&str>, next: Option<&str>) -> ProviderReport {
    match snapshot("99", next) {
        ProviderReport::Snapshot(page) => ProviderReport::History(token(asked), page),
        other => other,
    }
}

fn token(page: Option<&str>) -> Option<PageToken> {
    page.map(|page| PageToken(page.into()))
}

fn past_kept(changed: u32) -> Kept {
    Kept::Applied(ACCOUNT, Applied { of: Reading::History, changed, ..Applied::default() })
}

/// A bench whose newest page and first changes are kept, and the page of the past it asks for.
fn followed() -> (Bench, u32) {
    let mut bench = Bench::attached(None);
    let link = bench.link();
    bench.provider(link, snapshot("10", Some("p2")));
    bench.kept(applied(vec![]));
    bench.provider(link, changes("11", false));
    bench.kept(applied(vec![]));
    bench.written();
    (bench, link)
}

/// The pages of the past asked for since the last look, and how often changes were.
fn asked_past(bench: &mut Bench) -> (Vec<Option<PageToken>>, usize) {
    let asked = bench.asked();
    let pages = asked.iter().filter_map(|a| match a {
        ProviderRequest::History(page) => Some(page.clone()),
        _ => None,
    });
    (pages.collect(), asked.iter().filter(|a| matches!(a, ProviderRequest::Changes(_))).count())
}

#[test]
fn the_newest_page_is_shown_at_once_and_followed_while_the_past_is_read() {
    let mut bench = Bench::attached(None);
    let link = bench.link();
    assert_eq!(bench.asked_one(), ProviderRequest::Snapshot);
    assert_eq!(bench.account().feed, FeedState::Loading {});
    bench.provider(link, snapshot("10", Some("p2")));
    let first = batch(&mut bench);
    assert_eq!(
        (first.past, first.cursor),
        (Timestamp::MAX, Some(Cursor("10".into()))),
        "nothing of it is news"
    );
    let HistoryMove::To(place) = first.history else { panic!("{:?}", first.history) };
    assert_eq!((place.page, place.rows, place.until), (token(Some("p2")), 1, bench.now.wall));
    bench.kept(applied(vec![]));
    assert_eq!(
        bench.asked_one(),
        ProviderRequest::Changes(Cursor("10".into())),
        "from before the first page"
    );
    bench.provider(link, changes("12", true));
    assert_eq!(batch(&mut bench).past, Timestamp::MIN);
    bench.kept(applied(vec![message_row(1, PEER)]));
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("12".into())));
    bench.provider(link, changes("13", false));
    bench.kept(applied(vec![]));
    assert_eq!(bench.account().feed, FeedState::Fresh {});
    assert_eq!(bench.account().history, Some(HistoryView { rows: 1, total: None }));
    let shown = bench.notified();
    assert_eq!(shown.len(), 1, "new while we looked: told at once, and the past is not");
    assert_eq!(shown[0].body, "the text");
    assert_eq!(asked_past(&mut bench).0, [token(Some("p2"))]);
    // What happens is followed while the page is on its way.
    bench.written();
    bench.provider(link, ProviderReport::Hint);
    assert_eq!(asked_past(&mut bench), (vec![], 1));
    bench.provider(link, changes("14", false));
    let live = batch(&mut bench);
    assert_eq!((live.cursor, live.history), (Some(Cursor("14".into())), HistoryMove::Stays));
    bench.kept(applied(vec![]));
    bench.provider(link, older(Some("p2"), None));
    let last = batch(&mut bench);
    assert_eq!((last.cursor, last.history, last.of), (None, HistoryMove::Ends, Reading::History));
    assert_eq!(last.past, place.until);
    bench.events();
    bench.kept(past_kept(1));
    assert_eq!(bench.account().history, None);
    assert!(bench.events().iter().any(|e| matches!(e, EventKind::AccountChanged { .. })));
    bench.wait(Duration::from_secs(100));
    assert_eq!(asked_past(&mut bench).0, []);
}

#[test]
fn pages_that_name_themselves_or_go_round_end_the_past() {
    for circle in [&["p2"][..], &["p3", "p2"], &["p3", "p4", "p5", "p6", "p7", "p3"]] {
        let (mut bench, link) = followed();
        let (mut pages, mut names) = (0, circle.iter().cycle());
        loop {
            let (asked, _) = asked_past(&mut bench);
            let Some(page) = asked.first().cloned() else { break };
            pages += 1;
            assert!(pages < 40, "{circle:?} is never left");
            bench.provider(link, older(page.as_ref().map(|p| p.0.as_str()), names.next().copied()));
            bench.kept(past_kept(1));
            bench.wait(Duration::from_secs(3));
        }
        assert_eq!(bench.account().history, None, "{circle:?}");
    }
}

#[test]
fn pages_that_bring_nothing_end_the_past_and_a_million_rows_do_not() {
    for (brings, enough) in [(0, 102), (1, 5_000)] {
        let (mut bench, link) = followed();
        let mut pages = 0;
        while let Some(page) = asked_past(&mut bench).0.first().cloned() {
            pages += 1;
            if pages == 5_001 {
                break;
            }
            let next = format!("page {pages}");
            bench.provider(link, older(page.as_ref().map(|p| p.0.as_str()), Some(&next)));
            bench.kept(past_kept(brings));
            bench.wait(Duration::from_millis(25));
        }
        assert!(pages >= enough && (brings == 1 || pages <= enough + 2), "{brings}: {pages}");
    }
}

#[test]
fn a_slow_provider_is_asked_half_of_the_time_and_a_failing_one_less_and_less() {
    let (mut bench, link) = followed();
    assert_eq!(asked_past(&mut bench).0.len(), 1);
    bench.wait(Duration::from_secs(4));
    bench.asked();
    bench.provider(link, older(Some("p2"), Some("p3")));
    bench.kept(past_kept(1));
    bench.wait(Duration::from_millis(3_900));
    assert_eq!(asked_past(&mut bench).0, []);
    bench.wait(Duration::from_millis(200));
    assert_eq!(asked_past(&mut bench).0, [token(Some("p3"))]);
    let wait = Duration::from_secs(300);
    let busy = ProviderError::RateLimited { retry_after: Some(wait) };
    bench.provider(link, ProviderReport::History(token(Some("p3")), Err(busy)));
    bench.wait(wait - Duration::from_secs(1));
    assert_eq!(asked_past(&mut bench).0, [], "asked before the time it named");
    bench.wait(Duration::from_secs(2));
    let mut tries = asked_past(&mut bench).0;
    assert_eq!(tries, [token(Some("p3"))]);
    for _ in 0..60 {
        if !tries.is_empty() {
            let failure = ProviderError::Server { status: 500 };
            bench.provider(link, ProviderReport::History(token(Some("p3")), Err(failure)));
        }
        bench.wait(Duration::from_secs(60));
        tries = asked_past(&mut bench).0;
    }
    assert_eq!(bench.account().feed, FeedState::Fresh {}, "what happens is none the worse for it");
    assert_eq!(bench.account().history, Some(HistoryView { rows: 2, total: None }));
}

#[test]
fn a_page_the_provider_knows_no_more_begins_the_past_anew_and_keeps_the_place_in_the_feed() {
    for error in [
        ProviderError::Refused { code: "bad_page".into(), detail: String::new() },
        ProviderError::ResyncRequired,
    ] {
        let (mut bench, link) = followed();
        bench.asked();
        bench.provider(link, ProviderReport::History(token(Some("p2")), Err(error)));
        bench.wait(Duration::from_secs(2));
        assert_eq!(asked_past(&mut bench).0, [None]);
        bench.provider(link, older(None, Some("q2")));
        let page = batch(&mut bench);
        assert_eq!(page.cursor, None, "the feed has moved on meanwhile");
        let HistoryMove::To(place) = page.history else { panic!("{:?}", page.history) };
        assert_eq!((place.page, place.rows), (token(Some("q2")), 1), "counted from the start");
    }
}

#[test]
fn what_another_life_left_of_the_past_is_read_from_there() {
    let until = Timestamp::from_second(1_700_000_000).unwrap();
    let place = HistoryPlace { page: token(Some("p7")), rows: 1200, total: Some(90_000), until };
    let mut bench = Bench::loaded("5", Some(place));
    bench.attach();
    let link = bench.link();
    assert_eq!(bench.account().history, Some(HistoryView { rows: 1200, total: Some(90_000) }));
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("5".into())), "what happened goes first");
    bench.provider(link, changes("6", false));
    bench.kept(applied(vec![]));
    assert_eq!(asked_past(&mut bench).0, [token(Some("p7"))]);
    // The connection is lost with the answer.
    bench.attach();
    let link = bench.link();
    bench.provider(link, changes("6", false));
    bench.kept(applied(vec![]));
    assert_eq!(asked_past(&mut bench).0, [token(Some("p7"))]);
    bench.written();
    bench.provider(link, older(Some("p7"), Some("p8")));
    let page = batch(&mut bench);
    assert_eq!(page.past, until, "what came since the account was added is news");
    bench.kept(Kept::NotApplied(ACCOUNT, Reading::History));
    bench.wait(Duration::from_secs(3));
    assert_eq!(asked_past(&mut bench).0, [token(Some("p7"))], "what could not be kept is read again");
}

#[test]
fn a_large_page_of_the_past_lets_what_happens_in_between_its_parts() {
    let (mut bench, link) = followed();
    bench.asked();
    let objects = (0..1000).map(|n| ActivityObject::Message(message(&format!("old{n}"))));
    let page = SnapshotPage {
        objects: objects.collect(),
        cursor: Cursor("99".into()),
        next_page: None,
        total: None,
    };
    bench.provider(link, ProviderReport::History(token(Some("p2")), Ok(page)));
    for part in 0..5 {
        let of_past = batch(&mut bench);
        assert_eq!((of_past.of, of_past.changes.len()), (Reading::History, 200), "one part waits at a time");
        assert_eq!(of_past.history == HistoryMove::Ends, part == 4, "the place moves with the last");
        bench.provider(link, ProviderReport::Hint);
        bench.provider(link, changes(&format!("live {part}"), false));
        let live = batch(&mut bench);
        assert_eq!((live.of, live.changes.len()), (Reading::Live, 1));
        bench.kept(applied(vec![]));
        bench.kept(past_kept(200));
    }
    assert_eq!(bench.account().history, None);
}

#[test]
fn while_the_provider_is_away_the_past_waits() {
    let (mut bench, link) = followed();
    bench.provider(link, older(Some("p2"), Some("p3")));
    bench.asked();
    bench.provider(link, ProviderReport::Hint);
    bench.provider(link, ProviderReport::Changes(Err(ProviderError::Unreachable)));
    bench.kept(past_kept(1));
    bench.asked();
    bench.wait(Duration::from_millis(400));
    assert_eq!(asked_past(&mut bench).0, []);
    for _ in 0..3 {
        bench.wait(Duration::from_secs(3));
        bench.provider(link, changes("20", false));
        bench.kept(applied(vec![]));
    }
    assert_eq!(asked_past(&mut bench).0, [token(Some("p3"))]);
}

#[test]
fn what_came_while_away_is_told_once_and_together() {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("5".into())));
    bench.provider(link, changes("7", true));
    bench.kept(applied_aside(vec![message_row(1, PEER), message_row(2, "PayPal"), message_row(3, PEER)]));
    bench.provider(link, changes("8", false));
    let mut missed = message_row(4, PEER);
    missed.what = RowWhat::Call {
        direction: crate::api::CallDirection::Incoming,
        outcome: crate::api::CallOutcome::Missed,
        duration_seconds: 0,
        price: None,
    };
    bench.kept(applied_aside(vec![missed]));
    assert!(bench.notified().is_empty(), "put aside");
    bench.kept(away(3, &[PEER, "PayPal"], 1));
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
        assert_eq!(bench.asked_one(), ProviderRequest::Snapshot);
        bench.provider(link, snapshot("90", None));
        assert_eq!(batch(&mut bench).past, Timestamp::MIN, "what is new in it is new to the user");
        bench.kept(applied_aside(vec![message_row(1, PEER)]));
        bench.provider(link, changes("91", false));
        bench.kept(applied_aside(vec![]));
        bench.kept(away(1, &[PEER], 0));
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
    bench.kept(Kept::NotApplied(ACCOUNT, Reading::Live));
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
