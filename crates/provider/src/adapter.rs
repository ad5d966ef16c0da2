//! Which adapter: the providers that there are, what each is asked for, and how an account's provider is written as
//! one address.

use std::sync::Arc;

use url::Url;

use crate::{
    Secret, SetupError, SharedProvider, sandbox::SandboxProvider, telnyx::Telnyx, twilio::Twilio,
    types::Capabilities, voipms::VoipMs, zadarma::Zadarma,
};

/// A provider that there is an adapter for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Adapter {
    /// Anyone who serves the provider API of `docs/provider-api.md`.
    Tern,
    /// VoIP.ms.
    VoipMs,
    /// Twilio.
    Twilio,
    /// SignalWire.
    SignalWire,
    /// Telnyx.
    Telnyx,
    /// Zadarma.
    Zadarma,
}

impl Adapter {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Tern, Self::VoipMs, Self::Twilio, Self::SignalWire, Self::Telnyx, Self::Zadarma];

    /// The word that stands for it in an address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tern => "tern",
            Self::VoipMs => "voipms",
            Self::Twilio => "twilio",
            Self::SignalWire => "signalwire",
            Self::Telnyx => "telnyx",
            Self::Zadarma => "zadarma",
        }
    }

    /// The one that an address of [`Adapter::address`] is of.
    pub fn of(address: &str) -> Option<Self> {
        let (word, _) = address.split_once(':')?;
        if matches!(word, "http" | "https") {
            return Some(Self::Tern);
        }
        Self::ALL.into_iter().find(|adapter| *adapter != Self::Tern && adapter.word() == word)
    }

    /// What it can do, before there is an account.
    pub fn capabilities(self) -> Capabilities {
        match self {
            Self::Tern => SandboxProvider::CAPABILITIES,
            Self::VoipMs => VoipMs::CAPABILITIES,
            Self::Twilio => Twilio::CAPABILITIES,
            Self::SignalWire => Twilio::SIGNALWIRE,
            Self::Telnyx => Telnyx::CAPABILITIES,
            Self::Zadarma => Zadarma::CAPABILITIES,
        }
    }

    /// An account's provider as one address, for [`connect`]: that of the API for Tern's own, `word:user` and, at
    /// SignalWire, `signalwire:user@host` for the others. `None` when a part is missing that it needs.
    pub fn address(self, url: &str, user: &str) -> Option<String> {
        let (url, user) = (url.trim(), user.trim());
        let is_plain =
            |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        match self {
            Self::Tern => Url::parse(url).ok().filter(Url::has_host).map(|_| url.to_owned()),
            Self::Telnyx => Some("telnyx:".to_owned()),
            Self::SignalWire => {
                // As it is written in the browser's address line, or the host alone.
                let host = url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/');
                let is_host = is_plain(host) && !host.contains(['/', '@', '?', '#']);
                (is_host && is_plain(user)).then(|| format!("signalwire:{user}@{host}"))
            }
            _ => is_plain(user).then(|| format!("{}:{user}", self.word())),
        }
    }
}

/// The provider at an address of [`Adapter::address`], with the account's secret.
///
/// # Errors
/// When the address is of no known form, or the adapter refuses it or the secret.
pub fn connect(address: &str, secret: Secret) -> Result<SharedProvider, SetupError> {
    let (word, user) = address.split_once(':').ok_or(SetupError::BadAddress)?;
    Ok(match word {
        "http" | "https" => Arc::new(SandboxProvider::new(address, secret)?),
        "voipms" => Arc::new(VoipMs::new(crate::voipms::BASE, user, secret)?),
        "twilio" => Arc::new(Twilio::new(crate::twilio::BASE, crate::twilio::PRICING, user, &secret)?),
        "signalwire" => {
            let (project, host) = user.rsplit_once('@').ok_or(SetupError::BadAddress)?;
            Arc::new(Twilio::signalwire(&format!("https://{host}/"), project, &secret)?)
        }
        "telnyx" => Arc::new(Telnyx::new(crate::telnyx::BASE, &secret)?),
        "zadarma" => Arc::new(Zadarma::new(crate::zadarma::BASE, user, secret)?),
        _ => return Err(SetupError::BadAddress),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_adapter_is_found_again_by_its_address() {
        for adapter in Adapter::ALL {
            let url = if adapter == Adapter::Tern {
                "https://api.example"
            } else {
                "https://example.signalwire.com/"
            };
            let address = adapter.address(url, "me-1").unwrap();
            let provider = connect(&address, Secret::new("secret")).unwrap();
            assert_eq!(provider.capabilities(), adapter.capabilities(), "{address}");
            assert!(!address.contains("secret"));
            assert_eq!(Adapter::of(&address), Some(adapter));
        }
    }

    #[test]
    fn what_an_adapter_needs_must_be_there() {
        for (adapter, url, user) in [
            (Adapter::Tern, "", ""),
            (Adapter::Tern, "mailto:x", ""),
            (Adapter::VoipMs, "", " "),
            (Adapter::Twilio, "", "A C"),
            (Adapter::SignalWire, "", "p"),
            (Adapter::SignalWire, "a/b", "p"),
            (Adapter::Zadarma, "", ""),
        ] {
            assert_eq!(adapter.address(url, user), None, "{adapter:?} {url} {user}");
        }
        for address in ["", "nobody:x", "signalwire:x", "voipms:", "http://api.example"] {
            assert!(connect(address, Secret::new("s")).is_err(), "{address}");
        }
    }

    #[test]
    fn no_adapter_claims_what_it_answers_unsupported() {
        // Zadarma has no inbox, Twilio no telephone, and only Tern's own sends by key.
        assert!(!Adapter::Zadarma.capabilities().inbox);
        assert!(
            !Adapter::Twilio.capabilities().sip_credentials && !Adapter::SignalWire.capabilities().balance
        );
        let by_key: Vec<_> = Adapter::ALL.iter().filter(|a| a.capabilities().idempotent_send).collect();
        assert_eq!(by_key, [&Adapter::Tern]);
        // Telnyx takes back only what is planned for later, Zadarma nothing.
        let deleting: Vec<_> = Adapter::ALL.iter().filter(|a| a.capabilities().delete_message).collect();
        assert_eq!(deleting, [&Adapter::Tern, &Adapter::VoipMs, &Adapter::Twilio, &Adapter::SignalWire]);
    }
}
