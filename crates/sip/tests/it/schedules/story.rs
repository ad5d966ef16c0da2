//! One schedule from its first deed to its last timer, and what must hold at its end.

use super::audit::{self, Seen};
use super::cast::{self, Cast, Phase, direct_address};
use crate::forking::{proxy_address, team};
use crate::net::{Net, Weather, uri};
use crate::proxy::{DOMAIN, Forking};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;
use tern_sip::offer_answer::with_direction;
use tern_sip::wire::sdp::Direction;
use tern_sip::wire::{Address, Uri, sdp};
use tern_sip::{
    CallConfig, CallId, Disconnect, EndedBy, Ending, Event, Identity, Login, MessageConfig, NextHop,
    RegistrationConfig, Reliability, Reply, RequestId, TransferId, Transport,
};

/// Who plays, and in which weather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// Three phones, straight to each other.
    DirectFair,
    DirectFoul,
    /// The same over connections that break.
    Streams,
    /// The same, and people take their phones to other networks, or are cut off for a while in one direction.
    Moving,
    /// A registered phone, a forking proxy, up to four phones behind it.
    TeamFair,
    TeamFoul,
}

/// What somebody does.
#[derive(Debug, Clone)]
enum Deed {
    Call(usize),
    Ring(usize, CallId),
    /// With what would be the answer, or without it.
    Progress(usize, CallId),
    EarlyMedia(usize, CallId),
    Accept(usize, CallId),
    Reject(usize, CallId),
    HangUp(usize, CallId),
    AnswerReoffer(usize, CallId),
    RejectReoffer(usize, CallId),
    /// Some live call of that node, whichever it is by then.
    HangUpSome(usize),
    /// Asks the other side of some call to call somebody else, or to take the place of another call of ours.
    TransferSome(usize),
    TransferToSome(usize),
    AcceptTransfer(usize, TransferId),
    RejectTransfer(usize, TransferId),
    /// Sends the caller elsewhere.
    Redirect(usize, CallId),
    Follow(usize, CallId, Uri),
    Digit(usize),
    /// Holds, resumes, or goes one way.
    OfferSome(usize),
    Message(usize),
    TakeMessage(usize, RequestId),
    RefuseMessage(usize, RequestId),
    /// Everything from one to the other is lost, until the weather turns or it is lifted.
    Wall(usize, usize),
    Lift,
    Relocate(usize),
    Cut(usize),
    Refresh(usize),
}

impl Deed {
    /// Whether somebody waits for it.
    fn is_reply(&self) -> bool {
        use Deed::{AnswerReoffer, RefuseMessage, RejectReoffer, TakeMessage};
        matches!(self, AnswerReoffer(..) | RejectReoffer(..) | TakeMessage(..) | RefuseMessage(..))
    }
}

/// A deed of one of them.
type DeedOf = fn(usize) -> Deed;

/// What people do out of the blue: less often than so often, and what.
const SPONTANEOUS: [(u64, DeedOf); 7] = [
    (4, Deed::HangUpSome),
    (4, Deed::TransferSome),
    (3, Deed::TransferToSome),
    (3, Deed::Digit),
    (2, Deed::OfferSome),
    (4, Deed::OfferSome),
    (3, Deed::Message),
];

/// When people have done what they wanted, in ms.
const LAST_DEED: u64 = 20_000;
/// So long after it everything is settled: 64*T1 twice, with what may be added by a retry.
const CALM_DOWN: Duration = Duration::from_secs(110);

/// How late somebody may notice that the phone rings.
const PIECE: Duration = Duration::from_millis(40);
/// The same when there is no hurry any more.
const CALM_PIECE: Duration = Duration::from_millis(500);

/// Time for everything to run out, idle connections last (half an hour).
const THE_END: Duration = Duration::from_secs(3000);

struct Story {
    net: Net,
    cast: Cast,
    setting: Setting,
    /// Deeds to come by their time in ms.
    agenda: BTreeMap<(u64, u64), Deed>,
    /// Until when deeds crowd, in ms.
    span: u64,
    /// Whether a connection has been cut.
    broken: bool,
}

/// Plays a schedule. What fails is printed with its seed, how to play it again, and its ladder.
pub(super) fn play(setting: Setting, seed: u64) -> Net {
    let mut story = Story::new(setting, seed);
    let result = catch_unwind(AssertUnwindSafe(|| {
        story.begin();
        story.carry_on(Duration::from_millis(LAST_DEED));
        story.calm_down();
        if !matches!(setting, Setting::Moving | Setting::Streams) {
            story.check_agreement();
        }
        story.end();
        story.check_end();
    }));
    if let Err(panic) = result {
        eprintln!(
            "{setting:?} {seed} fails; TERN_SCHEDULE={seed} plays it again\n{}",
            crate::ladder::ladder(&story.net)
        );
        resume_unwind(panic);
    }
    story.net
}

impl Story {
    fn new(setting: Setting, seed: u64) -> Story {
        let mut net = match setting {
            Setting::DirectFair | Setting::DirectFoul | Setting::Streams | Setting::Moving => {
                let mut net = Net::new(seed, crate::net::CALM);
                if setting == Setting::Streams {
                    net.transport = Transport::Tcp;
                }
                for name in ["alice", "bob", "carol"] {
                    let reliability = some_reliability(&mut net);
                    net.add(name, |c| c.reliable_provisionals = reliability);
                }
                net
            }
            Setting::TeamFair | Setting::TeamFoul => {
                let forking = match seed % 3 {
                    0 => Forking::Serial(Duration::from_secs(3)),
                    _ => Forking::Parallel,
                };
                team(seed, (seed % 4 + 1) as usize, forking)
            }
        };
        net.weather = match setting {
            Setting::DirectFair | Setting::TeamFair | Setting::Streams => Weather {
                loss: 0,
                doubled: 0,
                delay: Duration::from_millis(5),
                jitter: Duration::from_millis(300),
            },
            Setting::DirectFoul | Setting::TeamFoul | Setting::Moving => Weather {
                loss: [20, 100, 250][(seed % 3) as usize],
                doubled: 100,
                delay: Duration::from_millis(1),
                jitter: Duration::from_millis(800),
            },
        };
        // Half of all schedules crowd everything into the first second, where the races are.
        let span = if net.random(2) == 0 { 1000 } else { LAST_DEED };
        Story { net, cast: Cast::default(), setting, agenda: BTreeMap::new(), span, broken: false }
    }

    fn is_team(&self) -> bool {
        matches!(self.setting, Setting::TeamFair | Setting::TeamFoul)
    }

    fn begin(&mut self) {
        if self.is_team() {
            self.net.proxies[0].users.insert("alice".into(), "secret".into());
            // A nonce that dies in the middle makes every request ask twice.
            self.net.proxies[0].nonce_life = Duration::from_secs([3, 3600][self.net.random(2) as usize]);
            let login = Login::new("alice", "secret");
            let mut account = RegistrationConfig::new(uri(&format!("sip:alice@{DOMAIN}")), login);
            account.proxies = vec![NextHop::udp(proxy_address())];
            account.expires = Duration::from_secs(60);
            let now = self.net.now;
            let id = self.net.node(0).endpoint.register(now, account);
            self.cast.accounts.insert(0, id);
            for _ in 0..self.net.random(3) {
                self.plan(Deed::Refresh(0));
            }
        }
        self.plan_at(0, Deed::Call(0));
        for _ in 0..self.net.random(3) {
            let from = self.somebody();
            self.plan(Deed::Call(from));
        }
        for (most, deed) in SPONTANEOUS {
            for _ in 0..self.net.random(most) {
                let who = self.somebody();
                self.plan(deed(who));
            }
        }
        match self.setting {
            Setting::Moving => {
                for _ in 0..self.net.random(3) {
                    let (from, to) = (self.somebody(), self.somebody());
                    self.plan(Deed::Wall(from, to));
                    self.plan(Deed::Lift);
                }
                for _ in 0..self.net.random(3) {
                    let who = self.somebody();
                    self.plan(Deed::Relocate(who));
                }
            }
            Setting::Streams => {
                for _ in 0..self.net.random(3) {
                    let who = self.somebody();
                    self.plan(Deed::Cut(who));
                }
            }
            _ => {}
        }
    }

    fn somebody(&mut self) -> usize {
        let count = self.net.nodes.len() as u64;
        self.net.random(count) as usize
    }

    fn plan_at(&mut self, at: u64, deed: Deed) {
        let number = self.agenda.len() as u64 + self.net.random(1 << 32);
        self.agenda.insert((at, number), deed);
    }

    /// At any time left.
    fn plan(&mut self, deed: Deed) {
        let wait = self.net.random(self.span);
        let at = self.net.elapsed().as_millis() as u64 + wait;
        self.plan_at(at, deed);
    }

    /// Plays what is planned until `end`.
    fn carry_on(&mut self, end: Duration) {
        while self.net.elapsed() < end {
            self.run_until(end);
            while let Some(entry) = self.agenda.first_entry() {
                if Duration::from_millis(entry.key().0) > self.net.elapsed() {
                    break;
                }
                let deed = entry.remove();
                self.act(deed);
            }
        }
    }

    /// Runs in pieces, because what happens may plan a deed before `at`.
    fn run_until(&mut self, at: Duration) {
        while self.net.elapsed() < at {
            let planned = self.agenda.keys().next().map_or(at, |(at, _)| Duration::from_millis(*at));
            if planned <= self.net.elapsed() {
                return;
            }
            let piece = if self.agenda_is_open() { PIECE } else { CALM_PIECE };
            self.run_piece(piece.min(planned.min(at) - self.net.elapsed()));
        }
    }

    fn agenda_is_open(&self) -> bool {
        self.net.elapsed() < Duration::from_millis(LAST_DEED)
    }

    fn run_piece(&mut self, piece: Duration) {
        let end = self.net.now + piece;
        let mut asked = Vec::new();
        let Story { net, cast, .. } = self;
        net.run(piece, &mut |net, node, event| {
            cast.on_event(net, node, event);
            if cast::wants_an_answer(event) {
                asked.push((node, event.clone()));
            }
        });
        net.now = end;
        for (node, event) in asked {
            self.plan_reply(node, event);
        }
    }

    fn plan_reply(&mut self, node: usize, event: Event) {
        let careless = self.net.random(8) == 0;
        let agrees = self.net.random(4) > 0;
        match event {
            Event::IncomingCall { call, .. } => self.plan_answer(node, call),
            Event::MessageReceived { id, .. } if agrees => self.plan(Deed::TakeMessage(node, id)),
            Event::MessageReceived { id, .. } => self.plan(Deed::RefuseMessage(node, id)),
            // A call without a session is no call: that first offer is answered.
            Event::Reoffer { call, .. } if self.cast.side(node, call).agreed.is_none() => {
                self.plan(Deed::AnswerReoffer(node, call));
            }
            _ if careless => {}
            Event::Reoffer { call, .. } if agrees => self.plan(Deed::AnswerReoffer(node, call)),
            Event::Reoffer { call, .. } => self.plan(Deed::RejectReoffer(node, call)),
            Event::TransferAsked { request, .. } if agrees => self.plan(Deed::AcceptTransfer(node, request)),
            Event::TransferAsked { request, .. } => self.plan(Deed::RejectTransfer(node, request)),
            Event::Redirected { call, targets, .. } if agrees => {
                self.plan(Deed::Follow(node, call, targets[0].uri.clone()));
            }
            Event::Redirected { call, .. } => self.plan(Deed::HangUp(node, call)),
            _ => {}
        }
    }

    fn plan_answer(&mut self, node: usize, call: CallId) {
        for (chance, deed) in [
            (2, Deed::Ring(node, call)),
            (6, Deed::Progress(node, call)),
            (3, Deed::EarlyMedia(node, call)),
            (1, Deed::Accept(node, call)),
            (3, Deed::Accept(node, call)),
            (6, Deed::Reject(node, call)),
            (8, Deed::HangUp(node, call)),
            (10, Deed::Redirect(node, call)),
        ] {
            if self.net.random(chance) == 0 {
                self.plan(deed);
            }
        }
    }

    /// Does a deed. One that comes too late or too early is an error of the person and must do no harm.
    fn act(&mut self, deed: Deed) {
        let now = self.net.now;
        let Story { net, cast, .. } = self;
        match deed {
            Deed::Call(from) => self.place_call(from),
            Deed::Ring(node, call) => drop(net.node(node).endpoint.ring(now, call)),
            Deed::Progress(node, call) => {
                let _ = net.node(node).endpoint.progress(now, call, Reply::new(182));
            }
            Deed::EarlyMedia(node, call) => {
                let Some(answer) = answer_for(net, cast, node, call) else { return };
                let reply = Reply::new(183).body(sdp::CONTENT_TYPE, answer.to_bytes());
                let _ = net.node(node).endpoint.progress(now, call, reply);
            }
            Deed::Accept(node, call) => {
                let Some(answer) = answer_for(net, cast, node, call) else { return };
                if net.node(node).endpoint.accept(now, call, answer.clone()).is_ok() {
                    cast.side(node, call).take_chosen();
                }
            }
            Deed::Reject(node, call) => {
                let code = [480, 486, 488, 503, 603][net.random(5) as usize];
                let _ = net.node(node).endpoint.reject(now, call, Reply::new(code));
            }
            Deed::HangUp(node, call) => drop(net.node(node).endpoint.hang_up(now, call)),
            Deed::HangUpSome(node) => {
                let Some(call) = self.some_call(node) else { return };
                let _ = self.net.node(node).endpoint.hang_up(now, call);
            }
            Deed::AnswerReoffer(node, call) => {
                let fresh = cast.description(net, node);
                let answer = cast.side(node, call).answer_with(&fresh);
                if net.node(node).endpoint.answer_reoffer(now, call, answer.clone()).is_ok() {
                    cast.side(node, call).answered(&answer);
                }
            }
            Deed::RejectReoffer(node, call) => {
                if net.node(node).endpoint.reject_reoffer(now, call, Reply::new(488)).is_ok() {
                    cast.side(node, call).asked = None;
                }
            }
            Deed::TransferSome(node) => {
                let Some(call) = self.some_call(node) else { return };
                let other = self.somebody();
                let to = direct_address(&self.net, other);
                let _ = self.net.node(node).endpoint.transfer(now, call, to);
            }
            Deed::TransferToSome(node) => {
                let (Some(call), Some(other)) = (self.some_call(node), self.some_call(node)) else { return };
                let _ = self.net.node(node).endpoint.transfer_to(now, call, other);
            }
            Deed::AcceptTransfer(node, request) => {
                let offer = cast.description(net, node);
                if let Ok(call) = net.node(node).endpoint.accept_transfer(now, request, offer.clone()) {
                    cast.placed(net, node, call, Some(&offer));
                }
            }
            Deed::RejectTransfer(node, request) => {
                let _ = net.node(node).endpoint.reject_transfer(now, request);
            }
            Deed::Redirect(node, call) => {
                let to = direct_address(net, net.nodes.len() - 1);
                let reply = Reply::new(302).header("Contact", format!("<{to}>"));
                let _ = net.node(node).endpoint.reject(now, call, reply);
            }
            Deed::Follow(node, call, to) => drop(net.node(node).endpoint.follow(now, call, &to)),
            Deed::Digit(node) => {
                let Some(call) = self.some_call(node) else { return };
                let long = Duration::from_millis(160);
                let _ = self.net.node(node).endpoint.info_dtmf(now, call, '5', long);
            }
            Deed::OfferSome(node) => {
                let Some(call) = self.some_call(node) else { return };
                let Story { net, cast, .. } = self;
                let direction =
                    [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
                        [net.random(4) as usize];
                let sdp = with_direction(&cast.description(net, node), direction);
                let _ = net.node(node).endpoint.offer(now, call, sdp);
            }
            Deed::Message(from) => self.send_message(from),
            Deed::TakeMessage(node, id) => net.node(node).endpoint.respond(now, id, Reply::new(200)),
            Deed::RefuseMessage(node, id) => net.node(node).endpoint.respond(now, id, Reply::new(480)),
            Deed::Wall(from, to) => {
                let way = (net.nodes[from].address, net.nodes[to].address);
                net.walls.push(way);
            }
            Deed::Lift => net.walls.clear(),
            Deed::Relocate(node) => net.relocate(node),
            Deed::Cut(node) => {
                net.cut(node, Disconnect::Closed);
                self.broken = true;
            }
            Deed::Refresh(node) => {
                if let Some(id) = cast.accounts.get(&node) {
                    net.node(node).endpoint.refresh(now, *id);
                }
            }
        }
    }

    fn some_call(&mut self, node: usize) -> Option<CallId> {
        let n = self.net.random(8);
        self.cast.some_call(node, n)
    }

    fn place_call(&mut self, from: usize) {
        let (identity, target) = self.somebody_else(from);
        let hop = self.is_team().then(|| NextHop::udp(proxy_address()));
        let Story { net, cast, .. } = self;
        // Now and then the other side is to make the offer.
        let offer = (net.random(6) > 0).then(|| cast.description(net, from));
        let mut config = CallConfig::new(identity, target, offer.clone());
        config.next_hop = hop;
        config.reliable_provisionals = some_reliability(net);
        // The shortest there is: it is confirmed while the call lasts.
        if net.random(3) == 0 {
            config.session_timer = Some(Duration::from_secs(90));
        }
        let now = net.now;
        if let Ok(call) = net.node(from).endpoint.call(now, config) {
            cast.placed(net, from, call, offer.as_ref());
        }
    }

    fn send_message(&mut self, from: usize) {
        let (identity, to) = self.somebody_else(from);
        let mut config = MessageConfig::text(identity, to, "On my way.");
        config.next_hop = self.is_team().then(|| NextHop::udp(proxy_address()));
        let now = self.net.now;
        if let Ok(id) = self.net.node(from).endpoint.message(now, config) {
            self.cast.messages.insert((from, id));
        }
    }

    /// As whom a node turns to somebody, and to whom.
    fn somebody_else(&mut self, from: usize) -> (Identity, Uri) {
        let team = self.is_team();
        let Story { net, cast, .. } = self;
        let identity = match cast.accounts.get(&from) {
            Some(id) => Identity::Account(*id),
            None => Identity::Plain { from: Address::new(direct_address(net, from)), login: None },
        };
        let target = match (team, from) {
            (false, _) => {
                let other = (from + 1 + net.random(2) as usize) % 3;
                direct_address(net, other)
            }
            (true, 0) => uri(&format!("sip:team@{DOMAIN}")),
            (true, _) => uri(&format!("sip:alice@{DOMAIN}")),
        };
        (identity, target)
    }

    /// The weather turns fair and nobody does anything any more but answer.
    fn calm_down(&mut self) {
        self.net.weather = crate::net::CALM;
        self.net.walls.clear();
        self.agenda.retain(|_, deed| deed.is_reply());
        self.span = 1000;
        let end = self.net.elapsed() + CALM_DOWN;
        self.carry_on(end);
    }

    /// Whoever talks, talks to somebody, and both mean the same session.
    fn check_agreement(&self) {
        let sides = &self.cast.sides;
        for ((node, call), side) in sides.iter().filter(|(_, s)| s.phase == Phase::Confirmed) {
            let others =
                sides.iter().filter(|((n, c), s)| (n, c) != (node, call) && s.header_id == side.header_id);
            let talking: Vec<_> =
                others.filter(|(_, s)| s.incoming != side.incoming && s.phase == Phase::Confirmed).collect();
            let [((other, _), peer)] = talking[..] else {
                // The other side's BYE may have been lost as often as it was sent.
                let told = self.net.heard.iter().filter(|h| h.node == *node).any(|h| {
                    Seen::of(&h.bytes)
                        .is_some_and(|s| s.is_request() && s.method == "BYE" && s.call_id == side.header_id)
                });
                assert!(
                    talking.is_empty() && !told,
                    "{} talks to {} others",
                    self.name(*node),
                    talking.len()
                );
                continue;
            };
            let mirrored = side.agreed.map(|(ours, theirs)| (theirs, ours));
            assert!(side.agreed.is_some(), "{} talks without a session", self.name(*node));
            assert_eq!(peer.agreed, mirrored, "{} and {}", self.name(*node), self.name(*other));
        }
    }

    fn end(&mut self) {
        let now = self.net.now;
        for ((node, call), side) in &self.cast.sides {
            if !side.is_over() && (side.incoming || self.net.random(2) == 0) {
                let _ = self.net.node(*node).endpoint.hang_up(now, *call);
            }
        }
        self.run_until(self.net.elapsed() + Duration::from_secs(10));
        let now = self.net.now;
        for ((node, call), side) in &self.cast.sides {
            if !side.is_over() {
                let _ = self.net.node(*node).endpoint.hang_up(now, *call);
            }
        }
        for (node, id) in &self.cast.accounts {
            self.net.node(*node).endpoint.unregister(now, *id);
        }
        let Story { net, cast, .. } = self;
        net.run(THE_END, &mut |net, node, event| cast.on_event(net, node, event));
    }

    fn check_end(&self) {
        for ((node, call), side) in &self.cast.sides {
            let Phase::Over(ending) = &side.phase else {
                panic!("{}'s call {call} never ended", self.name(*node));
            };
            // Where nothing is lost nobody blames the network.
            let fair = matches!(self.setting, Setting::DirectFair | Setting::TeamFair);
            let blamed = ending.by == EndedBy::Network;
            assert!(!fair || !blamed, "{}: {ending:?}", self.name(*node));
            // Without a proxy between, nobody is told that the other did what the other was told this side did.
            if !self.is_team() && !side.incoming {
                let peer = self.cast.sides.values().find(|s| s.incoming && s.header_id == side.header_id);
                if let Some(Phase::Over(theirs)) = peer.map(|p| &p.phase) {
                    // Who asks in a dialog that is gone has 481 to go by.
                    let by_remote = |e: &Ending| e.by == EndedBy::Remote && e.code != Some(481);
                    let both = by_remote(ending) && by_remote(theirs);
                    assert!(!both, "{ending:?} {theirs:?}");
                }
            }
        }
        assert!(self.cast.messages.is_empty(), "messages without an outcome: {:?}", self.cast.messages);
        self.net.assert_empty("at the end");
        for node in &self.net.nodes {
            let s = node.endpoint.stats();
            assert_eq!((s.flooded, s.forged, s.overflow, s.garbage), (0, 0, 0, 0), "{}", node.name);
        }
        audit::check(&self.net, self.setting == Setting::Moving, self.broken)
            .unwrap_or_else(|error| panic!("{error}"));
    }

    fn name(&self, node: usize) -> &str {
        self.net.nodes[node].name
    }
}

/// The answer a called side has chosen, the same in every response (RFC 3261 13.2.1).
fn answer_for(
    net: &mut Net,
    cast: &mut Cast,
    node: usize,
    call: CallId,
) -> Option<tern_sip::wire::sdp::SessionDescription> {
    let fresh = cast.description(net, node);
    let side = cast.side(node, call);
    Some(side.chosen.get_or_insert(fresh).clone())
}

fn some_reliability(net: &mut Net) -> Reliability {
    use Reliability::{Off, Required, Supported};
    [Supported, Supported, Off, Required][net.random(4) as usize]
}
