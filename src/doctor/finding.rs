//! One thing that stands in the way, and what to do about it.

use serde::Serialize;

/// How much is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// The program's blocks are not seen at all, or it does not run under the allocator.
    Error,
    /// Less is seen, or known of what is seen.
    Warning,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What it is about, in a word that stays the same from release to release.
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// What was found, and what follows from it.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
}

impl Finding {
    pub(super) fn error(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding { code, severity: Severity::Error, message: message.into(), help: help.into() }
    }

    pub(super) fn warning(
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        Finding { code, severity: Severity::Warning, message: message.into(), help: help.into() }
    }
}
