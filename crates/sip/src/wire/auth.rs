//! Challenges and credentials: `WWW-Authenticate`, `Proxy-Authenticate`, `Authorization`, `Proxy-Authorization`
//! (RFC 3261 22, RFC 7616, RFC 8760).
//!
//! What the fields mean together is computed in [`super::digest`].

use super::Malformed;
use super::digest::Algorithm;
use super::token::{Scanner, is_token, quote, unquote};

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
    /// Whether the server offers `qop=auth`. A server that offers only `auth-int` is not answered.
    pub qop: Qop,
    /// Whether only the nonce was too old (RFC 7616 3.3).
    pub freshness: Freshness,
}

/// The quality of protection a challenge offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qop {
    /// None named: the RFC 2069 form.
    None,
    /// `auth`, perhaps beside others.
    Auth,
    /// Only others than `auth`.
    Unsupported,
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
    /// Present with `qop=auth`: client nonce and count.
    pub qop: Option<QopAuth>,
    /// Sent back from the challenge.
    pub opaque: Option<String>,
}

/// The fields that come with `qop=auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QopAuth {
    /// Client nonce.
    pub cnonce: String,
    /// How many requests were sent with this nonce, 1 for the first (RFC 7616 3.4).
    pub nc: u32,
}

impl Challenge {
    /// Reads a challenge. Other schemes than Digest and unknown algorithms are an error: the caller skips them
    /// (RFC 8760 2.4).
    pub fn parse(value: &str) -> Result<Challenge, Malformed> {
        let fields = Fields::parse(value)?;
        let qop = match fields.get("qop") {
            None => Qop::None,
            Some(list) if list.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth")) => Qop::Auth,
            Some(_) => Qop::Unsupported,
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
        let qop = match fields.get("qop") {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let nc = u32::from_str_radix(&fields.need("nc")?, 16).map_err(|_| Malformed("nc"))?;
                Some(QopAuth { cnonce: fields.need("cnonce")?, nc })
            }
            Some(_) => return Err(Malformed("qop")),
            None => None,
        };
        Ok(Credentials {
            username: fields.need("username")?,
            realm: fields.need("realm")?,
            nonce: fields.need("nonce")?,
            uri: fields.need("uri")?,
            response: fields.need("response")?,
            algorithm: fields.algorithm()?,
            qop,
            opaque: fields.get("opaque"),
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
            // RFC 7616 3.4: qop and nc stand without quotes in credentials.
            write!(f, ", qop=auth, cnonce={}, nc={:08x}", quote(&qop.cnonce), qop.nc)?;
        }
        match &self.opaque {
            Some(opaque) => write!(f, ", opaque={}", quote(opaque)),
            None => Ok(()),
        }
    }
}

/// `auth-param`s of one challenge or credentials value.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(value: &str) -> Result<Fields, Malformed> {
        let bad = Malformed("authentication");
        let mut scanner = Scanner::new(value);
        scanner.skip_ws();
        if !scanner.token("authentication scheme")?.eq_ignore_ascii_case("Digest") {
            return Err(Malformed("authentication scheme"));
        }
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
            qop: Some(QopAuth { cnonce: "c".into(), nc: 26 }),
            opaque: Some("o".into()),
        };
        let text = credentials.to_string();
        assert!(text.contains("nc=0000001a"));
        assert_eq!(Credentials::parse(&text).unwrap(), credentials);
    }
}
