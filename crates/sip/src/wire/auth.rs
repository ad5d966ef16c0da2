//! Challenges and credentials: `WWW-Authenticate`, `Proxy-Authenticate`, `Authorization`, `Proxy-Authorization`,
//! `Authentication-Info` (RFC 3261 22, RFC 7616, RFC 8760).
//!
//! What the fields mean together is computed in [`super::digest`].

use super::digest::Algorithm;
use super::token::{Scanner, is_token, quote, unquote};
use super::{HeaderView, Malformed};

/// A Digest challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Who asks.
    pub realm: String,
    /// To be hashed into the answer.
    pub nonce: String,
    /// To be sent back as it is.
    pub opaque: Option<String>,
    /// The hash; MD5 when the challenge names none.
    pub algorithm: Algorithm,
    /// The quality of protection on offer.
    pub qop: Qop,
    /// Whether only the nonce was too old (RFC 7616 3.3).
    pub freshness: Freshness,
}

/// The quality of protection a challenge offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qop {
    /// None named: the RFC 2069 form.
    None,
    /// `auth`, perhaps beside others. It is taken even where `auth-int` is on offer too: what stands between a phone
    /// and its server often rewrites bodies.
    Auth,
    /// `auth-int` without `auth`.
    AuthInt,
    /// Only others than these two: not answered.
    Unsupported,
}

/// What a response with a `qop` is computed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protection {
    /// `auth`: method and URI.
    Auth,
    /// `auth-int`: method, URI and body.
    AuthInt,
}

/// The `stale` flag of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// `stale=true`: the credentials were right, the nonce was too old.
    Stale,
    /// Not stale: the credentials were wrong or absent.
    Fresh,
}

/// Digest credentials as they stand in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub username: String,
    /// The realm of the challenge.
    pub realm: String,
    /// The nonce of the challenge.
    pub nonce: String,
    /// The `uri` field: the Request-URI as the client knew it.
    pub uri: String,
    /// The hex digest.
    pub response: String,
    /// The hash; MD5 when none is named.
    pub algorithm: Algorithm,
    /// Present with a `qop`: client nonce and count.
    pub qop: Option<QopAuth>,
    /// Sent back from the challenge.
    pub opaque: Option<String>,
}

/// The fields that come with a `qop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QopAuth {
    /// Which `qop`.
    pub protection: Protection,
    /// Client nonce.
    pub cnonce: String,
    /// How many requests were sent with this nonce, 1 for the first (RFC 7616 3.4).
    pub nc: u32,
}

/// What a server says after it took credentials (RFC 7616 3.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthenticationInfo {
    /// To be used for the next request, counted from 1.
    pub next_nonce: Option<String>,
    /// The server's own proof that it knows the password: see [`super::digest::proves_server`].
    pub rspauth: Option<String>,
    /// Client nonce and count the proof is for.
    pub qop: Option<QopAuth>,
}

impl Protection {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Protection::Auth => "auth",
            Protection::AuthInt => "auth-int",
        }
    }

    fn parse(word: &str) -> Option<Protection> {
        [Protection::Auth, Protection::AuthInt].into_iter().find(|p| p.as_str().eq_ignore_ascii_case(word))
    }
}

impl Challenge {
    /// Reads a challenge. Other schemes than Digest and unknown algorithms are an error: the caller skips them
    /// (RFC 8760 2.4).
    pub fn parse(value: &str) -> Result<Challenge, Malformed> {
        let fields = Fields::parse(value)?;
        let qop = match fields.get("qop") {
            None => Qop::None,
            Some(list) => {
                let offers = |p| list.split(',').any(|word| Protection::parse(word.trim()) == Some(p));
                match (offers(Protection::Auth), offers(Protection::AuthInt)) {
                    (true, _) => Qop::Auth,
                    (false, true) => Qop::AuthInt,
                    (false, false) => Qop::Unsupported,
                }
            }
        };
        Ok(Challenge {
            realm: fields.need("realm")?,
            nonce: fields.need("nonce")?,
            opaque: fields.get("opaque"),
            algorithm: fields.algorithm()?,
            qop,
            freshness: match fields.get("stale") {
                Some(stale) if stale.eq_ignore_ascii_case("true") => Freshness::Stale,
                _ => Freshness::Fresh,
            },
        })
    }
}

impl Credentials {
    /// Reads an Authorization or Proxy-Authorization value.
    pub fn parse(value: &str) -> Result<Credentials, Malformed> {
        let fields = Fields::parse(value)?;
        Ok(Credentials {
            username: fields.need("username")?,
            realm: fields.need("realm")?,
            nonce: fields.need("nonce")?,
            uri: fields.need("uri")?,
            response: fields.need("response")?,
            algorithm: fields.algorithm()?,
            qop: fields.qop()?,
            opaque: fields.get("opaque"),
        })
    }
}

impl HeaderView for AuthenticationInfo {
    const NAME: &'static str = "Authentication-Info";

    fn parse(value: &str) -> Result<AuthenticationInfo, Malformed> {
        let mut scanner = Scanner::new(value);
        scanner.skip_ws();
        let fields = Fields::list(scanner)?;
        Ok(AuthenticationInfo {
            next_nonce: fields.get("nextnonce"),
            rspauth: fields.get("rspauth"),
            qop: fields.qop()?,
        })
    }
}

impl std::fmt::Display for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest realm={}, nonce={}", quote(&self.realm), quote(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", quote(opaque))?;
        }
        if self.freshness == Freshness::Stale {
            f.write_str(", stale=true")?;
        }
        write!(f, ", algorithm={}", self.algorithm)?;
        match self.qop {
            Qop::Auth => f.write_str(", qop=\"auth\""),
            Qop::AuthInt => f.write_str(", qop=\"auth-int\""),
            Qop::None | Qop::Unsupported => Ok(()),
        }
    }
}

impl std::fmt::Display for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\", algorithm={}",
            quote(&self.username),
            quote(&self.realm),
            quote(&self.nonce),
            quote(&self.uri),
            self.response,
            self.algorithm
        )?;
        if let Some(qop) = &self.qop {
            write!(f, ", {qop}")?;
        }
        match &self.opaque {
            Some(opaque) => write!(f, ", opaque={}", quote(opaque)),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for QopAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // RFC 7616 3.4: qop and nc stand without quotes in credentials.
        write!(f, "qop={}, cnonce={}, nc={:08x}", self.protection.as_str(), quote(&self.cnonce), self.nc)
    }
}

impl std::fmt::Display for AuthenticationInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            self.next_nonce.as_deref().map(|nonce| format!("nextnonce={}", quote(nonce))),
            self.rspauth.as_deref().map(|proof| format!("rspauth={}", quote(proof))),
            self.qop.as_ref().map(QopAuth::to_string),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// `auth-param`s of one challenge or credentials value.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(value: &str) -> Result<Fields, Malformed> {
        let mut scanner = Scanner::new(value);
        scanner.skip_ws();
        if !scanner.token("authentication scheme")?.eq_ignore_ascii_case("Digest") {
            return Err(Malformed("authentication scheme"));
        }
        scanner.skip_ws();
        Fields::list(scanner)
    }

    fn list(mut scanner: Scanner<'_>) -> Result<Fields, Malformed> {
        let bad = Malformed("authentication");
        let mut fields = Vec::new();
        while !scanner.at_end() {
            let name = scanner.token("authentication field")?.to_owned();
            if !scanner.eat('=') {
                return Err(bad);
            }
            let value = match scanner.peek() {
                Some('"') => unquote(scanner.quoted_raw("authentication field")?),
                _ => scanner.take_while(|c| !c.is_whitespace() && c != ',').to_owned(),
            };
            fields.push((name, value));
            if !scanner.eat(',') && !scanner.at_end() {
                return Err(bad);
            }
        }
        Ok(Fields(fields))
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone())
    }

    fn need(&self, name: &'static str) -> Result<String, Malformed> {
        self.get(name).ok_or(Malformed(name))
    }

    fn qop(&self) -> Result<Option<QopAuth>, Malformed> {
        let Some(word) = self.get("qop") else { return Ok(None) };
        let protection = Protection::parse(&word).ok_or(Malformed("qop"))?;
        // RFC 7616 3.4: eight hex digits; a sign, which the standard library would read, is none.
        let nc = self.need("nc")?;
        let nc = match nc.bytes().all(|b| b.is_ascii_hexdigit()) {
            true => u32::from_str_radix(&nc, 16).map_err(|_| Malformed("nc"))?,
            false => return Err(Malformed("nc")),
        };
        Ok(Some(QopAuth { protection, cnonce: self.need("cnonce")?, nc }))
    }

    fn algorithm(&self) -> Result<Algorithm, Malformed> {
        match self.get("algorithm") {
            None => Ok(Algorithm::Md5),
            Some(name) if is_token(&name) => Algorithm::parse(&name).ok_or(Malformed("algorithm")),
            Some(_) => Err(Malformed("algorithm")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_of_everyday_servers() {
        let asterisk = Challenge::parse(
            r#"Digest realm="asterisk",nonce="1700000000/abc",opaque="7f2e",algorithm=md5,qop="auth""#,
        )
        .unwrap();
        assert_eq!(
            (asterisk.algorithm, asterisk.qop, asterisk.opaque.as_deref()),
            (Algorithm::Md5, Qop::Auth, Some("7f2e"))
        );
        let kamailio = Challenge::parse(
            r#"Digest realm="sip.test", nonce="Y+/=", stale=TRUE, algorithm=SHA-256, qop="auth,auth-int""#,
        )
        .unwrap();
        assert_eq!(
            (kamailio.freshness, kamailio.qop, kamailio.algorithm),
            (Freshness::Stale, Qop::Auth, Algorithm::Sha256)
        );
        assert_eq!(Challenge::parse(&kamailio.to_string()).unwrap(), kamailio);
        for bad in [
            "Basic realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest realm=x nonce=y",
            "Digest realm=\"x\", nonce=\"n\", algorithm=FOO",
        ] {
            assert!(Challenge::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_round_trip() {
        let credentials = Credentials {
            username: "al\"ice".into(),
            realm: "r".into(),
            nonce: "n".into(),
            uri: "sip:r".into(),
            response: "00ff".into(),
            algorithm: Algorithm::Sha256,
            qop: Some(QopAuth { protection: Protection::AuthInt, cnonce: "c".into(), nc: 26 }),
            opaque: Some("o".into()),
        };
        let text = credentials.to_string();
        assert!(text.contains("nc=0000001a"));
        assert_eq!(Credentials::parse(&text).unwrap(), credentials);
    }
    #[test]
    fn offers_of_protection() {
        let qop =
            |list: &str| Challenge::parse(&format!("Digest realm=\"r\", nonce=\"n\"{list}")).unwrap().qop;
        assert_eq!(qop(""), Qop::None);
        assert_eq!(qop(", qop=\"auth-int , AUTH\""), Qop::Auth);
        assert_eq!(qop(", qop=auth-int"), Qop::AuthInt);
        assert_eq!(qop(", qop=\"auth-conf\""), Qop::Unsupported);
    }

    #[test]
    fn servers_prove_themselves() {
        use crate::wire::view::tests::{refused, round_trip};
        round_trip::<AuthenticationInfo>(&[
            ("nextnonce=\"47364c23432d2e131a5fb210812c\"", None),
            ("nextnonce=\"n\", rspauth=\"00ff\", qop=auth-int, cnonce=\"c\", nc=0000000a", None),
            (
                "rspauth=\"00\",qop=\"auth\",nc=1,cnonce=\"c\",x=y",
                Some("rspauth=\"00\", qop=auth, cnonce=\"c\", nc=00000001"),
            ),
        ]);
        refused::<AuthenticationInfo>(&[
            "nextnonce",
            "qop=auth",
            "qop=auth, cnonce=\"c\", nc=+1",
            "qop=x, cnonce=\"c\", nc=1",
        ]);
    }
}
