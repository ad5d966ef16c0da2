//! What a subscription has come to, and what a NOTIFY's Subscription-State means for it (RFC 6665 4.1.3).

use crate::surroundings::LONGEST_WAIT;
use crate::wire::{SubscriptionState as Told, Substate};
use std::time::Duration;

/// Where a subscription stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionState {
    /// The server has it, and somebody has yet to allow it.
    Pending {
        /// What is left of it; refreshed before.
        expires: Duration,
    },
    /// The server tells every change.
    Active {
        /// What is left of it; refreshed before.
        expires: Duration,
    },
    /// It does not stand, and is begun anew then.
    Waiting {
        /// When.
        retry_after: Duration,
    },
    /// Over for good; the id is spent.
    Ended(SubscriptionEnd),
}

/// How a subscription ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionEnd {
    /// As this side wanted: left, or the one state fetched.
    Left,
    /// The server ended it and does not want it again, with this reason (RFC 6665 4.1.3).
    Terminated(String),
    /// SUBSCRIBE was refused for good.
    Refused {
        /// The final status.
        code: u16,
        /// The response's phrase.
        phrase: String,
    },
    /// Neither a response nor a NOTIFY came.
    NoAnswer,
    /// It could not be sent.
    Unreachable,
}

/// What a NOTIFY says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It stands for what is left, where that is told.
    For { state: Permission, left: Option<Duration> },
    /// It does not stand any longer.
    Over(After),
}

/// Whether the events are told already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    Pending,
    Active,
}

/// When to begin anew.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    AtOnce,
    /// Then, or after a wait of our own.
    Wait(Option<Duration>),
    Never(String),
}

impl Permission {
    pub(super) fn with(self, expires: Duration) -> SubscriptionState {
        match self {
            Permission::Pending => SubscriptionState::Pending { expires },
            Permission::Active => SubscriptionState::Active { expires },
        }
    }
}

pub(super) fn standing(told: &Told) -> Standing {
    let seconds = |s: Option<u32>| s.map(|s| Duration::from_secs(s.into()).min(LONGEST_WAIT));
    let state = match told.state {
        // RFC 6665 8.2.3 leaves room for others: as long as they are not the end, it stands.
        Substate::Active | Substate::Other(_) => Permission::Active,
        Substate::Pending => Permission::Pending,
        Substate::Terminated => return Standing::Over(after(told, seconds(told.retry_after))),
    };
    match seconds(told.expires) {
        // Nothing is left of it, whatever it calls that.
        Some(Duration::ZERO) => Standing::Over(After::AtOnce),
        left => Standing::For { state, left },
    }
}

/// RFC 6665 4.1.3, reason by reason.
fn after(told: &Told, retry_after: Option<Duration>) -> After {
    let reason = told.reason.as_deref().unwrap_or_default().to_ascii_lowercase();
    match reason.as_str() {
        "deactivated" | "timeout" => After::AtOnce,
        "probation" | "giveup" => After::Wait(retry_after),
        "rejected" | "noresource" | "invariant" => After::Never(reason),
        // No reason, or an unknown one: at any time, but not before `retry-after`.
        _ => retry_after.map_or(After::AtOnce, |wait| After::Wait(Some(wait))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HeaderView as _;

    #[test]
    fn states_and_reasons() {
        let of = |text: &str| standing(&Told::parse(text).unwrap());
        let stands = |state, left: Option<u64>| Standing::For { state, left: left.map(Duration::from_secs) };
        let wait = |s| Standing::Over(After::Wait(Some(Duration::from_secs(s))));
        assert_eq!(of("active;expires=60"), stands(Permission::Active, Some(60)));
        assert_eq!(of("pending"), stands(Permission::Pending, None));
        assert_eq!(of("strange;expires=5"), stands(Permission::Active, Some(5)));
        assert_eq!(of("active;expires=0"), Standing::Over(After::AtOnce));
        for at_once in [
            "terminated",
            "terminated;reason=deactivated;retry-after=9",
            "terminated;reason=timeout",
            "terminated;reason=odd",
        ] {
            assert_eq!(of(at_once), Standing::Over(After::AtOnce), "{at_once}");
        }
        assert_eq!(of("terminated;reason=probation;retry-after=30"), wait(30));
        assert_eq!(of("terminated;reason=odd;retry-after=30"), wait(30));
        assert_eq!(of("terminated;reason=giveup"), Standing::Over(After::Wait(None)));
        for never in ["rejected", "noresource", "invariant"] {
            let told = of(&format!("terminated;reason={never};retry-after=5"));
            assert_eq!(told, Standing::Over(After::Never(never.into())));
        }
    }
}
