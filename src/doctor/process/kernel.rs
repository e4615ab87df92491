//! What the kernel permits and keeps: rights, filters, rings, seals, memory.

use crate::blocks::readable;
use crate::doctor::finding::Finding;
use mcrx_live::process::condition::{Condition, memory_available};
use std::fs;

/// Less than this comes back from a disk in no time.
const SWAPPED_MAX: u64 = 1 << 20;

/// About a process that may not be looked into.
pub(super) fn not_permitted(text: &str, condition: &Condition) -> Finding {
    let restricted = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let (why, help) = if condition.only_roots {
        (
            ": it was started with more rights than its user's, or changed its user, and may be looked into by root only (PR_SET_DUMPABLE)",
            "run this as root",
        )
    } else if !matches!(restricted.trim(), "" | "0") {
        (
            ": this machine lets nobody but root look into processes that are not their own children (kernel.yama.ptrace_scope)",
            "run this as root, or set kernel.yama.ptrace_scope to 0",
        )
    } else {
        (": it is another user's, or has more rights", "run this as its user or as root")
    };
    Finding::error("not-permitted", format!("{text}{why}"), help)
}

pub(super) fn findings(condition: &Condition) -> Vec<Finding> {
    let mut findings = Vec::new();
    if condition.filtered && !may_suspend_filters() {
        findings.push(Finding::warning(
            "seccomp",
            "its system calls are filtered (seccomp), and only root may suspend that: mcrx can have it make no call, so a large heap \
             is copied while it stands still",
            "run this as root",
        ));
    }
    if condition.rings > 0 {
        findings.push(Finding::warning(
            "io-uring",
            format!(
                "the kernel does input and output for it by {} io_uring: it may write into the process's memory also while that is held",
                condition.rings
            ),
            "turn io_uring off in its configuration: most programs that use it can do without",
        ));
    }
    if !condition.sealed.is_empty() {
        findings.push(Finding::warning(
            "sealed",
            format!(
                "mappings of it are sealed (mseal) and can never be replaced: {}",
                condition.sealed.join(", ")
            ),
            "nothing, to look at it; for an update turn the sealing off (GLIBC_TUNABLES=glibc.rtld.seal=0 where glibc seals)",
        ));
    }
    if condition.other_mounts == Some(true) {
        findings.push(Finding::warning(
            "namespace",
            "it runs in a mount namespace of its own, as in a container: its programs and debug files are looked for by the same paths \
             here, and used only where their build-ids agree",
            "run this inside of it (nsenter -m -t PID), or have the same packages outside",
        ));
    }
    let available = memory_available();
    if let Some(free) = available.filter(|free| condition.resident > *free) {
        findings.push(Finding::warning(
            "memory",
            format!(
                "it has {} of its own in memory, and the machine has {} left: a copy of it does not fit",
                readable(condition.resident),
                readable(free)
            ),
            "ask about the allocator's tables only: mcrx blocks; or make room first",
        ));
    }
    if condition.swapped > SWAPPED_MAX {
        findings.push(Finding::warning(
            "swapped",
            format!(
                "{} of it are swapped out: they are read from the disk while it is held",
                readable(condition.swapped)
            ),
            "make room in memory, or do without swap for it (MemorySwapMax=0 of systemd.resource-control(5))",
        ));
    }
    findings
}

/// CAP_SYS_ADMIN, for PTRACE_O_SUSPEND_SECCOMP (ptrace(2)).
fn may_suspend_filters() -> bool {
    const SYS_ADMIN: u32 = 21;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    bits & (1 << SYS_ADMIN) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(condition: &Condition) -> Vec<&'static str> {
        findings(condition).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn each_thing_in_the_way_is_a_finding() {
        let fine = Condition { other_mounts: Some(false), ..Condition::default() };
        assert_eq!(codes(&fine), Vec::<&str>::new());
        assert_eq!(codes(&Condition { rings: 1, ..fine.clone() }), ["io-uring"]);
        assert_eq!(codes(&Condition { sealed: vec!["[vdso]".into()], ..fine.clone() }), ["sealed"]);
        assert_eq!(codes(&Condition { other_mounts: Some(true), ..fine.clone() }), ["namespace"]);
        assert_eq!(codes(&Condition { resident: u64::MAX, ..fine.clone() }), ["memory"]);
        assert_eq!(codes(&Condition { swapped: 2 << 20, ..fine.clone() }), ["swapped"]);
    }

    #[test]
    fn who_may_look_is_said_by_the_reason() {
        let ordinary = not_permitted("not permitted", &Condition::default());
        let guarded = not_permitted("not permitted", &Condition { only_roots: true, ..Condition::default() });
        assert_eq!((ordinary.code, guarded.code), ("not-permitted", "not-permitted"));
        assert!(guarded.message.contains("PR_SET_DUMPABLE"), "{guarded:?}");
    }
}
