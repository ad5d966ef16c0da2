//! A case of our own for each of the 49 messages of RFC 4475: the same trait or defect in other words, and what the
//! endpoint does about it.

use crate::net::{CALM, Net};
use std::time::Duration;
use tern_sip::Event;
use tern_sip::wire::{Date, HeaderAccess as _, Message, Method, parse_datagram};

/// What comes of a message.
#[derive(Debug, PartialEq)]
pub(crate) enum Comes {
    /// A response with this code.
    Answer(u16),
    /// A call for the application, after a 100.
    Call,
    /// A request for the application, which here handles REGISTER.
    ToApplication,
    /// Nothing, and it counts as garbage.
    Garbage,
    /// Nothing: a sound response that belongs to no request of ours.
    Stray,
}

use Comes::*;

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n";

/// A message of a start line, the usual headers with some replaced or added (an empty value leaves one out), and a
/// body.
fn message(start: &str, changes: &[(&str, &str)], body: &str) -> Vec<u8> {
    let method = if start.starts_with("SIP/") { "INVITE" } else { start.split(' ').next().unwrap() };
    let cseq = format!("4 {method}");
    let length = body.len().to_string();
    let usual = [
        ("Via", "SIP/2.0/UDP 192.0.2.77:5060;rport;branch=z9hG4bKown"),
        ("From", "<sip:mia@example.org>;tag=m1"),
        ("To", "<sip:tom@example.org>"),
        ("Call-ID", "own-torture"),
        ("CSeq", cseq.as_str()),
        ("Max-Forwards", "70"),
        ("Content-Length", length.as_str()),
    ];
    let mut text = format!("{start}\r\n");
    let kept = usual.iter().filter(|(n, _)| !changes.iter().any(|(c, _)| c.trim().eq_ignore_ascii_case(n)));
    for (name, value) in kept.chain(changes.iter().filter(|(_, v)| !v.is_empty())) {
        text += &format!("{name}: {value}\r\n");
    }
    format!("{text}\r\n{body}").into_bytes()
}

fn invite(changes: &[(&str, &str)]) -> Vec<u8> {
    let mut all = vec![("Contact", "<sip:mia@192.0.2.77>"), ("Content-Type", "application/sdp")];
    all.retain(|(n, _)| !changes.iter().any(|(c, _)| c.eq_ignore_ascii_case(n)));
    all.extend(changes);
    message("INVITE sip:tom@example.org SIP/2.0", &all, SDP)
}

fn options(changes: &[(&str, &str)]) -> Vec<u8> {
    message("OPTIONS sip:tom@example.org SIP/2.0", changes, "")
}

fn register(changes: &[(&str, &str)]) -> Vec<u8> {
    message("REGISTER sip:example.org SIP/2.0", changes, "")
}

fn response(start: &str, changes: &[(&str, &str)]) -> Vec<u8> {
    message(start, changes, "")
}

/// Gives the bytes to an endpoint that was just made, and asks it afterwards whether it still lives.
pub(crate) fn what_comes(bytes: &[u8]) -> Comes {
    let mut net = Net::new(1, CALM);
    let bob = net.add("tom", |c| c.handles = vec![Method::REGISTER]);
    net.deliver("192.0.2.77:5060".parse().unwrap(), net.nodes[bob].address, bytes);
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    let stats = net.nodes[bob].endpoint.stats();
    let comes = match (net.nodes[bob].events.first(), net.sent.first()) {
        (Some(Event::IncomingCall { .. }), _) => Call,
        (Some(Event::Request { .. } | Event::MessageReceived { .. }), _) => ToApplication,
        (None, Some(sent)) => {
            let code =
                sent.bytes.get(8..11).and_then(|c| std::str::from_utf8(c).ok()).and_then(|c| c.parse().ok());
            Answer(code.unwrap())
        }
        (None, None) if stats.garbage == 1 => Garbage,
        (None, None) if stats.stray_responses == 1 => Stray,
        other => panic!("{other:?} {stats:?}"),
    };
    let before = net.sent.len();
    let alive = options(&[("Via", "SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKalive"), ("Call-ID", "alive")]);
    net.deliver("192.0.2.77:5060".parse().unwrap(), net.nodes[bob].address, &alive);
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    let answers = net.sent.iter().skip(before);
    assert!(answers.into_iter().any(|s| s.bytes.starts_with(b"SIP/2.0 200 ")), "{comes:?}, and then nothing");
    comes
}

/// A message of our own for each one of the RFC, by its name, and what comes of it.
pub(crate) fn cases() -> Vec<(&'static str, Vec<u8>, Comes)> {
    let long = "x".repeat(900);
    let many: Vec<(&str, &str)> = (0..30).map(|_| ("v", "SIP/2.0/TCP hop.example.org")).collect();
    let mut longreq = vec![("Subject", long.as_str()), ("Via", "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKtop")];
    longreq.extend(many);
    let mut two = register(&[]);
    two.extend(options(&[]));
    let mut latin = response("SIP/2.0 200 \u{434}\u{430}", &[("To", "<sip:t@example.org>;tag=1")]);
    latin.extend(b"");
    vec![
        // Section 3.1.1: sound, if strange.
        (
            "wsinv",
            invite(&[
                ("VIA  ", "SIP / 2.0\r\n / UDP   192.0.2.77 ;\r\n branch = z9hG4bKws"),
                ("fRoM", "\"M \\\" q\"\t<sip:mia@example.org>\r\n ;  tag  = 4"),
                ("S", ""),
            ]),
            Call,
        ),
        (
            "intmeth",
            message("~odd-`Method%.!*+'_ sip:u&a=b;c:p@example.org SIP/2.0", &[("X-_`~", "\u{feff}")], ""),
            Answer(501),
        ),
        ("esc01", invite(&[("To", "sip:%74o%6d@example.org")]), Call),
        ("escnull", register(&[("Contact", "<sip:%00@192.0.2.77>")]), ToApplication),
        (
            "esc02",
            message("OP%54IONS sip:tom@example.org SIP/2.0", &[("C%6Fntact", "<sip:x>")], ""),
            Answer(501),
        ),
        ("lwsdisp", options(&[("From", "mia<sip:mia@example.org>;tag=1")]), Answer(200)),
        ("longreq", invite(&longreq), Call),
        ("dblreq", two, ToApplication),
        ("semiuri", message("OPTIONS sip:tom;day=mon%40x@example.org SIP/2.0", &[], ""), Answer(200)),
        (
            "transports",
            options(&[(
                "Via",
                "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK1, SIP/2.0/PIGEON b.example.org;branch=z9hG4bK2",
            )]),
            Answer(200),
        ),
        (
            "mpart01",
            message(
                "MESSAGE sip:tom@example.org SIP/2.0",
                &[("Content-Type", "multipart/mixed;boundary=q")],
                "--q\r\n\r\nhi\r\n--q--\r\n",
            ),
            ToApplication,
        ),
        ("unreason", latin, Stray),
        ("noreason", response("SIP/2.0 100 ", &[]), Stray),
        // Section 3.1.2: broken.
        ("badinv01", invite(&[("Contact", "<sip:mia@192.0.2.77>;;,")]), Answer(400)),
        ("clerr", invite(&[("Content-Length", "5000")]), Answer(400)),
        ("ncl", invite(&[("Content-Length", "-1")]), Answer(400)),
        ("scalar02", register(&[("CSeq", "99999999999 REGISTER")]), Answer(400)),
        ("scalarlg", response("SIP/2.0 503 Busy", &[("CSeq", "99999999999 OPTIONS")]), Garbage),
        ("quotbal", invite(&[("To", "\"Tom <sip:tom@example.org>")]), Answer(400)),
        ("ltgtruri", message("OPTIONS <sip:tom@example.org> SIP/2.0", &[], ""), Answer(400)),
        ("lwsruri", message("OPTIONS sip:tom@example.org; maddr=x SIP/2.0", &[], ""), Answer(400)),
        ("lwsstart", message("OPTIONS  sip:tom@example.org SIP/2.0", &[], ""), Answer(400)),
        ("trws", message("OPTIONS sip:tom@example.org SIP/2.0 ", &[], ""), Answer(400)),
        ("escruri", message("OPTIONS sip:tom@example.org?Subject=x SIP/2.0", &[], ""), Answer(400)),
        // Section 3.1.2.12: it may be refused, or the Date left alone; a call is worth more than a date.
        ("baddate", invite(&[("Date", "Mon, 01 Jan 2024 10:00:00 CET")]), Call),
        ("regbadct", register(&[("Contact", "sip:mia@192.0.2.77?Subject=x")]), Answer(400)),
        ("badaspec", options(&[("To", "\"Tom\" < sip:tom@example.org >")]), Answer(400)),
        ("baddn", options(&[("From", "Bean, Mia <sip:mia@example.org>;tag=1")]), Answer(400)),
        ("badvers", message("OPTIONS sip:tom@example.org SIP/3.0", &[], ""), Answer(505)),
        ("mismatch01", options(&[("CSeq", "4 REGISTER")]), Answer(400)),
        (
            "mismatch02",
            message("FROBNICATE sip:tom@example.org SIP/2.0", &[("CSeq", "4 INVITE")], ""),
            Answer(400),
        ),
        ("bigcode", response("SIP/2.0 70000 large", &[]), Garbage),
        // Section 3.2: the bare cookie is no branch of RFC 3261.
        ("badbranch", options(&[("Via", "SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bK")]), Answer(200)),
        // Section 3.3: what it means is wrong.
        ("insuf", invite(&[("From", ""), ("Call-ID", "")]), Answer(400)),
        ("unkscm", message("OPTIONS nobody:knows SIP/2.0", &[], ""), Answer(416)),
        ("novelsc", message("OPTIONS coap.tcp://192.0.2.5:1 SIP/2.0", &[], ""), Answer(416)),
        ("unksm2", register(&[("To", "isbn:123"), ("From", "<http://example.org>;tag=1")]), ToApplication),
        ("bext01", options(&[("Require", "nothing-known")]), Answer(420)),
        ("invut", invite(&[("Content-Type", "application/unheard-of")]), Answer(415)),
        ("regaut01", register(&[("Authorization", "Riddle answer=42")]), ToApplication),
        ("multi01", invite(&[("Call-ID", "one"), ("Call-ID", "two")]), Answer(400)),
        (
            "mcl01",
            message(
                "OPTIONS sip:tom@example.org SIP/2.0",
                &[("Content-Length", "0"), ("Content-Length", "9")],
                "",
            ),
            Answer(400),
        ),
        (
            "bcast",
            response(
                "SIP/2.0 200 OK",
                &[
                    ("Via", "SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKb"),
                    ("To", "<sip:t@example.org>;tag=1"),
                ],
            ),
            Stray,
        ),
        // 0 is for proxies to refuse; it has arrived (RFC 3261 16.3, 8.2).
        ("zeromf", options(&[("Max-Forwards", "0")]), Answer(200)),
        ("cparam01", register(&[("Contact", "<sip:mia@192.0.2.77>;novel")]), ToApplication),
        ("cparam02", register(&[("Contact", "<sip:mia@192.0.2.77;novel>")]), ToApplication),
        ("regescrt", register(&[("m", "<sip:mia@192.0.2.77?Route=%3Csip:r.example.org%3E>")]), ToApplication),
        ("sdp01", invite(&[("Accept", "text/unheard-of")]), Call),
        (
            "inv2543",
            invite(&[
                ("Via", "SIP/2.0/UDP 192.0.2.77"),
                ("From", "<sip:mia@example.org>"),
                ("Max-Forwards", ""),
                ("Contact", ""),
            ]),
            Call,
        ),
    ]
}

#[test]
fn each_defect_has_its_consequence() {
    let cases = cases();
    assert_eq!(cases.len(), 49);
    let wrong: Vec<String> = cases
        .into_iter()
        .map(|(name, bytes, expected)| (name, what_comes(&bytes), expected))
        .filter(|(_, got, expected)| got != expected)
        .map(|(name, got, expected)| format!("{name}: {got:?}, not {expected:?}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_date_of_another_zone_is_not_read() {
    let bytes = invite(&[("Date", "Mon, 01 Jan 2024 10:00:00 CET")]);
    let Ok(Message::Request(request)) = parse_datagram(&bytes) else { panic!() };
    assert!(request.headers.view::<Date>().is_err());
}

#[test]
fn a_request_cut_off_in_its_headers_is_told_so() {
    let whole = options(&[]);
    for at in [whole.len() - 2, whole.len() - 30] {
        assert_eq!(what_comes(&whole[..at]), Answer(400));
    }
    // Before its Via is whole, nobody can be told.
    assert_eq!(what_comes(&whole[..60]), Garbage);
    let many = "X: y\r\n".repeat(300);
    let many = String::from_utf8(whole).unwrap().replace("Max-Forwards", &format!("{many}Max-Forwards"));
    assert_eq!(what_comes(many.as_bytes()), Answer(400));
}

#[test]
fn strange_spelling_means_the_same() {
    let bytes = invite(&[
        ("VIA  ", "SIP / 2.0\r\n / UDP   192.0.2.77 ;\r\n branch = z9hG4bKws"),
        ("t", "\"T \\\\ \\\" m\"\t<sip:tom@example.org>\r\n ;  tag  = 4"),
        ("to", ""),
    ]);
    let Ok(Message::Request(request)) = parse_datagram(&bytes) else { panic!() };
    assert_eq!(request.headers.top_via().unwrap().branch().as_deref(), Some("z9hG4bKws"));
    let to = request.headers.to_address().unwrap();
    assert_eq!((to.display.as_deref(), to.tag().as_deref()), (Some("T \\ \" m"), Some("4")));
}
