//! Calls between a state and an endpoint that plays the other side, over a network of two on virtual time.

mod families;
mod handing;
mod restarting;
mod security;
mod several;
mod sounds;
mod trickling;

use std::net::SocketAddr;

use tern_media::{Expected, LegMode};
use tern_sip::{
    CallConfig, CallState as SipState, Datagram, Endpoint, EndpointConfig, Event, Identity, Listener, Output,
    Reply as SipReply, Transport,
    offer_answer::{self, SessionVersion},
    wire::{
        Address, Uri,
        sdp::{Direction, SessionDescription},
    },
};

use super::*;
use crate::{
    accounts::DIRECT,
    agreement,
    api::{
        CallDirection, CallId, CallOutcome, CallState, CallStatsView, CallView, EndedBy, ErrorCode,
        ErrorView, HoldState, Notice, QuietSettings, RedirectView, Settings, TransferState,
    },
    core::Kept,
    ports::{NotificationAction, RingPlace, RingTone},
    record::Book,
};

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn listener(port: u16) -> Listener {
    Listener { transport: Transport::Udp, address: address(port) }
}

const HERE: u16 = 5060;
const THERE: u16 = 5070;

/// The state, the other side, and the network between them.
struct Two {
    bench: Bench,
    peer: Endpoint,
    /// What happened at the other side.
    heard: Vec<Event>,
    calls: Vec<CallView>,
}

impl Two {
    fn new() -> Self {
        let mut bench = Bench::new(true, Loaded::default());
        let (line, attempt) = bench
            .take(|e| match e {
                Effect::OpenLine { line, attempt, .. } => Ok((line, attempt)),
                other => Err(other),
            })
            .pop()
            .unwrap();
        bench.give(Input::Line { account: DIRECT, line, attempt, result: Ok(vec![listener(HERE)]) });
        let peer = Endpoint::new(EndpointConfig {
            listeners: vec![listener(THERE)],
            seed: [9; 32],
            strangers: tern_sip::Strangers::Accept,
            ..EndpointConfig::default()
        });
        Self { bench, peer, heard: Vec::new(), calls: Vec::new() }
    }

    /// Carries datagrams until nobody has any left.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            for (remote, bytes) in self.bench.take(|e| match e {
                Effect::Send { remote, bytes, .. } => Ok((remote, bytes)),
                other => Err(other),
            }) {
                assert_eq!(remote, address(THERE));
                quiet = false;
                self.peer.handle_datagram(
                    self.bench.now.instant,
                    Datagram { local: address(THERE), remote: address(HERE), bytes: &bytes },
                );
            }
            while let Some(output) = self.peer.poll() {
                match output {
                    Output::Transmit { remote, bytes, .. } if remote == address(THERE) => {
                        quiet = false;
                        let there = address(THERE);
                        let datagram = Datagram { local: there, remote: there, bytes: &bytes };
                        self.peer.handle_datagram(self.bench.now.instant, datagram);
                    }
                    Output::Transmit { bytes, .. } => {
                        quiet = false;
                        let (local, remote) = (address(HERE), address(THERE));
                        self.bench.give(Input::Datagram { account: DIRECT, line: 1, local, remote, bytes });
                    }
                    Output::Event(event) => self.heard.push(event),
                    other => panic!("{other:?}"),
                }
            }
            if quiet {
                break;
            }
        }
        for event in self.bench.events() {
            if let EventKind::CallChanged { call } = event {
                self.calls.push(call);
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        self.bench.wait(time);
        self.peer.handle_timeout(self.bench.now.instant);
        self.settle();
    }

    /// The other side calls us.
    fn ring_us(&mut self) -> (CallId, tern_sip::CallId) {
        let offer = offer_answer::offer(&capabilities(4000));
        self.ring_us_with(offer)
    }

    fn ring_us_with(&mut self, offer: SessionDescription) -> (CallId, tern_sip::CallId) {
        let from = Address::parse("\"Bob \u{7}<b>\" <sip:+442079460123@elsewhere.example>").unwrap();
        let identity = Identity::Plain { from, login: None };
        let target = Uri::parse("sip:tern@127.0.0.1:5060").unwrap();
        let theirs =
            self.peer.call(self.bench.now.instant, CallConfig::new(identity, target, offer)).unwrap();
        self.settle();
        (CallId(1), theirs)
    }

    /// We call the other side, which rings.
    fn ring_them(&mut self) -> (CallId, tern_sip::CallId) {
        let target = String::from("sip:bob@127.0.0.1:5070");
        let request = self.bench.command(Command::PlaceCall { account: DIRECT, target, show: None });
        let call = match self.bench.reply_to(request) {
            Some(Ok(Reply::CallPlaced { call })) => call,
            other => panic!("{other:?}"),
        };
        self.open_media(&call);
        self.settle();
        let theirs = self.heard.iter().find_map(|e| match e {
            Event::IncomingCall { call, .. } => Some(*call),
            _ => None,
        });
        let theirs = theirs.expect("no call came");
        self.peer.ring(self.bench.now.instant, theirs).unwrap();
        self.settle();
        (call, theirs)
    }

    fn open_media(&mut self, call: &CallId) {
        let opened = self.bench.take(|e| match e {
            Effect::OpenMedia(id, ..) if id == *call => Ok(()),
            other => Err(other),
        });
        assert_eq!(opened.len(), 1);
        self.bench
            .give(Input::Media(call.clone(), MediaReport::Opened(address(30_000), Addresses::default())));
    }

    fn accept_there(&mut self, theirs: tern_sip::CallId) {
        let offer = self.heard.iter().find_map(|e| match e {
            Event::IncomingCall { offer, .. } => offer.clone(),
            _ => None,
        });
        let (answer, _) = offer_answer::answer(&offer.unwrap(), &capabilities(4000)).unwrap();
        self.peer.accept(self.bench.now.instant, theirs, answer).unwrap();
        self.settle();
    }

    /// A call of the other side to itself comes in there and is taken.
    fn carol_answers(&mut self) {
        self.settle();
        let at = self.heard.iter().rposition(|e| matches!(e, Event::IncomingCall { .. })).expect("no call");
        let Event::IncomingCall { call, offer, .. } = self.heard.remove(at) else { unreachable!() };
        let (answer, _) = offer_answer::answer(&offer.unwrap(), &capabilities(4004)).unwrap();
        self.peer.accept(self.bench.now.instant, call, answer).unwrap();
        self.settle();
    }

    /// The media thread has ended.
    fn close_media(&mut self, call: &CallId) {
        let closed = self.bench.take(|e| match e {
            Effect::CloseMedia(id) if id == *call => Ok(()),
            other => Err(other),
        });
        assert_eq!(closed.len(), 1);
        let mut figures = figures();
        figures.packets_sent = 77;
        self.bench.give(Input::Media(call.clone(), MediaReport::Closed(figures)));
        self.settle();
    }

    /// Two who talk.
    fn talking(&mut self) -> (CallId, tern_sip::CallId) {
        let (call, theirs) = self.ring_them();
        self.accept_there(theirs);
        self.plans();
        (call, theirs)
    }

    fn command(&mut self, command: Command) -> Result<Reply, ErrorCode> {
        let request = self.bench.command(command);
        let reply = self.bench.reply_to(request).expect("no reply").map_err(|error| error.code);
        self.settle();
        reply
    }

    /// The offers inside calls since the last look; the other side answers each, and would itself do anything.
    fn offers(&mut self) -> Vec<SessionDescription> {
        let mut offers = Vec::new();
        while let Some(at) = self.heard.iter().position(|e| matches!(e, Event::Reoffer { .. })) {
            let Event::Reoffer { call, offer } = self.heard.remove(at) else { unreachable!() };
            let offer = offer.expect("an offer");
            let (answer, _) = offer_answer::answer(&offer, &capabilities(4000)).unwrap();
            self.peer.answer_reoffer(self.bench.now.instant, call, answer).unwrap();
            offers.push(offer);
            self.settle();
        }
        offers
    }

    fn view(&self, call: &CallId) -> CallView {
        self.bench.state.call_views().into_iter().find(|c| c.id == *call).expect("no such call")
    }

    fn plans(&mut self) -> Vec<MediaPlan> {
        self.bench.take(|e| match e {
            Effect::RunMedia(_, plan) => Ok(*plan),
            other => Err(other),
        })
    }

    fn tones(&mut self) -> Vec<Option<RingTone>> {
        self.bench.take(|e| match e {
            Effect::Tone(tone) => Ok(tone.map(|(tone, ..)| tone)),
            other => Err(other),
        })
    }

    fn states(&self) -> Vec<CallState> {
        let mut states: Vec<CallState> = self.calls.iter().map(|c| c.state).collect();
        states.dedup();
        states
    }

    fn last(&self) -> &CallView {
        self.calls.last().expect("no call")
    }
}

fn capabilities(port: u16) -> offer_answer::AudioCapabilities {
    agreement::capabilities(
        address(port),
        SessionVersion { id: 5, version: 1 },
        &crate::api::MediaOptions::default(),
    )
}

fn figures() -> CallStatsView {
    crate::net::media::figures(&tern_media::StreamStats::default(), 0)
}

#[test]
fn a_call_out_rings_connects_and_is_hung_up() {
    let mut two = Two::new();
    let (call, theirs) = two.ring_them();
    assert_eq!(two.tones(), [Some(RingTone::Ringback)]);
    two.accept_there(theirs);
    assert_eq!(two.tones(), [None]);
    let plans = two.plans();
    assert_eq!(plans.len(), 1);
    assert_eq!(plans[0].remote, Some(address(4000)));
    assert_eq!(plans[0].stream.send.kind.name(), "opus");
    two.wait(Duration::from_secs(5));
    two.bench.command(Command::HangUpCall { call: call.clone() });
    two.settle();
    let over = two.heard.iter().any(|e| matches!(e, Event::Call { state: SipState::Ended(_), .. }));
    assert!(over, "the other side was told");
    assert!(two.bench.state.call_views().iter().all(|c| c.state == CallState::Ended));
    two.close_media(&call);
    assert_eq!(
        two.states(),
        [CallState::Dialing, CallState::Ringing, CallState::Connected, CallState::Ended]
    );
    let end = two.last().end.clone().unwrap();
    assert_eq!((end.by, end.outcome, end.error), (EndedBy::Local, CallOutcome::Answered, None));
    assert_eq!(two.last().stats.as_ref().unwrap().packets_sent, 77, "the last event has the last figures");
    assert!(two.bench.state.call_views().is_empty());
}

#[test]
fn a_call_to_a_quiet_number_does_not_ring_and_is_missed() {
    let mut two = Two::new();
    let mut settings = two.bench.state.settings().clone();
    settings.quiet.do_not_disturb = true;
    two.command(Command::ChangeSettings { settings }).unwrap();
    let (call, theirs) = two.ring_us();
    assert_eq!(two.view(&call).state, CallState::Ringing, "who looks can still take it");
    assert!(two.tones().is_empty() && two.bench.notified().is_empty());
    assert!(!two.bench.events().iter().any(|event| matches!(event, EventKind::CallRang { .. })));
    two.peer.hang_up(two.bench.now.instant, theirs).unwrap();
    two.settle();
    assert_eq!(two.last().end.clone().unwrap().outcome, CallOutcome::Missed);
}

#[test]
fn a_call_in_rings_is_answered_from_its_notification_and_ended_there() {
    let mut two = Two::new();
    let (call, theirs) = two.ring_us();
    assert_eq!(two.tones(), [Some(RingTone::Ring)]);
    let shown = two.bench.notified().remove(0);
    assert_eq!(shown.title, "Bob <b> is calling");
    let actions: Vec<_> = shown.buttons.into_iter().map(|b| b.action).collect();
    let answer = NotificationAction::Answer { call: call.clone() };
    assert_eq!(actions, [answer.clone(), NotificationAction::Decline { call: call.clone() }]);
    assert_eq!((two.last().peer.as_str(), two.last().peer_name.as_str()), ("+442079460123", "Bob <b>"));
    two.bench.give(Input::Activated(answer));
    let closed = two.bench.take(|e| match e {
        Effect::CloseNotification(tag) => Ok(tag),
        other => Err(other),
    });
    assert_eq!(closed, [shown.tag]);
    two.open_media(&call);
    two.settle();
    assert_eq!(two.tones(), [None]);
    assert_eq!(two.last().state, CallState::Connected);
    two.peer.hang_up(two.bench.now.instant, theirs).unwrap();
    two.settle();
    two.close_media(&call);
    assert_eq!(
        two.states(),
        [CallState::Ringing, CallState::Connecting, CallState::Connected, CallState::Ended]
    );
    let end = two.last().end.clone().unwrap();
    assert_eq!((end.by, end.outcome), (EndedBy::Remote, CallOutcome::Answered));
}

#[test]
fn a_call_nobody_answers_here_is_missed_and_its_notification_goes() {
    let mut two = Two::new();
    let (_, theirs) = two.ring_us();
    two.peer.hang_up(two.bench.now.instant, theirs).unwrap();
    two.settle();
    assert_eq!(two.tones().last(), Some(&None));
    let end = two.last().end.clone().unwrap();
    assert_eq!((end.by, end.outcome, end.error), (EndedBy::Remote, CallOutcome::Missed, None));
}

#[test]
fn a_call_is_turned_down() {
    let mut two = Two::new();
    let (call, _) = two.ring_us();
    two.bench.command(Command::DeclineCall { call });
    two.settle();
    let code = two.heard.iter().find_map(|e| match e {
        Event::Call { state: SipState::Ended(ending), .. } => ending.code,
        _ => None,
    });
    assert_eq!(code, Some(603));
    assert_eq!(two.last().end.as_ref().unwrap().outcome, CallOutcome::Declined);
}

#[test]
fn what_the_other_side_says_is_told_in_words() {
    for (code, outcome, error) in [
        (486, CallOutcome::Busy, ErrorCode::Busy),
        (603, CallOutcome::Busy, ErrorCode::Declined),
        (404, CallOutcome::Failed, ErrorCode::NumberUnknown),
        (480, CallOutcome::Unanswered, ErrorCode::NotAnswered),
        (488, CallOutcome::Failed, ErrorCode::NoCommonCodec),
        (402, CallOutcome::Failed, ErrorCode::InsufficientFunds),
        (503, CallOutcome::Failed, ErrorCode::CallFailed),
    ] {
        let mut two = Two::new();
        // Or a first refusal were followed by another offer.
        two.bench.state.config.media.security = Some(crate::api::MediaSecurity::Off);
        let (_, theirs) = two.ring_them();
        // The same for one in the other family, unless something else is said to be the reason.
        let reply = SipReply::new(code).header("Warning", "305 there.test \"Incompatible media format\"");
        two.peer.reject(two.bench.now.instant, theirs, reply).unwrap();
        two.settle();
        let end = two.last().end.clone().unwrap();
        let found = end.error.unwrap();
        assert_eq!((end.outcome, found.code), (outcome, error), "{code}");
        assert!(found.detail.unwrap().starts_with(&code.to_string()));
    }
}

#[test]
fn giving_up_while_it_rings_is_nobodys_error() {
    let mut two = Two::new();
    let (call, _) = two.ring_them();
    two.bench.command(Command::HangUpCall { call });
    two.settle();
    let end = two.last().end.clone().unwrap();
    assert_eq!((end.by, end.outcome, end.error), (EndedBy::Local, CallOutcome::Unanswered, None));
    let cancelled = two.heard.iter().any(|e| matches!(e, Event::Call { state: SipState::Ended(_), .. }));
    assert!(cancelled, "the other side stopped ringing");
}

#[test]
fn an_offer_of_nothing_we_know_is_refused_without_ringing() {
    let mut two = Two::new();
    let mut offer = offer_answer::offer(&capabilities(4000));
    offer.media[0].formats = vec!["18".into()];
    offer.media[0].attributes.clear();
    two.ring_us_with(offer);
    assert!(two.calls.is_empty() && two.bench.notified().is_empty());
    let code = two.heard.iter().find_map(|e| match e {
        Event::Call { state: SipState::Ended(ending), .. } => ending.code,
        _ => None,
    });
    assert_eq!(code, Some(488));
}

#[test]
fn emergency_numbers_are_refused_before_anything_is_dialled() {
    let mut two = Two::new();
    for target in ["112", "sip:911@127.0.0.1"] {
        let request =
            two.bench.command(Command::PlaceCall { account: DIRECT, target: target.into(), show: None });
        let error = two.bench.reply_to(request).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::EmergencyNotSupported);
    }
    two.settle();
    assert!(two.calls.is_empty() && two.heard.is_empty());
}

#[test]
fn the_end_hangs_up_and_does_not_wait_for_ever() {
    let mut two = Two::new();
    let (_, theirs) = two.ring_them();
    two.accept_there(theirs);
    two.bench.give(Input::Shutdown);
    two.settle();
    let over = two.heard.iter().any(|e| matches!(e, Event::Call { state: SipState::Ended(_), .. }));
    assert!(over);
    assert_eq!(two.last().direction, CallDirection::Outgoing);
    two.wait(Duration::from_secs(3));
    assert!(two.bench.effects.iter().any(|e| matches!(e, Effect::Finished)));
}

impl Two {
    /// Two calls, of which the second is talked to.
    fn with_two_calls(&mut self) -> (CallId, CallId) {
        let (first, _) = self.talking();
        self.ring_us();
        let second = CallId(2);
        self.bench.command(Command::AnswerCall { call: second.clone() });
        self.open_media(&second);
        self.settle();
        self.offers();
        self.modes();
        (first, second)
    }

    /// What the calls' sound was told to take part in, in order.
    fn modes(&mut self) -> Vec<(CallId, LegMode)> {
        self.bench.take(|e| match e {
            Effect::RunMedia(call, plan) => Ok((call, plan.mode)),
            other => Err(other),
        })
    }

    /// The last word on each of two calls.
    fn last_modes(&mut self, first: &CallId, second: &CallId) -> [Option<LegMode>; 2] {
        let modes = self.modes();
        [first, second].map(|call| modes.iter().rev().find(|(id, _)| id == call).map(|(_, mode)| *mode))
    }
}

#[test]
fn a_call_moves_with_its_line() {
    let mut two = Two::new();
    let (call, _) = two.talking();
    two.bench.give(Input::Network { moved: vec![DIRECT], slept: false });
    let (line, attempt) = two
        .bench
        .take(|e| match e {
            Effect::MoveLine { line, attempt, .. } => Ok((line, attempt)),
            other => Err(other),
        })
        .pop()
        .unwrap();
    let elsewhere = SocketAddr::from(([127, 0, 0, 9], HERE));
    let listeners = vec![Listener { transport: Transport::Udp, address: elsewhere }];
    two.bench.give(Input::Line { account: DIRECT, line, attempt, result: Ok(listeners) });
    let opened = two.bench.take(|e| match e {
        Effect::OpenMedia(id, ip, _) => Ok((id, ip)),
        other => Err(other),
    });
    assert_eq!(opened, [(call.clone(), elsewhere.ip())]);
    let rtp = SocketAddr::from(([127, 0, 0, 9], 31_000));
    two.bench.give(Input::Media(call.clone(), MediaReport::Opened(rtp, Addresses::default())));
    two.settle();
    let offers = two.offers();
    assert_eq!(offers.len(), 1);
    let (_, agreed) = offer_answer::answer(&offers[0], &capabilities(4000)).unwrap();
    assert_eq!(agreed.remote, Some(rtp));
    assert_eq!(two.view(&call).state, CallState::Connected);
}

#[test]
fn a_favourite_rings_through_quiet_times_unless_that_is_switched_off() {
    let ringing = |favourite: bool, favourites_too: bool| {
        let mut two = Two::new();
        let mut settings = two.bench.state.settings().clone();
        settings.quiet = QuietSettings { do_not_disturb: true, favourites_too, ..Default::default() };
        two.bench.command(Command::ChangeSettings { settings });
        let favourites = favourite.then(|| "+442079460123".to_owned()).into_iter().collect();
        two.bench.give(Input::Kept(Kept::Book(Book { favourites, ..Book::default() })));
        two.ring_us();
        assert_eq!(two.calls.len(), 1, "it is in the window in any case");
        !two.bench.notified().is_empty()
    };
    assert!(!ringing(false, false));
    assert!(ringing(true, false));
    assert!(!ringing(true, true));
}

#[test]
fn a_contact_names_its_calls_and_a_blocked_number_is_turned_down_in_silence() {
    let bob = "+442079460123".to_owned();
    let mut two = Two::new();
    let names = [(bob.clone(), "Robert".to_owned())].into();
    two.bench.give(Input::Kept(Kept::Book(Book { names, ..Book::default() })));
    two.ring_us();
    assert_eq!(two.last().peer_name, "Robert");
    let mut two = Two::new();
    two.bench.give(Input::Kept(Kept::Book(Book { blocked: [bob.clone()].into(), ..Book::default() })));
    two.ring_us();
    assert!(two.calls.is_empty() && two.bench.notified().is_empty() && two.tones().is_empty());
    let code = two.heard.iter().find_map(|e| match e {
        Event::Call { state: SipState::Ended(ending), .. } => ending.code,
        _ => None,
    });
    assert_eq!(code, Some(603));
}

#[test]
fn an_anonymous_caller_has_no_number() {
    let mut two = Two::new();
    let from = Address::parse("\"Anonymous\" <sip:anonymous@anonymous.invalid>").unwrap();
    let identity = Identity::Plain { from, login: None };
    let target = Uri::parse("sip:tern@127.0.0.1:5060").unwrap();
    let offer = offer_answer::offer(&capabilities(4000));
    two.peer.call(two.bench.now.instant, CallConfig::new(identity, target, offer)).unwrap();
    two.settle();
    let view = two.view(&CallId(1));
    assert_eq!((view.anonymous, view.peer.as_str(), view.peer_name.as_str()), (true, "", "Anonymous"));
}
