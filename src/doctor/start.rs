//! Whether the loader loads `libmcrx.so` into a program at all: what the file is, which loader it names, and whether it is started
//! with more rights than whoever starts it, for then the loader listens to nobody (ld.so(8), secure-execution mode).

use super::finding::Finding;
use crate::elf::Parsed;
use crate::elf::dynamic::{Dynamic, object_type};
use mcrx_debuginfo::file::Kind;
use object::elf::{ET_CORE, ET_DYN, ET_EXEC};
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

const SET_USER_ID: u32 = 0o4000;
const SET_GROUP_ID: u32 = 0o2000;
const EXECUTE: u32 = 0o111;
/// Where file capabilities are kept (capabilities(7)).
const CAPABILITIES: &str = "security.capability";

/// About a file that is no x86-64 program.
pub(super) fn of_kind(kind: &Kind) -> Finding {
    match kind {
        Kind::Script(line) => {
            let interpreter = interpreter_of_script(line).unwrap_or("its interpreter");
            Finding::error(
                "script",
                format!("it is a script: what runs, and what mcrx sees, is {interpreter}"),
                format!("ask about that: mcrx doctor {interpreter}"),
            )
        }
        Kind::OtherElf(_) => Finding::error(
            "machine",
            format!("it is {kind}"),
            "mcrx works on programs for x86-64: build it for that",
        ),
        Kind::Unknown | Kind::X86_64 | Kind::Unlinked(_) => Finding::error(
            "no-program",
            "it is neither an ELF file nor a script: the kernel runs neither of the two",
            "name the file that is executed",
        ),
    }
}

/// What a script's first line has the kernel run; behind env(1), what that runs.
fn interpreter_of_script(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    if Path::new(first).file_name().is_some_and(|name| name == "env") {
        return words.find(|word| !word.starts_with('-') && !word.contains('=')).or(Some(first));
    }
    Some(first)
}

/// About an ELF file that is no program.
pub(super) fn of_form(file: &Parsed<'_>, dynamic: &Dynamic) -> Option<Finding> {
    let form = object_type(file);
    // The C library and the loader can be executed too, and say something about themselves then.
    let is_library =
        form == ET_DYN && !dynamic.is_pie && (dynamic.soname.is_some() || dynamic.interpreter.is_none());
    if form == ET_CORE {
        return Some(Finding::error(
            "no-program",
            "it is a core dump",
            "ask about the program that dumped it",
        ));
    }
    if form != ET_EXEC && form != ET_DYN {
        return Some(Finding::error(
            "no-program",
            "it is an object file, not linked yet",
            "ask about the program that it becomes part of",
        ));
    }
    if is_library {
        return Some(Finding::error(
            "library",
            "it is a shared library: what it makes is seen in the programs that load it",
            "ask about such a program",
        ));
    }
    None
}

/// About the loader that a program is started by.
pub(super) fn of_loader(dynamic: &Dynamic) -> Option<Finding> {
    let Some(interpreter) = &dynamic.interpreter else {
        return Some(Finding::error(
            "static",
            "it is linked statically: no loader is there that could load libmcrx.so before its malloc",
            "link it dynamically, that is without -static and -static-pie",
        ));
    };
    let name = interpreter.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with("ld-musl") {
        return Some(Finding::error(
            "musl",
            "its C library is musl, and libmcrx.so is made for glibc",
            "build it for glibc: on Alpine, in a container of a distribution that has glibc",
        ));
    }
    if !interpreter.exists() {
        let shown = interpreter.display();
        return Some(Finding::error(
            "no-loader",
            format!("its loader, {shown}, is not on this machine: it cannot be started here"),
            "ask on the machine, or in the container, that it runs on",
        ));
    }
    None
}

/// About the rights it is started with.
pub(super) fn of_rights(path: &Path, metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mode = metadata.permissions().mode();
    if mode & EXECUTE == 0 {
        let shown = path.display();
        findings.push(Finding::error("not-executable", "nobody may execute it", format!("chmod +x {shown}")));
    }
    let ignored = "the loader ignores LD_PRELOAD (ld.so(8), secure-execution mode)";
    if mode & SET_USER_ID != 0 {
        let owner = id(metadata.uid());
        findings.push(Finding::error(
            "setuid",
            format!("it is set-user-ID: started by anybody but user {owner}, {ignored}"),
            format!("start it as user {owner}, or start a copy without that bit"),
        ));
    }
    if mode & SET_GROUP_ID != 0 {
        let group = id(metadata.gid());
        findings.push(Finding::error(
            "setgid",
            format!("it is set-group-ID: started by anybody but group {group}, {ignored}"),
            format!("start it with group {group}, or start a copy without that bit"),
        ));
    }
    if has_capabilities(path) {
        findings.push(Finding::error(
            "capabilities",
            format!("it has file capabilities: started by anybody but root, {ignored}"),
            "start it as root, or take them off (setcap -r) and give it ambient ones, which do not have that effect: \
             AmbientCapabilities= of systemd.exec(5), --ambient-caps of setpriv(1)",
        ));
    }
    findings
}

fn id(number: u32) -> String {
    if number == 0 { "root".to_owned() } else { number.to_string() }
}

fn has_capabilities(path: &Path) -> bool {
    let mut value = [0u8; 64];
    matches!(rustix::fs::getxattr(path, CAPABILITIES, &mut value), Ok(len) if len > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_runs_is_found_behind_env_too() {
        for (line, want) in [
            ("/bin/sh", Some("/bin/sh")),
            ("/usr/bin/perl -w", Some("/usr/bin/perl")),
            ("/usr/bin/env python3", Some("python3")),
            ("/usr/bin/env -S A=b node --x", Some("node")),
            ("/usr/bin/env", Some("/usr/bin/env")),
            ("", None),
        ] {
            assert_eq!(interpreter_of_script(line), want, "{line}");
        }
    }
}
