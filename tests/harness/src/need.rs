//! What a test cannot do without, and the check whether it is there.

use crate::programs::{PROGRAMS, find_program};
use mcrx_servers::Server;
use nix::unistd::geteuid;
use std::path::PathBuf;

/// Something that may be missing on a machine. Where it is, the test is reported as ignored, never as passed.
#[derive(Debug, Clone)]
pub struct Need(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Server { name: String, version: String },
    Program(&'static str),
    Condition(fn() -> Result<(), String>),
}

/// What a met need gives to the test.
#[derive(Debug, Clone)]
pub(crate) enum Met {
    Server(Server),
    Program { name: &'static str, path: PathBuf },
    Condition,
}

/// This release of this server, as `cargo xtask servers` names them.
pub fn server(name: impl Into<String>, version: impl Into<String>) -> Need {
    Need(Kind::Server { name: name.into(), version: version.into() })
}

/// A program in PATH.
pub fn program(name: &'static str) -> Need {
    Need(Kind::Program(name))
}

/// Root's rights.
pub fn root() -> Need {
    condition(|| if is_root() { Ok(()) } else { Err("needs root".to_owned()) })
}

/// Whether this process has root's rights.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Anything else: the error says what is missing.
pub fn condition(check: fn() -> Result<(), String>) -> Need {
    Need(Kind::Condition(check))
}

impl Need {
    /// What was asked for, or why it is not there, in a sentence for a person.
    pub(crate) fn meet(&self) -> Result<Met, String> {
        match &self.0 {
            Kind::Server { name, version } => mcrx_servers::find(name, version)
                .map(Met::Server)
                .map_err(|missing| format!("{} {}: {}", missing.name, missing.version, missing.reason)),
            Kind::Program(name) => match find_program(name) {
                Some(path) => Ok(Met::Program { name, path }),
                None => Err(match PROGRAMS.iter().find(|program| program.name == *name) {
                    Some(program) => format!("{name} is not installed (Debian package {})", program.package),
                    None => format!("{name} is not installed"),
                }),
            },
            Kind::Condition(check) => check().map(|()| Met::Condition),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_what_is_known_of_it() {
        assert_eq!(program("no-such").meet().unwrap_err(), "no-such is not installed");
    }

    #[test]
    fn a_condition_says_itself_what_is_missing() {
        let need = condition(|| Err("no moon tonight".to_owned()));
        assert_eq!(need.meet().unwrap_err(), "no moon tonight");
    }
}
