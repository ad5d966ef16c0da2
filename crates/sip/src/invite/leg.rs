//! A leg: one dialog of a call with what belongs to it alone. A forked INVITE has one for every branch that spoke.
//!
//! What the legs of a call have in common, and which of them is the call's, stands in the parent module.

use crate::dialog::Dialog;
use crate::wire::{HeaderAccess as _, Headers, Method};

/// One leg within its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LegId(pub(super) u32);

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) dialog: Dialog,
    pub(super) stage: Stage,
    pub(super) peer: Peer,
}

/// What a leg is to its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// A branch of our INVITE that has not answered (RFC 3261 12.1).
    Early,
    /// The call's own: the called side's only one, or the branch that answered first.
    Chosen,
    /// A branch that answered too late, acknowledged and ended (RFC 3261 13.2.2.4).
    Left,
}

/// What the other side said it can do. What it never said it cannot.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer {
    methods: Vec<Method>,
    options: Vec<String>,
}

impl Leg {
    pub(super) fn new(id: LegId, dialog: Dialog, stage: Stage) -> Leg {
        Leg { id, dialog, stage, peer: Peer::default() }
    }
}

impl Peer {
    /// Takes what a message tells: the last word counts, silence changes nothing (RFC 3261 20.5).
    pub(super) fn note(&mut self, headers: &Headers) {
        let methods: Vec<Method> =
            headers.tokens("Allow").into_iter().filter_map(|m| Method::parse(m).ok()).collect();
        if !methods.is_empty() {
            self.methods = methods;
        }
        let options = headers.tokens("Supported");
        if !options.is_empty() {
            self.options = options.into_iter().map(str::to_ascii_lowercase).collect();
        }
    }

    #[allow(dead_code, reason = "the features of calls send through it")]
    pub(super) fn allows(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    #[allow(dead_code, reason = "the features of calls send through it")]
    pub(super) fn supports(&self, option: &str) -> bool {
        self.options.iter().any(|o| o == option)
    }
}
