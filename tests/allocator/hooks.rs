//! Pools made visible: functions of a program's own are hooked as it starts, and what they return is a part of the block that it lies in.

use crate::code::Code;
use crate::held::heap;
use crate::programs::{compiled_with, library};
use crate::waiting::Waiting;
use mcrx_allocator::reader::{Consistency, Heap, Place, Sites};
use mcrx_debuginfo::callers::Callers;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::hooks::{Hook, Hooks};
use mcrx_debuginfo::load::load;
use mcrx_debuginfo::table::Address;
use mcrx_harness::client::Wrk;
use mcrx_harness::server::Nginx;
use mcrx_harness::{Context, Explain as _, Pid, Result, Suite, bail, ensure, program, server};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn tests(suite: Suite) -> Suite {
    let binutils = || [program("objdump"), program("readelf")];
    suite
        .test(binutils(), parts_of_pools_are_seen_with_their_sizes_and_callers)
        .test(binutils(), a_child_sees_its_parents_parts_and_makes_its_own)
        .test(binutils(), blocks_made_in_hooked_functions_keep_their_sites)
        .test([], a_table_for_other_code_is_not_used)
        .test([server("nginx", "1.22.1"), program("wrk")], parts_in_nginx_lie_in_their_pools)
}

const POOLS: [&str; 3] = ["pool_alloc", "pool_zalloc", "pool_any"];

fn hook(function: &str) -> Hook {
    Hook { function: function.to_owned(), size_parameter: 1, parameters: 2 }
}

struct Pools {
    program: PathBuf,
    tables: PathBuf,
}

impl Pools {
    fn new(test: &Context, flags: &[&str]) -> Result<Pools> {
        let program = compiled_with("../../debuginfo/tests/hooks/pools.c", flags)?;
        let tables = test.scratch().fresh("tables");
        let binary = Binary::open(&program)?;
        let hooks = Hooks::of(&binary, &load(&binary)?, &POOLS.map(hook))?;
        ensure!(hooks.rows().len() == POOLS.len(), "{flags:?}: {:?}", hooks.refused());
        hooks.write(&tables)?;
        Ok(Pools { program, tables })
    }

    fn run(&self, test: &Context, arguments: &[&str], hooked: bool) -> Result<Waiting> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().env("LD_PRELOAD", library()?).env("MCRX_CALLERS", &self.tables);
        if hooked {
            command.env("MCRX_HOOKS", &self.tables);
        }
        Waiting::start(test, &mut command)
    }
}

/// What the program says: its live parts, the address of the large block, its number.
fn said(line: &str) -> Result<(BTreeMap<u64, u64>, u64, Pid)> {
    let (parts, rest) = line.split_once("large ").context("no large block")?;
    let part = |word: &str| -> Result<(u64, u64)> {
        let (address, size) = word.split_once(':').context("no part")?;
        Ok((u64::from_str_radix(address, 16)?, size.parse()?))
    };
    let parts = parts.split_whitespace().map(part).collect::<Result<_>>()?;
    let (large, pid) = rest.split_once(" pid ").context("no pid")?;
    Ok((parts, u64::from_str_radix(large, 16)?, Pid::from_raw(pid.parse()?)))
}

fn seen(heap: &Heap) -> BTreeMap<u64, u64> {
    heap.parts().map(|part| (part.address.0, part.requested)).collect()
}

fn parts_of_pools_are_seen_with_their_sizes_and_callers(test: &Context) -> Result<()> {
    for flags in [&["-O2"][..], &["-O2", "-no-pie"], &["-O3", "-fcf-protection=full"], &["-O1"]] {
        let pools = Pools::new(test, flags)?;
        let code = Code::read(&pools.program)?;
        let program = pools.run(test, &[], true)?;
        let (want, large, _) = said(&program.line)?;
        let (heap, sites): (Heap, Sites) = program.heap()?;
        ensure!(program.errors()?.is_empty(), "{flags:?}: {}", program.errors()?);
        ensure!(seen(&heap) == want, "{flags:?}: {:x?} and not {want:x?}", seen(&heap));
        let Place::Live { block, offset: 0 } = heap.classify(large) else { bail!("no large block") };
        ensure!(block.within.is_none() && heap.first_part(block.slot).is_none());
        for part in heap.parts() {
            let site = sites.get(part.site).with_context(|| format!("{part:?} has no site"))?;
            let frames: Vec<_> =
                site.frames().filter_map(|frame| code.function_returned_to(frame.offset)).collect();
            let first = frames.first().copied().unwrap_or_default();
            ensure!(first.starts_with("caller_"), "{flags:?}: {part:?} by {frames:?}");
            let pool = part.within.and_then(|slot| heap.block(slot)).context("it lies in no block")?;
            ensure!(pool.requested == 1000, "{pool:?}");
        }
        program.end()?;
        // Without hooks there are none.
        let program = pools.run(test, &[], false)?;
        ensure!(seen(&program.heap()?.0).is_empty());
        program.end()?;
    }
    Ok(())
}

fn a_child_sees_its_parents_parts_and_makes_its_own(test: &Context) -> Result<()> {
    let pools = Pools::new(test, &["-O2"])?;
    // The line is the child's: its parent waits for ever.
    let program = pools.run(test, &["fork"], true)?;
    let (want, _, child) = said(&program.line)?;
    let own = heap(child, Consistency::Stopped);
    let parent = program.heap()?.0;
    nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL)?;
    let own = seen(&own?);
    ensure!(own == want, "{own:x?} and not {want:x?}");
    ensure!(seen(&parent).len() == want.len() - 2, "the parent has the child's parts");
    drop(program);
    Ok(())
}

fn blocks_made_in_hooked_functions_keep_their_sites(test: &Context) -> Result<()> {
    let pools = Pools::new(test, &["-O2"])?;
    let binary = Binary::open(&pools.program)?;
    let wrappers = POOLS.into_iter().flat_map(|name| binary.symbols().named(name));
    let wrappers: Vec<_> =
        wrappers.map(|symbol| symbol.address..Address(symbol.address.0 + symbol.size)).collect();
    Callers::of(&binary, wrappers)?.write(&pools.tables)?;
    let code = Code::read(&pools.program)?;
    let mut by_hook = Vec::new();
    for hooked in [false, true] {
        let program = pools.run(test, &[], hooked)?;
        let (_, large, _) = said(&program.line)?;
        let (heap, sites) = program.heap()?;
        let Place::Live { block, .. } = heap.classify(large) else { bail!("no large block") };
        let site = sites.get(block.site).context("it has no site")?;
        let frames: Vec<String> = site
            .frames()
            .map(|frame| format!("{:?}+{:#x}", code.function_returned_to(frame.offset), frame.offset))
            .collect();
        by_hook.push(frames);
        program.end()?;
    }
    let last = by_hook[1].last().context("no frames")?;
    ensure!(by_hook[0] == by_hook[1] && last.contains("caller_one"), "{by_hook:?}");
    Ok(())
}

fn a_table_for_other_code_is_not_used(test: &Context) -> Result<()> {
    let pools = Pools::new(test, &["-O2"])?;
    let file = fs::read_dir(&pools.tables)?.next().context("no table")??.path();
    let mut bytes = fs::read(&file)?;
    // The first byte that is expected to be there.
    bytes[64] ^= 1;
    fs::write(&file, &bytes)?;
    let program = pools.run(test, &[], true)?;
    ensure!(program.errors()?.contains("its code cannot be hooked"), "{}", program.errors()?);
    ensure!(seen(&program.heap()?.0).is_empty());
    program.end()?;
    fs::write(&file, &bytes[..bytes.len() - 1])?;
    let program = pools.run(test, &[], true)?;
    ensure!(program.errors()?.contains("is no table of this module"), "{}", program.errors()?);
    program.end()
}

/// The beginning of a pool's block, as `ngx_pool_data_t` has it: `last`, `end`.
fn word(pid: Pid, address: u64) -> Result<u64> {
    use std::os::unix::fs::FileExt as _;
    let mut bytes = [0; 8];
    fs::File::open(format!("/proc/{pid}/mem"))?.read_exact_at(&mut bytes, address)?;
    Ok(u64::from_le_bytes(bytes))
}

fn parts_in_nginx_lie_in_their_pools(test: &Context) -> Result<()> {
    let nginx = test.server("nginx")?;
    let tables = test.scratch().fresh("tables");
    let binary = Binary::open(Path::new(&nginx.path))?;
    let aligned = Hook { function: "ngx_pmemalign".to_owned(), size_parameter: 1, parameters: 3 };
    let hooked = ["ngx_palloc", "ngx_pnalloc", "ngx_pcalloc"].map(hook).into_iter().chain([aligned]);
    let hooks = Hooks::of(&binary, &load(&binary)?, &hooked.collect::<Vec<_>>())?;
    ensure!(hooks.rows().len() == 4, "{:?}", hooks.refused());
    hooks.write(&tables)?;
    let launch = test.launch(Nginx::of(nginx).workers(2)).preload(library()?);
    let server = launch.environment("MCRX_HOOKS", tables.display().to_string()).start()?;
    let load = Wrk::default().run(test.program("wrk")?, &server.url("/"))?;
    ensure!(load.errors() == 0, "{load:?}");
    let mut parts = 0;
    let master = server.pid();
    let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"))?;
    let workers = children.split_whitespace().map(|pid| Ok(Pid::from_raw(pid.parse()?)));
    for pid in workers.chain([Ok(master)]).collect::<Result<Vec<_>>>()? {
        let heap = heap(pid, Consistency::Stopped)?;
        for part in heap.parts() {
            parts += 1;
            let pool = part.within.and_then(|slot| heap.block(slot)).context("it lies in no block")?;
            let (last, end) = (word(pid, pool.address.0)?, word(pid, pool.address.0 + 8)?);
            ensure!(end == pool.address.0 + pool.requested, "{pool:?} is no pool: {end:#x}");
            let past = part.address.0 + part.requested;
            ensure!(past <= last, "{part:?} ends at {past:#x}, behind what its pool has given, {last:#x}");
        }
    }
    ensure!(parts > 1000, "only {parts} parts");
    server.stop()?.expect_clean()
}
