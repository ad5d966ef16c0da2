//! IPv6 in SIP: a case in our own words for each message of RFC 5118 section 4.

use crate::torture::{Comes, what_comes};
use tern_sip::wire::sdp::SessionDescription;
use tern_sip::wire::{Contacts, HeaderAccess as _, Host, Message, Request, Uri, parse_datagram};

fn message(start: &str, via: &str, contact: &str, body: &str) -> String {
    let method = start.split(' ').next().unwrap();
    format!(
        "{start}\r\nVia: {via}\r\nFrom: Mia <sip:mia@example.net>;tag=v6\r\nTo: <sip:mia@example.net>\r\n\
         Call-ID: v6@2001:db8::77\r\nCSeq: 9 {method}\r\nMax-Forwards: 70\r\nContact: {contact}\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn register(uri: &str) -> String {
    let via = "SIP/2.0/UDP [2001:db8::77:1];branch=z9hG4bKv6";
    message(&format!("REGISTER {uri} SIP/2.0"), via, "\"Mia\" <sip:mia@[2001:db8::1]>", "")
}

fn read(text: &str) -> Request {
    match parse_datagram(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}\n{text}"),
    }
}

fn host_and_port(uri: &Uri) -> (Host, Option<u16>) {
    let uri = uri.as_sip().unwrap();
    (uri.host.clone(), uri.port)
}

fn ip(text: &str) -> Host {
    Host::Ip(text.parse().unwrap())
}

/// 4.1
#[test]
fn references_in_uri_via_and_contact() {
    let request = read(&register("sip:[2001:db8::10]"));
    assert_eq!(host_and_port(&request.uri), (ip("2001:db8::10"), None));
    let via = request.headers.top_via().unwrap();
    assert_eq!((via.host, via.port), (ip("2001:db8::77:1"), None));
    let Contacts::List(list) = Contacts::parse(request.headers.all("Contact")).unwrap() else { panic!() };
    assert_eq!(host_and_port(&list[0].uri).0, ip("2001:db8::1"));
    assert_eq!(what_comes(register("sip:[2001:db8::10]").as_bytes()), Comes::ToApplication);
}

/// 4.2
#[test]
fn an_address_without_brackets_is_refused() {
    assert_eq!(what_comes(register("sip:2001:db8::10").as_bytes()), Comes::Answer(400));
}

/// 4.3: the brackets end after what was meant as a port.
#[test]
fn what_stands_inside_the_brackets_is_no_port() {
    let request = read(&register("sip:[2001:db8::10:5070]"));
    assert_eq!(host_and_port(&request.uri), (ip("2001:db8::10:5070"), None));
}

/// 4.4
#[test]
fn what_stands_behind_the_brackets_is_the_port() {
    let request = read(&register("sip:[2001:db8::10]:5070"));
    assert_eq!(host_and_port(&request.uri), (ip("2001:db8::10"), Some(5070)));
}

/// 4.5: with brackets by the grammar of RFC 3261, without by many implementations; both are to be taken.
#[test]
fn received_with_and_without_brackets() {
    for received in ["[2001:db8::77:255]", "2001:db8::77:255"] {
        let via = format!("SIP/2.0/UDP [2001:db8::77:1]:5061;received={received};rport=9;branch=z9hG4bKv6");
        let text = message("BYE sip:mia@[2001:db8::10] SIP/2.0", &via, "<sip:mia@[2001:db8::1]>", "");
        let via = read(&text).headers.top_via().unwrap();
        assert_eq!(via.public_address().unwrap(), "[2001:db8::77:255]:9".parse().unwrap());
        assert_eq!(what_comes(text.as_bytes()), Comes::Answer(481));
    }
}

/// 4.6
#[test]
fn session_descriptions_have_no_brackets() {
    let sdp = "v=0\r\no=mia 1 1 IN IP6 2001:db8::20\r\ns=-\r\nt=0 0\r\nc=IN IP6 2001:db8::20\r\nm=audio 9000 RTP/AVP 0\r\n";
    let via = "SIP/2.0/UDP [2001:db8::77]:5060;branch=z9hG4bKv6";
    let text = message("INVITE sip:mia@[2001:db8::10] SIP/2.0", via, "<sip:mia@[2001:db8::20]>", sdp);
    let description = SessionDescription::parse(&read(&text).body).unwrap();
    assert_eq!(description.connection_of(description.audio().unwrap()), "2001:db8::20".parse().ok());
    assert_eq!(what_comes(text.as_bytes()), Comes::Call);
    let bracketed = sdp.replace("c=IN IP6 2001:db8::20", "c=IN IP6 [2001:db8::20]");
    let description = SessionDescription::parse(bracketed.as_bytes()).unwrap();
    assert_eq!(description.connection_of(description.audio().unwrap()), None);
}

/// 4.7: a way through both families.
#[test]
fn both_families_in_the_headers() {
    let via = "SIP/2.0/UDP [2001:db8::77:1]:6050;branch=z9hG4bKa\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb, \
         SIP/2.0/TCP [2001:db8::77:ff];received=[2001:db8::77:255];branch=z9hG4bKc";
    let text = message("BYE sip:mia@host.example.net SIP/2.0", via, "<sip:mia@192.0.2.9>", "");
    let text = text.replace(
        "Max-Forwards",
        "Record-Route: <sip:[2001:db8::9]:5060;lr>, <sip:192.0.2.8;lr>\r\nMax-Forwards",
    );
    let request = read(&text);
    let hosts: Vec<Host> = request.headers.vias().unwrap().into_iter().map(|via| via.host).collect();
    assert_eq!(hosts, [ip("2001:db8::77:1"), ip("192.0.2.1"), ip("2001:db8::77:ff")]);
    let route = request.headers.addresses("Record-Route").unwrap();
    assert_eq!(host_and_port(&route[0].uri), (ip("2001:db8::9"), Some(5060)));
}

/// 4.8
#[test]
fn both_families_in_a_session_description() {
    let sdp = "v=0\r\no=mia 1 1 IN IP6 2001:db8::20\r\ns=-\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\nc=IN IP6 2001:db8::20\r\n\
         m=audio 9002 RTP/AVP 0\r\nc=IN IP4 192.0.2.20\r\n";
    let description = SessionDescription::parse(sdp.as_bytes()).unwrap();
    let addresses: Vec<_> = description.media.iter().filter_map(|m| description.connection_of(m)).collect();
    assert_eq!(
        addresses,
        ["2001:db8::20".parse::<std::net::IpAddr>().unwrap(), "192.0.2.20".parse().unwrap()]
    );
    assert_eq!(description.to_string(), sdp);
}

/// 4.9
#[test]
fn ipv4_inside_ipv6() {
    let sdp = "v=0\r\no=mia 1 1 IN IP6 ::ffff:192.0.2.2\r\ns=-\r\nc=IN IP6 ::FFFF:192.0.2.2\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n";
    let via = "SIP/2.0/UDP [::ffff:192.0.2.2]:5060;branch=z9hG4bKv6";
    let text = message("INVITE sip:mia@[::ffff:192.0.2.1] SIP/2.0", via, "<sip:mia@[::ffff:192.0.2.2]>", sdp);
    let request = read(&text);
    assert_eq!(host_and_port(&request.uri).0, ip("::ffff:192.0.2.1"));
    let description = SessionDescription::parse(&request.body).unwrap();
    assert_eq!(description.connection_of(description.audio().unwrap()), "::ffff:192.0.2.2".parse().ok());
    assert_eq!(what_comes(text.as_bytes()), Comes::Call);
}

/// 4.10: the first grammar of RFC 3261 made three colons of two before an IPv4 address. They are read as two, and
/// never written.
#[test]
fn three_colons_are_two() {
    let via = "SIP/2.0/UDP [2001:db8::77]:5060;received=[2001:db8:::192.0.2.1];rport=7;branch=z9hG4bKv6";
    let text = message("OPTIONS sip:mia@[2001:db8:::192.0.2.1] SIP/2.0", via, "<sip:mia@[2001:db8::1]>", "");
    let request = read(&text);
    assert_eq!(host_and_port(&request.uri).0, ip("2001:db8::192.0.2.1"));
    assert_eq!(request.uri.to_string(), "sip:mia@[2001:db8::c000:201]");
    assert_eq!(what_comes(text.as_bytes()), Comes::Answer(200));
    for bad in ["sip:[2001:db8::::1]", "sip:[:::1:::2]", "sip:[2001:db8::1%25eth0]"] {
        assert!(Uri::parse(bad).is_err(), "{bad}");
    }
}
