//! Updates, one after another: each generation is a process that takes over the heap of the one before (`generation.c`), as the new
//! version of a server does, and works on.
//!
//! `MCRX_GENERATIONS=1000` makes it a thousand.

use crate::programs::{compiled, library};
use mcrx_harness::{Context, Explain as _, Result, Suite, ensure};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([], generation_after_generation_takes_the_heap_over_and_leaves_nothing)
        .within(Duration::from_secs(600))
        .test([], a_heap_is_taken_over_with_one_thread_and_with_eight)
}

const ARENA: u64 = 0x1000_0000_0000;
const REGION: u64 = 1 << 40;

/// Of a generation that has done its work.
#[derive(Debug, Clone)]
struct Report {
    home: String,
    table: String,
    regions: u64,
    mappings: u64,
    resident_kib: u64,
}

/// A generation that has done its work, and waits.
struct Generation {
    child: Child,
    report: Report,
}

impl Generation {
    fn start(number: u64, threads: u64, slots: u64, before: Option<&Generation>) -> Result<Generation> {
        // The first lies where the heap stays; the others start next to it, not all in one place.
        let place = if number == 0 { 0 } else { 1 + number % 40 };
        let mut command = Command::new(compiled("generation.c")?);
        command.args([threads, slots, number].map(|value| value.to_string()));
        if let Some(Generation { child, report }) = before {
            command.args([&child.id().to_string(), &report.home, &report.table]);
        }
        command.env_clear().env("LD_PRELOAD", library()?);
        command
            .env("MCRX_EPOCH", number.to_string())
            .env("MCRX_REGION", format!("{:#x}", ARENA + place * REGION));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        match read(&line) {
            Some(report) => Ok(Generation { child, report }),
            None => {
                let output = child.wait_with_output()?;
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(mcrx_harness::anyhow!("generation {number}: {}: {said}", output.status))
            }
        }
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `HOME TABLE regions N mappings N kib N`.
fn read(line: &str) -> Option<Report> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [home, table, "regions", regions, "mappings", mappings, "kib", kib] = words[..] else { return None };
    Some(Report {
        home: home.to_owned(),
        table: table.to_owned(),
        regions: regions.parse().ok()?,
        mappings: mappings.parse().ok()?,
        resident_kib: kib.parse().ok()?,
    })
}

fn generations() -> u64 {
    std::env::var("MCRX_GENERATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

fn generation_after_generation_takes_the_heap_over_and_leaves_nothing(_test: &Context) -> Result<()> {
    let last = generations();
    let mut now = Generation::start(0, 3, 1000, None)?;
    let mut reports = vec![now.report.clone()];
    for number in 1..last {
        let next = Generation::start(number, 3, 1000, Some(&now)).with_context(|| format!("of {last}"))?;
        // The region that the new one started in is empty at once, and gone.
        ensure!(next.report.regions == 1, "generation {number}: {:?}", next.report);
        ensure!(next.report.home == now.report.home && next.report.table == now.report.table);
        reports.push(next.report.clone());
        now = next;
    }
    // What a generation holds varies with what its threads happened to do: means of tenths are compared.
    let tenth = reports.len() / 10;
    let mean = |part: &[Report], of: fn(&Report) -> u64| part.iter().map(of).sum::<u64>() / part.len() as u64;
    let (early, late) = (&reports[1..=tenth], &reports[reports.len() - tenth..]);
    let kib = |part| mean(part, |report| report.resident_kib);
    ensure!(kib(late) < kib(early) + 3072, "{} KiB early, {} late", kib(early), kib(late));
    let mappings = |part| mean(part, |report| report.mappings);
    ensure!(
        mappings(late) < mappings(early) + 20,
        "{} mappings early, {} late",
        mappings(early),
        mappings(late)
    );
    Ok(())
}

fn a_heap_is_taken_over_with_one_thread_and_with_eight(_test: &Context) -> Result<()> {
    for (threads, slots) in [(1, 200), (8, 8000)] {
        let mut now = Generation::start(0, threads, slots, None)?;
        for number in 1..4 {
            now = Generation::start(number, threads, slots, Some(&now))?;
        }
    }
    Ok(())
}
