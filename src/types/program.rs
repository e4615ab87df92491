//! A program with the table of its types.

use crate::output::PathFact;
use anyhow::{Context, Result, bail};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::load::load;
use mcrx_debuginfo::table::Table;
use serde::Serialize;
use std::env;
use std::path::{Path, PathBuf};

/// What the debug info of a program says.
pub(super) struct Program {
    path: PathBuf,
    build_id: Option<String>,
    pub(super) table: Table,
}

/// Which program facts are about.
#[derive(Serialize)]
pub(super) struct ProgramFacts {
    file: PathFact,
    /// Hexadecimal.
    build_id: Option<String>,
}

impl Program {
    /// Opens a file, or a program in PATH.
    pub(super) fn open(path: &Path) -> Result<Program> {
        let path = locate(path)?;
        let binary = Binary::open(&path)?;
        let table = load(&binary)?;
        Ok(Program { build_id: binary.build_id().map(ToString::to_string), path, table })
    }

    /// As it was named.
    pub(super) fn name(&self) -> impl std::fmt::Display {
        self.path.display()
    }

    pub(super) fn facts(&self) -> ProgramFacts {
        ProgramFacts { file: PathFact(self.path.clone()), build_id: self.build_id.clone() }
    }
}

/// The file that was meant.
fn locate(program: &Path) -> Result<PathBuf> {
    let shown = program.display();
    if program.is_dir() {
        bail!("{shown} is a directory");
    }
    if program.components().count() > 1 || program.exists() {
        return Ok(program.to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut candidates = env::split_paths(&path).map(|folder| folder.join(program));
    candidates
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("there is no file {shown}, here or in PATH"))
}
