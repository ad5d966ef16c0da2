//! Who gets money back for what: the policy as a table.
//!
//! Pure: the reason given and what is known go in, the decision and its ground come out. When money moves stands in
//! [`crate::refunds`].

use std::time::Duration;

use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::{ledger::to_cents, model::RefundReason, settings::Settings};

/// What the provider knows about the service a refund is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// From the client's report until now or the repair; `None`: nothing was reported or nothing is broken.
    pub(crate) idle: Option<Duration>,
    /// The operator has disconnected or blocked the number.
    pub(crate) blocked_by_operator: bool,
    /// Through the client's own fault.
    pub(crate) clients_fault: bool,
    /// The paid number was not provided, and cannot be.
    pub(crate) not_provided: bool,
    /// It fails through the local provider.
    pub(crate) fails_locally: bool,
    /// There is another number in the same country and city.
    pub(crate) replacement: bool,
    /// What was paid for the service in its running period, and how long that is.
    pub(crate) paid: Decimal,
    pub(crate) period: Duration,
    /// Whether the way it was paid can take money back.
    pub(crate) method_refundable: bool,
}

/// Where the money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Balance,
    /// Back to the client, by the details given.
    Client,
}

/// What is decided, and the ground for it: a stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    Granted {
        way: Way,
        amount: Decimal,
        ground: &'static str,
    },
    /// The payment method cannot take it back: the same money to the balance is offered instead.
    Alternative {
        amount: Decimal,
        ground: &'static str,
    },
    Declined {
        ground: &'static str,
    },
}

/// Decides. `asked` is the amount asked for; nobody gets more than that.
pub(crate) fn decide(reason: RefundReason, asked: Decimal, facts: &Facts, settings: &Settings) -> Decision {
    use RefundReason as R;
    let not_confirmed = Decision::Declined { ground: "not_confirmed" };
    let whole = to_cents(facts.paid.min(asked));
    match reason {
        // The policy gives nothing back for these, whatever has happened.
        R::EarlyCancellation
        | R::UnusedBalance
        | R::DocumentsRefused
        | R::UnlawfulUse
        | R::SmsRestrictionsIgnored
        | R::OneServiceUnsupported
        | R::CallerIdImpossible
        | R::ChangedMind
        | R::AccidentalTopUp
        | R::Misunderstanding => Decision::Declined { ground: reason.word() },

        R::OutOfService => match facts.idle {
            None => not_confirmed,
            Some(_) if facts.clients_fault => Decision::Declined { ground: "clients_fault" },
            Some(idle) if idle <= settings.outage_counts_after => {
                Decision::Declined { ground: "less_than_24_hours" }
            }
            Some(idle) => {
                let amount = to_cents(share(facts.paid, idle, facts.period)).min(asked);
                Decision::Granted { way: Way::Balance, amount, ground: "idle_time_compensated" }
            }
        },
        R::BlockedByOperator => match (facts.blocked_by_operator, facts.clients_fault) {
            (false, _) => not_confirmed,
            (true, true) => Decision::Declined { ground: "clients_fault" },
            (true, false) => {
                Decision::Granted { way: Way::Balance, amount: whole, ground: "blocked_by_operator" }
            }
        },
        R::CannotBeProvided if facts.not_provided => {
            Decision::Granted { way: Way::Balance, amount: whole, ground: "cannot_be_provided" }
        }
        R::NotProvidedThoughOffered if facts.not_provided => {
            to_client(whole, "not_provided_though_offered", facts)
        }
        R::LocalProviderFailed if facts.fails_locally && facts.replacement => {
            Decision::Declined { ground: "replacement_exists" }
        }
        R::LocalProviderFailed if facts.fails_locally => to_client(whole, "local_provider_failed", facts),
        R::CannotBeProvided | R::NotProvidedThoughOffered | R::LocalProviderFailed => not_confirmed,
    }
}

fn to_client(amount: Decimal, ground: &'static str, facts: &Facts) -> Decision {
    if facts.method_refundable {
        Decision::Granted { way: Way::Client, amount, ground }
    } else {
        Decision::Alternative { amount, ground: "payment_method_takes_no_refund" }
    }
}

/// The part of `paid` for `idle` out of `period`.
fn share(paid: Decimal, idle: Duration, period: Duration) -> Decimal {
    let seconds = |d: Duration| Decimal::from(d.min(SignedDuration::MAX.unsigned_abs()).as_secs());
    if period.is_zero() {
        return Decimal::ZERO;
    }
    paid.saturating_mul(seconds(idle.min(period))) / seconds(period)
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn facts() -> Facts {
        Facts { paid: dec!(9.00), period: DAY * 30, method_refundable: true, ..Facts::default() }
    }

    #[test]
    fn nothing_comes_back_for_what_the_policy_names() {
        use RefundReason as R;
        // Even with everything broken.
        let all = Facts {
            idle: Some(DAY * 9),
            blocked_by_operator: true,
            not_provided: true,
            fails_locally: true,
            ..facts()
        };
        for (reason, ground) in [
            (R::EarlyCancellation, "early_cancellation"),
            (R::UnusedBalance, "unused_balance"),
            (R::DocumentsRefused, "documents_refused"),
            (R::UnlawfulUse, "unlawful_use"),
            (R::SmsRestrictionsIgnored, "sms_restrictions_ignored"),
            (R::OneServiceUnsupported, "one_service_unsupported"),
            (R::CallerIdImpossible, "caller_id_impossible"),
            (R::ChangedMind, "changed_mind"),
            (R::AccidentalTopUp, "accidental_topup"),
            (R::Misunderstanding, "misunderstanding"),
        ] {
            let got = decide(reason, dec!(9), &all, &Settings::default());
            assert_eq!(got, Decision::Declined { ground }, "{reason:?}");
        }
    }

    #[test]
    fn what_goes_back_to_the_balance() {
        use RefundReason as R;
        let granted = |amount, ground| Decision::Granted { way: Way::Balance, amount, ground };
        let declined = |ground| Decision::Declined { ground };
        let idle = |by| Facts { idle: Some(by), ..facts() };
        for (reason, known, expected) in [
            (R::OutOfService, facts(), declined("not_confirmed")),
            (R::OutOfService, idle(DAY), declined("less_than_24_hours")),
            // Two of thirty days of a fee of 9.00, counted from the report.
            (R::OutOfService, idle(DAY * 2), granted(dec!(0.60), "idle_time_compensated")),
            (R::OutOfService, idle(DAY * 90), granted(dec!(9.00), "idle_time_compensated")),
            (R::OutOfService, Facts { clients_fault: true, ..idle(DAY * 2) }, declined("clients_fault")),
            (R::BlockedByOperator, facts(), declined("not_confirmed")),
            (
                R::BlockedByOperator,
                Facts { blocked_by_operator: true, ..facts() },
                granted(dec!(9.00), "blocked_by_operator"),
            ),
            (
                R::BlockedByOperator,
                Facts { blocked_by_operator: true, clients_fault: true, ..facts() },
                declined("clients_fault"),
            ),
            (R::CannotBeProvided, facts(), declined("not_confirmed")),
            (
                R::CannotBeProvided,
                Facts { not_provided: true, ..facts() },
                granted(dec!(9.00), "cannot_be_provided"),
            ),
        ] {
            let got = decide(reason, dec!(100), &known, &Settings::default());
            assert_eq!(got, expected, "{reason:?} {known:?}");
        }
        let less = decide(R::OutOfService, dec!(0.10), &idle(DAY * 2), &Settings::default());
        assert_eq!(less, granted(dec!(0.10), "idle_time_compensated"), "nobody gets more than they ask for");
    }

    #[test]
    fn what_goes_back_to_the_client() {
        use RefundReason as R;
        let granted = |ground| Decision::Granted { way: Way::Client, amount: dec!(9.00), ground };
        let gone = Facts { not_provided: true, ..facts() };
        let fails = Facts { fails_locally: true, ..facts() };
        for (reason, known, expected) in [
            (R::NotProvidedThoughOffered, gone, granted("not_provided_though_offered")),
            (R::NotProvidedThoughOffered, facts(), Decision::Declined { ground: "not_confirmed" }),
            (R::LocalProviderFailed, fails, granted("local_provider_failed")),
            (
                R::LocalProviderFailed,
                Facts { replacement: true, ..fails },
                Decision::Declined { ground: "replacement_exists" },
            ),
            (
                R::LocalProviderFailed,
                Facts { method_refundable: false, ..fails },
                Decision::Alternative { amount: dec!(9.00), ground: "payment_method_takes_no_refund" },
            ),
        ] {
            let got = decide(reason, dec!(100), &known, &Settings::default());
            assert_eq!(got, expected, "{reason:?} {known:?}");
        }
    }
}
