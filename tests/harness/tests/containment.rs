//! Nothing a test starts outlives it: the guardian's promises, each tried on shell scripts that behave as badly as
//! servers do, and the suite's, tried on a suite of bad tests.
//!
//! This program plays three parts: the tests; a process that starts a server and is killed ([`HOLD`]); a suite whose
//! tests hang, panic and lack things ([`BAD_SUITE`]).

use mcrx_harness::process::Process;
use mcrx_harness::{
    Batch, Context, Credentials, Exit, Explain as _, Invocation, Kind, Need, Pid, Place, Result, Scratch,
    Signal, Skip, Suite, bail, condition, ensure, program, root, server, until,
};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const HOLD: &str = "MCRX_TEST_HOLD";
const BAD_SUITE: &str = "MCRX_TEST_BAD_SUITE";
const SOON: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    mcrx_harness::take_over();
    if std::env::var_os(HOLD).is_some() {
        return hold();
    }
    if std::env::var_os(BAD_SUITE).is_some() {
        return bad_suite();
    }
    Suite::new()
        .test([], a_server_that_ends_when_asked_is_stopped_clean)
        .test([], a_stop_kills_daemons_that_ignore_signals_and_names_them)
        .test([], a_daemonised_server_is_known_by_its_pid_file)
        .test([needs_namespaces()], processes_in_another_pid_namespace_end_too)
        .test([], a_dropped_server_is_gone)
        .test([], a_killed_test_leaves_no_process_and_no_directory)
        .test([], a_server_that_does_not_serve_says_why)
        .test([], a_server_that_ends_by_itself_is_reported)
        .test([], the_environment_holds_only_what_is_asked_for)
        .test([root()], a_server_gets_the_credentials_it_is_given)
        .test([], a_wrapper_gets_the_servers_command_line)
        .test([], what_the_tree_used_is_counted)
        .test([], a_program_that_ends_is_timed_and_its_leavings_are_killed)
        .test([], a_bad_suite_is_reported_test_by_test)
        .run()
}

/// A shell script as a server: it serves once there is a file `ready`.
struct Script {
    text: &'static str,
    daemon: bool,
}

impl Kind for Script {
    fn name(&self) -> String {
        "script".to_owned()
    }

    fn prepare(&self, _place: &Place) -> Result<Invocation> {
        Ok(Invocation::new(Path::new("/bin/sh"), ["-c", self.text]))
    }

    fn serves(&self, place: &Place) -> Result<()> {
        ensure!(place.path("ready").exists(), "there is no file `ready` yet");
        Ok(())
    }

    fn pid_file(&self, place: &Place) -> Option<PathBuf> {
        self.daemon.then(|| place.path("pid"))
    }
}

fn script(text: &'static str) -> Script {
    Script { text, daemon: false }
}

fn exists(pid: Pid) -> bool {
    Process::read(pid).is_some_and(|process| !process.is_zombie())
}

fn all_gone(pids: &[Pid]) -> Result<()> {
    until(SOON, format!("the end of {pids:?}"), || Ok(pids.iter().all(|pid| !exists(*pid)).then_some(())))
}

/// Waits until the tree has so many processes, and returns them.
fn grown(server: &mcrx_harness::Running<Script>, count: usize) -> Result<Vec<Pid>> {
    until(SOON, format!("{count} processes"), || {
        let pids: Vec<Pid> = server.processes().iter().map(Process::pid).collect();
        Ok((pids.len() >= count).then_some(pids))
    })
}

fn a_server_that_ends_when_asked_is_stopped_clean(test: &Context) -> Result<()> {
    let server = test.start(script("touch ready; exec sleep 1000"))?;
    let pid = server.pid();
    let own = Process::read(pid).context("it is not there")?;
    ensure!(own.session() == pid, "it does not lead a session of its own");
    server.stop()?.expect_clean()?;
    all_gone(&[pid])
}

fn a_stop_kills_daemons_that_ignore_signals_and_names_them(test: &Context) -> Result<()> {
    let server = test.start(script(
        "setsid sh -c 'trap \"\" TERM HUP INT; touch ready; while :; do sleep 1000; done' & exec sleep 1000",
    ))?;
    let pids = grown(&server, 3)?;
    let stopped = server.stop_within(Duration::from_secs(1))?;
    let killed: Vec<Pid> = stopped.killed.iter().map(Process::pid).collect();
    ensure!(killed.len() == 2 && !killed.contains(&pids[0]), "killed: {:?} of {pids:?}", stopped.killed);
    ensure!(stopped.expect_clean().is_err(), "a kill was called clean");
    all_gone(&pids)
}

fn a_daemonised_server_is_known_by_its_pid_file(test: &Context) -> Result<()> {
    let server = test.start(Script {
        text: "setsid sh -c 'echo $$ > pid; touch ready; exec sleep 1000' & ",
        daemon: true,
    })?;
    let pids = grown(&server, 1)?;
    ensure!(pids == [server.pid()], "{pids:?} is not {}", server.pid());
    let exit = until(SOON, "the end of the started process", || server.exit())?;
    ensure!(exit == Exit::Code(0), "it ended with {exit}");
    server.stop()?.expect_clean()?;
    all_gone(&pids)
}

fn needs_namespaces() -> Need {
    condition(|| match Command::new("unshare").args(["--fork", "--pid", "true"]).output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("no pid namespace can be made here (needs root, or a kernel that lets users)".to_owned()),
    })
}

fn processes_in_another_pid_namespace_end_too(test: &Context) -> Result<()> {
    let server =
        test.start(script("exec unshare --fork --pid sh -c 'sleep 1000 & touch ready; sleep 1000; true'"))?;
    let pids = grown(&server, 4)?;
    let stopped = server.stop_within(Duration::from_secs(1))?;
    ensure!(!stopped.killed.is_empty(), "unshare passes no signal on, so something had to be killed");
    all_gone(&pids)
}

fn a_dropped_server_is_gone(test: &Context) -> Result<()> {
    let server = test.start(script("sleep 1000 & touch ready; sleep 1000; true"))?;
    let pids = grown(&server, 3)?;
    drop(server);
    // Not soon, but now: the drop waits.
    ensure!(pids.iter().all(|pid| !exists(*pid)), "some of {pids:?} are left");
    Ok(())
}

/// Starts a server, tells its processes and its directory, and waits to be killed.
fn hold() -> ExitCode {
    let held = || -> Result<()> {
        let scratch = Scratch::new("held")?;
        let server = scratch.start(script(
            "setsid sh -c 'trap \"\" TERM; sleep 1000; true' & touch ready; sleep 1000; true",
        ))?;
        let pids = grown(&server, 4)?;
        println!("{}", pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        println!("{}", scratch.directory().display());
        loop {
            std::thread::park();
        }
    };
    let Err(error) = held() else { return ExitCode::SUCCESS };
    eprintln!("{error:?}");
    ExitCode::FAILURE
}

fn a_killed_test_leaves_no_process_and_no_directory(_test: &Context) -> Result<()> {
    let mut victim = Command::new(std::env::current_exe()?).env(HOLD, "1").stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(victim.stdout.take().context("no output")?).lines();
    let mut line = || lines.next().context("the victim said nothing")?.context("the victim cannot be read");
    let pids: Vec<Pid> =
        line()?.split(' ').map(|pid| Ok(Pid::from_raw(pid.parse()?))).collect::<Result<_>>()?;
    let directory = PathBuf::from(line()?);
    ensure!(pids.iter().all(|pid| exists(*pid)) && directory.is_dir(), "the victim holds nothing");
    victim.kill()?;
    victim.wait()?;
    all_gone(&pids)?;
    until(SOON, "the end of the directory", || Ok((!directory.exists()).then_some(())))
}

fn a_server_that_does_not_serve_says_why(test: &Context) -> Result<()> {
    let Err(error) = test.start(script("echo the disk is full >&2; exit 3")) else { bail!("it started") };
    let text = format!("{error:#}");
    ensure!(text.contains("the disk is full") && text.contains("exit code 3"), "{text}");
    Ok(())
}

fn a_server_that_ends_by_itself_is_reported(test: &Context) -> Result<()> {
    let server = test.start(script("touch ready; while [ ! -e go ]; do sleep 0.01; done; exit 7"))?;
    ensure!(server.exit()?.is_none(), "it ended before it was let go");
    server.place().write("go", "")?;
    let exit = until(SOON, "its end", || server.exit())?;
    ensure!(exit == Exit::Code(7), "it ended with {exit}");
    ensure!(server.signal(Signal::SIGTERM).is_err(), "a process that has ended took a signal");
    ensure!(server.stop()?.expect_clean().is_err(), "exit code 7 was called clean");
    Ok(())
}

fn the_environment_holds_only_what_is_asked_for(test: &Context) -> Result<()> {
    let server = test
        .launch(script("env > environment; touch ready; exec sleep 1000"))
        .environment("MCRX_A", "b c")
        .start()?;
    let text = fs::read_to_string(server.place().path("environment"))?;
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    // PWD is the shell's own doing.
    ensure!(names == ["HOME", "LANG", "MCRX_A", "PATH", "PWD"], "{text}");
    ensure!(text.contains("MCRX_A=b c\n"), "{text}");
    server.stop()?.expect_clean()
}

fn a_server_gets_the_credentials_it_is_given(test: &Context) -> Result<()> {
    let credentials = Credentials::of_user("nobody")?;
    let server = test
        .launch(script("id -u > who; id -G >> who; touch ready; exec sleep 1000"))
        .credentials(credentials)
        .start()?;
    let who = fs::read_to_string(server.place().path("who"))?;
    ensure!(who == format!("{}\n{}\n", credentials.uid, credentials.gid), "{who:?}");
    server.stop()?.expect_clean()
}

fn a_wrapper_gets_the_servers_command_line(test: &Context) -> Result<()> {
    let server = test
        .launch(script("echo \"$WRAPPED\" > wrapped; touch ready; exec sleep 1000"))
        .under(["env", "WRAPPED=yes"])
        .start()?;
    ensure!(fs::read_to_string(server.place().path("wrapped"))? == "yes\n", "the wrapper did not run");
    server.stop()?.expect_clean()
}

fn what_the_tree_used_is_counted(test: &Context) -> Result<()> {
    // The work is done by a grandchild whose parent has gone: only a subreaper's account has it.
    let busy = "(sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; touch ready' &) ; exec sleep 1000";
    let stopped = test.start(script(busy))?.stop()?;
    ensure!(stopped.usage.cpu() > Duration::from_millis(10), "{:?}", stopped.usage);
    ensure!(stopped.usage.peak_rss > 100 << 10, "{:?}", stopped.usage);
    Ok(())
}

fn a_program_that_ends_is_timed_and_its_leavings_are_killed(test: &Context) -> Result<()> {
    let text = "sleep 1000 & echo $!; sleep 0.2; echo done; exit 4";
    let program = Batch(Invocation::new(Path::new("/bin/sh"), ["-c", text]));
    let finished = test.launch(program).finish(SOON)?;
    ensure!(finished.exit == Exit::Code(4), "{finished:?}");
    ensure!((0.2..5.0).contains(&finished.wall.as_secs_f64()), "{finished:?}");
    let (pid, rest) = finished.output.split_once('\n').context("it said nothing")?;
    ensure!(rest == "done\n", "{finished:?}");
    all_gone(&[Pid::from_raw(pid.parse()?)])
}

fn bad_suite() -> ExitCode {
    Suite::new()
        .test([], bad::passes)
        .test([], bad::fails)
        .test([], bad::panics)
        .test([program("no-such-program")], bad::lacks_a_program)
        .test([server("no-such-server", "1")], bad::lacks_a_server)
        .test([], bad::skips_itself)
        .test([], bad::hangs)
        .within(Duration::from_secs(1))
        .run()
}

mod bad {
    use super::*;

    pub(super) fn passes(_test: &Context) -> Result<()> {
        Ok(())
    }

    pub(super) fn fails(test: &Context) -> Result<()> {
        let _server = test.start(script("echo last words; touch ready; exec sleep 1000"))?;
        bail!("it was not to be")
    }

    pub(super) fn panics(_test: &Context) -> Result<()> {
        panic!("a slip of the pen")
    }

    pub(super) fn lacks_a_program(_test: &Context) -> Result<()> {
        panic!("ran without what it needs")
    }

    pub(super) fn lacks_a_server(_test: &Context) -> Result<()> {
        panic!("ran without what it needs")
    }

    pub(super) fn skips_itself(_test: &Context) -> Result<()> {
        Err(Skip("the stars are wrong".to_owned()).into())
    }

    pub(super) fn hangs(test: &Context) -> Result<()> {
        let server = test.start(script("touch ready; exec sleep 1000"))?;
        loop {
            std::thread::park_timeout(Duration::from_secs(1000));
            drop(server.output());
        }
    }
}

fn a_bad_suite_is_reported_test_by_test(test: &Context) -> Result<()> {
    let started = Instant::now();
    let temporary = test.scratch().fresh("temporary");
    fs::create_dir(&temporary)?;
    let output = Command::new(std::env::current_exe()?)
        .env(BAD_SUITE, "1")
        .env("TMPDIR", &temporary)
        .args(["--test-threads", "4"])
        .output()?;
    let report = String::from_utf8_lossy(&output.stdout);
    let line = |name: &str| {
        let mut lines = report.lines().filter(|line| line.starts_with("test "));
        lines.find(|line| line.contains(name)).unwrap_or_default().to_owned()
    };
    for (name, outcome) in [
        ("bad::passes ", "... ok"),
        ("bad::fails ", "... FAILED"),
        ("bad::panics ", "... FAILED"),
        ("bad::lacks_a_program ", "... ignored (no-such-program is not installed)"),
        ("bad::lacks_a_server ", "... ignored (no-such-server 1: "),
        ("bad::skips_itself ", "... ignored (the stars are wrong)"),
        ("bad::hangs ", "... FAILED"),
    ] {
        ensure!(line(name).contains(outcome), "{name}: {:?}\n{report}", line(name));
    }
    for text in ["it was not to be", "last words", "panicked: a slip of the pen", "still ran after 1s"] {
        ensure!(report.contains(text), "{text:?} is not in {report}");
    }
    ensure!(report.contains("1 passed; 3 failed; 3 ignored;"), "{report}");
    ensure!(output.status.code() == Some(101), "{}", output.status);
    let left: Vec<_> = fs::read_dir(&temporary)?.flatten().map(|entry| entry.file_name()).collect();
    ensure!(left.is_empty(), "directories were left: {left:?}");
    ensure!(started.elapsed() < SOON, "it took {:?}", started.elapsed());
    Ok(())
}
