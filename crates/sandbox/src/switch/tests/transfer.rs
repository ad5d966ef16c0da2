//! Calls that one side passes on.

use super::*;

/// How a transfer went on, up to its end.
async fn transferred(phone: &mut Phone) -> Vec<TransferProgress> {
    let mut told = Vec::new();
    loop {
        if let Event::Transfer { progress, .. } = phone.event().await {
            told.push(progress.clone());
            if matches!(progress, TransferProgress::Done | TransferProgress::Failed { .. }) {
                return told;
            }
        }
    }
}

async fn transfer(phone: &Phone, call: CallId, target: &str) {
    let target = Uri::parse(&format!("sip:{target}@{DOMAIN}")).unwrap();
    phone.command(move |endpoint, now| endpoint.transfer(now, call, target)).await.unwrap();
}

#[tokio::test]
async fn either_side_passes_the_call_on() {
    for by_caller in [true, false] {
        let house = House::open().await;
        let (mut asker, mut stays) = talk(&house).await;
        let since = house.cursor(if by_caller { 0 } else { 1 }).await;
        if !by_caller {
            std::mem::swap(&mut asker, &mut stays);
        }
        // The traveller's other phone: the one that talks is not registered.
        let mut target = Phone::of(&house, 0).await;
        target.register().await;
        transfer(&asker.0, asker.1, "traveller").await;
        let (ringing, _, target_sends_to) = takes(&mut target).await;
        let told = transferred(&mut asker.0).await;
        assert_eq!(told.first(), Some(&TransferProgress::Accepted));
        assert_eq!(told.last(), Some(&TransferProgress::Done), "{told:?}");
        assert_eq!(asker.0.ended().await.by, EndedBy::Remote, "the switch ends the asker's own call");
        let (at_target, at_stays) = tokio::join!(
            target.hears(target_sends_to, b"from the target"),
            stays.0.hears(stays.2, b"from who stays")
        );
        assert!(at_target.ends_with(b"from who stays") && at_stays.ends_with(b"from the target"));
        let logged = house.logged(if by_caller { 0 } else { 1 }, &since).await;
        assert_eq!(logged.outcome, CallOutcome::Answered);
        target.hang_up(ringing).await;
        assert_eq!(stays.0.ended().await.by, EndedBy::Remote);
    }
}

#[tokio::test]
async fn a_transfer_that_leads_nowhere_leaves_the_call() {
    let house = House::open().await;
    let ((mut traveller, call, sends_to), (friend, _, friend_sends_to)) = talk(&house).await;
    for (target, code) in [("112", 403), ("nobody", 404), ("echo", 403)] {
        transfer(&traveller, call, target).await;
        let told = transferred(&mut traveller).await;
        assert!(
            matches!(told.last(), Some(TransferProgress::Failed { code: c, .. }) if *c == code),
            "{target}: {told:?}"
        );
    }
    let (at_traveller, _) =
        tokio::join!(traveller.hears(sends_to, b"still here"), friend.hears(friend_sends_to, b"me too"));
    assert!(at_traveller.ends_with(b"me too"));
    // A call with a service cannot be passed on.
    let mut phone = Phone::of(&house, 0).await;
    let echo = phone.call("echo").await;
    answered(phone.state().await);
    transfer(&phone, echo, "friend").await;
    let told = transferred(&mut phone).await;
    assert!(matches!(told.last(), Some(TransferProgress::Failed { code: 603, .. })), "{told:?}");
}
