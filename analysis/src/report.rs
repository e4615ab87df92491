//! A report on two or three snapshots, or on one: a single HTML file that loads nothing.
//!
//! What it says comes first, in sentences; below are tables, who retains, a flame graph, and what the snapshots are. The page draws itself from one
//! JSON document inside of it, so what is named by a process is never read as markup.

use crate::diff::{Change, Diff, Kept};
use crate::edges::at;
use crate::export::folded::{self, By};
use crate::index::{Snapshot, UNTYPED};
use crate::retainers::{What, retainers};
use crate::sources;
use crate::suspects::{Suspect, suspects};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

const PAGE: &str = include_str!("report/page.html");
const STYLE: &str = include_str!("report/style.css");
const SCRIPT: &str = include_str!("report/view.js");

/// Rows of each table that are in the file: those that grew most, and the largest.
const ROWS: usize = 1000;
/// Stacks that are in the file: the largest.
const STACKS: usize = 5000;
/// Of all bytes, what one must retain to be told of: one in so many.
const LEAST_RETAINED: u64 = 500;

/// What a report is on.
#[derive(Debug, Clone, Copy)]
pub struct Subjects<'s> {
    /// What the server calls itself.
    pub title: &'s str,
    /// What was named, in order: files, or processes.
    pub targets: &'s [&'s str],
    /// The last of the snapshots.
    pub last: &'s Snapshot,
    /// Of the first and the last of them; of one with itself, where there is but one.
    pub diff: &'s Diff,
    /// The release of who writes it.
    pub version: &'s str,
}

#[derive(Serialize)]
struct Data<'s> {
    title: &'s str,
    targets: &'s [&'s str],
    matched: bool,
    total: Change,
    suspects: Vec<Suspect>,
    types: Vec<Row>,
    sites: Vec<Row>,
    owners: Vec<Row>,
    retainers: Vec<RetainerRow>,
    stacks_by_site: Vec<(Vec<String>, u64, u64)>,
    stacks_by_owner: Vec<(Vec<String>, u64, u64)>,
    coverage: Coverage,
    provenance: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    #[serde(flatten)]
    change: Change,
    #[serde(flatten)]
    kept: Kept,
}

#[derive(Serialize)]
struct RetainerRow {
    depth: usize,
    what: String,
    retained: u64,
    blocks: u64,
}

#[derive(Serialize)]
struct Coverage {
    typed: u64,
    all: u64,
}

/// Writes the page.
///
/// # Errors
/// It cannot be written.
pub fn write(subjects: &Subjects<'_>, mut out: impl Write) -> io::Result<()> {
    let data = serde_json::to_string(&Data::of(subjects)).map_err(io::Error::other)?;
    // Within a script element nothing may look like the end of it, or like a comment.
    let data = data.replace('<', "\\u003c");
    let (head, rest) = PAGE.split_once("{style}").unwrap_or((PAGE, ""));
    let (middle, rest) = rest.split_once("{data}").unwrap_or((rest, ""));
    let (before_script, tail) = rest.split_once("{script}").unwrap_or((rest, ""));
    [head, STYLE, middle, &data, before_script, SCRIPT, tail]
        .iter()
        .try_for_each(|part| out.write_all(part.as_bytes()))
}

impl<'s> Data<'s> {
    fn of(subjects: &Subjects<'s>) -> Data<'s> {
        let Subjects { title, targets, diff, last, .. } = *subjects;
        let types = diff.by_type().into_iter().map(|(name, change, kept)| row(name.to_owned(), change, kept));
        let sites = diff.by_site().into_iter();
        let sites = sites.map(|(frames, change, kept)| row(sources::described(frames), change, kept));
        let owners = diff.by_owner().into_iter();
        let owners = owners.map(|(owner, change, kept)| row(diff.owners.name(owner), change, kept));
        Data {
            title: without_folders(title),
            targets,
            matched: diff.is_matched(),
            total: diff.total,
            suspects: suspects(diff),
            types: most(types.collect()),
            sites: most(sites.collect()),
            owners: most(owners.collect()),
            retainers: retainer_rows(last),
            stacks_by_site: largest(folded::stacks(diff, By::Site)),
            stacks_by_owner: largest(folded::stacks(diff, By::Owner)),
            coverage: coverage(diff),
            provenance: provenance(subjects),
        }
    }
}

/// What a process calls itself mostly begins with the path of its program: what comes after the last slash of that is enough for a title.
fn without_folders(title: &str) -> &str {
    let program = title.split_whitespace().next().unwrap_or(title);
    let folders = program.rfind('/').map_or(0, |slash| slash + 1);
    if title.starts_with(program) { title.get(folders..).unwrap_or(title) } else { title }
}

fn row(name: String, change: Change, kept: Kept) -> Row {
    Row { name, change, kept }
}

/// Those that grew most come first already; the largest are not to be missing.
fn most(mut rows: Vec<Row>) -> Vec<Row> {
    if rows.len() > ROWS {
        rows[ROWS / 2..].sort_by_key(|row| std::cmp::Reverse(row.change.bytes_after));
        rows.truncate(ROWS);
    }
    rows
}

fn largest(stacks: BTreeMap<Vec<String>, [u64; 2]>) -> Vec<(Vec<String>, u64, u64)> {
    let stacks = stacks.into_iter().map(|(stack, [before, after])| (stack, before, after));
    let mut stacks: Vec<_> = stacks.filter(|(_, before, after)| before + after > 0).collect();
    stacks.sort_by_key(|(_, before, after)| std::cmp::Reverse(*before.max(after)));
    stacks.truncate(STACKS);
    stacks
}

fn retainer_rows(snapshot: &Snapshot) -> Vec<RetainerRow> {
    let rows = retainers(snapshot, |total| total / LEAST_RETAINED);
    let row = |row: crate::retainers::Retainer| {
        let what = match row.what {
            What::Process { pid, name } => format!("{pid} {}", without_folders(&name)),
            What::Start(name) => name,
            What::Block { ty, owner, others: 0, .. } => format!("{ty} at {owner}"),
            What::Block { ty, owner, others, .. } => format!("{} x {ty} at {owner}", others + 1),
            What::Many { count, ty } => format!("{count} x {ty}"),
        };
        RetainerRow { depth: row.depth, what, retained: row.retained, blocks: row.blocks }
    };
    rows.into_iter().map(row).collect()
}

fn coverage(diff: &Diff) -> Coverage {
    let is_typed = |ty: u32| diff.types.get(at(ty)).is_some_and(|name| name != UNTYPED);
    let typed = diff.rows.iter().filter(|(group, _)| is_typed(group.ty));
    Coverage { typed: typed.map(|(_, change)| change.bytes_after).sum(), all: diff.total.bytes_after }
}

fn provenance(subjects: &Subjects<'_>) -> Vec<(String, String)> {
    let mut facts = vec![("Snapshots".to_owned(), subjects.targets.join(", "))];
    for index in &subjects.last.processes {
        let process = &index.process;
        facts.push((format!("Process {}", process.pid), process.name.clone()));
        if let Some(build) = process.program {
            facts.push((format!("Program of {}", process.pid), format!("build-id {build}")));
        }
    }
    facts.push((
        "Blocks".to_owned(),
        "as the allocator's tags tell them; bytes are those that the program asked for".to_owned(),
    ));
    facts.push(("Written by".to_owned(), format!("mcrx {}", subjects.version)));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_calls_itself_is_no_markup() {
        let (diff, last) = (Diff::default(), Snapshot::default());
        let title = "</script><script>alert(1)</script>";
        let mut page = Vec::new();
        let subjects = Subjects { title, targets: &["a<b.snap"], last: &last, diff: &diff, version: "0" };
        write(&subjects, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("a<b"), "{page}");
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("{data}") && !page.contains("{style}") && !page.contains("{script}"));
    }

    #[test]
    fn a_title_is_the_program_without_its_folders() {
        assert_eq!(without_folders("/usr/bin/redis-server 127.0.0.1:6379"), "redis-server 127.0.0.1:6379");
        assert_eq!(
            without_folders("nginx: master process /usr/sbin/nginx"),
            "nginx: master process /usr/sbin/nginx"
        );
        assert_eq!(without_folders(""), "");
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for part in [PAGE, STYLE, SCRIPT] {
            for sign in ["http:", "https:", "url(", "import ", "fetch(", "src="] {
                assert!(!part.contains(sign), "{sign}");
            }
        }
    }
}
