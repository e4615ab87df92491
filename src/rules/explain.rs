//! `mcrx rules explain`: what a code means, with an example; or all codes; or what becomes of a type.

mod migration;

use super::check::{read, table};
use super::json::{class, severity};
use crate::exit::Failure;
use crate::output::Output;
use anyhow::Result;
use mcrx_dsl::codes::{self, Entry};
use mcrx_dsl::diagnostic::Severity;
use mcrx_dsl::names::nearest;
use mcrx_dsl::pairing::Pairing;
use mcrx_dsl::rules::Rules;
use mcrx_transform::plan::{self, CODES, Code};
use migration::{Explainer, Migration};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Explain a code of a finding, or what becomes of a type
///
/// Of a code: what it means, why it matters, what to do. Without one, all that there are. Of a type, with both releases: what each of its
/// members is made from, by itself or by a rule, and what nobody has said.
#[derive(clap::Args)]
#[command(after_help = "\
A line that begins with ? is a question: mcrx rules new writes them all down, with guesses.

Exit codes: 0 done, 2 there is no such code or type, 3 a program or rule file cannot be read.

Examples:
  mcrx rules explain MCX102
  mcrx rules explain MCX807
  mcrx rules explain unknown-member
  mcrx rules explain
  mcrx rules explain ngx_connection_s ./nginx-1.22 ./nginx-1.26
  mcrx rules explain ngx_connection_s OLD NEW --rules nginx-1.26.mcrx")]
pub(crate) struct Args {
    /// A code (MCX102), its name (unknown-member), or a type
    #[arg(value_name = "CODE|TYPE")]
    what: Option<String>,
    /// Of a type: the release that runs
    #[arg(value_name = "OLD", requires = "new")]
    old: Option<PathBuf>,
    /// Of a type: the release that is to run
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    /// Of a type: with what this file says of it
    #[arg(long, value_name = "FILE", requires = "new")]
    rules: Option<PathBuf>,
}

const SCHEMA: &str = "mcrx.rules.explain/1";

/// The class of what stops an update: `mcrx plan` finds it, not `mcrx rules check`.
const CONFLICT: &str = "conflict";

/// How wide a paragraph is, in characters.
const WIDTH: usize = 80;

#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    codes: Vec<EntryFacts>,
}

#[derive(Serialize)]
struct EntryFacts {
    code: String,
    name: &'static str,
    class: &'static str,
    severity: &'static str,
    title: &'static str,
    text: &'static str,
    wrong: &'static str,
    right: &'static str,
}

/// The version of what `--json` prints of a type.
const TYPE_SCHEMA: &str = "mcrx.rules.explain.type/1";

#[derive(Serialize)]
struct TypeFacts {
    schema: &'static str,
    types: Vec<Migration>,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    if let (Some(name), Some(old), Some(new)) = (&args.what, &args.old, &args.new) {
        return of_type(name, (old, new), args.rules.as_deref(), output);
    }
    if let Some(code) = args.what.as_deref().and_then(Code::find) {
        let entry = code.entry();
        conflict(entry, output)?;
        output.facts(&Facts { schema: SCHEMA, codes: vec![EntryFacts::of_conflict(entry)] })?;
        return Ok(());
    }
    let entries: Vec<&Entry> = match &args.what {
        Some(wanted) => vec![codes::find(wanted).ok_or_else(|| Failure::Usage(unknown(wanted)))?],
        None => codes::all().collect(),
    };
    match (&args.what, entries.as_slice()) {
        (Some(_), [entry]) => text(entry, output)?,
        _ => list(&entries, output)?,
    }
    let conflicts = CODES.iter().filter(|_| args.what.is_none()).map(EntryFacts::of_conflict);
    let codes = entries.into_iter().map(EntryFacts::of).chain(conflicts).collect();
    output.facts(&Facts { schema: SCHEMA, codes })?;
    Ok(())
}

/// What becomes of the types of a name.
fn of_type(name: &str, (old, new): (&Path, &Path), rules: Option<&Path>, output: &Output) -> Result<()> {
    let (old, new) = (table(old)?, table(new)?);
    let loaded = rules.map(read).transpose()?;
    let nothing = Rules::default();
    let pairing = Pairing::of(&old, &new, loaded.as_ref().map_or(&nothing, |loaded| &loaded.rules));
    let bare =
        ["struct ", "union ", "enum "].iter().find_map(|keyword| name.strip_prefix(keyword)).unwrap_or(name);
    let is_meant = |called: &str| called == bare;
    let of_name = pairing.types.iter().filter(|pair| {
        let typedefs = [&old, &new].into_iter().flat_map(|table| table.types_named(bare));
        is_meant(pair.name)
            || pair.old.iter().any(|ty| ty.name().is_some_and(is_meant))
            || typedefs
                .filter_map(|ty| ty.resolved())
                .any(|ty| pair.old.contains(&ty) || pair.made.iter().any(|made| made.ty == ty))
    });
    let explainer = Explainer { pairing: &pairing, rules: loaded.as_ref() };
    let types: Vec<Migration> = of_name.map(|pair| explainer.migration(pair)).collect();
    if types.is_empty() {
        return Err(Failure::Usage(unknown_type(bare, &pairing)).into());
    }
    for ty in &types {
        for line in ty.lines() {
            output.line(line)?;
        }
    }
    match types.iter().map(Migration::questions).sum::<usize>() {
        0 => {}
        1 => output.narrate("1 question (?) is open: a type statement in a rule file answers it"),
        more => output.narrate(format_args!(
            "{more} questions (?) are open: a type statement in a rule file answers them"
        )),
    }
    output.facts(&TypeFacts { schema: TYPE_SCHEMA, types })?;
    Ok(())
}

fn unknown_type(wanted: &str, pairing: &Pairing<'_>) -> String {
    let near = nearest::names(wanted, pairing.types.iter().map(|pair| pair.name));
    let near = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
    format!("no structure, union or enumeration of both releases is called {wanted}{near}")
}

impl EntryFacts {
    fn of(entry: &Entry) -> EntryFacts {
        EntryFacts {
            code: entry.code.to_string(),
            name: entry.name,
            class: class(entry.class()),
            severity: severity(entry.severity),
            title: entry.title,
            text: entry.text,
            wrong: entry.wrong,
            right: entry.right,
        }
    }

    /// Of what stops an update.
    fn of_conflict(entry: &plan::Entry) -> EntryFacts {
        EntryFacts {
            code: entry.id.to_owned(),
            name: entry.name,
            class: CONFLICT,
            severity: severity(Severity::Error),
            title: entry.title,
            text: entry.text,
            wrong: "",
            right: entry.example,
        }
    }
}

fn conflict(entry: &plan::Entry, output: &Output) -> Result<()> {
    let plan::Entry { id, name, title, text, advice, example, .. } = entry;
    output.heading(format_args!("{id} {name}: {title}"))?;
    output.line(format_args!("{}, {CONFLICT}", severity(Severity::Error)))?;
    output.line(format_args!("\n{}", wrapped(text)))?;
    output.line(format_args!("\nWhat settles it: {advice}. For example:\n"))?;
    for line in example.lines() {
        output.line(format_args!("    {line}"))?;
    }
    output.line("")?;
    Ok(())
}

fn text(entry: &Entry, output: &Output) -> Result<()> {
    let Entry { code, name, title, .. } = entry;
    output.heading(format_args!("{code} {name}: {title}"))?;
    output.line(format_args!("{}, {}", severity(entry.severity), class(entry.class())))?;
    for paragraph in entry.text.split("\n\n") {
        output.line(format_args!("\n{}", wrapped(paragraph)))?;
    }
    for (heading, example) in [("Wrong", entry.wrong), ("Right", entry.right)] {
        if !example.is_empty() {
            output.line(format_args!("\n{heading}:\n"))?;
            for line in example.lines() {
                output.line(format_args!("    {line}"))?;
            }
        }
    }
    output.line("")?;
    Ok(())
}

fn list(entries: &[&Entry], output: &Output) -> Result<()> {
    let mut last = None;
    for entry in entries {
        let own = class(entry.class());
        if last.replace(own) != Some(own) {
            output.heading(own)?;
        }
        output.line(format_args!("  {}  {:<24} {}", entry.code, entry.name, entry.title))?;
    }
    output.heading(CONFLICT)?;
    for plan::Entry { id, name, title, .. } in &CODES {
        output.line(format_args!("  {id}  {name:<24} {title}"))?;
    }
    output.line("\nmcrx rules explain CODE says more of one")?;
    Ok(())
}

fn unknown(wanted: &str) -> String {
    let near = nearest::names(wanted, codes::all().map(|entry| entry.name));
    if near.is_empty() {
        format!(
            "there is no code {wanted}; mcrx rules explain lists them all, and explains a type with both releases: {wanted} OLD NEW"
        )
    } else {
        format!("there is no code {wanted}; did you mean {}?", near.join(", "))
    }
}

/// A paragraph in lines.
fn wrapped(paragraph: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in paragraph.split_whitespace() {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > WIDTH {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += len;
    }
    text
}
