//! What it takes to undo an update: the release before, and the rules that lead back to it.
//!
//! The rules are derived from those of the update when it is made, as `mcrx rules reverse` derives them, and remembered with all that they
//! import: whoever wants to go back need not have kept a file. The release's program and its libraries are not copied. They have to be
//! there unchanged, which their build-ids tell.
//!
//! To undo an undo is the update again, by its own rules.
//!
//! What it does not do: touch a server. An undo is an update to the release before.

mod derive;
mod files;

pub use files::RuleFiles;

use crate::birth::{Text, build_id};
use mcrx_dsl::load::Loaded;
use mcrx_tracer::image::{Image, Module, Process};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// An update that can be undone, or why it cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// [`Undo::SCHEMA`]
    schema: String,
    /// What runs while this is to be undone.
    runs: Text,
    /// What ran before.
    program: Text,
    /// What the rules call that release.
    release: Option<String>,
    /// The files that it ran from: the program first.
    files: Vec<Binary>,
    /// The rules that lead back.
    back: Back,
    /// The rules that led here.
    forth: RuleFiles,
}

/// A file, and what tells that it is still the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Binary {
    path: Text,
    /// In hex, as it was in memory.
    build_id: String,
}

/// The rules that lead back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Back {
    Rules {
        files: RuleFiles,
        /// Questions that nobody has answered.
        holes: usize,
        /// What does not come back as it was.
        lost: Vec<Lost>,
    },
    /// There are none, and this is why.
    None(String),
}

/// Something that does not come back as it was, by a rule of the update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The finding's code, for `mcrx rules explain`.
    pub code: String,
    /// What.
    pub message: String,
    /// The rule file that makes it so.
    pub file: String,
    /// The line in it.
    pub line: u32,
}

/// Rules that lead back.
#[derive(Debug)]
pub struct WayBack<'u> {
    /// The rules.
    pub files: &'u RuleFiles,
    /// What they do not bring back as it was.
    pub lost: &'u [Lost],
}

/// Why an update cannot be undone.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// There was none.
    #[error("the server has not been updated since it was started: there is nothing to undo")]
    Nothing,
    /// What is remembered is about another program than the one that runs.
    #[error("what is remembered of the last update is about {}, and the server runs {}: update it to the release that it is to run", remembered.display(), runs.display())]
    Other {
        /// The program that the last update is said to have led to.
        remembered: PathBuf,
        /// The one that runs.
        runs: PathBuf,
    },
    /// A file of the release before is gone.
    #[error("{} is not there any more, and the release before ran from it: put it back", .0.display())]
    Gone(PathBuf),
    /// Or it is another one.
    #[error(
        "{} is another file than the one that the release before ran from (its build-id is {found}, and was {was}): put that one back, or update to the release that is wanted, by rules for it", path.display()
    )]
    Changed {
        /// Which.
        path: PathBuf,
        /// What it was.
        was: String,
        /// What it is.
        found: String,
    },
    /// Files cannot be told apart.
    #[error("{} was linked without a build-id, so nothing tells whether it is still the same file: update to it, by rules for that", .0.display())]
    Unmarked(PathBuf),
    /// No rules could be derived.
    #[error("the rules of the way back could not be derived: {0}; say them with --rules")]
    Underivable(String),
}

impl Undo {
    /// The version of the file.
    pub const SCHEMA: &'static str = "mcrx.server.undo/1";

    /// Of an update to this program by these rules. `start`: the memory of the release that is to be updated, as its start-up left it.
    #[must_use]
    pub fn of(start: &Image, program: &Path, loaded: &Loaded) -> Undo {
        let files = binaries(start);
        let old = start.processes.first().map_or_else(PathBuf::new, |process| process.executable.clone());
        let derived = same(&files, &old).map_err(|error| error.to_string());
        let back = match derived.and_then(|()| derive::way_back(&old, program, loaded)) {
            Ok(back) => back,
            Err(why) => Back::None(why),
        };
        Undo {
            schema: Undo::SCHEMA.to_owned(),
            runs: program.to_owned().into(),
            program: old.into(),
            release: loaded.rules.from.as_ref().map(|name| name.is.clone()),
            files,
            back,
            forth: RuleFiles::of(loaded),
        }
    }

    /// What undoes the undoing of this. `start`: the memory of the release that is to be left, as its start-up left it. `by`: the rules that
    /// lead back.
    #[must_use]
    pub fn turned(&self, start: &Image, by: &Loaded, release: Option<String>) -> Undo {
        let back = Back::Rules { files: self.forth.clone(), holes: 0, lost: Vec::new() };
        Undo {
            schema: Undo::SCHEMA.to_owned(),
            runs: self.program.clone(),
            program: self.runs.clone(),
            release,
            files: binaries(start),
            back,
            forth: RuleFiles::of(by),
        }
    }

    /// Of which version it is.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The program of the release before.
    #[must_use]
    pub fn program(&self) -> &Path {
        self.program.as_path()
    }

    /// What the rules call that release.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// How many questions the derived rules leave, to be answered by a person.
    #[must_use]
    pub fn holes(&self) -> usize {
        if let Back::Rules { holes, .. } = &self.back { *holes } else { 0 }
    }

    /// Whether a server that runs this program can be given the release before: whether all files of that are there unchanged.
    ///
    /// # Errors
    /// [`UndoError`]
    pub fn check(&self, runs: &Path) -> Result<(), UndoError> {
        if runs != self.runs.as_path() {
            let (remembered, runs) = (self.runs.as_path().to_owned(), runs.to_owned());
            return Err(UndoError::Other { remembered, runs });
        }
        same(&self.files, self.program.as_path())
    }

    /// The rules that lead back, with holes or without.
    ///
    /// # Errors
    /// [`UndoError::Underivable`]
    pub fn way_back(&self) -> Result<WayBack<'_>, UndoError> {
        match &self.back {
            Back::Rules { files, lost, .. } => Ok(WayBack { files, lost }),
            Back::None(why) => Err(UndoError::Underivable(why.clone())),
        }
    }
}

/// The files that all processes of a release ran from, but for mcrx's own library: that is of no release.
fn binaries(start: &Image) -> Vec<Binary> {
    const OWN: &str = "libmcrx.so";
    let mut files: Vec<Binary> = Vec::new();
    let program = |process: &Process, module: &Module| module.path == process.executable;
    for process in &start.processes {
        let mut modules: Vec<&Module> = process.modules.iter().collect();
        modules.sort_by_key(|module| !program(process, module));
        for module in modules.into_iter().filter(|module| !module.path.ends_with(OWN)) {
            let Some(id) = &module.build_id else { continue };
            // What has no file has no absolute path: the kernel's own pages.
            if module.path.is_absolute() && files.iter().all(|file| file.path.as_path() != module.path) {
                files.push(Binary { path: module.path.clone().into(), build_id: id.to_string() });
            }
        }
    }
    files
}

/// Whether all of them are as they were.
fn same(files: &[Binary], program: &Path) -> Result<(), UndoError> {
    if !files.iter().any(|file| file.path.as_path() == program) {
        return Err(UndoError::Unmarked(program.to_owned()));
    }
    for Binary { path, build_id: was } in files {
        let path = path.as_path();
        if !path.exists() {
            return Err(UndoError::Gone(path.to_owned()));
        }
        let found = build_id(path);
        if found.as_deref() != Some(was) {
            let found = found.unwrap_or_else(|| "none".to_owned());
            return Err(UndoError::Changed { path: path.to_owned(), was: was.clone(), found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
