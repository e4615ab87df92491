//! `mcrx dominators`: who keeps what alive.

use crate::command::{facts, mcrx, number};
use crate::growing::Growing;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, program};

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([program("gcc")], a_list_is_kept_alive_by_its_variable)
        .test([program("gcc")], a_diff_knows_what_is_retained)
}

fn a_list_is_kept_alive_by_its_variable(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let found = facts(&["dominators", &program.pid()])?;
    let rows = found["dominators"].as_array().context("rows")?;
    let place = rows.iter().position(|row| row["what"] == "server.sessions").context("the variable")?;
    // A hundred sessions with a buffer each: the first one and 99 more, and under them their buffers.
    let (variable, list, buffers) = (&rows[place], &rows[place + 1], &rows[place + 2]);
    ensure!(variable["depth"] == 1 && number(variable, &["retained"])? == 2400 + 4800, "{variable}");
    ensure!(list["type"] == "struct session" && list["count"] == 99 && list["bytes"] == 2400, "{list}");
    ensure!(buffers["kind"] == "many" && buffers["count"] == 100 && buffers["retained"] == 4800, "{buffers}");
    ensure!(rows[0]["kind"] == "process" && rows[0]["retained"] == found["bytes"], "{}", rows[0]);
    let text = mcrx(&["dominators", &program.pid(), "--share", "50"])?;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    ensure!(!text.contains("server.sessions") && text.ends_with(" --share 25\n"), "{text}");
    Ok(())
}

fn a_diff_knows_what_is_retained(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let before = program.snapshot(test)?;
    program.step()?;
    let diff = facts(&["diff", &before, &program.pid()])?;
    let sessions =
        diff["types"].as_array().context("types")?.iter().find(|row| row["name"] == "struct session");
    let sessions = sessions.context("sessions")?;
    ensure!(sessions["retained_before"] == 7200 && sessions["retained_after"] == 14400, "{sessions}");
    Ok(())
}
