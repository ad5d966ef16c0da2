//! Ways to Kamailio other than UDP: connections, and whose certificate is believed.

use std::time::Duration;

use tern_tests::actors::{
    Authority, Baresip, Certificate, DOMAIN, Digest, Exchange, Kamailio, Names, Record, Tern, TernCall, Way,
};
use tern_tests::audio::{correlate_pieces, speech};
use tern_tests::{Result, Scratch};

use super::{BOB, TERN};

const SOON: Duration = Duration::from_secs(20);
const SECONDS: u32 = 5;

#[test]
fn a_call_over_tcp_each_way() -> Result<()> {
    let registrar = Kamailio::start(Digest::Md5, &[TERN, BOB])?;
    let way = Way { transport: "tcp", ..Way::udp(registrar.address()) };
    calls(&registrar, &way, "tcp")
}

#[test]
fn a_call_over_tls_each_way() -> Result<()> {
    let world = Secure::new(DOMAIN)?;
    let way = world.way(&world.authority)?;
    calls(&world.registrar, &way, "tls")
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() -> Result<()> {
    let world = Secure::new(DOMAIN)?;
    refused(&world, &Authority::new()?, "certificateUntrusted")
}

/// RFC 5922 7.2: it has to name the domain of the account, whatever the machine is called that the DNS gives.
#[test]
fn a_certificate_for_another_name_is_refused() -> Result<()> {
    let world = Secure::new("somewhere-else.test")?;
    refused(&world, &world.authority, "certificateWrongName")
}

/// A registrar that speaks TLS.
struct Secure {
    authority: Authority,
    registrar: Kamailio,
    names: Names,
    folder: Scratch,
}

impl Secure {
    fn new(name: &str) -> Result<Self> {
        let authority = Authority::new()?;
        let certificate: Certificate = authority.sign(name)?;
        // baresip 1.0 knows MD5 alone.
        let exchange = Exchange { certificate: Some(&certificate), ..Exchange::default() };
        let registrar = Kamailio::start_as(&exchange, &[TERN, BOB])?;
        let server = Record::Srv {
            priority: 1,
            weight: 1,
            port: registrar.tls_address().port(),
            target: "a-machine.elsewhere.test",
        };
        let names = Names::start(&[
            ("_sips._tcp.sip.test", server),
            ("a-machine.elsewhere.test", Record::A([127, 0, 0, 1].into())),
        ])?;
        Ok(Self { authority, registrar, names, folder: Scratch::new("tls")? })
    }

    /// By TLS, believing one authority.
    fn way(&self, authority: &Authority) -> Result<Way> {
        let authority = Some(self.folder.write("authority.pem", authority.pem())?);
        let dns = Some(self.names.address());
        Ok(Way { transport: "tls", proxy: None, dns, authority, ..Way::udp(self.registrar.address()) })
    }
}

fn refused(world: &Secure, believed: &Authority, code: &str) -> Result<()> {
    let mut tern = Tern::by(&TERN, &world.way(believed)?)?.register()?;
    let status = tern.wait(SOON)?;
    assert!(!status.success(), "{}", tern.log());
    let line = tern.wait_for("failed", SOON)?;
    assert_eq!(line["code"], code, "{line}\n{}", tern.log());
    assert_eq!(world.registrar.saw("REGISTER", TERN.user), [""; 0], "it was told who we are");
    Ok(())
}

/// Calls baresip, which is there by UDP, and is called by it.
fn calls(registrar: &Kamailio, way: &Way, over: &str) -> Result<()> {
    let (terns, bobs) = (speech(8_000, 10.0, 11), speech(8_000, 10.0, 12));
    let tern = Tern::by(&TERN, way)?;
    let mut bob = Baresip::start(&BOB, registrar.address(), "PCMU/8000/1", &bobs)?;
    let mut called = tern.call(BOB.user, SECONDS, "PCMU", &terns)?;
    ends_well(&mut called)?;
    hears(&called, &bobs)?;
    let mut answered = tern.answer(SECONDS, "PCMU", &terns)?;
    answered.wait_for("waiting", SOON)?;
    bob.dial(TERN.user)?;
    ends_well(&mut answered)?;
    hears(&answered, &bobs)?;
    for method in ["REGISTER", "INVITE", "BYE"] {
        let seen = registrar.saw(method, TERN.user);
        assert!(
            !seen.is_empty() && seen.iter().all(|l| l.contains(&format!(" over={over} "))),
            "{method}: {seen:#?}\n{}",
            registrar.log()
        );
    }
    Ok(())
}

fn ends_well(tern: &mut TernCall) -> Result<()> {
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}", tern.log());
    Ok(())
}

fn hears(tern: &TernCall, voice: &tern_tests::audio::Sound) -> Result<()> {
    let heard = correlate_pieces(&voice.part(0.0, 3.0), &tern.heard()?, 0.2);
    assert!(heard.correlation > 0.9, "{heard:?}\n{}", tern.log());
    Ok(())
}
