//! Datagrams that are nothing, at every port, while people talk.
#![cfg(target_os = "linux")]

use std::{fs, net::UdpSocket};

use tern_tests::{Scratch, audio::speech};

use crate::{
    command_line::{Provider, Run},
    scene::resembles,
};

/// The UDP ports that a process has bound.
fn udp_ports(pid: u32) -> Vec<u16> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
    let inodes: Vec<String> = descriptors
        .filter_map(|entry| {
            let link = fs::read_link(entry.ok()?.path()).ok()?;
            Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let mut ports = Vec::new();
    for table in ["udp", "udp6"] {
        // Columns: slot, local address in hexadecimal, remote, …; the tenth is the inode.
        for line in fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default().lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if let (Some(local), Some(inode)) = (columns.get(1), columns.get(9))
                && inodes.iter().any(|own| own == inode)
                && let Some((_, port)) = local.rsplit_once(':')
            {
                ports.extend(u16::from_str_radix(port, 16));
            }
        }
    }
    ports
}

/// What no port should stumble over: nothing, noise, and things cut short or made to mislead.
fn datagrams() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        vec![0x80],
        vec![0xff; 1400],
        b"\r\n\r\n".to_vec(),
        b"INVITE".to_vec(),
        b"INVITE sip:a@b SIP/2.0\r\n\r\n".to_vec(),
        b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 99999999999999999999\r\nVia: \r\nCSeq: -1 ACK\r\n\r\n"
            .to_vec(),
        b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n".to_vec(),
        b"SIP/2.0 999999 \xff\xfe\r\n".to_vec(),
        // RTP that says it has fifteen sources, an extension and padding, and has none (RFC 3550 section 5.1).
        vec![0xbf, 0x00, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1],
        // A payload type nobody agreed on.
        [&[0x80, 77, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9][..], &[0x55; 160]].concat(),
        // An RTCP report longer than the datagram (RFC 3550 section 6.4.1).
        vec![0x9f, 200, 0xff, 0xff, 0, 0, 0, 1],
        // A goodbye of somebody who was never there (RFC 3550 section 6.6).
        vec![0x81, 203, 0, 1, 9, 9, 9, 9],
    ];
    let mut state = 12_345_u32;
    for length in [7, 12, 40, 172, 1200] {
        let noise = (0..length).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        all.push(noise.collect());
    }
    all
}

#[test]
fn garbage_at_every_port_is_ignored_while_people_talk() {
    let provider = Provider::start();
    let folder = Scratch::new("noise").expect("a folder");
    let (spoken, heard) = (folder.join("speech.wav"), folder.join("heard.wav"));
    let voice = speech(16_000, 5.0, 6);
    voice.write(&spoken).expect("written");
    let mut call = Run::start(&[
        "call",
        "echo",
        "--sandbox",
        provider.api(),
        "--codec",
        "PCMU",
        "--seconds",
        "4",
        "--audio-in",
        spoken.to_str().expect("UTF-8"),
        "--audio-out",
        heard.to_str().expect("UTF-8"),
    ]);
    call.event("call", Some("connected"));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let (ours, theirs) = (udp_ports(call.process.pid()), udp_ports(provider.run.process.pid()));
    assert!(ours.len() >= 2, "SIP and RTP: {ours:?}");
    assert!(theirs.len() >= 2, "SIP and RTP: {theirs:?}");
    let datagrams = datagrams();
    let mut sent = 0_u32;
    while call.process.is_running() {
        for port in ours.iter().chain(&theirs) {
            for datagram in &datagrams {
                // A port that is closed by now refuses, which is as good.
                sent += u32::from(socket.send_to(datagram, ("127.0.0.1", *port)).is_ok());
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(sent > 500, "only {sent}");
    let (status, lines) = call.end();
    assert_eq!(status, 0, "{lines:#?}");
    let summary = lines.last().expect("a summary");
    assert_eq!(summary["ended_by"], "local", "{summary}");
    resembles(&voice, &heard);

    // And the provider still stands.
    let again = Run::start(&["balance", "--sandbox", provider.api()]);
    assert_eq!(again.end().0, 0);
}
