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

/// We call and are refused, with this Warning where one is given.
fn refused(code: u16, warning: Option<&str>) -> (Two, CallId) {
    let mut two = Two::new();
    two.bench.state.config.media.security = Some(crate::api::MediaSecurity::Off);
    let (call, sip) = two.ring_them();
    two.refuse_with(sip, code, warning);
    (two, call)
}

impl Two {
    fn refuse_with(&mut self, sip: tern_sip::CallId, code: u16, warning: Option<&str>) {
        let reply = SipReply::new(code);
        let reply = warning.into_iter().fold(reply, |reply, warning| reply.header("Warning", warning));
        self.peer.reject(self.bench.now.instant, sip, reply).unwrap();
        self.settle();
    }

    /// The last call that came to the other side, and its offer.
    fn last_call(&self) -> (tern_sip::CallId, SessionDescription) {
        let last = self.heard.iter().rev().find_map(|e| match e {
            Event::IncomingCall { call, offer, .. } => Some((*call, offer.clone()?)),
            _ => None,
        });
        last.unwrap()
    }
}

#[test]
fn a_refused_offer_is_made_in_the_other_family_once() {
    let addresses = Some("301 there.test \"Incompatible network address formats\"");
    for (code, warning) in [(488, None), (606, addresses), (488, addresses), (400, addresses)] {
        let (mut two, call) = refused(code, warning);
        // Somebody on this computer, as the line is there.
        assert_eq!(two.wanted(), [Some("::1".parse().unwrap())], "{code} {warning:?}");
        two.report(&call, MediaReport::Opened(here(), Addresses::default()));
        let (sip, offer) = two.last_call();
        assert!(offer.to_string().contains("c=IN IP6 2001:db8::2\r\n"), "{offer}");
        assert_eq!(two.view(&call).state, CallState::Dialing, "still the same call");
        if code == 400 {
            two.refuse_with(sip, code, warning);
            assert_eq!(two.wanted(), [], "once");
            two.close_media(&call);
            assert!(two.calls.iter().any(|view| view.end.is_some()));
            continue;
        }
        let (answer, _) = offer_answer::answer(&offer, &theirs()).unwrap();
        two.peer.accept(two.bench.now.instant, sip, answer).unwrap();
        two.settle();
        assert_eq!(two.plans().pop().and_then(|plan| plan.remote), Some(there()));
        assert_eq!((two.wanted(), two.view(&call).state), (vec![], CallState::Connected));
    }
}

#[test]
fn a_refusal_stands_where_another_family_is_missing_or_would_not_help() {
    let (mut two, call) = refused(488, None);
    assert_eq!(two.wanted().len(), 1);
    two.report(&call, MediaReport::Unreachable);
    two.close_media(&call);
    let end = two.calls.iter().rev().find_map(|view| view.end.clone()).unwrap();
    assert_eq!(end.outcome, CallOutcome::Failed);
    assert_ne!(end.error.map(|error| error.code), Some(ErrorCode::NoWayForSound), "it was refused");
    for (code, warning) in [
        (488, Some("305 there.test \"Incompatible media format\"")),
        (486, None),
        (404, Some("399 there.test \"Nobody\"")),
    ] {
        let (mut two, _) = refused(code, warning);
        assert_eq!(two.wanted(), [], "{code} {warning:?}");
    }
}
