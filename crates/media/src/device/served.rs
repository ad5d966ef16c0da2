//! Streams of a sound server, in its own protocol: a connection and a thread for each, which sleeps until the server has
//! samples or wants some. Why not through cpal, by ALSA's plugin or by its host for such servers, is told by figures in
//! `docs/audio.md`.
//!
//! A stream begins on the default device and is moved to a chosen one from there: so the server goes on moving it
//! itself, when its device vanishes or the default changes. To a chosen one that returns it is moved from here.
//!
//! The invariant: once it runs, the thread waits for nothing but the server, and sound allocates nothing.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, Command, CorkStreamParams, CreatePlaybackStreamReply, CreateRecordStreamReply,
    DESCRIPTOR_SIZE, Descriptor, DescriptorFlags, MoveStreamParams, PlaybackStreamParams, ProtocolError,
    PulseError, RecordStreamParams, SampleFormat, SampleSpec, SubscriptionEventFacility,
    SubscriptionEventType, SubscriptionMask, encode_descriptor,
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::DeviceId;
use super::callback::{self, Counters};
use super::card::News;
use super::server::{self, Connection, Heard};
use crate::DEVICE_RATE;
use crate::error::{AudioError, Direction};

/// Frames that pass at a time in a call.
const PERIOD: u32 = DEVICE_RATE / 100;
/// Bytes of a frame.
const FRAME: usize = size_of::<f32>();
/// News that nobody fetched yet; more than that is lost.
const NEWS: usize = 8;

/// A stream that runs. Dropping it ends it, and what the server still has of it isn't heard.
pub(super) struct Served {
    socket: UnixStream,
    news: Receiver<News>,
    /// What was chosen, where something was.
    pub(super) chosen: Option<DeviceId>,
    /// Where it sounds at first.
    pub(super) begins_on: DeviceId,
}

impl Served {
    /// Starts to record, in periods `slower` times as long as those of calls. `None` without a server, and for a device
    /// that isn't its.
    pub(super) fn capture(
        wanted: Option<&DeviceId>,
        slower: u32,
        counters: &Arc<Counters>,
    ) -> Result<Option<(Self, Consumer<f32>)>, AudioError> {
        let (to, ring) = RingBuffer::new(DEVICE_RATE as usize);
        Ok(Self::start(Ring::Captured(to), wanted, slower, counters)?.map(|served| (served, ring)))
    }

    /// Starts to play, the same way.
    pub(super) fn playback(
        wanted: Option<&DeviceId>,
        slower: u32,
        counters: &Arc<Counters>,
    ) -> Result<Option<(Self, Producer<f32>)>, AudioError> {
        let (ring, from) = RingBuffer::new(DEVICE_RATE as usize);
        Ok(Self::start(Ring::ToPlay(from), wanted, slower, counters)?.map(|served| (served, ring)))
    }

    fn start(
        ring: Ring,
        wanted: Option<&DeviceId>,
        slower: u32,
        counters: &Arc<Counters>,
    ) -> Result<Option<Self>, AudioError> {
        let direction = ring.direction();
        let Ok(mut connection) = Connection::open() else { return Ok(None) };
        let Ok(list) = connection.devices(direction) else { return Ok(None) };
        let there = |id: &DeviceId| list.iter().find(|d| d.id == *id || d.name == id.as_str());
        let (chosen, is_there) = match wanted.map(|id| (id, there(id))) {
            None => (None, false),
            Some((_, Some(device))) => (Some(device.id.clone()), true),
            // One that isn't there now may come.
            Some((id, None)) if server::is_its(id) => (Some(id.clone()), false),
            Some((_, None)) => return Ok(None),
        };
        let period = PERIOD.saturating_mul(slower.max(1));
        let failed = |error: &ProtocolError| explain(direction, wanted, error);
        let made = Made::ask(&mut connection, direction, period, preset(direction));
        let made = made.map_err(|error| failed(&error))?;
        let socket = connection.handle().map_err(|error| failed(&error))?;
        let on = server::id(&made.on);
        let begins_on = chosen.clone().filter(|_| is_there).unwrap_or_else(|| on.clone());
        let (tell, news) = sync_channel(NEWS);
        let stream = Stream {
            connection,
            ring,
            channel: made.channel,
            index: made.index,
            chosen: chosen.clone(),
            on,
            moving: None,
            tell,
            counters: Arc::clone(counters),
            piece: vec![0.0; period as usize],
            bytes: Vec::with_capacity(DESCRIPTOR_SIZE + period as usize * FRAME),
        };
        let run = move || stream.run(is_there, made.requested);
        let thread = std::thread::Builder::new().name("tern-sound".into()).spawn(run);
        thread.map_err(|error| AudioError::Backend(error.to_string()))?;
        Ok(Some(Self { socket, news, chosen, begins_on }))
    }

    /// What happened, once.
    pub(super) fn news(&self) -> Option<News> {
        self.news.try_recv().ok()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// The thread's end of a ring.
enum Ring {
    Captured(Producer<f32>),
    ToPlay(Consumer<f32>),
}

impl Ring {
    fn direction(&self) -> Direction {
        match self {
            Self::Captured(_) => Direction::Capture,
            Self::ToPlay(_) => Direction::Playback,
        }
    }
}

/// A stream as the server made it, silent yet.
struct Made {
    channel: u32,
    index: u32,
    on: Box<CStr>,
    /// Bytes that it wants at once.
    requested: u32,
}

impl Made {
    /// Has the server make a stream on the device named, or its default one, that passes so many frames at a time.
    fn ask(
        connection: &mut Connection,
        direction: Direction,
        period: u32,
        device: Option<CString>,
    ) -> Result<Self, ProtocolError> {
        let sample_spec = SampleSpec { format: format(), channels: 1, sample_rate: DEVICE_RATE };
        let channel_map = ChannelMap::mono();
        let flags = StreamFlags { start_corked: true, adjust_latency: true, ..StreamFlags::default() };
        let length = period.saturating_mul(FRAME as u32);
        match direction {
            Direction::Playback => {
                let buffer_attr = BufferAttr {
                    // The card gets half of what is left when two requests are taken off.
                    target_length: length.saturating_mul(3),
                    minimum_request_length: length / 2,
                    // It goes on where it is when something was missing: delay wouldn't go away again.
                    pre_buffering: 0,
                    ..BufferAttr::default()
                };
                let params = PlaybackStreamParams {
                    sample_spec,
                    channel_map,
                    sink_name: device,
                    buffer_attr,
                    flags,
                    ..Default::default()
                };
                let reply: CreatePlaybackStreamReply =
                    connection.ask(&Command::CreatePlaybackStream(params))?;
                let on = reply.sink_name.unwrap_or_default().into_boxed_c_str();
                let (channel, index) = (reply.channel, reply.stream_index);
                Ok(Self { channel, index, on, requested: reply.requested_bytes })
            }
            Direction::Capture => {
                let buffer_attr = BufferAttr { fragment_size: length, ..BufferAttr::default() };
                // Half of it would be spent in the card, and the periods be half as long.
                let flags = StreamFlags { adjust_latency: false, early_requests: true, ..flags };
                let params = RecordStreamParams {
                    sample_spec,
                    channel_map,
                    source_name: device,
                    buffer_attr,
                    flags,
                    ..Default::default()
                };
                let reply: CreateRecordStreamReply = connection.ask(&Command::CreateRecordStream(params))?;
                let on = reply.sink_name.unwrap_or_default().into_boxed_c_str();
                Ok(Self { channel: reply.channel, index: reply.stream_index, on, requested: 0 })
            }
        }
    }
}

/// The device that this program's environment names for what chooses none, as with the server's own library.
fn preset(direction: Direction) -> Option<CString> {
    let name = match direction {
        Direction::Playback => "PULSE_SINK",
        Direction::Capture => "PULSE_SOURCE",
    };
    let name = std::env::var(name).ok().filter(|name| !name.is_empty())?;
    CString::new(name).ok()
}

fn format() -> SampleFormat {
    if cfg!(target_endian = "big") { SampleFormat::Float32Be } else { SampleFormat::Float32Le }
}

/// The thread's own.
struct Stream {
    connection: Connection,
    ring: Ring,
    /// As the connection counts its streams.
    channel: u32,
    /// As the server does.
    index: u32,
    chosen: Option<DeviceId>,
    on: DeviceId,
    /// The question to be moved to the chosen device.
    moving: Option<u32>,
    tell: SyncSender<News>,
    counters: Arc<Counters>,
    /// A period of samples.
    piece: Vec<f32>,
    /// A message of sound.
    bytes: Vec<u8>,
}

impl Stream {
    fn run(mut self, chosen_is_there: bool, requested: u32) {
        let Err(error) = self.serve(chosen_is_there, requested);
        let ended = News::Ended(explain(self.ring.direction(), Some(&self.on), &error));
        let _ = self.tell.try_send(ended);
    }

    fn serve(&mut self, chosen_is_there: bool, requested: u32) -> Result<Infallible, ProtocolError> {
        self.connection.waits_for_ever()?;
        if chosen_is_there && self.chosen.as_ref() != Some(&self.on) {
            self.go_to_the_chosen()?;
        }
        self.give(requested)?;
        let begin = CorkStreamParams { channel: self.channel, cork: false };
        let (begin, devices) = match self.ring {
            Ring::Captured(_) => (Command::CorkRecordStream(begin), SubscriptionMask::SOURCE),
            Ring::ToPlay(_) => (Command::CorkPlaybackStream(begin), SubscriptionMask::SINK),
        };
        self.connection.send(&begin)?;
        if self.chosen.is_some() {
            self.connection.send(&Command::Subscribe(devices))?;
        }
        loop {
            match self.connection.hear()? {
                Heard::Sound(channel) if channel == self.channel => self.take(),
                Heard::Said(number, said) => self.follow(number, &said)?,
                Heard::Sound(_) | Heard::Else => {}
            }
        }
    }

    fn follow(&mut self, number: u32, said: &Command) -> Result<(), ProtocolError> {
        match said {
            Command::Request(wanted) if wanted.channel == self.channel => self.give(wanted.length)?,
            // Before the first sample there is nothing to miss.
            Command::Underflow(_) | Command::Overflow(_) if self.counters.fed.load(Relaxed) => {
                self.counters.xruns.fetch_add(1, Relaxed);
            }
            Command::PlaybackStreamMoved(to) => self.moved(&to.device_name),
            Command::RecordStreamMoved(to) => self.moved(&to.device_name),
            Command::PlaybackStreamKilled(_) | Command::RecordStreamKilled(_) => {
                return Err(ProtocolError::ServerError(PulseError::Killed));
            }
            Command::SubscribeEvent(event)
                if event.event_type == SubscriptionEventType::New
                    && matches!(
                        event.event_facility,
                        SubscriptionEventFacility::Sink | SubscriptionEventFacility::Source
                    )
                    && self.chosen.as_ref() != Some(&self.on) =>
            {
                self.go_to_the_chosen()?;
            }
            Command::Error(error) if self.moving == Some(number) => {
                tracing::debug!(?error, "a stream stays where it is");
                self.tell_where();
            }
            Command::Error(error) => return Err(ProtocolError::ServerError(*error)),
            _ => {}
        }
        Ok(())
    }

    fn go_to_the_chosen(&mut self) -> Result<(), ProtocolError> {
        let Some(name) = self.chosen.as_ref().and_then(server::name) else { return Ok(()) };
        let to = MoveStreamParams { index: Some(self.index), device_index: None, device_name: Some(name) };
        let question = match self.ring {
            Ring::Captured(_) => Command::MoveSourceOutput(to),
            Ring::ToPlay(_) => Command::MoveSinkInput(to),
        };
        self.moving = Some(self.connection.send(&question)?);
        Ok(())
    }

    fn moved(&mut self, to: &CStr) {
        self.on = server::id(to);
        self.tell_where();
    }

    fn tell_where(&self) {
        let _ = self.tell.try_send(News::On(self.on.clone()));
    }

    /// Brings the server the bytes it wants, in pieces of a period at most.
    fn give(&mut self, wanted: u32) -> Result<(), ProtocolError> {
        let Ring::ToPlay(ring) = &mut self.ring else { return Ok(()) };
        let mut missing = wanted as usize / FRAME;
        while missing > 0 {
            let count = missing.min(self.piece.len());
            let piece = self.piece.get_mut(..count).unwrap_or_default();
            callback::playback(piece, 1, |sample| sample, ring, &self.counters);
            let (mut head, length) = ([0; DESCRIPTOR_SIZE], (count * FRAME) as u32);
            let (offset, flags) = (0, DescriptorFlags::empty());
            encode_descriptor(&mut head, &Descriptor { length, channel: self.channel, offset, flags });
            self.bytes.clear();
            self.bytes.extend_from_slice(&head);
            piece.iter().for_each(|sample| self.bytes.extend_from_slice(&sample.to_ne_bytes()));
            self.connection.write(&self.bytes)?;
            missing -= count;
        }
        Ok(())
    }

    /// Takes the samples of the latest message.
    fn take(&mut self) {
        let Ring::Captured(ring) = &mut self.ring else { return };
        let (frames, _) = self.connection.message.as_chunks::<FRAME>();
        for frames in frames.chunks(self.piece.len()) {
            let piece = self.piece.get_mut(..frames.len()).unwrap_or_default();
            piece.iter_mut().zip(frames).for_each(|(sample, bytes)| *sample = f32::from_ne_bytes(*bytes));
            callback::capture(piece, 1, |sample| sample, ring, &self.counters);
        }
    }
}

fn explain(direction: Direction, wanted: Option<&DeviceId>, error: &ProtocolError) -> AudioError {
    let name = || wanted.map_or_else(|| "default".to_owned(), ToString::to_string);
    match error {
        ProtocolError::ServerError(PulseError::NoEntity) => AudioError::NoDevice(direction),
        ProtocolError::ServerError(PulseError::AccessDenied) => AudioError::PermissionDenied(name()),
        ProtocolError::ServerError(PulseError::Busy) => AudioError::DeviceBusy(name()),
        // The device went and no other was there, or the server did.
        ProtocolError::ServerError(PulseError::Killed) | ProtocolError::Io(_) => {
            AudioError::DeviceGone(name())
        }
        other => AudioError::Backend(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulseaudio::protocol::stream::BufferAttr;
    use pulseaudio::protocol::{
        MAX_VERSION, PlaybackStreamMovedParams, Request, SubscriptionEvent, Underflow,
    };

    const CHANNEL: u32 = 7;
    const STREAM: u32 = 3;

    /// A stream and the server's end of its connection.
    fn stream(ring: Ring, chosen: Option<&str>) -> (Stream, Connection, Receiver<News>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (tell, news) = sync_channel(NEWS);
        let stream = Stream {
            connection: Connection::over(ours).unwrap(),
            ring,
            channel: CHANNEL,
            index: STREAM,
            chosen: chosen.map(DeviceId::new),
            on: DeviceId::new("pulse:first"),
            moving: None,
            tell,
            counters: Arc::new(Counters::new()),
            piece: vec![0.0; 480],
            bytes: Vec::with_capacity(DESCRIPTOR_SIZE + 480 * FRAME),
        };
        (stream, Connection::over(theirs).unwrap(), news)
    }

    /// The samples that come next, commands passed over.
    fn samples(server: &mut Connection) -> Vec<f32> {
        while !matches!(server.hear().unwrap(), Heard::Sound(CHANNEL)) {}
        let (samples, rest) = server.message.as_chunks::<FRAME>();
        assert!(rest.is_empty());
        samples.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect()
    }

    /// Has a stream play for so many requests of ten milliseconds, and counts what its thread allocates.
    fn play(requests: u32) -> u64 {
        let (mut ring, from) = RingBuffer::new(48_000);
        let (stream, mut server, _news) = stream(Ring::ToPlay(from), None);
        let counters = Arc::clone(&stream.counters);
        let run = move || allocation_counter::measure(|| stream.run(false, 960 * FRAME as u32)).count_total;
        let thread = std::thread::spawn(run);
        assert_eq!([samples(&mut server), samples(&mut server)], [[0.0; 480]; 2], "what it wants at once");
        counters.fed.store(true, Relaxed);
        for round in 0..requests {
            let sound = round as f32 / requests as f32;
            (0..480).for_each(|_| ring.push(sound).unwrap());
            let length = 480 * FRAME as u32;
            server.send(&Command::Request(Request { channel: CHANNEL, length })).unwrap();
            assert_eq!(samples(&mut server), [sound; 480]);
        }
        assert_eq!(counters.slips.load(Relaxed), 0);
        assert_eq!(counters.frames.load(Relaxed), 960 + 480 * u64::from(requests));
        drop(server);
        thread.join().unwrap()
    }

    #[test]
    fn sound_goes_as_it_is_asked_for_and_allocates_nothing() {
        assert_eq!(play(4), play(400));
    }

    #[test]
    fn a_stream_begins_where_the_environment_says_silent_and_with_a_short_buffer() {
        for device in [None, Some(c"ear".to_owned())] {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let (mut ours, mut server) = (Connection::over(ours).unwrap(), Connection::over(theirs).unwrap());
            let named = device.clone();
            let ask = move || Made::ask(&mut ours, Direction::Playback, 480, named).unwrap();
            let thread = std::thread::spawn(ask);
            let Heard::Said(number, Command::CreatePlaybackStream(params)) = server.hear().unwrap() else {
                panic!("it asks for a stream")
            };
            assert_eq!((params.sink_name, params.sink_index), (device, None));
            assert!(params.flags.start_corked);
            assert_eq!(params.buffer_attr.target_length as usize, 1_440 * FRAME, "30 ms");
            let (channel, stream_index, requested_bytes) = (CHANNEL, STREAM, 960);
            let (sink_name, sample_spec) = (Some(c"ear".to_owned()), params.sample_spec);
            let reply = CreatePlaybackStreamReply {
                channel,
                stream_index,
                requested_bytes,
                sink_name,
                sample_spec,
                channel_map: ChannelMap::mono(),
                ..Default::default()
            };
            let mut bytes = Vec::new();
            pulseaudio::protocol::write_reply_message(&mut bytes, number, &reply, MAX_VERSION).unwrap();
            server.write(&bytes).unwrap();
            let made = thread.join().unwrap();
            assert_eq!((made.channel, made.index, made.requested), (CHANNEL, STREAM, 960));
            assert_eq!(&*made.on, c"ear");
        }
    }

    #[test]
    fn what_is_asked_for_at_once_goes_in_periods_and_what_is_missing_is_silence() {
        let (mut ring, from) = RingBuffer::new(48_000);
        let (stream, mut server, _news) = stream(Ring::ToPlay(from), None);
        let counters = Arc::clone(&stream.counters);
        let thread = std::thread::spawn(move || stream.run(false, 0));
        (0..700).for_each(|_| ring.push(0.5).unwrap());
        counters.fed.store(true, Relaxed);
        let length = 1_000 * FRAME as u32;
        server.send(&Command::Request(Request { channel: CHANNEL, length })).unwrap();
        let pieces = [samples(&mut server), samples(&mut server), samples(&mut server)];
        assert_eq!(pieces.each_ref().map(Vec::len), [480, 480, 40]);
        let all = pieces.concat();
        assert!(all[..700].iter().all(|s| *s == 0.5) && all[700..].iter().all(|s| *s == 0.0));
        assert_eq!(counters.slipped.load(Relaxed), 300);
        assert_eq!(counters.period.load(Relaxed), 480, "what a late thread owes is no longer period");
        server.send(&Command::Underflow(Underflow { channel: CHANNEL, offset: 0 })).unwrap();
        drop(server);
        thread.join().unwrap();
        assert_eq!(counters.xruns.load(Relaxed), 1);
    }

    #[test]
    fn what_the_server_heard_is_in_the_ring() {
        let (to, mut ring) = RingBuffer::new(48_000);
        let (stream, mut server, _news) = stream(Ring::Captured(to), None);
        let thread = std::thread::spawn(move || stream.run(false, 0));
        // Until then it writes, and would end where nobody reads.
        while !matches!(server.hear().unwrap(), Heard::Said(_, Command::CorkRecordStream(_))) {}
        let sound: Vec<f32> = (0..1_200).map(|i| i as f32 / 1_200.0).collect();
        for channel in [CHANNEL, CHANNEL + 1] {
            let bytes: Vec<u8> = sound.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
            let mut message = Vec::new();
            pulseaudio::protocol::write_memblock(&mut message, channel, &bytes, 0).unwrap();
            server.write(&message).unwrap();
        }
        drop(server);
        thread.join().unwrap();
        assert_eq!(
            std::iter::from_fn(|| ring.pop().ok()).collect::<Vec<_>>(),
            sound,
            "its own and no other's"
        );
    }

    #[test]
    fn it_tells_where_it_is_and_goes_to_the_chosen_device_when_that_comes() {
        let (_ring, from) = RingBuffer::new(48_000);
        let (stream, mut server, news) = stream(Ring::ToPlay(from), Some("pulse:second"));
        let thread = std::thread::spawn(move || stream.run(true, 0));
        let move_asked = |server: &mut Connection| loop {
            if let Heard::Said(number, Command::MoveSinkInput(to)) = server.hear().unwrap() {
                assert_eq!((to.index, to.device_name.as_deref()), (Some(STREAM), Some(c"second")));
                return number;
            }
        };
        let moved = |to: &CStr| {
            let (stream_index, device_index, device_name) = (STREAM, 1, to.to_owned());
            let (device_suspended, configured_sink_latency) = (false, 0);
            let buffer_attr = BufferAttr::default();
            Command::PlaybackStreamMoved(PlaybackStreamMovedParams {
                stream_index,
                device_index,
                device_name,
                device_suspended,
                buffer_attr,
                configured_sink_latency,
            })
        };
        let on = |name: &str| News::On(DeviceId::new(name));
        move_asked(&mut server);
        server.send(&moved(c"second")).unwrap();
        assert_eq!(news.recv().unwrap(), on("pulse:second"));
        server.send(&moved(c"first")).unwrap();
        assert_eq!(news.recv().unwrap(), on("pulse:first"), "the chosen one went");
        let (event_facility, index) = (SubscriptionEventFacility::Sink, Some(9));
        let event_type = SubscriptionEventType::New;
        server
            .send(&Command::SubscribeEvent(SubscriptionEvent { event_facility, event_type, index }))
            .unwrap();
        let number = move_asked(&mut server);
        let mut refusal = Vec::new();
        pulseaudio::protocol::write_error(&mut refusal, number, &PulseError::NoEntity).unwrap();
        server.write(&refusal).unwrap();
        assert_eq!(news.recv().unwrap(), on("pulse:first"), "it was another one that came");
        server.send(&Command::PlaybackStreamKilled(CHANNEL)).unwrap();
        thread.join().unwrap();
        let gone = AudioError::DeviceGone("pulse:first".into());
        assert_eq!(news.recv().unwrap(), News::Ended(gone), "nowhere left to go");
    }
}
