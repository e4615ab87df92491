//! `mcrx rules test`: the `test` blocks of a rule file, without any process.

use super::check::{self, table};
use super::render;
use crate::exit::Failure;
use crate::output::{Output, PathFact};
use anyhow::Result;
use mcrx_dsl::diagnostic::Severity;
use mcrx_dsl::load::Loaded;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::source::Span;
use mcrx_dsl::test::{self, Outcome, Problem, Report};
use serde::Serialize;
use std::path::PathBuf;

mod rehearsal;

/// Run the tests of a rule file: what becomes of objects that are written out in it
///
/// What a test gives is laid out as the old release lays it out, migrates by the file's rules, and is compared with what the test
/// expects. No process is looked at, and nothing of the releases is run: where rules call functions of the new release, a test
/// expects the call.
///
/// With --on it is a rehearsal: each typed object of a process that runs the old release is made anew, and forgotten. It says which
/// objects the rules cannot carry over, and why: numbers that do not fit, states that no arm is for, questions that are open.
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 all tests have passed, or all objects can be carried over, 1 some have not, 3 a file or process cannot be read or has no \
debug info.

Examples:
  mcrx rules test nginx-1.26.mcrx ./nginx-1.22 ./nginx-1.26
  mcrx rules test redis.mcrx OLD NEW --only 'an idle'
  mcrx rules test redis.mcrx OLD NEW --on redis.snap")]
pub(crate) struct Args {
    /// The rule file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The release that runs
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The release that is to run
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Run only tests whose name has this in it
    #[arg(long, value_name = "TEXT", conflicts_with = "on")]
    only: Option<String>,
    /// Try the rules on all objects of this process instead, or of one in this snapshot or core file
    #[arg(long, value_name = "PID|FILE")]
    on: Option<String>,
    /// With --on: of the processes in a file, or of those that descend from PID, this one; without it, the first
    #[arg(long, value_name = "PID", requires = "on")]
    process: Option<u32>,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let mut loaded = check::read(&args.file)?;
    let (old, new) = (table(&args.old)?, table(&args.new)?);
    let wrong: Vec<_> =
        loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error).cloned().collect();
    if !wrong.is_empty() {
        let releases = Releases::both(&old, &new);
        for diagnostic in &wrong {
            output.line(format_args!("{}\n", render::text(diagnostic, &loaded, releases)))?;
        }
        output.facts(&Facts::of(args, &Report { tests: Vec::new(), mistakes: Vec::new() }, &loaded))?;
        let file = args.file.display();
        return Err(Failure::Finding(format!("{file} cannot be read: mcrx rules check {file}")).into());
    }
    if let Some(target) = &args.on {
        return rehearsal::run(args, target, &loaded, (&old, &new), output);
    }
    if let Some(only) = &args.only {
        loaded.rules.tests.retain(|test| test.name.is.contains(only.as_str()));
    }
    let report = test::run(&loaded.rules, &old, &new);
    for mistake in &report.mistakes {
        output.line(format_args!("{}: {mistake}", place(Some(mistake.span), &loaded)))?;
    }
    for test in &report.tests {
        let verdict = if test.problems.is_empty() { "passed" } else { "FAILED" };
        output.line(format_args!("{verdict}  {}", test.name))?;
        for problem in &test.problems {
            output.line(format_args!(
                "        {}: {problem}",
                place(problem.span().or(Some(test.span)), &loaded)
            ))?;
        }
    }
    output.facts(&Facts::of(args, &report, &loaded))?;
    ending(args, &report, output)
}

fn ending(args: &Args, report: &Report, output: &Output) -> Result<()> {
    let failed = report.tests.iter().filter(|test| !test.problems.is_empty()).count();
    let passed = report.tests.len() - failed;
    let file = args.file.display();
    if failed > 0 || !report.mistakes.is_empty() {
        let mistakes = match report.mistakes.len() {
            0 => String::new(),
            1 => ", 1 mistake in rules".to_owned(),
            more => format!(", {more} mistakes in rules"),
        };
        return Err(Failure::Finding(format!("{passed} passed, {failed} failed{mistakes} in {file}")).into());
    }
    match (passed, &args.only) {
        (0, Some(only)) => {
            Err(Failure::Usage(format!("no test of {file} has \"{only}\" in its name")).into())
        }
        (0, None) => {
            output.line("there are no tests")?;
            output.narrate(format_args!(
                "a test says what becomes of an object: test \"name\" {{ given ... expect ... }}"
            ));
            Ok(())
        }
        _ => Ok(output.line(format_args!("{passed} passed"))?),
    }
}

/// `nginx.mcrx:12:5`
fn place(span: Option<Span>, loaded: &Loaded) -> String {
    let Some(span) = span else { return String::new() };
    let at = loaded.files.position(span);
    format!("{}:{}:{}", loaded.files.path(span.file).display(), at.line, at.column)
}

/// The version of what `--json` prints.
const SCHEMA: &str = "mcrx.rules.test/1";

#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    file: PathFact,
    passed: usize,
    failed: usize,
    tests: Vec<TestFacts>,
    /// What is wrong with rules' expressions, whatever tests they are in; with syntax errors nothing else is there.
    mistakes: Vec<ProblemFacts>,
}

#[derive(Serialize)]
struct TestFacts {
    name: String,
    line: u32,
    passed: bool,
    problems: Vec<ProblemFacts>,
}

#[derive(Serialize)]
struct ProblemFacts {
    kind: &'static str,
    message: String,
    file: PathFact,
    line: u32,
    column: u32,
    /// The member that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
}

impl Facts {
    fn of(args: &Args, report: &Report, loaded: &Loaded) -> Facts {
        let is_passed = |test: &&Outcome| test.problems.is_empty();
        let syntax = loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let syntax =
            syntax.map(|found| ProblemFacts::new("syntax", found.message.clone(), found.span, loaded));
        let mistakes = report.mistakes.iter();
        let mistakes =
            mistakes.map(|one| ProblemFacts::new("mistake", one.message.clone(), one.span, loaded));
        Facts {
            schema: SCHEMA,
            file: PathFact(args.file.clone()),
            passed: report.tests.iter().filter(is_passed).count(),
            failed: report.tests.iter().filter(|test| !is_passed(test)).count(),
            tests: report.tests.iter().map(|test| TestFacts::of(test, loaded)).collect(),
            mistakes: syntax.chain(mistakes).collect(),
        }
    }
}

impl TestFacts {
    fn of(test: &Outcome, loaded: &Loaded) -> TestFacts {
        let problem = |problem: &Problem| {
            let span = problem.span().unwrap_or(test.span);
            let mut facts = ProblemFacts::new(kind(problem), problem.to_string(), span, loaded);
            if let Problem::Differs { path, expected, found, .. } = problem {
                facts.path = Some(path.clone());
                facts.expected = Some(expected.clone());
                facts.found = Some(found.clone());
            }
            facts
        };
        TestFacts {
            name: test.name.clone(),
            line: loaded.files.position(test.span).line,
            passed: test.problems.is_empty(),
            problems: test.problems.iter().map(problem).collect(),
        }
    }
}

impl ProblemFacts {
    fn new(kind: &'static str, message: String, span: Span, loaded: &Loaded) -> ProblemFacts {
        let at = loaded.files.position(span);
        let file = PathFact(loaded.files.path(span.file).to_owned());
        let (line, column) = (at.line, at.column);
        ProblemFacts { kind, message, file, line, column, path: None, expected: None, found: None }
    }
}

fn kind(problem: &Problem) -> &'static str {
    match problem {
        Problem::Mistake(_) => "mistake",
        Problem::Refused(_) => "refused",
        Problem::NotRefused(_) => "not_refused",
        Problem::RefusedOtherwise { .. } => "refused_otherwise",
        Problem::Differs { .. } => "differs",
        Problem::NotCalled { .. } => "not_called",
        Problem::NotTrue { .. } => "not_true",
    }
}
