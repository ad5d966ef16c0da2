//! Top-ups: a payment is asked for, paid (or not) on the checkout page, and credited.
//!
//! Invariant: a top-up leaves `pending` once, in the same transaction as its credit. However often the payment is
//! reported, it is credited once.

use rust_decimal::Decimal;

use crate::{
    ledger::{self, Posting, to_cents},
    model::{Account, TopUp, TopUpState, TransactionKind, new_id},
    operator::Operator,
    refusal::{Failure, Refusal},
    sms::Effect,
    store::{
        StoreError,
        idempotency::{self, Earlier},
        topups,
    },
};

const SCOPE: &str = "topups";

impl Operator {
    /// Begins a top-up, once per `key`.
    pub(crate) fn create_topup(
        &self,
        account: &Account,
        key: &str,
        amount: &str,
    ) -> Result<(TopUp, Effect), Failure> {
        let exact = Decimal::from_str_exact(amount.trim()).map_err(|_| Refusal::TopUpAmount)?;
        let amount = to_cents(exact);
        let limits = self.settings.topup_min..=self.settings.topup_max;
        if amount != exact || !limits.contains(&amount) {
            return Err(Refusal::TopUpAmount.into());
        }
        let request = amount.to_string();
        self.write(|books| {
            if let Some(earlier) = idempotency::find(books, account.id, SCOPE, key)? {
                if earlier.request != request {
                    return Err(Refusal::IdempotencyConflict.into());
                }
                let topup = topups::by_id(books, &earlier.result)?.ok_or(StoreError::Value("top-up"))?;
                return Ok((topup, Effect::Repeated));
            }
            let topup = TopUp {
                id: new_id("top"),
                account: account.id,
                state: TopUpState::Pending,
                amount,
                created_at: self.now(),
            };
            topups::insert(books, &topup)?;
            let earlier = Earlier { request, result: topup.id.clone() };
            idempotency::remember(books, account.id, SCOPE, key, &earlier)?;
            Ok((topup, Effect::Done))
        })
    }

    /// A top-up, to whoever knows its id.
    pub(crate) fn topup(&self, id: &str) -> Result<TopUp, Failure> {
        self.read(|c| topups::by_id(c, id)?.ok_or(Refusal::NotFound.into()))
    }

    /// What happened on the checkout page. A top-up that has already ended stays as it is; the answer tells how.
    pub(crate) fn settle_topup(&self, id: &str, state: TopUpState) -> Result<TopUp, Failure> {
        let now = self.now();
        self.write(|books| {
            let topup = topups::by_id(books, id)?.ok_or(Refusal::NotFound)?;
            if !topups::settle(books, id, state)? {
                return Ok(topup);
            }
            if state == TopUpState::Paid {
                let posting = Posting {
                    kind: TransactionKind::TopUp,
                    amount: topup.amount,
                    at: now,
                    description: "Top-up by card".into(),
                    reference: Some(topup.id.clone()),
                };
                ledger::post(books, topup.account, posting)?;
            }
            Ok(TopUp { state, ..topup })
        })
    }
}
