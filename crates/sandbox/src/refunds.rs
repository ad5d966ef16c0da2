//! Requests for refunds: asked for, decided by [`crate::refund_rule`], paid in the time the policy gives.
//!
//! Invariant: a service is refunded once, and a request that was decided is never decided again.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use rusqlite::Connection;
use rust_decimal::Decimal;

use crate::{
    clock::later,
    days::working_days_later,
    ledger::{self, Posting, to_cents},
    lifecycle::invalid,
    model::{
        Account, NoticeKind, Number, Refund, RefundReason, RefundState, TransactionKind, Trouble, new_id,
    },
    notices,
    operator::Operator,
    refund_rule::{self, Decision, Facts, Way},
    refusal::{Failure, Refusal},
    sms::Effect,
    store::{
        Books, StoreError,
        agenda::{self, Action},
        idempotency::{self, Earlier},
        numbers, orders, refunds, topups,
    },
};

const SCOPE: &str = "refunds";
const DAY: Duration = Duration::from_secs(86_400);

/// A request as a client makes it.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// The id of a number, an order or a top-up.
    pub(crate) service: String,
    pub(crate) reason: RefundReason,
    pub(crate) amount: String,
    /// Where money to the client would go; not kept.
    pub(crate) has_payment_details: bool,
}

impl Operator {
    /// Takes a request in, once per `key`.
    pub(crate) fn ask_refund(
        &self,
        account: &Account,
        key: &str,
        claim: &Claim,
    ) -> Result<(Refund, Effect), Failure> {
        let asked = Decimal::from_str_exact(claim.amount.trim()).ok().filter(|a| *a > Decimal::ZERO);
        let Some(asked) = asked.filter(|_| !claim.service.trim().is_empty()) else {
            return Err(incomplete("A request names the service, the amount and the reason."));
        };
        let to_client = matches!(
            claim.reason,
            RefundReason::NotProvidedThoughOffered | RefundReason::LocalProviderFailed
        );
        if to_client && !claim.has_payment_details {
            return Err(incomplete("Without payment details a request is not reviewed."));
        }
        let now = self.now();
        let request = serde_json::json!([claim.service, claim.reason, asked.to_string()]).to_string();
        self.write(|books| {
            if let Some(earlier) = idempotency::find(books, account.id, SCOPE, key)? {
                if earlier.request != request {
                    return Err(Refusal::IdempotencyConflict.into());
                }
                let refund = refunds::by_id(books, &earlier.result)?.ok_or(StoreError::Value("refund"))?;
                return Ok((refund, Effect::Repeated));
            }
            if refunds::is_granted(books, &claim.service)? {
                return Err(invalid("refund_already_asked", "A refund of this is under way already."));
            }
            let facts = self.facts(books, account, &claim.service, now)?.ok_or(Refusal::NotFound)?;
            let mut refund = Refund {
                id: new_id("ref"),
                account: account.id,
                service: claim.service.clone(),
                reason: claim.reason,
                asked,
                state: RefundState::Reviewing,
                ground: None,
                way: None,
                granted: None,
                at: now,
                due: None,
            };
            let decision = refund_rule::decide(claim.reason, asked, &facts, &self.settings);
            if to_client && !matches!(decision, Decision::Declined { .. }) {
                // Reviewed within two working days.
                refund.due = Some(working_days_later(now, self.settings.refund_review_days, &self.settings));
            } else {
                self.decided(books, &mut refund, decision, now)?;
            }
            refunds::insert(books, &refund)?;
            if let Some(due) = refund.due {
                agenda::add(books, due, &Action::AdvanceRefund { id: refund.id.clone() })?;
            }
            let earlier = Earlier { request, result: refund.id.clone() };
            idempotency::remember(books, account.id, SCOPE, key, &earlier)?;
            Ok((refund, Effect::Done))
        })
    }

    /// The client takes the balance instead of a payment that cannot be made.
    pub(crate) fn accept_alternative(&self, account: &Account, id: &str) -> Result<Refund, Failure> {
        let now = self.now();
        self.write(|books| {
            let refund = refunds::by_id(books, id)?.filter(|r| r.account == account.id);
            let mut refund = refund.ok_or(Refusal::NotFound)?;
            let amount = match (refund.state, refund.granted) {
                (RefundState::AlternativeOffered, Some(amount)) => amount,
                _ => return Err(invalid("no_alternative", "Nothing else was offered.")),
            };
            let decision = Decision::Granted { way: Way::Balance, amount, ground: "alternative_accepted" };
            self.decided(books, &mut refund, decision, now)?;
            refunds::update(books, &refund)?;
            if let Some(due) = refund.due {
                agenda::add(books, due, &Action::AdvanceRefund { id: refund.id.clone() })?;
            }
            Ok(refund)
        })
    }

    /// One step further: reviewed, or paid.
    pub(crate) fn advance_refund(
        &self,
        books: &Books<'_>,
        id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(mut refund) = refunds::by_id(books, id)? else { return Ok(()) };
        match refund.state {
            RefundState::Reviewing => {
                let account = crate::store::accounts::by_id(books, refund.account)?;
                let account = account.ok_or(StoreError::Value("account"))?;
                let facts = self.facts(books, &account, &refund.service, at)?.unwrap_or_default();
                let decision = refund_rule::decide(refund.reason, refund.asked, &facts, &self.settings);
                self.decided(books, &mut refund, decision, at)?;
                if let Some(due) = refund.due {
                    agenda::add(books, due, &Action::AdvanceRefund { id: refund.id.clone() })?;
                }
            }
            RefundState::Approved => pay(books, &mut refund, at)?,
            RefundState::AlternativeOffered | RefundState::Declined | RefundState::Paid => return Ok(()),
        }
        refunds::update(books, &refund)
    }

    /// Writes a decision into a request, and tells it.
    fn decided(
        &self,
        books: &Books<'_>,
        refund: &mut Refund,
        decision: Decision,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let settings = &self.settings;
        let text = match decision {
            Decision::Declined { ground } => {
                refund.state = RefundState::Declined;
                refund.ground = Some(ground.into());
                refund.due = None;
                format!("A refund was declined: {ground}.")
            }
            Decision::Alternative { amount, ground } => {
                refund.state = RefundState::AlternativeOffered;
                refund.ground = Some(ground.into());
                refund.way = Some("balance".into());
                refund.granted = Some(amount);
                refund.due = None;
                format!("The payment method takes no refund; {amount} can go to the balance instead.")
            }
            Decision::Granted { way, amount, ground } => {
                refund.state = RefundState::Approved;
                refund.ground = Some(ground.into());
                refund.granted = Some(amount);
                let (word, due) = match way {
                    Way::Balance => {
                        ("balance", working_days_later(at, settings.refund_to_balance_days, settings))
                    }
                    Way::Client => ("client", later(at, DAY.saturating_mul(settings.refund_to_client_days))),
                };
                refund.way = Some(word.into());
                refund.due = Some(due);
                format!("A refund of {amount} was granted: {ground}.")
            }
        };
        notices::tell(books, refund.account, NoticeKind::RefundDecided, at, text, &refund.id)
    }

    /// What is known about a service of an account's; `None` when it is not one of theirs.
    fn facts(
        &self,
        connection: &Connection,
        account: &Account,
        service: &str,
        now: Timestamp,
    ) -> Result<Option<Facts>, StoreError> {
        let method_refundable = !self.faults().payments_take_no_refund();
        let numbers = match numbers::by_id(connection, service)? {
            Some(number) if number.account == account.id => vec![number],
            Some(_) => return Ok(None),
            None => match orders::by_id(connection, service)? {
                Some(order) if order.account == account.id => numbers::of_order(connection, &order.id)?,
                Some(_) => return Ok(None),
                None => {
                    let topup = topups::by_id(connection, service)?.filter(|t| t.account == account.id);
                    let of = |paid| Facts { paid, method_refundable, ..Facts::default() };
                    return Ok(topup.map(|topup| of(topup.amount)));
                }
            },
        };
        let mut facts = Facts { method_refundable, ..Facts::default() };
        for number in &numbers {
            add_facts(connection, &mut facts, number, now)?;
        }
        Ok(Some(facts))
    }
}

/// What is known about one number.
fn add_facts(
    connection: &Connection,
    facts: &mut Facts,
    number: &Number,
    now: Timestamp,
) -> Result<(), StoreError> {
    let order = number.order.as_deref().map(|id| orders::by_id(connection, id)).transpose()?.flatten();
    let never_connected = !number.is_connected();
    facts.paid += match order {
        // Not one of its days was served: all that was paid for it.
        Some(order) if never_connected => to_cents(order.total / Decimal::from(order.count.max(1))),
        _ => number.monthly_fee,
    };
    facts.period = DAY * 30;
    if let Some(renews_on) = number.renews_on {
        let days = (renews_on - renews_on.saturating_sub(1.month())).get_days();
        facts.period = DAY * u32::try_from(days).unwrap_or(30);
    }
    let Some(trouble) = number.trouble else { return Ok(()) };
    facts.clients_fault |= trouble.clients_fault;
    facts.replacement |= trouble.replacement;
    match trouble.kind {
        Trouble::OutOfService => {
            let until = trouble.mended_at.unwrap_or(now);
            facts.idle = number
                .reported_at
                .map(|reported| Duration::try_from(until.duration_since(reported)).unwrap_or_default());
        }
        Trouble::BlockedByOperator => facts.blocked_by_operator = true,
        Trouble::CannotBeProvided => facts.not_provided = true,
        Trouble::LocalProviderFailed => facts.fails_locally = true,
    }
    Ok(())
}

fn pay(books: &Books<'_>, refund: &mut Refund, at: Timestamp) -> Result<(), StoreError> {
    let amount = refund.granted.unwrap_or_default();
    let credit = Posting {
        kind: TransactionKind::Refund,
        amount,
        at,
        description: format!("Refund: {}", refund.ground.as_deref().unwrap_or_default()),
        reference: Some(refund.id.clone()),
    };
    ledger::post(books, refund.account, credit.clone())?;
    if refund.way.as_deref() == Some("client") {
        let payout = Posting { amount: -amount, description: "Refund paid out".into(), ..credit };
        ledger::pay_out(books, refund.account, payout)?;
    }
    refund.state = RefundState::Paid;
    refund.due = None;
    Ok(())
}

fn incomplete(why: &str) -> Failure {
    invalid("refund_incomplete", why)
}
