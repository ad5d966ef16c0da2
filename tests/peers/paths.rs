//! Ways for the sound: ICE with another of us and with baresip, coturn where nothing else leads. Linux only; what
//! takes networks of its own takes root.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use tern_media::PacketKind;
use tern_media::path::{CandidateKind, Local, Servers, TurnServer, TurnTransport};
use tern_tests::actors::{
    Authority, Baresip, Credentials, Digest, Exchange, Kamailio, Network, Relaying, Tern, TernCall,
    Turnserver, Way,
};
use tern_tests::audio::{Sound, correlate_pieces, speech};
use tern_tests::{Result, Scratch};

use super::{BOB, TERN};

const SOON: Duration = Duration::from_secs(30);
const SECONDS: u32 = 6;
const COMPARED: f64 = 4.5;
/// By then a way has been found, and sound takes it.
const FOUND: f64 = 2.0;
const TURN_USER: Credentials = Credentials { user: "relayed", password: "a-relays-password" };

#[test]
fn two_of_us_take_the_pair_that_was_checked() -> Result<()> {
    let registrar = Kamailio::start(Digest::Md5, &[TERN, BOB])?;
    let voices = Voices::new();
    let phone = |account| {
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
            Tern::new(account, registrar.address())?.with("--ice on -v"),
        )
    };
    let mut bob = phone(&BOB)?.answer(SECONDS, "PCMU", &voices.bobs)?;
    bob.wait_for("waiting", SOON)?;
    let mut tern = phone(&TERN)?.call(BOB.user, SECONDS, "PCMU", &voices.terns)?;
    for phone in [&mut tern, &mut bob] {
        ended(phone)?;
    }
    let (ours, theirs) = (pair(&tern)?, pair(&bob)?);
    // Each names the other's address as its own: one pair, seen from both sides.
    assert_eq!((&ours.from, &ours.to), (&theirs.to, &theirs.from), "{ours:?} {theirs:?}");
    assert!(!ours.relayed && !theirs.relayed, "{ours:?} {theirs:?}");
    voices.compare(&tern.heard()?, &bob.heard()?, &tern.log())
}

#[test]
fn baresip_and_we_check_each_other() -> Result<()> {
    const TEST: &str = "baresip_and_we_check_each_other";
    let Some(world) = World::new(TEST, &TURN_USER)? else { return Ok(()) };
    let voices = Voices::new();
    for we_call in [true, false] {
        let (mut tern, mut bob) = world.here.enter(|| {
            let mut bob = Baresip::start_at(
                HERE,
                &BOB,
                world.registrar.address(),
                "PCMU/8000/1",
                "medianat=ice",
                &voices.bobs,
            )?;
            let tern = world.tern(&TERN, "--ice on -v")?;
            let tern = if we_call {
                tern.call(BOB.user, SECONDS, "PCMU", &voices.terns)?
            } else {
                let mut tern = tern.answer(SECONDS, "PCMU", &voices.terns)?;
                tern.wait_for("waiting", SOON)?;
                bob.dial(TERN.user)?;
                tern
            };
            Ok((tern, bob))
        })?;
        ended(&mut tern)?;
        bob.wait_for("CALL_CLOSED", SOON)?;
        let pair = pair(&tern)?;
        assert!(!pair.relayed && pair.to.starts_with(&HERE.to_string()), "{pair:?}\n{}", tern.log());
        voices.compare(&tern.heard()?, &bob.heard()?, &tern.log())?;
    }
    Ok(())
}

/// The host addresses lead nowhere; only what our server lends is reached from there.
#[test]
fn a_call_through_the_relay_alone() -> Result<()> {
    let Some(mut world) = World::new("a_call_through_the_relay_alone", &TURN_USER)? else { return Ok(()) };
    let tern = world.tern(&TERN, "--ice on -v")?.relayed_by(world.relay.address(), &TURN_USER);
    world.relayed(tern)
}

/// Of the server's ways the first one, datagrams, leads nowhere.
#[test]
fn a_relay_that_takes_no_datagrams_is_reached_by_tcp() -> Result<()> {
    const TEST: &str = "a_relay_that_takes_no_datagrams_is_reached_by_tcp";
    let Some(mut world) = World::new(TEST, &TURN_USER)? else { return Ok(()) };
    world.relay_as(&Relaying { addresses: &[MIDDLE], udp: false, certificate: None })?;
    let server = world.relay.address();
    let tern = world.tern(&TERN, "--ice on -v")?;
    world.relayed(tern.relayed_by(server, &TURN_USER))?;
    let tern = world.tern(&TERN, "--ice on -v")?;
    world.relayed(tern.relayed_by(format!("turn:{server}?transport=tcp"), &TURN_USER))
}

#[test]
fn a_relay_is_reached_by_tls_and_its_certificate_believed_or_not() -> Result<()> {
    const TEST: &str = "a_relay_is_reached_by_tls_and_its_certificate_believed_or_not";
    let Some(mut world) = World::new(TEST, &TURN_USER)? else { return Ok(()) };
    let (authority, folder) = (Authority::new()?, Scratch::new("authority")?);
    let certificate = authority.sign(&MIDDLE.to_string())?;
    world.relay_as(&Relaying { addresses: &[MIDDLE], udp: true, certificate: Some(&certificate) })?;
    let server = format!("turns:{}", world.relay.tls_address());
    let believing = |world: &World, authority: &Authority, name| {
        let authority = Some(folder.write(name, authority.pem())?);
        let way = Way { bind: None, authority, ..Way::udp(world.registrar.address()) };
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
            Tern::by(&TERN, &way)?.with("--ice on -v").relayed_by(&server, &TURN_USER),
        )
    };
    let tern = believing(&world, &authority, "good.pem")?;
    world.relayed(tern)?;
    let tern = believing(&world, &Authority::new()?, "other.pem")?;
    let mut tern = world.here.enter(|| tern.call(BOB.user, 1, "PCMU", &speech(8_000, 2.0, 53)))?;
    let told = tern.wait_for("trouble", SOON)?;
    assert_eq!(told["code"], "noRelay", "{told}\n{}", tern.log());
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("certificate")), "{told}");
    Ok(())
}

/// The addresses that lead to the servers lead no further; those of a second cable lead to each other.
#[test]
fn a_second_interface_is_the_way() -> Result<()> {
    let Some(world) = World::new("a_second_interface_is_the_way", &TURN_USER)? else { return Ok(()) };
    world.here.connect("side", &world.there, "side")?;
    world.here.ip("address add 10.79.0.1/24 dev side")?;
    world.there.ip("address add 10.79.0.2/24 dev side")?;
    let voices = Voices::new();
    let (tern, bob) = (world.tern(&TERN, "--ice on -v")?, world.tern(&BOB, "--ice on -v")?);
    let mut bob = world.there.enter(|| bob.answer(SECONDS, "PCMU", &voices.bobs))?;
    bob.wait_for("waiting", SOON)?;
    let mut tern = world.here.enter(|| tern.call(BOB.user, SECONDS, "PCMU", &voices.terns))?;
    for phone in [&mut tern, &mut bob] {
        ended(phone)?;
    }
    let pair = pair(&tern)?;
    let (from, to) = (pair.from.starts_with("10.79.0.1:"), pair.to.starts_with("10.79.0.2:"));
    assert!(from && to && !pair.relayed, "{pair:?}\n{}", tern.log());
    voices.compare(&tern.heard()?, &bob.heard()?, &tern.log())
}

/// The cable that a call's sound takes is cut, and signalling goes another way: what is left is our relay.
#[test]
fn a_way_that_dies_under_a_call_is_found_again() -> Result<()> {
    const TEST: &str = "a_way_that_dies_under_a_call_is_found_again";
    /// Long enough for the cut, six seconds until it is noticed, and some more.
    const LONG: u32 = 20;
    const HEARD_AGAIN: f64 = 14.0;
    let Some(world) = World::new(TEST, &TURN_USER)? else { return Ok(()) };
    world.here.connect("side", &world.there, "side")?;
    world.here.ip("address add 10.79.0.1/24 dev side")?;
    world.there.ip("address add 10.79.0.2/24 dev side")?;
    // A server that is told to send where it has no route gives up what it lends; this one leads nowhere.
    world.middle.ip(&format!("route add 10.79.0.0/24 via {HERE}"))?;
    let voices = Voices { terns: speech(8_000, 24.0, 54), bobs: speech(8_000, 24.0, 55) };
    let bob = world.tern(&BOB, "--ice on -v")?;
    let mut bob = world.there.enter(|| bob.answer(LONG, "PCMU", &voices.bobs))?;
    bob.wait_for("waiting", SOON)?;
    let tern = world.tern(&TERN, "--ice on -v")?.relayed_by(world.relay.address(), &TURN_USER);
    let mut tern = world.here.enter(|| tern.call(BOB.user, LONG, "PCMU", &voices.terns))?;
    let deadline = Instant::now() + SOON;
    // Perhaps the relay first, and then what is better.
    while !tern.log().contains("to=10.79.0.2:") || !bob.log().contains("to=10.79.0.1:") {
        assert!(Instant::now() < deadline, "{}\n{}", tern.log(), bob.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    world.there.ip("link set side down")?;
    for phone in [&mut tern, &mut bob] {
        ended(phone)?;
    }
    let last = pair(&tern)?;
    assert!(last.relayed, "{last:?}\n{}", tern.log());
    let began = |log: &str| log.matches("another is looked for").count();
    assert_eq!((began(&tern.log()), began(&bob.log())), (1, 0), "{}\n{}", tern.log(), bob.log());
    for (said, heard) in [(&voices.terns, bob.heard()?), (&voices.bobs, tern.heard()?)] {
        let found = correlate_pieces(&said.part(HEARD_AGAIN, HEARD_AGAIN + 3.0), &heard, 0.2);
        assert!(found.correlation > 0.75, "{found:?}\n{}", tern.log());
    }
    Ok(())
}

/// Who offers takes addresses one by one: it is answered before our server has lent any, and told what it lends.
#[test]
fn a_relay_found_after_the_answer_is_told() -> Result<()> {
    let Some(world) = World::new("a_relay_found_after_the_answer_is_told", &TURN_USER)? else {
        return Ok(());
    };
    let voices = Voices::new();
    let bob = world.tern(&BOB, "--ice on -v")?.relayed_by(world.relay.address(), &TURN_USER);
    let mut bob = world.there.enter(|| bob.answer(SECONDS, "PCMU", &voices.bobs))?;
    bob.wait_for("waiting", SOON)?;
    let tern = world.tern(&TERN, "--ice on -v")?;
    let mut tern = world.here.enter(|| tern.call(BOB.user, SECONDS, "PCMU", &voices.terns))?;
    for phone in [&mut tern, &mut bob] {
        ended(phone)?;
    }
    assert!(pair(&bob)?.relayed, "{}", bob.log());
    voices.compare(&tern.heard()?, &bob.heard()?, &tern.log())?;
    // RFC 8840 section 4.3: not in the 200, but in an INFO behind it.
    let log = tern.log();
    let (told, info) = (log.find("typ relay"), log.find("Info-Package: trickle-ice"));
    assert!(info.is_some() && told > info, "{log}");
    Ok(())
}

#[test]
fn a_relay_of_baresips_is_reached() -> Result<()> {
    let Some(world) = World::new("a_relay_of_baresips_is_reached", &TURN_USER)? else { return Ok(()) };
    let voices = Voices::new();
    let Credentials { user, password } = TURN_USER;
    let parameters = format!(
        "medianat=ice;stunserver=\"turn:{}\";stunuser={user};stunpass={password}",
        world.relay.address()
    );
    let registrar = world.registrar.address();
    let mut bob = world
        .there
        .enter(|| Baresip::start_at(THERE, &BOB, registrar, "PCMU/8000/1", &parameters, &voices.bobs))?;
    let tern = world.tern(&TERN, "--ice on -v")?;
    let mut tern = world.here.enter(|| tern.call(BOB.user, SECONDS, "PCMU", &voices.terns))?;
    ended(&mut tern)?;
    bob.wait_for("CALL_CLOSED", SOON)?;
    let pair = pair(&tern)?;
    assert!(pair.to.starts_with(&MIDDLE.to_string()), "{pair:?}\n{}\n{}", tern.log(), bob.log());
    voices.compare(&tern.heard()?, &bob.heard()?, &tern.log())
}

#[test]
fn a_wrong_password_of_the_relay_is_told_and_the_call_goes_on() -> Result<()> {
    let relay = Turnserver::start(&TURN_USER)?;
    let registrar = Kamailio::start(Digest::Md5, &[TERN, BOB])?;
    let voices = Voices::new();
    let mut bob =
        Tern::new(&BOB, registrar.address())?.with("--ice on").answer(SECONDS, "PCMU", &voices.bobs)?;
    bob.wait_for("waiting", SOON)?;
    let tern = Tern::new(&TERN, registrar.address())?
        .with("--ice on -v")
        .relayed_by(relay.address(), &Credentials { password: "not-the-one", ..TURN_USER });
    let mut tern = tern.call(BOB.user, SECONDS, "PCMU", &voices.terns)?;
    for phone in [&mut tern, &mut bob] {
        ended(phone)?;
    }
    let told = tern.wait_for("trouble", SOON)?;
    assert_eq!(told["code"], "noRelay", "{told}\n{}", tern.log());
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("401")), "{told}");
    assert!(!pair(&tern)?.relayed);
    assert!(!tern.log().contains("not-the-one"), "the password is in the output:\n{}", tern.log());
    voices.compare(&tern.heard()?, &bob.heard()?, &tern.log())
}

/// An hour in a moment: our side's time is an argument, and the server takes each request when it comes.
#[test]
fn what_the_relay_lends_is_kept() -> Result<()> {
    /// We ask for half an hour, and again a minute before its end (RFC 8656 section 8).
    const LIFETIME: Duration = Duration::from_secs(1800);
    let relay = Turnserver::start(&TURN_USER)?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    let here = socket.local_addr()?;
    let turn = TurnServer {
        addresses: vec![relay.address()],
        streams: Vec::new(),
        transport: TurnTransport::Udp,
        user: TURN_USER.user.to_owned(),
        password: TURN_USER.password.to_owned(),
    };
    let servers = Servers { turn: Some(turn), ..Servers::default() };
    let mut now = Instant::now();
    let mut local = Local::new(now, &[(PacketKind::Rtp, here)], &servers);
    let lent = |local: &Local| {
        let relayed = local.candidates().into_iter().find(|found| found.kind == CandidateKind::Relayed);
        relayed.map(|found| found.address)
    };
    let refreshed = || relay.log().lines().filter(|line| line.contains("refreshed, realm")).count();
    let mut address = None;
    for refreshes in 0..=2 {
        let deadline = Instant::now() + SOON;
        while lent(&local).is_none() || refreshed() < refreshes {
            assert!(Instant::now() < deadline, "{refreshes} refreshes\n{}", relay.log());
            exchange(&mut local, &socket, now)?;
            now += Duration::from_millis(20);
        }
        // The answer to what the server has just logged.
        exchange(&mut local, &socket, now)?;
        assert_eq!(*address.get_or_insert(lent(&local)), lent(&local), "{}", relay.log());
        now += LIFETIME - Duration::from_secs(30);
        local.handle_timeout(now);
    }
    // Nobody refreshes it any more.
    now += LIFETIME;
    local.handle_timeout(now);
    assert_eq!(lent(&local), None);
    Ok(())
}

/// Sends what there is to send and takes what has come.
fn exchange(local: &mut Local, socket: &UdpSocket, now: Instant) -> Result<()> {
    let here = socket.local_addr()?;
    local.handle_timeout(now);
    while let Some(transmit) = local.poll_transmit(now) {
        socket.send_to(&transmit.bytes, transmit.to)?;
    }
    let mut bytes = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut bytes) {
        local.receive(now, here, from, &mut bytes[..length].to_vec());
    }
    Ok(())
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 78, 1, 2));
const MIDDLE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 78, 1, 1));
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 78, 2, 2));

/// Two networks that reach a third between them, where the servers are, and not each other.
struct World {
    registrar: Kamailio,
    relay: Turnserver,
    here: Network,
    there: Network,
    middle: Network,
}

impl World {
    /// Builds all; where no networks can be had, says so past the test's own capture of what it prints.
    fn new(test: &str, user: &Credentials) -> Result<Option<Self>> {
        let [here, middle, there] = match [Network::new()?, Network::new()?, Network::new()?] {
            [Ok(here), Ok(middle), Ok(there)] => [here, middle, there],
            [Err(why), ..] | [_, Err(why), _] | [.., Err(why)] => {
                writeln!(std::io::stderr(), "NOT RUN: {test}, it takes root's rights: {why}")?;
                return Ok(None);
            }
        };
        here.connect("uplink", &middle, "left")?;
        there.connect("uplink", &middle, "right")?;
        here.ip(&format!("address add {HERE}/24 dev uplink"))?;
        middle.ip(&format!("address add {MIDDLE}/24 dev left"))?;
        middle.ip("address add 10.78.2.1/24 dev right")?;
        there.ip(&format!("address add {THERE}/24 dev uplink"))?;
        // No way leads further than to the servers.
        there.ip(&format!("route add {MIDDLE}/32 via 10.78.2.1"))?;
        let exchange = Exchange { address: MIDDLE, ..Exchange::default() };
        let relaying = Relaying { addresses: &[MIDDLE], udp: true, certificate: None };
        let (registrar, relay) = middle.enter(|| {
            let registrar = Kamailio::start_as(&exchange, &[TERN, BOB])?;
            Ok((registrar, Turnserver::start_as(&relaying, user)?))
        })?;
        Ok(Some(Self { registrar, relay, here, there, middle }))
    }

    fn tern(&self, account: &Credentials, options: &str) -> Result<Tern> {
        let way = Way { bind: None, ..Way::udp(self.registrar.address()) };
        Ok(Tern::by(account, &way)?.with(options))
    }

    /// Another TURN server takes the place of the first.
    fn relay_as(&mut self, relaying: &Relaying<'_>) -> Result<()> {
        self.relay = self.middle.enter(|| Turnserver::start_as(relaying, &TURN_USER))?;
        Ok(())
    }

    /// Calls from `here` to `there`, and the sound goes through the relay of this one.
    fn relayed(&mut self, tern: Tern) -> Result<()> {
        let voices = Voices::new();
        let bob = self.tern(&BOB, "--ice on -v")?;
        let mut bob = self.there.enter(|| bob.answer(SECONDS, "PCMU", &voices.bobs))?;
        bob.wait_for("waiting", SOON)?;
        let mut tern = self.here.enter(|| tern.call(BOB.user, SECONDS, "PCMU", &voices.terns))?;
        for phone in [&mut tern, &mut bob] {
            ended(phone)?;
        }
        let (ours, theirs) = (pair(&tern)?, pair(&bob)?);
        assert!(ours.relayed, "{ours:?}\n{}", tern.log());
        assert_eq!((&ours.from, &ours.to), (&theirs.to, &theirs.from), "{ours:?} {theirs:?}");
        voices.compare(&tern.heard()?, &bob.heard()?, &tern.log())?;
        // RFC 8656 section 7.5: given back, not left to its end.
        self.relay.wait_for_line("lifetime=0", SOON)?;
        Ok(())
    }
}

struct Voices {
    terns: Sound,
    bobs: Sound,
}

impl Voices {
    fn new() -> Self {
        Self { terns: speech(8_000, 12.0, 51), bobs: speech(8_000, 12.0, 52) }
    }

    /// Whether each heard the other; the search for a way costs the first words.
    fn compare(&self, tern: &Sound, bob: &Sound, log: &str) -> Result<()> {
        for (who, said, heard) in [("bob", &self.terns, bob), ("tern", &self.bobs, tern)] {
            let found = correlate_pieces(&said.part(FOUND, COMPARED), heard, 0.2);
            assert!(found.correlation > 0.75, "{who} heard {found:?}\n{log}");
        }
        Ok(())
    }
}

/// The pair that packets take, as `tern -v` tells.
#[derive(Debug)]
struct Pair {
    from: String,
    to: String,
    relayed: bool,
}

fn pair(tern: &TernCall) -> Result<Pair> {
    let log = tern.log();
    let line = log.lines().rfind(|line| line.contains("a way for the sound"));
    let line = line.ok_or_else(|| format!("no way was found:\n{log}"))?;
    let field = |name: &str| {
        let value = line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap_or_default();
        value.to_owned()
    };
    Ok(Pair { from: field("from="), to: field("to="), relayed: field("relayed=") == "true" })
}

fn ended(phone: &mut TernCall) -> Result<()> {
    let status = phone.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", phone.log());
    Ok(())
}
