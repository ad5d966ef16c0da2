//! Messages as Kamailio, Asterisk and common phones write them, in our own words.

use tern_sip::wire::{Contacts, HeaderAccess as _, Message, parse_datagram, sdp::SessionDescription};

/// A challenge as Kamailio writes it.
pub(crate) const KAMAILIO_401: &str = "SIP/2.0 401 Unauthorized\r\n\
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK00aa11bb;rport=40612;received=198.51.100.20\r\n\
From: \"Anna\" <sip:anna@pbx.test>;tag=f1\r\n\
To: <sip:anna@pbx.test>;tag=2c1d.9f0e8d7c6b5a\r\n\
Call-ID: 0af3-1\r\n\
CSeq: 1 REGISTER\r\n\
WWW-Authenticate: Digest realm=\"pbx.test\", nonce=\"ZxYwVu/+TsRq==\", qop=\"auth\", algorithm=SHA-256\r\n\
Server: kamailio (5.6.3 (x86_64/linux))\r\n\
Content-Length: 0\r\n\r\n";

/// A binding list with several contacts in one line, angle brackets inside and out.
pub(crate) const KAMAILIO_200: &str = "SIP/2.0 200 OK\r\n\
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK00aa11bc;rport=40612;received=198.51.100.20\r\n\
From: <sip:anna@pbx.test>;tag=f1\r\n\
To: <sip:anna@pbx.test>;tag=2c1d.aa\r\n\
Call-ID: 0af3-1\r\n\
CSeq: 2 REGISTER\r\n\
Contact: <sip:ab12@192.0.2.7:5060>;expires=600;received=\"sip:198.51.100.20:40612\", <sip:old@10.0.0.3:5062;ob>;expires=31;+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-000000000001>\";reg-id=1\r\n\
Content-Length: 0\r\n\r\n";

/// An INVITE through a record-routing proxy.
pub(crate) const KAMAILIO_INVITE: &str = "INVITE sip:ab12@192.0.2.7:5060 SIP/2.0\r\n\
Record-Route: <sip:198.51.100.1;lr;ftag=gK0c;did=e3f.11>\r\n\
Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK7d1.9e8f7a6b.0\r\n\
Via: SIP/2.0/TCP 10.1.1.4:52311;received=203.0.113.9;rport=52311;branch=z9hG4bKPj-77;alias\r\n\
From: \"+49 30 1234567\" <sip:+49301234567@pbx.test;user=phone>;tag=gK0c\r\n\
To: <sip:anna@pbx.test>\r\n\
Call-ID: 55-66-77@203.0.113.9\r\n\
CSeq: 12803 INVITE\r\n\
Max-Forwards: 68\r\n\
Contact: <sip:+49301234567@203.0.113.9:52311;transport=tcp;alias=203.0.113.9~52311~2>\r\n\
P-Asserted-Identity: <sip:+49301234567@pbx.test>\r\n\
Supported: 100rel, timer,replaces , norefersub\r\n\
Session-Expires: 1800;refresher=uac\r\n\
Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,PRACK,UPDATE\r\n\
Content-Type: application/sdp ;charset=utf-8\r\n\
Content-Length: 133\r\n\r\n\
v=0\r\no=- 1 1 IN IP4 203.0.113.9\r\ns=-\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\nm=audio 30000 RTP/AVP 9 8 101\r\na=rtpmap:101 telephone-event/8000\r\ntrailing bytes of a sloppy sender";

/// A 180 in the compact forms an Asterisk with `compactheaders` sends.
pub(crate) const ASTERISK_COMPACT: &str = "SIP/2.0 183 Session Progress\r\n\
v: SIP/2.0/UDP 192.0.2.7:5060;rport=5060;received=192.0.2.7;branch=z9hG4bKcc\r\n\
i: c0ffee\r\n\
f: <sip:anna@pbx.test>;tag=f2\r\n\
t: <sip:600@pbx.test>;tag=as5a5a5a5a\r\n\
CSeq: 103 INVITE\r\n\
m: <sip:600@198.51.100.2:5060>\r\n\
k: replaces, timer\r\n\
c: application/sdp\r\n\
l: 104\r\n\r\n\
v=0\r\no=root 9 9 IN IP4 198.51.100.2\r\ns=Asterisk\r\nc=IN IP4 198.51.100.2\r\nt=0 0\r\nm=audio 18000 RTP/AVP 0\r\n";

/// An Asterisk challenge: no space after commas, opaque, lower-case algorithm.
pub(crate) const ASTERISK_401: &str = "SIP/2.0 401 Unauthorized\r\n\
Via: SIP/2.0/UDP 192.0.2.7:5060;rport=5060;received=192.0.2.7;branch=z9hG4bKdd\r\n\
Call-ID: c0ffee\r\n\
From: <sip:anna@pbx.test>;tag=f2\r\n\
To: <sip:600@pbx.test>;tag=z9hG4bKdd\r\n\
CSeq: 102 INVITE\r\n\
WWW-Authenticate: Digest realm=\"asterisk\",nonce=\"1700000000/0123456789abcdef\",opaque=\"0011\",algorithm=MD5,qop=\"auth\"\r\n\
Server: Asterisk PBX 20\r\n\
Content-Length:  0\r\n\r\n";

/// A phone that ends lines with bare line feeds, folds a header and writes an unquoted name with a dot.
pub(crate) const SLOPPY_PHONE: &str = "OPTIONS sip:ab12@[2001:db8::7]:5060 SIP/2.0\n\
Via: SIP/2.0/UDP [2001:db8::9]:5062;branch=z9hG4bK-9;rport\n\
Max-Forwards : 70\n\
From: J. Müller <sip:jm@pbx.test>;tag=9\n\
To: sip:ab12@[2001:db8::7]:5060\n\
Call-ID: 9@[2001:db8::9]\n\
CSeq:   7\n\tOPTIONS\n\
User-Agent: Phone 1.0\n (build 5)\n\
Accept: application/sdp,\n application/dtmf-relay\n\n";

pub(crate) const ALL: [&str; 6] =
    [KAMAILIO_401, KAMAILIO_200, KAMAILIO_INVITE, ASTERISK_COMPACT, ASTERISK_401, SLOPPY_PHONE];

fn read(text: &str) -> Message {
    parse_datagram(text.as_bytes()).unwrap_or_else(|e| panic!("{e:?}\n{text}"))
}

#[test]
fn all_are_read_and_survive_being_written() {
    for text in ALL {
        let message = read(text);
        assert_eq!(read(&String::from_utf8(message.to_bytes()).unwrap()).body(), message.body());
    }
}

#[test]
fn the_public_address_is_in_the_via() {
    let via = read(KAMAILIO_401).headers().top_via().unwrap();
    assert_eq!(via.public_address().unwrap().to_string(), "198.51.100.20:40612");
}

#[test]
fn bindings_with_commas_and_brackets_in_quotes() {
    let Contacts::List(list) = Contacts::parse(read(KAMAILIO_200).headers().all("Contact")).unwrap() else {
        panic!()
    };
    assert_eq!(list.iter().map(|c| c.expires()).collect::<Vec<_>>(), [Some(600), Some(31)]);
    assert_eq!(
        list[1].params.get("+sip.instance").unwrap(),
        "<urn:uuid:00000000-0000-0000-0000-000000000001>"
    );
}

#[test]
fn the_body_ends_where_content_length_says() {
    let message = read(KAMAILIO_INVITE);
    assert!(
        message.body().ends_with(b"telephone-event/8000\r\n"),
        "{}",
        String::from_utf8_lossy(message.body())
    );
    let sdp = SessionDescription::parse(message.body()).unwrap();
    let names: Vec<String> = sdp.audio().unwrap().codecs().into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["G722", "PCMA", "telephone-event"]);
    assert_eq!(message.headers().vias().unwrap().len(), 2);
    assert_eq!(message.headers().tokens("Supported"), ["100rel", "timer", "replaces", "norefersub"]);
}

#[test]
fn compact_forms_are_the_long_headers() {
    let message = read(ASTERISK_COMPACT);
    assert_eq!(message.headers().call_id().unwrap(), "c0ffee");
    assert_eq!(message.headers().to_address().unwrap().tag().as_deref(), Some("as5a5a5a5a"));
    assert!(SessionDescription::parse(message.body()).is_ok());
}

#[test]
fn folded_lines_bare_line_feeds_and_ipv6() {
    let message = read(SLOPPY_PHONE);
    assert_eq!(message.headers().from_address().unwrap().display.as_deref(), Some("J. Müller"));
    assert_eq!(message.headers().cseq().unwrap().number, 7);
    assert_eq!(message.headers().first("User-Agent"), Some("Phone 1.0 (build 5)"));
    assert_eq!(message.headers().tokens("Accept").len(), 2);
    assert_eq!(message.headers().top_via().unwrap().port, Some(5062));
}

#[test]
fn latin_1_names_are_tolerated() {
    let mut bytes = SLOPPY_PHONE.as_bytes().to_vec();
    let at = bytes.windows(2).position(|w| w == "ü".as_bytes()).unwrap();
    bytes.splice(at..at + 2, [0xFC]);
    let message = parse_datagram(&bytes).unwrap();
    assert_eq!(message.headers().from_address().unwrap().display.as_deref(), Some("J. Müller"));
}
