//! What a fresh sandbox holds: two customers, their numbers, and a past that makes a first look worth looking at.
//!
//! All numbers are from ranges set aside for films and examples (Ofcom, ARCEP, Bundesnetzagentur, PTS, the North
//! American 555-01xx); the brands do not exist.

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::{Decimal, dec};
use tern_provider::Secret;

use crate::{
    billing,
    clock::earlier,
    contacts::{CAMILLE, LENA, SAM},
    documents::TO_GO_OUT,
    ledger::{self, Posting, to_cents},
    model::{
        Account, AccountId, Call, Direction, Document, DocumentState, Message, MessageState, Number,
        NumberKind, NumberState, Outcome, Profile, Purpose, TransactionKind, new_id, random_word,
    },
    routing::Routing,
    store::{Books, Store, StoreError, accounts, calls, documents, messages, meta, numbers, routing},
};

const FR: &str = "+33639984712";
const DE: &str = "+491713920042";
const GB: &str = "+447700900142";
const US: &str = "+12125550147";
const SE: &str = "+46846500417";

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Fills an empty database; leaves one that has accounts as it is.
pub(crate) fn plant(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let planted = store.read(|c| meta::get(c, meta::EPOCH))?.is_some();
    if planted {
        return Ok(());
    }
    store.write(|books| {
        meta::set(books, meta::EPOCH, &random_word(8))?;
        traveller(books, now)?;
        friend(books, now)
    })?;
    Ok(())
}

/// Something in an account's past.
enum Past {
    Money(TransactionKind, Decimal, &'static str),
    Sms(Direction, &'static str, &'static str, &'static str, Decimal),
    Call(Direction, &'static str, &'static str, Outcome, u32, Decimal),
}

struct Rented {
    e164: &'static str,
    product: &'static str,
    country: &'static str,
    city: Option<&'static str>,
    label: Option<&'static str>,
    kind: NumberKind,
    sms: bool,
    fee: Decimal,
    minute: Decimal,
    sms_price: Option<Decimal>,
    days_ago: u64,
}

fn traveller(books: &Books<'_>, now: Timestamp) -> Result<(), StoreError> {
    use Direction::{Incoming as In, Outgoing as Out};
    use Outcome::{Answered, Busy, Declined, Failed, Missed, Unanswered};
    use TransactionKind::{Refund, TopUp};

    let account = customer(books, "Demo traveller", "traveller", now)?;
    let mut past = vec![
        (63 * DAY, Past::Money(TopUp, dec!(35.00), "Top-up by card")),
        (31 * DAY, Past::Money(TopUp, dec!(30.00), "Top-up by card")),
        (12 * DAY, Past::Money(Refund, dec!(2.02), "Number out of service for more than 24 hours")),
    ];
    let rented = [
        Rented {
            e164: FR,
            product: "fr-mobile",
            country: "FR",
            city: None,
            label: Some("Paris"),
            kind: NumberKind::Mobile,
            sms: true,
            fee: dec!(4.90),
            minute: dec!(0.00),
            sms_price: Some(dec!(0.08)),
            days_ago: 62,
        },
        Rented {
            e164: GB,
            product: "gb-mobile",
            country: "GB",
            city: None,
            label: Some("London"),
            kind: NumberKind::Mobile,
            sms: true,
            fee: dec!(3.20),
            minute: dec!(0.01),
            sms_price: Some(dec!(0.05)),
            days_ago: 62,
        },
        Rented {
            e164: DE,
            product: "de-mobile",
            country: "DE",
            city: None,
            label: Some("Work"),
            kind: NumberKind::Mobile,
            sms: true,
            fee: dec!(5.50),
            minute: dec!(0.00),
            sms_price: Some(dec!(0.09)),
            days_ago: 40,
        },
        Rented {
            e164: US,
            product: "us-new-york",
            country: "US",
            city: Some("New York"),
            label: None,
            kind: NumberKind::Landline,
            sms: true,
            fee: dec!(2.50),
            minute: dec!(0.02),
            sms_price: Some(dec!(0.04)),
            days_ago: 40,
        },
        Rented {
            e164: SE,
            product: "se-stockholm",
            country: "SE",
            city: Some("Stockholm"),
            label: None,
            kind: NumberKind::Landline,
            sms: false,
            fee: dec!(3.00),
            minute: dec!(0.01),
            sms_price: None,
            days_ago: 20,
        },
    ];
    for number in &rented {
        past.extend(rent(books, account, number, now)?);
    }

    past.extend([
        // English, about a flat in London.
        (
            2 * DAY + 5 * HOUR,
            Past::Sms(In, GB, SAM, "Hi! Is the flat in Camden still on for the 14th?", dec!(0)),
        ),
        (
            2 * DAY + 5 * HOUR - 4 * MINUTE,
            Past::Sms(
                Out,
                GB,
                SAM,
                "Yes, keys are with the porter from noon. Need anything else?",
                dec!(0.05),
            ),
        ),
        (2 * DAY + 4 * HOUR, Past::Sms(In, GB, SAM, "All good. Is there parking nearby?", dec!(0))),
        (
            2 * DAY + 4 * HOUR - 6 * MINUTE,
            Past::Sms(Out, GB, SAM, "Street parking after 18:30, free at weekends.", dec!(0.05)),
        ),
        (
            3 * HOUR + 12 * MINUTE,
            Past::Sms(In, GB, SAM, "Landed early 🎉 can I drop my bags at 11?", dec!(0)),
        ),
        // French, with the neighbour in Paris.
        (
            DAY + 9 * HOUR,
            Past::Sms(
                In,
                FR,
                CAMILLE,
                "Salut, un colis est arrivé pour toi. Je le garde chez moi ?",
                dec!(0),
            ),
        ),
        (
            DAY + 9 * HOUR - 11 * MINUTE,
            Past::Sms(Out, FR, CAMILLE, "Oui, merci beaucoup ! Je rentre jeudi soir.", dec!(0.08)),
        ),
        (
            DAY + 8 * HOUR,
            Past::Sms(In, FR, CAMILLE, "Parfait, passe quand tu veux. Le chat va bien 😺", dec!(0)),
        ),
        // Russian, with a colleague in Berlin.
        (
            5 * DAY + 2 * HOUR,
            Past::Sms(Out, DE, LENA, "Лена, привет! Во сколько завтра встреча?", dec!(0.09)),
        ),
        (
            5 * DAY + 2 * HOUR - 3 * MINUTE,
            Past::Sms(In, DE, LENA, "Привет! В 10:30, переговорная на третьем этаже.", dec!(0)),
        ),
        (
            6 * HOUR + 40 * MINUTE,
            Past::Sms(In, DE, LENA, "Отправила договор на почту, посмотри до обеда, пожалуйста.", dec!(0)),
        ),
        // Machines.
        (
            55 * MINUTE,
            Past::Sms(
                In,
                GB,
                "Acme",
                "Your Acme code is 482 913. It is valid for 10 minutes. Never share it.",
                dec!(0),
            ),
        ),
        (
            4 * DAY,
            Past::Sms(
                In,
                US,
                "LumaAir",
                "Luma Air: flight LM 218 to Lisbon now leaves from gate B14 at 17:35.",
                dec!(0),
            ),
        ),
        // Calls, one of each sort.
        (8 * DAY, Past::Call(Out, FR, "+442079460123", Failed, 0, dec!(0))),
        (6 * DAY + 3 * HOUR, Past::Call(In, FR, CAMILLE, Answered, 372, dec!(0))),
        (5 * DAY + HOUR, Past::Call(Out, DE, LENA, Answered, 154, dec!(0.15))),
        (3 * DAY + 7 * HOUR, Past::Call(Out, GB, SAM, Busy, 0, dec!(0))),
        (3 * DAY + 7 * HOUR - 9 * MINUTE, Past::Call(Out, GB, SAM, Answered, 75, dec!(0.10))),
        (2 * DAY + 2 * HOUR, Past::Call(In, US, "+12025550178", Declined, 0, dec!(0))),
        (DAY + 3 * HOUR, Past::Call(Out, FR, CAMILLE, Unanswered, 0, dec!(0))),
        (2 * HOUR + 20 * MINUTE, Past::Call(In, GB, SAM, Missed, 0, dec!(0))),
    ]);
    relive(books, account, past, now)
}

fn friend(books: &Books<'_>, now: Timestamp) -> Result<(), StoreError> {
    let account = customer(books, "Demo friend", "friend", now)?;
    let mut past = vec![(30 * DAY, Past::Money(TransactionKind::TopUp, dec!(20.00), "Top-up by card"))];
    for (e164, product, country, fee, sms_price) in [
        ("+447700900777", "gb-mobile", "GB", dec!(3.20), dec!(0.05)),
        ("+491713920088", "de-mobile", "DE", dec!(5.50), dec!(0.09)),
    ] {
        let number = Rented {
            e164,
            product,
            country,
            city: None,
            label: None,
            kind: NumberKind::Mobile,
            sms: true,
            fee,
            minute: dec!(0.01),
            sms_price: Some(sms_price),
            days_ago: 20,
        };
        past.extend(rent(books, account, &number, now)?);
    }
    relive(books, account, past, now)
}

/// A customer with nothing yet.
pub(crate) fn new_customer(
    books: &Books<'_>,
    name: &str,
    user: &str,
    profile: Profile,
) -> Result<AccountId, StoreError> {
    let account = Account {
        id: AccountId(0),
        public_id: new_id("acc"),
        name: name.into(),
        profile,
        currency: "USD".into(),
        token: Secret::new(format!("sbx_{}", random_word(32))),
        sip_user: user.into(),
        sip_password: Secret::new(random_word(24)),
        seq: 0,
        oldest_cursor: 0,
        sms_limits: None,
        auto_topup: None,
        payment_method: false,
    };
    accounts::insert(books, &account)
}

/// A customer who has shown their papers.
fn customer(books: &Books<'_>, name: &str, user: &str, now: Timestamp) -> Result<AccountId, StoreError> {
    let account = new_customer(books, name, user, Profile::Numgo)?;
    routing::issue_sip(books, account, now)?;
    for kind in TO_GO_OUT {
        let document = Document {
            id: new_id("doc"),
            account,
            kind: *kind,
            state: DocumentState::Approved,
            reason: None,
            content: "demo".into(),
            at: now,
        };
        documents::insert(books, &document)?;
    }
    Ok(account)
}

/// Rents a number in the past, and answers what that has cost since.
fn rent(
    books: &Books<'_>,
    account: AccountId,
    rented: &Rented,
    now: Timestamp,
) -> Result<Vec<(u64, Past)>, StoreError> {
    let today = day(now);
    let ordered_on = day(earlier(now, Duration::from_secs(rented.days_ago.saturating_mul(DAY))));
    let id = new_id("num");
    numbers::insert(
        books,
        &Number {
            id: id.clone(),
            account,
            e164: rented.e164.into(),
            country: rented.country.into(),
            city: rented.city.map(Into::into),
            label: rented.label.map(Into::into),
            kind: rented.kind,
            calls: true,
            sms: rented.sms,
            monthly_fee: rented.fee,
            incoming_minute: rented.minute,
            sms_price: rented.sms_price,
            product: rented.product.into(),
            purpose: Purpose::Rental,
            ordered_on,
            renews_on: Some(billing::next_expiry(ordered_on, today)),
            auto_renew: true,
            state: NumberState::Active,
            order: None,
            ends_at: None,
            sms_left: None,
            calls_left: None,
            service: None,
            disposal: None,
            trouble: None,
            reported_at: None,
        },
    )?;
    routing::set(books, &id, &Routing { caller_id: true, ..Routing::to_own_sip() })?;
    let cashback = to_cents(rented.fee * dec!(0.05));
    let mut past = vec![
        (rented.days_ago * DAY, Past::Money(TransactionKind::Order, -rented.fee, "Number ordered")),
        (rented.days_ago * DAY, Past::Money(TransactionKind::Cashback, cashback, "5 % cashback")),
    ];
    for months in 1..12 {
        let renewed_on = billing::expiry(ordered_on, months);
        if renewed_on > today {
            break;
        }
        let ago = u64::try_from((today - renewed_on).get_days()).unwrap_or(0).saturating_mul(DAY);
        past.push((ago, Past::Money(TransactionKind::Renewal, -rented.fee, "Number renewed")));
        past.push((ago, Past::Money(TransactionKind::Cashback, cashback, "5 % cashback")));
    }
    Ok(past)
}

/// Writes a past down in the order it happened.
fn relive(
    books: &Books<'_>,
    account: AccountId,
    mut past: Vec<(u64, Past)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    past.sort_by_key(|(seconds_ago, _)| std::cmp::Reverse(*seconds_ago));
    for (seconds_ago, event) in past {
        let at = earlier(now, Duration::from_secs(seconds_ago));
        match event {
            Past::Money(kind, amount, description) => {
                let posting = Posting { kind, amount, at, description: description.into(), reference: None };
                ledger::post(books, account, posting)?;
            }
            Past::Sms(direction, number, peer, text, price) => {
                let message = Message {
                    id: new_id("msg"),
                    account,
                    version: 1,
                    direction,
                    number: number.into(),
                    peer: peer.into(),
                    text: text.into(),
                    state: match direction {
                        Direction::Incoming => MessageState::Received,
                        Direction::Outgoing => MessageState::Delivered,
                    },
                    failure: None,
                    at,
                    price: (!price.is_zero()).then_some(price),
                    idempotency_key: None,
                };
                messages::insert(books, &message)?;
                charge(
                    books,
                    account,
                    TransactionKind::Sms,
                    price,
                    at,
                    format!("SMS to {peer}"),
                    message.id,
                )?;
            }
            Past::Call(direction, number, peer, outcome, duration_seconds, price) => {
                let call = Call {
                    id: new_id("call"),
                    account,
                    version: 1,
                    sip_call_id: None,
                    direction,
                    number: number.into(),
                    peer: peer.into(),
                    started_at: at,
                    duration_seconds,
                    outcome,
                    price: (!price.is_zero()).then_some(price),
                };
                calls::insert(books, &call)?;
                let length = format!("{}:{:02} min", duration_seconds / 60, duration_seconds % 60);
                let description = format!("Call to {peer}, {length}");
                charge(books, account, TransactionKind::Call, price, at, description, call.id)?;
            }
        }
    }
    Ok(())
}

fn charge(
    books: &Books<'_>,
    account: AccountId,
    kind: TransactionKind,
    price: Decimal,
    at: Timestamp,
    description: String,
    reference: String,
) -> Result<(), StoreError> {
    if !price.is_zero() {
        let posting = Posting { kind, amount: -price, at, description, reference: Some(reference) };
        ledger::post(books, account, posting)?;
    }
    Ok(())
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{destinations, store::transactions};

    #[test]
    fn the_ledger_sums_up_on_any_first_day() {
        for start in
            ["2026-03-01T00:00:05Z", "2026-05-31T12:00:00Z", "2024-02-29T23:59:00Z", "2026-12-15T08:00:00Z"]
        {
            let store = Store::open(None).unwrap();
            let now: Timestamp = start.parse().unwrap();
            plant(&store, now).unwrap();
            let ledgers = store
                .read(|c| -> Result<_, StoreError> {
                    accounts::list(c)?
                        .iter()
                        .map(|a| transactions::list(c, a.id))
                        .collect::<Result<Vec<_>, _>>()
                })
                .unwrap();
            for ledger in &ledgers {
                let mut balance = Decimal::ZERO;
                for row in ledger {
                    balance += row.amount;
                    assert_eq!(row.balance_after, balance, "{start}");
                    assert!(row.cashback_after <= balance, "{start}: {balance}");
                    assert!(row.at <= now && balance >= Decimal::ZERO, "{start}: {balance}");
                }
            }
            assert_eq!(ledgers[0].last().unwrap().balance_after.to_string(), "25.40", "{start}");
        }
    }

    #[test]
    fn prices_of_the_past_are_the_rules_prices() {
        let settings = crate::settings::Settings::default();
        let charge = |seconds, to| {
            let talked = Some(Duration::from_secs(seconds));
            billing::call_charge(talked, destinations::minute_price(to), &settings).to_string()
        };
        assert_eq!((charge(154, LENA), charge(75, SAM)), ("0.15".into(), "0.10".into()));
    }

    #[test]
    fn planting_twice_changes_nothing() {
        let store = Store::open(None).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        plant(&store, now).unwrap();
        let before = store.read(accounts::list).unwrap();
        plant(&store, now).unwrap();
        let after = store.read(accounts::list).unwrap();
        assert_eq!(before.len(), after.len());
        assert_eq!(before[0].seq, after[0].seq);
    }
}
