//! The process that was asked about, and why its blocks cannot be listed if they cannot.

use crate::elf::Elf;
use crate::exit::Failure;
use anyhow::{Context, Result, anyhow, bail};
use mcrx_allocator::reader::{self, Address, Memory, Unreadable, Why, arena_bases, find};
use mcrx_live::hold::HoldError;
use mcrx_live::process::status::{Status, live_thread};
use nix::unistd::Pid;
use object::read::elf::ProgramHeader;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// How a program is started so that its blocks are seen.
const HOW_TO_START: &str = "start it as\n    LD_PRELOAD=/path/to/libmcrx.so COMMAND";

/// A process that is there.
pub(super) struct Target {
    pub(super) pid: Pid,
    /// A thread of it through which its memory can be reached: not its main thread, if that has ended before the others.
    pub(super) thread: Pid,
    /// The kernel's name for it.
    pub(super) name: String,
}

impl Target {
    pub(super) fn open(pid: u32) -> Result<Target> {
        let none = || anyhow!("there is no process {pid}");
        let number = i32::try_from(pid).ok().filter(|pid| *pid > 0).map(Pid::from_raw).with_context(none)?;
        let status = Status::of(number).with_context(none)?;
        let name = status.name().to_owned();
        if let Some(leader) = status.process().filter(|leader| *leader != number) {
            bail!("{pid} is a thread of process {leader} ({name}): ask for that one");
        }
        match live_thread(number) {
            Some(thread) => Ok(Target { pid: number, thread, name }),
            None if status.has_ended() => {
                bail!("process {pid} ({name}) has ended, and only waits for its parent to take note")
            }
            None => bail!("process {pid} ({name}) is a part of the kernel, with no memory of its own"),
        }
    }

    /// The text of its list of mappings.
    pub(super) fn maps(&self) -> Result<Vec<u8>> {
        fs::read(format!("/proc/{}/maps", self.thread)).map_err(|error| self.unreadable(&error))
    }

    /// Where its regions are.
    pub(super) fn regions(&self, memory: &impl Memory, maps: &[u8]) -> Result<Vec<Address>> {
        let candidates = arena_bases(maps);
        let found = find(memory, &candidates);
        if !found.is_empty() {
            return Ok(found);
        }
        // An address that the kernel never lets anybody read tells whether we may read at all.
        if let Err(Unreadable { why: why @ (Why::NotPermitted | Why::Gone), .. }) =
            memory.read(Address(0), &mut [0])
        {
            return Err(if why == Why::Gone { self.gone() } else { self.not_permitted() });
        }
        Err(self.not_under_the_allocator(maps))
    }

    /// What an error of the reader means for whoever asked.
    pub(super) fn refused(&self, error: &reader::Error) -> anyhow::Error {
        match error {
            reader::Error::Unreadable { source: Unreadable { why: Why::Gone, .. }, .. } => self.gone(),
            reader::Error::Unreadable { source: Unreadable { why: Why::NotPermitted, .. }, .. } => {
                self.not_permitted()
            }
            reader::Error::TooLarge { .. } => anyhow!("process {}: {error}", self.described()),
            _ => Failure::Refused(format!("process {}: {error}", self.described())).into(),
        }
    }

    pub(super) fn not_held(&self, error: &HoldError) -> anyhow::Error {
        match error {
            HoldError::Gone(_) => self.gone(),
            HoldError::NotPermitted { .. } => self.not_permitted(),
            _ => anyhow!(
                "process {} cannot be held still: {error}\n(--running reads it without holding it, approximately)",
                self.described()
            ),
        }
    }

    pub(super) fn described(&self) -> String {
        format!("{} ({})", self.pid, self.name)
    }

    fn gone(&self) -> anyhow::Error {
        anyhow!("process {} has ended", self.described())
    }

    fn unreadable(&self, error: &io::Error) -> anyhow::Error {
        match error.kind() {
            ErrorKind::PermissionDenied => self.not_permitted(),
            ErrorKind::NotFound => self.gone(),
            _ if error.raw_os_error() == Some(nix::libc::ESRCH) => self.gone(),
            _ => anyhow!("process {} cannot be looked at: {error}", self.described()),
        }
    }

    fn not_permitted(&self) -> anyhow::Error {
        let mut text = format!(
            "not permitted to look into process {}: run this as its user or as root",
            self.described()
        );
        let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
        if !matches!(scope.trim(), "" | "0") {
            text += "\n(as its user it takes kernel.yama.ptrace_scope = 0, too; see ptrace(2))";
        }
        anyhow!(text)
    }

    fn not_under_the_allocator(&self, maps: &[u8]) -> anyhow::Error {
        let who = self.described();
        let exe = PathBuf::from(format!("/proc/{}/exe", self.thread));
        let path = fs::read_link(&exe).unwrap_or_else(|_| PathBuf::from("PROGRAM"));
        let path = path.display();
        match Elf::open(&exe) {
            Ok(elf) if is_static(&elf) => {
                return anyhow!(
                    "process {who} runs a static program, into which nothing can be preloaded: its blocks cannot be seen\n\
                     (`mcrx doctor {path}` says more)"
                );
            }
            Err(crate::elf::Error::Other(kind)) => {
                return anyhow!("process {who} runs a program that is {kind}");
            }
            _ => {}
        }
        if maps.windows(LIBRARY.len()).any(|window| window == LIBRARY) {
            return anyhow!(
                "process {who} has loaded libmcrx.so but made no heap with it: it has a malloc of its own, or no memory\n\
                            (`mcrx doctor {path}` may say why)"
            );
        }
        let environment = fs::read(format!("/proc/{}/environ", self.thread)).unwrap_or_default();
        let asked_for = environment.split(|byte| *byte == 0).any(|variable| {
            variable.starts_with(b"LD_PRELOAD=")
                && variable.windows(LIBRARY.len()).any(|window| window == LIBRARY)
        });
        if asked_for {
            return anyhow!(
                "process {who} was started with LD_PRELOAD, but libmcrx.so was not loaded: `mcrx doctor {path}` says why, \
                 unless the path in LD_PRELOAD was wrong"
            );
        }
        anyhow!(
            "process {who} does not run under mcrx's allocator: {HOW_TO_START}\n\
             (`mcrx doctor {path}` says whether that will work)"
        )
    }
}

const LIBRARY: &[u8] = b"libmcrx.so";

fn is_static(elf: &Elf) -> bool {
    let Ok(file) = elf.parse() else { return false };
    let endian = file.endian();
    file.elf_program_headers().iter().all(|header| header.p_type(endian) != object::elf::PT_INTERP)
}
