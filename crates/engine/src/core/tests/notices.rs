//! What is said outside of the window, and what comes back from there.

use super::*;
use crate::{
    api::{ErrorCode, QuietSettings, Secret as Typed, ThreadId},
    ports::{Correspondents, Notification, NotificationAction, TypedReply},
    quiet::QuietNow,
};

const CODE: &str = "482913";

/// Reads its feed and watches.
fn watching() -> Bench {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, changes("5", false));
    bench.kept(applied(Vec::new()));
    bench.kept(away(0, &[], 0));
    bench.asked();
    bench.written();
    bench.events();
    bench
}

fn texted(id: i64, text: &str) -> Row {
    let mut row = message_row(id, PEER);
    if let RowWhat::Message { text: inside, .. } = &mut row.what {
        *inside = text.into();
    }
    row
}

fn missed(id: i64) -> Row {
    let mut row = message_row(id, PEER);
    row.what = RowWhat::Call {
        direction: crate::api::CallDirection::Incoming,
        outcome: crate::api::CallOutcome::Missed,
        duration_seconds: 0,
        price: None,
    };
    row
}

fn arrive(bench: &mut Bench, row: Row) {
    let link = bench.link();
    bench.provider(link, ProviderReport::Hint);
    bench.provider(link, changes(&format!("c{}", row.id.0), false));
    bench.kept(applied(vec![row]));
}

fn set(bench: &mut Bench, change: impl FnOnce(&mut Settings)) {
    let mut settings = bench.state.settings().clone();
    change(&mut settings);
    bench.command(Command::ChangeSettings { settings });
}

fn copy_button(shown: &Notification) -> NotificationAction {
    let button = shown.buttons.first().expect("no button");
    assert_eq!(button.label, "Copy code");
    button.action.clone()
}

fn copied(bench: &mut Bench) -> Vec<(bool, String)> {
    bench.take(|e| match e {
        Effect::Copy(code) => Ok((true, code.reveal().to_owned())),
        Effect::ClearClipboard(code) => Ok((false, code.reveal().to_owned())),
        other => Err(other),
    })
}

fn closed(bench: &mut Bench) -> Vec<String> {
    bench.take(|e| match e {
        Effect::CloseNotification(tag) => Ok(tag),
        other => Err(other),
    })
}

#[test]
fn a_code_is_copied_from_its_notification_and_gone_after_a_minute() {
    let mut bench = watching();
    arrive(&mut bench, texted(1, "Your code is 482 913"));
    let action = copy_button(&bench.notified()[0]);
    bench.give(Input::Activated(action));
    assert_eq!(copied(&mut bench), [(true, CODE.into())]);
    bench.wait(Duration::from_secs(59));
    assert_eq!(copied(&mut bench), []);
    bench.wait(Duration::from_secs(1));
    assert_eq!(copied(&mut bench), [(false, CODE.into())]);
    bench.wait(Duration::from_secs(120));
    assert_eq!(copied(&mut bench), []);
}

#[test]
fn a_message_without_a_code_has_nothing_to_copy() {
    let mut bench = watching();
    arrive(&mut bench, texted(1, "See you at 1430"));
    assert!(bench.notified()[0].buttons.is_empty());
}

#[test]
fn where_texts_are_hidden_a_code_is_not_shown_but_can_be_copied() {
    let mut bench = watching();
    set(&mut bench, |settings| settings.show_message_text = false);
    arrive(&mut bench, texted(1, "Your code is 482913"));
    let shown = bench.notified().remove(0);
    assert_eq!(shown.body, "New message");
    assert!(!shown.title.contains(CODE));
    bench.give(Input::Activated(copy_button(&shown)));
    assert_eq!(copied(&mut bench), [(true, CODE.into())]);
}

#[test]
fn how_long_a_code_stays_is_a_setting_and_the_end_takes_it_along() {
    let mut bench = watching();
    set(&mut bench, |settings| settings.code_seconds = None);
    bench.command(Command::CopyCode { code: Typed(CODE.into()) });
    bench.wait(Duration::from_secs(3600));
    assert_eq!(copied(&mut bench), [(true, CODE.into())]);
    set(&mut bench, |settings| settings.code_seconds = Some(5));
    bench.command(Command::CopyCode { code: Typed(CODE.into()) });
    bench.give(Input::Shutdown);
    assert_eq!(copied(&mut bench), [(true, CODE.into()), (false, CODE.into())]);
}

#[test]
fn a_window_copies_codes_and_nothing_else() {
    let mut bench = watching();
    for text in ["", "a whole sentence", "0123456789ABC", "482\n913"] {
        let request = bench.command(Command::CopyCode { code: Typed(text.into()) });
        let refused = bench.reply_to(request).unwrap().unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
    }
    assert_eq!(copied(&mut bench), []);
}

#[test]
fn what_is_typed_into_a_notification_is_sent_and_the_conversation_is_seen() {
    let mut bench = watching();
    arrive(&mut bench, texted(1, "Where are you?"));
    let shown = bench.notified().remove(0);
    let to = shown.reply.expect("no field").to;
    bench.written();
    bench.give(Input::Activated(NotificationAction::Reply { to, text: TypedReply("Here".into()) }));
    let written = bench.written();
    let queued = written.iter().find_map(|write| match write {
        Write::Queue(_, new) => Some((new.from.as_str(), new.to.as_str(), new.text.as_str())),
        _ => None,
    });
    assert_eq!(queued, Some((OURS, PEER, "Here")));
    assert!(written.contains(&Write::ReadThread(ThreadRowId(7))));
    assert_eq!(closed(&mut bench), ["thread-7"]);
}

#[test]
fn what_can_not_be_sent_is_kept_as_a_draft_and_shown() {
    let mut bench = watching();
    let to = Correspondents {
        account: ACCOUNT,
        thread: ThreadId("t7".into()),
        number: "+4930000000".into(),
        peer: PEER.into(),
    };
    bench.written();
    bench.give(Input::Activated(NotificationAction::Reply { to, text: TypedReply("Here".into()) }));
    assert_eq!(bench.written(), [Write::Draft(ThreadRowId(7), "Here".into())]);
    let shown = EventKind::ShowRequested { thread: Some(ThreadId("t7".into())) };
    assert!(bench.events().contains(&shown));
}

#[test]
fn a_name_takes_no_answer() {
    let mut bench = watching();
    let mut row = texted(1, "Your code is 482913");
    row.peer = "PayPal".into();
    arrive(&mut bench, row);
    assert!(bench.notified()[0].reply.is_none());
}

#[test]
fn missed_calls_of_a_conversation_are_one_notification_that_goes_when_seen() {
    let mut bench = watching();
    arrive(&mut bench, missed(1));
    arrive(&mut bench, missed(2));
    let tags: Vec<_> = bench.notified().into_iter().map(|shown| shown.tag).collect();
    assert_eq!(tags, ["missed-thread-7", "missed-thread-7"]);
    bench.command(Command::MarkCallsRead {});
    bench.kept(Kept::CallsRead(vec![ThreadRowId(7), ThreadRowId(8)]));
    assert_eq!(closed(&mut bench), ["missed-thread-7"]);
    arrive(&mut bench, missed(3));
    bench.command(Command::MarkThreadRead { thread: ThreadId("t7".into()) });
    assert_eq!(closed(&mut bench), ["thread-7", "missed-thread-7"]);
}

#[test]
fn what_comes_while_a_number_is_quiet_is_told_together_when_it_is_not() {
    let mut bench = watching();
    set(&mut bench, |settings| settings.quiet = QuietSettings { do_not_disturb: true, ..Default::default() });
    bench.written();
    arrive(&mut bench, texted(1, "Where are you?"));
    arrive(&mut bench, missed(2));
    assert!(bench.notified().is_empty());
    let aside = |write: &Write| matches!(write, Write::SetAside(RowId(1 | 2)));
    assert_eq!(bench.written().into_iter().filter(aside).count(), 2);
    bench.wait(Duration::from_secs(31));
    assert!(
        bench.written().contains(&Write::TellAway(QuietNow { everyone: true, numbers: vec![OURS.into()] }))
    );
    let waiting = crate::record::AwayCount { waiting: true, ..Default::default() };
    bench.kept(Kept::Away(waiting));
    assert!(bench.notified().is_empty());
    set(&mut bench, |settings| settings.quiet = QuietSettings::default());
    assert!(bench.written().contains(&Write::TellAway(QuietNow::default())));
    bench.kept(away(1, &[PEER], 1));
    let shown = bench.notified();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].body, "1 message from 1 person, 1 missed call");
    bench.command(Command::MarkCallsRead {});
    bench.kept(Kept::CallsRead(Vec::new()));
    assert_eq!(closed(&mut bench), ["away"], "who looks has seen it");
}

#[test]
fn what_came_while_the_computer_slept_is_one_digest() {
    let mut bench = watching();
    bench.give(Input::Network { moved: Vec::new(), slept: true });
    assert_eq!(bench.asked_one(), ProviderRequest::Changes(Cursor("5".into())));
    bench.written();
    let link = bench.link();
    bench.provider(link, changes("9", false));
    let kept = bench.written();
    assert!(matches!(kept.as_slice(), [Write::Apply(batch)] if batch.aside));
    bench.kept(applied_aside(vec![message_row(1, PEER), message_row(2, PEER)]));
    assert!(bench.notified().is_empty());
    assert_eq!(bench.written(), [Write::TellAway(QuietNow::default())]);
    bench.kept(away(2, &[PEER], 0));
    assert_eq!(bench.notified()[0].body, "2 messages from 1 person");
    arrive(&mut bench, message_row(3, PEER));
    assert_eq!(bench.notified()[0].tag, "thread-7");
}
