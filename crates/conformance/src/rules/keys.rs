//! Doing something once.

use serde_json::{Value, json};

use crate::{
    http::Ask,
    rule::{Judged, broken, nothing},
    run::Run,
};

pub(crate) async fn required(run: &mut Run) -> Judged {
    // Nothing of this can be carried out where the key is not looked at.
    let message = json!({"from": "", "to": "", "text": ""});
    let too_long = "k".repeat(201);
    for key in [None, Some(too_long.as_str())] {
        let mut ask = Ask::post("/v1/messages", &message);
        if let Some(key) = key {
            ask = ask.key(key);
        }
        let answer = run.ask_if_there(ask).await?;
        if answer.status == 403 {
            return Err(nothing("this token lacks the scope `messages`"));
        }
        answer.is_refused(400, "idempotency_key_required")?;
    }
    Ok(())
}

pub(crate) async fn replay(run: &mut Run) -> Judged {
    let scene = run.scene().await?;
    let (first, again) = (&scene.first, &scene.again);
    if again.status != 200 || again.text("id") != first.text("id") {
        return Err(broken("200 with the message of the first request", again.told()));
    }
    let (key, body) = (format!("{}-topup", run.word), json!({"amount": "25.00"}));
    let first = run.ask(Ask::post("/v1/topups", &body).key(&key)).await?;
    if first.is_absent() {
        return Ok(());
    }
    let again = run.ask(Ask::post("/v1/topups", &body).key(&key)).await?;
    if again.status == 200 && first.text("id").is_some() && again.text("id") == first.text("id") {
        return Ok(());
    }
    Err(broken("200 with the top-up of the first request", again.told()))
}

pub(crate) async fn conflict(run: &mut Run) -> Judged {
    run.scene().await?.conflict.is_refused(409, "idempotency_conflict")
}

pub(crate) async fn refused_stays_free(run: &mut Run) -> Judged {
    let key = format!("{}-free", run.word);
    let (refused, fine) = (json!({"amount": "0.01"}), json!({"amount": "25.00"}));
    let no = run.ask_if_there(Ask::post("/v1/topups", &refused).key(&key)).await?;
    if no.status < 400 {
        return Err(nothing("the server refuses no top-up"));
    }
    let yes = run.ask(Ask::post("/v1/topups", &fine).key(&key)).await?;
    if yes.status == 201 { Ok(()) } else { Err(broken("201 with the key of a refused request", yes.told())) }
}

pub(crate) async fn lookup(run: &mut Run) -> Judged {
    let scene = run.scene().await?;
    scene.found.is_fine()?;
    let ids: Vec<_> = scene.found.rows("messages").iter().map(|row| row.get("id")).collect();
    if ids != [scene.first.body.get("id")] {
        return Err(broken("the one message of this key", format!("{} messages", ids.len())));
    }
    let unused = format!("{}-unused", scene.key);
    let none = run.ask(Ask::get("/v1/messages").with("idempotency_key", &unused)).await?;
    none.is_fine()?;
    if none.rows("messages").is_empty() { Ok(()) } else { Err(broken("none for an unused key", "some")) }
}

pub(crate) async fn once(run: &mut Run) -> Judged {
    let scene = run.scene().await?;
    let said = format!("Checked: {}", run.word);
    // One object may come several times; another one of the same words is a second message.
    let mut messages: Vec<&Value> = scene
        .changes()
        .filter(|c| c.pointer("/object/text").and_then(Value::as_str) == Some(&said))
        .filter(|c| c.pointer("/object/direction") == Some(&json!("outgoing")))
        .filter_map(|c| c.get("id"))
        .collect();
    messages.dedup();
    if messages.len() > 1 {
        return Err(broken("one message", format!("{} messages", messages.len())));
    }
    let is_charge = |c: &&Value| {
        c.pointer("/object/type") == Some(&json!("sms"))
            && c.pointer("/object/reference").and_then(Value::as_str) == Some(scene.id())
    };
    let charges = scene.changes().filter(is_charge).count();
    if charges > 1 { Err(broken("one charge", format!("{charges} charges"))) } else { Ok(()) }
}
