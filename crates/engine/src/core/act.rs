//! What a provider is asked to do, and what it answers.

use tern_provider::types::{
    Document, File, Forwarding, Greeting, NewDocument, Number, Order, Refund, RemoteId, VoicemailSettings,
};

use crate::record::IntentWhat;

/// Something for the provider to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    /// What costs money or asks for it back: done once for its key.
    Once(IntentWhat),
    /// Renew this number by itself, or not.
    AutoRenew(RemoteId, bool),
    /// Where this number's calls go.
    Forward(RemoteId, Forwarding),
    /// How this number takes voice messages.
    Answering(RemoteId, VoicemailSettings),
    /// Take a greeting.
    Greeting(File),
    /// Take a paper.
    Document(NewDocument),
}

/// What came of an [`Act`].
#[expect(clippy::large_enum_variant, reason = "few exist at a time, and each is moved once or twice")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Acted {
    /// The order.
    Order(Order),
    /// The number as it is now.
    Number(Number),
    /// The request for money back.
    Refund(Refund),
    /// It holds now.
    Done,
    /// The greeting.
    Greeting(Greeting),
    /// The paper.
    Document(Document),
}
