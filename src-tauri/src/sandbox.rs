//! The provider that a first start comes with, so that there is something to try: a sandbox inside this process, or
//! one that runs elsewhere.

use std::path::Path;
use std::time::Duration;

use tern_engine::api::{ErrorCode, ErrorView, Snapshot};
use tern_engine::{EngineHandle, sandbox_access};
use tern_sandbox::{Sandbox, SandboxConfig};

use crate::bridge::Host;

/// Which sandbox to use: `embedded`, `off`, or the address of a running one. Unset, there is one inside until the
/// user has accounts of their own and none of a sandbox.
const VARIABLE: &str = "TERN_SANDBOX";
/// How long until a sandbox that runs elsewhere is looked for again.
const AGAIN: Duration = Duration::from_secs(5);

/// Which sandbox is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    None,
    Inside,
    At(&'a str),
}

/// Attaches the sandbox's first account, if one is wanted. One that runs elsewhere and isn't there yet is looked for
/// until it is.
///
/// # Errors
/// What keeps a sandbox from running inside, or its account from being attached.
pub(crate) async fn attach(
    host: &Host,
    engine: &EngineHandle,
    snapshot: &Snapshot,
    data: &Path,
) -> Result<(), ErrorView> {
    let variable = std::env::var(VARIABLE).unwrap_or_default();
    let settled = !snapshot.accounts.is_empty() && !snapshot.accounts.iter().any(|account| account.sandbox);
    match wanted(&variable, settled) {
        Wanted::None => Ok(()),
        Wanted::Inside => {
            let config = SandboxConfig { data: Some(data.join("sandbox")), ..SandboxConfig::default() };
            let sandbox = Sandbox::start(config)
                .await
                .map_err(|error| ErrorView::with_detail(ErrorCode::Internal, error.to_string()))?;
            let url = sandbox.http_url();
            host.keep(sandbox);
            attach_account(engine, &url).await
        }
        Wanted::At(url) => match attach_account(engine, url).await {
            Err(error) if error.code == ErrorCode::ProviderUnreachable => {
                tracing::warn!("the sandbox is not there yet");
                tauri::async_runtime::spawn(attach_later(engine.clone(), url.to_owned()));
                Ok(())
            }
            other => other,
        },
    }
}

async fn attach_account(engine: &EngineHandle, url: &str) -> Result<(), ErrorView> {
    engine.attach_sandbox(sandbox_access(url).await?).await.map(drop)
}

async fn attach_later(engine: EngineHandle, url: String) {
    loop {
        tokio::time::sleep(AGAIN).await;
        match attach_account(&engine, &url).await {
            Err(error) if error.code == ErrorCode::ProviderUnreachable => {}
            Err(error) => return tracing::warn!(code = ?error.code, "the sandbox could not be attached"),
            Ok(()) => return,
        }
    }
}

fn wanted(variable: &str, settled: bool) -> Wanted<'_> {
    match variable {
        "off" => Wanted::None,
        "" if settled => Wanted::None,
        "" | "embedded" => Wanted::Inside,
        url => Wanted::At(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_settled_elsewhere_gets_a_sandbox_only_when_asked_for() {
        assert_eq!(wanted("", false), Wanted::Inside);
        assert_eq!(wanted("", true), Wanted::None);
        assert_eq!(wanted("embedded", true), Wanted::Inside);
        assert_eq!(wanted("off", false), Wanted::None);
        assert_eq!(wanted("http://127.0.0.1:8080", true), Wanted::At("http://127.0.0.1:8080"));
    }
}
