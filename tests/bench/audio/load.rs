//! What a process costs: processor time and memory, as Linux counts them.

use std::time::Instant;

use tern_tests::Result;

/// Linux counts a process' time to user space in hundredths of a second on every machine we know.
const TICKS: f64 = 100.0;

/// A process whose cost is being counted.
#[derive(Debug)]
pub(crate) struct Load {
    pid: u32,
    begun: Instant,
    ticks: f64,
}

/// What it cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Of one processor, in percent.
    pub(crate) processor: f64,
    /// Resident memory at the end, in megabytes.
    pub(crate) memory: f64,
}

impl Load {
    /// Counts from now on.
    pub(crate) fn new(pid: u32) -> Result<Self> {
        Ok(Self { pid, begun: Instant::now(), ticks: ticks(pid)? })
    }

    /// The cost until now.
    pub(crate) fn cost(&self) -> Result<Cost> {
        let seconds = self.begun.elapsed().as_secs_f64();
        let processor = (ticks(self.pid)? - self.ticks) / TICKS / seconds * 100.0;
        Ok(Cost { processor, memory: resident(self.pid)? })
    }
}

fn ticks(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name stands in brackets and may hold anything; utime and stime are the 14th and 15th field (proc(5)).
    let after = stat.rsplit_once(')').map(|(_, rest)| rest).ok_or("/proc/…/stat without a name")?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    field(11).zip(field(12)).map(|(user, system)| user + system).ok_or_else(|| "/proc/…/stat is short".into())
}

fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        let load = Load::new(std::process::id()).unwrap();
        let begun = Instant::now();
        let mut sum = 0_u64;
        while begun.elapsed().as_millis() < 200 {
            sum = sum.wrapping_mul(31).wrapping_add(7);
        }
        assert_ne!(sum, 1);
        let cost = load.cost().unwrap();
        assert!(cost.processor > 10.0 && cost.memory > 1.0, "{cost:?}");
    }
}
