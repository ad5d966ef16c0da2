//! Where a number's calls go.

/// The most targets a number can have.
pub const MOST_TARGETS: usize = 2;

/// Where a number's calls go. Without a target they go nowhere but to voicemail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forwarding {
    /// At most [`MOST_TARGETS`], in the order they ring.
    pub targets: Vec<ForwardTarget>,
    /// How several ring.
    pub order: RingOrder,
}

/// Who rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardTarget {
    /// The account's own SIP account.
    OwnSip,
    /// Somebody else's SIP address, without the scheme: `user@domain`.
    Sip(String),
    /// The user's own server: an address, or `address:port`.
    Ip(String),
    /// A telephone, E.164; its leg may cost like an outgoing call.
    Phone(String),
}

/// How several targets ring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RingOrder {
    /// Both at once; the first to answer has the call.
    #[default]
    Simultaneous,
    /// The second when the first has not answered.
    Sequential,
}
