//! `mcrx rules explain`: what a code means, with an example; or all codes.

use super::json::{class, severity};
use crate::exit::Failure;
use crate::output::Output;
use anyhow::Result;
use mcrx_dsl::codes::{self, Entry};
use mcrx_dsl::names::nearest;
use serde::Serialize;

/// Explain a code of a finding: what it means, why it matters, what to do
///
/// Without a code it lists all that there are.
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 done, 2 there is no such code.

Examples:
  mcrx rules explain MCX102
  mcrx rules explain unknown-member
  mcrx rules explain")]
pub(crate) struct Args {
    /// A code (MCX102) or its name (unknown-member)
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

const SCHEMA: &str = "mcrx.rules.explain/1";

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

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let entries: Vec<&Entry> = match &args.code {
        Some(wanted) => vec![codes::find(wanted).ok_or_else(|| Failure::Usage(unknown(wanted)))?],
        None => codes::all().collect(),
    };
    match (&args.code, entries.as_slice()) {
        (Some(_), [entry]) => text(entry, output)?,
        _ => list(&entries, output)?,
    }
    output.facts(&Facts { schema: SCHEMA, codes: entries.into_iter().map(EntryFacts::of).collect() })?;
    Ok(())
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
    output.line("\nmcrx rules explain CODE says more of one")?;
    Ok(())
}

fn unknown(wanted: &str) -> String {
    let near = nearest::names(wanted, codes::all().map(|entry| entry.name));
    if near.is_empty() {
        format!("there is no code {wanted}; mcrx rules explain lists them all")
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
