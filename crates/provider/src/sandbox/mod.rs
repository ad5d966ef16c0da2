//! The adapter for the sandbox's API, and for any provider that implements the same API (described in
//! `docs/provider-api.md`).
//!
//! Endpoints and their mapping belong here. Whether and when to ask again is the engine's business, except for a
//! read that fails on its way: that is tried again twice within a second.

mod calls;
mod desk;
mod offers;
mod wire;

use async_trait::async_trait;
use futures_util::{StreamExt, stream::BoxStream};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Provider, ProviderError, Secret, SetupError,
    http::{Ask, Auth, Http, Payload, gone, refused},
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
    /// What the adapter can do.
    pub const CAPABILITIES: Capabilities = Capabilities {
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
        delete_message: true,
        rates: true,
        forwarding: true,
        caller_id: true,
        voicemail: true,
        greetings: true,
        automatic_topup: true,
        send_limits: Some(SendLimits { per_second: Some(1), per_hour: Some(100), per_day: Some(500) }),
        catalogue: true,
        trials: true,
        disposable: true,
        restore: true,
        auto_renew: true,
        documents: true,
        refunds: true,
        ..Capabilities::NONE
    };

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

/// The billing clock of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxClock {
    /// What the sandbox takes for now.
    pub now: Timestamp,
    /// How far it was set ahead, in seconds.
    pub ahead_seconds: i64,
    /// When something is due next.
    pub next_due: Option<Timestamp>,
}

/// Where to set a sandbox's billing clock. It never goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClockChange {
    /// To this moment, RFC 3339.
    Set(String),
    /// By this much, such as `3 days` or `PT36H`.
    Advance(String),
}

/// Tells a sandbox's billing clock, or sets it ahead first: what is due by then has happened once this answers.
///
/// # Errors
/// As [`demo_accounts`]; [`ProviderError::Refused`] where the change cannot be read or goes back.
pub async fn clock(
    base_url: impl AsRef<str>,
    change: Option<&ClockChange>,
) -> Result<SandboxClock, ProviderError> {
    let http = Http::new(base_url.as_ref(), Auth::None, wire::explain)
        .map_err(|e| refused("bad_address", &e.to_string()))?;
    let path = "/sandbox/clock";
    let answer: wire::Clock = match change {
        None => http.get(path, Ask::default()).await?,
        Some(ClockChange::Set(to)) => http.post(path, Ask::default(), &json!({"set": to})).await?,
        Some(ClockChange::Advance(by)) => http.post(path, Ask::default(), &json!({"advance": by})).await?,
    };
    Ok(answer.map())
}

impl std::fmt::Debug for SandboxProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxProvider").finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for SandboxProvider {
    fn capabilities(&self) -> Capabilities {
        Self::CAPABILITIES
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
        let path = format!("/v1/numbers/{}", segment(&number.0)?);
        let mut number = self.http.get::<wire::Number>(&path, Ask::default()).await?.map()?;
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

    async fn delete_message(&self, message: &RemoteId) -> Result<(), ProviderError> {
        let path = format!("/v1/messages/{}", segment(&message.0)?);
        gone(self.http.tell(Method::DELETE, &path).await)
    }

    async fn create_topup(&self, key: &IdempotencyKey, amount: Money) -> Result<TopUp, ProviderError> {
        let ask = Ask { idempotency_key: Some(&key.0), ..Ask::default() };
        let body = wire::NewTopUp { amount: amount.amount.to_string() };
        self.http.post::<_, wire::TopUp>("/v1/topups", ask, &body).await?.map()
    }

    async fn topup(&self, id: &TopUpId) -> Result<TopUp, ProviderError> {
        let path = format!("/v1/topups/{}", segment(&id.0)?);
        self.http.get::<wire::TopUp>(&path, Ask::default()).await?.map()
    }

    async fn transactions(
        &self,
        filter: &TransactionFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Transaction>, ProviderError> {
        let mut query = vec![("limit", "200".to_owned())];
        query.extend(filter.from.map(|day| ("from", day.to_string())));
        query.extend(filter.to.map(|day| ("to", day.to_string())));
        if !filter.kinds.is_empty() {
            let kinds: Vec<_> = filter.kinds.iter().map(|kind| desk::transaction_word(*kind)).collect();
            query.push(("type", kinds.join(",")));
        }
        query.extend(page.map(|token| ("page", token.0)));
        let ask = Ask { query, ..Ask::default() };
        self.http.get::<desk::Transactions>("/v1/transactions", ask).await?.map()
    }

    async fn set_automatic_topup(&self, rule: Option<&AutomaticTopUp>) -> Result<(), ProviderError> {
        let body = match rule {
            None => json!({"enabled": false}),
            Some(rule) => json!({
                "enabled": true,
                "threshold": rule.below.to_string(),
                "amount": rule.amount.to_string(),
            }),
        };
        let path = "/v1/topups/automatic";
        self.http.act::<Value>(Method::PUT, path, Ask::default(), Payload::Json(body)).await.map(|_| ())
    }

    async fn request_refund(
        &self,
        key: &IdempotencyKey,
        request: &RefundRequest,
    ) -> Result<Refund, ProviderError> {
        let body = desk::NewRefund {
            service: &request.service.0,
            reason: &request.reason,
            amount: request.amount.amount.to_string(),
            payment_details: request.payment_details.as_deref(),
        };
        self.http.post::<_, desk::Refund>("/v1/refunds", keyed(key), &body).await?.map()
    }

    async fn refunds(&self) -> Result<Vec<Refund>, ProviderError> {
        let answer: desk::Refunds = self.http.get("/v1/refunds", whole_page()).await?;
        answer.refunds.into_iter().map(desk::Refund::map).collect()
    }

    async fn catalogue(
        &self,
        filter: &CatalogueFilter,
        _: Option<PageToken>,
    ) -> Result<Page<Offer>, ProviderError> {
        let mut query = Vec::new();
        query.extend(filter.country.clone().map(|country| ("country", country)));
        query.extend(filter.city.clone().map(|city| ("city", city)));
        let answer: offers::Catalogue =
            self.http.get("/v1/catalogue", Ask { query, ..Ask::default() }).await?;
        let products = answer.products.into_iter().filter(|product| product.sort != "disposable");
        let mut rows = products.map(offers::Product::offer).collect::<Result<Vec<_>, _>>()?;
        rows.retain(|offer| {
            filter.kind.is_none_or(|kind| kind == offer.kind)
                && (!filter.sms || offer.sms)
                && (!filter.trial || offer.trial.is_some())
        });
        Ok(Page { rows, next_page: None })
    }

    async fn quote(&self, order: &OrderRequest) -> Result<Quote, ProviderError> {
        let answer: offers::Quote =
            self.http.post("/v1/orders/quote", Ask::default(), &new_order(order)).await?;
        answer.map()
    }

    async fn order(&self, key: &IdempotencyKey, order: &OrderRequest) -> Result<Order, ProviderError> {
        self.http.post::<_, offers::Order>("/v1/orders", keyed(key), &new_order(order)).await?.map()
    }

    async fn orders(&self) -> Result<Vec<Order>, ProviderError> {
        let answer: offers::Orders = self.http.get("/v1/orders", whole_page()).await?;
        answer.orders.into_iter().filter(|o| o.purpose != "disposable").map(offers::Order::map).collect()
    }

    async fn disposable_offers(&self) -> Result<Vec<DisposableOffer>, ProviderError> {
        let answer: offers::Catalogue = self.http.get("/v1/catalogue", Ask::default()).await?;
        let mut found = Vec::new();
        for product in answer.products.into_iter().filter(|product| product.sort == "disposable") {
            found.extend(product.disposable()?);
        }
        Ok(found)
    }

    async fn order_disposable(
        &self,
        key: &IdempotencyKey,
        country: &str,
        service: &str,
    ) -> Result<DisposableNumber, ProviderError> {
        let ask = Ask { query: vec![("country", country.to_owned())], ..Ask::default() };
        let answer: offers::Catalogue = self.http.get("/v1/catalogue", ask).await?;
        let fits = |product: &offers::Product| {
            product.sort == "disposable" && product.services.iter().any(|offered| offered == service)
        };
        let product = answer.products.into_iter().find(fits);
        let product = product.ok_or_else(|| refused("service_unknown", "There is no such number."))?;
        let new = offers::NewOrder {
            product: &product.id,
            count: 1,
            months: 1,
            trial: false,
            service: Some(service),
        };
        let order: offers::Order = self.http.post("/v1/orders", keyed(key), &new).await?;
        order.disposable()?.pop().ok_or(ProviderError::Malformed)
    }

    async fn disposable_numbers(&self) -> Result<Vec<DisposableNumber>, ProviderError> {
        let answer: offers::Orders = self.http.get("/v1/orders", whole_page()).await?;
        let mut found = Vec::new();
        for order in answer.orders.into_iter().filter(|order| order.purpose == "disposable") {
            found.extend(order.disposable()?);
        }
        Ok(found)
    }

    async fn restore(&self, key: &IdempotencyKey, number: &RemoteId) -> Result<Number, ProviderError> {
        let path = format!("/v1/numbers/{}/restore", segment(&number.0)?);
        let answer = self.http.act::<wire::Number>(Method::POST, &path, keyed(key), Payload::Nothing);
        answer.await?.map()
    }

    async fn delete_number(&self, number: &RemoteId) -> Result<(), ProviderError> {
        let path = format!("/v1/numbers/{}", segment(&number.0)?);
        self.http.act::<Value>(Method::DELETE, &path, Ask::default(), Payload::Nothing).await.map(|_| ())
    }

    async fn set_auto_renew(&self, number: &RemoteId, on: bool) -> Result<Number, ProviderError> {
        let path = format!("/v1/numbers/{}", segment(&number.0)?);
        let change = Payload::Json(json!({"auto_renew": on}));
        self.http.act::<wire::Number>(Method::PATCH, &path, Ask::default(), change).await?.map()
    }

    async fn documents(&self) -> Result<Vec<Document>, ProviderError> {
        let answer: desk::Documents = self.http.get("/v1/documents", Ask::default()).await?;
        Ok(answer.documents.into_iter().filter_map(desk::Document::map).collect())
    }

    async fn upload_document(&self, document: &NewDocument) -> Result<Document, ProviderError> {
        let paper = Payload::Json(desk::paper(document));
        let answer = self.http.act::<desk::Document>(Method::POST, "/v1/documents", Ask::default(), paper);
        answer.await?.map().ok_or(ProviderError::Malformed)
    }
}

/// An id that came from outside: as a path it must stay one segment.
fn segment(id: &str) -> Result<&str, ProviderError> {
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if plain { Ok(id) } else { Err(ProviderError::Malformed) }
}

fn keyed(key: &IdempotencyKey) -> Ask<'_> {
    Ask { idempotency_key: Some(&key.0), ..Ask::default() }
}

/// As many rows as a page can have: what these lists hold is few.
fn whole_page() -> Ask<'static> {
    Ask { query: vec![("limit", "200".to_owned())], ..Ask::default() }
}

fn new_order(order: &OrderRequest) -> offers::NewOrder<'_> {
    offers::NewOrder {
        product: &order.offer.0,
        count: order.quantity,
        months: order.months,
        trial: order.trial,
        service: None,
    }
}

#[cfg(test)]
mod tests;
