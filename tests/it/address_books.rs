//! `tern contacts carddav` against Radicale: contacts come from a server that is not ours.

use reqwest::Method;
use serde_json::{Value, json};
use tern_tests::actors::{Credentials, Radicale};

use crate::keeping::{DAV_PASSWORD, Kept};

const ANN: Credentials = Credentials { user: "ann", password: DAV_PASSWORD };

/// Somebody's other phone, which writes to the server.
struct Phone {
    client: reqwest::Client,
    url: String,
}

impl Phone {
    fn new(server: &Radicale) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { client, url: server.url() }
    }

    async fn asks(&self, method: &str, path: &str, body: String) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.client.request(method, format!("{}ann/{path}", self.url));
        let kind = if path.ends_with(".vcf") { "text/vcard; charset=utf-8" } else { "application/xml" };
        let request =
            request.basic_auth(ANN.user, Some(ANN.password)).header("Content-Type", kind).body(body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    async fn makes_a_book(&self) {
        let book = r#"<?xml version="1.0"?><mkcol xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"><set><prop>
            <resourcetype><collection/><c:addressbook/></resourcetype><displayname>Friends</displayname>
            </prop></set></mkcol>"#;
        self.asks("MKCOL", "friends/", book.to_owned()).await;
    }

    async fn keeps(&self, id: &str, name: &str, number: &str) {
        let card = format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{id}\r\nFN:{name}\r\nN:{name};;;;\r\nTEL;TYPE=CELL:{number}\r\nEND:VCARD\r\n"
        );
        self.asks("PUT", &format!("friends/{id}.vcf"), card).await;
    }

    async fn forgets(&self, id: &str) {
        self.asks("DELETE", &format!("friends/{id}.vcf"), String::new()).await;
    }
}

/// Names with their first numbers and notes, in order.
fn people(kept: &Kept) -> Vec<(String, String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = kept.lines(&["contacts"]);
    lines.iter().map(|line| (word(&line["name"]), word(&line["numbers"][0]), word(&line["note"]))).collect()
}

fn counts(line: &Value) -> [Option<u64>; 3] {
    assert_eq!((&line["event"], &line["error"]), (&json!("synced"), &Value::Null), "{line}");
    ["added", "changed", "removed"].map(|field| line[field].as_u64())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_come_from_a_server_and_what_was_changed_here_stays() {
    let server = Radicale::start(&ANN).expect("radicale: cargo xtask setup --tests");
    let phone = Phone::new(&server);
    phone.makes_a_book().await;
    phone.keeps("zoe", "Zoë Ünal", "+44 7700 900318").await;
    phone.keeps("ben", "Ben", "+49 30 901820").await;
    let kept = Kept::new();
    let url = server.url();
    let add = ["contacts", "carddav", "add", &url, "--user", "ann", "--password-env"];
    let (status, lines) = kept.tern(&[&add[..], &["WRONG_PASSWORD"]].concat());
    assert_eq!((status, &lines[0]["code"]), (3, &json!("providerUnauthorized")), "{lines:?}");
    let lines = kept.lines(&[&add[..], &["DAV_PASSWORD"]].concat());
    assert_eq!((lines.len(), counts(&lines[0])), (1, [Some(2), Some(0), Some(0)]), "{}", server.log());
    assert_eq!(lines[0]["name"], "Friends");
    let row = |name: &str, number: &str, note: &str| (name.to_owned(), number.to_owned(), note.to_owned());
    assert_eq!(people(&kept), [row("Ben", "+4930901820", ""), row("Zoë Ünal", "+447700900318", "")]);

    // Without a keyring nobody has the password.
    let (status, lines) = kept.tern(&["contacts", "carddav", "sync"]);
    assert_eq!((status, &lines[0]["error"]), (3, &json!("passwordNeeded")), "{lines:?}");
    let sync = ["contacts", "carddav", "sync", "--password-env", "DAV_PASSWORD"];
    assert_eq!(counts(&kept.lines(&sync)[0]), [Some(0); 3]);

    // Changed on both sides, on the other one only, gone and new.
    let own = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:zoe\r\nFN:Zoe at work\r\nTEL;VALUE=uri:tel:+447700900318\r\nEND:VCARD\r\n";
    kept.imports(own);
    phone.keeps("zoe", "Zoë Ünal-Berg", "+44 7700 900318").await;
    phone.keeps("ben", "Benjamin", "+49 30 901820").await;
    phone.keeps("cat", "Cat", "+33 6 39 98 47 12").await;
    assert_eq!(counts(&kept.lines(&sync)[0]), [Some(1), Some(2), Some(0)]);
    assert_eq!(
        people(&kept),
        [
            row("Benjamin", "+4930901820", ""),
            row("Cat", "+33639984712", ""),
            row("Zoe at work", "+447700900318", "Zoë Ünal-Berg"),
        ]
    );
    for id in ["ben", "zoe"] {
        phone.forgets(id).await;
    }
    assert_eq!(counts(&kept.lines(&sync)[0]), [Some(0), Some(0), Some(1)], "what was changed here stays");
    assert_eq!(people(&kept).len(), 2);

    let book = kept.lines(&["contacts", "carddav"]);
    assert_eq!((book.len(), &book[0]["user"]), (1, &json!("ann")));
    drop(server);
    let (status, lines) = kept.tern(&sync);
    assert_eq!((status, &lines[0]["error"]), (4, &json!("providerUnreachable")), "{lines:?}");
    kept.lines(&["contacts", "carddav", "remove", &book[0]["id"].to_string()]);
    assert_eq!((kept.lines(&["contacts", "carddav"]).len(), people(&kept).len()), (0, 2));
}
