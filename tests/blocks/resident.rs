//! The C program `resident.c`, under the allocator or not.

use mcrx_harness::process::Process;
use mcrx_harness::{Pid, until};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Compiles the program to `path` with these options more.
pub(crate) fn compile(path: &Path, options: &[&str]) {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(&compiler);
    command.args(["-O2", "-g", "-pthread", "-Wall", "-Werror", "-Wl,--build-id"]).args(options);
    command.arg("-o").arg(path).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/blocks/resident.c"));
    let status = command.status().unwrap_or_else(|error| panic!("{compiler} cannot be run: {error}"));
    assert!(status.success(), "{compiler}: {status}");
}

/// The program, compiled once per run of the tests.
pub(crate) fn compiled() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        // Under a name of its own first: another run of the tests may be executing the old one.
        let (new, path) = (folder.join(format!("resident-{}", std::process::id())), folder.join("resident"));
        compile(&new, &[]);
        fs::rename(&new, &path).expect("the program can be given its name");
        path
    })
}

pub(crate) struct Resident {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What it has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) usr1: u64,
    /// Signals that were lost or doubled.
    pub(crate) amiss: u64,
    pub(crate) rounds: u64,
}

impl Resident {
    /// Under the allocator.
    pub(crate) fn start(arguments: &[&str]) -> Resident {
        Resident::start_at(compiled(), arguments)
    }

    pub(crate) fn start_at(program: &Path, arguments: &[&str]) -> Resident {
        Resident::of(
            Command::new(program)
                .args(arguments)
                .env("LD_PRELOAD", mcrx_harness::preload().expect("libmcrx.so")),
        )
    }

    /// Without the allocator.
    pub(crate) fn start_plain(program: &Path, arguments: &[&str]) -> Resident {
        Resident::of(Command::new(program).args(arguments))
    }

    fn of(command: &mut Command) -> Resident {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let input = child.stdin.take().expect("piped");
        let mut resident =
            Resident { output: BufReader::new(child.stdout.take().expect("piped")), input, child };
        assert!(resident.line().starts_with("ready"));
        resident
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a pid"))
    }

    pub(crate) fn ask(&mut self) -> Counts {
        writeln!(self.input).expect("it listens");
        let line = self.line();
        let mut numbers = line.split_whitespace().map(|number| number.parse().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        Counts { usr1: next(), amiss: next(), rounds: next() }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.output.read_line(&mut line).expect("text"), 0, "it has ended");
        line
    }

    /// Sees that nobody holds it and that it works.
    pub(crate) fn assert_goes_on(&mut self) {
        let pid = self.pid();
        until(PATIENCE, "all threads to go on", || Ok(held_threads(pid).is_empty().then_some(()))).unwrap();
        let before = self.ask().rounds;
        until(PATIENCE, "its threads to come round", || Ok((self.ask().rounds > before).then_some(())))
            .unwrap();
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Threads that are stopped, or have a tracer.
pub(crate) fn held_threads(pid: Pid) -> Vec<String> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let held = threads.flatten().filter_map(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).ok()?;
        let is = |start: &str| status.lines().any(|line| line.starts_with(start));
        let held = is("State:\tt") || is("State:\tT") || !is("TracerPid:\t0");
        held.then_some(status)
    });
    held.collect()
}

/// The kernel's letter for what a process is doing.
pub(crate) fn state(pid: Pid) -> Option<char> {
    Process::read(pid).map(|process| process.state())
}
