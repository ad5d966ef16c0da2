//! Calls that are passed on: transfers from either side, and whom the called side names instead.

use super::*;

#[test]
fn an_attended_transfer_keeps_the_sound_until_it_is_done() {
    let mut two = Two::new();
    let (first, second) = two.with_two_calls();
    let command = Command::TransferToCall { call: second.clone(), other: first.clone() };
    two.command(command).unwrap();
    assert_eq!(two.view(&second).transfer.unwrap().state, TransferState::Asked);
    let at = two.heard.iter().position(|e| matches!(e, Event::TransferAsked { .. })).expect("not asked");
    let Event::TransferAsked { request, .. } = two.heard.remove(at) else { unreachable!() };
    let offer = offer_answer::offer(&capabilities(4002));
    two.peer.accept_transfer(two.bench.now.instant, request, offer).unwrap();
    two.settle();
    let sound = |e: &Effect| matches!(e, Effect::RunMedia(..) | Effect::CloseMedia(_));
    assert!(!two.bench.effects.iter().any(sound), "both go on as they are while it is under way");
    two.carol_answers();
    let closed = two.bench.take(|e| match e {
        Effect::CloseMedia(id) => Ok(id),
        other => Err(other),
    });
    assert!(closed.contains(&second), "they talk, and we leave");
}

#[test]
fn a_transfer_that_fails_leaves_the_call_as_it_was() {
    let mut two = Two::new();
    let (call, _) = two.talking();
    let target = String::from("sip:carol@127.0.0.1:5070");
    let emergency = Command::TransferCall { call: call.clone(), target: "112".into() };
    assert_eq!(two.command(emergency), Err(ErrorCode::EmergencyNotSupported));
    let command = Command::TransferCall { call: call.clone(), target: target.clone() };
    assert_eq!(two.command(command), Ok(Reply::Done {}));
    assert_eq!(two.view(&call).transfer.unwrap().state, TransferState::Asked);
    let at = two.heard.iter().position(|e| matches!(e, Event::TransferAsked { .. })).expect("not asked");
    let Event::TransferAsked { request, to, .. } = two.heard.remove(at) else { unreachable!() };
    assert_eq!(to.to_string(), target);
    two.peer.reject_transfer(two.bench.now.instant, request).unwrap();
    two.settle();
    let transfer = two.view(&call).transfer.unwrap();
    assert_eq!(transfer.state, TransferState::Failed);
    assert_eq!(transfer.error.unwrap().code, ErrorCode::TransferFailed);
    assert_eq!(two.view(&call).state, CallState::Connected);
}

#[test]
fn a_transfer_that_works_ends_our_call() {
    let mut two = Two::new();
    let (call, _) = two.talking();
    let target = String::from("sip:carol@127.0.0.1:5070");
    two.command(Command::TransferCall { call: call.clone(), target }).unwrap();
    let at = two.heard.iter().position(|e| matches!(e, Event::TransferAsked { .. })).expect("not asked");
    let Event::TransferAsked { request, .. } = two.heard.remove(at) else { unreachable!() };
    // The other side calls Carol, who is its own neighbour here and takes the call.
    let offer = offer_answer::offer(&capabilities(4002));
    two.peer.accept_transfer(two.bench.now.instant, request, offer).unwrap();
    two.carol_answers();
    assert!(two.heard.iter().any(|e| matches!(e, Event::Call { state: SipState::Ended(_), .. })));
}

#[test]
fn nobody_is_called_because_the_other_side_says_so() {
    let mut two = Two::new();
    let (call, theirs) = two.talking();
    let carol = || Uri::parse("sip:carol@127.0.0.1:5070").unwrap();
    two.peer.transfer(two.bench.now.instant, theirs, carol()).unwrap();
    two.settle();
    let asked = two.view(&call).transfer_asked.unwrap();
    assert_eq!(asked.to, "sip:carol@127.0.0.1:5070");
    assert_eq!(two.bench.state.call_views().len(), 1, "not before it is allowed");
    let no = Command::AnswerTransfer { call: call.clone(), accept: false };
    assert_eq!(two.command(no), Ok(Reply::Done {}));
    assert!(two.view(&call).transfer_asked.is_none());
    two.peer.transfer(two.bench.now.instant, theirs, carol()).unwrap();
    two.settle();
    let yes = Command::AnswerTransfer { call: call.clone(), accept: true };
    let Ok(Reply::CallPlaced { call: new }) = two.command(yes) else { panic!("not placed") };
    two.heard.clear();
    two.open_media(&new);
    two.settle();
    let called = two.heard.iter().any(|e| matches!(e, Event::IncomingCall { .. }));
    assert!(called, "carol's phone rings");
    assert_eq!(two.view(&call).hold, HoldState::Here, "whoever asked waits");
}

#[test]
fn a_redirection_is_shown_and_followed_when_a_person_says_so() {
    let mut two = Two::new();
    let (call, theirs) = two.ring_them();
    let elsewhere = SipReply::new(302).header("Contact", "\"Carol\" <sip:carol@127.0.0.1:5070>");
    two.peer.reject(two.bench.now.instant, theirs, elsewhere).unwrap();
    two.heard.clear();
    two.settle();
    let view = two.view(&call);
    assert_eq!(view.state, CallState::Redirected);
    let expect = RedirectView { target: "sip:carol@127.0.0.1:5070".into(), name: "Carol".into() };
    assert_eq!(view.redirect, [expect]);
    assert!(!two.heard.iter().any(|e| matches!(e, Event::IncomingCall { .. })), "not by itself");
    let wrong = Command::FollowRedirect { call: call.clone(), target: 1 };
    assert_eq!(two.command(wrong), Err(ErrorCode::NotFound));
    assert_eq!(two.command(Command::FollowRedirect { call: call.clone(), target: 0 }), Ok(Reply::Done {}));
    assert!(two.heard.iter().any(|e| matches!(e, Event::IncomingCall { .. })));
    let view = two.view(&call);
    assert_eq!((view.peer_name.as_str(), view.state), ("Carol", CallState::Dialing));
}
