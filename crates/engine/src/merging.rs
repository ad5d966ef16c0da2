//! One call, told twice: by SIP, and by the log of a provider that does not name SIP's Call-ID.
//!
//! Two tellings are one call when account, direction and both numbers are the same and their times go together. Each
//! is joined to at most one other, calls in a row in their order, so that two equal calls stay two. Pure functions;
//! which calls are looked at is the store's business.

use jiff::Timestamp;

use crate::{
    api::{CallDirection, CallOutcome},
    phone,
};

/// How far the two clocks may be apart, ms.
const SKEW: i64 = 120_000;
/// How long it may ring: a log may date a call from its answer, ms.
const RINGING: i64 = 120_000;
/// How much shorter the log's duration may be, and how much longer: it may count whole minutes, ms.
const SHORTER: i64 = 15_000;
const LONGER: i64 = 75_000;

/// A call as one side tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Telling {
    /// First ring; in a log perhaps the answer.
    pub(crate) at: Timestamp,
    /// Answered to hung up, in seconds.
    pub(crate) seconds: u32,
    /// How it ended.
    pub(crate) outcome: CallOutcome,
}

/// Whether two numbers of ours, and two of the other side, are the same ones.
pub(crate) fn same_numbers(ours: (&str, &str), theirs: (&str, &str)) -> bool {
    let known = |number: &str| !number.trim().is_empty();
    let region = [ours.0, ours.1].into_iter().find_map(|number| phone::country(&key(number, None)));
    let is_own = !known(ours.0) || !known(ours.1) || key(ours.0, None) == key(ours.1, None);
    is_own && key(theirs.0, region.as_deref()) == key(theirs.1, region.as_deref())
}

/// How badly two tellings go together; `None` where they are not one call.
fn distance(direction: CallDirection, seen: &Telling, logged: &Telling) -> Option<i64> {
    let apart = logged.at.as_millisecond().saturating_sub(seen.at.as_millisecond());
    let talked = |telling: &Telling| telling.outcome == CallOutcome::Answered && telling.seconds > 0;
    let latest = if talked(logged) { SKEW.saturating_add(RINGING) } else { SKEW };
    if apart < SKEW.saturating_neg() || apart > latest {
        return None;
    }
    let worse = match (talked(seen), talked(logged)) {
        (true, true) => {
            let seconds = i64::from(logged.seconds).saturating_sub(i64::from(seen.seconds));
            let longer = seconds.saturating_mul(1_000);
            if longer < SHORTER.saturating_neg() || longer > LONGER {
                return None;
            }
            longer.abs().saturating_mul(2)
        }
        (false, false) => 0,
        // Another phone took it, or the provider's answering machine.
        (false, true) if direction == CallDirection::Incoming => 20_000,
        _ => return None,
    };
    Some(apart.abs().saturating_add(worse))
}

/// Joins as many as go together, in their order, those that go together best. Both sides oldest first; tells the
/// places in both.
pub(crate) fn join(direction: CallDirection, seen: &[Telling], logged: &[Telling]) -> Vec<(usize, usize)> {
    // For each beginning of both sides: how many are joined, how badly, and by which last step.
    #[derive(Clone, Copy)]
    struct Best {
        joined: u32,
        cost: i64,
        last: Last,
    }
    #[derive(Clone, Copy)]
    enum Last {
        None,
        LeaveSeen,
        LeaveLogged,
        Join,
    }
    let better = |a: Best, b: Best| if (b.joined, -b.cost) > (a.joined, -a.cost) { b } else { a };
    let start = Best { joined: 0, cost: 0, last: Last::None };
    let mut table: Vec<Vec<Best>> = Vec::with_capacity(seen.len().saturating_add(1));
    table.push(vec![Best { last: Last::LeaveLogged, ..start }; logged.len().saturating_add(1)]);
    for one in seen {
        let mut line = vec![Best { last: Last::LeaveSeen, ..start }];
        for (j, other) in logged.iter().enumerate() {
            let at = |line: Option<&Vec<Best>>, index: usize| {
                line.and_then(|line| line.get(index)).copied().unwrap_or(start)
            };
            let above = table.last();
            let mut best = Best { last: Last::LeaveSeen, ..at(above, j.saturating_add(1)) };
            best = better(best, Best { last: Last::LeaveLogged, ..at(Some(&line), j) });
            if let Some(cost) = distance(direction, one, other) {
                let before = at(above, j);
                let (joined, cost) = (before.joined.saturating_add(1), before.cost.saturating_add(cost));
                best = better(best, Best { joined, cost, last: Last::Join });
            }
            line.push(best);
        }
        table.push(line);
    }
    let (mut i, mut j) = (seen.len(), logged.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        match table.get(i).and_then(|line| line.get(j)).map_or(Last::None, |best| best.last) {
            Last::LeaveSeen => i = i.saturating_sub(1),
            Last::LeaveLogged => j = j.saturating_sub(1),
            Last::Join => {
                (i, j) = (i.saturating_sub(1), j.saturating_sub(1));
                pairs.push((i, j));
            }
            Last::None => break,
        }
    }
    pairs.reverse();
    pairs
}

/// How a call ended and how long it was, by both: the log's word counts, except for what only this phone can know.
pub(crate) fn ended(seen: Option<(CallOutcome, u32)>, logged: (CallOutcome, u32)) -> (CallOutcome, u32) {
    match (seen, logged.0) {
        // Somebody did talk, here or on another phone.
        (Some((CallOutcome::Answered, seconds)), outcome) if outcome != CallOutcome::Answered => {
            (CallOutcome::Answered, seconds)
        }
        // A log may not tell turned down from not answered.
        (Some((CallOutcome::Declined, _)), CallOutcome::Missed) => (CallOutcome::Declined, 0),
        _ => logged,
    }
}

/// A number in E.164 where it is one, anything else as it came.
fn key(number: &str, region: Option<&str>) -> String {
    let lower = number.trim().to_ascii_lowercase();
    let address =
        ["sips:", "sip:", "tel:"].iter().find_map(|scheme| lower.strip_prefix(scheme)).unwrap_or(&lower);
    let user = address.split(['@', ';']).next().unwrap_or(address);
    if matches!(user, "" | "anonymous" | "unknown" | "private" | "restricted" | "unavailable") {
        return String::new();
    }
    let user = phone::peer_of_user(user);
    phone::recipient(&user, region).unwrap_or(user)
}

#[cfg(test)]
mod tests;
