//! Addresses found after the descriptions: told and taken by INFO (RFC 8840).

use tern_media::{
    PacketKind,
    path::{Candidate, CandidateKind},
};
use tern_sip::offer_answer::{AudioCapabilities, IceDescription, IceFragment, TransportCapabilities};

use super::*;

const PASSWORD: &str = "asd88fgpdd777uzjYhagZg";

fn candidate(kind: CandidateKind, port: u16) -> Candidate {
    let priority = if kind == CandidateKind::Host { 9 } else { 8 };
    let (component, related) = (PacketKind::Rtp, None);
    Candidate { component, foundation: port.to_string(), priority, address: address(port), kind, related }
}

fn told(port: u16) -> offer_answer::Candidate {
    offer_answer::Candidate::parse(&format!("{port} 1 UDP 9 127.0.0.1 {port} typ host")).unwrap()
}

/// The other side with checks.
pub(super) fn theirs(trickle: bool) -> AudioCapabilities {
    let ice = IceDescription {
        fragment: "them".into(),
        password: PASSWORD.into(),
        lite: false,
        trickle: trickle.then(|| "sound".to_owned()),
        complete: false,
        candidates: vec![told(4000)],
    };
    let transport = TransportCapabilities { rtcp: None, rtcp_mux: true, ice: Some(ice) };
    let media = crate::api::MediaOptions { codecs: short(), ..Default::default() };
    let session = SessionVersion { id: 5, version: 1 };
    AudioCapabilities { transport, ..agreement::capabilities(address(4000), session, &media) }
}

/// A longer INVITE goes by TCP (RFC 3261 section 18.1.1).
fn short() -> Vec<String> {
    vec!["PCMU".to_owned()]
}

pub(super) fn found(server: Option<u16>) -> Addresses {
    let seen = server.map(|port| candidate(CandidateKind::ServerReflexive, port));
    let candidates = seen.into_iter().chain([candidate(CandidateKind::Host, 30_000)]).collect();
    Addresses { rtcp: None, candidates, complete: server.is_some() }
}

impl Two {
    pub(super) fn with_checks() -> Self {
        let mut two = Two::new();
        let media = &mut two.bench.state.config.media;
        (media.codecs, media.security) = (Some(short()), Some(crate::api::MediaSecurity::Off));
        two.bench.state.config.media.ice = Some(true);
        two.bench.state.config.media.stun_server = Some("192.0.2.1".into());
        two
    }

    /// Opens sockets of which servers know nothing yet. Whether nobody is waited for.
    pub(super) fn open_early(&mut self, call: &CallId) -> bool {
        let opened = self.bench.take(|e| match e {
            Effect::OpenMedia(id, _, reach) if id == *call => Ok(reach.at_once),
            other => Err(other),
        });
        let report = MediaReport::Opened(address(30_000), found(None));
        self.bench.give(Input::Media(call.clone(), report));
        self.settle();
        opened[0]
    }

    fn find(&mut self, call: &CallId) {
        self.bench.give(Input::Media(call.clone(), MediaReport::Found(found(Some(31_000)))));
        self.settle();
    }

    /// What the other side was told beside descriptions.
    fn came(&mut self, mid: &str) -> Vec<IceFragment> {
        let bodies = self.heard.iter().filter_map(|e| match e {
            Event::Trickled { body, .. } => IceFragment::parse(body, mid),
            _ => None,
        });
        bodies.collect()
    }

    /// The other side tells of another address.
    fn tell(&mut self, theirs: tern_sip::CallId, mid: &str, port: u16) -> bool {
        let (fragment, password) = ("them".to_owned(), PASSWORD.to_owned());
        let candidates = vec![told(4000), told(port)];
        let more = IceFragment { fragment, password, mid: mid.into(), candidates, complete: true };
        let taken = self.peer.trickle(self.bench.now.instant, theirs, &more).is_ok();
        self.settle();
        taken
    }
}

#[test]
fn who_trickles_is_answered_before_servers_are_and_told_what_they_say() {
    let mut two = Two::with_checks();
    let (call, there) = two.ring_us_with(offer_answer::offer(&theirs(true)));
    assert_eq!(two.command(Command::AnswerCall { call: call.clone() }), Ok(Reply::Done {}));
    assert!(two.open_early(&call), "it need not wait for servers");
    assert_eq!(two.view(&call).state, CallState::Connected);
    assert_eq!(two.plans().remove(0).ice.unwrap().candidates.len(), 1);
    two.find(&call);
    let came = two.came("sound");
    let ports: Vec<u16> = came[0].candidates.iter().map(|c| c.address.port()).collect();
    // RFC 8840 section 4.3.3: what the answer told keeps its place.
    assert_eq!((came.len(), ports, came[0].complete), (1, vec![30_000, 31_000], true));
    two.find(&call);
    assert_eq!(two.came("sound").len(), 1, "nothing is told twice");
    // And the other way round.
    assert!(two.tell(there, "sound", 4002));
    let plan = two.plans().remove(0).ice.unwrap();
    let ports: Vec<u16> = plan.candidates.iter().map(|c| c.address.port()).collect();
    assert_eq!(ports.last(), Some(&4002));
    // RFC 5888 section 9.1: a section keeps its name, whoever offers.
    assert_eq!(two.command(Command::HoldCall { call: call.clone(), held: true }), Ok(Reply::Done {}));
    assert!(two.offers()[0].to_string().contains("a=mid:sound\r\n"));
}

#[test]
fn a_call_of_ours_tells_all_it_knows_and_more_to_who_takes_it() {
    for trickles in [true, false] {
        let mut two = Two::with_checks();
        let target = String::from("sip:bob@127.0.0.1:5070");
        let request = two.bench.command(Command::PlaceCall { account: DIRECT, target, show: None });
        let Some(Ok(Reply::CallPlaced { call })) = two.bench.reply_to(request) else { panic!() };
        assert!(!two.open_early(&call), "whether the other side trickles is not known yet");
        let (there, offer) = two
            .heard
            .iter()
            .find_map(|e| match e {
                Event::IncomingCall { call, offer, .. } => Some((*call, offer.clone()?)),
                _ => None,
            })
            .unwrap();
        let text = offer.to_string();
        assert!(
            text.contains("a=ice-options:ice2 trickle") && text.contains("127.0.0.1 30000 typ host"),
            "{text}"
        );
        // Found while it rings: there is nothing to tell it in.
        two.find(&call);
        assert_eq!(two.came("0"), []);
        let (answer, _) = offer_answer::answer(&offer, &theirs(trickles)).unwrap();
        two.peer.accept(two.bench.now.instant, there, answer).unwrap();
        two.settle();
        assert_eq!(two.view(&call).state, CallState::Connected);
        assert_eq!(two.came("0").len(), usize::from(trickles));
        assert!(two.tell(there, "0", 4002), "ours said that it takes them");
    }
}

#[test]
fn what_comes_before_the_call_is_taken_is_not_lost() {
    let mut two = Two::with_checks();
    let (call, _) = two.ring_us_with(offer_answer::offer(&theirs(true)));
    let (fragment, password) = ("them".to_owned(), PASSWORD.to_owned());
    let more = |fragment: String| IceFragment {
        fragment,
        password: password.clone(),
        mid: "sound".into(),
        candidates: vec![told(4002)],
        complete: false,
    };
    for fragment in ["older".to_owned(), fragment] {
        two.bench.state.candidates_came(&call, more(fragment).to_string().as_bytes());
    }
    two.bench.state.candidates_came(&call, b"garbage");
    assert!(two.plans().is_empty());
    assert_eq!(two.command(Command::AnswerCall { call: call.clone() }), Ok(Reply::Done {}));
    two.open_early(&call);
    let plan = two.plans().remove(0).ice.unwrap();
    let ports: Vec<u16> = plan.candidates.iter().map(|c| c.address.port()).collect();
    assert_eq!(ports, [4000, 4002]);
}

#[test]
fn a_call_that_moves_waits_for_servers_only_where_the_other_side_does() {
    for trickles in [true, false] {
        let mut two = Two::with_checks();
        let (call, _) = two.ring_us_with(offer_answer::offer(&theirs(trickles)));
        assert_eq!(two.command(Command::AnswerCall { call: call.clone() }), Ok(Reply::Done {}));
        two.open_early(&call);
        two.bench.state.move_calls_of(&DIRECT, [127, 0, 0, 9].into());
        two.bench.give(Input::Timer);
        assert_eq!(two.open_early(&call), trickles);
        // What servers tell now is told when the offer is answered.
        two.find(&call);
        assert_eq!(two.came("sound"), []);
        let mut sides = theirs(trickles);
        sides.session.version = 2;
        let at = two.heard.iter().position(|e| matches!(e, Event::Reoffer { .. })).unwrap();
        let Event::Reoffer { call: there, offer: Some(offer) } = two.heard.remove(at) else { panic!() };
        let (answer, _) = offer_answer::answer(&offer, &sides).unwrap();
        two.peer.answer_reoffer(two.bench.now.instant, there, answer).unwrap();
        two.settle();
        let came: Vec<usize> = two.came("sound").iter().map(|told| told.candidates.len()).collect();
        assert_eq!(came, if trickles { vec![2] } else { Vec::new() });
    }
}
