//! What can go wrong between the engine and a provider, sorted by what to do about it.

use std::time::Duration;

/// The code of a refusal to delete what has not left yet: the same request succeeds once it has.
pub const NOT_YET: &str = "message_on_its_way";

/// Why a provider's answer is not a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No connection, name not found, connection lost: try again later.
    #[error("the provider cannot be reached")]
    Unreachable,
    /// The answer did not come in time. For a send this means *unknown*, not *failed*.
    #[error("the provider did not answer in time")]
    Timeout,
    /// 5xx: the provider's fault, try again later.
    #[error("the provider failed with status {status}")]
    Server {
        /// The HTTP status.
        status: u16,
    },
    /// 429: try again after the time given.
    #[error("too many requests")]
    RateLimited {
        /// From `Retry-After`, where given.
        retry_after: Option<Duration>,
    },
    /// 401/403: the token is wrong or revoked; retrying is useless.
    #[error("the provider refused the credentials")]
    Unauthorized,
    /// The provider answers only requests from internet addresses that its customer has allowed, and this is none of
    /// them: it has to be added there.
    #[error("the provider does not accept requests from this internet address")]
    AddressNotAllowed,
    /// 410 `resync_required`: the cursor is too old, take a snapshot.
    #[error("the cursor has expired")]
    ResyncRequired,
    /// 4xx with a stable problem code: the request breaks one of the provider's rules.
    #[error("the provider refused: {code}")]
    Refused {
        /// The problem's `code`, such as `destination_not_served` or `insufficient_funds`.
        code: String,
        /// The provider's sentence for people, shown as it is when the code is unknown.
        detail: String,
    },
    /// The answer is not what the API promises.
    #[error("the provider's answer could not be understood")]
    Malformed,
    /// This provider has no such function.
    #[error("the provider does not offer this")]
    Unsupported,
}

impl ProviderError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout | Self::Server { .. } | Self::RateLimited { .. })
    }
}
