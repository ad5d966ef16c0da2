//! Whom a call is with: what was typed to a SIP address, and a SIP address to what is shown.

use tern_sip::wire::{Host, SipUri, Uri};

use crate::phone::{self, Target};

/// Longest name shown of what a caller calls itself, characters.
const LONGEST_NAME: usize = 64;

pub(super) fn target_uri(target: &Target, domain: &str, direct: bool) -> Option<Uri> {
    match target {
        Target::Address(address) => Uri::parse(address).ok().filter(|uri| uri.as_sip().is_some()),
        _ if direct => None,
        Target::Number(user) | Target::Name(user) => {
            Some(Uri::Sip(SipUri::new(Some(user), Host::parse(domain).ok()?, None)))
        }
    }
}

/// The other side as Recent Activity names it: number or name of the account's own provider, else the address.
pub(super) fn peer_of(uri: &Uri, domain: &str) -> String {
    let user = uri.user().map(|u| phone::peer_of_user(&u));
    let own = Host::parse(domain).ok();
    match (uri.as_sip(), user) {
        (Some(sip), Some(user)) if own.is_some_and(|own| own.same(&sip.host)) || user.starts_with('+') => {
            user
        }
        (None, Some(user)) => user,
        (Some(sip), user) => {
            let mut bare = SipUri::new(None, sip.host.clone(), sip.port);
            bare.user = user.and(sip.user.clone());
            Uri::Sip(bare).to_string()
        }
        (None, None) => uri.to_string(),
    }
}

/// What a caller calls itself, fit to be shown.
pub(super) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect::<String>().trim().to_owned()
}
