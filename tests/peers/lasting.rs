//! A registration that lasts: nonces that grow stale, a registrar that forgets everything, one that is gone.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Baresip, Digest, Exchange, Kamailio, Names, Record, Tern, Way};
use tern_tests::audio::speech;

use super::{BOB, TERN};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_stale_nonce_is_replaced_without_a_word() -> Result<()> {
    let exchange =
        Exchange { nonces: Duration::from_secs(1), bindings: Duration::from_secs(6), ..Exchange::default() };
    let mut registrar = Kamailio::start_as(&exchange, &[TERN])?;
    let mut tern = Tern::new(&TERN, registrar.address())?.stay_registered(12)?;
    // Asked, bound; asked again because the nonce was too old, bound again.
    let last = registrar.wait_to_see(4, "REGISTER", TERN.user, SOON)?;
    let seen = registrar.saw("REGISTER", TERN.user);
    let nonce =
        |line: &str| line.split_once("nonce=\"").map(|(_, rest)| rest.split('"').next().map(str::to_owned));
    assert_eq!(nonce(&seen[1]), nonce(&seen[2]), "a refresh begins with the nonce it has: {seen:#?}");
    assert_ne!(nonce(&seen[2]), nonce(&last), "{seen:#?}");
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", tern.log());
    assert!(!tern.stdout().contains("failed"), "{}", tern.log());
    Ok(())
}

#[test]
fn a_registrar_that_has_forgotten_everything_is_told_again() -> Result<()> {
    let exchange = Exchange { bindings: Duration::from_secs(6), ..Exchange::default() };
    let mut registrar = Kamailio::start_as(&exchange, &[TERN, BOB])?;
    let tern = Tern::new(&TERN, registrar.address())?;
    let voice = speech(8_000, 8.0, 4);
    let mut tern = tern.answer(2, "PCMU", &voice)?;
    tern.wait_for("waiting", SOON)?;
    // With its memory the registrar loses the nonce that the refresh will come with.
    registrar.restart()?;
    registrar.wait_to_bind(TERN.user, [127, 0, 0, 1].into(), SOON)?;
    let mut bob = Baresip::start(&BOB, registrar.address(), "PCMU/8000/1", &voice)?;
    bob.dial(TERN.user)?;
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", tern.log());
    Ok(())
}

#[test]
fn a_registrar_that_is_down_at_first_is_asked_again() -> Result<()> {
    let mut registrar = Kamailio::start(Digest::Md5, &[TERN])?;
    let address = registrar.address();
    registrar.stop();
    let mut tern = Tern::new(&TERN, address)?.stay_registered(1)?;
    registrar.restart()?;
    let status = tern.wait(Duration::from_secs(30))?;
    assert!(status.success(), "{status}\n{}", tern.log());
    Ok(())
}

#[test]
fn a_lost_connection_is_made_anew_and_the_binding_with_it() -> Result<()> {
    let mut registrar = Kamailio::start(Digest::Md5, &[TERN, BOB])?;
    let voice = speech(8_000, 8.0, 4);
    let way = Way { transport: "tcp", ..Way::udp(registrar.address()) };
    let mut tern = Tern::by(&TERN, &way)?.answer(2, "PCMU", &voice)?;
    tern.wait_for("waiting", SOON)?;
    // The binding lasts an hour: only the connection tells that it is gone.
    registrar.restart()?;
    registrar.wait_to_bind(TERN.user, [127, 0, 0, 1].into(), Duration::from_secs(60))?;
    let mut bob = Baresip::start(&BOB, registrar.address(), "PCMU/8000/1", &voice)?;
    bob.dial(TERN.user)?;
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", tern.log());
    Ok(())
}

#[test]
fn of_two_servers_the_other_serves_when_one_is_gone() -> Result<()> {
    let exchange = Exchange { bindings: Duration::from_secs(6), ..Exchange::default() };
    let mut first = Kamailio::start_as(&exchange, &[TERN, BOB])?;
    let mut second = Kamailio::start_as(&exchange, &[TERN, BOB])?;
    let server = |priority, kamailio: &Kamailio, target| Record::Srv {
        priority,
        weight: 1,
        port: kamailio.address().port(),
        target,
    };
    let loopback = Record::A([127, 0, 0, 1].into());
    let names = Names::start(&[
        (
            "sip.test",
            Record::Naptr { order: 1, preference: 1, service: "SIP+D2U", replacement: "_sip._udp.sip.test" },
        ),
        ("_sip._udp.sip.test", server(1, &first, "one.sip.test")),
        ("_sip._udp.sip.test", server(2, &second, "two.sip.test")),
        ("one.sip.test", loopback.clone()),
        ("two.sip.test", loopback),
    ])?;
    let way = Way { transport: "auto", proxy: None, dns: Some(names.address()), ..Way::udp(first.address()) };
    let voice = speech(8_000, 8.0, 4);
    let mut tern = Tern::by(&TERN, &way)?.answer(2, "PCMU", &voice)?;
    tern.wait_for("waiting", SOON)?;
    first.wait_to_bind(TERN.user, [127, 0, 0, 1].into(), SOON)?;
    assert_eq!(second.saw("REGISTER", TERN.user), [""; 0]);
    first.stop();
    second.wait_to_bind(TERN.user, [127, 0, 0, 1].into(), Duration::from_secs(40))?;
    let mut bob = Baresip::start(&BOB, second.address(), "PCMU/8000/1", &voice)?;
    bob.dial(TERN.user)?;
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", tern.log());
    Ok(())
}
