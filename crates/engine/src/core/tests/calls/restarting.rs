//! Ways that die under a call: looked for anew by one offer (RFC 8445 section 9), a few times and not for ever.

use tern_sip::offer_answer::AudioCapabilities;

use super::{
    trickling::{found, theirs},
    *,
};

/// The other side with new credentials.
fn renewed(fragment: &str) -> AudioCapabilities {
    let mut sides = theirs(true);
    sides.session.version = 2;
    if let Some(ice) = &mut sides.transport.ice {
        ice.fragment = fragment.to_owned();
    }
    sides
}

fn credentials(description: &SessionDescription) -> (String, String) {
    let audio = description.audio().unwrap();
    let value = |name| description.attribute_of(audio, name).unwrap().to_owned();
    (value("ice-ufrag"), value("ice-pwd"))
}

impl Two {
    /// Two who talk over a way that checks have found; whether we had called. What was offered or answered by us.
    fn checked(ours: bool) -> (Self, CallId, SessionDescription) {
        let mut two = Two::with_checks();
        let (call, said) = if ours {
            let target = String::from("sip:bob@127.0.0.1:5070");
            let request = two.bench.command(Command::PlaceCall { account: DIRECT, target, show: None });
            let Some(Ok(Reply::CallPlaced { call })) = two.bench.reply_to(request) else { panic!() };
            two.open_early(&call);
            let invited = two.heard.iter().find_map(|e| match e {
                Event::IncomingCall { call, offer, .. } => Some((*call, offer.clone()?)),
                _ => None,
            });
            let (there, offer) = invited.unwrap();
            let (answer, _) = offer_answer::answer(&offer, &theirs(true)).unwrap();
            two.peer.accept(two.bench.now.instant, there, answer).unwrap();
            two.settle();
            (call, offer)
        } else {
            let (call, _) = two.ring_us_with(offer_answer::offer(&theirs(true)));
            assert_eq!(two.command(Command::AnswerCall { call: call.clone() }), Ok(Reply::Done {}));
            two.open_early(&call);
            let answer = two.heard.iter().find_map(|e| match e {
                Event::Call { state: SipState::Answered { sdp: Some(sdp) }, .. } => Some(sdp.clone()),
                _ => None,
            });
            (call, answer.unwrap())
        };
        two.way(&call, true);
        two.wait(Duration::from_secs(60));
        two.plans();
        (two, call, said)
    }

    fn way(&mut self, call: &CallId, found: bool) {
        self.bench.give(Input::Media(call.clone(), MediaReport::Way(found)));
        self.settle();
    }

    fn silence(&mut self, call: &CallId) {
        self.bench
            .give(Input::Media(call.clone(), MediaReport::Silent(address(30_000), found(Some(31_007)))));
        self.settle();
    }

    /// The offers since the last look, each answered by the other side as it is then.
    fn renewals(&mut self, sides: &AudioCapabilities) -> Vec<SessionDescription> {
        let mut offers = Vec::new();
        while let Some(at) = self.heard.iter().position(|e| matches!(e, Event::Reoffer { .. })) {
            let Event::Reoffer { call, offer: Some(offer) } = self.heard.remove(at) else { panic!() };
            let (answer, _) = offer_answer::answer(&offer, sides).unwrap();
            self.peer.answer_reoffer(self.bench.now.instant, call, answer).unwrap();
            offers.push(offer);
            self.settle();
        }
        offers
    }

    /// Opens the sockets that are asked for; how often that was.
    fn reopen(&mut self, call: &CallId) -> usize {
        let opened = self.bench.take(|e| match e {
            Effect::OpenMedia(id, ..) if id == *call => Ok(()),
            other => Err(other),
        });
        for () in &opened {
            let report = MediaReport::Opened(address(30_000), found(Some(31_007)));
            self.bench.give(Input::Media(call.clone(), report));
            self.settle();
        }
        opened.len()
    }

    fn count(&mut self, call: &CallId) -> u32 {
        self.bench.give(Input::Media(call.clone(), MediaReport::Stats(figures())));
        self.settle();
        self.view(call).stats.unwrap().ways_renewed
    }
}

#[test]
fn a_dead_way_is_looked_for_anew_by_one_offer() {
    let (mut two, call, first) = Two::checked(true);
    assert_eq!(two.count(&call), 0);
    two.silence(&call);
    two.silence(&call);
    let offers = two.renewals(&renewed("anew"));
    assert_eq!(offers.len(), 1);
    // RFC 8839 section 4.4.1.1.1: both of them are new.
    let (before, after) = (credentials(&first), credentials(&offers[0]));
    assert!(before.0 != after.0 && before.1 != after.1);
    let text = offers[0].to_string();
    assert!(text.contains(" 30000 typ host") && text.contains(" 31007 typ srflx"), "{text}");
    let plan = two.plans().pop().unwrap().ice.unwrap();
    assert_eq!((plan.local.fragment, plan.remote.fragment), (after.0, "anew".into()));
    assert!(plan.controlling, "RFC 8445 section 6.1.1");
    assert_eq!(two.view(&call).audio_trouble, None, "the old way may still be of use");
    two.way(&call, true);
    two.wait(Duration::from_secs(300));
    assert_eq!((two.renewals(&renewed("x")).len(), two.reopen(&call)), (0, 0));
    assert_eq!((two.count(&call), two.view(&call).state), (1, CallState::Connected));
}

#[test]
fn who_does_not_choose_the_way_leaves_it_to_the_other_side() {
    let (mut two, call, said) = Two::checked(false);
    two.silence(&call);
    two.wait(Duration::from_secs(2));
    assert_eq!(two.renewals(&renewed("never")).len(), 0);
    // It begins.
    let there = two.heard.iter().find_map(|e| match e {
        Event::Call { id, state: SipState::Answered { .. } } => Some(*id),
        _ => None,
    });
    let now = two.bench.now.instant;
    two.peer.offer(now, there.unwrap(), offer_answer::offer(&renewed("anew"))).unwrap();
    two.settle();
    let plan = two.plans().pop().unwrap().ice.unwrap();
    assert!(
        plan.remote.fragment == "anew" && plan.local.fragment != credentials(&said).0 && !plan.controlling
    );
    two.silence(&call);
    two.wait(Duration::from_secs(5));
    assert_eq!(two.renewals(&renewed("never")).len(), 0, "its checks take their time");
    two.way(&call, true);
    two.wait(Duration::from_secs(60));
    assert_eq!((two.renewals(&renewed("never")).len(), two.count(&call)), (0, 1));
    // The next time it does nothing.
    two.silence(&call);
    two.wait(Duration::from_secs(4));
    assert_eq!((two.renewals(&renewed("late")).len(), two.count(&call)), (1, 2));
}

#[test]
fn a_way_that_is_not_found_again_is_looked_for_three_times() {
    let (mut two, call, _) = Two::checked(true);
    two.silence(&call);
    let (mut offers, mut opened) = (two.renewals(&renewed("a0")), 0);
    for second in 0..600 {
        two.wait(Duration::from_secs(1));
        opened += two.reopen(&call);
        offers.extend(two.renewals(&renewed(&format!("a{second}"))));
        // What the path says of it.
        if second % 20 == 0 {
            two.way(&call, false);
            two.silence(&call);
        }
    }
    assert_eq!((offers.len(), opened), (3, 2), "the first time with the sockets there are");
    let fragments: std::collections::BTreeSet<String> =
        offers.iter().map(|offer| credentials(offer).0).collect();
    assert_eq!(fragments.len(), 3);
    let trouble = two.view(&call).audio_trouble.map(|error| error.code);
    assert_eq!((trouble, two.view(&call).state), (Some(ErrorCode::NoWayForSound), CallState::Connected));
}

#[test]
fn a_way_that_comes_and_goes_is_not_looked_for_each_time() {
    let (mut two, call, _) = Two::checked(true);
    let (mut offers, mut opened) = (0, 0);
    for round in 0..40 {
        two.silence(&call);
        opened += two.reopen(&call);
        offers += two.renewals(&renewed(&format!("b{round:03}"))).len();
        two.way(&call, true);
        two.wait(Duration::from_secs(5));
    }
    assert_eq!((offers, opened), (3, 2));
    // One that stood is another matter.
    two.wait(Duration::from_secs(60));
    two.silence(&call);
    assert_eq!(two.renewals(&renewed("good")).len(), 1);
}

#[test]
fn a_refused_offer_leaves_the_checks_as_they_were() {
    let (mut two, call, first) = Two::checked(true);
    two.silence(&call);
    let at = two.heard.iter().position(|e| matches!(e, Event::Reoffer { .. })).unwrap();
    let Event::Reoffer { call: there, .. } = two.heard.remove(at) else { unreachable!() };
    two.peer.reject_reoffer(two.bench.now.instant, there, SipReply::new(488)).unwrap();
    two.settle();
    two.way(&call, true);
    assert_eq!(two.command(Command::HoldCall { call: call.clone(), held: true }), Ok(Reply::Done {}));
    let offers = two.renewals(&theirs(true));
    assert_eq!(offers.iter().map(credentials).collect::<Vec<_>>(), [credentials(&first)]);
}

#[test]
fn a_way_that_dies_while_an_offer_is_under_way_is_looked_for_after_it() {
    let (mut two, call, first) = Two::checked(true);
    assert_eq!(two.command(Command::HoldCall { call: call.clone(), held: true }), Ok(Reply::Done {}));
    two.silence(&call);
    let offers = two.renewals(&theirs(true));
    let fragments: Vec<(String, String)> = offers.iter().map(credentials).collect();
    assert!(fragments.len() == 2 && fragments[0] == credentials(&first) && fragments[1] != fragments[0]);
}
