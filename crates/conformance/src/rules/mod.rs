//! How each rule is judged, a file per subject. Each looks at one promise and is lenient about every other, so that one
//! fault of a server is one failed rule.

pub(crate) mod description;
pub(crate) mod errors;
pub(crate) mod feed;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod limits;
pub(crate) mod lists;
pub(crate) mod messages;
pub(crate) mod objects;
pub(crate) mod stream;
pub(crate) mod tokens;
pub(crate) mod values;
