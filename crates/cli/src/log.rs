//! The log on standard error, for `-v`.
//!
//! Secrets and message texts never get here: the types that hold them print themselves redacted.

use tracing_subscriber::EnvFilter;

/// `-v` tells what happens, `-vv` how; without either only what goes wrong in Tern itself. `TERN_LOG` says it exactly, in
/// the notation of [`EnvFilter`], as it does for the window.
pub(crate) fn start(verbose: u8) {
    let told = std::env::var("TERN_LOG").ok().filter(|told| !told.is_empty());
    let filter = match verbose {
        _ if told.is_some() => told.as_deref().unwrap_or_default(),
        0 => return,
        1 => {
            "warn,tern=info,tern_engine=info,tern_sip=info,tern_media=info,tern_provider=info,tern_sandbox=info"
        }
        _ => {
            "info,tern=debug,tern_engine=debug,tern_sip=debug,tern_media=debug,tern_provider=debug,tern_sandbox=debug"
        }
    };
    // A second subscriber can only be there in a test; that one then stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .try_init();
}
