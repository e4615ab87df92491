//! The C program `program.c` under the allocator: what it is told, what it says, and a view of its memory.

use mcrx_allocator::reader::{
    Address, Consistency, Error, Heap, Limits, Memory, Unreadable, Why, arena_bases, find,
};
use mcrx_harness::process::Process;
use mcrx_harness::{Pid, Signal, until};
use nix::sys::signal::kill;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// The program, compiled once per run of the tests.
fn compiled() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        // Under a name of its own first: another run of the tests may be executing the old one.
        let (new, path) = (folder.join(format!("program-{}", std::process::id())), folder.join("program"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reader/program.c");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let mut command = Command::new(&compiler);
        command
            .args(["-O2", "-g", "-pthread", "-Wall", "-Werror", "-Wl,--build-id", "-o"])
            .arg(&new)
            .arg(source);
        let status = command.status().unwrap_or_else(|error| panic!("{compiler} cannot be run: {error}"));
        assert!(status.success(), "{compiler}: {status}");
        fs::rename(&new, &path).expect("the program can be given its name");
        path
    })
}

/// A block that the program says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) maker: String,
    pub(crate) size: u64,
}

pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Functions that make blocks, by name.
    pub(crate) makers: BTreeMap<String, u64>,
    /// What it said it has, by address.
    pub(crate) blocks: BTreeMap<u64, Said>,
    /// All that it said beside that: words of a line, of those that begin with the same word.
    said: Vec<Vec<String>>,
}

impl Program {
    pub(crate) fn start() -> Program {
        let library = mcrx_harness::preload().expect("libmcrx.so");
        let mut child = Command::new(compiled())
            .env("LD_PRELOAD", library)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (makers, blocks, said) = Default::default();
        let mut program = Program { child, input, output, makers, blocks, said };
        program.listen("done");
        program
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a pid"))
    }

    /// Has it do something, and waits until it is done.
    pub(crate) fn tell(&mut self, command: &str) {
        writeln!(self.input, "{command}").expect("the program listens");
        self.listen("done");
    }

    /// Has it fork a child, and waits until that is ready.
    pub(crate) fn fork(&mut self) -> Pid {
        writeln!(self.input, "fork").expect("the program listens");
        // Parent and child speak into the same pipe.
        let mut awaited = ["done", "ready"].to_vec();
        while !awaited.is_empty() {
            let word = self.hear();
            awaited.retain(|awaited| *awaited != word);
        }
        Pid::from_raw(self.words("ready")[0].parse().expect("a pid"))
    }

    /// What followed `first` in the lines that began with it.
    pub(crate) fn words(&self, first: &str) -> Vec<&str> {
        let lines = self.said.iter().filter(|words| words[0] == first);
        lines.filter_map(|words| words.get(1)).map(String::as_str).collect()
    }

    fn listen(&mut self, last: &str) {
        while self.hear() != last {}
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.output.read_line(&mut line).expect("text"), 0, "the program has ended");
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let address = |word: &str| u64::from_str_radix(word, 16).expect("an address");
        match words[0].as_str() {
            "maker" => {
                self.makers.insert(words[1].clone(), address(&words[2]));
            }
            "block" => {
                let said = Said { maker: words[1].clone(), size: words[3].parse().expect("a size") };
                self.blocks.insert(address(&words[2]), said);
            }
            _ => self.said.push(words.clone()),
        }
        words[0].clone()
    }

    /// Which of its functions a return address lies in.
    pub(crate) fn maker_at(&self, address: Address) -> Option<&str> {
        // No maker is longer; they do not lie on each other, so the nearest one before is it.
        let nearest =
            self.makers.iter().filter(|(_, start)| **start < address.0).max_by_key(|(_, start)| **start);
        nearest.filter(|(_, start)| address.0 - **start < 256).map(|(name, _)| name.as_str())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Its children go with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stops a process, and waits until it stands still.
pub(crate) fn stop(pid: Pid) {
    kill(pid, Signal::SIGSTOP).expect("it can be stopped");
    until(PATIENCE, "the process to stop", || Ok(state(pid).filter(|state| *state == 'T'))).unwrap();
}

pub(crate) fn resume(pid: Pid) {
    kill(pid, Signal::SIGCONT).expect("it can go on");
}

/// `T` only once every thread has stopped: the kernel stops them one by one.
fn state(pid: Pid) -> Option<char> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let running =
        threads.filter_map(|thread| Process::read(Pid::from_raw(thread.file_name().to_str()?.parse().ok()?)));
    let mut states = running.map(|thread| thread.state());
    states.find(|state| *state != 'T').or(Some('T'))
}

/// The memory of a live process.
pub(crate) struct Live {
    pid: Pid,
    memory: File,
}

impl Live {
    pub(crate) fn of(pid: Pid) -> Live {
        Live { pid, memory: File::open(format!("/proc/{pid}/mem")).expect("its memory can be read") }
    }

    pub(crate) fn heap(&self, consistency: Consistency) -> Result<Heap, Error> {
        let maps = fs::read(format!("/proc/{}/maps", self.pid)).expect("its maps can be read");
        Heap::read(self, &find(self, &arena_bases(&maps)), consistency, Limits::default())
    }
}

impl Memory for Live {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let unreadable = Unreadable { address, len: buffer.len(), why: Why::NotMapped };
        self.memory.read_exact_at(buffer, address.0).map_err(|_| unreadable)
    }
}
