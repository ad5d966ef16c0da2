//! The sound servers of Linux desktops, PulseAudio and PipeWire: which devices there are, which one is the default,
//! word of changes, and which device a stream of ours goes to. Asked in PulseAudio's own protocol: through ALSA,
//! which cpal plays by, such a server is one device without a name.
//!
//! What isn't here: sound. Streams are cpal's (`open`).

use std::ffi::{CStr, CString};
use std::io::{self, BufReader, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, LookupReply, MoveStreamParams, Prop, Props,
    ProtocolError, ServerInfo, SetClientNameReply, SinkInfo, SinkInputInfo, SourceInfo, SourceOutputInfo,
    SubscriptionEventFacility, SubscriptionEventType, SubscriptionMask,
};

use super::{DeviceId, DeviceInfo};
use crate::error::Direction;

/// Longest wait for an answer: a server that needs longer is stuck.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long until a server that has gone is looked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// A message longer than this is no server's.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The devices, the default one first; `None` without a server.
pub(super) fn list(direction: Direction) -> Option<Vec<DeviceInfo>> {
    let mut connection = Connection::open().ok()?;
    let server: ServerInfo = connection.ask(&Command::GetServerInfo).ok()?;
    let device = |name: &CStr, text: Option<&CString>, default: Option<&CString>| DeviceInfo {
        id: id(name),
        name: text.map_or_else(|| name.to_string_lossy(), |text| text.to_string_lossy()).into_owned(),
        is_default: default.is_some_and(|default| default.as_c_str() == name),
    };
    let mut found: Vec<DeviceInfo> = match direction {
        Direction::Playback => {
            let sinks: Vec<SinkInfo> = connection.ask(&Command::GetSinkInfoList).ok()?;
            let default = server.default_sink_name.as_ref();
            sinks.iter().map(|sink| device(&sink.name, sink.description.as_ref(), default)).collect()
        }
        Direction::Capture => {
            let sources: Vec<SourceInfo> = connection.ask(&Command::GetSourceInfoList).ok()?;
            let default = server.default_source_name.as_ref();
            let found =
                sources.iter().map(|source| device(&source.name, source.description.as_ref(), default));
            found.collect()
        }
    };
    found.sort_by_key(|device| !device.is_default);
    Some(found)
}

/// What a loudspeaker plays is no microphone to offer, unless somebody made it the default one.
pub(super) fn worth_showing(device: &DeviceInfo) -> bool {
    device.is_default || !device.id.as_str().ends_with(".monitor")
}

/// What stands before a device's own name in its id.
const SCHEME: &str = "pulse:";

/// Whether an id is of a device of a server.
pub(super) fn is_its(id: &DeviceId) -> bool {
    id.as_str().starts_with(SCHEME)
}

fn id(name: &CStr) -> DeviceId {
    DeviceId::new(format!("{SCHEME}{}", name.to_string_lossy()))
}

/// A stream of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OurStream {
    /// As the server counts its streams.
    pub(super) index: u32,
    /// As the server counts its devices.
    device: u32,
}

/// The streams of this program.
pub(super) fn streams(direction: Direction) -> Vec<OurStream> {
    let ours = |props: &Props| {
        let process =
            props.get(Prop::ApplicationProcessId).and_then(|id| CStr::from_bytes_until_nul(id).ok());
        process.is_some_and(|id| id.to_bytes() == std::process::id().to_string().as_bytes())
    };
    let Ok(mut connection) = Connection::open() else { return Vec::new() };
    match direction {
        Direction::Playback => {
            let all: Vec<SinkInputInfo> = connection.ask(&Command::GetSinkInputInfoList).unwrap_or_default();
            let all = all.iter().filter(|stream| ours(&stream.props));
            all.map(|stream| OurStream { index: stream.index, device: stream.sink_index }).collect()
        }
        Direction::Capture => {
            let all: Vec<SourceOutputInfo> =
                connection.ask(&Command::GetSourceOutputInfoList).unwrap_or_default();
            let all = all.iter().filter(|stream| ours(&stream.props));
            all.map(|stream| OurStream { index: stream.index, device: stream.source_index }).collect()
        }
    }
}

/// Has a stream of ours go to a device, unless it does already. Moving one costs a gap.
pub(super) fn steer(direction: Direction, stream: OurStream, to: &DeviceId) -> Result<(), ProtocolError> {
    let unknown = || ProtocolError::Invalid("no device of the server".into());
    let name =
        to.as_str().strip_prefix(SCHEME).and_then(|name| CString::new(name).ok()).ok_or_else(unknown)?;
    let mut connection = Connection::open()?;
    let lookup = match direction {
        Direction::Capture => Command::LookupSource(name),
        Direction::Playback => Command::LookupSink(name),
    };
    let found: LookupReply = connection.ask(&lookup)?;
    if found.0 == stream.device {
        return Ok(());
    }
    let to = MoveStreamParams { index: Some(stream.index), device_index: Some(found.0), device_name: None };
    connection.send(&match direction {
        Direction::Capture => Command::MoveSourceOutput(to),
        Direction::Playback => Command::MoveSinkInput(to),
    })?;
    protocol::read_ack_message(&mut connection.socket).map(drop)
}

/// Word of devices that come and go and of another default. Dropping it ends that.
#[derive(Debug)]
pub(super) struct Changes {
    /// `None` once it is over.
    socket: Arc<Mutex<Option<UnixStream>>>,
}

impl Changes {
    /// Calls `changed` from a thread of its own whenever something changed, also when the server goes or returns.
    /// `None` without a server.
    pub(super) fn watch(mut changed: impl FnMut() + Send + 'static) -> Option<Self> {
        let mut connection = Connection::subscribed().ok()?;
        let socket = Arc::new(Mutex::new(Some(connection.handle().ok()?)));
        let kept = Arc::clone(&socket);
        let watch = move || {
            loop {
                while let Ok(said) = connection.hear() {
                    if said.is_some_and(of_devices) {
                        changed();
                    }
                }
                changed();
                connection = loop {
                    if lock(&kept).is_none() {
                        return;
                    }
                    std::thread::sleep(AGAIN);
                    let fresh = Connection::subscribed().and_then(|c| Ok((c.handle()?, c)));
                    if let (Ok((handle, fresh)), Some(socket)) = (fresh, lock(&kept).as_mut()) {
                        *socket = handle;
                        break fresh;
                    }
                };
                changed();
            }
        };
        std::thread::Builder::new().name("tern-devices".into()).spawn(watch).ok()?;
        Some(Self { socket })
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        if let Some(socket) = lock(&self.socket).take() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn lock(socket: &Mutex<Option<UnixStream>>) -> std::sync::MutexGuard<'_, Option<UnixStream>> {
    socket.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of_devices(said: Command) -> bool {
    use SubscriptionEventFacility::{Server, Sink, SinkInput, Source, SourceOutput};
    let Command::SubscribeEvent(event) = said else { return false };
    match event.event_facility {
        Sink | Source | Server => true,
        // ALSA begins a stream anew after an underrun.
        SinkInput | SourceOutput => event.event_type == SubscriptionEventType::New,
        _ => false,
    }
}

/// A connection that has introduced itself.
struct Connection {
    socket: BufReader<UnixStream>,
    version: u16,
    asked: u32,
}

impl Connection {
    /// Connects to the server of this session, if there is one on this computer.
    fn open() -> Result<Self, ProtocolError> {
        // A server elsewhere is reached through the system's own libraries.
        let elsewhere = std::env::var("PULSE_SERVER").is_ok_and(|s| !s.is_empty() && !s.starts_with("unix:"));
        let path = pulseaudio::socket_path_from_env().filter(|_| !elsewhere);
        let path = path.ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        let socket = UnixStream::connect(path)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let version = protocol::MAX_VERSION;
        let mut connection = Self { socket: BufReader::new(socket), version, asked: 0 };
        let cookie = cookie.unwrap_or_default();
        let auth = AuthParams { version, supports_shm: false, supports_memfd: false, cookie };
        let reply: AuthReply = connection.ask(&Command::Auth(auth))?;
        connection.version = version.min(reply.version);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, c"Tern");
        let _: SetClientNameReply = connection.ask(&Command::SetClientName(props))?;
        Ok(connection)
    }

    /// One that is told of devices that come and go, and waits for it as long as it takes.
    fn subscribed() -> Result<Self, ProtocolError> {
        let mut connection = Self::open()?;
        let devices = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        let what = devices | SubscriptionMask::SINK_INPUT | SubscriptionMask::SOURCE_OUTPUT;
        connection.send(&Command::Subscribe(what))?;
        protocol::read_ack_message(&mut connection.socket)?;
        connection.socket.get_ref().set_read_timeout(None)?;
        Ok(connection)
    }

    /// By which another thread can end it.
    fn handle(&self) -> Result<UnixStream, ProtocolError> {
        Ok(self.socket.get_ref().try_clone()?)
    }

    fn send(&mut self, question: &Command) -> Result<(), ProtocolError> {
        protocol::write_command_message(self.socket.get_mut(), self.asked, question, self.version)?;
        self.asked = self.asked.wrapping_add(1);
        Ok(())
    }

    fn ask<R: CommandReply>(&mut self, question: &Command) -> Result<R, ProtocolError> {
        self.send(question)?;
        Ok(protocol::read_reply_message(&mut self.socket, self.version)?.1)
    }

    /// Waits for what the server says; `None` for what this version doesn't know.
    fn hear(&mut self) -> Result<Option<Command>, ProtocolError> {
        let head = protocol::read_descriptor(&mut self.socket)?;
        let length = u64::from(head.length);
        if length > LONGEST {
            return Err(ProtocolError::Invalid("a message without end".into()));
        }
        let mut message = Vec::new();
        self.socket.by_ref().take(length).read_to_end(&mut message)?;
        let said = Command::read_tag_prefixed(&mut message.as_slice(), self.version);
        // A short one would be read again and again where the server has gone.
        match said {
            _ if (message.len() as u64) < length => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok((_, said)) => Ok(Some(said)),
            Err(_) => Ok(None),
        }
    }
}
