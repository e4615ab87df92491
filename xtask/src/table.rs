//! `cargo xtask table tracer`: the table of `tracer/README.md`, measured and written into it.
//!
//! The servers, their loads and the traces are those of the end-to-end tests (`tests/trace/servers.rs`), which keep what `mcrx trace`
//! said in a folder when they are told one: so the table is of what the tests show to be right.

use crate::install::cargo;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// Measure a table of the documentation anew, and write it there
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which: `tracer`, in tracer/README.md
    #[arg(value_parser = ["tracer"])]
    table: String,
    /// Print it, and write nothing
    #[arg(long)]
    print: bool,
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tracer/README.md");
const BEGIN: &str = "<!-- table: begin; by cargo xtask table tracer -->\n";
const END: &str = "<!-- table: end -->\n";

/// A program of the table: the server's name in the tests, and what share of its own blocks a trial by hand found pinned (of memcached:
/// bytes), without rules and with them.
const PROGRAMS: [(&str, &str); 6] = [
    ("nginx", "78 %, with 25 lines of rules 2.9 %"),
    ("redis", "58 %, with 4 rules 4.7 %"),
    ("memcached", "49 % of bytes, with 2 rules 0.5 %"),
    ("vsftpd", "20 %, with 3 rules 5 %"),
    ("httpd-event", ""),
    ("openssh", ""),
];

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let Args { table: _, print } = args;
    mcrx_servers::provide(&[], &mut |line| eprintln!("servers: {line}"))?;
    let folder = tempfile::tempdir()?;
    let tests = listed()?;
    for (program, _) in PROGRAMS {
        let of_program = |name: &&String| release(name).is_some_and(|release| is_of(release, program));
        let Some(newest) = tests.iter().filter(of_program).max_by_key(|name| version(name)) else { continue };
        let mut test = suite();
        test.args(["--exact", newest]).env("MCRX_TRACED", folder.path());
        ensure!(test.status()?.success(), "{newest} failed: there is no table of what is wrong");
    }
    let table = table(folder.path())?;
    if *print {
        println!("{table}");
        return Ok(ExitCode::SUCCESS);
    }
    let text = fs::read_to_string(FILE).with_context(|| format!("{FILE} cannot be read"))?;
    fs::write(FILE, replaced(&text, &table)?).with_context(|| format!("{FILE} cannot be written"))?;
    eprintln!("tracer/README.md has a new table");
    Ok(ExitCode::SUCCESS)
}

/// The end-to-end tests of tracing, built as they are tested.
fn suite() -> Command {
    let mut command = Command::new(cargo());
    command.args(["test", "--quiet", "--release", "--package", "mcrx", "--test", "trace", "--"]);
    command
}

/// The names of those that trace a server: `servers::nginx_is_...::nginx_1.28.3`.
fn listed() -> Result<Vec<String>> {
    let output = suite().args(["--list", "servers::"]).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the tests cannot be listed");
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// The release that a test is of: `nginx_1.28.3`.
fn release(test: &str) -> Option<&str> {
    Some(test.strip_prefix("servers::")?.rsplit_once("::")?.1)
}

/// Whether a release, `nginx_1.28.3` or `nginx-1.28.3`, is one of a program.
fn is_of(release: &str, program: &str) -> bool {
    release.strip_prefix(program).is_some_and(|rest| rest.starts_with(['-', '_']))
}

/// The text with another table between its marks.
fn replaced(text: &str, table: &str) -> Result<String> {
    let (Some(begin), Some(end)) = (text.find(BEGIN), text.find(END)) else {
        bail!("{FILE} has no place for the table: wanted the lines {BEGIN:?} and {END:?}");
    };
    let head = text.get(..begin + BEGIN.len()).unwrap_or(text);
    let rest = text.get(end..).unwrap_or_default();
    ensure!(begin < end, "{FILE}: the table ends before it begins");
    Ok(format!("{head}\n{table}\n{rest}"))
}

/// Of each program that was traced.
fn table(folder: &Path) -> Result<String> {
    let mut traced: BTreeMap<String, Value> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        traced.insert(name, serde_json::from_slice(&fs::read(&path)?)?);
    }
    let mut table = HEAD.to_owned();
    for (program, trial) in PROGRAMS {
        match traced.iter().find(|(name, _)| is_of(name, program)) {
            Some((name, facts)) => write!(table, "{}", row(name, &Sum::of(facts)?, trial))?,
            None => writeln!(table, "| {program} | not to be had here |")?,
        }
    }
    Ok(table)
}

/// The numbers in a release's name, for sorting: 1.10 comes after 1.9.
fn version(name: &str) -> Vec<u64> {
    name.split(|character: char| !character.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

const HEAD: &str = "\
| program | processes | blocks | typed | precise | opaque | likely | pinned | unreachable | own blocks | own typed | own pinned | of own bytes | trial by hand |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// What is counted of all processes of a server that could be traced.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    processes: u64,
    all: Counts,
    own: Counts,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    live: u64,
    bytes: u64,
    typed: u64,
    precise: u64,
    opaque: u64,
    likely: u64,
    pinned: u64,
    pinned_bytes: u64,
    unreachable: u64,
}

impl Sum {
    fn of(facts: &Value) -> Result<Sum> {
        let mut sum = Sum::default();
        for process in facts["processes"].as_array().context("no processes")? {
            if process.get("not_traced").is_some() {
                continue;
            }
            sum.processes += 1;
            sum.all.add(process)?;
            sum.own.add(&process["own"])?;
        }
        Ok(sum)
    }
}

impl Counts {
    fn add(&mut self, facts: &Value) -> Result<()> {
        let number = |of: &str, what: &str| {
            facts[of][what].as_u64().with_context(|| format!("no {of}.{what} in {facts}"))
        };
        self.live += number("blocks", "live")?;
        self.bytes += number("bytes", "live")?;
        self.typed += number("blocks", "typed")?;
        self.precise += number("pointers", "precise")?;
        self.opaque += number("pointers", "opaque")?;
        self.likely += number("pointers", "likely")?;
        self.pinned += number("pinned", "blocks")?;
        self.pinned_bytes += number("pinned", "bytes")?;
        self.unreachable += number("unreachable", "blocks")?;
        Ok(())
    }
}

fn row(name: &str, sum: &Sum, trial: &str) -> String {
    let Sum { processes, all, own } = sum;
    let cells = [
        name.to_owned(),
        processes.to_string(),
        all.live.to_string(),
        share(all.typed, all.live),
        all.precise.to_string(),
        all.opaque.to_string(),
        all.likely.to_string(),
        share(all.pinned, all.live),
        all.unreachable.to_string(),
        own.live.to_string(),
        share(own.typed, own.live),
        share(own.pinned, own.live),
        share(own.pinned_bytes, own.bytes),
        trial.to_owned(),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn share(part: u64, of: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(of.max(1));
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn counts(live: u64) -> Value {
        json!({
            "blocks": { "live": live, "typed": live / 2 }, "bytes": { "live": live * 10 },
            "pointers": { "precise": 3, "opaque": 2, "likely": 1 },
            "pinned": { "blocks": 1, "bytes": 4 }, "unreachable": { "blocks": 0 },
        })
    }

    #[test]
    fn processes_are_added_up_but_for_those_that_could_not_be_traced() {
        let mut one = counts(8);
        one["own"] = counts(4);
        let facts = json!({ "processes": [one, { "pid": 7, "not_traced": "no heap" }, one] });
        let sum = Sum::of(&facts).unwrap();
        assert_eq!((sum.processes, sum.all.live, sum.own.live, sum.own.pinned_bytes), (2, 16, 8, 8));
        let row = row("nginx-1.28.0", &sum, "78 %");
        assert_eq!(
            row,
            "| nginx-1.28.0 | 2 | 16 | 50.0 % | 6 | 4 | 2 | 12.5 % | 0 | 8 | 50.0 % | 25.0 % | 10.0 % | 78 % |\n"
        );
        assert_eq!(row.matches('|').count(), HEAD.lines().next().unwrap().matches('|').count());
        assert!(Sum::of(&json!({ "processes": [{ "pid": 7 }] })).is_err());
    }

    #[test]
    fn only_the_table_is_replaced() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(replaced(&text, "new\n").unwrap(), format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert!(replaced("no marks", "new").is_err());
        assert!(replaced(&format!("{END}{BEGIN}"), "new").is_err());
    }

    #[test]
    fn the_documentation_has_a_place_for_it() {
        assert!(replaced(&fs::read_to_string(FILE).unwrap(), "").is_ok());
    }

    #[test]
    fn releases_are_ordered_by_their_numbers() {
        assert!(version("nginx-1.10.2") > version("nginx-1.9.15"));
        let test = "servers::nginx_is_traced::nginx_1.28.3";
        assert!(release(test).is_some_and(|release| is_of(release, "nginx")));
        assert!(is_of("httpd-event-2.4.68", "httpd-event") && !is_of("nginx2-1.0", "nginx"));
        assert_eq!(release("known::nothing"), None);
    }
}
