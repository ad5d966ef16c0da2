//! The caller's side (RFC 3261 13.2, 9.1): INVITE, its responses and the branches they come from, CANCEL and its race
//! with the 2xx.

use super::leg::{LegId, Stage};
use super::offering::Offering;
use super::refresh::Refresh;
use super::reliable::{self, Reliable};
use super::session::Session;
use super::{Call, State, description};
use crate::authentication::Attempt;
use crate::config::{NextHop, Reliability};
use crate::credentials::Credentials;
use crate::dialog::Dialog;
use crate::event::{CallState, Ending};
use crate::ids::{BranchId, CallId};
use crate::layer::{Draft, Fate, Layer, Owner};
use crate::redirect::Redirects;
use crate::surroundings::{CallTimer, LONGEST_WAIT};
use crate::transaction::ClientId;
use crate::trickle;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{Address, Header, HeaderAccess as _, Method, Request, Response, Uri, headers};
use std::time::{Duration, Instant};

/// Dialogs kept of one INVITE; a forking proxy makes one per branch, more than these are an attack.
const MAX_LEGS: usize = 16;

/// What only the calling side has.
#[derive(Debug)]
pub(super) struct Caller {
    /// The INVITE without Via and Contact, to be sent again with credentials.
    pub(super) request: Request,
    pub(super) hop: NextHop,
    /// Challenges of the first INVITE.
    pub(super) attempt: Attempt,
    pub(super) redirects: Redirects,
    pub(super) ring_timeout: Duration,
    /// What the INVITE offers; every branch answers it for itself.
    session: Session,
}

/// What the endpoint found out for a new call.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) from: Address,
    pub(crate) target: Uri,
    pub(crate) hop: NextHop,
    pub(crate) contact_user: String,
    /// Service-Route of the account (RFC 3608).
    pub(crate) routes: Vec<Address>,
    pub(crate) credentials: Option<Credentials>,
    /// `None`: the other side is to offer (RFC 3261 13.2.1).
    pub(crate) offer: Option<SessionDescription>,
    pub(crate) headers: Vec<Header>,
    pub(crate) ring_timeout: Duration,
    pub(crate) reliability: Reliability,
    pub(crate) session_timer: Option<Duration>,
}

impl Call {
    /// Sends the INVITE (RFC 3261 13.2.1).
    pub(crate) fn place(id: CallId, now: Instant, plan: Plan, layer: &mut Layer) -> Call {
        let (target, to) = start_line_and_to(plan.target);
        let mut request = Request::new(Method::INVITE, target);
        request.headers.add("Max-Forwards", "70");
        let tag = layer.around.random.tag();
        let call_id = layer.around.random.call_id();
        request.headers.add("From", plan.from.with_tag(&tag).to_string());
        request.headers.add("To", Address::new(to).to_string());
        for route in &plan.routes {
            request.headers.add("Route", route.to_string());
        }
        request.headers.add("Call-ID", call_id.clone());
        request.headers.add("CSeq", "1 INVITE");
        request.headers.add("Allow", layer.around.allow());
        request.headers.add("Accept", sdp::CONTENT_TYPE);
        if plan.reliability == Reliability::Required {
            request.headers.add("Require", reliable::OPTION);
        }
        for header in plan.headers {
            request.headers.add(headers::name(&header), headers::value(&header));
        }
        let mut session = Session::default();
        if let Some(offer) = plan.offer.and_then(|offer| session.offer(offer)) {
            let body = offer.to_bytes();
            trickle::announce(&mut request.headers, sdp::CONTENT_TYPE, &body);
            request.set_body(sdp::CONTENT_TYPE, body);
        }
        let mut call = Call {
            id,
            state: State::Ended,
            key: (call_id, tag),
            legs: Vec::new(),
            asks: Vec::new(),
            next_number: 0,
            contact_user: plan.contact_user,
            credentials: plan.credentials,
            usages: Default::default(),
            caller: Some(Caller {
                redirects: Redirects::new(request.uri.clone()),
                request,
                hop: plan.hop,
                attempt: Attempt::default(),
                ring_timeout: plan.ring_timeout.min(LONGEST_WAIT),
                session,
            }),
            invited: None,
            reliable: Reliable::default(),
            reliability: plan.reliability,
            pondering: None,
            speaking: None,
            wanted: None,
            offering: Offering::Nothing,
            refresh: Refresh::new(plan.session_timer),
        };
        call.send_invite(now, layer);
        layer.around.timers.set(call.timer(CallTimer::Ring), now + plan.ring_timeout.min(LONGEST_WAIT));
        call
    }

    /// What became of the INVITE.
    pub(crate) fn on_invite_fate(&mut self, now: Instant, client: ClientId, fate: Fate, layer: &mut Layer) {
        if let Fate::Response(response) = &fate {
            self.note_next_nonce(response, client, layer);
        }
        match fate {
            Fate::Response(response) => match response.code() {
                100..=199 => self.on_provisional(now, &response, layer),
                200..=299 => self.on_success(now, &response, layer),
                _ => self.on_failure(now, client, &response, layer),
            },
            // RFC 3261 8.1.3.1: treated as 408 and 503, but told apart for people.
            Fate::Timeout => self.on_no_response(now, "No answer from the server", layer),
            Fate::Unreachable(_) => self.on_no_response(now, "Server unreachable", layer),
        }
    }

    /// RFC 7616 3.5: a final response may tell the nonce to use next. A wrong proof of the server's only keeps that from
    /// being taken: who answers a call is the other party, and need not know the password.
    pub(super) fn note_next_nonce(&mut self, response: &Response, client: ClientId, layer: &mut Layer) {
        if response.code() >= 200
            && !matches!(response.code(), 401 | 407)
            && let Some(credentials) = &mut self.credentials
        {
            credentials.settle(response, client, layer);
        }
    }

    pub(super) fn give_up(&mut self, now: Instant, ending: Ending, layer: &mut Layer) {
        layer.around.timers.cancel(self.timer(CallTimer::Ring));
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Calling { invite } if layer.client(invite).is_none() => {
                // Its name is still being resolved: nothing was sent, nothing is to be cancelled.
                layer.abandon(invite);
                self.state = State::Calling { invite };
                self.end(now, ending, layer);
            }
            State::Calling { invite } => {
                layer.stay(invite);
                self.state = State::CancelPending { invite, ending };
            }
            State::Proceeding { invite } => self.cancel(now, invite, ending, layer),
            other => self.state = other,
        }
    }

    pub(super) fn rung_long_enough(&mut self, now: Instant, layer: &mut Layer) {
        match &self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                self.give_up(now, Ending::remote("No answer"), layer);
            }
            State::Incoming { .. } => self.unanswered(now, layer),
            State::Redirected { .. } => self.leave_redirected(now, layer),
            _ => {}
        }
    }

    /// RFC 3261 9.1: 64*T1 after the CANCEL the INVITE counts as cancelled, answered or not.
    pub(super) fn cancel_unanswered(&mut self, now: Instant, layer: &mut Layer) {
        if let State::Cancelling { invite, ending } = &self.state {
            let (invite, ending) = (*invite, ending.clone());
            layer.abandon(invite);
            self.end(now, ending, layer);
        }
    }

    fn cancel(&mut self, now: Instant, invite: ClientId, ending: Ending, layer: &mut Layer) {
        layer.cancel(now, invite, self.usages.parting.as_ref(), Owner::InCall(self.id));
        let life = layer.around.config.timers.transaction_life();
        layer.around.timers.set(self.timer(CallTimer::Cancel), now + life);
        self.state = State::Cancelling { invite, ending };
    }

    fn on_provisional(&mut self, now: Instant, response: &Response, layer: &mut Layer) {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Calling { invite } => {
                self.state = State::Proceeding { invite };
                if response.code() == 100 {
                    self.report(CallState::Trying, layer);
                }
            }
            State::CancelPending { invite, ending } => {
                self.cancel(now, invite, ending, layer);
                return;
            }
            other => self.state = other,
        }
        if !matches!(self.state, State::Proceeding { .. }) || response.code() == 100 {
            return;
        }
        // RFC 3261 12.1: a provisional response with a tag makes an early dialog.
        let leg = self.leg_of(response, Stage::Early);
        let rack = match leg.map(|leg| self.in_order(leg, response)) {
            // RFC 3262 4: one that comes again or too early is ignored.
            Some(Err(())) => return,
            Some(Ok(rack)) => rack.map(|rack| rack.to_string()),
            None => None,
        };
        if response.code() == 180 {
            self.report(CallState::Ringing, layer);
        }
        let sdp = description(&response.headers, &response.body);
        match (leg, sdp) {
            (Some(leg), Some(sdp)) => self.on_early_description(now, leg, sdp, rack, layer),
            (Some(leg), None) => {
                if let Some(rack) = rack {
                    self.send_prack(now, leg, &rack, None, layer);
                }
            }
            // Without a tag it belongs to no branch, but may be heard.
            (None, Some(sdp)) => self.report(CallState::EarlyMedia { sdp, branch: BranchId(0) }, layer),
            (None, None) => {}
        }
    }

    /// RFC 3261 13.2.2.4.
    fn on_success(&mut self, now: Instant, response: &Response, layer: &mut Layer) {
        let Ok(number) = response.headers.cseq().map(|c| c.number) else { return };
        let tag = response.headers.to_address().ok().and_then(|to| to.tag());
        if self.repeat_ack(number, tag.clone(), layer) || self.is_being_answered(&tag) {
            return;
        }
        let first = !matches!(self.state, State::Established | State::Ended | State::AwaitingAck { .. });
        let stage = if first { Stage::Chosen } else { Stage::Left };
        let Some(leg) = self.leg_of(response, stage) else { return };
        if matches!(self.state, State::Calling { .. } | State::Proceeding { .. }) {
            return self.answered(now, leg, number, response, layer);
        }
        let nothing = self.refuse_late_offer(leg, response);
        self.acknowledge(now, leg, number, nothing.as_ref(), layer);
        self.say_bye(now, leg, None, layer);
        match std::mem::replace(&mut self.state, State::Ended) {
            // The 200 has crossed our CANCEL: the call exists and is ended by BYE (RFC 3261 15).
            State::CancelPending { ending, .. } | State::Cancelling { ending, .. } => {
                self.state = State::Established;
                self.end(now, ending, layer);
            }
            // A second branch of a forked INVITE (RFC 3261 13.2.2.4).
            other => self.state = other,
        }
    }

    /// The leg a response belongs to, made with it if need be. `None`: it makes none, or there are too many.
    fn leg_of(&mut self, response: &Response, stage: Stage) -> Option<LegId> {
        let caller = self.caller.as_ref()?;
        let dialog = Dialog::of_caller(&caller.request, response)?;
        let session = caller.session.clone();
        let tag = dialog.remote_tag();
        // RFC 3261 12.1: without a tag a provisional response makes no dialog; an RFC 2543 peer answers without.
        if tag.is_none() && stage == Stage::Early {
            return None;
        }
        let known = self.legs.iter().find(|leg| leg.dialog.remote_tag() == tag).map(|leg| leg.id);
        let id = match known {
            Some(id) => id,
            None if self.legs.len() < MAX_LEGS => self.add_leg(dialog.clone(), stage, session),
            None => return None,
        };
        if let Some(leg) = self.leg_mut(id) {
            // RFC 3261 13.2.2.4: the 2xx tells the route and the target anew.
            leg.dialog.remote_target = dialog.remote_target;
            if stage != Stage::Early && leg.stage == Stage::Early {
                leg.dialog.routes = dialog.routes;
                leg.stage = stage;
            }
            leg.peer.note(&response.headers);
        }
        Some(id)
    }

    fn on_failure(&mut self, now: Instant, client: ClientId, response: &Response, layer: &mut Layer) {
        let current = match &self.state {
            State::Calling { invite }
            | State::Proceeding { invite }
            | State::CancelPending { invite, .. }
            | State::Cancelling { invite, .. } => *invite,
            _ => return,
        };
        if current != client {
            return;
        }
        match &self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                if matches!(response.code(), 401 | 407) && self.answer_challenge(now, client, response, layer)
                {
                    return;
                }
                // RFC 4028 7.3: again, with the interval that is wanted there.
                if response.code() == 422 && self.raise_interval(response) {
                    self.send_invite_again(now, layer);
                    return;
                }
                if !self.redirected(now, response, layer) {
                    self.end(now, Ending::of_response(response), layer);
                }
            }
            State::CancelPending { ending, .. } | State::Cancelling { ending, .. } => {
                let ending = ending.clone();
                self.end(now, ending, layer);
            }
            _ => {}
        }
    }

    /// Sends the INVITE again with credentials (RFC 3261 22.2).
    fn answer_challenge(
        &mut self,
        now: Instant,
        client: ClientId,
        response: &Response,
        layer: &mut Layer,
    ) -> bool {
        let (Some(credentials), Some(caller)) = (&mut self.credentials, &mut self.caller) else {
            return false;
        };
        if credentials.answer(response, client, &mut caller.attempt, layer).is_err() {
            return false;
        }
        self.send_invite_again(now, layer);
        true
    }

    /// RFC 3261 8.1.3.5: the same INVITE, the CSeq one higher.
    pub(super) fn send_invite_again(&mut self, now: Instant, layer: &mut Layer) {
        let Some(caller) = &mut self.caller else { return };
        let number = caller.request.headers.cseq().map(|c| c.number).unwrap_or_default().saturating_add(1);
        caller.request.headers.set("CSeq", format!("{number} INVITE"));
        self.drop_legs(now, layer);
        self.send_invite(now, layer);
    }

    /// The INVITE goes again or elsewhere: what its branches have said is void.
    pub(super) fn drop_legs(&mut self, now: Instant, layer: &mut Layer) {
        let legs: Vec<LegId> = self.legs.iter().map(|leg| leg.id).collect();
        for leg in legs {
            self.forget_question(leg, now, layer);
        }
        self.legs.clear();
        self.speaking = None;
    }

    fn send_invite(&mut self, now: Instant, layer: &mut Layer) {
        let supported = self.supported();
        let Some(caller) = &mut self.caller else { return };
        caller.request.headers.set("Supported", supported);
        self.refresh.propose(&mut caller.request.headers);
        if let Some(credentials) = &mut self.credentials {
            credentials.sign(&mut caller.request, &caller.hop, layer);
        }
        let draft = Draft {
            request: caller.request.clone(),
            hop: caller.hop.clone(),
            contact_user: Some(self.contact_user.clone()),
        };
        let invite = layer.send(now, draft, Owner::Invite(self.id));
        self.state = State::Calling { invite };
    }

    fn on_no_response(&mut self, now: Instant, phrase: &str, layer: &mut Layer) {
        match &self.state {
            State::Calling { .. } | State::Proceeding { .. } => self.end(now, Ending::network(phrase), layer),
            State::CancelPending { ending, .. } | State::Cancelling { ending, .. } => {
                let ending = ending.clone();
                self.end(now, ending, layer);
            }
            _ => {}
        }
    }
}

/// The target as Request-URI and as To: each without the components RFC 3261 19.1.1 (table 1) does not allow there.
fn start_line_and_to(target: Uri) -> (Uri, Uri) {
    let Uri::Sip(mut uri) = target else { return (target.clone(), target) };
    uri.headers = None;
    uri.params.remove("method");
    let mut to = uri.clone();
    for name in ["maddr", "ttl", "transport", "lr"] {
        to.params.remove(name);
    }
    (Uri::Sip(uri), Uri::Sip(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_carries_no_routing() {
        let target = Uri::parse("sip:bob@h:5070;transport=tcp;lr;user=phone;method=BYE?Subject=x").unwrap();
        let (line, to) = start_line_and_to(target);
        assert_eq!(line.to_string(), "sip:bob@h:5070;transport=tcp;lr;user=phone");
        assert_eq!(to.to_string(), "sip:bob@h:5070;user=phone");
    }
}
