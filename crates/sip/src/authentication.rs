//! A client's side of digest authentication (RFC 3261 22, RFC 7616, RFC 8760): which challenges to answer, with
//! which nonce count, and when the password must be wrong.
//!
//! Invariant: an answer goes out only for the realm the credentials are for, and never twice for the same nonce that
//! was refused as not stale. To whom the request goes is checked by the caller, who knows the path.

use crate::config::Login;
use crate::random::Random;
use crate::wire::auth::{Challenge, Freshness, Qop};
use crate::wire::digest::{self, Count, Sent};
use crate::wire::{HeaderAccess as _, Request, Response};

/// After so many challenges to one request the server is going in circles.
const MAX_ROUNDS: u8 = 5;

/// Who asked (RFC 3261 22.2, 22.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// A user agent or registrar: 401, WWW-Authenticate, Authorization.
    User,
    /// A proxy: 407, Proxy-Authenticate, Proxy-Authorization.
    Proxy,
}

/// A nonce in use.
#[derive(Debug, Clone)]
struct Session {
    asker: Asker,
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
    /// No challenge of a known scheme, algorithm and our realm.
    NotForUs,
    /// The server challenges without end.
    TooManyRounds,
}

impl Asker {
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
}

impl Authentication {
    pub(crate) fn new(login: Login) -> Authentication {
        Authentication { login, sessions: Vec::new() }
    }

    /// Credentials without the nonces: for another kind of request.
    pub(crate) fn login(&self) -> &Login {
        &self.login
    }

    /// Takes the challenges of a 401 or 407. On success [`Self::sign`] answers them.
    pub(crate) fn take_challenge(
        &mut self,
        response: &Response,
        attempt: &mut Attempt,
    ) -> Result<(), Refusal> {
        attempt.rounds = attempt.rounds.saturating_add(1);
        if attempt.rounds > MAX_ROUNDS {
            return Err(Refusal::TooManyRounds);
        }
        let mut taken = Vec::new();
        for asker in [Asker::User, Asker::Proxy] {
            for value in response.headers.all(asker.challenge_header()) {
                // RFC 8760 2.4: what is not understood is skipped; of the rest the topmost counts.
                let Ok(challenge) = Challenge::parse(value) else { continue };
                let place = (asker, challenge.realm.clone());
                let ours = self.login.realm.as_ref().is_none_or(|realm| *realm == challenge.realm);
                if challenge.qop == Qop::Unsupported || !ours || taken.contains(&place) {
                    continue;
                }
                taken.push(place.clone());
                self.take(asker, challenge, attempt)?;
                attempt.answered.push(place);
            }
        }
        if taken.is_empty() { Err(Refusal::NotForUs) } else { Ok(()) }
    }

    /// Puts credentials for every nonce in use into a request, counting them (RFC 7616 3.4: nc).
    pub(crate) fn sign(&mut self, request: &mut Request, random: &mut Random) {
        for asker in [Asker::User, Asker::Proxy] {
            request.headers.remove(asker.credentials_header());
        }
        let uri = request.uri.to_string();
        for session in &mut self.sessions {
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

    fn take(&mut self, asker: Asker, challenge: Challenge, attempt: &Attempt) -> Result<(), Refusal> {
        let same = |s: &Session| s.asker == asker && s.challenge.realm == challenge.realm;
        if let Some(old) = self.sessions.iter().find(|s| same(s))
            && challenge.freshness == Freshness::Fresh
        {
            let just_given =
                attempt.answered.iter().any(|(a, realm)| *a == asker && *realm == challenge.realm);
            // A nonce kept from an earlier request may be too old at a server that does not say `stale`; one given
            // to this request may not.
            if just_given || old.challenge.nonce == challenge.nonce {
                return Err(Refusal::WrongCredentials);
            }
        }
        // The first server to ask names the realm; later ones must name the same.
        self.login.realm.get_or_insert_with(|| challenge.realm.clone());
        self.sessions.retain(|s| !same(s));
        self.sessions.push(Session { asker, challenge, count: 0 });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::auth::Credentials;
    use crate::wire::{Method, Uri};

    fn challenged(values: &[&str]) -> Response {
        let mut response = Response::new(401);
        for value in values {
            response.headers.add("WWW-Authenticate", *value);
        }
        response
    }

    fn signed(authentication: &mut Authentication) -> Vec<Credentials> {
        let mut request = Request::new(Method::REGISTER, Uri::parse("sip:r").unwrap());
        authentication.sign(&mut request, &mut Random::new([1; 32]));
        request.headers.all("Authorization").map(|v| Credentials::parse(v).unwrap()).collect()
    }

    fn fresh() -> (Authentication, Attempt) {
        (Authentication::new(Login::new("u", "p")), Attempt::default())
    }

    #[test]
    fn the_count_grows_per_nonce() {
        let (mut a, mut attempt) = fresh();
        a.take_challenge(&challenged(&["Digest realm=\"r\", nonce=\"1\", qop=\"auth\""]), &mut attempt)
            .unwrap();
        let counts: Vec<u32> = (0..3).map(|_| signed(&mut a)[0].qop.clone().unwrap().nc).collect();
        assert_eq!(counts, [1, 2, 3]);
        a.take_challenge(
            &challenged(&["Digest realm=\"r\", nonce=\"2\", qop=\"auth\", stale=true"]),
            &mut attempt,
        )
        .unwrap();
        assert_eq!(signed(&mut a)[0].qop.clone().unwrap().nc, 1);
    }

    #[test]
    fn a_fresh_nonce_refused_means_a_wrong_password_and_stale_does_not() {
        let (mut a, mut attempt) = fresh();
        a.take_challenge(&challenged(&["Digest realm=\"r\", nonce=\"1\""]), &mut attempt).unwrap();
        a.take_challenge(&challenged(&["Digest realm=\"r\", nonce=\"2\", stale=true"]), &mut attempt)
            .unwrap();
        let refusal = a.take_challenge(&challenged(&["Digest realm=\"r\", nonce=\"3\""]), &mut attempt);
        assert_eq!(refusal, Err(Refusal::WrongCredentials));
    }

    #[test]
    fn a_kept_nonce_may_be_refused_once_without_stale() {
        let (mut a, mut attempt) = fresh();
        a.take_challenge(&challenged(&["Digest realm=\"r\", nonce=\"1\""]), &mut attempt).unwrap();
        let mut later = Attempt::default();
        a.take_challenge(&challenged(&["Digest realm=\"r\", nonce=\"2\""]), &mut later).unwrap();
        let refusal = a.take_challenge(&challenged(&["Digest realm=\"r\", nonce=\"3\""]), &mut later);
        assert_eq!(refusal, Err(Refusal::WrongCredentials));
    }

    #[test]
    fn the_topmost_known_algorithm_is_taken_and_foreign_realms_are_left() {
        let (mut a, mut attempt) = fresh();
        let offer = challenged(&[
            "Digest realm=\"r\", nonce=\"1\", algorithm=FOO-1",
            "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256, qop=\"auth\"",
            "Digest realm=\"r\", nonce=\"3\", algorithm=MD5",
        ]);
        a.take_challenge(&offer, &mut attempt).unwrap();
        let credentials = signed(&mut a);
        assert_eq!((credentials.len(), credentials[0].nonce.as_str()), (1, "2"));
        let foreign = challenged(&["Digest realm=\"evil\", nonce=\"1\""]);
        assert_eq!(a.take_challenge(&foreign, &mut attempt), Err(Refusal::NotForUs));
    }

    #[test]
    fn endless_stale_is_given_up() {
        let (mut a, mut attempt) = fresh();
        let result: Vec<_> = (0..6)
            .map(|n| {
                let value = format!("Digest realm=\"r\", nonce=\"{n}\", stale=true");
                a.take_challenge(&challenged(&[&value]), &mut attempt)
            })
            .collect();
        assert_eq!(result[4], Ok(()));
        assert_eq!(result[5], Err(Refusal::TooManyRounds));
    }
}
