//! Crashes and lateness behind the statistics: spans of at most a month, wall clocks of the account's zone, rows to
//! skip, the oldest first.

use jiff::civil::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::{
    http::canned::Asked,
    polled::world::{Dress, Event, PARTIES, World, survive},
};

const ZONE: Offset = Offset::constant(3);

fn id(event: &Event) -> String {
    let prefix = ["out", "in"][event.list];
    format!("{prefix}-{}", event.number)
}

fn row(event: &Event) -> Value {
    let (from, to) = if event.list == INCOMING { (PARTIES[1], PARTIES[0]) } else { (PARTIES[0], PARTIES[1]) };
    json!({
        "id": event.number.to_string(), "sip": "00001", "callstart": wire::wall_clock(event.time(), ZONE),
        "from": from.parse::<u64>().unwrap(), "to": to, "description": "Somewhere", "disposition": "answered",
        "billseconds": 37, "cost": 0.195, "billcost": 0.13, "currency": "USD",
    })
}

fn answer(world: &World, asked: &Asked) -> (u16, String) {
    let refused = |why: &str| (400, json!({ "status": "error", "message": why }).to_string());
    let list = match asked.path.as_str() {
        "/v1/info/timezone" => {
            return (
                200,
                json!({ "status": "success", "unixtime": world.now, "timezone": "UTC+3" }).to_string(),
            );
        }
        "/v1/statistics" => OUTGOING,
        "/v1/statistics/incoming-calls" => INCOMING,
        _ => return refused("Wrong method"),
    };
    let instant = |name: &str| {
        let wall: DateTime = asked.field(name).parse().ok()?;
        Some(ZONE.to_timestamp(wall).ok()?.as_second())
    };
    let (Some(start), Some(end)) = (instant("start"), instant("end")) else { return refused("Wrong period") };
    // A longer span is cut without a word.
    let start = start.max(end - 30 * 24 * 3600);
    let limit: usize = asked.field("limit").parse().unwrap_or(1000);
    let skip: usize = asked.field("skip").parse().unwrap_or(0);
    let mut rows: Vec<&Event> =
        world.listed(list).into_iter().filter(|event| event.at >= start && event.at <= end).collect();
    rows.reverse();
    let stats: Vec<Value> = rows.into_iter().skip(skip).take(limit.min(1000)).map(row).collect();
    let body = json!({
        "status": "success", "start": asked.field("start"), "end": asked.field("end"), "stats": stats,
    });
    (200, body.to_string())
}

fn connect(url: &str) -> Zadarma {
    let mut zadarma = Zadarma::new(url, "key", Secret::new("secret")).unwrap();
    // Its turn would be waited for by the computer's clock, not by the world's.
    zadarma.statistics = Pace::new(usize::MAX, Duration::ZERO);
    zadarma
}

#[tokio::test]
async fn crashes_and_lateness_lose_nothing_and_double_nothing() {
    survive(&Dress { connect, answer, id }, 0).await;
}
