//! Symbols against `nm`, stubs and code against `objdump`.

use crate::walk::list;
use crate::workshop::Workshop;
use mcrx_debuginfo::file::{Binary, Target};
use mcrx_debuginfo::table::Address;
use mcrx_harness::{Context, Explain, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const CALLER: &str = r"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *(*allocate)(size_t) = malloc;
int main(int argc, char **argv) {
    char *text = allocate(strlen(argv[0]) + 1);
    atexit((void (*)(void))abort);
    qsort(argv, argc, sizeof *argv, (int (*)(const void *, const void *))strcmp);
    puts(strcpy(text, argv[0]));
    free(text);
    return (int)pthread_self();
}
";

pub(crate) fn every_symbol_that_nm_lists_is_there(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for (name, flags) in [("pie", &["-O2"][..]), ("static", &["-O2", "-static"]), ("fixed", &["-no-pie"])] {
        let path = workshop.build("gcc", name, flags)?;
        let binary = Binary::open(&path)?;
        let symbols = binary.symbols();
        let mut checked = 0;
        for (name, addresses) in list(test.program("nm")?, &path)? {
            // nm prints versions, and absolute values as if they were addresses.
            let name = name.split('@').next().unwrap_or_default();
            for address in addresses {
                let mut of_name = symbols.named(name).peekable();
                ensure!(of_name.peek().is_some() || address < 0x1000, "{path:?} has no {name}");
                let there = of_name.any(|symbol| symbol.address.0 == address);
                ensure!(there || address < 0x1000, "{path:?}: {name} is not at {address:#x}");
                checked += 1;
            }
        }
        ensure!(checked > 20, "nm listed {checked}");
        for name in ["main", "table_new"] {
            let symbol = symbols.named(name).next().context(name)?;
            for address in [symbol.address.0, symbol.address.0 + symbol.size - 1] {
                let found = symbols.function_at(Address(address)).context("nothing there")?;
                ensure!(found.name == name, "{address:#x} is in {found:?}, not in {name}");
            }
        }
        let created = symbols.named("created").next().context("created")?;
        ensure!(
            symbols.object_at(Address(created.address.0 + 3)).is_some_and(|symbol| symbol.name == "created")
        );
        ensure!(symbols.thread_locals().any(|symbol| symbol.name == "depth" && symbol.size == 4));
    }
    Ok(())
}

pub(crate) fn a_stripped_library_has_its_dynamic_symbols(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let source = "int exported(void) { return 1; }\nstatic int hidden(void) { return 2; }\nint (*pointer)(void) = hidden;\n";
    let path = workshop.compile("gcc", "library", source, &["-shared", "-fPIC"])?;
    ensure!(Binary::open(&path)?.symbols().named("hidden").count() == 1);
    workshop.run("strip", &["library"])?;
    let binary = Binary::open(&path)?;
    let symbols = binary.symbols();
    ensure!(!symbols.is_full());
    ensure!(symbols.named("exported").count() == 1 && symbols.named("pointer").count() == 1);
    ensure!(symbols.named("hidden").count() == 0);
    Ok(())
}

/// Names by address as `objdump -d` prints stubs: `0000000000001030 <free@plt>:`.
fn stubs_by_objdump(workshop: &Workshop<'_>, program: &str) -> Result<BTreeMap<u64, String>> {
    let mut stubs = BTreeMap::new();
    for line in workshop.run("objdump", &["-d", program])?.lines() {
        let name =
            line.split_once(" <").and_then(|(address, name)| Some((address, name.strip_suffix("@plt>:")?)));
        if let Some((address, name)) = name.filter(|(_, name)| !name.contains('*')) {
            let name = name.split('@').next().unwrap_or_default().to_owned();
            stubs.insert(u64::from_str_radix(address, 16)?, name);
        }
    }
    Ok(stubs)
}

fn stubs(test: &Context, compiler: &str, makes: &[&[&str]]) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for flags in makes {
        let path = workshop.compile(compiler, "caller", CALLER, flags)?;
        let want = stubs_by_objdump(&workshop, "caller")?;
        ensure!(want.len() >= 6, "{flags:?}: objdump names {want:?}");
        let binary = Binary::open(&path)?;
        let found: BTreeMap<u64, String> =
            binary.stubs().map(|stub| (stub.address.0, stub.name.to_owned())).collect();
        ensure!(found == want, "{flags:?}: {found:x?}, objdump has {want:x?}");
        for (address, name) in &want {
            ensure!(binary.stub_at(Address(*address)).is_some_and(|stub| stub.name == name));
            ensure!(binary.stub_at(Address(address + 1)).is_none());
        }
    }
    Ok(())
}

pub(crate) fn stubs_have_the_names_that_objdump_gives_them(test: &Context) -> Result<()> {
    stubs(
        test,
        "gcc",
        &[
            &["-fcf-protection=none", "-Wl,-z,lazy"],
            &["-fcf-protection=none", "-Wl,-z,now"],
            &["-fcf-protection=full", "-Wl,-z,lazy,-z,ibtplt"],
            &["-fcf-protection=full", "-Wl,-z,now,-z,ibtplt"],
            &["-no-pie"],
            &["-O2", "-fuse-ld=gold"],
        ],
    )
}

pub(crate) fn stubs_of_lld_have_the_names_that_objdump_gives_them(test: &Context) -> Result<()> {
    stubs(test, "clang", &[&["-fuse-ld=lld"], &["-fuse-ld=lld", "-Wl,-z,now"], &["-fuse-ld=lld", "-no-pie"]])
}

pub(crate) fn words_filled_by_the_loader_have_names(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    // Without stubs, calls go through the words themselves; and one of the program's own words points to malloc.
    let path = workshop.compile("gcc", "caller", CALLER, &["-O0", "-fno-plt", "-fPIE", "-pie"])?;
    let binary = Binary::open(&path)?;
    let slots = |wanted: &str| {
        let named = |target: Target<'_>| matches!(target, Target::Symbol { name, .. } if name == wanted);
        binary.relocations().iter().filter(|relocation| named(relocation.target)).count()
    };
    for name in ["strlen", "qsort", "puts", "free", "malloc", "abort"] {
        ensure!(slots(name) >= 1, "no word for {name}");
    }
    let allocate = binary.symbols().named("allocate").next().context("allocate")?;
    let at = binary.relocations().at(allocate.address).context("nothing is written into allocate")?;
    ensure!(matches!(at.target, Target::Symbol { name: "malloc", defined: None, addend: 0 }), "{at:?}");
    Ok(())
}

pub(crate) fn code_is_what_objdump_prints(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let path = workshop.build("gcc", "program", &["-O2"])?;
    let binary = Binary::open(&path)?;
    let main = binary.symbols().named("main").next().context("main")?;
    let length = usize::try_from(main.size)?;
    let code = binary.code(main.address, length).context("no code")?;
    let (start, stop) = (main.address.0, main.address.0 + main.size);
    let range = [format!("--start-address={start:#x}"), format!("--stop-address={stop:#x}")];
    let dump = workshop.run("objdump", &["-d", "--insn-width=16", &range[0], &range[1], "program"])?;
    let mut bytes = Vec::new();
    for line in dump.lines() {
        // ADDRESS:\tBYTES\tINSTRUCTION
        let mut columns = line.split('\t');
        if let (Some(address), Some(hex)) = (columns.next(), columns.next())
            && address.trim_end().ends_with(':')
        {
            for byte in hex.split_whitespace() {
                bytes.push(u8::from_str_radix(byte, 16)?);
            }
        }
    }
    ensure!(bytes == code, "{code:x?}, objdump has {bytes:x?}");
    ensure!(binary.text().iter().any(|range| range.contains(&main.address)));
    let data = binary.symbols().named("created").next().context("created")?;
    ensure!(binary.code(data.address, 1).is_none(), "data is no code");
    ensure!(binary.code(main.address, usize::MAX).is_none() && binary.bytes(Address(u64::MAX), 8).is_none());
    let file = fs::read(Path::new(&path))?;
    ensure!(file.windows(code.len()).any(|window| window == code));
    Ok(())
}
