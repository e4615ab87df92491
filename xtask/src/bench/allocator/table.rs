//! What was measured, as text and as JSON.

use super::contender::{BASELINE, KNOWN};
use super::instructions::{self, Counted, PATTERNS};
use super::programs;
use super::rounds::{Measured, Row};
use super::verdict::{Target, Verdict};
use crate::bench::area::Findings;
use crate::bench::stats::Spread;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What can be asked for.
pub(super) fn list() -> Findings {
    let allocators = KNOWN.iter().map(|known| (known.name, known.about));
    let allocators: Vec<_> = [(BASELINE, "the baseline")].into_iter().chain(allocators).collect();
    let programs = programs::ALL.iter().map(|program| (program.name, program.about));
    let programs: Vec<_> =
        programs.chain([(instructions::NAME, "malloc and free, counted by callgrind")]).collect();
    let mut text = String::new();
    for (heading, rows) in [("allocators", &allocators), ("programs", &programs)] {
        text += &format!("{heading}\n");
        for (name, about) in rows {
            text += &format!("  {name:<14} {about}\n");
        }
    }
    let names = |rows: &[(&str, &str)]| rows.iter().map(|row| row.0.to_owned()).collect::<Vec<_>>();
    let json = json!({ "allocators": names(&allocators), "programs": names(&programs) });
    Findings { text, json, complete: true }
}

/// All of it.
pub(super) fn findings(
    measured: &Measured,
    recorded: Option<&Measured>,
    counted: Option<&Counted>,
) -> Findings {
    let verdict = Verdict::of(measured);
    let mut text = text(measured, &verdict);
    let mut json = json(measured, &verdict);
    let mut complete = measured.failures.is_empty();
    if let Some(recorded) = recorded {
        let verdict = Verdict { targets: Vec::new(), ..Verdict::of(recorded) };
        text += "\nrecorders, on a fraction of the work\n";
        text += &self::text(recorded, &verdict);
        json["recorders"] = self::json(recorded, &verdict);
        complete &= recorded.failures.is_empty();
    }
    if let Some(counted) = counted {
        text += "\ninstructions of a malloc and its free\n";
        text += &instructions(counted);
        let rows = counted.rows.iter().map(|(name, counts)| {
            let counts = PATTERNS
                .iter()
                .zip(counts)
                .map(|((pattern, _), count)| ((*pattern).to_owned(), json!(count)));
            (name.clone(), Value::Object(counts.collect()))
        });
        json["instructions"] = Value::Object(rows.collect());
        json["instructions_not_counted"] = json!(counted.failures);
        // That callgrind cannot run a peer is no fault of the run.
    }
    Findings { text, json, complete }
}

fn instructions(counted: &Counted) -> String {
    let mut rows = vec![vec!["pattern".to_owned()]];
    rows[0].extend(counted.rows.iter().map(|(name, _)| name.clone()));
    for (index, (_, about)) in PATTERNS.iter().enumerate() {
        let mut cells = vec![(*about).to_owned()];
        cells.extend(counted.rows.iter().map(|(_, counts)| format!("{:.1}", counts[index])));
        rows.push(cells);
    }
    let mut text = aligned(&rows);
    for failure in &counted.failures {
        text += &format!("not counted: {failure}\n");
    }
    text
}

/// For people: a row for each program, a column for each allocator.
fn text(measured: &Measured, verdict: &Verdict) -> String {
    let mut text = String::new();
    if measured.programs.is_empty() && measured.failures.is_empty() {
        return text;
    }
    text += "processor time, ratio to glibc's: median over rounds, +- half of the inner half's width; means are geometric\n";
    text += &grid(
        measured,
        |row| row.kind.unit(),
        |row, index| row.cpu_ratio(index),
        |cost| cost.cpu,
        &cpu_means(verdict),
    );
    text += "\npeak resident set, ratio to glibc's\n";
    text += &grid(
        measured,
        |_| "MiB",
        |row, index| row.rss_ratio(index),
        |cost| cost.peak_rss,
        &[("programs over 20 MiB".to_owned(), verdict.rss_means.as_slice())],
    );
    let reported = reported(measured);
    if !reported.is_empty() {
        text += "\nreported by the programs themselves\n";
        text += &aligned(&reported);
    }
    if !verdict.targets.is_empty() {
        text += "\ntargets\n";
        text += &aligned(&verdict.targets.iter().map(target_cells).collect::<Vec<_>>());
    }
    for failure in &measured.failures {
        text += &format!("not measured: {failure}\n");
    }
    text
}

/// Of each kind, if there are several, and of all.
fn cpu_means(verdict: &Verdict) -> Vec<(String, &[Option<f64>])> {
    let kinds = if verdict.kinds.len() > 1 { verdict.kinds.as_slice() } else { &[] };
    let kinds = kinds.iter().map(|(kind, means)| (kind.plural().to_owned(), means.as_slice()));
    kinds.chain([("all".to_owned(), verdict.cpu_means.as_slice())]).collect()
}

fn grid(
    measured: &Measured,
    unit: impl Fn(&Row) -> &'static str,
    ratio: impl Fn(&Row, usize) -> Option<Spread>,
    of: impl Fn(&super::turn::Cost) -> f64 + Copy,
    means: &[(String, &[Option<f64>])],
) -> String {
    let mut rows = vec![vec!["program".to_owned()]];
    rows[0].extend(measured.contenders.iter().cloned());
    for row in &measured.programs {
        let mut cells = vec![row.program.to_owned()];
        let baseline = row.median(0, of);
        cells.push(baseline.map_or("failed".to_owned(), |value| format!("{value:.2} {}", unit(row))));
        for index in 1..measured.contenders.len() {
            cells.push(ratio(row, index).map_or("failed".to_owned(), |spread| {
                // One turn has no spread to show.
                let one = row.turns[index].as_ref().is_some_and(|turns| turns.len() < 2);
                let width = format!("+-{:.3}", (spread.high - spread.low) / 2.0);
                format!("{:.3} {}", spread.median, if one { " ".repeat(width.len()) } else { width })
            }));
        }
        rows.push(cells);
    }
    for (what, means) in means {
        let mut cells = vec![format!("mean, {what}"), String::new()];
        // Blanks stand where the others have their spread, so that the points stand below each other.
        let cell = |mean: &Option<f64>| mean.map_or("-".to_owned(), |mean| format!("{mean:.3}        "));
        cells.extend(means.iter().skip(1).map(cell));
        rows.push(cells);
    }
    aligned(&rows)
}

/// Figures that programs printed, for each allocator: as they are, not as ratios.
fn reported(measured: &Measured) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for row in &measured.programs {
        let turns = row.turns.iter().flatten().flatten();
        let names: BTreeSet<&String> = turns.flat_map(|cost| cost.reported.keys()).collect();
        for name in names {
            let mut cells = vec![format!("{}: {name}", row.program)];
            for index in 0..measured.contenders.len() {
                let value = row.median(index, |cost| cost.reported.get(name).copied().unwrap_or(f64::NAN));
                cells.push(value.map_or("failed".to_owned(), |value| format!("{value:.1}")));
            }
            rows.push(cells);
        }
    }
    if !rows.is_empty() {
        let mut heading = vec![String::new()];
        heading.extend(measured.contenders.iter().cloned());
        rows.insert(0, heading);
    }
    rows
}

fn target_cells(target: &Target) -> Vec<String> {
    let verdict = if target.is_met() { "met" } else { "missed" };
    vec![
        target.what.clone(),
        format!("{:.3}", target.value),
        format!("<= {:.2}", target.limit),
        verdict.to_owned(),
    ]
}

/// The first column to the left, the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            line += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// For programs: everything, down to the single turns.
fn json(measured: &Measured, verdict: &Verdict) -> Value {
    let programs: Vec<Value> = measured.programs.iter().map(|row| program(measured, row)).collect();
    let means = |means: &[Option<f64>]| by_contender(measured, |index| json!(means[index]));
    let targets: Vec<Value> = verdict
        .targets
        .iter()
        .map(|it| json!({ "what": it.what, "value": it.value, "limit": it.limit, "met": it.is_met() }))
        .collect();
    let mut mean_cpu = json!({ "all": means(&verdict.cpu_means) });
    for (kind, values) in &verdict.kinds {
        mean_cpu[kind.plural()] = means(values);
    }
    json!({
        "allocators": measured.contenders,
        "programs": programs,
        "geometric_mean": { "cpu": mean_cpu, "peak_rss": means(&verdict.rss_means) },
        "targets": targets,
        "failures": measured.failures,
    })
}

fn program(measured: &Measured, row: &Row) -> Value {
    let ratio = |ratio: Option<Spread>| {
        ratio.map(|it| json!({ "median": it.median, "low": it.low, "high": it.high }))
    };
    let runs = by_contender(measured, |index| {
        let reported = row.turns[index]
            .as_ref()
            .map(|turns| turns.iter().map(|cost| &cost.reported).collect::<Vec<_>>());
        json!({
            "cpu": row.samples(index, |cost| cost.cpu),
            "cpu_ratio": ratio(row.cpu_ratio(index)),
            "peak_rss_mib": row.samples(index, |cost| cost.peak_rss),
            "peak_rss_ratio": ratio(row.rss_ratio(index)),
            "reported": reported,
        })
    });
    json!({ "name": row.program, "kind": row.kind.plural(), "cpu_unit": row.kind.unit(), "runs": runs })
}

fn by_contender(measured: &Measured, of: impl Fn(usize) -> Value) -> Value {
    let pairs = measured.contenders.iter().enumerate().map(|(index, name)| (name.clone(), of(index)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::super::program::Kind;
    use super::super::turn::Cost;
    use super::*;
    use std::collections::BTreeMap;

    fn measured() -> Measured {
        let cost = |cpu, peak_rss| Cost {
            cpu,
            peak_rss,
            reported: BTreeMap::from([("end rss (MiB)".to_owned(), peak_rss / 2.0)]),
            output: String::new(),
        };
        let turns = vec![Some(vec![cost(2.0, 40.0); 2]), Some(vec![cost(1.0, 30.0); 2]), None];
        Measured {
            contenders: ["glibc", "ours", "broken"].map(str::to_owned).to_vec(),
            programs: vec![Row { program: "work", kind: Kind::Own, turns }],
            failures: vec!["work under broken: it ended with SIGSEGV".to_owned()],
        }
    }

    #[test]
    fn a_row_shows_the_baselines_value_and_the_others_ratios() {
        let measured = measured();
        let text = text(&measured, &Verdict::of(&measured));
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(rows.contains(&vec!["work", "2.00", "s", "0.500", "+-0.000", "failed"]), "{text}");
        assert!(rows.contains(&vec!["work", "40.00", "MiB", "0.750", "+-0.000", "failed"]), "{text}");
        assert!(rows.contains(&vec!["work:", "end", "rss", "(MiB)", "20.0", "15.0", "failed"]), "{text}");
        assert!(rows.contains(&vec!["cpu,", "geometric", "mean", "0.500", "<=", "0.78", "met"]), "{text}");
        assert!(text.ends_with("not measured: work under broken: it ended with SIGSEGV\n"), "{text}");
    }

    #[test]
    fn json_holds_every_turn_and_null_for_what_failed() {
        let measured = measured();
        let value = json(&measured, &Verdict::of(&measured));
        let runs = &value["programs"][0]["runs"];
        assert_eq!(runs["ours"]["cpu"], json!([1.0, 1.0]));
        assert_eq!(runs["ours"]["cpu_ratio"]["median"], 0.5);
        assert_eq!(runs["ours"]["reported"][0]["end rss (MiB)"], 15.0);
        assert_eq!(runs["broken"]["cpu"], Value::Null);
        assert_eq!(value["geometric_mean"]["cpu"]["all"]["broken"], Value::Null);
    }
}
