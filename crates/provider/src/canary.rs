//! That no secret and no message's text reaches a log or an error, whatever a provider answers: every adapter, every
//! way to ask, every kind of answer, at the finest level of the log.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use base64::Engine;
use jiff::Timestamp;

use crate::{
    Secret, SharedProvider, http::canned::Canned, sandbox::SandboxProvider, telnyx::Telnyx, twilio::Twilio,
    types::*, voipms::VoipMs, zadarma::Zadarma,
};

const SECRET: &str = "canary-8f1c-secret";
const TEXT: &str = "canary-17aa in a text";
const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Collects what is logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Listens to everything that this thread logs, as long as the guard lives.
    pub(crate) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        tracing::info!("listening");
        guard
    }

    /// What was heard.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        assert!(text.contains("listening"), "the log is not heard");
        text
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Every adapter, with the canary as its secret.
fn adapters(url: &str) -> Vec<SharedProvider> {
    let secret = || Secret::new(SECRET);
    vec![
        Arc::new(VoipMs::new(url, "me@example.com", secret()).unwrap()),
        Arc::new(Twilio::new(url, url, ACCOUNT, &secret()).unwrap()),
        Arc::new(Twilio::signalwire(url, ACCOUNT, &secret()).unwrap()),
        Arc::new(Telnyx::new(url, &secret()).unwrap()),
        Arc::new(Zadarma::new(url, "key", secret()).unwrap()),
        Arc::new(SandboxProvider::new(url, secret()).unwrap()),
    ]
}

/// What an error tells, in both of its ways.
fn told<T>(result: Result<T, crate::ProviderError>) -> String {
    result.err().map(|error| format!("{error} {error:?}\n")).unwrap_or_default()
}

#[tokio::test]
async fn no_secret_and_no_text_reaches_a_log_or_an_error() {
    let log = Log::default();
    let guard = log.listen();
    let mut errors = String::new();
    let message =
        OutgoingMessage { from: "+15551234567".into(), to: "+15557654321".into(), text: TEXT.into() };
    let key = IdempotencyKey("k".into());
    let sought = SoughtMessage { key: key.clone(), message: message.clone(), since: Timestamp::now() };
    for (status, body) in
        [(200, "{}"), (200, "<html>"), (401, ""), (403, "no"), (404, "{}"), (422, "[]"), (500, ""), (302, "")]
    {
        let server = Canned::serve(move |_| (status, vec![], body.to_owned())).await;
        for provider in adapters(&server.url) {
            errors += &told(provider.account().await);
            errors += &told(provider.numbers().await);
            errors += &told(provider.sip_credentials().await);
            errors += &told(provider.send_message(&key, &message).await);
            errors += &told(provider.snapshot(None, 10).await);
            errors += &told(provider.rate("+4930901820", None).await);
            errors += &told(provider.voicemails().await);
        }
        // Zadarma's lists have a turn each minute; this would ask for another.
        for provider in adapters(&server.url).iter().filter(|p| p.capabilities().inbox) {
            errors += &told(provider.find_sent(&sought).await);
        }
        assert!(!server.asked().is_empty());
    }
    // Nobody answers: the address is all there is to tell.
    for provider in adapters("http://127.0.0.1:9/") {
        errors += &told(provider.send_message(&key, &message).await);
    }
    drop(guard);
    let logged = log.text();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{ACCOUNT}:{SECRET}"));
    for canary in [SECRET, TEXT, "me%40example.com", &basic] {
        assert!(!logged.contains(canary), "{canary} is logged");
        assert!(!errors.contains(canary), "{canary} is in an error");
    }
    assert!(errors.lines().count() > 100, "there were errors to read");
}
