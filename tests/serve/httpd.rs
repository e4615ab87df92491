//! httpd, as built for each of its two MPMs.

use mcrx_harness::client::Wrk;
use mcrx_harness::server::{Httpd, TEXT};
use mcrx_harness::{Context, Result, Suite, ensure, program};

pub(crate) fn tests(suite: Suite) -> Suite {
    ["httpd-event", "httpd-prefork"].into_iter().fold(suite, |suite, name| {
        suite.each(name, [], three_requests_are_answered_on_one_connection).each(
            name,
            [program("wrk")],
            a_second_of_wrk_sees_no_error,
        )
    })
}

fn three_requests_are_answered_on_one_connection(test: &Context) -> Result<()> {
    let httpd = test.start(Httpd::of(test.first_server()?))?;
    let mut http = httpd.http()?;
    for path in ["/text.txt", "/missing", "/text.txt"] {
        let answer = http.get(path)?;
        let found = path == "/text.txt";
        ensure!(answer.status()? == if found { 200 } else { 404 }, "{path}: {}", answer.status()?);
        ensure!(!found || answer.body == TEXT.as_bytes(), "{path} came altered");
        ensure!(!http.is_closed()?, "the connection did not outlive {path}");
    }
    httpd.stop()?.expect_clean()
}

fn a_second_of_wrk_sees_no_error(test: &Context) -> Result<()> {
    let httpd = test.start(Httpd::of(test.first_server()?))?;
    let load = Wrk::default().run(test.program("wrk")?, &httpd.url("/text.txt"))?;
    ensure!(load.errors() == 0, "{load:?}");
    ensure!(load.requests > 100, "{load:?}");
    httpd.stop()?.expect_clean()
}
