//! What LeakSanitizer says of a program.

use super::counts::{Class, Counts, LIBRARY};
use super::program::Program;
use mcrx_harness::{Explain, Result, ensure, find_program};
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether the compiler has its runtime.
pub(super) fn is_there() -> std::result::Result<(), String> {
    let gcc = find_program("gcc").ok_or("gcc is not installed (Debian package gcc)")?;
    let output = Command::new(gcc).arg("-print-file-name=liblsan.so").output();
    let found = output.map_err(|error| error.to_string())?.stdout;
    // A name without a folder is what it was asked for: there is no such file.
    if Path::new(String::from_utf8_lossy(&found).trim()).is_absolute() {
        return Ok(());
    }
    Err("gcc has no LeakSanitizer (Debian package libgcc-VERSION-dev)".to_owned())
}

/// What it says is lost. The inner error is why it cannot look here.
pub(super) fn run(program: &Program) -> Result<std::result::Result<Counts, String>> {
    let options = "max_leaks=0:fast_unwind_on_malloc=0:leak_check_at_exit=0:log_threads=0";
    let output = Command::new(&program.path).env("LSAN_OPTIONS", options).stdin(Stdio::null()).output()?;
    let said = String::from_utf8(output.stderr)?;
    // It traces its own process, which some containers do not permit.
    if said.contains("LeakSanitizer has encountered a fatal error") {
        return Ok(Err("LeakSanitizer cannot trace its own process here".to_owned()));
    }
    ensure!(output.status.code().is_some(), "{said}");
    let mut counts = Counts::default();
    let mut lines = said.lines();
    while let Some(line) = lines.next() {
        // "Direct leak of 100 byte(s) in 1 object(s) allocated from:", then the stack, from the allocator's function on.
        let Some((class, rest)) = line.split_once(" leak of ") else { continue };
        let class = Class::named(&class.to_lowercase())?;
        let numbers: Vec<u64> = rest.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [bytes, blocks] = numbers[..] else { continue };
        let caller = lines.nth(1).with_context(|| format!("no caller after {line}"))?;
        counts.add(&maker(caller, program), class, blocks, bytes);
    }
    Ok(Ok(counts))
}

/// The function of a frame: "    #1 0x5587a8092163 in make_node /a/folder/list.c:13".
fn maker(frame: &str, program: &Program) -> String {
    let is_own = frame.contains(&format!("/{}:", program.file));
    let function = frame.split(" in ").nth(1).and_then(|rest| rest.split([' ', '(']).next());
    function.filter(|_| is_own).unwrap_or(LIBRARY).to_owned()
}
