//! What changed between releases, against abidiff (libabigail).
//!
//! It is run so that it reports all it knows: also types that no exported symbol leads to, harmless changes, and only *leaf* changes,
//! those of a type itself and not of what it points to, as ours are. Programs export little, and it leaves out types that it finds only
//! below functions that are not exported; so it is given copies that say to be of the old kind of program (`ET_EXEC`), of which it takes
//! the full symbol table.
//!
//! Every type that it reports must be among ours, with the sizes and members that it gives, unless
//!
//! - a release has several types of the name: it looks at one of them only;
//! - all it says is that a pointer changed from a type to one that it spells alike (a type below got a tag, which is our one change).
//!
//! Those of ours that it does not report with a paragraph of their own must be
//!
//! - *via*: changed only because of what they hold, which it counts as no leaf change;
//! - *spelling*: the same bytes mean the same;
//! - *elsewhere*: it says so where it speaks of a variable, a function or a type that uses them;
//! - *pahole*: it has nothing to say, but pahole prints them differently for the two releases;
//! - *typedef*: names of other types, which it reports only with a function that uses them;
//! - *signature*: all that changed is what a function takes that a member points to, behind the name of such a typedef.

use crate::programs;
use mcrx_harness::{Context, Explain, Need, Result, Suite, ensure, program, server};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PAIRS: [(&str, &str, &str); 12] = [
    ("nginx", "1.18.0", "1.22.1"),
    ("nginx", "1.22.1", "1.26.3"),
    ("nginx", "1.26.3", "1.28.0"),
    ("nginx", "1.28.0", "1.28.3"),
    ("redis", "6.0.16", "7.0.15"),
    ("redis", "7.0.15", "8.0.2"),
    ("redis", "8.0.2", "8.0.6"),
    ("memcached", "1.6.18", "1.6.38"),
    ("httpd-event", "2.4.67", "2.4.68"),
    ("httpd-prefork", "2.4.67", "2.4.68"),
    ("openssh", "9.2p1", "10.0p1"),
    ("vsftpd", "3.0.5", "3.0.5+mcrx1"),
];

/// How long abidiff may take on a machine with other things to do.
const DEADLINE: Duration = Duration::from_secs(1200);

pub(crate) fn tests(suite: Suite) -> Suite {
    let needs: Vec<Need> = PAIRS
        .iter()
        .flat_map(|(name, old, new)| [server(*name, *old), server(*name, *new)])
        .chain([program("abidiff"), program("pahole")])
        .collect();
    suite.test(needs, whatever_abidiff_reports_is_found_and_what_it_does_not_is_explained).within(DEADLINE)
}

fn whatever_abidiff_reports_is_found_and_what_it_does_not_is_explained(test: &Context) -> Result<()> {
    for (name, old, new) in PAIRS {
        let old = test.release(name, old)?.path.clone();
        // The listener of OpenSSH 10 is a small program; its sessions are what 9's whole program was.
        for new in programs::of_server(test.release(name, new)?) {
            compare(test, &old, &new).with_context(|| format!("{} -> {}", old.display(), new.display()))?;
        }
    }
    Ok(())
}

fn compare(test: &Context, old: &Path, new: &Path) -> Result<()> {
    let text = abidiff(test, old, new)?;
    let theirs = read(&text);
    let output = programs::types(test, &["--json", &old.to_string_lossy(), &new.to_string_lossy()])?;
    let facts: Value = serde_json::from_slice(&output.stdout)?;
    let mut ours: HashMap<&str, Vec<&Value>> = HashMap::new();
    for change in facts["changed"].as_array().context("changed")? {
        ours.entry(change["name"].as_str().context("name")?).or_default().push(change);
    }
    let tables = [programs::table(old)?, programs::table(new)?];
    let is_one_of_several = |name: &str| {
        tables.iter().any(|table| {
            let mut tags: Vec<_> = table.types_named(name).map(|ty| ty.tag()).collect();
            let count = tags.len();
            tags.dedup();
            tags.len() < count
        })
    };
    for their in &theirs {
        let Some(changes) = ours.get(their.name.as_str()) else {
            ensure!(
                is_one_of_several(&their.name) || their.is_only_spelling,
                "abidiff reports {their:#?}, which is not found"
            );
            continue;
        };
        if is_one_of_several(&their.name) {
            continue;
        }
        let change = changes.first().context("a change")?;
        if let Some((before, after)) = their.bits {
            ensure!(
                change["size_before"] == before / 8 && change["size_after"] == after / 8,
                "abidiff says {their:#?}, we say {change:#}"
            );
        }
        for (members, list) in [(&their.added, "fields_added"), (&their.removed, "fields_removed")] {
            for member in members {
                let known = change[list].as_array().context("a list")?;
                ensure!(
                    known.iter().any(|path| path.as_str().is_some_and(|path| path == member)),
                    "abidiff says {their:#?}, we say {change:#}"
                );
            }
        }
    }
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, changes) in &ours {
        for change in changes {
            let class = if theirs.iter().any(|their| their.name == *name) {
                "reported"
            } else if change["only_via"] == true {
                "via"
            } else if change["effect"] == "compatible" {
                "spelling"
            } else if mentions(&text, name) {
                "elsewhere"
            } else if change["kind"] == "typedef" {
                "typedef"
            } else if is_signature(change) {
                "signature"
            } else {
                let printed = |path: &Path| {
                    let mut command = Command::new(test.program("pahole")?);
                    programs::printed(command.args(["-F", "dwarf", "--class_name", name]).arg(path))
                };
                ensure!(printed(old)? != printed(new)?, "neither abidiff nor pahole knows of {change:#}");
                "pahole"
            };
            *classes.entry(class).or_default() += 1;
        }
    }
    println!("{} -> {}: {} of abidiff's; ours: {classes:?}", old.display(), new.display(), theirs.len());
    Ok(())
}

fn is_signature(change: &Value) -> bool {
    let mut fields = change["fields"].as_array().into_iter().flatten();
    fields.all(|field| {
        field["difference"] == "signature" && field["before"]["offset"] == field["after"]["offset"]
    })
}

fn mentions(text: &str, name: &str) -> bool {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(is_name);
        let after = text[at + name.len()..].chars().next().is_some_and(is_name);
        !before && !after
    })
}

/// A paragraph of a report.
#[derive(Debug, Default)]
struct Report {
    name: String,
    /// Of the whole, before and after.
    bits: Option<(u64, u64)>,
    added: Vec<String>,
    removed: Vec<String>,
    /// It names no difference but a type that it spells alike before and after.
    is_only_spelling: bool,
}

/// The types that it reports to have changed themselves.
///
/// ```text
/// 'struct conn at memcached.h:848:1' changed:
///   type size changed from 3968 to 3520 (in bits)
///   1 data member deletion:
///     'void* ssl', at offset 3840 (in bits) at memcached.h:930:1
/// ```
fn read(text: &str) -> Vec<Report> {
    let mut paragraphs: Vec<(String, usize, Vec<&str>)> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let heading = line.trim_start().trim_start_matches("[C] ");
        let name = heading.strip_prefix('\'').and_then(|rest| {
            let (what, rest) = rest.split_once('\'')?;
            let mut words = what.split(' ');
            let is_type = matches!(words.next(), Some("struct" | "union" | "class" | "enum" | "typedef"));
            let name = words.next()?;
            (is_type && rest.trim_start().starts_with("changed") && rest.ends_with(':'))
                .then(|| name.to_owned())
        });
        match name {
            Some(name) if indent == 0 || line.starts_with("  [C] ") => {
                paragraphs.push((name, indent + 2, Vec::new()));
                is_inside = true;
            }
            _ if indent == 0 && !line.is_empty() || line.starts_with("  [") => is_inside = false,
            _ => {
                if let Some((_, _, lines)) =
                    paragraphs.last_mut().filter(|_| is_inside && !line.trim().is_empty())
                {
                    lines.push(line);
                }
            }
        }
    }
    let spelt_alike = spelt_alike(text);
    let report =
        |(name, indent, lines): (String, usize, Vec<&str>)| report(name, indent, &lines, &spelt_alike);
    paragraphs.into_iter().filter_map(report).collect()
}

fn report(name: String, indent: usize, lines: &[&str], spelt_alike: &HashSet<&str>) -> Option<Report> {
    let first = lines.first()?.trim();
    // Those of types below have paragraphs of their own, or nothing of their own to say.
    let is_other = [
        "underlying type 'struct",
        "underlying type 'union",
        "underlying type 'enum",
        "details were reported",
    ]
    .iter()
    .any(|start| first.starts_with(start));
    if is_other || name.starts_with("__anonymous") || name.starts_with('{') {
        return None;
    }
    let mut report = Report { name, ..Report::default() };
    let (mut list, mut others) = (None, 0);
    for line in lines {
        let depth = line.len() - line.trim_start().len();
        let text = line.trim();
        if depth == indent {
            list = if text.contains("data member insertion") {
                Some(true)
            } else if text.contains("data member deletion") {
                Some(false)
            } else {
                None
            };
            if let Some(sizes) = text.strip_prefix("type size changed from ") {
                let mut numbers = sizes.split(' ').filter_map(|word| word.parse().ok());
                report.bits = numbers.next().zip(numbers.next());
            }
            others +=
                usize::from(!text.starts_with("type size hasn't") && !text.ends_with("data member changes:"));
        } else if depth == indent + 2
            && let (Some(is_added), Some(name)) = (list, member(text))
        {
            if is_added { report.added.push(name) } else { report.removed.push(name) }
        }
    }
    let mut members = lines.iter().filter(|line| line.len() - line.trim_start().len() == indent + 2);
    report.is_only_spelling = others == 0
        && members.all(|line| member_typedef(line).is_some_and(|name| spelt_alike.contains(name)));
    Some(report)
}

/// The typedefs of which it says that they changed from something to what it spells alike.
fn spelt_alike(text: &str) -> HashSet<&str> {
    let (mut names, mut last) = (HashSet::new(), None);
    for line in text.lines() {
        last = member_typedef(line).or(last);
        if is_from_itself(line) {
            names.extend(last);
        }
    }
    names
}

/// `type 'typedef handler_pt' of 'header::handler' changed`: the typedef.
fn member_typedef(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("type 'typedef ")?.split('\'').next()
}

/// `'unsigned int quic', at offset 130 (in bits)`: the name, of a member that has one.
fn member(text: &str) -> Option<String> {
    let declaration = text.strip_prefix('\'')?.split('\'').next()?;
    let name = declaration.rsplit(' ').next()?;
    let is_name =
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    is_name.then(|| name.to_owned())
}

/// `pointer type changed from: 'conn*' to: 'conn*'`.
fn is_from_itself(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("changed from: ") else { return false };
    rest.split_once(" to: ").is_some_and(|(from, to)| from == to)
}

fn abidiff(test: &Context, old: &Path, new: &Path) -> Result<String> {
    let (old, new) = (as_executable(test, old, "old")?, as_executable(test, new, "new")?);
    let mut command = Command::new(test.program("abidiff")?);
    command.args(["--leaf-changes-only", "--no-default-suppression", "--harmless", "--non-reachable-types"]);
    let output = command.arg(&old).arg(&new).output()?;
    // Bits 0 and 1 are errors and wrong usage, 2 and 3 changes.
    let code = output.status.code().context("it was killed")?;
    ensure!(code & 3 == 0, "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// A copy whose header says `ET_EXEC`.
fn as_executable(test: &Context, program: &Path, name: &str) -> Result<PathBuf> {
    const E_TYPE: usize = 16;
    const ET_EXEC: u8 = 2;
    let mut bytes = std::fs::read(program)?;
    *bytes.get_mut(E_TYPE).context("a header")? = ET_EXEC;
    let copy = test.scratch().directory().join(name);
    std::fs::write(&copy, bytes)?;
    Ok(copy)
}
