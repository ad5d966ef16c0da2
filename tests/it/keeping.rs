//! `tern search`, `tern contacts`, `tern block` and `tern export`: what is kept, found, named and handed out again.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use async_trait::async_trait;
use serde_json::{Value, json};
use tern_engine::{
    Engine, EngineConfig, Secret,
    api::{self, Command, FeedState, Query, StorageChoice},
    ports::{Ports, SecretKey, Secrets, SecretsError, fake::FakePorts, plain::SystemClock},
};
use tern_tests::Scratch;
use tokio::time::{Instant, timeout_at};

use crate::{
    command_line::{Provider, Run},
    scene::{SOON, Scene},
};

/// Of whoever has an address book at a server; in the environment of each run.
pub(crate) const DAV_PASSWORD: &str = "radicale for tests";

const PASSPHRASE: &str = "correct horse battery";
const FORMULA: &str = "=CMD(\"x\",\"win\"), now";
const PERSON: &str = "+447700900318";
const CARDS: &str = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:1\r\nFN:Zoë Ünal\r\n\
    TEL;VALUE=uri;TYPE=cell:tel:+44-7700-900318\r\nNOTE:met in Ankara\r\nEND:VCARD\r\n\
    BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Nobody at all\r\nEND:VCARD\r\n";

/// A computer without a keyring, whose history is closed with [`PASSPHRASE`].
pub(crate) struct Kept {
    folder: Scratch,
    desk: Scratch,
}

struct NoKeyring;

#[async_trait]
impl Secrets for NoKeyring {
    async fn get(&self, _: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        Err(SecretsError::Unavailable)
    }

    async fn set(&self, _: &SecretKey, _: &Secret) -> Result<(), SecretsError> {
        Err(SecretsError::Unavailable)
    }

    async fn delete(&self, _: &SecretKey) -> Result<(), SecretsError> {
        Err(SecretsError::Unavailable)
    }
}

impl Kept {
    /// With nothing in it yet.
    pub(crate) fn new() -> Self {
        let desk = Scratch::new("kept-desk").expect("a folder");
        desk.write("passphrase.txt", PASSPHRASE).expect("written");
        Self { folder: Scratch::new("kept").expect("a folder"), desk }
    }

    /// Has all that the provider keeps of the traveller.
    async fn of_traveller(scene: &Scene) -> Self {
        let kept = Self::new();
        let desk = FakePorts::default();
        let ports = Ports { secrets: Arc::new(NoKeyring), clock: Arc::new(SystemClock), ..desk.ports() };
        let config = EngineConfig {
            data_dir: Some(kept.folder.path().to_owned()),
            ..EngineConfig::new(ports, "Tern/tests")
        };
        let engine = Engine::start(config).await.expect("an engine");
        let choice = StorageChoice::Passphrase { passphrase: api::Secret(PASSPHRASE.into()) };
        engine.command(Command::OpenStorage { choice }).await.expect("opened");
        let access = scene.someone("Demo traveller").access();
        let (_, mut events) = engine.subscribe().await.expect("a subscription");
        engine.attach_sandbox(access).await.expect("an account");
        let deadline = Instant::now() + SOON;
        loop {
            let Ok(api::Answer::Snapshot { snapshot }) = engine.query(Query::Snapshot {}).await else {
                panic!("no snapshot")
            };
            let account = snapshot.accounts.first().expect("the account");
            if account.feed == (FeedState::Fresh {}) && account.history.is_none() {
                break;
            }
            timeout_at(deadline, events.next()).await.expect("read in time");
        }
        engine.shutdown().await;
        kept
    }

    /// Runs `tern` on it.
    pub(crate) fn tern(&self, words: &[&str]) -> (i32, Vec<Value>) {
        let passphrase = self.desk.join("passphrase.txt");
        let place = ["--data", text(self.folder.path()), "--passphrase-file", text(&passphrase)];
        let arguments = [words, &place].concat();
        let environment = [
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/no/such/bus"),
            ("DAV_PASSWORD", DAV_PASSWORD),
            ("WRONG_PASSWORD", "another one"),
        ];
        Run::with(&arguments, &environment).end()
    }

    /// Takes cards over.
    pub(crate) fn imports(&self, cards: &str) {
        let file = self.desk.write("more.vcf", cards).expect("written");
        self.lines(&["contacts", "import", text(&file)]);
    }

    /// The lines of what must succeed.
    pub(crate) fn lines(&self, words: &[&str]) -> Vec<Value> {
        let (status, lines) = self.tern(words);
        assert_eq!(status, 0, "{words:?}: {lines:#?}");
        lines
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// All rows that the provider keeps of the traveller, as it tells them itself.
async fn at_provider(scene: &Scene) -> Vec<Value> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut rows = Vec::new();
    let mut page = String::new();
    loop {
        let url = format!("{}/v1/activity/snapshot?limit=100{page}", scene.sandbox.http_url());
        let token = scene.demo("Demo traveller").token.reveal().to_owned();
        let answer = client.get(url).bearer_auth(token).send().await.expect("an answer");
        let body: Value = serde_json::from_str(&answer.text().await.expect("its body")).expect("it is JSON");
        rows.extend(body["items"].as_array().expect("rows").iter().cloned());
        match body["next_page"].as_str() {
            Some(next) => page = format!("&page={next}"),
            None => return rows,
        }
    }
}

/// Rows by what makes them what they are, with how often each is there.
fn counted(rows: impl Iterator<Item = [String; 4]>) -> BTreeMap<[String; 4], u32> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row).or_insert(0) += 1;
    }
    counts
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// To the second: a file may tell more or less of it.
fn second(value: &Value) -> String {
    word(value).chars().take(19).collect()
}

/// RFC 4180, with each field's own first character.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {
                chars.next();
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    assert!(row.is_empty() && field.is_empty() && !quoted, "the file ends within a row");
    rows
}

#[tokio::test]
async fn everything_that_the_provider_keeps_is_in_the_export() {
    let scene = Scene::start().await;
    let number = scene.demo("Demo traveller").numbers.first().expect("a number").clone();
    scene.sms(&number, PERSON, &FORMULA.replace('"', "\\\"")).await;
    scene.sms(&number, "MyBank", "line one\\nline; two, \\\"three\\\"").await;
    let kept = Kept::of_traveller(&scene).await;
    let cards = kept.desk.write("cards.vcf", CARDS).expect("written");
    kept.lines(&["contacts", "import", text(&cards)]);
    kept.lines(&["block", "add", "+4915799999999"]);

    let file = kept.desk.join("all.json");
    let lines = kept.lines(&["export", text(&file)]);
    let all: Value = serde_json::from_str(&fs::read_to_string(&file).expect("written")).expect("JSON");
    let rows = all["activity"].as_array().expect("rows");
    assert_eq!(lines[0]["rows"], rows.len());
    assert_eq!(
        (&lines[0]["contacts"], &lines[0]["blocked"], &lines[0]["drafts"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert!(all["settings"].is_object() && all["drafts"].is_array(), "{}", all["settings"]);
    // What it tells of itself in notices is no row of Recent Activity.
    let theirs: Vec<Value> =
        at_provider(&scene).await.into_iter().filter(|item| item["kind"] != "notice").collect();
    assert!(theirs.len() > 20, "the traveller has a past: {}", theirs.len());
    let expected = counted(theirs.iter().map(|item| {
        let object = &item["object"];
        match item["kind"].as_str() {
            Some("call") => [
                "call".into(),
                second(&object["started_at"]),
                word(&object["peer"]),
                object["duration_seconds"].to_string(),
            ],
            Some("message") => {
                ["message".into(), second(&object["at"]), word(&object["peer"]), word(&object["text"])]
            }
            _ => [
                "transaction".into(),
                second(&object["at"]),
                word(&object["amount"]["amount"]),
                word(&object["description"]),
            ],
        }
    }));
    let written = counted(rows.iter().map(|row| {
        let what = &row["what"];
        let [kind, at] = [word(&what["type"]), second(&row["at"])];
        match &*kind {
            "call" => [kind, at, word(&row["peer"]), what["durationSeconds"].to_string()],
            "message" => [kind, at, word(&row["peer"]), word(&what["message"]["text"])],
            _ => {
                let told = &what["transaction"];
                [kind, at, word(&told["amount"]["amount"]), word(&told["description"])]
            }
        }
    }));
    assert_eq!(written, expected);
    let contacts = all["contacts"].as_array().expect("contacts");
    assert_eq!((contacts.len(), &contacts[0]["name"]), (1, &json!("Zoë Ünal")));
    assert_eq!(contacts[0]["numbers"][0]["number"], PERSON);
    assert_eq!(all["blocked"][0]["number"], "+4915799999999");

    // A file that is there is not written over.
    let (status, lines) = kept.tern(&["export", text(&file)]);
    assert_eq!((status, &lines[0]["code"]), (8, &"exportFailed".into()), "{lines:?}");

    let file = kept.desk.join("all.csv");
    kept.lines(&["export", "--format", "csv", text(&file)]);
    let table = fs::read_to_string(&file).expect("written");
    let table = csv(table.strip_prefix('\u{feff}').expect("spreadsheets tell UTF-8 by it"));
    let (head, body) = table.split_first().expect("a head");
    assert_eq!(body.len(), rows.len());
    let column = |name: &str| head.iter().position(|column| column == name).expect("a column");
    for row in body {
        assert_eq!(row.len(), head.len(), "{row:?}");
        for cell in row {
            let figure = cell
                .strip_prefix(['+', '-'])
                .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '.'));
            assert!(figure || !cell.trim_start().starts_with(['=', '+', '-', '@']), "a formula: {cell:?}");
        }
    }
    let of = |peer: &str, kind: &str| {
        let found = body.iter().filter(|row| row[column("peer")] == peer && row[column("kind")] == kind);
        found.map(|row| (row[column("name")].clone(), row[column("text")].clone())).collect::<Vec<_>>()
    };
    let marked = format!("'{FORMULA}");
    assert!(of(PERSON, "message").contains(&("Zoë Ünal".into(), marked)), "{:?}", of(PERSON, "message"));
    let told = "line one\nline; two, \"three\"".to_owned();
    assert!(of("MyBank", "message").iter().any(|(_, text)| *text == told), "{:?}", of("MyBank", "message"));
}

#[tokio::test]
async fn a_contact_names_rows_and_finds_them() {
    let scene = Scene::start().await;
    let number = scene.demo("Demo traveller").numbers.first().expect("a number").clone();
    scene.sms(&number, PERSON, "the ferry leaves at nine").await;
    let kept = Kept::of_traveller(&scene).await;
    let ferry = |kept: &Kept, words: &[&str]| {
        let rows = kept.lines(&[&["search"], words].concat());
        rows.into_iter().find(|row| row["text"] == "the ferry leaves at nine")
    };
    assert_eq!(ferry(&kept, &["FERR"]).expect("by its words")["peer_name"], "+44 7700 900318");
    assert_eq!(ferry(&kept, &["zoe"]), None);

    let cards = kept.desk.write("cards.vcf", CARDS).expect("written");
    let import = ["contacts", "import", text(&cards)];
    let counts = |line: &Value| {
        assert_eq!(line["refusedLines"], json!([8]), "where the card without a number begins");
        [&line["added"], &line["changed"], &line["same"], &line["refused"]].map(Value::as_u64)
    };
    assert_eq!(counts(&kept.lines(&import)[0]), [Some(1), Some(0), Some(0), Some(1)]);
    assert_eq!(counts(&kept.lines(&import)[0]), [Some(0), Some(0), Some(1), Some(1)], "known by now");
    let listed = kept.lines(&["contacts"]);
    assert_eq!((listed.len(), &listed[0]["name"]), (1, &json!("Zoë Ünal")));
    assert_eq!((&listed[0]["numbers"], &listed[0]["note"]), (&json!([PERSON]), &json!("met in Ankara")));

    // By the name without its accents, by a word of the note, by a part of the number, and only by what fits.
    for words in [&["zoe", "unal"][..], &["ankara"], &["900318"], &["--kind", "message", "zoe"]] {
        assert_eq!(ferry(&kept, words).unwrap_or_else(|| panic!("{words:?}"))["peer_name"], "Zoë Ünal");
    }
    assert_eq!(ferry(&kept, &["--kind", "call", "zoe"]), None);
    assert_eq!(ferry(&kept, &["--until", "2020-01-01T00:00:00Z", "zoe"]), None);
    let (status, lines) = kept.tern(&["search", "--since", "yesterday", "zoe"]);
    assert_eq!((status, &lines[0]["code"]), (2, &"invalidTarget".into()), "{lines:?}");

    let out = kept.desk.join("out.vcf");
    kept.lines(&["contacts", "export", text(&out)]);
    let elsewhere = Kept::new();
    elsewhere.lines(&["contacts", "import", text(&out)]);
    let there = &elsewhere.lines(&["contacts", "list"])[0];
    for field in ["name", "numbers", "note"] {
        assert_eq!(there[field], listed[0][field]);
    }
    let id = there["id"].to_string();
    elsewhere.lines(&["contacts", "remove", &id]);
    assert_eq!(elsewhere.lines(&["contacts"]), Vec::<Value>::new());
    elsewhere.lines(&["contacts", "add", "--name", "Zoë", "--number", "+44 7700 900318"]);
    assert_eq!(elsewhere.lines(&["contacts"])[0]["numbers"], json!([PERSON]));
    let (status, lines) = elsewhere.tern(&["contacts", "add", "--name", " ", "--number", "1"]);
    assert_eq!((status, &lines[0]["code"]), (2, &"invalidContact".into()), "{lines:?}");
}

#[tokio::test]
async fn a_blocked_number_is_listed_until_it_is_let_through_again() {
    let kept = Kept::new();
    kept.lines(&["block", "add", "+44 7700 900318", "--spam"]);
    kept.lines(&["block", "add", "SPAMMER"]);
    let listed = kept.lines(&["block"]);
    let told = |line: &Value| (line["number"].clone(), line["spam"].clone());
    let mut numbers: Vec<_> = listed.iter().map(told).map(|(n, s)| (word(&n), s == true)).collect();
    numbers.sort();
    assert_eq!(numbers, [(PERSON.to_owned(), true), ("SPAMMER".to_owned(), false)]);
    kept.lines(&["block", "remove", PERSON]);
    assert_eq!(
        kept.lines(&["block", "list"]).iter().map(|line| word(&line["number"])).collect::<Vec<_>>(),
        ["SPAMMER"]
    );
    let (status, lines) = kept.tern(&["block", "add", " "]);
    assert_eq!((status, &lines[0]["code"]), (2, &"invalidTarget".into()), "{lines:?}");
}

#[test]
fn a_sandbox_is_searched_and_exported_without_keeping_anything() {
    let provider = Provider::start();
    let api = provider.api();
    let (status, rows) = Run::start(&["activity", "--limit", "500", "--sandbox", api]).end();
    assert_eq!(status, 0);
    let message = rows.iter().rfind(|row| row["event"] == "message").expect("the traveller has messages");
    let said = word(&message["text"]);
    let words: Vec<&str> = said.split_whitespace().take(3).collect();
    let (status, found) = Run::start(&[&["search", "--sandbox", api], &words[..]].concat()).end();
    assert_eq!(status, 0, "{found:#?}");
    assert!(found.iter().any(|row| row["text"] == said.as_str()), "{said:?} in {found:#?}");
    assert!(found.iter().all(|row| row["snippet"].is_string()), "{found:#?}");
    let (status, found) = Run::start(&["search", "--sandbox", api, "--sandbox-account", "nobody", "x"]).end();
    assert_eq!((status, &found[0]["code"]), (5, &"noSuchAccount".into()));

    let folder = Scratch::new("export").expect("a folder");
    let file = folder.join("all.json");
    let (status, _) = Run::start(&["export", "--sandbox", api, text(&file)]).end();
    assert_eq!(status, 0);
    let all: Value = serde_json::from_str(&fs::read_to_string(&file).expect("written")).expect("JSON");
    assert!(all["activity"].as_array().expect("rows").len() >= rows.len());
}

#[test]
fn a_conversation_is_deleted_at_the_provider_too() {
    let provider = Provider::start();
    let api = provider.api();
    let (status, _) = Run::start(&["sms", "send", "+447700900777", "not for ever", "--sandbox", api]).end();
    assert_eq!(status, 0);
    let list = ["sms", "list", "--peer", "+447700900777", "--limit", "500", "--sandbox", api];
    let before = Run::start(&list).end().1.len();
    assert!(before > 0);
    let delete = ["delete", "+44 7700 900777", "--at-provider", "--sandbox", api];
    let (status, lines) = Run::start(&delete).end();
    assert_eq!((status, &lines[0]["event"]), (0, &"deleted".into()), "{lines:?}");
    let asked = lines[0]["asked"].as_u64().expect("a count");
    assert!(asked >= before as u64, "{lines:?}");
    let answered = ["deleted", "refused"].map(|field| lines[1][field].as_u64());
    assert_eq!(answered, [Some(asked), Some(0)], "{lines:?}");
    // Each run reads all that the provider has, anew.
    let (status, left) = Run::start(&list).end();
    assert_eq!((status, left), (0, Vec::new()));
    let (status, friends) =
        Run::start(&["sms", "list", "--sandbox", api, "--sandbox-account", "Demo friend"]).end();
    assert_eq!(status, 0);
    assert!(friends.iter().any(|row| row["text"] == "not for ever"), "what was sent was sent: {friends:?}");
    let (status, lines) = Run::start(&["delete", "+15550000000", "--sandbox", api]).end();
    assert_eq!((status, &lines[0]["code"]), (5, &"noConversation".into()), "{lines:?}");
}
