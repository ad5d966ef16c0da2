//! To whom a request shows which credentials: the trust check around [`crate::authentication`].
//!
//! Invariant: a password is answered for only to the account's own server ([`crate::account::OwnServer::audience`]).
//! Inside a dialog the other party has set the target, and it can ask in the server's name through the server; so
//! there only a proxy that had asked for this very dialog's INVITE may ask again.

use crate::account::{Audience, OwnServer};
use crate::authentication::{Asker, Attempt, Authentication, Proof, Refusal};
use crate::config::{Login, NextHop};
use crate::ids::RegistrationId;
use crate::layer::Layer;
use crate::random::Random;
use crate::transaction::ClientId;
use crate::wire::{HeaderAccess as _, Method, Request, Response};

/// The credentials of a call, a subscription or a message.
#[derive(Debug)]
pub(crate) struct Credentials {
    purse: Purse,
    proxy: ProxyAsked,
}

#[derive(Debug)]
enum Purse {
    /// The account's, shared with everything else it sends.
    Account(RegistrationId),
    /// Given for this one call.
    Login(Box<(Authentication, OwnServer)>),
}

/// Where a request belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is a REGISTER: nobody stands behind a registrar.
    Registrar,
    /// Before any dialog.
    Outside,
    /// In a dialog: the other party chose its target.
    Inside,
}

/// Whether a proxy has asked for a request of ours outside any dialog, or was told unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProxyAsked {
    No,
    Yes,
}

impl Credentials {
    /// Those of an account. An account that is gone shows nothing.
    pub(crate) fn of_account(id: RegistrationId) -> Credentials {
        Credentials { purse: Purse::Account(id), proxy: ProxyAsked::No }
    }

    /// Those of a call without an account, for its first hop alone.
    pub(crate) fn of_login(login: Login, hop: NextHop) -> Credentials {
        let purse = Purse::Login(Box::new((Authentication::new(login), OwnServer::at(hop))));
        Credentials { purse, proxy: ProxyAsked::No }
    }

    /// Takes the credentials of before off a request, and puts on what whoever it goes to has asked for already.
    pub(crate) fn sign(&mut self, request: &mut Request, hop: &NextHop, layer: &mut Layer) {
        Authentication::unsign(request);
        let (place, inside) = (Place::of(request), is_inside(request));
        let mut proxy = self.proxy;
        self.open(layer, |authentication, server, random| {
            let audience = server.audience(&request.uri, hop);
            authentication.sign_for(request, random, |asker| may_see(audience, asker, place, proxy));
        });
        if !inside && request.headers.first("Proxy-Authorization").is_some() {
            proxy = ProxyAsked::Yes;
        }
        self.proxy = proxy;
    }

    /// Takes the challenges of a 401 or 407 to the request of that transaction. `Ok`: [`Self::sign`] it and send it
    /// again, its CSeq one higher (RFC 3261 22.2).
    pub(crate) fn answer(
        &mut self,
        response: &Response,
        client: ClientId,
        attempt: &mut Attempt,
        layer: &mut Layer,
    ) -> Result<(), Refusal> {
        let Some((request, path)) = layer.client(client).map(|(r, p)| (r.clone(), p)) else {
            return Err(Refusal::NotForUs);
        };
        let hop = NextHop::Address { transport: path.transport, address: path.remote };
        let chosen = layer.hop(client).cloned().unwrap_or_else(|| hop.clone());
        let (place, inside) = (Place::of(&request), is_inside(&request));
        let proxy = self.proxy;
        let taken = self.open(layer, |authentication, server, _| {
            if server.is_hop(&chosen) {
                server.met(path.remote);
            }
            let audience = server.audience(&request.uri, &hop);
            let may_ask = |asker| may_see(audience, asker, place, proxy);
            authentication.take_challenges(response, &request, attempt, may_ask)
        });
        let askers = taken.unwrap_or(Err(Refusal::NotForUs))?;
        if !inside && askers.contains(&Asker::Proxy) {
            self.proxy = ProxyAsked::Yes;
        }
        Ok(())
    }

    /// Takes what any other final response says about the next nonce (RFC 7616 3.5).
    pub(crate) fn settle(&mut self, response: &Response, client: ClientId, layer: &mut Layer) -> Proof {
        let Some(request) = layer.client(client).map(|(r, _)| r.clone()) else { return Proof::Absent };
        self.open(layer, |authentication, _, _| authentication.settle(response, &request))
            .unwrap_or(Proof::Absent)
    }

    /// Whether that hop is the own server.
    pub(crate) fn is_own(&self, hop: &NextHop, layer: &Layer) -> bool {
        match &self.purse {
            Purse::Account(id) => layer.around.accounts.get(id).is_some_and(|a| a.server.is_hop(hop)),
            Purse::Login(own) => own.1.is_hop(hop),
        }
    }

    fn open<T>(
        &mut self,
        layer: &mut Layer,
        act: impl FnOnce(&mut Authentication, &mut OwnServer, &mut Random) -> T,
    ) -> Option<T> {
        let random = &mut layer.around.random;
        match &mut self.purse {
            Purse::Account(id) => {
                let account = layer.around.accounts.get_mut(id)?;
                Some(act(&mut account.authentication, &mut account.server, random))
            }
            Purse::Login(own) => Some(act(&mut own.0, &mut own.1, random)),
        }
    }
}

/// Whether a request is inside a dialog: then the other party chose its target.
fn is_inside(request: &Request) -> bool {
    request.headers.to_address().is_ok_and(|to| to.tag().is_some())
}

impl Place {
    fn of(request: &Request) -> Place {
        match (&request.method, is_inside(request)) {
            (method, _) if *method == Method::REGISTER => Place::Registrar,
            (_, false) => Place::Outside,
            (_, true) => Place::Inside,
        }
    }
}

fn may_see(audience: Audience, asker: Asker, place: Place, proxy: ProxyAsked) -> bool {
    match (audience, asker, place) {
        (Audience::Stranger, ..) => false,
        (_, _, Place::Registrar) => audience == Audience::Server,
        (Audience::Server, Asker::Proxy, _) => true,
        // A server that has asked as a proxy passes the request on: a 401 is then the word of somebody behind it.
        (Audience::Server, Asker::User, _) => proxy == ProxyAsked::No,
        (Audience::Proxy, Asker::Proxy, Place::Outside) => true,
        (Audience::Proxy, Asker::Proxy, Place::Inside) => proxy == ProxyAsked::Yes,
        (Audience::Proxy, Asker::User, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_see() {
        use {Asker::*, Place::*, ProxyAsked as Asked};
        let cases = [
            // audience, asker, place, whether the proxy asked for the INVITE: seen
            (Audience::Server, User, Registrar, Asked::No, true),
            (Audience::Server, Proxy, Registrar, Asked::No, true),
            (Audience::Server, User, Outside, Asked::No, true),
            (Audience::Server, User, Outside, Asked::Yes, false),
            (Audience::Server, User, Inside, Asked::Yes, false),
            (Audience::Server, Proxy, Inside, Asked::No, true),
            (Audience::Proxy, User, Outside, Asked::Yes, false),
            (Audience::Proxy, User, Inside, Asked::Yes, false),
            (Audience::Proxy, Proxy, Outside, Asked::No, true),
            (Audience::Proxy, Proxy, Inside, Asked::No, false),
            (Audience::Proxy, Proxy, Inside, Asked::Yes, true),
            (Audience::Proxy, User, Registrar, Asked::No, false),
            (Audience::Stranger, User, Registrar, Asked::Yes, false),
            (Audience::Stranger, Proxy, Inside, Asked::Yes, false),
        ];
        for (audience, asker, place, proxy, seen) in cases {
            let found = may_see(audience, asker, place, proxy);
            assert_eq!(found, seen, "{audience:?} {asker:?} {place:?} {proxy:?}");
        }
    }
}
