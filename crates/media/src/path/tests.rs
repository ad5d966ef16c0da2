//! Ways found, kept and lost, between two hosts on virtual time.

mod world;

use std::{net::IpAddr, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};

use self::world::{Host, Nat, NatKind, Side, World, address, packet};
use super::*;
use crate::secure::{Certificate, Keys, Role, Suite};

const GATHERING: Duration = Duration::from_millis(500);
const CHECKING: Duration = Duration::from_secs(3);

/// Two hosts that have asked their servers and agreed.
fn two(seed: u64, nats: [Option<Nat>; 2], stun: bool, turn: bool, mux: bool) -> World {
    let mut world = World::new(seed);
    let servers = World::servers(stun, turn, "secret");
    let [first, second] = nats;
    world.host("10.0.0.2", first, &servers);
    world.host("192.168.7.3", second, &servers);
    world.run(GATHERING);
    world.agree(mux);
    world
}

fn kinds(candidates: &[Candidate]) -> Vec<(PacketKind, CandidateKind)> {
    candidates.iter().map(|c| (c.component, c.kind)).collect()
}

#[test]
fn a_stun_server_shows_the_outside_address_and_a_turn_server_lends_one() {
    let mut world = World::new(1);
    let servers = World::servers(true, true, "secret");
    world.host("10.0.0.2", Some(Nat::new(NatKind::Cone, "198.51.100.2")), &servers);
    world.run(GATHERING);
    let candidates = world.hosts[0].candidates();
    use CandidateKind::{Host, Relayed, ServerReflexive};
    assert_eq!(
        kinds(&candidates),
        [PacketKind::Rtp, PacketKind::Rtcp]
            .iter()
            .flat_map(|c| [Host, ServerReflexive, Relayed].map(|kind| (*c, kind)))
            .collect::<Vec<_>>()
    );
    assert_eq!(candidates[1].address.ip(), address("198.51.100.2:1").ip());
    assert_eq!(candidates[1].related, Some(address("10.0.0.2:4000")));
    assert_eq!(candidates[2].address.ip(), address(world::TURN).ip());
    // RFC 8445 5.1.1.3: the same for both components, another for each kind.
    assert_eq!(candidates[0].foundation, candidates[3].foundation);
    assert_ne!(candidates[0].foundation, candidates[1].foundation);
    let Side::Gathering(local) = &mut world.hosts[0].side else { panic!() };
    assert!(local.is_complete());
    assert_eq!(local.default_address(PacketKind::Rtp), Some(candidates[1].address));
    local.close(world.now);
    world.run(Duration::from_secs(1));
    assert_eq!(world.lent(), 0, "what was lent is given back");
}

#[test]
fn every_address_is_offered_and_asked_about_but_a_call_waits_for_the_first_alone() {
    let ips = ["10.0.0.2", "192.168.7.3", "2001:db8::7", "172.17.0.1"];
    let kinds = [PacketKind::Rtp, PacketKind::Rtcp];
    let mut world = World::new(12);
    // From one of the addresses no way leads to the server.
    world.cut_off.push(ips[1].parse().unwrap());
    world.host_at(&ips, None, &World::servers(true, true, "secret"));
    let sockets = world.hosts[0].sockets.clone();
    let candidates = world.hosts[0].candidates();
    assert_eq!(candidates.iter().map(|c| (c.component, c.address)).collect::<Vec<_>>(), sockets);
    for component in kinds {
        // RFC 8445 5.1.2.1: those of one kind and component are each preferred differently, and 5.1.1.3: hosts are told
        // apart by their foundation.
        let of = || candidates.iter().filter(|c| c.component == component);
        let priorities: std::collections::BTreeSet<u32> = of().map(|c| c.priority).collect();
        let foundations: std::collections::BTreeSet<&str> = of().map(|c| c.foundation.as_str()).collect();
        assert_eq!((priorities.len(), foundations.len()), (4, 4), "{candidates:?}");
    }
    let is_complete = |world: &World| {
        let Side::Gathering(local) = &world.hosts[0].side else { panic!() };
        local.is_complete()
    };
    assert!(!is_complete(&world));
    world.run(GATHERING);
    assert!(is_complete(&world), "who answered not is asked again, but nobody waits for that");
    let asked = |ip: &str| world.passed.iter().any(|(from, _)| from.ip() == ip.parse::<IpAddr>().unwrap());
    assert_eq!(ips.map(asked), [true, false, false, true], "the servers are of one family");
    let relayed = world.hosts[0].candidates().iter().filter(|c| c.kind == CandidateKind::Relayed).count();
    assert_eq!(relayed, 2, "one relay for each component");
}

#[test]
fn a_second_address_is_the_way_where_the_first_leads_nowhere() {
    let mut world = World::new(13);
    world.host_at(&["10.0.0.2", "172.16.0.2"], None, &Servers::default());
    world.host_at(&["192.168.7.3", "2001:db8::7", "172.16.0.3"], None, &Servers::default());
    world.cut_off.extend(["10.0.0.2", "192.168.7.3"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    world.agree(false);
    world.run(CHECKING);
    world.talk();
    assert!(world.both_heard());
    let (from, to) = (address("172.16.0.2:4000"), address("172.16.0.3:4000"));
    assert_eq!(world.hosts[0].events, [PathEvent::Connected { from, to, relayed: false }]);
}

#[test]
fn silent_and_refusing_servers_are_given_up() {
    let mut world = World::new(2);
    let mut servers = World::servers(true, true, "wrong");
    servers.stun = vec![address("192.0.2.77:3478")];
    world.host("10.0.0.2", None, &servers);
    world.run(Duration::from_secs(6));
    let Side::Gathering(local) = &world.hosts[0].side else { panic!() };
    assert!(local.is_complete());
    assert_eq!(kinds(&local.candidates()).len(), 2, "the sockets themselves");
    assert_eq!(local.default_address(PacketKind::Rtcp), Some(address("10.0.0.2:4001")));
}

#[test]
fn ways_are_found_through_nats_with_and_without_a_port_for_rtcp() {
    use NatKind::{Cone, Symmetric};
    // Who has which NAT, whether a relay is at hand, whether it is needed (RFC 5128 section 3.3).
    for (first, second, turn, relayed) in [
        (Some(Cone), Some(Cone), false, false),
        (Some(Cone), Some(Cone), true, false),
        (Some(Symmetric), Some(Symmetric), true, true),
        (Some(Cone), Some(Symmetric), true, true),
    ] {
        for mux in [true, false] {
            let nats =
                [first.map(|k| Nat::new(k, "198.51.100.2")), second.map(|k| Nat::new(k, "203.0.113.3"))];
            let mut world = two(3, nats, true, turn, mux);
            world.run(CHECKING);
            world.talk();
            assert!(world.both_heard(), "{first:?} {second:?} {turn} mux {mux}");
            let over = |world: &World| {
                world.hosts.iter().any(|host| {
                    host.events.iter().any(|e| matches!(e, PathEvent::Connected { relayed: true, .. }))
                })
            };
            if relayed {
                assert!(over(&world) || world.passed.iter().any(|(from, _)| from.port() >= 50_000));
            }
        }
    }
}

#[test]
fn the_direct_way_is_taken_where_there_is_one() {
    let mut world = two(4, [None, None], true, true, true);
    world.run(CHECKING);
    world.talk();
    assert!(world.both_heard());
    for host in &world.hosts {
        let last = host.events.iter().rev().find_map(|event| match event {
            PathEvent::Connected { to, .. } | PathEvent::Moved { to } => Some(*to),
            PathEvent::Quiet
            | PathEvent::Answering
            | PathEvent::Failed
            | PathEvent::Lost
            | PathEvent::Security(_) => None,
        });
        assert!(matches!(last, Some(to) if to.port() == 4000), "{:?}", host.events);
    }
}

#[test]
fn ways_are_found_through_loss() {
    let mut found = 0;
    for seed in 0..20 {
        let nats = [
            Some(Nat::new(NatKind::Cone, "198.51.100.2")),
            Some(Nat::new(NatKind::Symmetric, "203.0.113.3")),
        ];
        let mut world = World::new(seed);
        world.loss = 0.1;
        let servers = World::servers(true, true, "secret");
        let [first, second] = nats;
        world.host("10.0.0.2", first, &servers);
        world.host("192.168.7.3", second, &servers);
        world.run(Duration::from_secs(2));
        world.agree(true);
        world.run(Duration::from_secs(10));
        world.loss = 0.0;
        world.talk();
        found += u32::from(world.both_heard());
    }
    assert_eq!(found, 20);
}

#[test]
fn where_no_way_leads_that_is_said_and_nothing_is_sent() {
    let mut world = two(5, [None, None], false, false, true);
    world.walled = true;
    world.run(Duration::from_secs(40));
    for host in &mut world.hosts {
        assert_eq!(host.events, [PathEvent::Failed]);
    }
    world.passed.clear();
    world.talk();
    let sound = |(from, to): &(SocketAddr, SocketAddr)| from.port() == 4000 && to.port() == 4000;
    assert!(!world.both_heard() && !world.passed.iter().any(sound), "no sound without a way");
}

#[test]
fn who_answers_no_checks_is_sent_nothing_more() {
    let mut world = two(6, [None, None], false, false, true);
    world.run(CHECKING);
    world.talk();
    assert!(world.both_heard());
    world.hosts[1].side = Side::Dead;
    // RFC 7675 section 5.1: consent ends 30 s after the last answer, at the latest.
    world.run(Duration::from_secs(30));
    assert_eq!(world.hosts[0].events.last(), Some(&PathEvent::Lost));
    world.passed.clear();
    let now = world.now;
    world.hosts[0].path().send(now, Packet { kind: PacketKind::Rtp, bytes: packet(PacketKind::Rtp, 0) });
    world.run(Duration::from_millis(15));
    assert_eq!(world.passed, []);
}

#[test]
fn two_that_both_want_to_choose_settle_it() {
    for (first, second) in [(true, true), (false, false)] {
        let mut world = World::new(7);
        world.host("10.0.0.2", None, &Servers::default());
        world.host("192.168.7.3", None, &Servers::default());
        world.agree(true);
        // RFC 8445 section 7.3.1.1: both sides took the same role.
        for (index, controlling) in [first, second].into_iter().enumerate() {
            let (remote, candidates) =
                (world.hosts[1 - index].credentials.clone(), world.hosts[1 - index].candidates());
            let local = IceCredentials { fragment: format!("new{index}"), password: "p".repeat(24) };
            let host = &mut world.hosts[index];
            host.credentials = local.clone();
            let ice = IceConfig { local, remote, controlling, candidates };
            let config = PathConfig {
                remote: None,
                remote_rtcp: None,
                payload_types: vec![8],
                rtcp_mux: true,
                ice: Some(ice),
                security: SecurityPlan::None,
            };
            let now = world.now;
            host.path().agree(now, config);
        }
        // The second one's credentials came after the first had agreed.
        let (remote, now) = (world.hosts[1].credentials.clone(), world.now);
        let candidates = world.hosts[1].candidates();
        let local = world.hosts[0].credentials.clone();
        world.hosts[0].path().agree(
            now,
            PathConfig {
                remote: None,
                remote_rtcp: None,
                payload_types: vec![8],
                rtcp_mux: true,
                ice: Some(IceConfig { local, remote, controlling: first, candidates }),
                security: SecurityPlan::None,
            },
        );
        world.run(CHECKING);
        world.talk();
        assert!(world.both_heard(), "{first} {second}");
    }
}

#[test]
fn the_way_through_a_relay_outlives_nonces_permissions_and_channels() {
    let mut world = World::new(8);
    world.nonces_live(Duration::from_secs(70));
    world.walled = true;
    let servers = World::servers(true, true, "secret");
    world.host("10.0.0.2", None, &servers);
    world.host("192.168.7.3", None, &servers);
    world.run(GATHERING);
    world.agree(true);
    world.run(CHECKING);
    // RFC 8656: permissions live 5 minutes, channels and allocations 10; a nonce that is too old gives 438.
    for _ in 0..25 {
        world.hosts.iter_mut().for_each(|host| host.heard.clear());
        world.talk();
        assert!(world.both_heard());
        world.run(Duration::from_secs(60));
    }
}

#[test]
fn other_sockets_and_new_credentials_find_the_way_again() {
    let nats = [Some(Nat::new(NatKind::Cone, "198.51.100.2")), Some(Nat::new(NatKind::Cone, "203.0.113.3"))];
    let mut world = two(9, nats, true, false, true);
    world.run(CHECKING);
    world.talk();
    assert!(world.both_heard());
    // The first one is in another network now, without a NAT.
    let sockets =
        vec![(PacketKind::Rtp, address("172.16.0.9:6000")), (PacketKind::Rtcp, address("172.16.0.9:6001"))];
    let now = world.now;
    let fresh = IceCredentials::random(&mut StdRng::seed_from_u64(99));
    let host = &mut world.hosts[0];
    host.nat = None;
    host.sockets = sockets.clone();
    host.path().relocate(now, Local::new(now, &sockets, &Servers::default()));
    host.credentials = fresh;
    world.passed.clear();
    let packet_before = Packet { kind: PacketKind::Rtp, bytes: packet(PacketKind::Rtp, 0) };
    world.hosts[0].path().send(now, packet_before);
    world.run(Duration::from_millis(15));
    assert!(!world.passed.iter().any(|(from, _)| from.port() == 6000), "no way is known yet");
    for index in 0..2 {
        let (remote, candidates) =
            (world.hosts[1 - index].credentials.clone(), world.hosts[1 - index].candidates());
        if index == 0 {
            world.hosts[1].credentials = IceCredentials::random(&mut StdRng::seed_from_u64(100));
        }
        let remote = if index == 0 { world.hosts[1].credentials.clone() } else { remote };
        let host = &mut world.hosts[index];
        let ice = IceConfig { local: host.credentials.clone(), remote, controlling: index == 0, candidates };
        let config = PathConfig {
            remote: None,
            remote_rtcp: None,
            payload_types: vec![8],
            rtcp_mux: true,
            ice: Some(ice),
            security: SecurityPlan::None,
        };
        host.path().agree(now, config);
        host.heard.clear();
    }
    world.run(CHECKING);
    world.talk();
    assert!(world.both_heard());
}

/// One of two agrees on what both say of checks now.
fn agree_at(world: &mut World, index: usize) {
    let (remote, candidates) =
        (world.hosts[1 - index].credentials.clone(), world.hosts[1 - index].candidates());
    let (now, host) = (world.now, &mut world.hosts[index]);
    let ice = IceConfig { local: host.credentials.clone(), remote, controlling: index == 0, candidates };
    let config = PathConfig {
        remote: None,
        remote_rtcp: None,
        payload_types: vec![8],
        rtcp_mux: true,
        ice: Some(ice),
        security: SecurityPlan::None,
    };
    host.path().agree(now, config);
}

/// Both talk for so long, a packet each 20 ms; how many were sent and how many heard.
fn conversation(world: &mut World, time: Duration) -> [usize; 3] {
    let start = world.now;
    let mut sent = 0;
    let heard = |world: &World, index: usize| world.hosts[index].heard.len();
    let before = [heard(world, 0), heard(world, 1)];
    while world.now - start < time {
        let now = world.now;
        for (index, host) in world.hosts.iter_mut().enumerate() {
            let bytes = packet(PacketKind::Rtp, index as u8);
            host.path().send(now, Packet { kind: PacketKind::Rtp, bytes });
        }
        sent += 1;
        world.run(Duration::from_millis(20));
    }
    // What is on its way through a relay.
    world.run(Duration::from_millis(20));
    [sent, heard(world, 0) - before[0], heard(world, 1) - before[1]]
}

#[test]
fn checks_that_begin_anew_cost_no_sound() {
    for walled in [false, true] {
        let mut world = two(22, [None, None], false, true, true);
        world.walled = walled;
        world.run(CHECKING);
        assert_eq!(conversation(&mut world, Duration::from_secs(1)), [50; 3]);
        for round in 0..2 {
            for index in 0..2 {
                let seed = 100 + 2 * round + index as u64;
                world.hosts[index].credentials = IceCredentials::random(&mut StdRng::seed_from_u64(seed));
            }
            // Who answers begins first; the answer takes its time.
            agree_at(&mut world, 1);
            assert_eq!(conversation(&mut world, Duration::from_millis(200)), [10; 3], "{walled} {round}");
            agree_at(&mut world, 0);
            assert_eq!(conversation(&mut world, Duration::from_secs(5)), [250; 3], "{walled} {round}");
        }
        for host in &world.hosts {
            let found = |event: &&PathEvent| matches!(event, PathEvent::Connected { .. });
            assert_eq!(host.events.iter().filter(found).count(), 3, "{:?}", host.events);
        }
    }
}

#[test]
fn the_former_way_is_kept_where_the_other_side_does_not_begin_anew() {
    let mut world = two(23, [None, None], false, false, true);
    world.run(CHECKING);
    world.hosts[0].events.clear();
    world.hosts[0].credentials = IceCredentials::random(&mut StdRng::seed_from_u64(101));
    agree_at(&mut world, 0);
    world.run(Duration::from_secs(60));
    assert_eq!(world.hosts[0].events, [], "nothing is lost as long as it stands");
    assert_eq!(conversation(&mut world, Duration::from_secs(1)), [50; 3]);
    world.hosts[1].side = Side::Dead;
    world.run(Duration::from_secs(30));
    assert_eq!(world.hosts[0].events, [PathEvent::Lost]);
}

#[test]
fn a_way_that_dies_is_told_in_seconds_and_another_is_found() {
    let mut world = World::new(24);
    world.host_at(&["10.0.0.2", "172.16.0.2"], None, &Servers::default());
    world.host_at(&["192.168.7.3", "172.16.0.3"], None, &Servers::default());
    world.agree(true);
    world.run(CHECKING);
    let connected = |world: &World| match world.hosts[0].events.last() {
        Some(PathEvent::Connected { from, to, .. }) => (*from, *to),
        other => panic!("{other:?}"),
    };
    let (from, to) = connected(&world);
    // On hold nothing but checks passes, some of them lost.
    world.loss = 0.05;
    world.run(Duration::from_secs(120));
    world.loss = 0.0;
    world.run(Duration::from_secs(5));
    assert_eq!(connected(&world), (from, to), "{:?}", world.hosts[0].events);
    world.cut_off.extend([from.ip(), to.ip()]);
    // RFC 7675 section 5.1 would have 30 s.
    world.run(Duration::from_secs(7));
    assert_eq!(world.hosts[0].events.last(), Some(&PathEvent::Quiet));
    for index in 0..2 {
        let fresh = IceCredentials::random(&mut StdRng::seed_from_u64(102 + index as u64));
        world.hosts[index].credentials = fresh;
    }
    agree_at(&mut world, 1);
    agree_at(&mut world, 0);
    world.run(Duration::from_secs(1));
    let (other_from, other_to) = connected(&world);
    assert!(other_from != from && other_to != to);
    assert_eq!(conversation(&mut world, Duration::from_secs(1)), [50; 3]);
}

#[test]
fn a_relay_that_was_not_needed_is_the_way_when_the_other_dies() {
    let mut world = World::new(26);
    world.host_at(&["10.0.0.2", "172.16.0.2"], None, &World::servers(false, true, "secret"));
    world.host_at(&["192.168.7.3", "172.16.0.3"], None, &Servers::default());
    // The first addresses reach the server alone, the second ones each other alone.
    world.parted = vec![["10.0.0.2", "192.168.7.3"].map(|ip| ip.parse().unwrap())];
    world.run(GATHERING);
    world.agree(true);
    world.run(CHECKING);
    assert!(matches!(world.hosts[0].events.last(), Some(PathEvent::Connected { relayed: false, .. })));
    world.cut_off.extend(["172.16.0.2", "172.16.0.3"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    let end = world.now + Duration::from_secs(7);
    while world.now < end {
        conversation(&mut world, Duration::from_millis(100));
    }
    assert_eq!(world.hosts[0].events.last(), Some(&PathEvent::Quiet));
    for index in 0..2 {
        let fresh = IceCredentials::random(&mut StdRng::seed_from_u64(104 + index as u64));
        world.hosts[index].credentials = fresh;
    }
    agree_at(&mut world, 1);
    agree_at(&mut world, 0);
    conversation(&mut world, Duration::from_secs(1));
    assert!(
        matches!(world.hosts[0].events.last(), Some(PathEvent::Connected { relayed: true, .. })),
        "{:?}",
        world.hosts[0].events
    );
    assert_eq!(conversation(&mut world, Duration::from_secs(1)), [50; 3]);
}

#[test]
fn an_outage_is_told_and_its_end_too() {
    let mut world = two(25, [None, None], false, false, true);
    world.run(CHECKING);
    world.hosts.iter_mut().for_each(|host| host.events.clear());
    let there = world.hosts[1].sockets[0].1.ip();
    for (outage, told) in [(2, &[][..]), (8, &[PathEvent::Quiet, PathEvent::Answering][..])] {
        world.cut_off.push(there);
        world.run(Duration::from_secs(outage));
        world.cut_off.clear();
        world.run(Duration::from_secs(5));
        assert_eq!(world.hosts[0].events, told, "{outage} s");
        assert_eq!(conversation(&mut world, Duration::from_secs(1)), [50; 3]);
    }
    // Checks of ours are lost, and everything else comes: that is told, too, but later.
    world.hosts.iter_mut().for_each(|host| host.events.clear());
    let here = world.hosts[0].sockets[0].1;
    world.lost_from = Some(here);
    assert_eq!(conversation(&mut world, Duration::from_secs(11)), [550, 550, 0]);
    assert_eq!((&world.hosts[0].events[..], &world.hosts[1].events[..]), (&[][..], &[PathEvent::Quiet][..]));
    conversation(&mut world, Duration::from_secs(5));
    assert_eq!(world.hosts[0].events, [PathEvent::Quiet]);
}

#[test]
fn what_servers_tell_after_the_checks_began_is_checked_too() {
    let mut world = World::new(14);
    world.walled = true;
    world.host("10.0.0.2", None, &Servers::default());
    world.host("192.168.7.3", None, &Servers::default());
    world.agree(true);
    world.run(Duration::from_secs(1));
    let now = world.now;
    // Their names were looked up meanwhile.
    world.hosts[0].path().ask(now, &World::servers(true, true, "secret"));
    let local = world.hosts[0].path().local();
    assert!((local.found(), local.is_settled()) == (2, false));
    world.run(CHECKING);
    let local = world.hosts[0].path().local();
    assert!(
        (local.found(), local.is_settled()) == (4, true),
        "a relay for each; outside they look as they are"
    );
    world.talk();
    assert!(world.both_heard());
    assert!(matches!(world.hosts[0].events[..], [PathEvent::Connected { relayed: true, .. }]));
}

#[test]
fn where_no_datagram_gets_to_the_turn_server_a_stream_does() {
    for mux in [true, false] {
        let mut world = World::new(16);
        (world.walled, world.datagrams_lost) = (true, true);
        let servers = World::servers(false, true, "secret");
        world.host("10.0.0.2", Some(Nat::new(NatKind::Symmetric, "198.51.100.2")), &servers);
        world.host("192.168.7.3", None, &Servers::default());
        world.run(GATHERING);
        assert_eq!(
            (world.connections(), world.lent()),
            (vec![None, None], 2),
            "in time for a call that waits"
        );
        world.agree(mux);
        world.run(CHECKING);
        for _ in 0..3 {
            world.hosts.iter_mut().for_each(|host| host.heard.clear());
            world.talk();
            assert!(world.both_heard(), "mux {mux}");
            // RFC 8656: permissions live 5 minutes, channels and allocations 10.
            world.run(Duration::from_secs(660));
        }
        let now = world.now;
        world.hosts[0].path().close(now);
        world.run(Duration::from_secs(1));
        assert_eq!(world.lent(), 0, "what was lent is given back");
        assert_eq!(world.hosts[0].path().local().streams().count(), 0, "nobody needs the connections");
    }
}

/// When a host had what a call waits for, with what it knew of servers.
fn complete_after(world: &mut World, nat: Option<Nat>, servers: &Servers) -> Duration {
    let start = world.now;
    world.host("10.0.0.2", nat, servers);
    loop {
        let Side::Gathering(local) = &world.hosts[0].side else { panic!() };
        if local.is_complete() {
            return world.now - start;
        }
        assert!(world.now - start < Duration::from_secs(10));
        world.run(Duration::from_millis(5));
    }
}

#[test]
fn a_network_without_datagrams_costs_a_call_little_and_the_next_one_nothing() {
    let turn = address(world::TURN);
    let answering = |world: &World| {
        let Side::Gathering(local) = &world.hosts[0].side else { panic!() };
        local.answering(world.now)
    };
    let mut servers = World::servers(false, true, "secret");
    let mut took = Vec::new();
    for datagrams_lost in [true, true, false] {
        let mut world = World::new(19);
        world.datagrams_lost = datagrams_lost;
        took.push(complete_after(&mut world, None, &servers).as_millis());
        world.run(Duration::from_millis(500));
        assert_eq!(world.lent(), 2, "a relay for each component");
        assert_eq!(answering(&world), [(turn, !datagrams_lost)]);
        let Side::Gathering(local) = &world.hosts[0].side else { panic!() };
        // Where datagrams come through again, they are first.
        assert_eq!(local.streams().count(), if datagrams_lost { 2 } else { 0 });
        // As the next call is told.
        servers.silent = vec![turn];
    }
    // A connection takes 20 ms here, each question as much, and a relay two of those.
    assert!((160..=180).contains(&took[0]), "{took:?}");
    assert!((60..=80).contains(&took[1]), "{took:?}");
}

#[test]
fn nobody_waits_for_a_server_that_answered_nothing_lately() {
    let mut servers = World::servers(true, false, "");
    servers.silent = servers.stun.clone();
    let mut world = World::new(20);
    let nat = || Some(Nat::new(NatKind::Cone, "198.51.100.2"));
    assert_eq!(complete_after(&mut world, nat(), &servers), Duration::ZERO);
    let Side::Gathering(local) = &world.hosts[0].side else { panic!() };
    assert!(!local.is_settled(), "what it says after all is told later");
    world.run(Duration::from_millis(100));
    let Side::Gathering(local) = &world.hosts[0].side else { panic!() };
    assert_eq!((local.found(), local.is_settled()), (4, true));
    assert_eq!(local.answering(world.now), [(address(world::STUN), true)]);
}

#[test]
fn a_server_that_is_not_there_is_followed_by_the_next_one() {
    let nobody = address("192.0.2.88:3478");
    for (transport, streams) in [
        (TurnTransport::Udp, Vec::new()),
        (TurnTransport::Any, Vec::new()),
        // RFC 5928 section 3: each transport has servers of its own.
        (TurnTransport::Any, vec![address(world::TURN)]),
    ] {
        let mut world = World::new(21);
        world.unconnectable = streams.is_empty();
        let mut servers = World::servers(false, true, "secret");
        let turn = servers.turn.as_mut().unwrap();
        turn.addresses.insert(0, nobody);
        turn.transport = transport;
        if !streams.is_empty() {
            turn.addresses.pop();
            turn.streams = streams;
        }
        world.host("10.0.0.2", None, &servers);
        world.run(GATHERING);
        assert_eq!(world.lent(), 2, "{servers:?}");
    }
}

#[test]
fn a_stream_is_not_asked_for_where_datagrams_are_answered_or_wanted_alone() {
    for (transport, password, lost, connections) in [
        (TurnTransport::Any, "secret", false, vec![]),
        (TurnTransport::Any, "wrong", false, vec![]),
        (TurnTransport::Udp, "secret", true, vec![]),
        (TurnTransport::Tcp, "secret", false, vec![None; 2]),
        (TurnTransport::Tls("turn.test".into()), "secret", false, vec![Some("turn.test"); 2]),
    ] {
        let mut world = World::new(17);
        world.datagrams_lost = lost;
        let mut servers = World::servers(false, true, password);
        servers.turn.as_mut().unwrap().transport = transport.clone();
        world.host("10.0.0.2", None, &servers);
        world.run(Duration::from_secs(6));
        assert_eq!(world.connections(), connections, "{transport:?} {password}");
        let datagrams = world.passed.iter().any(|(_, to)| *to == address(world::TURN));
        assert_eq!(datagrams, connections.is_empty(), "{transport:?} {password}");
        let Side::Gathering(local) = &world.hosts[0].side else { panic!() };
        let stands = password == "secret" && !lost;
        assert_eq!((local.is_complete(), local.relay_trouble().is_none()), (true, stands), "{transport:?}");
    }
}

#[test]
fn a_stream_that_ends_or_brings_anything_is_given_up() {
    let streams = || {
        let mut world = World::new(18);
        let mut servers = World::servers(false, true, "secret");
        servers.turn.as_mut().unwrap().transport = TurnTransport::Tcp;
        (world.unconnectable, world.datagrams_lost) = (false, true);
        world.host("10.0.0.2", None, &servers);
        world
    };
    let mut world = streams();
    world.unconnectable = true;
    world.run(GATHERING);
    let Side::Gathering(local) = &mut world.hosts[0].side else { panic!() };
    assert!(local.is_complete());
    assert_eq!(local.relay_trouble().as_deref(), Some("connection refused"));
    let mut random = StdRng::seed_from_u64(8656);
    for round in 0..200 {
        let mut world = streams();
        world.run(Duration::from_millis(if round % 2 == 0 { 25 } else { 500 }));
        let now = world.now;
        let Side::Gathering(local) = &mut world.hosts[0].side else { panic!() };
        let stream = local.streams().next().unwrap();
        for _ in 0..50 {
            let mut bytes: Vec<u8> = (0..random.random_range(1..60)).map(|_| random.random()).collect();
            if random.random_bool(0.8) {
                bytes[0] = [0, 1, 0x40, 0x4F][random.random_range(0..4)];
                bytes.resize(bytes.len().max(8), 0);
                bytes[2] = 0;
                bytes[3] = random.random_range(0..64);
                bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xA4, 0x42]);
            }
            local.receive_stream(now, stream, &bytes);
            while local.poll_transmit(now).is_some() {}
        }
        local.receive_stream(now, stream, &vec![0xFF; 70_000]);
        assert!(!local.streams().any(|wanted| wanted == stream), "round {round}");
    }
}

#[test]
fn addresses_told_one_by_one_are_checked_as_they_come() {
    let nats = [Some(Nat::new(NatKind::Symmetric, "198.51.100.2")), None];
    let mut world = World::new(15);
    let servers = World::servers(true, true, "secret");
    for (nat, ip) in nats.into_iter().zip(["10.0.0.2", "192.168.7.3"]) {
        world.host(ip, nat, &servers);
    }
    world.run(GATHERING);
    let told: Vec<Vec<Candidate>> = world.hosts.iter().map(Host::candidates).collect();
    // RFC 8838 section 3: nothing is known at first, then more and more.
    for count in 0..=6 {
        world.agree_on(true, &|index| told[index].iter().take(count).cloned().collect());
        world.run(Duration::from_secs(1));
        assert!(count > 0 || world.hosts.iter().all(|host| host.events.is_empty()), "nothing has failed yet");
    }
    world.run(CHECKING);
    world.talk();
    assert!(world.both_heard());
    let failed = world.hosts.iter().any(|host| host.events.contains(&PathEvent::Failed));
    assert!(!failed, "{:?} {:?}", world.hosts[0].events, world.hosts[1].events);
}

/// A way without checks.
fn plain(now: Instant, remote: &str, mux: bool) -> Path {
    let sockets = [(PacketKind::Rtp, address("10.0.0.2:4000")), (PacketKind::Rtcp, address("10.0.0.2:4001"))];
    let remote = address(remote);
    let config = PathConfig {
        remote: Some(remote),
        remote_rtcp: Some(if mux { remote } else { SocketAddr::new(remote.ip(), remote.port() + 1) }),
        payload_types: vec![8],
        rtcp_mux: mux,
        ice: None,
        security: SecurityPlan::None,
    };
    Path::new(now, Local::new(now, &sockets, &Servers::default()), config)
}

#[test]
fn without_checks_rtcp_shares_the_port_only_where_that_was_agreed() {
    let now = Instant::now();
    let rtcp = packet(PacketKind::Rtcp, 1);
    let (rtp_socket, rtcp_socket) = (address("10.0.0.2:4000"), address("10.0.0.2:4001"));
    for (mux, at, expected) in
        [(true, rtp_socket, Some(PacketKind::Rtcp)), (false, rtcp_socket, Some(PacketKind::Rtcp))]
    {
        let mut path = plain(now, "192.0.2.50:7000", mux);
        let from = SocketAddr::new(address("192.0.2.50:1").ip(), if mux { 7000 } else { 7001 });
        assert_eq!(path.receive(now, at, from, &mut rtcp.clone()), expected);
        path.send(now, Packet { kind: PacketKind::Rtcp, bytes: rtcp.clone() });
        let sent = path.poll_transmit(now).unwrap();
        assert_eq!((sent.from, sent.to), (at, from));
    }
    // Not agreed: a report on the port of the sound is no packet of an agreed payload type, and no report.
    let mut path = plain(now, "192.0.2.50:7000", false);
    let from = address("192.0.2.50:7000");
    assert_ne!(path.receive(now, rtp_socket, from, &mut rtcp.clone()), Some(PacketKind::Rtcp));
}

#[test]
fn sound_from_elsewhere_is_followed_and_told_once() {
    let now = Instant::now();
    let mut path = plain(now, "192.0.2.50:7000", false);
    let nat = address("203.0.113.3:9000");
    let mut heard = 0;
    for sequence in 0..5 {
        let mut bytes = packet(PacketKind::Rtp, 1);
        bytes[3] = sequence;
        heard += u32::from(path.receive(now, address("10.0.0.2:4000"), nat, &mut bytes).is_some());
    }
    assert_eq!(heard, 3, "from the third packet on");
    assert_eq!(path.poll_event(), Some(PathEvent::Moved { to: nat }));
    assert_eq!(path.poll_event(), None);
}

/// Keys of RFC 4568, and what the other side encrypts with them.
fn keyed() -> (SecurityPlan, SecurityPlan) {
    let keys = |byte: u8| Keys::new(Suite::AesCm128HmacSha1_80, &[byte; 30], &[]).unwrap();
    (
        SecurityPlan::Sdes { send: keys(1), receive: keys(2) },
        SecurityPlan::Sdes { send: keys(2), receive: keys(1) },
    )
}

#[test]
fn an_authenticated_packet_from_elsewhere_is_followed_at_once_and_nothing_else_is_taken() {
    let now = Instant::now();
    let (ours, theirs) = keyed();
    let mut path = plain(now, "192.0.2.50:7000", false);
    path.secure = Secure::new(now, ours);
    let mut peer = Secure::new(now, theirs);
    let (socket, nat) = (address("10.0.0.2:4000"), address("203.0.113.3:9000"));
    for sequence in 0..9 {
        let mut clear = packet(PacketKind::Rtp, 1);
        clear[3] = sequence;
        assert_eq!(path.receive(now, socket, nat, &mut clear.clone()), None);
        assert_eq!(path.receive(now, socket, address("192.0.2.50:7000"), &mut clear), None, "in the clear");
    }
    let mut sealed = packet(PacketKind::Rtp, 1);
    peer.protect(PacketKind::Rtp, &mut sealed).unwrap();
    let mut forged = sealed.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(path.receive(now, socket, address("198.51.100.66:1"), &mut forged), None);
    assert_eq!(path.receive(now, socket, nat, &mut sealed.clone()), Some(PacketKind::Rtp));
    // A replay from another place moves nothing.
    assert_eq!(path.receive(now, socket, address("198.51.100.66:1"), &mut sealed), None);
    assert_eq!(path.rejected(), 9 + 9 + 2, "in the clear, forged, replayed: each is counted");
    path.send(now, Packet { kind: PacketKind::Rtp, bytes: packet(PacketKind::Rtp, 0) });
    let sent = path.poll_transmit(now).unwrap();
    assert_eq!(sent.to, nat);
    assert_ne!(sent.bytes, packet(PacketKind::Rtp, 0), "never in the clear");
}

#[test]
fn a_handshake_waits_for_the_way_and_then_takes_it() {
    let certificates = [(); 2].map(|()| Certificate::generate().unwrap());
    let roles = [Role::Active, Role::Passive];
    let mut world = World::new(11);
    world.host(
        "10.0.0.2",
        Some(Nat::new(NatKind::Symmetric, "198.51.100.2")),
        &World::servers(true, true, "secret"),
    );
    world.host(
        "192.168.7.3",
        Some(Nat::new(NatKind::Cone, "203.0.113.3")),
        &World::servers(true, true, "secret"),
    );
    world.run(GATHERING);
    world.agree(true);
    for index in 0..2 {
        let plan = SecurityPlan::Dtls {
            certificate: certificates[index].clone(),
            role: roles[index],
            fingerprints: vec![certificates[1 - index].fingerprint()],
        };
        let now = world.now;
        world.hosts[index].path().secure = Secure::new(now, plan);
    }
    world.run(CHECKING);
    for host in &mut world.hosts {
        assert!(matches!(host.path().secure.state(), SecurityState::On(_)), "{:?}", host.path().secure);
    }
    world.talk();
    assert!(world.both_heard());
}

#[test]
fn ipv6_goes_from_the_socket_of_its_family() {
    let now = Instant::now();
    let sockets = [
        (PacketKind::Rtp, address("10.0.0.2:4000")),
        (PacketKind::Rtcp, address("10.0.0.2:4001")),
        (PacketKind::Rtp, address("[2001:db8::2]:4000")),
        (PacketKind::Rtcp, address("[2001:db8::2]:4001")),
    ];
    let config = PathConfig {
        remote: Some(address("[2001:db8::9]:7000")),
        remote_rtcp: Some(address("[2001:db8::9]:7001")),
        payload_types: vec![8],
        rtcp_mux: false,
        ice: None,
        security: SecurityPlan::None,
    };
    let mut path = Path::new(now, Local::new(now, &sockets, &Servers::default()), config);
    path.send(now, Packet { kind: PacketKind::Rtcp, bytes: packet(PacketKind::Rtcp, 0) });
    let sent = path.poll_transmit(now).unwrap();
    assert_eq!((sent.from, sent.to), (address("[2001:db8::2]:4001"), address("[2001:db8::9]:7001")));
}

#[test]
fn anything_may_come() {
    let mut world = two(10, [None, None], true, true, true);
    world.run(Duration::from_millis(60));
    let mut random = StdRng::seed_from_u64(8445);
    let froms =
        [address(world::STUN), address(world::TURN), address("192.168.7.3:4000"), address("203.0.113.99:1")];
    for round in 0..60_000 {
        let mut bytes: Vec<u8> = (0..random.random_range(0..120)).map(|_| random.random()).collect();
        if let Some(first) = bytes.first_mut() {
            *first = [0, 1, 3, 20, 63, 64, 79, 128, 191, 255][random.random_range(0..10)];
        }
        if bytes.len() >= 20 && random.random_bool(0.7) {
            bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xA4, 0x42]);
            let length = (bytes.len() - 20) as u16 & !3;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes.truncate(20 + usize::from(length));
        }
        let from = froms[random.random_range(0..froms.len())];
        let now = world.now;
        let path = world.hosts[0].path();
        let at = address(if random.random_bool(0.5) { "10.0.0.2:4000" } else { "10.0.0.2:4001" });
        let taken = path.receive(now, at, from, &mut bytes);
        // Without keys the way a check has proven is all that vouches for a packet.
        assert!(taken.is_none() || from == address("192.168.7.3:4000"), "round {round}");
        while path.poll_transmit(now).is_some() {}
    }
    // And it still finds its way.
    world.run(CHECKING);
    world.talk();
    assert!(world.both_heard());
}
