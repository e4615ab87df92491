//! Contains `unsafe`: the one call that runs code between fork and exec.
//!
//! Starts a process in a session of its own, bound to us in death: no terminal, and no signal meant for our group,
//! reaches it, and if we are killed outright it is asked to end. Also finds who is in such a session.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal, setsid};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// Starts `command` as the leader of a new session, whose id is then the child's pid. The calling thread must live as
/// long as the child is to live: the kernel counts the end of the thread that forked as the parent's death.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    let parent = getpid();
    let between_fork_and_exec = move || {
        setsid()?;
        set_parent_process_death_signal(Some(Signal::TERM))?;
        if getppid() != Some(parent) {
            return Err(io::ErrorKind::NotConnected.into()); // the parent died before it could be watched
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed, since other threads may have held locks at the
    // fork. The closure makes three system calls, touches no lock and does not allocate: errors here are plain numbers.
    unsafe { command.pre_exec(between_fork_and_exec) };
    command.spawn()
}

/// The processes of session `id`, without those that have ended and only wait to be reaped.
pub(super) fn members(id: u32) -> Result<Vec<Pid>> {
    let mut members = Vec::new();
    for entry in std::fs::read_dir("/proc").context("cannot list /proc")? {
        let name = entry.context("cannot list /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // It may end while we look.
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        if session_of_live(&stat) == Some(id) {
            members.push(pid);
        }
    }
    Ok(members)
}

/// Reads a line of /proc/PID/stat: pid (name) state parent group session ..., see proc(5).
fn session_of_live(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?; // the name itself may hold spaces and parentheses
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    let session = fields.nth(2)?.parse().ok()?;
    (state != "Z" && state != "X").then_some(session)
}

#[cfg(test)]
mod tests {
    use super::session_of_live;

    #[test]
    fn the_session_is_found_behind_a_name_with_spaces_and_parentheses() {
        assert_eq!(session_of_live("17 (a) b (c) S 1 17 4321 0 -1"), Some(4321));
    }

    #[test]
    fn a_zombie_is_no_member() {
        assert_eq!(session_of_live("17 (larder) Z 1 17 4321 0 -1"), None);
    }
}
