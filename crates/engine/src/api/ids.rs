//! Identities, the same names in Rust and TypeScript.

use serde::{Deserialize, Serialize};
use specta::Type;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Type)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// An account the user added; stays the same across restarts.
    AccountId(u32)
);
id!(
    /// A contact.
    ContactId(u32)
);
id!(
    /// An address book at a server.
    AddressBookId(u32)
);
id!(
    /// A call while it lives; not reused before the engine restarts.
    CallId(u32)
);
id!(
    /// A row of Recent Activity.
    ActivityId(String)
);
id!(
    /// A conversation: one account, one of its numbers, one peer.
    ThreadId(String)
);
id!(
    /// A top-up as the provider names it.
    TopUpId(String)
);
