//! A program whose graph is known.

use crate::command::{facts, mcrx, number};
use mcrx_harness::{Context, Explain, Result, Suite, ensure, preload, until};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([], what_is_reachable_typed_and_pinned_is_as_the_source_says)
        .test([], an_address_is_known_by_type_member_and_site)
        .test([], the_way_to_an_object_names_variable_and_members)
        .test([], a_snapshot_traces_like_the_process_that_it_is_of)
        .test([], a_union_is_what_pins_the_block_that_it_may_point_to)
}

/// The program, waiting; it ends with this.
struct Known {
    child: Child,
    pid: String,
    /// The first node, a leaf, the one that the union points to, the buffer behind `void *`, the thread's.
    addresses: Vec<String>,
}

impl Known {
    fn start(test: &Context) -> Result<Known> {
        let path = test.scratch().fresh("known");
        compile(&path)?;
        let mut command = Command::new(&path);
        command.env("LD_PRELOAD", preload()?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("it starts")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut line)?;
        let addresses = line.split_whitespace().map(str::to_owned).collect();
        let known = Known { pid: child.id().to_string(), child, addresses };
        // It makes a buffer for its input before it waits for it: in read(2), which is system call 0.
        let call = format!("/proc/{}/syscall", known.pid);
        until(Duration::from_secs(20), "the program to wait", || {
            Ok(std::fs::read_to_string(&call)?.starts_with("0 ").then_some(()))
        })?;
        Ok(known)
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn compile(path: &Path) -> Result<()> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace/known.c");
    let options = ["-O1", "-g", "-Wall", "-Werror", "-Wl,--build-id", source, "-o"];
    let status = Command::new(&compiler).args(options).arg(path).status()?;
    ensure!(status.success(), "{compiler}: {status}");
    Ok(())
}

fn what_is_reachable_typed_and_pinned_is_as_the_source_says(test: &Context) -> Result<()> {
    let known = Known::start(test)?;
    let own = facts(&["trace", &known.pid, "--paranoid"])?["own"].clone();
    // 100 nodes with a leaf each, two more leaves, two buffers and the one that is lost.
    ensure!(number(&own, &["blocks", "live"])? == 205, "{own}");
    ensure!(number(&own, &["blocks", "typed"])? >= 202, "{own}");
    ensure!(number(&own, &["unreachable", "blocks"])? == 1, "{own}");
    ensure!(number(&own, &["unreachable", "bytes"])? == 4242, "{own}");
    ensure!(number(&own, &["pinned", "blocks"])? <= 3, "{own}");
    Ok(())
}

fn an_address_is_known_by_type_member_and_site(test: &Context) -> Result<()> {
    let known = Known::start(test)?;
    let node = known.addresses.first().context("an address")?;
    let inner = u64::from_str_radix(node.trim_start_matches("0x"), 16)? + 16;
    let facts = facts(&["whatis", &known.pid, &format!("{inner:#x}")])?;
    let block = &facts["block"];
    ensure!(facts["kind"] == "block" && block["type"] == "struct node", "{facts}");
    ensure!(block["path"] == ".leaf" && block["offset"] == 16 && block["bytes"] == 32, "{facts}");
    ensure!(
        block["site"].as_str().is_some_and(|site| site.contains("make_node") || site.contains("main")),
        "{facts}"
    );
    Ok(())
}

fn the_way_to_an_object_names_variable_and_members(test: &Context) -> Result<()> {
    let known = Known::start(test)?;
    let why = facts(&["why", &known.pid, &known.addresses[1]])?;
    let steps: Vec<&str> = why["pointers"]
        .as_array()
        .context("steps")?
        .iter()
        .filter_map(|step| step["from"].as_str())
        .collect();
    ensure!(steps.first() == Some(&"list"), "{why}");
    ensure!(steps.len() == 3 && steps[1].ends_with(").next") && steps[2].ends_with(").leaf"), "{why}");
    let thread = facts(&["why", &known.pid, &known.addresses[4]])?;
    let from = thread["pointers"][0]["from"].as_str().context("a step")?;
    ensure!(from.starts_with("of_thread of thread"), "{thread}");
    let refs = facts(&["refs", &known.pid, &known.addresses[1]])?;
    ensure!(
        refs["pointers"].as_array().is_some_and(|all| all.iter().any(|one| one["kind"] == "precise")),
        "{refs}"
    );
    Ok(())
}

fn a_snapshot_traces_like_the_process_that_it_is_of(test: &Context) -> Result<()> {
    let known = Known::start(test)?;
    let file = test.scratch().fresh("known.snap");
    let file_name = file.to_str().context("text")?;
    let snapshot = facts(&["snapshot", &known.pid, "-o", file_name])?;
    ensure!(std::fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600, "others can read it");
    let live = facts(&["trace", &known.pid])?;
    let kept = facts(&["trace", file_name])?;
    for key in ["blocks", "bytes", "pointers", "pinned", "unreachable", "own"] {
        ensure!(live[key] == kept[key], "{key}: {} and {}", live[key], kept[key]);
    }
    ensure!(number(&snapshot, &["blocks"])? == number(&live, &["blocks", "live"])?, "{snapshot}");
    ensure!(kept["pause_ms"] == Value::Null && live["pause_ms"].is_number(), "{kept}");
    Ok(())
}

fn a_union_is_what_pins_the_block_that_it_may_point_to(test: &Context) -> Result<()> {
    let known = Known::start(test)?;
    let pins = facts(&["pins", &known.pid])?;
    let by: Vec<&str> =
        pins["pins"].as_array().context("pins")?.iter().filter_map(|pin| pin["by"].as_str()).collect();
    ensure!(by.contains(&"struct node.either"), "{pins}");
    let what = facts(&["whatis", &known.pid, &known.addresses[2]])?;
    ensure!(what["block"]["pinned"] == true, "{what}");
    // It is held by nothing but a void pointer.
    let what = facts(&["whatis", &known.pid, &known.addresses[3]])?;
    ensure!(what["block"]["reachable"] == true, "{what}");
    let text = mcrx(&["pins", &known.pid])?;
    ensure!(String::from_utf8_lossy(&text.stdout).contains("field node.either : "), "no rule");
    Ok(())
}
