//! `mcrx rules new`: the rule file that a release engineer begins with.

use super::check::{living, open};
use crate::exit::Failure;
use crate::output::{Output, PathFact};
use anyhow::{Context, Result};
use mcrx_debuginfo::file::Binary;
use mcrx_dsl::generate::{self, Between, Pointed};
use serde::Serialize;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Write the rule file for an update, with a hole for each question
///
/// What is automatic is in comments. What is not is `todo "…"`, with guesses as comments below it, best first. Only what can live is asked
/// about: types that variables, blocks and the frames of main hold or lead to.
#[derive(clap::Args)]
#[command(after_help = "\
A question is one that nobody may guess the answer to: the value of a new member in objects that live, what becomes of a member that is \
gone, how a value becomes one of another kind, which member of a changed union counts. Tables that the program file initialises are the \
new release's own, and so is what is new in variables.

A number may mean something else though its C type stayed. Where debug info has a trace of it (an enumeration that became bits, constants \
that were renumbered, a typedef of another unit) there is a hint in the file's comments; where it has none, there is no hint.

Exit codes: 0 the file is written, 2 there is a file of that name already, 3 a program cannot be read or has no debug info.

Examples:
  mcrx rules new ./nginx-1.26 ./nginx-1.28 -o nginx-1.28.mcrx
  mcrx rules check nginx-1.28.mcrx ./nginx-1.26 ./nginx-1.28      what is left to be answered
  mcrx rules new /usr/sbin/sshd ./sshd-session --from 9.2p1 --to 10.0p1 --program sshd")]
pub(crate) struct Args {
    /// The release that runs
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The release that is to run
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Write to this file, which is not there yet, instead of standard output
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What the program is called, if not as its file
    #[arg(long, value_name = "NAME")]
    program: Option<String>,
    /// What the old release is called, if its path does not tell
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,
    /// What the new release is called, if its path does not tell
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts<'a> {
    schema: &'static str,
    /// Where it was written; `null`: nowhere, it is `text`.
    file: Option<PathFact>,
    /// How many questions are left.
    holes: usize,
    /// How many types changed and need no rule.
    automatic: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<()> {
    let (old_binary, old) = open(&args.old)?;
    let (new_binary, new) = open(&args.new)?;
    let live = living(&old_binary, &old);
    let pointed = Pointed::of(&old_binary, &old);
    let name = args.program.clone().unwrap_or_else(|| file_name(old_binary.path()));
    let from = args.from.clone().unwrap_or_else(|| version(&old_binary));
    let to = args.to.clone().unwrap_or_else(|| version(&new_binary));
    let between = Between {
        old: &old,
        new: &new,
        program: &name,
        from: &from,
        to: &to,
        live: &live,
        pointed: Some(&pointed),
    };
    let generated = generate::rules(&between);
    let mut facts = Facts {
        schema: "mcrx.rules/1",
        file: None,
        holes: generated.holes,
        automatic: generated.automatic,
        text: None,
    };
    match &args.output {
        Some(path) => {
            write(path, &generated.text)?;
            facts.file = Some(PathFact(path.clone()));
            let questions = if generated.holes == 1 { "question" } else { "questions" };
            output.narrate(format_args!(
                "{} {questions}; {} types changed and need no rule",
                generated.holes, generated.automatic
            ));
            output.narrate(format_args!(
                "next: mcrx rules check {} {} {}",
                path.display(),
                args.old.display(),
                args.new.display()
            ));
        }
        None => {
            facts.text = Some(&generated.text);
            output.line(generated.text.trim_end())?;
        }
    }
    output.facts(&facts)?;
    Ok(())
}

/// What somebody has written is not overwritten.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let mut file = match File::create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let message = format!("{} is there already; write to another file, or remove it", path.display());
            return Err(Failure::Usage(message).into());
        }
        opened => opened.with_context(|| format!("cannot write {}", path.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The last part of the path that has a version in it: `1.26.3` of `nginx-1.26.3/sbin/nginx`; else the beginning of the build-id.
fn version(binary: &Binary) -> String {
    let parts = binary.path().components().rev().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let in_path = parts.filter_map(|part| version_in(&part)).next();
    in_path.unwrap_or_else(|| {
        binary.build_id().map_or_else(|| "unknown".to_owned(), |id| id.to_string().chars().take(12).collect())
    })
}

/// Digits with dots between them, and letters that belong to the last of them: `10.0p1`, `1.6.38`.
fn version_in(name: &str) -> Option<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    name.split(|letter: char| !is_part(letter)).find_map(|word| {
        let start = word.find(|letter: char| letter.is_ascii_digit())?;
        let word = word.get(start..)?.trim_end_matches('.');
        let (first, rest) = word.split_once('.')?;
        let is_number = !first.is_empty() && first.chars().all(|letter| letter.is_ascii_digit());
        (is_number && rest.starts_with(|letter: char| letter.is_ascii_digit())).then(|| word.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_a_files_or_folders_name() {
        for (name, want) in [
            ("nginx-1.26.3-63d11ca5", Some("1.26.3")),
            ("openssh-10.0p1", Some("10.0p1")),
            ("redis-server7.0.15", Some("7.0.15")),
            ("nginx", None),
            ("v2", None),
            ("libfoo.so", None),
        ] {
            assert_eq!(version_in(name).as_deref(), want, "{name}");
        }
    }
}
