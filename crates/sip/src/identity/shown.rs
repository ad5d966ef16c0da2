//! Which number a call we place shows, in the way the provider reads it.

use crate::wire::{Address, Header, Uri, headers};

/// Which number to show, and whether to show any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShownIdentity {
    /// The number, with the name to go with it; `None` is the account's own address.
    pub number: Option<Address>,
    /// Where the provider looks for it.
    pub shown_as: ShownAs,
    /// Whether the called party may see it.
    pub privacy: Privacy,
}

/// Where a provider looks for the number to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ShownAs {
    /// In From.
    #[default]
    From,
    /// In P-Preferred-Identity (RFC 3325 9.2); From stays the account's address.
    Preferred,
    /// In From and P-Asserted-Identity: how trunks do it, whose server trusts us as RFC 3325 5 wants.
    Asserted,
}

/// Whether the called party may see who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Privacy {
    /// It may.
    #[default]
    Shown,
    /// It may not: From is anonymous (RFC 3323 4.1.1.3), and the server is asked not to pass on what it knows (RFC
    /// 3325 9.3).
    Withheld,
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) from: Address,
    pub(crate) headers: Vec<Header>,
}

impl ShownIdentity {
    /// The account's own address, shown.
    pub fn account() -> ShownIdentity {
        ShownIdentity::default()
    }

    /// The number withheld.
    pub fn anonymous() -> ShownIdentity {
        ShownIdentity { privacy: Privacy::Withheld, ..ShownIdentity::default() }
    }

    /// `account` is who calls; `trusted`: the first hop is the account's own server, so that it may know who calls
    /// even when nobody else may (RFC 3325 5).
    pub(crate) fn apply(self, account: Address, trusted: bool) -> Shown {
        let named = |number: Address| Address::named(number.display.or(account.display.clone()), number.uri);
        let number = self.number.map(named);
        let mut shown = Shown { from: account.clone(), headers: Vec::new() };
        if let (Some(number), ShownAs::From | ShownAs::Asserted) = (&number, self.shown_as) {
            shown.from = number.clone();
        }
        let header = match (self.privacy, self.shown_as) {
            (Privacy::Shown, ShownAs::From) => None,
            (Privacy::Shown, ShownAs::Preferred) => number.map(|n| ("P-Preferred-Identity", n)),
            (_, ShownAs::Asserted) => Some(("P-Asserted-Identity", number.unwrap_or(account))),
            // RFC 3325 9.2: behind an anonymous From the server learns here whose call it is.
            (Privacy::Withheld, ShownAs::From | ShownAs::Preferred) => {
                Some(("P-Preferred-Identity", number.unwrap_or(account)))
            }
        };
        if let Some((name, address)) = header
            && trusted
        {
            shown.headers.push(headers::header(name, address.to_string()));
        }
        if self.privacy == Privacy::Withheld {
            shown.headers.push(headers::header("Privacy", "id"));
            shown.from = nobody();
        }
        shown
    }
}

/// RFC 3323 4.1.1.3.
fn nobody() -> Address {
    let uri = Uri::parse("sip:anonymous@anonymous.invalid")
        .unwrap_or_else(|_| Uri::Other("sip".into(), "anonymous@anonymous.invalid".into()));
    Address::named(Some("Anonymous".into()), uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(shown_as: ShownAs, privacy: Privacy, number: Option<&str>, trusted: bool) -> String {
        let account = Address::parse("Ann <sip:login@p>").unwrap();
        let number = number.map(|n| Address::parse(n).unwrap());
        let shown = ShownIdentity { number, shown_as, privacy }.apply(account, trusted);
        let headers = shown.headers.iter().map(|h| format!(" | {}: {}", headers::name(h), headers::value(h)));
        format!("{}{}", shown.from, headers.collect::<String>())
    }

    #[test]
    fn each_provider_finds_the_number_where_it_looks() {
        let number = Some("<sip:+49@p>");
        let check = |shown_as, expected: &str| {
            assert_eq!(shown(shown_as, Privacy::Shown, number, true), expected);
        };
        check(ShownAs::From, "Ann <sip:+49@p>");
        check(ShownAs::Preferred, "Ann <sip:login@p> | P-Preferred-Identity: Ann <sip:+49@p>");
        check(ShownAs::Asserted, "Ann <sip:+49@p> | P-Asserted-Identity: Ann <sip:+49@p>");
        assert_eq!(shown(ShownAs::Preferred, Privacy::Shown, None, true), "Ann <sip:login@p>");
    }

    #[test]
    fn who_withholds_the_number_tells_it_to_the_own_server_alone() {
        let nobody = "Anonymous <sip:anonymous@anonymous.invalid>";
        let check = |shown_as, trusted, expected: &str| {
            let actual = shown(shown_as, Privacy::Withheld, Some("Bob <sip:+49@p>"), trusted);
            assert_eq!(actual, format!("{nobody}{expected}"));
        };
        check(ShownAs::From, true, " | P-Preferred-Identity: Bob <sip:+49@p> | Privacy: id");
        check(ShownAs::Preferred, true, " | P-Preferred-Identity: Bob <sip:+49@p> | Privacy: id");
        check(ShownAs::Asserted, true, " | P-Asserted-Identity: Bob <sip:+49@p> | Privacy: id");
        for shown_as in [ShownAs::From, ShownAs::Preferred, ShownAs::Asserted] {
            check(shown_as, false, " | Privacy: id");
        }
        let own = shown(ShownAs::From, Privacy::Withheld, None, true);
        assert_eq!(own, format!("{nobody} | P-Preferred-Identity: Ann <sip:login@p> | Privacy: id"));
    }
}
