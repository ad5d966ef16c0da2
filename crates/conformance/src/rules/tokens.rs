//! Who may do what.

use reqwest::Method;
use serde_json::json;

use crate::{
    http::{Ask, Bearer},
    rule::{Judged, Verdict, broken, nothing},
    run::Run,
};

const NONSENSE: &str = "this-is-not-a-token";
const CLOSED: &[&str] = &["/v1/account", "/v1/activity/snapshot?limit=1", "/v1/activity/changes?since=x"];

pub(crate) async fn required(run: &mut Run) -> Judged {
    for path in CLOSED {
        for bearer in [Bearer::None, Bearer::Other(NONSENSE)] {
            refused(run, path, bearer).await?.is_refused(401, "unauthorized")?;
        }
    }
    Ok(())
}

pub(crate) async fn challenge(run: &mut Run) -> Judged {
    let answer = refused(run, "/v1/account", Bearer::None).await?;
    if answer.status != 401 {
        return Err(nothing("the server asks for no token"));
    }
    let value = answer.header("www-authenticate").unwrap_or_default();
    let is_bearer = value.split([' ', ',']).next().is_some_and(|word| word.eq_ignore_ascii_case("bearer"));
    if is_bearer { Ok(()) } else { Err(broken("`WWW-Authenticate: Bearer`", format!("{value:?}"))) }
}

pub(crate) async fn scopes(run: &mut Run) -> Judged {
    let narrow = Narrow::make(run).await?;
    let judged = narrow.may_read_alone(run).await;
    narrow.take_back(run).await?;
    judged
}

pub(crate) async fn revoked(run: &mut Run) -> Judged {
    let narrow = Narrow::make(run).await?;
    narrow.take_back(run).await?;
    let answer = refused(run, "/v1/account", Bearer::Other(&narrow.token)).await?;
    answer.is_refused(401, "unauthorized")
}

async fn refused(run: &mut Run, path: &str, bearer: Bearer<'_>) -> Result<crate::http::Answer, Verdict> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut ask = Ask::get(path).of(bearer);
    if let Some((name, value)) = query.split_once('=') {
        ask = ask.with(if name == "since" { "since" } else { "limit" }, value);
    }
    run.ask(ask).await
}

/// A token that may read.
struct Narrow {
    id: String,
    token: String,
}

impl Narrow {
    async fn make(run: &mut Run) -> Result<Self, Verdict> {
        let body = json!({"label": "tern provider check", "scopes": ["read"]});
        let made = run.ask_if_there(Ask::post("/v1/tokens", &body)).await?;
        if made.status == 403 {
            return Err(nothing("this token may not make others; the account's own one may"));
        }
        match (made.status, made.text("id"), made.text("token")) {
            (201, Some(id), Some(token)) => Ok(Self { id: id.to_owned(), token: token.to_owned() }),
            _ => Err(broken("POST /v1/tokens: 201 with id and token", made.told())),
        }
    }

    async fn may_read_alone(&self, run: &mut Run) -> Judged {
        let bearer = Bearer::Other(&self.token);
        run.ask(Ask::get("/v1/account").of(bearer)).await?.is_fine()?;
        // None of these does anything where the scope is not looked at: the bodies can't be carried out.
        let empty = json!({});
        let message = Ask::post("/v1/messages", &empty).key("tern-check-scope").of(bearer);
        let topup = Ask::post("/v1/topups", &empty).key("tern-check-scope").of(bearer);
        for ask in [message, topup, Ask::get("/v1/tokens").of(bearer)] {
            let answer = run.ask(ask).await?;
            if !answer.is_absent() {
                answer.is_refused(403, "insufficient_scope")?;
            }
        }
        Ok(())
    }

    async fn take_back(&self, run: &mut Run) -> Judged {
        let path = format!("/v1/tokens/{}", self.id);
        run.ask(Ask::new(Method::DELETE, &path)).await?.is_fine()
    }
}
