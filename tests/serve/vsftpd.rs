//! vsftpd: anonymous sessions, each in namespaces of its own.

use mcrx_harness::server::{TEXT, Vsftpd};
use mcrx_harness::{Context, Explain as _, Result, Suite, ensure, program};
use std::process::Command;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .each("vsftpd", [], an_anonymous_session_lists_and_retrieves)
        .each("vsftpd", [], a_session_that_is_held_ends_with_the_server)
        .each("vsftpd", [program("tnftp")], a_real_client_retrieves)
}

fn an_anonymous_session_lists_and_retrieves(test: &Context) -> Result<()> {
    let vsftpd = test.start(Vsftpd::of(test.server("vsftpd")?))?;
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    vsftpd.place().write("files/numbers", &bytes)?;
    let mut ftp = vsftpd.client()?;
    ensure!(ftp.list("")? == ["numbers", "text.txt"], "{:?}", ftp.list("")?);
    ensure!(ftp.retrieve("text.txt")? == TEXT.as_bytes(), "text.txt came altered");
    let mut transfer = ftp.transfer("RETR numbers")?;
    let first = transfer.take(100_001)?;
    ensure!([first, transfer.finish()?].concat() == bytes, "numbers came altered");
    ftp.command("QUIT", 221)?;
    vsftpd.stop()?.expect_clean()
}

fn a_session_that_is_held_ends_with_the_server(test: &Context) -> Result<()> {
    let vsftpd = test.start(Vsftpd::of(test.server("vsftpd")?))?;
    let mut ftp = vsftpd.client()?;
    ftp.command("NOOP", 200)?;
    ensure!(vsftpd.processes().len() >= 2, "a session without a process: {:?}", vsftpd.processes());
    vsftpd.stop_within(Duration::from_secs(1))?;
    ensure!(ftp.command("NOOP", 200).is_err(), "the session outlived the server");
    Ok(())
}

fn a_real_client_retrieves(test: &Context) -> Result<()> {
    let vsftpd = test.start(Vsftpd::of(test.server("vsftpd")?))?;
    let file = test.scratch().fresh("text.txt");
    let output = Command::new(test.program("tnftp")?)
        .arg("-o")
        .arg(&file)
        .arg(vsftpd.url("text.txt"))
        .output()
        .context("tnftp cannot be run")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ensure!(std::fs::read(&file)? == TEXT.as_bytes(), "text.txt came altered");
    vsftpd.stop()?.expect_clean()
}
