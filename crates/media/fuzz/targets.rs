//! What each fuzz target does with its bytes. Run long by `cargo xtask fuzz`, and for a moment by `cargo test`
//! (`tests/it/fuzz.rs`): whatever comes, nothing panics, nothing forged is taken, and what was sealed is opened.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tern_media::{
    CodecKind, PacketKind, PayloadFormat, Stream, StreamConfig, TelephoneEvent,
    path::{IceConfig, IceCredentials, Local, Path, PathConfig, Servers, TurnServer, TurnTransport},
    secure::{Keys, SecurityPlan, Srtp, Suite},
};

/// Packets of SRTP and SRTCP: the first octet chooses the suite.
pub(crate) fn unprotect(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let suite = Suite::ALL[usize::from(*first) % Suite::ALL.len()];
    let mki: &[u8] = if first & 0x80 == 0 { &[] } else { &[1, 2] };
    let keys =
        |octet, mki| Keys::new(suite, &vec![octet; suite.keying_length()], mki).expect("the right length");
    let mut here = Srtp::new(keys(1, mki), keys(2, mki)).expect("keys fit");
    let mut there = Srtp::new(keys(2, mki), keys(1, mki)).expect("keys fit");
    assert!(here.unprotect_rtp(&mut bytes.to_vec()).is_err());
    assert!(here.unprotect_rtcp(&mut bytes.to_vec()).is_err());
    let mut packet = bytes.to_vec();
    if here.protect_rtp(&mut packet).is_ok() {
        there.unprotect_rtp(&mut packet).expect("what was sealed is opened");
        assert_eq!(packet, bytes);
    }
    let mut packet = bytes.to_vec();
    if here.protect_rtcp(&mut packet).is_ok() {
        there.unprotect_rtcp(&mut packet).expect("what was sealed is opened");
        assert_eq!(packet, bytes);
    }
}

/// Datagrams to a path that checks, asks a STUN server and has a TURN server: of each, the first octet says where it
/// came from and the second how long it is.
pub(crate) fn path(mut bytes: &[u8]) {
    let address = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
    let mut now = Instant::now();
    let sockets = [(PacketKind::Rtp, address(4000)), (PacketKind::Rtcp, address(4001))];
    let (user, password) = ("user".into(), "password".into());
    let (addresses, streams, transport) = (vec![address(3479)], Vec::new(), TurnTransport::Udp);
    let turn = TurnServer { addresses, streams, transport, user, password };
    let servers = Servers { stun: vec![address(3478)], turn: Some(turn), silent: Vec::new() };
    let credentials = |fragment: &str| IceCredentials { fragment: fragment.into(), password: "p".repeat(22) };
    let checks = bytes.first().is_some_and(|first| first & 0x80 == 0);
    let config = PathConfig {
        remote: Some(address(5000)),
        remote_rtcp: Some(address(5001)),
        payload_types: vec![0, 8],
        rtcp_mux: true,
        ice: checks.then(|| IceConfig {
            local: credentials("here"),
            remote: credentials("there"),
            controlling: true,
            candidates: Vec::new(),
        }),
        security: SecurityPlan::None,
    };
    let mut path = Path::new(now, Local::new(now, &sockets, &servers), config);
    while let Some(([whence, length], rest)) = bytes.split_first_chunk::<2>() {
        let (datagram, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        let from = address([3478, 3479, 5000, 6000][usize::from(whence & 3)]);
        let mut datagram = datagram.to_vec();
        path.receive(now, sockets[usize::from(whence >> 2 & 1)].1, from, &mut datagram);
        now += Duration::from_millis(u64::from(whence >> 3) * 10);
        path.handle_timeout(now);
        // Whatever comes, it does not make a sender of it.
        let sent = std::iter::from_fn(|| path.poll_transmit(now)).take(200).count();
        assert!(sent < 100, "{sent} datagrams for one");
        while path.poll_event().is_some() {}
    }
}

/// RTP and RTCP to a call's stream that takes every codec, digits and comfort noise: of each datagram, the first octet says
/// how long it is and the second how much time passes before the next one.
pub(crate) fn stream(mut bytes: &[u8]) {
    let format = PayloadFormat::new(CodecKind::Opus, 96).with_fmtp("useinbandfec=1;usedred=1");
    let events = TelephoneEvent { payload_type: 101, clock_rate: 8_000 };
    let config = StreamConfig {
        receive: vec![
            format.clone(),
            PayloadFormat::new(CodecKind::Pcmu, 0),
            PayloadFormat::new(CodecKind::Pcma, 8),
            PayloadFormat::new(CodecKind::G722, 9),
        ],
        receive_comfort_noise: vec![13],
        extended_reports: true,
        ..StreamConfig::new(format, 1)
    };
    let mut stream = Stream::new(config.with_events(events)).expect("a right configuration");
    let mut now = Instant::now();
    let mut out = [0.0_f32; 960];
    while let Some(([length, wait], rest)) = bytes.split_first_chunk::<2>() {
        let (datagram, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        stream.receive(now, datagram);
        now += Duration::from_millis(u64::from(*wait));
        for _ in 0..=wait / 64 {
            stream.playout(now, &mut out);
            assert!(out.iter().all(|sample| sample.is_finite()));
        }
        stream.handle_timeout(now);
        let sent = std::iter::from_fn(|| stream.poll_packet()).count();
        assert!(sent < 10, "{sent} datagrams for one");
        assert!(std::iter::from_fn(|| stream.poll_event()).count() <= 64);
    }
    stream.stats();
}
