//! Who may register and call: digest authentication, the server's side (RFC 3261 section 22, RFC 7616, RFC 8760).
//!
//! Invariant: a nonce is this gate's own, young enough, and each of its counts is taken once.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use tern_provider::Secret;
use tern_sip::wire::{HeaderAccess, Request, auth::Credentials, digest};

use crate::{
    DOMAIN,
    model::random_word,
    settings::{DigestAlgorithm, Settings},
};

/// More nonces than this are not remembered; the oldest then counts as stale.
const MAX_NONCES: usize = 4096;

/// In whose name the gate asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A registrar: 401.
    Registrar,
    /// A proxy, on the way to somebody else: 407.
    Proxy,
}

/// What to ask a request that may not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// 401 or 407.
    pub(crate) code: u16,
    /// The header to put the values in.
    pub(crate) header: &'static str,
    /// One per algorithm, the better first (RFC 8760 section 2.3).
    pub(crate) values: Vec<String>,
}

/// The gate.
#[derive(Debug)]
pub(crate) struct Gate {
    algorithms: Vec<DigestAlgorithm>,
    lifetime: Duration,
    nonces: HashMap<String, Nonce>,
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Nonce {
    issued: Instant,
    count: u32,
}

impl Gate {
    pub(crate) fn new(settings: &Settings) -> Self {
        let (algorithms, lifetime) = (settings.digest_algorithms.clone(), settings.nonce_lifetime);
        Self { algorithms, lifetime, nonces: HashMap::new(), order: VecDeque::new() }
    }

    /// The user a request comes from, if it proves it. `password` answers the password of a user.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        asker: Asker,
        request: &Request,
        password: impl Fn(&str) -> Option<Secret>,
    ) -> Result<String, Challenge> {
        let header = match asker {
            Asker::Registrar => "Authorization",
            Asker::Proxy => "Proxy-Authorization",
        };
        let mut stale = false;
        // There may be credentials for others on the way; only those for this realm are looked at.
        let ours = request
            .headers
            .all(header)
            .filter_map(|value| Credentials::parse(value).ok())
            .filter(|credentials| credentials.realm.eq_ignore_ascii_case(DOMAIN));
        for credentials in ours {
            let offered = self.algorithms.iter().any(|a| wire_algorithm(*a) == credentials.algorithm);
            let right = offered
                && password(&credentials.username).is_some_and(|password| {
                    digest::verify(&credentials, &request.method, &request.body, password.reveal())
                });
            if !right {
                continue;
            }
            if self.take(now, &credentials) {
                return Ok(credentials.username);
            }
            // RFC 7616 section 3.3: the password was right, so the client need not ask its user again.
            stale = true;
        }
        Err(self.challenge(now, asker, stale))
    }

    fn take(&mut self, now: Instant, credentials: &Credentials) -> bool {
        let lifetime = self.lifetime;
        let Some(nonce) = self.nonces.get_mut(&credentials.nonce) else { return false };
        let young = now.saturating_duration_since(nonce.issued) < lifetime;
        // Without qop (RFC 2069) there is no count, and a nonce is good for one request.
        let count = credentials.qop.as_ref().map_or(1, |qop| qop.nc);
        let fresh = count > nonce.count;
        if young && fresh {
            nonce.count = count;
        }
        young && fresh
    }

    fn challenge(&mut self, now: Instant, asker: Asker, stale: bool) -> Challenge {
        let nonce = random_word(32);
        self.nonces.insert(nonce.clone(), Nonce { issued: now, count: 0 });
        self.order.push_back(nonce.clone());
        while self.order.len() > MAX_NONCES {
            if let Some(oldest) = self.order.pop_front() {
                self.nonces.remove(&oldest);
            }
        }
        let (code, header) = match asker {
            Asker::Registrar => (401, "WWW-Authenticate"),
            Asker::Proxy => (407, "Proxy-Authenticate"),
        };
        let flag = if stale { ", stale=true" } else { "" };
        let value = |algorithm: &DigestAlgorithm| {
            let name = wire_algorithm(*algorithm).as_str();
            format!("Digest realm=\"{DOMAIN}\", nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{flag}")
        };
        Challenge { code, header, values: self.algorithms.iter().map(value).collect() }
    }
}

fn wire_algorithm(algorithm: DigestAlgorithm) -> digest::Algorithm {
    match algorithm {
        DigestAlgorithm::Sha256 => digest::Algorithm::Sha256,
        DigestAlgorithm::Md5 => digest::Algorithm::Md5,
    }
}

#[cfg(test)]
mod tests {
    use tern_sip::wire::{
        Method, Uri, auth,
        digest::{Count, Sent},
    };

    use super::*;

    const LIFETIME: Duration = Duration::from_secs(300);

    fn register(challenge: &str, user: &str, password: &str, nc: u32) -> Request {
        let challenge = auth::Challenge::parse(challenge).unwrap();
        let uri = format!("sip:{DOMAIN}");
        let sent = Sent { method: &Method::REGISTER, uri: &uri, body: b"" };
        let count = Count { cnonce: "c".into(), nc };
        let credentials = digest::answer(&challenge, user, password, sent, count).unwrap();
        let mut request = Request::new(Method::REGISTER, Uri::parse(&uri).unwrap());
        request.headers.add("Authorization", credentials.to_string());
        request
    }

    fn passwords(user: &str) -> Option<Secret> {
        (user == "traveller").then(|| Secret::new("right"))
    }

    fn ask(gate: &mut Gate, now: Instant, request: &Request) -> Result<String, Challenge> {
        gate.check(now, Asker::Registrar, request, passwords)
    }

    #[test]
    fn both_algorithms_open_and_wrong_ones_do_not() {
        let (mut gate, now) = (Gate::new(&Settings::default()), Instant::now());
        let bare = Request::new(Method::REGISTER, Uri::parse("sip:x").unwrap());
        let challenge = ask(&mut gate, now, &bare).unwrap_err();
        assert_eq!((challenge.code, challenge.header), (401, "WWW-Authenticate"));
        assert!(challenge.values[0].contains("SHA-256") && challenge.values[1].contains("algorithm=MD5"));
        assert!(!challenge.values[0].contains("stale"));

        let [sha, md5] = challenge.values.as_slice() else { panic!("{challenge:?}") };
        assert_eq!(ask(&mut gate, now, &register(sha, "traveller", "right", 1)).as_deref(), Ok("traveller"));
        assert_eq!(ask(&mut gate, now, &register(md5, "traveller", "right", 2)).as_deref(), Ok("traveller"));
        for (user, password) in [("traveller", "wrong"), ("nobody", "right"), ("", "")] {
            let refused = ask(&mut gate, now, &register(sha, user, password, 3)).unwrap_err();
            assert!(!refused.values[0].contains("stale"), "{user}");
        }
    }

    #[test]
    fn only_what_is_offered_opens() {
        let settings = Settings { digest_algorithms: vec![DigestAlgorithm::Md5], ..Settings::default() };
        let (mut gate, now) = (Gate::new(&settings), Instant::now());
        let bare = Request::new(Method::REGISTER, Uri::parse("sip:x").unwrap());
        let challenge = ask(&mut gate, now, &bare).unwrap_err();
        let [md5] = challenge.values.as_slice() else { panic!("{challenge:?}") };
        let sha = md5.replace("MD5", "SHA-256");
        assert!(ask(&mut gate, now, &register(&sha, "traveller", "right", 1)).is_err());
        assert!(ask(&mut gate, now, &register(md5, "traveller", "right", 1)).is_ok());
    }

    #[test]
    fn a_nonce_too_old_replayed_or_made_up_is_stale() {
        let (mut gate, now) = (Gate::new(&Settings::default()), Instant::now());
        let bare = Request::new(Method::REGISTER, Uri::parse("sip:x").unwrap());
        let sha = ask(&mut gate, now, &bare).unwrap_err().values.remove(0);
        let first = register(&sha, "traveller", "right", 1);
        assert!(ask(&mut gate, now, &first).is_ok());
        let is_stale =
            |result: Result<String, Challenge>| result.unwrap_err().values[0].contains("stale=true");
        assert!(is_stale(ask(&mut gate, now, &first)), "replayed");
        let late = register(&sha, "traveller", "right", 2);
        assert!(is_stale(ask(&mut gate, now + LIFETIME, &late)), "too old");
        let forged = sha.replace("nonce=\"", "nonce=\"x");
        assert!(is_stale(ask(&mut gate, now, &register(&forged, "traveller", "right", 1))), "made up");
        // The stale answer is followed by a nonce that works.
        let fresh = ask(&mut gate, now + LIFETIME, &late).unwrap_err().values.remove(0);
        assert!(ask(&mut gate, now + LIFETIME, &register(&fresh, "traveller", "right", 1)).is_ok());
    }

    #[test]
    fn the_memory_for_nonces_is_bounded() {
        let (mut gate, now) = (Gate::new(&Settings::default()), Instant::now());
        let bare = Request::new(Method::INVITE, Uri::parse("sip:x").unwrap());
        for _ in 0..MAX_NONCES + 10 {
            let challenge = gate.check(now, Asker::Proxy, &bare, passwords).unwrap_err();
            assert_eq!((challenge.code, challenge.header), (407, "Proxy-Authenticate"));
        }
        assert_eq!((gate.nonces.len(), gate.order.len()), (MAX_NONCES, MAX_NONCES));
    }
}
