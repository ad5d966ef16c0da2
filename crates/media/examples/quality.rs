//! How speech sounds after a network that loses, delays and reorders, by codec: two streams on virtual time.
//!
//! `cargo run -p tern-media --example quality -- SPEECH.wav [CODEC,..] [NETWORK,..] [FOLDER]`. Everything is seeded:
//! the same arguments give the same packets. Prints, for each codec and network, PESQ wide and narrow band against
//! what was said, the mean delay in the buffer, and what was late, made up and regained. With a folder, what was
//! heard is written there. The networks from `cards` on are heard between two sound cards with threads in between, some of
//! which wake late. What isn't here: real ones, sockets, and other phones.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tern_media::resample::Resampler;
use tern_media::wav::{WavSink, WavSource};
use tern_media::{CodecKind, DEVICE_RATE, PacketKind, Stream, StreamConfig, supported_formats};

/// Samples handed over at a time: 5 ms.
const STEP: usize = 240;
/// Spoken before what is judged, seconds: reports of loss reach the sender, the buffer finds its delay.
const WARM_UP: usize = 12;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let speech =
        read(arguments.first().ok_or("usage: quality SPEECH.wav [CODEC,..] [NETWORK,..] [FOLDER]")?)?;
    let wanted = |at: usize, name: &str| {
        arguments
            .get(at)
            .is_none_or(|list| list == "all" || list.split(',').any(|one| one.eq_ignore_ascii_case(name)))
    };
    println!(
        "codec network      wide narrow | delay ms  late %  made up %  regained %  stretched ms/min | kbit/s  CPU %"
    );
    for format in supported_formats().into_iter().filter(|format| wanted(1, format.kind.name())) {
        for network in NETWORKS.iter().filter(|network| wanted(2, network.name)) {
            let extended_reports = network.warm_up != WARM_UP;
            let config = |seed| StreamConfig { extended_reports, ..StreamConfig::new(format.clone(), seed) };
            let mut call = Call::new(config(1), config(2), *network)?;
            let heard = call.run(&speech)?;
            call.print(format.kind, &speech, &heard)?;
            if let Some(folder) = arguments.get(3) {
                let name = format!("{}-{}.wav", format.kind.name(), network.name);
                let mut file = WavSink::create(&Path::new(folder).join(name), DEVICE_RATE)?;
                file.write(&heard)?;
                file.finish()?;
            }
        }
    }
    Ok(())
}

/// What happens to packets on the way.
#[derive(Clone, Copy)]
struct Network {
    name: &'static str,
    loss: f64,
    /// Mean length of a burst of losses, packets; 1 for losses independent of each other.
    burst: f64,
    /// Evenly spread around the least delay of 20 ms, which nothing goes below.
    jitter_ms: f64,
    drift_ppm: f64,
    /// Spoken before what is judged, seconds; if that is little, the ends tell each other of bursts (RFC 3611).
    warm_up: usize,
    /// Between two sound cards, and how often their threads wake late, times a second.
    late: Option<f64>,
}

const CLEAN: Network = Network {
    name: "clean",
    loss: 0.0,
    burst: 1.0,
    jitter_ms: 0.0,
    drift_ppm: 0.0,
    warm_up: WARM_UP,
    late: None,
};
const CARDS: Network = Network { name: "cards", late: Some(0.0), ..CLEAN };
const NETWORKS: &[Network] = &[
    CLEAN,
    Network { name: "5%", loss: 0.05, ..CLEAN },
    Network { name: "10%", loss: 0.10, ..CLEAN },
    Network { name: "20%", loss: 0.20, ..CLEAN },
    Network { name: "bursts", loss: 0.10, burst: 4.0, ..CLEAN },
    Network { name: "jitter", jitter_ms: 40.0, ..CLEAN },
    Network { name: "fast", drift_ppm: 200.0, ..CLEAN },
    Network { name: "slow", drift_ppm: -200.0, ..CLEAN },
    Network { name: "new", loss: 0.10, burst: 4.0, warm_up: 4, ..CLEAN },
    CARDS,
    Network { name: "stalls", late: Some(0.2), ..CARDS },
    Network { name: "busy", late: Some(1.0), ..CARDS },
    Network { name: "cards-j", jitter_ms: 40.0, ..CARDS },
    Network { name: "stalls-j", jitter_ms: 40.0, late: Some(0.2), ..CARDS },
    Network { name: "busy-j", jitter_ms: 40.0, late: Some(1.0), ..CARDS },
    Network { name: "cards-5%", loss: 0.05, late: Some(0.2), ..CARDS },
    Network { name: "cards-b", loss: 0.10, burst: 4.0, warm_up: 4, late: Some(0.2), ..CARDS },
];

struct Call {
    sender: Stream,
    receiver: Stream,
    network: Network,
    random: StdRng,
    losing: bool,
    way: BTreeMap<(Instant, u64), Vec<u8>>,
    sent: u64,
    delays: Vec<f32>,
    cpu: Duration,
    before: tern_media::StreamStats,
    bytes_before: u64,
}

impl Call {
    fn new(sender: StreamConfig, receiver: StreamConfig, network: Network) -> Result<Self, Failed> {
        Ok(Self {
            sender: Stream::new(sender)?,
            receiver: Stream::new(receiver)?,
            network,
            random: StdRng::seed_from_u64(42),
            losing: false,
            way: BTreeMap::new(),
            sent: 0,
            delays: Vec::new(),
            cpu: Duration::ZERO,
            before: tern_media::StreamStats::default(),
            bytes_before: 0,
        })
    }

    /// Says the end of the speech to warm up and then all of it, and returns what was heard of the latter.
    fn run(&mut self, speech: &[f32]) -> Result<Vec<f32>, Failed> {
        if let Some(late) = self.network.late {
            return self.run_between_cards(speech, late);
        }
        let start = Instant::now();
        let warm_up = (self.network.warm_up * DEVICE_RATE as usize).min(speech.len()) / STEP;
        let pieces: Vec<&[f32]> = speech.chunks_exact(STEP).collect();
        let mut said = pieces.iter().cycle().skip(pieces.len() - warm_up);
        let mut heard = Vec::with_capacity(speech.len());
        let mut captured = 0_u32;
        let cpu = cpu_time();
        for step in 0..(warm_up + pieces.len()) as u32 {
            let now = start + Duration::from_millis(5) * step;
            loop {
                let due =
                    start + (Duration::from_millis(5) * captured).div_f64(1.0 + self.network.drift_ppm / 1e6);
                if due > now {
                    break;
                }
                self.sender.capture(due, said.next().ok_or("no speech")?);
                captured += 1;
                self.send(due);
            }
            self.sender.handle_timeout(now);
            self.send(now);
            while let Some(entry) = self.way.first_entry().filter(|entry| entry.key().0 <= now) {
                let ((at, _), bytes) = entry.remove_entry();
                self.receiver.receive(at, &bytes);
            }
            let mut out = [0.0; STEP];
            self.receiver.playout(now, &mut out);
            self.receiver.handle_timeout(now);
            while let Some(packet) = self.receiver.poll_packet() {
                self.sender.receive(now, &packet.bytes);
            }
            if step as usize == warm_up {
                self.before = self.receiver.stats();
                self.bytes_before = self.sender.stats().bytes_sent;
            }
            if step as usize >= warm_up {
                heard.extend_from_slice(&out);
                self.delays.push(self.receiver.stats().buffer_ms);
            }
        }
        self.cpu = cpu_time().saturating_sub(cpu).div_f64((warm_up + pieces.len()) as f64 / 200.0);
        Ok(heard)
    }

    /// The same with a microphone and a loudspeaker that move [`PERIOD`] at a time, and threads that look at them.
    fn run_between_cards(&mut self, speech: &[f32], late: f64) -> Result<Vec<f32>, Failed> {
        let start = Instant::now();
        let warm_up = self.network.warm_up * DEVICE_RATE as usize;
        let mut said = speech.iter().copied().cycle().skip(speech.len() - warm_up % speech.len());
        let (mut recorded, mut loudspeaker) = (Vec::new(), Loudspeaker::default());
        let mut heard = Vec::with_capacity(speech.len());
        let mut sleeps = StdRng::seed_from_u64(43);
        let (mut speaker_wakes, mut hearer_wakes) = (0, 2);
        for ms in 0..((warm_up + speech.len()) / 48) as u64 {
            let now = start + Duration::from_millis(ms);
            if ms % PERIOD == 0 {
                recorded.extend(said.by_ref().take(48 * PERIOD as usize));
            }
            if ms >= speaker_wakes {
                speaker_wakes = ms / PERIOD * PERIOD + PERIOD + 1 + oversleeps(&mut sleeps, late);
                if !recorded.is_empty() {
                    self.sender.capture(now, &recorded);
                    recorded.clear();
                }
                self.sender.handle_timeout(now);
                self.send(now);
            }
            let arrived = self.way.first_key_value().is_some_and(|(key, _)| key.0 <= now);
            // A packet wakes the thread as well, unless it is kept from waking.
            if ms >= hearer_wakes || (arrived && hearer_wakes - ms < PERIOD) {
                while let Some(entry) = self.way.first_entry().filter(|entry| entry.key().0 <= now) {
                    self.receiver.receive(now, &entry.remove());
                }
                let count = loudspeaker.wanted(ms);
                let mut out = vec![0.0; count];
                if !out.is_empty() {
                    self.receiver.playout(now, &mut out);
                }
                loudspeaker.waiting.extend(out);
                hearer_wakes =
                    loudspeaker.due(ms) + if count > 0 { oversleeps(&mut sleeps, late) } else { 0 };
                self.receiver.handle_timeout(now);
                while let Some(packet) = self.receiver.poll_packet() {
                    self.sender.receive(now, &packet.bytes);
                }
            }
            if ms % PERIOD == 7 {
                loudspeaker.period(ms, &mut heard);
            }
            if ms == warm_up as u64 / 48 {
                heard.clear();
                self.before = self.receiver.stats();
                self.bytes_before = self.sender.stats().bytes_sent;
            }
            if ms >= warm_up as u64 / 48 && ms % 5 == 0 {
                let waiting = loudspeaker.waiting.len() as f32 / 48.0;
                self.delays.push(self.receiver.stats().buffer_ms + waiting);
            }
        }
        Ok(heard)
    }

    fn send(&mut self, now: Instant) {
        while let Some(packet) = self.sender.poll_packet() {
            let Network { loss, burst, jitter_ms, .. } = self.network;
            let mut delay = 0.020;
            if packet.kind == PacketKind::Rtp {
                let chance = if self.losing { 1.0 - 1.0 / burst } else { loss / (1.0 - loss) / burst };
                let independent = burst == 1.0;
                self.losing = self.random.random_bool(if independent { loss } else { chance });
                let jitter = self.random.random_range(-1.0..1.0) * jitter_ms / 1_000.0;
                if self.losing {
                    continue;
                }
                delay = if jitter_ms > 0.0 { (delay + jitter).max(0.0) } else { delay };
            }
            self.sent += 1;
            self.way.insert((now + Duration::from_secs_f64(delay), self.sent), packet.bytes);
        }
    }

    fn print(&self, kind: CodecKind, said: &[f32], heard: &[f32]) -> Result<(), Failed> {
        let wide = pesq::pesq_wb(&at_rate(said, 16_000), &at_rate(heard, 16_000))?;
        // The crate's own decimation leaves out what is above 1.8 kHz: that hides most of a loss.
        let narrow = pesq::pesq_8k(&at_rate(said, 8_000), &at_rate(heard, 8_000))?;
        let narrow = pesq::score::mos_lqo(f64::from(narrow));
        let seconds = self.delays.len() as f64 / 200.0;
        let (after, before) = (self.receiver.stats(), self.before);
        let share = |samples: u64| samples as f64 / f64::from(kind.sample_rate()) / seconds * 100.0;
        let stretched = after.samples_accelerated + after.samples_expanded
            - before.samples_accelerated
            - before.samples_expanded;
        println!(
            "{:5} {:8}    {wide:6.2} {narrow:6.2} | {:8.1} {:7.2} {:10.2} {:11.2} {:17.0} | {:6.1} {:6.2}",
            kind.name(),
            self.network.name,
            f64::from(self.delays.iter().sum::<f32>()) / self.delays.len() as f64,
            (after.packets_late - before.packets_late) as f64 / (seconds * 50.0) * 100.0,
            share(after.samples_concealed - before.samples_concealed),
            share(after.samples_recovered - before.samples_recovered),
            share(stretched) * 600.0,
            (self.sender.stats().bytes_sent - self.bytes_before) as f64 * 8.0 / seconds / 1_000.0,
            self.cpu.as_secs_f64() * 100.0,
        );
        Ok(())
    }
}

/// What both cards move at a time, ms.
const PERIOD: u64 = 10;
/// Longest time that a thread wakes late, ms.
const LATEST: u64 = 100;

/// How long a thread sleeps more than it wanted that wakes late so often in a second.
fn oversleeps(random: &mut StdRng, late: f64) -> u64 {
    let wakes_late = random.random_bool(late * PERIOD as f64 / 1_000.0);
    if wakes_late { random.random_range(15..LATEST) } else { 0 }
}

/// What `device::Playback` does, without a device.
#[derive(Default)]
struct Loudspeaker {
    waiting: std::collections::VecDeque<f32>,
    latest: u64,
    margin: u64,
    slipped: bool,
    slipped_at: Option<u64>,
}

impl Loudspeaker {
    /// Whether it slipped shortly before as well.
    fn again(&mut self, ms: u64) -> bool {
        self.slipped_at.replace(ms).is_some_and(|at| ms - at < 10_000)
    }

    fn wanted(&mut self, ms: u64) -> usize {
        if std::mem::take(&mut self.slipped) && self.again(ms) {
            self.margin = (self.margin + 4).min(74);
        }
        let goal = self.soon(ms) * PERIOD * 48;
        (goal as usize).saturating_sub(self.waiting.len())
    }

    /// When it will want more, or look again.
    fn due(&self, ms: u64) -> u64 {
        let due = (self.latest + (self.soon(ms) + 1) * PERIOD).saturating_sub(9 + self.margin);
        if due > ms { due.min(ms + PERIOD) } else { ms + 4 }
    }

    /// Periods that begin within the margin.
    fn soon(&self, ms: u64) -> u64 {
        ((ms - self.latest).min(PERIOD) + 9 + self.margin) / PERIOD
    }

    /// Plays a period: silence where there is nothing.
    fn period(&mut self, ms: u64, heard: &mut Vec<f32>) {
        let count = 48 * PERIOD as usize;
        self.slipped |= self.waiting.len() < count;
        heard.extend((0..count).map(|_| self.waiting.pop_front().unwrap_or(0.0)));
        self.latest = ms;
    }
}

fn read(path: &str) -> Result<Vec<f32>, Failed> {
    let mut source = WavSource::open(Path::new(path), DEVICE_RATE)?;
    let mut samples = Vec::new();
    while source.read(DEVICE_RATE as usize, &mut samples) {}
    Ok(samples)
}

/// As PESQ takes it: 16 bit.
fn at_rate(samples: &[f32], rate: u32) -> Vec<i16> {
    let mut out = Vec::new();
    if let Some(mut resampler) = Resampler::new(DEVICE_RATE, rate) {
        resampler.process(samples, &mut out);
    }
    out.into_iter().map(|sample| (sample * 32_767.0) as i16).collect()
}

/// What this thread used, per the kernel; nothing where that can't be asked.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}
