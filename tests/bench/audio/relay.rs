//! The bad network: two networks of their own, and what carries packets from one to the other.
//!
//! Each end is a TUN device: whatever a phone sends comes here as a whole IP packet, and goes on to the other end as
//! the impairment says. Only the sound (RTP) is impaired; calls are set up and ended undisturbed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tern_tests::Result;
use tern_tests::actors::Network;
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::impairment::{Fates, Impairment};

/// The addresses of both ends.
pub(crate) const ENDS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 78, 0, 1), Ipv4Addr::new(10, 78, 0, 2)];

/// Packets on their way; more than two phones can send in seconds. What comes on top waits in the device.
const ON_THE_WAY: usize = 4_096;

/// Two networks and what is between them.
pub(crate) struct Relay {
    /// One for each phone.
    pub(crate) networks: [Network; 2],
    weather: Arc<Mutex<Weather>>,
}

/// What became of the sound's packets, by direction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Carried {
    /// All that came.
    pub(crate) packets: [u64; 2],
    /// Those thrown away.
    pub(crate) lost: [u64; 2],
}

struct Weather {
    impairment: Impairment,
    seed: u64,
    streams: HashMap<(usize, u32), Stream>,
    carried: Carried,
}

/// One sender's packets.
struct Stream {
    first: u16,
    /// Places of the stream, counted over the 16 bits of the packets' own numbers.
    last: i64,
    fates: Fates,
}

/// A packet of one direction, to be delivered.
struct Parcel {
    due: Instant,
    number: u64,
    to: usize,
    bytes: Vec<u8>,
}

impl Relay {
    /// Builds both networks, or says why this machine or user may not.
    pub(crate) fn new() -> Result<Result<Self, String>> {
        let networks = match (Network::new()?, Network::new()?) {
            (Ok(one), Ok(other)) => [one, other],
            (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
        };
        let mut devices = Vec::new();
        for (network, address) in networks.iter().zip(ENDS) {
            let device = network.enter(|| Ok(DeviceBuilder::new().name("line").mtu(1500).build_sync()));
            match device? {
                Ok(device) => devices.push(Arc::new(device)),
                Err(why) => return Ok(Err(format!("no TUN devices here: {why}"))),
            }
            network.ip(&format!("address add {address}/24 dev line"))?;
            network.ip("link set line up")?;
            // Phones look for the way to the world to learn their own address.
            network.ip("route add default dev line")?;
        }
        let weather = Weather {
            impairment: Impairment::Clean,
            seed: 0,
            streams: HashMap::new(),
            carried: Carried::default(),
        };
        let weather = Arc::new(Mutex::new(weather));
        let (parcels, arrivals) = sync_channel(ON_THE_WAY);
        for (from, device) in devices.iter().enumerate() {
            let (device, weather, parcels) = (device.clone(), weather.clone(), parcels.clone());
            std::thread::Builder::new()
                .name(format!("relay-from-{from}"))
                .spawn(move || take(from, &device, &weather, &parcels))?;
        }
        std::thread::Builder::new().name("relay".into()).spawn(move || deliver(&arrivals, &devices))?;
        Ok(Ok(Self { networks, weather }))
    }

    /// From now on it is so; streams are counted anew.
    pub(crate) fn set(&self, impairment: Impairment, seed: u64) {
        let mut weather = self.weather.lock().unwrap_or_else(PoisonError::into_inner);
        *weather = Weather { impairment, seed, streams: HashMap::new(), carried: Carried::default() };
    }

    /// What was carried since then.
    pub(crate) fn carried(&self) -> Carried {
        self.weather.lock().unwrap_or_else(PoisonError::into_inner).carried
    }
}

/// Takes what one end sends, decides and hands over.
fn take(from: usize, device: &SyncDevice, weather: &Mutex<Weather>, parcels: &SyncSender<Parcel>) {
    let mut buffer = vec![0; 2_048];
    let mut number = 0;
    // It ends with the device's network, or with the process.
    while let Ok(length) = device.recv(&mut buffer) {
        let bytes = &buffer[..length];
        let came = Instant::now();
        let fate = match sound(bytes) {
            Some((source, sequence)) => {
                weather.lock().unwrap_or_else(PoisonError::into_inner).fate(from, source, sequence)
            }
            None => Some(Duration::ZERO),
        };
        let Some(delay) = fate else { continue };
        number += 2;
        let parcel =
            Parcel { due: came + delay, number: number + from as u64, to: 1 - from, bytes: bytes.to_vec() };
        if parcels.send(parcel).is_err() {
            return;
        }
    }
}

/// Delivers each parcel when it is due.
fn deliver(arrivals: &Receiver<Parcel>, devices: &[Arc<SyncDevice>]) {
    let mut waiting = BinaryHeap::new();
    loop {
        let next = waiting.peek().map(|Reverse(parcel): &Reverse<Parcel>| parcel.due);
        let patience =
            next.map_or(Duration::from_secs(1), |due| due.saturating_duration_since(Instant::now()));
        match arrivals.recv_timeout(patience) {
            Ok(parcel) => waiting.push(Reverse(parcel)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while waiting.peek().is_some_and(|Reverse(parcel)| parcel.due <= now) {
            if let Some(Reverse(parcel)) = waiting.pop() {
                // A phone that has gone refuses; that is the phone's affair.
                let _ = devices[parcel.to].send(&parcel.bytes);
            }
        }
    }
}

impl Weather {
    fn fate(&mut self, from: usize, source: u32, sequence: u16) -> Option<Duration> {
        let (impairment, seed) = (self.impairment, self.seed.wrapping_mul(2).wrapping_add(from as u64));
        let stream = self.streams.entry((from, source)).or_insert_with(|| Stream {
            first: sequence,
            last: 0,
            fates: Fates::new(impairment, seed),
        });
        let place = i64::from(sequence.wrapping_sub(stream.first).wrapping_sub(stream.last as u16) as i16)
            + stream.last;
        stream.last = stream.last.max(place);
        let fate = stream.fates.of(place.max(0) as u64);
        self.carried.packets[from] += 1;
        self.carried.lost[from] += u64::from(fate.is_none());
        fate
    }
}

/// The source and the number of a packet with sound in it (RTP by UDP over IPv4).
fn sound(packet: &[u8]) -> Option<(u32, u16)> {
    const UDP: u8 = 17;
    if packet.first()? >> 4 != 4 || *packet.get(9)? != UDP {
        return None;
    }
    let header = usize::from(packet[0] & 0x0F) * 4;
    let payload = packet.get(header + 8..)?;
    // RFC 3550 §5.1; the types from 192 to 223 are RTCP's on a shared port (RFC 5761 §4).
    if payload.len() < 12 || payload[0] >> 6 != 2 || (192..=223).contains(&payload[1]) {
        return None;
    }
    let source = u32::from_be_bytes(payload[8..12].try_into().ok()?);
    Some((source, u16::from_be_bytes(payload[2..4].try_into().ok()?)))
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Parcel {}

impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parcel {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 28];
        bytes[0] = 0x45;
        bytes[9] = protocol;
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn only_sound_is_taken_for_sound() {
        let rtp = [0x80, 0x6F, 0x12, 0x34, 0, 0, 0, 0, 0xAA, 0xBB, 0xCC, 0xDD, 1, 2];
        assert_eq!(sound(&packet(17, &rtp)), Some((0xAABB_CCDD, 0x1234)));
        assert_eq!(sound(&packet(6, &rtp)), None);
        let report = [0x80, 200, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(sound(&packet(17, &report)), None);
        assert_eq!(sound(&packet(17, b"INVITE sip:somebody@10.78.0.2 SIP/2.0")), None);
        assert_eq!(sound(&packet(17, &rtp[..8])), None);
        assert_eq!(sound(&[]), None);
    }

    #[test]
    fn numbers_that_wrap_and_overtake_keep_their_places() {
        let mut weather = Weather {
            impairment: Impairment::Loss(20),
            seed: 5,
            streams: HashMap::new(),
            carried: Carried::default(),
        };
        let mut straight = Fates::new(Impairment::Loss(20), 10);
        let places: Vec<u64> = (0..1_000)
            .map(|n: u64| {
                if n % 10 == 4 {
                    n + 1
                } else if n % 10 == 5 {
                    n - 1
                } else {
                    n
                }
            })
            .collect();
        for place in places {
            let sequence = 65_000_u16.wrapping_add(place as u16);
            assert_eq!(weather.fate(0, 1, sequence), straight.of(place), "{place}");
        }
        assert_eq!(weather.carried.packets, [1_000, 0]);
    }
}
