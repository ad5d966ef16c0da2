//! Samples of servers' answers, kind and hostile.

use std::sync::Mutex;

use super::*;

/// Answers by method and path, one after the other; remembers where it was asked.
struct Samples {
    answers: Mutex<Vec<(&'static str, Response)>>,
    asked: Mutex<Vec<Request>>,
}

impl Samples {
    fn new(answers: Vec<(&'static str, Response)>) -> Self {
        Self { answers: Mutex::new(answers), asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|request| format!("{} {}", request.method, request.url)).collect()
    }
}

#[async_trait]
impl Exchange for Samples {
    async fn ask(&self, request: Request) -> Result<Response, ErrorView> {
        let at = format!("{} {}", request.method, request.url);
        self.asked.lock().unwrap().push(request);
        let mut answers = self.answers.lock().unwrap();
        let place = answers.iter().position(|(to, _)| *to == at);
        Ok(place.map_or(Response { status: 404, ..Response::default() }, |place| answers.remove(place).1))
    }
}

fn multi(inside: &str) -> Response {
    let body = format!(
        r#"<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav" xmlns:s="http://calendarserver.org/ns/">{inside}</d:multistatus>"#
    );
    Response { status: 207, body, ..Response::default() }
}

fn response(href: &str, props: &str) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:prop>{props}</d:prop>\
         <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )
}

fn etag(href: &str, etag: &str) -> String {
    response(href, &format!("<d:getetag>\"{etag}\"</d:getetag>"))
}

fn card(href: &str, mark: &str, name: &str, number: &str) -> String {
    let card = format!(
        "BEGIN:VCARD&#13;\nVERSION:3.0&#13;\nUID:{name}&#13;\nFN:{name}&#13;\nTEL:{number}&#13;\nEND:VCARD"
    );
    response(href, &format!("<d:getetag>\"{mark}\"</d:getetag><c:address-data>{card}</c:address-data>"))
}

fn redirect(to: &str) -> Response {
    Response { status: 301, location: Some(to.into()), body: String::new() }
}

const BOOK: &str = "<d:resourcetype><d:collection/><c:addressbook/></d:resourcetype>";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn names(pull: &Pull) -> Vec<(&str, Option<&str>)> {
    pull.changed.iter().map(|(href, _, card)| (&**href, card.as_ref().map(|card| &*card.name))).collect()
}

#[test]
fn what_is_typed_leads_over_tls_or_nowhere() {
    for (typed, expect) in [
        ("example.com", Some("https://example.com/")),
        ("ann@example.com", Some("https://example.com/")),
        (" https://dav.example.com:8443/ann/ ", Some("https://dav.example.com:8443/ann/")),
        ("http://127.0.0.1:5232/", Some("http://127.0.0.1:5232/")),
        ("http://[::1]:5232/", Some("http://[::1]:5232/")),
        ("http://example.com/", None),
        ("http://127.0.0.1.example.com/", None),
        ("https://ann:secret@example.com/", None),
        ("ftp://example.com/", None),
        ("file:///etc/passwd", None),
        ("", None),
    ] {
        assert_eq!(entry(typed).ok().map(String::from).as_deref(), expect, "{typed}");
    }
}

#[tokio::test]
async fn address_books_are_found_from_a_host_alone() {
    let server = Samples::new(vec![
        ("PROPFIND https://example.com/.well-known/carddav", redirect("https://dav.example.com/")),
        (
            "PROPFIND https://dav.example.com/",
            multi(&response(
                "/",
                "<d:current-user-principal><d:href>/ann/</d:href></d:current-user-principal>",
            )),
        ),
        (
            "PROPFIND https://dav.example.com/ann/",
            multi(&response(
                "/ann/",
                "<c:addressbook-home-set><d:href>https://p7.example.com/ann/books/</d:href></c:addressbook-home-set>",
            )),
        ),
        (
            "PROPFIND https://p7.example.com/ann/books/",
            multi(&format!(
                "{}{}{}",
                response("/ann/books/", "<d:resourcetype><d:collection/></d:resourcetype>"),
                response("/ann/books/work/", &format!("{BOOK}<d:displayname>Work</d:displayname>")),
                response("/ann/books/cal/", "<d:resourcetype><d:collection/></d:resourcetype>"),
            )),
        ),
    ]);
    let found = find(&server, &entry("ann@example.com").unwrap()).await.unwrap();
    assert_eq!(
        found,
        [FoundBook { url: url("https://p7.example.com/ann/books/work/"), name: "Work".into() }]
    );
    // An address that is a book itself needs no looking.
    let server = Samples::new(vec![(
        "PROPFIND https://example.com/b/",
        multi(&response("/b/", &format!("{BOOK}<d:displayname>B</d:displayname>"))),
    )]);
    assert_eq!(find(&server, &url("https://example.com/b/")).await.unwrap()[0].name, "B");
}

#[tokio::test]
async fn the_password_goes_nowhere_else() {
    let principal = |to: &str| {
        multi(&response(
            "/",
            &format!("<d:current-user-principal><d:href>{to}</d:href></d:current-user-principal>"),
        ))
    };
    for to in [
        "https://evil.example/ann/",
        "https://evilexample.com/ann/",
        "http://example.com/ann/",
        "https://example.com:444/ann/@x",
        "https://user:pass@example.com/ann/",
        "//evil.example/",
        "https://example.com.evil.example/",
        "file:///etc/passwd",
        &"x".repeat(3_000),
    ] {
        let answers = vec![("PROPFIND https://example.com/x/", principal(to))];
        let server = Samples::new(answers);
        let found = find(&server, &url("https://example.com/x/")).await;
        let stayed = server.asked().iter().all(|asked| {
            asked.strip_prefix("PROPFIND ").is_some_and(|at| at.starts_with("https://example.com"))
        });
        assert!(found.is_err() && stayed, "{to}: {:?}", server.asked());
        assert!(server.asked().iter().all(|asked| !asked.contains("evil")), "{to}");
        let server = Samples::new(vec![("PROPFIND https://example.com/x/", redirect(to))]);
        assert!(find(&server, &url("https://example.com/x/")).await.is_err(), "{to}");
        assert!(server.asked().iter().all(|asked| !asked.contains("evil")), "{to}");
    }
    // In a circle.
    let circle = (0..9).map(|_| ("PROPFIND https://example.com/x/", redirect("/x/"))).collect();
    let server = Samples::new(circle);
    assert!(find(&server, &url("https://example.com/x/")).await.is_err());
    assert_eq!(server.asked().len(), MOST_REDIRECTS);
    let refused = Samples::new(vec![(
        "PROPFIND https://example.com/x/",
        Response { status: 401, ..Response::default() },
    )]);
    let error = find(&refused, &url("https://example.com/x/")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ProviderUnauthorized);
}

#[tokio::test]
async fn changes_are_told_in_pages_and_fetched() {
    const AT: &str = "REPORT https://example.com/b/";
    let book = url("https://example.com/b/");
    let server = Samples::new(vec![
        (
            AT,
            multi(&format!(
                "{}<d:response><d:href>/b/</d:href><d:status>HTTP/1.1 507 Insufficient Storage</d:status></d:response>\
                 <d:sync-token>t1</d:sync-token>",
                etag("/b/ann.vcf", "1")
            )),
        ),
        (
            AT,
            multi(&format!(
                "{}{}<d:response><d:href>/b/gone.vcf</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>\
                 <d:response><d:href>/b/never.vcf</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>\
                 <d:sync-token>t2</d:sync-token>",
                etag("/b/ben.vcf", "2"),
                etag("https://evil.example/b/x.vcf", "9"),
            )),
        ),
        (
            AT,
            multi(&format!(
                "{}{}{}",
                card("/b/ann.vcf", "1", "Ann", "+442079460123"),
                response(
                    "/b/ben.vcf",
                    "<d:getetag>\"2\"</d:getetag><c:address-data>no card</c:address-data>"
                ),
                card("/b/unasked.vcf", "7", "Nobody", "+1"),
            )),
        ),
    ]);
    let etags = HashMap::from([("/b/gone.vcf".to_owned(), "\"1\"".to_owned())]);
    let place = Place { token: Some("t0".into()), ctag: None, etags };
    let pull = pull(&server, &book, &place).await.unwrap();
    assert_eq!(pull.token.as_deref(), Some("t2"));
    assert_eq!(names(&pull), [("/b/ann.vcf", Some("Ann")), ("/b/ben.vcf", None)]);
    assert_eq!(pull.gone, ["/b/gone.vcf"]);
    let asked = server.asked.lock().unwrap();
    assert!(asked[0].body.contains("<d:sync-token>t0</d:sync-token>") && asked[0].depth == "0");
    assert!(asked[2].body.contains("<d:href>/b/ann.vcf</d:href>") && !asked[2].body.contains("evil"));
}

#[tokio::test]
async fn a_forgotten_token_begins_anew_and_finds_what_is_gone() {
    const AT: &str = "REPORT https://example.com/b/";
    let expired = r#"<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>"#;
    let server = Samples::new(vec![
        (AT, Response { status: 403, body: expired.into(), location: None }),
        (AT, multi(&format!("{}<d:sync-token>t9</d:sync-token>", etag("/b/ann.vcf", "1")))),
    ]);
    let etags = ["ann", "ben"].map(|name| (format!("/b/{name}.vcf"), "\"1\"".to_owned()));
    let place = Place { token: Some("old".into()), ctag: None, etags: HashMap::from(etags) };
    let pull = pull(&server, &url("https://example.com/b/"), &place).await.unwrap();
    assert_eq!((pull.token.as_deref(), pull.gone.as_slice()), (Some("t9"), &["/b/ben.vcf".to_owned()][..]));
    assert_eq!(names(&pull), [], "what is known is not fetched again");
}

#[tokio::test]
async fn a_server_that_tells_no_changes_is_compared_with() {
    let book = url("https://example.com/b/");
    let not_offered = || ("REPORT https://example.com/b/", Response { status: 501, ..Response::default() });
    let ctag = |mark: &str| {
        (
            "PROPFIND https://example.com/b/",
            multi(&response("/b/", &format!("<s:getctag>{mark}</s:getctag>"))),
        )
    };
    let server = Samples::new(vec![
        not_offered(),
        ctag("c2"),
        (
            "PROPFIND https://example.com/b/",
            multi(&format!("{}{}{}", etag("/b/", "0"), etag("/b/ann.vcf", "2"), etag("/b/cat.vcf", "1"))),
        ),
        ("REPORT https://example.com/b/", multi(&card("/b/ann.vcf", "2", "Ann", "+442079460123"))),
    ]);
    let etags = ["ann", "ben", "cat"].map(|name| (format!("/b/{name}.vcf"), "\"1\"".to_owned()));
    let place = Place { token: None, ctag: Some("c1".into()), etags: HashMap::from(etags) };
    let pulled = pull(&server, &book, &place).await.unwrap();
    assert_eq!((pulled.token, pulled.ctag.as_deref()), (None, Some("c2")));
    assert_eq!((pulled.gone.as_slice(), pulled.changed.len()), (&["/b/ben.vcf".to_owned()][..], 1));
    let same = Samples::new(vec![not_offered(), ctag("c1")]);
    let nothing = pull(&same, &book, &place).await.unwrap();
    assert_eq!((nothing.changed.len(), nothing.gone.len(), same.asked().len()), (0, 0, 2));
}
