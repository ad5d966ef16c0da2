//! A stream of sound from or to a server, and the thread that moves its samples.
//!
//! The invariant: the thread that moves samples takes no lock and allocates nothing while sound flows; what it has
//! to say goes into a bounded queue. The server asks for sound and sends it in its own time, we never wait for it.
//!
//! A stream without a chosen device is the server's to move when the default changes. One that was chosen moves
//! to the default when its device vanishes, and is moved back here when that one returns. When there is no device
//! left at all the stream ends and begins again with the first that comes.

use std::ffi::{CStr, CString};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, Command, CreatePlaybackStreamReply, CreateRecordStreamReply, DESCRIPTOR_SIZE, Descriptor,
    DescriptorFlags, MoveStreamParams, PlaybackStreamParams, Prop, Props, PulseError, RecordStreamParams,
    SampleFormat, SampleSpec, SetPlaybackStreamBufferAttrParams, SubscriptionEventType, encode_descriptor,
};
use rtrb::{Consumer, Producer};

use super::devices::{id, name, subscribe};
use super::wire::{Connection, Frame, Refusal};
use crate::DEVICE_RATE;
use crate::device::DeviceId;
use crate::device::callback::{self, Counters};
use crate::device::card::News;
use crate::error::{AudioError, Direction};

/// Bytes of one sample.
const SAMPLE: usize = 4;
/// News that may wait; the latest are the ones that count, but there are never so many.
const NEWS: usize = 16;
/// Samples moved at a time.
const PIECE: usize = 480;
/// Where the delay of a loudspeaker that keeps running dry ends to grow, in periods.
const MOST_PERIODS: u32 = 24;
/// The server keeps this many periods: one is played, one is asked for, the rest is for its own lateness.
const PERIODS: u32 = 4;

/// A running stream. Dropping it ends it at once, with what still waits to be played.
#[derive(Debug)]
pub(in crate::device) struct Line {
    socket: UnixStream,
    news: Receiver<News>,
    /// Where it began.
    pub(in crate::device) began: DeviceId,
}

impl Line {
    /// Starts to record at [`DEVICE_RATE`], mono, in pieces of `period` frames.
    pub(in crate::device) fn capture(
        device: Option<&DeviceId>,
        period: u32,
        ring: Producer<f32>,
        counters: Arc<Counters>,
    ) -> Result<Self, AudioError> {
        Self::start(device, period, End::Microphone(ring), counters)
    }

    /// Starts to play at [`DEVICE_RATE`], mono, asked for `period` frames at a time.
    pub(in crate::device) fn playback(
        device: Option<&DeviceId>,
        period: u32,
        ring: Consumer<f32>,
        counters: Arc<Counters>,
    ) -> Result<Self, AudioError> {
        Self::start(device, period, End::Loudspeaker(ring), counters)
    }

    fn start(
        device: Option<&DeviceId>,
        period: u32,
        end: End,
        counters: Arc<Counters>,
    ) -> Result<Self, AudioError> {
        let direction = end.direction();
        let fail = |refusal| explain(direction, device, refusal);
        let mut connection = Connection::open().map_err(fail)?;
        subscribe(&mut connection).map_err(fail)?;
        let (tell, news) = sync_channel(NEWS);
        let wanted =
            device.map(|device| name(device).ok_or_else(|| AudioError::DeviceGone(device.to_string())));
        let wanted = wanted.transpose()?;
        let mut mover = Mover::new(connection, end, counters, period, wanted, tell);
        let began = mover.begin().map_err(fail)?;
        let socket = mover.connection.patient().map_err(|error| fail(error.into()))?;
        let run = move || mover.run();
        let thread = std::thread::Builder::new().name("tern-sound".into()).spawn(run);
        thread.map_err(|error| AudioError::Backend(error.to_string()))?;
        Ok(Self { socket, news, began })
    }

    /// What happened since the last call.
    pub(in crate::device) fn news(&self) -> Option<News> {
        self.news.try_recv().ok()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // The server ends the streams of whoever hangs up.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

enum End {
    Microphone(Producer<f32>),
    Loudspeaker(Consumer<f32>),
}

impl End {
    fn direction(&self) -> Direction {
        match self {
            Self::Microphone(_) => Direction::Capture,
            Self::Loudspeaker(_) => Direction::Playback,
        }
    }
}

/// A stream as the server knows it.
struct Open {
    /// Within the connection.
    channel: u32,
    /// Within the server.
    index: u32,
}

/// The thread's own.
struct Mover {
    connection: Connection,
    end: End,
    counters: Arc<Counters>,
    period: u32,
    periods: u32,
    wanted: Option<CString>,
    /// `None` while there is no device.
    open: Option<Open>,
    /// Whether the sound goes to another device than the one wanted.
    astray: bool,
    /// A question for a new stream that isn't answered yet.
    asked: Option<u32>,
    samples: Box<[f32; PIECE]>,
    frame: Box<[u8; DESCRIPTOR_SIZE + PIECE * SAMPLE]>,
    tell: SyncSender<News>,
}

impl Mover {
    fn new(
        connection: Connection,
        end: End,
        counters: Arc<Counters>,
        period: u32,
        wanted: Option<CString>,
        tell: SyncSender<News>,
    ) -> Self {
        Self {
            connection,
            end,
            counters,
            period,
            periods: PERIODS,
            wanted,
            open: None,
            astray: false,
            asked: None,
            samples: Box::new([0.0; PIECE]),
            frame: Box::new([0; DESCRIPTOR_SIZE + PIECE * SAMPLE]),
            tell,
        }
    }

    /// Opens the stream: on the device wanted, or on the default one where it isn't there.
    fn begin(&mut self) -> Result<DeviceId, Refusal> {
        let wanted = self.wanted.clone();
        match self.ask(wanted.as_deref()) {
            Err(Refusal::Server(PulseError::NoEntity)) if wanted.is_some() => self.ask(None),
            other => other,
        }
    }

    fn ask(&mut self, device: Option<&CStr>) -> Result<DeviceId, Refusal> {
        let question = self.question(device);
        let number = self.connection.send(&question)?;
        loop {
            match self.connection.read()? {
                Frame::Answer(to) if to == number => return self.opened(),
                Frame::Refused(to, error) if to == number => return Err(Refusal::Server(error)),
                _ => {}
            }
        }
    }

    fn question(&self, device: Option<&CStr>) -> Command {
        let sample_spec =
            SampleSpec { format: SampleFormat::Float32Le, channels: 1, sample_rate: DEVICE_RATE };
        let channel_map = ChannelMap::mono();
        // Music pauses and headsets switch for what calls itself so.
        let mut props = Props::new();
        props.set(Prop::MediaRole, c"phone");
        props.set(Prop::MediaName, c"Tern");
        let flags = StreamFlags { adjust_latency: true, ..StreamFlags::default() };
        let buffer_attr = self.buffer();
        match &self.end {
            End::Microphone(_) => Command::CreateRecordStream(RecordStreamParams {
                sample_spec,
                channel_map,
                source_name: device.map(CStr::to_owned),
                buffer_attr,
                flags,
                props,
                ..RecordStreamParams::default()
            }),
            End::Loudspeaker(_) => Command::CreatePlaybackStream(PlaybackStreamParams {
                sample_spec,
                channel_map,
                sink_name: device.map(CStr::to_owned),
                buffer_attr,
                flags,
                props,
                ..PlaybackStreamParams::default()
            }),
        }
    }

    fn buffer(&self) -> BufferAttr {
        let period = bytes(self.period);
        match &self.end {
            End::Microphone(_) => BufferAttr { fragment_size: period, ..BufferAttr::default() },
            End::Loudspeaker(_) => BufferAttr {
                target_length: period.saturating_mul(self.periods),
                // It plays from the start and goes on when it ran dry: a pause to fill up would stay as delay.
                pre_buffering: 0,
                minimum_request_length: period,
                ..BufferAttr::default()
            },
        }
    }

    /// Takes the answer that opened the stream.
    fn opened(&mut self) -> Result<DeviceId, Refusal> {
        self.asked = None;
        let (channel, index, device, first) = match &self.end {
            End::Microphone(_) => {
                let reply: CreateRecordStreamReply = self.connection.answer()?;
                (reply.channel, reply.stream_index, reply.sink_name, 0)
            }
            End::Loudspeaker(_) => {
                let reply: CreatePlaybackStreamReply = self.connection.answer()?;
                (reply.channel, reply.stream_index, reply.sink_name, reply.requested_bytes)
            }
        };
        let device = device.unwrap_or_default();
        self.open = Some(Open { channel, index });
        self.astray = self.wanted.as_ref().is_some_and(|wanted| *wanted != device);
        // What the server holds in store begins as silence: sound made now would wait behind it.
        self.silence(channel, first)?;
        Ok(id(&device))
    }

    fn run(mut self) {
        let error = loop {
            if let Err(refusal) = self.step() {
                break explain(self.end.direction(), None, refusal);
            }
        };
        self.tell(News::Ended(error));
    }

    /// Takes the next frame.
    fn step(&mut self) -> Result<(), Refusal> {
        match self.connection.read()? {
            Frame::Sound(channel) => {
                if let End::Microphone(ring) = &mut self.end
                    && self.open.as_ref().is_some_and(|open| open.channel == channel)
                {
                    let (samples, _) = self.connection.sound().as_chunks::<SAMPLE>();
                    callback::capture(samples, 1, f32::from_le_bytes, ring, &self.counters);
                }
                Ok(())
            }
            Frame::Said(Command::Request(request)) => {
                let ours = self.open.as_ref().is_some_and(|open| open.channel == request.channel);
                if ours { self.give(request.channel, request.length) } else { Ok(()) }
            }
            Frame::Said(said) => self.happened(said),
            Frame::Answer(number) if self.asked == Some(number) => {
                let device = self.opened()?;
                self.tell(News::On(device));
                self.look_for_one()
            }
            Frame::Refused(number, _) if self.asked == Some(number) => {
                self.asked = None;
                Ok(())
            }
            Frame::Answer(_) | Frame::Refused(..) | Frame::Unknown => Ok(()),
        }
    }

    /// Gives the server the sound it asks for.
    fn give(&mut self, channel: u32, length: u32) -> Result<(), Refusal> {
        let End::Loudspeaker(ring) = &mut self.end else { return Ok(()) };
        let mut left = length as usize / SAMPLE;
        while left > 0 {
            let count = left.min(PIECE);
            left -= count;
            let samples = self.samples.get_mut(..count).unwrap_or_default();
            callback::playback(samples, 1, |sample| sample, ring, &self.counters);
            let body = self.frame.get_mut(DESCRIPTOR_SIZE..).unwrap_or_default();
            let (places, _) = body.as_chunks_mut::<SAMPLE>();
            places.iter_mut().zip(samples).for_each(|(place, sample)| *place = sample.to_le_bytes());
            self.connection.write(describe(&mut self.frame, channel, count))?;
        }
        Ok(())
    }

    fn silence(&mut self, channel: u32, length: u32) -> Result<(), Refusal> {
        let mut left = length as usize / SAMPLE;
        self.frame.fill(0);
        while left > 0 {
            let count = left.min(PIECE);
            left -= count;
            self.connection.write(describe(&mut self.frame, channel, count))?;
        }
        Ok(())
    }

    /// Follows what happened to the stream and to the devices.
    fn happened(&mut self, said: Command) -> Result<(), Refusal> {
        let ours = |open: &Open, channel| open.channel == channel;
        match said {
            Command::Underflow(underflow)
                if self.open.as_ref().is_some_and(|open| ours(open, underflow.channel)) =>
            {
                self.counters.xruns.fetch_add(1, Relaxed);
                self.wait_longer()
            }
            Command::Overflow(channel) if self.open.as_ref().is_some_and(|open| ours(open, channel)) => {
                self.counters.xruns.fetch_add(1, Relaxed);
                Ok(())
            }
            Command::PlaybackStreamMoved(moved) => self.moved(moved.device_name),
            Command::RecordStreamMoved(moved) => self.moved(moved.device_name),
            Command::PlaybackStreamKilled(channel) | Command::RecordStreamKilled(channel)
                if self.open.as_ref().is_some_and(|open| ours(open, channel)) =>
            {
                self.open = None;
                self.tell(News::Nowhere(AudioError::NoDevice(self.end.direction())));
                self.look_for_one()
            }
            Command::SubscribeEvent(event) if event.event_type != SubscriptionEventType::Removed => {
                self.look_for_one()
            }
            _ => Ok(()),
        }
    }

    fn moved(&mut self, device: CString) -> Result<(), Refusal> {
        self.astray = self.wanted.as_ref().is_some_and(|wanted| *wanted != device);
        self.tell(News::On(id(&device)));
        Ok(())
    }

    /// Tries for the device wanted, or for any where there was none. The answer is not waited for: sound flows.
    fn look_for_one(&mut self) -> Result<(), Refusal> {
        match (&self.open, &self.wanted) {
            (None, _) if self.asked.is_none() => {
                let question = self.question(None);
                self.asked = Some(self.connection.send(&question)?);
            }
            (Some(open), Some(wanted)) if self.astray => {
                let to = MoveStreamParams {
                    index: Some(open.index),
                    device_index: None,
                    device_name: Some(wanted.clone()),
                };
                self.connection.send(&match &self.end {
                    End::Microphone(_) => Command::MoveSourceOutput(to),
                    End::Loudspeaker(_) => Command::MoveSinkInput(to),
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Asks the server to keep more in store: it was late, and will be again.
    fn wait_longer(&mut self) -> Result<(), Refusal> {
        let Some(open) = &self.open else { return Ok(()) };
        if !self.counters.fed.load(Relaxed) || self.periods >= MOST_PERIODS {
            return Ok(());
        }
        let index = open.channel;
        self.periods += 1;
        let buffer_attr = self.buffer();
        let more = SetPlaybackStreamBufferAttrParams {
            index,
            buffer_attr,
            adjust_latency: true,
            early_requests: false,
        };
        self.connection.send(&Command::SetPlaybackStreamBufferAttr(more)).map(drop)
    }

    fn tell(&self, news: News) {
        // Nobody reads a full queue any more.
        let _ = self.tell.try_send(news);
    }
}

/// The frame for so many samples, its description written.
fn describe(frame: &mut [u8; DESCRIPTOR_SIZE + PIECE * SAMPLE], channel: u32, samples: usize) -> &[u8] {
    let length = samples.min(PIECE) * SAMPLE;
    let descriptor =
        Descriptor { length: length as u32, channel, offset: 0, flags: DescriptorFlags::empty() };
    if let Some(head) = frame.first_chunk_mut() {
        encode_descriptor(head, &descriptor);
    }
    frame.get(..DESCRIPTOR_SIZE + length).unwrap_or_default()
}

fn bytes(frames: u32) -> u32 {
    frames.saturating_mul(SAMPLE as u32)
}

fn explain(direction: Direction, device: Option<&DeviceId>, refusal: Refusal) -> AudioError {
    let name = || device.map_or_else(|| "default".to_owned(), ToString::to_string);
    match refusal {
        Refusal::Server(PulseError::NoEntity) => match device {
            Some(device) => AudioError::DeviceGone(device.to_string()),
            None => AudioError::NoDevice(direction),
        },
        Refusal::Server(PulseError::AccessDenied | PulseError::AuthKey) => {
            AudioError::PermissionDenied(name())
        }
        Refusal::Server(PulseError::Busy) => AudioError::DeviceBusy(name()),
        Refusal::Server(PulseError::NotSupported | PulseError::Invalid) => {
            AudioError::UnsupportedFormat(name(), "the sound server refuses it".into())
        }
        Refusal::Server(error) => AudioError::Backend(error.to_string()),
        Refusal::Lost(why) => AudioError::Backend(why),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::time::Duration;

    use pulseaudio::protocol::{
        Request, SubscriptionEvent, SubscriptionEventFacility, Underflow, encode_reply_message,
        read_command_message, read_descriptor, write_command_message, write_error, write_memblock,
    };
    use rtrb::RingBuffer;

    use super::*;

    const VERSION: u16 = pulseaudio::protocol::MAX_VERSION;
    const CHANNEL: u32 = 7;

    /// A stream that runs, the server's end of its connection, and what it tells.
    struct Rig {
        mover: Mover,
        server: UnixStream,
        told: Receiver<News>,
    }

    impl Rig {
        fn new(end: End, wanted: Option<&CStr>) -> Self {
            let (ours, server) = UnixStream::pair().unwrap();
            server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let (tell, told) = sync_channel(NEWS);
            let counters = Arc::new(Counters::new());
            let wanted = wanted.map(CStr::to_owned);
            let mut mover = Mover::new(Connection::over(ours), end, counters, 240, wanted, tell);
            mover.open = Some(Open { channel: CHANNEL, index: 70 });
            Self { mover, server, told }
        }

        fn loudspeaker(samples: &[f32], wanted: Option<&CStr>) -> Self {
            let (mut to, from) = RingBuffer::new(10_000);
            samples.iter().for_each(|sample| to.push(*sample).unwrap());
            Self::new(End::Loudspeaker(from), wanted)
        }

        /// The server says something and the stream hears it.
        fn say(&mut self, said: &Command) {
            write_command_message(&mut self.server, u32::MAX, said, VERSION).unwrap();
            self.mover.step().unwrap();
        }

        /// The next command the server gets.
        fn asked(&mut self) -> (u32, Command) {
            let mut head = [0; DESCRIPTOR_SIZE];
            self.server.read_exact(&mut head).unwrap();
            let mut message = head.to_vec();
            let length = read_descriptor(&mut head.as_slice()).unwrap().length as usize;
            message.resize(DESCRIPTOR_SIZE + length, 0);
            self.server.read_exact(&mut message[DESCRIPTOR_SIZE..]).unwrap();
            read_command_message(&mut message.as_slice(), VERSION).unwrap()
        }

        /// The next sound the server gets.
        fn heard(&mut self) -> Vec<f32> {
            let mut head = [0; DESCRIPTOR_SIZE];
            self.server.read_exact(&mut head).unwrap();
            let head = read_descriptor(&mut head.as_slice()).unwrap();
            assert_eq!(head.channel, CHANNEL);
            let mut body = vec![0; head.length as usize];
            self.server.read_exact(&mut body).unwrap();
            body.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        }
    }

    fn request(frames: u32) -> Command {
        Command::Request(Request { channel: CHANNEL, length: frames * SAMPLE as u32 })
    }

    fn came(facility: SubscriptionEventFacility) -> Command {
        let event_type = SubscriptionEventType::New;
        Command::SubscribeEvent(SubscriptionEvent { event_facility: facility, event_type, index: Some(3) })
    }

    fn moved_to(device: &CStr) -> Command {
        Command::PlaybackStreamMoved(pulseaudio::protocol::PlaybackStreamMovedParams {
            stream_index: 70,
            device_index: 1,
            device_name: device.to_owned(),
            device_suspended: false,
            buffer_attr: BufferAttr::default(),
            configured_sink_latency: 0,
        })
    }

    #[test]
    fn the_server_gets_what_the_ring_holds_and_silence_after_it() {
        let mut rig = Rig::loudspeaker(&[0.25; 300], None);
        rig.mover.counters.fed.store(true, Relaxed);
        rig.say(&request(500));
        // In two pieces: no more than one fits the frame that is kept for it.
        let heard = [rig.heard(), rig.heard()].concat();
        assert_eq!(heard, [[0.25; 300].as_slice(), &[0.0; 200]].concat());
        assert_eq!(rig.mover.counters.slipped.load(Relaxed), 200);
    }

    /// The promise of this module, both ways.
    #[test]
    fn moving_samples_allocates_nothing() {
        let mut rig = Rig::loudspeaker(&[0.5; 9_000], None);
        for _ in 0..8 {
            write_command_message(&mut rig.server, u32::MAX, &request(960), VERSION).unwrap();
        }
        let info = allocation_counter::measure(|| (0..8).for_each(|_| rig.mover.step().unwrap()));
        assert_eq!((info.count_total, info.bytes_total), (0, 0), "playing");
        assert_eq!(rig.heard(), [0.5; 480]);

        let (to, from) = RingBuffer::new(3_000);
        let mut rig = Rig::new(End::Microphone(to), None);
        let sound: Vec<u8> = [0.5_f32; 960].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        (0..4).for_each(|_| write_memblock(&mut rig.server, CHANNEL, &sound, 0).unwrap());
        let info = allocation_counter::measure(|| (0..4).for_each(|_| rig.mover.step().unwrap()));
        assert_eq!((info.count_total, info.bytes_total), (0, 0), "recording");
        assert_eq!(from.slots(), 3_000, "and what finds no room is counted");
        assert_eq!(rig.mover.counters.slipped.load(Relaxed), 840);
    }

    #[test]
    fn a_stream_that_loses_its_device_begins_again_with_the_next() {
        let mut rig = Rig::loudspeaker(&[], None);
        rig.say(&Command::PlaybackStreamKilled(CHANNEL));
        assert_eq!(rig.told.try_recv(), Ok(News::Nowhere(AudioError::NoDevice(Direction::Playback))));
        let (number, question) = rig.asked();
        assert!(matches!(question, Command::CreatePlaybackStream(_)), "{question:?}");
        write_error(&mut rig.server, number, &PulseError::NoEntity).unwrap();
        rig.mover.step().unwrap();
        rig.say(&came(SubscriptionEventFacility::Sink));
        let (number, question) = rig.asked();
        let Command::CreatePlaybackStream(params) = question else { panic!("{question:?}") };
        assert_eq!(
            (params.sink_index, params.sink_name),
            (None, None),
            "the server's default, which it follows"
        );
        let reply = CreatePlaybackStreamReply {
            channel: CHANNEL,
            requested_bytes: 40,
            sink_name: Some(c"next".to_owned()),
            sample_spec: params.sample_spec,
            channel_map: params.channel_map,
            ..CreatePlaybackStreamReply::default()
        };
        let mut message = Vec::new();
        encode_reply_message(&mut message, number, &reply, VERSION).unwrap();
        rig.server.write_all(&message).unwrap();
        rig.mover.step().unwrap();
        assert_eq!(rig.told.try_recv(), Ok(News::On(DeviceId::new("pulse:next"))));
        assert_eq!(rig.heard(), [0.0; 10]);
    }

    #[test]
    fn a_chosen_device_is_gone_back_to_when_it_returns() {
        let mut rig = Rig::loudspeaker(&[], Some(c"headset"));
        rig.say(&came(SubscriptionEventFacility::Sink));
        rig.say(&moved_to(c"speaker"));
        assert_eq!(rig.told.try_recv(), Ok(News::On(DeviceId::new("pulse:speaker"))));
        rig.say(&came(SubscriptionEventFacility::Sink));
        let (_, order) = rig.asked();
        let Command::MoveSinkInput(to) = order else { panic!("{order:?}") };
        assert_eq!((to.index, to.device_name.as_deref()), (Some(70), Some(c"headset")));
        rig.say(&moved_to(c"headset"));
        rig.say(&came(SubscriptionEventFacility::Sink));
        rig.say(&request(1));
        assert_eq!(rig.heard().len(), 1, "nothing more is asked for");
    }

    #[test]
    fn a_loudspeaker_that_ran_dry_keeps_more_in_store() {
        let mut rig = Rig::loudspeaker(&[], None);
        let dry = Command::Underflow(Underflow { channel: CHANNEL, offset: 0 });
        rig.say(&dry);
        rig.mover.counters.fed.store(true, Relaxed);
        rig.say(&dry);
        let (_, order) = rig.asked();
        let Command::SetPlaybackStreamBufferAttr(more) = order else { panic!("{order:?}") };
        assert_eq!(more.index, CHANNEL);
        assert_eq!(more.buffer_attr.target_length, bytes(240 * (PERIODS + 1)));
        (0..100).for_each(|_| rig.say(&dry));
        assert_eq!(rig.mover.periods, MOST_PERIODS, "but not without end");
        assert_eq!(rig.mover.counters.xruns.load(Relaxed), 102);
    }

    #[test]
    fn a_server_that_talks_nonsense_or_hangs_up_ends_the_stream() {
        let mut rig = Rig::loudspeaker(&[], None);
        rig.server
            .write_all(&[0, 0, 0, 3, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3])
            .unwrap();
        rig.mover.step().unwrap();
        rig.server.write_all(&[255; DESCRIPTOR_SIZE]).unwrap();
        assert!(rig.mover.step().is_err(), "a frame without end");
        let rig = Rig::loudspeaker(&[], None);
        drop(rig.server);
        rig.mover.run();
        assert!(matches!(rig.told.try_recv(), Ok(News::Ended(AudioError::Backend(_)))));
    }
}
