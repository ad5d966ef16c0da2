//! Where a number's calls go, as the sandbox's API writes it.

use serde::{Deserialize, Serialize};

use crate::types;

/// What a number does with calls. A menu, where there is one, is left as it is.
#[derive(Deserialize)]
pub(super) struct Routing {
    #[serde(default)]
    pub(super) forwarding: Forwarding,
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Forwarding {
    #[serde(default)]
    order: Option<String>,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
enum Target {
    Sip,
    SipAddress {
        address: String,
    },
    Server {
        address: String,
    },
    Phone {
        number: String,
    },
    /// A sort this version does not know.
    #[serde(other)]
    Other,
}

impl Forwarding {
    pub(super) fn map(self) -> types::Forwarding {
        let targets = self.targets.into_iter().filter_map(|target| match target {
            Target::Sip => Some(types::ForwardTarget::OwnSip),
            Target::SipAddress { address } => Some(types::ForwardTarget::Sip(address)),
            Target::Server { address } => Some(types::ForwardTarget::Ip(address)),
            Target::Phone { number } => Some(types::ForwardTarget::Phone(number)),
            Target::Other => None,
        });
        types::Forwarding {
            targets: targets.collect(),
            order: match self.order.as_deref() {
                Some("sequential") => types::RingOrder::Sequential,
                _ => types::RingOrder::Simultaneous,
            },
        }
    }

    pub(super) fn of(forwarding: &types::Forwarding) -> Self {
        let targets = forwarding.targets.iter().map(|target| match target.clone() {
            types::ForwardTarget::OwnSip => Target::Sip,
            types::ForwardTarget::Sip(address) => Target::SipAddress { address },
            types::ForwardTarget::Ip(address) => Target::Server { address },
            types::ForwardTarget::Phone(number) => Target::Phone { number },
        });
        let order = match forwarding.order {
            types::RingOrder::Simultaneous => "simultaneous",
            types::RingOrder::Sequential => "sequential",
        };
        Self { order: Some(order.into()), targets: targets.collect() }
    }
}
