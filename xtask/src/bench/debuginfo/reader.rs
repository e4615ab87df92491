//! Who reads.

use super::super::area::Figure;
use super::super::program;
use super::super::supply::{Peer, Supply};
use crate::install::cache_directory;
use anyhow::{Context, Result, ensure};
use mcrx_harness::{Batch, Exit, Invocation, Scratch};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(600);

/// In one version, so that figures of different days can be compared.
const DRGN: &str = "drgn==0.3.0";

/// Indexes the names of the whole file, which is all that drgn does before it is asked for a type, and asks for one.
const DRGN_SCRIPT: &str = "import sys, drgn
program = drgn.Program(drgn.host_platform)
program.extra_module('program', create=True).try_file(sys.argv[1], force=True)
try:
    program.type('char')
except LookupError:
    pass";

/// A program that reads debug info, with its arguments; the file comes last.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

/// The example `load` of `mcrx-debuginfo`, built from this workspace.
pub(super) fn ours() -> Result<Reader> {
    let program = program::build("mcrx-debuginfo", "example", "load")?;
    Ok(Reader { name: "mcrx", program, arguments: Vec::new() })
}

/// The others, as far as they can be had.
pub(super) fn peers(supply: &mut Supply) -> Vec<Reader> {
    let mut peers = Vec::new();
    if let Some(program) = supply.get(Peer::Program { name: "pahole", package: "dwarves" }) {
        peers.push(Reader::new("pahole", program, &["-F", "dwarf"]));
    }
    if let Some(program) = supply.get(Peer::Program { name: "gdb", package: "gdb" }) {
        peers.push(Reader::new("gdb", program, &["-nx", "-batch", "-readnow"]));
    }
    if let Some(program) = supply.or_missing(drgn()) {
        peers.push(Reader::new("drgn", program, &["-c", DRGN_SCRIPT]));
    }
    peers
}

/// A Python with drgn, made once for this user.
fn drgn() -> Result<PathBuf> {
    let place = cache_directory()?.join("tools").join(DRGN.replace("==", "-"));
    let python = place.join("bin/python3");
    let has_it =
        || Command::new(&python).args(["-c", "import drgn"]).output().is_ok_and(|out| out.status.success());
    if !has_it() {
        eprintln!("{DRGN} is installed, once for this user");
        let run = |program: &Path, arguments: &[&str]| -> Result<()> {
            let output = Command::new(program)
                .args(arguments)
                .output()
                .with_context(|| program.display().to_string())?;
            let error = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{DRGN} cannot be installed: {}", error.trim());
            Ok(())
        };
        let folder = place.to_str().context("the cache's path is no text")?;
        run(Path::new("python3"), &["-m", "venv", folder])?;
        run(&python, &["-m", "pip", "install", "--quiet", DRGN])?;
    }
    Ok(python)
}

impl Reader {
    fn new(name: &'static str, program: PathBuf, arguments: &[&str]) -> Reader {
        Reader { name, program, arguments: arguments.iter().map(|&argument| argument.to_owned()).collect() }
    }

    /// The same, ours, from a cache in this folder.
    pub(super) fn with_cache(mut self, folder: &Path) -> Reader {
        self.arguments.extend(["--cache".to_owned(), folder.display().to_string()]);
        self
    }

    /// Reads a file once.
    pub(super) fn turn(&self, file: &Path) -> Result<Vec<Figure>> {
        let scratch = Scratch::new("bench")?;
        // What peers print goes nowhere: that is not what is compared.
        let script = r#""$@" > /dev/null 2>&1"#;
        let program = self.program.display().to_string();
        let words = ["-c", script, "sh", &program].map(str::to_owned).into_iter();
        let words = words.chain(self.arguments.iter().cloned()).chain([file.display().to_string()]);
        let finished =
            scratch.launch(Batch(Invocation::new(Path::new("/bin/sh"), words))).finish(PATIENCE)?;
        ensure!(finished.exit == Exit::Code(0), "{} ended with {}", self.name, finished.exit);
        Ok(vec![Figure::wall(finished.wall), Figure::cpu(&finished.usage), Figure::peak_rss(&finished.usage)])
    }
}
