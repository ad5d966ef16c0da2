//! Why the provider says no, each with the stable code clients branch on.

use std::time::Duration;

use crate::store::StoreError;

/// A rule of the provider's that a request would break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The number an SMS should come from is not this account's.
    NumberNotYours,
    /// It is, but its fee was not paid.
    NumberExpired,
    /// It is, but it does no SMS.
    NumberWithoutSms,
    /// There is nothing in the message.
    EmptyText,
    /// There is too much in it.
    TextTooLong {
        /// The most characters there may be.
        max: usize,
    },
    /// The recipient is not a number in E.164.
    InvalidRecipient,
    /// The provider does not deliver there.
    DestinationNotServed,
    /// The balance does not cover it.
    InsufficientFunds,
    /// One of the SMS limits is reached.
    RateLimited {
        /// When the next one may be sent.
        retry_after: Duration,
    },
    /// The key was used for something else before.
    IdempotencyConflict,
    /// A top-up below or above the limits, or not an amount.
    TopUpAmount,
    /// There is no such thing, or it is another account's.
    NotFound,
    /// Nobody rents this number.
    NumberUnknown,
    /// Any other rule, with a code and a sentence of its own.
    Invalid {
        /// Stable.
        code: &'static str,
        /// For people.
        detail: String,
    },
}

impl Refusal {
    /// Stable; clients branch on it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NumberNotYours => "number_not_yours",
            Self::NumberExpired => "number_expired",
            Self::NumberWithoutSms => "number_without_sms",
            Self::EmptyText => "empty_text",
            Self::TextTooLong { .. } => "text_too_long",
            Self::InvalidRecipient => "invalid_recipient",
            Self::DestinationNotServed => "destination_not_served",
            Self::InsufficientFunds => "insufficient_funds",
            Self::RateLimited { .. } => "rate_limited",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::TopUpAmount => "topup_amount",
            Self::NotFound => "not_found",
            Self::NumberUnknown => "number_unknown",
            Self::Invalid { code, .. } => code,
        }
    }

    /// A sentence for people.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::NumberNotYours => "This number is not one of yours.".into(),
            Self::NumberExpired => "This number has expired; restore it first.".into(),
            Self::NumberWithoutSms => "This number does not send SMS.".into(),
            Self::EmptyText => "The message is empty.".into(),
            Self::TextTooLong { max } => format!("The message is longer than {max} characters."),
            Self::InvalidRecipient => "The recipient must be a phone number with country code.".into(),
            Self::DestinationNotServed => "SMS are not delivered to this destination.".into(),
            Self::InsufficientFunds => "The balance does not cover this.".into(),
            Self::RateLimited { .. } => "Too many messages; wait a little.".into(),
            Self::IdempotencyConflict => "This key was used for another request.".into(),
            Self::TopUpAmount => "The amount is outside the limits for a top-up.".into(),
            Self::NotFound => "There is no such thing.".into(),
            Self::NumberUnknown => "Nobody rents this number.".into(),
            Self::Invalid { detail, .. } => detail.clone(),
        }
    }
}

/// A request that did not go through.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A rule is in the way.
    Refused(Refusal),
    /// The sandbox itself failed.
    Store(StoreError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
