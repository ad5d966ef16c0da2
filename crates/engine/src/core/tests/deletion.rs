use tern_provider::{NOT_YET, ProviderError};

use super::*;
use crate::{
    api::ThreadId,
    record::{Deleted, Removed},
};

fn ids(names: &[&str]) -> Vec<RemoteId> {
    names.iter().map(|name| RemoteId((*name).into())).collect()
}

fn deletions(bench: &mut Bench) -> Vec<String> {
    let asked = bench.asked().into_iter();
    asked.filter_map(|r| if let ProviderRequest::Delete(id) = r { Some(id.0) } else { None }).collect()
}

fn fates(bench: &mut Bench) -> Vec<(String, Deleted)> {
    let written = bench.written().into_iter();
    written
        .filter_map(|w| if let Write::Deleted(_, id, fate) = w { Some((id.0, fate)) } else { None })
        .collect()
}

fn can() -> Capabilities {
    Capabilities { delete_message: true, ..EVERYTHING }
}

fn removed(doomed: &[&str], staying: u32) -> Option<Removed> {
    Some(Removed { account: ACCOUNT, doomed: ids(doomed), staying })
}

/// A bench whose user has deleted a conversation of these messages, at the provider too.
fn asked_for(messages: &[&str]) -> (Bench, u32) {
    let mut bench = Bench::attached(Some("5"));
    let link = bench.link();
    bench.provider(link, ProviderReport::Opened(can()));
    bench.asked();
    assert!(bench.account().deletes_threads);
    let delete = Command::DeleteThread { thread: ThreadId("t7".into()), at_provider: true };
    let request = bench.command(delete);
    assert!(bench.written().contains(&Write::RemoveThread(request, ThreadRowId(7), vec![ACCOUNT])));
    assert_eq!(deletions(&mut bench), [""; 0], "intent first");
    bench.kept(Kept::ThreadRemoved(request, ThreadRowId(7), removed(messages, 2)));
    let asked = u32::try_from(messages.len()).unwrap();
    assert_eq!(bench.reply_to(request), Some(Ok(Reply::ThreadDeleted { asked, staying: 2 })));
    assert_eq!(bench.account().deleting, asked);
    (bench, link)
}

#[test]
fn each_message_is_deleted_there_one_after_the_other() {
    let (mut bench, link) = asked_for(&["m1", "m2"]);
    assert_eq!(deletions(&mut bench), ["m1"]);
    bench.wait(Duration::from_secs(60));
    assert_eq!(deletions(&mut bench), [""; 0], "one at a time");
    bench.provider(link, ProviderReport::Deleted(RemoteId("m1".into()), Ok(())));
    assert_eq!(deletions(&mut bench), ["m2"]);
    let no = ProviderError::Refused { code: "odd".into(), detail: String::new() };
    bench.provider(link, ProviderReport::Deleted(RemoteId("m2".into()), Err(no)));
    let told = [("m1".to_owned(), Deleted::Gone), ("m2".to_owned(), Deleted::Refused)];
    assert_eq!(fates(&mut bench), told);
    assert_eq!(bench.account().deleting, 0);
    bench.events();
    bench.kept(Kept::Deleted(ACCOUNT, None));
    bench.kept(Kept::Deleted(ACCOUNT, Some((1, 1))));
    assert_eq!(bench.notices(), [Notice::DeletedThere { account: ACCOUNT, deleted: 1, refused: 1 }]);
}

#[test]
fn what_may_succeed_later_is_asked_for_again() {
    let (mut bench, link) = asked_for(&["m1"]);
    let on_its_way = ProviderError::Refused { code: NOT_YET.into(), detail: String::new() };
    for error in [
        ProviderError::Timeout,
        ProviderError::Unreachable,
        ProviderError::Server { status: 503 },
        ProviderError::Unauthorized,
        ProviderError::AddressNotAllowed,
        on_its_way,
    ] {
        assert_eq!(deletions(&mut bench), ["m1"], "before {error:?}");
        bench.provider(link, ProviderReport::Deleted(RemoteId("m1".into()), Err(error)));
        assert_eq!(deletions(&mut bench), [""; 0], "not at once");
        bench.wait(Duration::from_secs(15 * 60));
    }
    assert_eq!(deletions(&mut bench), ["m1"]);
    let limit = ProviderError::RateLimited { retry_after: Some(Duration::from_secs(7200)) };
    bench.provider(link, ProviderReport::Deleted(RemoteId("m1".into()), Err(limit)));
    bench.wait(Duration::from_secs(7000));
    assert_eq!(deletions(&mut bench), [""; 0], "the provider named a time");
    bench.wait(Duration::from_secs(300));
    assert_eq!(deletions(&mut bench), ["m1"]);
    assert_eq!(fates(&mut bench), []);
}

#[test]
fn a_lost_answer_is_asked_for_again_over_the_next_connection() {
    let (mut bench, link) = asked_for(&["m1"]);
    assert_eq!(deletions(&mut bench), ["m1"]);
    bench.provider(link, ProviderReport::Opened(can()));
    assert_eq!(deletions(&mut bench), ["m1"]);
}

#[test]
fn what_an_earlier_run_has_left_is_carried_out() {
    let account = LoadedAccount { deletions: ids(&["m1", "m2"]), ..left_account(profile(true)) };
    let mut bench = Bench::new(false, loaded(account));
    assert_eq!(bench.account().deleting, 2);
    let request = bench.request();
    bench.give(Input::Attach(request, access()));
    assert_eq!(deletions(&mut bench), [""; 0]);
    let link = bench.link();
    bench.provider(link, ProviderReport::Opened(can()));
    assert_eq!(deletions(&mut bench), ["m1"]);
}

#[test]
fn nobody_is_asked_who_cannot_or_was_not_to() {
    let mut bench = Bench::attached(Some("5"));
    // The provider of these tests can't, whatever others of its kind can.
    assert!(!bench.account().deletes_threads);
    let thread = ThreadId("t7".into());
    let request = bench.command(Command::DeleteThread { thread: thread.clone(), at_provider: true });
    assert!(bench.written().contains(&Write::RemoveThread(request, ThreadRowId(7), vec![])));
    bench.kept(Kept::ThreadRemoved(request, ThreadRowId(7), removed(&[], 5)));
    assert_eq!(bench.reply_to(request), Some(Ok(Reply::ThreadDeleted { asked: 0, staying: 5 })));
    let link = bench.link();
    bench.provider(link, ProviderReport::Opened(can()));
    let request = bench.command(Command::DeleteThread { thread, at_provider: false });
    assert!(bench.written().contains(&Write::RemoveThread(request, ThreadRowId(7), vec![])));
    bench.kept(Kept::ThreadRemoved(request, ThreadRowId(7), None));
    assert_eq!(
        bench.reply_to(request).map(|r| r.map_err(|e| e.code)),
        Some(Err(crate::api::ErrorCode::NotFound))
    );
    assert_eq!(deletions(&mut bench), [""; 0]);
}
