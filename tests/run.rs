//! `mcrx run` as its users run it.

use mcrx_harness::preload;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn run(callers: &Path, command: &[&str]) -> Command {
    run_with(&[], callers, command)
}

/// What is kept of the server lies beside the tables.
fn run_with(options: &[&str], callers: &Path, command: &[&str]) -> Command {
    let mut run = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    run.env("MCRX_STATE", callers.join("state"));
    run.arg("run")
        .args(options)
        .arg("--library")
        .arg(preload().expect("libmcrx.so"))
        .arg("--callers")
        .arg(callers);
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
fn the_program_takes_the_place_of_the_command_if_asked_to_and_has_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo $$; grep -c /libmcrx.so /proc/self/maps; echo $MCRX_CALLERS";
    let mut command = run_with(&["--exec"], folder.path(), &["/bin/sh", "-c", script]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
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

/// Ends with the test, and the server with it.
struct Started {
    service: std::process::Child,
    state: PathBuf,
}

impl Started {
    fn shell(folder: &TempDir, script: &str) -> Started {
        let mut command = run(folder.path(), &["/bin/sh", "-c", script]);
        let service = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let state = folder.path().join("state").join(service.id().to_string());
        Started { service, state }
    }

    /// Until the server's start-up has been taken note of.
    fn wait_for_start(&self) {
        wait_for("the start-up to be taken note of", || self.state.join("start.snap").exists().then_some(()));
    }

    fn record(&self) -> serde_json::Value {
        let text = wait_for("a record", || fs::read(self.state.join("server.json")).ok());
        serde_json::from_slice(&text).expect("JSON")
    }

    fn root(&self) -> i32 {
        self.record()["root"].as_i64().and_then(|pid| pid.try_into().ok()).expect("a pid")
    }

    fn signal(&self, signal: Signal) {
        let service = Pid::from_raw(self.service.id().try_into().unwrap());
        nix::sys::signal::kill(service, signal).expect("it is there");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Ok(None) = self.service.try_wait() {
            if self.state.join("server.json").exists() {
                let _ = nix::sys::signal::kill(Pid::from_raw(self.root()), Signal::SIGKILL);
            }
            let _ = self.service.kill();
            let _ = self.service.wait();
        }
    }
}

fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(it) = ready() {
            return it;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_is_kept_track_of_while_it_runs_and_forgotten_when_it_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut started = Started::shell(&folder, "exec sleep 1000");
    started.wait_for_start();
    let record = started.record();
    assert_eq!(record["schema"], "mcrx.server/1");
    assert_eq!(record["service"], started.service.id());
    let birth = fs::read_to_string(started.state.join("birth.json")).unwrap();
    assert!(birth.contains("exec sleep 1000") && birth.contains("LD_PRELOAD"), "{birth}");
    started.signal(Signal::SIGTERM);
    started.service.wait().unwrap();
    assert!(!started.state.exists());
}

#[test]
fn no_thread_of_the_service_takes_the_servers_signals_even_if_tables_had_to_be_made_first() {
    let folder = tempfile::tempdir().unwrap();
    let program =
        compile(&folder, "program", "#include <unistd.h>\nint main(void) { pause(); return 0; }", &[]);
    let mut command = run(folder.path(), &[program.to_str().unwrap()]);
    // Nothing is known yet of the C library's debug info, say: all cores read it.
    command.env("XDG_CACHE_HOME", folder.path().join("cache"));
    let service = command.spawn().unwrap();
    let state = folder.path().join("state").join(service.id().to_string());
    let started = Started { service, state };
    started.wait_for_start();
    let threads = fs::read_dir(format!("/proc/{}/task", started.service.id())).unwrap();
    for thread in threads.map(|thread| thread.unwrap().path()) {
        let status = fs::read_to_string(thread.join("status")).unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        let blocked = u64::from_str_radix(blocked.trim(), 16).unwrap();
        for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD] {
            assert!(blocked & 1 << (signal as i32 - 1) != 0, "{} takes {signal}", thread.display());
        }
    }
}

#[test]
fn a_signal_is_sent_on_and_the_command_ends_as_the_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done";
    for (signal, code, deadly) in [(Signal::SIGUSR1, Some(9), None), (Signal::SIGQUIT, None, Some(3))] {
        let mut started = Started::shell(&folder, script);
        let mut line = String::new();
        BufReader::new(started.service.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        started.signal(signal);
        let status = started.service.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (code, deadly));
    }
}

#[test]
fn a_server_that_puts_itself_into_the_background_stays_in_sight() {
    let folder = tempfile::tempdir().unwrap();
    let mut started = Started::shell(&folder, "(exec sleep 1000) & exit 0");
    let name = |pid: i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let root = wait_for("the heir", || Some(started.root()).filter(|root| name(*root) == "sleep\n"));
    started.wait_for_start();
    assert!(started.service.try_wait().unwrap().is_none(), "it waits for what is left");
    nix::sys::signal::kill(Pid::from_raw(root), Signal::SIGTERM).unwrap();
    assert_eq!(started.service.wait().unwrap().signal(), Some(15));
}

#[test]
fn what_a_start_up_draws_at_random_is_kept_for_its_owner_only_and_the_server_goes_on_untraced() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = "#include <stdio.h>\n#include <sys/random.h>\n#include <unistd.h>
        int main(void) {
            unsigned char bytes[20];
            if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return 1;
            for (int i = 0; i < 20; i++) printf(\"%02x\", bytes[i]);
            puts(\"\"); fflush(stdout);
            for (;;) pause();
        }";
    let program = compile(&folder, "program", source, &["-D_GNU_SOURCE"]);
    let mut command = run(folder.path(), &[program.to_str().unwrap()]);
    let mut service = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut drawn = String::new();
    BufReader::new(service.stdout.take().unwrap()).read_line(&mut drawn).unwrap();
    let state = folder.path().join("state").join(service.id().to_string());
    let kept = state.join("random.json");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !kept.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = fs::read_to_string(&kept).unwrap();
    let mode = fs::metadata(&kept).unwrap().permissions().mode();
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", service.id())).unwrap();
    let status = || fs::read_to_string(format!("/proc/{}/status", children.trim())).unwrap();
    // It stands still until its memory is written down, too.
    while !status().contains("TracerPid:\t0\n") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let status = status();
    nix::sys::signal::kill(Pid::from_raw(service.id().cast_signed()), Signal::SIGTERM).unwrap();
    service.wait().unwrap();
    assert!(drawn.trim().len() == 40 && text.contains(drawn.trim()), "{drawn} {text}");
    assert!(status.contains("TracerPid:\t0\n"), "{status}");
    assert_eq!(mode & 0o777, 0o600);
}

/// systemd's side: a socket of this name, in the form in which it is named to a service.
fn systemd(folder: &TempDir, is_abstract: bool) -> (UnixDatagram, String) {
    if is_abstract {
        let name = format!("mcrx-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        (UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}"))
    } else {
        let path = folder.path().join("notify");
        (UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap().to_owned())
    }
}

fn hear(socket: &UnixDatagram) -> Vec<String> {
    let mut bytes = [0; 4096];
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = socket.recv(&mut bytes).expect("it is told");
    String::from_utf8(bytes[..length].to_vec()).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn systemd_is_told_when_the_server_rests_around_an_update_and_at_the_end_and_the_server_is_not_to_tell_it() {
    for is_abstract in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (socket, name) = systemd(&folder, is_abstract);
        let mut command = run(folder.path(), &["/bin/sleep", "1000"]);
        let service = command.env("NOTIFY_SOCKET", name).env("WATCHDOG_USEC", "1").spawn().unwrap();
        let pid = service.id();
        let state = folder.path().join("state").join(pid.to_string());
        let mut started = Started { service, state };

        let ready = hear(&socket);
        assert_eq!(ready[..2], ["READY=1".to_owned(), format!("MAINPID={pid}")], "{ready:?}");
        assert_eq!(ready[2], "STATUS=sleep, 1 processes, 0 updates so far");
        assert!(started.state.join("start.snap").exists(), "it can be updated by then");
        let root = started.root();
        let environment = fs::read_to_string(format!("/proc/{root}/environ")).unwrap();
        assert!(!environment.contains("NOTIFY_SOCKET") && !environment.contains("WATCHDOG"), "{environment}");
        let birth = fs::read_to_string(started.state.join("birth.json")).unwrap();
        assert!(!birth.contains("NOTIFY_SOCKET"), "{birth}");

        let mut control = UnixStream::connect(started.state.join("control.sock")).unwrap();
        control.write_all(b"{\"request\": \"update\", \"program\": \"/bin/new\\n\"}\n").unwrap();
        let reloading = hear(&socket);
        assert_eq!((reloading[0].as_str(), reloading[2].as_str()), ("RELOADING=1", "STATUS=becoming new?"));
        let since = reloading[1].strip_prefix("MONOTONIC_USEC=").and_then(|it| it.parse::<u64>().ok());
        assert!(since.is_some_and(|since| since > 0), "{reloading:?}");
        drop(control);
        assert_eq!(hear(&socket)[0], "READY=1");

        started.signal(Signal::SIGTERM);
        assert_eq!(hear(&socket), ["STOPPING=1"]);
        started.service.wait().unwrap();
    }
}

#[test]
fn a_notify_socket_that_is_none_is_told_and_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        run(folder.path(), &["/bin/sh", "-c", "echo it runs"]).env("NOTIFY_SOCKET", "nonsense").output();
    let (out, error) = said(&output.unwrap());
    assert!(out.contains("it runs") && error.contains("nonsense"), "{out}{error}");
}
