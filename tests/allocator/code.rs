//! What binutils say of a program's code: the oracle for what the allocator finds out about call stacks.

use mcrx_harness::{Explain as _, Result, ensure};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A program or library, taken apart. All addresses are from where it begins in memory.
pub(crate) struct Code {
    pub(crate) build_id: Vec<u8>,
    /// Functions by address: where each ends, and its name.
    functions: BTreeMap<u64, (u64, String)>,
    pub(crate) calls: Vec<Call>,
    /// From this address to the next: how far the canonical frame address is above the stack pointer, where that is how it is found.
    frames: BTreeMap<u64, Option<u32>>,
}

/// A call instruction.
#[derive(Debug)]
pub(crate) struct Call {
    /// The function it is in.
    pub(crate) function: String,
    /// The address that it returns to.
    pub(crate) returns_to: u64,
}

impl Code {
    pub(crate) fn read(path: &Path) -> Result<Code> {
        let bytes = fs::read(path)?;
        let file = object::File::parse(&*bytes)?;
        let build_id = file.build_id()?.context("it has no build-id")?.to_owned();
        // 0, unless it is linked to lie at a fixed place.
        let base = file.segments().map(|segment| segment.address()).min().context("it has no segments")?;
        let base = base & !0xFFF;
        let functions = file
            .symbols()
            .filter(|symbol| symbol.kind() == object::SymbolKind::Text && symbol.size() > 0)
            .map(|symbol| {
                let start = symbol.address() - base;
                Ok((start, (start + symbol.size(), symbol.name()?.to_owned())))
            })
            .collect::<Result<_>>()?;
        let disassembly = said("objdump", &["-d", "--no-show-raw-insn"], path)?;
        let frames = said("readelf", &["--debug-dump=frames-interp"], path)?;
        Ok(Code { build_id, functions, calls: calls(&disassembly, base), frames: rows(&frames, base) })
    }

    /// The function that a return address is in. A call may be its last instruction.
    pub(crate) fn function_returned_to(&self, address: u64) -> Option<&str> {
        let (_, (end, name)) = self.functions.range(..address).next_back()?;
        (address <= *end).then_some(name)
    }

    /// How far above the stack pointer the return address of the function lies, at the instruction at this address.
    pub(crate) fn return_at(&self, address: u64) -> Option<u32> {
        // The canonical frame address is what the stack pointer was before the call: the return address lies right below.
        self.frames.range(..=address).next_back()?.1.map(|frame| frame - 8)
    }

    pub(crate) fn build_id_in_hex(&self) -> String {
        self.build_id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn said(program: &str, arguments: &[&str], path: &Path) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .arg(path)
        .env("LC_ALL", "C")
        .output()
        .context(program.to_owned())?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `0000000000001310 <wrapper_1>:` begins a function, `    1314:` and `call   10a0 <malloc@plt>`, with a tab between, are an
/// instruction.
fn calls(disassembly: &str, base: u64) -> Vec<Call> {
    let (mut calls, mut function, mut called) = (Vec::new(), "", false);
    for line in disassembly.lines() {
        if let Some((_, name)) = line.strip_suffix(">:").and_then(|line| line.split_once('<')) {
            (function, called) = (name, false);
        } else if let Some((address, instruction)) = line.split_once(":\t") {
            let Ok(address) = u64::from_str_radix(address.trim(), 16) else { continue };
            if called {
                calls.push(Call { function: function.to_owned(), returns_to: address - base });
            }
            called = instruction.starts_with("call");
        }
    }
    calls
}

/// `0000000000001314 rsp+32   c-8` is a row of a table that holds up to the next or to the end of its `pc=FROM..TO`.
fn rows(frames: &str, base: u64) -> BTreeMap<u64, Option<u32>> {
    let mut rows = BTreeMap::new();
    for line in frames.lines() {
        let mut words = line.split_whitespace();
        if let Some((_, (_, to))) = line.split_once("pc=").and_then(|(a, b)| Some((a, b.split_once("..")?))) {
            if let Ok(to) = u64::from_str_radix(to.trim(), 16) {
                rows.entry(to - base).or_insert(None);
            }
        } else if let (Some(address), Some(rule)) = (words.next(), words.next())
            && address.len() == 16
            && let Ok(address) = u64::from_str_radix(address, 16)
        {
            // The table that entries have in common begins at 0.
            let Some(address) = address.checked_sub(base) else { continue };
            rows.insert(address, rule.strip_prefix("rsp+").and_then(|offset| offset.parse().ok()));
        }
    }
    rows
}
