//! What a process, its threads and mappings are called in an image.

use crate::hold::HeldThread;
use crate::process::maps::{self, Name};
use mcrx_tracer::image::{Inode, Mapping, MappingKind, Permissions, Registers, Thread};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::Status;

/// Who a process is.
pub(super) struct Facts {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) name: String,
    pub(super) executable: PathBuf,
}

impl Facts {
    /// Of a process that has this thread: its main thread may have ended, and knows no more.
    pub(super) fn of(pid: Pid, thread: Pid) -> io::Result<Facts> {
        let status = Status::of(pid).ok_or(io::ErrorKind::NotFound)?;
        let arguments = crate::process::read(format!("/proc/{thread}/cmdline")).unwrap_or_default();
        Ok(Facts {
            pid: number(pid),
            parent: status.parent().map_or(0, number),
            name: title(&arguments).unwrap_or_else(|| status.name().to_owned()),
            executable: program(thread)?,
        })
    }
}

/// The file of the program. The kernel knows the one that was executed; a process that has become another program since, without the right to
/// tell the kernel so, has nothing of that mapped any more, and its auxiliary vector (getauxval(3)) tells of the program that it has.
fn program(thread: Pid) -> io::Result<PathBuf> {
    let executed = fs::read_link(format!("/proc/{thread}/exe"))?;
    let executed = match executed.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(path) => PathBuf::from(std::ffi::OsString::from_vec(path.to_owned())),
        None => executed,
    };
    let mappings = maps::read(thread)?;
    if mappings.iter().any(|mapping| mapping.path() == Some(&executed)) {
        return Ok(executed);
    }
    let vector = crate::process::read(format!("/proc/{thread}/auxv")).unwrap_or_default();
    let (words, _) = vector.as_chunks::<8>();
    let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let (pairs, _) = words.as_chunks::<2>();
    let headers = pairs.iter().find(|[kind, _]| *kind == nix::libc::AT_PHDR).map(|[_, address]| *address);
    let mapping = headers.and_then(|address| maps::holding(&mappings, address));
    Ok(mapping.and_then(maps::Mapping::path).map_or(executed, PathBuf::from))
}

/// A process that calls itself something writes it over its arguments, as one: `nginx: worker process`.
fn title(arguments: &[u8]) -> Option<String> {
    let text = arguments.split(|byte| *byte == 0).next()?.trim_ascii_end();
    let alone = arguments[text.len()..].iter().all(|byte| matches!(byte, 0 | b' '));
    (alone && text.contains(&b' ')).then(|| String::from_utf8_lossy(text).into_owned())
}

fn number(pid: Pid) -> u32 {
    pid.as_raw().unsigned_abs()
}

/// A thread that is held.
pub(super) fn thread(process: Pid, thread: &HeldThread) -> Thread {
    let name = crate::process::read(format!("/proc/{process}/task/{}/comm", thread.id)).unwrap_or_default();
    let registers = match &thread.registers {
        Some(r) => Registers::from_words([
            r.r15, r.r14, r.r13, r.r12, r.rbp, r.rbx, r.r11, r.r10, r.r9, r.r8, r.rax, r.rcx, r.rdx, r.rsi,
            r.rdi, r.orig_rax, r.rip, r.cs, r.eflags, r.rsp, r.ss, r.fs_base, r.gs_base, r.ds, r.es, r.fs,
            r.gs,
        ]),
        // In an uninterruptible sleep: no more can be known.
        None => Registers {
            rip: thread.instruction_pointer,
            rsp: thread.stack_pointer,
            orig_rax: thread.blocked_in.map_or(u64::MAX, u64::from),
            ..Registers::default()
        },
    };
    Thread {
        tid: number(thread.id),
        name: String::from_utf8_lossy(name.trim_ascii_end()).into_owned(),
        registers,
        blocked_in: thread.blocked_in,
    }
}

/// A mapping as an image has it.
pub(super) fn mapping(mapping: &maps::Mapping) -> Mapping {
    let permissions = Permissions { read: mapping.read, write: mapping.write, execute: mapping.execute };
    let inode = inode(mapping);
    let kind = match &mapping.name {
        name if mapping.shared => {
            let path = match name {
                Name::File { path, .. } => path.clone(),
                Name::Special(name) => PathBuf::from(name),
                Name::None => PathBuf::new(),
            };
            MappingKind::Shared { path, offset: mapping.offset, inode }
        }
        Name::File { path, deleted } => {
            MappingKind::File { path: path.clone(), offset: mapping.offset, inode, deleted: *deleted }
        }
        Name::None => MappingKind::Anonymous { name: None },
        Name::Special(name) => match name.as_str() {
            "heap" => MappingKind::Heap,
            "stack" => MappingKind::Stack,
            "vdso" => MappingKind::Vdso,
            "vvar" | "vvar_vclock" => MappingKind::Vvar,
            "vsyscall" => MappingKind::Vsyscall,
            other => {
                let name = other.strip_prefix("anon:").unwrap_or(other);
                MappingKind::Anonymous { name: Some(name.to_owned()) }
            }
        },
    };
    Mapping { range: mapping.range.clone(), permissions, kind }
}

fn inode(mapping: &maps::Mapping) -> Inode {
    Inode { major: mapping.device.0, minor: mapping.device.1, number: mapping.inode }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_told_from_arguments() {
        assert_eq!(title(b"nginx: worker process\0\0\0").as_deref(), Some("nginx: worker process"));
        assert_eq!(title(b"redis-server *:6379").as_deref(), Some("redis-server *:6379"));
        assert_eq!(title(b"/usr/sbin/nginx\0-g\0daemon off;\0"), None);
        assert_eq!(title(b"sleep\0"), None);
        assert_eq!(title(b""), None);
    }
}
