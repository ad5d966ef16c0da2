//! The side that asks: REFER, and the NOTIFYs that tell what became of it (RFC 3515 2.4, 5589 6.1).

use super::{PACKAGE, TransferProgress, sipfrag};
use crate::dialog::Dialog;
use crate::event::Event;
use crate::invite::{Ask, Call, Outcome, Purpose};
use crate::layer::Layer;
use crate::surroundings::{CallTimer, TimerKey};
use crate::transaction::ServerId;
use crate::wire::{
    Address, HeaderAccess as _, Method, ReferSub, ReferTo, Replaces, ReplacesWhen, Request,
    SubscriptionState, Substate, Uri, default_reason,
};
use std::time::{Duration, Instant};

/// How long a NOTIFY is waited for that does not say how long its subscription lasts.
const USUAL_LIFE: Duration = Duration::from_secs(240);
/// No subscription is followed for longer after its last NOTIFY.
const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// A transfer we asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transferor {
    /// The REFER has no answer yet.
    Asking,
    /// It was accepted; NOTIFYs tell how it goes on.
    Following {
        /// The last code told.
        told: u16,
    },
}

/// A target as Refer-To; `None` for what cannot be called.
pub(crate) fn refer_to(target: Uri) -> Option<ReferTo> {
    let bare = ReferTo(Address::new(target)).target();
    (!matches!(bare, Uri::Other(..))).then(|| ReferTo(Address::new(bare)))
}

/// The other side of a dialog as Refer-To, in the place of that dialog (RFC 5589 7.3).
pub(crate) fn refer_to_replacing(dialog: &Dialog) -> Option<ReferTo> {
    // Its Contact may be out of the transferee's reach, behind a NAT or a border controller; the address it goes by
    // leads there through its server, and the tags pick the device. A GRUU is both (RFC 5589 7.3), and an anonymous
    // address leads nowhere (RFC 3323 4.1.1.3).
    let reachable = match &dialog.remote.uri {
        Uri::Sip(sip) => !sip.host.to_string().to_ascii_lowercase().ends_with(".invalid"),
        _ => false,
    };
    let gruu = dialog.remote_target.as_sip().is_some_and(|sip| sip.params.has("gr"));
    let uri = if gruu || !reachable { &dialog.remote_target } else { &dialog.remote.uri };
    let Uri::Sip(mut sip) = ReferTo(Address::new(uri.clone())).target() else { return None };
    let replaces = Replaces {
        call_id: dialog.call_id.clone(),
        // RFC 3891 3: as the target sees it, to-tag is its own.
        to_tag: dialog.remote_tag().unwrap_or_else(|| "0".into()),
        from_tag: dialog.local.tag()?,
        when: ReplacesWhen::Any,
    };
    sip.add_header("Replaces", &replaces.to_string());
    Some(ReferTo(Address::new(Uri::Sip(sip))))
}

impl Call {
    /// Asks the other side to call somebody else. False when the call is not established, or a transfer is open.
    pub(crate) fn refer(&mut self, now: Instant, refer_to: &ReferTo, layer: &mut Layer) -> bool {
        let Some(local) = self.dialog().map(|d| d.local.uri.clone()) else { return false };
        if !self.is_established() || self.usages.transferor.is_some() {
            return false;
        }
        let ask = Ask::new(Purpose::Refer, Method::REFER)
            .header("Refer-To", refer_to.to_string())
            .header("Referred-By", Address::new(local).to_string());
        if !self.ask(now, ask, layer) {
            return false;
        }
        self.usages.transferor = Some(Transferor::Asking);
        true
    }

    /// What became of the REFER.
    pub(crate) fn referred(&mut self, now: Instant, outcome: &Outcome, layer: &mut Layer) {
        // A NOTIFY may have come first, and may even have told the end (RFC 3515 2.4.4).
        if self.usages.transferor != Some(Transferor::Asking) {
            return;
        }
        if !outcome.is_success() {
            let code = outcome.code();
            let phrase = match outcome {
                Outcome::Response(response) if !response.reason.is_empty() => response.reason.clone(),
                _ => default_reason(code).to_owned(),
            };
            self.close_transfer(TransferProgress::Failed { code, phrase }, layer);
            return;
        }
        self.tell_transfer(TransferProgress::Accepted, layer);
        let silent = matches!(outcome, Outcome::Response(r) if r.headers.view::<ReferSub>() == Ok(Some(ReferSub(false))));
        if silent {
            self.close_transfer(TransferProgress::NoNews, layer);
        } else {
            self.usages.transferor = Some(Transferor::Following { told: 0 });
            // RFC 6665 4.1.2.4: timer N.
            let life = layer.around.config.timers.transaction_life();
            layer.around.timers.set(self.news_timer(), now + life);
        }
    }

    /// A NOTIFY inside the call (RFC 3515 2.4.4, 2.4.5).
    pub(crate) fn on_notify(&mut self, now: Instant, server: ServerId, request: &Request, layer: &mut Layer) {
        let event = request.headers.view::<crate::wire::Event>().ok().flatten();
        if event.is_none_or(|e| e.package != PACKAGE) {
            // RFC 6665 4.1.3
            if let Some(mut response) = layer.reply_to(server, 489) {
                response.headers.add("Allow-Events", PACKAGE);
                layer.respond(now, server, response);
            }
            return;
        }
        let Some(transferor) = self.usages.transferor else {
            layer.reply(now, server, 481);
            return;
        };
        layer.reply(now, server, 200);
        let told = match transferor {
            Transferor::Asking => {
                self.tell_transfer(TransferProgress::Accepted, layer);
                0
            }
            Transferor::Following { told } => told,
        };
        let state = request.headers.view::<SubscriptionState>().ok().flatten();
        let over = state.as_ref().is_some_and(|s| s.state == Substate::Terminated);
        match sipfrag::status(request) {
            Some((200..=299, _)) => self.close_transfer(TransferProgress::Done, layer),
            Some((code @ 300.., phrase)) => {
                self.close_transfer(TransferProgress::Failed { code, phrase }, layer)
            }
            _ if over => self.close_transfer(TransferProgress::NoNews, layer),
            news => {
                let code = news.as_ref().map_or(told, |(code, _)| *code);
                self.usages.transferor = Some(Transferor::Following { told: code });
                let life =
                    state.and_then(|s| s.expires).map_or(USUAL_LIFE, |s| Duration::from_secs(s.into()));
                layer.around.timers.set(self.news_timer(), now + life.min(LONGEST_LIFE));
                if let Some((code, phrase)) = news.filter(|(code, _)| *code != told) {
                    self.tell_transfer(TransferProgress::Proceeding { code, phrase }, layer);
                }
            }
        }
    }

    /// No NOTIFY came in time.
    pub(crate) fn no_transfer_news(&mut self, layer: &mut Layer) {
        if self.usages.transferor.is_some() {
            self.close_transfer(TransferProgress::NoNews, layer);
        }
    }

    /// The session is over and nothing is under way: a REFER that waited to be sent again will not be.
    pub(crate) fn abandon_refer(&mut self, layer: &mut Layer) {
        if self.usages.transferor == Some(Transferor::Asking) {
            let phrase = default_reason(481).to_owned();
            self.close_transfer(TransferProgress::Failed { code: 481, phrase }, layer);
        }
    }

    fn close_transfer(&mut self, progress: TransferProgress, layer: &mut Layer) {
        self.usages.transferor = None;
        layer.around.timers.cancel(self.news_timer());
        self.tell_transfer(progress, layer);
    }

    fn tell_transfer(&self, progress: TransferProgress, layer: &mut Layer) {
        layer.around.event(Event::Transfer { call: self.id, progress });
    }

    fn news_timer(&self) -> TimerKey {
        TimerKey::Call(self.id, CallTimer::TransferNews)
    }
}
