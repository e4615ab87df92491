//! Damaged unwind information and debug info: wrong answers are unavoidable then, but none that takes for ever, and no panic.

use crate::gdb::Held;
use crate::process::{Live, Mapped};
use crate::programs::{SOURCE, compiled};
use mcrx_debuginfo::callers::Callers;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::frames::{End, Module, Modules, Register, Registers, Stack, State, Unwinder};
use mcrx_debuginfo::lines::Lines;
use mcrx_debuginfo::load;
use mcrx_debuginfo::table::Table;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, program};
use object::{Object, ObjectSection};
use std::fs;
use std::ops::Range;
use std::time::{Duration, Instant};

pub(crate) fn tests(suite: Suite) -> Suite {
    let needs = [program("gcc"), program("gdb")];
    suite
        .test(needs.clone(), damaged_dwarf_5_neither_panics_nor_hangs)
        .within(Duration::from_secs(300))
        .test(needs.clone(), damaged_dwarf_4_neither_panics_nor_hangs)
        .within(Duration::from_secs(300))
        .test(needs, a_stack_without_end_is_cut)
}

const DAMAGES: usize = 3_000;
/// What one damaged file may take, by far.
const PATIENCE: Duration = Duration::from_secs(5);

/// xorshift64*, Vigna 2016.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16;
        usize::try_from(number).unwrap_or(0) % end
    }
}

/// Where some sections are in a file.
fn sections(file: &[u8], names: &[&str]) -> Result<Vec<Range<usize>>> {
    let file = object::File::parse(file)?;
    let ranges = names.iter().filter_map(|name| file.section_by_name(name)?.file_range());
    let ranges = ranges.map(|(start, len)| Ok(usize::try_from(start)?..usize::try_from(start + len)?));
    ranges.collect()
}

/// A stack in a program that is held, seen through one file after the other.
struct Subject {
    held: Held,
    registers: Registers,
    bias: u64,
    range: Range<u64>,
    table: Table,
}

impl Subject {
    fn new(held: Held, binary: &Binary) -> Result<Subject> {
        let mapped = Mapped::of(held.pid())?;
        let (_, range) = mapped.of_file(binary.path()).context("it is not mapped")?;
        let registers = held.seen.threads.first().context("no thread")?.registers()?;
        let bias = range.start - binary.base().context("nothing is loaded")?.0;
        Ok(Subject { held, registers, bias, range, table: load::load(binary)? })
    }

    /// Does all that can be done with a binary. Returns how many variables there were.
    fn look_through(&self, binary: &Binary) -> (Stack, usize) {
        let memory = Live(self.held.pid());
        let module = || Module::new(binary, self.bias, self.range.clone());
        let Ok(dwarf) = binary.dwarf() else {
            let modules = Modules::new([module()]);
            return (Unwinder::new(&modules).walk(self.registers, &memory), 0);
        };
        // The table is that of the file as it was: so the damage is met here, not where tables are made.
        let modules = Modules::new([module().described_by(&dwarf, &self.table)]);
        let stack = Unwinder::new(&modules).walk(self.registers, &memory);
        let lines = Lines::new(&dwarf);
        let mut available = 0;
        // Damage may lead astray: the first frames are enough.
        for (index, frame) in stack.frames.iter().enumerate().take(100) {
            for variable in modules
                .variables(&stack, index, &memory)
                .into_iter()
                .flatten()
                .flat_map(|scope| scope.variables)
            {
                if let State::Available(location) = variable.state {
                    available += usize::from((0..12).any(|size| location.read(&memory, 1 << size).is_ok()));
                }
            }
            if let (Ok(lines), Some(module)) = (&lines, modules.at(frame.lookup())) {
                let _ = lines.frames(module.linked(frame.lookup()));
                let _ = lines.place(module.linked(frame.lookup()));
            }
        }
        (stack, available)
    }
}

fn neither_panics_nor_hangs(test: &Context, version: &str, names: &[&str]) -> Result<()> {
    let program = compiled(test, "gcc", SOURCE, &["-O2", version])?;
    let whole = Binary::open(&program)?;
    let subject = Subject::new(Held::at(test, &program, "stop_here")?, &whole)?;
    let (sound, available) = subject.look_through(&whole);
    ensure!(
        sound.frames.len() >= 8 && available > 20,
        "{} frames, {available} variables",
        sound.frames.len()
    );
    let bytes = fs::read(&program)?;
    let sections = sections(&bytes, names)?;
    ensure!(sections.len() == names.len(), "{} of {names:?}", sections.len());
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut slowest, mut harmed) = (Duration::ZERO, 0);
    let file = test.scratch().fresh("damaged");
    for number in 0..DAMAGES {
        let mut damaged = bytes.clone();
        let section = &sections[number % sections.len()];
        for _ in 0..=random.below(4) {
            let at = section.start + random.below(section.len());
            let byte =
                [0, 0x7F, 0x80, 0xFF, damaged[at] ^ 1 << random.below(8), u8::try_from(random.below(256))?];
            damaged[at] = byte[random.below(byte.len())];
        }
        fs::write(&file, &damaged)?;
        let started = Instant::now();
        let binary = Binary::open(&file)?;
        let (stack, found) = subject.look_through(&binary);
        drop(Callers::of(&binary, whole.text()));
        slowest = slowest.max(started.elapsed());
        harmed += usize::from(stack != sound || found != available);
        ensure!(started.elapsed() < PATIENCE, "damage {number} took {:?}", started.elapsed());
    }
    println!("{version}: {harmed} of {DAMAGES} did harm, the slowest took {slowest:?}");
    ensure!(harmed > DAMAGES / 20, "only {harmed} of {DAMAGES} did any harm");
    Ok(())
}

fn damaged_dwarf_5_neither_panics_nor_hangs(test: &Context) -> Result<()> {
    let names = [
        ".eh_frame",
        ".eh_frame_hdr",
        ".debug_info",
        ".debug_abbrev",
        ".debug_loclists",
        ".debug_rnglists",
        ".debug_line",
    ];
    neither_panics_nor_hangs(test, "-gdwarf-5", &names)
}

fn damaged_dwarf_4_neither_panics_nor_hangs(test: &Context) -> Result<()> {
    let names = [
        ".eh_frame",
        ".debug_info",
        ".debug_abbrev",
        ".debug_loc",
        ".debug_ranges",
        ".debug_line",
        ".debug_aranges",
    ];
    neither_panics_nor_hangs(test, "-gdwarf-4", &names)
}

fn a_stack_without_end_is_cut(test: &Context) -> Result<()> {
    let binary = Binary::open(&compiled(test, "gcc", SOURCE, &["-O2"])?)?;
    let recursive = binary.symbols().named("recursive").next().context("no such function")?;
    let inside = recursive.address.0 + 1;
    // Every word of this memory is an address in it.
    let memory = |_: u64, bytes: &mut [u8]| {
        bytes.copy_from_slice(&inside.to_le_bytes());
        true
    };
    let modules = Modules::new([Module::new(&binary, 0, 0..1 << 32)]);
    let registers = Registers::new().with(Register::Rip, inside).with(Register::Rsp, 1 << 40);
    let stack = Unwinder::new(&modules).walk(registers, &memory);
    ensure!(
        stack.end == End::TooDeep && stack.frames.len() > 10_000,
        "{} frames: {}",
        stack.frames.len(),
        stack.end
    );
    let nowhere = |_: u64, _: &mut [u8]| false;
    let stack = Unwinder::new(&modules).walk(registers, &nowhere);
    ensure!(stack.frames.len() == 1 && matches!(stack.end, End::Unavailable { .. }), "{}", stack.end);
    let stack = Unwinder::new(&modules).walk(Registers::new(), &nowhere);
    ensure!(stack.frames.len() == 1, "{}", stack.end);
    Ok(())
}
