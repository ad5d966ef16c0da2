//! The session timer (RFC 4028): agreed on with every INVITE, re-INVITE and UPDATE, kept by the refresher, and the end
//! of a session that nobody confirms any more.
//!
//! Invariant: `running` is set exactly while the last 2xx to an INVITE or UPDATE named an interval; without one, nothing
//! expires.

use super::ask::Outcome;
use super::{Ask, Call, Purpose, State};
use crate::config::EndpointConfig;
use crate::event::Ending;
use crate::layer::Layer;
use crate::surroundings::CallTimer;
use crate::transaction::ServerId;
use crate::wire::{
    HeaderAccess as _, Headers, Method, MinSe, Reason, Refresher, Request, Response, SHORTEST_SESSION,
    SessionExpires,
};
use std::time::{Duration, Instant};

/// The option tag.
pub(super) const OPTION: &str = "timer";
/// A server that wants more than this between refreshes may refuse us.
const LONGEST_SESSION: u32 = 86_400;

#[derive(Debug)]
pub(super) struct Refresh {
    /// The interval asked for, in seconds; `None`: no timer is wanted.
    wanted: Option<u32>,
    /// The shortest interval somebody on the way accepts.
    min: u32,
    running: Option<Running>,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    seconds: u32,
    by: By,
}

/// Who refreshes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Us,
    Them,
}

/// RFC 4028 9: an interval below ours, of a caller who understands the 422.
pub(crate) fn is_too_brief(request: &Request, config: &EndpointConfig) -> bool {
    let asked = request.headers.view::<SessionExpires>().ok().flatten();
    let understands = request.headers.tokens("Supported").iter().any(|t| t.eq_ignore_ascii_case(OPTION));
    config.session_timer.is_some() && understands && asked.is_some_and(|a| a.seconds < SHORTEST_SESSION)
}

/// RFC 4028 6, 9.
pub(crate) fn refuse_brief(now: Instant, server: ServerId, layer: &mut Layer) {
    if let Some(mut response) = layer.reply_to(server, 422) {
        response.headers.set_view(&MinSe { seconds: SHORTEST_SESSION });
        layer.respond(now, server, response);
    }
}

impl Refresh {
    pub(super) fn new(wanted: Option<Duration>) -> Refresh {
        let wanted = wanted.map(|w| u32::try_from(w.as_secs()).unwrap_or(LONGEST_SESSION));
        let wanted = wanted.map(|w| w.clamp(SHORTEST_SESSION, LONGEST_SESSION));
        Refresh { wanted, min: SHORTEST_SESSION, running: None }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// The headers of our first INVITE (RFC 4028 7.1).
    pub(super) fn propose(&self, headers: &mut Headers) {
        if let Some(seconds) = self.wanted {
            headers.set_view(&SessionExpires { seconds: seconds.max(self.min), refresher: None });
            self.write_min(headers);
        }
    }

    /// The headers of our later INVITEs and UPDATEs: the roles stay (RFC 4028 7.4).
    pub(super) fn propose_again(&self, headers: &mut Headers) {
        if let Some(Running { seconds, by }) = self.running {
            let refresher = Some(if by == By::Us { Refresher::Uac } else { Refresher::Uas });
            headers.set_view(&SessionExpires { seconds: seconds.max(self.min), refresher });
            self.write_min(headers);
        }
    }

    /// RFC 4028 5: 90 s need not be said.
    fn write_min(&self, headers: &mut Headers) {
        if self.min > SHORTEST_SESSION {
            headers.set_view(&MinSe { seconds: self.min });
        }
    }
}

impl Call {
    /// Takes the Min-SE of a 422. False when it asks for nothing new (RFC 4028 7.3).
    pub(super) fn raise_interval(&mut self, response: &Response) -> bool {
        let min = response.headers.view::<MinSe>().ok().flatten().map_or(0, |m| m.seconds);
        let raised = self.refresh.is_wanted() && min > self.refresh.min && min <= LONGEST_SESSION;
        if raised {
            self.refresh.min = min;
        }
        raised
    }

    /// The 2xx to our INVITE or UPDATE tells what holds from now on (RFC 4028 7.2). `proposed`: the request spoke of a
    /// timer; an UPDATE from before the answer did not, and its 2xx may come after that of the INVITE.
    pub(super) fn note_timer(&mut self, now: Instant, headers: &Headers, proposed: bool, layer: &mut Layer) {
        let told = headers.view::<SessionExpires>().ok().flatten().filter(|_| self.refresh.is_wanted());
        if told.is_none() && !proposed {
            return;
        }
        let running = told.map(|told| Running {
            seconds: told.seconds,
            by: if told.refresher == Some(Refresher::Uas) { By::Them } else { By::Us },
        });
        self.run(now, running, layer);
    }

    /// Decides for our 2xx to their INVITE or UPDATE, and writes it there (RFC 4028 9, table 2).
    pub(super) fn agree_on_timer(
        &mut self,
        now: Instant,
        server: ServerId,
        response: &mut Response,
        layer: &mut Layer,
    ) {
        let Some(request) = layer.server(server).map(|s| &s.request) else { return };
        let theirs = request.headers.view::<SessionExpires>().ok().flatten();
        let understands = request.headers.tokens("Supported").iter().any(|t| t.eq_ignore_ascii_case(OPTION));
        let running = match (theirs, self.refresh.running) {
            _ if !self.refresh.is_wanted() => None,
            (Some(theirs), _) => {
                let by = match theirs.refresher {
                    Some(Refresher::Uas) => By::Us,
                    Some(Refresher::Uac) => By::Them,
                    None if understands => By::Them,
                    None => By::Us,
                };
                Some(Running { seconds: theirs.seconds, by })
            }
            // A request that does not speak of it does not end what runs.
            (None, running) => running,
        };
        if let Some(Running { seconds, by }) = running {
            let refresher = Some(if by == By::Us { Refresher::Uas } else { Refresher::Uac });
            response.headers.set_view(&SessionExpires { seconds, refresher });
            if by == By::Them {
                response.headers.add("Require", OPTION);
            }
        }
        self.run(now, running, layer);
    }

    /// It is our turn to confirm the session.
    pub(super) fn refresh_session(&mut self, now: Instant, layer: &mut Layer) {
        let Some(Running { by: By::Us, .. }) = self.refresh.running else { return };
        match &self.state {
            State::Established => {}
            // The 2xx that starts the timer is still without its ACK.
            State::AwaitingAck { .. } => return self.refresh_failed(now, layer),
            _ => return,
        }
        let Some((leg, updates)) = self.chosen().map(|l| (l.id, l.peer.allows(&Method::UPDATE))) else {
            return;
        };
        if updates {
            // RFC 4028 7.4: an UPDATE without an offer leaves the session alone.
            self.ask_in(now, leg, Ask::new(Purpose::Refresh, Method::UPDATE), layer);
        } else {
            self.want_refresh(now, layer);
        }
    }

    pub(super) fn refresh_concluded(&mut self, now: Instant, outcome: &Outcome, layer: &mut Layer) {
        if self.is_ended() {
            return;
        }
        match outcome {
            Outcome::Response(response) if outcome.is_success() => {
                if let Some(leg) = self.chosen_mut() {
                    leg.refresh_target(&response.headers);
                }
            }
            Outcome::Response(response) if response.code() == 422 && self.raise_interval(response) => {
                self.refresh_session(now, layer);
            }
            _ => self.refresh_failed(now, layer),
        }
    }

    /// Tries again well before the end (RFC 4028 10 leaves the rhythm free).
    pub(super) fn refresh_failed(&mut self, now: Instant, layer: &mut Layer) {
        if let Some(Running { seconds, .. }) = self.refresh.running {
            let wait = Duration::from_secs((seconds / 8).max(10).into());
            layer.around.timers.set(self.timer(CallTimer::Refresh), now + wait);
        }
    }

    /// RFC 4028 10: nobody confirmed the session.
    pub(super) fn session_expired(&mut self, now: Instant, layer: &mut Layer) {
        if !matches!(self.state, State::Established | State::AwaitingAck { .. }) {
            return;
        }
        if let Some(leg) = self.chosen().map(|leg| leg.id) {
            let reason =
                Reason { protocol: "SIP".into(), cause: Some(408), text: Some("Session expired".into()) };
            self.say_bye(now, leg, Some(reason), layer);
        }
        self.end(now, Ending::network("Session expired").with_code(408), layer);
    }

    fn run(&mut self, now: Instant, running: Option<Running>, layer: &mut Layer) {
        let (refresh, expire) = (self.timer(CallTimer::Refresh), self.timer(CallTimer::Expire));
        layer.around.timers.cancel(refresh);
        layer.around.timers.cancel(expire);
        // Whoever names less than the shortest interval still gets no more refreshes than that.
        let running =
            running.map(|r| Running { seconds: r.seconds.clamp(SHORTEST_SESSION, LONGEST_SESSION), ..r });
        self.refresh.running = running;
        let Some(Running { seconds, by }) = running else { return };
        if by == By::Us {
            // RFC 4028 10: half the interval is recommended.
            layer.around.timers.set(refresh, now + Duration::from_secs((seconds / 2).into()));
        }
        // RFC 4028 10: the lesser of 32 s and a third before the end.
        let margin = (seconds / 3).min(32);
        layer.around.timers.set(expire, now + Duration::from_secs(seconds.saturating_sub(margin).into()));
    }
}
