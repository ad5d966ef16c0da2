//! What can be rented: products by country, city and kind, their prices, and the restrictions a buyer is told of
//! before ordering.
//!
//! All numbers are from ranges set aside for films and examples. How an order goes stands in [`crate::orders`].

use rusqlite::Connection;
use rust_decimal::{Decimal, dec};

use crate::{
    contacts::CONTACTS,
    model::{DocumentKind, NumberKind, Profile},
    store::{StoreError, numbers},
};

/// What sort of thing a product is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A number like any other.
    Number,
    /// For registering at services: its SMS come from services alone, and it makes none.
    Registration,
    /// For one SMS of one named service.
    Disposable,
}

/// How long a number of the profile `prepaid` takes until it is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// At once.
    AtOnce,
    /// Some working days.
    Slow,
}

/// Something to rent.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) id: &'static str,
    /// ISO 3166 alpha-2.
    pub(crate) country: &'static str,
    /// For landlines.
    pub(crate) city: Option<&'static str>,
    pub(crate) kind: NumberKind,
    pub(crate) sort: Sort,
    pub(crate) calls: bool,
    pub(crate) sms: bool,
    /// A disposable number's whole price.
    pub(crate) monthly_fee: Decimal,
    pub(crate) incoming_minute: Decimal,
    pub(crate) sms_price: Option<Decimal>,
    /// Its numbers are this and every two digits after it.
    pool: &'static str,
    /// How many trials may run at a time.
    pub(crate) trial_stock: u32,
    /// What `prepaid` wants to see before it connects one.
    pub(crate) documents: &'static [DocumentKind],
    pub(crate) connection: Speed,
    /// Senders whose SMS do not reach this country.
    pub(crate) blocked_services: &'static [&'static str],
    /// SMS with links or e-mail addresses do not arrive.
    pub(crate) blocks_links: bool,
    /// A number that anyone may call free of charge, to hear how it sounds.
    pub(crate) test_number: Option<&'static str>,
}

const PLAIN: Product = Product {
    id: "",
    country: "",
    city: None,
    kind: NumberKind::Mobile,
    sort: Sort::Number,
    calls: true,
    sms: true,
    monthly_fee: Decimal::ZERO,
    incoming_minute: Decimal::ZERO,
    sms_price: None,
    pool: "",
    trial_stock: 0,
    documents: &[],
    connection: Speed::AtOnce,
    blocked_services: &[],
    blocks_links: false,
    test_number: None,
};

const PAPERS: &[DocumentKind] = &[DocumentKind::Passport, DocumentKind::ProofOfAddress];

/// The services a disposable number can be had for.
pub(crate) const SERVICES: &[&str] = &["Acme", "LumaAir", "Parcelo"];

/// Everything there is to rent.
pub(crate) const PRODUCTS: &[Product] = &[
    Product {
        id: "gb-mobile",
        country: "GB",
        monthly_fee: dec!(3.20),
        incoming_minute: dec!(0.01),
        sms_price: Some(dec!(0.05)),
        pool: "+4477009006",
        trial_stock: 5,
        test_number: Some("+442079460100"),
        ..PLAIN
    },
    Product {
        id: "gb-london",
        country: "GB",
        city: Some("London"),
        kind: NumberKind::Landline,
        sms: false,
        monthly_fee: dec!(2.80),
        incoming_minute: dec!(0.01),
        pool: "+4420794604",
        trial_stock: 3,
        test_number: Some("+442079460100"),
        ..PLAIN
    },
    Product {
        id: "gb-registration",
        country: "GB",
        sort: Sort::Registration,
        calls: false,
        monthly_fee: dec!(2.40),
        pool: "+4477009004",
        blocked_services: &["Parcelo"],
        blocks_links: true,
        ..PLAIN
    },
    Product {
        id: "gb-disposable",
        country: "GB",
        sort: Sort::Disposable,
        calls: false,
        monthly_fee: dec!(0.60),
        pool: "+4477009008",
        ..PLAIN
    },
    Product {
        id: "fr-mobile",
        country: "FR",
        monthly_fee: dec!(4.90),
        sms_price: Some(dec!(0.08)),
        pool: "+336399831",
        documents: PAPERS,
        ..PLAIN
    },
    Product {
        id: "fr-paris",
        country: "FR",
        city: Some("Paris"),
        kind: NumberKind::Landline,
        sms: false,
        monthly_fee: dec!(3.60),
        incoming_minute: dec!(0.01),
        pool: "+331990012",
        documents: PAPERS,
        test_number: Some("+33199001000"),
        ..PLAIN
    },
    Product {
        id: "de-mobile",
        country: "DE",
        monthly_fee: dec!(5.50),
        sms_price: Some(dec!(0.09)),
        pool: "+4917139200",
        trial_stock: 2,
        blocks_links: true,
        ..PLAIN
    },
    Product {
        id: "de-berlin",
        country: "DE",
        city: Some("Berlin"),
        kind: NumberKind::Landline,
        sms: false,
        monthly_fee: dec!(3.90),
        incoming_minute: dec!(0.01),
        pool: "+4930231251",
        documents: PAPERS,
        connection: Speed::Slow,
        ..PLAIN
    },
    Product {
        id: "se-stockholm",
        country: "SE",
        city: Some("Stockholm"),
        kind: NumberKind::Landline,
        sms: false,
        monthly_fee: dec!(3.00),
        incoming_minute: dec!(0.01),
        pool: "+468465004",
        trial_stock: 2,
        ..PLAIN
    },
    Product {
        id: "us-new-york",
        country: "US",
        city: Some("New York"),
        kind: NumberKind::Landline,
        monthly_fee: dec!(2.50),
        incoming_minute: dec!(0.02),
        sms_price: Some(dec!(0.04)),
        pool: "+121255501",
        trial_stock: 2,
        ..PLAIN
    },
    Product {
        id: "us-toll-free",
        country: "US",
        kind: NumberKind::TollFree,
        sms: false,
        monthly_fee: dec!(6.00),
        incoming_minute: dec!(0.03),
        pool: "+180055501",
        ..PLAIN
    },
    Product {
        id: "au-sydney",
        country: "AU",
        city: Some("Sydney"),
        kind: NumberKind::Landline,
        sms: false,
        monthly_fee: dec!(4.20),
        incoming_minute: dec!(0.02),
        pool: "+612555012",
        connection: Speed::Slow,
        ..PLAIN
    },
];

/// A product by its id.
pub(crate) fn product(id: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.id == id)
}

/// Whether anyone may call this number free of charge, to hear how the provider's lines sound.
pub(crate) fn is_test_number(e164: &str) -> bool {
    PRODUCTS.iter().any(|product| product.test_number == Some(e164))
}

/// The fee of a month as it is today.
pub(crate) fn monthly_fee(connection: &Connection, product: &Product) -> Result<Decimal, StoreError> {
    Ok(numbers::changed_fee(connection, product.id)?.unwrap_or(product.monthly_fee))
}

/// The numbers of a product that nobody has, in the order they are given out.
pub(crate) fn free(connection: &Connection, product: &Product) -> Result<Vec<String>, StoreError> {
    let taken = numbers::taken(connection)?;
    let numbers = (0..100).map(|n| format!("{}{n:02}", product.pool));
    Ok(numbers.filter(|e164| !taken.contains(e164) && !is_reserved(e164)).collect())
}

impl Product {
    /// What a buyer is told before ordering: a stable code and a sentence each.
    pub(crate) fn restrictions(&self, profile: Profile) -> Vec<(&'static str, String)> {
        let mut told = Vec::new();
        let mut tell = |code, text: String| told.push((code, text));
        match self.sort {
            Sort::Number => {}
            Sort::Registration => tell(
                "registration_only",
                "For registering at services: it gets SMS of services and makes neither SMS nor calls."
                    .into(),
            ),
            Sort::Disposable => tell(
                "one_sms",
                "For one SMS of the service it is ordered for; refunded by itself if none arrives.".into(),
            ),
        }
        if !self.calls {
            tell("no_calls", "Takes and makes no calls.".into());
        }
        match (self.sms, self.sms_price) {
            (false, _) => tell("no_sms", "Takes and sends no SMS.".into()),
            (true, None) => tell("no_outgoing_sms", "Sends no SMS.".into()),
            (true, Some(_)) => {
                tell("sms_not_to_us_ca", "Sends no SMS to the United States and Canada.".into());
            }
        }
        if self.blocks_links {
            tell("no_links", "SMS with links or e-mail addresses do not arrive.".into());
        }
        for service in self.blocked_services {
            tell("service_blocked", format!("SMS of {service} do not arrive in this country."));
        }
        match profile {
            Profile::Numgo if self.sort == Sort::Number => tell(
                "kyc_to_go_out",
                "Outgoing calls and SMS need a photo of the passport and the registration address.".into(),
            ),
            Profile::Prepaid if !self.documents.is_empty() => tell(
                "documents_before_connection",
                "Connected one to two days after passport and proof of address are approved.".into(),
            ),
            _ => {}
        }
        if profile == Profile::Prepaid && self.connection == Speed::Slow {
            tell("slow_connection", "Connected within 5 to 15 working days.".into());
        }
        told
    }

    /// Whether a trial of it can be had under these rules at all.
    pub(crate) fn has_trial(&self, profile: Profile) -> bool {
        let for_this_profile = match profile {
            Profile::Numgo => true,
            Profile::Prepaid => !self.sms,
        };
        self.trial_stock > 0 && for_this_profile
    }
}

/// Somebody outside has it, or everybody.
fn is_reserved(e164: &str) -> bool {
    is_test_number(e164) || CONTACTS.iter().any(|contact| contact.number == e164)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations;

    #[test]
    fn products_have_ids_and_numbers_of_their_own() {
        let mut ids: Vec<_> = PRODUCTS.iter().map(|p| p.id).collect();
        let mut pools: Vec<_> = PRODUCTS.iter().map(|p| p.pool).collect();
        ids.sort_unstable();
        pools.sort_unstable();
        ids.dedup();
        pools.dedup();
        assert_eq!((ids.len(), pools.len()), (PRODUCTS.len(), PRODUCTS.len()));
        for product in PRODUCTS {
            let first = format!("{}00", product.pool);
            assert_eq!(destinations::e164(&first).as_deref(), Some(first.as_str()));
            assert!(product.monthly_fee > Decimal::ZERO, "{}", product.id);
            assert_eq!(product.city.is_some(), product.kind == NumberKind::Landline, "{}", product.id);
        }
    }

    #[test]
    fn restrictions_are_told_before_the_order() {
        let codes = |id, profile| -> Vec<&str> {
            product(id).unwrap().restrictions(profile).into_iter().map(|(code, _)| code).collect()
        };
        use Profile::{Numgo, Prepaid};
        for (id, profile, expected) in [
            ("gb-mobile", Numgo, vec!["sms_not_to_us_ca", "kyc_to_go_out"]),
            ("gb-mobile", Prepaid, vec!["sms_not_to_us_ca"]),
            ("fr-mobile", Prepaid, vec!["sms_not_to_us_ca", "documents_before_connection"]),
            ("de-berlin", Prepaid, vec!["no_sms", "documents_before_connection", "slow_connection"]),
            (
                "gb-registration",
                Numgo,
                vec!["registration_only", "no_calls", "no_outgoing_sms", "no_links", "service_blocked"],
            ),
            ("gb-disposable", Numgo, vec!["one_sms", "no_calls", "no_outgoing_sms"]),
        ] {
            assert_eq!(codes(id, profile), expected, "{id} {profile:?}");
        }
    }

    #[test]
    fn prepaid_never_tries_sms_numbers() {
        for product in PRODUCTS {
            assert!(!(product.sms && product.has_trial(Profile::Prepaid)), "{}", product.id);
        }
        assert!(product("gb-mobile").unwrap().has_trial(Profile::Numgo));
        assert!(product("gb-london").unwrap().has_trial(Profile::Prepaid));
        assert!(!product("fr-paris").unwrap().has_trial(Profile::Numgo), "none in stock");
    }
}
