//! The rules of the way back, derived: from those of OLD -> NEW, those of NEW -> OLD.
//!
//! ```text
//!   rules ---> statements turned round: types, variables, actions ---+
//!               values inverted: inverse, arms, sequences            |
//!   down { … }: instead of what is derived --------------------------+--> sheet <--> pairing and check of it: complete
//!                                                                           |
//!                                                                           v
//!                                                   text in the style, with holes; what does not come back
//! ```
//!
//! What pairs by its name needs no rule in either direction. What is derived is held against both programs, as any rules are: questions
//! that are left get the one answer that they can have (a number that fits again, a member that only the new release has is given up),
//! and what turns out wrong becomes a hole. Nothing is guessed: where more than one old value is possible, or none is known, there is a
//! hole, and a finding at the place of the rule that made it so (MCX205, MCX206). Where values come back that may not be what they were there
//! is a finding alone (MCX207).
//!
//! Facts are about both releases and stay. Tests are of the other direction and do not.
//!
//! What it does not do: read files; look at a process; judge whether the derived rules are wise.

mod actions;
mod answers;
mod arms;
mod complete;
mod down;
mod inverse;
mod sequences;
mod sheet;
mod spell;
mod types;
mod variables;

use crate::codes::comes_back_otherwise;
use crate::diagnostic::Diagnostic;
use crate::format;
use crate::load::{Loaded, plain};
use crate::names::Constants;
use crate::pairing::Live;
use crate::rules::Change;
use crate::source::{At, FileId, Span};
use crate::syntax::{self, Statement};
use mcrx_debuginfo::table::Table;
use sheet::Sheet;
use spell::quoted;
use std::path::{Component, Path, PathBuf};

/// Two releases, and the rules between them.
#[derive(Clone, Copy)]
pub struct Between<'t> {
    /// What the rules lead from: what the way back leads to.
    pub old: &'t Table,
    /// What they lead to.
    pub new: &'t Table,
    /// The rules, without errors but for holes.
    pub loaded: &'t Loaded,
    /// Where objects of the new release can be. `None`: anywhere.
    pub live: Option<&'t Live>,
    /// The folder in which the derived file is to be, as the rule file's path is written; `None`: beside it.
    pub folder: Option<&'t Path>,
}

/// The derived rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversed {
    /// The file, in the style of `mcrx rules fmt`.
    pub text: String,
    /// How many holes it has.
    pub holes: usize,
    /// What does not come back, or may come back as something else; by place in the rules that it was derived from.
    pub lost: Vec<Diagnostic>,
}

/// Derives them.
pub fn rules(between: &Between<'_>) -> Reversed {
    let mut deriving = Deriving {
        between: *between,
        sheet: Sheet::default(),
        told: Vec::new(),
        links: Vec::new(),
        given_up: Vec::new(),
        worked_in: Vec::new(),
        unnamed: Vec::new(),
        imported: Vec::new(),
    };
    let header = deriving.header();
    deriving.file(FileId(0));
    down::apply(&mut deriving);
    let text = complete::complete(&mut deriving, &header);
    let text = deriving.moved_imports(&text);
    let holes = complete::holes(&text);
    let mut lost: Vec<Diagnostic> = deriving.told.into_iter().map(|(_, diagnostic)| diagnostic).collect();
    lost.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    lost.dedup();
    let text = format::format(&text).unwrap_or(text);
    Reversed { text, holes, lost }
}

/// What a finding is about: so that it is not told if `down` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    /// A member that the old release has, by the statement about its type.
    Member(usize, String),
    /// A variable of the old release.
    Variable(String),
    /// A function of the new release.
    Function(String),
    /// A text of the new release.
    Text(String),
    /// Something of which `down` has no more to say.
    Other,
}

/// A derivation that is going on.
struct Deriving<'t> {
    between: Between<'t>,
    sheet: Sheet,
    told: Vec<(Subject, Diagnostic)>,
    /// Members by which derived lists are linked, with the types of the elements.
    links: Vec<(String, String)>,
    /// Members that rules give up, with the statement.
    given_up: Vec<(usize, String, Span)>,
    /// Old members that values are made from which have no inverse, and why they have none.
    worked_in: Vec<(usize, String, Span, String)>,
    /// Statements about variables, and members to be given up, that rules have no name for: they are left out.
    unnamed: Vec<String>,
    /// Files whose statements were taken in.
    imported: Vec<FileId>,
}

impl Between<'_> {
    /// Where the rules say which releases they are for.
    fn header(&self) -> Span {
        let rules = &self.loaded.rules;
        let headers = [&rules.to, &rules.from, &rules.program];
        let nowhere = Span { file: FileId(0), start: 0, end: 0 };
        headers.into_iter().flatten().next().map_or(nowhere, |header| header.span)
    }
}

impl<'t> Deriving<'t> {
    /// The releases have changed places.
    fn header(&self) -> String {
        let rules = &self.between.loaded.rules;
        let files = &self.between.loaded.files;
        let name = files.path(FileId(0)).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut header = format!("// The way back of {name}, derived by `mcrx rules reverse`.\nmcrx 1\n");
        if let Some(program) = &rules.program {
            header.push_str(&format!("program {}\n", files.at(program.span)));
        }
        let releases = [("from", &rules.to), ("to", &rules.from)];
        for (word, release) in releases {
            if let Some(release) = release {
                header.push_str(&format!("{word} {}\n", quoted(&release.is)));
            }
        }
        header
    }

    /// A file's statements, in order. What it imports stays an import if it is the same in both directions.
    fn file(&mut self, file: FileId) {
        if self.imported.contains(&file) {
            return;
        }
        self.imported.push(file);
        let loaded = self.between.loaded;
        for statement in statements(loaded, file) {
            match statement {
                Statement::Import(import) => {
                    let Some(imported) = imported(loaded, file, &import.is) else { continue };
                    if is_the_same_both_ways(loaded, imported, &mut Vec::new()) {
                        self.sheet.text(format!("import {}", quoted(&import.is)), import.span);
                    } else {
                        self.file(imported);
                    }
                }
                Statement::Fact(fact) => {
                    let text = with_comments(loaded, fact.span);
                    self.sheet.perhaps(text, fact.span);
                }
                Statement::Change(change) => self.change(&change),
                Statement::Process(process) => actions::process(self, &process),
                Statement::Allow(allow) => {
                    self.sheet.perhaps(loaded.files.at(allow.span), allow.span);
                }
                Statement::Version(_)
                | Statement::Program(_)
                | Statement::From(_)
                | Statement::To(_)
                | Statement::Test(_) => {}
            }
        }
    }

    fn change(&mut self, change: &At<Change>) {
        let span = change.span;
        let text = self.between.loaded.files.at(span);
        match &change.is {
            Change::Type(types) => types::reverse(self, types, span),
            Change::Global { name, change } => variables::global(self, name, change, span),
            Change::Function { from, to } => variables::function(self, from, to, span),
            Change::Text { from, to } => variables::text(self, from, to, span),
            Change::ForEach(each) => actions::each(self, each, span),
            Change::Call { function, .. } => actions::call(self, function, span),
            Change::Drain { ty, within } => actions::drain(self, ty, within.span, span),
            Change::Assert { every, that } => actions::assert(self, every.as_ref(), that, span),
            // A library's registrations are made anew in both directions; what is defined may be used in `down`.
            Change::Adapter(_) | Change::Define { .. } => self.sheet.perhaps(text, span),
            Change::GivenUp(types) => types.iter().for_each(|ty| {
                let what = format!("what objects of `{}` held", spell::type_name(&ty.is));
                let told = comes_back_otherwise::report(&what, "the update gives them up", ty.span);
                self.tell(Subject::Other, told);
            }),
            Change::Down(_) => {}
            Change::Hole(hole) => self.hole(&hole.why.is, span),
        }
    }

    /// A question that stands alone.
    fn hole(&mut self, question: &str, span: Span) {
        self.sheet.text(format!("todo {}", quoted(question)), span);
    }

    fn tell(&mut self, subject: Subject, diagnostic: Diagnostic) {
        self.told.push((subject, diagnostic));
    }

    /// Takes back what is answered.
    fn untell(&mut self, is_answered: impl Fn(&Subject) -> bool) {
        self.told.retain(|(subject, _)| !is_answered(subject));
    }

    /// What `down` says.
    fn down(&self) -> impl Iterator<Item = &'t At<Change>> + use<'t> {
        let changes = self.between.loaded.rules.changes.iter();
        changes
            .filter_map(|change| if let Change::Down(changes) = &change.is { Some(changes) } else { None })
            .flatten()
    }

    fn has_down(&self, is_it: impl Fn(&Change) -> bool) -> bool {
        self.down().any(|change| is_it(&change.is))
    }

    /// The constants of the new release.
    fn constants(&self) -> Constants<'t> {
        Constants::of(self.between.new)
    }

    /// Imports as they are from the folder where the file is to be.
    fn moved_imports(&self, text: &str) -> String {
        let Some(folder) = self.between.folder else { return text.to_owned() };
        let own = self.between.loaded.files.path(FileId(0)).parent().unwrap_or(Path::new(""));
        let mut moved = String::new();
        for line in text.lines() {
            let import = line.strip_prefix("import \"").and_then(|rest| rest.strip_suffix('"'));
            match import {
                Some(import) => {
                    let path = relative(&own.join(import), folder);
                    moved.push_str(&format!("import {}", quoted(&path.to_string_lossy())));
                }
                None => moved.push_str(line),
            }
            moved.push('\n');
        }
        moved
    }
}

fn statements(loaded: &Loaded, file: FileId) -> Vec<Statement> {
    syntax::build(&syntax::parse(loaded.files.text(file), file).tree, file)
}

/// The file that an import means.
fn imported(loaded: &Loaded, by: FileId, import: &str) -> Option<FileId> {
    let folder = loaded.files.path(by).parent().unwrap_or(Path::new(""));
    let wanted = plain(&folder.join(import));
    loaded.files.ids().find(|file| plain(loaded.files.path(*file)) == wanted)
}

/// Whether all that a file says, with what it imports, is the same on the way back.
fn is_the_same_both_ways(loaded: &Loaded, file: FileId, seen: &mut Vec<FileId>) -> bool {
    if seen.contains(&file) {
        return true;
    }
    seen.push(file);
    statements(loaded, file).iter().all(|statement| match statement {
        Statement::Fact(_) | Statement::Version(_) | Statement::Program(_) | Statement::Allow(_) => true,
        Statement::Change(change) => matches!(change.is, Change::Define { .. } | Change::Adapter(_)),
        Statement::Import(import) => imported(loaded, file, &import.is)
            .is_some_and(|imported| is_the_same_both_ways(loaded, imported, seen)),
        Statement::Process(_) | Statement::From(_) | Statement::To(_) | Statement::Test(_) => false,
    })
}

/// A statement with the comments above it.
fn with_comments(loaded: &Loaded, span: Span) -> String {
    let above = loaded.files.at(Span { start: 0, end: span.start, ..span });
    let mut comments: Vec<&str> =
        above.trim_end().lines().rev().take_while(|line| line.trim_start().starts_with("//")).collect();
    comments.reverse();
    let comments: String = comments.iter().map(|line| format!("{line}\n")).collect();
    format!("{comments}{}", loaded.files.at(span))
}

/// A path as it is from a folder; what is relative of them is so to where the process runs.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let whole = |path: &Path| {
        plain(&std::path::absolute(Path::new(".").join(path)).unwrap_or_else(|_| path.to_owned()))
    };
    let (path, folder) = (whole(path), whole(folder));
    let same = path.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(same).map(|_| Component::ParentDir);
    up.chain(path.components().skip(same)).collect()
}
