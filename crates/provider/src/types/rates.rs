//! What a call or an SMS to somewhere costs, and whether it is allowed.

use super::Money;

/// What a provider says of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The target as the provider understood it, E.164 where it is a number.
    pub target: String,
    /// ISO 3166 alpha-2, where the provider tells.
    pub country: Option<String>,
    /// The destination in the provider's words, such as `Germany mobile`.
    pub name: Option<String>,
    /// A call, per minute.
    pub call: Permission,
    /// An SMS, per message.
    pub sms: Permission,
    /// What the callee sees.
    pub shown: Shown,
}

/// Whether something is allowed, and its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// It is.
    Allowed {
        /// Per minute or per message; `None` where the provider does not tell.
        price: Option<Money>,
    },
    /// It is not.
    Refused {
        /// A stable code, such as `destination_not_served`.
        code: String,
        /// The provider's sentence for people.
        detail: String,
        /// What it would cost if it were allowed, where the provider tells.
        price: Option<Money>,
    },
    /// The provider does not say.
    Unknown,
}

/// What the callee sees as caller ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// This number of the account's, E.164.
    Number(String),
    /// Some other number of the provider's, or none.
    Another,
    /// The provider does not say.
    Unknown,
}
