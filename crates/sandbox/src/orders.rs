//! Ordering numbers: what may be ordered how, what it costs, and when the customer gets it.
//!
//! Invariant: an order, its charge, its cashback and its numbers are one transaction, under the key it was asked for
//! with.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    billing,
    catalogue::{self, Product, SERVICES, Sort, Speed},
    clock::later,
    days::{day_of, working_days_later},
    destinations,
    ledger::{self, Posting},
    lifecycle::{self, credit_cashback, invalid, not_in_profile},
    model::{Account, Number, NumberState, Order, Profile, Purpose, TransactionKind, new_id},
    operator::Operator,
    quote::{self, Quote},
    refusal::{Failure, Refusal},
    sms::Effect,
    store::{
        Books, StoreError,
        agenda::{self, Action},
        documents,
        idempotency::{self, Earlier},
        numbers, orders, transactions,
    },
};

const SCOPE: &str = "orders";

/// What a customer asks for.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) product: String,
    pub(crate) count: u32,
    pub(crate) months: u32,
    pub(crate) auto_renew: bool,
    pub(crate) trial: bool,
    /// The service a disposable number is for.
    pub(crate) service: Option<String>,
    /// Chosen numbers (`numgo`); none: the provider chooses.
    pub(crate) numbers: Vec<String>,
}

impl Operator {
    /// Orders, once per `key`.
    pub(crate) fn order(
        &self,
        account: &Account,
        key: &str,
        wish: &Wish,
    ) -> Result<(Order, Vec<Number>, Effect), Failure> {
        let now = self.now();
        let request = serde_json::json!([
            wish.product,
            wish.count,
            wish.months,
            wish.auto_renew,
            wish.trial,
            wish.service,
            wish.numbers
        ])
        .to_string();
        self.write(|books| {
            if let Some(earlier) = idempotency::find(books, account.id, SCOPE, key)? {
                if earlier.request != request {
                    return Err(Refusal::IdempotencyConflict.into());
                }
                let order = orders::by_id(books, &earlier.result)?.ok_or(StoreError::Value("order"))?;
                let made = numbers::of_order(books, &order.id)?;
                return Ok((order, made, Effect::Repeated));
            }
            let (order, made) = self.place(books, account, wish, now)?;
            let earlier = Earlier { request, result: order.id.clone() };
            idempotency::remember(books, account.id, SCOPE, key, &earlier)?;
            Ok((order, made, Effect::Done))
        })
    }

    /// What an order would cost; refused as the order would be.
    pub(crate) fn quote(&self, account: &Account, wish: &Wish) -> Result<Quote, Failure> {
        self.read(|c| {
            let product = checked(self, account, wish)?;
            let spent = transactions::lifetime_spend(c, account.id)?;
            let fee = if wish.trial { Decimal::ZERO } else { catalogue::monthly_fee(c, product)? };
            Ok(quote::quote(account.profile, fee, wish.count, wish.months, spent, &self.settings))
        })
    }

    fn place(
        &self,
        books: &Books<'_>,
        account: &Account,
        wish: &Wish,
        now: Timestamp,
    ) -> Result<(Order, Vec<Number>), Failure> {
        let product = checked(self, account, wish)?;
        let purpose = match product.sort {
            _ if wish.trial => Purpose::Trial,
            Sort::Disposable => Purpose::Disposable,
            Sort::Number | Sort::Registration => Purpose::Rental,
        };
        if purpose == Purpose::Trial {
            if numbers::trials_of(books, account.id, product.id)? >= self.settings.trials_per_product {
                return Err(invalid("trial_used", "This account has already tried this."));
            }
            if numbers::trials_running(books, product.id)? >= product.trial_stock {
                return Err(out_of_stock());
            }
        }
        let chosen = choose(books, product, wish)?;
        let spent = transactions::lifetime_spend(books, account.id)?;
        let fee = if wish.trial { Decimal::ZERO } else { catalogue::monthly_fee(books, product)? };
        let price = quote::quote(account.profile, fee, wish.count, wish.months, spent, &self.settings);

        let mut order = Order {
            id: new_id("ord"),
            account: account.id,
            product: product.id.into(),
            purpose,
            count: wish.count,
            months: wish.months,
            service: wish.service.clone(),
            discount_percent: price.discount_percent,
            total: price.total,
            cashback: Decimal::ZERO,
            at: now,
        };
        if !price.total.is_zero() {
            let posting = Posting {
                kind: TransactionKind::Order,
                amount: -price.total,
                at: now,
                description: format!("{} x {} for {} months", wish.count, product.id, wish.months),
                reference: Some(order.id.clone()),
            };
            ledger::charge(books, account.id, posting)?;
            order.cashback =
                credit_cashback(books, account.id, price.total, spent, now, &order.id, &self.settings)?;
        }
        orders::insert(books, &order)?;
        let mut made = Vec::with_capacity(chosen.len());
        for e164 in chosen {
            let number = self.hand_out(books, account, product, &order, wish, e164, fee, now)?;
            made.push(number);
        }
        Ok((order, made))
    }

    #[allow(clippy::too_many_arguments, reason = "one number out of one order")]
    fn hand_out(
        &self,
        books: &Books<'_>,
        account: &Account,
        product: &Product,
        order: &Order,
        wish: &Wish,
        e164: String,
        fee: Decimal,
        now: Timestamp,
    ) -> Result<Number, Failure> {
        let settings = &self.settings;
        let today = day_of(now, settings);
        let mut number = Number {
            id: new_id("num"),
            account: account.id,
            e164,
            country: product.country.into(),
            city: product.city.map(Into::into),
            label: None,
            kind: product.kind,
            calls: product.calls,
            sms: product.sms,
            monthly_fee: fee,
            incoming_minute: product.incoming_minute,
            sms_price: product.sms_price,
            product: product.id.into(),
            purpose: order.purpose,
            ordered_on: today,
            renews_on: None,
            auto_renew: wish.auto_renew || account.profile == Profile::Prepaid,
            state: NumberState::Active,
            order: Some(order.id.clone()),
            ends_at: None,
            sms_left: None,
            calls_left: None,
            service: order.service.clone(),
            disposal: None,
            trouble: None,
            reported_at: None,
        };
        let mut connect_at = None;
        match (order.purpose, account.profile) {
            (Purpose::Trial, Profile::Numgo) => {
                let (lasts, sms, calls) = settings.trial_numgo;
                number.ends_at = Some(later(now, lasts));
                number.sms_left = Some(sms);
                number.calls_left = Some(calls);
            }
            (Purpose::Trial, Profile::Prepaid) => number.ends_at = Some(later(now, settings.trial_prepaid)),
            (Purpose::Disposable, _) => number.ends_at = Some(later(now, settings.disposable_refund_after)),
            (Purpose::Rental, Profile::Numgo) => {
                number.renews_on = Some(billing::expiry(today, wish.months));
            }
            (Purpose::Rental, Profile::Prepaid) => {
                number.state = NumberState::Connecting;
                connect_at = Some(connection_time(books, self, account, product, now)?);
                if connect_at == Some(None) {
                    number.state = NumberState::AwaitingDocuments;
                }
            }
        }
        numbers::insert(books, &number)?;
        if let Some(ends_at) = number.ends_at {
            agenda::add(books, ends_at, &Action::End { number: number.id.clone() })?;
        }
        lifecycle::schedule(books, &number, settings)?;
        match connect_at.flatten() {
            Some(at) if at <= now => {
                lifecycle::connect(books, &number.id, now, settings)?;
                number = numbers::by_id(books, &number.id)?.unwrap_or(number);
            }
            Some(at) => agenda::add(books, at, &Action::Connect { number: number.id.clone() })?,
            None => {}
        }
        Ok(number)
    }
}

/// When a number of the profile `prepaid` is connected; `None` while documents are missing.
pub(crate) fn connection_time(
    books: &Books<'_>,
    operator: &Operator,
    account: &Account,
    product: &Product,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    for kind in product.documents {
        if !documents::is_approved(books, account.id, *kind)? {
            return Ok(None);
        }
    }
    let settings = &operator.settings;
    let papers = if product.documents.is_empty() { Duration::ZERO } else { settings.connect_with_documents };
    Ok(Some(match product.connection {
        Speed::AtOnce => later(now, papers),
        Speed::Slow => working_days_later(now, settings.connect_slow_days, settings),
    }))
}

/// Everything about a wish that does not depend on what others have.
fn checked(operator: &Operator, account: &Account, wish: &Wish) -> Result<&'static Product, Failure> {
    let product = catalogue::product(&wish.product).ok_or(Refusal::NotFound)?;
    let settings = &operator.settings;
    if !(1..=settings.order_max_numbers).contains(&wish.count) {
        let why = format!("An order has 1 to {} numbers.", settings.order_max_numbers);
        return Err(invalid("order_count", &why));
    }
    if !(1..=settings.order_max_months).contains(&wish.months) {
        let why = format!("An order is for 1 to {} months.", settings.order_max_months);
        return Err(invalid("order_months", &why));
    }
    match (product.sort, &wish.service) {
        (Sort::Disposable, Some(service)) if SERVICES.contains(&service.as_str()) => {}
        (Sort::Disposable, _) => {
            return Err(invalid("service_unknown", "A disposable number is for one of the services named."));
        }
        (_, Some(_)) => return Err(invalid("service_unknown", "Only disposable numbers are for a service.")),
        (_, None) => {}
    }
    if product.sort == Sort::Disposable && wish.months != 1 {
        return Err(invalid("order_months", "A disposable number has no months."));
    }
    if wish.trial {
        if !product.has_trial(account.profile) {
            return Err(invalid("trial_not_offered", "There is no trial of this."));
        }
        if wish.count != 1 || wish.months != 1 {
            return Err(invalid("trial_not_offered", "A trial is of one number."));
        }
    }
    if !wish.numbers.is_empty() {
        if account.profile == Profile::Prepaid {
            let why = "The number is known once it is connected; country and city can be chosen.";
            return Err(not_in_profile(why));
        }
        if wish.numbers.len() != wish.count as usize {
            return Err(invalid("order_count", "There must be as many chosen numbers as are ordered."));
        }
    }
    Ok(product)
}

/// The numbers for a wish.
fn choose(books: &Books<'_>, product: &Product, wish: &Wish) -> Result<Vec<String>, Failure> {
    let free = catalogue::free(books, product)?;
    let count = wish.count as usize;
    if !wish.numbers.is_empty() {
        let mut chosen: Vec<String> = Vec::with_capacity(count);
        for number in &wish.numbers {
            let e164 = destinations::e164(number).filter(|e| free.contains(e) && !chosen.contains(e));
            let taken = || invalid("number_taken", "One of the chosen numbers is not to be had.");
            chosen.push(e164.ok_or_else(taken)?);
        }
        return Ok(chosen);
    }
    let mut chosen = Vec::with_capacity(count);
    for e164 in free {
        if chosen.len() == count {
            break;
        }
        // A disposable number is never issued twice for the same service.
        if let Some(service) = &wish.service
            && !numbers::issue(books, &e164, service)?
        {
            continue;
        }
        chosen.push(e164);
    }
    if chosen.len() < count { Err(out_of_stock()) } else { Ok(chosen) }
}

fn out_of_stock() -> Failure {
    invalid("out_of_stock", "There are not so many left of this.")
}
