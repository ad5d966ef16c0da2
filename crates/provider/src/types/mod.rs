//! The domain's types as every provider speaks them, a noun a file. They carry no behaviour and do not serialize:
//! each adapter maps its own wire format.

mod account;
mod activity;
mod calls;
mod capabilities;
mod disposable;
mod documents;
mod forwarding;
mod messages;
mod money;
mod numbers;
mod orders;
mod rates;
mod refunds;
mod rules;
mod statistics;
mod voicemail;

pub use account::*;
pub use activity::*;
pub use calls::*;
pub use capabilities::*;
pub use disposable::*;
pub use documents::*;
pub use forwarding::*;
pub use messages::*;
pub use money::*;
pub use numbers::*;
pub use orders::*;
pub use rates::*;
pub use refunds::*;
pub use rules::*;
pub use statistics::*;
pub use voicemail::*;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub String);
    };
}

text_id!(
    /// A place in an account's sequence of changes; opaque to the client.
    Cursor
);
text_id!(
    /// The next page of a list; opaque to the client.
    PageToken
);
text_id!(
    /// Chosen by the client, one per intent; the same key never acts twice.
    IdempotencyKey
);
text_id!(
    /// A thing's id at the provider, unique within account and kind.
    RemoteId
);
text_id!(
    /// A top-up's id at the provider.
    TopUpId
);

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// In the provider's order.
    pub rows: Vec<T>,
    /// The next page, if any.
    pub next_page: Option<PageToken>,
}

/// Bytes of a file, and what they are.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// As the user knows it, such as `passport.jpg`.
    pub name: String,
    /// Such as `audio/wav`.
    pub media_type: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for File {
    // Passports and voices stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("media_type", &self.media_type)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
