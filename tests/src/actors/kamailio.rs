//! Kamailio as registrar and proxy.

use std::cell::Cell;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::{Certificate, Credentials, DOMAIN, Rtpengine};
use crate::{Failure, Process, Result, Scratch, ports};

const SOON: Duration = Duration::from_secs(20);

/// The algorithm of its challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// RFC 2617's only one, what most providers still ask for.
    Md5,
    /// RFC 8760.
    Sha256,
}

/// How a Kamailio is to be.
#[derive(Debug, Clone)]
pub struct Exchange<'a> {
    /// The algorithm of its challenges.
    pub digest: Digest,
    /// The time after which its nonces are stale.
    pub nonces: Duration,
    /// The longest time for which it binds a contact, 5 s or more.
    pub bindings: Duration,
    /// Where it listens.
    pub address: IpAddr,
    /// With what it proves its name over TLS; without, it speaks none.
    pub certificate: Option<&'a Certificate>,
    /// What the sound of all calls goes through; without, phones send it to each other.
    pub media: Option<&'a Rtpengine>,
    /// The users whose sound is encrypted on their side of it, with keys in SDP (RFC 4568).
    pub encrypted: &'a [&'a str],
}

impl Default for Exchange<'_> {
    /// MD5, long lives, UDP and TCP on loopback.
    fn default() -> Self {
        Self {
            digest: Digest::Md5,
            nonces: Duration::from_secs(300),
            bindings: Duration::from_secs(3600),
            address: Ipv4Addr::LOCALHOST.into(),
            certificate: None,
            media: None,
            encrypted: &[],
        }
    }
}

/// A Kamailio, running unless stopped.
#[derive(Debug)]
pub struct Kamailio {
    process: Process,
    arguments: Vec<String>,
    address: SocketAddr,
    tls_port: u16,
    folder: Scratch,
}

impl Kamailio {
    /// Starts one that knows the accounts given.
    pub fn start(digest: Digest, accounts: &[Credentials]) -> Result<Self> {
        Self::start_as(&Exchange { digest, ..Exchange::default() }, accounts)
    }

    /// Starts one that is as described.
    pub fn start_as(exchange: &Exchange<'_>, accounts: &[Credentials]) -> Result<Self> {
        let folder = Scratch::new("kam")?;
        let (port, tls_port) = (ports::free()?, ports::free()?);
        let mut passwords = String::new();
        for account in accounts {
            writeln!(passwords, "\t$sht(password=>{}) = \"{}\";", account.user, account.password)?;
        }
        let mut encrypted = String::new();
        for user in exchange.encrypted {
            writeln!(encrypted, "\t$sht(encrypted=>{user}) = \"yes\";")?;
        }
        let own = folder.path().display().to_string();
        let configuration = include_str!("../../peers/kamailio.cfg.in")
            .replace("@ADDRESS@", &exchange.address.to_string())
            .replace("@PORT@", &port.to_string())
            .replace("@TLS_PORT@", &tls_port.to_string())
            .replace("@FOLDER@", &own)
            .replace("@DOMAIN@", DOMAIN)
            .replace("@DIGEST@", if exchange.digest == Digest::Md5 { "MD5" } else { "SHA-256" })
            .replace("@NONCE_SECONDS@", &exchange.nonces.as_secs().to_string())
            .replace("@LONGEST_BINDING@", &exchange.bindings.as_secs().to_string())
            .replace("@CONTROL@", &exchange.media.map_or(String::new(), |media| media.control().to_string()))
            .replace("@ENCRYPTED@", &encrypted)
            .replace("@PASSWORDS@", &passwords);
        let file = folder.write("kamailio.cfg", configuration)?.display().to_string();
        // -DD stays in the foreground, -E logs to stderr; 32 MB shared and 8 MB private memory are plenty.
        let mut arguments = ["-f", &file, "-DD", "-E", "-m", "32", "-M", "8", "-w", &own, "-Y", &own]
            .map(String::from)
            .to_vec();
        if let Some(certificate) = exchange.certificate {
            folder.write("certificate.pem", certificate.chain())?;
            folder.write("key.pem", certificate.key())?;
            arguments.extend(["-A", "WITH_TLS"].map(String::from));
        }
        if exchange.media.is_some() {
            arguments.extend(["-A", "WITH_MEDIA"].map(String::from));
        }
        let process = Process::start("kamailio", &arguments, &[])?;
        let address = SocketAddr::new(exchange.address, port);
        let mut kamailio = Self { process, arguments, address, tls_port, folder };
        kamailio.wait_until_it_answers()?;
        Ok(kamailio)
    }

    /// Where it listens, UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for TLS.
    pub fn tls_address(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), self.tls_port)
    }

    /// Ends it. What it had in memory is gone.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// Ends it and starts it anew at the same place: every binding and nonce is forgotten, every connection closed.
    pub fn restart(&mut self) -> Result<()> {
        self.process.stop();
        self.process = Process::start("kamailio", &self.arguments, &[])?;
        self.wait_until_it_answers()
    }

    /// The requests of a method that it received from a user since it was started, one line each.
    pub fn saw(&self, method: &str, from: &str) -> Vec<String> {
        self.process.output().lines().filter(|l| is_about(l, method, from)).map(str::to_owned).collect()
    }

    /// Waits until it has received as many requests of a method from a user, and gives the last one.
    pub fn wait_to_see(
        &mut self,
        count: usize,
        method: &str,
        from: &str,
        within: Duration,
    ) -> Result<String> {
        let what = format!("{count} {method} from {from}");
        let seen = Cell::new(0);
        Ok(self.process.wait_for(&what, within, |line| {
            seen.set(seen.get() + usize::from(is_about(line, method, from)));
            seen.get() == count
        })?)
    }

    /// Waits until it has bound a user who came from an address.
    pub fn wait_to_bind(&mut self, user: &str, from: IpAddr, within: Duration) -> Result<()> {
        let wanted = format!("bound: {user} at={from}:");
        self.process
            .wait_for(&format!("a binding of {user} from {from}"), within, |l| l.contains(&wanted))?;
        Ok(())
    }

    /// Everything it logged since it was started.
    pub fn log(&self) -> String {
        self.process.output()
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let deadline = Instant::now() + SOON;
        let socket = UdpSocket::bind((self.address.ip(), 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let us = socket.local_addr()?;
        let them = self.address;
        while Instant::now() < deadline {
            let question = format!(
                "OPTIONS sip:{them} SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bK-ready-{us}\r\n\
                 Max-Forwards: 10\r\nFrom: <sip:ready@{DOMAIN}>;tag=1\r\nTo: <sip:{them}>\r\n\
                 Call-ID: ready@{us}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            );
            // Refused while nobody listens there yet.
            let _ = socket.send_to(question.as_bytes(), them);
            let mut answer = [0; 1500];
            match socket.recv(&mut answer) {
                Ok(length) if answer[..length].starts_with(b"SIP/2.0 200") => return Ok(()),
                Ok(length) => {
                    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
                    return Err(Failure(format!("Kamailio answers {answer}{}", self.log())).into());
                }
                Err(_) if self.process.is_running() => {}
                Err(_) => break,
            }
        }
        let folder = self.folder.path().display();
        Err(Failure(format!("Kamailio in {folder} does not answer:\n{}", self.log())).into())
    }
}

/// Whether a line of the log tells of a request.
fn is_about(line: &str, method: &str, from: &str) -> bool {
    line.contains(&format!("saw: {method} ")) && line.contains(&format!(" from={from} "))
}
