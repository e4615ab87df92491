//! `cargo xtask table tracer`: the table of `tracer/README.md` and the transcript of `README.md`, measured and written into them.
//!
//! The servers, their loads and the traces are those of the end-to-end tests (`tests/trace/servers.rs`), which keep what `mcrx trace`
//! said in a folder when they are told one: so the table is of what the tests show to be right.

use crate::install::cargo;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Measure a table of the documentation anew, and write it there
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which: `tracer`, in tracer/README.md, with what `mcrx trace` says of nginx in README.md
    #[arg(value_parser = ["tracer"])]
    table: String,
    /// Print it, and write nothing
    #[arg(long)]
    print: bool,
}

/// A place in a file of the documentation, between two lines.
struct Place {
    file: &'static str,
    begin: &'static str,
    end: &'static str,
}

const TABLE: Place = Place {
    file: concat!(env!("CARGO_MANIFEST_DIR"), "/../tracer/README.md"),
    begin: "<!-- table: begin; by cargo xtask table tracer -->\n",
    end: "<!-- table: end -->\n",
};

/// What a person sees of nginx.
const TRANSCRIPT: Place = Place {
    file: concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"),
    begin: "<!-- mcrx trace: begin; by cargo xtask table tracer -->\n",
    end: "<!-- mcrx trace: end -->\n",
};

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
    let (table, transcript) = (table(folder.path())?, transcript(folder.path())?);
    if *print {
        println!("{table}\n{transcript}");
        return Ok(ExitCode::SUCCESS);
    }
    TABLE.write(&table)?;
    TRANSCRIPT.write(&transcript)?;
    eprintln!("tracer/README.md has a new table, README.md a new transcript");
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

impl Place {
    fn write(&self, content: &str) -> Result<()> {
        let text = fs::read_to_string(self.file).with_context(|| format!("{} cannot be read", self.file))?;
        fs::write(self.file, self.replaced(&text, content)?)
            .with_context(|| format!("{} cannot be written", self.file))
    }

    /// The text with something else in this place.
    fn replaced(&self, text: &str, content: &str) -> Result<String> {
        let Place { file, begin, end } = self;
        let (Some(from), Some(to)) = (text.find(begin), text.find(end)) else {
            bail!("{file} has no place for it: wanted the lines {begin:?} and {end:?}");
        };
        ensure!(from < to, "{file}: {end:?} comes before {begin:?}");
        let head = text.get(..from + begin.len()).unwrap_or(text);
        Ok(format!("{head}\n{content}\n{}", text.get(to..).unwrap_or_default()))
    }
}

/// What `mcrx trace` printed of nginx, as code. Programs are called by their names: where they lie on this machine is nobody's business.
fn transcript(folder: &Path) -> Result<String> {
    let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let is_nginx = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        is_of(&name, "nginx") && name.ends_with(".txt")
    };
    let file = files.into_iter().find(is_nginx).context("nginx was not traced")?;
    let text = fs::read_to_string(file)?;
    let lines = text.trim().lines().map(|line| format!("    {}", without_paths(line)).trim_end().to_owned());
    Ok(format!("    $ mcrx trace $(cat nginx.pid)\n\n{}\n", lines.collect::<Vec<_>>().join("\n")))
}

/// A line up to the first path in it, and what comes after a bracket behind that.
fn without_paths(line: &str) -> String {
    match line.split_once(" /") {
        Some((before, path)) => {
            let behind = path.find("): ").and_then(|at| path.get(at..)).unwrap_or_default();
            format!("{before} nginx ...{behind}")
        }
        None => line.to_owned(),
    }
}

/// Of each program that was traced.
fn table(folder: &Path) -> Result<String> {
    let mut traced: BTreeMap<String, Value> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        traced.insert(name, serde_json::from_slice(&fs::read(&path)?)?);
    }
    let mut table = HEAD.to_owned();
    let by_rules = |name: &String| traced.get(&format!("{name}{BY_RULES}")).map(Sum::of).transpose();
    for (program, trial) in PROGRAMS {
        let of_program = |(name, _): &(&String, &Value)| is_of(name, program) && !name.ends_with(BY_RULES);
        match traced.iter().find(of_program) {
            Some((name, facts)) => write!(table, "{}", row(name, &Sum::of(facts)?, by_rules(name)?, trial))?,
            None => writeln!(table, "| {program} | not to be had here |")?,
        }
    }
    Ok(table)
}

/// At the end of the name of what was traced by the program's facts file.
const BY_RULES: &str = ".rules";

/// The numbers in a release's name, for sorting: 1.10 comes after 1.9.
fn version(name: &str) -> Vec<u64> {
    name.split(|character: char| !character.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

const HEAD: &str = "\
| program | processes | blocks | typed | precise | opaque | likely | pinned | unreachable | own blocks | own typed | own pinned | of own bytes | by rules: own typed | own pinned | of own bytes | trial by hand |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
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

fn row(name: &str, sum: &Sum, by_rules: Option<Sum>, trial: &str) -> String {
    let Sum { processes, all, own } = sum;
    let by_rules = by_rules.map(|Sum { own, .. }| {
        let pinned_bytes = share(own.pinned_bytes, own.bytes);
        [share(own.typed, own.live), share(own.pinned, own.live), pinned_bytes]
    });
    let [typed_by_rules, pinned_by_rules, bytes_by_rules] = by_rules.unwrap_or_default();
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
        typed_by_rules,
        pinned_by_rules,
        bytes_by_rules,
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
        let row = row("nginx-1.28.0", &sum, Some(Sum::of(&facts).unwrap()), "78 %");
        assert_eq!(
            row,
            "| nginx-1.28.0 | 2 | 16 | 50.0 % | 6 | 4 | 2 | 12.5 % | 0 | 8 | 50.0 % | 25.0 % | 10.0 % | 50.0 % | 25.0 % | 10.0 % | 78 % |\n"
        );
        assert_eq!(row.matches('|').count(), HEAD.lines().next().unwrap().matches('|').count());
        assert!(Sum::of(&json!({ "processes": [{ "pid": 7 }] })).is_err());
    }

    #[test]
    fn only_what_is_between_the_lines_is_replaced() {
        let place = Place { file: "a.md", begin: "<begin>\n", end: "<end>\n" };
        let replaced = place.replaced("before\n<begin>\nold\n<end>\nafter\n", "new\n").unwrap();
        assert_eq!(replaced, "before\n<begin>\n\nnew\n\n<end>\nafter\n");
        assert!(place.replaced("no lines", "new").is_err());
        assert!(place.replaced("<end>\n<begin>\n", "new").is_err());
    }

    #[test]
    fn the_documentation_has_a_place_for_each() {
        for place in [TABLE, TRANSCRIPT] {
            assert!(place.replaced(&fs::read_to_string(place.file).unwrap(), "").is_ok(), "{}", place.file);
        }
    }

    #[test]
    fn where_programs_lie_is_not_told() {
        assert_eq!(
            without_paths("7 (nginx: master process /home/me/ngi...): 12 blocks"),
            "7 (nginx: master process nginx ...): 12 blocks"
        );
        assert_eq!(
            without_paths("   7   12  nginx: master process /home/me/x..."),
            "   7   12  nginx: master process nginx ..."
        );
        assert_eq!(without_paths("plain"), "plain");
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
