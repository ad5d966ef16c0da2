//! Top-ups: a payment is asked for, paid (or not) on the checkout page, and credited.
//!
//! Invariant: a top-up becomes `paid` once, in the same transaction as its credit. However often the payment is
//! reported, it is credited once; one reported after its page has expired is credited as well, for the money came.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    clock::later,
    ledger::{self, Posting, to_cents},
    lifecycle::invalid,
    model::{Account, AccountId, AutoTopUp, NoticeKind, TopUp, TopUpState, TransactionKind, new_id},
    notices,
    operator::Operator,
    refusal::{Failure, Refusal},
    sms::Effect,
    store::{
        Books, StoreError, accounts,
        agenda::{self, Action},
        idempotency::{self, Earlier},
        topups, transactions,
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
        let amount = self.topup_amount(amount)?;
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
                automatic: false,
                created_at: self.now(),
            };
            topups::insert(books, &topup)?;
            let expires = later(topup.created_at, self.settings.checkout_expires_after);
            agenda::add(books, expires, &Action::AbandonTopUp { id: topup.id.clone() })?;
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
        // The bank decides, not the button.
        let declined = state == TopUpState::Paid && self.faults().payments_declined();
        let state = if declined { TopUpState::Declined } else { state };
        self.write(|books| {
            let topup = topups::by_id(books, id)?.ok_or(Refusal::NotFound)?;
            if topup.state != TopUpState::Pending {
                return Ok(topup);
            }
            if state == TopUpState::Paid {
                credit(books, id, now)?;
            } else {
                topups::settle(books, id, state)?;
            }
            Ok(TopUp { state, ..topup })
        })
    }

    /// The customer pays, but the payment's event takes its time.
    pub(crate) fn pay_late(&self, id: &str) -> Result<TopUp, Failure> {
        let at = later(self.now(), self.settings.late_payment_after);
        self.write(|books| {
            let topup = topups::by_id(books, id)?.ok_or(Refusal::NotFound)?;
            if topup.state == TopUpState::Pending {
                agenda::add(books, at, &Action::PaymentReported { id: topup.id.clone() })?;
            }
            Ok(topup)
        })
    }

    /// The payment's event, as the company behind the checkout page sends it, once or again.
    pub(crate) fn payment_reported(&self, id: &str) -> Result<TopUp, Failure> {
        let now = self.now();
        self.write(|books| {
            credit(books, id, now)?;
            topups::by_id(books, id)?.ok_or(Refusal::NotFound.into())
        })
    }

    /// Switches top-ups by themselves on (below a threshold, by an amount) or off.
    pub(crate) fn set_auto_topup(
        &self,
        account: &Account,
        auto: Option<(Option<&str>, &str)>,
    ) -> Result<Option<AutoTopUp>, Failure> {
        let now = self.now();
        let auto = match auto {
            None => None,
            Some((threshold, amount)) => {
                if !account.payment_method {
                    let why = "A top-up must have been paid once before it can happen by itself.";
                    return Err(invalid("no_payment_method", why));
                }
                let amount = self.topup_amount(amount)?;
                let threshold = match threshold {
                    None => self.settings.auto_topup_threshold,
                    Some(text) => {
                        let exact = Decimal::from_str_exact(text.trim()).ok();
                        let fits = |t: &Decimal| {
                            *t == to_cents(*t) && (Decimal::ZERO..=self.settings.topup_max).contains(t)
                        };
                        exact.filter(fits).ok_or(Refusal::TopUpAmount)?
                    }
                };
                Some(AutoTopUp { threshold: to_cents(threshold), amount })
            }
        };
        self.write(|books| {
            accounts::set_auto_topup(books, account.id, auto)?;
            if auto.is_some() {
                agenda::add(books, now, &Action::AutoTopUp { account: account.id })?;
            }
            Ok(auto)
        })
    }

    /// The balance may be below the threshold: pays with the method used before.
    pub(crate) fn top_up_by_itself(
        &self,
        books: &Books<'_>,
        account: AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let account = accounts::by_id(books, account)?.ok_or(StoreError::Value("account"))?;
        let balance = transactions::balance(books, account.id)?;
        let Some(auto) = account.auto_topup.filter(|auto| balance < auto.threshold) else { return Ok(()) };
        let topup = TopUp {
            id: new_id("top"),
            account: account.id,
            state: TopUpState::Pending,
            amount: auto.amount,
            automatic: true,
            created_at: at,
        };
        topups::insert(books, &topup)?;
        if !self.faults().payments_declined() {
            return credit(books, &topup.id, at);
        }
        topups::settle(books, &topup.id, TopUpState::Declined)?;
        // Trying again and again would block the card.
        accounts::set_auto_topup(books, account.id, None)?;
        let text = "The automatic top-up was declined and is switched off.".to_owned();
        notices::tell(books, account.id, NoticeKind::AutoTopUpDeclined, at, text, &topup.id)
    }

    /// An amount a top-up may have.
    fn topup_amount(&self, amount: &str) -> Result<Decimal, Failure> {
        let exact = Decimal::from_str_exact(amount.trim()).map_err(|_| Refusal::TopUpAmount)?;
        let amount = to_cents(exact);
        let limits = self.settings.topup_min..=self.settings.topup_max;
        if amount != exact || !limits.contains(&amount) {
            return Err(Refusal::TopUpAmount.into());
        }
        Ok(amount)
    }
}

/// The page was not paid on in time.
pub(crate) fn abandon(books: &Books<'_>, id: &str) -> Result<(), StoreError> {
    topups::settle(books, id, TopUpState::Cancelled).map(|_| ())
}

/// The money has come: credited, unless it was.
pub(crate) fn credit(books: &Books<'_>, id: &str, at: Timestamp) -> Result<(), StoreError> {
    let Some(topup) = topups::by_id(books, id)? else { return Ok(()) };
    if !topups::pay(books, id)? {
        return Ok(());
    }
    let how = if topup.automatic { "Automatic top-up" } else { "Top-up by card" };
    let posting = Posting {
        kind: TransactionKind::TopUp,
        amount: topup.amount,
        at,
        description: how.into(),
        reference: Some(topup.id),
    };
    ledger::post(books, topup.account, posting)?;
    accounts::keep_payment_method(books, topup.account)
}
