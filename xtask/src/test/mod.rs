//! `cargo xtask test`: every check and test of the project, cheap ones first.
//!
//! One list of steps (`STEPS`), each a function; each says whether it passed and what its tests came to. The summary
//! counts tests only: a check that fails fails the run, but is no test.

mod advisories;
mod checks;
mod machine;
mod models;
mod report;
mod runner;
mod suites;
mod tally;

use anyhow::Result;
use report::Report;
use std::process::ExitCode;
use tally::Tally;

/// Run every check and test, cheap ones first; installs or names what is missing
#[derive(clap::Args)]
#[command(after_long_help = "\
Missing Debian packages are installed when this runs as root; otherwise they are named with the command that installs them, \
and the tests that need them are skipped. Nothing is skipped silently: the summary names every skipped test with the \
reason. With MCRX_LEAN set, large packages that few tests need (chromium) are not installed.

The last line is `N passed, N failed, N skipped`. Exit status: 0 when no step failed, 1 otherwise.")]
pub(crate) struct Args {
    /// Only tests whose name contains this, and no checks
    filter: Option<String>,
    /// Go on after a step that failed
    #[arg(long)]
    keep_going: bool,
}

/// One thing to do.
struct Step {
    name: &'static str,
    /// A step that runs tests, or prepares for them, is also done when only some tests are asked for.
    for_tests: bool,
    run: fn(&Args) -> Result<Outcome>,
}

/// What a step came to.
#[derive(Debug, Default)]
struct Outcome {
    /// Why it failed, if it did; a failed test is told by the tally.
    failure: Option<String>,
    /// Why it was not done at all, if it was not.
    skipped: Option<String>,
    /// What it left out, and why.
    notes: Vec<String>,
    tally: Tally,
}

const STEPS: &[Step] = &[
    Step { name: "format", for_tests: false, run: checks::format },
    Step { name: "clippy", for_tests: false, run: checks::clippy },
    Step { name: "licences, bans, sources", for_tests: false, run: advisories::policy },
    Step { name: "advisories", for_tests: false, run: advisories::advisories },
    Step { name: "documentation", for_tests: false, run: checks::documentation },
    Step { name: "packages", for_tests: true, run: machine::packages },
    Step { name: "servers", for_tests: true, run: machine::servers },
    Step { name: "unit, integration and doc tests", for_tests: true, run: suites::unit },
    Step { name: "models", for_tests: true, run: models::models },
    Step { name: "end-to-end tests", for_tests: true, run: suites::end_to_end },
];

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut report = Report::default();
    for step in STEPS.iter().filter(|step| step.for_tests || args.filter.is_none()) {
        report.begin(step.name);
        // An error is a step that could not be carried out at all.
        let outcome = (step.run)(args).unwrap_or_else(|error| Outcome::failed(format!("{error:#}")));
        let failed = outcome.has_failed();
        report.end(step.name, outcome);
        if failed && !args.keep_going {
            break;
        }
    }
    report.print_summary();
    Ok(if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Outcome {
    fn failed(why: impl Into<String>) -> Outcome {
        Outcome { failure: Some(why.into()), ..Outcome::default() }
    }

    fn skipped(why: impl Into<String>) -> Outcome {
        Outcome { skipped: Some(why.into()), ..Outcome::default() }
    }

    fn has_failed(&self) -> bool {
        self.failure.is_some() || self.tally.failed > 0
    }
}
