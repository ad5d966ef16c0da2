//! The life around the accounts: people who answer, a welcome, and what happens while the sandbox is closed.
//!
//! Everything goes through the agenda or one transaction at the start, so it happens once however often the
//! sandbox is killed.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    call_log::{self, FinishedCall},
    checkout,
    clock::later,
    conference,
    contacts::CONTACTS,
    invoices, lifecycle,
    model::{AccountId, Direction, DocumentState, Message, Number, NumberState, Outcome},
    operator::{Operator, blocking},
    settings::Settings,
    sms,
    store::{
        Books, StoreError, accounts,
        agenda::{self, Action},
        changes, messages, meta, millis, numbers,
    },
};

/// Who writes the welcome; can be answered like anybody else.
pub(crate) const GUIDE: &str = "+447700900555";

const WELCOME: &str = "Welcome to Tern! Call \"echo\" to hear yourself, call \"callme\" and it rings you back, or \
                       answer this message.";

/// How often the sandbox notes that it is running: how exactly a killed one knows since when it was away.
const HEARTBEAT: Duration = Duration::from_secs(20);

impl Operator {
    /// A client has come to an account: remembered for the next absence, and welcomed if it is the first ever.
    pub(crate) fn visited(&self, account: AccountId) -> Result<(), StoreError> {
        let now = self.now();
        self.write(|books| {
            accounts::mark_visited(books, account)?;
            if meta::get(books, meta::WELCOMED)?.is_none() {
                meta::set(books, meta::WELCOMED, "1")?;
                agenda::add(books, later(now, self.settings.welcome_after), &Action::Welcome { account })?;
            }
            Ok(())
        })
    }

    /// Does everything that is due, in the order of its time; answers when something is due next.
    pub(crate) fn run_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = self.now();
        while self.write(|books| -> Result<bool, StoreError> {
            let Some(due) = agenda::take_due(books, now)? else { return Ok(false) };
            match due.action {
                Action::SmsSent { id } => self.sms_sent(books, &id, due.at)?,
                Action::SmsDelivered { id } => sms::delivered(books, &id)?,
                Action::SmsRejected { id } => sms::rejected(books, &id, due.at, &self.settings)?,
                Action::SmsArrives { to, from, text } => {
                    self.arrive(books, &to, &from, &text, due.at)?;
                }
                Action::Warn { number, renews_on } => lifecycle::warn(books, &number, renews_on, due.at)?,
                Action::Renew { number, renews_on } => {
                    lifecycle::renew(books, &number, renews_on, due.at, &self.settings)?;
                }
                Action::Delete { number, renews_on } => {
                    lifecycle::delete_expired(books, &number, renews_on, due.at)?;
                }
                Action::Connect { number } => lifecycle::connect(books, &number, due.at, &self.settings)?,
                Action::End { number } => lifecycle::end(books, &number, due.at)?,
                Action::Resume { account } => lifecycle::resume(books, account, due.at, &self.settings)?,
                Action::AutoTopUp { account } => self.top_up_by_itself(books, account, due.at)?,
                Action::AbandonTopUp { id } => checkout::abandon(books, &id)?,
                Action::PaymentReported { id } => checkout::credit(books, &id, due.at)?,
                Action::ReviewDocument { id } => {
                    self.decide_document(books, &id, DocumentState::Approved, None, due.at)?;
                }
                Action::AdvanceRefund { id } => self.advance_refund(books, &id, due.at)?,
                Action::Invoice { account } => invoices::make(books, &self.settings, account, due.at)?,
                Action::Welcome { account } => {
                    if let Some(to) = texting_number(books, account)? {
                        self.arrive(books, &to, GUIDE, WELCOME, due.at)?;
                    }
                }
            }
            Ok(true)
        })? {}
        self.read(agenda::next_at)
    }

    /// Called once at each start: what has happened since the sandbox was closed. Each account that had a client
    /// gets one SMS and one missed call, at times within the absence.
    pub(crate) fn catch_up(&self) -> Result<(), StoreError> {
        let now = self.now();
        self.write(|books| {
            call_log::close_killed(books)?;
            if meta::get(books, meta::SCHEDULED)?.is_none() {
                for number in numbers::renewing(books)? {
                    lifecycle::schedule(books, &number, &self.settings)?;
                }
                meta::set(books, meta::SCHEDULED, "1")?;
            }
            let away_since = meta::get(books, meta::ALIVE_AT)?
                .and_then(|text| text.parse().ok())
                .and_then(|ms| Timestamp::from_millisecond(ms).ok());
            conference::close_killed(books, &self.settings, away_since.unwrap_or(now), now)?;
            let visited = accounts::take_visited(books)?;
            if let Some(away_since) = away_since.filter(|since| *since < now) {
                let away = Duration::try_from(now.duration_since(away_since)).unwrap_or_default();
                let turn: usize = meta::get(books, meta::ABSENCES)?.and_then(|t| t.parse().ok()).unwrap_or(0);
                for account in &visited {
                    while_away(books, self, *account, away_since, away, turn)?;
                }
                if !visited.is_empty() {
                    meta::set(books, meta::ABSENCES, &turn.wrapping_add(1).to_string())?;
                }
            }
            meta::set(books, meta::ALIVE_AT, &millis(now).to_string())
        })
    }

    /// Notes that the sandbox is running now, and forgets what the feed need not keep.
    pub(crate) fn note_alive(&self) -> Result<(), StoreError> {
        let now = millis(self.now()).to_string();
        self.write(|books| {
            meta::set(books, meta::ALIVE_AT, &now)?;
            for account in accounts::list(books)? {
                changes::forget_old(books, account.id, self.settings.change_retention)?;
            }
            Ok(())
        })
    }
}

/// Keeps the agenda until stopped.
pub(crate) async fn run(operator: Arc<Operator>, stop: CancellationToken) {
    loop {
        let next = match blocking(&operator, Operator::run_due).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "what is due could not be done");
                None
            }
        };
        let beat = later(operator.now(), HEARTBEAT);
        let wake = next.map_or(beat, |next| next.min(beat));
        tokio::select! {
            () = stop.cancelled() => break,
            () = operator.agenda_changed() => {}
            () = operator.clock.sleep_until(wake) => {}
        }
        if operator.now() >= beat
            && let Err(error) = blocking(&operator, Operator::note_alive).await
        {
            tracing::error!(%error, "the sandbox's database cannot be written");
        }
    }
    if let Err(error) = blocking(&operator, Operator::note_alive).await {
        tracing::error!(%error, "the sandbox's database cannot be written");
    }
}

/// Puts the answer of a seeded contact on the agenda.
pub(crate) fn answer_later(
    books: &Books<'_>,
    settings: &Settings,
    message: &Message,
) -> Result<(), StoreError> {
    let Some(contact) = CONTACTS.iter().find(|c| c.number == message.peer) else { return Ok(()) };
    let earlier = messages::sent_to(books, message.account, &message.peer)?.saturating_sub(1);
    let turn = usize::try_from(earlier).unwrap_or(0);
    let Some(text) = contact.replies.iter().cycle().nth(turn % contact.replies.len().max(1)) else {
        return Ok(());
    };
    let action = Action::SmsArrives {
        to: message.number.clone(),
        from: message.peer.clone(),
        text: (*text).to_owned(),
    };
    agenda::add(books, later(message.at, settings.auto_reply_after), &action)
}

fn while_away(
    books: &Books<'_>,
    operator: &Operator,
    account: AccountId,
    since: Timestamp,
    away: Duration,
    turn: usize,
) -> Result<(), StoreError> {
    let Some(contact) = CONTACTS.get(turn % CONTACTS.len().max(1)) else { return Ok(()) };
    if let Some(number) = texting_number(books, account)? {
        operator.arrive(books, &number, contact.number, contact.missed_you, later(since, away / 3))?;
    }
    let calling = numbers::of_account(books, account)?.into_iter().find(Number::takes_calls);
    if let Some(number) = calling {
        let call = FinishedCall {
            account,
            sip_call_id: None,
            direction: Direction::Incoming,
            number: number.e164,
            peer: contact.number.to_owned(),
            started_at: later(since, away / 3 * 2),
            talked: None,
            outcome: Outcome::Missed,
            metered: None,
        };
        call_log::record(books, operator, call)?;
    }
    Ok(())
}

/// The first of an account's numbers that takes SMS.
fn texting_number(books: &Books<'_>, account: AccountId) -> Result<Option<String>, StoreError> {
    Ok(numbers::of_account(books, account)?
        .into_iter()
        .find(|n| n.sms && n.state == NumberState::Active)
        .map(|n| n.e164))
}
