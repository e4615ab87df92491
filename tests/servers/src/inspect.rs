//! That a built program is worth testing on: debug info, a build-id, and the version it says.

use crate::command::command;
use crate::key::hex;
use crate::recipe::VersionCheck;
use object::{Object, ObjectSection};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The build-id of a program that has debug info, in hex.
pub(crate) fn build_id(program: &Path) -> Result<String, String> {
    let name = short_name(program);
    let bytes = std::fs::read(program).map_err(|cause| format!("{name} cannot be read: {cause}"))?;
    let file = object::File::parse(bytes.as_slice())
        .map_err(|cause| format!("{name} is no ELF program: {cause}"))?;
    if file.section_by_name(".debug_info").is_none_or(|section| section.size() == 0) {
        return Err(format!("{name} has no .debug_info"));
    }
    match file.build_id() {
        Ok(Some(id)) if !id.is_empty() => Ok(hex(id)),
        _ => Err(format!("{name} has no build-id")),
    }
}

/// Asks a program for its version.
pub(crate) fn check_version(program: &Path, check: &VersionCheck) -> Result<(), String> {
    let said = everything_said(program, check.arguments)
        .map_err(|cause| format!("{} cannot be run: {cause}", short_name(program)))?;
    if said.contains(&check.answer) {
        return Ok(());
    }
    let first = said.lines().next().unwrap_or("nothing");
    Err(format!("{} says `{first}`, not `{}`", short_name(program), check.answer.trim_end()))
}

/// What a program prints on any of its standard descriptors: a server that inetd may start answers on the first.
fn everything_said(program: &Path, arguments: &[&str]) -> io::Result<String> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = command(&program.display().to_string());
    command.args(arguments).stdin(OwnedFd::from(theirs));
    let output = command.output()?;
    // Its end closes with the program and with what we have of it.
    drop(command);
    let mut said = [output.stdout, output.stderr].concat();
    (&ours).read_to_end(&mut said)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Where it is being built is of no use to a reader: it is about to be removed.
fn short_name(program: &Path) -> std::borrow::Cow<'_, str> {
    program.file_name().unwrap_or_default().to_string_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(directory: &Path, flags: &[&str]) -> std::path::PathBuf {
        let (source, program) = (directory.join("a.c"), directory.join("a"));
        std::fs::write(
            &source,
            "#include <stdio.h>\nint main(void) { return puts(\"a version 1.2\") < 0; }\n",
        )
        .unwrap();
        crate::command::output_of(command("cc").args(flags).arg("-o").args([&program, &source])).unwrap();
        program
    }

    #[test]
    fn the_build_id_is_the_one_the_linker_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let program = compile(directory.path(), &["-g", "-Wl,--build-id=0x0123abcd"]);
        assert_eq!(build_id(&program).unwrap(), "0123abcd");
    }

    #[test]
    fn a_program_without_debug_info_or_build_id_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let stripped = compile(directory.path(), &["-s"]);
        assert!(build_id(&stripped).unwrap_err().ends_with("has no .debug_info"));
        let unnamed = compile(directory.path(), &["-g", "-Wl,--build-id=none"]);
        assert!(build_id(&unnamed).unwrap_err().ends_with("has no build-id"));
        let script = directory.path().join("script");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        assert!(build_id(&script).unwrap_err().contains("is no ELF program"));
    }

    #[test]
    fn a_program_that_says_another_version_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let program = compile(directory.path(), &[]);
        let check = |answer: &str| {
            check_version(&program, &VersionCheck { arguments: &["-v"], answer: answer.to_owned() })
        };
        check("version 1.2").unwrap();
        assert!(check("version 1.3").unwrap_err().contains("says `a version 1.2`"));
    }

    #[test]
    fn a_version_written_to_standard_input_is_heard() {
        let shell = Path::new("/bin/sh");
        let check =
            VersionCheck { arguments: &["-c", "echo version 1.2 >&0"], answer: "version 1.2\n".to_owned() };
        check_version(shell, &check).unwrap();
    }
}
