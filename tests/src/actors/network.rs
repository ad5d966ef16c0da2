//! A network of one's own: what a machine sees that is connected to nothing but another such machine.
//!
//! It is a Linux network namespace, which takes root's rights. It lives as long as the process that holds it, so
//! nothing is left behind even when the test is killed.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{Process, Result, find_program};

/// One network namespace.
#[derive(Debug)]
pub struct Network {
    // It does nothing but be there.
    holder: Process,
    namespace: File,
}

impl Network {
    /// Makes one with a loopback address and nothing else, or says why this machine or this user may not.
    pub fn new() -> Result<Result<Self, String>> {
        let mut holder = Process::start("unshare", ["--net", "cat"], &[])?;
        let path = format!("/proc/{}/ns/net", holder.pid());
        let ours = std::fs::read_link("/proc/self/ns/net")?;
        let deadline = Instant::now() + Duration::from_secs(10);
        // It is ours until it has got its own.
        while std::fs::read_link(&path).is_ok_and(|theirs| theirs == ours) && holder.is_running() {
            if Instant::now() > deadline {
                return Err(format!("unshare makes no network:\n{}", holder.output()).into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if !holder.is_running() {
            let _ = holder.wait(Duration::from_secs(1));
            return Ok(Err(format!("no network namespaces here: {}", holder.output().trim())));
        }
        let network = Self { namespace: File::open(path)?, holder };
        network.ip("link set lo up")?;
        Ok(Ok(network))
    }

    /// Connects it with another one by a cable; each end gets a name.
    pub fn connect(&self, here: &str, other: &Self, there: &str) -> Result<()> {
        self.ip(&format!("link add {here} type veth peer name {there} netns {}", other.holder.pid()))?;
        self.ip(&format!("link set {here} up"))?;
        other.ip(&format!("link set {there} up"))
    }

    /// Runs `ip` inside.
    pub fn ip(&self, arguments: &str) -> Result<()> {
        let program = find_program("ip")?;
        let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        self.enter(move || {
            let output = Command::new(program).args(&arguments).output()?;
            if output.status.success() {
                return Ok(());
            }
            Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into())
        })
    }

    /// Does something inside: sockets opened and programs started there stay inside.
    ///
    /// # Errors
    /// Those of `act`, and the kernel's when the namespace can't be entered.
    pub fn enter<R: Send>(&self, act: impl FnOnce() -> Result<R> + Send) -> Result<R> {
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
                act()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}
