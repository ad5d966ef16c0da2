//! How calls end, and how that counts: by us, by the other side, by the network.
//!
//! A call is ended here before its endpoint is told, so what the endpoint says of it afterwards is no news.

use std::time::Duration;

use tern_sip::{EndedBy as SipEndedBy, Ending, Reply as SipReply};

use super::{Phase, recording::Recording};
use crate::{
    accounts::DIRECT,
    api::{
        AccountId, CallDirection, CallEndView, CallId, CallOutcome, DevicesView, EndedBy, ErrorCode,
        ErrorView, EventKind,
    },
    core::{Effect, State, Write},
    ports::RingTone,
    record::{LocalCall, Row},
};

/// How long the tone that tells of an end sounds: three times on and off of the busy tone.
const END_TONE: Duration = Duration::from_secs(3);

impl State {
    /// The account's socket goes: its calls can't be ended in order any more.
    pub(crate) fn end_calls_of(&mut self, account: &AccountId) {
        for id in self.calls_of(account) {
            self.end_by_network(&id);
        }
    }

    /// The account goes: its calls are ended in order.
    pub(crate) fn hang_up_calls_of(&mut self, account: &AccountId) {
        for id in self.calls_of(account) {
            self.hang_up(&id, EndedBy::Local, None);
        }
    }

    pub(crate) fn call_kept(&mut self, row: Option<Row>) {
        if let Some(row) = row {
            self.activity_changed(row.thread);
            self.tell_missed(&row);
        }
    }

    pub(super) fn calls_of(&self, account: &AccountId) -> Vec<CallId> {
        self.calls.values().filter(|c| c.account == *account).map(|c| c.id.clone()).collect()
    }

    /// Refuses a call that rings here. Ended here first: what the endpoint says of it afterwards is no news.
    pub(super) fn reject(&mut self, id: &CallId, code: u16, outcome: CallOutcome, error: Option<ErrorView>) {
        self.reject_with(id, SipReply::new(code), outcome, error);
    }

    /// The same, saying more.
    pub(super) fn reject_with(
        &mut self,
        id: &CallId,
        reply: SipReply,
        outcome: CallOutcome,
        error: Option<ErrorView>,
    ) {
        let now = self.now.instant;
        let Some((account, sip)) = self.calls.get(id).map(|c| (c.account.clone(), c.sip)) else { return };
        self.end_call(id, EndedBy::Local, outcome, error);
        if let (Some(sip), Some(up)) = (sip, self.accounts.get_mut(&account).and_then(|a| a.line.up())) {
            let _ = up.endpoint.reject(now, sip, reply);
            self.drain(&account);
        }
    }

    /// Ends a call from here, whatever its phase.
    pub(super) fn hang_up(&mut self, id: &CallId, by: EndedBy, error: Option<ErrorView>) {
        let Some(call) = self.calls.get(id).filter(|c| c.phase != Phase::Ended) else { return };
        let outcome = match (call.answered, call.direction, &error) {
            (Some(_), ..) => CallOutcome::Answered,
            (None, CallDirection::Incoming, _) => CallOutcome::Declined,
            (None, CallDirection::Outgoing, Some(_)) => CallOutcome::Failed,
            (None, CallDirection::Outgoing, None) => CallOutcome::Unanswered,
        };
        let (now, account) = (self.now.instant, call.account.clone());
        let sip = call.sip;
        // Ended here first: what the endpoint says of it afterwards is no news.
        self.end_call(id, by, outcome, error);
        if let (Some(sip), Some(up)) = (sip, self.accounts.get_mut(&account).and_then(|a| a.line.up())) {
            let _ = up.endpoint.hang_up(now, sip);
            self.drain(&account);
        }
    }

    pub(super) fn end_by_network(&mut self, id: &CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let (outcome, code) = match (call.answered, call.direction) {
            (Some(_), _) => (CallOutcome::Answered, ErrorCode::CallLost),
            (None, CallDirection::Incoming) => (CallOutcome::Missed, ErrorCode::CallLost),
            (None, CallDirection::Outgoing) => (CallOutcome::Failed, ErrorCode::SipUnreachable),
        };
        self.end_call(id, EndedBy::Network, outcome, Some(ErrorView::new(code)));
    }

    pub(super) fn ended(&mut self, id: &CallId, ending: &Ending) {
        let Some(call) = self.calls.get(id) else { return };
        if ending.by == SipEndedBy::Network {
            return self.end_by_network(id);
        }
        let by = if ending.by == SipEndedBy::Local { EndedBy::Local } else { EndedBy::Remote };
        let (outcome, error) = match (call.answered.is_some(), call.direction) {
            (true, _) => (CallOutcome::Answered, None),
            (false, CallDirection::Incoming) => {
                // RFC 3326: a CANCEL because another phone of ours took the call.
                let elsewhere =
                    ending.reason.as_ref().is_some_and(|r| r.protocol == "SIP" && r.cause == Some(200));
                (if elsewhere { CallOutcome::Answered } else { CallOutcome::Missed }, None)
            }
            (false, CallDirection::Outgoing) => failure(ending, call.encryption.is_required()),
        };
        self.end_call(id, by, outcome, error);
    }

    /// A call that ends otherwise than by a person's hand is heard to: the window may not be in sight.
    fn sound_end(&mut self, id: &CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let Some(error) = call.end.as_ref().and_then(|end| end.error.as_ref()) else { return };
        let tone = match (call.answered, call.direction) {
            // Who only heard it ring has nothing to be told.
            (None, CallDirection::Incoming) => return,
            // The other side's own tones or words were heard.
            (None, CallDirection::Outgoing) if call.early_media => return,
            (None, CallDirection::Outgoing) => match error.code {
                ErrorCode::Busy | ErrorCode::Declined => RingTone::Busy,
                _ => RingTone::Congestion,
            },
            (Some(_), _) => RingTone::Congestion,
        };
        let whose = self.tones_of(&call.account);
        self.end_tone = self.now.instant.checked_add(END_TONE).map(|until| (tone, whose, until));
    }

    /// Ends the tone that tells of an end when its time is over, or when another call is talked to or made.
    pub(crate) fn run_end_tone(&mut self) {
        let occupied = self.calls.values().any(|call| call.phase != Phase::Ended && !call.held);
        self.end_tone = self.end_tone.filter(|(.., until)| *until > self.now.instant && !occupied);
    }

    pub(super) fn end_call(
        &mut self,
        id: &CallId,
        by: EndedBy,
        outcome: CallOutcome,
        error: Option<ErrorView>,
    ) {
        let now = self.now.instant;
        let Some(call) = self.calls.get_mut(id).filter(|c| c.phase != Phase::Ended) else { return };
        call.phase = Phase::Ended;
        call.recording = Recording::Off;
        call.end = Some(CallEndView { by, outcome, error });
        let duration = call.answered.map_or(0, |(at, _)| now.saturating_duration_since(at).as_secs());
        let kept = LocalCall {
            account: call.account.clone(),
            sip_call_id: call.sip_call_id.clone(),
            direction: call.direction,
            number: call.number.clone().unwrap_or_default(),
            peer: call.peer.clone(),
            at: call.started,
            duration_seconds: u32::try_from(duration).unwrap_or(u32::MAX),
            outcome,
            recording: call.recorded.clone(),
        };
        let (tag, sounding) = (call.tag(), call.sounding);
        self.unjoin(id);
        self.sound_end(id);
        self.effect(Effect::CloseMedia(id.clone()));
        self.effect(Effect::CloseNotification(tag));
        // The direct account is not the database's.
        if kept.account != DIRECT {
            self.write(Write::Call(kept));
        }
        // Its last event has its last figures, which the media thread tells as it ends.
        if !sounding {
            self.call_over(id);
        }
    }

    pub(super) fn call_over(&mut self, id: &CallId) {
        if let Some(call) = self.calls.remove(id) {
            self.event(EventKind::CallChanged { call: call.view() });
        }
        if !self.calls.values().any(|call| call.sounding) {
            self.change_devices(|devices| DevicesView { microphone: None, speaker: None, ..devices });
        }
    }
}

/// How a call that nobody answered counts, and what to say about it.
fn failure(ending: &Ending, encrypted: bool) -> (CallOutcome, Option<ErrorView>) {
    let Some(code) = ending.code else {
        return (CallOutcome::Unanswered, None);
    };
    let status = format!("{code} {}", ending.phrase);
    let (outcome, error) = match code {
        486 | 600 => (CallOutcome::Busy, ErrorCode::Busy),
        603 | 607 | 608 => (CallOutcome::Busy, ErrorCode::Declined),
        404 | 410 | 484 | 485 | 604 => (CallOutcome::Failed, ErrorCode::NumberUnknown),
        408 | 480 | 487 => (CallOutcome::Unanswered, ErrorCode::NotAnswered),
        // What was offered was encrypted sound and nothing else.
        415 | 488 | 606 if encrypted => (CallOutcome::Failed, ErrorCode::CallNotEncryptable),
        415 | 488 | 606 => (CallOutcome::Failed, ErrorCode::NoCommonCodec),
        402 => (CallOutcome::Failed, ErrorCode::InsufficientFunds),
        _ => (CallOutcome::Failed, ErrorCode::CallFailed),
    };
    // Given up here: nothing to explain.
    if ending.by == SipEndedBy::Local && code == 487 {
        return (CallOutcome::Unanswered, None);
    }
    (outcome, Some(ErrorView::with_detail(error, status)))
}
