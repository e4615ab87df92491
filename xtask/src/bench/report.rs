//! What was measured, as a table for people and as JSON.

use super::area::Findings;
use super::measure::{Measured, SideOf};
use super::stats::Spread;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A row for each figure and peer.
pub(crate) fn table(results: &[Measured]) -> String {
    let mut rows = vec![["case", "figure", "ours", "peer", "", "ratio", "quartiles"].map(str::to_owned)];
    for result in results {
        for it in &result.comparisons {
            rows.push([
                format!("{}: {}", result.area, result.case),
                format!("{} ({})", it.figure, it.unit),
                format!("{:.4}", Significant(it.ours.spread.median)),
                it.peer.name.clone(),
                format!("{:.4}", Significant(it.peer.spread.median)),
                format!("{:.3}", it.ratio.median),
                format!("{:.3} .. {:.3}", it.ratio.low, it.ratio.high),
            ]);
        }
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            // Text to the left, numbers to the right.
            .map(|(column, (cell, width))| match column {
                0 | 1 | 3 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// A number with so many significant digits as its precision says, never in powers of ten.
struct Significant(f64);

impl std::fmt::Display for Significant {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = out.precision().unwrap_or(4);
        let mut limit = 1.0;
        let mut whole = 0;
        while self.0.abs() >= limit && whole < 20 {
            limit *= 10.0;
            whole += 1;
        }
        write!(out, "{:.*}", digits.saturating_sub(whole), self.0)
    }
}

/// Everything, down to the single turns. Areas with a method of their own stand beside the cases, under their names.
pub(crate) fn json(results: &[Measured], findings: &[(&str, Findings)], missing: &BTreeSet<String>) -> Value {
    let cases: Vec<Value> = results
        .iter()
        .map(|result| {
            let comparisons: Vec<Value> = result
                .comparisons
                .iter()
                .map(|it| {
                    json!({
                        "figure": it.figure, "unit": it.unit,
                        "ours": side(&it.ours), "peer": side(&it.peer), "ratio": spread(it.ratio),
                    })
                })
                .collect();
            json!({ "area": result.area, "case": result.case, "comparisons": comparisons })
        })
        .collect();
    let mut value = json!({ "schema": "mcrx.bench/1", "cases": cases, "left_out": missing });
    for (area, found) in findings {
        value[*area] = found.json.clone();
    }
    value
}

fn side(side: &SideOf) -> Value {
    json!({ "name": side.name, "samples": side.samples, "spread": spread(side.spread) })
}

fn spread(spread: Spread) -> Value {
    json!({ "median": spread.median, "low": spread.low, "high": spread.high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measure::Comparison;

    fn measured() -> Vec<Measured> {
        let side = |name: &str, value: f64| SideOf {
            name: name.to_owned(),
            samples: vec![value],
            spread: Spread { median: value, low: value, high: value },
        };
        let ratio = Spread { median: 0.5, low: 0.4, high: 0.625 };
        let (ours, peer) = (side("mcrx", 1234.567), side("glibc", 0.012_345_6));
        let comparison = Comparison { figure: "cpu", unit: "ms", ours, peer, ratio };
        vec![Measured { area: "malloc", case: "larson", comparisons: vec![comparison] }]
    }

    #[test]
    fn a_row_holds_medians_ratio_and_quartiles() {
        let table = table(&measured());
        let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        let expected = "malloc: larson cpu (ms) 1235 glibc 0.0123 0.500 0.400 .. 0.625";
        assert_eq!(row, expected.split(' ').collect::<Vec<_>>());
    }

    #[test]
    fn json_says_what_was_left_out() {
        let value = json(&measured(), &[], &BTreeSet::from(["wrk: not there".to_owned()]));
        assert_eq!(value["schema"], "mcrx.bench/1");
        assert_eq!(value["left_out"][0], "wrk: not there");
        assert_eq!(value["cases"][0]["comparisons"][0]["peer"]["samples"][0], 0.012_345_6);
    }
}
