//! One connection to a sound server that speaks PulseAudio's protocol (PulseAudio, PipeWire): who we are, one
//! question at a time, and the frames that come.
//!
//! What isn't here: what the frames mean to a stream (`stream`) or to a list of devices (`devices`).

use std::ffi::CString;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, DESCRIPTOR_SIZE, Prop, Props, ProtocolError,
    PulseError, SetClientNameReply, TagStructReader,
};

/// Longest wait for an answer: a server that needs longer is stuck.
const PATIENCE: Duration = Duration::from_secs(2);
/// A frame longer than this is no server's.
const LONGEST: u32 = 4 * 1024 * 1024;
/// Bytes of a frame that are read without asking for more memory.
const USUAL: usize = 64 * 1024;
/// The command and the number of a question stand before every answer, each with its tag.
const ANSWER_HEAD: usize = 10;

/// Why a question has no good answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server says no.
    Server(PulseError),
    /// The server can't be understood or is gone.
    Lost(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::ServerError(error) => Self::Server(error),
            other => Self::Lost(other.to_string()),
        }
    }
}

/// What came.
pub(super) enum Frame {
    /// Something happened.
    Said(Command),
    /// The answer to a question, [`Connection::answer`] reads it.
    Answer(u32),
    /// The refusal of a question.
    Refused(u32, PulseError),
    /// Recorded sound of a stream: its channel; [`Connection::sound`] is it.
    Sound(u32),
    /// Something this version doesn't know.
    Unknown,
}

/// A connection that has introduced itself.
pub(super) struct Connection {
    socket: BufReader<UnixStream>,
    version: u16,
    asked: u32,
    payload: Vec<u8>,
}

impl Connection {
    /// Connects to the server of this session, if there is one on this computer.
    pub(super) fn open() -> Result<Self, Refusal> {
        // A server elsewhere is reached through the system's own libraries.
        let elsewhere = std::env::var("PULSE_SERVER").is_ok_and(|s| !s.is_empty() && !s.starts_with("unix:"));
        let path = pulseaudio::socket_path_from_env().filter(|_| !elsewhere);
        let path = path.ok_or_else(|| Refusal::Lost("no sound server".into()))?;
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        Self::introduce(UnixStream::connect(path)?, cookie.unwrap_or_default())
    }

    fn introduce(socket: UnixStream, cookie: Vec<u8>) -> Result<Self, Refusal> {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut connection = Self::over(socket);
        let version = protocol::MAX_VERSION;
        let auth = AuthParams { version, supports_shm: false, supports_memfd: false, cookie };
        let reply: AuthReply = connection.ask(&Command::Auth(auth))?;
        connection.version = version.min(reply.version);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, c"Tern");
        props.set(Prop::ApplicationIconName, c"tern");
        if let Ok(id) = CString::new(std::process::id().to_string()) {
            props.set(Prop::ApplicationProcessId, id);
        }
        let _: SetClientNameReply = connection.ask(&Command::SetClientName(props))?;
        Ok(connection)
    }

    /// One that is introduced already.
    pub(super) fn over(socket: UnixStream) -> Self {
        Self {
            socket: BufReader::with_capacity(USUAL, socket),
            version: protocol::MAX_VERSION,
            asked: 0,
            payload: Vec::with_capacity(USUAL),
        }
    }

    /// From now on it waits for frames as long as they take, and another thread may end that by closing what this
    /// returns.
    pub(super) fn patient(&self) -> io::Result<UnixStream> {
        self.socket.get_ref().set_read_timeout(None)?;
        self.socket.get_ref().try_clone()
    }

    /// Asks and waits for the answer; whatever comes between is lost, so this is for the time before a stream runs.
    pub(super) fn ask<R: CommandReply>(&mut self, question: &Command) -> Result<R, Refusal> {
        let number = self.send(question)?;
        loop {
            match self.read()? {
                Frame::Answer(to) if to == number => return self.answer(),
                Frame::Refused(to, error) if to == number => return Err(Refusal::Server(error)),
                _ => {}
            }
        }
    }

    /// Asks for something that has no other answer than yes.
    pub(super) fn order(&mut self, order: &Command) -> Result<(), Refusal> {
        let number = self.send(order)?;
        loop {
            match self.read()? {
                Frame::Answer(to) if to == number => return Ok(()),
                Frame::Refused(to, error) if to == number => return Err(Refusal::Server(error)),
                _ => {}
            }
        }
    }

    /// Sends a command and returns its number, by which the answer can be known.
    pub(super) fn send(&mut self, command: &Command) -> Result<u32, Refusal> {
        let number = self.asked;
        self.asked = self.asked.wrapping_add(1);
        protocol::write_command_message(self.socket.get_mut(), number, command, self.version)?;
        Ok(number)
    }

    /// Sends a frame of sound, its description already before it.
    pub(super) fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.socket.get_mut().write_all(frame)
    }

    /// Waits for the next frame. Allocates nothing for sound, nor for the server's requests for it.
    pub(super) fn read(&mut self) -> Result<Frame, Refusal> {
        let mut head = [0; DESCRIPTOR_SIZE];
        self.socket.read_exact(&mut head)?;
        let head = protocol::read_descriptor(&mut head.as_slice())?;
        if head.length > LONGEST {
            return Err(Refusal::Lost("a frame without end".into()));
        }
        self.payload.resize(head.length as usize, 0);
        self.socket.read_exact(&mut self.payload)?;
        if head.channel != u32::MAX {
            return Ok(Frame::Sound(head.channel));
        }
        Ok(match Command::read_tag_prefixed(&mut self.payload.as_slice(), self.version) {
            Ok((number, Command::Reply)) => Frame::Answer(number),
            Ok((number, Command::Error(error))) => Frame::Refused(number, error),
            Ok((_, said)) => Frame::Said(said),
            Err(_) => Frame::Unknown,
        })
    }

    /// The answer that came last.
    pub(super) fn answer<R: CommandReply>(&self) -> Result<R, Refusal> {
        let mut body = self.payload.get(ANSWER_HEAD..).unwrap_or_default();
        Ok(TagStructReader::new(&mut body, self.version).read()?)
    }

    /// The sound that came last.
    pub(super) fn sound(&self) -> &[u8] {
        &self.payload
    }
}
