//! An image of live processes holds what they hold.

use mcrx_harness::{Context, Explain as _, Pid, Result, Suite, ensure, program, until};
use mcrx_live::capture::{Choice, capture, capture_by};
use mcrx_live::hold::Scope;
use mcrx_tracer::image::{Image, MappingKind, Method, Process, ThreadMemory};
use program_under_test::Program;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

#[path = "capture/nginx.rs"]
mod nginx;
#[path = "hold/program.rs"]
mod program_under_test;

fn main() -> ExitCode {
    let cc = || [program("cc")];
    let suite = Suite::new()
        .test(cc(), every_kind_of_memory_is_what_the_program_says_it_is)
        .test(cc(), all_is_of_one_instant)
        .test(cc(), shared_memory_is_one_content_for_all)
        .test(cc(), threads_have_names_registers_and_variables_of_their_own)
        .test(cc(), modules_are_where_the_linker_has_put_them)
        .test(cc(), a_process_without_its_main_thread_is_captured)
        .test(cc(), a_removed_program_is_captured_with_its_code)
        .test(cc(), a_large_heap_is_cloned_and_holds_the_same_as_a_copy)
        .within(Duration::from_secs(180));
    nginx::tests(suite).run()
}

/// Where the program has something, and what sum of it.
struct Place {
    address: u64,
    len: usize,
    sum: String,
}

fn start(test: &Context, arguments: &[&str]) -> Result<(Program, BTreeMap<String, Place>)> {
    let mut program = Program::start_of(test, "capture", "known", arguments)?;
    let mut places = BTreeMap::new();
    loop {
        let line = program.line()?;
        if line == "." {
            until(Duration::from_secs(20), "its threads", || at_their_work(program.pid()))?;
            return Ok((program, places));
        }
        let fields: Vec<&str> = line.split(' ').collect();
        let [name, address, len, sum] = fields[..] else { mcrx_harness::bail!("it says {line:?}") };
        let address = u64::from_str_radix(address, 16)?;
        places.insert(name.to_owned(), Place { address, len: len.parse()?, sum: sum.to_owned() });
    }
}

/// The thread that counts is started last, and then two wait in pause(2).
fn at_their_work(pid: Pid) -> Result<Option<()>> {
    let (mut threads, mut waiting) = (0, 0);
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        threads += 1;
        let call = std::fs::read_to_string(task?.path().join("syscall"))?;
        waiting += usize::from(call.starts_with("34 "));
    }
    Ok((threads == 3 && waiting == 2).then_some(()))
}

/// FNV-1a, as the program sums up.
fn sum(bytes: &[u8]) -> String {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    format!("{:x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

fn root(image: &Image) -> Result<&Process> {
    image.processes.first().context("no process")
}

fn read(process: &Process, place: &Place) -> Result<Vec<u8>> {
    let mut bytes = vec![0; place.len];
    process.memory.read(place.address, &mut bytes)?;
    Ok(bytes)
}

fn every_kind_of_memory_is_what_the_program_says_it_is(test: &Context) -> Result<()> {
    let (program, places) = start(test, &[])?;
    for (choice, method) in [(Choice::Copy, Method::Copy), (Choice::Clone, Method::Clone)] {
        let image = capture_by(Scope::Tree(program.pid()), choice)?;
        ensure!(image.processes.len() == 2, "{} processes", image.processes.len());
        ensure!(image.taken.method == method, "{choice:?}");
        check_places(&image, &places)?;
    }
    Ok(())
}

fn check_places(image: &Image, places: &BTreeMap<String, Place>) -> Result<()> {
    let process = root(image)?;
    for (name, place) in places {
        if place.sum == "absent" {
            // Not to be taken for zeros.
            ensure!(process.memory.bytes(place.address, 1).is_none(), "{name}");
            continue;
        }
        let bytes = read(process, place).with_context(|| name.clone())?;
        match place.sum.as_str() {
            "zeros" => ensure!(bytes.iter().all(|byte| *byte == 0), "{name}"),
            "child" => {
                ensure!(bytes.iter().any(|byte| *byte != 0), "{name}: what the child wrote is not there")
            }
            "counter" => {}
            wanted => ensure!(sum(&bytes) == wanted, "{name} at {:#x} is not what it is", place.address),
        }
    }
    ensure!(places.len() > 20, "only {} places", places.len());
    // An object may lie across a seam: both sides are lent as one.
    let seam = &places["seam"];
    ensure!(process.memory.bytes(seam.address, seam.len).is_some(), "{seam:#x}", seam = seam.address);
    ensure!(process.name == "known" && process.executable.ends_with("known"), "{}", process.name);
    ensure!(process.mappings.iter().any(|mapping| mapping.kind == MappingKind::Stack));
    Ok(())
}

/// A thread counts up one word and then the other, without end: at every instant the first is ahead by one or not at all.
fn all_is_of_one_instant(test: &Context) -> Result<()> {
    let (program, places) = start(test, &[])?;
    let (mut last, mut went_on, mut round) = (0, 0, 0);
    // On a busy machine the thread that counts may not have its turn between two captures.
    while went_on < 20 {
        round += 1;
        let choice = if round % 2 == 0 { Choice::Copy } else { Choice::Clone };
        let image = capture_by(Scope::Tree(program.pid()), choice)?;
        let process = root(&image)?;
        let word = |name: &str| process.memory.word(places[name].address).context(name.to_owned());
        let (before, after) = (word("before")?, word("after")?);
        ensure!(before.wrapping_sub(after) <= 1, "{before} and {after} are not of one instant");
        ensure!(before >= last, "it goes back");
        went_on += u32::from(before > last);
        last = before;
    }
    Ok(())
}

fn shared_memory_is_one_content_for_all(test: &Context) -> Result<()> {
    let (program, places) = start(test, &[])?;
    let image = capture(Scope::Tree(program.pid()))?;
    let [parent, child] = &image.processes[..] else { mcrx_harness::bail!("not two processes") };
    ensure!(child.parent == parent.pid);
    let content = |process: &Process, name: &str| {
        let segment = process.memory.segment_at(places[name].address);
        segment.map(|segment| std::sync::Arc::as_ptr(segment.content())).context(name.to_owned())
    };
    for name in ["written-by-child", "memfd", "system-v", "file-shared"] {
        ensure!(content(parent, name)? == content(child, name)?, "{name} was copied twice");
    }
    ensure!(content(parent, "memfd")? == content(parent, "memfd-again")?);
    ensure!(content(parent, "big")? != content(child, "big")?);
    // Counted in the one, seen in the other.
    let theirs = places["theirs"].address;
    ensure!(parent.memory.word(theirs) == child.memory.word(theirs) && parent.memory.word(theirs) > Some(0));
    Ok(())
}

fn threads_have_names_registers_and_variables_of_their_own(test: &Context) -> Result<()> {
    let (program, places) = start(test, &[])?;
    let image = capture(Scope::Process(program.pid()))?;
    let process = root(&image)?;
    ensure!(process.threads.len() == 3, "{} threads", process.threads.len());
    let module =
        process.modules.iter().find(|module| module.path.ends_with("known")).context("no program")?;
    let tls = module.tls.context("it has thread-local variables")?;
    for (thread, variable) in [(0, "main-thread-local"), (1, "thread-local")] {
        let thread = &process.threads[thread];
        ensure!(thread.name == "known", "{}", thread.name);
        ensure!(thread.blocked_in == Some(34), "in pause, not in {:?}", thread.blocked_in);
        let stack = process.mapping_at(thread.registers.rsp).context("no stack")?;
        ensure!(stack.permissions.write, "{stack:?}");
        let code = process.module_at(thread.registers.rip).context("no code")?;
        ensure!(code.path.to_string_lossy().contains("libc"), "{code:?}");
        let block = ThreadMemory::new(process, thread).thread_local_block(module).context("no block")?;
        let address = places[variable].address;
        ensure!(
            (block..block + tls.size).contains(&address),
            "{variable} at {address:#x} is not in {block:#x}"
        );
    }
    ensure!(process.threads[2].blocked_in.is_none(), "it counts");
    Ok(())
}

fn modules_are_where_the_linker_has_put_them(test: &Context) -> Result<()> {
    let (program, places) = start(test, &[])?;
    let image = capture(Scope::Process(program.pid()))?;
    let process = root(&image)?;
    for name in ["known", "libc.so.6", "ld-linux-x86-64.so.2"] {
        let found = process.modules.iter().filter(|module| module.path.ends_with(name)).count();
        ensure!(found == 1, "{name} was found {found} times");
    }
    let nm = std::process::Command::new("nm").arg(test.scratch().directory().join("known")).output()?;
    let symbols = String::from_utf8(nm.stdout)?;
    let main = symbols.lines().find(|line| line.ends_with(" T main")).context("nm knows main")?;
    let main = u64::from_str_radix(main.split(' ').next().unwrap_or_default(), 16)?;
    let module = process.module_at(places["code"].address).context("no module has the code")?;
    ensure!(module.mapped(main) == places["code"].address, "{module:?}");
    let libc = process.modules.iter().find(|module| module.path.ends_with("libc.so.6")).context("no libc")?;
    ensure!(libc.build_id.is_some() && libc.tls.is_some_and(|tls| tls.below_thread_pointer.is_some()));
    Ok(())
}

fn a_process_without_its_main_thread_is_captured(test: &Context) -> Result<()> {
    let mut program = Program::start_of(test, "hold", "crowd", &["3", "0", "leaderless"])?;
    program.line()?;
    let pid = program.pid();
    let is_zombie = || mcrx_harness::process::Process::read(pid).is_some_and(|process| process.is_zombie());
    until(Duration::from_secs(20), "the main thread to end", || Ok(is_zombie().then_some(())))?;
    let image = capture(Scope::Tree(pid))?;
    ensure!(root(&image)?.threads.len() == 4 && root(&image)?.executable.ends_with("crowd"));
    program.ask("sum")?;
    Ok(())
}

/// As it is after an upgrade of its package.
fn a_removed_program_is_captured_with_its_code(test: &Context) -> Result<()> {
    let (program, places) = start(test, &[])?;
    let path = test.scratch().directory().join("known");
    std::fs::rename(&path, path.with_extension("old"))?;
    std::fs::write(&path, "another program")?;
    let image = capture(Scope::Process(program.pid()))?;
    std::fs::remove_file(path.with_extension("old"))?;
    let after = capture(Scope::Process(program.pid()))?;
    let cloned = capture_by(Scope::Process(program.pid()), Choice::Clone)?;
    for image in [&image, &after, &cloned] {
        let process = root(image)?;
        for name in ["code", "constant", "initialised", "relocated"] {
            ensure!(sum(&read(process, &places[name])?) == places[name].sum, "{name}");
        }
        ensure!(process.module_at(places["code"].address).is_some());
    }
    Ok(())
}

fn a_large_heap_is_cloned_and_holds_the_same_as_a_copy(test: &Context) -> Result<()> {
    let (program, places) = start(test, &["256"])?;
    let large = &places["large"];
    for (choice, method) in [(Choice::Copy, Method::Copy), (Choice::Quickest, Method::Clone)] {
        let start = std::time::Instant::now();
        let image = capture_by(Scope::Process(program.pid()), choice)?;
        eprintln!("256 MiB, {method:?}: held for {:.1?} of {:.1?}", image.taken.held, start.elapsed());
        ensure!(image.taken.method == method && image.taken.held < start.elapsed());
        ensure!(sum(&read(root(&image)?, large)?) == large.sum, "{method:?}");
    }
    Ok(())
}
