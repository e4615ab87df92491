//! What stops an update, for people and for programs.

use crate::output::Output;
use anyhow::Result;
use mcrx_dsl::diagnostic::{Declaration, Release};
use mcrx_live::update::Refusal;
use mcrx_transform::plan::Conflict;
use serde::Serialize;

/// A conflict of a plan, or what else stops an update.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ConflictFacts {
    /// Nothing where it is about no plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The process, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    message: String,
    /// The type or variable.
    object: String,
    member: String,
    /// How many objects.
    #[serde(skip_serializing_if = "is_none")]
    objects: u64,
    /// Of the first of them; nothing where it is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// From a root to it.
    path: String,
    /// Of memory without a type: how large it is, and who made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    known: String,
    /// What it is about, as each release declares it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    declarations: Vec<DeclarationFacts>,
    /// What can be done about it.
    rule: &'static str,
    /// A statement for the rule file that settles it, if there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    statement: String,
}

#[derive(Debug, Serialize)]
struct DeclarationFacts {
    /// `old` or `new`.
    release: &'static str,
    text: String,
    /// The source file and the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

impl ConflictFacts {
    pub(crate) fn of(conflict: &Conflict) -> ConflictFacts {
        ConflictFacts {
            code: Some(conflict.code.id()),
            pid: None,
            message: conflict.message.clone(),
            object: conflict.object.clone(),
            member: conflict.member.clone(),
            objects: conflict.objects,
            address: (conflict.address != 0).then(|| format!("{:#x}", conflict.address)),
            path: conflict.path.clone(),
            known: conflict.known.clone(),
            declarations: conflict.declarations.iter().map(DeclarationFacts::of).collect(),
            rule: conflict.code.advice(),
            statement: conflict.rule.clone(),
        }
    }

    /// The same of what stops an update.
    pub(crate) fn of_update(refusal: &Refusal) -> ConflictFacts {
        match refusal {
            Refusal::Conflict { pid, conflict } => {
                ConflictFacts { pid: Some(*pid), ..ConflictFacts::of(conflict) }
            }
            Refusal::Finding { pid, finding } => {
                let (message, path) = (finding.fault.to_string(), finding.path.clone());
                ConflictFacts { pid: Some(*pid), message, path, ..ConflictFacts::default() }
            }
            Refusal::Other(message) => ConflictFacts { message: message.clone(), ..ConflictFacts::default() },
        }
    }

    /// Whether a person would be told the same twice, of objects in two processes.
    pub(crate) fn says_the_same(&self, other: &ConflictFacts) -> bool {
        let said =
            |one: &ConflictFacts| (one.code, one.object.clone(), one.member.clone(), one.message.clone());
        said(self) == said(other)
    }

    pub(crate) fn print(&self, output: &Output) -> Result<()> {
        let subject: Vec<&str> = [self.code.unwrap_or_default(), &self.object, &self.member]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let subject = if subject.is_empty() { String::new() } else { format!("{}: ", subject.join(" ")) };
        let many = if self.objects > 1 { format!(", {} of them", self.objects) } else { String::new() };
        output.line(format_args!("{subject}{}{many}", self.message))?;
        let place = match (&self.address, self.path.as_str()) {
            (Some(address), "") => format!("at {address}"),
            (Some(address), path) => format!("at {address}, {path}"),
            (None, path) => path.to_owned(),
        };
        let told = [place.as_str(), &self.known];
        for line in told.into_iter().filter(|line| !line.is_empty()) {
            output.line(format_args!("        {line}"))?;
        }
        for DeclarationFacts { release, text, at } in &self.declarations {
            let at = at.as_ref().map_or_else(String::new, |at| format!("    {at}"));
            output.line(format_args!("        {release}  {text}{at}"))?;
        }
        if !self.rule.is_empty() {
            output.line(format_args!("        {}", self.rule))?;
        }
        for line in self.statement.lines() {
            output.line(format_args!("            {line}"))?;
        }
        Ok(())
    }
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl DeclarationFacts {
    fn of(declaration: &Declaration) -> DeclarationFacts {
        DeclarationFacts {
            release: if declaration.release == Release::Old { "old" } else { "new" },
            text: declaration.text.clone(),
            at: declaration.place.as_ref().map(|(file, line)| format!("{file}:{line}")),
        }
    }
}
