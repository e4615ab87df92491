//! What the [guardian](super::guardian) does when the controller was killed.
//!
//! What it does not do: wait for that, or print.

use super::lineage::Lineage;
use super::operate::{back, undone};
use super::parked::Parked;
use super::patient::Patient;
use super::planned::Planned;
use super::{Outcome, Report, Request, UpdateError, committed};
use crate::hold::{Hands, Scope, while_held_then};
use crate::ledger::{Ledger, Stage};
use crate::randomness::Draws;
use std::time::{Duration, Instant};

/// For how long it is tried. Threads that are still busy for the controller take milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon it is tried again.
const INTERVAL: Duration = Duration::from_millis(1);
/// Far longer than a thread needs to come back from a system call.
const SETTLE: Duration = Duration::from_millis(20);
/// What the record says.
const KILLED: &str = "the command was killed";

/// All that there is to go on with.
pub(super) struct Succession<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) parked: &'a Parked,
    pub(super) draws: &'a Draws,
    pub(super) planned: &'a [Planned],
    pub(super) lineage: &'a Lineage,
    pub(super) ledger: &'a Ledger,
}

impl Succession<'_> {
    /// Makes the server whole, and writes down what has become of it.
    pub(super) fn take_over(&self, patients: &mut [Patient<'_>]) {
        let deadline = Instant::now() + PATIENCE;
        let report = loop {
            match self.attempt(patients) {
                Ok(Some(outcome)) => {
                    break Ok(Report { outcome, ..Report::of(self.planned, None) });
                }
                // It is still held by who is dying, or in the middle of what it was told to do.
                Ok(None) | Err(UpdateError::Hold(_)) if Instant::now() < deadline => {
                    std::thread::sleep(INTERVAL);
                }
                Ok(None) => break Err(stuck("threads do not come to a rest".to_owned())),
                Err(UpdateError::Stuck { because, undone }) => {
                    break Err(UpdateError::Stuck { because, undone });
                }
                Err(error) => break Err(stuck(error.to_string())),
            }
        };
        // The threads of the pool that there was are not in this process.
        if let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).build() {
            pool.install(|| (self.request.keep)(&report));
        }
    }

    /// Does what is left to be done, if all threads are where that can be done. Nothing: they are not.
    fn attempt(&self, patients: &mut [Patient<'_>]) -> Result<Option<Outcome>, UpdateError> {
        match self.stage()? {
            Stage::FreeOld => return Ok(Some(self.outcome(false))),
            Stage::FreeNew => return Ok(Some(self.outcome(true))),
            // A thread may still be mapping the page that threads park in. It is let go by now, and does no more than that.
            Stage::Parking => std::thread::sleep(SETTLE),
            _ => {}
        }
        let scope = Scope::Tree(self.request.root);
        let (outcome, _) =
            while_held_then(scope, |_, hands| self.finish(hands, patients), |outcome| outcome)?;
        outcome
    }

    fn finish(
        &self,
        hands: &Hands<'_>,
        patients: &mut [Patient<'_>],
    ) -> Result<Option<Outcome>, UpdateError> {
        let stage = self.stage()?;
        let is_changed = matches!(stage, Stage::Changing | Stage::Committed);
        if is_changed && !patients.iter().all(|patient| patient.is_parked(hands)) {
            return Ok(None);
        }
        let is_new = matches!(stage, Stage::Committed | Stage::Done);
        patients.iter_mut().try_for_each(|patient| patient.take_up(hands, stage))?;
        if is_new {
            if stage == Stage::Committed {
                for patient in patients.iter_mut() {
                    // What could not be tidied up does no harm.
                    let _ = patient.leave(hands, self.request.executable);
                }
                self.enter(Stage::Done)?;
            }
            patients.iter().try_for_each(|patient| patient.go_on(hands))?;
            self.enter(Stage::FreeNew)?;
        } else {
            // They go on whatever could not be put back: there is nobody else to wait for.
            let undone = if stage == Stage::Changing { undone(hands, patients, KILLED) } else { Ok(()) };
            self.enter(Stage::Undone)?;
            back(hands, patients)?;
            self.enter(Stage::FreeOld)?;
            undone?;
        }
        Ok(Some(self.outcome(is_new)))
    }

    fn stage(&self) -> Result<Stage, UpdateError> {
        self.ledger.stage().map_err(UpdateError::Ledger)
    }

    fn enter(&self, stage: Stage) -> Result<(), UpdateError> {
        self.ledger.enter(stage).map_err(UpdateError::Ledger)
    }

    fn outcome(&self, is_new: bool) -> Outcome {
        match is_new {
            true => committed(self.request, self.parked, self.draws, self.lineage.clone()),
            false => Outcome::RolledBack(KILLED.to_owned()),
        }
    }
}

fn stuck(undone: String) -> UpdateError {
    UpdateError::Stuck { because: KILLED.to_owned(), undone }
}
