//! Changing a running call from here: hold, resume, and the move to another local address.
//!
//! Invariant: at most one offer of ours is under way in a call. What was wanted meanwhile is offered after its
//! answer, so the last wish wins whatever order answers come in.

use tern_sip::{
    OfferFailure,
    offer_answer::{self, Agreed, AudioCapabilities, Disagreement},
    wire::sdp::{Direction, SessionDescription},
};

use super::{Offering, Phase};
use crate::{
    agreement,
    api::{AccountId, CallId, EndedBy, ErrorCode, Reply},
    core::{RequestId, State},
};

impl State {
    pub(crate) fn hold_call(&mut self, request: RequestId, id: &CallId, held: bool) {
        let talking = self.calls.get(id).is_some_and(|c| c.phase == Phase::Connected);
        if !talking {
            return self.refuse(request, ErrorCode::NotFound);
        }
        if held {
            self.unjoin(id);
            self.set_held(id, true);
        } else {
            self.hold_others(id);
            for id in self.with_joined(id) {
                self.set_held(&id, false);
            }
        }
        self.reply(request, Ok(Reply::Done {}));
    }

    /// Two conversations at a time are none: the other ones wait. A conference is one of them.
    pub(super) fn hold_others(&mut self, id: &CallId) {
        let together = self.with_joined(id);
        let others: Vec<CallId> = self
            .calls
            .values()
            .filter(|c| !together.contains(&c.id) && c.phase == Phase::Connected && !c.held)
            .map(|c| c.id.clone())
            .collect();
        for other in others {
            self.set_held(&other, true);
        }
    }

    pub(super) fn set_held(&mut self, id: &CallId, held: bool) {
        let Some(call) = self.calls.get_mut(id).filter(|c| c.held != held) else { return };
        call.held = held;
        // Whoever is put on hold is not heard from here on, and hears the music, whatever the other side answers, and
        // when.
        if held {
            self.replan(id);
        }
        self.offer_again(id);
        self.call_changed(id);
    }

    /// Offers the call as it is wanted now: RFC 3261 section 14, RFC 3264 section 8.
    pub(super) fn offer_again(&mut self, id: &CallId) {
        let now = self.now.instant;
        let Some(media) = self.media_of_call(id) else { return };
        let Some(call) = self.calls.get_mut(id) else { return };
        let (Some(rtp), None, Some(sip)) = (call.rtp, &call.offering, call.sip) else { return };
        if call.phase == Phase::Ended {
            return;
        }
        call.session.version = call.session.version.saturating_add(1);
        let capabilities = AudioCapabilities {
            direction: wanted(call.held),
            transport: call.transport(),
            security: call.encryption.for_offer(),
            ..agreement::capabilities(rtp, call.session, &media)
        };
        let sdp = offer_answer::offer(&capabilities);
        let account = call.account.clone();
        let Some(up) = self.accounts.get_mut(&account).and_then(|a| a.line.up()) else { return };
        if let Err(error) = up.endpoint.offer(now, sip, sdp.clone()) {
            // Not answered yet: the answer is what was asked for before.
            return tracing::debug!(%error, "a call can't be changed now");
        }
        if let Some(call) = self.calls.get_mut(id) {
            call.offering = Some(Offering { sdp, held: call.held, rtp, renewal: call.ways.renewal });
        }
        self.drain(&account);
    }

    pub(super) fn offer_answered(
        &mut self,
        account: &AccountId,
        sip: tern_sip::CallId,
        result: Result<SessionDescription, OfferFailure>,
    ) {
        let Some(call) = self.calls.values_mut().find(|c| c.account == *account && c.sip == Some(sip)) else {
            return;
        };
        let id = call.id.clone();
        let Some(offered) = call.offering.take() else { return };
        let renewed = offered.renewal != call.ways.renewal;
        let changed = offered.held != call.held || Some(offered.rtp) != call.rtp || renewed;
        match result {
            Ok(answer) => {
                match offer_answer::agree(&offered.sdp, &answer) {
                    Ok(agreed) => {
                        // Held by us, its answer cannot tell what the other side would rather do.
                        if !offered.held {
                            call.held_there = !agreed.direction.sends();
                        }
                        call.offer = Some(offered.sdp);
                        if !renewed {
                            call.ways.settle(Some(&agreed));
                        }
                        self.run_media(&id, &agreed);
                        self.tell_candidates(&id);
                    }
                    // The other side encrypts no longer: there is nothing to go on with.
                    Err(why @ (Disagreement::InTheClear | Disagreement::NoCommonSuite)) => {
                        let error = call.encryption.trouble(why);
                        return self.hang_up(&id, EndedBy::Local, Some(error));
                    }
                    Err(_) => {}
                }
            }
            Err(failure) => {
                // The session is as it was, and so is what a person sees of it.
                tracing::info!(?failure, "the other side keeps the call as it was");
                if !renewed {
                    call.ways.settle(None);
                }
                if !changed {
                    call.held = call.agreed.as_ref().is_some_and(is_held_by_us);
                    self.replan(&id);
                }
            }
        }
        if changed {
            self.offer_again(&id);
        }
        self.call_changed(&id);
    }

    /// The other side's new offer.
    pub(super) fn reoffer(
        &mut self,
        account: &AccountId,
        sip: tern_sip::CallId,
        offer: Option<SessionDescription>,
    ) {
        let media = self.media_of(account);
        let now = self.now.instant;
        let Some(call) = self.calls.values_mut().find(|c| c.account == *account && c.sip == Some(sip)) else {
            return;
        };
        let id = call.id.clone();
        let Some(rtp) = call.rtp else { return };
        // RFC 3264 section 8: each description of a session has a version of its own.
        call.session.version = call.session.version.saturating_add(1);
        if let Some(offer) = &offer {
            let renewed = call.ways.offered(call.agreed.as_ref(), offer, &mut self.random);
            if renewed {
                call.ways.restarting.joined(now);
            }
        }
        let ours = AudioCapabilities {
            direction: wanted(call.held),
            transport: call.transport(),
            security: match offer {
                Some(_) => call.encryption.for_answer(),
                None => call.encryption.for_offer(),
            },
            ..agreement::capabilities(rtp, call.session, &media)
        };
        let answer = match &offer {
            Some(offer) => offer_answer::answer(offer, &ours).map(|(answer, agreed)| (answer, Some(agreed))),
            None => Ok((offer_answer::offer(&ours), None)),
        };
        match answer {
            Ok((answer, agreed)) => {
                if let (Some(offer), Some(agreed)) = (&offer, &agreed) {
                    call.encryption.follow(offer);
                    // The form of RFC 2543 is an address of zeros.
                    call.held_there = waits(offer) || agreed.remote.is_none();
                }
                call.offer = Some(offer.unwrap_or_else(|| answer.clone()));
                if let Some(agreed) = agreed {
                    self.run_media(&id, &agreed);
                }
                self.with_sip(&id, |endpoint, sip| {
                    let _ = endpoint.answer_reoffer(now, sip, answer);
                });
                self.call_changed(&id);
            }
            Err(_) => self.with_sip(&id, |endpoint, sip| {
                let _ = endpoint.reject_reoffer(now, sip, tern_sip::Reply::new(488));
            }),
        }
    }
}

/// RFC 3264 section 8.4: whoever holds says that it takes nothing.
fn wanted(held: bool) -> Direction {
    if held { Direction::SendOnly } else { Direction::SendRecv }
}

fn is_held_by_us(agreed: &Agreed) -> bool {
    !agreed.direction.receives()
}

/// Whether the other side wants us to wait: it takes nothing from us.
fn waits(offer: &SessionDescription) -> bool {
    let audio = offer.media.iter().find(|m| m.kind == "audio" && m.port != 0);
    audio.is_some_and(|m| matches!(offer.direction_of(m), Direction::SendOnly | Direction::Inactive))
}
