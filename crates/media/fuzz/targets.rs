//! What each fuzz target does with its bytes. Run long by `cargo xtask fuzz`, and for a moment by `cargo test`
//! (`tests/it/fuzz.rs`): whatever comes, nothing panics, nothing forged is taken, and what was sealed is opened.

use std::{
    net::SocketAddr,
    sync::OnceLock,
    time::{Duration, Instant},
};

use tern_media::{
    CodecKind, PacketKind, PayloadFormat, Player, Stream, StreamConfig, TelephoneEvent, dtmf,
    path::{IceConfig, IceCredentials, Local, Path, PathConfig, Servers, TurnServer, TurnTransport},
    rtcp::{self, RtcpPacket},
    rtp,
    secure::{Certificate, Keys, Role, Secure, SecurityPlan, SecurityState, Srtp, Suite},
    wav::WavSource,
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

/// One datagram, read as RTP and as RTCP with extended reports: what is read is the same when it is written and read again.
pub(crate) fn packets(bytes: &[u8]) {
    if let Ok((header, payload)) = rtp::parse(bytes) {
        let mut written = Vec::new();
        header.write(&mut written);
        written.extend_from_slice(payload);
        assert_eq!(rtp::parse(&written), Ok((header, payload)));
    }
    let Ok(packets) = rtcp::parse(bytes) else { return };
    let mut written = Vec::new();
    rtcp::write(&packets, &mut written);
    let again = rtcp::parse(&written).expect("what was written is read");
    assert_eq!(again.len(), packets.len());
    for (again, packet) in again.iter().zip(&packets) {
        // A name that is no text is read as what it resembles, and may be longer then than one can be.
        let is_name = matches!(packet, RtcpPacket::SourceDescription { .. });
        assert!(is_name || again == packet, "{packet:?} became {again:?}");
    }
}

/// Telephone events: of each packet, the first octet says how much time passes before it and the second how far its
/// timestamp is from the one before.
pub(crate) fn digits(bytes: &[u8]) {
    let mut now = Instant::now();
    let mut timestamp = 0xFFFF_FC00_u32;
    let mut receiver = dtmf::Receiver::new(8_000);
    for piece in bytes.chunks(6) {
        let [wait, step, payload @ ..] = piece else { return };
        now += Duration::from_millis(u64::from(*wait));
        // Some 160 units of the clock backwards or forwards, mostly none.
        timestamp = timestamp.wrapping_add_signed(i32::from(*step as i8 / 8) * 160);
        let overdue = receiver.handle_timeout(now);
        for press in receiver.receive(now, timestamp, payload).into_iter().chain([overdue]).flatten() {
            assert!(press.digit.code() < 16 && press.held <= Duration::from_secs(9));
        }
        assert!(
            receiver.poll_timeout().is_none_or(|due| due > now && due <= now + Duration::from_millis(250))
        );
    }
    now += Duration::from_secs(1);
    receiver.handle_timeout(now);
    assert_eq!((receiver.poll_timeout(), receiver.handle_timeout(now)), (None, None));
}

/// Bytes over the connection to a TURN server: of each piece, the first octet says how long it is and the second how
/// much time passes before the next one.
pub(crate) fn relay(mut bytes: &[u8]) {
    let address = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
    let mut now = Instant::now();
    let (user, password) = ("user".into(), "password".into());
    let (addresses, streams, transport) = (vec![address(3479)], Vec::new(), TurnTransport::Tcp);
    let turn = TurnServer { addresses, streams, transport, user, password };
    let servers = Servers { turn: Some(turn), ..Servers::default() };
    let local = Local::new(now, &[(PacketKind::Rtp, address(4000))], &servers);
    let config = PathConfig {
        remote: Some(address(5000)),
        remote_rtcp: None,
        payload_types: vec![0, 8],
        rtcp_mux: true,
        ice: None,
        security: SecurityPlan::None,
    };
    let mut path = Path::new(now, local, config);
    let connect = path.poll_connect().expect("a TURN server that is reached by TCP");
    path.connected(now, connect.stream);
    while let Some(([length, wait], rest)) = bytes.split_first_chunk::<2>() {
        let (piece, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        path.receive_stream(now, connect.stream, piece, |_, packet| assert!(packet.len() <= 0xFFFF));
        now += Duration::from_millis(u64::from(*wait) * 4);
        path.handle_timeout(now);
        let sent = std::iter::from_fn(|| path.poll_transmit(now)).take(200).count();
        assert!(sent < 100, "{sent} datagrams for one piece");
        while path.poll_event().is_some() {}
    }
}

/// A handshake with somebody between: each octet says what becomes of the datagram that is next, and how much time passes.
pub(crate) fn handshake(mut bytes: &[u8]) {
    static CERTIFICATES: OnceLock<[Certificate; 3]> = OnceLock::new();
    let [ours, theirs, strange] =
        CERTIFICATES.get_or_init(|| [(); 3].map(|()| Certificate::generate().expect("randomness")));
    let Some((first, rest)) = bytes.split_first() else { return };
    bytes = rest;
    let plan = |certificate: &Certificate, role, other: &Certificate| SecurityPlan::Dtls {
        certificate: certificate.clone(),
        role,
        fingerprints: vec![other.fingerprint()],
    };
    let announced = if first & 0x80 == 0 { theirs } else { strange };
    let mut now = Instant::now();
    let mut sides = [
        Secure::new(now, plan(ours, Role::Active, announced)),
        Secure::new(now, plan(theirs, Role::Passive, ours)),
    ];
    let mut untouched = true;
    while let Some((what, rest)) = bytes.split_first() {
        bytes = rest;
        now += Duration::from_millis(u64::from(what >> 4) * 60);
        sides.iter_mut().for_each(|side| side.handle_timeout(now));
        let [from, to] = match what & 1 {
            0 => [0, 1],
            _ => [1, 0],
        };
        let datagram = sides[from].poll_dtls();
        assert!(
            datagram
                .as_ref()
                .is_none_or(|datagram| (20..64).contains(&datagram[0]) && datagram.len() <= 1_500)
        );
        match (what >> 1 & 7, datagram) {
            // Something else altogether.
            (0, _) => {
                let (length, rest) = bytes.split_at(bytes.len().min(1));
                let count = length.first().map_or(0, |length| usize::from(*length).min(rest.len()));
                let (forged, rest) = rest.split_at(count);
                bytes = rest;
                sides[to].receive_dtls(now, forged);
                untouched = false;
            }
            // Lost.
            (1, _) => {}
            // Twice.
            (2, Some(datagram)) => (0..2).for_each(|_| sides[to].receive_dtls(now, &datagram)),
            // Changed, or cut short.
            (3, Some(mut datagram)) => {
                let (change, rest) = bytes.split_at(bytes.len().min(3));
                bytes = rest;
                if let [high, low, change] = change {
                    let at = usize::from(u16::from_be_bytes([*high, *low])) % datagram.len();
                    match change {
                        0 => datagram.truncate(at),
                        change => datagram[at] ^= change,
                    }
                }
                sides[to].receive_dtls(now, &datagram);
                untouched = false;
            }
            // Back to where it came from.
            (4, Some(datagram)) => {
                sides[from].receive_dtls(now, &datagram);
                untouched = false;
            }
            (_, Some(datagram)) => sides[to].receive_dtls(now, &datagram),
            (_, None) => {}
        }
        let sending = |side: &Secure| matches!(side.state(), SecurityState::On(_));
        assert!(first & 0x80 == 0 || !sending(&sides[0]), "keys with somebody else");
        assert!(sides.iter().all(|side| side.state() != SecurityState::Clear), "in the clear");
    }
    if untouched
        && let [SecurityState::On(one), SecurityState::On(other)] = sides.each_ref().map(Secure::state)
    {
        assert_eq!(one, other);
        let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3];
        sides[0].protect(PacketKind::Rtp, &mut packet).expect("there are keys");
        sides[1].unprotect(PacketKind::Rtp, &mut packet).expect("and the other side has them");
    }
}

/// A sound file somebody sent or that was cut off: voicemail, a recording, hold music.
pub(crate) fn file(bytes: &[u8]) {
    let path = std::env::temp_dir().join(format!("tern-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("room for a file");
    if let Ok(mut source) = WavSource::open(&path, 48_000) {
        let mut out = Vec::new();
        // No more sound than the file has octets, at the lowest rate there is.
        while out.len() < 50_000 && source.read(4_800, &mut out) {}
        assert!(out.iter().all(|sample| sample.is_finite()));
    }
    if let Ok(player) = Player::open(&path) {
        assert_eq!(player.position(), Duration::ZERO);
        player.length();
    }
    std::fs::remove_file(&path).expect("the file is there");
}
