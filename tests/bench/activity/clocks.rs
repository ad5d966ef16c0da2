//! What this process costs, as Linux counts it: processor time of each thread, memory.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::figures::Cpu;

/// The beginning of the names of the runtime's threads.
pub(crate) const WORKER: &str = "worker-";
/// The same of those that may block.
pub(crate) const READER: &str = "reader-";
/// The store's thread.
const STORE: &str = "tern-store";

/// Microseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The processor time of all threads so far. Threads that have ended are missing: there must be none that matters.
pub(crate) fn cpu() -> Result<Cpu> {
    let mut cpu = Cpu { store: 0.0, readers: 0.0, workers: 0.0, others: 0.0 };
    for thread in std::fs::read_dir("/proc/self/task")? {
        let folder = thread?.path();
        // One that has ended meanwhile.
        let Ok(name) = std::fs::read_to_string(folder.join("comm")) else { continue };
        let milliseconds = on_processor(&folder.join("schedstat").to_string_lossy())?;
        let of = match name.trim() {
            STORE => &mut cpu.store,
            name if name.starts_with(READER) => &mut cpu.readers,
            name if name.starts_with(WORKER) => &mut cpu.workers,
            _ => &mut cpu.others,
        };
        *of += milliseconds;
    }
    Ok(cpu)
}

/// The processor time of this thread so far, in milliseconds.
pub(crate) fn of_this_thread() -> Result<f64> {
    on_processor("/proc/thread-self/schedstat")
}

/// What was used between two looks.
pub(crate) fn between(before: &Cpu, after: &Cpu) -> Cpu {
    Cpu {
        store: after.store - before.store,
        readers: after.readers - before.readers,
        workers: after.workers - before.workers,
        others: after.others - before.others,
    }
}

/// Resident memory now, and the most there has been, in kilobytes.
pub(crate) fn memory() -> Result<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)).context("/proc/self/status is short")?;
        let number = line.split_whitespace().next().context("no number")?;
        number.parse().with_context(|| format!("{name} {number}"))
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// The first of three numbers: nanoseconds on a processor.
fn on_processor(place: &str) -> Result<f64> {
    let text = std::fs::read_to_string(place).context("this kernel counts no processor time of threads")?;
    let nanoseconds: f64 = text.split_whitespace().next().context("an empty schedstat")?.parse()?;
    Ok(nanoseconds / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_is_counted_under_its_name() {
        let before = cpu().unwrap();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let (done, worked) = std::sync::mpsc::channel();
        let working = std::thread::Builder::new().name(STORE.into()).spawn(move || {
            let begun = of_this_thread().unwrap();
            let mut sum = 0_u64;
            while of_this_thread().unwrap() - begun < 50.0 {
                sum = sum.wrapping_mul(31).wrapping_add(7);
            }
            done.send(sum).unwrap();
            // Counted only while it is there.
            let _ = stopped.recv();
        });
        worked.recv().unwrap();
        let used = between(&before, &cpu().unwrap());
        drop(stop);
        working.unwrap().join().unwrap();
        assert!(used.store >= 50.0 && used.store < 1_000.0, "{used:?}");
        let (now, most) = memory().unwrap();
        assert!(now > 1_000 && most >= now, "{now} {most}");
    }
}
