//! How an account registers, and what a window is told of it.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tern_sip::{
    Login, NextHop, RegistrationConfig, RegistrationFailure, RegistrationState as Sip, Transport,
    wire::{Host, SipUri, Uri},
};

use crate::{
    accounts::Account,
    api::{AccountId, ErrorCode, ErrorView, RegistrationState, Transport as Wanted},
    core::State,
};

/// Base of the waits after a failed registration, doubled with the first failure already (RFC 5626 section 4.5).
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// Splits `host` or `host:port`; an IPv6 address with a port stands in brackets.
pub(crate) fn host_port(text: &str) -> Option<(String, Option<u16>)> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some((address.ip().to_string(), Some(address.port())));
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some((ip.to_string(), None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    match Host::parse(host) {
        Ok(Host::Name(name)) => Some((name, port)),
        _ => None,
    }
}

impl State {
    pub(super) fn registration(&mut self, id: &AccountId, state: Sip) {
        let wall = self.now.wall;
        let view = match state {
            Sip::Registering => RegistrationState::Registering {},
            Sip::Registered { .. } => RegistrationState::Registered {},
            Sip::Unregistered => RegistrationState::Offline {},
            Sip::Failed { reason, retry_after } => {
                let trouble =
                    self.accounts.get_mut(id).and_then(|a| a.line.up()).and_then(|up| up.trouble.take());
                let error = registration_error(reason, trouble);
                match retry_after {
                    Some(wait) => RegistrationState::Retrying {
                        error,
                        next_try: wall.checked_add(wait).ok().map(|at| at.to_string()),
                    },
                    None => RegistrationState::Stopped { error },
                }
            }
        };
        let Some(up) = self.accounts.get_mut(id).and_then(|a| a.line.up()) else { return };
        // A refresh is no news to a person: the account stays registered while it goes on.
        let refreshing = matches!(up.registered, RegistrationState::Registered {})
            && matches!(view, RegistrationState::Registering {});
        if !refreshing && up.registered != view {
            up.registered = view;
            self.account_changed(id);
        }
    }
}

pub(super) fn registration_of(account: &Account) -> Option<RegistrationConfig> {
    let password = account.password.as_ref()?;
    let profile = &account.profile;
    let host = Host::parse(&profile.domain).ok()?;
    let aor = Uri::Sip(SipUri::new(Some(&profile.user), host, None));
    let login = Login::new(profile.user.clone(), tern_sip::Secret::new(password.reveal()));
    let mut config = RegistrationConfig::new(aor, login);
    // A person waits in front of it: the RFC's thirty seconds are for devices.
    config.retry.all_failed = FIRST_RETRY;
    config.instance = profile.instance.clone().filter(|_| profile.outbound);
    let transport = match profile.transport {
        Wanted::Auto => None,
        Wanted::Udp => Some(Transport::Udp),
        Wanted::Tcp => Some(Transport::Tcp),
        Wanted::Tls => Some(Transport::Tls),
    };
    config.proxies = profile.proxies.iter().filter_map(|proxy| next_hop(proxy, transport)).collect();
    if config.proxies.is_empty() && transport.is_some() {
        config.proxies.extend(next_hop(&profile.domain, transport));
    }
    Some(config)
}

fn next_hop(hop: &str, transport: Option<Transport>) -> Option<NextHop> {
    let (host, port) = host_port(hop)?;
    Some(match host.parse::<IpAddr>() {
        Ok(ip) => {
            // RFC 3263 section 4.1: an address without a transport is spoken to over UDP.
            let transport = transport.unwrap_or(Transport::Udp);
            let port = port.unwrap_or(transport.default_port());
            NextHop::Address { transport, address: SocketAddr::new(ip, port) }
        }
        Err(_) => NextHop::Name { host, port, transport },
    })
}

/// Why registering failed. `trouble` is what a connection came to meanwhile.
fn registration_error(reason: RegistrationFailure, trouble: Option<ErrorView>) -> ErrorView {
    match reason {
        RegistrationFailure::WrongCredentials => ErrorView::new(ErrorCode::WrongPassword),
        RegistrationFailure::Forbidden => ErrorView::with_detail(ErrorCode::RegistrationForbidden, "403"),
        RegistrationFailure::NotFound => ErrorView::with_detail(ErrorCode::RegistrationForbidden, "404"),
        RegistrationFailure::Timeout | RegistrationFailure::Unreachable => {
            trouble.unwrap_or(ErrorView::new(ErrorCode::SipUnreachable))
        }
        RegistrationFailure::Certificate => {
            trouble.unwrap_or(ErrorView::new(ErrorCode::CertificateUntrusted))
        }
        RegistrationFailure::NotAuthentic => {
            // It claimed to know the password, and does not: somebody else answers there.
            ErrorView::with_detail(ErrorCode::SipServerError, "rspauth")
        }
        RegistrationFailure::ServerError(code, phrase) => {
            ErrorView::with_detail(ErrorCode::SipServerError, format!("{code} {phrase}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_split() {
        let check = |text: &str, expect: Option<(&str, Option<u16>)>| {
            assert_eq!(host_port(text), expect.map(|(h, p)| (h.to_owned(), p)), "{text}");
        };
        check("sip.example.com", Some(("sip.example.com", None)));
        check("sip.example.com:5070", Some(("sip.example.com", Some(5070))));
        check("127.0.0.1:5070", Some(("127.0.0.1", Some(5070))));
        check("192.0.2.1", Some(("192.0.2.1", None)));
        check("[2001:db8::1]:5060", Some(("2001:db8::1", Some(5060))));
        check("2001:db8::1", Some(("2001:db8::1", None)));
        check("host:port", None);
        check("", None);
    }
}
