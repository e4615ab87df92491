//! Libraries that come and go: their blocks outlive them, and what is known of their code is not held against what lies there next.

use crate::callers::{path_of_table, rows, table};
use crate::code::Code;
use crate::programs::{compiled, compiled_with, library};
use crate::waiting::Waiting;
use mcrx_harness::{Context, Explain as _, Result, Suite, ensure, program};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn tests(suite: Suite) -> Suite {
    let binutils = || [program("objdump"), program("readelf")];
    suite
        .test(binutils(), blocks_keep_the_site_in_a_library_that_has_gone)
        .test(binutils(), caller_tables_come_and_go_with_their_libraries)
        .test(binutils(), a_thousand_rounds_of_loading_and_unloading_leave_nothing)
}

/// Two libraries with the same code at the same offsets but for the size of a frame.
fn plugins() -> Result<[(PathBuf, Code); 2]> {
    let plugin = |room: &str| -> Result<_> {
        let path = compiled_with("plugin.c", &["-O2", "-shared", "-fPIC", room])?;
        let code = Code::read(&path)?;
        Ok((path, code))
    };
    let both = [plugin("-DROOM=512")?, plugin("-DROOM=1024")?];
    let offsets = |code: &Code| code.calls.iter().map(|call| call.returns_to).collect::<Vec<_>>();
    // Otherwise nothing could be mixed up.
    ensure!(offsets(&both[0].1) == offsets(&both[1].1) && both[0].1.build_id != both[1].1.build_id);
    Ok(both)
}

fn run(test: &Context, rounds: u32, plugins: &[(PathBuf, Code); 2], tables: &Path) -> Result<Waiting> {
    let mut command = Command::new(compiled("plugins.c")?);
    command.arg(rounds.to_string()).args(plugins.each_ref().map(|(path, _)| path));
    command.env_clear().env("LD_PRELOAD", library()?).env("MCRX_CALLERS", tables);
    Waiting::start(test, &mut command)
}

/// The build-ids and functions of the site of the block of this size, of which there is one.
fn expect_site(program: &Waiting, size: u64, code: &Code, functions: &[&str]) -> Result<()> {
    let (heap, sites) = program.heap()?;
    let blocks: Vec<_> = heap.blocks().filter(|block| block.requested == size).collect();
    ensure!(blocks.len() == 1, "{} blocks of {size} bytes", blocks.len());
    let site = sites.get(blocks[0].site).context("no site")?;
    let frames: Vec<_> = site
        .frames()
        .map(|frame| {
            let known = frame.module.is_some_and(|module| *module.build_id == *code.build_id);
            code.function_returned_to(frame.offset).filter(|_| known)
        })
        .collect();
    let expected: Vec<_> = functions.iter().copied().map(Some).collect();
    ensure!(frames == expected, "{size} bytes: {frames:?}, {:?}", site.frames().collect::<Vec<_>>());
    Ok(())
}

fn blocks_keep_the_site_in_a_library_that_has_gone(test: &Context) -> Result<()> {
    let plugins = plugins()?;
    for rounds in [1, 5] {
        let program = run(test, rounds, &plugins, test.scratch().directory())?;
        expect_site(&program, 1000, &plugins[0].1, &["wrapper_in_plugin"])?;
        expect_site(&program, 2000, &plugins[1].1, &["wrapper_in_plugin"])?;
        program.end()?;
    }
    Ok(())
}

fn caller_tables_come_and_go_with_their_libraries(test: &Context) -> Result<()> {
    let plugins = plugins()?;
    let tables = test.scratch().fresh("tables");
    fs::create_dir(&tables)?;
    for (_, code) in &plugins {
        fs::write(path_of_table(&tables, code), table(&code.build_id, &rows(code)?)?)?;
    }
    for rounds in [1, 5] {
        let program = run(test, rounds, &plugins, &tables)?;
        expect_site(&program, 1000, &plugins[0].1, &["wrapper_in_plugin", "make"])?;
        expect_site(&program, 2000, &plugins[1].1, &["wrapper_in_plugin", "make"])?;
        expect_site(&program, 3000, &Code::read(&compiled("plugins.c")?)?, &["busy"])?;
        ensure!(program.errors()?.is_empty(), "{}", program.errors()?);
        program.end()?;
    }
    Ok(())
}

/// What a program with so many rounds behind it has: mappings, pages of its own, sites.
fn residue(test: &Context, rounds: u32, plugins: &[(PathBuf, Code); 2], tables: &Path) -> Result<[u64; 3]> {
    let program = run(test, rounds, plugins, tables)?;
    let (mappings, pages) = program.line.split_once(' ').context("two numbers")?;
    let (mappings, pages) = (mappings.parse()?, pages.parse()?);
    let sites = u64::try_from(program.heap()?.1.all().count())?;
    program.end()?;
    Ok([mappings, pages, sites])
}

fn a_thousand_rounds_of_loading_and_unloading_leave_nothing(test: &Context) -> Result<()> {
    let plugins = plugins()?;
    let tables = test.scratch().fresh("tables");
    fs::create_dir(&tables)?;
    for (_, code) in &plugins {
        fs::write(path_of_table(&tables, code), table(&code.build_id, &rows(code)?)?)?;
    }
    let few = residue(test, 10, &plugins, &tables)?;
    let many = residue(test, 1000, &plugins, &tables)?;
    ensure!(many[0] <= few[0] + 2, "mappings: {} after 10 rounds, {} after 1000", few[0], many[0]);
    ensure!(many[1] <= few[1] + 8, "pages: {} after 10 rounds, {} after 1000", few[1], many[1]);
    ensure!(many[2] == few[2], "sites: {} after 10 rounds, {} after 1000", few[2], many[2]);
    Ok(())
}
