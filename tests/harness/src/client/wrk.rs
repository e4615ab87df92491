//! HTTP load by wrk, and its report as numbers.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A load to be put on a server.
#[derive(Debug, Clone, Copy)]
pub struct Wrk {
    /// How long; whole seconds, as wrk knows no less.
    pub seconds: u32,
    /// Connections, all kept open.
    pub connections: u32,
    /// Threads of wrk itself.
    pub threads: u32,
}

impl Default for Wrk {
    fn default() -> Wrk {
        Wrk { seconds: 1, connections: 8, threads: 1 }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Load {
    /// Requests that were answered.
    pub requests: u64,
    /// How long it took, as wrk measured.
    pub duration: Duration,
    /// Connections that could not be made.
    pub connect_errors: u64,
    /// Connections that broke while read.
    pub read_errors: u64,
    /// Connections that broke while written.
    pub write_errors: u64,
    /// Requests without an answer in two seconds.
    pub timeouts: u64,
    /// Answers with a status other than 2xx and 3xx.
    pub bad_statuses: u64,
}

impl Load {
    /// All errors together.
    pub fn errors(&self) -> u64 {
        self.connect_errors + self.read_errors + self.write_errors + self.timeouts + self.bad_statuses
    }
}

impl Wrk {
    /// Puts the load on `url`. `wrk` is the program.
    pub fn run(&self, wrk: &Path, url: &str) -> Result<Load> {
        let output = Command::new(wrk)
            .args(["-t", &self.threads.to_string()])
            .args(["-c", &self.connections.to_string()])
            .args(["-d", &self.seconds.to_string()])
            .arg(url)
            .output()
            .context("wrk cannot be run")?;
        let report = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("wrk failed: {report}{}", String::from_utf8_lossy(&output.stderr));
        }
        parse(&report)
    }
}

fn parse(report: &str) -> Result<Load> {
    let mut load = Load::default();
    let mut complete = false;
    for line in report.lines().map(str::trim) {
        let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [requests, "requests", "in", time, ..] => {
                load.requests = number(requests)?;
                load.duration = duration(time)?;
                complete = true;
            }
            ["Socket", "errors:", "connect", connect, "read", read, "write", write, "timeout", timeout] => {
                load.connect_errors = number(connect)?;
                load.read_errors = number(read)?;
                load.write_errors = number(write)?;
                load.timeouts = number(timeout)?;
            }
            ["Non-2xx", "or", "3xx", "responses:", statuses] => load.bad_statuses = number(statuses)?,
            _ => {}
        }
    }
    if !complete {
        bail!("wrk's report has no totals: {report}");
    }
    Ok(load)
}

fn number(word: &str) -> Result<u64> {
    word.parse().with_context(|| format!("wrk reports {word:?} where a number should be"))
}

/// wrk prints times as `980.12ms`, `1.00s` or `1.50m`.
fn duration(word: &str) -> Result<Duration> {
    let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let value: f64 =
        digits.parse().with_context(|| format!("wrk reports {word:?} where a time should be"))?;
    let seconds = match &word[digits.len()..] {
        "us" => value / 1e6,
        "ms" => value / 1e3,
        "s" => value,
        "m" => value * 60.0,
        "h" => value * 3600.0,
        unit => bail!("wrk reports a time in {unit:?}"),
    };
    Duration::try_from_secs_f64(seconds)
        .with_context(|| format!("wrk reports {word:?} where a time should be"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_with_every_sort_of_error_is_read() {
        let load = parse(
            "Running 2s test @ http://127.0.0.1:1/\n  1 threads and 8 connections\n\
             \x20 Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Req/Sec     1.05k   200.0     2.00k    70.00%\n\
             \x20 74316 requests in 2.10s, 60.24MB read\n  Socket errors: connect 1, read 2, write 3, timeout 4\n\
             \x20 Non-2xx or 3xx responses: 5\nRequests/sec:  35388.57\n",
        )
        .unwrap();
        assert_eq!((load.requests, load.duration), (74316, Duration::from_millis(2100)));
        assert_eq!(load.errors(), 1 + 2 + 3 + 4 + 5);
    }

    #[test]
    fn a_report_without_totals_is_no_success() {
        assert!(parse("unable to connect to 127.0.0.1:1 Connection refused\n").is_err());
    }
}
