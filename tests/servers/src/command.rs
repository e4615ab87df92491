//! Running another program and hearing what it said.
//!
//! Children get the C locale, because their messages are read, and none of the variables that would change a build.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Variables that make, compilers and configure scripts read, and that would change what is built unseen.
const BUILD_VARIABLES: &[&str] = &[
    "AR",
    "CC",
    "CFLAGS",
    "CONFIG_SITE",
    "CPP",
    "CPPFLAGS",
    "CXX",
    "CXXFLAGS",
    "DESTDIR",
    "LD",
    "LDFLAGS",
    "LD_PRELOAD",
    "LIBS",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MALLOC",
    "MFLAGS",
    "OPTIMIZATION",
    "PREFIX",
    "REDIS_CFLAGS",
    "REDIS_LDFLAGS",
];

/// A command with nothing to read, in the C locale, with a neutral build environment.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
    for variable in BUILD_VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// What the command printed on standard output, or one sentence on how it failed.
pub(crate) fn output_of(command: &mut Command) -> Result<String, String> {
    let output = run(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{}: {}", describe(command), failure(&output)))
}

/// Runs to the end, whatever the exit status.
pub(crate) fn run(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|cause| format!("{} cannot be run: {cause}", describe(command)))
}

/// The line of a failed command's output that says most: its first `E:` or `error`, else its last line.
pub(crate) fn failure(output: &Output) -> String {
    let said = [output.stderr.as_slice(), output.stdout.as_slice()].map(String::from_utf8_lossy).join("\n");
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling = lines.clone().find(|line| line.starts_with("E:") || line.starts_with("error"));
    match telling.or_else(|| lines.next_back()) {
        Some(line) => line.to_owned(),
        None => output.status.to_string(),
    }
}

/// Whether a program of this name is on the search path.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn describe(command: &Command) -> String {
    let name =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    match command.get_args().next() {
        Some(first) => format!("{name} {}", first.to_string_lossy()),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_told_by_the_line_that_says_error() {
        let failed = output_of(
            command("sh").args(["-c", "echo start; echo 'E: no such file' >&2; echo end >&2; exit 3"]),
        );
        assert_eq!(failed.unwrap_err(), "sh -c: E: no such file");
    }

    #[test]
    fn a_silent_failure_is_told_by_its_status() {
        assert_eq!(output_of(&mut command("false")).unwrap_err(), "false: exit status: 1");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = output_of(&mut command("/nonexistent/compiler")).unwrap_err();
        assert!(missing.starts_with("compiler cannot be run"), "{missing}");
    }
}
