//! What the reader sees: a line where a step begins and ends, and the summary.

use super::Outcome;
use super::tally::Tally;
use std::time::{Duration, Instant};

/// The steps done so far.
#[derive(Debug)]
pub(crate) struct Report {
    started: Instant,
    step_started: Instant,
    rows: Vec<Row>,
    tally: Tally,
}

#[derive(Debug)]
struct Row {
    step: &'static str,
    took: Duration,
    verdict: String,
    notes: Vec<String>,
    failed: bool,
}

impl Default for Report {
    fn default() -> Report {
        let now = Instant::now();
        Report { started: now, step_started: now, rows: Vec::new(), tally: Tally::default() }
    }
}

impl Report {
    pub(crate) fn begin(&mut self, step: &str) {
        self.step_started = Instant::now();
        println!("==> {step}");
    }

    pub(crate) fn end(&mut self, step: &'static str, outcome: Outcome) {
        let took = self.step_started.elapsed();
        let (failed, verdict) = (outcome.has_failed(), verdict(&outcome));
        println!("    {step}: {verdict} ({:.1} s)", took.as_secs_f64());
        for note in &outcome.notes {
            println!("    {step}: {note}");
        }
        println!();
        self.rows.push(Row { step, took, verdict, notes: outcome.notes, failed });
        self.tally += outcome.tally;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.rows.iter().any(|row| row.failed)
    }

    /// The last line is for machines too: keep its form, and keep it last.
    pub(crate) fn print_summary(&self) {
        println!("Summary, after {:.1} s", self.started.elapsed().as_secs_f64());
        for row in &self.rows {
            println!("  {:<24} {:>7.1} s  {}", row.step, row.took.as_secs_f64(), row.verdict);
            for note in &row.notes {
                println!("  {:<24}            {note}", "");
            }
        }
        if !self.tally.skips.is_empty() {
            println!("Skipped tests:");
            for skip in &self.tally.skips {
                println!("  {}: {}", skip.test, skip.reason);
            }
        }
        if !self.tally.failures.is_empty() {
            println!("Failed tests:");
            for test in &self.tally.failures {
                println!("  {test}");
            }
        }
        println!("{}", closing_line(&self.tally));
    }
}

fn verdict(outcome: &Outcome) -> String {
    let tally = &outcome.tally;
    match (&outcome.failure, &outcome.skipped) {
        (Some(why), _) => format!("FAILED: {why}"),
        (None, Some(why)) => format!("skipped: {why}"),
        (None, None) if tally.failed > 0 => format!("FAILED: {}", closing_line(tally)),
        (None, None) if tally.total() > 0 => format!("ok: {}", closing_line(tally)),
        (None, None) => "ok".to_owned(),
    }
}

fn closing_line(tally: &Tally) -> String {
    format!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.ignored)
}
