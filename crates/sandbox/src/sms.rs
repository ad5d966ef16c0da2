//! SMS: who may send what where and how often, what it costs, and how it gets on.
//!
//! Invariant: a message, its charge, its key and its further way are one transaction, so a client that lost the
//! answer can ask again under the same key.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use rust_decimal::Decimal;

use crate::{
    catalogue::{self, Sort},
    clock::{earlier, later},
    destinations, documents,
    ledger::{self, Posting, to_cents},
    lifecycle::{self, invalid},
    model::{
        Account, Direction, Message, MessageState, Number, NumberState, Purpose, TransactionKind, new_id,
    },
    operator::Operator,
    refusal::{Failure, Refusal},
    segments::{Segments, segments},
    settings::{LimitScope, LimitWindow, Settings, SmsBilling},
    store::{
        Books, StoreError,
        agenda::{self, Action},
        idempotency::{self, Earlier},
        messages, numbers, transactions,
    },
    world,
};

const SCOPE: &str = "messages";

/// An SMS as a client hands it in.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
}

/// An SMS that can be sent.
#[derive(Debug)]
pub(crate) struct Vetted {
    /// Where it comes from.
    pub(crate) number: Number,
    /// E.164.
    pub(crate) to: String,
    pub(crate) price: Decimal,
}

/// What is left of one of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// The window's length.
    pub(crate) seconds: u64,
    pub(crate) limit: u32,
    pub(crate) left: u32,
    /// When nothing is left: how long until there is.
    pub(crate) free_in: Duration,
}

/// Whether a request did something or was a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It was carried out now.
    Done,
    /// It had been carried out before under the same key.
    Repeated,
}

impl Operator {
    /// Accepts an SMS for sending, once per `key`.
    pub(crate) fn send_message(
        &self,
        account: &Account,
        key: &str,
        draft: &Draft,
    ) -> Result<(Message, Effect), Failure> {
        let now = self.now();
        let request = serde_json::json!([draft.from, draft.to, draft.text]).to_string();
        self.write(|books| {
            if let Some(earlier) = idempotency::find(books, account.id, SCOPE, key)? {
                if earlier.request != request {
                    return Err(Refusal::IdempotencyConflict.into());
                }
                // What was deleted since is not sent again.
                let message = messages::by_id(books, &earlier.result)?.ok_or(Refusal::NotFound)?;
                return Ok((message, Effect::Repeated));
            }
            let message = self.accept(books, account, key, draft, now)?;
            let earlier = Earlier { request, result: message.id.clone() };
            idempotency::remember(books, account.id, SCOPE, key, &earlier)?;
            Ok((message, Effect::Done))
        })
    }

    /// Deletes a message of the account's.
    pub(crate) fn delete_message(&self, account: &Account, id: &str) -> Result<(), Failure> {
        self.write(|books| {
            let found = messages::by_id(books, id)?.filter(|message| message.account == account.id);
            let message = found.ok_or(Refusal::NotFound)?;
            // The operator has its text from here.
            if message.state == MessageState::Accepted {
                return Err(invalid("message_on_its_way", "It has not left yet; it can be deleted then."));
            }
            Ok(messages::delete(books, &message)?)
        })
    }

    fn accept(
        &self,
        books: &Books<'_>,
        account: &Account,
        key: &str,
        draft: &Draft,
        now: Timestamp,
    ) -> Result<Message, Failure> {
        let Vetted { mut number, to, price } = self.vet_message(books, account, draft, now)?;
        let message = Message {
            id: new_id("msg"),
            account: account.id,
            version: 1,
            direction: Direction::Outgoing,
            number: number.e164.clone(),
            peer: to,
            text: draft.text.clone(),
            state: MessageState::Accepted,
            failure: None,
            at: now,
            price: Some(price),
            idempotency_key: Some(key.to_owned()),
        };
        messages::insert(books, &message)?;
        if !price.is_zero() {
            let posting = Posting {
                kind: TransactionKind::Sms,
                amount: -price,
                at: now,
                description: format!("SMS to {}", message.peer),
                reference: Some(message.id.clone()),
            };
            ledger::post(books, account.id, posting)?;
        }
        if let Some(left) = number.sms_left {
            number.sms_left = Some(left.saturating_sub(1));
            numbers::update(books, &number)?;
        }
        let id = message.id.clone();
        let sent_at = later(now, self.settings.sms_sent_after);
        if self.faults().operator_rejects() {
            agenda::add(books, sent_at, &Action::SmsRejected { id })?;
            return Ok(message);
        }
        agenda::add(books, sent_at, &Action::SmsSent { id: id.clone() })?;
        agenda::add(books, later(now, self.settings.sms_delivered_after), &Action::SmsDelivered { id })?;
        world::answer_later(books, &self.settings, &message)?;
        Ok(message)
    }

    /// Whether an SMS can be sent now, and all that follows from its being so.
    pub(crate) fn vet_message(
        &self,
        c: &Connection,
        account: &Account,
        draft: &Draft,
        now: Timestamp,
    ) -> Result<Vetted, Failure> {
        let from = destinations::e164(&draft.from).ok_or(Refusal::NumberNotYours)?;
        let number = numbers::by_e164(c, &from)?
            .filter(|n| n.account == account.id && n.is_connected())
            .ok_or(Refusal::NumberNotYours)?;
        match number.state {
            NumberState::Active => {}
            NumberState::Suspended => {
                return Err(invalid("number_suspended", "The balance must be positive first."));
            }
            _ => return Err(Refusal::NumberExpired.into()),
        }
        if !number.sms || number.sms_price.is_none() {
            return Err(Refusal::NumberWithoutSms.into());
        }
        if !documents::may_go_out(c, account)? {
            let why = "Passport and registration address must be approved before SMS and calls go out.";
            return Err(invalid("documents_required", why));
        }
        if number.sms_left == Some(0) {
            return Err(invalid("trial_used_up", "The SMS of this trial are used up."));
        }
        if draft.text.trim().is_empty() {
            return Err(Refusal::EmptyText.into());
        }
        let max = self.settings.sms_max_chars;
        if draft.text.chars().nth(max).is_some() {
            return Err(Refusal::TextTooLong { max }.into());
        }
        let to = destinations::e164(&draft.to).ok_or(Refusal::InvalidRecipient)?;
        if !destinations::serves_sms(&to, &self.settings) {
            return Err(Refusal::DestinationNotServed.into());
        }
        self.check_limits(c, account, &number.e164, now)?;
        let (price, _) = price(&number, &draft.text, &self.settings);
        if transactions::balance(c, account.id)? < price {
            return Err(Refusal::InsufficientFunds.into());
        }
        Ok(Vetted { number, to, price })
    }

    fn check_limits(
        &self,
        books: &Connection,
        account: &Account,
        number: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut wait = Duration::ZERO;
        for allowance in self.sms_allowances(books, account, number, now)? {
            if allowance.left == 0 {
                wait = wait.max(allowance.free_in);
            }
        }
        if wait.is_zero() { Ok(()) } else { Err(Refusal::RateLimited { retry_after: wait }.into()) }
    }

    /// What is left to send within a second, an hour and a day.
    pub(crate) fn sms_allowances(
        &self,
        connection: &Connection,
        account: &Account,
        number: &str,
        now: Timestamp,
    ) -> Result<[Allowance; 3], StoreError> {
        let limits = account.sms_limits.unwrap_or(self.settings.sms_limits);
        let scope = match self.settings.sms_scope {
            LimitScope::Account => None,
            LimitScope::Number => Some(number),
        };
        let allowance = |limit: u32, seconds: u64| -> Result<Allowance, StoreError> {
            let length = Duration::from_secs(seconds);
            let begins = match self.settings.sms_window {
                LimitWindow::Rolling => earlier(now, length),
                LimitWindow::Calendar => {
                    let into = now.as_millisecond().rem_euclid(length.as_millis() as i64);
                    // One millisecond before it, as the window is what lies after.
                    earlier(now, Duration::from_millis(into.unsigned_abs().saturating_add(1)))
                }
            };
            let sent = messages::sent_since(connection, account.id, scope, begins)?;
            let left = limit.saturating_sub(sent);
            let mut free_in = Duration::ZERO;
            if left == 0 {
                let oldest = messages::nth_latest_sent(connection, account.id, scope, begins, limit)?;
                let free_at = match (self.settings.sms_window, oldest) {
                    (LimitWindow::Rolling, Some(oldest)) => later(oldest, length),
                    // A limit of nothing: never.
                    (LimitWindow::Rolling, None) => later(now, length),
                    (LimitWindow::Calendar, _) => later(begins, length + Duration::from_millis(1)),
                };
                free_in = Duration::try_from(free_at.duration_since(now)).unwrap_or_default();
            }
            Ok(Allowance { seconds, limit, left, free_in })
        };
        Ok([
            allowance(limits.per_second, 1)?,
            allowance(limits.per_hour, 3600)?,
            allowance(limits.per_day, 86_400)?,
        ])
    }

    /// An SMS from outside arrives at a rented number.
    pub(crate) fn receive_message(&self, to: &str, from: &str, text: &str) -> Result<Message, Failure> {
        let now = self.now();
        self.write(|books| self.arrive(books, to, from, text, now)?.ok_or(Refusal::NumberUnknown.into()))
    }

    /// Puts an SMS into the inbox of whoever rents `to`, or, where a rule keeps it away, a row that tells which;
    /// `None` when nobody rents it, or it takes no SMS.
    pub(crate) fn arrive(
        &self,
        books: &Books<'_>,
        to: &str,
        from: &str,
        text: &str,
        at: Timestamp,
    ) -> Result<Option<Message>, StoreError> {
        let Some(to) = destinations::e164(to) else { return Ok(None) };
        let takes = |n: &Number| n.sms && matches!(n.state, NumberState::Active | NumberState::Suspended);
        let Some(mut number) = numbers::by_e164(books, &to)?.filter(takes) else { return Ok(None) };
        let failure = self.incoming_failure(books, &number, from, text)?;
        let message = Message {
            id: new_id("msg"),
            account: number.account,
            version: 1,
            direction: Direction::Incoming,
            number: number.e164.clone(),
            // Senders may be words, so what is no number stays as it is.
            peer: destinations::e164(from).unwrap_or_else(|| from.to_owned()),
            // What did not arrive is not read either.
            text: if failure.is_some() { String::new() } else { text.to_owned() },
            state: if failure.is_some() { MessageState::Failed } else { MessageState::Received },
            failure: failure.map(Into::into),
            at,
            price: None,
            idempotency_key: None,
        };
        messages::insert(books, &message)?;
        if failure.is_none() {
            if let Some(left) = number.sms_left {
                number.sms_left = Some(left.saturating_sub(1));
                numbers::update(books, &number)?;
            }
            if number.purpose == Purpose::Disposable {
                lifecycle::use_up(books, number)?;
            }
        }
        Ok(Some(message))
    }

    /// Why an SMS does not reach a number that takes SMS; a stable code.
    fn incoming_failure(
        &self,
        books: &Books<'_>,
        number: &Number,
        from: &str,
        text: &str,
    ) -> Result<Option<&'static str>, StoreError> {
        if self.faults().operator_fault() {
            return Ok(Some("operator_fault"));
        }
        let balance = transactions::balance(books, number.account)?;
        if number.state == NumberState::Suspended || balance < self.settings.incoming_sms_min_balance {
            return Ok(Some("balance_too_low"));
        }
        if number.sms_left == Some(0) {
            return Ok(Some("trial_used_up"));
        }
        if number.service.as_deref().is_some_and(|service| !service.eq_ignore_ascii_case(from.trim())) {
            return Ok(Some("service_blocked"));
        }
        let Some(product) = catalogue::product(&number.product) else { return Ok(None) };
        let is_service = destinations::e164(from).is_none();
        if product.blocked_services.iter().any(|service| service.eq_ignore_ascii_case(from.trim()))
            || (product.sort == Sort::Registration && !is_service)
        {
            return Ok(Some("service_blocked"));
        }
        Ok((product.blocks_links && has_link_or_mail(text)).then_some("link_or_email"))
    }

    /// The operator has taken an SMS over: it reaches its recipient if that is one of the provider's own numbers.
    pub(crate) fn sms_sent(&self, books: &Books<'_>, id: &str, at: Timestamp) -> Result<(), StoreError> {
        if let Some(message) = messages::advance(books, id, MessageState::Sent, None)? {
            self.arrive(books, &message.peer, &message.number, &message.text, at)?;
        }
        Ok(())
    }
}

/// The operator has confirmed an SMS.
pub(crate) fn delivered(books: &Books<'_>, id: &str) -> Result<(), StoreError> {
    messages::advance(books, id, MessageState::Delivered, None).map(|_| ())
}

/// The operator has rejected an SMS; its price comes back where the settings say so.
pub(crate) fn rejected(
    books: &Books<'_>,
    id: &str,
    at: Timestamp,
    settings: &Settings,
) -> Result<(), StoreError> {
    let Some(message) = messages::advance(books, id, MessageState::Failed, Some("operator_rejected"))? else {
        return Ok(());
    };
    let price = message.price.filter(|price| settings.refund_failed_sms && !price.is_zero());
    if let Some(amount) = price {
        let posting = Posting {
            kind: TransactionKind::Refund,
            amount,
            at,
            description: format!("SMS to {} was not delivered", message.peer),
            reference: Some(message.id),
        };
        ledger::post(books, message.account, posting)?;
    }
    Ok(())
}

/// What an SMS costs on a number, and how many segments it takes.
pub(crate) fn price(number: &Number, text: &str, settings: &Settings) -> (Decimal, Segments) {
    let segments = segments(text);
    let each = match number.purpose {
        Purpose::Trial => Decimal::ZERO,
        _ => number.sms_price.unwrap_or_default(),
    };
    let times = match settings.sms_billing {
        SmsBilling::Message => 1,
        SmsBilling::Segment => segments.count,
    };
    (to_cents(each.saturating_mul(Decimal::from(times))), segments)
}

/// Whether a text has something in it that operators take for a link or an e-mail address.
fn has_link_or_mail(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let lower = word.to_ascii_lowercase();
        let mail = word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        let bare = lower.split(['/', '?', ':']).next().is_some_and(|host| {
            let mut labels = host.rsplit('.');
            let top = labels.next().unwrap_or_default();
            labels.next().is_some_and(|l| !l.is_empty() && l.chars().any(|c| c.is_ascii_alphabetic()))
                && top.len() >= 2
                && top.chars().all(|c| c.is_ascii_alphabetic())
        });
        mail || lower.contains("://") || bare
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_mail_addresses_are_seen() {
        for (text, seen) in [
            ("Your code is 482 913.", false),
            ("See https://example.net/x", true),
            ("Go to example.net/login now", true),
            ("mail me: sam@example.org!", true),
            ("Meet at 10.30, room 3.14", false),
            ("Fine.Thanks a lot", true),
            ("It is ok. Bye...", false),
            ("me@home", false),
        ] {
            assert_eq!(has_link_or_mail(text), seen, "{text}");
        }
    }
}
