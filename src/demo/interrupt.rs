//! Ctrl-C and its like, turned into an error at the next step, so that everything started is ended on the way out.

use crate::exit::Failure;
use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at whether something has happened that sends no event.
const TICK: Duration = Duration::from_millis(5);

/// Whether a signal has asked us to end.
#[derive(Clone)]
pub(super) struct Interrupt {
    /// Its number; 0 while there was none.
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// From now on these signals no longer end the process by themselves.
    pub(super) fn listen() -> Result<Interrupt> {
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGHUP, SIGINT, SIGTERM] {
            let value = usize::try_from(number).context("signal numbers are positive")?;
            signal_hook::flag::register_usize(number, Arc::clone(&signal), value)
                .context("cannot listen for signals")?;
        }
        Ok(Interrupt { signal })
    }

    /// One that never comes, for what has to be waited for all the same.
    pub(super) fn none() -> Interrupt {
        Interrupt { signal: Arc::default() }
    }

    /// An error if a signal has come.
    pub(super) fn check(&self) -> Result<()> {
        match self.signal.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(Failure::Interrupted(u8::try_from(signal)?).into()),
        }
    }

    /// Waits until `ready` has something. None: the time is over. An error: `ready` failed, or a signal has come.
    pub(super) fn wait_until<T>(
        &self,
        within: Duration,
        mut ready: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let start = Instant::now();
        loop {
            self.check()?;
            if let Some(it) = ready()? {
                return Ok(Some(it));
            }
            if start.elapsed() >= within {
                return Ok(None);
            }
            std::thread::sleep(TICK);
        }
    }
}
