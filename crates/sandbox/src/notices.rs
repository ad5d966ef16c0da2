//! What the provider tells its customers by itself: a row of their activity.

use jiff::Timestamp;

use crate::{
    model::{AccountId, Notice, NoticeKind, Number, new_id},
    store::{Books, StoreError, notices},
};

/// Tells an account something; `reference` is what it belongs to.
pub(crate) fn tell(
    books: &Books<'_>,
    account: AccountId,
    kind: NoticeKind,
    at: Timestamp,
    text: String,
    reference: &str,
) -> Result<(), StoreError> {
    let reference = Some(reference.to_owned());
    notices::insert(books, &Notice { id: new_id("ntc"), account, kind, number: None, at, text, reference })
}

/// Tells the owner of a number something about it.
pub(crate) fn tell_owner(
    books: &Books<'_>,
    number: &Number,
    kind: NoticeKind,
    at: Timestamp,
    text: String,
) -> Result<(), StoreError> {
    let notice = Notice {
        id: new_id("ntc"),
        account: number.account,
        kind,
        number: Some(number.e164.clone()),
        at,
        text,
        reference: Some(number.id.clone()),
    };
    notices::insert(books, &notice)
}
