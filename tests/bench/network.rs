//! How long a computer that changes its network is not reached, and how long a call is silent: the figures.
//!
//! `cargo xtask bench network [--runs N]` builds what it needs and runs it, as root. Each run is a fresh `tern`; the
//! moment of moving is another one each time, for no timer of ours may be in step with it.

#[cfg(target_os = "linux")]
fn main() -> tern_tests::Result<std::process::ExitCode> {
    linux::measure()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("networks of their own are made by Linux");
    std::process::exit(2);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::process::ExitCode;
    use std::time::Duration;

    use tern_tests::Result;
    use tern_tests::moving::Moving;

    /// A figure, the limit for nineteen of twenty, and what others need.
    struct Row {
        name: &'static str,
        limit: Option<f64>,
        others: &'static str,
        seconds: Vec<f64>,
    }

    pub(super) fn measure() -> Result<ExitCode> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let runs: usize = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => 20,
            ["--runs", runs] => runs.parse()?,
            _ => return Err("the benchmark of the network takes `--runs N`".into()),
        };
        let mut world = match Moving::new()? {
            Ok(world) => world,
            Err(why) => return Err(format!("it takes root's rights: {why}").into()),
        };
        let row = |name, limit, others| Row { name, limit, others, seconds: Vec::new() };
        let mut idle = row("idle: registered anew", Some(2.0), "Linphone 5.1: 4.4 s, baresip 1.0: 50 s");
        let mut there = row("in a call: heard again", Some(1.5), "Linphone 5.1: 3.5 s");
        let mut here = row("in a call: told where to talk to", Some(1.5), "");
        let mut registered = row("in a call: registered anew", None, "");
        println!("{:<34} {:>4} {:>8} {:>8} {:>8} {:>8}", "", "runs", "p50", "p95", "worst", "limit");
        for run in 0..runs {
            let tern = world.waiting()?;
            pause(run);
            idle.add(world.move_idle(&tern)?);
            eprintln!("{}/{runs}: idle {:.2} s", run + 1, idle.last());
        }
        let mut met = idle.print();
        for run in 0..runs {
            let mut tern = world.talking(30)?;
            pause(run);
            let gap = world.move_talking(&tern)?;
            there.add(gap.there);
            here.add(gap.here);
            registered.add(gap.registered);
            tern.stop()?;
            eprintln!("{}/{runs}: in a call {:.2} s there, {:.2} s here", run + 1, there.last(), here.last());
        }
        for row in [there, here, registered] {
            met &= row.print();
        }
        Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// A second and a bit, never the same bit.
    fn pause(run: usize) {
        std::thread::sleep(Duration::from_millis(1000 + (run as u64 * 377) % 1000));
    }

    impl Row {
        fn add(&mut self, time: Duration) {
            self.seconds.push(time.as_secs_f64());
        }

        fn last(&self) -> f64 {
            self.seconds.last().copied().unwrap_or(f64::NAN)
        }

        /// The value that `share` of all don't exceed.
        fn quantile(&self, share: f64) -> f64 {
            let at = (share * self.seconds.len() as f64).ceil() as usize;
            self.seconds.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        }

        fn print(mut self) -> bool {
            self.seconds.sort_by(f64::total_cmp);
            let p95 = self.quantile(0.95);
            let limit = self.limit.unwrap_or(f64::INFINITY);
            let met = p95 < limit;
            println!(
                "{:<34} {:>4} {:>6.2} s {:>6.2} s {:>6.2} s {:>8} {}{}",
                self.name,
                self.seconds.len(),
                self.quantile(0.5),
                p95,
                self.quantile(1.0),
                self.limit.map_or(String::new(), |_| format!("{limit:.1} s")),
                if met { "" } else { "MISSED " },
                self.others,
            );
            met
        }
    }
}
