//! Where a dialled address leads.

use rusqlite::Connection;
use rust_decimal::Decimal;
use tern_sip::wire::{Address, HeaderAccess, Request, Uri};

use crate::{
    catalogue,
    conference::Line,
    destinations,
    dialling::{self, Refused},
    documents,
    model::{Account, AccountId, Number},
    operator::Operator,
    routing::Routing,
    store::{StoreError, accounts, numbers, routing, transactions},
};

/// The provider's own services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Reflects the caller's sound.
    Echo,
    /// Says that it will ring back, and does.
    CallMe,
    /// Plays the caller's messages.
    Mailbox,
    /// The conference bridge.
    Conference(Line),
}

/// Where a call goes.
#[derive(Debug)]
pub(super) enum Route {
    /// To a service.
    Service(Service),
    /// To a customer.
    Customer(Box<Called>),
    /// Nowhere, and why.
    Refused(Refused),
}

/// A customer who is called.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) account: AccountId,
    /// The number it reaches them on, or the name where they have none.
    pub(super) number: String,
    /// What the number does with calls. Who calls the SIP account by its name reaches it, whatever numbers do.
    pub(super) routing: Routing,
    /// What a minute costs the called account.
    pub(super) incoming_minute: Decimal,
    /// What a minute costs the caller.
    pub(super) outgoing_minute: Decimal,
}

/// Who calls: which of the account's numbers, and whether the callee may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Calling {
    /// As the call log shows it: a number, or the SIP user of an account without.
    pub(super) number: String,
    /// Whether the caller wants to stay unknown.
    pub(super) withheld: bool,
}

/// Which number a request is placed with: the one it names (RFC 3325 section 9.2, or in From), if it is the account's;
/// else the account's first. `None`: it claims to be somebody else.
pub(super) fn calling(request: &Request, account: &Account, own: &[Number]) -> Option<Calling> {
    let user_of = |name: &str| -> Option<String> {
        Address::parse(request.headers.first(name)?).ok().and_then(|address| address.uri.user())
    };
    let usable = |user: &str| {
        let e164 = destinations::e164(user)?;
        own.iter().find(|n| n.e164 == e164 && n.takes_calls()).map(|n| n.e164.clone())
    };
    let claimed = request.headers.from_address().ok()?.uri.user()?;
    let withheld = request.headers.first("Privacy").is_some_and(|privacy| {
        privacy
            .split(';')
            .any(|word| ["id", "user", "header"].contains(&word.trim().to_ascii_lowercase().as_str()))
    });
    let named = user_of("P-Preferred-Identity").or_else(|| user_of("P-Asserted-Identity"));
    let from = usable(&claimed);
    // RFC 3323 section 4.1.1.3: who withholds their number says so in From.
    let anonymous = withheld && claimed.eq_ignore_ascii_case("anonymous");
    if claimed != account.sip_user && from.is_none() && !anonymous {
        return None;
    }
    let number = named.as_deref().and_then(usable).or(from).or_else(|| calling_number(own));
    Some(Calling { number: number.unwrap_or_else(|| account.sip_user.clone()), withheld })
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

/// Where `caller`'s call to `peer` goes.
pub(super) fn route(operator: &Operator, caller: AccountId, peer: &str) -> Result<Route, StoreError> {
    match peer {
        "echo" => return Ok(Route::Service(Service::Echo)),
        "callme" => return Ok(Route::Service(Service::CallMe)),
        "voicemail" | "*97" => return Ok(Route::Service(Service::Mailbox)),
        "conference" => return Ok(Route::Service(Service::Conference(Line::Voip))),
        peer if peer == operator.settings.conference_toll_free => {
            return Ok(Route::Service(Service::Conference(Line::TollFree)));
        }
        _ => {}
    }
    if let Err(refused) = dialling::permitted(peer, &operator.settings) {
        return Ok(Route::Refused(refused));
    }
    if catalogue::is_test_number(peer) {
        return Ok(Route::Service(Service::Echo));
    }
    operator.read(|c| {
        if !peer.starts_with('+') {
            let Some(account) = accounts::by_sip_user(c, peer)? else {
                return Ok(Route::Refused(Refused::Unknown));
            };
            if !routing::has_sip(c, account.id)? {
                return Ok(Route::Refused(Refused::Unknown));
            }
            let number = calling_number(&numbers::of_account(c, account.id)?);
            return Ok(Route::Customer(Box::new(Called {
                account: account.id,
                number: number.unwrap_or(account.sip_user),
                routing: Routing::to_own_sip(),
                incoming_minute: Decimal::ZERO,
                outgoing_minute: Decimal::ZERO,
            })));
        }
        let is_bridge = peer == operator.settings.conference_ordinary;
        if is_bridge && transactions::balance(c, caller)? >= destinations::minute_price(peer) {
            return Ok(Route::Service(Service::Conference(Line::Ordinary)));
        }
        if is_bridge {
            return Ok(Route::Refused(Refused::NoFunds));
        }
        // The provider has no lines to the outside world: what it does not rent out does not exist.
        let Some(number) = numbers::by_e164(c, peer)? else { return Ok(Route::Refused(Refused::Unknown)) };
        let customer = accounts::by_id(c, caller)?.ok_or(StoreError::Value("account"))?;
        if !documents::may_go_out(c, &customer)? {
            return Ok(Route::Refused(Refused::Documents));
        }
        let outgoing_minute = destinations::minute_price(peer);
        if transactions::balance(c, caller)? < outgoing_minute {
            return Ok(Route::Refused(Refused::NoFunds));
        }
        Ok(match called(c, number, outgoing_minute)? {
            Some(called) => Route::Customer(Box::new(called)),
            None => Route::Refused(Refused::NotWorking),
        })
    })
}

/// Who is reached on a number; `None` when it takes no calls now.
pub(super) fn called(
    connection: &Connection,
    number: Number,
    outgoing_minute: Decimal,
) -> Result<Option<Called>, StoreError> {
    if !number.takes_calls() {
        return Ok(None);
    }
    if !number.incoming_minute.is_zero()
        && transactions::balance(connection, number.account)? < number.incoming_minute
    {
        return Ok(None);
    }
    Ok(Some(Called {
        account: number.account,
        routing: routing::of_number(connection, &number.id)?,
        number: number.e164,
        incoming_minute: number.incoming_minute,
        outgoing_minute,
    }))
}

/// The number an account calls from: its first that can.
pub(super) fn calling_number(numbers: &[Number]) -> Option<String> {
    numbers.iter().find(|n| n.takes_calls()).map(|n| n.e164.clone())
}
