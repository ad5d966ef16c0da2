use super::*;
use CallDirection::{Incoming, Outgoing};
use CallOutcome::{Answered, Busy, Declined, Missed, Unanswered};

fn telling(second: i64, seconds: u32, outcome: CallOutcome) -> Telling {
    Telling { at: Timestamp::from_second(1_772_442_000 + second).unwrap(), seconds, outcome }
}

#[test]
fn two_tellings_are_one_call_when_their_times_go_together() {
    for (name, direction, seen, logged, expected) in [
        ("the same", Incoming, (0, 60, Answered), (0, 60, Answered), true),
        ("dated from the answer", Incoming, (0, 60, Answered), (45, 61, Answered), true),
        ("a clock a minute behind", Incoming, (0, 0, Missed), (-60, 0, Missed), true),
        ("whole minutes", Outgoing, (0, 61, Answered), (0, 120, Answered), true),
        ("taken on another phone", Incoming, (0, 0, Missed), (10, 300, Answered), true),
        ("turned down here", Incoming, (0, 0, Declined), (1, 0, Missed), true),
        ("busy", Outgoing, (0, 0, Busy), (1, 0, Unanswered), true),
        ("another length", Incoming, (0, 60, Answered), (0, 600, Answered), false),
        ("much later", Incoming, (0, 0, Missed), (130, 0, Missed), false),
        ("missed after a long one", Incoming, (0, 100, Answered), (110, 0, Missed), false),
        ("answered before", Outgoing, (0, 0, Unanswered), (-60, 30, Answered), false),
    ] {
        let pairs =
            join(direction, &[telling(seen.0, seen.1, seen.2)], &[telling(logged.0, logged.1, logged.2)]);
        assert_eq!(pairs.len(), usize::from(expected), "{name}");
    }
}

#[test]
fn calls_in_a_row_are_joined_in_their_order() {
    let missed = |times: &[i64]| times.iter().map(|at| telling(*at, 0, Missed)).collect::<Vec<_>>();
    for (seen, logged, expected) in [
        // Two equal calls in a row, and a clock 30 s behind: the nearest is not the right one.
        (missed(&[0, 40]), missed(&[-30, 10]), vec![(0, 0), (1, 1)]),
        (missed(&[0, 20, 40]), missed(&[60, 80, 100]), vec![(0, 0), (1, 1), (2, 2)]),
        // One of two rang while Tern was off.
        (missed(&[100]), missed(&[1, 101]), vec![(0, 1)]),
        (missed(&[0, 100]), missed(&[101]), vec![(1, 0)]),
        (missed(&[0]), missed(&[]), vec![]),
    ] {
        assert_eq!(join(Incoming, &seen, &logged), expected, "{seen:?} {logged:?}");
    }
}

#[test]
fn numbers_are_the_same_however_they_are_written() {
    let own = "+4930901820";
    for (ours, theirs, expected) in [
        ((own, own), ("+442079460123", "+442079460123"), true),
        ((own, "4930901820"), ("00442079460123", "442079460123"), true),
        ((own, own), ("0301234567", "+49301234567"), true),
        ((own, own), ("sip:+442079460123@provider.example", "+442079460123"), true),
        (("", own), ("+442079460123", "+442079460123"), true),
        ((own, own), ("anonymous", ""), true),
        ((own, own), ("anonymous", "+442079460123"), false),
        ((own, own), ("+442079460123", "+442079460124"), false),
        ((own, "+4930901821"), ("+442079460123", "+442079460123"), false),
    ] {
        assert_eq!(same_numbers(ours, theirs), expected, "{ours:?} {theirs:?}");
    }
}

#[test]
fn the_log_counts_except_for_what_only_this_phone_knows() {
    for (seen, logged, expected) in [
        (None, (Missed, 0), (Missed, 0)),
        (Some((Missed, 0)), (Answered, 90), (Answered, 90)),
        (Some((Declined, 0)), (Missed, 0), (Declined, 0)),
        (Some((Declined, 0)), (Answered, 20), (Answered, 20)),
        (Some((Answered, 0)), (Missed, 0), (Answered, 0)),
        (Some((Answered, 30)), (Answered, 31), (Answered, 31)),
        (Some((Unanswered, 0)), (Busy, 0), (Busy, 0)),
    ] {
        assert_eq!(ended(seen, logged), expected, "{seen:?} {logged:?}");
    }
}
