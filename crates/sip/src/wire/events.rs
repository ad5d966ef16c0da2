//! `Event`, `Subscription-State` and the items of `Allow-Events` (RFC 6665 8.2, 8.4).
//!
//! Allow-Events itself is a list of tokens: [`super::HeaderAccess::tokens`].

use super::token::Scanner;
use super::{HeaderView, Malformed, Params};

/// The event package a subscription is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The package with its templates: `message-summary`, `presence.winfo`.
    pub package: String,
    /// Tells several subscriptions of one dialog apart.
    pub id: Option<String>,
    /// All parameters, `id` among them.
    pub params: Params,
}

/// Where a subscription stands, told in each NOTIFY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionState {
    /// The state.
    pub state: Substate,
    /// `reason` of a terminated subscription.
    pub reason: Option<String>,
    /// What is left of it, in seconds.
    pub expires: Option<u32>,
    /// When to try again, in seconds.
    pub retry_after: Option<u32>,
}

/// The states of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Substate {
    /// Accepted.
    Active,
    /// Not yet decided.
    Pending,
    /// Over.
    Terminated,
    /// A state from an extension.
    Other(String),
}

impl Event {
    /// A package without parameters.
    pub fn new(package: &str) -> Event {
        Event { package: package.to_owned(), id: None, params: Params::default() }
    }

    /// A package with the id that tells its subscription apart.
    pub fn with_id(package: &str, id: &str) -> Event {
        let mut params = Params::default();
        params.set("id", Some(id));
        Event { package: package.to_owned(), id: Some(id.to_owned()), params }
    }

    /// Whether both mean the same subscription: package and id are compared, other parameters are not, and both
    /// compare byte by byte (RFC 6665 8.2.1).
    pub fn matches(&self, other: &Event) -> bool {
        self.package == other.package && self.id == other.id
    }
}

impl SubscriptionState {
    /// A state with the seconds that are left.
    pub fn lasting(state: Substate, seconds: u32) -> SubscriptionState {
        SubscriptionState { state, reason: None, expires: Some(seconds), retry_after: None }
    }

    /// The end, with its reason.
    pub fn terminated(reason: &str) -> SubscriptionState {
        SubscriptionState {
            state: Substate::Terminated,
            reason: Some(reason.to_owned()),
            expires: None,
            retry_after: None,
        }
    }
}

impl HeaderView for Event {
    const NAME: &'static str = "Event";

    fn parse(value: &str) -> Result<Event, Malformed> {
        let mut scanner = Scanner::new(value);
        scanner.skip_ws();
        let package = scanner.token(Self::NAME)?.to_owned();
        let params = Params::scan(&mut scanner, Self::NAME)?;
        if package.split('.').any(str::is_empty) {
            return Err(Malformed(Self::NAME));
        }
        Ok(Event { package, id: params.get("id"), params })
    }
}

impl HeaderView for SubscriptionState {
    const NAME: &'static str = "Subscription-State";

    fn parse(value: &str) -> Result<SubscriptionState, Malformed> {
        let mut scanner = Scanner::new(value);
        scanner.skip_ws();
        let state = match scanner.token(Self::NAME)? {
            word if word.eq_ignore_ascii_case("active") => Substate::Active,
            word if word.eq_ignore_ascii_case("pending") => Substate::Pending,
            word if word.eq_ignore_ascii_case("terminated") => Substate::Terminated,
            word => Substate::Other(word.to_owned()),
        };
        let params = Params::scan(&mut scanner, Self::NAME)?;
        let seconds = |name: &str| {
            let text = params.get(name)?;
            Some(Scanner::new(&text).delta_seconds(Self::NAME))
        };
        Ok(SubscriptionState {
            state,
            reason: params.get("reason"),
            expires: seconds("expires").transpose()?,
            retry_after: seconds("retry-after").transpose()?,
        })
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.package, self.params)
    }
}

impl std::fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.state {
            Substate::Active => "active",
            Substate::Pending => "pending",
            Substate::Terminated => "terminated",
            Substate::Other(word) => word,
        })?;
        let mut params = Params::default();
        if let Some(reason) = &self.reason {
            params.set("reason", Some(reason));
        }
        for (name, seconds) in [("expires", self.expires), ("retry-after", self.retry_after)] {
            if let Some(seconds) = seconds {
                params.set(name, Some(&seconds.to_string()));
            }
        }
        write!(f, "{params}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;

    #[test]
    fn packages_and_ids() {
        round_trip::<Event>(&[
            ("message-summary", None),
            ("refer;id=93809824", None),
            ("presence.winfo ; id = 7;x", Some("presence.winfo;id=7;x")),
        ]);
        refused::<Event>(&["", "a..b", ".a", "two words", "refer;", "a,b"]);
        let event = |text: &str| Event::parse(text).unwrap();
        assert!(event("refer;id=1").matches(&event("refer;x=2;id=1")));
        assert!(!event("refer;id=1").matches(&event("refer")));
        assert!(!event("refer").matches(&event("REFER")));
        assert!(Event::with_id("refer", "7").matches(&event("refer;id=7")));
    }

    #[test]
    fn states() {
        round_trip::<SubscriptionState>(&[
            ("active;expires=3600", None),
            ("terminated;reason=probation;retry-after=30", None),
            ("PENDING ; expires = 5", Some("pending;expires=5")),
            ("waiting", None),
        ]);
        refused::<SubscriptionState>(&["", "active;expires=soon", ";expires=3", "active,pending"]);
        assert_eq!(SubscriptionState::terminated("noresource").to_string(), "terminated;reason=noresource");
        assert_eq!(SubscriptionState::lasting(Substate::Active, 9).to_string(), "active;expires=9");
    }
}
