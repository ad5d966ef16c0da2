//! The 49 messages of RFC 4475 as bytes, where a folder with them is named by TERN_SIP_MESSAGES (`NAME.dat` and an
//! `expected.json`). Cases of our own for each defect stand in `torture`.

use crate::torture;
use std::path::PathBuf;
use tern_sip::wire::{Contacts, HeaderAccess as _, Message, parse_datagram};

/// Faulty ones that are sound as far as a parser goes: what is wrong is a header nobody here reads.
const TAKEN: [&str; 1] = ["baddate"];

/// A message's name, and fields with their values as text.
type Case = (String, Vec<(String, String)>);

fn folder() -> Option<PathBuf> {
    let Some(path) = std::env::var_os("TERN_SIP_MESSAGES").map(PathBuf::from) else {
        println!("skipped: TERN_SIP_MESSAGES names no folder");
        return None;
    };
    Some(path)
}

/// What `expected.json` says, read without a JSON library: names with their fields as text.
fn expected(json: &str) -> (Vec<Case>, Vec<String>) {
    let (valid, invalid) = json.split_once("\"invalid\"").unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for line in valid.lines().map(|l| l.trim().trim_end_matches(',')) {
        let Some((name, value)) = line.split_once("\": ") else { continue };
        let name = name.trim_start_matches('"').to_owned();
        match (value, cases.last_mut()) {
            ("{", _) => cases.push((name, Vec::new())),
            (value, Some((_, fields))) => fields.push((name, value.to_owned())),
            _ => {}
        }
    }
    cases.retain(|(name, _)| name != "valid");
    let invalid =
        invalid.split('"').filter(|s| s.chars().all(|c| c.is_ascii_alphanumeric()) && !s.is_empty());
    (cases, invalid.map(str::to_owned).collect())
}

fn quoted(text: Option<String>) -> String {
    text.map_or("null".into(), |t| format!("\"{}\"", t.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[test]
fn the_valid_ones_are_read() {
    let Some(folder) = folder() else { return };
    let (cases, _) = expected(&std::fs::read_to_string(folder.join("expected.json")).unwrap());
    assert_eq!(cases.len(), 27);
    let mut wrong = Vec::new();
    for (name, fields) in cases {
        let bytes = std::fs::read(folder.join(format!("{name}.dat"))).unwrap();
        let message = match parse_datagram(&bytes) {
            Ok(message) => message,
            Err(error) => {
                wrong.push(format!("{name}: {error:?}"));
                continue;
            }
        };
        let headers = message.headers();
        let start = match &message {
            Message::Request(r) => r.method.to_string(),
            Message::Response(r) => r.code().to_string(),
        };
        let contacts = match Contacts::parse(headers.all("Contact")).unwrap() {
            Contacts::All => 1,
            Contacts::List(list) => list.len(),
        };
        let cseq = headers.cseq().unwrap();
        let branch = headers.top_via().unwrap().branch();
        for (field, want) in fields {
            let got = match field.as_str() {
                "start" => quoted(Some(start.clone())),
                "cid" => quoted(Some(headers.call_id().unwrap().to_owned())),
                "cseq" => cseq.number.to_string(),
                "cm" => quoted(Some(cseq.method.to_string())),
                "ftag" => quoted(headers.from_address().unwrap().tag()),
                "ttag" => quoted(headers.to_address().unwrap().tag()),
                "nvia" => headers.vias().unwrap().len().to_string(),
                // The expectation holds the first branch with the magic cookie's rules left aside.
                "br" => quoted(branch.clone()),
                "ncontact" => contacts.to_string(),
                "body" => message.body().len().to_string(),
                other => panic!("unknown field {other}"),
            };
            if got != want {
                wrong.push(format!("{name} {field}: {got}, not {want}"));
            }
        }
        // What was read and is written again reads the same.
        assert_eq!(
            parse_datagram(&message.to_bytes()).unwrap().headers().call_id(),
            headers.call_id(),
            "{name}"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_faulty_ones_are_refused() {
    let Some(folder) = folder() else { return };
    let (_, invalid) = expected(&std::fs::read_to_string(folder.join("expected.json")).unwrap());
    assert_eq!(invalid.len(), 22);
    let taken: Vec<String> = invalid
        .into_iter()
        .filter(|name| parse_datagram(&std::fs::read(folder.join(format!("{name}.dat"))).unwrap()).is_ok())
        .collect();
    assert_eq!(taken, TAKEN);
}

/// The endpoint does with the RFC's own faulty messages what it does with ours, and lives on.
#[test]
fn the_faulty_ones_get_the_answer_ours_get() {
    let Some(folder) = folder() else { return };
    let (_, invalid) = expected(&std::fs::read_to_string(folder.join("expected.json")).unwrap());
    let wrong: Vec<String> = torture::cases()
        .into_iter()
        .filter(|(name, ..)| invalid.iter().any(|faulty| faulty == name))
        .map(|(name, _, ours)| {
            let bytes = std::fs::read(folder.join(format!("{name}.dat"))).unwrap();
            (name, torture::what_comes(&bytes), ours)
        })
        .filter(|(_, got, ours)| got != ours)
        .map(|(name, got, ours)| format!("{name}: {got:?}, not {ours:?}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
