//! Whom a call to a number rings, and in which order: the number's forwarding made into places.

use std::{collections::VecDeque, time::Instant};

use tern_sip::{
    NextHop,
    wire::{Host, SipUri, Uri},
};

use super::{Switch, route::Called, session::Phone};
use crate::{
    destinations, dialling,
    model::AccountId,
    routing::{self, RingOrder, Target},
    store::numbers,
};

/// A place to ring.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// What to ask for there.
    pub(super) contact: Uri,
    /// Where requests go; `None`: where the contact says.
    pub(super) hop: Option<NextHop>,
    /// The phone this is, if the call is forwarded to one.
    pub(super) phone: Option<Phone>,
}

/// Places that are rung at once.
pub(super) type Stage = Vec<Place>;

impl Switch {
    /// The stages of a call, those without any place left out.
    pub(super) fn plan(&self, now: Instant, called: &Called) -> VecDeque<Stage> {
        let forwarding = &called.routing.forwarding;
        let places =
            forwarding.targets.iter().map(|target| self.places(now, called.account, &called.number, target));
        match forwarding.order {
            RingOrder::Simultaneous => {
                let stage: Stage = places.flatten().collect();
                (!stage.is_empty()).then_some(stage).into_iter().collect()
            }
            RingOrder::Sequential => places.filter(|stage| !stage.is_empty()).collect(),
        }
    }

    /// Where a customer is registered.
    pub(super) fn registered(&self, now: Instant, account: AccountId) -> Stage {
        let bindings = self.registrar.contacts(now, account).into_iter();
        bindings
            .map(|b| Place { contact: b.contact, hop: Some(NextHop::udp(b.source)), phone: None })
            .collect()
    }

    /// The places of one target of `number`.
    pub(super) fn places(&self, now: Instant, account: AccountId, number: &str, target: &Target) -> Stage {
        match target {
            Target::Sip => self.registered(now, account),
            Target::SipAddress { address } => {
                let contact = routing::sip_address(address);
                contact.map(|contact| Place { contact, hop: None, phone: None }).into_iter().collect()
            }
            Target::Server { address } => {
                let Some(server) = routing::server(address) else { return Vec::new() };
                let host = Host::from(server.ip());
                let contact = Uri::Sip(SipUri::new(Some(number), host, Some(server.port())));
                vec![Place { contact, hop: Some(NextHop::udp(server)), phone: None }]
            }
            Target::Phone { number: phone } => self.phone(now, account, phone),
        }
    }

    /// The phones of the outside world are those of this provider's other customers: it has no lines elsewhere. A
    /// phone that is forwarded itself is rung and no more, or calls could go round in circles.
    fn phone(&self, now: Instant, payer: AccountId, phone: &str) -> Stage {
        let settings = &self.operator.settings;
        if dialling::permitted(phone, settings).is_err() {
            return Vec::new();
        }
        if settings.bill_forwarded_leg && self.balance(payer) < destinations::minute_price(phone) {
            return Vec::new();
        }
        let number = self.operator.read(|c| numbers::by_e164(c, phone)).ok().flatten();
        let Some(number) = number.filter(|n| n.calls && n.state == crate::model::NumberState::Active) else {
            return Vec::new();
        };
        let reached = Phone { number: number.e164, account: number.account };
        let mut places = self.registered(now, number.account);
        places.iter_mut().for_each(|place| place.phone = Some(reached.clone()));
        places
    }
}
