//! Contains `unsafe`: descriptors by number between fork and exec, a signal's action. A server's start-up under ptrace(2), for the sake of what it draws.
//!
//! ```text
//!   who starts it      Recorder::start          spawn ........ goes on ......... Recorder::finish
//!   its thread              waits     seizes the child, stops at each of its system calls   ends
//!   the child                         Gate::pass (before exec), the program ...............  goes on alone
//! ```
//!
//! The thread that traces ends when the recording does, and that is all there is to letting go: the kernel takes a thread that ends off all that it
//! traces, without stopping or waking any of it. So a start-up is left alone, too, if we fail, panic or are killed.
//!
//! A start-up ends where the first client is let in: whoever accepts a connection while it is recorded is kept at the end of that call until the
//! others rest and the server's memory is written down ([`Recorder::keeps`], [`Recorder::settle`]). Were the client let in before, what is made
//! for it would be taken for what each start makes, and be replaced by what the next release's start-up has made there: nothing.
//!
//! What a traced start-up may notice is that its system calls take some microseconds longer. For that a time is set: after it nothing more is
//! recorded. Signals, job control, exec, fork and threads are as ever (`trace`).
//!
//! While it is recorded nobody else may wait for this process's children: who is traced by a thread of its own parent's has its stops reported to
//! whichever thread asks first. What ends meanwhile is found in [`Recorder::ended`].

mod trace;

use super::Draws;
use crate::hold::raw;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{Pid, geteuid, pipe2};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use trace::Tracer;

/// Whom it is sent to, it has come back from waiting. Nobody else sends it, and to ignore it is the kernel's own action.
const WAKING: Signal = Signal::SIGURG;
/// How often it is sent.
const INTERVAL: Duration = Duration::from_millis(1);
/// `CAP_SYS_PTRACE` of linux/capability.h.
const CAP_SYS_PTRACE: u32 = 19;

/// A start-up that is recorded, or was.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    keeper: Mutex<Option<JoinHandle<Draws>>>,
}

/// What all threads know.
#[derive(Debug, Default)]
struct Shared {
    /// Whether somebody may be traced.
    tracing: AtomicBool,
    /// Whether to end the recording.
    stop: AtomicBool,
    /// Whether nobody is to be kept any more.
    open: AtomicBool,
    /// Whether a connection was accepted by somebody who was not kept, while they were recorded.
    served: AtomicBool,
    /// Threads that have accepted a connection and are kept there, and since when.
    kept: Mutex<Kept>,
    /// What was drawn, while all stand still.
    drawn: Mutex<Option<Draws>>,
    /// The thread that traces; 0 before it has begun.
    tracer: AtomicI32,
    /// Our own children that have ended.
    ended: Mutex<Vec<(Pid, Ended)>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Each with the descriptor of its connection.
    threads: HashMap<Pid, i32>,
    since: Option<Instant>,
}

/// How a child of this process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// What the child has to pass before it executes the program.
#[derive(Debug)]
pub struct Gate {
    /// It says its number here ...
    tell: OwnedFd,
    /// ... and as it has the other end, too, is never killed for that nobody listens.
    _asked: OwnedFd,
    /// It waits here until it may go on ...
    wait: OwnedFd,
    /// ... or until its parent, who has the other end, is gone.
    open: OwnedFd,
}

/// The gate's other side. It opens when this goes, however that goes.
struct Opener(File);

impl Recorder {
    /// Waits for a child to record. `told` is called from another thread whenever there is something new in [`ended`](Recorder::ended), and when
    /// nobody is traced any more. After `limit` nothing more is recorded.
    ///
    /// # Errors
    /// There are no descriptors or threads left for it.
    pub fn start(limit: Duration, told: impl Fn() + Send + Sync + 'static) -> io::Result<(Recorder, Gate)> {
        let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(WAKING, &action) }?;
        let (asked, tell) = pipe2(OFlag::O_CLOEXEC)?;
        let (wait, open) = pipe2(OFlag::O_CLOEXEC)?;
        let gate = Gate { tell, _asked: asked.try_clone()?, wait, open: open.try_clone()? };
        let opener = Opener(open.into());
        let shared = Arc::new(Shared { tracing: AtomicBool::new(true), ..Shared::default() });
        let of_thread = shared.clone();
        let keeper = std::thread::Builder::new()
            .name("mcrx: recorder".to_owned())
            .spawn(move || keep(&of_thread, asked, opener, limit, told))?;
        Ok((Recorder { shared, keeper: Mutex::new(Some(keeper)) }, gate))
    }

    /// Whether somebody is traced: as long as that is so, nobody else may wait for this process's children.
    #[must_use]
    pub fn is_tracing(&self) -> bool {
        self.shared.tracing.load(Ordering::SeqCst)
    }

    /// The children of this process that have ended since this was asked last.
    #[must_use]
    pub fn ended(&self) -> Vec<(Pid, Ended)> {
        std::mem::take(&mut self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a thread is kept from serving its first client.
    #[must_use]
    pub fn keeps(&self, thread: Pid) -> bool {
        self.shared.kept().threads.contains_key(&thread)
    }

    /// The connections of those who are kept: threads and descriptors. They are of no start-up's making.
    #[must_use]
    pub fn let_in(&self) -> Vec<(Pid, i32)> {
        self.shared.kept().threads.iter().map(|(thread, connection)| (*thread, *connection)).collect()
    }

    /// Whether somebody serves a client already, since nobody was to be kept any more.
    #[must_use]
    pub fn has_let_in(&self) -> bool {
        self.shared.served.load(Ordering::SeqCst)
    }

    /// For how long somebody has been kept.
    #[must_use]
    pub fn kept_for(&self) -> Duration {
        self.shared.kept().since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Lets those go on who are kept, and keeps nobody any more. Recording goes on.
    pub fn keep_nobody(&self) {
        self.shared.open.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Stops all who are recorded, and says what was drawn. Until [`finish`](Recorder::finish) they count as held for whoever holds them from this
    /// process ([`crate::hold`]): nobody is served in between.
    #[must_use]
    pub fn settle(&self) -> Draws {
        self.shared.stop.store(true, Ordering::SeqCst);
        while self.is_tracing() {
            if let Some(draws) = lock(&self.shared.drawn).take() {
                return draws;
            }
            self.wake();
            std::thread::sleep(INTERVAL);
        }
        self.finish()
    }

    /// Has the tracer look at what it is to do: once more if it was only about to wait.
    fn wake(&self) {
        let tracer = self.shared.tracer.load(Ordering::SeqCst);
        if tracer != 0 {
            let _ = raw::signal_own_thread(tracer, WAKING as i32);
        }
    }

    /// Lets go of the server, and says what was drawn.
    #[must_use]
    pub fn finish(&self) -> Draws {
        self.shared.open.store(true, Ordering::SeqCst);
        self.shared.stop.store(true, Ordering::SeqCst);
        while self.is_tracing() {
            self.wake();
            std::thread::sleep(INTERVAL);
        }
        let keeper = lock(&self.keeper).take();
        let draws = keeper.and_then(|keeper| keeper.join().ok());
        draws.unwrap_or_else(|| Draws::none("the recording has failed"))
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    /// In the child, before it executes the program: it comes back when the child is traced, or never will be. It makes system calls only.
    ///
    /// # Errors
    /// Never: the program is to be started in any case.
    pub fn pass(&self) -> io::Result<()> {
        let own = Pid::this().as_raw().to_ne_bytes();
        let mut byte = 0u8;
        // SAFETY: all descriptors were open when this process was forked, and in this copy of it nobody uses or closes them again; the buffers
        // are as long as they are said to be.
        unsafe {
            // Else this process would wait for itself if its parent ended.
            libc::close(self.open.as_raw_fd());
            libc::write(self.tell.as_raw_fd(), own.as_ptr().cast(), own.len());
            while libc::read(self.wait.as_raw_fd(), (&raw mut byte).cast(), 1) < 0
                && Errno::last() == Errno::EINTR
            {}
        }
        Ok(())
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        let _ = self.0.write_all(&[1]);
    }
}

extern "C" fn nothing(_: libc::c_int) {}

/// Has a thread trace, and waits until the kernel has let go of all that it had traced.
fn keep(
    shared: &Arc<Shared>,
    asked: OwnedFd,
    opener: Opener,
    limit: Duration,
    told: impl Fn() + Send + Sync + 'static,
) -> Draws {
    let told = Arc::new(told);
    let (of_thread, tell) = (shared.clone(), told.clone());
    let tracer = std::thread::Builder::new().name("mcrx: tracer".to_owned()).spawn(move || {
        let own = nix::unistd::gettid();
        of_thread.tracer.store(own.as_raw(), Ordering::SeqCst);
        let opener = opener;
        let draws = match first(asked) {
            None => Draws::none("nothing was started"),
            Some(_) if !is_permitted() => {
                Draws::none("`mcrx run` was not permitted to trace the server: it takes root's rights")
            }
            Some(child) => Tracer::new(&of_thread, child, &*tell).trace(opener, Instant::now() + limit),
        };
        (own, draws)
    });
    let outcome = match tracer.map(JoinHandle::join) {
        Ok(Ok((thread, draws))) => {
            // That it has come back does not mean that it is gone.
            let folder = PathBuf::from(format!("/proc/self/task/{thread}"));
            while folder.exists() {
                std::thread::sleep(INTERVAL);
            }
            draws
        }
        Ok(Err(_)) => Draws::none("the recording has failed"),
        Err(error) => Draws::none(format!("there was no thread to record it: {error}")),
    };
    shared.tracing.store(false, Ordering::SeqCst);
    told();
    outcome
}

/// The child that is to be traced, once there is one.
fn first(asked: OwnedFd) -> Option<Pid> {
    let mut bytes = [0; 4];
    File::from(asked).read_exact(&mut bytes).ok()?;
    Some(Pid::from_raw(i32::from_ne_bytes(bytes)))
}

/// Who is traced by somebody without these rights loses its own when it executes a program that would have more than its user.
fn is_permitted() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
    geteuid().is_root() && effective & (1 << CAP_SYS_PTRACE) != 0
}
