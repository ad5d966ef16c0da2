//! A DNS server for one test: it knows the names it was told and says NXDOMAIN to all others.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Result;

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Record {
    /// RFC 1035 3.4.1.
    A(Ipv4Addr),
    /// RFC 2782.
    Srv {
        /// The lower, the sooner.
        priority: u16,
        /// The share among those of one priority.
        weight: u16,
        /// Where it listens.
        port: u16,
        /// Its name.
        target: &'static str,
    },
    /// RFC 3403, as RFC 3263 4.1 uses it.
    Naptr {
        /// The lower, the sooner.
        order: u16,
        /// The same among those of one order.
        preference: u16,
        /// `SIP+D2U`, `SIP+D2T`, `SIPS+D2T`.
        service: &'static str,
        /// The name whose SRV records are meant.
        replacement: &'static str,
    },
}

/// A running server.
#[derive(Debug)]
pub struct Names {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Names {
    /// Starts one on loopback.
    pub fn start(zone: &[(&'static str, Record)]) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let (address, stop, zone) = (socket.local_addr()?, Arc::new(AtomicBool::new(false)), zone.to_vec());
        let stopped = Arc::clone(&stop);
        let server = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let _ = serve(&socket, &zone);
            }
        });
        Ok(Self { address, stop, server: Some(server) })
    }

    /// Where it listens, UDP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

const CLASS_IN: u16 = 1;
const LIFE_SECONDS: u32 = 60;

impl Record {
    fn kind(&self) -> u16 {
        match self {
            Self::A(_) => 1,
            Self::Srv { .. } => 33,
            Self::Naptr { .. } => 35,
        }
    }

    fn data(&self) -> Vec<u8> {
        let mut data = Vec::new();
        match self {
            Self::A(address) => data.extend(address.octets()),
            Self::Srv { priority, weight, port, target } => {
                [priority, weight, port].iter().for_each(|number| data.extend(number.to_be_bytes()));
                data.extend(encoded(target));
            }
            Self::Naptr { order, preference, service, replacement } => {
                [order, preference].iter().for_each(|number| data.extend(number.to_be_bytes()));
                // Flags, service, and no regular expression: character strings with their length before them.
                for text in ["s", service, ""] {
                    data.push(text.len() as u8);
                    data.extend(text.bytes());
                }
                data.extend(encoded(replacement));
            }
        }
        data
    }
}

fn serve(socket: &UdpSocket, zone: &[(&'static str, Record)]) -> io::Result<()> {
    let mut question = [0; 512];
    let (length, from) = socket.recv_from(&mut question)?;
    if let Some(answer) = answer(&question[..length], zone) {
        socket.send_to(&answer, from)?;
    }
    Ok(())
}

/// RFC 1035 4.1: header, the question again, and what is known.
fn answer(query: &[u8], zone: &[(&'static str, Record)]) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    let (name, used) = decoded(query.get(HEADER..)?)?;
    let end = HEADER + used + 4;
    let question = query.get(HEADER..end)?;
    let kind = u16::from_be_bytes(question.get(used..used + 2)?.try_into().ok()?);
    let named: Vec<&Record> =
        zone.iter().filter(|(n, _)| n.eq_ignore_ascii_case(&name)).map(|(_, record)| record).collect();
    let found: Vec<&&Record> = named.iter().filter(|record| record.kind() == kind).collect();
    let mut answer = query.get(..2)?.to_vec();
    // A response, authoritative, with recursion wanted and available; 3 is NXDOMAIN.
    answer.extend([0x85, if named.is_empty() { 0x83 } else { 0x80 }]);
    for count in [1, found.len() as u16, 0, 0] {
        answer.extend(count.to_be_bytes());
    }
    answer.extend(question);
    for record in found {
        answer.extend(encoded(&name));
        answer.extend(kind.to_be_bytes());
        answer.extend(CLASS_IN.to_be_bytes());
        answer.extend(LIFE_SECONDS.to_be_bytes());
        let data = record.data();
        answer.extend((data.len() as u16).to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}

/// RFC 1035 3.1: labels with their length before them.
fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

/// A name at the start of some bytes, and how many it takes. Questions are never compressed.
fn decoded(bytes: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 0);
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8(bytes.get(at..at + length)?.to_vec()).ok()?);
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(names: &Names, name: &str, kind: u16) -> Vec<u8> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut query = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(encoded(name));
        query.extend(kind.to_be_bytes());
        query.extend(CLASS_IN.to_be_bytes());
        socket.send_to(&query, names.address()).unwrap();
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).unwrap();
        answer[..length].to_vec()
    }

    #[test]
    fn a_name_it_knows_is_answered_and_any_other_does_not_exist() {
        let names = Names::start(&[("sip.test", Record::A(Ipv4Addr::new(192, 0, 2, 7)))]).unwrap();
        let answer = ask(&names, "sip.test", 1);
        assert_eq!(answer[..4], [1, 2, 0x85, 0x80]);
        assert_eq!(answer[6..8], [0, 1]);
        assert!(answer.ends_with(&[0, 0, 0, 60, 0, 4, 192, 0, 2, 7]), "{answer:?}");
        assert_eq!(ask(&names, "sip.test", 33)[3..8], [0x80, 0, 1, 0, 0], "known, but without such a record");
        assert_eq!(ask(&names, "elsewhere.test", 1)[3], 0x83);
    }

    #[test]
    fn a_server_record_has_its_numbers_and_its_name() {
        let record = Record::Srv { priority: 1, weight: 2, port: 5060, target: "a.test" };
        assert_eq!(record.data(), [0, 1, 0, 2, 0x13, 0xc4, 1, b'a', 4, b't', b'e', b's', b't', 0]);
    }
}
