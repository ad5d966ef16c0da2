//! Digest computation for both sides (RFC 7616, RFC 2617, with the algorithms RFC 8760 brings to SIP).

use super::Method;
use super::auth::{AuthenticationInfo, Challenge, Credentials, Protection, Qop, QopAuth};
use md5::Digest as _;

/// A hash algorithm of RFC 8760 2.1 (and its `-sess` form, RFC 7616 3.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `MD5`, for servers that know nothing newer.
    Md5,
    /// `MD5-sess`.
    Md5Sess,
    /// `SHA-256`.
    Sha256,
    /// `SHA-256-sess`.
    Sha256Sess,
    /// `SHA-512-256`.
    Sha512Trunc256,
    /// `SHA-512-256-sess`.
    Sha512Trunc256Sess,
}

/// The request that credentials are for.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its Request-URI.
    pub uri: &'a str,
    /// Its body, which counts with `auth-int`.
    pub body: &'a [u8],
}

/// How often a nonce has been used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Client nonce.
    pub cnonce: String,
    /// 1 for the first request with the server's nonce (RFC 7616 3.4).
    pub nc: u32,
}

/// What is hashed beside the password.
#[derive(Debug, Clone, Copy)]
struct Input<'a> {
    username: &'a str,
    realm: &'a str,
    nonce: &'a str,
    uri: &'a str,
    /// Empty for the server's proof (RFC 7616 3.5).
    method: &'a str,
    body: &'a [u8],
    qop: Option<&'a QopAuth>,
}

impl Algorithm {
    /// Reads the name without regard to case.
    pub fn parse(name: &str) -> Option<Algorithm> {
        use Algorithm::*;
        [Md5, Md5Sess, Sha256, Sha256Sess, Sha512Trunc256, Sha512Trunc256Sess]
            .into_iter()
            .find(|a| a.as_str().eq_ignore_ascii_case(name))
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Md5Sess => "MD5-sess",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha256Sess => "SHA-256-sess",
            Algorithm::Sha512Trunc256 => "SHA-512-256",
            Algorithm::Sha512Trunc256Sess => "SHA-512-256-sess",
        }
    }

    fn hash(self, text: impl AsRef<[u8]>) -> String {
        let text = text.as_ref();
        let bytes = match self {
            Algorithm::Md5 | Algorithm::Md5Sess => md5::Md5::digest(text).to_vec(),
            Algorithm::Sha256 | Algorithm::Sha256Sess => sha2::Sha256::digest(text).to_vec(),
            Algorithm::Sha512Trunc256 | Algorithm::Sha512Trunc256Sess => {
                sha2::Sha512_256::digest(text).to_vec()
            }
        };
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    fn is_session(self) -> bool {
        matches!(self, Algorithm::Md5Sess | Algorithm::Sha256Sess | Algorithm::Sha512Trunc256Sess)
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A client's answer to a challenge. `None` when the challenge offers nothing that is understood.
pub fn answer(
    challenge: &Challenge,
    username: &str,
    password: &str,
    sent: Sent<'_>,
    count: Count,
) -> Option<Credentials> {
    let counted = |protection| QopAuth { protection, cnonce: count.cnonce, nc: count.nc };
    let qop = match challenge.qop {
        Qop::Auth => Some(counted(Protection::Auth)),
        Qop::AuthInt => Some(counted(Protection::AuthInt)),
        Qop::None => None,
        Qop::Unsupported => return None,
    };
    let response = response(
        challenge.algorithm,
        password,
        Input {
            username,
            realm: &challenge.realm,
            nonce: &challenge.nonce,
            uri: sent.uri,
            method: sent.method.as_str(),
            body: sent.body,
            qop: qop.as_ref(),
        },
    );
    Some(Credentials {
        username: username.to_owned(),
        realm: challenge.realm.clone(),
        nonce: challenge.nonce.clone(),
        uri: sent.uri.to_owned(),
        response,
        algorithm: challenge.algorithm,
        qop,
        opaque: challenge.opaque.clone(),
    })
}

/// Whether the credentials of a request prove the password. Realm, nonce age, nonce count and user are the server's
/// to check.
pub fn verify(credentials: &Credentials, method: &Method, body: &[u8], password: &str) -> bool {
    same(&credentials.response, &computed(credentials, method.as_str(), body, password))
}

/// The server's proof that it knows the password, for a response with this body to a request with these credentials
/// (`rspauth`, RFC 7616 3.5).
pub fn server_proof(credentials: &Credentials, body: &[u8], password: &str) -> AuthenticationInfo {
    AuthenticationInfo {
        next_nonce: None,
        rspauth: Some(computed(credentials, "", body, password)),
        qop: credentials.qop.clone(),
    }
}

/// Whether a response came from someone who knows the password. `false` where no proof is given.
pub fn proves_server(
    info: &AuthenticationInfo,
    credentials: &Credentials,
    body: &[u8],
    password: &str,
) -> bool {
    let proof = info.rspauth.as_deref();
    proof.is_some_and(|proof| same(proof, &computed(credentials, "", body, password)))
}

fn computed(credentials: &Credentials, method: &str, body: &[u8], password: &str) -> String {
    response(
        credentials.algorithm,
        password,
        Input {
            username: &credentials.username,
            realm: &credentials.realm,
            nonce: &credentials.nonce,
            uri: &credentials.uri,
            method,
            body,
            qop: credentials.qop.as_ref(),
        },
    )
}

/// The hex `response` value (RFC 7616 3.4.1).
fn response(algorithm: Algorithm, password: &str, input: Input<'_>) -> String {
    let Input { username, realm, nonce, uri, method, body, qop } = input;
    let mut ha1 = algorithm.hash(format!("{username}:{realm}:{password}"));
    if algorithm.is_session() {
        // RFC 7616 3.4.2
        let cnonce = qop.map(|q| q.cnonce.as_str()).unwrap_or_default();
        ha1 = algorithm.hash(format!("{ha1}:{nonce}:{cnonce}"));
    }
    let ha2 = match qop.map(|q| q.protection) {
        // RFC 7616 3.4.3
        Some(Protection::AuthInt) => algorithm.hash(format!("{method}:{uri}:{}", algorithm.hash(body))),
        Some(Protection::Auth) | None => algorithm.hash(format!("{method}:{uri}")),
    };
    match qop {
        Some(QopAuth { protection, cnonce, nc }) => {
            algorithm.hash(format!("{ha1}:{nonce}:{nc:08x}:{cnonce}:{}:{ha2}", protection.as_str()))
        }
        // RFC 2617 3.2.2.1: the RFC 2069 form, for challenges without qop.
        None => algorithm.hash(format!("{ha1}:{nonce}:{ha2}")),
    }
}

/// Compares hex digits in a time that does not depend on where they differ.
fn same(given: &str, expected: &str) -> bool {
    given.len() == expected.len()
        && given
            .bytes()
            .zip(expected.bytes())
            .fold(0u8, |d, (a, b)| d | (a.to_ascii_lowercase() ^ b.to_ascii_lowercase()))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 3.5.
    #[test]
    fn rfc_2617_example() {
        let qop = QopAuth { protection: Protection::Auth, cnonce: "0a4f113b".into(), nc: 1 };
        let input = Input {
            username: "Mufasa",
            realm: "testrealm@host.com",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            uri: "/dir/index.html",
            method: "GET",
            body: b"",
            qop: Some(&qop),
        };
        assert_eq!(response(Algorithm::Md5, "Circle Of Life", input), "6629fae49393a05397450978507c4ef1");
        let plain = Input { qop: None, ..input };
        assert_eq!(response(Algorithm::Md5, "Circle Of Life", plain), "670fd8c2df070c60b045671b8b24ff02");
    }

    /// RFC 7616 3.9.1: MD5 and SHA-256 of the same request.
    #[test]
    fn rfc_7616_example() {
        let qop = QopAuth {
            protection: Protection::Auth,
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ".into(),
            nc: 1,
        };
        let input = Input {
            username: "Mufasa",
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            uri: "/dir/index.html",
            method: "GET",
            body: b"",
            qop: Some(&qop),
        };
        assert_eq!(response(Algorithm::Md5, "Circle of Life", input), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            response(Algorithm::Sha256, "Circle of Life", input),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    #[test]
    fn what_one_side_answers_the_other_verifies() {
        for name in ["MD5", "md5-SESS", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"] {
            for qop in ["", ", qop=\"auth\"", ", qop=\"auth-int\""] {
                let challenge =
                    Challenge::parse(&format!("Digest realm=\"r\", nonce=\"n\", algorithm={name}{qop}"))
                        .unwrap();
                let count = Count { cnonce: "c".into(), nc: 3 };
                let sent = Sent { method: &Method::REGISTER, uri: "sip:r", body: b"body" };
                let credentials = answer(&challenge, "u", "p", sent, count).unwrap();
                let back = Credentials::parse(&credentials.to_string()).unwrap();
                assert!(verify(&back, &Method::REGISTER, b"body", "p"), "{name}{qop}");
                assert!(!verify(&back, &Method::REGISTER, b"body", "q"), "{name}{qop}");
                assert!(!verify(&back, &Method::INVITE, b"body", "p"), "{name}{qop}");
                // Only auth-int looks at the body.
                assert_eq!(verify(&back, &Method::REGISTER, b"Body", "p"), challenge.qop != Qop::AuthInt);
                let info = server_proof(&back, b"answer", "p").to_string();
                let info = <AuthenticationInfo as crate::wire::HeaderView>::parse(&info).unwrap();
                assert!(proves_server(&info, &credentials, b"answer", "p"));
                assert!(!proves_server(&info, &credentials, b"answer", "q"));
                assert_ne!(info.rspauth.as_deref(), Some(credentials.response.as_str()));
            }
        }
        let silent = AuthenticationInfo::default();
        let credentials = Credentials::parse(
            "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", response=\"\"",
        );
        assert!(!proves_server(&silent, &credentials.unwrap(), b"", "p"));
    }

    /// RFC 2617 3.2.2.3 spelt out with MD5 sums from another program:
    /// `printf '%s' "u:r:p" | md5sum` and so on.
    #[test]
    fn the_body_is_hashed_into_auth_int() {
        let qop = QopAuth { protection: Protection::AuthInt, cnonce: "c".into(), nc: 1 };
        let input = Input {
            username: "u",
            realm: "r",
            nonce: "n",
            uri: "sip:r",
            method: "INVITE",
            body: b"v=0\r\n",
            qop: Some(&qop),
        };
        assert_eq!(response(Algorithm::Md5, "p", input), "f7990433aa5881b806220ec46a025d9f");
    }

    #[test]
    fn unknown_protection_is_not_answered() {
        let challenge = Challenge::parse("Digest realm=\"r\", nonce=\"n\", qop=\"auth-conf\"").unwrap();
        let sent = Sent { method: &Method::INVITE, uri: "sip:r", body: b"" };
        assert!(answer(&challenge, "u", "p", sent, Count { cnonce: "c".into(), nc: 1 }).is_none());
    }
}
