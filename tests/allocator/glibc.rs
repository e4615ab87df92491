//! glibc's own tests of malloc: all that pass under glibc pass under ours.
//!
//! `MCRX_PEERS=1 cargo test --release --test allocator glibc` runs them under other allocators too, each of which fails some, and
//! prints the table.

use crate::programs::{library, source};
use mcrx_harness::{Context, Explain as _, Result, Skip, Suite, condition, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([condition(sources_are_here)], every_test_that_passes_under_glibc_passes)
        .within(Duration::from_secs(900))
}

/// Where Debian's package `glibc-source` puts it.
const SOURCES: &str = "/usr/src/glibc";

/// The tests of the malloc family. The rest of the directory is about glibc's insides (buffers of its own, hooks, tunables).
const TESTS: &[&str] = &[
    "mallocbug",
    "tst-calloc",
    "tst-free-errno",
    "tst-interpose-nothread",
    "tst-interpose-thread",
    "tst-mallinfo2",
    "tst-malloc",
    "tst-malloc-backtrace",
    "tst-malloc-check",
    "tst-malloc-fork-deadlock",
    "tst-malloc-stats-cancellation",
    "tst-malloc-tcache-leak",
    "tst-malloc-thread-exit",
    "tst-malloc-thread-fail",
    "tst-malloc-too-large",
    "tst-malloc-usable",
    "tst-malloc_info",
    "tst-mallocalign1",
    "tst-mallocfork",
    "tst-mallocfork2",
    "tst-mallocfork3",
    "tst-mallopt",
    "tst-memalign",
    "tst-mtrace",
    "tst-mxfast",
    "tst-obstack",
    "tst-posix_memalign",
    "tst-pvalloc",
    "tst-pvalloc-fortify",
    "tst-realloc",
    "tst-reallocarray",
    "tst-safe-linking",
    "tst-tcfree1",
    "tst-tcfree2",
    "tst-tcfree3",
    "tst-trim1",
    "tst-valloc",
];

/// Tests of something that ours does not have, with what it is.
const NOT_OURS: &[(&str, &str)] = &[(
    "tst-safe-linking",
    "it damages the links that glibc keeps inside freed blocks, and wants that noticed; ours keeps nothing there",
)];

/// Other allocators, with the library, and the package that brings it, of Debian.
const PEERS: &[(&str, &str, &str)] = &[
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("mimalloc", "libmimalloc.so.2.0", "libmimalloc2.0"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
];

fn sources_are_here() -> std::result::Result<(), String> {
    archive()
        .map(drop)
        .ok_or_else(|| "glibc's source is not installed (Debian package glibc-source)".to_owned())
}

fn archive() -> Option<PathBuf> {
    let entries = fs::read_dir(SOURCES).ok()?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths.find(|path| path.to_string_lossy().ends_with(".tar.xz"))
}

/// An allocator, and the library to preload for it; none for glibc's own.
struct Side {
    name: &'static str,
    preload: Option<PathBuf>,
}

fn every_test_that_passes_under_glibc_passes(test: &Context) -> Result<()> {
    let place = unpack(test)?;
    let mut sides = vec![
        Side { name: "glibc", preload: None },
        Side { name: "mcrx", preload: Some(library()?.to_owned()) },
    ];
    let with_peers = std::env::var_os("MCRX_PEERS").is_some();
    if with_peers {
        for (name, file, package) in PEERS {
            let path = Path::new("/usr/lib/x86_64-linux-gnu").join(file);
            ensure!(path.exists(), "{name} is not installed (Debian package {package})");
            sides.push(Side { name, preload: Some(path) });
        }
    }
    let rows = run_all(&place, &sides)?;
    if with_peers {
        print_table(&sides, &rows);
    }
    let counted: Vec<&Row> = rows.iter().filter(|row| row.results[0] == Outcome::Passed).collect();
    ensure!(
        counted.len() >= 30,
        "only {} pass under glibc: this stub does not fit this release",
        counted.len()
    );
    let failed = counted.iter().filter(|row| row.results[1] != Outcome::Passed && !row.is_not_ours());
    let failed: Vec<String> = failed.map(|row| format!("{}:\n{}", row.name, row.said)).collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    // A peer that passes all of them: then the table is to say so, and this file no longer that each fails some.
    for (side, peer) in sides.iter().enumerate().skip(2) {
        ensure!(
            counted.iter().any(|row| row.results[side] != Outcome::Passed),
            "{} passes them all",
            peer.name
        );
    }
    Ok(())
}

/// Lays the tests out beside what they need.
fn unpack(test: &Context) -> Result<PathBuf> {
    let place = test.scratch().fresh("glibc");
    fs::create_dir(&place)?;
    let Some(archive) = archive() else { return Err(Skip("the source has gone".to_owned()).into()) };
    run(Command::new("tar")
        .arg("-xf")
        .arg(archive)
        .args(["--wildcards", "--strip-components=1", "*/malloc/*"])
        .current_dir(&place))?;
    // glibc's own headers of these names are for building glibc.
    for name in ["malloc.h", "obstack.h", "mcheck.h"] {
        let _ = fs::remove_file(place.join("malloc").join(name));
    }
    run(Command::new("cp").arg("-r").arg(source("glibc").join(".")).arg(&place))?;
    Ok(place)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Hung,
}

/// A test, and what came of it under each side.
struct Row {
    name: &'static str,
    results: Vec<Outcome>,
    /// What it said under ours.
    said: String,
}

impl Row {
    fn is_not_ours(&self) -> bool {
        NOT_OURS.iter().any(|(name, _)| *name == self.name)
    }
}

/// Some tests mostly wait: more at a time than there are processors.
const WORKERS: usize = 4;

fn run_all(place: &Path, sides: &[Side]) -> Result<Vec<Row>> {
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some(name) = TESTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                let row = row(place, name, sides).with_context(|| (*name).to_owned())?;
                rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(row);
            }
            Ok(())
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    let mut rows = rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    rows.sort_by_key(|row| row.name);
    Ok(rows)
}

fn row(place: &Path, name: &'static str, sides: &[Side]) -> Result<Row> {
    let program = place.join(name);
    let mut compiler = Command::new("cc");
    compiler
        .args(["-std=gnu11", "-O2", "-w", "-D_GNU_SOURCE", "-fno-builtin", "-pthread", "-I."])
        .current_dir(place);
    compiler.arg("-o").arg(&program).arg(format!("malloc/{name}.c")).arg("support.c");
    // Their own malloc, which must win over any that is preloaded.
    if let Some(kind) = name.strip_prefix("tst-interpose-") {
        compiler.arg(format!("malloc/tst-interpose-aux-{kind}.c"));
    }
    run(&mut compiler)?;
    let (mut results, mut said) = (Vec::new(), String::new());
    for side in sides {
        let mut command = Command::new(&program);
        command.current_dir(place).stdin(Stdio::null()).env_clear().env("PATH", "/usr/bin:/bin");
        if let Some(library) = &side.preload {
            command.env("LD_PRELOAD", library);
        }
        let output = command.output()?;
        results.push(match output.status.code() {
            Some(0) => Outcome::Passed,
            Some(124) => Outcome::Hung,
            _ => Outcome::Failed,
        });
        if side.name == "mcrx" {
            said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        }
    }
    Ok(Row { name, results, said })
}

fn print_table(sides: &[Side], rows: &[Row]) {
    let line = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>10}")).collect();
        println!("{name:32}{cells}");
    };
    line("", sides.iter().map(|side| side.name.to_owned()).collect());
    for row in rows {
        let cell = |(side, result): (&Side, &Outcome)| match result {
            _ if side.name == "mcrx" && row.is_not_ours() => "-",
            Outcome::Passed => "passed",
            Outcome::Failed => "FAILED",
            Outcome::Hung => "HUNG",
        };
        line(row.name, sides.iter().zip(&row.results).map(cell).map(str::to_owned).collect());
    }
    let counted = rows.iter().filter(|row| row.results[0] == Outcome::Passed && !row.is_not_ours());
    let counted: Vec<&Row> = counted.collect();
    let failed = |side: usize| counted.iter().filter(|row| row.results[side] != Outcome::Passed).count();
    let cells = (0..sides.len()).map(|side| format!("{} of {}", failed(side), counted.len())).collect();
    line("failed, of those glibc passes", cells);
    println!("what glibc itself fails here, for want of its own libraries and settings, is not counted");
    for (name, why) in NOT_OURS {
        println!("-  {name}: {why}");
    }
}
