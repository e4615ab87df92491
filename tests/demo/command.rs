//! `mcrx demo` as its users run it.

use crate::server::{lives, session_of, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// `mcrx demo`, with all that it writes going to a folder of its own.
struct Demo {
    folder: TempDir,
}

impl Demo {
    fn new() -> Demo {
        // It lies where the command looks for it.
        mcrx_harness::preload().expect("libmcrx.so");
        Demo { folder: tempfile::tempdir().expect("a folder") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
        command.arg("demo").args(arguments).env("TMPDIR", self.scratch()).env_remove("CC");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("mcrx runs")
    }

    /// The same by somebody who is root, and has not all of root's rights.
    fn run_with_less_rights(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-sys_admin", "--", env!("CARGO_BIN_EXE_mcrx"), "demo"]).args(arguments);
        command.env("TMPDIR", self.scratch()).env_remove("CC").output().expect("setpriv runs")
    }

    /// Where it is to leave nothing.
    fn scratch(&self) -> PathBuf {
        let scratch = self.folder.path().join("scratch");
        fs::create_dir_all(&scratch).expect("a folder");
        scratch
    }

    fn assert_nothing_left(&self) {
        let left: Vec<_> = fs::read_dir(self.scratch()).expect("the folder is there").collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// A stand-in for the compiler: a shell script. It runs in the folder where the program is to be made.
    fn compiler(&self, script: &str) -> PathBuf {
        let path = self.folder.path().join("cc");
        write_script(&path, script);
        path
    }

    /// A pid that a stand-in wrote to the file that [`pid_file`](Demo::pid_file) names.
    fn wait_for_pid(&self) -> Pid {
        wait_for("the stand-in to start", || {
            let text = fs::read_to_string(self.pid_file()).ok()?;
            Pid::from_raw(text.strip_suffix('\n')?.parse().ok()?)
        })
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("pid")
    }

    /// A compiler whose programs start and never say anything.
    fn compiler_of_silent_servers(&self) -> PathBuf {
        self.compiler_of(&format!(
            "#include <stdio.h>\n#include <unistd.h>\nint main(void) {{ FILE *file = fopen(\"{}\", \"w\"); \
             fprintf(file, \"%d\\n\", (int)getpid()); fclose(file); for (;;) pause(); }}\n",
            self.pid_file().display()
        ))
    }

    /// A compiler that makes this of whatever it is given.
    fn compiler_of(&self, source: &str) -> PathBuf {
        let model = self.folder.path().join("model.c");
        fs::write(&model, source).expect("the source can be written");
        self.compiler(&format!("exec cc -o larder {}", model.display()))
    }
}

fn write_script(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("the script can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the script can be made to run");
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text in UTF-8")
}

#[test]
fn the_demo_tells_its_story_on_stdout_and_leaves_nothing_behind() {
    let demo = Demo::new();
    let output = demo.run(&[]);
    let (story, narration) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{narration}");
    for part in [
        "release 1.0, under mcrx run\n",
        "3 threads, 2 processes",
        "LOGIN ada lovelace",
        "-DENIED wrong name or password",
        "$brown bread",
        "half a line",
        "$ mcrx update ",
        "the rest of the line: +welcome grace",
        "release 2  :-1",
        "3 sessions, 3 keys, 10 marks: as many as before",
        "$ mcrx undo ",
        "release 1 again",
        "GET bas ... ket      *2  $apples  $brown bread",
        "each answered once and rightly",
        "no session and no byte was lost",
        "nothing is left behind",
    ] {
        assert!(story.contains(part), "{part:?} is not in:\n{story}");
    }
    assert!(!story.contains('\x1b') && !narration.contains('\x1b'), "no colours where there is no terminal");
    assert!(narration.contains("building"));
    demo.assert_nothing_left();
}

#[test]
fn the_demo_prints_its_facts_as_json() {
    let demo = Demo::new();
    let output = demo.run(&["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let facts: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    assert_eq!(facts["schema"], "mcrx.demo/1");
    assert_eq!(facts["server"]["threads"], 3);
    assert_eq!(facts["server"]["processes"], 2);
    assert_eq!(facts["state"]["sessions"], 3);
    assert_eq!(facts["state"]["keys"], 3);
    assert_eq!(facts["updated"], true);
    for change in ["update", "undo"] {
        let done = &facts["live"][change];
        assert_eq!(done["outcome"], "committed", "{done:#}");
        assert_eq!(done["schema"], format!("mcrx.{change}/1"));
        assert!(done["pause_ms"].as_f64().is_some_and(|held| held > 0.0), "{done:#}");
    }
    assert!(facts["live"]["traffic"]["requests"].as_u64().is_some_and(|requests| requests > 0));
    assert_eq!(facts["left_behind"], 0);
    assert_eq!(facts["differences"][0]["new"][0], ":-1");
    assert_ne!(facts["differences"][0]["old"][0], ":-1");
    let pid = facts["server"]["pid"].as_i64().expect("a pid");
    assert_eq!(session_of(pid), [0; 0], "the server and its helper have ended");
    demo.assert_nothing_left();
}

#[test]
fn without_the_rights_for_an_update_the_demo_says_so_shows_the_rest_and_ends_with_3() {
    let demo = Demo::new();
    let output = demo.run_with_less_rights(&[]);
    let (story, narration) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{narration}");
    for part in
        ["Not shown: the live update", "CAP_SYS_ADMIN", "release 2  :-1", "MARK k9", "nothing is left behind"]
    {
        assert!(story.contains(part), "{part:?} is not in:\n{story}");
    }
    assert!(!story.contains("mcrx update "), "{story}");
    assert!(narration.contains("error: the live update was not shown"), "{narration}");
    let facts: Value =
        serde_json::from_slice(&demo.run_with_less_rights(&["--json"]).stdout).expect("one JSON value");
    assert_eq!((&facts["updated"], &facts["live"]), (&false.into(), &Value::Null));
    assert!(facts["missing"].as_str().is_some_and(|why| why.contains("CAP_SYS_ADMIN")), "{facts:#}");
    demo.assert_nothing_left();
}

#[test]
fn without_a_compiler_the_package_is_named_and_the_exit_code_is_3() {
    let demo = Demo::new();
    let nowhere = tempfile::tempdir().expect("an empty folder");
    let output = demo.command(&[]).env("PATH", nowhere.path()).output().expect("mcrx runs");
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("no C compiler") && said.contains("apt-get install build-essential"), "{said}");
    demo.assert_nothing_left();
}

#[test]
fn a_compiler_that_fails_is_quoted_and_the_exit_code_is_3() {
    let demo = Demo::new();
    let broken = demo.compiler("echo 'stdio.h: no such file' >&2; exit 1");
    let output = demo.command(&[]).env("CC", broken).output().expect("mcrx runs");
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("stdio.h: no such file") && said.contains("build-essential"), "{said}");
    demo.assert_nothing_left();
}

#[test]
fn cc_may_be_more_than_one_word() {
    let demo = Demo::new();
    let output = demo.command(&["--json"]).env("CC", "cc -pipe").output().expect("mcrx runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_server_that_ends_at_once_is_quoted_and_the_exit_code_is_3() {
    let demo = Demo::new();
    let compiler = demo
        .compiler_of("#include <stdio.h>\nint main(void) { fputs(\"out of luck\\n\", stderr); return 1; }\n");
    let output = demo.command(&[]).env("CC", compiler).output().expect("mcrx runs");
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("out of luck"), "{said}");
    demo.assert_nothing_left();
}

#[test]
fn an_unknown_option_ends_with_2() {
    let demo = Demo::new();
    assert_eq!(demo.run(&["--nonsense"]).status.code(), Some(2));
    let without = Command::new(env!("CARGO_BIN_EXE_mcrx")).output().expect("mcrx runs");
    assert_eq!(without.status.code(), Some(2));
}

#[test]
fn a_signal_while_compiling_ends_the_compiler() {
    let demo = Demo::new();
    let script = format!("echo $$ > {}; sleep 600", demo.pid_file().display());
    let child = demo.command(&[]).env("CC", demo.compiler(&script)).stderr(Stdio::null()).spawn();
    let mut child = child.expect("mcrx runs");
    let compiler = demo.wait_for_pid();
    kill_process(Pid::from_child(&child), Signal::INT).expect("mcrx is there");
    assert_eq!(child.wait().expect("mcrx ends").code(), Some(130));
    wait_for("the compiler to end", || (!lives(compiler)).then_some(()));
    demo.assert_nothing_left();
}

#[test]
fn a_signal_while_the_server_runs_ends_the_server() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let demo = Demo::new();
        let compiler = demo.compiler_of_silent_servers();
        let child = demo.command(&[]).env("CC", compiler).stderr(Stdio::null()).spawn();
        let mut child = child.expect("mcrx runs");
        let server = demo.wait_for_pid();
        kill_process(Pid::from_child(&child), signal).expect("mcrx is there");
        assert_eq!(child.wait().expect("mcrx ends").code(), Some(code));
        assert!(!lives(server));
        demo.assert_nothing_left();
    }
}

#[test]
fn killing_the_demo_outright_ends_the_server() {
    let demo = Demo::new();
    let compiler = demo.compiler_of_silent_servers();
    let child = demo.command(&[]).env("CC", compiler).stderr(Stdio::null()).spawn();
    let mut child = child.expect("mcrx runs");
    let server = demo.wait_for_pid();
    child.kill().expect("mcrx is there");
    child.wait().expect("mcrx ends");
    wait_for("the server to end", || (!lives(server)).then_some(()));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let demo = Demo::new();
    let child = demo.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("mcrx runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("mcrx ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(!text(&output.stderr).contains("error"));
    demo.assert_nothing_left();
}
