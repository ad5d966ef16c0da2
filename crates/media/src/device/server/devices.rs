//! Which devices a sound server has, and word of changes to them.

use std::ffi::{CStr, CString};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use pulseaudio::protocol::{
    Command, ServerInfo, SinkInfo, SourceInfo, SubscriptionEventFacility, SubscriptionMask,
};

use super::wire::{Connection, Frame, Refusal};
use crate::device::{DeviceId, DeviceInfo};
use crate::error::Direction;

/// What stands before a device's own name in its id.
const SCHEME: &str = "pulse:";

/// The id of a device of the server.
pub(super) fn id(name: &CStr) -> DeviceId {
    DeviceId::new(format!("{SCHEME}{}", name.to_string_lossy()))
}

/// The server's name for a device, if it is one of a server.
pub(in crate::device) fn name(id: &DeviceId) -> Option<CString> {
    CString::new(id.as_str().strip_prefix(SCHEME)?).ok()
}

/// The devices, the default one first; `None` without a server.
pub(in crate::device) fn list(direction: Direction) -> Option<Vec<DeviceInfo>> {
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
            let found = sources.iter().map(|source| {
                let found = device(&source.name, source.description.as_ref(), default);
                (source.monitor_of_sink_index.is_some(), found)
            });
            // What a loudspeaker plays is no microphone, unless somebody made it the default one.
            found.filter(|(monitor, found)| !monitor || found.is_default).map(|(_, found)| found).collect()
        }
    };
    found.sort_by_key(|device| !device.is_default);
    Some(found)
}

/// Word of devices that come and go and of another default. Dropping it ends that.
#[derive(Debug)]
pub(in crate::device) struct Changes {
    socket: UnixStream,
}

impl Changes {
    /// Calls `changed` from a thread of its own whenever something changed, and once when the server has gone.
    /// `None` without a server.
    pub(in crate::device) fn watch(mut changed: impl FnMut() + Send + 'static) -> Option<Self> {
        let mut connection = Connection::open().ok()?;
        subscribe(&mut connection).ok()?;
        let socket = connection.patient().ok()?;
        let watch = move || {
            while let Ok(frame) = connection.read() {
                if let Frame::Said(Command::SubscribeEvent(event)) = frame
                    && matches!(
                        event.event_facility,
                        SubscriptionEventFacility::Sink
                            | SubscriptionEventFacility::Source
                            | SubscriptionEventFacility::Server
                    )
                {
                    changed();
                }
            }
            changed();
        };
        std::thread::Builder::new().name("tern-devices".into()).spawn(watch).ok()?;
        Some(Self { socket })
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// Asks to be told of devices that come and go.
pub(super) fn subscribe(connection: &mut Connection) -> Result<(), Refusal> {
    let what = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
    connection.order(&Command::Subscribe(what))
}
