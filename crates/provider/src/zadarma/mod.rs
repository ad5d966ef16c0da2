//! The adapter for Zadarma's API.
//!
//! It sends SMS but hands out none that were received, and names no id for what it sent: what became of an SMS is not
//! told. The lists of calls may be asked for three times a minute, so asking waits for its turn here.

mod signature;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp, tz::Offset};
use reqwest::Method;
use serde::de::DeserializeOwned;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    Provider, ProviderError, Secret, SetupError,
    http::{Ask, Auth, Http, Pace, Payload},
    polled::{self, Listed, Lists, OVERLAP, Row, Span, Terms},
    types::*,
};

/// Where Zadarma answers.
pub const BASE: &str = "https://api.zadarma.com/";

/// A list covers a month at most.
const WINDOW: SignedDuration = SignedDuration::from_hours(28 * 24);
/// Rows of a page; the most there is.
const PAGE: usize = 1000;
/// For how long the account's time zone is believed: it is told as an offset, which summer time changes.
const OFFSET_HOLDS: Duration = Duration::from_secs(3600);

const CAPABILITIES: Capabilities = Capabilities {
    balance: true,
    change_feed: true,
    poll_every: Some(Duration::from_secs(60)),
    call_log: true,
    send_message: true,
    rates: true,
    ..Capabilities::NONE
};

const OUTGOING: usize = 0;
const INCOMING: usize = 1;

/// An account at Zadarma.
pub struct Zadarma {
    http: Http,
    key: String,
    secret: Secret,
    /// Of all lists of calls together.
    statistics: Pace,
    /// The account's time zone, in which the lists are dated, and when it was told.
    offset: Mutex<Option<(Instant, Offset)>>,
}

impl Zadarma {
    /// What the adapter can do.
    pub const CAPABILITIES: Capabilities = CAPABILITIES;

    /// `base` is [`BASE`] but in tests; `key` and `secret` are those of the API, from the account's settings.
    ///
    /// # Errors
    /// When the address is no URL or not https, or one of them is missing.
    pub fn new(base: &str, key: &str, secret: Secret) -> Result<Self, SetupError> {
        if key.trim().is_empty() {
            return Err(SetupError::Missing("user"));
        }
        if secret.reveal().is_empty() {
            return Err(SetupError::Missing("password"));
        }
        let http = Http::new(base, Auth::None, wire::explain)?;
        let statistics = Pace::new(3, Duration::from_secs(60));
        Ok(Self { http, key: key.trim().to_owned(), secret, statistics, offset: Mutex::default() })
    }

    /// `path` with its leading slash, as it is signed.
    async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Vec<(&'static str, String)>,
    ) -> Result<T, ProviderError> {
        let authorization = signature::sign(&self.key, &self.secret, path, &query);
        let ask = Ask { query, authorization: Some(authorization), ..Ask::default() };
        wire::open(self.http.get(path, ask).await?)
    }

    async fn offset(&self) -> Result<Offset, ProviderError> {
        let mut known = self.offset.lock().await;
        if let Some((told, offset)) = *known
            && told.elapsed() < OFFSET_HOLDS
        {
            return Ok(offset);
        }
        let offset = self.read::<wire::Timezone>("/v1/info/timezone", vec![]).await?.offset();
        *known = Some((Instant::now(), offset));
        Ok(offset)
    }
}

impl std::fmt::Debug for Zadarma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Zadarma").finish_non_exhaustive()
    }
}

#[async_trait]
impl Lists for Zadarma {
    fn count(&self) -> usize {
        2
    }

    fn terms(&self) -> Terms {
        Terms { overlap: OVERLAP, kept: None, past: SignedDuration::from_hours(84 * 24) }
    }

    /// A page is named by the end of its window and the rows to skip in it: `until/skip`.
    async fn list(&self, list: usize, span: Span, page: Option<&str>) -> Result<Listed, ProviderError> {
        let (until, skip) = match page.and_then(|page| page.split_once('/')) {
            Some((until, skip)) => (
                until.parse().map_err(|_| ProviderError::Malformed)?,
                skip.parse().map_err(|_| ProviderError::Malformed)?,
            ),
            None if page.is_some() => return Err(ProviderError::Malformed),
            None => (span.until, 0usize),
        };
        let from = until.checked_sub(WINDOW).unwrap_or(Timestamp::MIN).max(span.from);
        let (path, direction) = match list {
            OUTGOING => ("/v1/statistics", Direction::Outgoing),
            INCOMING => ("/v1/statistics/incoming-calls", Direction::Incoming),
            _ => return Err(ProviderError::Unsupported),
        };
        let offset = self.offset().await?;
        self.statistics.turn().await;
        let query = vec![
            ("end", wire::wall_clock(until, offset)),
            ("limit", PAGE.to_string()),
            ("skip", skip.to_string()),
            ("start", wire::wall_clock(from, offset)),
        ];
        let answer: wire::Statistics = self.read(path, query).await?;
        let count = answer.stats.len();
        let rows: Result<Vec<Row>, _> =
            answer.stats.into_iter().map(|call| call.map(direction, offset)).collect();
        let mut rows = rows?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.object.at()));
        let next = if count >= PAGE {
            Some(format!("{until}/{}", skip.saturating_add(PAGE)))
        } else {
            (from > span.from).then(|| format!("{from}/0"))
        };
        Ok(Listed { rows, next })
    }

    async fn look_up(&self, _: usize, _: &RemoteId) -> Result<Option<Row>, ProviderError> {
        // Every row is final when it is listed.
        Ok(None)
    }
}

#[async_trait]
impl Provider for Zadarma {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    async fn account(&self) -> Result<AccountInfo, ProviderError> {
        self.read::<wire::Balance>("/v1/info/balance", vec![]).await?.map()
    }

    async fn numbers(&self) -> Result<Vec<Number>, ProviderError> {
        self.read::<wire::Numbers>("/v1/direct_numbers", vec![])
            .await?
            .info
            .into_iter()
            .map(wire::Number::map)
            .collect()
    }

    async fn snapshot(&self, page: Option<PageToken>, _: u32) -> Result<SnapshotPage, ProviderError> {
        polled::snapshot(self, Timestamp::now(), page).await
    }

    async fn changes(&self, since: &Cursor, limit: u32) -> Result<ChangesPage, ProviderError> {
        polled::changes(self, Timestamp::now(), since, limit).await
    }

    async fn send_message(
        &self,
        key: &IdempotencyKey,
        message: &OutgoingMessage,
    ) -> Result<Message, ProviderError> {
        let path = "/v1/sms/send";
        let form = vec![
            ("caller_id", message.from.trim_start_matches('+').to_owned()),
            ("message", message.text.clone()),
            ("number", message.to.trim_start_matches('+').to_owned()),
        ];
        let authorization = signature::sign(&self.key, &self.secret, path, &form);
        let ask = Ask { authorization: Some(authorization), ..Ask::default() };
        let answer = self.http.act(Method::POST, path, ask, Payload::Form(form)).await?;
        let price = wire::open::<wire::Sent>(answer)?.price()?;
        Ok(Message {
            // None is given.
            id: RemoteId(format!("sent-{}", key.0)),
            version: 1,
            direction: Direction::Outgoing,
            number: message.from.clone(),
            peer: message.to.clone(),
            text: message.text.clone(),
            state: MessageState::Sent,
            at: Timestamp::now(),
            price,
            idempotency_key: Some(key.clone()),
        })
    }

    async fn rate(&self, target: &str, from: Option<&str>) -> Result<Rate, ProviderError> {
        let digits: String = target.chars().filter(char::is_ascii_digit).collect();
        let mut query: Vec<(&'static str, String)> = Vec::new();
        query.extend(from.map(|number| ("caller_id", number.trim_start_matches('+').to_owned())));
        query.push(("number", digits.clone()));
        self.read::<wire::Price>("/v1/info/price", query).await?.map(&format!("+{digits}"))
    }
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;
