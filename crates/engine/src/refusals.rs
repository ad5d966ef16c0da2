//! What the engine says where a provider does not do what it was asked.

use tern_provider::ProviderError;

use crate::api::{ErrorCode, ErrorView};

/// What a person is told when a provider does not do what it was asked.
pub(crate) fn provider_error(error: &ProviderError) -> ErrorView {
    match error {
        ProviderError::Unreachable | ProviderError::Timeout => ErrorView::new(ErrorCode::ProviderUnreachable),
        ProviderError::Server { status } => {
            ErrorView::with_detail(ErrorCode::ProviderFailed, status.to_string())
        }
        ProviderError::RateLimited { .. } => ErrorView::new(ErrorCode::RateLimited),
        ProviderError::Unauthorized => ErrorView::new(ErrorCode::ProviderUnauthorized),
        ProviderError::AddressNotAllowed => ErrorView::new(ErrorCode::ProviderAddressNotAllowed),
        ProviderError::Refused { code, detail } => refusal(code, detail),
        ProviderError::ResyncRequired | ProviderError::Malformed => ErrorView::new(ErrorCode::ProviderFailed),
        ProviderError::Unsupported => ErrorView::new(ErrorCode::NotOffered),
    }
}

/// The engine's code for a provider's problem code.
pub(crate) fn refusal(code: &str, detail: &str) -> ErrorView {
    let known = match code {
        "destination_not_served" | "destination_sanctioned" => ErrorCode::DestinationNotServed,
        "number_not_yours" | "number_expired" | "number_without_sms" => ErrorCode::NumberNotYours,
        "empty_text" => ErrorCode::EmptyMessage,
        "text_too_long" => ErrorCode::MessageTooLong,
        "insufficient_funds" => ErrorCode::InsufficientFunds,
        "topup_amount" => ErrorCode::InvalidAmount,
        "rate_limited" => ErrorCode::RateLimited,
        "invalid_recipient" => ErrorCode::InvalidRecipient,
        "emergency_number" | "emergency_not_supported" => ErrorCode::EmergencyNotSupported,
        "documents_required" => ErrorCode::DocumentsNeeded,
        "number_suspended" => ErrorCode::NumberSuspended,
        "trial_used_up" => ErrorCode::TrialUsedUp,
        _ => ErrorCode::ProviderRefused,
    };
    let words = if detail.is_empty() { code } else { detail };
    ErrorView::with_detail(known, words)
}
