//! Who sends a request outside any dialog, and by which way: what calls, messages and subscriptions begin with.

use crate::config::{Identity, NextHop};
use crate::credentials::Credentials;
use crate::layer::Layer;
use crate::random::Random;
use crate::target;
use crate::wire::{Address, HeaderAccess as _, Method, Request, Uri};

#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) from: Address,
    pub(crate) hop: NextHop,
    /// Service-Route of the account (RFC 3608).
    pub(crate) routes: Vec<Address>,
    pub(crate) contact_user: String,
    pub(crate) credentials: Option<Credentials>,
}

/// Why a request outside a call could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No registration of that id.
    #[error("unknown account")]
    UnknownAccount,
    /// No subscription of that id.
    #[error("unknown subscription")]
    UnknownSubscription,
    /// Neither the target nor a next hop says where to send.
    #[error("no way to the target")]
    NoRoute,
    /// The message would be longer than 1300 bytes with its headers (RFC 3428 8).
    #[error("the message is too large")]
    TooLarge,
    /// So many are under way that one more is not taken.
    #[error("too many requests under way")]
    TooMany,
}

impl Origin {
    /// `next_hop` goes before everything else.
    pub(crate) fn of(
        identity: Identity,
        target: &Uri,
        next_hop: Option<NextHop>,
        layer: &Layer,
    ) -> Result<Origin, SendError> {
        match identity {
            Identity::Account(id) => {
                let account = layer.around.accounts.get(&id).ok_or(SendError::UnknownAccount)?;
                let (hop, routes) = match next_hop {
                    Some(hop) => (hop, Vec::new()),
                    None => (account.hop_to(target).ok_or(SendError::NoRoute)?, account.routes.clone()),
                };
                Ok(Origin {
                    from: account.identity.clone(),
                    hop,
                    routes,
                    contact_user: account.contact_user.clone(),
                    credentials: Some(Credentials::of_account(id)),
                })
            }
            Identity::Plain { from, login } => {
                let direct = || target::first_hop(target, &[]);
                let hop = next_hop.or_else(direct).ok_or(SendError::NoRoute)?;
                Ok(Origin {
                    contact_user: from.uri.user().unwrap_or_else(|| "anonymous".into()),
                    from,
                    credentials: login.map(|login| Credentials::of_login(login, hop.clone())),
                    hop,
                    routes: Vec::new(),
                })
            }
        }
    }

    /// A request from there, with its Route (RFC 3261 8.1.1, RFC 3608 5).
    pub(crate) fn request(&self, method: Method, target: Uri, random: &mut Random) -> Request {
        let mut request = Request::new(method, target);
        let headers = &mut request.headers;
        headers.add("Max-Forwards", "70");
        for route in &self.routes {
            headers.add("Route", route.to_string());
        }
        headers.add("From", self.from.clone().with_tag(&random.tag()).to_string());
        headers.add("To", Address::new(request.uri.clone()).to_string());
        headers.add("Call-ID", random.call_id());
        headers.add("CSeq", format!("1 {}", request.method));
        request
    }

    /// Puts the account's credentials on a request, as far as its way may see them.
    pub(crate) fn sign(&mut self, request: &mut Request, layer: &mut Layer) {
        if let Some(credentials) = &mut self.credentials {
            credentials.sign(request, &self.hop, layer);
        }
    }
}

/// The same request once more: its CSeq one higher (RFC 3261 22.2).
pub(crate) fn count_up(request: &mut Request) {
    let number = request.headers.cseq().map(|c| c.number).unwrap_or_default().saturating_add(1);
    request.headers.set("CSeq", format!("{number} {}", request.method));
}
