//! Caller tables: rows against the frames of a live stack, what gets none, and the file. That the allocator follows them is shown by the
//! allocator's own tests.

use crate::gdb::Held;
use crate::process::{Live, Mapped, modules};
use crate::programs::{SOURCE, compiled};
use mcrx_debuginfo::callers::{Callers, CallersError, LeftOut};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::frames::{Left, Register, Unwinder};
use mcrx_debuginfo::table::Address;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, program};
use std::fs;
use std::ops::Range;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([program("gcc"), program("gdb")], rows_say_where_the_return_addresses_of_a_live_stack_are)
        .test([program("gcc")], calls_of_functions_with_frame_pointers_have_no_rows_and_are_counted)
        .test([program("gcc")], a_table_is_written_whole_and_replaced)
        .test([program("gcc")], without_a_build_id_there_is_no_table)
}

fn all_functions(binary: &Binary) -> Vec<Range<Address>> {
    let functions = binary.symbols().functions().filter(|function| function.size > 0);
    functions.map(|function| function.address..Address(function.address.0 + function.size)).collect()
}

fn rows_say_where_the_return_addresses_of_a_live_stack_are(test: &Context) -> Result<()> {
    let program = compiled(test, "gcc", SOURCE, &["-O2"])?;
    let binary = Binary::open(&program)?;
    let made = Callers::of(&binary, all_functions(&binary))?;
    // One function rounds its stack pointer, one has an array of variable length; `_start` returns to nowhere.
    let left_out = made.left_out();
    ensure!(
        left_out == LeftOut { by_other_register: 2, without_frame: 1, ..LeftOut::default() },
        "{left_out:?}"
    );
    let held = Held::at(test, &program, "stop_here")?;
    let mapped = Mapped::of(held.pid())?;
    let described = mapped.described()?;
    let modules = modules(&described);
    let thread = held.seen.threads.first().context("no thread")?;
    let stack = Unwinder::new(&modules).walk(thread.registers()?, &Live(held.pid()));
    let mut checked = 0;
    for frame in stack.frames.iter().filter(|frame| frame.left == Left::ByCall) {
        let module = modules.at(frame.pc()).context("no module")?;
        let offset = u32::try_from(frame.pc() - module.range().start)?;
        let row = made.rows().iter().find(|row| row.offset == offset);
        let is_of_program = module.binary().build_id() == binary.build_id();
        if let Some(row) = row.filter(|_| is_of_program) {
            let rsp = frame.registers.get(Register::Rsp).context("no rsp")?;
            let cfa = frame.cfa.context("no address")?;
            ensure!(rsp + u64::from(row.return_at) == cfa - 8, "{:#x}: {row:?}", frame.pc());
            checked += 1;
        }
    }
    // The recursive one four times, and most of those between it and the signal.
    ensure!(checked >= 7, "{checked} frames have a row");
    Ok(())
}

fn calls_of_functions_with_frame_pointers_have_no_rows_and_are_counted(test: &Context) -> Result<()> {
    let binary = Binary::open(&compiled(test, "gcc", SOURCE, &["-O0"])?)?;
    let main = binary.symbols().named("main").next().context("no main")?;
    let made = Callers::of(&binary, [main.address..Address(main.address.0 + main.size)])?;
    // sigaction, create, 2 lock, wait, unlock twice, by_pointer, broadcast, join, printf.
    ensure!(made.rows().is_empty(), "{:?}", made.rows());
    ensure!(
        made.left_out() == LeftOut { by_other_register: 11, ..LeftOut::default() },
        "{:?}",
        made.left_out()
    );
    let nowhere = Callers::of(&binary, [Address(1 << 40)..Address((1 << 40) + 64), Address(9)..Address(3)])?;
    ensure!(nowhere.left_out().without_code == 2, "{:?}", nowhere.left_out());
    Ok(())
}

fn a_table_is_written_whole_and_replaced(test: &Context) -> Result<()> {
    let binary = Binary::open(&compiled(test, "gcc", SOURCE, &["-O2"])?)?;
    let folder = test.scratch().fresh("tables").join("not/there/yet");
    let none = Callers::of(&binary, [])?;
    let path = none.write(&folder)?;
    let id = binary.build_id().context("no build-id")?;
    ensure!(path == folder.join(format!("{id}.callers")), "{}", path.display());
    ensure!(fs::read(&path)? == none.to_bytes() && none.to_bytes().len() == 56, "an empty table");
    let all = Callers::of(&binary, all_functions(&binary))?;
    ensure!(all.write(&folder)? == path && fs::read(&path)? == all.to_bytes(), "it was not replaced");
    ensure!(all.to_bytes().len() == 56 + 8 * all.rows().len() && all.rows().len() > 20, "{:?}", all.rows());
    ensure!(fs::read_dir(&folder)?.count() == 1, "something was left beside it");
    let error = all.write("/proc/nowhere".as_ref()).err().context("it was written")?.to_string();
    ensure!(error.contains("/proc/nowhere/") && error.contains(".callers"), "{error}");
    Ok(())
}

fn without_a_build_id_there_is_no_table(test: &Context) -> Result<()> {
    let binary = Binary::open(&compiled(test, "gcc", SOURCE, &["-O2", "-Wl,--build-id=none"])?)?;
    ensure!(Callers::of(&binary, []) == Err(CallersError::NoBuildId), "one was made");
    Ok(())
}
