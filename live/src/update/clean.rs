//! What is done when the new release runs: what is left of the old one goes.
//!
//! Nothing depends on it. What fails is told, and does no harm.

use super::Request;
use super::parked::Parked;
use crate::graft::{Graft, Left};
use crate::hold::{Hands, Scope, while_held_then};
use nix::unistd::Pid;
use std::fs::File;
use std::os::fd::AsFd as _;

/// What is left behind in a process.
pub(super) struct Leaving {
    pub(super) pid: Pid,
    pub(super) graft: Graft,
    pub(super) left: Left,
    /// What did not work.
    pub(super) notes: Vec<String>,
}

/// Unmaps the old program, and tells the kernel which one it is now.
pub(super) fn up(request: &Request<'_>, parked: &Parked, leavings: &mut [Leaving]) -> Vec<String> {
    let work = |hands: &Hands<'_>, leavings: &mut [Leaving]| {
        for leaving in leavings {
            let outcome = one(request, parked, leaving, hands);
            leaving.notes.extend(outcome.err());
        }
    };
    let mut notes = Vec::new();
    let held = while_held_then(Scope::Tree(request.root), |_, hands| work(hands, leavings), |()| ());
    notes.extend(held.err().map(|error| error.to_string()));
    let of = |leaving: &Leaving| {
        let pid = leaving.pid;
        leaving.notes.iter().map(move |note| format!("process {pid}: {note}")).collect::<Vec<_>>()
    };
    notes.extend(leavings.iter().flat_map(of));
    notes
}

fn one(request: &Request<'_>, parked: &Parked, leaving: &Leaving, hands: &Hands<'_>) -> Result<(), String> {
    let Leaving { pid, graft, left, .. } = leaving;
    let failed = |error: &dyn std::error::Error| error.to_string();
    let threads = hands.threads(*pid);
    let thread = threads.first().ok_or("it has ended")?.id;
    left.unmap(hands, thread).map_err(|error| failed(&error))?;
    let program = File::open(request.executable).map_err(|error| failed(&error))?;
    if let Some((_, state)) = parked.state(pid.as_raw().cast_unsigned()) {
        graft.name_program(hands, thread, &state.layout, program.as_fd()).map_err(|error| failed(&error))?;
    }
    Ok(())
}
