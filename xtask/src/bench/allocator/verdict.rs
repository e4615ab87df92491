//! What the turns say: ratios to the baseline, their geometric means, and whether we are where we want to be.

use super::contender::OURS;
use super::program::Kind;
use super::rounds::{Measured, Row};
use super::turn::Cost;
use crate::bench::stats::Spread;

/// Geometric mean of processor time over all programs: what the best peer reaches in published comparisons.
const CPU_MEAN: f64 = 0.78;
/// Of any one program.
const CPU_WORST: f64 = 1.05;
/// Of any program that uses more than `LARGE` under the baseline.
const RSS_WORST: f64 = 1.2;
/// MiB.
const LARGE: f64 = 20.0;
/// Of a server, against the best of the peers.
const SERVER_WORST: f64 = 1.01;

/// Means and targets of a run.
pub(super) struct Verdict {
    /// Over all programs, for each contender; nothing where it failed one.
    pub(super) cpu_means: Vec<Option<f64>>,
    /// The same over the programs of one kind, for kinds that have any.
    pub(super) kinds: Vec<(Kind, Vec<Option<f64>>)>,
    /// The same of peak memory, over programs that use a good deal.
    pub(super) rss_means: Vec<Option<f64>>,
    pub(super) targets: Vec<Target>,
}

/// Something we want to reach, and where we are.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    pub(super) what: String,
    pub(super) value: f64,
    pub(super) limit: f64,
}

impl Target {
    pub(super) fn is_met(&self) -> bool {
        self.value <= self.limit
    }
}

impl Row {
    /// A contender's processor time, divided by the baseline's of the same round.
    pub(super) fn cpu_ratio(&self, contender: usize) -> Option<Spread> {
        self.ratio(contender, 0, |cost| cost.cpu)
    }

    /// The same of peak memory.
    pub(super) fn rss_ratio(&self, contender: usize) -> Option<Spread> {
        self.ratio(contender, 0, |cost| cost.peak_rss)
    }

    fn ratio(&self, contender: usize, to: usize, of: impl Fn(&Cost) -> f64) -> Option<Spread> {
        Spread::of_ratios(&self.samples(contender, &of)?, &self.samples(to, &of)?)
    }

    /// One figure of each turn.
    pub(super) fn samples(&self, contender: usize, of: impl Fn(&Cost) -> f64) -> Option<Vec<f64>> {
        Some(self.turns.get(contender)?.as_ref()?.iter().map(of).collect())
    }

    /// The middle of one figure.
    pub(super) fn median(&self, contender: usize, of: impl Fn(&Cost) -> f64) -> Option<f64> {
        Spread::of(&self.samples(contender, of)?).map(|spread| spread.median)
    }

    fn is_large(&self) -> bool {
        self.median(0, |cost| cost.peak_rss).is_some_and(|rss| rss > LARGE)
    }
}

impl Verdict {
    pub(super) fn of(measured: &Measured) -> Verdict {
        let mean = |contender: usize, of: fn(&Row, usize) -> Option<Spread>, rows: &[&Row]| {
            geometric_mean(rows.iter().map(|row| of(row, contender).map(|ratio| ratio.median)))
        };
        let all: Vec<&Row> = measured.programs.iter().collect();
        let large: Vec<&Row> = all.iter().copied().filter(|row| row.is_large()).collect();
        let indices = 0..measured.contenders.len();
        let cpu_means =
            |rows: &[&Row]| indices.clone().map(|index| mean(index, Row::cpu_ratio, rows)).collect();
        let of_kind = |kind| all.iter().copied().filter(|row| row.kind == kind).collect::<Vec<_>>();
        let kinds = Kind::ALL.map(|kind| (kind, of_kind(kind)));
        let cpu: Vec<Option<f64>> = cpu_means(&all);
        Verdict {
            targets: targets(measured, &cpu),
            cpu_means: cpu,
            kinds: kinds
                .iter()
                .filter(|(_, rows)| !rows.is_empty())
                .map(|(kind, rows)| (*kind, cpu_means(rows)))
                .collect(),
            rss_means: indices.clone().map(|index| mean(index, Row::rss_ratio, &large)).collect(),
        }
    }
}

fn targets(measured: &Measured, means: &[Option<f64>]) -> Vec<Target> {
    let Some(ours) = measured.contenders.iter().position(|name| name == OURS) else { return Vec::new() };
    let rows = &measured.programs;
    let mut targets = Vec::new();
    if let Some(mean) = means[ours] {
        targets.push(Target { what: "cpu, geometric mean".to_owned(), value: mean, limit: CPU_MEAN });
        // The baseline's own mean is 1, and says nothing.
        let peers = peers(measured).skip(1).filter_map(|index| Some((index, means[index]?)));
        if let Some((best, least)) = peers.min_by(|one, other| one.1.total_cmp(&other.1)) {
            let what = format!("cpu, geometric mean, over the best peer's ({})", measured.contenders[best]);
            targets.push(Target { what, value: mean / least, limit: 1.0 });
        }
    }
    let cpu = rows.iter().filter_map(|row| Some((row.program, row.cpu_ratio(ours)?.median)));
    if let Some((program, worst)) = cpu.max_by(|one, other| one.1.total_cmp(&other.1)) {
        targets.push(Target {
            what: format!("cpu, worst program ({program})"),
            value: worst,
            limit: CPU_WORST,
        });
    }
    let rss = rows.iter().filter(|row| row.is_large()).filter_map(|row| {
        let ratio = row.rss_ratio(ours)?.median;
        Some((row.program, ratio))
    });
    if let Some((program, worst)) = rss.max_by(|one, other| one.1.total_cmp(&other.1)) {
        let what = format!("peak rss, worst program over {LARGE:.0} MiB ({program})");
        targets.push(Target { what, value: worst, limit: RSS_WORST });
    }
    for row in rows.iter().filter(|row| row.kind == Kind::Server) {
        targets.extend(against_best_peer(measured, row, ours));
    }
    targets
}

/// All but ours, with sites or without.
fn peers(measured: &Measured) -> impl Iterator<Item = usize> {
    (0..measured.contenders.len()).filter(|&index| !measured.contenders[index].starts_with(OURS))
}

/// Our cost of a request over that of the peer whose middle one is the least.
fn against_best_peer(measured: &Measured, row: &Row, ours: usize) -> Option<Target> {
    let costs = peers(measured).filter_map(|index| Some((index, row.median(index, |cost| cost.cpu)?)));
    let (best, _) = costs.min_by(|one, other| one.1.total_cmp(&other.1))?;
    let ratio = row.ratio(ours, best, |cost| cost.cpu)?;
    let what = format!("cpu of {}, over the best peer's ({})", row.program, measured.contenders[best]);
    Some(Target { what, value: ratio.median, limit: SERVER_WORST })
}

/// Nothing if a value is missing, or all are: a mean over fewer programs would be of something else.
fn geometric_mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value?.ln();
        count += 1.0;
    }
    (count > 0.0).then(|| f64::exp(sum / count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn costs(cpu_and_rss: &[(f64, f64)]) -> Option<Vec<Cost>> {
        let cost = |&(cpu, peak_rss): &(f64, f64)| Cost {
            cpu,
            peak_rss,
            reported: BTreeMap::new(),
            output: String::new(),
        };
        Some(cpu_and_rss.iter().map(cost).collect())
    }

    fn measured(contenders: &[&str], programs: Vec<Row>) -> Measured {
        Measured {
            contenders: contenders.iter().map(|&name| name.to_owned()).collect(),
            programs,
            failures: Vec::new(),
        }
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // Both were slowed down alike in the second round: the medians' ratio would be 10.
        let turns = vec![costs(&[(1.0, 1.0), (9.0, 1.0)]), costs(&[(2.0, 1.0), (18.0, 1.0)])];
        let row = Row { program: "work", kind: Kind::Own, turns };
        assert_eq!(row.cpu_ratio(1), Some(Spread { median: 2.0, low: 2.0, high: 2.0 }));
    }

    #[test]
    fn a_mean_is_geometric_and_over_all_programs_or_none() {
        let row = |program, ours: Option<f64>| Row {
            program,
            kind: Kind::Own,
            turns: vec![costs(&[(1.0, 50.0)]), ours.and_then(|cpu| costs(&[(cpu, 25.0)]))],
        };
        let all = measured(&["glibc", "ours"], vec![row("a", Some(0.25)), row("b", Some(1.0))]);
        assert_eq!(Verdict::of(&all).cpu_means, [Some(1.0), Some(0.5)]);
        assert_eq!(Verdict::of(&all).rss_means, [Some(1.0), Some(0.5)]);
        let failed = measured(&["glibc", "ours"], vec![row("a", Some(0.25)), row("b", None)]);
        assert_eq!(Verdict::of(&failed).cpu_means, [Some(1.0), None]);
    }

    #[test]
    fn targets_name_the_worst_program_and_pass_over_small_ones_memory() {
        let row = |program, glibc: (f64, f64), ours: (f64, f64)| Row {
            program,
            kind: Kind::Own,
            turns: vec![costs(&[glibc]), costs(&[ours])],
        };
        let rows = vec![row("small", (1.0, 2.0), (0.5, 8.0)), row("large", (1.0, 100.0), (1.1, 110.0))];
        let targets = Verdict::of(&measured(&["glibc", "ours"], rows)).targets;
        assert_eq!(targets[1].what, "cpu, worst program (large)");
        assert!(!targets[1].is_met() && targets[1].value == 1.1);
        assert!(targets[2].what.contains("(large)") && targets[2].is_met());
        assert_eq!(targets.len(), 3);
    }

    #[test]
    fn the_mean_is_held_against_the_best_of_the_peers_and_each_kind_has_its_own() {
        let row = |kind, ours, peer| Row {
            program: "work",
            kind,
            turns: [1.0, ours, peer, 0.9].map(|cpu| costs(&[(cpu, 1.0)])).to_vec(),
        };
        let rows = vec![row(Kind::Own, 0.5, 0.4), row(Kind::Real, 0.5, 0.4)];
        let verdict = Verdict::of(&measured(&["glibc", "ours", "snmalloc", "jemalloc"], rows));
        assert_eq!(verdict.targets[1].what, "cpu, geometric mean, over the best peer's (snmalloc)");
        assert!((verdict.targets[1].value - 1.25).abs() < 1e-9);
        let kinds: Vec<Kind> = verdict.kinds.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Kind::Real, Kind::Own]);
    }

    #[test]
    fn a_server_is_held_against_its_best_peer_and_not_against_us_without_sites() {
        let turns = [20.0, 11.0, 9.0, 10.0, 12.0].map(|cpu| costs(&[(cpu, 5.0)])).to_vec();
        let row = Row { program: "redis", kind: Kind::Server, turns };
        let contenders = ["glibc", "ours", "ours-nosites", "snmalloc", "jemalloc"];
        let targets = Verdict::of(&measured(&contenders, vec![row])).targets;
        let target = targets.last().unwrap();
        assert_eq!(target.what, "cpu of redis, over the best peer's (snmalloc)");
        assert!((target.value - 1.1).abs() < 1e-9 && !target.is_met());
    }
}
