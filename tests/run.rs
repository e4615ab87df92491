//! `mcrx run` as its users run it.

use mcrx_harness::preload;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn run(callers: &Path, command: &[&str]) -> Command {
    let mut run = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    run.arg("run").arg("--library").arg(preload().expect("libmcrx.so")).arg("--callers").arg(callers);
    run.arg("--").args(command).stdin(Stdio::null());
    run
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn compile(folder: &TempDir, name: &str, source: &str, options: &[&str]) -> PathBuf {
    let (from, to) = (folder.path().join(format!("{name}.c")), folder.path().join(name));
    fs::write(&from, source).expect("the source");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(compiler);
    command.args(["-O1", "-g", "-Wl,--build-id"]).args(options).arg(&from).arg("-o").arg(&to);
    assert!(command.status().expect("a compiler").success());
    to
}

#[test]
fn the_program_takes_the_place_of_the_command_and_has_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo $$; grep -c /libmcrx.so /proc/self/maps; echo $MCRX_CALLERS";
    let child = run(folder.path(), &["/bin/sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id().to_string();
    let (said, _) = said(&child.wait_with_output().unwrap());
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], pid);
    assert_ne!(lines[1], "0", "grep runs under it too");
    assert_eq!(lines[2], folder.path().to_str().unwrap());
}

#[test]
fn arguments_and_exit_code_are_the_programs_own() {
    let folder = tempfile::tempdir().unwrap();
    let script = "test \"$1 $2\" = '--json --library' && exit 7";
    let status = run(folder.path(), &["/bin/sh", "-c", script, "sh", "--json", "--library"]).status();
    assert_eq!(status.unwrap().code(), Some(7));
}

#[test]
fn what_was_preloaded_before_still_is() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile(&folder, "other.so", "int other;", &["-shared", "-fPIC"]);
    let output =
        run(folder.path(), &["/bin/sh", "-c", "echo $LD_PRELOAD"]).env("LD_PRELOAD", &library).output();
    let (said, _) = said(&output.unwrap());
    assert!(said.trim_end().ends_with(&format!("libmcrx.so:{}", library.display())), "{said}");
}

#[test]
fn the_programs_own_allocation_functions_are_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let source = "#include <stdlib.h>
        __attribute__((noinline)) void *xmalloc(size_t size) { void *made = malloc(size); if (!made) abort(); return made; }
        struct item { struct item *next; long id; } *items;
        int main(void) { items = xmalloc(sizeof *items); items->id = 1; return 0; }";
    let program = compile(&folder, "program", source, &[]);
    let tables = folder.path().join("tables");
    let status = run(&tables, &[program.to_str().unwrap()]).status().unwrap();
    assert_eq!(status.code(), Some(0));
    let files: Vec<_> = fs::read_dir(&tables).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.iter().any(|file| file.extension().is_some_and(|ending| ending == "callers")), "{files:?}");
}

#[test]
fn a_program_that_the_library_cannot_be_loaded_into_is_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let source = "#include <stdio.h>\nint main(void) { puts(\"it runs\"); return 0; }";
    let program = compile(&folder, "program", source, &["-static"]);
    let output = run(folder.path(), &[program.to_str().unwrap()]).output().unwrap();
    let (out, error) = said(&output);
    assert_eq!(output.status.code(), Some(4));
    assert!(!out.contains("it runs") && error.contains("was not started"), "{out}{error}");
}

#[test]
fn a_library_that_is_not_there_is_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    let output =
        command.args(["run", "--library", "/nowhere/libmcrx.so", "--", "/bin/true"]).output().unwrap();
    let (_, error) = said(&output);
    assert_eq!(output.status.code(), Some(3));
    assert!(error.contains("/nowhere/libmcrx.so"), "{error}");
}
