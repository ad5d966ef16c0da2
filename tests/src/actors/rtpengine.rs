//! rtpengine between two phones: their sound goes through it, and it translates where one encrypts and the other
//! does not.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::{Process, Result, ports};

/// A running rtpengine in user space, on loopback, for a Kamailio to direct.
#[derive(Debug)]
pub struct Rtpengine {
    process: Process,
    control: SocketAddr,
}

impl Rtpengine {
    /// Starts one and waits until it is ready.
    pub fn start() -> Result<Self> {
        const RTP_PORTS: u16 = 32;
        let control = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let first = ports::free_range(RTP_PORTS)?;
        let arguments = [
            "--config-file=none",
            "--foreground",
            "--log-stderr",
            "--log-level=6",
            // No table: everything in user space, nothing of it in the kernel.
            "--table=-1",
            "--interface=127.0.0.1",
            "--num-threads=2",
            &format!("--listen-ng={control}"),
            &format!("--port-min={first}"),
            &format!("--port-max={}", first + RTP_PORTS - 1),
        ];
        let mut process = Process::start("rtpengine", arguments, &[])?;
        process.wait_for_line("Startup complete", Duration::from_secs(20))?;
        Ok(Self { process, control })
    }

    /// Where it is told what to do.
    pub fn control(&self) -> SocketAddr {
        self.control
    }

    /// Everything it logged.
    pub fn log(&self) -> String {
        self.process.output()
    }
}
