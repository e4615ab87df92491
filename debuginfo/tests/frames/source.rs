//! Lines and inlined functions of ten thousand random addresses of each server, against addr2line(1).

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::lines::{Lines, Place, SourceFrame};
use mcrx_debuginfo::table::Address;
use mcrx_harness::{Context, Explain, Need, Result, Suite, ensure, program};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    // Without -C: names are as linkers know them.
    let servers = ["nginx", "redis", "memcached", "httpd-event", "vsftpd", "openssh"];
    servers.into_iter().fold(suite, |suite, name| {
        let needs: [Need; 2] = [program("addr2line"), program("gdb")];
        suite.each(name, needs, random_addresses_agree_with_addr2line).within(Duration::from_secs(300))
    })
}

const ADDRESSES: usize = 10_000;

/// A frame as addr2line shows it: a name, and a file with a line.
type Shown = (String, String);

fn random_addresses_agree_with_addr2line(test: &Context) -> Result<()> {
    let program = &test.first_server()?.path;
    let binary = Binary::open(program)?;
    let addresses = random_addresses(&binary);
    let theirs = by_addr2line(test, program, &addresses)?;
    let dwarf = binary.dwarf()?;
    let lines = Lines::new(&dwarf)?;
    let (mut differences, mut disputed, mut inlined, mut frames) = (Vec::new(), Vec::new(), 0, 0);
    for (address, theirs) in addresses.iter().zip(&theirs) {
        let ours: Vec<Shown> =
            lines.frames(*address)?.iter().map(|frame| shown(&binary, *address, frame)).collect();
        frames += ours.len();
        inlined += usize::from(ours.len() > 1);
        if differ_in_file(&ours, theirs) && ours != *theirs {
            disputed.push((*address, ours));
        } else if !agree(&ours, theirs) {
            differences.push(format!("{address}: {ours:?}\n    by addr2line {theirs:?}"));
        }
    }
    println!(
        "{}: {frames} frames, {inlined} addresses in inlined functions, {} disputed",
        program.display(),
        disputed.len()
    );
    ensure!(disputed.len() < ADDRESSES / 50, "{} files differ", disputed.len());
    if !disputed.is_empty() {
        let (addresses, ours): (Vec<Address>, Vec<Vec<Shown>>) = disputed.into_iter().unzip();
        let by_gdb = by_gdb(test, program, &addresses)?;
        ensure!(by_gdb.len() == addresses.len(), "gdb has {} of {} files", by_gdb.len(), addresses.len());
        for ((address, ours), theirs) in addresses.iter().zip(ours).zip(by_gdb) {
            let file = ours.first().and_then(|frame| frame.1.rsplit_once(':'));
            ensure!(
                file.is_some_and(|(file, _)| theirs.ends_with(file)),
                "{address}: {ours:?}, by gdb {theirs}"
            );
        }
    }
    ensure!(frames > ADDRESSES, "{frames} frames at {ADDRESSES} addresses");
    let shown = differences.get(..differences.len().min(20)).unwrap_or_default().join("\n");
    ensure!(differences.is_empty(), "{} of {ADDRESSES} differ:\n{shown}", differences.len());
    Ok(())
}

fn agree(ours: &[Shown], theirs: &[Shown]) -> bool {
    // Where there is no debug info, addr2line takes the name from the symbol table, and perhaps a file.
    let is_by_symbol = ours.is_empty() && matches!(theirs, [(_, place)] if place.ends_with(":?"));
    // An inlined function of C++ without a linkage name has the name of the symbol that it is in.
    let symbol = ours.last().map(|outermost| &outermost.0);
    let same = |(ours, theirs): (&Shown, &Shown)| {
        ours.1 == theirs.1 && (ours.0 == theirs.0 || symbol == Some(&theirs.0) && !ours.0.starts_with("_Z"))
    };
    is_by_symbol || ours.len() == theirs.len() && ours.iter().zip(theirs).all(same)
}

/// Whether only the innermost file differs. addr2line takes it from the symbol table if there is a symbol of a file (BFD's
/// `_bfd_elf_find_function`), and so misses that a file includes another: `dict.c` of `async.c`.
fn differ_in_file(ours: &[Shown], theirs: &[Shown]) -> bool {
    let line = |shown: &Shown| shown.1.rsplit_once(':').map(|(_, line)| line.to_owned());
    let (Some((mine, my_callers)), Some((their, their_callers))) = (ours.split_first(), theirs.split_first())
    else {
        return false;
    };
    my_callers == their_callers && mine.0 == their.0 && line(mine) == line(their)
}

/// The files of addresses by gdb, which does not look at symbols for them. (Its lines are those that a statement begins at.)
fn by_gdb(test: &Context, program: &Path, addresses: &[Address]) -> Result<Vec<String>> {
    let list: Vec<String> = addresses.iter().map(Address::to_string).collect();
    let script = format!(
        "python\nfor at in [{}]:\n  found = gdb.find_pc_line(at)\n  print('at', found.symtab.fullname())\nend\n",
        list.join(", ")
    );
    let file = test.scratch().fresh("script.gdb");
    fs::write(&file, script)?;
    let mut command = Command::new(test.program("gdb")?);
    command.args(["-batch", "-nx", "-iex", "set debuginfod enabled off", "-x"]).arg(&file).arg(program);
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_prefix("at ")).map(plain).collect())
}

/// In functions of the program that have debug info, by a generator that is the same each time.
fn random_addresses(binary: &Binary) -> Vec<Address> {
    let functions: Vec<_> = binary.symbols().functions().filter(|function| function.size > 0).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: u64| {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D) % below
    };
    let total: u64 = functions.iter().map(|function| function.size).sum();
    let address = |mut at: u64| {
        for function in &functions {
            if at < function.size {
                return Address(function.address.0 + at);
            }
            at -= function.size;
        }
        Address(0)
    };
    (0..ADDRESSES).map(|_| address(random(total))).collect()
}

fn by_addr2line(test: &Context, program: &Path, addresses: &[Address]) -> Result<Vec<Vec<Shown>>> {
    let list = test.scratch().fresh("addresses");
    fs::write(&list, addresses.iter().map(|address| format!("{address}\n")).collect::<String>())?;
    let mut command = Command::new(test.program("addr2line")?);
    command.args(["-a", "-f", "-i", "-e"]).arg(program).stdin(fs::File::open(&list)?);
    let output = command.env("LC_ALL", "C").output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found: Vec<Vec<Shown>> = Vec::new();
    let text = String::from_utf8(output.stdout)?;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("0x") {
            found.push(Vec::new());
            continue;
        }
        let place = lines.next().context("a function without a place")?;
        let place = place.split(" (discriminator").next().unwrap_or(place);
        found.last_mut().context("an address first")?.push((line.to_owned(), plain(place)));
    }
    ensure!(found.len() == addresses.len(), "{} of {} addresses", found.len(), addresses.len());
    Ok(found)
}

fn shown(binary: &Binary, address: Address, frame: &SourceFrame<'_>) -> Shown {
    let Place { file, line, .. } = frame.place;
    let line = if line == 0 { "?".to_owned() } else { line.to_string() };
    // addr2line takes the symbol where the debug info has no function.
    let symbol = || binary.symbols().function_at(address).map(|symbol| symbol.name.to_owned());
    let name = frame.function.as_ref().map(|name| name.clone().into_owned()).or_else(symbol);
    (name.unwrap_or_else(|| "??".to_owned()), plain(&format!("{}:{line}", file.unwrap_or("??"))))
}

/// Without steps that lead nowhere.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
