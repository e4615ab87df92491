//! A test program's list of tests, and running them.
//!
//! The output is libtest's, so whatever reads `cargo test` reads this. What libtest has not: a test is ignored at run
//! time when something it needs is missing, and fails when its time is up, its servers killed.

use crate::context::{Context, Skip};
use crate::guardian::take_over;
use crate::need::{Need, server};
use anyhow::Result;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::any::{Any, type_name};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long a test may take that does not say otherwise: many times what the slowest takes, for machines are slow that are shared. It ends
/// those that hang.
const DEADLINE: Duration = Duration::from_secs(180);

type Body = Arc<dyn Fn(&Context) -> Result<()> + Send + Sync>;

/// The tests of one program, which has `harness = false` in its manifest.
#[must_use = "a suite does nothing until it is run"]
#[derive(Default)]
pub struct Suite {
    tests: Vec<Test>,
}

#[derive(Clone)]
struct Test {
    name: String,
    needs: Vec<Need>,
    /// Whether its servers run under `libmcrx.so`.
    preloaded: bool,
    deadline: Duration,
    body: Body,
}

impl Suite {
    /// No tests yet.
    pub fn new() -> Suite {
        Suite::default()
    }

    /// Adds a test, named after its function: `nginx::a_second_of_wrk_sees_no_error`.
    ///
    /// # Panics
    /// If the body is a closure.
    pub fn test<F>(self, needs: impl IntoIterator<Item = Need>, body: F) -> Suite
    where
        F: Fn(&Context) -> Result<()> + Send + Sync + 'static,
    {
        let name = function_name::<F>();
        self.add(name, needs.into_iter().collect(), Arc::new(body))
    }

    /// Adds a test for each known release of a server; what they need besides it is `needs`.
    ///
    /// # Panics
    /// If the body is a closure.
    pub fn each<F>(mut self, name: &str, needs: impl IntoIterator<Item = Need>, body: F) -> Suite
    where
        F: Fn(&Context) -> Result<()> + Send + Sync + 'static,
    {
        let needs: Vec<Need> = needs.into_iter().collect();
        let body = Arc::new(body);
        let releases = match mcrx_servers::list(&[name.to_owned()]) {
            Ok(releases) => releases,
            Err(error) => {
                // A slip in the test's own source, not something this machine lacks.
                let fails = move |_: &Context| Err(anyhow::anyhow!("{error}"));
                return self.add(format!("{}::{name}", function_name::<F>()), needs, Arc::new(fails));
            }
        };
        for release in releases {
            let mut needs = needs.clone();
            needs.push(server(release.name, release.version));
            let test = format!("{}::{name}_{}", function_name::<F>(), release.version);
            self = self.add(test, needs, body.clone());
        }
        self
    }

    /// Gives the last test that was added (of [`Suite::each`]: the last release) more or less time.
    pub fn within(mut self, deadline: Duration) -> Suite {
        if let Some(test) = self.tests.last_mut() {
            test.deadline = deadline;
        }
        self
    }

    fn add(mut self, name: String, needs: Vec<Need>, body: Body) -> Suite {
        self.tests.push(Test { name, needs, preloaded: false, deadline: DEADLINE, body });
        self
    }

    /// Adds every test once more, with its servers under `libmcrx.so`.
    pub fn and_all_preloaded(mut self) -> Suite {
        let again = self.tests.clone().into_iter().map(|mut test| {
            test.name.push_str("::preloaded");
            test.preloaded = true;
            test
        });
        self.tests.extend(again);
        self
    }

    /// Runs the tests that the command line asks for, as libtest would. For `main` to return.
    pub fn run(self) -> ExitCode {
        take_over();
        let arguments = Arguments::from_args();
        let trials = self
            .tests
            .into_iter()
            .map(|test| Trial::ignorable_test(test.name.clone(), move || test.execute()))
            .collect();
        libtest_mimic::run(&arguments, trials).exit_code()
    }
}

impl Test {
    fn execute(self) -> Result<Completion, Failed> {
        let context = match Context::new(&self.needs, self.preloaded) {
            Ok(Ok(context)) => Arc::new(context),
            Ok(Err(reason)) => return Ok(Completion::ignored_with(reason)),
            Err(error) => return Err(Failed::from(format!("{error:#}"))),
        };
        match self.finish(&context) {
            Ok(()) => Ok(Completion::Completed),
            Err(error) => match error.downcast_ref::<Skip>() {
                Some(Skip(reason)) => Ok(Completion::ignored_with(reason)),
                None => Err(Failed::from(format!("{error:#}\n{}", context.scratch().logs()))),
            },
        }
    }

    /// Runs the body in a thread of its own, so that one that hangs can be left behind.
    fn finish(self, context: &Arc<Context>) -> Result<()> {
        let (done, outcome) = mpsc::channel();
        let (body, given) = (self.body, Arc::clone(context));
        thread::Builder::new().name(self.name).spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| body(&given)));
            drop(given);
            // Nobody listens any more if the deadline has passed.
            let _ = done.send(result);
        })?;
        match outcome.recv_timeout(self.deadline) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(anyhow::anyhow!("panicked: {}", message(&*panic))),
            Err(RecvTimeoutError::Timeout) => {
                let logs = context.scratch().logs();
                context.scratch().abandon();
                Err(anyhow::anyhow!("still ran after {:?}; its servers were killed\n{logs}", self.deadline))
            }
            Err(RecvTimeoutError::Disconnected) => Err(anyhow::anyhow!("the test's thread went away")),
        }
    }
}

/// The path of a function item without its crate; `std` promises the name only for diagnostics, which this is.
fn function_name<F>() -> String {
    let path = type_name::<F>();
    assert!(!path.contains("{{closure}}"), "a test takes its name from a function: {path} has none");
    path.split_once("::").map_or(path, |(_, name)| name).to_owned()
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("with something that is no text")
}
