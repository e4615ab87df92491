//! Processes that run: what stands in the way of holding and tracing them.

use crate::build::Folder;
use crate::{doctor, text};
use mcrx_harness::{Pid, is_root, preload, until};
use nix::sys::ptrace;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// It does what its arguments say, says whether the kernel let it, and gives back what it is given.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    static char parameters[120];
    char *block = malloc(1000);
    long result = 0;
    if (argc > 1 && !strcmp(argv[1], "ring"))
        result = syscall(425, 4, parameters);
    if (argc > 1 && !strcmp(argv[1], "seal"))
        result = syscall(462, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096, 0);
    if (write(1, result < 0 ? "no\n" : "ok\n", 3) != 3)
        return 1;
    while (read(0, block, 1) > 0)
        if (write(1, block, 1) != 1)
            return 1;
    return 0;
}
"#;

struct Patient {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    /// The kernel let it do what it was to do.
    could: bool,
}

impl Patient {
    fn start(command: &mut Command) -> Patient {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it says something");
        let patient = Patient { child, output, could: line == "ok\n" };
        let call = format!("/proc/{}/syscall", patient.pid());
        // read(2)
        until(Duration::from_secs(20), "it to wait", || {
            Ok(fs::read_to_string(&call)?.starts_with("0 ").then_some(()))
        })
        .expect("it waits");
        patient
    }

    fn preloaded(program: &Path, argument: &str) -> Patient {
        Patient::start(Command::new(program).arg(argument).env("LD_PRELOAD", preload().expect("built")))
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn facts(&self) -> Value {
        let output = doctor(&["--json", &self.pid()]);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// What was found, but for what this machine's own libraries are not installed with.
    fn codes(&self) -> Vec<String> {
        let facts = self.facts();
        let findings = facts["findings"].as_array().expect("findings").iter();
        let codes =
            findings.map(|finding| format!("{} {}", text(finding, "severity"), text(finding, "code")));
        codes.filter(|code| code != "warning library-debug-info").collect()
    }

    fn message(&self, code: &str) -> String {
        let facts = self.facts();
        let findings = facts["findings"].as_array().expect("findings");
        let found = findings.iter().find(|finding| finding["code"] == code);
        text(found.unwrap_or_else(|| panic!("no {code}: {facts}")), "message").to_owned()
    }

    fn answers(&mut self) {
        self.child.stdin.as_mut().expect("open").write_all(b"x").expect("it reads");
        let mut byte = [0];
        self.output.read_exact(&mut byte).expect("it answers");
        assert_eq!(byte, *b"x");
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn a_process_that_nothing_is_wrong_with_is_held_for_a_moment_and_goes_on() {
    let folder = Folder::new();
    let program = folder.compile("fine", SOURCE, &[]);
    let mut patient = Patient::preloaded(&program, "");
    assert_eq!(patient.codes(), Vec::<String>::new());
    let facts = patient.facts();
    assert_eq!((facts["schema"].as_str(), facts["file"].as_str()), (Some("mcrx.doctor/1"), program.to_str()));
    assert_eq!(facts["debug_info"].as_str(), program.to_str());
    let process = &facts["process"];
    assert_eq!(process["pid"].to_string(), patient.pid());
    assert!(process["pause_ms"].as_f64().is_some_and(|pause| pause > 0.0), "{process}");
    assert_eq!((&process["heap"]["blocks"], &process["heap"]["without_site"]), (&1.into(), &0.into()));
    let modules = process["modules"].as_array().unwrap();
    let own = modules.iter().find(|module| module["file"].as_str() == program.to_str()).unwrap();
    assert_eq!(own["build_id"], facts["build_id"]);
    assert!(modules.iter().any(|module| text(module, "file").ends_with("/libmcrx.so")), "{process}");
    let said = String::from_utf8(doctor(&[&patient.pid()]).stdout).unwrap();
    assert!(said.contains("1 thread, for ") && said.contains("Next: mcrx trace "), "{said}");
    patient.answers();
}

#[test]
fn a_process_without_the_allocator_is_told_from_one_that_could_not_have_it() {
    let folder = Folder::new();
    let program = folder.compile("without", SOURCE, &[]);
    let without = Patient::start(&mut Command::new(&program));
    assert_eq!(without.codes(), ["error not-loaded"]);
    assert!(without.facts()["process"]["heap"].is_null());
    let wrong = Patient::start(
        Command::new(&program).env("LD_PRELOAD", folder.path("libmcrx.so")).stderr(Stdio::null()),
    );
    assert!(wrong.message("not-loaded").contains("was started with LD_PRELOAD"));
    // What is said of the program belongs to it.
    let fixed = folder.compile("static", SOURCE, &["-static"]);
    let fixed = Patient::preloaded(&fixed, "");
    assert_eq!(fixed.codes(), ["error static", "error not-loaded"]);
}

#[test]
fn a_program_that_was_replaced_is_told_from_one_that_was_installed_anew() {
    let folder = Folder::new();
    let program = folder.compile("server", SOURCE, &[]);
    let patient = Patient::preloaded(&program, "");
    // Another file of the same content, as a package manager puts it there.
    let again = folder.path("again");
    fs::copy(&program, &again).unwrap();
    fs::rename(&again, &program).unwrap();
    assert_eq!(patient.codes(), Vec::<String>::new());
    let other = folder.compile("other", &SOURCE.replace("1000", "2000"), &[]);
    fs::rename(other, &program).unwrap();
    assert_eq!(patient.codes(), ["warning replaced"]);
    assert!(patient.message("replaced").starts_with(program.to_str().unwrap()));
    fs::remove_file(&program).unwrap();
    assert_eq!(patient.codes(), ["warning replaced"]);
    // Itself it can still be looked at.
    let facts = patient.facts();
    assert_eq!(facts["file"].as_str(), program.to_str());
    assert_eq!(text(&facts, "build_id").len(), 40);
}

#[test]
fn blocks_that_nobody_is_known_to_have_made_are_counted() {
    let folder = Folder::new();
    let program = folder.compile("anonymous", SOURCE, &[]);
    let patient = Patient::start(
        Command::new(&program).env("LD_PRELOAD", preload().expect("built")).env("MCRX_SITES", "off"),
    );
    assert_eq!(patient.codes(), ["warning no-site"]);
    assert!(patient.message("no-site").starts_with("of 1 of its 1 blocks"));
}

#[test]
fn who_traces_it_already_is_named() {
    let folder = Folder::new();
    let program = folder.compile("traced", SOURCE, &[]);
    let patient = Patient::preloaded(&program, "");
    let pid = Pid::from_raw(patient.child.id().try_into().unwrap());
    ptrace::seize(pid, ptrace::Options::empty()).unwrap();
    let (codes, message) = (patient.codes(), patient.message("traced"));
    // Its blocks are read as it runs.
    let facts = patient.facts();
    ptrace::interrupt(pid).unwrap();
    nix::sys::wait::waitpid(pid, None).unwrap();
    ptrace::detach(pid, None).unwrap();
    assert_eq!(codes, ["error traced"]);
    assert!(message.contains(&format!("by process {}", std::process::id())), "{message}");
    assert_eq!(
        (&facts["process"]["pause_ms"], &facts["process"]["heap"]["blocks"]),
        (&Value::Null, &1.into())
    );
}

#[test]
fn rings_and_seals_are_found_where_the_kernel_has_them() {
    let folder = Folder::new();
    let program = folder.compile("special", SOURCE, &[]);
    for (argument, want) in [("ring", "warning io-uring"), ("seal", "warning sealed")] {
        let patient = Patient::preloaded(&program, argument);
        let wanted: &[&str] = if patient.could { &[want] } else { &[] };
        assert_eq!(patient.codes(), wanted, "{argument}");
    }
}

#[test]
fn a_process_of_somebody_else_is_a_finding_and_nothing_else_is_said() {
    // It takes root to be somebody else.
    if !is_root() {
        return;
    }
    let folder = Folder::new();
    let program = folder.compile("others", SOURCE, &[]);
    let patient = Patient::preloaded(&program, "");
    // Where anybody may run it.
    let command = folder.path("mcrx");
    fs::copy(env!("CARGO_BIN_EXE_mcrx"), &command).unwrap();
    fs::set_permissions(folder.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    const NOBODY: u32 = 65534;
    let output = Command::new(&command)
        .args(["doctor", "--json", &patient.pid()])
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(facts["findings"].as_array().unwrap().len(), 1, "{facts}");
    assert_eq!(facts["findings"][0]["code"], "not-permitted");
    assert!(facts["file"].is_null() && facts["process"]["heap"].is_null(), "{facts}");
    let said = Command::new(&command)
        .args(["doctor", &patient.pid()])
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("program     not known") && !said.contains("Next:"), "{said}");
}

#[test]
fn what_is_no_process_to_look_at_is_no_finding() {
    let ended = {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id().to_string()
    };
    for (target, want) in [(&*ended, "there is no process"), ("4000000000", "there is no process")] {
        let output = doctor(&[target]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(want) && output.stdout.is_empty(), "{said}");
    }
}
