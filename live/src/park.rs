//! When a server has come to rest: every thread of all its processes waits for something to happen.
//!
//! So ends a start-up, and so begins an update. Only `/proc` is read: nobody is stopped, and nobody notices. Of a server that is
//! only being started nothing is known beforehand, so three things together are taken for rest, over a settling time:
//!
//! ```text
//!   the tree     no process and no thread was made, and none has ended
//!   each thread  was found, whenever it was looked at, in a call that servers wait in (`Call::is_idle`), interruptibly
//!   its time     it has used hardly any of the processor's
//! ```
//!
//! A thread that naps (a maintenance thread, a clock) is found awake now and then: that is no unrest, as long as it is seldom and
//! short, and it is back in its nap in the end.
//!
//! What it cannot tell: a start-up that waits for something, for longer than the settling time, from a server that does. Threads that live for less
//! than the time between two looks may be missed.

mod call;

pub use call::Call;

use crate::process::read_text;
use crate::process::status::{Status, threads};
use crate::process::tree;
use call::Whereabouts;
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// How often is looked.
pub const INTERVAL: Duration = Duration::from_millis(4);
/// Of its looks, a napping thread may be found awake in one of so many.
const SELDOM: u32 = 4;
/// Of the settling time, a napping thread may use one of so many parts.
const LITTLE: u32 = 10;

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For how long there must be rest.
    pub settle: Duration,
    /// For how long it is waited for.
    pub limit: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { settle: Duration::from_millis(60), limit: Duration::from_secs(30) }
    }
}

/// A tree at rest, as it was found last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parking {
    /// Parents before their children. Those that have ended are not among them.
    pub processes: Vec<ParkedProcess>,
    /// How long it took, with the settling.
    pub waited: Duration,
}

/// A process all of whose threads wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedProcess {
    /// Its number as we see it.
    pub pid: Pid,
    /// In the order of their making.
    pub threads: Vec<ParkedThread>,
}

/// A thread that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedThread {
    /// Its number as we see it.
    pub id: Pid,
    /// What the kernel calls it.
    pub name: String,
    /// What it waits in.
    pub call: Call,
}

/// Why a tree is not at rest.
#[derive(Debug, thiserror::Error)]
pub enum ParkError {
    /// The root has ended, and if it was ourselves, all below.
    #[error("process {0} has ended")]
    Gone(Pid),
    /// By the rules of ptrace(2).
    #[error("not permitted to see what process {0} does: run this as its user or as root")]
    NotPermitted(Pid),
    /// There was none of it within the time.
    #[error("process {root} did not come to rest within {limit:?}: {}", list(.restless))]
    Restless {
        /// Who was waited for.
        root: Pid,
        /// For how long.
        limit: Duration,
        /// Who kept it from that, and what they were doing last.
        restless: Vec<Restless>,
    },
}

/// One who does not rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restless {
    /// Its process.
    pub process: Pid,
    /// Which thread of it.
    pub thread: Pid,
    /// What the kernel calls it.
    pub name: String,
    /// What it does.
    pub doing: Doing,
}

/// What a thread that does not rest was found doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// It was made during the last settling time.
    New,
    /// It has ended during the last settling time.
    Ended,
    /// Children of it have ended during the last settling time.
    Bereft,
    /// It computes.
    Running,
    /// It waits in a call, of which this is the target, but in none that servers wait in, or not so that a signal could reach it.
    In(Call, Option<String>),
    /// It is stopped, by job control or by a debugger.
    Stopped,
    /// It waits for memory or for a disk.
    Asleep,
    /// It waits in calls for the most part, but computes too much between them.
    Busy(Duration),
}

impl fmt::Display for Restless {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Restless { process, thread, name, doing } = self;
        if process == thread {
            write!(out, "process {process} ({name}) ")?;
        } else {
            write!(out, "thread {thread} ({name}) of process {process} ")?;
        }
        match doing {
            Doing::New => write!(out, "was only just made"),
            Doing::Ended => write!(out, "has only just ended"),
            Doing::Bereft => write!(out, "starts processes that end"),
            Doing::Running => write!(out, "computes"),
            Doing::In(call, Some(target)) => write!(out, "is in {call} on {target}"),
            Doing::In(call, None) => write!(out, "is in {call}"),
            Doing::Stopped => write!(out, "is stopped"),
            Doing::Asleep => write!(out, "waits for memory or for a disk"),
            Doing::Busy(time) => write!(out, "wakes too often, it used {time:?} of the processor meanwhile"),
        }
    }
}

fn list(restless: &[Restless]) -> String {
    /// The first few tell enough.
    const SHOWN: usize = 5;
    let mut text: Vec<String> = restless.iter().take(SHOWN).map(ToString::to_string).collect();
    if restless.len() > SHOWN {
        text.push(format!("and {} more", restless.len() - SHOWN));
    }
    text.join("; ")
}

/// Waits until a process and all that descend from it rest. The caller is not counted in: to wait for its own children, it names itself.
///
/// # Errors
/// [`ParkError`].
pub fn await_parked(root: Pid, patience: Patience) -> Result<Parking, ParkError> {
    let mut watch = Watch::new(root, patience);
    loop {
        if let Some(parking) = watch.look()? {
            return Ok(parking);
        }
        std::thread::sleep(INTERVAL);
    }
}

/// A tree that is looked at again and again.
#[derive(Debug)]
pub struct Watch {
    root: Pid,
    patience: Patience,
    started: Instant,
    /// Since when there has been no unrest.
    since: Instant,
    looks: u32,
    known: HashMap<Pid, Known>,
    /// What there was last against its being at rest.
    restless: Vec<Restless>,
}

/// What is known of a thread since the settling began.
#[derive(Debug)]
struct Known {
    process: Pid,
    name: String,
    /// The processor's time that it had used then.
    used: Duration,
    /// Page faults of its children that had ended by then.
    faults: u64,
    awake: u32,
}

/// A thread at one look.
struct Seen {
    process: Pid,
    id: Pid,
    name: String,
    used: Duration,
    faults: u64,
    doing: Result<Call, Doing>,
}

impl Watch {
    /// Begins to watch.
    #[must_use]
    pub fn new(root: Pid, patience: Patience) -> Watch {
        let now = Instant::now();
        let (known, restless) = (HashMap::new(), Vec::new());
        Watch { root, patience, started: now, since: now, looks: 0, known, restless }
    }

    /// Looks once; says what is there if it has been at rest for long enough. Some milliseconds should pass between two looks.
    ///
    /// # Errors
    /// [`ParkError`], when patience has ended, too.
    pub fn look(&mut self) -> Result<Option<Parking>, ParkError> {
        self.look_sparing(&|_| false)
    }

    /// The same; who is stopped, and kept so by this process, waits.
    ///
    /// # Errors
    /// As above.
    pub fn look_sparing(&mut self, is_kept: &dyn Fn(Pid) -> bool) -> Result<Option<Parking>, ParkError> {
        let now = Instant::now();
        let seen = look(self.root, is_kept)?;
        let changed = self.changed(&seen);
        if changed.is_empty() {
            self.looks += 1;
            for thread in seen.iter().filter(|thread| thread.doing.is_err()) {
                if let Some(known) = self.known.get_mut(&thread.id) {
                    known.awake += 1;
                }
            }
            let settling = now - self.since;
            let restless = self.restless(&seen, settling);
            let everybody_waits = seen.iter().all(|thread| thread.doing.is_ok());
            if restless.is_empty() {
                if settling >= self.patience.settle && everybody_waits {
                    return Ok(Some(self.parking(seen)));
                }
            } else {
                self.begin(now, &seen, restless);
            }
        } else {
            self.begin(now, &seen, changed);
        }
        if now - self.started < self.patience.limit {
            return Ok(None);
        }
        let restless = std::mem::take(&mut self.restless);
        Err(ParkError::Restless { root: self.root, limit: self.patience.limit, restless })
    }

    /// Begins to settle anew.
    fn begin(&mut self, now: Instant, seen: &[Seen], restless: Vec<Restless>) {
        self.since = now;
        self.looks = 0;
        self.restless = restless;
        let known = seen.iter().map(|thread| {
            let Seen { process, id, name, used, faults, .. } = thread;
            (*id, Known { process: *process, name: name.clone(), used: *used, faults: *faults, awake: 0 })
        });
        self.known = known.collect();
    }

    /// Who has come, and who has gone.
    fn changed(&self, seen: &[Seen]) -> Vec<Restless> {
        let new = seen.iter().filter(|thread| !self.known.contains_key(&thread.id));
        let mut changed: Vec<Restless> = new.map(|thread| thread.restless(Doing::New)).collect();
        if seen.len() - changed.len() < self.known.len() {
            let gone = self.known.iter().filter(|(id, _)| !seen.iter().any(|thread| thread.id == **id));
            changed.extend(gone.map(|(id, known)| {
                let (process, name) = (known.process, known.name.clone());
                Restless { process, thread: *id, name, doing: Doing::Ended }
            }));
        }
        changed
    }

    /// Who was awake too often, or for too long, or had children that came and went between two looks.
    fn restless(&self, seen: &[Seen], settling: Duration) -> Vec<Restless> {
        let settled = settling.max(self.patience.settle);
        let too_many = |awake: u32| awake > 1 && awake * SELDOM > self.looks;
        let judge = |thread: &Seen| {
            let known = self.known.get(&thread.id)?;
            let used = thread.used.saturating_sub(known.used);
            match &thread.doing {
                _ if thread.faults != known.faults => Some(thread.restless(Doing::Bereft)),
                Err(doing) if too_many(known.awake) => Some(thread.restless(doing.clone())),
                _ if used > settled / LITTLE => Some(thread.restless(Doing::Busy(used))),
                _ => None,
            }
        };
        seen.iter().filter_map(judge).collect()
    }

    fn parking(&self, seen: Vec<Seen>) -> Parking {
        let mut processes: Vec<ParkedProcess> = Vec::new();
        for Seen { process, id, name, doing, .. } in seen {
            let Ok(call) = doing else { continue };
            let thread = ParkedThread { id, name, call };
            match processes.last_mut().filter(|last| last.pid == process) {
                Some(last) => last.threads.push(thread),
                None => processes.push(ParkedProcess { pid: process, threads: vec![thread] }),
            }
        }
        Parking { processes, waited: self.started.elapsed() }
    }
}

impl Seen {
    fn restless(&self, doing: Doing) -> Restless {
        Restless { process: self.process, thread: self.id, name: self.name.clone(), doing }
    }
}

/// All threads of the tree, but for those that have ended.
fn look(root: Pid, is_kept: &dyn Fn(Pid) -> bool) -> Result<Vec<Seen>, ParkError> {
    let ended = |pid| Status::of(pid).is_none_or(|status| status.has_ended() && threads(pid).len() < 2);
    if ended(root) {
        return Err(ParkError::Gone(root));
    }
    let mut seen = Vec::new();
    for process in tree::with_descendants(root) {
        if process == Pid::this() {
            continue;
        }
        for id in threads(process) {
            match Seen::of(process, id, is_kept(id)) {
                Ok(thread) => seen.extend(thread),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(ParkError::NotPermitted(process));
                }
                // It has ended since: the next look will miss it.
                Err(_) => {}
            }
        }
    }
    if seen.is_empty() { Err(ParkError::Gone(root)) } else { Ok(seen) }
}

impl Seen {
    /// Nothing of one that has ended and is only waited for.
    fn of(process: Pid, id: Pid, is_kept: bool) -> io::Result<Option<Seen>> {
        let stat = read_text(format!("/proc/{process}/task/{id}/stat"))?;
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let (before, after) = stat.rsplit_once(") ").ok_or_else(invalid)?;
        let name = before.split_once(" (").map_or("", |(_, name)| name).to_owned();
        let state = after.chars().next().ok_or_else(invalid)?;
        if matches!(state, 'Z' | 'X') {
            return Ok(None);
        }
        let used = used(process, id, after);
        let doing = match (state, Call::of(process, id)?) {
            ('S', Whereabouts::In(call)) if call.is_idle() => Ok(call),
            ('t', Whereabouts::In(call)) if is_kept => Ok(call),
            ('T' | 't', _) => Err(Doing::Stopped),
            (_, Whereabouts::In(call)) => Err(Doing::In(call, call.target(process))),
            ('D', _) | (_, Whereabouts::NoCall) => Err(Doing::Asleep),
            (_, Whereabouts::Running) => Err(Doing::Running),
        };
        // Fields 11 and 13 of proc_pid_stat(5): every process that was ever there has had some.
        let faults = number(after, 8) + number(after, 10);
        Ok(Some(Seen { process, id, name, used, faults, doing }))
    }
}

/// The processor's time that a thread has used: to the nanosecond where the kernel counts so.
fn used(process: Pid, thread: Pid, stat: &str) -> Duration {
    let exact = read_text(format!("/proc/{process}/task/{thread}/schedstat")).ok();
    let exact = exact.and_then(|text| text.split_whitespace().next()?.parse().ok());
    exact.map_or_else(|| by_ticks(stat), Duration::from_nanos)
}

/// From the fields 14 and 15, in hundredths of a second on x86-64.
fn by_ticks(stat: &str) -> Duration {
    Duration::from_millis((number(stat, 11) + number(stat, 12)) * 10)
}

/// A field of what stands behind the name in proc_pid_stat(5), which begins with the third.
fn number(stat: &str, index: usize) -> u64 {
    stat.split(' ').nth(index).and_then(|word| word.parse().ok()).unwrap_or(0)
}
