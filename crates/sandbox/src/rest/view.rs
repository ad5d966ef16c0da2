//! How the provider's rows look in the API. Changing a field here changes the contract in `docs/provider-api.md`.

use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::terms::RulesView;
use crate::{
    model::{Call, Message, Notice, Number, Transaction},
    segments::segments,
    settings::SmsLimits,
};

/// An exact amount.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Money {
    /// A decimal number; negative for debits.
    #[schema(example = "10.34")]
    amount: String,
    /// ISO 4217.
    #[schema(example = "USD")]
    currency: String,
}

impl Money {
    pub(super) fn new(amount: Decimal, currency: &str) -> Self {
        Self { amount: amount.to_string(), currency: currency.into() }
    }
}

/// The account itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountView {
    pub(super) id: String,
    pub(super) name: String,
    /// `numgo` or `prepaid`: which set of rules the account lives under.
    pub(super) profile: &'static str,
    /// What can be spent now.
    pub(super) balance: Money,
    /// The part of the balance that came as cashback: it can be spent, not withdrawn, and is spent first.
    pub(super) cashback_balance: Money,
    /// Percent of every order and renewal that comes back.
    #[schema(example = "5")]
    pub(super) cashback_percent: String,
    /// Spent in the account's life; the personal rate rises with it.
    pub(super) lifetime_spend: Money,
    /// From how much spent on the rate is higher; null at the highest.
    pub(super) next_cashback_from: Option<Money>,
    /// Most SMS within a second, an hour and a day.
    pub(super) sms_limits: SmsLimitsView,
    /// Papers that must be approved before calls and SMS go out.
    pub(super) documents_missing: Vec<&'static str>,
    pub(super) topup: TopUpLimits,
    /// Top-ups that happen by themselves; null when they are off.
    pub(super) automatic_topup: Option<AutoTopUpView>,
    /// What the provider takes for now; days and limits count by it.
    #[schema(format = DateTime)]
    pub(super) now: String,
    pub(super) rules: RulesView,
}

/// Top-ups that happen by themselves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AutoTopUpView {
    /// Below which balance.
    pub(super) threshold: Money,
    pub(super) amount: Money,
}

/// What a top-up may be, in the balance's currency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TopUpLimits {
    #[schema(example = "5.00")]
    pub(super) min: String,
    #[schema(example = "3600.00")]
    pub(super) max: String,
}

/// Something a number may not be used for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RestrictionView {
    /// Stable.
    #[schema(example = "no_links")]
    pub(super) code: &'static str,
    /// A sentence for people.
    pub(super) text: String,
}

/// Every number the account rents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NumbersView {
    pub(super) numbers: Vec<NumberView>,
}

/// A rented number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NumberView {
    id: String,
    /// With the plus.
    #[schema(example = "+447700900142")]
    e164: String,
    /// ISO 3166 alpha-2.
    #[schema(example = "GB")]
    country: String,
    /// For landlines.
    city: Option<String>,
    /// The customer's own name for it.
    label: Option<String>,
    /// `mobile`, `landline` or `toll_free`.
    kind: &'static str,
    /// Takes and makes calls.
    calls: bool,
    /// Takes and sends SMS.
    sms: bool,
    monthly_fee: Money,
    /// Price of an incoming minute.
    incoming_minute: Money,
    /// Price of one outgoing SMS.
    sms_price: Option<Money>,
    /// The day of the next fee.
    #[schema(format = Date)]
    renews_on: Option<String>,
    /// `active`; `suspended`: kept, but works only once the balance is positive; `expired`: can be restored until
    /// `restore_until`; `deleted`.
    state: &'static str,
    /// What it was ordered as.
    product: Option<String>,
    /// `rental`, `trial` or `disposable`.
    purpose: &'static str,
    /// From which day its months count.
    #[schema(format = Date)]
    ordered_on: String,
    /// Whether it is renewed by itself.
    auto_renew: bool,
    /// What the next month costs, by today's price.
    next_fee: Option<Money>,
    /// The last day on which an expired number can be restored.
    #[schema(format = Date)]
    restore_until: Option<String>,
    /// When a trial is over, or a disposable number is refunded.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
    /// SMS left of a trial.
    sms_left: Option<u32>,
    /// Incoming calls left of a trial.
    calls_left: Option<u32>,
    /// The service a disposable number is for.
    service: Option<String>,
    /// How a disposable number ended: `used` or `refunded`.
    disposal: Option<&'static str>,
    /// When it was reported as not working.
    #[schema(format = DateTime)]
    reported_at: Option<String>,
    /// Whether outgoing calls show it where that is possible.
    caller_id: bool,
    /// What it may not be used for.
    restrictions: Vec<RestrictionView>,
}

/// What of a number does not stand in its row.
pub(super) struct Beside {
    /// A month's price today.
    pub(super) fee: Decimal,
    /// The end of the time to restore.
    pub(super) restore_until: Option<jiff::civil::Date>,
    pub(super) caller_id: bool,
    pub(super) restrictions: Vec<(&'static str, String)>,
}

impl NumberView {
    pub(super) fn new(number: &Number, beside: Beside, currency: &str) -> Self {
        let Beside { fee, restore_until, caller_id, restrictions } = beside;
        let restrictions = restrictions.into_iter().map(|(code, text)| RestrictionView { code, text });
        Self {
            caller_id,
            restrictions: restrictions.collect(),
            product: Some(number.product.clone()).filter(|product| !product.is_empty()),
            purpose: number.purpose.word(),
            ordered_on: number.ordered_on.to_string(),
            auto_renew: number.auto_renew,
            next_fee: number.renews_on.map(|_| Money::new(fee, currency)),
            restore_until: restore_until.map(|day| day.to_string()),
            ends_at: number.ends_at.map(|at| at.to_string()),
            sms_left: number.sms_left,
            calls_left: number.calls_left,
            service: number.service.clone(),
            disposal: number.disposal.map(|disposal| disposal.word()),
            reported_at: number.reported_at.map(|at| at.to_string()),
            id: number.id.clone(),
            e164: number.e164.clone(),
            country: number.country.clone(),
            city: number.city.clone(),
            label: number.label.clone(),
            kind: number.kind.word(),
            calls: number.calls,
            sms: number.sms,
            monthly_fee: Money::new(number.monthly_fee, currency),
            incoming_minute: Money::new(number.incoming_minute, currency),
            sms_price: number.sms_price.map(|p| Money::new(p, currency)),
            renews_on: number.renews_on.map(|d| d.to_string()),
            state: number.state.word(),
        }
    }
}

/// The account's SIP credentials.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SipView {
    pub(super) user: String,
    pub(super) domain: String,
    #[schema(format = Password)]
    pub(super) password: String,
    /// Where to send, as `host:port`.
    #[schema(example = "127.0.0.1:5060")]
    pub(super) proxy: String,
    /// Always `udp` for now.
    pub(super) transport: &'static str,
}

/// An SMS.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MessageView {
    id: String,
    /// Rises with each change.
    version: u64,
    /// `incoming` or `outgoing`.
    direction: &'static str,
    /// The account's own number.
    number: String,
    /// The other side: a number, a short code or a word.
    peer: String,
    text: String,
    /// `received`, or `accepted`, then `sent`, then `delivered`; or `failed`.
    state: &'static str,
    /// Why it failed.
    failure: Option<String>,
    #[schema(format = DateTime)]
    at: String,
    price: Option<Money>,
    /// The key it was sent with.
    idempotency_key: Option<String>,
    /// How many segments it takes.
    segments: usize,
    /// `gsm7` or `ucs2`.
    encoding: &'static str,
}

impl MessageView {
    pub(super) fn new(message: &Message, currency: &str) -> Self {
        let counted = segments(&message.text);
        Self {
            segments: counted.count,
            encoding: counted.encoding.word(),
            id: message.id.clone(),
            version: message.version,
            direction: message.direction.word(),
            number: message.number.clone(),
            peer: message.peer.clone(),
            text: message.text.clone(),
            state: message.state.word(),
            failure: message.failure.clone(),
            at: message.at.to_string(),
            price: message.price.map(|p| Money::new(p, currency)),
            idempotency_key: message.idempotency_key.clone(),
        }
    }
}

/// A call, as this account saw it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CallView {
    id: String,
    version: u64,
    /// The SIP Call-ID of the account's own leg, where there was one.
    sip_call_id: Option<String>,
    /// `incoming` or `outgoing`.
    direction: &'static str,
    /// The account's own number.
    number: String,
    peer: String,
    #[schema(format = DateTime)]
    started_at: String,
    /// From answer to hang-up; 0 when nobody answered.
    duration_seconds: u32,
    /// `answered`, `missed`, `declined`, `busy`, `unanswered` or `failed`.
    outcome: &'static str,
    price: Option<Money>,
}

impl CallView {
    pub(super) fn new(call: &Call, currency: &str) -> Self {
        Self {
            id: call.id.clone(),
            version: call.version,
            sip_call_id: call.sip_call_id.clone(),
            direction: call.direction.word(),
            number: call.number.clone(),
            peer: call.peer.clone(),
            started_at: call.started_at.to_string(),
            duration_seconds: call.duration_seconds,
            outcome: call.outcome.word(),
            price: call.price.map(|p| Money::new(p, currency)),
        }
    }
}

/// A row of the ledger.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TransactionView {
    id: String,
    version: u64,
    /// `order`, `renewal`, `restore`, `call`, `sms`, `top_up`, `cashback`, `refund` or `adjustment`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Negative for charges.
    amount: Money,
    /// The balance once this row is counted.
    balance_after: Money,
    #[schema(format = DateTime)]
    at: String,
    description: String,
    /// The message, call or top-up it belongs to.
    reference: Option<String>,
}

impl TransactionView {
    pub(super) fn new(row: &Transaction, currency: &str) -> Self {
        Self {
            id: row.id.clone(),
            version: row.version,
            kind: row.kind.word(),
            amount: Money::new(row.amount, currency),
            balance_after: Money::new(row.balance_after, currency),
            at: row.at.to_string(),
            description: row.description.clone(),
            reference: row.reference.clone(),
        }
    }
}

/// Something the provider tells by itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct NoticeView {
    id: String,
    version: u64,
    /// Such as `expiry_warning`, `number_expired`, `refund_decided`; clients show `text` for kinds they do not know.
    code: &'static str,
    /// The number it is about.
    number: Option<String>,
    #[schema(format = DateTime)]
    at: String,
    /// A sentence for people.
    text: String,
    /// The number, order, document, refund or invoice it belongs to.
    reference: Option<String>,
}

impl NoticeView {
    pub(super) fn new(notice: &Notice) -> Self {
        Self {
            id: notice.id.clone(),
            version: 1,
            code: notice.kind.word(),
            number: notice.number.clone(),
            at: notice.at.to_string(),
            text: notice.text.clone(),
            reference: notice.reference.clone(),
        }
    }
}

/// What an activity row is about; which of these is told by the row's `kind`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ObjectView {
    Message(MessageView),
    Call(CallView),
    Transaction(TransactionView),
    Notice(NoticeView),
}

/// One page of everything the account has, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SnapshotView {
    /// From where `changes` continues; the same on every page.
    pub(super) cursor: String,
    pub(super) items: Vec<ItemView>,
    /// For the `page` parameter; absent on the last page.
    pub(super) next_page: Option<String>,
    /// How many rows all pages have together; on the first page only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<u64>,
}

/// A row of the snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemView {
    /// `message`, `call`, `transaction` or `notice`; clients skip kinds they do not know.
    pub(super) kind: &'static str,
    pub(super) id: String,
    /// Rises with each change of the object.
    pub(super) version: u64,
    pub(super) object: ObjectView,
}

/// What has changed since a cursor, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangesView {
    pub(super) changes: Vec<ChangeView>,
    /// For the next `since`.
    pub(super) next: String,
    /// Whether to ask again at once.
    pub(super) has_more: bool,
}

/// A row of the change feed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ChangeView {
    /// Strictly rising within the account.
    pub(super) seq: u64,
    /// `upsert` or `delete`.
    pub(super) op: &'static str,
    /// `message`, `call`, `transaction` or `notice`; clients skip kinds they do not know.
    pub(super) kind: &'static str,
    pub(super) id: String,
    /// Rises with each change of the object.
    pub(super) version: u64,
    /// The object as it is now; null when deleted.
    pub(super) object: Option<ObjectView>,
}

/// Messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessagesView {
    pub(super) messages: Vec<MessageView>,
}

/// A top-up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TopUpView {
    pub(super) id: String,
    /// `pending`, `paid`, `declined` or `cancelled`.
    pub(super) state: &'static str,
    pub(super) amount: Money,
    /// The page to pay on, for the system's browser.
    #[schema(format = "uri")]
    pub(super) checkout_url: String,
    /// It happened by itself, with the payment method used before.
    pub(super) automatic: bool,
}

/// Most SMS within a second, an hour and a day.
#[derive(Debug, Clone, Copy, Serialize, serde::Deserialize, ToSchema)]
pub(crate) struct SmsLimitsView {
    per_second: u32,
    per_hour: u32,
    per_day: u32,
}

impl SmsLimitsView {
    pub(super) fn new(limits: SmsLimits) -> Self {
        Self { per_second: limits.per_second, per_hour: limits.per_hour, per_day: limits.per_day }
    }

    pub(super) fn limits(self) -> SmsLimits {
        SmsLimits { per_second: self.per_second, per_hour: self.per_hour, per_day: self.per_day }
    }
}
