//! The phases of an update, and how long each took.

use std::fmt;
use std::time::{Duration, Instant};

/// A part of an update. The numbers order them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// What needs no process.
    Prepare,
    /// The new release starts.
    Shadow,
    /// Both start-ups are traced.
    Pair,
    /// The plan is made for a copy of the server, while that goes on.
    Rehearse,
    /// The old threads stop.
    Hold,
    /// What is to be done.
    Plan,
    /// New memory beside the old.
    Graft,
    /// What is carried over.
    Write,
    /// New registers.
    Switch,
    /// What is not needed any more.
    Clean,
}

impl Phase {
    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Prepare => "prepare",
            Phase::Shadow => "shadow",
            Phase::Pair => "pair",
            Phase::Rehearse => "rehearse",
            Phase::Hold => "hold",
            Phase::Plan => "plan",
            Phase::Graft => "graft",
            Phase::Write => "write",
            Phase::Switch => "switch",
            Phase::Clean => "clean",
        }
    }

    /// What is being done, for whoever waits.
    #[must_use]
    pub const fn described(self) -> &'static str {
        match self {
            Phase::Prepare => "preparing",
            Phase::Shadow => "starting the new release, out of sight",
            Phase::Pair => "comparing both start-ups",
            Phase::Rehearse => "trying it on a copy",
            Phase::Hold => "holding the server",
            Phase::Plan => "planning",
            Phase::Graft => "putting the new release's memory beside the old one's",
            Phase::Write => "carrying over",
            Phase::Switch => "switching",
            Phase::Clean => "cleaning up",
        }
    }

    /// Whether the server stands still meanwhile.
    #[must_use]
    pub const fn is_held(self) -> bool {
        matches!(self, Phase::Hold | Phase::Plan | Phase::Graft | Phase::Write | Phase::Switch | Phase::Clean)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A phase that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed {
    /// Which.
    pub phase: Phase,
    /// How long it took.
    pub time: Duration,
}

/// Times phases one after the other, and tells somebody when each begins.
pub(super) struct Clock<'c> {
    told: &'c (dyn Fn(Phase) + Sync),
    over: Vec<Timed>,
    now: Option<(Phase, Instant)>,
}

impl<'c> Clock<'c> {
    pub(super) fn telling(told: &'c (dyn Fn(Phase) + Sync)) -> Clock<'c> {
        Clock { told, over: Vec::new(), now: None }
    }

    /// This phase begins, and the one before is over.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.leave();
        (self.told)(phase);
        self.now = Some((phase, Instant::now()));
    }

    /// The phase is over.
    pub(super) fn leave(&mut self) {
        let Some((phase, since)) = self.now.take() else { return };
        // Of what was done several times it is all of it.
        match self.over.iter_mut().find(|timed| timed.phase == phase) {
            Some(timed) => timed.time += since.elapsed(),
            None => self.over.push(Timed { phase, time: since.elapsed() }),
        }
    }

    pub(super) fn finish(mut self) -> Vec<Timed> {
        self.leave();
        self.over
    }
}
