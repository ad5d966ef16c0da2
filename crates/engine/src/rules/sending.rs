//! What an SMS comes to: what it takes and costs, whether it may go, and when.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tern_provider::types::{LimitScope, LimitWindow, Money, Number, Permission, SendLimits, SmsPriced};

use super::{Facts, dialling, refused, resting, segments::segments};
use crate::{
    api::{ComposedView, ErrorCode, ErrorView, Price, PriceSource, SendLimitView, Verdict},
    phone,
    record::{KeptRate, Sent},
};

/// A limit for this long or longer is worth a word when it is used up; a second is over by then.
const WORTH_TELLING: u32 = 3_600;

/// An SMS as it stands in the window.
pub(crate) struct Draft<'a> {
    /// The account's number, or the first that sends.
    pub(crate) from: Option<&'a str>,
    /// As typed.
    pub(crate) to: &'a str,
    /// The text.
    pub(crate) text: &'a str,
}

/// What it comes to. `sent` are the account's outgoing SMS of the last day and more, newest first.
pub(crate) fn composed(facts: &Facts, draft: &Draft<'_>, sent: &[Sent]) -> ComposedView {
    let own = match draft.from {
        Some(from) => facts.own(from),
        None => first_sender(facts),
    };
    let region = own.map(|number| number.country.as_str());
    let to = phone::recipient(draft.to, region);
    let rate = to.as_deref().ok().and_then(|to| facts.rate(to, None).or_else(|| any_rate(facts, to)));
    let country = match (&to, rate.and_then(|kept| kept.rate.country.clone())) {
        (_, Some(country)) => Some(country),
        (Ok(to), None) => phone::likely_country(to, None),
        (Err(_), None) => None,
    };
    let counted = segments(draft.text);
    let limits = limits(facts, own, sent);
    let used_up = |limit: &&SendLimitView| limit.left == 0;
    let never = limits.iter().any(|limit| limit.limit == 0);
    let is_long = limits.iter().filter(used_up).any(|limit| limit.seconds >= WORTH_TELLING);
    let next: Option<Timestamp> =
        limits.iter().filter(used_up).filter_map(|limit| limit.free_at.as_ref()?.parse().ok()).max();
    let may = match &to {
        Err(code) => refused(*code),
        Ok(_) if draft.from.is_some() && own.is_none() => refused(ErrorCode::NumberNotYours),
        Ok(_) => verdict(facts, country.as_deref(), rate, own, counted.count),
    };
    let longest = facts.rules.as_ref().and_then(|known| known.rules.longest_text);
    let is_too_long =
        longest.is_some_and(|most| u32::try_from(draft.text.chars().count()).unwrap_or(u32::MAX) > most);
    ComposedView {
        from: own.map(|number| number.e164.clone()).or(draft.from.map(str::to_owned)),
        to_formatted: to.as_deref().map_or_else(|_| draft.to.trim().to_owned(), phone::display),
        to: to.ok(),
        encoding: counted.encoding,
        segments: counted.count,
        units: counted.units,
        units_left: counted.left,
        price: price(facts, rate, own, counted.count),
        verdict: match may {
            Verdict::Refused { error } => Verdict::Refused { error },
            _ if draft.text.trim().is_empty() => refused(ErrorCode::EmptyMessage),
            _ if is_too_long => refused(ErrorCode::MessageTooLong),
            _ if never => refused(ErrorCode::RateLimited),
            // It waits here and leaves by itself then.
            _ if is_long => Verdict::Warned { error: ErrorView::new(ErrorCode::RateLimited) },
            other => other,
        },
        next_at: next.map(|at| at.to_string()),
        limits,
    }
}

/// The number that SMS without another are sent from.
pub(super) fn first_sender(facts: &Facts) -> Option<&Number> {
    facts.numbers.iter().find(|number| number.sms && resting(number).is_none())
}

/// Whether an SMS of so many segments may go to this country from `own`.
pub(super) fn verdict(
    facts: &Facts,
    country: Option<&str>,
    rate: Option<&KeptRate>,
    own: Option<&Number>,
    segments: u32,
) -> Verdict {
    if !facts.capabilities.is_some_and(|capabilities| capabilities.send_message) {
        return refused(ErrorCode::NotOffered);
    }
    let Some(own) = own.filter(|number| number.sms) else { return refused(ErrorCode::NumberNotYours) };
    if let Some(error) = resting(own) {
        return Verdict::Refused { error };
    }
    let rules = facts.rules.as_ref().map(|known| &known.rules);
    if let (Some(country), Some(rules)) = (country, rules)
        && rules.no_sms_to.iter().any(|closed| closed == country)
    {
        return refused(ErrorCode::DestinationNotServed);
    }
    let permission = rate.map(|kept| &kept.rate.sms);
    if let Some(Permission::Refused { code, detail, .. }) = permission
        // Which number it goes out from is chosen here.
        && code != "number_without_sms"
        && let Some(error) = facts.still_refused(code, detail)
    {
        return Verdict::Refused { error };
    }
    if let Some(error) = facts.papers() {
        return Verdict::Refused { error };
    }
    if own.terms.sms_left == Some(0) {
        return refused(ErrorCode::TrialUsedUp);
    }
    if let Some((price, ..)) = whole_price(facts, rate, own, segments)
        && facts.falls_short(&price) == Some(true)
    {
        return refused(ErrorCode::InsufficientFunds);
    }
    match permission {
        Some(Permission::Allowed { .. } | Permission::Refused { .. }) => Verdict::Allowed {},
        Some(Permission::Unknown) | None if rules.is_some() => Verdict::Allowed {},
        Some(Permission::Unknown) | None => Verdict::Unknown {},
    }
}

/// What so many segments cost from `own`.
pub(super) fn price(facts: &Facts, rate: Option<&KeptRate>, own: Option<&Number>, segments: u32) -> Price {
    match own.and_then(|own| whole_price(facts, rate, own, segments)) {
        Some((price, source, at)) => facts.known(&price, source, at),
        None => dialling::no_price(facts, rate),
    }
}

/// The number's own price comes first: it is fixed, and what a target costs is asked for one number only.
fn whole_price(
    facts: &Facts,
    rate: Option<&KeptRate>,
    own: &Number,
    segments: u32,
) -> Option<(Money, PriceSource, Timestamp)> {
    let of_number = own.terms.sms_price.as_ref().map(|price| {
        let at = facts.rules.as_ref().map_or(facts.now, |known| known.at);
        (price, PriceSource::NumberTerms, at)
    });
    let of_target = || {
        let kept = rate?;
        dialling::price_of(&kept.rate.sms).map(|price| (price, PriceSource::Rate, kept.at))
    };
    let (price, source, at) = of_number.or_else(of_target)?;
    // Operators charge by the segment; a provider that does not pass that on says so.
    let by_segment =
        facts.rules.as_ref().and_then(|known| known.rules.sms_priced) != Some(SmsPriced::Message);
    let times = if by_segment { Decimal::from(segments) } else { Decimal::ONE };
    let amount = price.amount.checked_mul(times)?;
    Some((Money { amount, currency: price.currency.clone() }, source, at))
}

fn any_rate<'a>(facts: &'a Facts, to: &str) -> Option<&'a KeptRate> {
    facts.rates.iter().find(|kept| kept.target == to)
}

/// What is left of each limit.
fn limits(facts: &Facts, own: Option<&Number>, sent: &[Sent]) -> Vec<SendLimitView> {
    let account = facts.rules.as_ref().and_then(|known| known.send_limits);
    let Some(limits) = account.or_else(|| facts.capabilities?.send_limits) else { return Vec::new() };
    let rules = facts.rules.as_ref().map(|known| &known.rules);
    let by_number = rules.and_then(|rules| rules.sms_scope) == Some(LimitScope::Number);
    let counts = |number: &str| !by_number || own.is_some_and(|own| own.e164 == number);
    // What waits to leave will have left before this one.
    let waiting = facts.unsent.iter().filter(|number| counts(number)).map(|_| facts.now);
    let gone = sent.iter().filter(|sent| counts(&sent.number)).map(|sent| sent.at);
    let times: Vec<Timestamp> = waiting.chain(gone).collect();
    let window = rules.and_then(|rules| rules.sms_window).unwrap_or(LimitWindow::Rolling);
    let SendLimits { per_second, per_hour, per_day } = limits;
    [(1, per_second), (3_600, per_hour), (86_400, per_day)]
        .into_iter()
        .filter_map(|(seconds, limit)| Some(left(seconds, limit?, window, facts.now, &times)))
        .collect()
}

/// `times` of what was sent, newest first.
fn left(seconds: u32, limit: u32, window: LimitWindow, now: Timestamp, times: &[Timestamp]) -> SendLimitView {
    let length = SignedDuration::from_secs(i64::from(seconds));
    let begin = match window {
        LimitWindow::Rolling => earlier(now, length),
        LimitWindow::Calendar => {
            let into = now.as_millisecond().rem_euclid(i64::from(seconds).saturating_mul(1_000));
            // The window is what lies after this.
            earlier(now, SignedDuration::from_millis(into.saturating_add(1)))
        }
    };
    let sent = times.iter().filter(|at| **at > begin).count();
    let left = limit.saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX));
    let free_at = match (window, limit) {
        _ if left > 0 => None,
        // Nothing at all may be sent, at any time.
        (_, 0) => None,
        (LimitWindow::Rolling, _) => {
            // Once the oldest of the last so many has left the window.
            let nth = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(1);
            times.get(nth).map(|at| later(*at, length))
        }
        (LimitWindow::Calendar, _) => {
            Some(later(begin, length.saturating_add(SignedDuration::from_millis(1))))
        }
    };
    SendLimitView { seconds, limit, left, free_at: free_at.map(|at| at.to_string()) }
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
