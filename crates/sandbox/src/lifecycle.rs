//! The life of a rented number by the billing clock: warned, renewed, expired, restored, deleted (`numgo`);
//! connected, charged into debt, suspended, resumed, given up (`prepaid`); the end of trials and disposable numbers.
//!
//! Invariant: an entry of the agenda names the day of renewal it was made for, and does nothing once the number has
//! another; so no renewal happens twice and none is forgotten.

use jiff::{Timestamp, ToSpan, civil::Date};
use rust_decimal::Decimal;

use crate::{
    billing, catalogue,
    clock::later,
    days::{billing_moment, day_of, start_of},
    ledger::{self, Posting, to_cents},
    model::{
        Account, AccountId, Disposal, NoticeKind, Number, NumberState, Profile, Purpose, TransactionKind,
        Trouble,
    },
    notices::tell_owner,
    operator::Operator,
    quote,
    refusal::{Failure, Refusal},
    settings::{RestoreAnchor, Settings},
    store::{
        Books, StoreError, accounts,
        agenda::{self, Action},
        numbers, orders, transactions,
    },
};

/// What a customer changes about a number.
#[derive(Debug, Clone, Default)]
pub(crate) struct NumberChange {
    /// `Some(None)` takes the name away.
    pub(crate) label: Option<Option<String>>,
    pub(crate) auto_renew: Option<bool>,
}

impl Operator {
    /// One of the account's own numbers that it knows of.
    pub(crate) fn own_number(
        &self,
        books: &rusqlite::Connection,
        account: &Account,
        id: &str,
    ) -> Result<Number, Failure> {
        let number = numbers::by_id(books, id)?.filter(|n| n.account == account.id && n.is_connected());
        number.ok_or(Refusal::NotFound.into())
    }

    /// Names a number, or switches its renewal on or off.
    pub(crate) fn change_number(
        &self,
        account: &Account,
        id: &str,
        change: &NumberChange,
    ) -> Result<Number, Failure> {
        self.write(|books| {
            let mut number = self.own_number(books, account, id)?;
            if number.state == NumberState::Deleted {
                return Err(Refusal::NotFound.into());
            }
            if let Some(auto_renew) = change.auto_renew {
                if account.profile == Profile::Prepaid {
                    return Err(not_in_profile("A number is given up instead, 24 hours before its charge."));
                }
                if number.renews_on.is_none() {
                    return Err(invalid("not_renewable", "This number is not renewed anyway."));
                }
                number.auto_renew = auto_renew;
            }
            if let Some(label) = &change.label {
                let label = label.as_deref().map(str::trim).filter(|label| !label.is_empty());
                if label.is_some_and(|label| label.chars().count() > 100) {
                    return Err(invalid("label_too_long", "A name has at most 100 characters."));
                }
                number.label = label.map(Into::into);
            }
            numbers::update(books, &number)?;
            Ok(number)
        })
    }

    /// Brings an expired number back for a month's fee (`numgo`, through the tenth day).
    pub(crate) fn restore_number(&self, account: &Account, id: &str) -> Result<Number, Failure> {
        let now = self.now();
        let settings = &self.settings;
        self.write(|books| {
            let mut number = self.own_number(books, account, id)?;
            let expired_on = match (number.state, number.renews_on) {
                (NumberState::Expired, Some(day)) => day,
                (NumberState::Deleted, _) => {
                    return Err(invalid("number_deleted", "The time to restore this number is over."));
                }
                _ => return Err(invalid("number_not_expired", "This number has not expired.")),
            };
            let today = day_of(now, settings);
            if today > last_restore_day(expired_on, settings) {
                return Err(invalid("number_deleted", "The time to restore this number is over."));
            }
            let fee = fee_today(books, &number)?;
            let posting = Posting {
                kind: TransactionKind::Restore,
                amount: -fee,
                at: now,
                description: format!("{} restored", number.e164),
                reference: Some(number.id.clone()),
            };
            ledger::charge(books, account.id, posting)?;
            number.state = NumberState::Active;
            number.monthly_fee = fee;
            number.renews_on = Some(match settings.restore_anchor {
                RestoreAnchor::Order => billing::next_expiry(number.ordered_on, expired_on),
                RestoreAnchor::Restore => {
                    number.ordered_on = today;
                    billing::expiry(today, 1)
                }
            });
            numbers::update(books, &number)?;
            schedule(books, &number, settings)?;
            let text = format!("{} works again.", number.e164);
            tell_owner(books, &number, NoticeKind::NumberRestored, now, text)?;
            Ok(number)
        })
    }

    /// Gives a number up. Nothing comes back for the unused rest.
    pub(crate) fn release_number(&self, account: &Account, id: &str) -> Result<Number, Failure> {
        let now = self.now();
        self.write(|books| {
            let mut number = self.own_number(books, account, id)?;
            if number.state == NumberState::Deleted {
                return Err(Refusal::NotFound.into());
            }
            if number.purpose == Purpose::Rental {
                if account.profile == Profile::Numgo {
                    return Err(not_in_profile(
                        "Switch the renewal of the number off; it then expires by itself.",
                    ));
                }
                let charge = number.renews_on.map(|day| billing_moment(day, &self.settings));
                if charge.is_some_and(|charge| later(now, self.settings.leave_notice) > charge) {
                    let why = "A number must be given up at least 24 hours before its next charge.";
                    return Err(invalid("too_late_to_leave", why));
                }
            }
            delete(books, &mut number, now)?;
            Ok(number)
        })
    }

    /// The client reports that a number does not work: from now on its idle time counts.
    pub(crate) fn report_number(&self, account: &Account, id: &str) -> Result<Number, Failure> {
        let now = self.now();
        self.write(|books| {
            let mut number = self.own_number(books, account, id)?;
            let mended = number.trouble.is_some_and(|trouble| trouble.mended_at.is_some());
            if number.reported_at.is_none() || mended {
                number.reported_at = Some(now);
                numbers::update(books, &number)?;
            }
            Ok(number)
        })
    }
}

/// Puts the next warning and renewal of a number on the agenda.
pub(crate) fn schedule(books: &Books<'_>, number: &Number, settings: &Settings) -> Result<(), StoreError> {
    let Some(renews_on) = number.renews_on else { return Ok(()) };
    let id = || number.id.clone();
    let warned_on = renews_on.saturating_sub(settings.warn_days.days());
    let warn = Action::Warn { number: id(), renews_on };
    agenda::add(books, billing_moment(warned_on, settings), &warn)?;
    agenda::add(books, billing_moment(renews_on, settings), &Action::Renew { number: id(), renews_on })
}

/// Three days before: the owner is told.
pub(crate) fn warn(books: &Books<'_>, id: &str, renews_on: Date, at: Timestamp) -> Result<(), StoreError> {
    let Some((number, account)) = due(books, id, renews_on)? else { return Ok(()) };
    let fee = fee_today(books, &number)?;
    let text = if number.auto_renew {
        format!("{} is renewed on {renews_on} for {fee} {}.", number.e164, account.currency)
    } else {
        format!("{} expires on {renews_on}.", number.e164)
    };
    tell_owner(books, &number, NoticeKind::ExpiryWarning, at, text)
}

/// The day of renewal.
pub(crate) fn renew(
    books: &Books<'_>,
    id: &str,
    renews_on: Date,
    at: Timestamp,
    settings: &Settings,
) -> Result<(), StoreError> {
    let Some((mut number, account)) = due(books, id, renews_on)? else { return Ok(()) };
    // The price of this day: it may have changed.
    let fee = fee_today(books, &number)?;
    let balance = transactions::balance(books, account.id)?;
    if account.profile == Profile::Numgo && (!number.auto_renew || balance < fee) {
        return expire(books, number, renews_on, at, settings);
    }
    let spent = transactions::lifetime_spend(books, account.id)?;
    let posting = Posting {
        kind: TransactionKind::Renewal,
        amount: -fee,
        at,
        description: format!("{} renewed for a month", number.e164),
        reference: Some(number.id.clone()),
    };
    ledger::post(books, account.id, posting)?;
    credit_cashback(books, account.id, fee, spent, at, &number.id, settings)?;
    number.monthly_fee = fee;
    number.renews_on = Some(match account.profile {
        Profile::Numgo => billing::next_expiry(number.ordered_on, renews_on),
        Profile::Prepaid => billing::next_charge(number.ordered_on, renews_on),
    });
    let in_debt = transactions::balance(books, account.id)? < Decimal::ZERO;
    let (kind, text) = if in_debt {
        // The fee is taken anyway; the number is kept.
        number.state = NumberState::Suspended;
        let text = format!("{} takes no calls and SMS until the balance is positive.", number.e164);
        (NoticeKind::NumberSuspended, text)
    } else {
        (NoticeKind::NumberRenewed, format!("{} was renewed for {fee} {}.", number.e164, account.currency))
    };
    numbers::update(books, &number)?;
    schedule(books, &number, settings)?;
    tell_owner(books, &number, kind, at, text)
}

/// The time to restore is over.
pub(crate) fn delete_expired(
    books: &Books<'_>,
    id: &str,
    renews_on: Date,
    at: Timestamp,
) -> Result<(), StoreError> {
    let number = numbers::by_id(books, id)?;
    match number.filter(|n| n.state == NumberState::Expired && n.renews_on == Some(renews_on)) {
        Some(mut number) => delete(books, &mut number, at),
        None => Ok(()),
    }
}

/// A number of the profile `prepaid` is connected: its customer learns which it is, and its months count from here.
pub(crate) fn connect(
    books: &Books<'_>,
    id: &str,
    at: Timestamp,
    settings: &Settings,
) -> Result<(), StoreError> {
    let number = numbers::by_id(books, id)?;
    let Some(mut number) = number.filter(|n| n.state == NumberState::Connecting) else { return Ok(()) };
    if number.trouble.is_some_and(|t| t.kind == Trouble::CannotBeProvided && t.mended_at.is_none()) {
        return delete(books, &mut number, at);
    }
    let order = number.order.as_deref().map(|id| orders::by_id(books, id)).transpose()?.flatten();
    let months = order.map_or(1, |order| order.months);
    number.state = NumberState::Active;
    number.ordered_on = day_of(at, settings);
    number.renews_on = Some(billing::charge_day(number.ordered_on, months));
    numbers::update(books, &number)?;
    schedule(books, &number, settings)?;
    let text = format!("{} is connected.", number.e164);
    tell_owner(books, &number, NoticeKind::NumberConnected, at, text)
}

/// The end of a trial, or of the wait for a disposable number's SMS.
pub(crate) fn end(books: &Books<'_>, id: &str, at: Timestamp) -> Result<(), StoreError> {
    let number = numbers::by_id(books, id)?;
    let Some(mut number) = number.filter(|n| n.state == NumberState::Active) else { return Ok(()) };
    match number.purpose {
        Purpose::Rental => Ok(()),
        Purpose::Trial => {
            number.state = NumberState::Deleted;
            numbers::update(books, &number)?;
            let text = format!("The trial of {} is over.", number.e164);
            tell_owner(books, &number, NoticeKind::TrialEnded, at, text)
        }
        Purpose::Disposable => refund_disposable(books, number, at),
    }
}

/// Money has come in: suspended numbers work again once the balance is positive.
pub(crate) fn resume(
    books: &Books<'_>,
    account: AccountId,
    at: Timestamp,
    settings: &Settings,
) -> Result<(), StoreError> {
    let balance = transactions::balance(books, account)?;
    if balance < Decimal::ZERO || (balance.is_zero() && !settings.zero_is_positive) {
        return Ok(());
    }
    for mut number in numbers::of_account(books, account)? {
        if number.state == NumberState::Suspended {
            number.state = NumberState::Active;
            numbers::update(books, &number)?;
            let text = format!("{} takes calls and SMS again.", number.e164);
            tell_owner(books, &number, NoticeKind::NumberResumed, at, text)?;
        }
    }
    Ok(())
}

/// The disposable number has got its SMS: done, and nobody gets it for this service again.
pub(crate) fn use_up(books: &Books<'_>, mut number: Number) -> Result<(), StoreError> {
    number.disposal = Some(Disposal::Used);
    number.state = NumberState::Deleted;
    numbers::update(books, &number)
}

/// Credits the cashback of a purchase; `spent` is what was spent before it.
pub(crate) fn credit_cashback(
    books: &Books<'_>,
    account: AccountId,
    price: Decimal,
    spent: Decimal,
    at: Timestamp,
    reference: &str,
    settings: &Settings,
) -> Result<Decimal, StoreError> {
    let amount = quote::cashback(price, spent, settings);
    if amount > Decimal::ZERO {
        let percent = quote::cashback_percent(spent, settings);
        let posting = Posting {
            kind: TransactionKind::Cashback,
            amount,
            at,
            description: format!("{percent} % cashback"),
            reference: Some(reference.to_owned()),
        };
        ledger::post(books, account, posting)?;
    }
    Ok(amount)
}

/// The last day on which a number that expired on `expired_on` can be restored.
pub(crate) fn last_restore_day(expired_on: Date, settings: &Settings) -> Date {
    expired_on.saturating_add(settings.restore_days.days())
}

/// What a month of a number costs today.
pub(crate) fn fee_today(connection: &rusqlite::Connection, number: &Number) -> Result<Decimal, StoreError> {
    match catalogue::product(&number.product) {
        Some(product) => catalogue::monthly_fee(connection, product),
        None => Ok(number.monthly_fee),
    }
}

pub(crate) fn invalid(code: &'static str, detail: &str) -> Failure {
    Refusal::Invalid { code, detail: detail.into() }.into()
}

pub(crate) fn not_in_profile(detail: &str) -> Failure {
    invalid("not_in_profile", detail)
}

fn expire(
    books: &Books<'_>,
    mut number: Number,
    renews_on: Date,
    at: Timestamp,
    settings: &Settings,
) -> Result<(), StoreError> {
    number.state = NumberState::Expired;
    numbers::update(books, &number)?;
    let last_day = last_restore_day(renews_on, settings);
    let gone = start_of(last_day.saturating_add(1.day()), settings);
    agenda::add(books, gone, &Action::Delete { number: number.id.clone(), renews_on })?;
    let text = format!("{} has expired. It can be restored until {last_day}.", number.e164);
    tell_owner(books, &number, NoticeKind::NumberExpired, at, text)
}

fn delete(books: &Books<'_>, number: &mut Number, at: Timestamp) -> Result<(), StoreError> {
    number.state = NumberState::Deleted;
    number.renews_on = None;
    numbers::update(books, number)?;
    let text = format!("{} is gone.", number.e164);
    tell_owner(books, number, NoticeKind::NumberDeleted, at, text)
}

fn refund_disposable(books: &Books<'_>, mut number: Number, at: Timestamp) -> Result<(), StoreError> {
    number.disposal = Some(Disposal::Refunded);
    number.state = NumberState::Deleted;
    numbers::update(books, &number)?;
    let refund = Posting {
        kind: TransactionKind::Refund,
        amount: number.monthly_fee,
        at,
        description: format!("No SMS came to {}", number.e164),
        reference: Some(number.id.clone()),
    };
    ledger::post(books, number.account, refund)?;
    let order = number.order.as_deref().map(|id| orders::by_id(books, id)).transpose()?.flatten();
    if let Some(order) = order {
        // The cashback of a purchase that is none goes back as well.
        let share = to_cents(order.cashback / Decimal::from(order.count.max(1)));
        if !share.is_zero() {
            let posting = Posting {
                kind: TransactionKind::Adjustment,
                amount: -share,
                at,
                description: "Cashback of a refunded number".into(),
                reference: Some(number.id.clone()),
            };
            ledger::post(books, number.account, posting)?;
        }
    }
    let text = format!("No SMS came to {}; its price is back on the balance.", number.e164);
    tell_owner(books, &number, NoticeKind::DisposableRefunded, at, text)
}

/// The number and its customer, if the agenda's entry still holds.
fn due(books: &Books<'_>, id: &str, renews_on: Date) -> Result<Option<(Number, Account)>, StoreError> {
    let number = numbers::by_id(books, id)?.filter(|number| {
        number.renews_on == Some(renews_on)
            && matches!(number.state, NumberState::Active | NumberState::Suspended)
    });
    let Some(number) = number else { return Ok(None) };
    let account = accounts::by_id(books, number.account)?.ok_or(StoreError::Value("account"))?;
    Ok(Some((number, account)))
}
