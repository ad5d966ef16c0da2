//! Crashes and lateness behind `rest.php`: Eastern days of at most 92, Eastern wall clocks, a limit of rows, a word for
//! an empty list.

use jiff::{civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use super::*;
use crate::{
    http::canned::Asked,
    polled::world::{Dress, Event, PARTIES, World, survive},
};

fn id(event: &Event) -> String {
    let prefix = ["sms", "mms", "cdr"][event.list];
    format!("{prefix}-{}", event.number)
}

fn row(world: &World, event: &Event, wall: String) -> Value {
    let (own, other) = (PARTIES[0].trim_start_matches('1'), PARTIES[1].trim_start_matches('1'));
    if event.list == CALLS {
        let incoming = event.number.is_multiple_of(2);
        let (from, to) = if incoming { (other, own) } else { (own, other) };
        return json!({
            "date": wall, "callerid": format!("\"Somebody\" <{from}>"), "destination": to,
            "description": if incoming { "Inbound DID" } else { "Canada" }, "account": "100000",
            "disposition": "ANSWERED", "duration": "00:00:11", "seconds": "11", "rate": "0.01", "total": "0.01",
            "uniqueid": event.number.to_string(),
        });
    }
    let carrier = if world.is_done(event) { "Delivered" } else { "" };
    json!({
        "id": event.number.to_string(), "date": wall, "type": "0", "did": own, "contact": other,
        "message": format!("text {}", event.number), "carrier_status": carrier,
    })
}

fn answer(world: &World, asked: &Asked) -> (u16, String) {
    let status = |word: &str| (200, json!({ "status": word }).to_string());
    let (list, key, empty, from, to) = match asked.field("method").as_str() {
        "getSMS" => (SMS, "sms", "no_sms", "from", "to"),
        "getMMS" => (MMS, "sms", "no_sms", "from", "to"),
        "getCDR" => (CALLS, "cdr", "no_cdr", "date_from", "date_to"),
        _ => return status("invalid_method"),
    };
    let (Ok(from), Ok(to)) = (asked.field(from).parse::<Date>(), asked.field(to).parse::<Date>()) else {
        return status("invalid_date");
    };
    if (to - from).get_days() > 92 {
        return status("invalid_daterange");
    }
    // Clocks are moved by what is asked for and five hours; this world knows no other way to ask.
    if asked.field("timezone") != "-5" {
        return status("invalid_timezone");
    }
    let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
    let most = if list == CALLS { usize::MAX } else { asked.field("limit").parse().unwrap_or(50) };
    let rows: Vec<Value> = world
        .listed(list)
        .into_iter()
        .map(|event| (event, event.time().to_zoned(zone.clone())))
        .filter(|(_, at)| at.date() >= from && at.date() <= to)
        .take(most)
        .map(|(event, at)| row(world, event, at.strftime("%Y-%m-%d %H:%M:%S").to_string()))
        .collect();
    if rows.is_empty() { status(empty) } else { (200, json!({ "status": "success", key: rows }).to_string()) }
}

const DRESS: Dress<VoipMs> =
    Dress { connect: |url| VoipMs::new(url, "me@example.com", Secret::new("password")).unwrap(), answer, id };

#[tokio::test]
async fn crashes_and_lateness_lose_nothing_and_double_nothing() {
    survive(&DRESS, 0).await;
}
