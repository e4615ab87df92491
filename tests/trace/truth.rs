//! What is read through the graph is what gdb says of the same expressions at the same instant.
//!
//! gdb holds a process of a server at work and makes a core file of it. That is traced; walks through its graph, which chance decides but
//! always in the same way, come by values, each of which has an expression in C. gdb, which still holds the process, is asked for each of
//! them: where it is, of which type, and what its value is. Then for all variables of all frames.

#[path = "truth/compare.rs"]
mod compare;
#[path = "truth/gdb.rs"]
mod gdb;
#[path = "truth/subject.rs"]
mod subject;
#[path = "truth/walk.rs"]
mod walk;

use crate::busy::{self, Busy, Load};
use compare::Tally;
use gdb::{Held, Question};
use mcrx_debuginfo::cache::Cache;
use mcrx_dsl::source::FromDisk;
use mcrx_dsl::{load, lower};
use mcrx_harness::{Context, Explain, Need, Pid, Result, Suite, ensure, program, server};
use mcrx_tracer::core_file;
use mcrx_tracer::debug::Shelf;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::paranoid;
use mcrx_tracer::trace::{Known, Trace};
use std::collections::HashSet;
use std::time::Duration;
use subject::Subject;
use walk::{Chance, Names, Place, beginnings, walk};

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([program("gcc"), program("gdb")], values_of_all_sorts_are_as_gdb_says)
        .test(needs("nginx", ["openssl"]), nginx_is_as_gdb_says)
        .within(MINUTES)
        .test(needs("redis", []), redis_is_as_gdb_says)
        .within(MINUTES)
        .test(needs("memcached", []), memcached_is_as_gdb_says)
        .within(MINUTES)
        .test(needs("vsftpd", []), vsftpd_is_as_gdb_says)
        .within(MINUTES)
        .test(needs("httpd-event", []), httpd_is_as_gdb_says)
        .within(MINUTES)
        .test(needs("openssh", ["ssh", "ssh-keygen"]), sshd_is_as_gdb_says)
        .within(MINUTES)
}

/// The last release of a server, gdb, and what else its clients take.
fn needs<const N: usize>(name: &str, programs: [&'static str; N]) -> Vec<Need> {
    let releases = mcrx_servers::list(&[name.to_owned()]).unwrap_or_default();
    let last = releases.last().map(|last| server(last.name, last.version));
    programs.into_iter().chain(["gdb"]).map(program).chain(last).collect()
}

/// gdb takes a second or two to take hold of a process, and more on a busy machine.
const MINUTES: Duration = Duration::from_secs(180);
/// Walks in each process.
const WALKS: usize = 200;
/// Processes of a server that are looked at.
const PROCESSES: usize = 3;

fn values_of_all_sorts_are_as_gdb_says(test: &Context) -> Result<()> {
    let subject = Subject::start(test)?;
    let tally = check_process(test, subject.pid(), 4 * WALKS, &Facts::default())?;
    println!("{tally:?}");
    let Tally { compared, through_pointers, through_casts, bit_fields, constants, functions, .. } = tally;
    ensure!(compared > 200 && through_pointers > 50 && through_casts > 0, "{tally:?}");
    ensure!(bit_fields > 10 && constants > 5 && functions > 2 && tally.thread_locals > 5, "{tally:?}");
    Ok(())
}

fn nginx_is_as_gdb_says(test: &Context) -> Result<()> {
    busy::nginx(test, Load::SMALL, |nginx| check(test, nginx))
}

fn redis_is_as_gdb_says(test: &Context) -> Result<()> {
    busy::redis(test, Load::SMALL, |redis| check(test, redis))
}

fn memcached_is_as_gdb_says(test: &Context) -> Result<()> {
    busy::memcached(test, Load::SMALL, |memcached| check(test, memcached))
}

fn vsftpd_is_as_gdb_says(test: &Context) -> Result<()> {
    busy::vsftpd(test, Load::SMALL, |vsftpd| check(test, vsftpd))
}

fn httpd_is_as_gdb_says(test: &Context) -> Result<()> {
    busy::httpd(test, Load::SMALL, |httpd| check(test, httpd))
}

fn sshd_is_as_gdb_says(test: &Context) -> Result<()> {
    busy::sshd(test, Load::SMALL, |sshd| check(test, sshd))
}

/// With what the program's facts file says, if it has one.
fn check(test: &Context, busy: &Busy) -> Result<()> {
    let facts = facts_of(busy)?;
    let mut all = Tally::default();
    // Of sessions the last, which is in the middle of something.
    let (first, rest) = busy.processes.split_first().context("no process runs under the allocator")?;
    let rest = rest.get(rest.len().saturating_sub(PROCESSES - 1)..).unwrap_or_default();
    for process in std::iter::once(first).chain(rest) {
        let tally = check_process(test, process.pid(), WALKS, &facts).with_context(|| process.to_string())?;
        println!("{} {process}: {tally:?}", busy.name);
        all += tally;
    }
    ensure!(all.compared > 100 && all.locals > 0 && all.through_pointers > 20, "{all:?}");
    Ok(())
}

fn facts_of(busy: &Busy) -> Result<Facts> {
    let Some(file) = crate::facts::file_of(&busy.name) else { return Ok(Facts::default()) };
    let loaded = load::rules(&file, &FromDisk);
    ensure!(loaded.diagnostics.is_empty(), "{}: {:?}", file.display(), loaded.diagnostics);
    Ok(lower::facts(&loaded.rules))
}

fn check_process(test: &Context, pid: Pid, walks: usize, facts: &Facts) -> Result<Tally> {
    let held = Held::process(test, pid)?;
    let image = core_file::open(held.core())?;
    let process = image.processes.first().context("no process in the core file")?;
    let known = Known::with(process, &Shelf::knowing(Cache::default(), facts.wrappers()))?;
    let model = known.model(facts);
    let trace = Trace::of(process, &known, &model);
    let differences = paranoid::check(&trace.input(), &trace.marked, &trace.graph, 10);
    ensure!(differences.is_empty(), "the two tracers do not agree: {differences:?}");

    let places = places(&trace, walks);
    let local = |thread: &mcrx_tracer::image::Thread| Question {
        expression: String::new(),
        tid: Some(thread.tid),
        function: None,
        locals: true,
    };
    let mut questions: Vec<Question> = places.iter().map(|place| place.question.clone()).collect();
    questions.extend(process.threads.iter().map(local));
    let mut answers = held.ask(&questions)?;
    let of_threads = answers.split_off(places.len());

    let mut tally = Tally::default();
    for (place, answer) in places.iter().zip(&answers) {
        tally.place(place, answer);
    }
    for (thread, answer) in process.threads.iter().zip(&of_threads) {
        tally.locals(&trace, thread.tid, &answer.locals);
    }
    tally.expect_agreement()?;
    Ok(tally)
}

/// Every root once, and what walks from some of them come by.
fn places<'t>(trace: &'t Trace<'t>, walks: usize) -> Vec<Place<'t>> {
    let names = Names::of(trace);
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let (mut places, mut asked) = (Vec::new(), HashSet::new());
    let mut each = |place: Place<'t>| {
        let key = (place.question.expression.clone(), place.question.tid, place.question.function.clone());
        if asked.insert(key) {
            places.push(place);
        }
    };
    let starts = beginnings(trace);
    let own: Vec<_> = starts.iter().filter(|place| place.is_own).collect();
    let of_libraries: Vec<_> = starts.iter().filter(|place| !place.is_own).collect();
    for turn in 0..walks {
        let starts = if turn % 5 == 0 { &of_libraries } else { &own };
        // Of some, one that leads on; but at times any.
        let choice = if turn % 3 == 0 { 1 } else { 2 * walk::CHOICE };
        let chosen: Vec<_> = (0..choice).filter_map(|_| starts.get(chance.below(starts.len()))).collect();
        let best = chosen.into_iter().max_by_key(|place| walk::leads(trace, &place.value));
        if let Some(start) = best {
            walk(trace, &names, (*start).clone(), &mut chance, &mut each);
        }
    }
    places
}
