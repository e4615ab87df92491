//! Live servers where they wait for work: each thread of each process, as gdb sees it.

use crate::agree::{Count, agrees};
use crate::gdb::Held;
use mcrx_harness::server::{Httpd, Memcached, Nginx, Redis, Sshd, Vsftpd};
use mcrx_harness::{Context, Kind, Need, Result, Running, Suite, ensure, program, until};
use std::fs;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    let gdb = || -> [Need; 1] { [program("gdb")] };
    let with_ssh = [program("gdb"), program("ssh"), program("ssh-keygen")];
    let minutes = Duration::from_secs(180);
    suite
        .each("nginx", gdb(), idle_processes_of_nginx_agree_with_gdb)
        .within(minutes)
        .each("redis", gdb(), idle_threads_of_redis_agree_with_gdb)
        .within(minutes)
        .each("memcached", gdb(), idle_threads_of_memcached_agree_with_gdb)
        .within(minutes)
        .each("httpd-event", gdb(), idle_threads_of_httpd_agree_with_gdb)
        .within(minutes)
        .each("httpd-prefork", gdb(), idle_threads_of_httpd_agree_with_gdb)
        .within(minutes)
        .each("vsftpd", gdb(), a_session_of_vsftpd_agrees_with_gdb)
        .within(minutes)
        .each("openssh", with_ssh, a_session_of_sshd_agrees_with_gdb)
        .within(minutes)
}

/// Compares all processes of a server, one after the other, each once all its threads wait.
fn all_agree<K: Kind>(test: &Context, server: &Running<K>) -> Result<Count> {
    let mut total = Count::default();
    for process in server.processes() {
        let pid = process.pid();
        until(Duration::from_secs(20), "all threads to wait", || {
            let mut states = Vec::new();
            for task in fs::read_dir(format!("/proc/{pid}/task"))? {
                let stat = fs::read_to_string(task?.path().join("stat"))?;
                let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
                states.push(state);
            }
            Ok(states.iter().all(|state| *state == Some('S')).then_some(()))
        })?;
        let held = Held::attached(test, pid)?;
        let count = agrees(&held).map_err(|error| error.context(format!("{pid} ({})", process.name())))?;
        ensure!(count.threads > 0, "{pid} has no threads");
        println!("{} {pid} ({}): {count:?}", server.kind().name(), process.name());
        total += count;
    }
    ensure!(total.in_memory + total.values > 0, "no variable is available: {total:?}");
    Ok(total)
}

fn idle_processes_of_nginx_agree_with_gdb(test: &Context) -> Result<()> {
    let nginx = test.start(Nginx::of(test.server("nginx")?))?;
    // The first wait of a worker is a probe; after a request it is in its loop.
    ensure!(nginx.http()?.get("/")?.status()? == 200, "it does not serve");
    all_agree(test, &nginx)?;
    nginx.stop()?.expect_clean()
}

fn idle_threads_of_redis_agree_with_gdb(test: &Context) -> Result<()> {
    let redis = test.start(Redis::of(test.server("redis")?))?;
    let count = all_agree(test, &redis)?;
    ensure!(count.threads >= 4, "{count:?}");
    redis.stop()?.expect_clean()
}

fn idle_threads_of_memcached_agree_with_gdb(test: &Context) -> Result<()> {
    let memcached = test.start(Memcached::of(test.server("memcached")?))?;
    let count = all_agree(test, &memcached)?;
    ensure!(count.threads >= 5, "{count:?}");
    memcached.stop()?.expect_clean()
}

fn idle_threads_of_httpd_agree_with_gdb(test: &Context) -> Result<()> {
    let httpd = test.start(Httpd::of(test.first_server()?))?;
    ensure!(httpd.http()?.get("/text.txt")?.status()? == 200, "it does not serve");
    all_agree(test, &httpd)?;
    httpd.stop()?.expect_clean()
}

fn a_session_of_vsftpd_agrees_with_gdb(test: &Context) -> Result<()> {
    let vsftpd = test.start(Vsftpd::of(test.server("vsftpd")?))?;
    let mut ftp = vsftpd.client()?;
    ftp.command("NOOP", 200)?;
    // The listener and two for the session: those of the connection by which it was seen to be up may still be about to end.
    until(Duration::from_secs(20), "other sessions to end", || {
        Ok((vsftpd.processes().len() == 3).then_some(()))
    })?;
    let count = all_agree(test, &vsftpd)?;
    ensure!(count.threads >= 2, "{count:?}");
    ftp.command("QUIT", 221)?;
    vsftpd.stop()?.expect_clean()
}

fn a_session_of_sshd_agrees_with_gdb(test: &Context) -> Result<()> {
    let sshd = Sshd::of(test.server("openssh")?, test.program("ssh")?, test.program("ssh-keygen")?);
    let sshd = test.start(sshd)?;
    let mut session = sshd.client()?.session()?;
    ensure!(session.line("echo $((1 + 1))")? == "2", "the shell cannot add");
    let count = all_agree(test, &sshd)?;
    ensure!(count.threads >= 3, "{count:?}");
    drop(session);
    sshd.stop_within(Duration::from_secs(1)).map(drop)
}
