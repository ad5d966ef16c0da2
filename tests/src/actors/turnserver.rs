//! coturn, which tells addresses and lends them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Credentials, DOMAIN};
use crate::{Process, Result, Scratch, ports};

const SOON: Duration = Duration::from_secs(20);

/// A running coturn: STUN for everybody, TURN for one user, over UDP and TCP.
#[derive(Debug)]
pub struct Turnserver {
    process: Process,
    address: SocketAddr,
    // Its database; it wants one although it has nothing to write there.
    _folder: Scratch,
}

impl Turnserver {
    /// Starts one on loopback and waits until it listens.
    pub fn start(user: &Credentials) -> Result<Self> {
        Self::start_at(&[Ipv4Addr::LOCALHOST.into()], user)
    }

    /// Starts one that listens at several addresses and lends ports of the first.
    pub fn start_at(addresses: &[IpAddr], user: &Credentials) -> Result<Self> {
        const RELAYS: u16 = 32;
        let folder = Scratch::new("turn")?;
        let (port, first) = (ports::free()?, ports::free_range(RELAYS)?);
        let relay = addresses.first().ok_or("a server is somewhere")?;
        let mut configuration = format!(
            "listening-port={port}\nrelay-ip={relay}\nmin-port={first}\nmax-port={}\nrealm={DOMAIN}\n\
             lt-cred-mech\nuser={}:{}\nuserdb={}\npidfile={}\nlog-file=stdout\nsimple-log\nverbose\n\
             no-cli\nno-tls\nno-dtls\nno-rfc5780\nno-multicast-peers\nallow-loopback-peers\n",
            first + RELAYS - 1,
            user.user,
            user.password,
            folder.join("users").display(),
            folder.join("pid").display(),
        );
        for address in addresses {
            configuration += &format!("listening-ip={address}\n");
        }
        let file = folder.write("turnserver.conf", configuration)?.display().to_string();
        let mut process = Process::start("turnserver", ["-c", &file], &[])?;
        // It opens its TCP port first.
        for address in addresses {
            process.wait_for_line(&format!("UDP listener opened on: {address}:{port}"), SOON)?;
        }
        Ok(Self { process, address: SocketAddr::new(*relay, port), _folder: folder })
    }

    /// Where it is asked.
    pub fn address(&self) -> SocketAddr {
        self.address
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
