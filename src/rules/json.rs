//! What `mcrx rules check --json` prints, and diagnostics for whoever else prints some.

use super::check::Args;
use mcrx_dsl::codes;
use mcrx_dsl::diagnostic::{Class, Diagnostic, Release, Severity};
use mcrx_dsl::source::{Files, Span};
use serde::Serialize;

const SCHEMA: &str = "mcrx.rules.check/1";

#[derive(Serialize)]
pub(super) struct Facts {
    schema: &'static str,
    file: String,
    /// The programs that it was held against.
    old: Option<String>,
    new: Option<String>,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<DiagnosticFacts>,
}

#[derive(Serialize)]
pub(super) struct DiagnosticFacts {
    code: String,
    /// The code in words: `unknown-member`.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    class: &'static str,
    severity: &'static str,
    #[serde(flatten)]
    place: PlaceFacts,
    message: String,
    label: Option<String>,
    help: Option<String>,
    /// Other places that have to do with it.
    others: Vec<OtherFacts>,
    /// C declarations that it is about.
    declarations: Vec<DeclarationFacts>,
    fix: Option<FixFacts>,
}

/// Lines and columns from 1; columns in characters. The end is one past the last character.
#[derive(Serialize)]
struct PlaceFacts {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct OtherFacts {
    #[serde(flatten)]
    place: PlaceFacts,
    message: String,
}

#[derive(Serialize)]
struct DeclarationFacts {
    release: &'static str,
    text: String,
    file: Option<String>,
    line: Option<u32>,
}

#[derive(Serialize)]
struct FixFacts {
    title: String,
    #[serde(flatten)]
    place: PlaceFacts,
    text: String,
}

impl Facts {
    pub(super) fn of(args: &Args, found: &[Diagnostic], files: &Files) -> Facts {
        let count = |severity| found.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        let [old, new] =
            args.programs().map(|program| program.map(|path| path.to_string_lossy().into_owned()));
        Facts {
            schema: SCHEMA,
            file: args.rules().to_string_lossy().into_owned(),
            old,
            new,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            diagnostics: DiagnosticFacts::all(found, files),
        }
    }
}

impl DiagnosticFacts {
    pub(super) fn all(found: &[Diagnostic], files: &Files) -> Vec<DiagnosticFacts> {
        found.iter().map(|diagnostic| DiagnosticFacts::of(diagnostic, files)).collect()
    }

    fn of(diagnostic: &Diagnostic, files: &Files) -> DiagnosticFacts {
        let others = diagnostic
            .others
            .iter()
            .map(|other| OtherFacts { place: PlaceFacts::of(other.span, files), message: other.is.clone() });
        let declarations = diagnostic.declarations.iter().map(|declaration| DeclarationFacts {
            release: match declaration.release {
                Release::Old => "old",
                Release::New => "new",
            },
            text: declaration.text.clone(),
            file: declaration.place.as_ref().map(|(file, _)| file.clone()),
            line: declaration.place.as_ref().map(|(_, line)| *line),
        });
        DiagnosticFacts {
            code: diagnostic.code.to_string(),
            name: codes::of(diagnostic.code).map(|entry| entry.name),
            class: class(diagnostic.code.class()),
            severity: severity(diagnostic.severity),
            place: PlaceFacts::of(diagnostic.span, files),
            message: diagnostic.message.clone(),
            label: diagnostic.label.clone(),
            help: diagnostic.help.clone(),
            others: others.collect(),
            declarations: declarations.collect(),
            fix: diagnostic.fix.as_ref().map(|fix| FixFacts {
                title: fix.title.clone(),
                place: PlaceFacts::of(fix.span, files),
                text: fix.text.clone(),
            }),
        }
    }
}

impl PlaceFacts {
    fn of(span: Span, files: &Files) -> PlaceFacts {
        let start = files.position(span);
        let end = files.position(Span { start: span.end, ..span });
        PlaceFacts {
            file: files.path(span.file).to_string_lossy().into_owned(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
        }
    }
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

pub(super) fn class(class: Class) -> &'static str {
    match class {
        Class::Syntax => "syntax",
        Class::Resolution => "resolution",
        Class::Destructive => "destructive",
        Class::Ambiguous => "ambiguous",
        Class::DataDependent => "data-dependent",
        Class::Unsafe => "unsafe",
        Class::Unused => "unused",
        Class::Style => "style",
    }
}
