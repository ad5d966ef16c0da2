//! What a number does with calls: where they are forwarded, whether it is shown, its voicemail and its menu.
//!
//! The shapes stored and sent, and what makes sense in them. Who is rung is decided in [`crate::switch`].

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use tern_sip::wire::Uri;
use utoipa::ToSchema;

use crate::{destinations, dialling::Refused, refusal::Refusal, settings::Settings};

/// Fixed by the published rules.
pub(crate) const MAX_TARGETS: usize = 2;
/// Keys of a menu: the ten digits, for star and hash mean other things.
const MAX_OPTIONS: usize = 10;
const MAX_LABEL: usize = 40;
const DEFAULT_PORT: u16 = 5060;

/// Everything about a number's calls that its owner decides. By default nothing: the number reaches nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Routing {
    #[serde(default)]
    pub(crate) forwarding: Forwarding,
    /// Whether the CallerID service is on.
    #[serde(default)]
    pub(crate) caller_id: bool,
    #[serde(default)]
    pub(crate) voicemail: Voicemail,
    /// A menu in place of the forwarding.
    #[serde(default)]
    pub(crate) menu: Option<Menu>,
}

/// Where incoming calls go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Forwarding {
    /// Only of account when there are two targets.
    #[serde(default)]
    pub(crate) order: RingOrder,
    /// None: calls reach nobody. At most two.
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
}

/// How two targets are rung.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RingOrder {
    /// Both at once; the first to answer has the call.
    #[default]
    Simultaneous,
    /// One after the other.
    Sequential,
}

/// Whom a call is forwarded to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "to", rename_all = "snake_case")]
pub(crate) enum Target {
    /// The account's own SIP account, wherever it is registered.
    Sip,
    /// A SIP address of somebody else's.
    SipAddress {
        /// `sip:user@host`.
        #[schema(example = "sip:reception@pbx.example")]
        address: String,
    },
    /// The customer's own server; the called number is the user asked for there.
    Server {
        /// `ip` or `ip:port`.
        #[schema(example = "203.0.113.9:5060")]
        address: String,
    },
    /// A phone; its minutes are billed to the number's owner.
    Phone {
        /// E.164.
        #[schema(example = "+447700900318")]
        number: String,
    },
}

/// What happens when nobody answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Voicemail {
    /// The option ticked.
    #[serde(default)]
    pub(crate) enabled: bool,
    /// One of the uploaded greetings; a tone without one.
    #[serde(default)]
    pub(crate) greeting: Option<String>,
}

/// A voice menu: press a key to reach a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Menu {
    /// One of the uploaded greetings, saying which key reaches whom; a tone without one.
    #[serde(default)]
    pub(crate) greeting: Option<String>,
    pub(crate) options: Vec<MenuOption>,
}

/// One key of a menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct MenuOption {
    /// `0` to `9`.
    #[schema(value_type = String, example = "1", pattern = "^[0-9]$")]
    pub(crate) key: char,
    /// For the owner.
    #[schema(example = "Reception")]
    pub(crate) label: String,
    pub(crate) target: Target,
}

impl Routing {
    /// Calls ring the account's own SIP account.
    pub(crate) fn to_own_sip() -> Self {
        let forwarding = Forwarding { order: RingOrder::default(), targets: vec![Target::Sip] };
        Self { forwarding, ..Self::default() }
    }
}

impl Forwarding {
    /// Whether this can be; `own` is the number that is forwarded.
    pub(crate) fn check(&self, own: &str, settings: &Settings) -> Result<(), Refusal> {
        if self.targets.len() > MAX_TARGETS {
            return Err(invalid("too_many_targets", "A number has at most two targets."));
        }
        if matches!(self.targets.as_slice(), [first, second] if first == second) {
            return Err(invalid("same_target_twice", "Both targets are the same."));
        }
        self.targets.iter().try_for_each(|target| target.check(own, settings))
    }
}

impl Menu {
    pub(crate) fn check(&self, own: &str, settings: &Settings) -> Result<(), Refusal> {
        if self.options.is_empty() || self.options.len() > MAX_OPTIONS {
            return Err(invalid("menu_options", "A menu has one to ten keys."));
        }
        for (place, option) in self.options.iter().enumerate() {
            if !option.key.is_ascii_digit() {
                return Err(invalid("menu_key", "A key is one of the digits 0 to 9."));
            }
            if self.options.iter().take(place).any(|earlier| earlier.key == option.key) {
                return Err(invalid("menu_key_twice", "Every key stands for one person."));
            }
            if option.label.chars().count() > MAX_LABEL {
                return Err(invalid("menu_label", "A label has at most 40 characters."));
            }
            option.target.check(own, settings)?;
        }
        Ok(())
    }
}

impl Target {
    fn check(&self, own: &str, settings: &Settings) -> Result<(), Refusal> {
        match self {
            Self::Sip => Ok(()),
            Self::SipAddress { address } => match sip_address(address) {
                Some(_) => Ok(()),
                None => Err(invalid("bad_sip_address", "A SIP address is written sip:user@host.")),
            },
            Self::Server { address } => match server(address) {
                Some(_) => Ok(()),
                None => {
                    Err(invalid("bad_server_address", "A server is an IP address, with a port if need be."))
                }
            },
            Self::Phone { number } => {
                let dialled = destinations::e164(number).filter(|n| n == number);
                let Some(dialled) = dialled.filter(|_| !destinations::is_emergency(number)) else {
                    return Err(invalid(
                        "bad_phone_number",
                        "A phone number has its country code, with the plus.",
                    ));
                };
                if dialled == own {
                    return Err(invalid("forwarded_to_itself", "A number cannot be forwarded to itself."));
                }
                if destinations::serves_calls(&dialled, settings) {
                    return Ok(());
                }
                Err(invalid(Refused::NotServed.code(), Refused::NotServed.sentence()))
            }
        }
    }
}

/// A SIP address calls can be sent to over UDP.
pub(crate) fn sip_address(address: &str) -> Option<Uri> {
    let plain = address.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sip:"));
    Uri::parse(address).ok().filter(|uri| plain && uri.user().is_some())
}

/// The address of a server.
pub(crate) fn server(address: &str) -> Option<SocketAddr> {
    let with_port = address.parse::<SocketAddr>().ok();
    let bare = || address.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, DEFAULT_PORT));
    with_port.or_else(bare).filter(|a| a.port() != 0 && !a.ip().is_unspecified() && !a.ip().is_multicast())
}

fn invalid(code: &'static str, detail: &'static str) -> Refusal {
    Refusal::Invalid { code, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "+447700900142";

    fn refused(targets: Vec<Target>) -> Option<&'static str> {
        let forwarding = Forwarding { order: RingOrder::Sequential, targets };
        forwarding.check(OWN, &Settings::default()).err().map(|refusal| refusal.code())
    }

    fn phone(number: &str) -> Target {
        Target::Phone { number: number.into() }
    }

    fn address(address: &str) -> Target {
        Target::SipAddress { address: address.into() }
    }

    fn at(address: &str) -> Target {
        Target::Server { address: address.into() }
    }

    #[test]
    fn a_number_is_forwarded_to_up_to_two_targets_of_four_kinds() {
        for targets in [
            vec![],
            vec![Target::Sip],
            vec![Target::Sip, phone("+447700900777")],
            vec![address("sip:desk@192.0.2.7:5080"), at("203.0.113.9")],
            vec![at("[2001:db8::1]:5070")],
        ] {
            assert_eq!(refused(targets.clone()), None, "{targets:?}");
        }
        assert_eq!(
            refused(vec![Target::Sip, phone("+33639984712"), at("203.0.113.9")]),
            Some("too_many_targets")
        );
        assert_eq!(refused(vec![Target::Sip, Target::Sip]), Some("same_target_twice"));
    }

    #[test]
    fn what_cannot_be_forwarded_to_is_refused_by_name() {
        for (target, code) in [
            (address("desk@example.com"), "bad_sip_address"),
            (address("sip:example.com"), "bad_sip_address"),
            (address("sips:desk@example.com"), "bad_sip_address"),
            (address("tel:+441"), "bad_sip_address"),
            (at("pbx.example"), "bad_server_address"),
            (at("203.0.113.9:0"), "bad_server_address"),
            (at("0.0.0.0"), "bad_server_address"),
            (phone("07700900777"), "bad_phone_number"),
            (phone("112"), "bad_phone_number"),
            (phone(OWN), "forwarded_to_itself"),
            (phone("+989121234567"), "destination_not_served"),
        ] {
            assert_eq!(refused(vec![target.clone()]), Some(code), "{target:?}");
        }
    }

    #[test]
    fn a_number_without_settings_reaches_nobody() {
        assert_eq!(Routing::default().forwarding.targets, []);
        let earlier: Routing =
            serde_json::from_str(r#"{"forwarding":{"order":"simultaneous","targets":[{"to":"sip"}]}}"#)
                .unwrap();
        assert_eq!(earlier, Routing::to_own_sip());
    }

    #[test]
    fn a_menu_has_one_person_to_a_key() {
        let option = |key| MenuOption { key, label: "Ann".into(), target: Target::Sip };
        let code = |options: Vec<MenuOption>| {
            let menu = Menu { greeting: None, options };
            menu.check(OWN, &Settings::default()).err().map(|refusal| refusal.code())
        };
        assert_eq!(code(vec![option('1'), option('0')]), None);
        assert_eq!(code(vec![]), Some("menu_options"));
        assert_eq!(code(vec![option('#')]), Some("menu_key"));
        assert_eq!(code(vec![option('1'), option('1')]), Some("menu_key_twice"));
    }
}
