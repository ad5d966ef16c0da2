//! Where a dialled address leads.

use tern_sip::wire::{HeaderAccess, Request, Uri};

use crate::{
    destinations,
    model::{Account, AccountId, Number, NumberState},
    operator::Operator,
    store::{StoreError, accounts, numbers, transactions},
};

/// The provider's own services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Reflects the caller's sound.
    Echo,
    /// Says that it will ring back, and does.
    CallMe,
}

/// Where a call goes.
#[derive(Debug)]
pub(super) enum Route {
    /// To a service.
    Service(Service),
    /// To a customer.
    Customer {
        /// Who it is.
        account: Box<Account>,
        /// The number it reaches them on.
        number: String,
    },
    /// Nowhere, and why.
    Refused(Refused),
}

/// Why a call goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// An emergency number.
    Emergency,
    /// A country the provider does not serve.
    NotServed,
    /// Nobody has this number or name.
    Unknown,
    /// The number exists but does not work now.
    NotWorking,
    /// The balance does not cover a minute.
    NoFunds,
}

impl Refused {
    /// Status code and reason phrase, shown to the caller as they are.
    pub(super) fn status(self) -> (u16, &'static str) {
        match self {
            Self::Emergency => (403, "Emergency calls are not possible"),
            Self::NotServed => (403, "Destination not served"),
            Self::Unknown => (404, "Not Found"),
            Self::NotWorking => (480, "Temporarily Unavailable"),
            Self::NoFunds => (402, "Payment Required"),
        }
    }
}

/// What was dialled, and the number the caller calls from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialled {
    /// As the call log shows it: E.164 for numbers, else the name.
    pub(super) peer: String,
    /// The caller's own number.
    pub(super) from: String,
}

/// Reads what a request is for.
pub(super) fn dialled(request: &Request, from: &str) -> Dialled {
    Dialled { peer: peer_of(&request.uri), from: from.to_owned() }
}

/// The number or name an address is for.
pub(super) fn peer_of(uri: &Uri) -> String {
    let written = match uri {
        Uri::Tel(tel) => Some(tel.number.clone()),
        uri => uri.user(),
    };
    let written = written.unwrap_or_default();
    destinations::e164(&written).unwrap_or_else(|| written.trim().to_ascii_lowercase())
}

/// The user part of From: must be the user who has proved to be it.
pub(super) fn claimed_user(request: &Request) -> Option<String> {
    request.headers.from_address().ok()?.uri.user()
}

/// Where `caller`'s call to `peer` goes.
pub(super) fn route(operator: &Operator, caller: AccountId, peer: &str) -> Result<Route, StoreError> {
    match peer {
        "echo" => return Ok(Route::Service(Service::Echo)),
        "callme" => return Ok(Route::Service(Service::CallMe)),
        _ => {}
    }
    if destinations::is_emergency(peer) {
        return Ok(Route::Refused(Refused::Emergency));
    }
    operator.read(|c| {
        if !peer.starts_with('+') {
            let Some(account) = accounts::by_sip_user(c, peer)? else {
                return Ok(Route::Refused(Refused::Unknown));
            };
            let number = calling_number(&numbers::of_account(c, account.id)?);
            let number = number.unwrap_or_else(|| account.sip_user.clone());
            return Ok(Route::Customer { account: Box::new(account), number });
        }
        if !destinations::serves_calls(peer, &operator.settings) {
            return Ok(Route::Refused(Refused::NotServed));
        }
        // The provider has no lines to the outside world: what it does not rent out does not exist.
        let Some(number) = numbers::by_e164(c, peer)? else { return Ok(Route::Refused(Refused::Unknown)) };
        if number.state != NumberState::Active || !number.calls {
            return Ok(Route::Refused(Refused::NotWorking));
        }
        if transactions::balance(c, caller)? < destinations::minute_price(peer) {
            return Ok(Route::Refused(Refused::NoFunds));
        }
        let account = accounts::by_id(c, number.account)?.ok_or(StoreError::Value("account"))?;
        Ok(Route::Customer { account: Box::new(account), number: number.e164 })
    })
}

/// The number an account calls from: its first that can.
pub(super) fn calling_number(numbers: &[Number]) -> Option<String> {
    numbers.iter().find(|n| n.calls && n.state == NumberState::Active).map(|n| n.e164.clone())
}
