//! A client's side of digest authentication (RFC 3261 22, RFC 7616, RFC 8760): which challenges to answer, with
//! which nonce count, when the password must be wrong, and whether the server knows it too.
//!
//! Invariant: an answer goes out only for the realm the credentials are for, and never twice for a nonce that was
//! refused as not stale. To whom a request goes is judged in [`crate::credentials`].

use crate::config::Login;
use crate::random::Random;
use crate::wire::auth::{AuthenticationInfo, Challenge, Credentials, Freshness, Qop};
use crate::wire::digest::{self, Algorithm, Count, Sent};
use crate::wire::{HeaderAccess as _, HeaderView as _, Method, Request, Response};

/// After so many challenges to one request the server is going in circles.
const MAX_ROUNDS: u8 = 5;

/// Who asked (RFC 3261 22.2, 22.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A user agent or registrar: 401, WWW-Authenticate, Authorization.
    User,
    /// A proxy: 407, Proxy-Authenticate, Proxy-Authorization.
    Proxy,
}

/// A nonce in use.
#[derive(Debug, Clone)]
struct Session {
    asker: Asker,
    /// Whether it was given to a REGISTER. Its 401 is the registrar's own; in a call to a neighbour of the same domain
    /// the proxy would carry the answer to that neighbour's phone.
    registrar: bool,
    challenge: Challenge,
    count: u32,
}

/// Credentials and the nonces they are in use with.
#[derive(Debug, Clone)]
pub(crate) struct Authentication {
    login: Login,
    sessions: Vec<Session>,
}

/// What one request has been through. Dropped when it gets an answer other than a challenge.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempt {
    /// Realms whose challenge was answered with a nonce given to this very request.
    answered: Vec<(Asker, String)>,
    rounds: u8,
}

/// Why a challenge is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A nonce just given was refused, and not as stale.
    WrongCredentials,
    /// No challenge of a known scheme, algorithm and our realm, or not from our server.
    NotForUs,
    /// The server challenges without end.
    TooManyRounds,
}

/// Whether a server has proven that it knows the password too (RFC 7616 3.5: `rspauth`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It said nothing about that; most don't.
    Absent,
    /// It does.
    Good,
    /// It tried and does not.
    Wrong,
}

impl Asker {
    const BOTH: [Asker; 2] = [Asker::User, Asker::Proxy];

    fn challenge_header(self) -> &'static str {
        match self {
            Asker::User => "WWW-Authenticate",
            Asker::Proxy => "Proxy-Authenticate",
        }
    }

    fn credentials_header(self) -> &'static str {
        match self {
            Asker::User => "Authorization",
            Asker::Proxy => "Proxy-Authorization",
        }
    }

    /// RFC 7615 names the proxy's.
    fn info_header(self) -> &'static str {
        match self {
            Asker::User => "Authentication-Info",
            Asker::Proxy => "Proxy-Authentication-Info",
        }
    }
}

impl Authentication {
    pub(crate) fn new(login: Login) -> Authentication {
        Authentication { login, sessions: Vec::new() }
    }

    /// Takes the challenges of a 401 or 407 to a request, from those who may ask. On success [`Self::sign_for`]
    /// answers them.
    pub(crate) fn take_challenges(
        &mut self,
        response: &Response,
        request: &Request,
        attempt: &mut Attempt,
        may_ask: impl Fn(Asker) -> bool,
    ) -> Result<Vec<Asker>, Refusal> {
        attempt.rounds = attempt.rounds.saturating_add(1);
        if attempt.rounds > MAX_ROUNDS {
            return Err(Refusal::TooManyRounds);
        }
        let mut askers = Vec::new();
        for asker in Asker::BOTH.into_iter().filter(|asker| may_ask(*asker)) {
            for challenge in self.chosen(response, asker) {
                let place = (asker, challenge.realm.clone());
                self.take(asker, challenge, request, attempt)?;
                attempt.answered.push(place);
                askers.push(asker);
            }
        }
        if askers.is_empty() { Err(Refusal::NotForUs) } else { Ok(askers) }
    }

    /// Takes all credentials off a request.
    pub(crate) fn unsign(request: &mut Request) {
        for asker in Asker::BOTH {
            request.headers.remove(asker.credentials_header());
        }
    }

    /// Puts credentials into a request for every nonce in use of those who may see them, counting (RFC 7616 3.4: nc).
    pub(crate) fn sign_for(
        &mut self,
        request: &mut Request,
        random: &mut Random,
        may_see: impl Fn(Asker) -> bool,
    ) {
        Authentication::unsign(request);
        let uri = request.uri.to_string();
        let fits =
            |s: &Session| s.asker == Asker::Proxy || s.registrar == (request.method == Method::REGISTER);
        for session in self.sessions.iter_mut().filter(|s| may_see(s.asker) && fits(s)) {
            session.count = session.count.saturating_add(1);
            let count = Count { cnonce: random.cnonce(), nc: session.count };
            let sent = Sent { method: &request.method, uri: &uri, body: &request.body };
            let (login, challenge) = (&self.login, &session.challenge);
            let answer = digest::answer(challenge, &login.username, login.password.expose(), sent, count);
            if let Some(credentials) = answer {
                request.headers.add(session.asker.credentials_header(), credentials.to_string());
            }
        }
    }

    /// Takes the Authentication-Info of a final response to a request (RFC 7616 3.5): the nonce to use next, and the
    /// server's own proof.
    pub(crate) fn settle(&mut self, response: &Response, request: &Request) -> Proof {
        let mut proof = Proof::Absent;
        for asker in Asker::BOTH {
            let info = response.headers.first(asker.info_header());
            let Some(Ok(info)) = info.map(AuthenticationInfo::parse) else { continue };
            let Some(shown) = shown(request, asker, &self.sessions) else { continue };
            if info.rspauth.is_some() {
                let password = self.login.password.expose();
                let known = digest::proves_server(&info, &shown, &response.body, password);
                proof = match (known, proof) {
                    (false, _) | (_, Proof::Wrong) => Proof::Wrong,
                    (true, _) => Proof::Good,
                };
            }
            if let Some(next) = info.next_nonce.filter(|next| !next.is_empty())
                && proof != Proof::Wrong
                && let Some(session) =
                    self.sessions.iter_mut().find(|s| s.asker == asker && s.challenge.nonce == shown.nonce)
            {
                session.challenge.nonce = next;
                session.count = 0;
            }
        }
        proof
    }

    /// The challenges to answer, one for a realm: the strongest algorithm, the topmost of equals. RFC 8760 2.4 takes
    /// the topmost that is known unless the local policy is another; ours is that a list in a wrong order shall not
    /// bring MD5 back. Servers that keep to the RFC list the strongest first, where both are the same.
    fn chosen(&self, response: &Response, asker: Asker) -> Vec<Challenge> {
        let mut chosen: Vec<Challenge> = Vec::new();
        for value in response.headers.all(asker.challenge_header()) {
            // RFC 8760 2.4: what is not understood is skipped.
            let Ok(challenge) = Challenge::parse(value) else { continue };
            let ours = self.login.realm.as_ref().is_none_or(|realm| *realm == challenge.realm);
            if !ours || challenge.qop == Qop::Unsupported {
                continue;
            }
            match chosen.iter_mut().find(|c| c.realm == challenge.realm) {
                Some(other) if strength(challenge.algorithm) > strength(other.algorithm) => {
                    *other = challenge
                }
                Some(_) => {}
                None => chosen.push(challenge),
            }
        }
        // The first server to ask names the realm; later ones must name the same.
        if self.login.realm.is_none() {
            chosen.truncate(1);
        }
        chosen
    }

    fn take(
        &mut self,
        asker: Asker,
        challenge: Challenge,
        request: &Request,
        attempt: &Attempt,
    ) -> Result<(), Refusal> {
        let shown = credentials_of(request, asker).find(|c| c.realm == challenge.realm);
        if let Some(shown) = shown
            && challenge.freshness == Freshness::Fresh
        {
            let just_given =
                attempt.answered.iter().any(|(a, realm)| *a == asker && *realm == challenge.realm);
            // A nonce kept from an earlier request may be too old at a server that does not say `stale`; one given
            // to this request may not.
            if just_given || shown.nonce == challenge.nonce {
                return Err(Refusal::WrongCredentials);
            }
        }
        self.login.realm.get_or_insert_with(|| challenge.realm.clone());
        let registrar = asker == Asker::User && request.method == Method::REGISTER;
        let same = |s: &Session| {
            s.asker == asker && s.registrar == registrar && s.challenge.realm == challenge.realm
        };
        // Another request may have been given the same nonce meanwhile: its count goes on.
        if let Some(old) = self.sessions.iter_mut().find(|s| same(s) && s.challenge.nonce == challenge.nonce)
        {
            old.challenge = challenge;
            return Ok(());
        }
        self.sessions.retain(|s| !same(s));
        self.sessions.push(Session { asker, registrar, challenge, count: 0 });
        Ok(())
    }
}

/// RFC 8760 2.1: what each is worth.
fn strength(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Md5 | Algorithm::Md5Sess => 0,
        Algorithm::Sha256 | Algorithm::Sha256Sess => 1,
        Algorithm::Sha512Trunc256 | Algorithm::Sha512Trunc256Sess => 2,
    }
}

fn credentials_of(request: &Request, asker: Asker) -> impl Iterator<Item = Credentials> {
    request.headers.all(asker.credentials_header()).filter_map(|value| Credentials::parse(value).ok())
}

/// The credentials of a request that one of the sessions made.
fn shown(request: &Request, asker: Asker, sessions: &[Session]) -> Option<Credentials> {
    credentials_of(request, asker)
        .find(|c| sessions.iter().any(|s| s.asker == asker && s.challenge.realm == c.realm))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Uri;
    use crate::wire::auth::Protection;

    /// A request on its way through challenges.
    struct Trial {
        authentication: Authentication,
        request: Request,
        attempt: Attempt,
        random: Random,
    }

    impl Trial {
        fn new() -> Trial {
            let mut request = Request::new(Method::MESSAGE, Uri::parse("sip:r").unwrap());
            request.set_body("text/plain", b"hello".to_vec());
            let authentication = Authentication::new(Login::new("u", "p"));
            Trial { authentication, request, attempt: Attempt::default(), random: Random::new([1; 32]) }
        }

        /// The next request of the same account.
        fn later(mut self) -> Trial {
            self.attempt = Attempt::default();
            self
        }

        fn sign(&mut self) -> Vec<Credentials> {
            self.authentication.sign_for(&mut self.request, &mut self.random, |_| true);
            credentials_of(&self.request, Asker::User).collect()
        }

        /// A 401 with these challenges; where they are answered, the credentials.
        fn challenge(&mut self, values: &[&str]) -> Result<Vec<Credentials>, Refusal> {
            let mut response = Response::new(401);
            for value in values {
                response.headers.add("WWW-Authenticate", format!("Digest realm=\"r\", {value}"));
            }
            let Trial { authentication, request, attempt, .. } = self;
            authentication.take_challenges(&response, request, attempt, |_| true)?;
            Ok(self.sign())
        }

        fn settle(&mut self, info: &str) -> Proof {
            let mut response = Response::new(200);
            response.headers.add("Authentication-Info", info);
            self.authentication.settle(&response, &self.request)
        }
    }

    fn counts(credentials: &[Credentials]) -> Vec<u32> {
        credentials.iter().map(|c| c.qop.as_ref().unwrap().nc).collect()
    }

    #[test]
    fn the_count_grows_per_nonce() {
        let mut trial = Trial::new();
        assert_eq!(counts(&trial.challenge(&["nonce=\"1\", qop=\"auth\""]).unwrap()), [1]);
        assert_eq!((counts(&trial.sign()), counts(&trial.sign())), (vec![2], vec![3]));
        assert_eq!(counts(&trial.challenge(&["nonce=\"2\", qop=\"auth\", stale=true"]).unwrap()), [1]);
    }

    #[test]
    fn a_fresh_nonce_refused_means_a_wrong_password_and_stale_does_not() {
        let mut trial = Trial::new();
        trial.challenge(&["nonce=\"1\""]).unwrap();
        trial.challenge(&["nonce=\"2\", stale=true"]).unwrap();
        assert_eq!(trial.challenge(&["nonce=\"3\""]), Err(Refusal::WrongCredentials));
    }

    #[test]
    fn a_kept_nonce_may_be_refused_once_without_stale() {
        let mut trial = Trial::new();
        trial.challenge(&["nonce=\"1\""]).unwrap();
        let mut later = trial.later();
        later.sign();
        later.challenge(&["nonce=\"2\""]).unwrap();
        assert_eq!(later.challenge(&["nonce=\"3\""]), Err(Refusal::WrongCredentials));
    }

    #[test]
    fn a_nonce_handed_out_twice_at_once_is_no_refusal() {
        let mut trial = Trial::new();
        trial.challenge(&["nonce=\"1\", qop=\"auth\""]).unwrap();
        // Another request of the account, sent before the first was challenged.
        let mut other = trial.later();
        Authentication::unsign(&mut other.request);
        assert_eq!(counts(&other.challenge(&["nonce=\"1\", qop=\"auth\""]).unwrap()), [2]);
    }

    #[test]
    fn the_strongest_known_algorithm_is_taken_whatever_the_order() {
        let md5 = "nonce=\"m\", algorithm=MD5";
        let sha256 = "nonce=\"s\", algorithm=SHA-256, qop=\"auth\"";
        let again = "nonce=\"t\", algorithm=SHA-256, qop=\"auth\"";
        let sha512 = "nonce=\"x\", algorithm=SHA-512-256, qop=\"auth\"";
        let unknown = "nonce=\"u\", algorithm=FOO-1";
        let taken = |values: &[&str]| {
            let credentials = Trial::new().challenge(values).unwrap();
            assert_eq!(credentials.len(), 1);
            credentials[0].nonce.clone()
        };
        assert_eq!(taken(&[unknown, sha512, sha256, md5]), "x");
        assert_eq!(taken(&[md5, sha256, sha512]), "x");
        assert_eq!(taken(&[unknown, sha256, again, md5]), "s");
        assert_eq!(taken(&[md5, "nonce=\"z\", algorithm=SHA-256, qop=\"auth-conf\""]), "m");
    }

    #[test]
    fn foreign_realms_are_left() {
        let mut trial = Trial::new();
        trial.challenge(&["nonce=\"1\""]).unwrap();
        let mut response = Response::new(401);
        response.headers.add("WWW-Authenticate", "Digest realm=\"evil\", nonce=\"1\"");
        let Trial { authentication, request, attempt, .. } = &mut trial;
        let refused = authentication.take_challenges(&response, request, attempt, |_| true);
        assert_eq!(refused, Err(Refusal::NotForUs));
    }

    #[test]
    fn endless_stale_is_given_up() {
        let mut trial = Trial::new();
        let results: Vec<_> =
            (0..6).map(|n| trial.challenge(&[&format!("nonce=\"{n}\", stale=true")]).err()).collect();
        assert_eq!((results[4], results[5]), (None, Some(Refusal::TooManyRounds)));
    }

    #[test]
    fn the_body_is_protected_where_nothing_less_is_offered() {
        let mut trial = Trial::new();
        let credentials = trial.challenge(&["nonce=\"1\", algorithm=SHA-256, qop=\"auth-int\""]).unwrap();
        assert_eq!(credentials[0].qop.as_ref().unwrap().protection, Protection::AuthInt);
        assert!(digest::verify(&credentials[0], &Method::MESSAGE, b"hello", "p"));
        assert!(!digest::verify(&credentials[0], &Method::MESSAGE, b"other", "p"));
    }

    #[test]
    fn the_next_nonce_is_used_and_its_count_begins_anew() {
        let mut trial = Trial::new();
        trial.challenge(&["nonce=\"1\", qop=\"auth\""]).unwrap();
        assert_eq!(trial.settle("nextnonce=\"2\""), Proof::Absent);
        let next = trial.sign();
        assert_eq!((next[0].nonce.as_str(), counts(&next)), ("2", vec![1]));
        // An answer to the request before says nothing about the nonce of now.
        let mut late = Request::new(Method::MESSAGE, Uri::parse("sip:r").unwrap());
        late.headers.add("Authorization", next[0].to_string().replace("nonce=\"2\"", "nonce=\"1\""));
        let mut response = Response::new(200);
        response.headers.add("Authentication-Info", "nextnonce=\"3\"");
        trial.authentication.settle(&response, &late);
        assert_eq!(trial.sign()[0].nonce, "2");
    }

    #[test]
    fn a_server_proves_itself_or_is_found_out() {
        let mut trial = Trial::new();
        let shown = trial.challenge(&["nonce=\"1\", qop=\"auth\""]).unwrap();
        let proof = |password: &str| {
            AuthenticationInfo {
                next_nonce: Some("2".into()),
                ..digest::server_proof(&shown[0], b"", password)
            }
            .to_string()
        };
        assert_eq!(trial.settle(&proof("not p")), Proof::Wrong);
        assert_eq!(trial.settle(&proof("p")), Proof::Good);
        assert_eq!(trial.sign()[0].nonce, "2");
    }
}
