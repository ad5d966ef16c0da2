//! The studio: whoever talks to the provider itself (a voicemail, a menu, a mailbox, a conference) has a line here. It
//! plays, hears digits, records, and mixes the lines of a room so that everybody hears all others and nobody
//! themselves.
//!
//! One task for all lines, 20 ms at a time: lines of a room then need no queues between them. What is said and when is
//! the switch's to decide.
//!
//! Invariant: a line sends one packet's worth of sound for each tick, whether it has something to say or not.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tern_media::{
    Limiter, PacketKind, PayloadFormat, Stream, StreamConfig, StreamEvent, TelephoneEvent, codec::CodecKind,
};
use tern_sip::offer_answer::Agreed;
use tokio::{net::UdpSocket, sync::mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::clips::Clip;
use crate::{
    greeting::RATE,
    media::{
        MAX_PACKET, News,
        ports::{PortPair, rtcp_of},
        tell,
    },
    switch::SessionId,
};

const TICK: Duration = Duration::from_millis(20);
const FRAME: usize = RATE as usize / 50;
/// Packets taken from a line within a tick; what is beyond waits for the next one.
const MAX_READ: usize = 8;
/// Orders that may wait; one tick takes them all.
const ORDERS: usize = 1024;

/// Lines whose people hear each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RoomId(pub(crate) u64);

/// The way to the studio; the last one to go closes it.
#[derive(Debug, Clone)]
pub(crate) struct Studio {
    orders: mpsc::Sender<Order>,
    _stop: Arc<DropGuard>,
}

/// A line in the studio; dropping it closes it, and a recording ends with it.
#[derive(Debug)]
pub(crate) struct StudioLine {
    studio: Studio,
    id: SessionId,
    /// Where to send to it.
    pub(crate) address: SocketAddr,
}

#[derive(Debug)]
enum Order {
    Open(SessionId, PortPair),
    Agree(SessionId, SocketAddr, Box<StreamConfig>),
    Play(SessionId, Clip),
    Record(SessionId, Duration),
    StopRecording(SessionId),
    Enter(SessionId, Option<RoomId>),
    Close(SessionId),
}

impl Studio {
    /// Opens the studio. Lines that stay silent for `silence` are told.
    pub(crate) fn start(silence: Duration, switch: mpsc::Sender<News>) -> Self {
        let (orders, received) = mpsc::channel(ORDERS);
        let stop = CancellationToken::new();
        let guard = Arc::new(stop.clone().drop_guard());
        tokio::spawn(stop.run_until_cancelled_owned(run(received, silence, switch)));
        Self { orders, _stop: guard }
    }

    /// A new line for a session.
    pub(crate) fn open(&self, ip: IpAddr, id: SessionId) -> io::Result<StudioLine> {
        let ports = PortPair::bind(ip)?;
        let address = ports.address;
        self.order(Order::Open(id, ports));
        Ok(StudioLine { studio: self.clone(), id, address })
    }

    fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            tracing::error!("the studio does not keep up");
        }
    }
}

impl StudioLine {
    /// What offer and answer have settled; the sound goes to `remote`. `false`: there is nothing in common to say it
    /// in.
    pub(crate) fn agree(&self, agreed: &Agreed, remote: SocketAddr) -> bool {
        let Some(config) = stream_config(agreed) else { return false };
        self.studio.order(Order::Agree(self.id, remote, Box::new(config)));
        true
    }

    /// Plays, in place of what is played. [`News::Played`] tells the end.
    pub(crate) fn play(&self, clip: Clip) {
        self.studio.order(Order::Play(self.id, clip));
    }

    /// Records what comes in, for so long at most. [`News::Recorded`] brings it.
    pub(crate) fn record(&self, longest: Duration) {
        self.studio.order(Order::Record(self.id, longest));
    }

    /// Ends a recording.
    pub(crate) fn stop_recording(&self) {
        self.studio.order(Order::StopRecording(self.id));
    }

    /// Lets the line into a room, or out of it.
    pub(crate) fn enter(&self, room: Option<RoomId>) {
        self.studio.order(Order::Enter(self.id, room));
    }
}

impl Drop for StudioLine {
    fn drop(&mut self) {
        self.studio.order(Order::Close(self.id));
    }
}

fn stream_config(agreed: &Agreed) -> Option<StreamConfig> {
    let format = agreed.formats.first()?;
    let kind = CodecKind::from_name(&format.name)?;
    let send = PayloadFormat { fmtp: format.remote_fmtp.clone(), ..PayloadFormat::new(kind, format.send) };
    let events = |payload_type: u8, clock_rate: u32| TelephoneEvent { payload_type, clock_rate };
    Some(StreamConfig {
        receive: vec![PayloadFormat::new(kind, format.receive)],
        receive_events: agreed.telephone_event.iter().map(|e| events(e.receive, e.clock_rate)).collect(),
        send_events: agreed.telephone_event.as_ref().map(|e| events(e.send, e.clock_rate)),
        sample_rate: RATE,
        ..StreamConfig::new(send, rand::random())
    })
}

/// The lines and their sockets.
#[derive(Default)]
struct Lines {
    lines: HashMap<SessionId, (Line, Sockets)>,
}

struct Sockets {
    ports: PortPair,
    remote: Option<SocketAddr>,
}

async fn run(mut orders: mpsc::Receiver<Order>, silence: Duration, switch: mpsc::Sender<News>) {
    let mut open = Lines::default();
    let mut tick = tokio::time::interval(TICK);
    loop {
        if open.lines.is_empty() {
            let Some(order) = orders.recv().await else { return };
            open.carry_out(order, &switch);
            tick.reset();
        }
        tick.tick().await;
        while let Ok(order) = orders.try_recv() {
            open.carry_out(order, &switch);
        }
        open.tick(Instant::now(), silence, &switch);
    }
}

impl Lines {
    fn carry_out(&mut self, order: Order, switch: &mpsc::Sender<News>) {
        let id = match &order {
            Order::Open(id, _)
            | Order::Agree(id, ..)
            | Order::Play(id, _)
            | Order::Record(id, _)
            | Order::StopRecording(id)
            | Order::Enter(id, _)
            | Order::Close(id) => *id,
        };
        if let Order::Open(_, ports) = order {
            self.lines.insert(id, (Line::new(Instant::now()), Sockets { ports, remote: None }));
            return;
        }
        let Some((line, sockets)) = self.lines.get_mut(&id) else { return };
        match order {
            Order::Agree(_, remote, config) => {
                sockets.remote = Some(remote);
                line.agree(*config);
            }
            Order::Play(_, clip) => line.play(clip),
            Order::Record(_, longest) => line.record(longest),
            Order::StopRecording(_) => {
                line.stop_recording()
                    .into_iter()
                    .for_each(|samples| tell(switch, News::Recorded(id, samples)));
            }
            Order::Enter(_, room) => line.room = room,
            Order::Open(..) => {}
            Order::Close(_) => {
                line.stop_recording()
                    .into_iter()
                    .for_each(|samples| tell(switch, News::Recorded(id, samples)));
                self.lines.remove(&id);
            }
        }
    }

    fn tick(&mut self, now: Instant, silence: Duration, switch: &mpsc::Sender<News>) {
        let mut buffer = [0; MAX_PACKET];
        for (line, sockets) in self.lines.values_mut() {
            for socket in [&sockets.ports.rtp, &sockets.ports.rtcp] {
                for _ in 0..MAX_READ {
                    let Ok((length, _)) = socket.try_recv_from(&mut buffer) else { break };
                    line.receive(now, buffer.get(..length).unwrap_or_default());
                }
            }
        }
        mix(now, self.lines.values_mut().map(|(line, _)| line));
        for (id, (line, sockets)) in &mut self.lines {
            while let Some(news) = line.poll(*id) {
                tell(switch, news);
            }
            if line.is_silent(now, silence) {
                tell(switch, News::Silent(*id));
            }
            line.send(sockets);
        }
    }
}

/// Moves all lines on by one tick.
fn mix<'a>(now: Instant, lines: impl Iterator<Item = &'a mut Line>) {
    let mut lines: Vec<&mut Line> = lines.collect();
    let mut rooms: HashMap<RoomId, [f32; FRAME]> = HashMap::new();
    for line in &mut lines {
        line.listen(now);
        if let Some(room) = line.room {
            add(rooms.entry(room).or_insert([0.0; FRAME]), &line.heard);
        }
    }
    for line in &mut lines {
        let others = line.room.and_then(|room| rooms.get(&room));
        line.speak(now, others);
    }
}

fn add(to: &mut [f32; FRAME], from: &[f32; FRAME]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}

/// One line: its stream, and what it says and hears.
struct Line {
    stream: Option<Stream>,
    playing: Option<(Clip, usize)>,
    recording: Option<(Vec<i16>, usize)>,
    room: Option<RoomId>,
    heard: [f32; FRAME],
    limiter: Limiter,
    last_packet: Instant,
    told: Vec<Told>,
}

#[derive(Debug, Clone, PartialEq)]
enum Told {
    Played,
    Digit(char),
    Recorded(Vec<i16>),
}

impl Line {
    fn new(now: Instant) -> Self {
        Self {
            stream: None,
            playing: None,
            recording: None,
            room: None,
            heard: [0.0; FRAME],
            limiter: Limiter::default(),
            last_packet: now,
            told: Vec::new(),
        }
    }

    fn agree(&mut self, config: StreamConfig) {
        match Stream::new(config) {
            Ok(stream) => self.stream = Some(stream),
            Err(error) => tracing::warn!(%error, "a line of the studio has no sound"),
        }
    }

    fn play(&mut self, clip: Clip) {
        self.playing = Some((clip, 0));
    }

    fn record(&mut self, longest: Duration) {
        let most =
            usize::try_from(longest.as_millis()).unwrap_or(usize::MAX).saturating_mul(RATE as usize / 1000);
        self.recording = Some((Vec::new(), most));
    }

    fn stop_recording(&mut self) -> Option<Vec<i16>> {
        self.recording.take().map(|(samples, _)| samples)
    }

    fn receive(&mut self, now: Instant, packet: &[u8]) {
        self.last_packet = now;
        if let Some(stream) = &mut self.stream {
            stream.receive(now, packet);
        }
    }

    fn is_silent(&mut self, now: Instant, silence: Duration) -> bool {
        let silent = now.saturating_duration_since(self.last_packet) > silence;
        if silent {
            self.last_packet = now;
        }
        silent
    }

    fn listen(&mut self, now: Instant) {
        self.heard = [0.0; FRAME];
        let Some(stream) = &mut self.stream else { return };
        stream.playout(now, &mut self.heard);
        stream.handle_timeout(now);
        while let Some(event) = stream.poll_event() {
            if let StreamEvent::DtmfReceived { digit, .. } = event {
                self.told.push(Told::Digit(digit.as_char()));
            }
        }
        let Some((samples, most)) = &mut self.recording else { return };
        samples.extend(self.heard.iter().map(|sample| (sample * 32_767.0) as i16));
        if samples.len() >= *most {
            samples.truncate(*most);
            self.told.extend(self.recording.take().map(|(samples, _)| Told::Recorded(samples)));
        }
    }

    /// `room`: everything said in the line's room, by itself too.
    fn speak(&mut self, now: Instant, room: Option<&[f32; FRAME]>) {
        let mut out = [0.0; FRAME];
        if let Some(room) = room {
            out.iter_mut().zip(room).zip(&self.heard).for_each(|((out, all), own)| *out = all - own);
        }
        if self.stream.is_some()
            && let Some((clip, at)) = &mut self.playing
            && !clip.mix_into(at, &mut out)
        {
            self.playing = None;
            self.told.push(Told::Played);
        }
        self.limiter.limit(&mut out);
        if let Some(stream) = &mut self.stream {
            stream.capture(now, &out);
        }
    }

    fn poll(&mut self, id: SessionId) -> Option<News> {
        if self.told.is_empty() {
            return None;
        }
        Some(match self.told.remove(0) {
            Told::Played => News::Played(id),
            Told::Digit(digit) => News::Digit(id, digit),
            Told::Recorded(samples) => News::Recorded(id, samples),
        })
    }

    fn send(&mut self, sockets: &Sockets) {
        let (Some(stream), Some(remote)) = (&mut self.stream, sockets.remote) else { return };
        while let Some(packet) = stream.poll_packet() {
            let (socket, target): (&UdpSocket, _) = match packet.kind {
                PacketKind::Rtp => (&sockets.ports.rtp, Some(remote)),
                PacketKind::Rtcp => (&sockets.ports.rtcp, rtcp_of(remote)),
            };
            if let Some(target) = target {
                // A full buffer loses a packet, as networks do.
                let _ = socket.try_send_to(&packet.bytes, target);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tern_media::Digit;

    use super::*;

    /// A customer at the end of a line: hears and says what it likes.
    struct Customer {
        line: Line,
        phone: Stream,
        says: f32,
        phase: f32,
        heard: Vec<f32>,
    }

    impl Customer {
        fn new(start: Instant, hz: f32) -> Self {
            let config = |seed| StreamConfig {
                sample_rate: RATE,
                ..StreamConfig::new(PayloadFormat::new(CodecKind::Pcmu, 0), seed)
                    .with_events(TelephoneEvent { payload_type: 101, clock_rate: 8_000 })
            };
            let mut line = Line::new(start);
            line.agree(config(1));
            Self { line, phone: Stream::new(config(2)).unwrap(), says: hz, phase: 0.0, heard: Vec::new() }
        }

        fn pass(&mut self, now: Instant) {
            let mut frame = [0.0; FRAME];
            for sample in &mut frame {
                self.phase += self.says / RATE as f32;
                *sample =
                    if self.says > 0.0 { 0.2 * (self.phase * std::f32::consts::TAU).sin() } else { 0.0 };
            }
            self.phone.capture(now, &frame);
            while let Some(packet) = self.phone.poll_packet() {
                self.line.receive(now, &packet.bytes);
            }
            let stream = self.line.stream.as_mut().unwrap();
            while let Some(packet) = stream.poll_packet() {
                self.phone.receive(now, &packet.bytes);
            }
            let mut out = [0.0; FRAME];
            self.phone.playout(now, &mut out);
            self.heard.extend(out);
        }

        /// How much of a frequency was heard in the last second.
        fn level(&self, hz: f32) -> f32 {
            let last = &self.heard[self.heard.len() - RATE as usize..];
            let (mut re, mut im) = (0.0, 0.0);
            for (n, sample) in last.iter().enumerate() {
                let angle = std::f32::consts::TAU * hz * n as f32 / RATE as f32;
                re += sample * angle.cos();
                im += sample * angle.sin();
            }
            (re * re + im * im).sqrt() * 2.0 / RATE as f32
        }
    }

    fn run(customers: &mut [Customer], start: Instant, ticks: std::ops::Range<u32>) {
        for tick in ticks {
            let now = start + TICK * tick;
            customers.iter_mut().for_each(|customer| customer.pass(now));
            mix(now, customers.iter_mut().map(|c| &mut c.line));
        }
    }

    #[test]
    fn in_a_room_everybody_hears_all_others_and_nobody_themselves() {
        let start = Instant::now();
        let voices = [400.0, 700.0, 1100.0];
        let mut customers: Vec<_> = voices.iter().map(|hz| Customer::new(start, *hz)).collect();
        customers.push(Customer::new(start, 1700.0));
        customers[..3].iter_mut().for_each(|c| c.line.room = Some(RoomId(1)));
        customers[3].line.room = Some(RoomId(2));
        run(&mut customers, start, 0..150);
        for (who, customer) in customers[..3].iter().enumerate() {
            for (whose, hz) in voices.iter().enumerate() {
                let level = customer.level(*hz);
                if who == whose {
                    assert!(level < 0.01, "{who} hears themselves: {level}");
                } else {
                    assert!((0.15..0.25).contains(&level), "{who} hears {whose}: {level}");
                }
            }
            assert!(customer.level(1700.0) < 0.01, "who is in another room is not heard");
        }
        assert!(customers[3].heard.iter().all(|sample| sample.abs() < 0.01), "alone in a room");
    }

    #[test]
    fn what_is_said_is_recorded_and_no_longer_than_allowed() {
        let start = Instant::now();
        let mut customers = vec![Customer::new(start, 500.0)];
        run(&mut customers, start, 0..50);
        customers[0].line.record(Duration::from_millis(500));
        run(&mut customers, start, 50..100);
        let Some(News::Recorded(_, samples)) = customers[0].line.poll(SessionId(1)) else { panic!() };
        assert_eq!(samples.len(), 4_000);
        let loudest = samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!((5_500..7_500).contains(&loudest), "{loudest}");
        assert_eq!(customers[0].line.stop_recording(), None);
    }

    #[test]
    fn a_clip_is_heard_once_and_its_end_told_and_digits_are_heard_meanwhile() {
        let start = Instant::now();
        let mut customers = vec![Customer::new(start, 0.0)];
        let tone: Vec<i16> = (0..8_000).map(|n| (8_000.0 * (n as f32 * 0.5).sin()) as i16).collect();
        customers[0].line.play(Clip::of(&tone));
        customers[0].phone.send_dtmf(Digit::from_char('5').unwrap(), Duration::from_millis(100)).unwrap();
        run(&mut customers, start, 0..40);
        assert_eq!(customers[0].line.poll(SessionId(1)), Some(News::Digit(SessionId(1), '5')));
        assert_eq!(customers[0].line.poll(SessionId(1)), None, "still playing");
        run(&mut customers, start, 40..60);
        assert!(customers[0].level(637.0) > 0.05);
        assert_eq!(customers[0].line.poll(SessionId(1)), Some(News::Played(SessionId(1))));
        run(&mut customers, start, 60..130);
        assert!(customers[0].level(637.0) < 0.01);
    }
}
