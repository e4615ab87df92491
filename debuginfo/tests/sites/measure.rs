//! Compiling a program, and holding what is found of its sites against what is known.

use crate::program::Program;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::lines::Lines;
use mcrx_debuginfo::load;
use mcrx_debuginfo::sites::{self, Site, Verdict};
use mcrx_debuginfo::table::{Kind, Table, Type};
use mcrx_harness::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

/// How a program is compiled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) compiler: &'static str,
    pub(crate) level: u8,
    pub(crate) dwarf: u8,
    /// Without a look at the source.
    pub(crate) binary_only: bool,
}

/// What was found, added up.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    idioms: BTreeMap<&'static str, Count>,
    pub(crate) wrong: Vec<String>,
}

#[derive(Debug, Default)]
struct Count {
    /// Sites whose blocks have a type.
    sites: u32,
    right: u32,
    wrong: u32,
    /// Sites without one that got none, as is right.
    bytes: u32,
    /// Why those that got none have none.
    why: BTreeMap<String, u32>,
    /// Lines that allocate, and that no site was found for.
    gone: u32,
}

/// The rest of each program, which is compiled apart so that nothing is known of it.
const OUTSIDE: &str = "
#include <stdlib.h>
void keep(const void *p) { (void)p; }
struct hooks { void *(*allocate)(size_t); } hooks = { malloc };
int main(void) { return 0; }
";

/// Functions of the programs that only hand on what they allocate.
const WRAPPERS: [&str; 9] =
    ["xmalloc", "xcalloc", "xrealloc", "xstrdup", "imalloc", "deep2", "deep3", "deep4", "deep5"];

impl Measured {
    pub(crate) fn add(&mut self, test: &Context, options: Options, program: &Program) -> Result<()> {
        let binary = Binary::open(&compiled(test, options, program)?)?;
        let (table, dwarf) = (load::load(&binary)?, binary.dwarf()?);
        let lines = Lines::new(&dwarf)?;
        let looking = sites::Options { binary_only: options.binary_only, ..sites::Options::default() };
        let sites = sites::find(&binary, &table, Some(&dwarf), &looking);
        let mut seen = BTreeSet::new();
        for site in sites.iter() {
            let frames = lines.frames(site.call())?;
            // The innermost line that makes something: those of inlined wrappers make nothing of their own.
            let mut places = frames.iter().map(|frame| frame.place.line);
            let Some(line) = places.find(|line| program.truth(*line).is_some()) else {
                let function = frames.first().and_then(|frame| frame.function.as_deref()).unwrap_or("?");
                if matches!(site.verdict(), Verdict::Typed { .. }) && WRAPPERS.contains(&function) {
                    let what = described(&table, site);
                    self.wrong.push(format!("{options:?}: the wrapper {function} was typed: {what}"));
                }
                continue;
            };
            seen.insert(line);
            self.judge(&table, site, line, program, options);
        }
        for (line, truth) in program.truths() {
            if !seen.contains(&line) {
                self.idioms.entry(truth.idiom).or_default().gone += 1;
            }
        }
        Ok(())
    }

    fn judge(&mut self, table: &Table, site: Site<'_>, line: u32, program: &Program, options: Options) {
        let Some(truth) = program.truth(line) else { return };
        let count = self.idioms.entry(truth.idiom).or_default();
        count.sites += u32::from(truth.ty.is_some());
        match (site.verdict(), &truth.ty) {
            (Verdict::Typed { ty, .. }, Some(expected))
                if table.ty(ty).is_some_and(|ty| spelled(ty) == *expected) =>
            {
                count.right += 1;
            }
            (Verdict::Typed { .. }, expected) => {
                count.wrong += 1;
                let (idiom, what) = (truth.idiom, described(table, site));
                self.wrong.push(format!("{options:?} line {line} ({idiom}): {what}, but it is {expected:?}"));
            }
            (_, None) => count.bytes += 1,
            (verdict, Some(_)) => {
                *count.why.entry(format!("{verdict:?}")).or_default() += 1;
            }
        }
    }

    /// Of the sites that got a type: how many got the right one.
    pub(crate) fn precision(&self) -> f64 {
        let right: u32 = self.idioms.values().map(|count| count.right).sum();
        let wrong = u32::try_from(self.wrong.len()).unwrap_or(u32::MAX);
        f64::from(right) / f64::from(right.saturating_add(wrong).max(1))
    }

    /// The idioms of which some site that makes a type got none, but for these.
    pub(crate) fn partly_typed(&self, but: &[&str]) -> Vec<&'static str> {
        let partly = self.idioms.iter().filter(|(_, count)| count.right < count.sites);
        partly.map(|(idiom, _)| *idiom).filter(|idiom| !but.contains(idiom)).collect()
    }

    /// Of the sites that make a type: how many got it.
    pub(crate) fn recall(&self) -> f64 {
        let (right, sites) =
            self.idioms.values().fold((0, 0), |sum, count| (sum.0 + count.right, sum.1 + count.sites));
        f64::from(right) / f64::from(sites.max(1))
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:>6} {:>6} {:>6} {:>6} {:>6}  idiom", "sites", "right", "wrong", "bytes", "gone")?;
        for (idiom, count) in &self.idioms {
            let Count { sites, right, wrong, bytes, gone, why } = count;
            write!(out, "{sites:6} {right:6} {wrong:6} {bytes:6} {gone:6}  {idiom}")?;
            for (why, count) in why {
                write!(out, "; {count} {why}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

fn compiled(test: &Context, options: Options, program: &Program) -> Result<PathBuf> {
    let folder = match std::env::var_os("MCRX_SITE_FOLDER") {
        Some(folder) => {
            PathBuf::from(folder).join(format!("{}{}{}", options.compiler, options.level, options.dwarf))
        }
        None => test.scratch().fresh("program"),
    };
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("program.c"), program.text())?;
    std::fs::write(folder.join("outside.c"), OUTSIDE)?;
    let Options { compiler, level, dwarf, .. } = options;
    let mut command = Command::new(test.program(compiler)?);
    command.arg(format!("-O{level}")).arg(format!("-gdwarf-{dwarf}")).arg("-w");
    command.args(["program.c", "outside.c", "-o", "program"]).current_dir(&folder);
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(folder.join("program"))
}

/// The name of a type; of a pointer, that of what it points to and a star.
fn spelled(ty: Type<'_>) -> String {
    match (ty.name(), ty.kind()) {
        (Some(name), _) => name.to_owned(),
        (None, Kind::Pointer(Some(to))) => spelled(to) + " *",
        (None, kind) => format!("{kind:?}"),
    }
}

fn described(table: &Table, site: Site<'_>) -> String {
    let name = |ty| table.ty(ty).map(spelled).unwrap_or_default();
    let verdict = match site.verdict() {
        Verdict::Typed { ty, .. } => name(ty),
        other => format!("{other:?}"),
    };
    let evidence = site.evidence().map(|evidence| {
        format!("{:?} {} {} at {}", evidence.landing, evidence.name, name(evidence.ty), evidence.at)
    });
    format!("{} at {} {:?} {:?}", verdict, site.address(), site.size(), evidence.collect::<Vec<_>>())
}
