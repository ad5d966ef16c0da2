//! Pages for the system's browser. The window itself never leaves its own page.

use async_trait::async_trait;
use tern_engine::ports::{Browser, BrowserError};
use url::Url;

/// The browser the desktop opens links with.
pub(crate) struct SystemBrowser;

#[async_trait]
impl Browser for SystemBrowser {
    async fn open(&self, url: &Url) -> Result<(), BrowserError> {
        // The engine has checked the host; a scheme other than these could start any program.
        if !matches!(url.scheme(), "https" | "http") {
            return Err(BrowserError);
        }
        let address = url.as_str().to_owned();
        // Opening waits a moment to see whether the launcher fails.
        let opened = tokio::task::spawn_blocking(move || open::that_detached(address)).await;
        match opened {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no browser could be opened");
                Err(BrowserError)
            }
            Err(_) => Err(BrowserError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_web_pages_are_opened() {
        for address in ["file:///etc/passwd", "javascript:alert(1)", "ssh://host/", "tel:+33123456789"] {
            assert_eq!(SystemBrowser.open(&address.parse().unwrap()).await, Err(BrowserError), "{address}");
        }
    }
}
