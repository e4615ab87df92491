//! A program that ends by itself, and what it used: for measuring, where a server's start and stop would be in the way.

use crate::guardian::{Exit, Usage};
use crate::kind::{Invocation, Kind, Place};
use crate::launch::Launch;
use crate::wait::until;
use anyhow::{Context, Result, bail};
use std::fs;
use std::sync::PoisonError;
use std::time::Duration;

/// A program with its arguments. Launched like a server; [`Launch::finish`] waits for its end.
#[derive(Debug, Clone)]
pub struct Batch(pub Invocation);

impl Kind for Batch {
    fn name(&self) -> String {
        let name = self.0.program.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    fn ports(&self) -> usize {
        0
    }

    fn prepare(&self, _place: &Place) -> Result<Invocation> {
        Ok(self.0.clone())
    }

    fn serves(&self, _place: &Place) -> Result<()> {
        bail!("{} is no server", self.name())
    }
}

/// A program that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How.
    pub exit: Exit,
    /// From its start to its end.
    pub wall: Duration,
    /// What it and all its descendants used.
    pub usage: Usage,
    /// What it wrote to standard output and standard error.
    pub output: String,
}

impl Launch<'_, Batch> {
    /// Starts it and waits for its end, at most so long. What it left running is killed.
    pub fn finish(self, patience: Duration) -> Result<Finished> {
        let begun = self.begin()?;
        let guardian = || begun.guardian.lock().unwrap_or_else(PoisonError::into_inner);
        until(patience, format!("the end of {}", begun.kind.name()), || guardian().status())?;
        let ended = guardian().end()?;
        let (exit, wall) = ended.exit.zip(ended.wall).context("it was reported as ended and is not")?;
        let output = fs::read(begun.place.path("output.log"))?;
        Ok(Finished { exit, wall, usage: ended.usage, output: String::from_utf8_lossy(&output).into_owned() })
    }
}
