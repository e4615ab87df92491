//! Servers in numbers, in Prometheus's text format: <https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4.

use super::status::{State, Status};
use std::fmt::Write as _;

/// Of all servers at once: a metric's samples stand together.
#[must_use]
pub fn prometheus(servers: &[Status]) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, samples: &dyn Fn(&Status) -> Vec<Sample>| {
        let _ = writeln!(text, "# HELP mcrx_{name} {help}\n# TYPE mcrx_{name} {kind}");
        for server in servers {
            for Sample { labels, value } in samples(server) {
                let _ = write!(text, "mcrx_{name}{{server=\"{}\"", server.pid);
                for (label, of_it) in labels {
                    let _ = write!(text, ",{label}=\"{}\"", escaped(&of_it));
                }
                let _ = writeln!(text, "}} {value}");
            }
        }
    };
    metric("server_info", "gauge", "What a server runs.", &|server| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let program = String::from_utf8_lossy(server.program.as_bytes()).into_owned();
        let labels = vec![
            ("program", program),
            ("build_id", text(&server.build_id)),
            ("release", text(&server.release)),
        ];
        vec![Sample { labels, value: 1.0 }]
    });
    metric("server_start_time_seconds", "gauge", "When it was started, since 1970.", &|server| {
        vec![number(server.since)]
    });
    metric("service_up", "gauge", "Whether the process that looks after it answers.", &|server| {
        vec![number(u64::from(server.service.answers))]
    });
    metric("server_updating", "gauge", "Whether it is being updated.", &|server| {
        vec![number(u64::from(server.state == State::Updating))]
    });
    metric("server_processes", "gauge", "Its processes.", &|server| vec![count(server.processes.len())]);
    metric("server_threads", "gauge", "The threads of all its processes.", &|server| {
        vec![number(server.processes.iter().map(|process| process.threads).sum())]
    });
    metric(
        "server_resident_bytes",
        "gauge",
        "Memory of all its processes that is in the machine's.",
        &|server| vec![number(server.processes.iter().map(|process| process.resident_bytes).sum())],
    );
    metric("updates_total", "counter", "Updates and undos so far, by what came of them.", &|server| {
        let counts = server.updates.counts;
        let counts = [
            ("committed", counts.committed),
            ("refused", counts.refused),
            ("rolled_back", counts.rolled_back),
            ("unknown", counts.unknown),
        ];
        counts
            .into_iter()
            .map(|(outcome, count)| Sample { labels: vec![("outcome", outcome.to_owned())], ..number(count) })
            .collect()
    });
    metric("last_update_time_seconds", "gauge", "When the last of them was over, since 1970.", &|server| {
        server.updates.attempts.last().map(|last| number(last.at)).into_iter().collect()
    });
    metric(
        "last_update_held_seconds",
        "gauge",
        "For how long no thread of the server executed anything in the last of them.",
        &|server| {
            let held = server.updates.attempts.last().and_then(|last| last.held_ms);
            held.map(|ms| Sample { labels: Vec::new(), value: ms / 1000.0 }).into_iter().collect()
        },
    );
    text
}

struct Sample {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

/// What is exact up to 2^53, as all of these are.
#[expect(clippy::cast_precision_loss, reason = "the format has no other numbers")]
fn number(value: u64) -> Sample {
    Sample { labels: Vec::new(), value: value as f64 }
}

fn count(value: usize) -> Sample {
    number(u64::try_from(value).unwrap_or(u64::MAX))
}

/// A label's value may have any character; these three are written in two.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
