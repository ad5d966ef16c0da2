//! Who is calling and who was called, as the network says: `P-Asserted-Identity`, `P-Preferred-Identity` (RFC 3325 9),
//! `P-Called-Party-ID`, `P-Associated-URI` (RFC 7315 4), and `Privacy` (RFC 3323 4.2).
//!
//! Whether the network that says so is to be believed is not decided here.

use super::{Address, HeaderAccess, HeaderView, Headers, Malformed, Uri};

/// The values of P-Asserted-Identity or P-Preferred-Identity: at most one of each kind (RFC 3325 9.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkIdentity {
    /// The `sip:` or `sips:` value.
    pub sip: Option<Address>,
    /// The `tel:` value.
    pub tel: Option<Address>,
}

/// The address a request was for before the home proxy replaced the Request-URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalledParty(pub Address);

/// What a caller wants hidden. An empty one asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privacy(pub Vec<PrivacyKind>);

/// A priv-value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivacyKind {
    /// `header`: Via, Contact and the like.
    Header,
    /// `session`: the media addresses.
    Session,
    /// `user`: From, Call-ID and other words of the user agent.
    User,
    /// `id`: the asserted identity (RFC 3325 9.3).
    Id,
    /// `history`: History-Info (RFC 7044 10.1).
    History,
    /// `none`: nothing, whatever the account's setting is.
    None,
    /// `critical`: refuse the request rather than show anything.
    Critical,
    /// A word of an extension.
    Other(String),
}

impl NetworkIdentity {
    /// Reads all values of `name`, which is `P-Asserted-Identity` or `P-Preferred-Identity`.
    pub fn of(headers: &Headers, name: &str) -> Result<NetworkIdentity, Malformed> {
        let mut identity = NetworkIdentity::default();
        for address in headers.addresses(name)? {
            // RFC 3325 9.1: a third value, or a second of a kind, may be ignored; the first counts.
            match address.uri {
                Uri::Sip(_) => identity.sip.get_or_insert(address),
                Uri::Tel(_) => identity.tel.get_or_insert(address),
                Uri::Other(..) => continue,
            };
        }
        Ok(identity)
    }

    /// The value that names a person best: one with a display name, else the `sip:` one, else the `tel:` one.
    pub fn best(&self) -> Option<&Address> {
        let both = || [self.sip.as_ref(), self.tel.as_ref()].into_iter().flatten();
        both().find(|a| a.display.is_some()).or_else(|| both().next())
    }
}

impl Privacy {
    /// Whether this kind is asked for. `none` counts only where it stands alone: beside other words, which the RFC
    /// forbids, the careful reading wins.
    pub fn asks(&self, kind: &PrivacyKind) -> bool {
        match kind {
            PrivacyKind::None => self.0 == [PrivacyKind::None],
            kind => self.0.contains(kind),
        }
    }

    /// Whether the caller wants to stay unnamed: `user`, `header` or `id`.
    pub fn hides_the_caller(&self) -> bool {
        [PrivacyKind::User, PrivacyKind::Header, PrivacyKind::Id].iter().any(|kind| self.asks(kind))
    }
}

impl HeaderView for CalledParty {
    const NAME: &'static str = "P-Called-Party-ID";

    fn parse(value: &str) -> Result<CalledParty, Malformed> {
        Address::parse(value).map(CalledParty)
    }
}

impl HeaderView for Privacy {
    const NAME: &'static str = "Privacy";

    fn parse(value: &str) -> Result<Privacy, Malformed> {
        // RFC 3323 4.2 separates by semicolons; commas are met too.
        value
            .split([';', ','])
            .map(|word| PrivacyKind::parse(word.trim()))
            .collect::<Result<_, _>>()
            .map(Privacy)
    }
}

impl PrivacyKind {
    fn parse(word: &str) -> Result<PrivacyKind, Malformed> {
        use PrivacyKind::*;
        let known = [Header, Session, User, Id, History, None, Critical];
        match known.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word)) {
            Some(kind) => Ok(kind),
            Option::None if super::token::is_token(word) => Ok(Other(word.to_owned())),
            Option::None => Err(Malformed("Privacy")),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            PrivacyKind::Header => "header",
            PrivacyKind::Session => "session",
            PrivacyKind::User => "user",
            PrivacyKind::Id => "id",
            PrivacyKind::History => "history",
            PrivacyKind::None => "none",
            PrivacyKind::Critical => "critical",
            PrivacyKind::Other(word) => word,
        }
    }
}

impl std::fmt::Display for CalledParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::fmt::Display for Privacy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = self.0.iter().map(PrivacyKind::as_str).collect();
        f.write_str(&words.join(";"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;

    #[test]
    fn asserted_identities_in_one_line_or_two() {
        let mut one = Headers::default();
        one.add("P-Asserted-Identity", "\"Cullen, J.\" <sip:fluffy@cisco.com>, tel:+14085264000");
        let mut two = Headers::default();
        two.add("P-Asserted-Identity", "tel:+14085264000");
        two.add("P-Asserted-Identity", "\"Cullen, J.\" <sip:fluffy@cisco.com>");
        two.add("P-Asserted-Identity", "<sip:second@cisco.com>");
        for headers in [one, two] {
            let identity = NetworkIdentity::of(&headers, "P-Asserted-Identity").unwrap();
            assert_eq!(identity.best().unwrap().display.as_deref(), Some("Cullen, J."));
            assert_eq!(identity.sip.unwrap().uri.to_string(), "sip:fluffy@cisco.com");
            assert_eq!(identity.tel.unwrap().uri.to_string(), "tel:+14085264000");
        }
        let mut bad = Headers::default();
        bad.add("P-Asserted-Identity", "<sip:a@b>,,");
        assert!(NetworkIdentity::of(&bad, "P-Asserted-Identity").is_err());
        assert_eq!(NetworkIdentity::of(&bad, "P-Preferred-Identity").unwrap().best(), None);
    }

    #[test]
    fn called_parties() {
        round_trip::<CalledParty>(&[("sip:+49301234567@pbx.test", Some("<sip:+49301234567@pbx.test>"))]);
        refused::<CalledParty>(&["", "me", "<sip:a@b>, <sip:c@d>"]);
    }

    #[test]
    fn privacy_words() {
        round_trip::<Privacy>(&[
            ("id", None),
            ("header; USER;critical", Some("header;user;critical")),
            ("id,new-word", Some("id;new-word")),
        ]);
        refused::<Privacy>(&["", "id;", "id user"]);
        let privacy = |text: &str| Privacy::parse(text).unwrap();
        assert!(privacy("id").hides_the_caller() && privacy("none;id").hides_the_caller());
        assert!(!privacy("session;critical").hides_the_caller());
        assert!(privacy("none").asks(&PrivacyKind::None) && !privacy("none;id").asks(&PrivacyKind::None));
    }
}
