//! The adapter for the sandbox's API, and for any provider that implements the same API (described in
//! `docs/provider-api.md`).
//!
//! Endpoints and their mapping belong here. Whether and when to ask again is the engine's business, except for a
//! read that fails on its way: that is tried again twice within a second.

mod calls;
mod wire;

use async_trait::async_trait;
use futures_util::{StreamExt, stream::BoxStream};

use crate::{
    Provider, ProviderError, Secret, SetupError,
    http::{Ask, Auth, Http},
    types::*,
};

/// The most rows one page may have, whatever the caller asks for.
const MAX_PAGE: u32 = 500;

/// An account at a provider that speaks the sandbox's API.
pub struct SandboxProvider {
    http: Http,
}

/// One of the accounts a sandbox is seeded with.
#[derive(Debug, Clone)]
pub struct DemoAccount {
    /// Such as `Demo traveller`.
    pub name: String,
    /// For [`SandboxProvider::new`].
    pub token: Secret,
    /// The numbers it rents, E.164.
    pub numbers: Vec<String>,
    /// Its SIP account.
    pub sip: SipCredentials,
}

impl SandboxProvider {
    /// `base_url` is the API's address without `/v1`, such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// When the address is no URL, is plain HTTP to another machine, or the token cannot stand in a header.
    pub fn new(base_url: impl AsRef<str>, token: Secret) -> Result<Self, SetupError> {
        Ok(Self { http: Http::new(base_url.as_ref(), Auth::Bearer(&token), wire::explain)? })
    }
}

/// The accounts a sandbox on this machine offers to try out; the first is the one meant for a demonstration.
///
/// # Errors
/// [`ProviderError::Refused`] with code `bad_address` where [`SandboxProvider::new`] would refuse the address, and
/// everything a request can fail with.
pub async fn demo_accounts(base_url: impl AsRef<str>) -> Result<Vec<DemoAccount>, ProviderError> {
    let http = Http::new(base_url.as_ref(), Auth::None, wire::explain)
        .map_err(|e| ProviderError::Refused { code: "bad_address".into(), detail: e.to_string() })?;
    let answer: wire::DemoAccounts = http.get("/sandbox/accounts", Ask::default()).await?;
    Ok(answer
        .accounts
        .into_iter()
        .map(|a| DemoAccount {
            name: a.name,
            token: Secret::new(a.token),
            numbers: a.numbers,
            sip: a.sip.map(),
        })
        .collect())
}

impl std::fmt::Debug for SandboxProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxProvider").finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for SandboxProvider {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            balance: true,
            send_message: true,
            idempotent_send: true,
            topup: true,
            change_feed: true,
            hints: true,
            inbox: true,
            call_log: true,
            transactions: true,
            sip_credentials: true,
            sip_on_request: true,
            statistics: true,
            rates: true,
            forwarding: true,
            caller_id: true,
            voicemail: true,
            greetings: true,
            ..Capabilities::NONE
        }
    }

    async fn account(&self) -> Result<AccountInfo, ProviderError> {
        self.http.get::<wire::Account>("/v1/account", Ask::default()).await?.map()
    }

    async fn numbers(&self) -> Result<Vec<Number>, ProviderError> {
        let answer: wire::Numbers = self.http.get("/v1/numbers", Ask::default()).await?;
        answer.numbers.into_iter().map(wire::Number::map).collect()
    }

    async fn sip_credentials(&self) -> Result<Option<SipCredentials>, ProviderError> {
        match self.http.get::<wire::Sip>("/v1/sip", Ask::default()).await {
            Ok(sip) => Ok(Some(sip.map())),
            Err(ProviderError::Refused { code, .. }) if code == "sip_not_issued" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn issue_sip(&self) -> Result<SipCredentials, ProviderError> {
        self.ask_for_sip().await
    }

    async fn rate(&self, target: &str, from: Option<&str>) -> Result<Rate, ProviderError> {
        self.ask_rate(target, from).await
    }

    async fn statistics(&self, period: Period) -> Result<Statistics, ProviderError> {
        self.ask_statistics(period).await
    }

    async fn set_caller_id(&self, number: &RemoteId, on: bool) -> Result<Number, ProviderError> {
        let caller_id = self.put_caller_id(number, on).await?;
        let found = self.numbers().await?.into_iter().find(|n| n.id == *number);
        let mut number = found.ok_or(ProviderError::Malformed)?;
        number.terms.caller_id = Some(caller_id);
        Ok(number)
    }

    async fn forwarding(&self, number: &RemoteId) -> Result<Forwarding, ProviderError> {
        self.ask_forwarding(number).await
    }

    async fn set_forwarding(
        &self,
        number: &RemoteId,
        forwarding: &Forwarding,
    ) -> Result<Forwarding, ProviderError> {
        self.put_forwarding(number, forwarding).await
    }

    async fn voicemail_settings(&self, number: &RemoteId) -> Result<VoicemailSettings, ProviderError> {
        self.ask_voicemail(number).await
    }

    async fn set_voicemail(
        &self,
        number: &RemoteId,
        settings: &VoicemailSettings,
    ) -> Result<VoicemailSettings, ProviderError> {
        self.put_voicemail(number, settings).await
    }

    async fn greetings(&self) -> Result<Vec<Greeting>, ProviderError> {
        self.ask_greetings().await
    }

    async fn upload_greeting(&self, file: &File) -> Result<Greeting, ProviderError> {
        self.post_greeting(file).await
    }

    async fn voicemails(&self) -> Result<Vec<VoicemailMessage>, ProviderError> {
        self.ask_voicemails().await
    }

    async fn voicemail_sound(&self, id: &RemoteId) -> Result<File, ProviderError> {
        self.ask_sound(id).await
    }

    async fn snapshot(&self, page: Option<PageToken>, limit: u32) -> Result<SnapshotPage, ProviderError> {
        let mut query = vec![("limit", limit.clamp(1, MAX_PAGE).to_string())];
        query.extend(page.map(|token| ("page", token.0)));
        let ask = Ask { query, ..Ask::default() };
        self.http.get::<wire::Snapshot>("/v1/activity/snapshot", ask).await?.map()
    }

    async fn changes(&self, since: &Cursor, limit: u32) -> Result<ChangesPage, ProviderError> {
        let query = vec![("since", since.0.clone()), ("limit", limit.clamp(1, MAX_PAGE).to_string())];
        let ask = Ask { query, ..Ask::default() };
        let page = self.http.get::<wire::Changes>("/v1/activity/changes", ask).await?.map()?;
        // A feed that says "more" without moving on would be read for ever.
        if page.has_more && page.next == *since {
            return Err(ProviderError::Malformed);
        }
        Ok(page)
    }

    async fn hints(
        &self,
        since: &Cursor,
    ) -> Result<BoxStream<'static, Result<(), ProviderError>>, ProviderError> {
        Ok(self.http.events("/v1/activity/stream", &since.0).await?.boxed())
    }

    async fn send_message(
        &self,
        key: &IdempotencyKey,
        message: &OutgoingMessage,
    ) -> Result<Message, ProviderError> {
        let ask = Ask { idempotency_key: Some(&key.0), ..Ask::default() };
        let body = wire::NewMessage { from: &message.from, to: &message.to, text: &message.text };
        let answer: wire::Message = self.http.post("/v1/messages", ask, &body).await?;
        answer.map(None)?.ok_or(ProviderError::Malformed)
    }

    async fn find_sent(&self, sought: &SoughtMessage) -> Result<Option<Message>, ProviderError> {
        let key = &sought.key;
        let ask = Ask { query: vec![("idempotency_key", key.0.clone())], ..Ask::default() };
        let answer: wire::Messages = self.http.get("/v1/messages", ask).await?;
        for message in answer.messages {
            // A server that ignores the filter must not make another message look like this one.
            if let Some(message) = message.map(None)?
                && message.idempotency_key.as_ref() == Some(key)
            {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    async fn create_topup(&self, key: &IdempotencyKey, amount: Money) -> Result<TopUp, ProviderError> {
        let ask = Ask { idempotency_key: Some(&key.0), ..Ask::default() };
        let body = wire::NewTopUp { amount: amount.amount.to_string() };
        self.http.post::<_, wire::TopUp>("/v1/topups", ask, &body).await?.map()
    }

    async fn topup(&self, id: &TopUpId) -> Result<TopUp, ProviderError> {
        // The id came from outside: as a path it must stay one segment.
        if id.0.is_empty() || !id.0.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
            return Err(ProviderError::Malformed);
        }
        self.http.get::<wire::TopUp>(&format!("/v1/topups/{}", id.0), Ask::default()).await?.map()
    }
}

#[cfg(test)]
mod tests;
