//! SIPp as a peer that does exactly what a scenario says, right or wrong.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{Failure, Process, Result, Scratch, ports};

const SOON: Duration = Duration::from_secs(20);

/// How long one scenario may take; a call that gets stuck ends then, with SIPp's own words for it.
const LIMIT: Duration = Duration::from_secs(90);

/// One run of a scenario, for one call.
#[derive(Debug)]
pub struct Sipp {
    process: Process,
    scenario: String,
    address: SocketAddr,
    folder: Scratch,
}

impl Sipp {
    /// Waits for what a scenario below `tests/peers/sipp` receives first.
    pub fn wait_with(scenario: &str) -> Result<Self> {
        Self::start(scenario, None, &[])
    }

    /// Begins what a scenario sends first, to an address; `blanks` are what stands between at-signs in it and
    /// what to put there.
    pub fn begin_with(scenario: &str, target: SocketAddr, blanks: &[(&str, &str)]) -> Result<Self> {
        Self::start(scenario, Some(target), blanks)
    }

    fn start(scenario: &str, target: Option<SocketAddr>, blanks: &[(&str, &str)]) -> Result<Self> {
        let folder = Scratch::new("sipp")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        // Tests run in the folder of their crate.
        let file = Path::new("peers/sipp").join(format!("{scenario}.xml"));
        let mut text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        for (blank, filling) in blanks {
            text = text.replace(&format!("@{blank}@"), filling);
        }
        let file = folder.write("scenario.xml", text)?;
        let mut arguments: Vec<String> = vec!["-sf".into(), file.display().to_string()];
        arguments.extend(["-i", "127.0.0.1", "-p", &address.port().to_string()].map(String::from));
        // One call, then the end; exit code 0 only when every step of it happened.
        arguments.extend(
            ["-m", "1", "-nostdin", "-timeout_error", "-timeout", &format!("{}s", LIMIT.as_secs())]
                .map(String::from),
        );
        for (option, file_option, name) in [
            ("-trace_msg", "-message_file", "messages"),
            ("-trace_err", "-error_file", "errors"),
            ("-trace_logs", "-log_file", "notes"),
        ] {
            arguments.extend([option.into(), file_option.into(), folder.join(name).display().to_string()]);
        }
        arguments.extend(target.map(|target| target.to_string()));
        let process = Process::start("sipp", arguments, &[])?;
        let mut sipp = Self { process, scenario: scenario.to_owned(), address, folder };
        sipp.wait_until_it_listens()?;
        Ok(sipp)
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the scenario has been played to its end.
    ///
    /// # Errors
    /// When a step did not happen as written; the text quotes what SIPp says and every message.
    pub fn wait(&mut self) -> Result<()> {
        let status = self.process.wait(LIMIT + SOON).map_err(|_| self.failure("never ends"))?;
        if status.success() { Ok(()) } else { Err(self.failure(&format!("ends with {status}")).into()) }
    }

    /// Waits for a line that the scenario logs.
    pub fn wait_for_note(&mut self, note: &str, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        while !self.read("notes").contains(note) {
            if Instant::now() > deadline || !self.process.is_running() && !self.read("notes").contains(note) {
                return Err(self.failure(&format!("does not come to {note:?}")).into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The requests of a method that it received, or the responses when it is `SIP/2.0 CODE`, in their order.
    /// Complete once the scenario has ended.
    pub fn received(&self, start: &str) -> Vec<String> {
        self.messages().into_iter().filter(|m| m.received && m.starts_with(start)).map(|m| m.text).collect()
    }

    /// Whether anything that it received contains a piece of text, in any case of letters.
    pub fn heard(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.messages().iter().any(|m| m.received && m.text.to_ascii_lowercase().contains(&text))
    }

    /// Every message, for the text of a failure.
    pub fn log(&self) -> String {
        format!("{}{}", self.read("errors"), self.read("messages"))
    }

    fn messages(&self) -> Vec<Message> {
        messages(&self.read("messages"))
    }

    fn read(&self, name: &str) -> String {
        fs::read(self.folder.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }

    fn failure(&self, what: &str) -> Failure {
        Failure(format!("SIPp's {} {what}\n{}", self.scenario, self.log()))
    }

    /// It says nothing when its socket is open; the kernel's table does.
    fn wait_until_it_listens(&mut self) -> Result<()> {
        let deadline = Instant::now() + SOON;
        while !ports::is_bound(self.address.port())? {
            if !self.process.is_running() || Instant::now() > deadline {
                return Err(self.failure(&format!("does not begin\n{}", self.process.output())).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// One message of SIPp's log.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    received: bool,
    text: String,
}

impl Message {
    fn starts_with(&self, start: &str) -> bool {
        self.text.strip_prefix(start).is_some_and(|rest| rest.starts_with(' '))
    }
}

/// Each begins with a line of dashes and the time, then a line that names the direction, then an empty one.
fn messages(log: &str) -> Vec<Message> {
    const RULE: &str = "-----------------------------------------------";
    log.split(RULE)
        .filter_map(|part| {
            let (head, text) = part.split_once("\n\n")?;
            let received = head.contains("message received");
            (received || head.contains("message sent"))
                .then(|| Message { received, text: text.trim_start().to_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_log_is_read() {
        let log = "----------------------------------------------- 2026-01-01 10:00:00.000001\n\
                   UDP message received [20] bytes :\n\nBYE sip:a@b SIP/2.0\r\nCSeq: 1 BYE\r\n\r\n\n\
                   ----------------------------------------------- 2026-01-01 10:00:00.000002\n\
                   UDP message sent (20 bytes):\n\nSIP/2.0 200 OK\r\nCSeq: 1 BYE\r\n\r\n\n";
        let read = messages(log);
        assert_eq!(read.len(), 2);
        assert!(read[0].received && read[0].starts_with("BYE") && read[0].text.contains("CSeq: 1"));
        assert!(!read[1].received && read[1].starts_with("SIP/2.0 200"));
        assert!(!read[0].starts_with("BY"));
    }
}
