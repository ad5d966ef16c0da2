//! What a call costs while it runs: a minute is charged when it begins, the call ends when the next is not covered, and
//! some time before it is said so.
//!
//! Pure: talk time and balance in, what is due out. Who hangs up is [`crate::switch`], who writes it down
//! [`crate::call_log`].

use std::time::Duration;

use rust_decimal::Decimal;

use crate::{
    billing,
    dialling::minutes_bought,
    settings::{MinuteRounding, Settings},
};

const MINUTE: Duration = Duration::from_secs(60);

/// What one account pays for one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meter {
    /// Price of a minute, more than nothing.
    minute: Decimal,
    /// What has been charged.
    charged: Decimal,
    warned: bool,
}

/// What a look at a meter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The call goes on.
    Runs {
        /// To be charged now; may be nothing.
        due: Decimal,
        /// The talk time at which to look again.
        look_at: Duration,
        /// The money lasts until the given talk time, and it is time to say so.
        warn: Option<Duration>,
    },
    /// The money is gone.
    Spent {
        /// Still to be charged.
        due: Decimal,
    },
}

impl Meter {
    /// `None`: the call costs nothing.
    pub(crate) fn new(minute: Decimal) -> Option<Self> {
        (minute > Decimal::ZERO).then_some(Self { minute, charged: Decimal::ZERO, warned: false })
    }

    pub(crate) fn charged(&self) -> Decimal {
        self.charged
    }

    /// Reads the meter after `talked`, with `balance` left to the account.
    pub(crate) fn read(&mut self, talked: Duration, balance: Decimal, settings: &Settings) -> Reading {
        let lasts = self.lasts(balance, settings);
        if talked >= lasts {
            return Reading::Spent { due: self.charge(lasts, settings) };
        }
        let minutes = u32::try_from(talked.as_secs() / 60).unwrap_or(u32::MAX);
        let begun = MINUTE.saturating_mul(minutes);
        let next = begun.saturating_add(MINUTE);
        let due = match settings.minute_rounding {
            // The minute that runs is paid in advance.
            MinuteRounding::StartedMinute => self.charge(next, settings),
            MinuteRounding::Second => self.charge(begun, settings),
        };
        let warning = lasts.saturating_sub(settings.funds_warning);
        let warn = (!self.warned && talked >= warning).then_some(lasts);
        self.warned |= warn.is_some();
        let mut look_at = next.min(lasts);
        if !self.warned {
            look_at = look_at.min(warning);
        }
        Reading::Runs { due, look_at, warn }
    }

    /// What is still to be charged once the call is over.
    pub(crate) fn close(&mut self, talked: Duration, settings: &Settings) -> Decimal {
        self.charge(talked, settings)
    }

    /// How long one may talk in all.
    fn lasts(&self, balance: Decimal, settings: &Settings) -> Duration {
        let funds = balance.saturating_add(self.charged);
        match settings.minute_rounding {
            MinuteRounding::StartedMinute => {
                let minutes = minutes_bought(funds, self.minute).unwrap_or(u64::MAX);
                Duration::from_secs(minutes.saturating_mul(60))
            }
            MinuteRounding::Second => {
                let seconds = minutes_bought(funds.saturating_mul(Decimal::from(60)), self.minute);
                Duration::from_secs(seconds.unwrap_or(u64::MAX))
            }
        }
    }

    fn charge(&mut self, talked: Duration, settings: &Settings) -> Decimal {
        let cost = billing::call_charge(Some(talked), self.minute, settings);
        let due = (cost - self.charged).max(Decimal::ZERO);
        self.charged = self.charged.saturating_add(due);
        due
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Charges with the talk time of each, warnings with the time left, how long it lasted, and the balance then.
    type Talk = (Vec<(u64, String)>, Vec<(u64, u64)>, u64, String);

    /// Talks until the money is gone or for `longest`.
    fn talk(minute: Decimal, mut balance: Decimal, longest: u64, settings: &Settings) -> Talk {
        let mut meter = Meter::new(minute).unwrap();
        let (mut charges, mut warnings, mut at) = (Vec::new(), Vec::new(), secs(0));
        let ended = loop {
            match meter.read(at, balance, settings) {
                Reading::Runs { due, look_at, warn } => {
                    balance -= due;
                    if !due.is_zero() {
                        charges.push((at.as_secs(), due.to_string()));
                    }
                    warnings.extend(warn.map(|until| (at.as_secs(), until.as_secs())));
                    assert!(look_at > at, "time moves on");
                    if look_at > secs(longest) {
                        let due = meter.close(secs(longest), settings);
                        balance -= due;
                        if !due.is_zero() {
                            charges.push((longest, due.to_string()));
                        }
                        break longest;
                    }
                    at = look_at;
                }
                Reading::Spent { due } => {
                    balance -= due;
                    if !due.is_zero() {
                        charges.push((at.as_secs(), due.to_string()));
                    }
                    break at.as_secs();
                }
            }
        };
        (charges, warnings, ended, balance.to_string())
    }

    fn charged(list: &[(u64, &str)]) -> Vec<(u64, String)> {
        list.iter().map(|(at, amount)| (*at, (*amount).to_owned())).collect()
    }

    #[test]
    fn every_started_minute_is_charged_when_it_starts() {
        let (charges, warnings, ended, left) = talk(dec!(0.05), dec!(10.00), 150, &Settings::default());
        assert_eq!(charges, charged(&[(0, "0.05"), (60, "0.05"), (120, "0.05")]));
        assert_eq!((warnings, ended, left.as_str()), (vec![], 150, "9.85"));
    }

    #[test]
    fn a_call_ends_when_the_money_is_gone_and_a_minute_before_it_is_said() {
        let (charges, warnings, ended, left) = talk(dec!(0.05), dec!(0.17), 3600, &Settings::default());
        assert_eq!(charges, charged(&[(0, "0.05"), (60, "0.05"), (120, "0.05")]));
        assert_eq!((warnings, ended, left.as_str()), (vec![(120, 180)], 180, "0.02"));
        // Less than a minute to begin with: nothing to talk for.
        let (charges, warnings, ended, _) = talk(dec!(0.05), dec!(0.04), 3600, &Settings::default());
        assert_eq!((charges, warnings, ended), (vec![], vec![], 0));
    }

    #[test]
    fn the_warning_comes_as_long_before_as_is_set() {
        let settings = Settings { funds_warning: secs(90), ..Settings::default() };
        let (_, warnings, ended, _) = talk(dec!(0.05), dec!(0.15), 3600, &settings);
        assert_eq!((warnings, ended), (vec![(90, 180)], 180));
    }

    #[test]
    fn seconds_are_charged_as_they_were_talked_where_that_is_set() {
        let settings = Settings { minute_rounding: MinuteRounding::Second, ..Settings::default() };
        let (charges, _, ended, left) = talk(dec!(0.06), dec!(1.00), 90, &settings);
        assert_eq!(charges, charged(&[(60, "0.06"), (90, "0.03")]));
        assert_eq!((ended, left.as_str()), (90, "0.91"));
        let (charges, warnings, ended, left) = talk(dec!(0.06), dec!(0.10), 3600, &settings);
        assert_eq!(charges, charged(&[(60, "0.06"), (100, "0.04")]));
        assert_eq!((warnings, ended, left.as_str()), (vec![(40, 100)], 100, "0.00"));
    }

    #[test]
    fn money_that_comes_or_goes_meanwhile_counts() {
        let settings = Settings::default();
        let mut meter = Meter::new(dec!(0.05)).unwrap();
        meter.read(secs(0), dec!(0.05), &settings);
        // Another call has taken what was left, then a top-up arrived.
        let Reading::Runs { warn, look_at, .. } = meter.read(secs(30), dec!(0.00), &settings) else {
            panic!()
        };
        assert_eq!((warn, look_at), (None, secs(60)), "said already");
        assert!(
            matches!(meter.read(secs(60), dec!(5.00), &settings), Reading::Runs { due, .. } if due == dec!(0.05))
        );
        assert_eq!(meter.read(secs(120), dec!(0.00), &settings), Reading::Spent { due: dec!(0.00) });
        assert_eq!(meter.charged(), dec!(0.10));
    }

    #[test]
    fn what_is_free_has_no_meter() {
        assert_eq!(Meter::new(dec!(0)), None);
    }
}
