//! What calls need beside the switch: SIP credentials, forwarding, greetings, the log.

use super::*;
use crate::{Clock, call_log::FinishedCall, greeting, model};

async fn number_id(house: &House, e164: &str) -> String {
    let numbers = house.ask("GET /v1/numbers", None, None).await.body;
    let numbers = numbers["numbers"].as_array().unwrap().clone();
    numbers.iter().find(|n| n["e164"] == e164).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sip_credentials_are_issued_on_request_once_a_number_is_owned() {
    let house = House::open(Settings::default()).await;
    let operator = house.sandbox.operator.clone();
    let account = operator.accounts().unwrap().remove(0);
    let fresh = model::Account {
        public_id: "acc_new".into(),
        token: tern_provider::Secret::new("sbx_new"),
        sip_user: "newcomer".into(),
        ..account
    };
    let id = operator.write(|books| accounts::insert(books, &fresh)).unwrap();
    let ask = async |request: &str| house.ask_as("sbx_new", request, None, None).await;
    assert_eq!(ask("GET /v1/sip").await.code(), (404, "sip_not_issued"));
    assert_eq!(ask("POST /v1/sip").await.code(), (422, "number_required"));
    let own = operator.read(|c| numbers::by_e164(c, GB)).unwrap().unwrap();
    let rented = model::Number { id: "num_new".into(), account: id, e164: "+447700900444".into(), ..own };
    operator.write(|books| numbers::insert(books, &rented)).unwrap();
    assert_eq!(ask("GET /v1/sip").await.code(), (404, "sip_not_issued"), "on request");
    let issued = ask("POST /v1/sip").await;
    assert_eq!((issued.status, &issued.body["user"]), (201, &json!("newcomer")));
    for part in ["password", "domain", "proxy"] {
        assert!(!issued.body[part].as_str().unwrap().is_empty(), "{part}");
    }
    assert_eq!(ask("GET /v1/sip").await.body, issued.body);
    assert_eq!(ask("POST /v1/sip").await.body, issued.body, "asking again changes nothing");
}

#[tokio::test]
async fn forwarding_caller_id_and_menu_are_saved_and_what_makes_no_sense_is_not() {
    let house = House::open(Settings::default()).await;
    let id = number_id(&house, GB).await;
    let put = async |what: &str, body: Value| {
        house.ask(&format!("PUT /v1/numbers/{id}/{what}"), None, Some(body)).await
    };
    let targets = json!([{"to": "sip"}, {"to": "phone", "number": FRIEND}]);
    let saved = put("forwarding", json!({"order": "sequential", "targets": targets})).await;
    assert_eq!((saved.status, &saved.body["forwarding"]["targets"]), (200, &targets));
    let three =
        json!([{"to": "sip"}, {"to": "phone", "number": FRIEND}, {"to": "server", "address": "203.0.113.9"}]);
    assert_eq!(put("forwarding", json!({"targets": three})).await.code(), (422, "too_many_targets"));
    let itself = json!([{"to": "phone", "number": GB}]);
    assert_eq!(put("forwarding", json!({"targets": itself})).await.code(), (422, "forwarded_to_itself"));
    assert_eq!(put("forwarding", json!({"targets": [{"to": "pigeon"}]})).await.code(), (400, "bad_request"));
    assert_eq!(put("caller-id", json!({"enabled": false})).await.body["caller_id"], false);
    let option = json!({"key": "1", "label": "Ann", "target": {"to": "sip"}});
    assert_eq!(
        put("menu", json!({"options": [option.clone()]})).await.body["menu"]["options"],
        json!([option])
    );
    assert_eq!(put("menu", json!({"options": []})).await.code(), (422, "menu_options"));
    let kept = house.ask(&format!("GET /v1/numbers/{id}/routing"), None, None).await.body;
    assert_eq!(
        (&kept["forwarding"]["targets"], &kept["forwarding"]["order"]),
        (&targets, &json!("sequential"))
    );
    let gone = house.ask(&format!("DELETE /v1/numbers/{id}/menu"), None, None).await;
    assert_eq!(gone.body["menu"], Value::Null);
    // Another account's number is none of this one's business.
    let token = house.sandbox.accounts()[1].token.reveal().to_owned();
    let foreign = house.ask_as(&token, &format!("GET /v1/numbers/{id}/routing"), None, None).await;
    assert_eq!(foreign.code(), (404, "not_found"));
}

#[tokio::test]
async fn a_greeting_is_uploaded_selected_and_saved_and_only_in_the_one_format() {
    let house = House::open(Settings::default()).await;
    let upload = async |name: &str, wav: Vec<u8>| {
        let token = house.sandbox.accounts()[0].token.reveal().to_owned();
        let url = format!("{}/v1/greetings?name={name}", house.sandbox.http_url());
        let sent = house.client.post(url).bearer_auth(token).body(wav).send().await.unwrap();
        (sent.status().as_u16(), sent.json::<Value>().await.unwrap())
    };
    let wav = greeting::write(&[1_000; 8_000]);
    let mut stereo = wav.clone();
    stereo[22] = 2;
    let (status, refused) = upload("Away", stereo).await;
    assert_eq!((status, &refused["code"]), (422, &json!("greeting_not_mono")));
    assert!(refused["detail"].as_str().unwrap().contains("2 channels"));
    assert_eq!(upload("", wav.clone()).await.1["code"], "greeting_name");
    let too_large = vec![0; 5 * 1024 * 1024];
    assert_eq!(upload("Away", too_large).await.0, 413);

    let (status, uploaded) = upload("Away", wav.clone()).await;
    assert_eq!((status, &uploaded["name"]), (201, &json!("Away")));
    let listed = house.ask("GET /v1/greetings", None, None).await.body;
    assert_eq!(listed["greetings"], json!([uploaded]));
    let id = number_id(&house, GB).await;
    let save = async |greeting: &Value| {
        let body = json!({"enabled": true, "greeting": greeting});
        house.ask(&format!("PUT /v1/numbers/{id}/voicemail"), None, Some(body)).await
    };
    assert_eq!(save(&json!("greet_none")).await.code(), (422, "greeting_unknown"));
    let saved = save(&uploaded["id"]).await;
    assert_eq!(saved.body["voicemail"], json!({"enabled": true, "greeting": uploaded["id"]}));
    let path = format!("GET /v1/greetings/{}/audio", uploaded["id"].as_str().unwrap());
    assert_eq!(house.ask(&path, None, None).await.headers["content-type"], "audio/wav");
    let path = format!("DELETE /v1/greetings/{}", uploaded["id"].as_str().unwrap());
    assert_eq!(house.ask(&path, None, None).await.status, 204);
    assert_eq!(house.ask(&path, None, None).await.code(), (404, "not_found"));
}

#[tokio::test]
async fn the_log_in_pages_and_the_statistics_agree_with_it() {
    let house = House::open(Settings::default()).await;
    let operator = house.sandbox.operator.clone();
    let account = operator.accounts().unwrap()[0].id;
    let since = house.clock.now();
    for talked in [None, Some(61), Some(5)] {
        house.clock.advance(Duration::from_secs(300));
        let call = FinishedCall {
            account,
            sip_call_id: None,
            direction: model::Direction::Outgoing,
            number: GB.into(),
            peer: FRIEND.into(),
            started_at: operator.now(),
            talked: talked.map(Duration::from_secs),
            outcome: if talked.is_some() { model::Outcome::Answered } else { model::Outcome::Busy },
            metered: None,
        };
        operator.record_call(call).unwrap();
    }
    let first =
        house.ask(&format!("GET /v1/calls?from={since}&limit=2&direction=outgoing"), None, None).await.body;
    let seconds: Vec<_> =
        first["calls"].as_array().unwrap().iter().map(|c| c["duration_seconds"].clone()).collect();
    assert_eq!(seconds, [json!(5), json!(61)], "newest first");
    let page = first["next_page"].as_str().unwrap();
    let rest = house.ask(&format!("GET /v1/calls?from={since}&limit=2&page={page}"), None, None).await.body;
    assert_eq!((&rest["calls"][0]["outcome"], &rest["next_page"]), (&json!("busy"), &Value::Null));
    let none = house
        .ask("GET /v1/calls?number=%2B33639984712&direction=incoming&to=2000-01-01T00:00:00Z", None, None)
        .await;
    assert_eq!(none.body["calls"], json!([]));
    assert_eq!(house.ask("GET /v1/calls?page=x", None, None).await.code(), (400, "bad_page"));
    assert_eq!(house.ask("GET /v1/calls?from=yesterday", None, None).await.code(), (400, "bad_request"));

    let figures = house.ask(&format!("GET /v1/statistics?from={since}"), None, None).await.body;
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    assert_eq!(
        figures["outgoing"],
        json!({"calls": 3, "answered": 2, "unanswered": 1, "talked_seconds": 66, "cost": usd("0.15")})
    );
    assert_eq!(figures["incoming"]["calls"], 0);
    assert_eq!(figures["transactions"], json!([{"type": "call", "count": 2, "sum": usd("-0.15")}]));
}

#[tokio::test]
async fn the_adapter_reads_and_sets_what_calls_need() {
    let house = House::open(Settings::default()).await;
    let provider = house.provider(0);
    let capabilities = provider.capabilities();
    assert!(
        capabilities.rates && capabilities.forwarding && capabilities.voicemail && capabilities.greetings
    );
    assert_eq!(provider.issue_sip().await.unwrap().user, "traveller");
    let rate = provider.rate(FRIEND, Some(GB)).await.unwrap();
    assert_eq!((rate.country.as_deref(), rate.shown), (Some("GB"), Shown::Number(GB.into())));
    let price = |permission: Permission| match permission {
        Permission::Allowed { price } => price.unwrap().amount.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!((price(rate.call), price(rate.sms)), ("0.05".into(), "0.05".into()));
    let emergency = provider.rate("112", None).await.unwrap().call;
    assert!(matches!(&emergency, Permission::Refused { code, .. } if code == "emergency_not_supported"));
    let american = provider.rate("+12025550178", None).await.unwrap();
    assert!(matches!(&american.sms, Permission::Refused { code, .. } if code == "destination_not_served"));
    assert!(matches!(american.call, Permission::Allowed { .. }));

    let id = RemoteId(number_id(&house, GB).await);
    let wanted = Forwarding {
        order: RingOrder::Sequential,
        targets: vec![ForwardTarget::Sip("desk@192.0.2.7".into()), ForwardTarget::Phone(FRIEND.into())],
    };
    assert_eq!(provider.set_forwarding(&id, &wanted).await.unwrap(), wanted);
    assert_eq!(provider.forwarding(&id).await.unwrap(), wanted);
    let three = Forwarding { targets: vec![ForwardTarget::OwnSip; 3], ..wanted };
    assert_eq!(
        without_detail(provider.set_forwarding(&id, &three).await.unwrap_err()),
        refused("too_many_targets")
    );
    assert_eq!(provider.set_caller_id(&id, false).await.unwrap().terms.caller_id, Some(false));

    let file =
        File { name: "Away".into(), media_type: "audio/wav".into(), bytes: greeting::write(&[1_000; 8_001]) };
    let uploaded = provider.upload_greeting(&file).await.unwrap();
    assert_eq!((uploaded.name.as_str(), uploaded.seconds), ("Away", 2));
    assert_eq!(provider.greetings().await.unwrap(), std::slice::from_ref(&uploaded));
    let bad = File { bytes: b"no sound".to_vec(), ..file };
    let unplayable = provider.upload_greeting(&bad).await.unwrap_err();
    assert_eq!(without_detail(unplayable), refused("greeting_not_wav"));
    let settings = VoicemailSettings { on: true, greeting: Some(uploaded.id) };
    assert_eq!(provider.set_voicemail(&id, &settings).await.unwrap(), settings);
    assert_eq!(provider.voicemail_settings(&id).await.unwrap(), settings);

    let operator = house.sandbox.operator.clone();
    let left = crate::store::voicemails::Voicemail {
        id: "vm_1".into(),
        account: operator.accounts().unwrap()[0].id,
        number: GB.into(),
        peer: SAM.into(),
        at: operator.now(),
        seconds: 1,
        heard: false,
    };
    let wav = greeting::write(&[7; 8_000]);
    operator.write(|books| crate::store::voicemails::add(books, &left, &wav, 5)).unwrap();
    let messages = provider.voicemails().await.unwrap();
    assert_eq!((messages[0].peer.as_str(), messages[0].seconds, messages[0].heard), (SAM, 1, false));
    assert_eq!(provider.voicemail_sound(&messages[0].id).await.unwrap().bytes, wav);
    let nowhere = RemoteId("../account".into());
    assert_eq!(provider.voicemail_sound(&nowhere).await.unwrap_err(), ProviderError::Malformed);

    let day = "2026-05-20".parse().unwrap();
    let whole = Period { from: "2026-01-01".parse().unwrap(), to: day };
    let statistics = provider.statistics(whole).await.unwrap();
    assert_eq!((statistics.incoming_calls, statistics.missed_calls, statistics.outgoing_calls), (3, 2, 5));
    assert!(statistics.messages_received > 5 && statistics.messages_sent > 3);
    assert!(statistics.money.iter().any(|row| row.kind == TransactionType::TopUp));
}
