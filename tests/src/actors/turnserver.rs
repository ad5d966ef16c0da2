//! coturn, which tells addresses and lends them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Certificate, Credentials, DOMAIN};
use crate::{Process, Result, Scratch, ports};

const SOON: Duration = Duration::from_secs(20);

/// A running coturn: STUN for everybody, TURN for one user, over UDP and TCP, and over TLS where it has a certificate.
#[derive(Debug)]
pub struct Turnserver {
    process: Process,
    address: SocketAddr,
    tls_port: u16,
    // Its database; it wants one although it has nothing to write there.
    _folder: Scratch,
}

/// How a coturn is to be reached.
#[derive(Debug)]
pub struct Relaying<'a> {
    /// Where it listens; it lends ports of the first.
    pub addresses: &'a [IpAddr],
    /// Whether it takes datagrams.
    pub udp: bool,
    /// What it shows over TLS.
    pub certificate: Option<&'a Certificate>,
}

impl Turnserver {
    /// Starts one on loopback and waits until it listens.
    pub fn start(user: &Credentials) -> Result<Self> {
        let addresses = &[Ipv4Addr::LOCALHOST.into()];
        Self::start_as(&Relaying { addresses, udp: true, certificate: None }, user)
    }

    /// Starts one that is reached in other ways.
    pub fn start_as(relaying: &Relaying<'_>, user: &Credentials) -> Result<Self> {
        const RELAYS: u16 = 32;
        let Relaying { addresses, udp, certificate } = relaying;
        let folder = Scratch::new("turn")?;
        let (port, tls_port, first) = (ports::free()?, ports::free()?, ports::free_range(RELAYS)?);
        let relay = addresses.first().ok_or("a server is somewhere")?;
        let mut configuration = format!(
            "listening-port={port}\nrelay-ip={relay}\nmin-port={first}\nmax-port={}\nrealm={DOMAIN}\n\
             lt-cred-mech\nuser={}:{}\nuserdb={}\npidfile={}\nlog-file=stdout\nsimple-log\nverbose\n\
             no-cli\nno-dtls\nno-rfc5780\nno-multicast-peers\nallow-loopback-peers\n",
            first + RELAYS - 1,
            user.user,
            user.password,
            folder.join("users").display(),
            folder.join("pid").display(),
        );
        for address in *addresses {
            configuration += &format!("listening-ip={address}\n");
        }
        if !udp {
            configuration += "no-udp\n";
        }
        configuration += &match certificate {
            None => "no-tls\n".to_owned(),
            Some(certificate) => {
                let chain = folder.write("chain.pem", certificate.chain())?;
                let key = folder.write("key.pem", certificate.key())?;
                format!("tls-listening-port={tls_port}\ncert={}\npkey={}\n", chain.display(), key.display())
            }
        };
        let file = folder.write("turnserver.conf", configuration)?.display().to_string();
        let mut process = Process::start("turnserver", ["-c", &file], &[])?;
        // It opens its TCP port first.
        for address in *addresses {
            let last = if *udp { "UDP listener opened on:" } else { "TCP listener opened on :" };
            process.wait_for_line(&format!("{last} {address}:{port}"), SOON)?;
        }
        if certificate.is_some() {
            process.wait_for_line(&format!("TLS/TCP listener opened on : {relay}:{tls_port}"), SOON)?;
        }
        Ok(Self { process, address: SocketAddr::new(*relay, port), tls_port, _folder: folder })
    }

    /// Where it is asked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is asked over TLS.
    pub fn tls_address(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), self.tls_port)
    }

    /// Waits for a line that it logs.
    pub fn wait_for_line(&mut self, needle: &str, within: Duration) -> Result<String> {
        Ok(self.process.wait_for_line(needle, within)?)
    }

    /// Waits for so many lines that it logs.
    pub fn wait_for_lines(&mut self, needle: &str, count: usize, within: Duration) -> Result<()> {
        Ok(self.process.wait_for_lines(needle, count, within)?)
    }

    /// Everything it logged.
    pub fn log(&self) -> String {
        self.process.output()
    }
}
