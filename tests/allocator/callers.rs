//! Caller tables: sites that reach through the allocation wrappers above a call, up to the caller that decides what the block is for.
//!
//! The tables are made from what binutils say of the code, and are the oracle for those that `mcrx_debuginfo` makes.

use crate::code::Code;
use crate::programs::{compiled_with, library};
use crate::waiting::Waiting;
use mcrx_allocator::abi::{CALLER_TABLE_MAGIC, VERSION};
use mcrx_allocator::reader::{Heap, SiteKey, Sites};
use mcrx_debuginfo::callers::Callers;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Address;
use mcrx_harness::{Context, Explain as _, Result, Suite, ensure, program};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn tests(suite: Suite) -> Suite {
    let binutils = || [program("objdump"), program("readelf")];
    suite
        .test(binutils(), sites_reach_through_wrappers_to_the_caller_that_decides)
        .test(binutils(), offsets_in_a_program_at_a_fixed_place_are_from_where_it_begins)
        .test(binutils(), debug_info_makes_the_table_that_binutils_do)
        .test(binutils(), wrappers_in_a_library_loaded_later_are_seen_through_too)
        .test(binutils(), without_a_table_of_its_build_id_a_module_has_sites_of_one_frame)
        .test(binutils(), a_damaged_table_is_reported_once_and_not_used)
}

/// `wrappers.c`, with the directory its tables are to be in.
struct Wrappers {
    program: PathBuf,
    code: Code,
    tables: PathBuf,
}

impl Wrappers {
    fn new(test: &Context) -> Result<Wrappers> {
        Wrappers::compiled(test, &["-O2"])
    }

    fn compiled(test: &Context, flags: &[&str]) -> Result<Wrappers> {
        let program = compiled_with("wrappers.c", flags)?;
        let tables = test.scratch().fresh("tables");
        fs::create_dir(&tables)?;
        Ok(Wrappers { code: Code::read(&program)?, program, tables })
    }

    fn table(&self) -> PathBuf {
        path_of_table(&self.tables, &self.code)
    }

    /// As binutils have it.
    fn write_table(&self) -> Result<()> {
        Ok(fs::write(self.table(), table(&self.code.build_id, &rows(&self.code)?)?)?)
    }

    fn run(&self, test: &Context, arguments: &[&Path]) -> Result<Waiting> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().env("LD_PRELOAD", library()?).env("MCRX_CALLERS", &self.tables);
        Waiting::start(test, &mut command)
    }
}

pub(crate) fn path_of_table(directory: &Path, code: &Code) -> PathBuf {
    directory.join(format!("{}.callers", code.build_id_in_hex()))
}

/// A row: a return address in a wrapper, and where the wrapper's own return address is then.
pub(crate) type Row = (u32, u32);

/// Every function named `wrapper...`, but for the unlikely parts (`.cold`), which end the program.
fn is_wrapper(name: &str) -> bool {
    name.starts_with("wrapper") && !name.ends_with(".cold")
}

/// For every call in a wrapper.
pub(crate) fn rows(code: &Code) -> Result<Vec<Row>> {
    let in_wrappers = code.calls.iter().filter(|call| is_wrapper(&call.function));
    let rows = in_wrappers.map(|call| {
        let above = code.return_at(call.returns_to).with_context(|| format!("{call:?} has no frame"))?;
        Ok((u32::try_from(call.returns_to)?, above))
    });
    let mut rows: Vec<Row> = rows.collect::<Result<_>>()?;
    rows.sort_unstable();
    Ok(rows)
}

/// The file, as `abi::CallerTableHeader` and `abi::CallerRow` lay it out.
pub(crate) fn table(build_id: &[u8], rows: &[Row]) -> Result<Vec<u8>> {
    let mut bytes = CALLER_TABLE_MAGIC.to_le_bytes().to_vec();
    for word in [VERSION, u32::try_from(rows.len())?, u32::try_from(build_id.len())?, 0] {
        bytes.extend(word.to_le_bytes());
    }
    let mut padded = build_id.to_owned();
    padded.resize(32, 0);
    bytes.extend(padded);
    for (offset, return_at) in rows {
        bytes.extend(offset.to_le_bytes());
        bytes.extend(return_at.to_le_bytes());
    }
    Ok(bytes)
}

/// The functions of the site's frames, innermost first, each in one of the files given, and the site.
fn stack_of<'a>(
    size: u64,
    (heap, sites): &(Heap, Sites),
    files: &[&'a Code],
) -> Result<(Vec<&'a str>, SiteKey)> {
    let blocks: Vec<_> = heap.blocks().filter(|block| block.requested == size).collect();
    let [one, other] = &blocks[..] else {
        return Err(mcrx_harness::anyhow!("{} blocks of {size} bytes", blocks.len()));
    };
    // By the same calls in another thread.
    ensure!(one.site == other.site, "{size} bytes: two sites of one stack");
    let site = sites.get(one.site).with_context(|| format!("{size} bytes have no site"))?;
    let functions = site.frames().map(|frame| {
        let module = frame.module.with_context(|| format!("{size} bytes: {frame:?}"))?;
        let file = files.iter().find(|file| *file.build_id == *module.build_id);
        file.and_then(|file| file.function_returned_to(frame.offset))
            .with_context(|| format!("{size} bytes: {frame:?} is in no function"))
    });
    Ok((functions.collect::<Result<_>>()?, one.site))
}

fn sites_reach_through_wrappers_to_the_caller_that_decides(test: &Context) -> Result<()> {
    let wrappers = Wrappers::new(test)?;
    wrappers.write_table()?;
    expect_callers(test, &wrappers)
}

fn offsets_in_a_program_at_a_fixed_place_are_from_where_it_begins(test: &Context) -> Result<()> {
    let wrappers = Wrappers::compiled(test, &["-O2", "-no-pie"])?;
    wrappers.write_table()?;
    expect_callers(test, &wrappers)
}

fn expect_callers(test: &Context, wrappers: &Wrappers) -> Result<()> {
    let code = &wrappers.code;
    let program = wrappers.run(test, &[])?;
    let read = program.heap()?;
    for depth in 1..=5 {
        let mut made_by = Vec::new();
        for caller in 1..=2 {
            let (functions, site) = stack_of(depth * 1000 + caller, &read, &[code])?;
            let mut expected: Vec<String> = (1..=depth).map(|number| format!("wrapper_{number}")).collect();
            expected.push(format!("caller_{depth}_{caller}"));
            ensure!(functions == expected, "{functions:?} and not {expected:?}");
            made_by.push(site);
        }
        ensure!(made_by[0] != made_by[1], "two callers of wrapper_{depth} are one site");
    }
    let others = [(6001, "wrapper_of_calloc", "caller_6_1"), (6002, "wrapper_of_realloc", "caller_6_2")];
    for (size, wrapper, caller) in
        others.into_iter().chain([(6003, "wrapper_of_posix_memalign", "caller_6_3")])
    {
        let (functions, _) = stack_of(size, &read, &[code])?;
        ensure!(functions == [wrapper, caller], "{functions:?}");
    }
    ensure!(program.errors()?.is_empty(), "{}", program.errors()?);
    program.end()
}

fn debug_info_makes_the_table_that_binutils_do(test: &Context) -> Result<()> {
    for flags in [&["-O2"][..], &["-O2", "-no-pie"], &["-O1"], &["-O3", "-fcf-protection=full"]] {
        let wrappers = Wrappers::compiled(test, flags)?;
        let binary = Binary::open(&wrappers.program)?;
        let functions = binary.symbols().functions().filter(|function| is_wrapper(function.name));
        let code: Vec<_> =
            functions.map(|function| function.address..Address(function.address.0 + function.size)).collect();
        let made = Callers::of(&binary, code)?;
        ensure!(made.left_out().count() == 0, "{flags:?}: {:?}", made.left_out());
        let by_binutils = table(&wrappers.code.build_id, &rows(&wrappers.code)?)?;
        ensure!(made.to_bytes() == by_binutils, "{flags:?}: {:?}", made.rows());
        ensure!(made.write(&wrappers.tables)? == wrappers.table());
        expect_callers(test, &wrappers)?;
    }
    Ok(())
}

fn wrappers_in_a_library_loaded_later_are_seen_through_too(test: &Context) -> Result<()> {
    let wrappers = Wrappers::new(test)?;
    let library = compiled_with("wrapped.c", &["-O2", "-shared", "-fPIC"])?;
    let code = Code::read(&library)?;
    let of_library = table(&code.build_id, &rows(&code)?)?;
    fs::write(path_of_table(&wrappers.tables, &code), of_library)?;
    let program = wrappers.run(test, &[&library])?;
    let read = program.heap()?;
    let files = [&code, &wrappers.code];
    // From one file to the other, and within one.
    let (functions, _) = stack_of(7001, &read, &files)?;
    ensure!(functions == ["wrapper_in_library", "caller_7_1"], "{functions:?}");
    let (functions, _) = stack_of(7002, &read, &files)?;
    ensure!(functions == ["wrapper_in_library", "caller_in_library"], "{functions:?}");
    // The program itself has none.
    let (functions, _) = stack_of(1001, &read, &files)?;
    ensure!(functions == ["wrapper_1"], "{functions:?}");
    ensure!(program.errors()?.is_empty(), "{}", program.errors()?);
    program.end()
}

/// All blocks by way of `wrapper_1` have one site, the call in it.
fn expect_single_frames(program: &Waiting, code: &Code) -> Result<()> {
    let read = program.heap()?;
    let (_, first) = stack_of(1001, &read, &[code])?;
    for size in (1..=5).flat_map(|depth| [depth * 1000 + 1, depth * 1000 + 2]) {
        let (functions, site) = stack_of(size, &read, &[code])?;
        ensure!(functions == ["wrapper_1"] && site == first, "{size} bytes: {functions:?}");
    }
    Ok(())
}

fn without_a_table_of_its_build_id_a_module_has_sites_of_one_frame(test: &Context) -> Result<()> {
    let wrappers = Wrappers::new(test)?;
    let code = &wrappers.code;
    let other = {
        let mut id = code.build_id.clone();
        id.iter_mut().for_each(|byte| *byte ^= 0x55);
        id
    };
    let rows = rows(code)?;
    // One that is another file's by name and content is not even looked at.
    let name: String = other.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(wrappers.tables.join(format!("{name}.callers")), table(&other, &rows)?)?;
    let program = wrappers.run(test, &[])?;
    expect_single_frames(&program, code)?;
    ensure!(program.errors()?.is_empty(), "{}", program.errors()?);
    program.end()?;
    // One that lies about whose it is, is.
    fs::write(wrappers.table(), table(&other, &rows)?)?;
    expect_ignored(test, &wrappers, "another's")
}

/// The table is reported, in one line, and not used.
fn expect_ignored(test: &Context, wrappers: &Wrappers, what: &str) -> Result<()> {
    let program = wrappers.run(test, &[])?;
    expect_single_frames(&program, &wrappers.code).context(what.to_owned())?;
    let said = program.errors()?;
    let path = wrappers.table().display().to_string();
    ensure!(
        said.lines().count() == 1 && said.contains(&path) && said.contains("ignored"),
        "{what}: {said:?}"
    );
    program.end()
}

fn a_damaged_table_is_reported_once_and_not_used(test: &Context) -> Result<()> {
    let wrappers = Wrappers::new(test)?;
    let code = &wrappers.code;
    let rows = rows(code)?;
    let good = table(&code.build_id, &rows)?;
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let changed = |change: &dyn Fn(&mut Vec<Row>)| {
        let mut rows = rows.clone();
        change(&mut rows);
        table(&code.build_id, &rows)
    };
    let damaged = [
        ("empty", Vec::new()),
        ("its head cut", good[..40].to_vec()),
        ("its last row cut", good[..good.len() - 3].to_vec()),
        ("a row too many", [good.clone(), vec![0; 8]].concat()),
        ("another magic", with(0, b'M')),
        ("another version", with(8, 0xFF)),
        ("more rows than fit", with(15, 0x7F)),
        ("a build-id of another length", with(16, 8)),
        ("rows out of order", changed(&|rows| rows.reverse())?),
        ("a row twice", changed(&|rows| rows[1].0 = rows[0].0)?),
        // Followed blindly, these would lead past the stack.
        ("a frame of 2 GiB", changed(&|rows| rows.iter_mut().for_each(|row| row.1 = 0x7FFF_FFF8))?),
        ("a return address at an odd place", changed(&|rows| rows.iter_mut().for_each(|row| row.1 += 3))?),
    ];
    for (what, bytes) in damaged {
        fs::write(wrappers.table(), bytes)?;
        expect_ignored(test, &wrappers, what)?;
    }
    Ok(())
}
