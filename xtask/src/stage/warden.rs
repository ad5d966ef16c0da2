//! The one that cleans up after us when we can't.
//!
//! Invariant: a process or directory reported here is gone soon after this process is, however it ended.
//! Destructors do not run on Ctrl-C or SIGKILL, so a small shell holds the read end of a pipe whose only
//! write end is ours: when we end, the kernel closes it, the shell reads end-of-file and does the work.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// Signals go to process groups: every process started here leads one.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
pids=
while read -r verb what; do
    case $verb in
        watch) pids="$pids $what" ;;
        forget)
            kept=
            for p in $pids; do [ "$p" = "$what" ] || kept="$kept $p"; done
            pids=$kept ;;
        directory) set -- "$@" "$what" ;;
    esac
done
for p in $pids; do kill -TERM "-$p"; done
if [ -n "$pids" ]; then sleep 1; fi
for p in $pids; do kill -KILL "-$p"; done
for d in "$@"; do rm -rf "$d"; done
"#;

/// Have the process group led by `pid` stopped when this process ends.
pub(super) fn watch(pid: u32) {
    tell(&format!("watch {pid}"));
}

/// The process group led by `pid` was stopped here; its number may be reused by others from now on.
pub(super) fn forget(pid: u32) {
    tell(&format!("forget {pid}"));
}

/// Have a directory removed when this process ends. It may be gone by then.
pub(super) fn directory(path: &Path) {
    tell(&format!("directory {}", path.display()));
}

fn tell(line: &str) {
    static WARDEN: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();
    // Without a shell there is no warden; destructors still run in every ordinary ending.
    let Some(warden) = WARDEN.get_or_init(|| start().map(Mutex::new)) else { return };
    if let Ok(mut pipe) = warden.lock() {
        let _ = writeln!(pipe, "{line}");
    }
}

fn start() -> Option<ChildStdin> {
    Command::new("sh")
        .args(["-c", SCRIPT, "warden"])
        .stdin(Stdio::piped())
        // Ours may be a pipe whose reader waits for the last holder to let go.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .ok()?
        .stdin
}
