//! The report: every figure, ratios to the best of the others, and what is met; as Markdown and as JSON.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use tern_tests::Result;

use crate::measure::Measured;
use crate::options::Options;
use crate::targets::{quality, verdicts};

/// Collects what was measured.
pub(crate) struct Report {
    measured: Vec<Measured>,
    place: PathBuf,
    conditions: String,
}

impl Report {
    /// An empty one for a run.
    pub(crate) fn new(options: &Options) -> Self {
        let said =
            options.speech.as_ref().map_or("a telephone prompt".into(), |file| file.display().to_string());
        let conditions = format!(
            "{} calls of each kind, {} pieces of 8 s scored each way, seed {}, said: {said}, {} processors",
            options.runs,
            options.pieces,
            options.seed,
            std::thread::available_parallelism().map_or(1, usize::from),
        );
        Self { measured: Vec::new(), place: options.report.clone(), conditions }
    }

    /// Adds what a kind of call gave.
    pub(crate) fn add(&mut self, measured: Measured) {
        self.measured.push(measured);
    }

    /// Whether every demand is met and every call of ours succeeded.
    pub(crate) fn met(&self) -> bool {
        let whole = self.measured.iter().all(|one| one.phone.is_peer() || one.figures.is_ok());
        whole && verdicts(&self.measured).iter().all(super::targets::Verdict::met)
    }

    /// The Markdown file.
    pub(crate) fn place(&self) -> PathBuf {
        self.place.with_extension("md")
    }

    /// Writes both files.
    pub(crate) fn write(&self) -> Result<()> {
        if let Some(folder) = self.place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(self.place(), self.text())?;
        std::fs::write(self.place.with_extension("json"), serde_json::to_string_pretty(&self.json())?)?;
        Ok(())
    }

    /// As Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("# Calls compared\n\n{}.\n\n", self.conditions);
        text += "PESQ: wide band, and narrow band in brackets. Delay from mouth to ear, both sound cards included. \
                 Processor and memory are those of one phone. Behind each figure of Tern's its ratio to the best of \
                 the others: above 1 is better.\n\n";
        text += "| codec | network | phone | PESQ | delay ms | processor % | memory MB | lost % |\n\
                 |---|---|---|---|---|---|---|---|\n";
        for one in &self.measured {
            let head = format!("| {} | {} | {} ", one.codec.name(), one.network.name(), one.phone.name());
            let _ = match &one.figures {
                Ok(f) => writeln!(
                    text,
                    "{head}| {:.2} ({:.2}){} | {:.0}{} | {:.1}{} | {:.1}{} | {:.1} |",
                    f.wide,
                    f.narrow,
                    self.ratio(one, true, |one| quality(one.codec, one.figures.as_ref().ok()?).into()),
                    f.delay,
                    self.ratio(one, false, |one| Some(one.figures.as_ref().ok()?.delay)),
                    f.processor,
                    self.ratio(one, false, |one| Some(one.figures.as_ref().ok()?.processor)),
                    f.memory,
                    self.ratio(one, false, |one| Some(one.figures.as_ref().ok()?.memory)),
                    f.lost * 100.0,
                ),
                Err(error) => writeln!(text, "{head}| failed: {} | | | | |", error.replace('|', "/")),
            };
        }
        text +=
            "\n| demand | Tern | limit | ratio | | where the limit comes from |\n|---|---|---|---|---|---|\n";
        let verdicts = verdicts(&self.measured);
        for verdict in &verdicts {
            let _ = writeln!(
                text,
                "| {} | {:.2} | {} {:.2} | {:.2} | {} | {} |",
                verdict.what,
                verdict.ours,
                if verdict.more { "≥" } else { "≤" },
                verdict.limit,
                verdict.ratio(),
                if verdict.met() { "met" } else { "MISSED" },
                verdict.source,
            );
        }
        let met = verdicts.iter().filter(|verdict| verdict.met()).count();
        let _ = writeln!(text, "\n{met} of {} demands met.", verdicts.len());
        text
    }

    /// The ratio of one of our figures to the best of the others, or nothing.
    fn ratio(&self, one: &Measured, more: bool, figure: impl Fn(&Measured) -> Option<f64>) -> String {
        if one.phone.is_peer() {
            return String::new();
        }
        let others = self.measured.iter().filter(|other| {
            other.phone.is_peer()
                && other.phone.processes() == one.phone.processes()
                && (other.codec, other.network) == (one.codec, one.network)
        });
        let best = others.filter_map(&figure).reduce(if more { f64::max } else { f64::min });
        match (figure(one), best) {
            (Some(ours), Some(best)) if more => format!(" ×{:.2}", ours / best),
            (Some(ours), Some(best)) => format!(" ×{:.2}", best / ours),
            _ => String::new(),
        }
    }

    fn json(&self) -> Value {
        let calls: Vec<Value> = self
            .measured
            .iter()
            .map(|one| {
                let figures = one.figures.as_ref().ok().map(|f| {
                    json!({ "pesq_wide": f.wide, "pesq_narrow": f.narrow, "delay_ms": f.delay,
                            "processor_percent": f.processor, "memory_mb": f.memory, "lost": f.lost })
                });
                json!({ "phone": one.phone.name(), "codec": one.codec.name(), "network": one.network.name(),
                        "figures": figures, "error": one.figures.as_ref().err() })
            })
            .collect();
        let demands: Vec<Value> = verdicts(&self.measured)
            .iter()
            .map(|v| {
                json!({ "what": v.what, "ours": v.ours, "limit": v.limit, "met": v.met(), "ratio": v.ratio(),
                        "source": v.source })
            })
            .collect();
        json!({ "conditions": self.conditions, "calls": calls, "demands": demands })
    }
}
