//! The rules an account lives under, told so that a client knows them before it asks.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    destinations,
    model::Profile,
    settings::{LimitScope, LimitWindow, Settings, SmsBilling},
};

/// What a client can know of the rules before it asks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RulesView {
    /// Where days begin and end, a name of the IANA time zone database.
    #[schema(example = "UTC")]
    billing_zone: Option<String>,
    /// What becomes of a number whose fee the balance does not cover: it `expires` and can be restored for a while,
    /// or `suspends` until the balance is positive.
    unpaid: &'static str,
    /// The limits for SMS hold within the last second, hour, day (`rolling`) or the running one (`calendar`).
    sms_window: &'static str,
    /// SMS count together for the `account`, or for each `number`.
    sms_scope: &'static str,
    /// The price of an SMS is for the `message`, or for each `segment`.
    sms_billing: &'static str,
    /// Most characters in one SMS.
    sms_max_chars: usize,
    /// ISO 3166 alpha-2 of countries no call is put through to.
    no_calls_to: Vec<&'static str>,
    /// ISO 3166 alpha-2 of countries no SMS is sent to.
    no_sms_to: Vec<&'static str>,
}

impl RulesView {
    pub(super) fn new(profile: Profile, settings: &Settings) -> Self {
        let no_calls_to = destinations::sanctioned_countries(settings);
        let mut no_sms_to = destinations::US_AND_CANADA.to_vec();
        no_sms_to.extend(&no_calls_to);
        Self {
            billing_zone: settings.billing_zone.iana_name().map(Into::into),
            unpaid: match profile {
                Profile::Numgo => "expires",
                Profile::Prepaid => "suspends",
            },
            sms_window: match settings.sms_window {
                LimitWindow::Rolling => "rolling",
                LimitWindow::Calendar => "calendar",
            },
            sms_scope: match settings.sms_scope {
                LimitScope::Account => "account",
                LimitScope::Number => "number",
            },
            sms_billing: match settings.sms_billing {
                SmsBilling::Message => "message",
                SmsBilling::Segment => "segment",
            },
            sms_max_chars: settings.sms_max_chars,
            no_calls_to,
            no_sms_to,
        }
    }
}
