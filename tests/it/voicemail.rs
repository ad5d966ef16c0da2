//! A message that was left while nobody answered, with the call that left it.

use std::fs;

use tern_engine::api::{ActivityWhat, Answer, CallOutcome, Command, Query, VoiceMessageView};

use crate::scene::{Actor, Scene};

async fn voicemails(actor: &Actor) -> Vec<VoiceMessageView> {
    match actor.engine.query(Query::Voicemails { account: actor.account.clone() }).await {
        Ok(Answer::Voicemails { voicemails }) => voicemails,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_message_belongs_to_the_missed_call_that_left_it() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    let (account, number) = (traveller.account.clone(), traveller.number().to_owned());
    assert_eq!(voicemails(&traveller).await, []);
    let tick = Command::ChangeAnswering { account, number: number.clone(), on: true, greeting: None };
    traveller.does(tick).await.expect("the answering machine is on");
    let person = traveller.leaves().await;
    scene.rings(&number, 1).await;

    let traveller = person.sits_down().await;
    let call = traveller
        .until_snapshot("the missed call", |snapshot| {
            let missed =
                |what: &ActivityWhat| matches!(what, ActivityWhat::Call { outcome: CallOutcome::Missed, .. });
            let items = &snapshot.activity.items;
            let item = items.iter().find(|item| item.unread && item.number == number && missed(&item.what));
            item.map(|item| item.id.clone())
        })
        .await;
    let told =
        |account: &tern_engine::api::AccountView| account.voicemail.as_ref().map(|waiting| waiting.new);
    assert_eq!(traveller.until_account("told of a message", told).await, 1);

    let left = voicemails(&traveller).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((&left[0].call, left[0].heard), (&Some(call), false), "{left:?}");
    assert!(left[0].seconds > 0, "{left:?}");
    let query = Query::VoicemailSound { account: traveller.account.clone(), voicemail: left[0].id.clone() };
    let Ok(Answer::VoicemailSound { path }) = traveller.engine.query(query).await else {
        panic!("there is nothing to listen to");
    };
    assert!(fs::read(&path).expect("its sound").starts_with(b"RIFF"), "{path}");
    traveller.leaves().await;
    assert!(fs::metadata(&path).is_err(), "what was listened to stays in the clear");
}
