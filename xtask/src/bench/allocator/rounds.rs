//! Who runs when: program after program; for each, one turn to warm the machine, then rounds in which every allocator has its
//! turn.

use super::contender::Contender;
use super::program::{Kind, Program, Size, Task};
use super::turn::{Cost, take};
use super::workshop::Workshop;
use anyhow::ensure;
use std::num::NonZeroUsize;
use std::time::Instant;

/// Everything that was measured.
pub(super) struct Measured {
    /// In the order of the turns, the baseline first.
    pub(super) contenders: Vec<String>,
    pub(super) programs: Vec<Row>,
    /// What could not be measured, a sentence each.
    pub(super) failures: Vec<String>,
}

/// One program under all allocators.
pub(super) struct Row {
    pub(super) program: &'static str,
    pub(super) kind: Kind,
    /// For each contender, its turns; nothing for one that failed.
    pub(super) turns: Vec<Option<Vec<Cost>>>,
}

pub(super) fn measure(
    programs: &[&Program],
    size: Size,
    contenders: &[Contender],
    rounds: NonZeroUsize,
    workshop: &mut Workshop,
) -> Measured {
    let mut measured = Measured {
        contenders: contenders.iter().map(|contender| contender.name.clone()).collect(),
        programs: Vec::new(),
        failures: Vec::new(),
    };
    for program in programs {
        let begun = Instant::now();
        eprint!("{:<10} ", program.name);
        match (program.prepare)(workshop, size) {
            Ok(task) => {
                let row = go_round(program, &task, contenders, rounds, &mut measured.failures);
                eprintln!("{} ({:.0} s)", summary(&row, contenders), begun.elapsed().as_secs_f64());
                measured.programs.push(row);
            }
            Err(error) => {
                eprintln!("left out");
                measured.failures.push(format!("{}: {error:#}", program.name));
            }
        }
    }
    measured
}

/// The rounds of one program. A contender that fails is out of the others.
fn go_round(
    program: &Program,
    task: &Task,
    contenders: &[Contender],
    rounds: NonZeroUsize,
    failures: &mut Vec<String>,
) -> Row {
    let mut turns: Vec<Option<Vec<Cost>>> = vec![Some(Vec::new()); contenders.len()];
    let mut expected: Option<String> = None;
    // The first round is the baseline's alone, and does not count: it fills the page cache.
    for round in 0..=rounds.get() * program.kind.turns_of_a_round() {
        let warming = round == 0;
        for (contender, taken) in contenders.iter().zip(&mut turns).take(if warming { 1 } else { usize::MAX })
        {
            let Some(kept) = taken else { continue };
            let result = take(task, contender).and_then(|cost| {
                let wanted = expected.get_or_insert_with(|| cost.output.clone());
                let same = if contender.wrapper.is_empty() {
                    cost.output == *wanted
                } else {
                    cost.output.contains(wanted.as_str())
                };
                ensure!(same, "it printed {:?}, not {wanted:?}", cost.output);
                Ok(cost)
            });
            match result {
                Ok(_) if warming => {}
                Ok(cost) => kept.push(cost),
                Err(error) => {
                    failures.push(format!("{} under {}: {error:#}", program.name, contender.name));
                    *taken = None;
                }
            }
        }
    }
    Row { program: program.name, kind: program.kind, turns }
}

/// A line for whoever watches: processor time, against the baseline's.
fn summary(row: &Row, contenders: &[Contender]) -> String {
    let cells = contenders.iter().enumerate().map(|(index, contender)| match row.cpu_ratio(index) {
        Some(ratio) => format!("{} {:.2}", contender.name, ratio.median),
        None => format!("{} failed", contender.name),
    });
    cells.skip(1).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    const WORK: Program = Program {
        name: "work",
        about: "",
        kind: Kind::Own,
        quick: false,
        prepare: |_, _| anyhow::bail!("it is prepared by the test"),
    };

    fn contender(name: &str) -> Contender {
        Contender::new(name, None)
    }

    #[test]
    fn allocators_take_turns_after_one_of_the_baselines_that_does_not_count() {
        let log = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&log);
        let task = Task::Server(Box::new(move |contender| {
            seen.borrow_mut().push(contender.name.clone());
            let cpu = if contender.name == "b" { 3.0 } else { 2.0 };
            Ok(Cost { cpu, peak_rss: 1.0, reported: BTreeMap::new(), output: String::new() })
        }));
        let mut failures = Vec::new();
        let contenders = [contender("a"), contender("b")];
        let row = go_round(&WORK, &task, &contenders, NonZeroUsize::new(2).unwrap(), &mut failures);
        assert_eq!(*log.borrow(), ["a", "a", "b", "a", "b"]);
        assert_eq!(row.turns[0].as_ref().unwrap().len(), 2);
        assert_eq!(row.cpu_ratio(1).unwrap().median, 1.5);
        assert!(failures.is_empty());
    }

    #[test]
    fn what_a_recorder_says_beside_the_programs_own_words_is_no_failure() {
        let task = Task::Server(Box::new(|contender| {
            let output = if contender.wrapper.is_empty() { "4\n" } else { "recording\n4\n" }.to_owned();
            Ok(Cost { cpu: 1.0, peak_rss: 1.0, reported: BTreeMap::new(), output })
        }));
        let mut recorder = contender("recorder");
        recorder.wrapper.push("record".to_owned());
        let mut failures = Vec::new();
        go_round(&WORK, &task, &[contender("a"), recorder], NonZeroUsize::MIN, &mut failures);
        assert!(failures.is_empty(), "{failures:?}");
    }

    #[test]
    fn one_that_fails_or_computes_something_else_is_out_and_the_others_go_on() {
        let task = Task::Server(Box::new(|contender| {
            if contender.name == "crashing" {
                bail!("it ended with SIGSEGV");
            }
            let output = if contender.name == "wrong" { "5" } else { "4" }.to_owned();
            Ok(Cost { cpu: 1.0, peak_rss: 1.0, reported: BTreeMap::new(), output })
        }));
        let mut failures = Vec::new();
        let contenders = ["a", "crashing", "wrong", "b"].map(contender);
        let row = go_round(&WORK, &task, &contenders, NonZeroUsize::MIN, &mut failures);
        assert_eq!(
            failures,
            ["work under crashing: it ended with SIGSEGV", "work under wrong: it printed \"5\", not \"4\""]
        );
        let there: Vec<bool> = row.turns.iter().map(Option::is_some).collect();
        assert_eq!(there, [true, false, false, true]);
    }
}
