//! Our offers after the first: a re-INVITE in an established call (RFC 3261 14.1), an UPDATE before (RFC 3311 5.1).
//!
//! Invariant: one offer of ours is under way at a time. It is sent when the session is quiet, again by itself after 491
//! and after 500 with Retry-After, and its failure leaves the session as it was.

use super::ask::{Outcome, retry_wait};
use super::ending::phrase_of;
use super::leg::{LegId, Stage};
use super::{Ask, Call, Purpose, State};
use crate::event::{Event, OfferFailure};
use crate::layer::Layer;
use crate::surroundings::CallTimer;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{Method, Response, default_reason};
use std::time::{Duration, Instant};

/// How often one offer is made again.
const MAX_TRIES: u8 = 8;

/// An offer to be made.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    wish: Wish,
    tries: u8,
}

#[derive(Debug, Clone)]
enum Wish {
    /// The application's.
    Change(Box<SessionDescription>),
    /// The session again, only to keep it alive (RFC 4028 7.4).
    Refresh,
}

#[derive(Debug, Default)]
pub(super) enum Offering {
    #[default]
    Nothing,
    /// Refused for now; the timer makes it again.
    Waiting,
    UnderWay {
        leg: LegId,
        ask: u32,
        wanted: Wanted,
        patience: Patience,
    },
}

/// What is done when a re-INVITE gets no final response in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It is cancelled.
    Fresh,
    /// It has been; now it counts as unanswered.
    Cancelled,
}

impl Call {
    /// Wants the session changed. False when the call is on its way out.
    pub(crate) fn offer(&mut self, now: Instant, sdp: SessionDescription, layer: &mut Layer) -> bool {
        let leaving = match &self.state {
            State::CancelPending { .. } | State::Cancelling { .. } | State::Ended => true,
            State::AwaitingAck { then } => *then == super::AfterAck::HangUp,
            _ => false,
        };
        if !leaving {
            self.want(sdp);
            self.go_on(now, layer);
        }
        !leaving
    }

    /// Notes an offer to be made when it can be; it takes the place of one that still waits.
    pub(super) fn want(&mut self, sdp: SessionDescription) {
        self.wanted = Some(Wanted { wish: Wish::Change(Box::new(sdp)), tries: 0 });
    }

    /// Wants the session as it is confirmed once more, by offering it.
    pub(super) fn want_refresh(&mut self, now: Instant, layer: &mut Layer) {
        self.wanted.get_or_insert(Wanted { wish: Wish::Refresh, tries: 0 });
        self.offer_if_possible(now, layer);
    }

    /// Whether an offer of ours is under way: an offer of theirs now meets it (RFC 3261 14.2).
    pub(super) fn has_offered(&self) -> bool {
        matches!(self.offering, Offering::UnderWay { .. })
    }

    pub(super) fn offer_if_possible(&mut self, now: Instant, layer: &mut Layer) {
        if self.wanted.is_none() || !matches!(self.offering, Offering::Nothing) {
            return;
        }
        let Some((leg, method)) = self.way_to_offer() else { return };
        let Some(wanted) = self.wanted.take() else { return };
        let Some(known) = self.leg_mut(leg) else { return };
        let sdp = match &wanted.wish {
            Wish::Change(sdp) => Some((**sdp).clone()),
            Wish::Refresh => known.session.local().cloned(),
        };
        let Some(sdp) = sdp.and_then(|sdp| known.session.offer(sdp)) else { return };
        let offer = Ask::new(Purpose::Offer, method.clone()).body(sdp::CONTENT_TYPE, sdp.to_bytes());
        match self.ask_in(now, leg, offer, layer) {
            Some(ask) => {
                self.offering = Offering::UnderWay { leg, ask, wanted, patience: Patience::Fresh };
                if method == Method::INVITE {
                    let limit = layer.around.config.timers.transaction_life().saturating_mul(2);
                    layer.around.timers.set(self.timer(CallTimer::OfferLimit), now + limit);
                }
            }
            None => {
                if let Some(known) = self.leg_mut(leg) {
                    known.session.withdraw();
                }
                self.offer_failed(now, wanted, rejected(503, None), layer);
            }
        }
    }

    /// The wait after 491 or 500 is over.
    pub(super) fn offer_again(&mut self, now: Instant, layer: &mut Layer) {
        if matches!(self.offering, Offering::Waiting) {
            self.offering = Offering::Nothing;
            self.go_on(now, layer);
        }
    }

    /// A re-INVITE that got provisional responses and nothing more: cancelled, then given up.
    pub(super) fn offer_took_too_long(&mut self, now: Instant, layer: &mut Layer) {
        let Offering::UnderWay { ask, patience, .. } = &mut self.offering else { return };
        let (ask, before) = (*ask, std::mem::replace(patience, Patience::Cancelled));
        if before == Patience::Cancelled || self.is_ended() {
            self.give_up_ask(now, ask, layer);
            return;
        }
        self.cancel_ask(now, ask, layer);
        let life = layer.around.config.timers.transaction_life();
        layer.around.timers.set(self.timer(CallTimer::OfferLimit), now + life);
    }

    /// What became of our offer.
    pub(super) fn offer_concluded(
        &mut self,
        now: Instant,
        number: u32,
        outcome: &Outcome,
        layer: &mut Layer,
    ) {
        let (id, wanted) = match std::mem::take(&mut self.offering) {
            Offering::UnderWay { leg, ask, wanted, .. } if ask == number => (leg, wanted),
            // An offer to a branch that has lost meanwhile.
            other => {
                self.offering = other;
                return;
            }
        };
        layer.around.timers.cancel(self.timer(CallTimer::OfferLimit));
        if self.is_ended() {
            return;
        }
        let Some(leg) = self.leg_mut(id) else { return };
        match outcome {
            Outcome::Response(response) if outcome.is_success() => {
                leg.refresh_target(&response.headers);
                match super::description(&response.headers, &response.body) {
                    Some(answer) => {
                        let news = leg.session.answered(answer.clone());
                        if matches!(wanted.wish, Wish::Change(_)) || news == super::session::News::Changed {
                            self.report_answer(Ok(answer), layer);
                        }
                    }
                    None => {
                        leg.session.withdraw();
                        self.offer_failed(now, wanted, OfferFailure::Unanswered, layer);
                    }
                }
            }
            _ => {
                leg.session.withdraw();
                let response = match outcome {
                    Outcome::Response(response) => Some(response),
                    _ => None,
                };
                let wait =
                    response.filter(|_| wanted.tries < MAX_TRIES).and_then(|r| self.wait_to_offer(r, layer));
                match wait {
                    Some(wait) => {
                        let tries = wanted.tries.saturating_add(1);
                        self.wanted.get_or_insert(Wanted { tries, ..wanted });
                        self.offering = Offering::Waiting;
                        layer.around.timers.set(self.timer(CallTimer::Offer), now + wait);
                    }
                    None => {
                        let failure = rejected(outcome.code(), response);
                        self.offer_failed(now, wanted, failure, layer);
                    }
                }
            }
        }
        self.go_on(now, layer);
    }

    pub(super) fn report_answer(&self, result: Result<SessionDescription, OfferFailure>, layer: &mut Layer) {
        layer.around.event(Event::OfferAnswered { call: self.id, result });
    }

    /// The call is another branch's now: what was offered to one that lost is offered to it.
    pub(super) fn offer_to_the_winner(&mut self, winner: LegId) {
        if !matches!(&self.offering, Offering::UnderWay { leg, .. } if *leg != winner) {
            return;
        }
        if let Offering::UnderWay { wanted, .. } = std::mem::take(&mut self.offering) {
            self.wanted.get_or_insert(wanted);
        }
    }

    /// Where an offer may be made now, and in what.
    fn way_to_offer(&self) -> Option<(LegId, Method)> {
        let leg = match &self.state {
            State::Established if self.invited.is_none() => self.chosen()?,
            State::Incoming { .. } if !self.reliable.holds_the_answer() => self.chosen()?,
            State::Calling { .. } | State::Proceeding { .. } => self.leg(self.speaking?)?,
            _ => return None,
        };
        if !leg.session.is_quiet() || !leg.session.is_agreed() || leg.question.is_some() {
            return None;
        }
        match &self.state {
            State::Established if leg.stage == Stage::Chosen => Some((leg.id, Method::INVITE)),
            // RFC 3311 5.1: only to those who say that they know it.
            _ if leg.peer.allows(&Method::UPDATE) && !self.is_acknowledging(leg.id) => {
                Some((leg.id, Method::UPDATE))
            }
            _ => None,
        }
    }

    fn wait_to_offer(&mut self, response: &Response, layer: &mut Layer) -> Option<Duration> {
        match response.code() {
            491 => Some(self.glare_wait(layer)),
            // RFC 4028 7.4: at once, with the interval that is wanted there.
            422 => self.raise_interval(response).then_some(Duration::ZERO),
            _ => retry_wait(response),
        }
    }

    fn offer_failed(&mut self, now: Instant, wanted: Wanted, failure: OfferFailure, layer: &mut Layer) {
        match wanted.wish {
            Wish::Change(_) => self.report_answer(Err(failure), layer),
            Wish::Refresh => self.refresh_failed(now, layer),
        }
    }
}

fn rejected(code: u16, response: Option<&Response>) -> OfferFailure {
    let phrase = response.map_or_else(|| default_reason(code).to_owned(), phrase_of);
    OfferFailure::Rejected { code, phrase }
}
