//! The sound servers of Linux desktops, PulseAudio and PipeWire: a connection to one, which devices there are, which
//! one is the default, and word of changes. Asked in PulseAudio's own protocol: through ALSA, which cpal plays by,
//! such a server is one device without a name.
//!
//! What isn't here: sound. Streams are `served`.

use std::ffi::{CStr, CString};
use std::io::{self, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, Prop, Props, ProtocolError, ServerInfo,
    SetClientNameReply, SinkInfo, SourceInfo, SubscriptionEventFacility, SubscriptionMask,
};

use super::{DeviceId, DeviceInfo};
use crate::error::Direction;

/// Longest wait for an answer: a server that needs longer is stuck.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long until a server that has gone is looked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// A message longer than this is no server's.
const LONGEST: usize = 4 * 1024 * 1024;

/// The devices, the default one first; `None` without a server.
pub(super) fn list(direction: Direction) -> Option<Vec<DeviceInfo>> {
    Connection::open().and_then(|mut connection| connection.devices(direction)).ok()
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

/// The id of a device that its server calls so.
pub(super) fn id(name: &CStr) -> DeviceId {
    DeviceId::new(format!("{SCHEME}{}", name.to_string_lossy()))
}

/// What its server calls a device.
pub(super) fn name(id: &DeviceId) -> Option<CString> {
    CString::new(id.as_str().strip_prefix(SCHEME)?).ok()
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
                while let Ok(heard) = connection.hear() {
                    if of_devices(&heard) {
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

fn of_devices(heard: &Heard) -> bool {
    use SubscriptionEventFacility::{Server, Sink, Source};
    let Heard::Said(_, Command::SubscribeEvent(event)) = heard else { return false };
    matches!(event.event_facility, Sink | Source | Server)
}

/// What came from the server.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once; a box would cost an allocation for each word"
)]
pub(super) enum Heard {
    /// Of the question with this number, or of itself.
    Said(u32, Command),
    /// Sound of the stream with this channel, now in [`Connection::message`].
    Sound(u32),
    /// What this version doesn't know.
    Else,
}

/// A connection that has introduced itself.
pub(super) struct Connection {
    socket: BufReader<UnixStream>,
    version: u16,
    asked: u32,
    /// The latest message, without its head.
    pub(super) message: Vec<u8>,
}

impl Connection {
    /// Connects to the server of this session, if there is one on this computer.
    pub(super) fn open() -> Result<Self, ProtocolError> {
        // A server elsewhere is reached through the system's own libraries.
        let elsewhere = std::env::var("PULSE_SERVER").is_ok_and(|s| !s.is_empty() && !s.starts_with("unix:"));
        let path = pulseaudio::socket_path_from_env().filter(|_| !elsewhere);
        let path = path.ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        let mut connection = Self::over(UnixStream::connect(path)?)?;
        let (version, cookie) = (connection.version, cookie.unwrap_or_default());
        let auth = AuthParams { version, supports_shm: false, supports_memfd: false, cookie };
        let reply: AuthReply = connection.ask(&Command::Auth(auth))?;
        connection.version = version.min(reply.version);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, c"Tern");
        if let Ok(process) = CString::new(std::process::id().to_string()) {
            props.set(Prop::ApplicationProcessId, process.as_c_str());
        }
        let _: SetClientNameReply = connection.ask(&Command::SetClientName(props))?;
        Ok(connection)
    }

    /// A socket whose other end is a server, before either said anything.
    pub(super) fn over(socket: UnixStream) -> Result<Self, ProtocolError> {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let (version, message) = (protocol::MAX_VERSION, Vec::new());
        Ok(Self { socket: BufReader::new(socket), version, asked: 0, message })
    }

    /// One that is told of devices that come and go.
    fn subscribed() -> Result<Self, ProtocolError> {
        let mut connection = Self::open()?;
        let devices = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        connection.send(&Command::Subscribe(devices))?;
        protocol::read_ack_message(&mut connection.socket)?;
        connection.waits_for_ever()?;
        Ok(connection)
    }

    /// From now on it waits for word as long as it takes.
    pub(super) fn waits_for_ever(&self) -> Result<(), ProtocolError> {
        Ok(self.socket.get_ref().set_read_timeout(None)?)
    }

    /// The devices, the default one first.
    pub(super) fn devices(&mut self, direction: Direction) -> Result<Vec<DeviceInfo>, ProtocolError> {
        let server: ServerInfo = self.ask(&Command::GetServerInfo)?;
        let device = |name: &CStr, text: Option<&CString>, default: Option<&CString>| DeviceInfo {
            id: id(name),
            name: text.map_or_else(|| name.to_string_lossy(), |text| text.to_string_lossy()).into_owned(),
            is_default: default.is_some_and(|default| default.as_c_str() == name),
        };
        let mut found: Vec<DeviceInfo> = match direction {
            Direction::Playback => {
                let sinks: Vec<SinkInfo> = self.ask(&Command::GetSinkInfoList)?;
                let default = server.default_sink_name.as_ref();
                sinks.iter().map(|sink| device(&sink.name, sink.description.as_ref(), default)).collect()
            }
            Direction::Capture => {
                let sources: Vec<SourceInfo> = self.ask(&Command::GetSourceInfoList)?;
                let default = server.default_source_name.as_ref();
                let found =
                    sources.iter().map(|source| device(&source.name, source.description.as_ref(), default));
                found.collect()
            }
        };
        found.sort_by_key(|device| !device.is_default);
        Ok(found)
    }

    /// By which another thread can end it.
    pub(super) fn handle(&self) -> Result<UnixStream, ProtocolError> {
        Ok(self.socket.get_ref().try_clone()?)
    }

    /// Sends a question and gives its number.
    pub(super) fn send(&mut self, question: &Command) -> Result<u32, ProtocolError> {
        let number = self.asked;
        protocol::write_command_message(self.socket.get_mut(), number, question, self.version)?;
        self.asked = number.wrapping_add(1);
        Ok(number)
    }

    /// Sends what is a message already.
    pub(super) fn write(&mut self, message: &[u8]) -> Result<(), ProtocolError> {
        Ok(self.socket.get_mut().write_all(message)?)
    }

    /// Sends a question and waits for its answer. The server must have nothing else to say.
    pub(super) fn ask<R: CommandReply>(&mut self, question: &Command) -> Result<R, ProtocolError> {
        self.send(question)?;
        Ok(protocol::read_reply_message(&mut self.socket, self.version)?.1)
    }

    /// Waits for what comes next.
    pub(super) fn hear(&mut self) -> Result<Heard, ProtocolError> {
        let head = protocol::read_descriptor(&mut self.socket)?;
        let length = head.length as usize;
        if length > LONGEST {
            return Err(ProtocolError::Invalid("a message without end".into()));
        }
        // It keeps its room: sound allocates nothing.
        self.message.resize(length, 0);
        self.socket.read_exact(&mut self.message)?;
        if head.channel != u32::MAX {
            return Ok(Heard::Sound(head.channel));
        }
        let said = Command::read_tag_prefixed(&mut self.message.as_slice(), self.version);
        Ok(said.map_or(Heard::Else, |(number, said)| Heard::Said(number, said)))
    }
}
