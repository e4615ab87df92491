//! Who a process or thread is and what it does, from `/proc/PID/status` (proc(5)).

use super::read_text;
use nix::unistd::Pid;
use std::fs;

/// The fields at one moment.
#[derive(Debug, Clone)]
pub struct Status(String);

impl Status {
    /// Of a process, or of any thread by its number; nothing if there is none.
    #[must_use]
    pub fn of(pid: Pid) -> Option<Status> {
        read_text(format!("/proc/{pid}/status")).ok().map(Status)
    }

    /// Of a thread of this process.
    #[must_use]
    pub fn of_thread(process: Pid, thread: Pid) -> Option<Status> {
        read_text(format!("/proc/{process}/task/{thread}/status")).ok().map(Status)
    }

    fn field(&self, name: &str) -> &str {
        let mut lines = self.0.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map_or("", str::trim)
    }

    fn pid(&self, name: &str) -> Option<Pid> {
        self.field(name).parse().ok().filter(|pid| *pid > 0).map(Pid::from_raw)
    }

    /// The kernel's name for it, at most 15 bytes.
    #[must_use]
    pub fn name(&self) -> &str {
        self.field("Name")
    }

    /// The process that it is a thread of.
    #[must_use]
    pub fn process(&self) -> Option<Pid> {
        self.pid("Tgid")
    }

    /// Nothing for the first process of all, and for one from outside of our own pid namespace.
    #[must_use]
    pub fn parent(&self) -> Option<Pid> {
        self.pid("PPid")
    }

    /// The thread that traces it, if one does.
    #[must_use]
    pub fn tracer(&self) -> Option<Pid> {
        self.pid("TracerPid")
    }

    /// Whether it has ended, and only waits for someone to take note.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.field("State").starts_with(['Z', 'X'])
    }

    /// Whether it has memory of its own: parts of the kernel have none, and threads that have ended neither.
    #[must_use]
    pub fn has_memory(&self) -> bool {
        !self.field("VmSize").is_empty()
    }
}

impl Status {
    /// The signals that the process has handlers for, a bit each from SIGHUP on.
    #[must_use]
    pub fn handled(&self) -> u64 {
        u64::from_str_radix(self.field("SigCgt"), 16).unwrap_or(0)
    }

    /// The signals that the process ignores.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        u64::from_str_radix(self.field("SigIgn"), 16).unwrap_or(0)
    }

    /// Whether a seccomp filter, or seccomp's strict mode, decides over its system calls.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !matches!(self.field("Seccomp"), "" | "0")
    }

    /// Whether return addresses are checked against a second stack.
    #[must_use]
    pub fn has_shadow_stack(&self) -> bool {
        self.field("x86_Thread_features").contains("shstk")
    }

    /// Its number as itself sees it: in its own pid namespace.
    #[must_use]
    pub fn innermost(&self) -> Option<i32> {
        self.field("NSpid").split_whitespace().next_back()?.parse().ok()
    }

    /// Whether it is the first process of its pid namespace: orphans become its children.
    #[must_use]
    pub fn is_init(&self) -> bool {
        self.innermost() == Some(1)
    }
}

/// The threads of a process in the order of their making, the main thread first, ended or not.
#[must_use]
pub fn threads(process: Pid) -> Vec<Pid> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let ids = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok());
    ids.map(Pid::from_raw).collect()
}

/// A thread of a process that has memory; the main thread if it can be.
#[must_use]
pub fn live_thread(process: Pid) -> Option<Pid> {
    let has_memory =
        |thread: &Pid| Status::of_thread(process, *thread).is_some_and(|status| status.has_memory());
    threads(process).into_iter().find(has_memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_from_others_that_begin_alike() {
        let status = Status(
            "Name:\tx y\nState:\tS (sleeping)\nTgid:\t12\nNStgid:\t1\nPPid:\t0\nTracerPid:\t0\nNSpid:\t12\t1\nSeccomp:\t2\n"
                .into(),
        );
        assert!(status.is_filtered() && status.is_init() && !status.has_shadow_stack());
        assert_eq!((status.name(), status.process()), ("x y", Some(Pid::from_raw(12))));
        assert_eq!((status.parent(), status.tracer()), (None, None));
        assert!(!status.has_ended() && !status.has_memory());
    }

    #[test]
    fn this_process_has_a_thread_with_memory() {
        assert_eq!(live_thread(Pid::this()), Some(Pid::this()));
        assert_eq!(Status::of(Pid::this()).unwrap().parent(), Some(Pid::parent()));
    }
}
