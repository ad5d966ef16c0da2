//! What a rule is, and the list of them.

use futures_util::future::BoxFuture;

use crate::{rules::*, run::Run};

/// What checking a rule does to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it reads, or asks for what must be refused.
    Reads,
    /// It sends at most three SMS between the account's own numbers or to [`crate::Options::to`], and begins a top-up
    /// that nobody pays.
    Spends,
}

impl Needs {
    /// The word in the page and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Spends => "spends",
        }
    }
}

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Kept, as far as could be seen.
    Passed,
    /// Broken.
    Failed {
        /// What the rule asks for.
        expected: String,
        /// What came instead, without the account's contents.
        came: String,
    },
    /// There is nothing to hold it against: the server lacks the capability, or the account the rows.
    NotApplicable {
        /// What is missing.
        why: String,
    },
}

pub(crate) type Judged = Result<(), Verdict>;
type Judge = for<'a> fn(&'a mut Run) -> BoxFuture<'a, Judged>;

/// One promise of the page.
pub struct Rule {
    /// Stable: scripts branch on it.
    pub id: &'static str,
    /// The heading in `docs/provider-api.md` under which the promise stands.
    pub section: &'static str,
    /// What checking it does.
    pub needs: Needs,
    /// The promise in one line.
    pub says: &'static str,
    pub(crate) judge: Judge,
}

/// That a rule is broken.
pub(crate) fn broken(expected: impl Into<String>, came: impl Into<String>) -> Verdict {
    Verdict::Failed { expected: expected.into(), came: came.into() }
}

/// That there is nothing to hold a rule against.
pub(crate) fn nothing(why: impl Into<String>) -> Verdict {
    Verdict::NotApplicable { why: why.into() }
}

macro_rules! rules {
    ($($id:literal, $section:literal, $needs:ident, $judge:path, $says:literal;)*) => {
        &[$(Rule {
            id: $id,
            section: $section,
            needs: Needs::$needs,
            says: $says,
            judge: |run| Box::pin($judge(run)),
        }),*]
    };
}

/// Every rule, in the order in which they are checked: what reads comes first.
pub const RULES: &[Rule] = rules! {
    "openapi.document", "Ground rules", Reads, description::document,
        "`/openapi.json` is an OpenAPI 3.1 description with account, snapshot and changes in it";
    "openapi.security", "Ground rules", Reads, description::security,
        "the description asks for a bearer token at every address below `/v1`";
    "token.required", "Ground rules", Reads, tokens::required,
        "without a valid token: 401 `unauthorized`";
    "token.challenge", "Ground rules", Reads, tokens::challenge,
        "401 carries `WWW-Authenticate: Bearer`";
    "token.scopes", "Ground rules", Reads, tokens::scopes,
        "a token does what its scopes say, else 403 `insufficient_scope`";
    "token.revoked", "Ground rules", Reads, tokens::revoked,
        "a token that was taken back opens nothing";
    "errors.not-found", "Ground rules", Reads, errors::not_found,
        "what is not there: 404 `not_found`";
    "errors.method", "Ground rules", Reads, errors::method,
        "another method: 405 `method_not_allowed` with `Allow`";
    "errors.head", "Ground rules", Reads, errors::head,
        "HEAD answers like GET, without the body";
    "errors.body", "Ground rules", Reads, errors::body,
        "a body that is no JSON: 400 `bad_request`; of another type: 415";
    "errors.size", "Ground rules", Reads, errors::size,
        "a body above 64 KiB: 413";
    "errors.no-redirect", "Ground rules", Reads, errors::no_redirect,
        "no answer below `/v1` is a redirect";
    "json.type", "Ground rules", Reads, errors::json_type,
        "objects come as `application/json`";
    "json.unknown-fields", "Ground rules", Reads, messages::unknown_fields,
        "fields and parameters that the server does not know change nothing";
    "values.money", "Ground rules", Reads, values::money,
        "money is `{amount, currency}` with a decimal in a string";
    "values.times", "Ground rules", Reads, values::times,
        "times are RFC 3339 in UTC, days are `YYYY-MM-DD`";
    "values.numbers", "Ground rules", Reads, values::numbers,
        "the account's numbers are E.164 with the plus";
    "limits.headers", "Ground rules", Reads, limits::headers,
        "answers tell `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`";
    "lists.pages", "Ground rules", Reads, lists::pages,
        "pages hold at most `limit` rows, newest first, each once, and end";
    "lists.bad-page", "Ground rules", Reads, lists::bad_page,
        "a page that was never given out: 400 `bad_page`";
    "account.fields", "Account", Reads, objects::account,
        "the account has id, name and balance";
    "numbers.fields", "Numbers", Reads, objects::numbers,
        "a number has id, e164, country, calls, sms and a known state";
    "sip.credentials", "Account", Reads, objects::sip,
        "SIP credentials are complete, or 404 `sip_not_issued`";
    "feed.snapshot", "Activity: nothing lost, nothing twice", Reads, feed::snapshot,
        "one cursor on every page of a snapshot, each row once";
    "feed.objects", "Activity: nothing lost, nothing twice", Reads, feed::objects,
        "rows of the known kinds have the fields and words of their kind";
    "feed.changes", "Activity: nothing lost, nothing twice", Reads, feed::changes,
        "`changes` goes on from a snapshot's cursor";
    "feed.bad-cursor", "Activity: nothing lost, nothing twice", Reads, feed::bad_cursor,
        "a cursor that is none: 400 `bad_cursor`";
    "feed.expired", "Activity: nothing lost, nothing twice", Reads, feed::expired,
        "a cursor that is too old: 410 `resync_required`";
    "stream.opens", "Activity: nothing lost, nothing twice", Reads, stream::opens,
        "the stream is `text/event-stream`, and refuses a cursor that is none";
    "stream.keep-alive", "Activity: nothing lost, nothing twice", Reads, stream::keep_alive,
        "a quiet stream sends a comment every 15 seconds";
    "ledger.adds-up", "Activity: nothing lost, nothing twice", Reads, ledger::adds_up,
        "`balance_after` of a row is the previous row's plus its own amount; the last one is the balance";
    "messages.quote", "Messages", Reads, messages::quote,
        "a quote tells segments as GSM 03.38 counts them, and whether it may be sent";
    "messages.quote-free", "Messages", Reads, messages::quote_is_free,
        "a quote sends nothing";
    "rates.emergency", "Calls", Reads, objects::emergency,
        "an emergency number is refused with a code before it is dialled";
    "topups.amount", "Top-ups", Reads, objects::topup_amount,
        "an amount outside the limits, or finer than a hundredth: 422 `topup_amount`";
    "keys.required", "Ground rules", Reads, keys::required,
        "without a key of 1 to 200 characters: 400 `idempotency_key_required`";
    "keys.replay", "Ground rules", Spends, keys::replay,
        "the same key with the same body: 200 with what the first one made";
    "keys.conflict", "Ground rules", Spends, keys::conflict,
        "the same key with another body: 409 `idempotency_conflict`";
    "keys.refused-stays-free", "Ground rules", Spends, keys::refused_stays_free,
        "a refused request does not use its key up";
    "keys.lookup", "Messages", Spends, keys::lookup,
        "a message is found by its key";
    "keys.once", "Messages", Spends, keys::once,
        "however often it was asked for, one message and one charge are in the feed";
    "feed.rising", "Activity: nothing lost, nothing twice", Spends, feed::rising,
        "`seq` rises strictly";
    "feed.next", "Activity: nothing lost, nothing twice", Spends, feed::next,
        "pages of changes keep to `limit`; `next` goes on while `has_more` says so";
    "feed.complete", "Activity: nothing lost, nothing twice", Spends, feed::complete,
        "what happens after a snapshot's first page comes after its cursor";
    "feed.versions", "Activity: nothing lost, nothing twice", Spends, feed::versions,
        "an object's `version` rises with each change";
    "stream.hints", "Activity: nothing lost, nothing twice", Spends, stream::hints,
        "with `Last-Event-ID` the first `changed` comes at once, its id a cursor";
    "messages.delete", "Messages", Spends, messages::delete,
        "a message that has left can be deleted: no key finds it any more, and the feed says `delete`";
    "topups.begin", "Top-ups", Spends, objects::topup_begin,
        "a top-up begins `pending`, with a page to pay on, and moves no money yet";
    "limits.retry-after", "Ground rules", Spends, limits::retry_after,
        "429 is `rate_limited` and carries `Retry-After`";
    "errors.problem", "Ground rules", Reads, errors::problem,
        "every refusal is `application/problem+json` with a stable code";
};
