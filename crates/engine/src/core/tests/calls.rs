//! Calls between a state and an endpoint that plays the other side, over a network of two on virtual time.

mod families;
mod restarting;
mod security;
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
fn a_ring_sounds_where_the_settings_say_and_follows_them() {
    let mut two = Two::new();
    let ringer = Some("bell".to_owned());
    let settings = Settings { ringer, ring_everywhere: false, ..two.bench.state.settings().clone() };
    two.command(Command::ChangeSettings { settings: settings.clone() }).unwrap();
    two.ring_us();
    let mut places = || {
        two.bench.take(|e| match e {
            Effect::Tone(tone) => Ok(tone.map(|(tone, place, _)| (tone, place))),
            other => Err(other),
        })
    };
    assert_eq!(places(), [Some((RingTone::Ring, RingPlace::Device("bell".into())))]);
    let settings = Settings { ring_everywhere: true, ..settings };
    two.command(Command::ChangeSettings { settings }).unwrap();
    let places = two.bench.take(|e| match e {
        Effect::Tone(tone) => Ok(tone.map(|(tone, place, _)| (tone, place))),
        other => Err(other),
    });
    assert_eq!(places, [Some((RingTone::Ring, RingPlace::Everywhere))]);
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
fn missing_sound_does_not_end_a_call() {
    let mut two = Two::new();
    let (call, theirs) = two.ring_them();
    two.accept_there(theirs);
    let error = crate::api::ErrorView::new(ErrorCode::NoMicrophone);
    two.bench.give(Input::Media(call, MediaReport::Trouble(error.clone())));
    two.settle();
    assert_eq!((two.last().state, two.last().audio_trouble.clone()), (CallState::Connected, Some(error)));
}

#[test]
fn digits_and_mute_reach_the_sound() {
    let mut two = Two::new();
    let (call, theirs) = two.ring_them();
    let early = two.bench.command(Command::SendDigit { call: call.clone(), digit: '5' });
    assert!(two.bench.reply_to(early).unwrap().is_err());
    two.accept_there(theirs);
    two.bench.command(Command::SendDigit { call: call.clone(), digit: '#' });
    let wrong = two.bench.command(Command::SendDigit { call: call.clone(), digit: 'x' });
    assert!(two.bench.reply_to(wrong).unwrap().is_err());
    two.bench.command(Command::MuteCall { call, muted: true });
    two.settle();
    let done = two.bench.take(|e| match e {
        Effect::Digit(_, digit) => Ok(format!("digit {digit}")),
        Effect::Mute(_, muted) => Ok(format!("muted {muted}")),
        other => Err(other),
    });
    assert_eq!(done, ["digit #", "muted true"]);
    assert!(two.last().muted);
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

fn direction(offer: &SessionDescription) -> Direction {
    offer.direction_of(&offer.media[0])
}

#[test]
fn a_call_is_held_and_taken_back() {
    let mut two = Two::new();
    let (call, _) = two.talking();
    assert_eq!(two.command(Command::HoldCall { call: call.clone(), held: true }), Ok(Reply::Done {}));
    let plan = two.plans().pop().unwrap();
    assert_eq!(plan.mode, LegMode::Waiting, "nothing is said from the moment on");
    assert!(plan.sending, "the music is heard");
    assert_eq!(plan.expected, Expected::Nothing);
    assert!(two.view(&call).changing);
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendOnly]);
    let view = two.view(&call);
    assert_eq!((view.hold, view.changing), (HoldState::Here, false));
    let plan = two.plans().pop().unwrap();
    assert_eq!((plan.mode, plan.sending), (LegMode::Waiting, true));
    two.command(Command::HoldCall { call: call.clone(), held: false }).unwrap();
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendRecv]);
    assert_eq!(two.view(&call).hold, HoldState::None);
    let plan = two.plans().pop().unwrap();
    assert_eq!((plan.mode, plan.sending), (LegMode::Talking, true));
}

#[test]
fn the_other_side_may_let_us_wait_too() {
    let mut two = Two::new();
    let (call, theirs) = two.talking();
    for (direction, hold, sending) in [
        (Direction::SendOnly, HoldState::There, false),
        (Direction::SendRecv, HoldState::None, true),
        (Direction::Inactive, HoldState::There, false),
    ] {
        let theirs_now = offer_answer::AudioCapabilities { direction, ..capabilities(4000) };
        let offer = offer_answer::offer(&theirs_now);
        two.peer.offer(two.bench.now.instant, theirs, offer).unwrap();
        two.settle();
        assert_eq!(two.view(&call).hold, hold, "{direction:?}");
        let plans = two.plans();
        let plan = plans.last().unwrap();
        assert_eq!(plan.sending, sending, "{direction:?}");
        let expected = if sending { Expected::Sound } else { Expected::Hold };
        assert_eq!(plan.expected, expected, "{direction:?}");
    }
}

#[test]
fn whoever_answers_a_second_call_lets_the_first_wait() {
    let mut two = Two::new();
    let (first, _) = two.talking();
    two.ring_us();
    let second = CallId(2);
    two.bench.command(Command::AnswerCall { call: second.clone() });
    two.open_media(&second);
    two.settle();
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendOnly]);
    assert_eq!((two.view(&first).hold, two.view(&second).hold), (HoldState::Here, HoldState::None));
    two.command(Command::HoldCall { call: first.clone(), held: false }).unwrap();
    two.offers();
    assert_eq!((two.view(&first).hold, two.view(&second).hold), (HoldState::None, HoldState::Here));
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
fn two_calls_become_one_conversation_and_two_again() {
    use LegMode::{Joined, Talking, Waiting};
    let mut two = Two::new();
    let (first, second) = two.with_two_calls();
    assert_eq!(two.command(Command::JoinCalls {}), Ok(Reply::Done {}));
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendRecv]);
    assert_eq!(two.last_modes(&first, &second), [Some(Joined); 2]);
    for call in [&first, &second] {
        let view = two.view(call);
        assert!(view.joined && view.hold == HoldState::None);
    }
    // The microphone is one for all of them.
    two.command(Command::MuteCall { call: first.clone(), muted: true }).unwrap();
    assert!(two.view(&first).muted && two.view(&second).muted);
    two.command(Command::LeaveConference { call: first.clone() }).unwrap();
    assert_eq!(two.offers().iter().map(direction).collect::<Vec<_>>(), [Direction::SendOnly]);
    assert_eq!(two.last_modes(&first, &second), [Some(Waiting), Some(Talking)]);
    assert!(!two.view(&first).joined && !two.view(&second).joined);
    let again = Command::LeaveConference { call: first.clone() };
    assert_eq!(two.command(again), Err(ErrorCode::NotFound));
}

#[test]
fn who_hangs_up_leaves_the_rest_of_a_conference() {
    let mut two = Two::new();
    let (first, second) = two.with_two_calls();
    two.command(Command::JoinCalls {}).unwrap();
    two.offers();
    two.modes();
    two.command(Command::HangUpCall { call: second.clone() }).unwrap();
    two.close_media(&second);
    assert_eq!(two.last_modes(&first, &second), [Some(LegMode::Talking), None]);
    assert!(!two.view(&first).joined);
    assert_eq!(two.command(Command::JoinCalls {}), Err(ErrorCode::NotFound), "nobody to join");
}

#[test]
fn a_conference_waits_and_comes_back_as_a_whole() {
    let mut two = Two::new();
    let (first, second) = two.with_two_calls();
    two.command(Command::JoinCalls {}).unwrap();
    two.offers();
    two.ring_us();
    let third = CallId(3);
    two.bench.command(Command::AnswerCall { call: third.clone() });
    two.open_media(&third);
    two.settle();
    two.offers();
    assert_eq!(two.last_modes(&first, &second), [Some(LegMode::Waiting); 2]);
    two.command(Command::HoldCall { call: first.clone(), held: false }).unwrap();
    two.offers();
    assert_eq!(two.last_modes(&first, &second), [Some(LegMode::Joined); 2]);
    assert_eq!(two.view(&third).hold, HoldState::Here);
}

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
fn a_recording_is_shown_while_it_goes_on_and_its_failure_told() {
    let mut two = Two::new();
    let (call, _) = two.talking();
    let record = |on| Command::RecordCall { call: CallId(1), on, path: Some("/r/x.opus".into()) };
    assert_eq!(two.command(record(true)), Ok(Reply::Done {}));
    two.command(record(true)).unwrap();
    let asked = two.bench.take(|e| match e {
        Effect::Record { call, format, tone, .. } => Ok((call, format, tone)),
        other => Err(other),
    });
    assert_eq!(asked, [(call.clone(), tern_media::RecordFormat::Opus, true)], "asked for once");
    assert_eq!(two.view(&call).recording, None, "not before there is a file");
    two.bench.give(Input::Media(call.clone(), MediaReport::RecordingStarted("/r/x.opus".into())));
    assert_eq!(two.view(&call).recording.unwrap().path, "/r/x.opus");
    let full = ErrorView::new(ErrorCode::RecordingFailed);
    two.bench.give(Input::Media(call.clone(), MediaReport::RecordingFailed(full.clone())));
    let view = two.view(&call);
    assert_eq!((view.recording, view.state), (None, CallState::Connected), "the call goes on");
    let told = two.bench.events().into_iter().any(
        |e| matches!(e, EventKind::NoticeRaised { notice: Notice::Trouble { error, .. } } if error == full),
    );
    assert!(told);
    let unnamed = Command::RecordCall { call: call.clone(), on: true, path: None };
    assert_eq!(two.command(unnamed), Err(ErrorCode::RecordingFailed), "no folder is known");
}

#[test]
fn what_is_played_is_shown_until_its_end() {
    let mut two = Two::new();
    two.command(Command::PlayFile { path: "/r/x.wav".into() }).unwrap();
    assert!(two.bench.effects.iter().any(|e| matches!(e, Effect::Play(path) if path.ends_with("x.wav"))));
    let view = crate::api::PlayingView { path: "/r/x.wav".into(), position_ms: 0, length_ms: 9 };
    two.bench.give(Input::Played(Ok(Some(view.clone()))));
    two.bench.give(Input::Played(Ok(None)));
    let told = two.bench.events().into_iter().filter_map(|e| match e {
        EventKind::PlayingChanged { playing } => Some(playing),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [Some(view), None]);
    two.command(Command::StopPlaying {}).unwrap();
    assert!(two.bench.effects.iter().any(|e| matches!(e, Effect::StopPlaying)));
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

/// How a call that the other side refuses with `code` is heard to end.
fn refused(code: u16) -> Two {
    let mut two = Two::new();
    let (call, theirs) = two.ring_them();
    assert_eq!(two.tones(), [Some(RingTone::Ringback)]);
    two.peer.reject(two.bench.now.instant, theirs, SipReply::new(code)).unwrap();
    two.settle();
    two.close_media(&call);
    two
}

#[test]
fn a_refusal_is_heard_for_three_seconds_as_busy_or_as_failed() {
    for (code, tone) in [
        (486, RingTone::Busy),
        (600, RingTone::Busy),
        (603, RingTone::Busy),
        (404, RingTone::Congestion),
        (480, RingTone::Congestion),
        (503, RingTone::Congestion),
    ] {
        let mut two = refused(code);
        assert_eq!(two.tones(), [Some(tone)], "{code}");
        two.wait(Duration::from_millis(2_900));
        assert_eq!(two.tones(), [], "{code}");
        two.wait(Duration::from_millis(200));
        assert_eq!(two.tones(), [None], "{code}");
    }
}

#[test]
fn tones_are_those_of_the_country_of_the_accounts_numbers() {
    use tern_media::NationalTones::{Europe, NorthAmerica, UnitedKingdom};
    for (country, whose) in [("US", NorthAmerica), ("GB", UnitedKingdom), ("DE", Europe)] {
        let mut two = Two::new();
        let account = two.bench.state.accounts.get_mut(&DIRECT).unwrap();
        account.numbers = vec![tern_provider::types::Number { country: country.into(), ..super::number() }];
        let (call, theirs) = two.ring_them();
        two.peer.reject(two.bench.now.instant, theirs, SipReply::new(486)).unwrap();
        two.settle();
        two.close_media(&call);
        let heard = two.bench.take(|e| match e {
            Effect::Tone(tone) => Ok(tone.map(|(tone, _, whose)| (tone, whose))),
            other => Err(other),
        });
        assert_eq!(heard, [Some((RingTone::Ringback, whose)), Some((RingTone::Busy, whose))], "{country}");
    }
}

#[test]
fn what_tells_of_an_end_gives_way_to_the_next_call() {
    let mut two = refused(486);
    assert_eq!(two.tones(), [Some(RingTone::Busy)]);
    let target = String::from("sip:bob@127.0.0.1:5070");
    two.bench.command(Command::PlaceCall { account: DIRECT, target, show: None });
    assert_eq!(two.tones(), [None]);
    two.wait(Duration::from_millis(500));
    assert_eq!(two.tones(), []);
}

#[test]
fn who_hangs_up_or_gives_up_hears_nothing() {
    let mut two = Two::new();
    let (call, _) = two.ring_them();
    two.bench.command(Command::HangUpCall { call: call.clone() });
    two.settle();
    two.close_media(&call);
    assert_eq!(two.tones(), [Some(RingTone::Ringback), None]);
    let mut two = Two::new();
    let (call, theirs) = two.talking();
    two.tones();
    two.peer.hang_up(two.bench.now.instant, theirs).unwrap();
    two.settle();
    two.close_media(&call);
    assert_eq!(two.tones(), [], "the other side took its leave");
}

#[test]
fn the_sound_is_checked_until_a_call_comes_or_two_minutes_have_gone() {
    let mut two = Two::new();
    let checks = |two: &mut Two| {
        two.bench.take(|e| match e {
            Effect::CheckSound(on) => Ok(on),
            other => Err(other),
        })
    };
    let ends = |two: &mut Two| {
        let events = two.bench.events();
        events.iter().filter(|e| matches!(e, EventKind::SoundChecked { check: None })).count()
    };
    two.command(Command::TestMicrophone { on: true }).unwrap();
    assert_eq!(checks(&mut two), [true]);
    let levels = crate::api::SoundCheckView { level_in: 0.5, level_out: 0.25, trouble: None };
    two.bench.give(Input::Checked(levels.clone()));
    assert!(two.bench.events().contains(&EventKind::SoundChecked { check: Some(levels.clone()) }));
    two.bench.wait(Duration::from_secs(119));
    assert!(checks(&mut two).is_empty());
    assert_eq!(ends(&mut two), 0);
    two.bench.wait(Duration::from_secs(2));
    assert_eq!((checks(&mut two), ends(&mut two)), (vec![false], 1));
    two.bench.give(Input::Checked(levels));
    assert_eq!(two.bench.events(), [], "what was under way is no news");

    two.command(Command::TestMicrophone { on: true }).unwrap();
    assert_eq!(checks(&mut two), [true]);
    let target = String::from("sip:bob@127.0.0.1:5070");
    two.bench.command(Command::PlaceCall { account: DIRECT, target, show: None });
    assert_eq!((checks(&mut two), ends(&mut two)), (vec![false], 1));
    assert_eq!(two.command(Command::TestMicrophone { on: true }), Err(ErrorCode::SoundInUse));
    two.command(Command::TestMicrophone { on: false }).unwrap();
    assert!(checks(&mut two).is_empty());
}
