//! nginx: connections that stay open, TLS, compression, load, daemons.

use mcrx_harness::client::{Wrk, gunzip};
use mcrx_harness::server::{Nginx, TEXT};
use mcrx_harness::{Context, Result, Suite, ensure, program, root, until};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .each("nginx", [], three_requests_are_answered_on_one_connection)
        .each("nginx", [program("openssl")], a_tls_session_carries_two_requests)
        .each("nginx", [], a_text_is_compressed_for_those_who_accept_it)
        .each("nginx", [program("wrk")], a_second_of_wrk_sees_no_error)
        .each("nginx", [root()], workers_of_roots_nginx_are_not_root)
        .each("nginx", [], a_daemon_is_stopped_by_the_pid_it_wrote)
}

fn three_requests_are_answered_on_one_connection(test: &Context) -> Result<()> {
    let nginx = test.start(Nginx::of(test.server("nginx")?))?;
    let mut http = nginx.http()?;
    for path in ["/text.txt", "/missing", "/text.txt"] {
        let answer = http.get(path)?;
        let found = path == "/text.txt";
        ensure!(answer.status()? == if found { 200 } else { 404 }, "{path}: {}", answer.status()?);
        ensure!(!found || answer.body == TEXT.as_bytes(), "{path} came altered");
        ensure!(!http.is_closed()?, "the connection did not outlive {path}");
    }
    nginx.stop()?.expect_clean()?;
    ensure!(http.is_closed()?, "the connection outlived the server");
    Ok(())
}

fn a_tls_session_carries_two_requests(test: &Context) -> Result<()> {
    let nginx = test.start(Nginx::of(test.server("nginx")?).tls(test.program("openssl")?))?;
    let mut https = nginx.https()?;
    for _ in 0..2 {
        let answer = https.get("/text.txt")?;
        ensure!(answer.status()? == 200 && answer.body == TEXT.as_bytes(), "the text came altered");
    }
    nginx.stop()?.expect_clean()
}

fn a_text_is_compressed_for_those_who_accept_it(test: &Context) -> Result<()> {
    let nginx = test.start(Nginx::of(test.server("nginx")?))?;
    let mut http = nginx.http()?;
    let answer = http.request("GET", "/text.txt", &[("Accept-Encoding", "gzip")], b"")?;
    ensure!(answer.header("Content-Encoding") == Some("gzip"), "it was not compressed");
    ensure!(answer.body.len() < TEXT.len() / 4, "{} of {} bytes are left", answer.body.len(), TEXT.len());
    ensure!(gunzip(&answer.body)? == TEXT.as_bytes(), "the text came altered");
    nginx.stop()?.expect_clean()
}

fn a_second_of_wrk_sees_no_error(test: &Context) -> Result<()> {
    let nginx = test.start(Nginx::of(test.server("nginx")?).workers(2))?;
    let load = Wrk::default().run(test.program("wrk")?, &nginx.url("/"))?;
    ensure!(load.errors() == 0, "{load:?}");
    ensure!(load.requests > 100, "{load:?}");
    nginx.stop()?.expect_clean()
}

fn workers_of_roots_nginx_are_not_root(test: &Context) -> Result<()> {
    let nginx = test.start(Nginx::of(test.server("nginx")?).workers(2))?;
    // It serves as soon as one worker does; the other may still be on its way.
    until(Duration::from_secs(10), "two workers that are not root's", || {
        let workers = nginx.processes().into_iter().filter(|process| process.parent() == nginx.pid());
        Ok((workers.filter(|worker| !worker.is_roots()).count() == 2).then_some(()))
    })?;
    ensure!(nginx.processes().len() == 3, "{:?}", nginx.processes());
    nginx.stop()?.expect_clean()
}

fn a_daemon_is_stopped_by_the_pid_it_wrote(test: &Context) -> Result<()> {
    let nginx = test.start(Nginx::of(test.server("nginx")?).daemon())?;
    ensure!(nginx.exit()?.is_some(), "the process that was started did not go to the background");
    ensure!(nginx.processes().len() == 2, "{:?}", nginx.processes());
    ensure!(nginx.http()?.get("/")?.status()? == 200, "it does not serve");
    nginx.stop()?.expect_clean()
}
