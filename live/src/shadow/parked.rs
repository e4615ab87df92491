//! What is needed of a shadow that is at rest, as a value: the shadow may go on, or be gone, afterwards.

use super::{Member, Shadow, ShadowError};
use crate::capture::{CaptureError, Survey};
use crate::hold::{Hands, Held, Scope, waits_for_work, while_held_then};
use crate::kernel::{self, KernelState};
use mcrx_tracer::image::{Image, Method, Process, Taken};
use nix::unistd::Pid;
use std::time::{Duration, Instant, SystemTime};

/// How long a thread that has woken up may take to wait again.
const PATIENCE: Duration = Duration::from_secs(1);

/// A new release, all of it as it was at one instant after its start-up.
#[derive(Debug)]
pub struct Parked {
    /// Its memory. Processes and threads have the numbers by which we see them.
    pub image: Image,
    /// Its processes: parents before their children, else in the order of their making.
    pub members: Vec<ParkedMember>,
}

/// One of its processes.
#[derive(Debug)]
pub struct ParkedMember {
    /// Who it is.
    pub member: Member,
    /// What the kernel had for it. Threads have both numbers.
    pub kernel: KernelState,
}

impl Parked {
    /// The memory of a member.
    #[must_use]
    pub fn process(&self, member: &Member) -> Option<&Process> {
        self.image.processes.iter().find(|process| process.pid == member.outside.as_raw().cast_unsigned())
    }
}

impl Shadow {
    /// Holds it for a moment, and reads it.
    ///
    /// # Errors
    /// [`ShadowError`]: it goes on as it was.
    pub fn capture(&self) -> Result<Parked, ShadowError> {
        let scope = self.scope();
        let memory = Survey::of(scope)?;
        let members: Vec<(Member, kernel::Survey)> =
            self.members.iter().map(|member| (member.clone(), kernel::Survey::of(member.outside))).collect();
        let at = SystemTime::now();
        let (outcome, held) =
            while_held_then(scope, |held, hands| read(memory, members, held, hands), |outcome| outcome)
                .map_err(CaptureError::from)?;
        let (processes, members) = outcome?;
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let taken = Taken { at, held, method: Method::Copy, kernel, redacted: false };
        Ok(Parked { image: Image { processes, taken }, members })
    }

    /// All members, and the init only if there is no other root.
    fn scope(&self) -> Scope {
        let mut roots = self.members.iter().filter(|member| member.parent.is_none());
        match (roots.next(), roots.next()) {
            (Some(root), None) => Scope::Tree(root.outside),
            _ => Scope::Tree(self.init()),
        }
    }
}

/// While all are held. Memory comes first: to be asked what the kernel has, threads use their stacks.
fn read(
    memory: Survey,
    members: Vec<(Member, kernel::Survey)>,
    held: &Held,
    hands: &Hands<'_>,
) -> Result<(Vec<Process>, Vec<ParkedMember>), ShadowError> {
    // A thread that wakes up now and then may be doing what it wakes up for.
    let deadline = Instant::now() + PATIENCE;
    for (member, _) in &members {
        if let Some(thread) = hands.run_to_rest(member.outside, &waits_for_work, deadline)?.first() {
            return Err(ShadowError::Awake(*thread));
        }
    }
    let mut processes = memory.copy(held, hands)?;
    let of_member = |process: &Process| {
        members.iter().any(|(member, _)| member.outside.as_raw().cast_unsigned() == process.pid)
    };
    processes.retain(of_member);
    if let Some(stranger) = stranger(held, &members) {
        return Err(ShadowError::Changed(stranger));
    }
    let members = members.into_iter().map(|(member, survey)| {
        let kernel = survey.read(hands)?;
        Ok(ParkedMember { member, kernel })
    });
    Ok((processes, members.collect::<Result<_, ShadowError>>()?))
}

/// A process that was made after the shadow had come to rest.
fn stranger(held: &Held, members: &[(Member, kernel::Survey)]) -> Option<Pid> {
    let is_known = |pid: Pid| members.iter().any(|(member, _)| member.outside == pid);
    let strangers = held.processes.iter().map(|process| process.pid).filter(|pid| !is_known(*pid));
    strangers
        .into_iter()
        .find(|pid| !crate::process::status::Status::of(*pid).is_some_and(|status| status.is_init()))
}
