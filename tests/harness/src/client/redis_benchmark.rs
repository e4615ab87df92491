//! redis load by redis-benchmark, and its report as numbers.

use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::path::Path;
use std::process;

/// A load to be put on a server.
#[derive(Debug, Clone)]
pub struct RedisBenchmark {
    /// Requests of each command.
    pub requests: u64,
    /// Connections, all kept open.
    pub connections: u32,
    /// Requests sent at once on a connection.
    pub pipeline: u32,
    /// Bytes of each value.
    pub value_bytes: u32,
    /// Among how many keys each request chooses by chance; without, all go to one.
    pub keys: Option<u32>,
    /// Which commands, as redis-benchmark's `-t` names them.
    pub tests: Vec<String>,
}

impl Default for RedisBenchmark {
    fn default() -> RedisBenchmark {
        RedisBenchmark {
            requests: 10_000,
            connections: 8,
            pipeline: 1,
            value_bytes: 3,
            keys: None,
            tests: vec!["set".to_owned(), "get".to_owned()],
        }
    }
}

/// What came of one command.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// `SET`
    pub name: String,
    /// Requests answered in a second.
    pub requests_per_second: f64,
}

impl RedisBenchmark {
    /// Puts the load on a server. An error of the server, or a connection that breaks, is an error here.
    pub fn run(&self, redis_benchmark: &Path, server: SocketAddr) -> Result<Vec<Command>> {
        let mut command = process::Command::new(redis_benchmark);
        if let Some(keys) = self.keys {
            command.args(["-r", &keys.to_string()]);
        }
        let output = command
            .args(["-h", &server.ip().to_string(), "-p", &server.port().to_string()])
            .args(["-n", &self.requests.to_string()])
            .args(["-c", &self.connections.to_string()])
            .args(["-P", &self.pipeline.to_string()])
            .args(["-d", &self.value_bytes.to_string()])
            .args(["-t", &self.tests.join(",")])
            .arg("--csv")
            .output()
            .context("redis-benchmark cannot be run")?;
        let (report, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // Some errors leave exit code 0 behind, but none is silent.
        ensure!(
            output.status.success() && errors.trim().is_empty(),
            "redis-benchmark failed: {}{}",
            report.trim(),
            errors.trim()
        );
        let commands = parse(&report)?;
        ensure!(commands.len() == self.tests.len(), "redis-benchmark did not run all of {:?}", self.tests);
        Ok(commands)
    }
}

/// Lines read `"SET","52631.58",...`, with a heading `"test","rps",...` from release 6.2 on.
fn parse(report: &str) -> Result<Vec<Command>> {
    let rows = report.lines().filter(|line| line.starts_with('"') && !line.starts_with("\"test\""));
    rows.map(|row| {
        let mut cells = row.split(',').map(|cell| cell.trim_matches('"'));
        let name = cells.next().unwrap_or_default().to_owned();
        let rate = cells.next().and_then(|rate| rate.parse().ok());
        let requests_per_second = rate.with_context(|| format!("redis-benchmark printed {row:?}"))?;
        Ok(Command { name, requests_per_second })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_and_without_a_heading() {
        let old = parse("\"SET\",\"52631.58\"\n").unwrap();
        let new = parse("\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"52631.58\",\"0.1\"\n").unwrap();
        assert_eq!(old, new);
        assert_eq!(old[0].name, "SET");
    }
}
