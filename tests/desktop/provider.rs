//! The provider and the world outside: a sandbox in this process, told what to do over its control API.

use std::time::Duration;

use serde_json::{Value, json};
use tern_sandbox::{Sandbox, SandboxConfig, Settings};

/// A sandbox, and its first demo account: the one the app uses.
pub(crate) struct Provider {
    sandbox: Sandbox,
    client: reqwest::Client,
}

impl Provider {
    /// Starts one in memory, seeded.
    pub(crate) async fn start() -> Self {
        // Another crate's choice of TLS leaves the provider to whoever runs; only the first choice counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Nobody writes of their own accord: each test sees what it caused.
        let never = Duration::from_secs(24 * 3600);
        let settings = Settings { welcome_after: never, auto_reply_after: never, ..Settings::default() };
        let sandbox = Sandbox::start(SandboxConfig { settings, ..SandboxConfig::default() }).await.unwrap();
        Self { sandbox, client: reqwest::Client::new() }
    }

    /// The address of its API.
    pub(crate) fn url(&self) -> String {
        self.sandbox.http_url()
    }

    /// One of the account's own numbers, E.164.
    pub(crate) fn number(&self) -> String {
        self.sandbox.accounts()[0].numbers[0].clone()
    }

    /// The account's SIP user, password and proxy, to be typed by hand.
    pub(crate) fn sip(&self) -> (String, String, String, String) {
        let sip = &self.sandbox.accounts()[0].sip;
        (sip.user.clone(), sip.domain.clone(), sip.password.reveal().to_owned(), sip.proxy.clone())
    }

    /// What the account's API is opened with.
    pub(crate) fn token(&self) -> String {
        self.sandbox.accounts()[0].token.reveal().to_owned()
    }

    /// An SMS from outside arrives at the account's number.
    pub(crate) async fn send_sms(&self, from: &str, text: &str) {
        self.post("/sandbox/sms", json!({ "to": self.number(), "from": from, "text": text })).await;
    }

    /// Somebody outside calls the account's number, and gives up after as many seconds. Says whether it rings
    /// anywhere: it does not where nobody is registered.
    pub(crate) async fn call(&self, from: &str, ring_seconds: u32) -> bool {
        let call = json!({ "to": self.number(), "from": from, "ring_seconds": ring_seconds });
        self.post("/sandbox/calls", call).await["state"] == "ringing"
    }

    /// Breaks the account's API, or mends it.
    pub(crate) async fn answers(&self, well: bool) {
        self.post("/sandbox/faults", json!({ "api": if well { "ok" } else { "down" } })).await;
    }

    /// Pays on the checkout page that the browser was sent to, as its Pay button does.
    pub(crate) async fn pay(&self, checkout: &str) {
        let page = self.client.get(checkout).send().await.unwrap();
        assert!(page.status().is_success(), "the checkout page: {}", page.status());
        let paid = self.client.post(format!("{checkout}/pay")).send().await.unwrap();
        assert!(
            !paid.status().is_client_error() && !paid.status().is_server_error(),
            "paying: {}",
            paid.status()
        );
    }

    /// What the account's API says at a path.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let token = self.sandbox.accounts()[0].token.reveal();
        let request = self.client.get(format!("{}{path}", self.url())).bearer_auth(token);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.client.post(format!("{}{path}", self.url())).json(&body).send().await.unwrap();
        let status = answer.status();
        let said = answer.text().await.unwrap_or_default();
        assert!(status.is_success(), "{path}: {status} {said}");
        serde_json::from_str(&said).unwrap_or_default()
    }
}
