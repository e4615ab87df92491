//! Programs that people use, under the library: they do what they do without it, and it is in use while they do.
//!
//! `MCRX_STRESS=N`, from 2 on, runs Python's suites whole and gives the others N times the work.

use crate::programs::{expect_success, source};
use crate::stress::rounds;
use crate::witness::{Testimony, Witness};
use mcrx_harness::{
    Batch, Context, Explain as _, Finished, Invocation, Result, Suite, bail, condition, ensure, find_program,
    program,
};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    let long = Duration::from_secs(120 * rounds().min(10));
    suite
        .test([condition(python_tests_itself)], python_passes_its_own_tests_of_threads)
        .within(long)
        .test([condition(python_tests_itself)], python_passes_its_own_tests_of_subprocesses)
        .within(long)
        .test([condition(python_tests_itself)], python_passes_its_own_tests_of_forked_workers)
        .within(long)
        .test([condition(python_tests_itself)], python_passes_its_own_tests_of_zlib)
        .within(long)
        .test([program("git")], git_makes_packs_and_reads_the_same_repository)
        .within(long)
        .test([], gcc_makes_the_same_object_code)
        .within(long)
        .test([program("perl")], perl_prints_the_same)
        .within(long)
        .test([program("sqlite3")], sqlite_answers_the_same_and_finds_its_file_intact)
        .within(long)
        .test([program("chromium")], chromium_which_has_a_malloc_of_its_own_opens_a_page)
        .within(long)
}

/// How long a program may take.
fn patience() -> Duration {
    Duration::from_secs(100 * rounds().min(10))
}

/// Debian's, whose test suite is a package: a program of that name in PATH may be any.
const PYTHON: &str = "/usr/bin/python3";

fn python_tests_itself() -> std::result::Result<(), String> {
    // The modules are looked for and not loaded: loading them takes seconds.
    let look = "import importlib.util as u, sys; sys.exit(not u.find_spec('test.test_threading'))";
    let found = Command::new(PYTHON).args(["-c", look]).output();
    match found {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(format!(
            "{PYTHON} has no tests of itself (Debian packages python3 and libpython3*-testsuite)"
        )),
    }
}

/// Runs a module of Python's own tests: all, or, where nobody asked for more, these classes, which take some seconds.
fn python_passes(test: &Context, module: &str, classes: &[&str]) -> Result<()> {
    let mut arguments = vec!["-m", "test", module];
    if rounds() == 1 {
        arguments.extend(classes.iter().flat_map(|class| ["-m", class]));
    }
    let witness = Witness::new(test);
    let launch = witness
        .of(test.launch(Batch(Invocation::new(Path::new(PYTHON), arguments))))?
        // Else most blocks are cut out of arenas that Python gets by mmap.
        .environment("PYTHONMALLOC", "malloc");
    let finished = expect_success(launch, patience())?;
    // A suite may also end well because there was nothing in it.
    ensure!(finished.output.contains("\n1 test OK."), "{}", finished.output);
    witness.check(&["python3"])
}

fn python_passes_its_own_tests_of_threads(test: &Context) -> Result<()> {
    python_passes(
        test,
        "test_threading",
        &["ThreadTests", "LockTests", "RLockTests", "ConditionTests", "BarrierTests", "ThreadJoinOnShutdown"],
    )
}

fn python_passes_its_own_tests_of_subprocesses(test: &Context) -> Result<()> {
    python_passes(test, "test_subprocess", &["POSIXProcessTestCase"])
}

fn python_passes_its_own_tests_of_forked_workers(test: &Context) -> Result<()> {
    // Python 3.12 made it a package of modules.
    let name = "test.test_multiprocessing_fork.__init__";
    let look = format!("import importlib.util as u, sys; sys.exit(not u.find_spec({name:?}))");
    let is_package =
        Command::new(PYTHON).args(["-c", &look]).output().is_ok_and(|output| output.status.success());
    let module = if is_package {
        "test.test_multiprocessing_fork.test_processes"
    } else {
        "test_multiprocessing_fork"
    };
    python_passes(
        test,
        module,
        &[
            "WithProcessesTestPool",
            "WithProcessesTestQueue",
            "WithProcessesTestArray",
            "WithProcessesTestHeap",
        ],
    )
}

fn python_passes_its_own_tests_of_zlib(test: &Context) -> Result<()> {
    python_passes(test, "test_zlib", &["*"])
}

/// What a run without the library said, and what one with it did.
struct Runs {
    plain: Finished,
    preloaded: Finished,
}

/// Runs a command, told where it may write, as it is and under the library. It must end well both times, and all that it executes
/// must have had its malloc of the library; `programs` at least are executed.
fn both(test: &Context, programs: &[&str], what: impl Fn(&Path) -> Result<Invocation>) -> Result<Runs> {
    let directory = || -> Result<_> {
        let directory = test.scratch().fresh("work");
        fs::create_dir(&directory)?;
        Ok(directory)
    };
    let launch = |invocation| test.launch(Batch(invocation)).environment("PERL_HASH_SEED", "0");
    let plain = expect_success(launch(what(&directory()?)?), patience())?;
    let witness = Witness::new(test);
    let preloaded = expect_success(witness.of(launch(what(&directory()?)?))?, patience())?;
    witness.check(programs)?;
    Ok(Runs { plain, preloaded })
}

impl Runs {
    fn expect_same_output(&self) -> Result<()> {
        let (plain, preloaded) = (&self.plain.output, &self.preloaded.output);
        ensure!(plain == preloaded, "without:\n{plain}\nwith:\n{preloaded}");
        Ok(())
    }
}

fn git_makes_packs_and_reads_the_same_repository(test: &Context) -> Result<()> {
    let script = source("real/repository.sh").display().to_string();
    let commits = (60 * rounds()).to_string();
    let runs = both(test, &["git", "sh"], |directory| {
        let directory = directory.display().to_string();
        Ok(Invocation::new(Path::new("/bin/sh"), [&script, &directory, &commits]))
    })?;
    ensure!(runs.plain.output.lines().count() == 8, "{}", runs.plain.output);
    runs.expect_same_output()
}

fn gcc_makes_the_same_object_code(test: &Context) -> Result<()> {
    let text = functions(300 * rounds());
    // Where the file is does not get into the object code, but its name does.
    let objects = RefCell::new(Vec::new());
    both(test, &["cc1", "as"], |directory| {
        let (input, output) = (directory.join("functions.c"), directory.join("functions.o"));
        fs::write(&input, &text)?;
        let arguments = ["-O2", "-c", "-o", &output.display().to_string(), &input.display().to_string()]
            .map(str::to_owned);
        objects.borrow_mut().push(output);
        Ok(Invocation::new(&cc()?, arguments))
    })?;
    let objects = objects.into_inner();
    let bytes = objects.iter().map(fs::read).collect::<std::io::Result<Vec<_>>>()?;
    let [plain, preloaded] = &bytes[..] else { bail!("{} objects", bytes.len()) };
    ensure!(plain.len() > 50_000, "only {} bytes of object code", plain.len());
    ensure!(plain == preloaded, "the object code differs");
    Ok(())
}

fn cc() -> Result<PathBuf> {
    find_program("gcc").or_else(|| find_program("cc")).context("there is no C compiler")
}

/// C source with this many functions that call one another, with loops, branches, tables and structs for the optimiser to work on.
fn functions(count: u64) -> String {
    let mut text = "struct node { struct node *next; long key; double weight; char name[24]; };\n".to_owned();
    for number in 0..count {
        let (before, step, mask) = (number.saturating_sub(1 + number % 17), number % 13 + 1, number % 251);
        // A String takes all that is written to it.
        let _ = write!(
            text,
            "static const int table{number}[] = {{ {}, {}, {step}, {mask}, {number} }};\n\
             long function{number}(struct node *list, long n) {{\n\
             \x20   long sum = n ^ {mask};\n\
             \x20   for (long i = 0; i < n; i += {step}) {{\n\
             \x20       switch ((sum + i) % 7) {{\n\
             \x20           case 0: sum += table{number}[i % 5]; break;\n\
             \x20           case 1: sum ^= i << {}; break;\n\
             \x20           case 2: for (struct node *at = list; at; at = at->next) sum += at->key * {step}; break;\n\
             \x20           case 3: if (list) list->weight = list->weight * {step}.5 + sum; break;\n\
             \x20           default: sum -= i * {mask};\n\
             \x20       }}\n\
             \x20       if (list && list->name[i % 24] == {}) list = list->next;\n\
             \x20   }}\n",
            number * 7,
            number ^ 1023,
            number % 31,
            number % 127,
        );
        if number > 0 {
            let _ = writeln!(text, "    if (sum > {number}) sum += function{before}(list, sum % {step});");
        }
        text.push_str("    return sum;\n}\n");
    }
    text
}

fn perl_prints_the_same(test: &Context) -> Result<()> {
    let rounds = (4 * rounds()).to_string();
    let perl = test.program("perl")?;
    let script = source("real/words.pl").display().to_string();
    let runs = both(test, &["perl"], |_| Ok(Invocation::new(perl, [&script, &rounds])))?;
    ensure!(runs.plain.output.contains("closures "), "{}", runs.plain.output);
    runs.expect_same_output()
}

fn sqlite_answers_the_same_and_finds_its_file_intact(test: &Context) -> Result<()> {
    let sqlite = test.program("sqlite3")?;
    let read = format!(".read {}", source("real/tables.sql").display());
    let runs = both(test, &["sqlite3"], |directory| {
        Ok(Invocation::new(sqlite, [&directory.join("tables.db").display().to_string(), &read]))
    })?;
    ensure!(runs.preloaded.output.lines().any(|line| line == "ok"), "{}", runs.preloaded.output);
    ensure!(runs.preloaded.output.lines().count() > 90, "{}", runs.preloaded.output);
    runs.expect_same_output()
}

/// Chromium's malloc is PartitionAlloc, in the program: the loader finds that first. The library does no harm beside it, and is used
/// by the other programs that take part; `mcrx doctor` says so beforehand.
fn chromium_which_has_a_malloc_of_its_own_opens_a_page(test: &Context) -> Result<()> {
    // Not in the test's own directory: what it calls logs would be shown if the test fails.
    let profile = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let page = format!("file://{}", source("real/page.html").display());
    let mut arguments =
        vec!["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
    arguments.extend(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    // Nothing is to be looked up, whatever it thinks it needs.
    arguments.push("--host-resolver-rules=MAP * ~NOTFOUND");
    let profile = format!("--user-data-dir={}", profile.path().display());
    arguments.extend([profile.as_str(), "--dump-dom", &page]);
    let witness = Witness::new(test);
    let launch = witness.of(test.launch(Batch(Invocation::new(test.program("chromium")?, arguments))))?;
    let finished = expect_success(launch, patience())?;
    let answer = "<p id=\"answer\">sum 574601 of 100003, 2000 entries";
    ensure!(finished.output.contains(answer), "{}", finished.output);

    let all = witness.all()?;
    let browser = all.iter().find(|one| one.program == "chromium").context("no browser was run")?;
    ensure!(!browser.is_ours(), "it has no malloc of its own any more: {browser:?}");
    ensure!(all.iter().any(Testimony::is_ours), "nothing ran under the library: {all:?}");
    let doctor = Command::new(env!("CARGO_BIN_EXE_mcrx")).arg("doctor").arg(&browser.file).output()?;
    let said = String::from_utf8_lossy(&doctor.stdout);
    ensure!(doctor.status.code() == Some(1) && said.contains("error [own-malloc]"), "{said}");
    Ok(())
}
