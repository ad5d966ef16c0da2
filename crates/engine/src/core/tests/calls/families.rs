//! Calls with somebody whose sound has addresses of the other family (RFC 6157).

use std::net::IpAddr;

use super::*;

fn there() -> SocketAddr {
    "[2001:db8::7]:4000".parse().unwrap()
}

fn here() -> SocketAddr {
    "[2001:db8::2]:30000".parse().unwrap()
}

/// The other side at its IPv6 address.
fn theirs() -> offer_answer::AudioCapabilities {
    let session = SessionVersion { id: 5, version: 1 };
    agreement::capabilities(there(), session, &crate::api::MediaOptions::default())
}

impl Two {
    /// Where the sockets that are wanted are to lead, where that matters.
    fn wanted(&mut self) -> Vec<Option<IpAddr>> {
        self.bench.take(|e| match e {
            Effect::OpenMedia(_, _, reach) => Ok(reach.towards),
            other => Err(other),
        })
    }

    fn report(&mut self, call: &CallId, report: MediaReport) {
        self.bench.give(Input::Media(call.clone(), report));
        self.settle();
    }

    /// We call and are answered from over there.
    fn answered_from_there(&mut self) -> CallId {
        let (call, sip) = self.ring_them();
        let offer = self.heard.iter().find_map(|e| match e {
            Event::IncomingCall { offer, .. } => offer.clone(),
            _ => None,
        });
        let (answer, _) = offer_answer::answer(&offer.unwrap(), &theirs()).unwrap();
        self.peer.accept(self.bench.now.instant, sip, answer).unwrap();
        self.settle();
        call
    }
}

#[test]
fn a_call_is_answered_in_the_family_of_the_offer() {
    let mut two = Two::new();
    let (call, _) = two.ring_us_with(offer_answer::offer(&theirs()));
    assert_eq!(two.command(Command::AnswerCall { call: call.clone() }), Ok(Reply::Done {}));
    assert_eq!(two.wanted(), [Some(there().ip())]);
    two.report(&call, MediaReport::Opened(here(), Addresses::default()));
    let plans = two.plans();
    assert_eq!((plans.len(), plans[0].remote), (1, Some(there())));
    let answer = two.heard.iter().find_map(|e| match e {
        Event::Call { state: SipState::Answered { sdp: Some(sdp) }, .. } => Some(sdp.to_string()),
        _ => None,
    });
    assert!(answer.unwrap().contains("c=IN IP6 2001:db8::2\r\n"));
    assert_eq!(two.wanted(), [], "both are in one family now");
    // The line's own family needs no other address.
    let mut two = Two::new();
    let (call, _) = two.ring_us();
    assert_eq!(two.command(Command::AnswerCall { call }), Ok(Reply::Done {}));
    assert_eq!(two.wanted(), [None]);
}

#[test]
fn without_an_address_of_that_family_the_call_is_refused_with_the_reason() {
    let mut two = Two::new();
    let (call, _) = two.ring_us_with(offer_answer::offer(&theirs()));
    assert_eq!(two.command(Command::AnswerCall { call: call.clone() }), Ok(Reply::Done {}));
    two.report(&call, MediaReport::Unreachable);
    let code = two.heard.iter().find_map(|e| match e {
        Event::Call { state: SipState::Ended(ending), .. } => ending.code,
        _ => None,
    });
    assert_eq!(code, Some(488), "RFC 3261 section 21.4.26");
    let end = two.calls.iter().rev().find_map(|view| view.end.clone()).unwrap();
    assert_eq!(
        (end.outcome, end.error.map(|e| e.code)),
        (CallOutcome::Failed, Some(ErrorCode::NoWayForSound))
    );
}

#[test]
fn sockets_follow_an_answer_into_its_family_once() {
    let mut two = Two::new();
    let call = two.answered_from_there();
    assert_eq!(two.wanted(), [Some(there().ip())]);
    two.report(&call, MediaReport::Opened(here(), Addresses::default()));
    let offers = two.offers();
    assert!(offers[0].to_string().contains("c=IN IP6 2001:db8::2\r\n"), "{}", offers[0]);
    // The other side went back meanwhile; nobody chases it.
    assert_eq!((offers.len(), two.wanted()), (1, vec![]));
    assert_eq!(two.view(&call).state, CallState::Connected);
}

#[test]
fn an_answer_from_where_no_way_leads_ends_the_call_with_the_reason() {
    let mut two = Two::new();
    let call = two.answered_from_there();
    two.report(&call, MediaReport::Unreachable);
    two.close_media(&call);
    let end = two.calls.iter().rev().find_map(|view| view.end.clone()).unwrap();
    assert_eq!(end.error.map(|e| e.code), Some(ErrorCode::NoWayForSound));
}
