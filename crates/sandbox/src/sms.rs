//! SMS: who may send what where and how often, what it costs, and how it gets on.
//!
//! Invariant: a message, its charge, its key and its further way are one transaction, so a client that lost the
//! answer can ask again under the same key.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    clock::{earlier, later},
    destinations,
    ledger::{self, Posting, to_cents},
    model::{Account, AccountId, Direction, Message, MessageState, NumberState, TransactionKind, new_id},
    operator::Operator,
    refusal::{Failure, Refusal},
    settings::{LimitScope, LimitWindow},
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
                let message = messages::by_id(books, &earlier.result)?.ok_or(StoreError::Value("message"))?;
                return Ok((message, Effect::Repeated));
            }
            let message = self.accept(books, account, key, draft, now)?;
            let earlier = Earlier { request, result: message.id.clone() };
            idempotency::remember(books, account.id, SCOPE, key, &earlier)?;
            Ok((message, Effect::Done))
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
        let from = destinations::e164(&draft.from).ok_or(Refusal::NumberNotYours)?;
        let number = numbers::by_e164(books, &from)?
            .filter(|n| n.account == account.id)
            .ok_or(Refusal::NumberNotYours)?;
        if number.state != NumberState::Active {
            return Err(Refusal::NumberExpired.into());
        }
        if !number.sms {
            return Err(Refusal::NumberWithoutSms.into());
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
        self.check_limits(books, account.id, &number.e164, now)?;
        let price = number.sms_price.map(to_cents).unwrap_or_default();
        if transactions::balance(books, account.id)? < price {
            return Err(Refusal::InsufficientFunds.into());
        }

        let message = Message {
            id: new_id("msg"),
            account: account.id,
            version: 1,
            direction: Direction::Outgoing,
            number: number.e164,
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
        let id = message.id.clone();
        agenda::add(books, later(now, self.settings.sms_sent_after), &Action::SmsSent { id: id.clone() })?;
        agenda::add(books, later(now, self.settings.sms_delivered_after), &Action::SmsDelivered { id })?;
        world::answer_later(books, &self.settings, &message)?;
        Ok(message)
    }

    fn check_limits(
        &self,
        books: &Books<'_>,
        account: AccountId,
        number: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let limits = self.settings.sms_limits;
        let scope = match self.settings.sms_scope {
            LimitScope::Account => None,
            LimitScope::Number => Some(number),
        };
        let mut wait = Duration::ZERO;
        for (limit, seconds) in [(limits.per_second, 1), (limits.per_hour, 3600), (limits.per_day, 86_400)] {
            let length = Duration::from_secs(seconds);
            let begins = match self.settings.sms_window {
                LimitWindow::Rolling => earlier(now, length),
                LimitWindow::Calendar => {
                    let into = now.as_millisecond().rem_euclid(length.as_millis() as i64);
                    // One millisecond before it, as the window is what lies after.
                    earlier(now, Duration::from_millis(into.unsigned_abs().saturating_add(1)))
                }
            };
            if let Some(oldest) = messages::nth_latest_sent(books, account, scope, begins, limit)? {
                let free_at = match self.settings.sms_window {
                    LimitWindow::Rolling => later(oldest, length),
                    LimitWindow::Calendar => later(begins, length + Duration::from_millis(1)),
                };
                wait = wait.max(Duration::try_from(free_at.duration_since(now)).unwrap_or_default());
            }
        }
        if wait.is_zero() { Ok(()) } else { Err(Refusal::RateLimited { retry_after: wait }.into()) }
    }

    /// An SMS from outside arrives at a rented number.
    pub(crate) fn receive_message(&self, to: &str, from: &str, text: &str) -> Result<Message, Failure> {
        let now = self.now();
        self.write(|books| arrive(books, to, from, text, now)?.ok_or(Refusal::NumberUnknown.into()))
    }
}

/// Puts an SMS into the inbox of whoever rents `to`; `None` when nobody does, or it takes no SMS.
pub(crate) fn arrive(
    books: &Books<'_>,
    to: &str,
    from: &str,
    text: &str,
    at: Timestamp,
) -> Result<Option<Message>, StoreError> {
    let Some(to) = destinations::e164(to) else { return Ok(None) };
    let Some(number) = numbers::by_e164(books, &to)?.filter(|n| n.sms && n.state == NumberState::Active)
    else {
        return Ok(None);
    };
    let message = Message {
        id: new_id("msg"),
        account: number.account,
        version: 1,
        direction: Direction::Incoming,
        number: number.e164,
        // Senders may be words, so what is no number stays as it is.
        peer: destinations::e164(from).unwrap_or_else(|| from.to_owned()),
        text: text.to_owned(),
        state: MessageState::Received,
        failure: None,
        at,
        price: None,
        idempotency_key: None,
    };
    messages::insert(books, &message)?;
    Ok(Some(message))
}

/// The operator has taken an SMS over: it reaches its recipient if that is one of the provider's own numbers.
pub(crate) fn sent(books: &Books<'_>, id: &str, at: Timestamp) -> Result<(), StoreError> {
    if let Some(message) = messages::advance(books, id, MessageState::Sent)? {
        arrive(books, &message.peer, &message.number, &message.text, at)?;
    }
    Ok(())
}

/// The operator has confirmed an SMS.
pub(crate) fn delivered(books: &Books<'_>, id: &str) -> Result<(), StoreError> {
    messages::advance(books, id, MessageState::Delivered)?;
    Ok(())
}
