//! The provider's rules, one test each, over the API and under the billing clock. Which rule is held by which test
//! stands in `docs/provider-rules.md`.

mod adapter;
mod books;
mod broken;
mod clock;
mod money;
mod numgo;
mod papers;
mod prepaid;
mod refunds;
mod texts;

use serde_json::{Value, json};

use super::tests::{Answer, House};
use crate::{Settings, ledger};

/// A customer who begins with nothing, at a sandbox of their own.
struct Customer {
    house: House,
    token: String,
    user: String,
    keys: std::cell::Cell<u32>,
}

impl Customer {
    async fn new(profile: &str, now: &str) -> Self {
        Self::with(Settings::default(), profile, now).await
    }

    async fn with(settings: Settings, profile: &str, now: &str) -> Self {
        let house = House::open_at(settings, None, now).await;
        let new = json!({"name": "Somebody", "profile": profile});
        let made = house.ask("POST /sandbox/customers", None, Some(new)).await;
        assert_eq!(made.status, 201);
        let (token, user) = (text(&made.body["token"]), text(&made.body["sip"]["user"]));
        Self { house, token, user, keys: std::cell::Cell::new(0) }
    }

    /// With a key of its own where one is wanted.
    async fn ask(&self, request: &str, body: Value) -> Answer {
        self.keys.set(self.keys.get() + 1);
        let key = format!("key-{}", self.keys.get());
        let body = (!body.is_null()).then_some(body);
        self.house.ask_as(&self.token, request, Some(&key), body).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.ask(&format!("GET {path}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Pays money in by the checkout page.
    async fn pay_in(&self, amount: &str) {
        let begun = self.ask("POST /v1/topups", json!({"amount": amount})).await;
        assert_eq!(begun.status, 201, "{}", begun.body);
        let paid = self.ask(&format!("POST /checkout/{}/pay", text(&begun.body["id"])), Value::Null).await;
        assert_eq!(paid.status, 303);
    }

    /// Orders, and answers the order.
    async fn order(&self, order: Value) -> Value {
        let answer = self.ask("POST /v1/orders", order.clone()).await;
        assert_eq!(answer.status, 201, "{order}: {}", answer.body);
        answer.body
    }

    /// Orders one, and answers its number's id.
    async fn rent(&self, product: &str) -> String {
        text(&self.order(json!({"product": product})).await["items"][0]["id"])
    }

    async fn number(&self, id: &str) -> Value {
        self.get(&format!("/v1/numbers/{id}")).await
    }

    async fn balance(&self) -> String {
        text(&self.get("/v1/account").await["balance"]["amount"])
    }

    /// Sets the billing clock.
    async fn at(&self, moment: &str) {
        let set = self.house.ask("POST /sandbox/clock", None, Some(json!({"set": moment}))).await;
        assert_eq!(set.status, 200, "{}", set.body);
    }

    /// Everything of the ledger as `type amount`, oldest first.
    async fn ledger(&self) -> Vec<String> {
        let rows = self.get("/v1/transactions?limit=200").await["transactions"].clone();
        let mut rows: Vec<String> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{} {}", text(&row["type"]), text(&row["amount"]["amount"])))
            .collect();
        rows.reverse();
        rows
    }

    /// What the provider told, as `day code`, oldest first.
    async fn notices(&self) -> Vec<String> {
        let rows = self.get("/v1/notices?limit=200").await["notices"].clone();
        let mut rows: Vec<String> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{} {}", &text(&row["at"])[..10], text(&row["code"])))
            .collect();
        rows.reverse();
        rows
    }

    /// Something only a sandbox does.
    async fn behind(&self, request: &str, body: Value) -> Answer {
        let body = (!body.is_null()).then_some(body);
        let answer = self.house.ask(request, None, body).await;
        assert!(answer.status < 300, "{request}: {}", answer.body);
        answer
    }

    /// Hands in and approves what `numgo` wants to see before anything goes out.
    async fn show_papers(&self, kinds: &[&str]) {
        for kind in kinds {
            let paper = match *kind {
                "registration_address" => {
                    json!({"kind": kind, "address": {"city": "Leeds", "street": "Long Row", "building": "1"}})
                }
                _ => json!({"kind": kind, "file": PNG}),
            };
            let made = self.ask("POST /v1/documents", paper).await;
            assert_eq!(made.status, 201, "{}", made.body);
            let review = format!("POST /sandbox/documents/{}", text(&made.body["id"]));
            self.behind(&review, json!({"decision": "approve"})).await;
        }
    }

    async fn send(&self, from: &str, to: &str, words: &str) -> Answer {
        self.ask("POST /v1/messages", json!({"from": from, "to": to, "text": words})).await
    }

    /// An SMS from outside, as its state and failure.
    async fn receive(&self, to: &str, from: &str, words: &str) -> (String, Option<String>) {
        let sms = json!({"to": to, "from": from, "text": words});
        let got = self.behind("POST /sandbox/sms", sms).await.body;
        (text(&got["state"]), got["failure"].as_str().map(Into::into))
    }

    /// The books hold together, whatever was done.
    fn audit(&self) {
        let faults = self.house.sandbox.operator.read(ledger::audit).unwrap();
        assert_eq!(faults, Vec::<String>::new());
    }
}

/// The beginning of a PNG file, in base64.
const PNG: &str = "iVBORw0KGgo=";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}
