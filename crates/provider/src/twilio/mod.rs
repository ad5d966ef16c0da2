//! The adapter for Twilio's API of 2010 and for SignalWire, which speaks the same under another address.
//!
//! SMS first: neither gives a telephone its numbers' calls without a program of the customer's in between, so there
//! are no SIP credentials here. SignalWire has neither balance nor prices in this API.

mod wire;

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::de::DeserializeOwned;

use crate::{
    Provider, ProviderError, Secret, SetupError,
    http::{Ask, Auth, Http, Payload, gone},
    polled::{self, Listed, Lists, OVERLAP, Row, Span, Terms},
    types::*,
};

/// Where Twilio answers.
pub const BASE: &str = "https://api.twilio.com/";
/// Where Twilio tells its prices.
pub const PRICING: &str = "https://pricing.twilio.com/";

/// Rows of a page.
const PAGE: &str = "200";

const TWILIO: Capabilities = Capabilities { balance: true, rates: true, ..SIGNALWIRE };

const SIGNALWIRE: Capabilities = Capabilities {
    change_feed: true,
    poll_every: Some(Duration::from_secs(30)),
    inbox: true,
    call_log: true,
    send_message: true,
    send_limits: Some(SendLimits { per_second: Some(1), per_hour: None, per_day: None }),
    delete_message: true,
    ..Capabilities::NONE
};

const MESSAGES: usize = 0;
const CALLS: usize = 1;

/// An account at Twilio or a project at SignalWire.
pub struct Twilio {
    http: Http,
    pricing: Option<Http>,
    /// Of the account's own resources, ends with a slash.
    path: String,
    account: String,
    capabilities: Capabilities,
}

impl Twilio {
    /// What the adapter can do at Twilio.
    pub const CAPABILITIES: Capabilities = TWILIO;

    /// What it can do at SignalWire.
    pub const SIGNALWIRE: Capabilities = SIGNALWIRE;

    /// `base` and `pricing` are [`BASE`] and [`PRICING`] but in tests; `account` is the Account SID (`AC…`), or the
    /// SID of an API key's account with `token` as `key:secret` left to Twilio's own rules.
    ///
    /// # Errors
    /// When an address is no URL or not https, or a credential is missing or of the wrong form.
    pub fn new(base: &str, pricing: &str, account: &str, token: &Secret) -> Result<Self, SetupError> {
        let prices = Http::new(pricing, Auth::Basic(account.trim(), token), wire::explain)?;
        Self::with(base, "2010-04-01", account, token, Some(prices), TWILIO)
    }

    /// `space` is the space's address such as `https://example.signalwire.com`, `project` the project's id.
    ///
    /// # Errors
    /// As for [`Twilio::new`].
    pub fn signalwire(space: &str, project: &str, token: &Secret) -> Result<Self, SetupError> {
        Self::with(space, "api/laml/2010-04-01", project, token, None, SIGNALWIRE)
    }

    fn with(
        base: &str,
        version: &str,
        account: &str,
        token: &Secret,
        pricing: Option<Http>,
        capabilities: Capabilities,
    ) -> Result<Self, SetupError> {
        let account = account.trim();
        if account.is_empty() {
            return Err(SetupError::Missing("user"));
        }
        if token.reveal().is_empty() {
            return Err(SetupError::Missing("password"));
        }
        // It becomes a part of every path.
        if !account.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(SetupError::BadToken);
        }
        let http = Http::new(base, Auth::Basic(account, token), wire::explain)?;
        let path = format!("{version}/Accounts/{account}/");
        Ok(Self { http, pricing, path, account: account.to_owned(), capabilities })
    }

    async fn read<T: DeserializeOwned>(
        &self,
        resource: &str,
        query: Vec<(&'static str, String)>,
    ) -> Result<T, ProviderError> {
        let ask = Ask { query, ..Ask::default() };
        self.http.get(&format!("{}{resource}.json", self.path), ask).await
    }

    /// The next page is an address of theirs, which has its query already.
    async fn page<T: DeserializeOwned>(
        &self,
        resource: &str,
        page: Option<&str>,
    ) -> Result<T, ProviderError> {
        match page {
            Some(address) => self.http.get(address, Ask::default()).await,
            None => self.read(resource, vec![("PageSize", PAGE.to_owned())]).await,
        }
    }
}

impl std::fmt::Debug for Twilio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twilio").finish_non_exhaustive()
    }
}

#[async_trait]
impl Lists for Twilio {
    fn count(&self) -> usize {
        2
    }

    fn terms(&self) -> Terms {
        Terms {
            // A call that is still going on is left out: it comes when it has ended, under the time when it began.
            overlap: OVERLAP,
            kept: None,
            past: SignedDuration::from_hours(365 * 24),
        }
    }

    async fn list(&self, list: usize, _: Span, page: Option<&str>) -> Result<Listed, ProviderError> {
        let (rows, next) = match list {
            MESSAGES => {
                let answer: wire::Messages = self.page("Messages", page).await?;
                let rows: Result<Vec<Row>, _> = answer.messages.into_iter().map(wire::Message::map).collect();
                (rows?, answer.next_page_uri)
            }
            CALLS => {
                let answer: wire::Calls = self.page("Calls", page).await?;
                let rows: Result<Vec<Option<Row>>, _> =
                    answer.calls.into_iter().map(wire::Call::map).collect();
                (rows?.into_iter().flatten().collect(), answer.next_page_uri)
            }
            _ => return Err(ProviderError::Unsupported),
        };
        Ok(Listed { rows, next: next.filter(|address| !address.is_empty()) })
    }

    async fn look_up(&self, list: usize, id: &RemoteId) -> Result<Option<Row>, ProviderError> {
        if list != MESSAGES || !is_sid(id) {
            return Ok(None);
        }
        match self.read::<wire::Message>(&format!("Messages/{}", id.0), vec![]).await {
            Ok(message) => message.map().map(Some),
            Err(ProviderError::Refused { code, .. }) if code == "not_found" || code == "http_404" => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Provider for Twilio {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn account(&self) -> Result<AccountInfo, ProviderError> {
        if !self.capabilities.balance {
            return Err(ProviderError::Unsupported);
        }
        self.read::<wire::Balance>("Balance", vec![]).await?.map(&self.account)
    }

    async fn numbers(&self) -> Result<Vec<Number>, ProviderError> {
        let mut numbers = Vec::new();
        let mut page: Option<String> = None;
        let mut seen = std::collections::HashSet::new();
        loop {
            let answer: wire::Numbers = self.page("IncomingPhoneNumbers", page.as_deref()).await?;
            numbers.extend(answer.incoming_phone_numbers.into_iter().map(wire::Number::map));
            match answer.next_page_uri {
                // A page that was there already would be read for ever.
                Some(next) if !next.is_empty() && seen.len() < 50 && seen.insert(next.clone()) => {
                    page = Some(next)
                }
                _ => break,
            }
        }
        let mut known = std::collections::HashSet::new();
        numbers.retain(|number| known.insert(number.id.clone()));
        Ok(numbers)
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
        let form = Payload::Form(vec![
            ("From", message.from.clone()),
            ("To", message.to.clone()),
            ("Body", message.text.clone()),
        ]);
        let path = format!("{}Messages.json", self.path);
        let answer: wire::Message = self.http.act(Method::POST, &path, Ask::default(), form).await?;
        match answer.map()?.object {
            ActivityObject::Message(sent) => Ok(Message { idempotency_key: Some(key.clone()), ..sent }),
            _ => Err(ProviderError::Malformed),
        }
    }

    async fn find_sent(&self, sought: &SoughtMessage) -> Result<Option<Message>, ProviderError> {
        let span = Span { from: sought.since, until: Timestamp::now() };
        polled::find_sent(self, MESSAGES, span, sought).await
    }

    async fn delete_message(&self, message: &RemoteId) -> Result<(), ProviderError> {
        if !is_sid(message) {
            return Err(ProviderError::Malformed);
        }
        gone(self.http.tell(Method::DELETE, &format!("{}Messages/{}.json", self.path, message.0)).await)
    }

    async fn rate(&self, target: &str, from: Option<&str>) -> Result<Rate, ProviderError> {
        let pricing = self.pricing.as_ref().ok_or(ProviderError::Unsupported)?;
        let digits: String = target.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() {
            return Err(crate::http::refused("invalid_recipient", "This is no phone number."));
        }
        let query = from.map(|number| ("OriginationNumber", number.to_owned())).into_iter().collect();
        let ask = Ask { query, ..Ask::default() };
        let voice: wire::VoicePrice = pricing.get(&format!("v2/Voice/Numbers/%2B{digits}"), ask).await?;
        let sms = match voice.country() {
            Some(country) => {
                let path = format!("v1/Messaging/Countries/{country}");
                Some(pricing.get::<wire::MessagePrice>(&path, Ask::default()).await?)
            }
            None => None,
        };
        voice.map(&format!("+{digits}"), sms)
    }
}

/// It becomes a part of a path.
fn is_sid(id: &RemoteId) -> bool {
    !id.0.is_empty() && id.0.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;
