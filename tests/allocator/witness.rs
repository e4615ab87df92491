//! Seeing to it that the library is in use: a second preloaded library (`witness.c`) notes of every program that is executed where
//! its malloc makes blocks, so that a test of a program on which the preload has no effect fails.

use crate::programs::{compiled_with, library};
use mcrx_allocator::abi::MAGIC;
use mcrx_harness::{Batch, Context, Explain as _, Launch, Result, bail, ensure};
use std::fs;
use std::path::PathBuf;

/// What the programs of one run testify.
pub(crate) struct Witness {
    path: PathBuf,
}

/// A program that was executed.
#[derive(Debug)]
pub(crate) struct Testimony {
    /// As it was started.
    pub(crate) program: String,
    /// Its executable.
    pub(crate) file: PathBuf,
    /// What the region of a block by its malloc begins with.
    word: u64,
}

impl Witness {
    pub(crate) fn new(test: &Context) -> Witness {
        Witness { path: test.scratch().fresh("witness") }
    }

    /// Has a program run under the library and the witness.
    pub(crate) fn of<'a>(&self, launch: Launch<'a, Batch>) -> Result<Launch<'a, Batch>> {
        let witness = compiled_with("real/witness.c", &["-shared", "-fPIC"])?;
        let both = format!("{}:{}", library()?.display(), witness.display());
        Ok(launch.environment("LD_PRELOAD", both).environment("WITNESS", self.path.display().to_string()))
    }

    /// What was noted.
    pub(crate) fn all(&self) -> Result<Vec<Testimony>> {
        let text = fs::read_to_string(&self.path).context("no program was run under the preload")?;
        text.lines().map(|line| read(line).with_context(|| line.to_owned())).collect()
    }

    /// An error unless these programs, and all they executed, had their malloc of the library.
    pub(crate) fn check(&self, programs: &[&str]) -> Result<()> {
        let all = self.all()?;
        for program in programs {
            ensure!(
                all.iter().any(|one| one.program == *program),
                "{program} was not run under the library: {all:?}"
            );
        }
        match all.iter().find(|one| !one.is_ours()) {
            Some(other) => bail!("not under the library: {other:?}"),
            None => Ok(()),
        }
    }
}

impl Testimony {
    /// Whether its malloc was the library's.
    pub(crate) fn is_ours(&self) -> bool {
        self.word == MAGIC
    }
}

fn read(line: &str) -> Option<Testimony> {
    let (rest, word) = line.rsplit_once(' ')?;
    let (program, file) = rest.split_once(' ')?;
    let word = u64::from_str_radix(word, 16).ok()?;
    Some(Testimony { program: program.to_owned(), file: file.into(), word })
}
