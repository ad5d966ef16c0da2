//! Requests of ours inside a call: the one way BYE, PRACK, UPDATE, re-INVITE, INFO, REFER, NOTIFY and MESSAGE take.
//!
//! Invariant: an [`Ask`] is told its [`Outcome`] exactly once, in [`Call::concluded`], and never before its challenges
//! were answered and its repetitions are spent. Challenges are answered for the call's own server alone.

use super::Call;
use super::leg::LegId;
use super::lost::Loss;
use crate::authentication::Attempt;
use crate::config::NextHop;
use crate::layer::{Draft, Fate, Layer, Owner};
use crate::surroundings::{CallTimer, TimerKey};
use crate::target;
use crate::transaction::ClientId;
use crate::trickle;
use crate::wire::{Header, HeaderAccess as _, Method, Request, Response, RetryAfter, headers};
use std::time::{Duration, Instant};

/// Requests under way in one call; one more is not sent.
const MAX_ASKS: usize = 64;
/// How often one request is sent again after 491 or 500 with Retry-After.
const MAX_REPEATS: u8 = 4;
/// A longer Retry-After is a refusal.
const LONGEST_RETRY: Duration = Duration::from_secs(32);

/// A request to be sent in a dialog of the call. Everything the dialog and the path decide is added on the way.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) purpose: Purpose,
    pub(crate) method: Method,
    pub(crate) headers: Vec<Header>,
    /// Content type and body.
    pub(crate) body: Option<(String, Vec<u8>)>,
}

/// What a request is for: its outcome goes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The end of the leg; nobody waits for the outcome.
    Bye,
    /// The acknowledgement of a reliable provisional response.
    Prack,
    /// An offer of ours: re-INVITE or UPDATE.
    Offer,
    /// An UPDATE that only keeps the session alive.
    Refresh,
    /// A transfer asked of the other side.
    Refer,
    /// News of a transfer for the other side.
    Notify,
    /// A key pressed.
    Digit,
    /// Candidates found after the description was sent.
    Candidates,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Its final response, 2xx or not.
    Response(Response),
    /// No final response came (RFC 3261 8.1.3.1: as 408).
    Timeout,
    /// It could not be sent, or the network refused it (RFC 3261 8.1.3.1: as 503).
    Unreachable,
}

/// An ask on its way.
#[derive(Debug)]
pub(super) struct Asked {
    number: u32,
    leg: LegId,
    ask: Ask,
    transit: Transit,
    attempt: Attempt,
    repeats: u8,
    /// Whether it speaks of the session timer: only then silence about it in the 2xx means anything.
    timed: bool,
    /// The credentials it went out with: the ACK of an INVITE has the same (RFC 3261 13.2.2.4).
    signed: Vec<Header>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transit {
    Sent(ClientId),
    /// Waits for its timer, to be sent again.
    Waiting,
}

impl Ask {
    pub(crate) fn new(purpose: Purpose, method: Method) -> Ask {
        Ask { purpose, method, headers: Vec::new(), body: None }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Ask {
        self.headers.push(headers::header(name, value));
        self
    }

    pub(crate) fn body(mut self, content_type: impl Into<String>, bytes: Vec<u8>) -> Ask {
        self.body = Some((content_type.into(), bytes));
        self
    }
}

impl Outcome {
    /// The final code, as RFC 3261 8.1.3.1 reads silence and a refusing network.
    pub(crate) fn code(&self) -> u16 {
        match self {
            Outcome::Response(response) => response.code(),
            Outcome::Timeout => 408,
            Outcome::Unreachable => 503,
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.code())
    }
}

impl Call {
    /// Sends a request in the dialog of the call itself. False when there is none, or too much is under way.
    pub(crate) fn ask(&mut self, now: Instant, ask: Ask, layer: &mut Layer) -> bool {
        match self.chosen().map(|leg| leg.id) {
            Some(leg) => self.ask_in(now, leg, ask, layer).is_some(),
            None => false,
        }
    }

    /// Sends a request in one dialog of the call; gives its number.
    pub(super) fn ask_in(&mut self, now: Instant, leg: LegId, ask: Ask, layer: &mut Layer) -> Option<u32> {
        if self.asks.len() >= MAX_ASKS && ask.purpose != Purpose::Bye {
            return None;
        }
        self.next_number = self.next_number.saturating_add(1);
        let number = self.next_number;
        let asked = Asked {
            number,
            leg,
            ask,
            transit: Transit::Waiting,
            attempt: Attempt::default(),
            repeats: 0,
            timed: false,
            signed: Vec::new(),
        };
        self.dispatch(now, asked, None, layer).ok().map(|()| number)
    }

    /// What became of a request sent by [`Self::ask`], or of a CANCEL.
    pub(crate) fn on_inside_fate(&mut self, now: Instant, client: ClientId, fate: Fate, layer: &mut Layer) {
        let Some(at) = self.asks.iter().position(|a| a.transit == Transit::Sent(client)) else {
            if let Fate::Response(response) = &fate {
                self.on_reinvite_success_again(response, layer);
            }
            return;
        };
        let outcome = match fate {
            Fate::Response(response) if response.code() < 200 => return,
            Fate::Response(response) => Outcome::Response(response),
            Fate::Timeout => Outcome::Timeout,
            Fate::Unreachable(_) => Outcome::Unreachable,
        };
        let mut asked = self.asks.remove(at);
        if let Outcome::Response(response) = &outcome {
            self.note_next_nonce(response, client, layer);
            if asked.ask.method == Method::INVITE && outcome.is_success() {
                // RFC 3261 14.1: a re-INVITE's 2xx gets an ACK of its own.
                self.acknowledge_reinvite(now, &asked, response, layer);
            } else if matches!(response.code(), 401 | 407) {
                if let Some(hop) = self.answer_challenge_to(&mut asked, client, response, layer) {
                    // RFC 3261 22.2: the same request again, the CSeq one higher, to where the challenge came from.
                    if let Err(asked) = self.dispatch(now, asked, Some(hop), layer) {
                        self.settle(now, *asked, outcome, layer);
                    }
                    return;
                }
            } else if let Some(wait) = self.wait_before_again(&asked, response, layer) {
                asked.repeats = asked.repeats.saturating_add(1);
                asked.transit = Transit::Waiting;
                layer.around.timers.set(self.again(asked.number), now + wait);
                self.asks.push(asked);
                return;
            }
        }
        self.settle(now, asked, outcome, layer);
    }

    /// The wait of a repetition is over.
    pub(super) fn ask_again(&mut self, now: Instant, number: u32, layer: &mut Layer) {
        if let Some(at) = self.asks.iter().position(|a| a.number == number && a.transit == Transit::Waiting) {
            let asked = self.asks.remove(at);
            if let Err(asked) = self.dispatch(now, asked, None, layer) {
                self.settle(now, *asked, Outcome::Unreachable, layer);
            }
        }
    }

    /// Drops what only waits; what is under way may still be answered or challenged.
    pub(super) fn drop_waiting_asks(&mut self, layer: &mut Layer) {
        let waiting: Vec<u32> =
            self.asks.iter().filter(|a| a.transit == Transit::Waiting).map(|a| a.number).collect();
        for number in waiting {
            layer.around.timers.cancel(self.again(number));
        }
        self.asks.retain(|a| a.transit != Transit::Waiting);
    }

    /// How long to wait before a request is sent again that met another one (RFC 3261 14.1, 14.2): the owner of the
    /// Call-ID waits longer, so that the two do not meet again.
    pub(super) fn glare_wait(&self, layer: &mut Layer) -> Duration {
        let steps =
            |layer: &mut Layer, n| Duration::from_millis(10).saturating_mul(layer.around.random.below(n));
        if self.caller.is_some() {
            Duration::from_millis(2100).saturating_add(steps(layer, 191))
        } else {
            steps(layer, 201)
        }
    }

    /// Tells whoever asked.
    fn concluded(&mut self, now: Instant, number: u32, ask: &Ask, outcome: &Outcome, layer: &mut Layer) {
        match ask.purpose {
            // Lost dialogs aside, nothing follows from it.
            Purpose::Bye => {}
            // An offer may have waited for it.
            Purpose::Prack => self.go_on(now, layer),
            Purpose::Offer => self.offer_concluded(now, number, outcome, layer),
            Purpose::Refresh => self.refresh_concluded(now, outcome, layer),
            Purpose::Refer => self.referred(now, outcome, layer),
            Purpose::Notify => self.notified(now, outcome, layer),
            Purpose::Digit => self.digit_sent(now, outcome, layer),
            Purpose::Candidates => self.candidates_told(now, outcome, layer),
        }
    }

    /// Builds the request anew, for its number must grow, and sends it: to `hop`, else where the dialog's route says.
    /// Gives the ask back when there is no way.
    fn dispatch(
        &mut self,
        now: Instant,
        mut asked: Asked,
        hop: Option<NextHop>,
        layer: &mut Layer,
    ) -> Result<(), Box<Asked>> {
        let Some((mut request, routed)) = self.build(&asked, layer) else { return Err(Box::new(asked)) };
        let hop = hop.unwrap_or(routed);
        if let Some(credentials) = &mut self.credentials {
            credentials.sign(&mut request, &hop, layer);
        }
        asked.signed = credentials_of(&request);
        asked.timed = request.headers.first("Session-Expires").is_some();
        let draft = Draft { request, hop, contact_user: self.contact_for(&asked.ask.method) };
        asked.transit = Transit::Sent(layer.send(now, draft, Owner::InCall(self.id)));
        self.asks.push(asked);
        Ok(())
    }

    fn build(&mut self, asked: &Asked, layer: &Layer) -> Option<(Request, NextHop)> {
        let supported = self.supported_inside();
        let leg = self.legs.iter_mut().find(|l| l.id == asked.leg)?;
        let mut request = leg.dialog.request(asked.ask.method.clone());
        let routes = request.headers.addresses("Route").unwrap_or_default();
        let hop = target::first_hop(&request.uri, &routes)?;
        if carries_contact(&asked.ask.method) {
            request.headers.add("Allow", layer.around.allow());
            request.headers.add("Supported", supported);
        }
        if [Method::INVITE, Method::UPDATE].contains(&asked.ask.method) {
            self.refresh.propose_again(&mut request.headers);
        }
        for header in &asked.ask.headers {
            request.headers.add(headers::name(header), headers::value(header));
        }
        if let Some((content_type, body)) = &asked.ask.body {
            trickle::announce(&mut request.headers, content_type, body);
            request.set_body(content_type, body.clone());
        }
        Some((request, hop))
    }

    /// RFC 3261 22.2: the repeated request goes where the challenged one went.
    fn answer_challenge_to(
        &mut self,
        asked: &mut Asked,
        client: ClientId,
        response: &Response,
        layer: &mut Layer,
    ) -> Option<NextHop> {
        let (_, path) = layer.client(client)?;
        self.credentials.as_mut()?.answer(response, client, &mut asked.attempt, layer).ok()?;
        Some(NextHop::Address { transport: path.transport, address: path.remote })
    }

    fn wait_before_again(&self, asked: &Asked, response: &Response, layer: &mut Layer) -> Option<Duration> {
        // An offer must not be repeated as it is: the session may have changed meanwhile.
        let once = matches!(asked.ask.purpose, Purpose::Bye | Purpose::Offer);
        if self.is_ended() || asked.repeats >= MAX_REPEATS || once {
            return None;
        }
        retry_wait(response).or_else(|| (response.code() == 491).then(|| self.glare_wait(layer)))
    }

    fn settle(&mut self, now: Instant, asked: Asked, outcome: Outcome, layer: &mut Layer) {
        let loss = Loss::of(&asked.ask.method, &outcome);
        let ours = !self.is_ended() && self.chosen().is_none_or(|chosen| chosen.id == asked.leg);
        if let Outcome::Response(response) = &outcome
            && ours
            && outcome.is_success()
            && matches!(asked.ask.purpose, Purpose::Offer | Purpose::Refresh)
        {
            self.note_timer(now, &response.headers, asked.timed, layer);
        }
        self.concluded(now, asked.number, &asked.ask, &outcome, layer);
        if let Some(loss) = loss {
            self.lose_leg(now, asked.leg, loss, outcome.code(), layer);
        }
    }

    /// Whether a PRACK on that branch has no final response. What follows it could overtake it, and of two requests the
    /// one with the lower CSeq is refused when it comes second (RFC 3261 12.2.2).
    pub(super) fn is_acknowledging(&self, leg: LegId) -> bool {
        self.asks.iter().any(|a| a.leg == leg && a.ask.purpose == Purpose::Prack)
    }

    /// Cancels a re-INVITE that takes too long (RFC 3261 9.1).
    pub(super) fn cancel_ask(&mut self, now: Instant, number: u32, layer: &mut Layer) {
        if let Some(Transit::Sent(client)) = self.asks.iter().find(|a| a.number == number).map(|a| a.transit)
        {
            layer.cancel(now, client, None, Owner::InCall(self.id));
        }
    }

    /// No longer waits for the outcome of a request.
    pub(super) fn give_up_ask(&mut self, now: Instant, number: u32, layer: &mut Layer) {
        let Some(at) = self.asks.iter().position(|a| a.number == number) else { return };
        let asked = self.asks.remove(at);
        if let Transit::Sent(client) = asked.transit {
            layer.abandon(client);
        }
        self.settle(now, asked, Outcome::Timeout, layer);
    }

    /// The 2xx to a re-INVITE again: its ACK was lost.
    fn on_reinvite_success_again(&self, response: &Response, layer: &mut Layer) {
        let tag = response.headers.to_address().ok().and_then(|to| to.tag());
        if let Ok(cseq) = response.headers.cseq()
            && cseq.method == Method::INVITE
            && (200..300).contains(&response.code())
        {
            self.repeat_ack(cseq.number, tag, layer);
        }
    }

    fn acknowledge_reinvite(&mut self, now: Instant, asked: &Asked, response: &Response, layer: &mut Layer) {
        let Ok(number) = response.headers.cseq().map(|c| c.number) else { return };
        if let Some(leg) = self.leg_mut(asked.leg) {
            // The ACK already goes to the new target (RFC 3261 12.2.1.2).
            leg.refresh_target(&response.headers);
        }
        self.send_ack(now, asked.leg, number, &asked.signed, None, layer);
    }

    fn contact_for(&self, method: &Method) -> Option<String> {
        carries_contact(method).then(|| self.contact_user.clone())
    }

    fn again(&self, number: u32) -> TimerKey {
        TimerKey::Call(self.id, CallTimer::Again(number))
    }
}

/// The credentials of a request.
pub(super) fn credentials_of(request: &Request) -> Vec<Header> {
    let mut signed = Vec::new();
    for name in ["Authorization", "Proxy-Authorization"] {
        signed.extend(request.headers.all(name).map(|value| headers::header(name, value)));
    }
    signed
}

/// RFC 3261 14.2 and 20.33: a server that cannot now says when it can.
pub(super) fn retry_wait(response: &Response) -> Option<Duration> {
    let after = response.headers.view::<RetryAfter>().ok().flatten().filter(|_| response.code() == 500)?;
    Some(Duration::from_secs(after.seconds.into())).filter(|wait| *wait <= LONGEST_RETRY)
}

/// Target refresh requests and those that make or keep a subscription carry our Contact (RFC 3261 12.2, 3515 2.2,
/// 6665 3.1.1); MESSAGE must not (RFC 3428 4).
fn carries_contact(method: &Method) -> bool {
    [Method::INVITE, Method::UPDATE, Method::REFER, Method::NOTIFY, Method::SUBSCRIBE].contains(method)
}
