use super::*;

const ONE: &str = "+4930901820";
const TWO: &str = "+4930901821";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// 1 a second, 100 an hour, 500 a day: the terms' own figures.
fn published(window: LimitWindow, scope: LimitScope) -> Pace {
    let limits = SendLimits { per_second: Some(1), per_hour: Some(100), per_day: Some(500) };
    Pace { limits, window, scope }
}

fn sent(times: impl IntoIterator<Item = Timestamp>, number: &str) -> Vec<Sent> {
    times.into_iter().map(|at| Sent { at, number: number.into() }).collect()
}

/// `count` SMS from `first` on, `every` seconds.
fn row(first: &str, every: i64, count: i64) -> Vec<Timestamp> {
    (0..count).map(|n| later(time(first), SignedDuration::from_secs(n * every))).collect()
}

#[test]
fn the_next_one_leaves_when_every_limit_has_room() {
    use LimitWindow::{Calendar, Rolling};
    let noon = "2026-03-10T12:00:00Z";
    let night = "2026-03-28T22:00:00Z";
    // What has left, now, and when the next one leaves. In Berlin the night to 29 March has 23 hours, the one to 25
    // October 25; a day of the limits has 24 hours.
    for (name, window, left, now, expected) in [
        ("nothing left yet", Rolling, vec![], noon, noon),
        ("one a second", Rolling, row(noon, 1, 1), noon, "2026-03-10T12:00:01Z"),
        ("within the second", Rolling, row(noon, 1, 1), "2026-03-10T12:00:00.4Z", "2026-03-10T12:00:01Z"),
        ("after it", Rolling, row(noon, 1, 1), "2026-03-10T12:00:01Z", "2026-03-10T12:00:01Z"),
        ("99 in the hour", Rolling, row(noon, 2, 99), "2026-03-10T12:10:00Z", "2026-03-10T12:10:00Z"),
        ("100 in the hour", Rolling, row(noon, 2, 100), "2026-03-10T12:10:00Z", "2026-03-10T13:00:00Z"),
        ("the oldest goes first", Rolling, row(noon, 2, 120), "2026-03-10T12:10:00Z", "2026-03-10T13:00:40Z"),
        ("500 in the day", Rolling, row(noon, 60, 500), "2026-03-10T20:20:00Z", "2026-03-11T12:00:00Z"),
        ("into summer time", Rolling, row(night, 60, 500), "2026-03-29T07:00:00Z", "2026-03-29T22:00:00Z"),
        (
            "out of summer time",
            Rolling,
            row("2026-10-24T22:00:00Z", 60, 500),
            "2026-10-25T08:00:00Z",
            "2026-10-25T22:00:00Z",
        ),
        (
            "a full hour",
            Calendar,
            row("2026-03-10T12:58:00Z", 1, 100),
            "2026-03-10T12:59:50Z",
            "2026-03-10T13:00:00Z",
        ),
        ("the hour before", Calendar, row("2026-03-10T11:58:00Z", 1, 100), noon, noon),
        (
            "a full day",
            Calendar,
            row("2026-03-10T10:00:00Z", 60, 500),
            "2026-03-10T18:30:00Z",
            "2026-03-11T00:00:00Z",
        ),
        ("a full second", Calendar, row(noon, 1, 1), "2026-03-10T12:00:00.2Z", "2026-03-10T12:00:01Z"),
        // The clock was two days ahead when these left.
        ("a clock set back", Rolling, row("2026-03-12T12:00:00Z", 1, 100), noon, "2026-03-10T13:00:00Z"),
    ] {
        let pace = published(window, LimitScope::Account);
        assert_eq!(pace.next(time(now), ONE, &sent(left, ONE)), time(expected), "{name}");
    }
}

#[test]
fn numbers_are_counted_together_or_each_by_itself() {
    let noon = time("2026-03-10T12:00:00Z");
    let left = sent(row("2026-03-10T11:30:00Z", 1, 100), ONE);
    let at = |scope, number| published(LimitWindow::Rolling, scope).next(noon, number, &left);
    assert_eq!(at(LimitScope::Account, TWO), time("2026-03-10T12:30:00Z"));
    assert_eq!(at(LimitScope::Number, TWO), noon);
    assert_eq!(at(LimitScope::Number, ONE), time("2026-03-10T12:30:00Z"));
}

#[test]
fn what_a_provider_does_not_limit_is_not_paced() {
    let noon = time("2026-03-10T12:00:00Z");
    for (per_second, per_hour, per_day) in [(None, None, None), (Some(0), Some(0), Some(0))] {
        let limits = SendLimits { per_second, per_hour, per_day };
        let pace = Pace { limits, window: LimitWindow::Rolling, scope: LimitScope::Account };
        assert_eq!(pace.next(noon, ONE, &sent(row("2026-03-10T11:30:00Z", 1, 1000), ONE)), noon);
    }
}

#[test]
fn a_queue_never_breaks_a_limit_and_never_waits_longer_than_one() {
    for window in [LimitWindow::Rolling, LimitWindow::Calendar] {
        let pace = published(window, LimitScope::Account);
        let noon = time("2026-03-10T12:34:56Z");
        let times = pace.schedule(noon, std::iter::repeat_n(ONE, 1_100), &[]);
        assert_eq!(times.first(), Some(&noon));
        for (seconds, limit) in [(1, 1), (3_600, 100), (86_400, 500)] {
            for pair in times.windows(limit + 1) {
                let gap = pair[limit].duration_since(pair[0]).as_micros();
                let length = i128::from(seconds) * 1_000_000;
                match window {
                    LimitWindow::Rolling => assert!(gap >= length, "{limit} in {seconds} s"),
                    LimitWindow::Calendar => {
                        let slot = |at: Timestamp| i128::from(at.as_microsecond()) / length;
                        assert_ne!(slot(pair[0]), slot(pair[limit]), "{limit} in {seconds} s");
                    }
                }
            }
        }
        // 500 leave on the first day, as many on the second.
        let day = |n: usize| times[n].duration_since(noon).as_secs();
        assert!(day(499) < 5 * 3_600 && day(999) < 86_400 + 5 * 3_600, "{} {}", day(499), day(999));
    }
}
