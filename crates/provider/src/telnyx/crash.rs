//! Crashes and lateness behind detail records: pages of at most 50 by number, ranges of whole days back from now,
//! texts that are told for ten days only.

use serde_json::{Value, json};

use super::*;
use crate::{
    http::canned::Asked,
    polled::world::{Dress, Event, PARTIES, World, survive},
};

const DAY: i64 = 24 * 3600;

fn id(event: &Event) -> String {
    let prefix = ["00000000-0000-4000-8000", "00000000-0000-4000-9000"][event.list];
    format!("{prefix}-{:012x}", event.number)
}

fn record(event: &Event) -> Value {
    let date = event.time().to_string();
    let (cli, cld) = (format!("+{}", PARTIES[0]), format!("+{}", PARTIES[1]));
    if event.list == CALLS {
        return json!({
            "record_type": "sip-trunking", "id": id(event), "direction": "outbound", "cli": cli, "cld": cld,
            "started_at": date, "answered_at": date, "call_sec": 11, "cost": "0.02", "currency": "USD",
        });
    }
    json!({
        "record_type": "message_detail_record", "uuid": id(event), "direction": "outbound", "cli": cli, "cld": cld,
        "status": "delivered", "created_at": date, "sent_at": date, "cost": "0.004", "currency": "USD",
    })
}

fn answer(world: &World, asked: &Asked) -> (u16, String) {
    let refused = |status: u16, code: &str| {
        (status, json!({ "errors": [{ "code": code, "title": "Why", "detail": "" }] }).to_string())
    };
    if let Some(wanted) = asked.path.strip_prefix("/messages/") {
        let kept = world.now - 10 * DAY;
        let found = world.listed(MESSAGES).into_iter().find(|event| id(event) == wanted && event.at >= kept);
        return match found {
            Some(event) => {
                let text = format!("text {}", event.number);
                (200, json!({ "data": { "id": wanted, "direction": "outbound", "text": text } }).to_string())
            }
            None => refused(404, "10005"),
        };
    }
    let (list, sort) = match asked.field("filter[record_type]").as_str() {
        "messaging" => (MESSAGES, "-created_at"),
        "sip-trunking" => (CALLS, "-started_at"),
        _ => return refused(400, "10015"),
    };
    let range = asked.field("filter[date_range]");
    let days = range.strip_prefix("last_").and_then(|r| r.strip_suffix("_days")?.parse::<i64>().ok());
    let (Some(days), true) = (days, asked.field("sort") == sort) else { return refused(400, "10015") };
    let from = (world.now - days * DAY).div_euclid(DAY) * DAY;
    let size: usize = asked.field("page[size]").parse().unwrap_or(20);
    let number: usize = asked.field("page[number]").parse().unwrap_or(1);
    if !(1..=50).contains(&size) || number < 1 {
        return refused(422, "10015");
    }
    let rows: Vec<Value> =
        world.listed(list).into_iter().filter(|event| event.at >= from).map(record).collect();
    let pages = rows.len().div_ceil(size);
    let data: Vec<&Value> = rows.iter().skip((number - 1) * size).take(size).collect();
    let meta = json!({
        "page_number": number, "page_size": size, "total_pages": pages, "total_results": rows.len(),
    });
    (200, json!({ "data": data, "meta": meta }).to_string())
}

fn connect(url: &str) -> Telnyx {
    let mut telnyx = Telnyx::new(url, &Secret::new("KEY")).unwrap();
    // Its turn would be waited for by the computer's clock, not by the world's.
    telnyx.records = Pace::new(usize::MAX, Duration::ZERO);
    telnyx
}

#[tokio::test]
async fn crashes_and_lateness_lose_nothing_and_double_nothing() {
    // The absence is longer than texts are kept.
    for outcome in survive(&Dress { connect, answer, id }, 1).await {
        let texts: Vec<&str> = outcome
            .kept
            .values()
            .filter_map(|object| match object {
                ActivityObject::Message(message) => Some(message.text.as_str()),
                _ => None,
            })
            .collect();
        let without = texts.iter().filter(|text| text.is_empty()).count();
        assert!(without > 0 && without < texts.len() / 2, "{without} of {} have no text", texts.len());
    }
}
