//! The API over its socket, under a clock that stands still until told otherwise.

mod calls;
mod feed;
mod money;
mod running;
mod sms;

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tern_provider::{Provider, ProviderError, sandbox::SandboxProvider, types::*};

use crate::{
    LimitScope, LimitWindow, Sandbox, SandboxConfig, SetClock, Settings,
    model::NumberState as RowState,
    store::{StoreError, accounts, numbers, transactions},
};

const FR: &str = "+33639984712";
const GB: &str = "+447700900142";
const SE: &str = "+46846500417";
const SAM: &str = "+447700900318";
const STRANGER: &str = "+447700900999";
const FRIEND: &str = "+447700900777";

pub(super) struct House {
    pub(super) sandbox: Sandbox,
    clock: Arc<SetClock>,
    pub(super) client: reqwest::Client,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or(""))
    }
}

impl House {
    pub(super) async fn open(settings: Settings) -> Self {
        Self::open_at(settings, None, "2026-05-20T12:00:00.250Z").await
    }

    pub(super) async fn open_at(settings: Settings, data: Option<std::path::PathBuf>, now: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(SetClock::new(now.parse().unwrap()));
        let config = SandboxConfig { settings, data, clock: clock.clone(), ..SandboxConfig::default() };
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { sandbox: Sandbox::start(config).await.unwrap(), clock, client }
    }

    fn provider(&self, account: usize) -> SandboxProvider {
        let token = self.sandbox.accounts()[account].token.clone();
        SandboxProvider::new(self.sandbox.http_url(), token).unwrap()
    }

    /// `request` is `METHOD PATH`; `key` becomes the Idempotency-Key.
    pub(super) async fn ask(&self, request: &str, key: Option<&str>, body: Option<Value>) -> Answer {
        let token = self.sandbox.accounts()[0].token.reveal().to_owned();
        self.ask_as(&token, request, key, body).await
    }

    pub(super) async fn ask_as(
        &self,
        token: &str,
        request: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let (method, path) = request.split_once(' ').unwrap();
        let url = format!("{}{path}", self.sandbox.http_url());
        let mut builder = self.client.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some(key) = key {
            builder = builder.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            builder = builder.json(&body);
        }
        let response = builder.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    async fn send(&self, key: &str, from: &str, to: &str, text: &str) -> Answer {
        let body = json!({"from": from, "to": to, "text": text});
        self.ask("POST /v1/messages", Some(key), Some(body)).await
    }

    pub(super) async fn balance(&self) -> String {
        self.ask("GET /v1/account", None, None).await.body["balance"]["amount"].as_str().unwrap().into()
    }

    /// Lets time pass, and everything happen that is due by then.
    pub(super) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.sandbox.operator.run_due().unwrap();
    }

    pub(super) async fn message(&self, key: &str) -> Value {
        let found = self.ask(&format!("GET /v1/messages?idempotency_key={key}"), None, None).await;
        found.body["messages"][0].clone()
    }
}

#[tokio::test]
async fn account_numbers_and_sip() {
    let house = House::open(Settings::default()).await;
    let account = house.ask("GET /v1/account", None, None).await.body;
    assert_eq!(account["balance"], json!({"amount": "25.40", "currency": "USD"}));
    assert_eq!(account["topup"], json!({"min": "5.00", "max": "3600.00"}));
    assert_eq!(account["profile"], "numgo");

    let numbers = house.provider(0).numbers().await.unwrap();
    let shown: Vec<_> = numbers.iter().map(|n| (n.e164.as_str(), n.country.as_str(), n.sms)).collect();
    assert_eq!(
        shown,
        [
            (FR, "FR", true),
            (GB, "GB", true),
            ("+491713920042", "DE", true),
            ("+12125550147", "US", true),
            (SE, "SE", false)
        ]
    );
    // Ordered 62 days before 20 May: 19 March, so the third month ends on 18 June.
    assert_eq!(numbers[0].renews_on.unwrap().to_string(), "2026-06-18");

    let sip = house.provider(0).sip_credentials().await.unwrap().unwrap();
    assert_eq!((sip.user.as_str(), sip.domain.as_str()), ("traveller", "sandbox.tern.example"));
    assert_eq!(sip.proxy, Some(house.sandbox.sip_addr().to_string()));
}

#[tokio::test]
async fn requests_that_are_no_requests() {
    let house = House::open(Settings::default()).await;
    let sms = json!({"from": GB, "to": SAM, "text": "hi"});
    let long_key = "k".repeat(201);
    for (request, key, body, expected) in [
        ("POST /v1/messages", None, Some(sms.clone()), (400, "idempotency_key_required")),
        ("POST /v1/messages", Some(long_key.as_str()), Some(sms.clone()), (400, "idempotency_key_required")),
        ("POST /v1/messages", Some(""), Some(sms), (400, "idempotency_key_required")),
        ("POST /v1/messages", Some("k"), Some(json!({"from": GB})), (400, "bad_request")),
        ("POST /v1/messages", Some("k"), Some(json!([1])), (400, "bad_request")),
        // The fields' values in a row are no object.
        ("POST /v1/messages", Some("k"), Some(json!([GB, SAM, "hi"])), (400, "bad_request")),
        ("POST /v1/messages", Some("k"), None, (415, "bad_request")),
        ("GET /v1/messages", None, None, (400, "bad_request")),
        ("DELETE /v1/messages", None, None, (405, "method_not_allowed")),
        ("GET /v1/nothing", None, None, (404, "not_found")),
        ("GET /v1/topups/top_nothing", None, None, (404, "not_found")),
        ("GET /v1/topups/..%2f", None, None, (404, "not_found")),
        ("GET /v1/activity/changes", None, None, (400, "bad_request")),
        ("GET /v1/activity/snapshot?limit=-1", None, None, (400, "bad_request")),
        ("GET /v1/activity/snapshot?limit=0", None, None, (400, "bad_request")),
        ("GET /v1/transactions?limit=201", None, None, (400, "bad_request")),
        ("GET /v1/transactions?page=%2B5", None, None, (400, "bad_page")),
        ("GET /v1/numbers/%FF", None, None, (400, "bad_request")),
        ("GET /v1/activity/snapshot?page=1.2", None, None, (400, "bad_page")),
        (
            "POST /sandbox/sms",
            None,
            Some(json!({"to": STRANGER, "from": "x", "text": "y"})),
            (404, "number_unknown"),
        ),
    ] {
        let answer = house.ask(request, key, body).await;
        assert_eq!(answer.code(), expected, "{request}");
    }
    // One number, however it is written.
    let whole = json!({"product": "gb-mobile", "months": 3.0});
    assert_eq!(house.ask("POST /v1/orders/quote", None, Some(whole)).await.status, 200);
    let part = json!({"product": "gb-mobile", "months": 3.5});
    assert_eq!(house.ask("POST /v1/orders/quote", None, Some(part)).await.code(), (400, "bad_request"));
    let big = json!({"from": GB, "to": SAM, "text": "x".repeat(70_000)});
    assert_eq!(house.ask("POST /v1/messages", Some("k"), Some(big)).await.status, 413);
}

#[tokio::test]
async fn only_the_token_opens_and_only_this_host_is_served() {
    let house = House::open(Settings::default()).await;
    for token in ["", "wrong", "sbx_"] {
        assert_eq!(house.ask_as(token, "GET /v1/account", None, None).await.code(), (401, "unauthorized"));
    }
    let url = format!("{}/sandbox/accounts", house.sandbox.http_url());
    for (host, status) in [("evil.example", 421), ("localhost:1", 200), ("127.0.0.1", 200), ("", 400)] {
        let response = house.client.get(&url).header("host", host).send().await.unwrap();
        assert!(
            response.status() == status || (host.is_empty() && !response.status().is_success()),
            "{host}"
        );
    }
}

#[tokio::test]
async fn the_description_names_every_route_and_every_route_is_there() {
    let house = House::open(Settings::default()).await;
    let document = house.ask("GET /openapi.json", None, None).await.body;
    assert_eq!(document["openapi"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["3", "1"]);
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let mut described = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described.push(format!("{} {path}", method.to_uppercase()));
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path}: an id is there once");
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{path}");
            // Without a token, and with nothing else a route could ask for: it must be there and hold up.
            let request = format!("{} {}", method.to_uppercase(), path.replace("{id}", "x"));
            let answer = house.ask_as("", &request, None, None).await;
            assert!(
                ![405, 500].contains(&answer.status) && answer.body["code"] != "not_found",
                "{path}: {}",
                answer.status
            );
            let secured = operation["security"].as_array().is_some();
            assert_eq!(secured, path.starts_with("/v1/"), "{path}");
            assert_eq!(answer.status == 401, secured, "{path}");
            let statuses = operation["responses"].as_object().unwrap();
            assert!(
                statuses.contains_key(&answer.status.to_string()) || [400, 415].contains(&answer.status),
                "{path} answered {} which it does not document",
                answer.status
            );
        }
    }
    described.sort();
    let routes = include_str!("mod.rs");
    let routed = routes.lines().filter(|line| line.trim_start().starts_with(".route(")).map(|line| {
        let path = line.split('"').nth(1).unwrap();
        let verbs = ["get(", "post(", "put(", "patch(", "delete("];
        let count: usize = verbs.iter().map(|verb| line.matches(verb).count()).sum();
        assert_eq!(
            described.iter().filter(|d| d.ends_with(&format!(" {path}"))).count(),
            count,
            "{path} is not described"
        );
        count
    });
    assert_eq!(routed.sum::<usize>(), described.len());
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

fn refused(code: &str) -> ProviderError {
    ProviderError::Refused { code: code.into(), detail: String::new() }
}

fn without_detail(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Refused { code, .. } => ProviderError::Refused { code, detail: String::new() },
        other => other,
    }
}
