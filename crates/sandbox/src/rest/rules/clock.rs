//! The billing clock over the API.

use serde_json::{Value, json};

use super::{Customer, House, text};
use crate::Settings;

#[tokio::test]
async fn the_clock_is_set_ahead_and_everything_happens_in_its_order() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("10").await;
    let (one, two) = (customer.rent("gb-mobile").await, customer.rent("gb-london").await);
    let clock = customer.house.ask("GET /sandbox/clock", None, None).await.body;
    assert_eq!((&clock["now"], &clock["ahead_seconds"]), (&json!("2025-01-02T09:00:00Z"), &json!(0)));
    let set = customer.house.ask("POST /sandbox/clock", None, Some(json!({"advance": "3 months"}))).await;
    assert_eq!(set.body["now"], "2025-04-02T09:00:00Z");
    // 4.30 are left for two fees of 3.20 and 2.80: one is renewed, once.
    let notices = customer.notices().await;
    let mut sorted = notices.clone();
    sorted.sort_by_key(|notice| notice[..10].to_owned());
    assert_eq!(notices, sorted);
    assert_eq!(notices[..2], ["2025-01-29 expiry_warning", "2025-01-29 expiry_warning"]);
    assert_eq!(notices.last().unwrap(), "2025-03-12 number_deleted");
    for id in [one, two] {
        assert_eq!(customer.number(&id).await["state"], "deleted");
    }
    // Each at its own time, not at the time of the jump.
    let rows = customer.get("/v1/transactions").await["transactions"].clone();
    let renewal = rows.as_array().unwrap().iter().find(|row| row["type"] == "renewal").unwrap();
    assert_eq!(renewal["at"], "2025-02-01T12:00:00Z");
    customer.audit();
}

#[tokio::test]
async fn the_clock_never_goes_back_and_wants_one_of_two() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    for (body, expected) in [
        (json!({"set": "2025-01-02T08:59:59Z"}), (422, "clock_backwards")),
        (json!({"advance": "-1 day"}), (422, "clock_backwards")),
        (json!({"set": "tomorrow"}), (422, "clock_unreadable")),
        (json!({}), (422, "clock_unreadable")),
        (json!({"set": "2025-01-03T00:00:00Z", "advance": "1 day"}), (422, "clock_unreadable")),
        (json!({"advance": "PT36H"}), (200, "")),
    ] {
        let answer = customer.house.ask("POST /sandbox/clock", None, Some(body.clone())).await;
        assert_eq!(answer.code(), expected, "{body}");
    }
}

#[tokio::test]
async fn the_clock_goes_on_where_it_was_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let open = async |now: &str| House::open_at(Settings::default(), Some(data.path().into()), now).await;
    let house = open("2025-01-02T09:00:00Z").await;
    let set = house.ask("POST /sandbox/clock", None, Some(json!({"advance": "10 days"}))).await;
    assert_eq!(set.status, 200);
    house.sandbox.shutdown().await;
    let house = open("2025-01-02T10:00:00Z").await;
    let clock = house.ask("GET /sandbox/clock", None, None).await.body;
    assert_eq!(text(&clock["now"]), "2025-01-12T10:00:00Z");
    assert_eq!(house.ask("GET /v1/account", None, None).await.body["profile"], Value::from("numgo"));
}
