//! Core files that gdb makes of a real process under the allocator: all of its memory is as it was in the process, the heap is read, and
//! damaged files do no harm.

#[path = "cores/subject.rs"]
mod subject;

use mcrx_allocator::reader::{Block, Consistency, Heap, Limits};
use mcrx_harness::{Context, Explain, Result, Suite, bail, condition, ensure, program, until};
use mcrx_harness::{Pid, Signal};
use mcrx_tracer::core_file::{self, CoreFault};
use mcrx_tracer::image::{FileFault, Image, MappingKind, Process, Reason, ThreadMemory};
use mcrx_tracer::snapshot::{self, Options};
use nix::sys::signal::kill;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use subject::Subject;

fn main() -> ExitCode {
    let needs = || [program("gcc"), program("gdb")];
    let makes_cores = condition(|| match fs::read_to_string("/proc/sys/kernel/core_pattern").as_deref() {
        Ok("core\n") => Ok(()),
        _ => Err("the kernel is told to put core files elsewhere (core_pattern)".to_owned()),
    });
    Suite::new()
        .test(needs(), all_memory_is_as_it_was_in_the_process)
        .test(needs(), the_heap_is_read_from_a_core_and_from_a_snapshot_of_it)
        .test(needs(), threads_modules_and_thread_local_variables_are_found)
        .test(needs(), code_of_a_program_that_was_replaced_cannot_be_read_and_its_heap_can)
        .test(needs(), a_core_that_is_cut_short_is_said_to_be)
        .test([program("gcc"), makes_cores], a_core_of_the_kernels_is_read_like_one_of_gdbs)
        .test(needs(), other_files_are_said_to_be_no_cores)
        .test(needs(), damaged_cores_do_no_harm)
        .run()
}

fn only(image: &Image) -> Result<&Process> {
    ensure!(image.processes.len() == 1, "{} processes", image.processes.len());
    image.processes.first().context("a process")
}

fn all_memory_is_as_it_was_in_the_process(test: &Context) -> Result<()> {
    let subject = Subject::start(test)?;
    let image = core_file::open(&subject.core(test)?)?;
    let process = only(&image)?;
    let live = File::open(format!("/proc/{}/mem", subject.pid()))?;
    let mut compared = 0;
    for line in subject.maps()?.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().context("a range")?, words.next().context("rights")?);
        // The kernel does not let it be read.
        if !rights.starts_with('r') || line.contains("[vvar") {
            continue;
        }
        let (start, end) = range.split_once('-').context("a range")?;
        let (start, end) = (u64::from_str_radix(start, 16)?, u64::from_str_radix(end, 16)?);
        let mut was = vec![0; usize::try_from(end - start)?];
        live.read_exact_at(&mut was, start)?;
        let mut is = vec![0; was.len()];
        process.memory.read(start, &mut is).with_context(|| line.to_owned())?;
        ensure!(is == was, "{line}: differs");
        let mapping = process.mapping_at(start).with_context(|| format!("{line}: no mapping"))?;
        ensure!(mapping.permissions.execute == rights.contains('x'), "{line}: {mapping:?}");
        ensure!(mapping.permissions.write == rights.contains('w'), "{line}: {mapping:?}");
        if line.contains(" /") {
            ensure!(
                matches!(&mapping.kind, MappingKind::File { path, .. } if line.ends_with(&path.display().to_string())),
                "{line}: {mapping:?}"
            );
        }
        ensure!((mapping.kind == MappingKind::Stack) == line.ends_with("[stack]"), "{line}: {mapping:?}");
        ensure!((mapping.kind == MappingKind::Vdso) == line.ends_with("[vdso]"), "{line}: {mapping:?}");
        compared += 1;
    }
    ensure!(compared > 20, "{compared} mappings");
    Ok(())
}

fn blocks(image: &Image) -> Result<Vec<Block>> {
    let process = only(image)?;
    let heap = Heap::read(&process.memory, &process.regions(), Consistency::Stopped, Limits::default())?;
    Ok(heap.blocks().collect())
}

fn the_heap_is_read_from_a_core_and_from_a_snapshot_of_it(test: &Context) -> Result<()> {
    let subject = Subject::start(test)?;
    let image = core_file::open(&subject.core(test)?)?;
    let found = blocks(&image)?;
    let sizes: BTreeMap<u64, u64> = found.iter().map(|block| (block.address.0, block.requested)).collect();
    ensure!(subject.blocks.len() == 1000);
    for (address, size) in &subject.blocks {
        ensure!(sizes.get(address) == Some(size), "{address:#x}: {:?}, not {size}", sizes.get(address));
    }
    let path = test.scratch().fresh("core.snap");
    for redact in [false, true] {
        let written = snapshot::save(&image, &Options { redact, ..Options::default() }, &path)?;
        ensure!(written.file_bytes < fs::metadata(subject.core(test)?)?.len() / 4, "{written:?}");
        ensure!(blocks(&snapshot::open(&path)?)? == found, "redacted: {redact}");
    }
    Ok(())
}

fn threads_modules_and_thread_local_variables_are_found(test: &Context) -> Result<()> {
    let subject = Subject::start(test)?;
    let image = core_file::open(&subject.core(test)?)?;
    let process = only(&image)?;
    ensure!(
        process.pid == subject.pid() && process.parent == std::process::id(),
        "{} {}",
        process.pid,
        process.parent
    );
    ensure!(process.name == "program" && process.executable == subject.program, "{}", process.name);
    let [main, other] = process.threads.as_slice() else { bail!("{} threads", process.threads.len()) };
    ensure!(main.tid == process.pid && other.tid != main.tid);
    const PAUSE: u32 = 34;
    for thread in &process.threads {
        ensure!(thread.blocked_in == Some(PAUSE), "{thread:?}");
        let module = process.module_at(thread.registers.rip).context("the instruction is of no module")?;
        ensure!(module.path.ends_with("libc.so.6") && module.build_id.is_some(), "{module:?}");
    }
    let own = process.module_at(subject.places["changed"]).context("the program is no module")?;
    ensure!(own.path == subject.program && own.range.contains(&subject.places["text"]), "{own:?}");
    let memory = ThreadMemory::new(process, main);
    ensure!(memory.thread_local_block(own) == Some(subject.places["own"]), "{own:?}");
    ensure!(process.memory.word(subject.places["own"]) == Some(0x1122_3344_5566_7788));
    ensure!(process.memory.word(subject.places["changed"]) == Some(2));
    Ok(())
}

fn code_of_a_program_that_was_replaced_cannot_be_read_and_its_heap_can(test: &Context) -> Result<()> {
    let subject = Subject::start(test)?;
    let core = subject.core(test)?;
    let other = test.scratch().fresh("other");
    fs::copy("/bin/true", &other)?;
    fs::rename(&other, &subject.program)?;
    let image = core_file::open(&core)?;
    let process = only(&image)?;
    let module = process.module_at(subject.places["changed"]).context("the program is no module")?;
    let code = process.mappings.iter().find(|mapping| {
        module.range.contains(&mapping.range.start)
            && mapping.range.start != module.range.start
            && process.memory.bytes(mapping.range.start, 8).is_none()
    });
    let code = code.context("all of the program can be read")?;
    let why = process.memory.why_not(code.range.start, 8).context("it can be read")?;
    ensure!(
        matches!(&why.reason, Reason::File(FileFault::Replaced { path, .. }) if *path == subject.program),
        "{why}"
    );
    ensure!(blocks(&image)?.len() >= 1000);
    Ok(())
}

fn a_core_that_is_cut_short_is_said_to_be(test: &Context) -> Result<()> {
    let core = Subject::start(test)?.core(test)?;
    let whole = fs::metadata(&core)?.len();
    for len in [whole / 2, whole / 10] {
        File::options().write(true).open(&core)?.set_len(len)?;
        let error = core_file::open(&core).err().context("it was opened")?;
        ensure!(
            matches!(error.why, CoreFault::Truncated { len: found, needed } if found == len && needed > len),
            "{error}"
        );
    }
    Ok(())
}

/// The kernel lists all that was mapped, and dumps of files only their first page.
fn a_core_of_the_kernels_is_read_like_one_of_gdbs(test: &Context) -> Result<()> {
    let subject = Subject::start(test)?;
    let was = fs::read(format!("/proc/{}/maps", subject.pid()))?;
    let code = String::from_utf8(was)?;
    let code =
        code.lines().find(|line| line.contains("r-xp") && line.ends_with("/libc.so.6")).context("code")?;
    let start = u64::from_str_radix(code.split('-').next().context("a range")?, 16)?;
    let mut bytes = vec![0; 0x10_0000];
    File::open(format!("/proc/{}/mem", subject.pid()))?.read_exact_at(&mut bytes, start)?;
    // Not SIGQUIT, which whatever a shell runs in the background ignores.
    kill(Pid::from_raw(subject.pid().try_into()?), Signal::SIGABRT)?;
    let directory = test.scratch().directory();
    let core = until(Duration::from_secs(20), "a core file", || {
        // With `core_uses_pid` it has the number behind its name.
        let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        let is_core =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core"));
        Ok(names.into_iter().find(is_core))
    })?;
    let image = until(Duration::from_secs(20), "all of the core file", || Ok(core_file::open(&core).ok()))?;
    let process = only(&image)?;
    ensure!(process.pid == subject.pid() && process.threads.len() == 2, "{:?}", process.threads);
    ensure!(process.memory.bytes(start, bytes.len()) == Some(&bytes), "libc's code differs");
    let sizes: BTreeMap<u64, u64> =
        blocks(&image)?.iter().map(|block| (block.address.0, block.requested)).collect();
    ensure!(subject.blocks.iter().all(|(address, size)| sizes.get(address) == Some(size)));
    Ok(())
}

fn other_files_are_said_to_be_no_cores(_: &Context) -> Result<()> {
    for path in ["/bin/true", "/etc/passwd", "/dev/null", "/", "/no/such/file"] {
        let error = core_file::open(path.as_ref()).err().context("it was opened")?;
        ensure!(matches!(error.why, CoreFault::Foreign | CoreFault::Io(_)), "{error}");
    }
    Ok(())
}

/// Each byte of the headers, and of the notes that are read, takes some other values.
fn damaged_cores_do_no_harm(test: &Context) -> Result<()> {
    let core = Subject::start(test)?.core(test)?;
    let file = File::options().read(true).write(true).open(&core)?;
    let word = |at: u64| -> Result<u64> {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, at)?;
        Ok(u64::from_le_bytes(bytes))
    };
    // The first program header is that of the notes: offset and length are its second and fifth words.
    let (notes, notes_len) = (word(64 + 8)?, word(64 + 32)?);
    let headers = 0..64 + 56 * 8;
    let mut opened = 0;
    let mut places: Vec<u64> = headers.collect();
    places.extend((notes..notes + notes_len).step_by(61));
    places.extend(notes..notes + 200);
    for at in places {
        let mut was = [0];
        file.read_exact_at(&mut was, at)?;
        for byte in [was[0] ^ 0x80, was[0] ^ 1, 0xFF] {
            file.write_all_at(&[byte], at)?;
            if let Ok(image) = core_file::open(&core) {
                opened += 1;
                for process in &image.processes {
                    for mapping in &process.mappings {
                        let _ = process.memory.word(mapping.range.start);
                        let _ = process.memory.why_not(mapping.range.end, 8);
                    }
                    let _ = process.regions();
                }
            }
        }
        file.write_all_at(&was, at)?;
    }
    ensure!(opened > 100, "{opened} opened");
    ensure!(core_file::open(&core).is_ok(), "it is as it was");
    Ok(())
}
