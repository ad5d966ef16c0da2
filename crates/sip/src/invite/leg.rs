//! A leg: one dialog of a call with what belongs to it alone. A forked INVITE has one for every branch that spoke.
//!
//! What the legs of a call have in common, and which of them is the call's, stands in the parent module.

use super::session::Session;
use crate::dialog::Dialog;
use crate::transaction::ServerId;
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
    pub(super) session: Session,
    /// Their message whose answer is the application's to give.
    pub(super) question: Option<Question>,
    /// RSeq of the last reliable provisional response taken (RFC 3262 4).
    pub(super) rseq: Option<u32>,
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

/// What carried their offer, or their wish for ours: there the application's word goes (RFC 6337 table 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// A re-INVITE; answered in its 200.
    Invite { server: ServerId },
    /// An UPDATE; answered in its 200 (RFC 3311 5.2).
    Update { server: ServerId },
    /// A PRACK; answered in its 200 (RFC 3262 5).
    Prack { server: ServerId },
    /// A reliable provisional response to our INVITE without offer; answered in the PRACK, whose RAck this is.
    Provisional { rack: String },
    /// The 2xx to our INVITE without offer; answered in the ACK of that number.
    Success { number: u32 },
}

/// What the other side said it can do. What it never said it cannot.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer {
    methods: Vec<Method>,
    options: Vec<String>,
    packages: Vec<String>,
}

impl Leg {
    pub(super) fn new(id: LegId, dialog: Dialog, stage: Stage, session: Session) -> Leg {
        Leg { id, dialog, stage, peer: Peer::default(), session, question: None, rseq: None }
    }

    /// Takes the Contact of a target refresh request or of its 2xx (RFC 3261 12.2, RFC 3311 5).
    pub(super) fn refresh_target(&mut self, headers: &Headers) {
        let contacts = headers.addresses("Contact").unwrap_or_default();
        self.dialog.refresh_target(contacts.first());
    }
}

impl Question {
    /// The request that waits for our final response.
    pub(super) fn server(&self) -> Option<ServerId> {
        match self {
            Question::Invite { server } | Question::Update { server } | Question::Prack { server } => {
                Some(*server)
            }
            Question::Provisional { .. } | Question::Success { .. } => None,
        }
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
        // RFC 6086 4.2.1: an empty one takes back what was welcome.
        if headers.first("Recv-Info").is_some() {
            let packages = headers.tokens("Recv-Info").into_iter();
            self.packages = packages
                .filter_map(|package| package.split(';').next())
                .map(|package| package.trim().to_ascii_lowercase())
                .collect();
        }
    }

    /// Whether it takes INFO requests of that package.
    pub(super) fn takes(&self, package: &str) -> bool {
        self.packages.iter().any(|p| p == package)
    }

    pub(super) fn allows(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    pub(super) fn supports(&self, option: &str) -> bool {
        self.options.iter().any(|o| o == option)
    }
}
