//! Their INVITE, first or later, once it is taken: the 2xx, repeated until its ACK (RFC 3261 13.3.1.4, 14.2).

use super::{AfterAck, Call, State, description};
use crate::config::Reply;
use crate::event::{CallState, Ending};
use crate::layer::Layer;
use crate::surroundings::CallTimer;
use crate::transaction::ServerId;
use crate::trickle;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{HeaderAccess as _, Request, Response};
use std::time::{Duration, Instant};

/// Their INVITE from its coming to its ACK.
#[derive(Debug)]
pub(super) struct Invited {
    pub(super) server: ServerId,
    /// The number of the INVITE: its ACK has the same.
    pub(super) number: u32,
    pub(super) service: Service,
}

#[derive(Debug)]
pub(super) enum Service {
    /// It waits for the application.
    Open,
    /// The application took it; something reliable must be acknowledged before the 2xx (RFC 3262 3).
    Held(Box<SessionDescription>),
    /// The 2xx is repeated until its ACK.
    Accepted { response: Box<Response>, interval: Duration },
}

impl Call {
    /// Answers their INVITE with 200.
    pub(super) fn serve(
        &mut self,
        now: Instant,
        server: ServerId,
        sdp: Option<&SessionDescription>,
        layer: &mut Layer,
    ) {
        let mut reply = Reply::new(200);
        if let Some(sdp) = sdp {
            reply = reply.body(sdp::CONTENT_TYPE, sdp.to_bytes());
        }
        let Some(mut response) = self.response(server, &reply, layer) else { return };
        self.agree_on_timer(now, server, &mut response, layer);
        layer.respond(now, server, response.clone());
        let timers = layer.around.config.timers;
        layer.around.timers.set(self.timer(CallTimer::Retransmit), now + timers.t1);
        layer.around.timers.set(self.timer(CallTimer::NoAck), now + timers.transaction_life());
        if let Some(invited) = &mut self.invited {
            invited.service = Service::Accepted { response: Box::new(response), interval: timers.t1 };
        }
    }

    /// The ACK of a 2xx.
    pub(crate) fn on_ack(&mut self, now: Instant, ack: &Request, layer: &mut Layer) {
        let number = ack.headers.cseq().map(|c| c.number).ok();
        let Some(invited) = self.invited.as_ref().filter(|i| Some(i.number) == number) else { return };
        if !matches!(invited.service, Service::Accepted { .. }) {
            return;
        }
        self.invited = None;
        layer.around.timers.cancel(self.timer(CallTimer::Retransmit));
        layer.around.timers.cancel(self.timer(CallTimer::NoAck));
        // RFC 3261 13.2.1: an offer in the 2xx is answered in the ACK.
        let session = self.chosen_mut().map(|leg| &mut leg.session);
        let awaited = session.as_ref().is_some_and(|session| session.awaits_answer());
        let sdp = awaited.then(|| description(&ack.headers, &ack.body)).flatten();
        if let (Some(session), Some(sdp)) = (session, &sdp) {
            session.answered(sdp.clone());
        }
        let missing = awaited && sdp.is_none();
        match self.state {
            State::AwaitingAck { then: AfterAck::HangUp } => {
                self.bye(now, layer);
                self.end(now, Ending::local("Hung up"), layer);
            }
            State::AwaitingAck { then: AfterAck::Talk } | State::Established if missing => {
                self.bye(now, layer);
                self.end(now, Ending::remote("Offer not answered"), layer);
            }
            State::AwaitingAck { then: AfterAck::Talk } => {
                self.state = State::Established;
                self.report(CallState::Confirmed { sdp }, layer);
                self.go_on(now, layer);
            }
            State::Established => {
                self.report(CallState::Confirmed { sdp }, layer);
                self.go_on(now, layer);
            }
            _ => {}
        }
    }

    pub(super) fn retransmit_answer(&mut self, now: Instant, layer: &mut Layer) {
        let timer = self.timer(CallTimer::Retransmit);
        let Some(Invited { server, service: Service::Accepted { response, interval }, .. }) =
            &mut self.invited
        else {
            return;
        };
        layer.respond(now, *server, (**response).clone());
        // RFC 3261 13.3.1.4: doubling up to T2.
        *interval = interval.saturating_mul(2).min(layer.around.config.timers.t2);
        let next = now + *interval;
        layer.around.timers.set(timer, next);
    }

    /// RFC 3261 13.3.1.4: confirmed all the same, and ended with BYE.
    pub(super) fn no_ack(&mut self, now: Instant, layer: &mut Layer) {
        let ending = match self.state {
            State::AwaitingAck { then: AfterAck::HangUp } => Ending::local("Hung up"),
            _ => Ending::network("No acknowledgement of the answer"),
        };
        self.bye(now, layer);
        self.end(now, ending, layer);
    }

    /// A response to their INVITE or UPDATE with what a dialog is made of (RFC 3261 12.1.1).
    pub(super) fn response(&self, server: ServerId, reply: &Reply, layer: &Layer) -> Option<Response> {
        let mut response = layer.reply_to(server, reply.code)?;
        let transaction = layer.server(server)?;
        if matches!(reply.code, 101..=299) {
            for route in transaction.request.headers.all("Record-Route") {
                response.headers.add("Record-Route", route);
            }
            let path = transaction.path;
            let contact = layer.contact_for(&self.contact_user, path);
            response.headers.add("Contact", contact.to_string());
            response.headers.add("Allow", layer.around.allow());
            response.headers.add("Supported", self.supported());
        }
        super::apply(&mut response, reply);
        if let Some((content_type, body)) = &reply.body {
            trickle::announce(&mut response.headers, content_type, body);
        }
        Some(response)
    }
}
