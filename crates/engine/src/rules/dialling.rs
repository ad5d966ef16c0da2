//! What dialling something comes to: where it goes, whether it may, what it costs, who is seen as caller.

use rust_decimal::{Decimal, prelude::ToPrimitive};
use tern_provider::types::{Money, Number, NumberState, Permission, Shown};

use super::{Facts, refused, resting, sending, wished};
use crate::{
    api::{
        CallAs, CallerShown, ErrorCode, ErrorView, HiddenWhy, LineKind, Price, PriceGap, PriceSource,
        TargetView, Verdict,
    },
    phone::{self, Target},
    record::KeptRate,
};

/// What the provider is to be asked about: the target in E.164, and the account's number it is called with.
///
/// # Errors
/// Why it can't be dialled; [`ErrorCode::InvalidTarget`] also for what is no number.
pub(crate) fn rate_asked(
    region: Option<&str>,
    typed: &str,
    show: Option<&CallAs>,
) -> Result<(String, Option<String>), ErrorCode> {
    match phone::target(typed, region)? {
        Target::Number(e164) => Ok((e164, wished(show).map(str::to_owned))),
        Target::Name(_) | Target::Address(_) => Err(ErrorCode::InvalidTarget),
    }
}

/// What dialling `typed` comes to.
pub(crate) fn target(facts: &Facts, typed: &str, show: Option<&CallAs>) -> TargetView {
    let region = facts.region.as_deref();
    let typed = typed.trim();
    let blank = TargetView {
        dialled: None,
        formatted: typed.to_owned(),
        country: None,
        line: LineKind::NoNumber,
        number: wished(show).map(str::to_owned),
        call: Verdict::Unknown {},
        minute: Price::NotKnown { why: PriceGap::NoNumber },
        minutes: None,
        shown: CallerShown::Unknown {},
        sms: refused(ErrorCode::InvalidRecipient),
        sms_price: Price::NotKnown { why: PriceGap::NoNumber },
    };
    match phone::target(typed, region) {
        Ok(Target::Number(e164)) => number(facts, e164, show),
        Ok(Target::Name(name)) => TargetView { dialled: Some(name), call: own_verdict(facts, show), ..blank },
        Ok(Target::Address(address)) => {
            TargetView { dialled: Some(address), call: own_verdict(facts, show), ..blank }
        }
        Err(ErrorCode::EmergencyNotSupported) => TargetView {
            call: refused(ErrorCode::EmergencyNotSupported),
            sms: refused(ErrorCode::EmergencyNotSupported),
            ..blank
        },
        Err(code) => TargetView {
            country: phone::likely_country(typed, region),
            line: LineKind::Unknown,
            call: refused(code),
            ..blank
        },
    }
}

fn number(facts: &Facts, e164: String, show: Option<&CallAs>) -> TargetView {
    let rate = facts.rate(&e164, wished(show));
    let told = rate.and_then(|kept| kept.rate.country.clone());
    let country = told.or_else(|| phone::likely_country(&e164, None));
    let line = phone::line_kind(&e164);
    let price = rate.and_then(|kept| price_of(&kept.rate.call));
    let minute = match (rate, price) {
        (Some(kept), Some(price)) => facts.known(price, PriceSource::Rate, kept.at),
        _ => no_price(facts, rate),
    };
    let sender = wished(show).and_then(|number| facts.own(number)).or_else(|| sending::first_sender(facts));
    TargetView {
        formatted: phone::display(&e164),
        line,
        number: wished(show).map(str::to_owned),
        call: verdict(facts, country.as_deref(), line, rate, show),
        minutes: price.and_then(|price| minutes_bought(facts.balance.as_ref(), price)),
        minute,
        shown: shown(facts, country.as_deref(), rate, show),
        sms: sending::verdict(facts, country.as_deref(), rate, sender, 1),
        sms_price: sending::price(facts, rate, sender, 1),
        dialled: Some(e164),
        country,
    }
}

/// Whether it may be called: first what never may, then what the provider says, then what it costs.
fn verdict(
    facts: &Facts,
    country: Option<&str>,
    line: LineKind,
    rate: Option<&KeptRate>,
    show: Option<&CallAs>,
) -> Verdict {
    if let refusal @ Verdict::Refused { .. } = own_verdict(facts, show) {
        return refusal;
    }
    let rules = facts.rules.as_ref().map(|known| &known.rules);
    if let (Some(country), Some(rules)) = (country, rules)
        && rules.no_calls_to.iter().any(|closed| closed == country)
    {
        return refused(ErrorCode::DestinationNotServed);
    }
    let permission = rate.map(|kept| &kept.rate.call);
    if let Some(Permission::Refused { code, detail, .. }) = permission
        && let Some(error) = facts.still_refused(code, detail)
    {
        return Verdict::Refused { error };
    }
    if let Some(error) = facts.papers() {
        return Verdict::Refused { error };
    }
    let price = permission.and_then(price_of);
    if let Some(price) = price
        && facts.falls_short(price) == Some(true)
    {
        return refused(ErrorCode::InsufficientFunds);
    }
    if line == LineKind::Premium && price.is_none() {
        return Verdict::Warned { error: ErrorView::new(ErrorCode::PremiumNumber) };
    }
    match permission {
        Some(Permission::Allowed { .. } | Permission::Refused { .. }) => Verdict::Allowed {},
        Some(Permission::Unknown) | None if rules.is_some() => Verdict::Allowed {},
        Some(Permission::Unknown) | None => Verdict::Unknown {},
    }
}

/// Whether the wished number can be called with, whatever the target.
fn own_verdict(facts: &Facts, show: Option<&CallAs>) -> Verdict {
    let Some(wish) = wished(show) else { return Verdict::Unknown {} };
    match facts.own(wish).filter(|number| number.calls) {
        None => refused(ErrorCode::NumberNotYours),
        Some(number) => match resting(number) {
            Some(error) => Verdict::Refused { error },
            None => Verdict::Unknown {},
        },
    }
}

/// What the called side sees: as the provider says, else by its published rule. The rented number shows with the
/// CallerID service on, and only in its own country.
fn shown(
    facts: &Facts,
    country: Option<&str>,
    rate: Option<&KeptRate>,
    show: Option<&CallAs>,
) -> CallerShown {
    let hidden = |why| CallerShown::Hidden { why };
    if show == Some(&CallAs::Anonymous {}) {
        return hidden(HiddenWhy::Withheld);
    }
    let visible =
        |e164: &str| CallerShown::Number { number: e164.to_owned(), formatted: phone::display(e164) };
    let calling = match wished(show) {
        Some(wish) => facts.own(wish),
        None => facts.numbers.iter().find(|number| number.calls && number.state == NumberState::Active),
    };
    let rule = calling.and_then(|number| by_rule(number, country));
    match rate.map(|kept| &kept.rate.shown) {
        Some(Shown::Number(e164)) => visible(e164),
        // The provider says that it does not show; the rule may say why.
        Some(Shown::Another) => match rule {
            Some(Err(why)) => hidden(why),
            _ => hidden(HiddenWhy::ProviderSays),
        },
        Some(Shown::Unknown) | None => {
            let has_service = facts.capabilities.is_some_and(|c| c.caller_id);
            match (rule.filter(|_| has_service), calling) {
                (Some(Ok(())), Some(number)) => visible(&number.e164),
                (Some(Err(why)), _) => hidden(why),
                _ => CallerShown::Unknown {},
            }
        }
    }
}

/// `None` where the provider does not tell whether the service is on, or the country is not known.
fn by_rule(number: &Number, country: Option<&str>) -> Option<Result<(), HiddenWhy>> {
    match (number.terms.caller_id?, country) {
        (false, _) => Some(Err(HiddenWhy::ServiceOff)),
        (true, Some(country)) if country == number.country => Some(Ok(())),
        (true, Some(_)) => Some(Err(HiddenWhy::OtherCountry)),
        (true, None) => None,
    }
}

/// How many whole minutes the balance buys; `None` where it is not known, or minutes cost nothing.
fn minutes_bought(balance: Option<&Money>, minute: &Money) -> Option<u32> {
    let balance = balance.filter(|balance| balance.currency == minute.currency)?;
    if minute.amount <= Decimal::ZERO {
        return None;
    }
    let minutes = balance.amount.max(Decimal::ZERO).checked_div(minute.amount)?.floor();
    Some(minutes.to_u32().unwrap_or(u32::MAX))
}

/// What to say where there is no price.
pub(super) fn no_price(facts: &Facts, rate: Option<&KeptRate>) -> Price {
    match (facts.capabilities, rate) {
        (None, _) => Price::NotKnown { why: PriceGap::NoProvider },
        (Some(_), Some(_)) => Price::NotKnown { why: PriceGap::NotTold },
        (Some(capabilities), None) if capabilities.rates => Price::NotAsked {},
        (Some(_), None) => Price::NotKnown { why: PriceGap::NoRates },
    }
}

/// The price in a permission, be it given or not.
pub(super) fn price_of(permission: &Permission) -> Option<&Money> {
    match permission {
        Permission::Allowed { price } | Permission::Refused { price, .. } => price.as_ref(),
        Permission::Unknown => None,
    }
}
