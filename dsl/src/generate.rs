//! The rule file that a release engineer begins with: what changed between two releases, as far as debug info tells.
//!
//! What is automatic is said in comments, a line for each type. What is not is a hole, `todo "…"`, with guesses below it as comments, best
//! first, ready to be taken. The file is valid but for its holes, and short: only what can live is asked about
//! ([`crate::pairing::Live`]), members that are gone are one question for each type, tables of the program's are its new release's own.
//!
//! What it does not do: read files, guess silently, ask what the update itself finds out (a value that does not fit, a pointer to a
//! function that is gone, where none was seen before).

mod answer;
mod automatic;
mod functions;
mod guess;
mod masks;
mod plain;
mod pointed;
mod respelt;
mod types;
mod variables;
mod write;

pub use answer::{Answers, is_name, numbers, quoted, zero};
pub use pointed::Pointed;
pub(crate) use types::spellings;

use crate::format;
use crate::pairing::{Live, Pairing};
use crate::rules::Rules;
use mcrx_debuginfo::compare::compare;
use mcrx_debuginfo::table::Table;
use write::Writer;

/// Two releases, and what is known of them.
pub struct Between<'t> {
    /// What runs.
    pub old: &'t Table,
    /// What is to run.
    pub new: &'t Table,
    /// The program's name.
    pub program: &'t str,
    /// The old release, as its makers call it.
    pub from: &'t str,
    /// The new one.
    pub to: &'t str,
    /// Where objects of the old release can be.
    pub live: &'t Live,
    /// The functions of the old release that pointers may lead to. `None`: not known, and none is asked about.
    pub pointed: Option<&'t Pointed>,
}

/// A rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// All of it.
    pub text: String,
    /// How many questions it leaves to a person.
    pub holes: usize,
    /// How many types changed and need no rule.
    pub automatic: usize,
}

/// The rules that somebody has to complete.
pub fn rules(between: &Between<'_>) -> Generated {
    let nothing = Rules::default();
    let pairing = Pairing::of(between.old, between.new, &nothing);
    let comparison = compare(between.old, between.new);
    let mut writer = Writer::default();
    header(between, &mut writer);
    let asked = types::write(between, &pairing, &comparison.types, &mut writer);
    variables::write(between, &pairing, &mut writer);
    functions::write(between, &pairing, &comparison.functions, &mut writer);
    let automatic = automatic::write(between, &pairing, &comparison, &asked, &mut writer);
    plain::write(between, &mut writer);
    masks::write(between, &comparison, &mut writer);
    respelt::write(between, &comparison, &mut writer);
    let Writer { holes, .. } = writer;
    let text = writer.finish();
    // One style, also for names that were never seen; it parses, so there is one.
    let text = format::format(&text).unwrap_or(text);
    Generated { text, holes, automatic }
}

fn header(between: &Between<'_>, writer: &mut Writer) {
    writer.line("mcrx 1");
    writer.line(&format!("program {}", write::name_or_text(between.program)));
    writer.line(&format!("from {}", write::text(between.from)));
    writer.line(&format!("to {}", write::text(between.to)));
    writer.blank();
    writer.comment(
        "What changed, as far as debug info tells. Each `todo` is a question that only a person can answer; the comments below it are guesses, \
         best first. Put an answer in its place, and `mcrx rules check FILE OLD NEW` says what is left.",
    );
}
