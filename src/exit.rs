//! How the command ends: which exit code says what, and which error leads to which.
//!
//! The numbers mean the same for every subcommand: 0 done, 1 findings, 2 wrong usage (clap's own), 3 this machine, 4
//! refused with the server untouched, 5 rolled back, 6 the server's state is not known. Each stands here, and in the help,
//! from when the first subcommand can end so.

use crate::output::{Output, PrintError};
use std::io::ErrorKind;
use std::process::ExitCode;

/// For `--help`.
pub(crate) const HELP: &str = "Exit codes: 0 done, 1 findings, 2 wrong usage, \
3 something is missing or not permitted on this machine, 4 refused with the server untouched, 5 it failed and was undone: the server is as it was, \
6 it failed and could not be undone: the server's state is not known.";

/// Why a subcommand did not end well, where the code is to tell. Any other error is one of this machine's, code 3.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Something was checked and is not as it should be.
    #[error("{0}")]
    Finding(String),
    /// Something was asked for by a name that means nothing here.
    #[error("{0}")]
    Usage(String),
    /// What was found cannot be worked with, and nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// It was begun, went wrong, and everything was put back.
    #[error("{0}")]
    RolledBack(String),
    /// It was begun, went wrong, and could not be put back whole.
    #[error("{0}")]
    Unknown(String),
    /// A signal asked the command to end; what it had started is ended by the time this is reported.
    #[error("interrupted by signal {0}")]
    Interrupted(u8),
}

const DONE: u8 = 0;
const FINDINGS: u8 = 1;
const USAGE: u8 = 2;
const ENVIRONMENT: u8 = 3;
const REFUSED: u8 = 4;
const ROLLED_BACK: u8 = 5;
const UNKNOWN: u8 = 6;
/// By the shells' convention: 128 and the number of the signal.
const SIGNAL: u8 = 128;

/// Reports an error, if there is one, and picks the exit code.
pub(crate) fn code(outcome: anyhow::Result<()>, output: &Output) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::from(DONE) };
    if reader_is_gone(&error) {
        return ExitCode::from(DONE);
    }
    output.error(&error);
    ExitCode::from(match error.downcast_ref::<Failure>() {
        Some(Failure::Finding(_)) => FINDINGS,
        Some(Failure::Usage(_)) => USAGE,
        Some(Failure::Refused(_)) => REFUSED,
        Some(Failure::RolledBack(_)) => ROLLED_BACK,
        Some(Failure::Unknown(_)) => UNKNOWN,
        Some(Failure::Interrupted(signal)) => SIGNAL.saturating_add(*signal),
        None => ENVIRONMENT,
    })
}

/// Whoever read our output has seen enough, as in `mcrx demo | head`.
fn reader_is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<PrintError>().is_some_and(|print| print.0.kind() == ErrorKind::BrokenPipe)
}
