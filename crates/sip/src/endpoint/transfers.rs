//! Commands about transfers, redirections and digits, and the ties between calls that come of them.

use super::{CallError, Endpoint};
use crate::config::{CallConfig, Identity, NextHop};
use crate::event::{CallState, EndedBy, Ending};
use crate::ids::{CallId, RegistrationId, TransferId};
use crate::offer_answer::IceFragment;
use crate::target;
use crate::transfer::{refer_to, refer_to_replacing};
use crate::wire::sdp::SessionDescription;
use crate::wire::{Address, HeaderAccess as _, Params, Reason, Replaces, Request, Uri, default_reason};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What one call has to do with another, and what is needed to place one in its stead.
#[derive(Debug, Default)]
pub(super) struct Ties {
    /// Calls placed because another call asked for them, with the one that asked.
    placed: BTreeMap<CallId, CallId>,
    /// Calls that wait to be taken in the place of others (RFC 3891).
    replacing: BTreeMap<CallId, CallId>,
    lines: BTreeMap<CallId, Line>,
}

/// Over what a call goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) account: Option<RegistrationId>,
    /// The first hop, where it is not taken from the target.
    pub(super) fixed_hop: Option<NextHop>,
}

impl Endpoint {
    /// Ends a call as [`Self::hang_up`] does, and tells the other side why (RFC 3326).
    pub fn hang_up_because(&mut self, now: Instant, call: CallId, reason: Reason) -> Result<(), CallError> {
        if let Some(call) = self.calls.get_mut(&call) {
            call.usages.parting = Some(reason);
        }
        self.hang_up(now, call)
    }

    /// Asks the other side of an established call to call `to` instead (RFC 3515, RFC 5589 6.1). Events of the kind
    /// [`Event::Transfer`](crate::Event::Transfer) follow. The call itself goes on until it is hung up.
    pub fn transfer(&mut self, now: Instant, call: CallId, to: Uri) -> Result<(), CallError> {
        let refer_to = refer_to(to).ok_or(CallError::NoRoute)?;
        self.command(call, |call, layer| call.refer(now, &refer_to, layer))
    }

    /// Connects the other sides of two established calls: that of `call` is asked to call that of `other`, in the place
    /// of `other` (RFC 5589 7.3). `other` is then ended by its other side, `call` is for the application to hang up.
    pub fn transfer_to(&mut self, now: Instant, call: CallId, other: CallId) -> Result<(), CallError> {
        if call == other {
            return Err(CallError::WrongState);
        }
        let second = self.calls.get(&other).filter(|c| !c.is_ended()).ok_or(CallError::UnknownCall)?;
        let dialog = second.dialog().filter(|_| second.is_established()).ok_or(CallError::WrongState)?;
        let refer_to = refer_to_replacing(dialog).ok_or(CallError::NoRoute)?;
        self.command(call, |call, layer| call.refer(now, &refer_to, layer))
    }

    /// Does what [`Event::TransferAsked`](crate::Event::TransferAsked) asks: places the call, over the account of the
    /// call it was asked in, and tells the asker by itself what becomes of it. When that call could not be placed the
    /// request still waits.
    pub fn accept_transfer(
        &mut self,
        now: Instant,
        id: TransferId,
        offer: SessionDescription,
    ) -> Result<CallId, CallError> {
        let (asked, referral, from) = self.open_transfer(id).ok_or(CallError::UnknownCall)?;
        let line = self.ties.lines.get(&asked).cloned().unwrap_or_default();
        let identity = match line.account.filter(|account| self.layer.around.accounts.contains_key(account)) {
            Some(account) => Identity::Account(account),
            None => Identity::Plain { from, login: None },
        };
        let config = CallConfig {
            next_hop: line.fixed_hop,
            replaces: referral.replaces,
            referred_by: referral.referred_by,
            ..CallConfig::new(identity, referral.target, offer)
        };
        let placed = self.call(now, config)?;
        self.ties.placed.insert(placed, asked);
        self.layer.around.followed.insert(placed);
        self.with_call(asked, |call, layer| call.accept_transfer(now, layer));
        Ok(placed)
    }

    /// Takes [`Event::TransferAsked`](crate::Event::TransferAsked) without a call of the endpoint's making: for a switch,
    /// which places its calls by its own rules. [`Self::tell_transfer`] must follow, with a final code in the end.
    pub fn begin_transfer(&mut self, now: Instant, id: TransferId) -> Result<(), CallError> {
        let (asked, ..) = self.open_transfer(id).ok_or(CallError::UnknownCall)?;
        self.with_call(asked, |call, layer| call.accept_transfer(now, layer));
        Ok(())
    }

    /// Tells the asker what has become of a transfer taken with [`Self::begin_transfer`]; codes from 200 on are the
    /// last. An error when nobody listens any more.
    pub fn tell_transfer(
        &mut self,
        now: Instant,
        id: TransferId,
        code: u16,
        phrase: &str,
    ) -> Result<(), CallError> {
        if !(100..700).contains(&code) {
            return Err(CallError::WrongState);
        }
        let begun = |c: &&crate::invite::Call| {
            c.usages.transferee.as_ref().is_some_and(|t| t.id == id && !t.is_open())
        };
        let asked = self.calls.values().find(begun).map(|c| c.id).ok_or(CallError::UnknownCall)?;
        self.with_call(asked, |call, layer| call.tell_transferor(now, code, phrase, layer));
        Ok(())
    }

    /// Declines [`Event::TransferAsked`](crate::Event::TransferAsked); the call goes on.
    pub fn reject_transfer(&mut self, now: Instant, id: TransferId) -> Result<(), CallError> {
        let (asked, ..) = self.open_transfer(id).ok_or(CallError::UnknownCall)?;
        self.with_call(asked, |call, layer| call.reject_transfer(now, layer));
        Ok(())
    }

    /// Places a redirected call anew, at one of the targets [`Event::Redirected`](crate::Event::Redirected) named.
    pub fn follow(&mut self, now: Instant, call: CallId, target: &Uri) -> Result<(), CallError> {
        if self.calls.get(&call).is_none_or(|c| c.is_ended()) {
            return Err(CallError::UnknownCall);
        }
        let line = self.ties.lines.get(&call).cloned().unwrap_or_default();
        let account = line.account.and_then(|id| self.layer.around.accounts.get(&id));
        let by_account = || account.map(|account| account.hop_to(target));
        let hop = match line.fixed_hop {
            Some(hop) => Some(hop),
            None => by_account().unwrap_or_else(|| target::first_hop(target, &[])),
        };
        let hop = hop.ok_or(CallError::NoRoute)?;
        self.command(call, |call, layer| call.follow(now, target, hop, layer))
    }

    /// Sends a key press (`0` to `9`, `*`, `#`, `A` to `D`) by INFO. Presses go out one after the other; one that is
    /// refused is told by [`Event::DtmfRefused`](crate::Event::DtmfRefused).
    pub fn info_dtmf(
        &mut self,
        now: Instant,
        call: CallId,
        digit: char,
        duration: Duration,
    ) -> Result<(), CallError> {
        self.command(call, |call, layer| call.send_digit(now, digit, duration, layer))
    }

    /// Tells candidates found since the description was sent (RFC 8840), where the call is established and the other
    /// side takes such INFOs; else [`CallError::WrongState`].
    pub fn trickle(&mut self, now: Instant, call: CallId, found: &IceFragment) -> Result<(), CallError> {
        let body = found.to_string().into_bytes();
        self.command(call, |call, layer| call.tell_candidates(now, body, layer))
    }

    /// The call an INVITE is to take the place of (RFC 3891 3). The error is the code to refuse it with.
    pub(super) fn replaced_by(&self, request: &Request) -> Result<Option<CallId>, u16> {
        let Some(replaces) = request.headers.view::<Replaces>().map_err(|_| 400u16)? else { return Ok(None) };
        let key = (replaces.call_id.clone(), replaces.to_tag.clone());
        let call = self.dialogs.get(&key).and_then(|id| self.calls.get(id)).ok_or(481u16)?;
        call.may_be_replaced(&replaces)?;
        Ok(Some(call.id))
    }

    pub(super) fn tie_line(&mut self, call: CallId, line: Line) {
        self.ties.lines.insert(call, line);
    }

    pub(super) fn tie_replaced(&mut self, new: CallId, old: Option<CallId>) {
        if let Some(old) = old {
            self.ties.replacing.insert(new, old);
        }
    }

    /// RFC 3891 3: the new call was taken, so the old one ends, with BYE or with CANCEL.
    pub(super) fn replace(&mut self, now: Instant, new: CallId) {
        let Some(old) = self.ties.replacing.remove(&new) else { return };
        if self.calls.get(&old).is_some_and(|c| !c.is_ended() && !c.is_established()) {
            let _ = self.hang_up_because(now, old, Reason::completed_elsewhere());
        } else {
            let _ = self.hang_up(now, old);
        }
    }

    pub(super) fn untie(&mut self, call: CallId) {
        self.ties.lines.remove(&call);
        self.ties.replacing.remove(&call);
    }

    /// Tells those who asked for calls what has become of them.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some((placed, state)) = self.layer.around.news.pop_front() {
            let Some(asked) = self.ties.placed.get(&placed).copied() else { continue };
            let Some((code, phrase)) = status(&state) else { continue };
            if code >= 200 {
                self.ties.placed.remove(&placed);
                self.layer.around.followed.remove(&placed);
            }
            self.with_call(asked, |call, layer| call.tell_transferor(now, code, &phrase, layer));
        }
    }

    fn open_transfer(&self, id: TransferId) -> Option<(CallId, crate::transfer::Referral, Address)> {
        let mut calls = self.calls.values().filter(|c| !c.is_ended());
        calls.find_map(|call| {
            let transferee = call.usages.transferee.as_ref().filter(|t| t.id == id && t.is_open())?;
            let mut from = call.dialog()?.local.clone();
            from.params = Params::default();
            Some((call.id, transferee.referral.clone(), from))
        })
    }
}

/// A call's state as the status a sipfrag tells (RFC 3515 2.4.5).
fn status(state: &CallState) -> Option<(u16, String)> {
    let usual = |code: u16| (code, default_reason(code).to_owned());
    match state {
        // The first NOTIFY has said so already.
        CallState::Trying | CallState::Confirmed { .. } => None,
        CallState::Ringing => Some(usual(180)),
        CallState::EarlyMedia { .. } => Some(usual(183)),
        CallState::Answered { .. } => Some(usual(200)),
        CallState::Ended(Ending { code: Some(code @ 300..), phrase, .. }) => Some((*code, phrase.clone())),
        CallState::Ended(ending) => Some(match ending.by {
            EndedBy::Local => usual(487),
            EndedBy::Remote => usual(480),
            EndedBy::Provider => usual(500),
            EndedBy::Network => usual(503),
        }),
    }
}
