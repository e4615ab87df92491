//! A server with several processes: all are captured at one instant, and one is chosen.

use crate::command::{facts, mcrx, number};
use mcrx_harness::{Context, Explain, Pid, Result, Signal, Suite, ensure, preload, until};
use nix::sys::signal::kill;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([], all_processes_of_a_server_are_traced_as_of_one_instant)
        .test([], the_process_that_is_named_is_the_one_in_detail)
        .test([], memory_that_processes_share_is_known_as_shared_and_by_whom)
        .test([], a_snapshot_of_a_tree_tells_the_same_as_the_tree)
        .test([], a_server_below_a_shell_is_found)
        .test([], an_interrupted_capture_leaves_the_server_as_it_was)
}

/// The server, waiting, with what it said of itself. It ends with this.
struct Tree {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pid: String,
    workers: [String; 2],
    other: String,
    page: String,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Tree {
    fn start(test: &Context, mebibytes: u32) -> Result<Tree> {
        let path = compile(test)?;
        let mut command = Command::new(&path);
        command.arg(mebibytes.to_string()).env("LD_PRELOAD", preload()?);
        Tree::of(command)
    }

    fn of(mut command: Command) -> Result<Tree> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("it starts")?;
        let (input, mut output) = (child.stdin.take(), BufReader::new(child.stdout.take().context("piped")?));
        let mut line = String::new();
        output.read_line(&mut line)?;
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let [first, second, other, page] =
            <[String; 4]>::try_from(words).map_err(|words| mcrx_harness::anyhow!("it said {words:?}"))?;
        let pid = parent(&first)?;
        let tree = Tree { child, input, output, pid, workers: [first, second], other, page };
        for pid in [&tree.pid, &tree.workers[0], &tree.workers[1], &tree.other] {
            let call = format!("/proc/{pid}/syscall");
            // All wait in read(2), which is system call 0, and the last of them is no copy of the first any more.
            let name = format!("/proc/{}/comm", tree.other);
            until(PATIENCE, "all of them to wait", || {
                let is_cat = fs::read_to_string(&name)?.trim() == "cat";
                Ok((is_cat && fs::read_to_string(&call)?.starts_with("0 ")).then_some(()))
            })?;
        }
        Ok(tree)
    }

    /// One of its processes takes a byte and gives it back.
    fn answers(&mut self) -> Result<()> {
        self.input.as_mut().context("open")?.write_all(b"x")?;
        let mut byte = [0];
        self.output.read_exact(&mut byte)?;
        ensure!(byte == *b"x", "{byte:?}");
        Ok(())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // The end of their input is the end of all of them.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

fn compile(test: &Context) -> Result<PathBuf> {
    let path = test.scratch().fresh("tree");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace/tree.c");
    let options = ["-O1", "-g", "-Wall", "-Werror", "-Wl,--build-id", source, "-o"];
    let status = Command::new(&compiler).args(options).arg(&path).status()?;
    ensure!(status.success(), "{compiler}: {status}");
    Ok(path)
}

fn parent(pid: &str) -> Result<String> {
    Ok(field(pid, "PPid:")?.to_owned())
}

fn field(pid: &str, name: &str) -> Result<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a field")?;
    Ok(line.trim().to_owned())
}

fn pid(facts: &Value) -> String {
    facts["pid"].to_string()
}

fn pids(facts: &Value) -> Result<Vec<String>> {
    let processes = facts["processes"].as_array().context("processes")?;
    Ok(processes.iter().map(pid).collect())
}

fn all_processes_of_a_server_are_traced_as_of_one_instant(test: &Context) -> Result<()> {
    let tree = Tree::start(test, 0)?;
    let facts = facts(&["trace", &tree.pid])?;
    let [first, second] = &tree.workers;
    ensure!(pids(&facts)? == [tree.pid.as_str(), first, second, &tree.other], "{facts}");
    let live = |place: usize| number(&facts["processes"][place], &["own", "blocks", "live"]);
    ensure!((live(0)?, live(1)?, live(2)?) == (100, 110, 120), "{facts}");
    let not_traced = facts["processes"][3]["not_traced"].as_str().context("why")?;
    ensure!(not_traced.contains("LD_PRELOAD"), "{not_traced}");
    // The first is the one in detail, and its own line says the same.
    for key in ["pid", "blocks", "pinned", "own"] {
        ensure!(facts[key] == facts["processes"][0][key], "{key}: {facts}");
    }
    let text = String::from_utf8(mcrx(&["trace", &tree.pid])?.stdout)?;
    ensure!(text.contains("4 processes, held still once, for "), "{text}");
    for pid in pids(&facts)? {
        let is_line = |line: &str| line.trim_start().starts_with(&format!("{pid}  "));
        ensure!(text.lines().any(is_line), "no line for {pid}: {text}");
    }
    ensure!(text.contains(&format!("Next: mcrx pins {}\n", tree.pid)), "{text}");
    Ok(())
}

fn the_process_that_is_named_is_the_one_in_detail(test: &Context) -> Result<()> {
    let tree = Tree::start(test, 0)?;
    let worker = &tree.workers[1];
    let chosen = facts(&["trace", &tree.pid, "--process", worker])?;
    ensure!(pid(&chosen) == *worker && pids(&chosen)?.len() == 4, "{chosen}");
    ensure!(number(&chosen, &["own", "blocks", "live"])? == 120, "{chosen}");
    let alone = facts(&["trace", &tree.pid, "--alone"])?;
    ensure!(pids(&alone)? == [tree.pid.as_str()], "{alone}");
    for command in ["pins", "trace"] {
        let other = facts(&[command, &tree.pid, "--process", worker])?;
        ensure!(pid(&other) == *worker, "{other}");
        let none = mcrx(&[command, worker, "--process", &tree.pid])?;
        let said = String::from_utf8(none.stderr)?;
        ensure!(none.status.code() == Some(2) && said.contains("is not in it: there is"), "{said}");
    }
    let both = facts(&["trace", &tree.pid, "--alone", "--process", worker])?;
    ensure!(pids(&both)? == [worker.as_str()], "{both}");
    Ok(())
}

fn memory_that_processes_share_is_known_as_shared_and_by_whom(test: &Context) -> Result<()> {
    let tree = Tree::start(test, 0)?;
    let inside = format!("{:#x}", u64::from_str_radix(tree.page.trim_start_matches("0x"), 16)? + 5);
    let what = facts(&["whatis", &tree.pid, &inside])?;
    let shared = &what["shared"];
    ensure!(shared["offset"] == 5 && shared["memory"] == "/dev/zero", "{what}");
    let others = shared["others"].as_array().context("others")?;
    let seen: Vec<(String, &str)> =
        others.iter().map(|other| (pid(other), other["address"].as_str().unwrap_or_default())).collect();
    let [first, second] = &tree.workers;
    ensure!(seen == [(first.clone(), &*inside), (second.clone(), &*inside)], "{what}");
    let text = String::from_utf8(mcrx(&["whatis", &tree.pid, &inside])?.stdout)?;
    ensure!(text.contains("shared memory /dev/zero, 5 bytes in: the same as in"), "{text}");
    let alone = facts(&["whatis", &tree.pid, &inside, "--alone"])?;
    ensure!(alone["shared"]["others"] == Value::Array(Vec::new()), "{alone}");
    Ok(())
}

fn a_snapshot_of_a_tree_tells_the_same_as_the_tree(test: &Context) -> Result<()> {
    let tree = Tree::start(test, 0)?;
    let file = test.scratch().fresh("tree.snap");
    let file = file.to_str().context("text")?;
    facts(&["snapshot", &tree.pid, "-o", file])?;
    let (live, kept) = (facts(&["trace", &tree.pid])?, facts(&["trace", file])?);
    ensure!(live["processes"] == kept["processes"], "{live}\n{kept}");
    let [first, second] = &tree.workers;
    let what = facts(&["whatis", file, &tree.page, "--process", first])?;
    let others = what["shared"]["others"].as_array().context("others")?;
    let others: Vec<String> = others.iter().map(pid).collect();
    ensure!(others == [tree.pid.as_str(), second], "{what}");
    let text = String::from_utf8(mcrx(&["trace", file, "--process", second])?.stdout)?;
    ensure!(text.contains(&format!("Next: mcrx pins {file} --process {second}\n")), "{text}");
    Ok(())
}

fn a_server_below_a_shell_is_found(test: &Context) -> Result<()> {
    let program = compile(test)?;
    let script = format!("LD_PRELOAD={} {}; true", preload()?.display(), program.display());
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    let tree = Tree::of(command)?;
    let shell = parent(&tree.pid)?;
    ensure!(shell == tree.child.id().to_string(), "the shell did not stay");
    let facts = facts(&["trace", &shell])?;
    ensure!(pid(&facts) == tree.pid, "{facts}");
    ensure!(pids(&facts)?.first() == Some(&shell), "{facts}");
    Ok(())
}

/// Of the server's heap: so many take some time to copy.
const MEBIBYTES: u32 = 128;
/// A capture may be over before it is interrupted.
const TRIES: u32 = 20;

fn an_interrupted_capture_leaves_the_server_as_it_was(test: &Context) -> Result<()> {
    let mut tree = Tree::start(test, MEBIBYTES)?;
    let mut held = 0;
    for _ in 0..TRIES {
        let file = test.scratch().fresh("never.snap");
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
        command.args(["snapshot", &tree.pid, "-o"]).arg(&file);
        let mut capture = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // No waiting between the looks: it is held for some milliseconds.
        let is_held = loop {
            if field(&tree.pid, "TracerPid:")? != "0" {
                break true;
            }
            if capture.try_wait()?.is_some() {
                break false;
            }
        };
        kill(Pid::from_raw(capture.id().try_into()?), Signal::SIGINT)?;
        let status = capture.wait()?;
        if is_held && status.signal() == Some(2) {
            held += 1;
            ensure!(!Path::new(&file).exists(), "a file was left");
        }
        for pid in [&tree.pid, &tree.workers[0], &tree.workers[1], &tree.other] {
            until(PATIENCE, "it to be let go", || Ok((field(pid, "TracerPid:")? == "0").then_some(())))?;
            until(PATIENCE, "it to wait again", || Ok(field(pid, "State:")?.starts_with('S').then_some(())))?;
        }
        tree.answers()?;
        if held == 2 {
            return Ok(());
        }
    }
    ensure!(held > 0, "it was never interrupted while the server was held");
    Ok(())
}
