//! Calls between the two families of addresses: the sound's sockets are opened in the family that the other side names,
//! whichever the account's line stands on (RFC 6157 section 4).
//!
//! Invariant: a call's sockets follow once. Two sides that both follow would chase each other; with checks (RFC 8445)
//! nobody follows, because they find the family that both have.

use std::net::IpAddr;

use tern_sip::{Reply as SipReply, wire::sdp::SessionDescription};

use super::{Call, Phase};
use crate::{
    api::{CallDirection, CallId, CallOutcome, EndedBy, ErrorCode, ErrorView},
    core::State,
};

/// RFC 3261 section 20.43: network address formats of the description are not available.
const WARNING: &str = "301 tern \"Incompatible network address formats\"";

impl Call {
    /// Where the other side is, when sockets on `ip` can't reach it.
    pub(super) fn elsewhere(&self, ip: IpAddr) -> Option<IpAddr> {
        let answering = self.direction == CallDirection::Incoming && self.phase == Phase::Answering;
        let offered = self.offer.as_ref().filter(|_| answering);
        let agreed = self.agreed.as_ref().filter(|agreed| agreed.transport.ice.is_none());
        let there = offered.and_then(named).or_else(|| Some(agreed?.remote?.ip()))?;
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

    /// No way leads to where the other side is.
    pub(super) fn no_common_family(&mut self, id: &CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let error = Some(ErrorView::new(ErrorCode::NoWayForSound));
        if call.phase == Phase::Answering {
            let reply = SipReply::new(488).header("Warning", WARNING);
            self.reject_with(id, reply, CallOutcome::Failed, error);
        } else {
            self.hang_up(id, EndedBy::Local, error);
        }
    }
}

/// The address that an offer names for its sound; that of who makes checks is one of several.
fn named(offer: &SessionDescription) -> Option<IpAddr> {
    let audio = offer.media.iter().find(|media| media.kind == "audio" && media.port != 0)?;
    let checks = offer.attribute_of(audio, "ice-ufrag").is_some();
    offer.connection_of(audio).filter(|ip| !checks && !ip.is_unspecified())
}
