//! Whether this process may do what a live update takes: start the new release in namespaces of its own, and hold the server's threads.

use nix::unistd::geteuid;

/// Their numbers in capabilities(7).
const NEEDED: [(&str, u32); 2] = [("CAP_SYS_ADMIN", 21), ("CAP_SYS_PTRACE", 19)];

/// What is missing; nothing if all is there.
pub(super) fn missing() -> Option<String> {
    if !geteuid().is_root() {
        return Some("it takes root's rights: run it as root".to_owned());
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let has = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let has = has.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let missing = NEEDED.iter().find(|(_, bit)| has & (1 << bit) == 0);
    missing.map(|(name, _)| {
        format!("root lacks {name} here, as in a container: run it where root has all rights")
    })
}
