//! Address books at a CardDAV server (RFC 6352): found (RFC 6764 section 6, without the DNS records), and pulled, by
//! what changed (RFC 6578) or, where a server can't tell that, by comparing its marks.
//!
//! Invariant: the password goes to the host that was typed and to those below it, over TLS (or to this computer), and
//! nowhere else, wherever an answer or a redirect points. Nothing is written to the server. What a card becomes here
//! is decided in [`merge`]; how requests travel is in [`http`].

pub(crate) mod http;
pub(crate) mod merge;
#[cfg(test)]
mod tests;
mod xml;

use std::collections::HashMap;

use async_trait::async_trait;
use url::{Host, Url};

use self::xml::{Answered, MultiStatus};
use crate::{
    api::{ErrorCode, ErrorView},
    vcard::{self, Card},
};

/// Cards asked for at once.
const AT_ONCE: usize = 50;
/// Redirects followed in a row.
const MOST_REDIRECTS: usize = 5;
/// Pages of one report of changes.
const MOST_PAGES: usize = 500;
/// Address books of one user.
const MOST_BOOKS: usize = 32;
/// Characters of an address that a server names.
const LONGEST_HREF: usize = 2_000;

/// A request to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// `PROPFIND` or `REPORT`.
    pub(crate) method: &'static str,
    pub(crate) url: Url,
    /// RFC 4918 section 10.2.
    pub(crate) depth: &'static str,
    pub(crate) body: String,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

/// Carries requests out.
#[async_trait]
pub(crate) trait Exchange: Send + Sync {
    /// Asks once, and follows nothing.
    async fn ask(&self, request: Request) -> Result<Response, ErrorView>;
}

/// An address book as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundBook {
    pub(crate) url: Url,
    pub(crate) name: String,
}

/// What is known of an address book from the last time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// From where changes are told.
    pub(crate) token: Option<String>,
    /// The book's mark, where it has one.
    pub(crate) ctag: Option<String>,
    /// The marks of its cards by their addresses.
    pub(crate) etags: HashMap<String, String>,
}

/// What is different since.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Pull {
    pub(crate) token: Option<String>,
    pub(crate) ctag: Option<String>,
    /// New and changed ones; one that is no card is `None`.
    pub(crate) changed: Vec<(String, String, Option<Card>)>,
    pub(crate) gone: Vec<String>,
}

impl std::fmt::Debug for Pull {
    // People stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = (self.changed.len(), self.gone.len());
        f.debug_struct("Pull").field("counts", &counts).finish_non_exhaustive()
    }
}

/// Where a user's own words lead: an address, a host or an e-mail address.
///
/// # Errors
/// [`ErrorCode::InvalidTarget`] for what is none, or what would carry a password in the clear.
pub(crate) fn entry(typed: &str) -> Result<Url, ErrorView> {
    let typed = typed.trim();
    let wrong = || ErrorView::with_detail(ErrorCode::InvalidTarget, typed);
    let text = match typed.split_once("://") {
        Some(_) => typed.to_owned(),
        None => format!("https://{}", typed.rsplit('@').next().unwrap_or(typed)),
    };
    let url = Url::parse(&text).map_err(|_| wrong())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if is_plain && is_safe(&url) { Ok(url) } else { Err(wrong()) }
}

/// Finds the user's address books.
///
/// # Errors
/// [`ErrorCode::NotFound`] where there are none, and what the way there can fail with.
pub(crate) async fn find(exchange: &impl Exchange, entry: &Url) -> Result<Vec<FoundBook>, ErrorView> {
    const WANTED: &str =
        "<d:resourcetype/><d:displayname/><d:current-user-principal/><c:addressbook-home-set/>";
    let way = Way { exchange, entry };
    let mut asked = vec![entry.clone()];
    if entry.path().len() <= 1 {
        // RFC 6764 section 5; a server without it says so.
        asked.insert(0, entry.join("/.well-known/carddav").unwrap_or_else(|_| entry.clone()));
    }
    let mut last = ErrorView::new(ErrorCode::NotFound);
    for url in asked {
        let (at, answer) = match way.propfind(url, "0", WANTED).await {
            Ok(found) => found,
            Err(error) if error.code == ErrorCode::ProviderUnauthorized => return Err(error),
            Err(error) => {
                last = error;
                continue;
            }
        };
        let Some(first) = answer.responses.first() else { continue };
        if first.props.is_book {
            return Ok(vec![book(&at, first)]);
        }
        let mut homes = first.props.homes.clone();
        let mut base = at.clone();
        if let (true, Some(principal)) = (homes.is_empty(), &first.props.principal) {
            let principal = way.to(&at, principal)?;
            let (at, answer) = way.propfind(principal, "0", "<c:addressbook-home-set/>").await?;
            homes = answer.responses.into_iter().flat_map(|answered| answered.props.homes).collect();
            base = at;
        }
        let mut books = Vec::new();
        for home in homes.iter().take(MOST_BOOKS) {
            let home = way.to(&base, home)?;
            let (at, answer) = way.propfind(home, "1", "<d:resourcetype/><d:displayname/>").await?;
            for answered in answer.responses.iter().filter(|answered| answered.props.is_book) {
                books.push(FoundBook { url: way.to(&at, &answered.href)?, ..book(&at, answered) });
            }
        }
        books.truncate(MOST_BOOKS);
        if !books.is_empty() {
            return Ok(books);
        }
    }
    Err(last)
}

/// Asks what is different in an address book.
///
/// # Errors
/// What the way there can fail with; nothing is to be changed then.
pub(crate) async fn pull(exchange: &impl Exchange, book: &Url, place: &Place) -> Result<Pull, ErrorView> {
    let way = Way { exchange, entry: book };
    let changes = match way.changes(book, place.token.as_deref()).await {
        // A token that the server has forgotten: all of it again (RFC 6578 section 3.2).
        Err(Stop::TokenExpired) => way.changes(book, None).await,
        other => other,
    };
    let (token, told) = match changes {
        Ok((token, told)) => (Some(token), told),
        Err(Stop::NotOffered) => {
            let ctag = way.ctag(book).await?;
            if ctag.is_some() && ctag == place.ctag {
                return Ok(Pull { ctag, ..Pull::default() });
            }
            let told = way.etags(book).await?;
            let pull = way.fetch(book, place, told, true).await?;
            return Ok(Pull { ctag, ..pull });
        }
        Err(Stop::TokenExpired) => return Err(ErrorView::new(ErrorCode::ProviderFailed)),
        Err(Stop::Failed(error)) => return Err(error),
    };
    let whole = told.whole;
    let pull = way.fetch(book, place, told, whole).await?;
    Ok(Pull { token, ..pull })
}

/// Why the report of changes ended.
enum Stop {
    /// The server has no such report.
    NotOffered,
    TokenExpired,
    Failed(ErrorView),
}

impl From<ErrorView> for Stop {
    fn from(error: ErrorView) -> Self {
        Self::Failed(error)
    }
}

/// What a server told of a book's cards.
#[derive(Default)]
struct Told {
    /// Addresses and marks.
    there: Vec<(String, String)>,
    gone: Vec<String>,
    /// Whether what is not told of is gone.
    whole: bool,
}

/// The way to one server.
struct Way<'a, E> {
    exchange: &'a E,
    entry: &'a Url,
}

impl<E: Exchange> Way<'_, E> {
    /// An address that the server named, if the password may go there.
    fn to(&self, base: &Url, href: &str) -> Result<Url, ErrorView> {
        let elsewhere = || ErrorView::with_detail(ErrorCode::ProviderRefused, "an address elsewhere");
        if href.is_empty() || href.len() > LONGEST_HREF {
            return Err(elsewhere());
        }
        let url = base.join(href).map_err(|_| elsewhere())?;
        if is_below(&url, self.entry) { Ok(url) } else { Err(elsewhere()) }
    }

    /// Asks, following redirects that stay; answers with where it was answered.
    async fn ask(&self, mut request: Request) -> Result<(Url, Response), ErrorView> {
        for _ in 0..MOST_REDIRECTS {
            let response = self.exchange.ask(request.clone()).await?;
            match (response.status, &response.location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => {
                    request.url = self.to(&request.url, location)?;
                }
                (401, _) => return Err(ErrorView::new(ErrorCode::ProviderUnauthorized)),
                _ => return Ok((request.url, response)),
            }
        }
        Err(ErrorView::with_detail(ErrorCode::ProviderFailed, "too many redirects"))
    }

    async fn propfind(
        &self,
        url: Url,
        depth: &'static str,
        wanted: &str,
    ) -> Result<(Url, MultiStatus), ErrorView> {
        let body = format!("{HEAD}<d:propfind {NAMES}><d:prop>{wanted}</d:prop></d:propfind>");
        let (at, response) = self.ask(Request { method: "PROPFIND", url, depth, body }).await?;
        Ok((at, understood(&response)?))
    }

    /// What changed since `token`, or everything.
    async fn changes(&self, book: &Url, token: Option<&str>) -> Result<(String, Told), Stop> {
        let mut told = Told { whole: token.is_none(), ..Told::default() };
        let mut token = token.unwrap_or_default().to_owned();
        for _ in 0..MOST_PAGES {
            let body = format!(
                "{HEAD}<d:sync-collection {NAMES}><d:sync-token>{}</d:sync-token><d:sync-level>1</d:sync-level>\
                 <d:prop><d:getetag/></d:prop></d:sync-collection>",
                escaped(&token)
            );
            // RFC 6578 section 3.2: the depth is 0, the level says the rest.
            let request = Request { method: "REPORT", url: book.clone(), depth: "0", body };
            let (at, response) = self.ask(request).await?;
            if response.body.contains("valid-sync-token") && !token.is_empty() {
                return Err(Stop::TokenExpired);
            }
            if matches!(response.status, 400 | 403 | 404 | 405 | 415 | 422 | 501) {
                return Err(Stop::NotOffered);
            }
            let answer = understood(&response)?;
            let mut goes_on = false;
            for answered in answer.responses {
                let Ok(url) = self.to(&at, &answered.href) else { continue };
                let is_book = same(&url, book);
                match answered.status {
                    Some(404) => told.gone.push(url.path().to_owned()),
                    // RFC 6578 section 3.6.
                    Some(507) if is_book => goes_on = true,
                    _ if is_book => {}
                    _ => told.there.extend(answered.props.etag.map(|etag| (url.path().to_owned(), etag))),
                }
            }
            let Some(next) = answer.sync_token else { return Err(Stop::NotOffered) };
            let stands = next == token;
            token = next;
            if !goes_on || stands {
                return Ok((token, told));
            }
        }
        Err(Stop::Failed(ErrorView::with_detail(ErrorCode::ProviderFailed, "changes without an end")))
    }

    async fn ctag(&self, book: &Url) -> Result<Option<String>, ErrorView> {
        let (_, answer) = self.propfind(book.clone(), "0", "<s:getctag/>").await?;
        Ok(answer.responses.into_iter().next().and_then(|answered| answered.props.ctag))
    }

    /// The marks of every card.
    async fn etags(&self, book: &Url) -> Result<Told, ErrorView> {
        let (at, answer) = self.propfind(book.clone(), "1", "<d:getetag/>").await?;
        let mut told = Told { whole: true, ..Told::default() };
        for answered in answer.responses {
            let Ok(url) = self.to(&at, &answered.href) else { continue };
            if let (false, Some(etag)) = (same(&url, book), answered.props.etag) {
                told.there.push((url.path().to_owned(), etag));
            }
        }
        Ok(told)
    }

    /// Fetches the cards whose marks are new.
    async fn fetch(&self, book: &Url, place: &Place, told: Told, whole: bool) -> Result<Pull, ErrorView> {
        let mut gone = told.gone;
        if whole {
            let there: std::collections::HashSet<&str> = told.there.iter().map(|(href, _)| &**href).collect();
            gone = place.etags.keys().filter(|href| !there.contains(&***href)).cloned().collect();
            gone.sort_unstable();
        }
        gone.retain(|href| place.etags.contains_key(href));
        let new: Vec<&String> = told
            .there
            .iter()
            .filter(|(href, etag)| place.etags.get(href) != Some(etag))
            .map(|(href, _)| href)
            .collect();
        let mut changed = Vec::new();
        for some in new.chunks(AT_ONCE) {
            let hrefs: String =
                some.iter().map(|href| format!("<d:href>{}</d:href>", escaped(href))).collect();
            let body = format!(
                "{HEAD}<c:addressbook-multiget {NAMES}><d:prop><d:getetag/><c:address-data/></d:prop>{hrefs}\
                 </c:addressbook-multiget>"
            );
            let request = Request { method: "REPORT", url: book.clone(), depth: "1", body };
            let (at, response) = self.ask(request).await?;
            for answered in understood(&response)?.responses {
                let Ok(url) = self.to(&at, &answered.href) else { continue };
                let href = url.path().to_owned();
                let (Some(etag), Some(text)) = (answered.props.etag, answered.props.card) else { continue };
                // Nobody asked for others.
                if some.iter().any(|asked| **asked == href) {
                    let card = vcard::read(&text).cards.into_iter().next();
                    changed.push((href, etag, card.map(|(_, card)| card)));
                }
            }
        }
        Ok(Pull { changed, gone, ..Pull::default() })
    }
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
const NAMES: &str =
    "xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:carddav\" xmlns:s=\"http://calendarserver.org/ns/\"";

fn book(at: &Url, answered: &Answered) -> FoundBook {
    let name = answered.props.name.as_deref().unwrap_or_else(|| at.host_str().unwrap_or_default());
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    FoundBook { url: at.clone(), name }
}

fn understood(response: &Response) -> Result<MultiStatus, ErrorView> {
    match response.status {
        207 => xml::read(&response.body).ok_or_else(|| {
            ErrorView::with_detail(ErrorCode::ProviderFailed, "the answer could not be understood")
        }),
        403 => Err(ErrorView::new(ErrorCode::ProviderRefused)),
        404 | 405 | 410 => Err(ErrorView::new(ErrorCode::NotFound)),
        429 => Err(ErrorView::new(ErrorCode::RateLimited)),
        status => Err(ErrorView::with_detail(ErrorCode::ProviderFailed, status.to_string())),
    }
}

/// Whether two addresses name one collection: some write its slash, some don't.
fn same(one: &Url, other: &Url) -> bool {
    one.path().trim_end_matches('/') == other.path().trim_end_matches('/')
}

/// Over TLS, or to this computer.
fn is_safe(url: &Url) -> bool {
    (url.scheme() == "https" && url.has_host()) || (url.scheme() == "http" && is_here(url))
}

/// Whether it is this computer.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether an address is of the host that was typed, or of one below it.
fn is_below(url: &Url, entry: &Url) -> bool {
    if !is_safe(url) || !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    if url.origin() == entry.origin() {
        return true;
    }
    // From a computer's own ports to others nothing leads.
    let (Some(Host::Domain(host)), Some(Host::Domain(typed))) = (url.host(), entry.host()) else {
        return false;
    };
    let is_sub = host.strip_suffix(typed).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    url.scheme() == "https" && entry.scheme() == "https" && typed.contains('.') && is_sub
}

/// For an element's text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
