//! A rule file with all that it imports.
//!
//! Imported files' statements come where they are imported. A file is read once, however often it is imported: facts are shared by
//! several files as a rule. Paths are as they are written, from the importing file's folder; two ways to write one path that differ in
//! links between folders are two files.
//!
//! What it does not do: read files itself. [`Load`] does.

use crate::codes::{cannot_import, cannot_read, header_twice, imports_itself, two_programs};
use crate::diagnostic::Diagnostic;
use crate::rules::Rules;
use crate::source::{At, FileId, Files, Load, Span};
use crate::syntax::{self, Statement};
use rustc_hash::FxHashSet;
use std::path::{Component, Path, PathBuf};

/// Rules, and what is wrong with how they are written.
#[derive(Debug)]
pub struct Loaded {
    /// The files that were read: first the one that was asked for.
    pub files: Files,
    /// What they say. What could not be read is not in it.
    pub rules: Rules,
    /// What is wrong, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a rule file and what it imports. One that cannot be read is a diagnostic, and an empty file.
pub fn rules(path: &Path, load: &dyn Load) -> Loaded {
    let mut loader = Loader {
        load,
        files: Files::default(),
        rules: Rules::default(),
        diagnostics: Vec::new(),
        seen: FxHashSet::default(),
        way: Vec::new(),
    };
    match load.load(path).and_then(|text| loader.add(path, text)) {
        Ok(file) => loader.file(path, file),
        Err(why) => {
            if let Some(file) = loader.files.add(path, String::new()) {
                let span = Span { file, start: 0, end: 0 };
                loader.diagnostics.push(cannot_read::report(span, &path.display().to_string(), &why));
            }
        }
    }
    let Loader { files, rules, mut diagnostics, .. } = loader;
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    Loaded { files, rules, diagnostics }
}

struct Loader<'l> {
    load: &'l dyn Load,
    files: Files,
    rules: Rules,
    diagnostics: Vec<Diagnostic>,
    /// Files that were read, or that could not be.
    seen: FxHashSet<PathBuf>,
    /// Files that are being read, each imported by the one before.
    way: Vec<PathBuf>,
}

impl Loader<'_> {
    fn add(&mut self, path: &Path, text: String) -> Result<FileId, String> {
        self.files.add(path, text).ok_or_else(|| "it is longer than 4 GiB".to_owned())
    }

    fn file(&mut self, path: &Path, file: FileId) {
        let parse = syntax::parse(self.files.text(file), file);
        self.diagnostics.extend(parse.diagnostics);
        let path = plain(path);
        self.seen.insert(path.clone());
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        self.way.push(path);
        for statement in syntax::build(&parse.tree, file) {
            self.statement(statement, &folder);
        }
        self.way.pop();
    }

    fn statement(&mut self, statement: Statement, folder: &Path) {
        let rules = &mut self.rules;
        let twice = match statement {
            Statement::Version(version) => {
                if rules.version.is_none() {
                    rules.version = Some(version);
                }
                None
            }
            Statement::Program(name) => return self.program(name),
            Statement::From(name) => once("from", &mut rules.from, name),
            Statement::To(name) => once("to", &mut rules.to, name),
            Statement::Import(import) => return self.import(&import, folder),
            Statement::Fact(fact) => {
                rules.facts.push(fact);
                None
            }
            Statement::Change(change) => {
                rules.changes.push(change);
                None
            }
            Statement::Process(process) => {
                rules.processes.push(process);
                None
            }
            Statement::Allow(allow) => {
                rules.allowed.push(allow);
                None
            }
            Statement::Test(test) => {
                rules.tests.push(test);
                None
            }
        };
        self.diagnostics.extend(twice);
    }

    /// Each file may say for what program it is. It is the same for all of them.
    fn program(&mut self, name: At<String>) {
        match &self.rules.program {
            None => self.rules.program = Some(name),
            Some(before) if before.span.file == name.span.file => {
                self.diagnostics.push(header_twice::report("program", name.span, before.span));
            }
            Some(before) if before.is != name.is => {
                self.diagnostics.push(two_programs::report(name.span, &name.is, &before.is, before.span));
            }
            Some(_) => {}
        }
    }

    fn import(&mut self, import: &At<String>, folder: &Path) {
        let path = folder.join(&import.is);
        let key = plain(&path);
        if let Some(at) = self.way.iter().position(|file| *file == key) {
            let mut way: Vec<String> =
                self.way.iter().skip(at).map(|file| file.display().to_string()).collect();
            way.push(key.display().to_string());
            self.diagnostics.push(imports_itself::report(import.span, &way));
            return;
        }
        if self.seen.contains(&key) {
            return;
        }
        let read = self.load.load(&key).and_then(|text| self.add(&key, text));
        match read {
            Ok(file) => self.file(&key, file),
            Err(why) => {
                self.seen.insert(key);
                self.diagnostics.push(cannot_import::report(import.span, &path.display().to_string(), &why));
            }
        }
    }
}

/// What a set of rules has one of. What an imported file says of it does not count if the importing one says it too.
fn once(what: &str, place: &mut Option<At<String>>, name: At<String>) -> Option<Diagnostic> {
    let before = place.as_ref().map(|before| before.span);
    match before {
        Some(before) if before.file == name.span.file => Some(header_twice::report(what, name.span, before)),
        Some(before) if before.file < name.span.file => None,
        _ => {
            *place = Some(name);
            None
        }
    }
}

/// The same path without `.` and `a/..`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
