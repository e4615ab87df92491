//! `mcrx export`: what other tools would read.

use crate::command::{facts, mcrx};
use crate::growing::Growing;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, program};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([program("gcc")], stacks_have_the_bytes_of_what_their_calls_made)
        .test([program("gcc")], a_flame_graph_of_two_snapshots_has_what_grew)
        .test([program("gcc")], a_profile_is_compressed_protobuf)
        .test([program("gcc")], a_heapsnapshot_has_every_block_once)
        .test([], a_name_that_says_no_format_is_refused)
}

/// The contents of what is exported to a file of that name.
fn exported(test: &Context, name: &str, arguments: &[&str]) -> Result<Vec<u8>> {
    let file = test.scratch().fresh(name);
    let path = file.to_str().context("text")?;
    let found = facts(&[&["export", "-o", path], arguments].concat())?;
    let bytes = std::fs::read(&file)?;
    ensure!(found["file_bytes"] == bytes.len(), "{found}");
    ensure!(std::fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600, "others can read it");
    Ok(bytes)
}

fn stacks_have_the_bytes_of_what_their_calls_made(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let before = program.snapshot(test)?;
    program.step()?;
    let text = String::from_utf8(exported(test, "heap.folded", &[&program.pid()])?)?;
    ensure!(text.lines().any(|line| line == "begin_session;[struct session] 4800"), "{text}");
    let text = String::from_utf8(exported(test, "heap.folded", &[&program.pid(), "--since", &before])?)?;
    ensure!(text.lines().any(|line| line == "begin_session;[struct session] 2400 4800"), "{text}");
    let text = String::from_utf8(exported(test, "heap.folded", &[&program.pid(), "--by", "owner"])?)?;
    ensure!(text.lines().any(|line| line == "server.sessions;->buffer;[struct buffer] 9600"), "{text}");
    Ok(())
}

fn a_flame_graph_of_two_snapshots_has_what_grew(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let before = program.snapshot(test)?;
    program.step()?;
    let svg = String::from_utf8(exported(test, "heap.svg", &[&program.pid(), "--since", &before])?)?;
    ensure!(svg.starts_with("<?xml") && svg.contains("<title>begin_session (14,400 bytes, "), "{svg}");
    // Red: there is more of it. What has not changed is white.
    let color = |name: &str| {
        let after = svg.split(&format!("<title>{name} (")).nth(1)?;
        after.split("fill=\"rgb(").nth(1)?.split(')').next()
    };
    ensure!(color("[struct job]") == Some("250,250,250"), "{:?}", color("[struct job]"));
    let red = color("[struct session]").context("a color")?;
    ensure!(red.starts_with("255,") && red != "255,255,255", "{red}");
    Ok(())
}

fn a_profile_is_compressed_protobuf(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let profile = exported(test, "heap.pb.gz", &[&program.pid()])?;
    ensure!(profile.starts_with(&[0x1f, 0x8b]) && profile.len() > 100, "{profile:?}");
    Ok(())
}

fn a_heapsnapshot_has_every_block_once(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let file = exported(test, "heap.heapsnapshot", &[&program.pid()])?;
    let file: Value = serde_json::from_slice(&file)?;
    let place = |name: &str| file["strings"].as_array()?.iter().position(|string| string == name);
    let session = place("struct session").context("sessions")?;
    let nodes = file["nodes"].as_array().context("nodes")?;
    let sessions = nodes.chunks(7).filter(|node| node[1] == session);
    ensure!(sessions.map(|node| node[3] == 24).filter(|is_right| *is_right).count() == 100, "not a hundred");
    ensure!(place("server.sessions").is_some(), "the variable is not there");
    Ok(())
}

fn a_name_that_says_no_format_is_refused(test: &Context) -> Result<()> {
    let file = test.scratch().fresh("heap.txt");
    let path = file.to_str().context("text")?;
    for arguments in
        [&["export", "1", "-o", path][..], &["export", "1", "-o", "x.pb.gz", "--since", "y.snap"]]
    {
        let output = mcrx(arguments)?;
        ensure!(output.status.code() == Some(2) && output.stdout.is_empty(), "{output:?}");
    }
    ensure!(!file.exists(), "it was written");
    Ok(())
}
