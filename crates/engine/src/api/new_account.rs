//! An account as its user types it, with the provider it is of.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{MediaOptions, Secret};

/// A SIP account as a user types it.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NewAccount {
    /// What to call it in the window; empty for the address of record.
    pub name: String,
    /// User part and digest username.
    pub user: String,
    /// Domain of the address of record.
    pub domain: String,
    /// Digest password.
    pub password: Secret,
    /// `host` or `host:port` to send to, where it is not the domain; several in the order to try, separated by
    /// commas or spaces.
    pub proxy: Option<String>,
    /// How SIP travels.
    pub transport: Transport,
    /// What few accounts need.
    #[serde(default)]
    #[specta(optional)]
    pub options: Option<AccountOptions>,
    /// The provider that the account is of; `None` for plain SIP. With one that hands out SIP accounts, `user`,
    /// `domain` and `password` may be left empty.
    pub provider: Option<NewProvider>,
}

/// An account's provider.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NewProvider {
    /// Which.
    pub kind: ProviderKind,
    /// Such as `https://api.provider.example` of [`ProviderKind::Tern`], the space's address of
    /// [`ProviderKind::Signalwire`]; empty for the others.
    pub url: String,
    /// Who is known there: the e-mail address, account SID, project id or key; empty where the token says it.
    pub user: String,
    /// Bearer token, API password, auth token, API key or secret.
    pub token: Secret,
}

/// The providers that Tern can talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ProviderKind {
    /// One that serves Tern's provider API.
    Tern,
    /// VoIP.ms.
    Voipms,
    /// Twilio.
    Twilio,
    /// SignalWire.
    Signalwire,
    /// Telnyx.
    Telnyx,
    /// Zadarma.
    Zadarma,
}

/// What few accounts need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccountOptions {
    /// A file with the authorities of a private exchange (PEM or DER), believed in place of the platform's.
    pub ca_file: Option<String>,
    /// Whether to register by RFC 5626, so that the server finds this phone over the way it came.
    pub outbound: bool,
    /// How its calls sound and travel.
    #[serde(default)]
    pub media: MediaOptions,
}

impl Default for AccountOptions {
    fn default() -> Self {
        Self { ca_file: None, outbound: true, media: MediaOptions::default() }
    }
}

/// How SIP travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// As the domain's DNS records say (RFC 3263), UDP where they leave the choice.
    #[default]
    Auto,
    /// UDP, and TCP for what is too large for it.
    Udp,
    /// TCP.
    Tcp,
    /// TLS; the server's certificate must be for the domain (RFC 5922).
    Tls,
}
