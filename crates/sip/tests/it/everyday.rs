//! Messages as Kamailio, OpenSIPS, Asterisk, FreeSWITCH, gateways and common phones write them, in our own words.

use tern_sip::wire::auth::Credentials;
use tern_sip::wire::sdp::SessionDescription;
use tern_sip::wire::{
    AlertInfo, Body, CallInfo, CalledParty, Contacts, Date, Diversion, Event, FlowTimer, HeaderAccess as _,
    HistoryEntry, Message, NetworkIdentity, Privacy, RSeq, Reason, ReferTo, ReferredBy, RetryAfter,
    SessionExpires, SubscriptionState, Substate, Warning, parse_datagram,
};

macro_rules! messages {
    ($($(#[$doc:meta])* $constant:ident = $file:literal;)*) => {
        $($(#[$doc])* pub(crate) const $constant: &str = include_str!(concat!("../../fuzz/corpus/message/", $file));)*
        /// All of them, by the name of their file.
        pub(crate) const ALL: &[(&str, &str)] = &[$(($file, $constant),)*];
    };
}

// They are also what fuzzing of messages begins with.
messages! {
    /// A challenge.
    KAMAILIO_401 = "kamailio-401";
    /// A binding list with several contacts in one line, angle brackets inside and out.
    KAMAILIO_200 = "kamailio-200";
    /// Through a record-routing proxy, with octets behind the body.
    KAMAILIO_INVITE = "kamailio-invite";
    /// A reason phrase of its own.
    KAMAILIO_100 = "kamailio-100";
    /// A folded Route, no space before the angle bracket, two reasons.
    KAMAILIO_BYE = "kamailio-bye";
    /// As one with `compactheaders` sends it.
    ASTERISK_COMPACT = "asterisk-compact";
    /// No space after commas, opaque.
    ASTERISK_401 = "asterisk-401";
    /// Escaped quotes in a display name, session timer.
    ASTERISK_INVITE = "asterisk-pjsip-invite";
    /// A transfer's progress.
    ASTERISK_NOTIFY = "asterisk-notify-refer";
    /// Message waiting, in compact forms.
    ASTERISK_MWI = "asterisk-mwi";
    /// A gateway account, headers of its own after Content-Length.
    FREESWITCH_INVITE = "freeswitch-invite";
    /// A challenge of a proxy.
    FREESWITCH_407 = "freeswitch-407";
    /// A redirection with two targets.
    FREESWITCH_302 = "freeswitch-302";
    /// GRUUs, Path, Service-Route and associated addresses.
    OPENSIPS_200 = "opensips-register-200";
    /// Retry-After with all it can hold.
    OPENSIPS_503 = "opensips-503";
    /// Two bodies, an anonymous caller, diversions.
    GATEWAY_INVITE = "pstn-gateway-invite";
    /// Reliable, with IPv6 in its Record-Route.
    GATEWAY_183 = "pstn-gateway-183";
    /// A comma and an umlaut in a display name, auto-answer.
    SWITCH_INVITE = "3cx-like-invite";
    /// No space after colons, an empty header, a caller and a called number of the network.
    HOSTED_INVITE = "broadsoft-like-invite";
    /// A digest with its fields in another order.
    DESKPHONE_REGISTER = "deskphone-register";
    /// A transfer with Replaces, in compact forms.
    DESKPHONE_REFER = "deskphone-refer";
    /// IPv6, ICE, DTLS and SDES.
    SOFTPHONE_INVITE = "softphone-invite-ice";
    /// Other alphabets in name and text.
    MESSAGE_UTF8 = "message-utf8";
    /// Bare line feeds, folded headers, an unquoted name with a dot.
    SLOPPY_PHONE = "sloppy-phone";
}

fn read(text: &str) -> Message {
    parse_datagram(text.as_bytes()).unwrap_or_else(|e| panic!("{e:?}\n{text}"))
}

#[test]
fn all_are_read_and_survive_being_written() {
    for (name, text) in ALL {
        let message = read(text);
        let again = parse_datagram(&message.to_bytes()).unwrap();
        assert_eq!(again.body(), message.body(), "{name}");
        let lines = |m: &Message| m.headers().to_string().replace("\r\n", "|");
        let without_length = |m: &Message| -> Vec<String> {
            lines(m).split('|').filter(|l| !l.starts_with("Content-Length")).map(str::to_owned).collect()
        };
        assert_eq!(without_length(&again), without_length(&message), "{name}");
    }
}

#[test]
fn typed_headers_of_everyday_messages_are_read() {
    let message = read(ASTERISK_INVITE);
    let from = message.headers().from_address().unwrap();
    assert_eq!(from.display.as_deref(), Some("Desk 12 \"East\""));
    assert_eq!(message.headers().view::<SessionExpires>().unwrap().unwrap().seconds, 1800);
    let message = read(ASTERISK_NOTIFY);
    let state = message.headers().view::<SubscriptionState>().unwrap().unwrap();
    assert_eq!((state.state, state.expires), (Substate::Active, Some(60)));
    let message = read(ASTERISK_MWI);
    assert_eq!(message.headers().view::<Event>().unwrap().unwrap().package, "message-summary");
    let message = read(DESKPHONE_REFER);
    let refer = message.headers().view::<ReferTo>().unwrap().unwrap();
    assert_eq!(refer.replaces().unwrap().unwrap().to_string(), "b1@10.0.0.22;to-tag=x2;from-tag=x1");
    assert_eq!(message.headers().view::<ReferredBy>().unwrap().unwrap().0.uri.user().unwrap(), "201");
    let message = read(DESKPHONE_REGISTER);
    let credentials = Credentials::parse(message.headers().first("Authorization").unwrap()).unwrap();
    assert_eq!(credentials.qop.unwrap().nc, 1);
    let message = read(OPENSIPS_503);
    let retry = message.headers().view::<RetryAfter>().unwrap().unwrap();
    assert_eq!(
        (retry.seconds, retry.comment.as_deref(), retry.duration),
        (15, Some("all lines busy"), Some(60))
    );
    assert_eq!(message.headers().views::<Warning>().unwrap()[0].text, "No gateway, try later");
    let message = read(GATEWAY_183);
    assert_eq!(message.headers().view::<RSeq>().unwrap(), Some(RSeq(25901)));
    assert_eq!(message.headers().reason().unwrap().text.as_deref(), Some("interworking, unspecified"));
    let message = read(KAMAILIO_BYE);
    assert_eq!(message.headers().addresses("Route").unwrap().len(), 2);
    assert_eq!(message.headers().views::<Reason>().unwrap()[1].cause, Some(200));
}

#[test]
fn a_binding_with_everything_an_outbound_registrar_says() {
    let message = read(OPENSIPS_200);
    let headers = message.headers();
    let Contacts::List(list) = Contacts::parse(headers.all("Contact")).unwrap() else { panic!() };
    assert_eq!(list[0].reg_id(), Some(1));
    assert_eq!(list[0].instance().as_deref(), Some("urn:uuid:00000000-0000-1000-8000-00155D000001"));
    assert!(list[0].gruu().unwrap().temporary.unwrap().is_gruu() && list[0].uri.is_outbound());
    assert_eq!(headers.addresses("Service-Route").unwrap().len(), 2);
    assert_eq!(headers.addresses("Path").unwrap().len(), 1);
    assert_eq!(headers.addresses("P-Associated-URI").unwrap()[1].uri.to_string(), "tel:+4930111222");
    assert_eq!(headers.view::<FlowTimer>().unwrap().unwrap().seconds, 120);
    assert_eq!(headers.view::<Date>().unwrap().unwrap().unix_seconds(), 1_795_345_355);
}

#[test]
fn a_gateway_tells_who_calls_and_by_which_way() {
    let message = read(GATEWAY_INVITE);
    let headers = message.headers();
    assert!(headers.view::<Privacy>().unwrap().unwrap().hides_the_caller());
    let identity = NetworkIdentity::of(headers, "P-Asserted-Identity").unwrap();
    assert_eq!(identity.tel.unwrap().uri.to_string(), "tel:+49301234567");
    let reasons: Vec<_> = headers.views::<Diversion>().unwrap().iter().map(|d| d.reason().unwrap()).collect();
    assert_eq!(reasons, ["no-answer", "user-busy"]);
    let history = headers.views::<HistoryEntry>().unwrap();
    assert_eq!((history[0].reason().unwrap().cause, history[0].is_private()), (Some(408), true));
    let body = Body::read(headers, message.body()).unwrap();
    assert!(body.is_understood(&["application/sdp"]));
    let sdp = SessionDescription::parse(body.find("application/sdp").unwrap().bytes).unwrap();
    assert_eq!(sdp.audio().unwrap().port, 17000);
    let message = read(HOSTED_INVITE);
    let called = message.headers().view::<CalledParty>().unwrap().unwrap();
    assert_eq!(called.0.uri.user().as_deref(), Some("+13015550199"));
    assert_eq!(message.headers().views::<AlertInfo>().unwrap().len(), 1);
    let message = read(SWITCH_INVITE);
    assert_eq!(message.headers().from_address().unwrap().display.as_deref(), Some("B\u{fc}ro, 2. Stock"));
    let info = &message.headers().views::<CallInfo>().unwrap()[0];
    assert_eq!(info.params.get("answer-after").as_deref(), Some("0"));
}

#[test]
fn ice_and_keys_are_readable_raw() {
    let sdp = SessionDescription::parse(read(SOFTPHONE_INVITE).body()).unwrap();
    let audio = sdp.audio().unwrap();
    assert_eq!(sdp.attribute_of(audio, "ice-ufrag"), Some("abcd1234"));
    assert_eq!(audio.attributes_named("candidate").count(), 2);
    assert!(audio.attribute("crypto").is_some_and(|c| c.starts_with("1 AES_CM_128")));
    assert_eq!(sdp.connection_of(audio), "2001:db8::77".parse().ok());
    let text = read(MESSAGE_UTF8);
    assert_eq!(text.body(), "Gr\u{fc}\u{df}e! \u{2705}\r\n".as_bytes());
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
