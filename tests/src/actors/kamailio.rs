//! Kamailio as registrar and proxy.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::{Credentials, DOMAIN};
use crate::{Process, Result, Scratch, ports};

/// The algorithm of its challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// RFC 2617's only one, what most providers still ask for.
    Md5,
    /// RFC 8760.
    Sha256,
}

/// A running Kamailio.
#[derive(Debug)]
pub struct Kamailio {
    process: Process,
    port: u16,
    _folder: Scratch,
}

impl Kamailio {
    /// Starts one that knows the accounts given; nonces live for five minutes.
    pub fn start(digest: Digest, accounts: &[Credentials]) -> Result<Self> {
        Self::start_with_nonces_for(Duration::from_secs(300), digest, accounts)
    }

    /// The same, with nonces that get stale after the time given.
    pub fn start_with_nonces_for(nonce: Duration, digest: Digest, accounts: &[Credentials]) -> Result<Self> {
        let folder = Scratch::new("kam")?;
        let port = ports::free()?;
        let mut passwords = String::new();
        for account in accounts {
            writeln!(passwords, "\t$sht(password=>{}) = \"{}\";", account.user, account.password)?;
        }
        let configuration = include_str!("../../peers/kamailio.cfg.in")
            .replace("@PORT@", &port.to_string())
            .replace("@DOMAIN@", DOMAIN)
            .replace("@DIGEST@", if digest == Digest::Md5 { "MD5" } else { "SHA-256" })
            .replace("@NONCE_SECONDS@", &nonce.as_secs().to_string())
            .replace("@PASSWORDS@", &passwords);
        let file = folder.write("kamailio.cfg", configuration)?.display().to_string();
        let own = folder.path().display().to_string();
        // -DD stays in the foreground, -E logs to stderr; 32 MB shared and 8 MB private memory are plenty.
        let arguments = ["-f", &file, "-DD", "-E", "-m", "32", "-M", "8", "-w", &own, "-Y", &own];
        let process = Process::start("kamailio", arguments, &[])?;
        let mut kamailio = Self { process, port, _folder: folder };
        kamailio.wait_until_it_answers(Duration::from_secs(20))?;
        Ok(kamailio)
    }

    /// Where it listens, UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The requests of a method that it received from a user so far, one line each.
    pub fn saw(&self, method: &str, from: &str) -> Vec<String> {
        let (method, from) = (format!("saw: {method} "), format!(" from={from} "));
        let output = self.process.output();
        output.lines().filter(|l| l.contains(&method) && l.contains(&from)).map(str::to_owned).collect()
    }

    /// Everything it logged so far.
    pub fn log(&self) -> String {
        self.process.output()
    }

    fn wait_until_it_answers(&mut self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let us = socket.local_addr()?;
        let them = self.address();
        while Instant::now() < deadline {
            let question = format!(
                "OPTIONS sip:{them} SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bK-ready-{us}\r\n\
                 Max-Forwards: 10\r\nFrom: <sip:ready@{DOMAIN}>;tag=1\r\nTo: <sip:{them}>\r\n\
                 Call-ID: ready@{us}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            );
            socket.send_to(question.as_bytes(), them)?;
            let mut answer = [0; 1500];
            match socket.recv(&mut answer) {
                Ok(length) if answer[..length].starts_with(b"SIP/2.0 200") => return Ok(()),
                Ok(length) => {
                    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
                    return Err(format!("Kamailio answers {answer}{}", self.log()).into());
                }
                Err(_) if self.process.is_running() => {}
                Err(_) => break,
            }
        }
        Err(format!("Kamailio does not answer:\n{}", self.log()).into())
    }
}
