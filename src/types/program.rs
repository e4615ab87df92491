//! A program with the table of its types.

use crate::locate;
use crate::output::PathFact;
use anyhow::Result;
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use serde::Serialize;
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
        let path = locate::program(path)?;
        let binary = Binary::open(&path)?;
        let table = Cache::default().table(&binary)?;
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
