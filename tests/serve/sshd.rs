//! sshd: a login by key, a session that is kept, and one that outlives the listener.

use mcrx_harness::server::Sshd;
use mcrx_harness::{Context, Need, Result, Running, Suite, ensure, program};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    let needs = || -> [Need; 2] { [program("ssh"), program("ssh-keygen")] };
    suite.each("openssh", needs(), a_login_by_key_runs_a_command).each(
        "openssh",
        needs(),
        a_session_outlives_the_listener,
    )
}

fn start(test: &Context) -> Result<Running<Sshd>> {
    test.start(Sshd::of(test.server("openssh")?, test.program("ssh")?, test.program("ssh-keygen")?))
}

fn a_login_by_key_runs_a_command(test: &Context) -> Result<()> {
    let sshd = start(test)?;
    let output = sshd.client()?.run("echo $((6 * 7)); echo to stderr >&2; exit 5")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.stdout == b"42\n" && errors == "to stderr\n", "{output:?}");
    ensure!(output.status.code() == Some(5), "{output:?}");
    sshd.stop()?.expect_clean()
}

fn a_session_outlives_the_listener(test: &Context) -> Result<()> {
    let sshd = start(test)?;
    let mut session = sshd.client()?.session()?;
    ensure!(session.line("echo $((1 + 1))")? == "2", "the shell cannot add");
    sshd.signal(mcrx_harness::Signal::SIGTERM)?;
    mcrx_harness::until(Duration::from_secs(10), "the listener's end", || sshd.exit())?;
    ensure!(session.line("echo $((2 + 2))")? == "4", "the shell cannot add any more");
    ensure!(sshd.processes().len() >= 2, "sessions without processes: {:?}", sshd.processes());
    let stopped = sshd.stop_within(Duration::ZERO)?;
    ensure!(stopped.killed.len() >= 2, "the session's processes went by themselves: {stopped:?}");
    Ok(())
}
