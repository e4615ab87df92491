//! What cannot be traced is refused, with a reason and a code.

use crate::command::mcrx;
use mcrx_harness::{Context, Explain, Result, Suite, ensure};
use std::process::{Command, Stdio};

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([], what_is_no_process_and_no_snapshot_is_refused)
        .test([], a_process_without_the_allocator_is_refused)
        .test([], a_thread_is_told_from_its_process)
}

fn refusal(arguments: &[&str]) -> Result<(i32, String)> {
    let output = mcrx(arguments)?;
    ensure!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok((output.status.code().context("it ended by itself")?, String::from_utf8(output.stderr)?))
}

fn what_is_no_process_and_no_snapshot_is_refused(test: &Context) -> Result<()> {
    let file = test.scratch().fresh("text");
    std::fs::write(&file, "no snapshot at all, but long enough to be taken for one by its length alone")?;
    let file = file.to_str().context("text")?;
    for (target, code, said) in [
        ("/nowhere/to/be/found", 2, "no process or file"),
        ("4000000000", 3, "no process"),
        (file, 3, "no snapshot of mcrx"),
    ] {
        for command in ["trace", "pins"] {
            let (found, text) = refusal(&[command, target])?;
            ensure!(found == code && text.contains(said), "{command} {target}: {found} {text}");
        }
    }
    let (code, text) = refusal(&["why", "1", "elsewhere"])?;
    ensure!(code == 2 && text.contains("no address"), "{code} {text}");
    Ok(())
}

fn a_process_without_the_allocator_is_refused(test: &Context) -> Result<()> {
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let pid = child.id().to_string();
    let traced = refusal(&["trace", &pid]);
    let file = test.scratch().fresh("cat.snap");
    let snapshot = refusal(&["snapshot", &pid, "-o", file.to_str().context("text")?]);
    drop(child.stdin.take());
    child.wait()?;
    for (code, text) in [traced?, snapshot?] {
        ensure!(code == 3 && text.contains("LD_PRELOAD"), "{code} {text}");
    }
    ensure!(!file.exists(), "a file was left");
    Ok(())
}

fn a_thread_is_told_from_its_process(_: &Context) -> Result<()> {
    let (own, here) = std::sync::mpsc::channel();
    let (until, end) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let _ = own.send(nix::unistd::gettid());
        let _ = end.recv();
    });
    let number = here.recv()?.to_string();
    for command in ["trace", "pins", "doctor"] {
        let (code, text) = refusal(&[command, &number])?;
        let want = format!("is a thread of process {} (", std::process::id());
        ensure!(code == 3 && text.contains(&want), "{command}: {code} {text}");
    }
    drop(until);
    thread.join().map_err(|_| mcrx_harness::anyhow!("it panicked"))
}
