//! One case: two releases, the rules between them, and all that has to be true of them before anything is transformed.

use super::oracle::{Form, Subject};
use super::run::{Build, Fault, Images, both, compile, process};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::diagnostic::Severity;
use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::releases::Releases;
use mcrx_dsl::source::Only;
use mcrx_dsl::{check, lower, rehearsal};
use mcrx_tracer::debug::Shelf;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::image::{Image, Module, Process};
use mcrx_tracer::trace::{Known, Trace};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// Two releases of a program, and what its author says of the update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) rules: String,
    /// The text of a library that both use, which tells them apart as [`of_one`](Case::of_one) does.
    pub(crate) library: Option<String>,
}

impl Case {
    /// Of one text for both releases, which tells them apart by `NEW`.
    pub(crate) fn of_one(source: &str, rules: &str) -> Case {
        let [old, new] = [0, 1].map(|new| of_release(source, new));
        Case { old, new, rules: rules.to_owned(), library: None }
    }
}

fn of_release(source: &str, new: u8) -> String {
    format!("#define NEW {new}\n#line 1\n{source}")
}

/// A case that was compiled and run.
pub(crate) struct Ready {
    pub(crate) old: Arc<Table>,
    pub(crate) new: Arc<Table>,
    pub(crate) loaded: Loaded,
    pub(crate) facts: Facts,
    pub(crate) images: Arc<Images>,
    /// Members that point just past something, as a comment of the rules says: no fact of the language does.
    ends: Vec<(String, String)>,
    /// The new release.
    pub(crate) program: PathBuf,
    folder: Arc<tempfile::TempDir>,
}

impl Ready {
    /// Compiles both releases and runs them.
    pub(crate) fn of(case: &Case, (old, new): (Build, Build)) -> Result<Ready, Fault> {
        let folder = tempfile::Builder::new().prefix("mcrx-case-").tempdir().map_err(|e| e.to_string())?;
        let library = |new| case.library.as_ref().map(|source| of_release(source, new));
        let old = compile(folder.path(), "old", (&case.old, library(0)), old)?;
        let new = compile(folder.path(), "new", (&case.new, library(1)), new)?;
        let images = Arc::new(Images::of(&old, &new)?);
        let tables = (Arc::new(table(&old)?), Arc::new(table(&new)?));
        Ok(Ready::under(&case.rules, tables, images, (new, Arc::new(folder))))
    }

    /// The same under other rules.
    pub(crate) fn with_rules(&self, rules: &str) -> Ready {
        let tables = (Arc::clone(&self.old), Arc::clone(&self.new));
        Ready::under(
            rules,
            tables,
            Arc::clone(&self.images),
            (self.program.clone(), Arc::clone(&self.folder)),
        )
    }

    fn under(
        rules: &str,
        (old, new): (Arc<Table>, Arc<Table>),
        images: Arc<Images>,
        (program, folder): (PathBuf, Arc<tempfile::TempDir>),
    ) -> Ready {
        let loaded = load::rules(Path::new("rules.mcrx"), &Only(rules));
        let facts = lower::facts(&loaded.rules);
        let ends = rules.lines().filter_map(|line| line.strip_prefix("// end: ")?.split_once('.'));
        let ends = ends.map(|(owner, member)| (owner.to_owned(), member.to_owned())).collect();
        Ready { old, new, loaded, facts, images, ends, program, folder }
    }

    /// The rules say nothing that cannot be, and leave nothing open.
    pub(crate) fn rules_are_right(&self) -> Result<(), Fault> {
        let found = check::loaded(&self.loaded, Releases::both(&self.old, &self.new), None);
        let mut errors = found.iter().filter(|one| one.severity == Severity::Error);
        match errors.next() {
            Some(error) => {
                let text = self.loaded.files.at(error.span);
                Err(format!("the rules are wrong: {} {} ({text:?})", error.code, error.message))
            }
            None => Ok(()),
        }
    }

    /// Each object of the old release can be carried over, for all that the rules' language knows.
    pub(crate) fn rehearsal_refuses_nothing(&self) -> Result<(), Fault> {
        traced(&self.images.now, &self.facts, |trace| {
            let found = rehearsal::run(trace, (&self.old, &self.new), &self.loaded.rules);
            let found = found.map_err(|error| error.to_string())?;
            match (found.mistakes.first(), found.refusals.first()) {
                (None, None) => Ok(()),
                (Some(mistake), _) => Err(format!("mistake in a rule: {mistake}")),
                (_, Some(refusal)) => Err(format!("the rehearsal refuses: {refusal:?}")),
            }
        })?
    }

    /// What a process of the new release has.
    pub(crate) fn form(&self, process: &Process) -> Result<Form, Fault> {
        Ok(Form::of(self.subject(process, &self.new)?))
    }

    /// A process, to be read by the oracle.
    pub(crate) fn subject<'a>(
        &'a self,
        process: &'a Process,
        table: &'a Table,
    ) -> Result<Subject<'a>, Fault> {
        Ok(Subject {
            memory: &process.memory,
            modules: &process.modules,
            program: program(process, table)?,
            table,
            facts: &self.facts,
            ends: &self.ends,
            flipped: None,
        })
    }

    /// The same of another run of the new release.
    pub(crate) fn again(&self) -> Result<Form, Fault> {
        let [_, again] = both(&self.program, 1)?;
        self.form(process(&again)?)
    }

    /// What the new release has after the same work.
    pub(crate) fn expected(&self) -> Result<Form, Fault> {
        self.form(process(&self.images.expected)?)
    }
}

/// What is known of a process. What it has in common with others, the C library, is read once for all of them.
pub(crate) fn known(process: &Process) -> Result<Known, Fault> {
    static SHELF: LazyLock<Shelf> = LazyLock::new(Shelf::default);
    Known::with(process, &SHELF).map_err(|error| error.to_string())
}

/// Has a process traced.
pub(crate) fn traced<R>(
    image: &Image,
    facts: &Facts,
    then: impl FnOnce(&Trace<'_>) -> R,
) -> Result<R, Fault> {
    let process = process(image)?;
    let known = known(process)?;
    let model = known.model(facts);
    Ok(then(&Trace::of(process, &known, &model)))
}

/// The program of a process.
pub(crate) fn program<'a>(process: &'a Process, table: &Table) -> Result<&'a Module, Fault> {
    let is_it = |module: &&Module| module.build_id.is_some_and(|id| id.as_bytes() == table.build_id());
    process.modules.iter().find(is_it).ok_or_else(|| "it runs something else".to_owned())
}

fn table(program: &Path) -> Result<Table, Fault> {
    let binary = Binary::open(program).map_err(|error| error.to_string())?;
    mcrx_debuginfo::load::load(&binary).map_err(|error| error.to_string())
}
