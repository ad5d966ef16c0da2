//! What is broken on purpose, for tests and demonstrations. Gone when the sandbox is closed.
//!
//! How a fault is carried out on the wire stands in `rest/faulty.rs`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most rules at a time.
const MAX_RULES: usize = 100;

/// Everything that is broken. What is not given is well.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Faults {
    /// `ok`, or `down`: every `/v1` address answers 503.
    api: ApiFault,
    /// What happens to single requests; the first rule that fits and is not used up yet.
    rules: Vec<FaultRule>,
    /// `ok`; `operator_fault`: incoming SMS fail; `rejected`: outgoing SMS are rejected by the operator.
    sms: SmsFault,
    /// `ok`; `doubled`: each change is told twice; `reordered`: the newest first, and behind it what the page before
    /// told, as it was then.
    feed: FeedFault,
    /// `ok`; `declined`: the bank says no; `no_refunds`: the payment method takes no money back.
    payments: PaymentFault,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ApiFault {
    #[default]
    Ok,
    Down,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SmsFault {
    #[default]
    Ok,
    OperatorFault,
    Rejected,
}

/// In what order the feed tells its changes, and how often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FeedFault {
    /// As it promises.
    #[default]
    Ok,
    /// Each twice.
    Doubled,
    /// The newest first, and older states once more behind newer ones.
    Reordered,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PaymentFault {
    #[default]
    Ok,
    Declined,
    NoRefunds,
}

/// Which requests are broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FaultRule {
    /// Only this method, such as `POST`; any if not given.
    #[serde(default)]
    method: Option<String>,
    /// What the path begins with.
    #[schema(example = "/v1/messages")]
    path: String,
    fault: Fault,
    /// So many requests that fit are let through first.
    #[serde(default)]
    skip: u32,
    /// How many requests are broken; one if not given.
    #[serde(default = "once")]
    times: u32,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Fault {
    /// Its answer takes so much longer, at most a minute.
    Delay { milliseconds: u64 },
    /// It is lost on its way: not carried out, and the connection breaks.
    Drop,
    /// It is carried out, but its answer is lost.
    LostAcknowledgement,
    /// It arrives twice.
    Duplicate,
    /// It is carried out after the next request.
    Reorder,
    /// It is answered 429 with `Retry-After`.
    RateLimited { retry_after: u64 },
    /// It is answered with this 5xx.
    Status { status: u16 },
    /// Its answer begins and never goes on, while the connection stays.
    HalfClosed,
}

fn once() -> u32 {
    1
}

impl Faults {
    /// What is to happen to a request; counts it.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let rule = self.rules.iter_mut().find(|rule| {
            rule.times > 0
                && path.starts_with(&rule.path)
                && rule.method.as_deref().is_none_or(|m| m.eq_ignore_ascii_case(method))
        })?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.fault)
    }

    /// Whether this can be carried out.
    pub(crate) fn is_sensible(&self) -> bool {
        self.rules.len() <= MAX_RULES
            && self.rules.iter().all(|rule| match rule.fault {
                Fault::Delay { milliseconds } => milliseconds <= 60_000,
                Fault::Status { status } => (500..600).contains(&status),
                _ => true,
            })
    }

    /// Whether every rule has broken what it was to break.
    #[cfg(test)]
    pub(crate) fn is_used_up(&self) -> bool {
        self.rules.iter().all(|rule| rule.times == 0)
    }

    pub(crate) fn is_down(&self) -> bool {
        self.api == ApiFault::Down
    }

    pub(crate) fn feed(&self) -> FeedFault {
        self.feed
    }

    pub(crate) fn operator_fault(&self) -> bool {
        self.sms == SmsFault::OperatorFault
    }

    pub(crate) fn operator_rejects(&self) -> bool {
        self.sms == SmsFault::Rejected
    }

    pub(crate) fn payments_declined(&self) -> bool {
        self.payments == PaymentFault::Declined
    }

    pub(crate) fn payments_take_no_refund(&self) -> bool {
        self.payments == PaymentFault::NoRefunds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_skips_and_counts() {
        let text = r#"{"rules": [
            {"method": "POST", "path": "/v1/messages", "fault": {"kind": "drop"}, "skip": 1, "times": 2},
            {"path": "/v1", "fault": {"kind": "status", "status": 502}}]}"#;
        let mut faults: Faults = serde_json::from_str(text).unwrap();
        assert!(faults.is_sensible() && !faults.is_down());
        let mut take = |method| faults.take(method, "/v1/messages?x=1");
        assert_eq!(take("POST"), None, "let through");
        assert_eq!(take("GET"), Some(Fault::Status { status: 502 }));
        assert_eq!((take("POST"), take("POST")), (Some(Fault::Drop), Some(Fault::Drop)));
        assert_eq!((take("POST"), take("GET")), (None, None), "used up");
        let absurd = r#"{"rules": [{"path": "/", "fault": {"kind": "status", "status": 200}}]}"#;
        assert!(!serde_json::from_str::<Faults>(absurd).unwrap().is_sensible());
    }
}
