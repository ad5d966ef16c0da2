//! Requests as they come in: to whom they belong, and the answers that need nobody.

use super::Endpoint;
use crate::config::Reply;
use crate::event::Event;
use crate::guard::Bearing;
use crate::ids::RequestId;
use crate::invite;
use crate::layer::{Arrival, response_path};
use crate::transaction::ServerId;
use crate::transport::Source;
use crate::uas;
use crate::wire::{HeaderAccess as _, Headers, Method, Request, Response};
use std::time::Instant;

/// Why a request gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ignored {
    Stranger,
    Flood,
    Forged,
}

impl Endpoint {
    /// Answers [`Event::Request`]. A provisional reply may come before the final one; a request already
    /// answered or expired is ignored.
    pub fn respond(&mut self, now: Instant, id: RequestId, reply: Reply) {
        let server = ServerId(id.0);
        if let Some(mut response) = self.layer.reply_to(server, reply.code) {
            invite::apply(&mut response, &reply);
            self.layer.respond(now, server, response);
        }
    }

    pub(super) fn on_bad_request(
        &mut self,
        now: Instant,
        code: u16,
        phrase: String,
        method: &str,
        mut headers: Headers,
        source: Source,
    ) {
        let stats = &mut self.layer.around.stats;
        stats.bad_requests = stats.bad_requests.saturating_add(1);
        // RFC 3261 17: nothing answers an ACK.
        if method == Method::ACK.as_str() {
            return;
        }
        if !self.layer.around.config.strangers.are_accepted() && !self.is_served_by(source) {
            return self.ignore(Ignored::Stranger, method, source);
        }
        if !self.guard.lets_in(now, source.remote.ip(), Bearing::Outside) {
            return self.ignore(Ignored::Flood, method, source);
        }
        uas::note_source(&mut headers, source);
        let mut response = Response::new(code);
        response.reason = phrase;
        let around = &mut self.layer.around;
        let tag = around.random.tag();
        response.copy_identity(&headers, Some(&tag));
        response.headers.add("Server", around.config.user_agent.clone());
        // Without a transaction: a broken request may have no usable key.
        around.transmit(response_path(&headers, source), response.to_bytes());
    }

    pub(super) fn on_request(&mut self, now: Instant, mut request: Request, source: Source) {
        uas::note_source(&mut request.headers, source);
        if let Some(ignored) = self.ignored(now, &request, source) {
            return self.ignore(ignored, request.method.as_str(), source);
        }
        match self.layer.receive_request(now, request, source) {
            Arrival::Absorbed => {}
            Arrival::StrayAck(ack) => {
                if let Some(id) = self.find_by_to(&ack) {
                    self.with_call(id, |call, layer| call.on_ack(now, &ack, layer));
                }
            }
            // RFC 3261 8.2.2.2
            Arrival::Merged(server) => self.layer.reply(now, server, 482),
            Arrival::New(server) => {
                let Some(request) = self.layer.server(server).map(|s| s.request.clone()) else { return };
                self.on_new_request(now, server, request, source);
            }
        }
        self.settle(now);
    }

    pub(super) fn on_new_request(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Request,
        source: Source,
    ) {
        let handled = self.layer.around.config.handles.contains(&request.method);
        let tagged = request.headers.to_address().is_ok_and(|to| to.tag().is_some());
        let in_dialog = tagged && !handled;
        if !uas::inspect(now, server, &request, in_dialog, &mut self.layer) {
            return;
        }
        if request.method == Method::CANCEL {
            self.on_cancel(now, server, &request);
        } else if in_dialog {
            match self.find_by_to(&request) {
                None if request.method == Method::NOTIFY && self.on_notify(now, server, &request, source) => {
                }
                Some(id) => self.with_call(id, |call, layer| call.on_request(now, server, &request, layer)),
                // RFC 3261 12.2.2
                None => self.layer.reply(now, server, 481),
            }
        } else if handled {
            let id = RequestId(server.0);
            self.layer.around.event(Event::Request { id, request: Box::new(request), source });
        } else if request.method == Method::INVITE {
            self.on_invite(now, server, request, source);
        } else if request.method == Method::MESSAGE {
            self.on_text(now, server, &request, source);
        } else if request.method == Method::NOTIFY && self.on_notify(now, server, &request, source) {
        } else if request.method == Method::OPTIONS {
            // RFC 3261 11.2: the code an INVITE would get.
            let code = if self.is_full() { 486 } else { 200 };
            if let Some(mut response) = self.layer.reply_to(server, code) {
                uas::describe_us(&mut response, &self.layer);
                self.layer.respond(now, server, response);
            }
        } else {
            // A BYE outside any dialog (RFC 3261 15.1.2), a NOTIFY nobody asked for (RFC 6665 4.1.3).
            self.layer.reply(now, server, 481);
        }
    }

    /// Whether a request is to be dropped without an answer. What is, leaves no trace but a count: a transaction made
    /// for a forged CANCEL would answer the true one that comes after it.
    fn ignored(&mut self, now: Instant, request: &Request, source: Source) -> Option<Ignored> {
        // A known transaction answers from its memory, to where its request came from; nothing answers an ACK.
        if request.method == Method::ACK || self.layer.is_repeated(request) {
            return None;
        }
        let bearing = if request.method == Method::CANCEL
            && let Some(invite) = self.layer.cancelled(request)
        {
            // RFC 3261 9.1: a CANCEL goes the way of its INVITE. Only the port may change, by a NAT.
            let server = self.layer.server(invite);
            if server.is_some_and(|s| s.path.remote.ip() != source.remote.ip()) {
                return Some(Ignored::Forged);
            }
            Bearing::Inside
        } else if self.find_by_to(request).is_some() || self.find_subscription(&request.headers).is_some() {
            // Our tag has 64 random bits, known to the other party alone and whoever can read its messages.
            Bearing::Inside
        } else {
            Bearing::Outside
        };
        let known = bearing == Bearing::Inside
            || self.layer.around.config.strangers.are_accepted()
            || self.names_our_contact(request)
            || self.is_served_by(source);
        if !known {
            return Some(Ignored::Stranger);
        }
        let calm = self.guard.lets_in(now, source.remote.ip(), bearing);
        (!calm).then_some(Ignored::Flood)
    }

    fn ignore(&mut self, why: Ignored, method: &str, source: Source) {
        let stats = &mut self.layer.around.stats;
        let count = match why {
            Ignored::Stranger => &mut stats.strangers,
            Ignored::Flood => &mut stats.flooded,
            Ignored::Forged => &mut stats.forged,
        };
        *count = count.saturating_add(1);
        tracing::debug!(remote = %source.remote, method, ?why, "request dropped");
    }

    /// The Contact we register has a user part that nobody can guess, so who names it was told by our server.
    fn names_our_contact(&self, request: &Request) -> bool {
        let Some(user) = request.uri.user() else { return false };
        self.layer.around.accounts.values().any(|a| a.contact_user == user)
    }

    fn is_served_by(&self, source: Source) -> bool {
        self.layer.around.accounts.values().any(|a| a.server.is_at(source.remote))
    }
}
