//! What a sandbox tells whoever starts on it.

use tern_provider::{
    Secret,
    sandbox::{ClockChange, SandboxClock},
    types::SipCredentials,
};

use crate::api::{ErrorCode, ErrorView};

/// What a sandbox hands out for its first account.
#[derive(Debug, Clone)]
pub struct SandboxAccess {
    /// The API's base address, such as `http://127.0.0.1:8080`.
    pub url: String,
    /// Bearer token.
    pub token: Secret,
    /// The account's name.
    pub name: String,
    /// Its SIP account.
    pub sip: SipCredentials,
}

/// Asks the sandbox at `url` for its first demo account.
///
/// # Errors
/// [`ErrorCode::ProviderUnreachable`], or [`ErrorCode::NotFound`] when it has no accounts.
pub async fn sandbox_access(url: &str) -> Result<SandboxAccess, ErrorView> {
    sandbox_accounts(url).await?.into_iter().next().ok_or(ErrorView::new(ErrorCode::NotFound))
}

/// Asks the sandbox at `url` for all its demo accounts, in its order.
///
/// # Errors
/// [`ErrorCode::ProviderUnreachable`].
pub async fn sandbox_accounts(url: &str) -> Result<Vec<SandboxAccess>, ErrorView> {
    let accounts = tern_provider::sandbox::demo_accounts(url)
        .await
        .map_err(|error| crate::refusals::provider_error(&error))?;
    let access = accounts.into_iter().map(|account| SandboxAccess {
        url: url.to_owned(),
        token: account.token,
        name: account.name,
        sip: account.sip,
    });
    Ok(access.collect())
}

/// Tells the billing clock of the sandbox at `url`, or sets it ahead first; the sandbox's own refusal is the error's
/// detail.
///
/// # Errors
/// [`ErrorCode::ProviderUnreachable`], or what the sandbox refused.
pub async fn sandbox_clock(url: &str, change: Option<&ClockChange>) -> Result<SandboxClock, ErrorView> {
    tern_provider::sandbox::clock(url, change).await.map_err(|error| crate::refusals::provider_error(&error))
}
