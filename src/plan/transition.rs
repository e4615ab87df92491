//! The three images that an update goes by, and the rules.

use crate::exit::Failure;
use crate::output::Output;
use crate::subject::{self, Extent, Subject};
use anyhow::Result;
use mcrx_dsl::lower;
use mcrx_dsl::rules::Rules;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::trace::Trace;
use mcrx_transform::pairs::Pairs;
use mcrx_transform::plan::{Course, Plan};
use mcrx_transform::prepared::Prepared;
use mcrx_transform::side::Side;
use mcrx_transform::target::{MergeError, Merged};
use std::path::PathBuf;

/// Which images are meant.
#[derive(clap::Args)]
pub(crate) struct Which {
    /// The old process now, or a snapshot or core file of it
    #[arg(value_name = "PID|FILE")]
    now: String,
    /// A process of the new release, parked after its start-up, or a snapshot or core file of it
    #[arg(value_name = "NEW")]
    new: String,
    /// The old process as it was when it was parked after its start-up: a snapshot
    #[arg(long, value_name = "FILE")]
    start: PathBuf,
    /// How memory reads and how it migrates
    #[arg(long, value_name = "RULES")]
    rules: Option<PathBuf>,
    /// Of the old processes, this one; without it, the first
    #[arg(long, value_name = "PID")]
    process: Option<u32>,
    /// Of the new processes, this one; without it, the first
    #[arg(long, value_name = "PID")]
    new_process: Option<u32>,
}

/// A plan, with what it is about.
pub(crate) struct Planned<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) course: &'p Course<'p>,
    pub(crate) now: Side<'p>,
    pub(crate) new: Side<'p>,
    pub(crate) pairs: &'p Pairs,
    /// Where it can be written to.
    pub(crate) merged: Merged,
}

/// What an update goes by.
pub(crate) struct Transition {
    pub(crate) start: Subject,
    pub(crate) now: Subject,
    pub(crate) new: Subject,
    rules: Rules,
    next: String,
}

impl Transition {
    pub(crate) fn open(which: &Which, output: &Output) -> Result<Transition> {
        let rules = subject::rules::loaded(which.rules.as_deref(), output)?;
        let subject = |target: &str, process| {
            let one = subject::Which { target: target.to_owned(), process, rules: None };
            let facts = rules.as_ref().map_or_else(Facts::default, |rules| lower::facts(&rules.rules));
            Subject::reading_by(facts, &one, Extent::One, output)
        };
        let now = subject(&which.now, which.process)?;
        let start = which.start.to_string_lossy();
        let start = subject(&start, which.process.or(Some(now.process().pid)))?;
        let new = subject(&which.new, which.new_process)?;
        let rule =
            which.rules.as_ref().map_or_else(String::new, |rules| format!(" --rules {}", rules.display()));
        let next = format!(
            "mcrx transform {} {} --start {}{rule} -o after.snap",
            which.now,
            which.new,
            which.start.display()
        );
        let rules = rules.map_or_else(Rules::default, |loaded| loaded.rules);
        Ok(Transition { start, now, new, rules, next })
    }

    /// Traces all three, makes a plan, and hands it on with the old process as it is now.
    pub(crate) fn planned<T>(
        &self,
        output: &Output,
        use_it: impl FnOnce(Planned<'_>) -> Result<T>,
    ) -> Result<T> {
        self.start.traced(output, |start, _| {
            self.now.traced(output, |now, _| {
                self.new.traced(output, |new, _| self.plan((start, now, new), output, use_it))
            })
        })
    }

    fn plan<T>(
        &self,
        (start, now, new): (&Trace<'_>, &Trace<'_>, &Trace<'_>),
        output: &Output,
        use_it: impl FnOnce(Planned<'_>) -> Result<T>,
    ) -> Result<T> {
        let (pid, then) = (now.process.pid, start.process.pid);
        if pid != then {
            let message = format!("{then} in the snapshot of its start and {pid} are not the same process");
            return Err(Failure::Usage(message).into());
        }
        let (start, now, new) =
            (Side::of_executable(start)?, Side::of_executable(now)?, Side::of_executable(new)?);
        let phase = output.phase("planning");
        let prepared = Prepared::of(start, new, &self.rules);
        let refused = |error: MergeError| Failure::Refused(error.to_string());
        let mut merged = Merged::of(now.process(), new.process()).map_err(refused)?;
        let room = merged.room().map_err(refused)?;
        let plan = prepared.plan(now, &room);
        merged.add(&room).map_err(refused)?;
        drop(phase);
        let Prepared { course, pairs, .. } = &prepared;
        use_it(Planned { plan: &plan, course, now, new, pairs, merged })
    }

    /// The next command to try.
    pub(crate) fn next(&self) -> &str {
        &self.next
    }

    /// Of the old process and of the new one.
    pub(crate) fn pids(&self) -> (u32, u32) {
        (self.now.process().pid, self.new.process().pid)
    }

    pub(crate) fn described(&self) -> String {
        format!("{} becomes {}", self.now.described(), self.new.described())
    }
}
