//! Crashes and lateness behind the API of 2010: pages that name the next one by the row before it (SignalWire's by their
//! number alone), dates as in mail, calls that are listed while they go on, messages that are looked up until they are
//! final.

use serde_json::{Value, json};

use super::*;
use crate::{
    http::canned::Asked,
    polled::world::{Dress, Event, PARTIES, World, survive},
};

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const PROJECT: &str = "b08dacad-1111-2222-3333-444455556666";
/// It may give fewer rows than were asked for.
const MOST: usize = 20;

fn id(event: &Event) -> String {
    let prefix = ["SM", "CA"][event.list];
    format!("{prefix}{:032x}", event.number)
}

fn row(world: &World, event: &Event) -> Value {
    let date = event.time().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let (from, to) = (format!("+{}", PARTIES[0]), format!("+{}", PARTIES[1]));
    if event.list == CALLS {
        return json!({
            "sid": id(event), "direction": "outbound-api", "status": "completed", "from": from, "to": to,
            "start_time": date, "date_created": date, "duration": "11", "price": "-0.01", "price_unit": "USD",
        });
    }
    let (status, price) =
        if world.is_done(event) { ("delivered", json!("-0.0075")) } else { ("sent", Value::Null) };
    json!({
        "sid": id(event), "direction": "outbound-api", "status": status, "from": from, "to": to,
        "body": format!("text {}", event.number), "num_media": "0", "date_created": date, "date_sent": date,
        "error_code": null, "price": price, "price_unit": "USD",
    })
}

fn answer(world: &World, asked: &Asked) -> (u16, String) {
    let missing = (404, json!({ "code": 20404, "message": "Not found", "status": 404 }).to_string());
    let resource = asked.path.rsplit('/').next().unwrap_or_default();
    let (list, key) = match resource {
        "Messages.json" => (MESSAGES, "messages"),
        "Calls.json" => (CALLS, "calls"),
        sid => {
            let sid = sid.trim_end_matches(".json");
            let found = world.listed(MESSAGES).into_iter().find(|event| id(event) == sid);
            return found.map_or(missing, |event| (200, row(world, event).to_string()));
        }
    };
    let mut rows: Vec<(&Event, Value)> =
        world.listed(list).into_iter().map(|event| (event, row(world, event))).collect();
    if list == CALLS {
        // A call is there from its first second.
        rows.extend(world.under_way(list).into_iter().map(|event| {
            let mut call = row(world, event);
            call["status"] = json!("in-progress");
            call["price"] = Value::Null;
            (event, call)
        }));
        rows.sort_by_key(|(event, _)| std::cmp::Reverse((event.at, event.number)));
    }
    let size = asked.field("PageSize").parse().unwrap_or(50).min(MOST);
    let number: usize = asked.field("Page").parse().unwrap_or(0);
    let is_numbered = asked.path.starts_with("/api/laml/");
    let token = asked.field("PageToken");
    let begin = match token.strip_prefix("PA") {
        Some(last) => rows.iter().position(|(event, _)| id(event) == last).map_or(0, |index| index + 1),
        None => number * size,
    };
    let page: Vec<Value> = rows.iter().skip(begin).take(size).map(|(_, row)| row.clone()).collect();
    let next = rows.get(begin + size).and(rows.get(begin + size - 1)).map(|(last, _)| {
        let token = if is_numbered { String::new() } else { format!("&PageToken=PA{}", id(last)) };
        format!("{}?Page={}&PageSize={size}{token}", asked.path, number + 1)
    });
    (200, json!({ key: page, "page": number, "page_size": size, "next_page_uri": next }).to_string())
}

#[tokio::test]
async fn crashes_and_lateness_lose_nothing_and_double_nothing() {
    let connect = |url: &str| Twilio::new(url, url, ACCOUNT, &Secret::new("token")).unwrap();
    survive(&Dress { connect, answer, id }, 0).await;
}

#[tokio::test]
async fn nor_do_they_at_signalwire() {
    let connect = |url: &str| Twilio::signalwire(url, PROJECT, &Secret::new("token")).unwrap();
    survive(&Dress { connect, answer, id }, 0).await;
}
