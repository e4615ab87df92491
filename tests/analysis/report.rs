//! `mcrx report`: one page, as a browser shows it.

use crate::command::facts;
use crate::growing::Growing;
use mcrx_harness::{Context, Explain, Result, Suite, anyhow, ensure, program};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([program("gcc")], the_page_is_one_file_that_begins_with_the_suspect)
        .test([program("gcc"), program("chromium")], a_browser_draws_all_of_it_without_a_complaint)
        .test([program("gcc"), program("chromium")], on_a_phone_nothing_is_wider_than_the_screen)
}

/// A report on a program that leaks.
fn report(test: &Context) -> Result<PathBuf> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let before = program.snapshot(test)?;
    program.step()?;
    let file = test.scratch().fresh("report.html");
    let found = facts(&["report", &before, &program.pid(), "-o", file.to_str().context("text")?])?;
    ensure!(found["suspects"] == 1, "{found}");
    Ok(file)
}

fn the_page_is_one_file_that_begins_with_the_suspect(test: &Context) -> Result<()> {
    let file = report(test)?;
    ensure!(std::fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600, "others can read it");
    let page = std::fs::read_to_string(&file)?;
    ensure!(page.contains("They are held by server.sessions."), "no suspect");
    for sign in ["http://", "https://", "src="] {
        ensure!(!page.contains(sign), "it loads something: {sign}");
    }
    Ok(())
}

/// What the browser makes of a page, and what it says of it.
fn drawn(test: &Context, page: &Path, window: &str) -> Result<(String, String)> {
    let profile = test.scratch().fresh("profile");
    let output = Command::new(test.program("chromium")?)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr"])
        .args(["--virtual-time-budget=3000", "--dump-dom"])
        .arg(format!("--window-size={window}"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()?;
    // Its logs would be shown with the test's own.
    std::fs::remove_dir_all(&profile)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{said}");
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), said))
}

fn a_browser_draws_all_of_it_without_a_complaint(test: &Context) -> Result<()> {
    let (page, said) = drawn(test, &report(test)?, "1200,900")?;
    ensure!(!said.contains("CONSOLE"), "{said}");
    let drawn = page.split("<noscript>").next().unwrap_or_default();
    for part in [
        "<div class=\"suspect\"><p>100 more struct session: 2400 bytes, and 7200 with what they hold.</p>",
        "<td class=\"name\">struct buffer</td><td class=\"more\">+4.7 KiB</td>",
        "server.sessions",
        "class=\"cell",
        "class=\"box\" title=\"begin_session: 7.0 KiB",
        "of all bytes is known",
    ] {
        ensure!(drawn.contains(part), "{part} is not in {drawn}");
    }
    Ok(())
}

fn on_a_phone_nothing_is_wider_than_the_screen(test: &Context) -> Result<()> {
    let page = std::fs::read_to_string(report(test)?)?;
    // A browser without a head has no window as narrow as a phone, but it has frames that are.
    let ask = "<script>addEventListener('load', () => parent.postMessage(
        [innerWidth, document.documentElement.scrollWidth].join(' '), '*'))</script></body>";
    let framed = test.scratch().fresh("framed.html");
    std::fs::write(&framed, page.replace("</body>", ask))?;
    let frame = test.scratch().fresh("frame.html");
    let script = "onmessage = message => document.body.append('widths ' + message.data)";
    let name = framed.file_name().context("a name")?.to_string_lossy().into_owned();
    std::fs::write(
        &frame,
        format!(
            "<body><script>{script}</script><iframe src=\"{name}\" style=\"border:0;width:390px;height:800px\"></iframe></body>"
        ),
    )?;
    let (page, _) = drawn(test, &frame, "1000,1000")?;
    let widths = page.split("widths ").nth(2).and_then(|rest| rest.split('<').next()).unwrap_or_default();
    let [screen, page]: [u32; 2] = widths
        .split_whitespace()
        .filter_map(|width| width.parse().ok())
        .collect::<Vec<u32>>()
        .try_into()
        .map_err(|found| anyhow!("no widths: {found:?}"))?;
    ensure!(screen == 390 && page <= screen, "{page} of {screen}");
    Ok(())
}
