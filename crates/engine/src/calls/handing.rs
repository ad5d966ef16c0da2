//! Calls that go to somebody else: transfers both ways, and redirections.
//!
//! Invariant: nothing is called because somebody outside says so. Whom a transfer or a redirection names is shown,
//! and a person decides (RFC 3261 section 8.1.3.4, RFC 5589 section 6).

use tern_sip::{
    Target, TransferId, TransferProgress,
    wire::{Address, Uri},
};

use super::{
    Phase, Whither,
    peer::{peer_of, shown, target_uri},
};
use crate::{
    accounts::DIRECT,
    api::{
        AccountId, CallDirection, CallId, EndedBy, ErrorCode, ErrorView, RedirectView, Reply,
        TransferAskView, TransferState, TransferView,
    },
    core::{RequestId, State},
    phone,
};

/// Whom a call may go to, as far as it has come up.
#[derive(Default)]
pub(super) struct Handing {
    /// What we asked the other side.
    pub(super) transfer: Option<TransferView>,
    /// What the other side asks us.
    pub(super) asked: Option<(TransferId, TransferAskView)>,
    /// Where the called side says to call instead.
    pub(super) redirected: Vec<(Uri, RedirectView)>,
}

impl State {
    pub(crate) fn transfer_call(&mut self, request: RequestId, id: &CallId, typed: &str) {
        let now = self.now.instant;
        let Some((account, sip)) = self.talking(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        let Some(known) = self.accounts.get_mut(&account) else { return };
        let target = match phone::target(typed, known.region()) {
            Ok(target) => target,
            Err(code) => return self.refuse(request, code),
        };
        let domain = known.profile.domain.clone();
        let Some(uri) = target_uri(&target, &domain, account == DIRECT) else {
            return self.refuse(request, ErrorCode::InvalidTarget);
        };
        let to = party(&uri, None, &domain);
        let asked = known.line.up().is_some_and(|up| up.endpoint.transfer(now, sip, uri).is_ok());
        self.transfer_began(request, id, asked.then_some(to), &account);
    }

    pub(crate) fn transfer_to_call(&mut self, request: RequestId, id: &CallId, other: &CallId) {
        let now = self.now.instant;
        let (Some((account, sip)), Some((there, other_sip))) = (self.talking(id), self.talking(other)) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        if id == other {
            return self.refuse(request, ErrorCode::NotFound);
        }
        if account != there {
            // The other account's server would have to know a call of this one's.
            return self.refuse(request, ErrorCode::NotOffered);
        }
        let to = self.calls.get(other).map(|c| (c.peer.clone(), c.peer_name.clone()));
        let up = self.accounts.get_mut(&account).and_then(|a| a.line.up());
        let asked = up.is_some_and(|up| up.endpoint.transfer_to(now, sip, other_sip).is_ok());
        self.transfer_began(request, id, to.filter(|_| asked), &account);
    }

    fn transfer_began(
        &mut self,
        request: RequestId,
        id: &CallId,
        to: Option<(String, String)>,
        account: &AccountId,
    ) {
        let Some((to, to_name)) = to else { return self.refuse(request, ErrorCode::CallFailed) };
        if let Some(call) = self.calls.get_mut(id) {
            let state = TransferState::Asked;
            call.handing.transfer = Some(TransferView { state, to, to_name, error: None });
        }
        self.reply(request, Ok(Reply::Done {}));
        self.drain(account);
        self.call_changed(id);
    }

    pub(super) fn transfer_moved(&mut self, id: &CallId, progress: &TransferProgress) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let Some(transfer) = &mut call.handing.transfer else { return };
        match progress {
            TransferProgress::Accepted => {}
            TransferProgress::Proceeding { code, .. } if *code >= 180 => {
                transfer.state = TransferState::Ringing;
            }
            TransferProgress::Proceeding { .. } => transfer.state = TransferState::Trying,
            // Whoever does not tell more has taken it on, and that is all there will be to know.
            TransferProgress::Done | TransferProgress::NoNews => transfer.state = TransferState::Done,
            TransferProgress::Failed { code, phrase } => {
                transfer.state = TransferState::Failed;
                let why = format!("{code} {phrase}");
                transfer.error = Some(ErrorView::with_detail(ErrorCode::TransferFailed, why));
            }
        }
        let done = transfer.state == TransferState::Done;
        self.call_changed(id);
        if done {
            // RFC 5589 section 6.1: they talk, and whoever brought them together leaves.
            self.hang_up(id, EndedBy::Local, None);
        }
    }

    pub(super) fn transfer_asked(&mut self, id: &CallId, asked: TransferId, to: &Uri, by: Option<&Address>) {
        let Some(domain) = self.domain_of(id) else { return };
        let (to, to_name) = party(to, None, &domain);
        let by = by.map(|by| party(&by.uri, by.display.as_deref(), &domain).1);
        let view = TransferAskView { to, to_name, by };
        // A second wish takes the place of one that nobody has answered.
        let before = self.calls.get_mut(id).and_then(|c| c.handing.asked.replace((asked, view)));
        if let Some((before, _)) = before {
            self.reject_transfer(id, before);
        }
        self.call_changed(id);
    }

    pub(crate) fn answer_transfer(&mut self, request: RequestId, id: &CallId, accept: bool) {
        let asked = self.calls.get_mut(id).and_then(|c| c.handing.asked.take());
        let Some((asked, to)) = asked else { return self.refuse(request, ErrorCode::NotFound) };
        self.call_changed(id);
        let Some(call) = self.calls.get(id).filter(|_| accept) else {
            self.reject_transfer(id, asked);
            return self.reply(request, Ok(Reply::Done {}));
        };
        let (account, number) = (call.account.clone(), call.number.clone());
        let Some(local) = self.accounts.get_mut(&account).and_then(|a| Some(a.line.up()?.local.ip())) else {
            return self.refuse(request, ErrorCode::NotRegistered);
        };
        // An emergency number is one whoever names it.
        let region = self.accounts.get(&account).and_then(|a| a.region());
        if let Err(code @ ErrorCode::EmergencyNotSupported) = phone::target(&to.to, region) {
            self.reject_transfer(id, asked);
            return self.refuse(request, code);
        }
        let phase = Phase::Preparing(Box::new(Whither::Asked(asked)));
        let new = self.new_call(&account, CallDirection::Outgoing, to.to, to.to_name, number, phase);
        self.hold_others(&new);
        self.open_media(&new, local);
        self.reply(request, Ok(Reply::CallPlaced { call: new.clone() }));
        self.call_changed(&new);
    }

    pub(super) fn redirected(&mut self, id: &CallId, targets: Vec<Target>) {
        let Some(domain) = self.domain_of(id) else { return };
        let targets = targets
            .into_iter()
            .map(|target| {
                let (peer, name) = party(&target.uri, target.display.as_deref(), &domain);
                (target.uri, RedirectView { target: peer, name })
            })
            .collect();
        if let Some(call) = self.calls.get_mut(id) {
            call.handing.redirected = targets;
            call.phase = Phase::Redirected;
        }
        self.call_changed(id);
    }

    pub(crate) fn follow_redirect(&mut self, request: RequestId, id: &CallId, target: u32) {
        let now = self.now.instant;
        let Some(call) = self.calls.get_mut(id) else { return self.refuse(request, ErrorCode::NotFound) };
        let chosen = usize::try_from(target).ok().and_then(|at| call.handing.redirected.get(at).cloned());
        let Some((uri, view)) = chosen.filter(|_| call.phase == Phase::Redirected) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        let region = self.accounts.get(&call.account).and_then(|a| a.region());
        if let Err(code @ ErrorCode::EmergencyNotSupported) = phone::target(&view.target, region) {
            return self.refuse(request, code);
        }
        call.handing.redirected.clear();
        call.peer = view.target;
        call.peer_name = view.name;
        call.phase = Phase::Dialing;
        let mut followed = false;
        self.with_sip(id, |endpoint, sip| followed = endpoint.follow(now, sip, &uri).is_ok());
        if followed {
            self.reply(request, Ok(Reply::Done {}));
        } else {
            self.refuse(request, ErrorCode::CallFailed);
        }
        self.call_changed(id);
    }

    fn reject_transfer(&mut self, id: &CallId, asked: TransferId) {
        let now = self.now.instant;
        self.with_sip(id, |endpoint, _| {
            // One that is not open any more needs no answer.
            let _ = endpoint.reject_transfer(now, asked);
        });
    }

    fn talking(&self, id: &CallId) -> Option<(AccountId, tern_sip::CallId)> {
        let call = self.calls.get(id).filter(|c| c.phase == Phase::Connected)?;
        Some((call.account.clone(), call.sip?))
    }

    fn domain_of(&self, id: &CallId) -> Option<String> {
        let account = &self.calls.get(id)?.account;
        self.accounts.get(account).map(|a| a.profile.domain.clone())
    }
}

/// Somebody as a person reads it.
fn party(uri: &Uri, name: Option<&str>, domain: &str) -> (String, String) {
    let peer = peer_of(uri, domain);
    let name = name.map(shown).filter(|n| !n.is_empty());
    let name = name.unwrap_or_else(|| phone::display(&peer));
    (peer, name)
}
