//! Calls between the two families of addresses: the sound's sockets are opened in the family that the other side names,
//! whichever the account's line stands on (RFC 6157 section 4); whoever refuses an offer of ours gets one of the other family.
//!
//! Invariant: a call's sockets follow once. Two sides that both follow would chase each other; with checks (RFC 8445)
//! nobody follows, because they find the family that both have. A refused call is offered in the other family once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tern_sip::{
    Ending, Reply as SipReply,
    wire::{Uri, sdp::SessionDescription},
};

use super::{Call, Phase, Whither};
use crate::{
    api::{CallDirection, CallId, CallOutcome, EndedBy, ErrorCode, ErrorView},
    core::State,
};

/// RFC 3261 section 20.43: network address formats of the description are not available.
const WARNING: &str = "301 tern \"Incompatible network address formats\"";

/// An offer in the other family, after a refusal of the first.
#[derive(Debug)]
pub(super) struct SecondFamily {
    /// Somebody there, who need not exist.
    towards: IpAddr,
    /// What ends the call where we have no address of it.
    refusal: Ending,
}

impl Call {
    /// Where the other side is, when sockets on `ip` can't reach it.
    pub(super) fn elsewhere(&self, ip: IpAddr) -> Option<IpAddr> {
        let answering = self.direction == CallDirection::Incoming && self.phase == Phase::Answering;
        let offered = self.offer.as_ref().filter(|_| answering);
        let agreed = self.agreed.as_ref().filter(|agreed| agreed.transport.ice.is_none());
        let agreed = agreed.and_then(|agreed| agreed.remote).map(|remote| remote.ip());
        let second = self.second_family.as_ref().map(|second| second.towards);
        let there = offered.and_then(named).or(agreed).or(second)?;
        (there.is_ipv6() != ip.is_ipv6()).then_some(there)
    }
}

impl State {
    /// The other side answered with an address of the other family: the sockets go there, and say so.
    pub(super) fn follow_family(&mut self, id: &CallId) {
        let Some(call) = self.calls.get_mut(id).filter(|call| !call.followed) else { return };
        let Some(ip) = call.rtp.map(|rtp| rtp.ip()) else { return };
        if call.elsewhere(ip).is_some() {
            call.followed = true;
            self.open_media(id, ip);
        }
    }

    /// Calls once more with an offer in the other family, where nothing says that the refusal was for something else.
    /// False where that was done already, or can't help.
    pub(super) fn offer_other_family(&mut self, id: &CallId, target: Uri, ending: &Ending) -> bool {
        let by_address = is_of_addresses(ending);
        let Some(account) = self.calls.get(id).map(|call| call.account.clone()) else { return false };
        let encryption = self.encryption(&account);
        let Some(up) = self.accounts.get_mut(&account).and_then(|account| account.line.up()) else {
            return false;
        };
        let line = up.local.ip();
        let Some(call) = self.calls.get_mut(id).filter(|call| call.second_family.is_none()) else {
            return false;
        };
        let Some(ip) = call.rtp.map(|rtp| rtp.ip()) else { return false };
        // Checks name every family already, and many a server warns of what else it lacks.
        let hopeless =
            call.ways.are_checked() || ending.warnings.iter().any(|code| (302..399).contains(code));
        if hopeless && !by_address {
            return false;
        }
        let towards = other_family(ip);
        if towards.is_ipv6() == line.is_ipv6() {
            return false;
        }
        call.second_family = Some(SecondFamily { towards, refusal: ending.clone() });
        (call.sip, call.agreed, call.encryption) = (None, None, encryption);
        call.session.version = call.session.version.saturating_add(1);
        call.phase = Phase::Preparing(Box::new(Whither::To(target)));
        self.open_media(id, line);
        true
    }

    /// No way leads to where the other side is.
    pub(super) fn no_common_family(&mut self, id: &CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let error = Some(ErrorView::new(ErrorCode::NoWayForSound));
        if let (Phase::Preparing(_), Some(second)) = (&call.phase, &call.second_family) {
            let refusal = second.refusal.clone();
            return self.ended(id, &refusal);
        }
        if call.phase == Phase::Answering {
            let reply = SipReply::new(488).header("Warning", WARNING);
            self.reject_with(id, reply, CallOutcome::Failed, error);
        } else {
            self.hang_up(id, EndedBy::Local, error);
        }
    }
}

/// Whether a refusal says that it is for the addresses of our offer (RFC 3261 section 20.43).
pub(super) fn is_of_addresses(ending: &Ending) -> bool {
    ending.code.is_some_and(|code| code >= 400)
        && ending.warnings.iter().any(|code| matches!(code, 300 | 301))
}

/// Somewhere in the other family than this address: on this computer for one that stays on it, else an address of
/// documentation (RFC 5737, RFC 3849), to which the way is the same as to everybody.
fn other_family(ip: IpAddr) -> IpAddr {
    match (ip.is_ipv6(), ip.is_loopback()) {
        (true, true) => Ipv4Addr::LOCALHOST.into(),
        (true, false) => Ipv4Addr::new(192, 0, 2, 1).into(),
        (false, true) => Ipv6Addr::LOCALHOST.into(),
        (false, false) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    }
}

/// The address that an offer names for its sound; that of who makes checks is one of several.
fn named(offer: &SessionDescription) -> Option<IpAddr> {
    let audio = offer.media.iter().find(|media| media.kind == "audio" && media.port != 0)?;
    let checks = offer.attribute_of(audio, "ice-ufrag").is_some();
    offer.connection_of(audio).filter(|ip| !checks && !ip.is_unspecified())
}
