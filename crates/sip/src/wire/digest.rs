//! Digest computation for both sides (RFC 7616, RFC 2617, with the algorithms RFC 8760 brings to SIP).

use super::Method;
use super::auth::{Challenge, Credentials, Qop, QopAuth};
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

/// What is hashed beside the password.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The user name.
    pub username: &'a str,
    /// The realm.
    pub realm: &'a str,
    /// The server's nonce.
    pub nonce: &'a str,
    /// The `uri` field.
    pub uri: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// Client nonce and count, with `qop=auth`.
    pub qop: Option<&'a QopAuth>,
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

    fn hash(self, text: &str) -> String {
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

/// The hex `response` value (RFC 7616 3.4.1).
pub fn response(algorithm: Algorithm, password: &str, input: Input<'_>) -> String {
    let Input { username, realm, nonce, uri, method, qop } = input;
    let mut ha1 = algorithm.hash(&format!("{username}:{realm}:{password}"));
    if algorithm.is_session() {
        // RFC 7616 3.4.2
        let cnonce = qop.map(|q| q.cnonce.as_str()).unwrap_or_default();
        ha1 = algorithm.hash(&format!("{ha1}:{nonce}:{cnonce}"));
    }
    let ha2 = algorithm.hash(&format!("{method}:{uri}"));
    match qop {
        Some(QopAuth { cnonce, nc }) => {
            algorithm.hash(&format!("{ha1}:{nonce}:{nc:08x}:{cnonce}:auth:{ha2}"))
        }
        // RFC 2617 3.2.2.1: the RFC 2069 form, for challenges without qop.
        None => algorithm.hash(&format!("{ha1}:{nonce}:{ha2}")),
    }
}

/// A client's answer to a challenge. `None` when the challenge offers only `auth-int`.
pub fn answer(
    challenge: &Challenge,
    username: &str,
    password: &str,
    method: &Method,
    uri: &str,
    qop: QopAuth,
) -> Option<Credentials> {
    let qop = match challenge.qop {
        Qop::Auth => Some(qop),
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
            uri,
            method: method.as_str(),
            qop: qop.as_ref(),
        },
    );
    Some(Credentials {
        username: username.to_owned(),
        realm: challenge.realm.clone(),
        nonce: challenge.nonce.clone(),
        uri: uri.to_owned(),
        response,
        algorithm: challenge.algorithm,
        qop,
        opaque: challenge.opaque.clone(),
    })
}

/// Whether credentials prove the password. Realm, nonce age, nonce count and user are the server's to check; the
/// comparison takes the same time whatever it finds.
pub fn verify(credentials: &Credentials, method: &Method, password: &str) -> bool {
    let expected = response(
        credentials.algorithm,
        password,
        Input {
            username: &credentials.username,
            realm: &credentials.realm,
            nonce: &credentials.nonce,
            uri: &credentials.uri,
            method: method.as_str(),
            qop: credentials.qop.as_ref(),
        },
    );
    let given = credentials.response.to_ascii_lowercase();
    given.len() == expected.len()
        && given.bytes().zip(expected.bytes()).fold(0u8, |d, (a, b)| d | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 3.5.
    #[test]
    fn rfc_2617_example() {
        let qop = QopAuth { cnonce: "0a4f113b".into(), nc: 1 };
        let input = Input {
            username: "Mufasa",
            realm: "testrealm@host.com",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            uri: "/dir/index.html",
            method: "GET",
            qop: Some(&qop),
        };
        assert_eq!(response(Algorithm::Md5, "Circle Of Life", input), "6629fae49393a05397450978507c4ef1");
        let plain = Input { qop: None, ..input };
        assert_eq!(response(Algorithm::Md5, "Circle Of Life", plain), "670fd8c2df070c60b045671b8b24ff02");
    }

    /// RFC 7616 3.9.1: MD5 and SHA-256 of the same request.
    #[test]
    fn rfc_7616_example() {
        let qop = QopAuth { cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ".into(), nc: 1 };
        let input = Input {
            username: "Mufasa",
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            uri: "/dir/index.html",
            method: "GET",
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
            for qop in ["", ", qop=\"auth\""] {
                let challenge =
                    Challenge::parse(&format!("Digest realm=\"r\", nonce=\"n\", algorithm={name}{qop}"))
                        .unwrap();
                let count = QopAuth { cnonce: "c".into(), nc: 3 };
                let credentials = answer(&challenge, "u", "p", &Method::REGISTER, "sip:r", count).unwrap();
                let back = Credentials::parse(&credentials.to_string()).unwrap();
                assert!(verify(&back, &Method::REGISTER, "p"), "{name}");
                assert!(!verify(&back, &Method::REGISTER, "q"), "{name}");
                assert!(!verify(&back, &Method::INVITE, "p"), "{name}");
            }
        }
    }

    #[test]
    fn auth_int_alone_is_not_answered() {
        let challenge = Challenge::parse("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"").unwrap();
        assert!(
            answer(&challenge, "u", "p", &Method::INVITE, "sip:r", QopAuth { cnonce: "c".into(), nc: 1 })
                .is_none()
        );
    }
}
