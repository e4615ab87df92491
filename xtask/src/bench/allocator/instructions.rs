//! Instructions of a malloc and the free that goes with it, counted by callgrind: a figure without noise.
//!
//! One program runs all patterns (`benches/allocator/instructions.c`), each after it was run before, so that what is counted is
//! the way it goes again and again. The loop around the calls is subtracted.

use super::contender::Contender;
use super::workshop::Workshop;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// As typed behind `--programs`.
pub(super) const NAME: &str = "instructions";

/// The functions of the program, and what they do.
pub(super) const PATTERNS: &[(&str, &str)] = &[
    ("pair", "one block of 64 bytes at a time"),
    ("batch", "a hundred blocks of 64 bytes, freed in order"),
    ("mixed", "a hundred blocks of up to 1 KiB, freed in order"),
];

/// The loop that does nothing.
const EMPTY: &str = "empty";

/// Instructions of a pair for each pattern, under each contender that callgrind can run.
pub(super) struct Counted {
    pub(super) rows: Vec<(String, Vec<f64>)>,
    pub(super) failures: Vec<String>,
}

pub(super) fn count(contenders: &[Contender], workshop: &mut Workshop) -> Counted {
    let mut counted = Counted { rows: Vec::new(), failures: Vec::new() };
    let tools = workshop.program("valgrind", "valgrind").and_then(|valgrind| {
        let program = workshop.compiled("instructions")?;
        Ok((valgrind, program))
    });
    let (valgrind, program) = match tools {
        Ok(tools) => tools,
        Err(error) => {
            counted.failures.push(format!("{NAME}: {error:#}"));
            return counted;
        }
    };
    let profile = workshop.directory().join("callgrind.out");
    for contender in contenders {
        match under(contender, &valgrind, &program, &profile) {
            Ok(instructions) => counted.rows.push((contender.name.clone(), instructions)),
            Err(error) => counted.failures.push(format!("{NAME} under {}: {error:#}", contender.name)),
        }
    }
    counted
}

fn under(contender: &Contender, valgrind: &Path, program: &Path, profile: &Path) -> Result<Vec<f64>> {
    let mut command = Command::new(valgrind);
    command.args(["-q", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no"]);
    command.arg(format!("--callgrind-out-file={}", profile.display())).arg(program);
    command.envs(contender.environment.iter().map(|(name, value)| (name, value)));
    if let Some(library) = &contender.preload {
        command.env("LD_PRELOAD", library);
    }
    let output = command.output().context("valgrind cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gives no reason");
    ensure!(output.status.success(), "callgrind cannot run it: {first}");
    let text = fs::read_to_string(profile).with_context(|| format!("no {}", profile.display()))?;
    per_pair(&text, &String::from_utf8_lossy(&output.stdout))
}

/// From a profile, and from what the program printed: `N pairs in each loop`.
fn per_pair(profile: &str, printed: &str) -> Result<Vec<f64>> {
    let pairs = printed.split(' ').next().and_then(|word| word.parse::<u32>().ok());
    let pairs = pairs.with_context(|| format!("the program printed {printed:?}"))?;
    let cost = |function: &str| {
        inclusive(profile, function).with_context(|| format!("callgrind saw no call of {function}"))
    };
    let empty = cost(EMPTY)?;
    PATTERNS.iter().map(|(name, _)| Ok((cost(name)? - empty) / f64::from(pairs))).collect()
}

/// What `main`'s call of a function cost, with all it called. The format is described in Valgrind's manual, "Callgrind Format
/// Specification": the line behind `calls=` holds a position and the call's inclusive cost, and belongs to the last `cfn=`.
fn inclusive(profile: &str, function: &str) -> Option<f64> {
    let (mut caller, mut callee) = ("", "");
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("fn=") {
            caller = name;
        } else if let Some(name) = line.strip_prefix("cfn=") {
            callee = name;
        } else if line.starts_with("calls=") {
            let cost = lines.next()?;
            if caller == "main" && callee == function {
                return cost.split(' ').next_back()?.parse().ok();
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "version: 1\nevents: Ir\n\nfl=a.c\nfn=warm_up\n55 3\ncfn=empty\ncalls=1 12\n56 70\n\
        cfn=pair\ncalls=1 20\n57 999\n\nfn=main\n66 4\ncfn=empty\ncalls=1 12\n67 30\n\
        cfn=pair\ncalls=1 20\n68 1030\ncfi=b.c\ncfn=batch\ncalls=1 20\n69 530\ncfn=mixed\ncalls=1 20\n70 830\n71 9\n";

    #[test]
    fn only_mains_calls_count_and_the_loop_does_not() {
        assert_eq!(per_pair(PROFILE, "10 pairs in each loop\n").unwrap(), [100.0, 50.0, 80.0]);
    }

    #[test]
    fn a_call_that_is_missing_is_named() {
        let without = PROFILE.replace("cfn=mixed", "cfn=other");
        let error = per_pair(&without, "10 pairs in each loop\n").unwrap_err().to_string();
        assert_eq!(error, "callgrind saw no call of mixed");
    }

    #[test]
    fn a_program_that_says_nothing_is_an_error() {
        assert!(per_pair(PROFILE, "").is_err());
    }
}
