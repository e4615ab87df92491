//! What is wrong with a rule file, where, and what to do about it.
//!
//! What it does not do: lay it out for a terminal, or as JSON or SARIF; the command does.

use crate::source::{At, Span};
use std::fmt;

/// The number by which a kind of diagnostic is known: `MCX101`. Once given it never means anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MCX{:03}", self.0)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing need be done.
    Note,
    /// The rules may be used, and do perhaps not what was meant.
    Warning,
    /// The rules cannot be used.
    Error,
}

/// Of what sort it is. Each [`Code`] is of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It is not the language.
    Syntax,
    /// It speaks of what the program does not have, or of something else than it is.
    Resolution,
    /// State would be lost.
    Destructive,
    /// It can be meant in more than one way.
    Ambiguous,
    /// Whether it works depends on values in the process.
    DataDependent,
    /// The updated program could do something wrong.
    Unsafe,
    /// It has no effect.
    Unused,
    /// It could be said better.
    Style,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// One sentence, without a full stop, that says what was found.
    pub message: String,
    /// Where in a rule file.
    pub span: Span,
    /// What to write at that place, if it is more than the message: "no such member".
    pub label: Option<String>,
    /// Other places of rule files that have to do with it.
    pub others: Vec<At<String>>,
    /// The C declarations that it is about.
    pub declarations: Vec<Declaration>,
    /// What to do, one sentence.
    pub help: Option<String>,
    /// The same, ready to be applied.
    pub fix: Option<Fix>,
}

/// Something that a program's source declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// In which release.
    pub release: Release,
    /// As C writes it, one line or more.
    pub text: String,
    /// The source file and line, if debug info tells them.
    pub place: Option<(String, u32)>,
}

/// One of the two releases that rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// The one that runs.
    Old,
    /// The one that is to run. Facts files, which are about one release only, are checked against each by itself as the old one.
    New,
}

/// Text to be put in the place of other text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in the imperative: "rename it to `data`".
    pub title: String,
    /// What is replaced. Empty: something is put in.
    pub span: Span,
    /// By what.
    pub text: String,
}

impl Diagnostic {
    /// An error without anything else.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Error, span, message)
    }

    /// A warning without anything else.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Warning, span, message)
    }

    /// One without anything else.
    pub fn new(code: Code, severity: Severity, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            span,
            label: None,
            others: Vec::new(),
            declarations: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// With something written at its place.
    #[must_use]
    pub fn labelled(self, label: impl Into<String>) -> Diagnostic {
        Diagnostic { label: Some(label.into()), ..self }
    }

    /// With what to do.
    #[must_use]
    pub fn helped(self, help: impl Into<String>) -> Diagnostic {
        Diagnostic { help: Some(help.into()), ..self }
    }

    /// With another place.
    #[must_use]
    pub fn beside(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.others.push(At { is: label.into(), span });
        self
    }

    /// With a declaration of the program.
    #[must_use]
    pub fn about(mut self, declaration: Declaration) -> Diagnostic {
        self.declarations.push(declaration);
        self
    }

    /// With a declaration, if there is one.
    #[must_use]
    pub fn about_what_is_known(mut self, declaration: Option<Declaration>) -> Diagnostic {
        self.declarations.extend(declaration);
        self
    }

    /// With what to do about it, ready to be applied.
    #[must_use]
    pub fn fixed_by(self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Diagnostic {
        Diagnostic { fix: Some(Fix { title: title.into(), span, text: text.into() }), ..self }
    }
}
