//! The adapter for Telnyx' API v2.
//!
//! There is no list of messages: the detail records name them, and each text is asked for by its id. Texts are kept
//! for ten days; of an older message only who and when is known.

mod wire;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::de::DeserializeOwned;

use crate::{
    Provider, ProviderError, Secret, SetupError,
    http::{Ask, Auth, Http, Pace, Payload},
    polled::{self, Listed, Lists, OVERLAP, Row, Span, Terms},
    types::*,
};

/// Where Telnyx answers.
pub const BASE: &str = "https://api.telnyx.com/v2/";

/// The domain of telephony credentials.
const SIP_DOMAIN: &str = "sip.telnyx.com";
/// Rows of a page; 50 is what detail records give at most.
const PAGE: u32 = 50;
/// For how long texts are kept.
const TEXT_DAYS: u16 = 10;
/// Texts remembered at most; more than anybody gets in a day.
const MOST_TEXTS: usize = 5000;

const CAPABILITIES: Capabilities = Capabilities {
    balance: true,
    sip_credentials: true,
    change_feed: true,
    poll_every: Some(Duration::from_secs(60)),
    text_days: Some(TEXT_DAYS),
    inbox: true,
    call_log: true,
    send_message: true,
    ..Capabilities::NONE
};

const MESSAGES: usize = 0;
const CALLS: usize = 1;

/// An account at Telnyx.
pub struct Telnyx {
    http: Http,
    /// Detail records may be asked for 40 times a minute.
    records: Pace,
    /// Texts that were asked for, by their message's id: a record comes again for a day.
    texts: Mutex<HashMap<String, String>>,
}

impl Telnyx {
    /// What the adapter can do.
    pub const CAPABILITIES: Capabilities = CAPABILITIES;

    /// `base` is [`BASE`] but in tests; `key` an API v2 key (`KEY…`).
    ///
    /// # Errors
    /// When the address is no URL or not https, or the key is missing.
    pub fn new(base: &str, key: &Secret) -> Result<Self, SetupError> {
        if key.reveal().trim().is_empty() {
            return Err(SetupError::Missing("password"));
        }
        let http = Http::new(base, Auth::Bearer(key), wire::explain)?;
        let records = Pace::new(30, Duration::from_secs(60));
        Ok(Self { http, records, texts: Mutex::default() })
    }

    async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Vec<(&'static str, String)>,
    ) -> Result<T, ProviderError> {
        self.http.get(path, Ask { query, ..Ask::default() }).await
    }

    /// A message with its text; `None` when it is not kept any more.
    async fn message(&self, id: &str) -> Result<Option<wire::Message>, ProviderError> {
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Ok(None);
        }
        match self.read::<wire::One<wire::Message>>(&format!("messages/{id}"), vec![]).await {
            Ok(answer) => Ok(Some(answer.data)),
            Err(ProviderError::Refused { code, .. }) if code == "not_found" || code == "http_404" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A message's text, empty when it is not kept any more. Texts don't change: each is asked for once.
    async fn text(&self, id: &str) -> Result<String, ProviderError> {
        let texts = || self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = texts().get(id) {
            return Ok(text.clone());
        }
        let Some(message) = self.message(id).await? else { return Ok(String::new()) };
        let text = message.text();
        let mut known = texts();
        if known.len() >= MOST_TEXTS {
            known.clear();
        }
        known.insert(id.to_owned(), text.clone());
        Ok(text)
    }

    async fn records<T: DeserializeOwned>(
        &self,
        kind: &str,
        sort: &str,
        span: Span,
        page: u32,
    ) -> Result<wire::Many<T>, ProviderError> {
        self.records.turn().await;
        // Only whole days back from now can be asked for.
        let days = span.back().as_hours().saturating_div(24).saturating_add(1);
        let query = vec![
            ("filter[record_type]", kind.to_owned()),
            ("filter[date_range]", format!("last_{}_days", days.clamp(1, 90))),
            ("sort", format!("-{sort}")),
            ("page[number]", page.to_string()),
            ("page[size]", PAGE.to_string()),
        ];
        self.read("detail_records", query).await
    }
}

impl std::fmt::Debug for Telnyx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telnyx").finish_non_exhaustive()
    }
}

#[async_trait]
impl Lists for Telnyx {
    fn count(&self) -> usize {
        2
    }

    fn terms(&self) -> Terms {
        Terms {
            // Records are written when a message or call is over, and take their time.
            overlap: OVERLAP,
            kept: Some(SignedDuration::from_hours(i64::from(TEXT_DAYS) * 24)),
            past: SignedDuration::from_hours(i64::from(TEXT_DAYS) * 24),
        }
    }

    async fn list(&self, list: usize, span: Span, page: Option<&str>) -> Result<Listed, ProviderError> {
        let number: u32 = match page {
            Some(page) => page.parse().map_err(|_| ProviderError::Malformed)?,
            None => 1,
        };
        let (rows, is_last) = match list {
            MESSAGES => {
                let answer: wire::Many<wire::MessageRecord> =
                    self.records("messaging", "created_at", span, number).await?;
                let is_last = answer.is_last(number);
                let mut rows = Vec::with_capacity(answer.data.len());
                for record in answer.data {
                    if record.at().is_none_or(|at| at < span.from) {
                        continue;
                    }
                    let text = self.text(record.id()).await?;
                    rows.push(record.map(text)?);
                }
                (rows, is_last)
            }
            CALLS => {
                let answer: wire::Many<wire::CallRecord> =
                    self.records("sip-trunking", "started_at", span, number).await?;
                let is_last = answer.is_last(number);
                let rows: Result<Vec<Row>, _> = answer.data.into_iter().map(wire::CallRecord::map).collect();
                (rows?, is_last)
            }
            _ => return Err(ProviderError::Unsupported),
        };
        let next = (!is_last).then(|| number.saturating_add(1).to_string());
        Ok(Listed { rows, next })
    }

    async fn look_up(&self, list: usize, id: &RemoteId) -> Result<Option<Row>, ProviderError> {
        match list {
            MESSAGES => match self.message(&id.0).await? {
                Some(message) => message.map().map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }
}

#[async_trait]
impl Provider for Telnyx {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    async fn account(&self) -> Result<AccountInfo, ProviderError> {
        self.read::<wire::One<wire::Balance>>("balance", vec![]).await?.data.map()
    }

    async fn numbers(&self) -> Result<Vec<Number>, ProviderError> {
        let mut numbers = Vec::new();
        for page in 1..=50u32 {
            let query = vec![("page[number]", page.to_string()), ("page[size]", "250".to_owned())];
            let answer: wire::Many<wire::Number> = self.read("phone_numbers", query).await?;
            let is_last = answer.is_last(page);
            numbers.extend(answer.data.into_iter().map(wire::Number::map));
            if is_last {
                break;
            }
        }
        let mut known = std::collections::HashSet::new();
        numbers.retain(|number: &Number| known.insert(number.id.clone()));
        Ok(numbers)
    }

    /// The first telephony credential that has a password.
    async fn sip_credentials(&self) -> Result<Option<SipCredentials>, ProviderError> {
        let query = vec![("page[size]", PAGE.to_string())];
        let answer: wire::Many<wire::Credential> = self.read("telephony_credentials", query).await?;
        Ok(answer.data.into_iter().find_map(|credential| credential.map(SIP_DOMAIN)))
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
        let body = serde_json::json!({ "from": message.from, "to": message.to, "text": message.text });
        let path = "messages";
        let answer: wire::One<wire::Message> =
            self.http.act(Method::POST, path, Ask::default(), Payload::Json(body)).await?;
        match answer.data.map()?.object {
            ActivityObject::Message(sent) => Ok(Message { idempotency_key: Some(key.clone()), ..sent }),
            _ => Err(ProviderError::Malformed),
        }
    }

    async fn find_sent(&self, sought: &SoughtMessage) -> Result<Option<Message>, ProviderError> {
        let span = Span { from: sought.since, until: Timestamp::now() };
        polled::find_sent(self, MESSAGES, span, sought).await
    }
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;
