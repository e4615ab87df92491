//! Two releases of something, captured after their start-up, traced and paired.

use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::callers::Callers;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::sites::Options;
use mcrx_dsl::load;
use mcrx_dsl::lower;
use mcrx_dsl::rules::Rules;
use mcrx_dsl::source::FromDisk;
use mcrx_harness::{Context, Explain, Pid, Result, ensure, preload};
use mcrx_live::capture::capture;
use mcrx_live::hold::Scope;
use mcrx_tracer::debug::Shelf;
use mcrx_tracer::image::{Image, Process};
use mcrx_tracer::trace::{Known, Trace};
use mcrx_transform::pairs::Pairs;
use mcrx_transform::plan::Course;
use mcrx_transform::side::Side;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What every program begins with: `show` says where something is.
const PRELUDE: &str = "
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void show(const char *name, const void *at) { printf(\"%s %p\\n\", name, at); }
static void park(void) { puts(\".\"); fflush(stdout); getchar(); }
";

/// A release that has started and waits, and where it says that its things are.
pub(crate) struct Started {
    pub(crate) image: Image,
    pub(crate) places: BTreeMap<String, u64>,
}

impl Started {
    fn run(test: &Context, source: &str, epoch: u32) -> Result<Started> {
        let program = test.scratch().fresh(&format!("release{epoch}"));
        let file = program.with_extension("c");
        std::fs::write(&file, format!("{PRELUDE}\n#line 1 \"release.c\"\n{source}"))?;
        let options = ["-O2", "-g", "-Wall", "-Werror", "-pthread", "-Wl,--build-id", "-o"];
        let output = Command::new("gcc").args(options).arg(&program).arg(&file).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let callers = test.scratch().fresh("callers");
        write_callers(&program, &callers)?;
        let mut child = Command::new(&program)
            .env("LD_PRELOAD", preload()?)
            .env("MCRX_CALLERS", &callers)
            .env("MCRX_EPOCH", epoch.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let started = Started::look(&mut child);
        child.kill()?;
        child.wait()?;
        started
    }

    fn look(child: &mut Child) -> Result<Started> {
        let mut places = BTreeMap::new();
        for line in BufReader::new(child.stdout.take().context("piped")?).lines() {
            let line = line?;
            if line == "." {
                let image = capture(Scope::Process(Pid::from_raw(child.id().cast_signed())))?;
                return Ok(Started { image, places });
            }
            let (name, address) = line.rsplit_once(' ').context("a name and an address")?;
            places.insert(name.to_owned(), u64::from_str_radix(address.trim_start_matches("0x"), 16)?);
        }
        mcrx_harness::bail!("it ended before it waited")
    }
}

/// Where a program's allocation functions keep their callers, for the allocator.
pub(crate) fn write_callers(program: &Path, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let binary = Binary::open(program)?;
    let cache = Cache::default();
    let table = cache.table(&binary)?;
    let sites = cache.sites(&binary, &table, &Options::default());
    Callers::of_wrappers(&binary, &sites)?.write(folder)?;
    Ok(())
}

/// The rules of a file; none without one.
pub(crate) fn rules_of(path: Option<&PathBuf>) -> Rules {
    path.map_or_else(Rules::default, |path| load::rules(path, &FromDisk).rules)
}

/// Has a look at the pairs of two processes.
pub(crate) fn paired(
    (old, new): (&Process, &Process),
    rules: &Rules,
    look: impl FnOnce(&Side<'_>, &Side<'_>, &Pairs) -> Result<()>,
) -> Result<()> {
    let facts = lower::facts(rules);
    let shelf = Shelf::knowing(Cache::default(), facts.wrappers());
    let known = [Known::with(old, &shelf)?, Known::with(new, &shelf)?];
    let models = [known[0].model(&facts), known[1].model(&facts)];
    let traces = [Trace::of(old, &known[0], &models[0]), Trace::of(new, &known[1], &models[1])];
    let program = |process: &Process, known: &Known| -> Result<usize> {
        let is_it = |module: &mcrx_tracer::image::Module| module.path == process.executable;
        let place = process.modules.iter().position(is_it).context("a program")?;
        known.debug.modules[place].table.as_ref().context("debug info")?;
        Ok(place)
    };
    let places = [program(old, &known[0])?, program(new, &known[1])?];
    let tables = [0, 1].map(|side| known[side].debug.modules[places[side]].table.as_ref());
    let [Some(before), Some(after)] = tables else { mcrx_harness::bail!("no debug info") };
    let start = Side::of(&traces[0], before, "old")?;
    let other = Side::of(&traces[1], after, "new")?;
    let course = Course::of(&start, &other, rules);
    let pairs = Pairs::find(&start, &other, &course, rules);
    look(&start, &other, &pairs)
}

/// Two releases of a program, and what pairs.
pub(crate) struct Releases {
    pub(crate) old: Started,
    pub(crate) new: Started,
    rules: Rules,
}

impl Releases {
    pub(crate) fn of(test: &Context, old: &str, new: &str) -> Result<Releases> {
        Releases::with(test, old, new, "")
    }

    /// By these rules.
    pub(crate) fn with(test: &Context, old: &str, new: &str, rules: &str) -> Result<Releases> {
        let file = test.scratch().fresh("rules.mcrx");
        std::fs::write(&file, rules)?;
        let loaded = load::rules(&file, &FromDisk);
        ensure!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let (old, new) = (Started::run(test, old, 0)?, Started::run(test, new, 1)?);
        Ok(Releases { old, new, rules: loaded.rules })
    }

    pub(crate) fn look(&self, look: impl FnOnce(&Found<'_>) -> Result<()>) -> Result<()> {
        let processes = [&self.old, &self.new].map(|started| started.image.processes.first());
        let [Some(old), Some(new)] = processes else { mcrx_harness::bail!("no process") };
        paired((old, new), &self.rules, |_, _, pairs| look(&Found { releases: self, pairs }))
    }
}

/// What pairs of the things that two releases have shown.
pub(crate) struct Found<'f> {
    releases: &'f Releases,
    pub(crate) pairs: &'f Pairs,
}

impl Found<'_> {
    pub(crate) fn place(&self, name: &str) -> Result<u64> {
        self.releases
            .old
            .places
            .get(name)
            .copied()
            .with_context(|| format!("the old release shows no {name}"))
    }

    fn place_in_new(&self, name: &str) -> Result<u64> {
        self.releases
            .new
            .places
            .get(name)
            .copied()
            .with_context(|| format!("the new release shows no {name}"))
    }

    /// These pair with what has the same name.
    pub(crate) fn pair(&self, names: &[&str]) -> Result<()> {
        for name in names {
            let pair = self.pairs.at(self.place(name)?);
            let new = self.place_in_new(name)?;
            let alone = self.why(name)?;
            ensure!(
                pair.is_some_and(|pair| pair.new.start == new),
                "{name} pairs with {pair:x?} ({alone:?})"
            );
        }
        Ok(())
    }

    /// These do not pair.
    pub(crate) fn alone(&self, names: &[&str]) -> Result<()> {
        for name in names {
            let pair = self.pairs.at(self.place(name)?);
            ensure!(pair.is_none(), "{name} pairs with {pair:x?}");
        }
        Ok(())
    }

    /// Why something is alone.
    pub(crate) fn why(&self, name: &str) -> Result<Option<mcrx_transform::pairs::Why>> {
        let address = self.place(name)?;
        Ok(self.pairs.alone.iter().find(|alone| alone.old.start == address).map(|alone| alone.why))
    }
}
