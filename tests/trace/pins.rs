//! What `mcrx pins` says of each pin is a rule that removes it.

use crate::command::facts;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, preload, until};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite.test([], the_rules_that_are_proposed_remove_their_pins).test([], what_only_a_person_knows_is_asked)
}

/// The program, waiting; it ends with this.
struct Program {
    child: Child,
    pid: String,
}

impl Program {
    fn start(test: &Context) -> Result<Program> {
        let path = test.scratch().fresh("pins");
        compile(&path)?;
        let mut command = Command::new(&path);
        command.env("LD_PRELOAD", preload()?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("it starts")?;
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut String::new())?;
        let program = Program { pid: child.id().to_string(), child };
        // In read(2), which is system call 0.
        let call = format!("/proc/{}/syscall", program.pid);
        until(Duration::from_secs(20), "the program to wait", || {
            Ok(std::fs::read_to_string(&call)?.starts_with("0 ").then_some(()))
        })?;
        Ok(program)
    }

    fn pins(&self, rules: Option<&Path>) -> Result<Vec<Value>> {
        let rules = rules.and_then(Path::to_str).map(|rules| ["--rules", rules]);
        let arguments: Vec<&str> =
            ["pins", &self.pid].into_iter().chain(rules.into_iter().flatten()).collect();
        Ok(facts(&arguments)?["pins"].as_array().context("pins")?.clone())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn compile(path: &Path) -> Result<()> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace/pins.c");
    let options = ["-O1", "-g", "-Wall", "-Werror", "-fno-builtin", "-Wl,--build-id", source, "-o"];
    let status = Command::new(&compiler).args(options).arg(path).status()?;
    ensure!(status.success(), "{compiler}: {status}");
    Ok(())
}

fn by(pin: &Value) -> &str {
    pin["by"].as_str().unwrap_or_default()
}

fn rule(pin: &Value) -> Option<&str> {
    pin["rule"].as_str()
}

/// The statement that speaks of a member of the program's trees.
fn of_member<'p>(pins: &'p [Value], member: &str) -> Result<&'p str> {
    let start = format!("field tree.{member} : ");
    let found = pins.iter().filter_map(rule).find(|rule| rule.starts_with(&start));
    found.with_context(|| format!("no rule for {member} in {pins:?}"))
}

fn the_rules_that_are_proposed_remove_their_pins(test: &Context) -> Result<()> {
    let program = Program::start(test)?;
    let pins = program.pins(None)?;
    for (member, text) in [
        ("as", "match kind {\n    KIND_TEXT => .text\n    KIND_LEAF => .leaf\n    KIND_NUMBER => bytes\n}"),
        ("handle", ".any"),
        ("address", "leaf"),
        ("note", "bytes"),
        ("counts", "bytes"),
        ("inner.sum", "bytes"),
        ("inner.name", "bytes"),
    ] {
        let rule = of_member(&pins, member)?;
        ensure!(rule == format!("field tree.{member} : {text}"), "{rule}");
    }
    of_member(&pins, "wrong")?;
    ensure!(pins.iter().filter_map(rule).any(|rule| rule == "site make_scratch : bytes"), "{pins:?}");

    // All of them, as they stand; of two places that one statement speaks of, it says the same.
    let mut rules: Vec<&str> = pins.iter().filter_map(rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let file = test.scratch().fresh("mcrx");
    std::fs::write(&file, rules.join("\n"))?;
    let left = program.pins(Some(&file))?;
    for pin in &left {
        let spoken_of = pins.iter().find(|before| by(before) == by(pin)).and_then(rule);
        let is_open = spoken_of.is_none_or(|rule| rule.contains("todo"));
        ensure!(is_open, "{} was to be removed by {spoken_of:?}: {pin}", by(pin));
    }
    ensure!(left.len() + 8 < pins.len(), "{} of {} pins are left", left.len(), pins.len());
    Ok(())
}

fn what_only_a_person_knows_is_asked(test: &Context) -> Result<()> {
    let program = Program::start(test)?;
    let pins = program.pins(None)?;
    let rule = of_member(&pins, "either")?;
    ensure!(
        rule == "field tree.either : todo \"which member does it hold, and what tells? .one, .other\"",
        "{rule}"
    );
    let pin = pins.iter().find(|pin| by(pin) == "struct tree.either").context("a pin")?;
    let why = pin["why"].as_str().context("why")?;
    ensure!(why.contains("to leaf") && why.contains("to twig"), "{why}");
    Ok(())
}
