//! One request on its way through the proxy model: its branches, and the one answer they make (RFC 3261 16.6 to 16.10).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tern_sip::wire::{HeaderAccess as _, Headers, Host, Method, Request, Response, Uri, default_reason};

pub(crate) const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// Timers B, F, H, L, M.
const LIFE: Duration = T1.saturating_mul(64);
/// RFC 3261 16.6 step 11: longer than three minutes.
const TIMER_C: Duration = Duration::from_secs(200);

type Out = Vec<(SocketAddr, Vec<u8>)>;

/// How many targets are tried at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    All,
    /// One, for so long.
    One(Duration),
}

/// A message sent again and again.
#[derive(Debug, Clone)]
struct Repeated {
    to: SocketAddr,
    bytes: Vec<u8>,
    next: Instant,
    interval: Duration,
    /// T2, or nothing for an INVITE.
    longest: Duration,
}

#[derive(Debug)]
struct Branch {
    request: Request,
    to: SocketAddr,
    state: State,
    /// The request, until it is answered; then perhaps its CANCEL.
    repeated: Option<Repeated>,
    /// When it has taken too long.
    until: Instant,
    wish: Wish,
}

#[derive(Debug, PartialEq)]
enum State {
    Trying,
    Proceeding,
    Done(Option<Box<Response>>),
}

/// Whether the branch is to be cancelled (RFC 3261 9.1: not before a provisional response).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    None,
    Cancel,
    Cancelled,
}

/// What was answered so far.
#[derive(Debug, PartialEq)]
enum Answer {
    Nothing,
    Provisional(Vec<u8>),
    Success(Vec<u8>),
    /// Repeated until the ACK.
    Refusal(Vec<u8>),
}

pub(crate) struct Context {
    id: u64,
    own: SocketAddr,
    from: SocketAddr,
    request: Request,
    key: (String, String),
    records_route: bool,
    branches: Vec<Branch>,
    waiting: VecDeque<Uri>,
    step: Step,
    answer: Answer,
    repeated: Option<Repeated>,
    /// When nothing of it is left to be remembered.
    over: Option<Instant>,
}

impl Context {
    pub(crate) fn new(
        id: u64,
        own: SocketAddr,
        from: SocketAddr,
        request: Request,
        records_route: bool,
    ) -> Context {
        Context {
            id,
            own,
            from,
            key: key_of(&request),
            request,
            records_route,
            branches: Vec::new(),
            waiting: VecDeque::new(),
            step: Step::All,
            answer: Answer::Nothing,
            repeated: None,
            over: None,
        }
    }

    /// Whether a request is this one again, its ACK or its CANCEL (RFC 3261 17.2.3).
    pub(crate) fn is_of(&self, request: &Request) -> bool {
        let method = if matches!(request.method, Method::ACK | Method::CANCEL) {
            &Method::INVITE
        } else {
            &request.method
        };
        *method == self.request.method && self.key == key_of(request)
    }

    pub(crate) fn has_refused(&self) -> bool {
        matches!(self.answer, Answer::Refusal(_))
    }

    pub(crate) fn start(&mut self, now: Instant, targets: Vec<Uri>, step: Step, out: &mut Out) {
        if self.is_invite() {
            // RFC 3261 16.2: a stateful proxy answers 100 at once, or within 200 ms.
            self.reply(&respond(&self.request, 100), out);
        }
        self.step = step;
        self.waiting = targets.into();
        self.try_next(now, out);
    }

    /// A final answer of the proxy's own.
    pub(crate) fn answer(&mut self, now: Instant, response: &Response, out: &mut Out) {
        self.finish(now, response, out);
    }

    pub(crate) fn acknowledged(&mut self, now: Instant) {
        self.repeated = None;
        self.over = Some(now + Duration::from_secs(5));
    }

    pub(crate) fn repeat_answer(&self, out: &mut Out) {
        // RFC 6026 7.1: an INVITE that comes again after its 2xx is absorbed.
        if let Answer::Provisional(bytes) | Answer::Refusal(bytes) = &self.answer {
            out.push((self.from, bytes.clone()));
        } else if let (Answer::Success(bytes), false) = (&self.answer, self.is_invite()) {
            out.push((self.from, bytes.clone()));
        }
    }

    /// RFC 3261 16.10.
    pub(crate) fn cancel(&mut self, now: Instant, out: &mut Out) {
        self.waiting.clear();
        for branch in &mut self.branches {
            branch.give_up(now, out);
        }
    }

    pub(crate) fn on_response(&mut self, now: Instant, branch: usize, response: &Response, out: &mut Out) {
        let Ok(cseq) = response.headers.cseq() else { return };
        let invite = self.is_invite();
        let Some(branch) = self.branches.get_mut(branch) else { return };
        if cseq.method == Method::CANCEL {
            branch.repeated = None;
            return;
        }
        let code = response.code();
        if code < 200 {
            if matches!(branch.state, State::Done(_)) {
                return;
            }
            branch.state = State::Proceeding;
            if invite {
                if branch.wish != Wish::Cancelled {
                    branch.repeated = None;
                    // RFC 3261 16.7 step 2: timer C begins anew; a serial search does not wait longer for that.
                    if code > 100 && matches!(self.step, Step::All) {
                        branch.until = now + TIMER_C;
                    }
                }
                if branch.wish == Wish::Cancel {
                    branch.give_up(now, out);
                }
            }
            // RFC 3261 16.7 step 5: all but 100 are passed on at once.
            if code > 100 && !matches!(self.answer, Answer::Refusal(_)) {
                self.reply(&upstream(response), out);
            }
            return;
        }
        if invite && code >= 300 {
            out.push((branch.to, branch.ack(response).to_bytes()));
        }
        let first = !matches!(branch.state, State::Done(_));
        if first {
            branch.repeated = None;
            branch.state = State::Done(Some(Box::new(response.clone())));
        }
        if code < 300 {
            // RFC 3261 16.7 step 5: each 2xx to an INVITE, again and again; one to anything else.
            match self.answer {
                Answer::Refusal(_) => out.push((self.from, upstream(response).to_bytes())),
                Answer::Success(_) if !invite => {}
                _ => self.reply(&upstream(response), out),
            }
            // RFC 3261 16.7 step 10, RFC 6026 7.1
            self.over.get_or_insert(now + LIFE + T1);
            self.cancel(now, out);
        } else if first {
            if code >= 600 {
                self.cancel(now, out);
            }
            self.try_next(now, out);
        }
    }

    pub(crate) fn next(&self) -> Instant {
        let waits = self.branches.iter().filter(|b| !matches!(b.state, State::Done(_))).map(|b| b.until);
        let repeated = self.branches.iter().filter_map(|b| b.repeated.as_ref());
        let repeated = repeated.chain(&self.repeated).map(|r| r.next);
        let over = self.over.filter(|_| self.is_quiet());
        waits.chain(repeated).chain(over).min().unwrap_or_else(|| unreachable!("a context without an end"))
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.is_quiet() && self.over.is_some_and(|over| over <= now)
    }

    pub(crate) fn on_time(&mut self, now: Instant, out: &mut Out) {
        if let Some(repeated) = &mut self.repeated {
            repeated.on_time(now, out);
        }
        let mut given_up = false;
        for branch in &mut self.branches {
            if let Some(repeated) = &mut branch.repeated {
                repeated.on_time(now, out);
            }
            if branch.until > now || matches!(branch.state, State::Done(_)) {
                continue;
            }
            // Timer C of a branch that rings cancels it (RFC 3261 16.8); everything else has had its time.
            if branch.state == State::Proceeding
                && branch.wish == Wish::None
                && branch.request.method == Method::INVITE
            {
                branch.give_up(now, out);
            } else {
                branch.repeated = None;
                branch.state = State::Done(None);
                given_up = true;
            }
        }
        if given_up {
            self.try_next(now, out);
        }
    }

    /// Starts what is to be started, or answers when nothing is left.
    fn try_next(&mut self, now: Instant, out: &mut Out) {
        let count = match self.step {
            Step::All => self.waiting.len(),
            Step::One(_) => usize::from(self.is_quiet()).min(self.waiting.len()),
        };
        let targets: Vec<Uri> = self.waiting.drain(..count).collect();
        for target in targets {
            let name = format!("z9hG4bK-proxy-{}-{}", self.id, self.branches.len());
            let Some((to, request)) = forward(&self.request, target, self.own, &name, self.records_route)
            else {
                continue;
            };
            let bytes = request.to_bytes();
            out.push((to, bytes.clone()));
            let invite = self.is_invite();
            let longest = if invite { LIFE } else { T2 };
            let patience = match self.step {
                Step::One(patience) if invite => patience,
                _ => LIFE,
            };
            self.branches.push(Branch {
                request,
                to,
                state: State::Trying,
                repeated: Some(Repeated { to, bytes, next: now + T1, interval: T1, longest }),
                until: now + patience,
                wish: Wish::None,
            });
        }
        if self.is_quiet() && matches!(self.answer, Answer::Nothing | Answer::Provisional(_)) {
            self.answer_best(now, out);
        }
    }

    /// RFC 3261 16.7 steps 6 and 7.
    fn answer_best(&mut self, now: Instant, out: &mut Out) {
        let finals: Vec<&Response> = self
            .branches
            .iter()
            .filter_map(|b| match &b.state {
                State::Done(response) => response.as_deref(),
                _ => None,
            })
            .collect();
        let rank = |r: &&&Response| match r.code() {
            600.. => (0, 0),
            // Within 4xx first what lets the caller try again.
            code @ (401 | 407 | 415 | 420 | 484) => (code / 100, 0),
            code => (code / 100, code),
        };
        let Some(best) = finals.iter().min_by_key(rank) else {
            // RFC 4320 4.1: no 408 to anything but an INVITE, its sender has given up by now.
            if self.is_invite() {
                self.finish(now, &respond(&self.request, 408), out);
            } else {
                self.over = Some(now);
            }
            return;
        };
        let mut answer = upstream(best);
        if answer.code() == 503 {
            // RFC 3261 16.7 step 6: it would be taken for the proxy's own trouble.
            answer.status = 500.into();
            answer.reason = default_reason(500).into();
        }
        if matches!(answer.code(), 401 | 407) {
            for name in ["WWW-Authenticate", "Proxy-Authenticate"] {
                answer.headers.remove(name);
                for value in finals.iter().flat_map(|r| r.headers.all(name)) {
                    answer.headers.add(name, value);
                }
            }
        }
        self.finish(now, &answer, out);
    }

    fn finish(&mut self, now: Instant, response: &Response, out: &mut Out) {
        self.reply(response, out);
        self.over = Some(now + LIFE);
        if let (true, Answer::Refusal(bytes)) = (self.is_invite(), &self.answer) {
            let (to, bytes) = (self.from, bytes.clone());
            self.repeated = Some(Repeated { to, bytes, next: now + T1, interval: T1, longest: T2 });
        }
    }

    fn reply(&mut self, response: &Response, out: &mut Out) {
        let bytes = response.to_bytes();
        out.push((self.from, bytes.clone()));
        self.answer = match (response.code(), &self.answer) {
            (..200, Answer::Success(_)) => return,
            (..200, _) => Answer::Provisional(bytes),
            (200..300, _) => Answer::Success(bytes),
            _ => Answer::Refusal(bytes),
        };
    }

    fn is_quiet(&self) -> bool {
        self.branches.iter().all(|b| matches!(b.state, State::Done(_)))
    }

    fn is_invite(&self) -> bool {
        self.request.method == Method::INVITE
    }
}

impl Branch {
    fn give_up(&mut self, now: Instant, out: &mut Out) {
        if matches!(self.state, State::Done(_)) || self.wish == Wish::Cancelled {
            return;
        }
        if self.request.method != Method::INVITE {
            return;
        }
        if self.state == State::Trying {
            self.wish = Wish::Cancel;
            return;
        }
        self.wish = Wish::Cancelled;
        // RFC 3261 9.1
        self.until = now + LIFE;
        let mut cancel = self.request.clone();
        cancel.method = Method::CANCEL;
        let number = cancel.headers.cseq().map_or(0, |c| c.number);
        cancel.headers =
            own_headers(&self.request.headers, &["Via", "Max-Forwards", "Route", "From", "To", "Call-ID"]);
        cancel.headers.add("CSeq", format!("{number} CANCEL"));
        cancel.body.clear();
        let bytes = cancel.to_bytes();
        out.push((self.to, bytes.clone()));
        self.repeated = Some(Repeated { to: self.to, bytes, next: now + T1, interval: T1, longest: T2 });
    }

    /// RFC 3261 17.1.1.3.
    fn ack(&self, response: &Response) -> Request {
        let mut ack = Request::new(Method::ACK, self.request.uri.clone());
        let number = self.request.headers.cseq().map_or(0, |c| c.number);
        ack.headers =
            own_headers(&self.request.headers, &["Via", "Max-Forwards", "Route", "From", "Call-ID"]);
        ack.headers.add("To", response.headers.first("To").unwrap_or_default());
        ack.headers.add("CSeq", format!("{number} ACK"));
        ack
    }
}

impl Repeated {
    fn on_time(&mut self, now: Instant, out: &mut Out) {
        if self.next <= now {
            out.push((self.to, self.bytes.clone()));
            self.interval = self.interval.saturating_mul(2).min(self.longest);
            self.next = now + self.interval;
        }
    }
}

/// A response of the proxy's own, with a tag that stays the same when it is made again.
pub(crate) fn respond(request: &Request, code: u16) -> Response {
    Response::to(request, code, (code > 100).then_some("proxy"))
}

/// The copy of a request for one target, and where it goes (RFC 3261 16.6).
pub(crate) fn forward(
    request: &Request,
    target: Uri,
    own: SocketAddr,
    branch: &str,
    records_route: bool,
) -> Option<(SocketAddr, Request)> {
    let mut copy = Request { uri: target, ..request.clone() };
    let hops = copy.headers.number("Max-Forwards").unwrap_or(70).saturating_sub(1);
    copy.headers.set("Max-Forwards", hops.to_string());
    // What proved the caller to this proxy is for nobody behind it (RFC 3261 22.3).
    copy.headers.remove("Proxy-Authorization");
    let mut top = Headers::default();
    top.add("Via", format!("SIP/2.0/UDP {own};branch={branch}"));
    if records_route && matches!(copy.method, Method::INVITE | Method::SUBSCRIBE | Method::REFER) {
        top.add("Record-Route", format!("<sip:{own};lr>"));
    }
    top.extend(copy.headers.into());
    copy.headers = top;
    // Step 6: the topmost Route, else the target.
    let routes = copy.headers.addresses("Route").ok()?;
    let hop = routes.first().map_or(&copy.uri, |route| &route.uri).as_sip()?;
    let Host::Ip(ip) = hop.host else { return None };
    Some((SocketAddr::new(ip, hop.port.unwrap_or(5060)), copy))
}

/// A response without this proxy's Via (RFC 3261 16.7 step 3).
fn upstream(response: &Response) -> Response {
    let mut response = response.clone();
    let vias = response.headers.vias().unwrap_or_default();
    response.headers.remove("Via");
    let mut headers = Headers::default();
    vias.iter().skip(1).for_each(|via| headers.add("Via", via.to_string()));
    headers.extend(response.headers.into());
    response.headers = headers;
    response
}

/// Only the topmost Via: what belongs to this hop alone (RFC 3261 9.1, 17.1.1.3).
fn own_headers(from: &Headers, names: &[&'static str]) -> Headers {
    let mut headers = Headers::default();
    for name in names {
        let count = if *name == "Via" { 1 } else { usize::MAX };
        from.all(name).take(count).for_each(|value| headers.add(name, value));
    }
    headers
}

fn key_of(request: &Request) -> (String, String) {
    let via = request.headers.top_via();
    let via = via.as_ref().ok();
    let by = via.map(|v| format!("{}:{}", v.host, v.port.unwrap_or(5060))).unwrap_or_default();
    (via.and_then(|v| v.branch()).unwrap_or_default(), by)
}
