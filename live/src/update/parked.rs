//! The new release as it waits for work, and the old processes as they are: memory, and what the kernel has.

use super::UpdateError;
use crate::capture::CaptureError;
use crate::descriptors::{self, StartUp};
use crate::hold::Hands;
use crate::kernel::{self, KernelState};
use crate::shadow::{Member, Shadow, is_placeholder};
use mcrx_tracer::image::Process;
use nix::unistd::Pid;

/// A tree of processes at rest.
pub(super) struct Parked {
    /// Their memory. They have the numbers by which they know themselves, which are those of their partners.
    pub(super) processes: Vec<Process>,
    /// What the kernel has for each of them.
    pub(super) kernel: Vec<KernelState>,
}

impl Parked {
    /// Reads a shadow, which is held for that. It need not be there any more afterwards.
    pub(super) fn of(shadow: &Shadow) -> Result<Parked, UpdateError> {
        let captured = shadow.capture()?;
        let members: Vec<Member> = captured.members.iter().map(|one| one.member.clone()).collect();
        let mut parked = Parked { processes: Vec::new(), kernel: Vec::new() };
        let mut memory = captured.image.processes;
        for one in captured.members {
            let outside = one.member.outside;
            let place = memory.iter().position(|process| process.pid == number(outside));
            let process = memory.swap_remove(place.ok_or(CaptureError::Gone(outside))?);
            parked.processes.push(known_inside(process, &members, &one.kernel));
            let mut descriptors = open(outside)?;
            descriptors.retain(|descriptor| !is_placeholder(&descriptor.target));
            parked.kernel.push(KernelState { descriptors, ..one.kernel });
        }
        Ok(parked)
    }

    /// The descriptors that the new release's start-up made, in the processes that have taken its part.
    pub(super) fn start_descriptors(&self) -> StartUp {
        let processes = self.processes.iter().filter_map(|process| i32::try_from(process.pid).ok());
        StartUp::of(processes.map(Pid::from_raw), |pid, number| {
            let state = self.state(pid.as_raw().cast_unsigned());
            state.is_some_and(|(_, kernel)| kernel.descriptors.iter().any(|one| one.number == number))
        })
    }

    /// The state of the process of this number.
    pub(super) fn state(&self, pid: u32) -> Option<(&Process, &KernelState)> {
        self.processes.iter().zip(&self.kernel).find(|(process, _)| process.pid == pid)
    }
}

/// What the kernel has for a held process.
pub(super) fn state(
    pid: Pid,
    survey: &kernel::Survey,
    hands: &Hands<'_>,
) -> Result<KernelState, UpdateError> {
    let descriptors = open(pid)?;
    Ok(KernelState { descriptors, ..survey.read(hands)? })
}

fn open(pid: Pid) -> Result<Vec<kernel::Descriptor>, CaptureError> {
    descriptors::read(pid).map_err(|source| CaptureError::Unreadable { process: pid, source })
}

/// By the numbers that processes and threads have inside of their namespace.
fn known_inside(mut process: Process, members: &[Member], kernel: &KernelState) -> Process {
    let inside = |pid: u32| {
        let member = members.iter().find(|member| number(member.outside) == pid);
        member.map_or(0, |member| member.inside.cast_unsigned())
    };
    for thread in &mut process.threads {
        let known = kernel.threads.iter().find(|state| number(state.id) == thread.tid);
        thread.tid = known.map_or(thread.tid, |state| state.tid.cast_unsigned());
    }
    let (pid, parent) = (inside(process.pid), inside(process.parent));
    Process { pid, parent, ..process }
}

fn number(pid: Pid) -> u32 {
    pid.as_raw().cast_unsigned()
}
