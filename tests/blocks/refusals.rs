//! Processes whose blocks cannot be listed: why, what to do, and which exit code.

use crate::resident::{PATIENCE, Resident, compile, compiled, state};
use crate::{failure, mcrx};
use mcrx_harness::{is_root, until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

fn refusal(pid: impl ToString) -> (Option<i32>, String) {
    failure(&["blocks", &pid.to_string()])
}

#[test]
fn no_such_process_is_said_so() {
    // One past the largest that the kernel can be made to give.
    assert_eq!(refusal(4_194_305), (Some(3), "error: there is no process 4194305\n".to_owned()));
    assert_eq!(refusal(0).0, Some(3));
    assert_eq!(refusal(u32::MAX).0, Some(3));
}

#[test]
fn what_is_no_process_id_is_wrong_usage() {
    for arguments in
        [&["blocks"][..], &["blocks", "nginx"], &["blocks", "-5"], &["blocks", "1", "--by", "colour"]]
    {
        assert_eq!(mcrx(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_thread_is_no_process_but_leads_to_one() {
    let resident = Resident::start(&["1"]);
    let threads = fs::read_dir(format!("/proc/{}/task", resident.pid())).unwrap().flatten();
    let mut threads = threads.map(|thread| thread.file_name().into_string().unwrap());
    let thread = threads.find(|thread| *thread != resident.pid().to_string()).expect("a second thread");
    let (code, text) = refusal(&thread);
    assert_eq!(code, Some(3));
    assert!(
        text.contains(&format!("{thread} is a thread of process {} (resident)", resident.pid())),
        "{text}"
    );
}

#[test]
fn a_process_that_has_ended_is_said_so() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = mcrx_harness::Pid::from_raw(child.id().try_into().unwrap());
    until(PATIENCE, "it to end", || Ok((state(pid) == Some('Z')).then_some(()))).unwrap();
    let (code, text) = refusal(pid);
    child.wait().unwrap();
    assert_eq!(code, Some(3));
    assert!(text.contains("has ended, and only waits for its parent"), "{text}");
}

#[test]
fn a_process_under_another_allocator_is_told_how_to_start() {
    let resident = Resident::start_plain(compiled(), &["0"]);
    let (code, text) = refusal(resident.pid());
    assert_eq!(code, Some(3));
    assert!(text.contains("does not run under mcrx's allocator"), "{text}");
    assert!(text.contains("LD_PRELOAD=/path/to/libmcrx.so COMMAND"), "{text}");
    assert!(text.contains(&format!("mcrx doctor {}", compiled().display())), "{text}");
}

#[test]
fn a_static_program_is_said_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("resident");
    compile(&program, &["-static"]);
    let resident = Resident::start_at(&program, &["0"]);
    let (code, text) = refusal(resident.pid());
    assert_eq!(code, Some(3));
    assert!(text.contains("runs a static program, into which nothing can be preloaded"), "{text}");
}

#[test]
fn a_library_that_was_asked_for_and_not_loaded_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libmcrx.so");
    fs::write(&library, "no library").unwrap();
    let mut child =
        Command::new("sleep").arg("1000").env("LD_PRELOAD", &library).stderr(Stdio::null()).spawn().unwrap();
    // A process that executes a program has that program before it has its environment.
    let environment = format!("/proc/{}/environ", child.id());
    let is_there = |bytes: &Vec<u8>| bytes.windows(10).any(|name| name == b"LD_PRELOAD");
    let started = || Ok(fs::read(&environment).ok().filter(is_there).map(drop));
    until(PATIENCE, "it to start", started).unwrap();
    let (code, text) = refusal(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(code, Some(3));
    assert!(text.contains("was started with LD_PRELOAD, but libmcrx.so was not loaded"), "{text}");
}

#[test]
fn a_heap_of_another_version_is_refused() {
    let resident = Resident::start_plain(compiled(), &["0", "foreign"]);
    let (code, text) = refusal(resident.pid());
    assert_eq!(code, Some(4));
    assert!(text.contains("has format version 99, this reader knows version"), "{text}");
    assert!(text.contains("use the mcrx that its libmcrx.so came with"), "{text}");
}

#[test]
fn a_heap_that_makes_no_sense_is_refused_running_or_not() {
    let mut resident = Resident::start_plain(compiled(), &["1", "corrupt"]);
    let pid = resident.pid().to_string();
    for arguments in [&["blocks", &pid][..], &["blocks", &pid, "--running"]] {
        let (code, text) = failure(arguments);
        assert_eq!(code, Some(4));
        assert!(text.contains("the heap at 0x100000000000 is corrupt: the size is 0, wanted"), "{text}");
    }
    resident.assert_goes_on();
}

#[test]
fn whoever_may_not_look_is_told_who_may() {
    if !is_root() {
        let (code, text) = refusal(1);
        assert_eq!(code, Some(3));
        assert!(text.contains("not permitted to look into process 1"), "{text}");
        return;
    }
    let resident = Resident::start(&["0"]);
    // Where it is may be out of that user's reach: a copy.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("mcrx");
    fs::copy(env!("CARGO_BIN_EXE_mcrx"), &copy).unwrap();
    let mut command = Command::new(&copy);
    let output =
        command.args(["blocks", &resident.pid().to_string()]).uid(65534).gid(65534).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    let want = format!(
        "not permitted to look into process {} (resident): run this as its user or as root",
        resident.pid()
    );
    assert!(text.contains(&want), "{text}");
}
