//! What the kernel keeps for a process beside its memory, as far as it matters to who wants to hold, copy or update it.
//!
//! A look from outside, while it runs: nothing here is of one instant.

use nix::unistd::Pid;
use std::fs;

/// What was found. What may not be looked at counts as not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// Bytes of its own that are in memory: what a capture copies, and shared memory.
    pub resident: u64,
    /// Bytes that are swapped out.
    pub swapped: u64,
    /// Its system calls are filtered (seccomp(2)).
    pub filtered: bool,
    /// Rings by which the kernel does its input and output (io_uring(7)).
    pub rings: usize,
    /// Mappings that it must not change any more (mseal(2)), by what the kernel calls them; those without a name by their addresses.
    pub sealed: Vec<String>,
    /// It sees other files by the same paths than we do (mount_namespaces(7)). `None`: that may not be known.
    pub other_mounts: Option<bool>,
    /// It may be looked at by root only, whoever its user is (PR_SET_DUMPABLE of prctl(2)).
    pub only_roots: bool,
}

impl Condition {
    /// Of the process of a thread that has memory.
    #[must_use]
    pub fn of(thread: Pid) -> Condition {
        let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
        let bytes = |name: &str| field(&status, name).and_then(kibibytes).unwrap_or(0);
        let smaps = fs::read(format!("/proc/{thread}/smaps")).unwrap_or_default();
        Condition {
            resident: bytes("RssAnon") + bytes("RssShmem"),
            swapped: bytes("VmSwap"),
            filtered: field(&status, "Seccomp").is_some_and(|mode| mode != "0"),
            rings: rings(thread),
            sealed: sealed(&String::from_utf8_lossy(&smaps)),
            other_mounts: other_mounts(thread),
            only_roots: only_roots(thread, &status),
        }
    }
}

/// Bytes of memory that programs can have before others are pushed out (`MemAvailable` of proc_meminfo(5)).
#[must_use]
pub fn memory_available() -> Option<u64> {
    kibibytes(field(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable")?)
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// `12 kB`
fn kibibytes(text: &str) -> Option<u64> {
    text.strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

fn rings(thread: Pid) -> usize {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{thread}/fd")) else { return 0 };
    let links = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter(|link| link.as_os_str() == "anon_inode:[io_uring]").count()
}

/// Mappings with the flag `sl` (proc_pid_smaps(5)).
fn sealed(smaps: &str) -> Vec<String> {
    let mut sealed = Vec::new();
    let mut mapping = "";
    for line in smaps.lines() {
        match line.split_once(' ') {
            Some(("VmFlags:", flags)) if flags.split_whitespace().any(|flag| flag == "sl") => {
                let mut words = mapping.splitn(6, ' ');
                let addresses = words.next().unwrap_or_default();
                let name = words.nth(4).map_or("", str::trim);
                sealed.push(if name.is_empty() { addresses } else { name }.to_owned());
            }
            // Fields have a colon behind their names, addresses a hyphen between them.
            Some((first, _)) if !first.ends_with(':') => mapping = line,
            _ => {}
        }
    }
    sealed.dedup();
    sealed
}

fn other_mounts(thread: Pid) -> Option<bool> {
    let of = |who: &str| fs::read_link(format!("/proc/{who}/ns/mnt")).ok();
    Some(of(&thread.to_string())? != of("self")?)
}

/// The kernel gives the files of such a process to root (proc(5)), though its user is another.
fn only_roots(thread: Pid, status: &str) -> bool {
    use std::os::unix::fs::MetadataExt;
    let effective = field(status, "Uid").and_then(|ids| ids.split_whitespace().nth(1));
    let owner = fs::metadata(format!("/proc/{thread}/stat")).map(|metadata| metadata.uid());
    effective.is_some_and(|user| user != "0") && owner.is_ok_and(|owner| owner == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_an_ordinary_one() {
        let condition = Condition::of(Pid::this());
        assert!(condition.resident > 0, "{condition:?}");
        assert_eq!((condition.rings, condition.other_mounts, condition.only_roots), (0, Some(false), false));
        assert!(memory_available().is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn sealed_mappings_are_told_from_others() {
        let smaps = "\
1000-2000 rw-p 00000000 00:00 0 
Size:                  4 kB
VmFlags: rd wr mr mw me ac sl 
2000-3000 r--p 00000000 00:00 0                          [vdso]
VmFlags: rd mr mw me sl 
3000-4000 r--p 00001000 fe:00 12                         /lib/a b.so
VmFlags: rd mr mw me sd 
";
        assert_eq!(sealed(smaps), ["1000-2000", "[vdso]"]);
    }
}
