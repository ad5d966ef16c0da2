//! Dialogs (RFC 3261 12): the state two user agents share, and the requests built from it.
//!
//! A dialog knows nothing of calls; which dialog belongs to which call is kept in [`crate::invite`].

use crate::wire::{Address, HeaderAccess as _, Method, Request, Response, Uri};

#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub(crate) call_id: String,
    /// Our address, with our tag.
    pub(crate) local: Address,
    /// Theirs, with their tag; an RFC 2543 peer may have none.
    pub(crate) remote: Address,
    /// Where requests are meant to go in the end.
    pub(crate) remote_target: Uri,
    /// Hops on the way, nearest first.
    pub(crate) routes: Vec<Address>,
    /// The number of our last request.
    pub(crate) local_cseq: u32,
    /// The number of their last one.
    pub(crate) remote_cseq: Option<u32>,
}

/// Whether a request comes in order (RFC 3261 12.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    InOrder,
    OutOfOrder,
}

impl Dialog {
    /// The caller's side, from our INVITE and a response with a To tag (RFC 3261 12.1.2).
    pub(crate) fn of_caller(request: &Request, response: &Response) -> Option<Dialog> {
        let mut routes = response.headers.addresses("Record-Route").ok()?;
        routes.reverse();
        let contact = response.headers.addresses("Contact").ok().and_then(|list| list.into_iter().next());
        Some(Dialog {
            call_id: request.headers.call_id().ok()?.to_owned(),
            local: request.headers.from_address().ok()?,
            remote: response.headers.to_address().ok()?,
            // A response without Contact breaks 12.1.1; the called address is the best guess.
            remote_target: contact.map_or_else(|| request.uri.clone(), |c| c.uri),
            routes,
            local_cseq: request.headers.cseq().ok()?.number,
            remote_cseq: None,
        })
    }

    /// The called side, from their INVITE and the tag we answer with (RFC 3261 12.1.1).
    pub(crate) fn of_callee(request: &Request, local_tag: &str) -> Option<Dialog> {
        let remote = request.headers.from_address().ok()?;
        let contact = request.headers.addresses("Contact").ok().and_then(|list| list.into_iter().next());
        Some(Dialog {
            call_id: request.headers.call_id().ok()?.to_owned(),
            local: request.headers.to_address().ok()?.with_tag(local_tag),
            remote_target: contact.map_or_else(|| remote.uri.clone(), |c| c.uri),
            remote,
            routes: request.headers.addresses("Record-Route").ok()?,
            local_cseq: 0,
            remote_cseq: Some(request.headers.cseq().ok()?.number),
        })
    }

    pub(crate) fn remote_tag(&self) -> Option<String> {
        self.remote.tag()
    }

    /// Our next request in this dialog (RFC 3261 12.2.1.1).
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.request_numbered(method, self.local_cseq)
    }

    /// The ACK for a 2xx: the number is the INVITE's (RFC 3261 13.2.2.4).
    pub(crate) fn ack(&self, invite_cseq: u32) -> Request {
        self.request_numbered(Method::ACK, invite_cseq)
    }

    /// Takes note of their request's number.
    pub(crate) fn note_cseq(&mut self, number: u32) -> Order {
        match self.remote_cseq {
            Some(last) if number < last => Order::OutOfOrder,
            _ => {
                self.remote_cseq = Some(number);
                Order::InOrder
            }
        }
    }

    /// Takes the Contact of a target refresh request or its 2xx (RFC 3261 12.2).
    pub(crate) fn refresh_target(&mut self, contact: Option<&Address>) {
        if let Some(contact) = contact {
            self.remote_target = contact.uri.clone();
        }
    }

    fn request_numbered(&self, method: Method, number: u32) -> Request {
        let mut routes = self.routes.clone();
        let mut uri = self.remote_target.clone();
        // RFC 3261 12.2.1.1: a first hop without `lr` is a strict router. It becomes the Request-URI, and the
        // real target goes to the end of the route.
        let strict =
            routes.first().and_then(|r| r.uri.as_sip()).is_some_and(|first| !first.is_loose_router());
        if strict {
            let first = routes.remove(0);
            routes.push(Address::new(uri));
            uri = match first.uri {
                Uri::Sip(mut sip) => {
                    sip.params.remove("method");
                    sip.headers = None;
                    Uri::Sip(sip)
                }
                other => other,
            };
        }
        let mut request = Request::new(method, uri);
        request.headers.add("Max-Forwards", "70");
        for route in &routes {
            request.headers.add("Route", route.to_string());
        }
        request.headers.add("From", self.local.to_string());
        request.headers.add("To", self.remote.to_string());
        request.headers.add("Call-ID", self.call_id.clone());
        request.headers.add("CSeq", format!("{number} {}", request.method));
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Message, parse_datagram};

    fn invite(record_routes: &str) -> Request {
        let text = format!(
            "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n{record_routes}\
             From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\
             Contact: <sip:alice@192.0.2.1>\r\n\r\n"
        );
        let Ok(Message::Request(request)) = parse_datagram(text.as_bytes()) else { panic!() };
        request
    }

    #[test]
    fn loose_routes_stand_in_route() {
        let mut dialog =
            Dialog::of_callee(&invite("Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\n"), "b").unwrap();
        let bye = dialog.request(Method::BYE);
        assert_eq!(bye.uri.to_string(), "sip:alice@192.0.2.1");
        assert_eq!(bye.headers.all("Route").collect::<Vec<_>>(), ["<sip:p2;lr>", "<sip:p1;lr>"]);
        assert_eq!(bye.headers.first("CSeq"), Some("1 BYE"));
        assert_eq!(bye.headers.first("From"), Some("<sip:bob@example.com>;tag=b"));
    }

    #[test]
    fn the_caller_sees_the_routes_the_other_way_round() {
        let request = invite("");
        let mut response = Response::to(&request, 200, Some("b"));
        response.headers.add("Record-Route", "<sip:p2;lr>, <sip:p1;lr>");
        response.headers.add("Contact", "<sip:bob@192.0.2.2>");
        let mut dialog = Dialog::of_caller(&request, &response).unwrap();
        let bye = dialog.request(Method::BYE);
        assert_eq!(bye.headers.all("Route").collect::<Vec<_>>(), ["<sip:p1;lr>", "<sip:p2;lr>"]);
        assert_eq!(
            (bye.uri.to_string().as_str(), bye.headers.first("CSeq")),
            ("sip:bob@192.0.2.2", Some("8 BYE"))
        );
    }

    #[test]
    fn a_strict_router_takes_the_request_uri() {
        let mut dialog =
            Dialog::of_callee(&invite("Record-Route: <sip:p1;method=X?a=b>, <sip:p2;lr>\r\n"), "b").unwrap();
        let bye = dialog.request(Method::BYE);
        assert_eq!(bye.uri.to_string(), "sip:p1");
        assert_eq!(bye.headers.all("Route").collect::<Vec<_>>(), ["<sip:p2;lr>", "<sip:alice@192.0.2.1>"]);
    }

    #[test]
    fn numbers_may_not_go_back() {
        let mut dialog = Dialog::of_callee(&invite(""), "b").unwrap();
        assert_eq!(dialog.note_cseq(9), Order::InOrder);
        assert_eq!(dialog.note_cseq(8), Order::OutOfOrder);
        assert_eq!(dialog.note_cseq(10), Order::InOrder);
    }
}
