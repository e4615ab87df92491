//! Variables against nm's symbols of type object: address and size, both directions.
//!
//! What nm has and the debug info has not: what the linker and the compiler make themselves (see [`is_made`]), and objects of units
//! without debug info, which are those of libraries linked statically and of the C start-up files; and
//! variables of shared libraries that are copied into the program. What the debug info has and nm has
//! not: variables that were left out, which have no address, and those whose symbols are local to a function and renamed
//! (`buffer.12345`), which are compared by address alone.

use crate::programs;
use mcrx_debuginfo::table::{Storage, Table, Type};
use mcrx_harness::{Context, Result, ensure};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;

/// Fewer variables would mean that something was not read.
const FEWEST: usize = 100;

struct Symbol {
    name: String,
    address: u64,
    size: Option<u64>,
}

pub(crate) fn every_variable_is_where_nm_says(test: &Context) -> Result<()> {
    for program in programs::of_server(test.first_server()?) {
        let shown = program.display();
        let symbols = symbols(test, &program)?;
        let table = programs::table(&program)?;
        let mut by_address: HashMap<u64, Vec<&Symbol>> = HashMap::new();
        for symbol in &symbols {
            by_address.entry(symbol.address).or_default().push(symbol);
        }
        let (mut placed, mut compared) = (HashSet::new(), 0_usize);
        for variable in table.variables().filter(|variable| variable.storage() == Storage::Static) {
            let address = variable.address().0;
            placed.insert(address);
            let name = variable.linkage_name().unwrap_or(variable.name());
            let here = by_address.get(&address).map_or(&[][..], Vec::as_slice);
            let symbol = here.iter().find(|symbol| {
                // Local ones may have a number behind them.
                symbol.name == name
                    // A static one of C++: `_ZStL8__ioinit`, and the debug info does not give it.
                    || symbol.name.starts_with("_Z") && symbol.name.ends_with(name.rsplit(':').next().unwrap_or(name))
                    || symbol.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
            });
            let Some(symbol) = symbol else {
                ensure!(
                    false,
                    "{shown}: {variable:?} has no symbol; there: {:?}",
                    here.iter().map(|symbol| &symbol.name).collect::<Vec<_>>()
                );
                continue;
            };
            let size = variable.ty().and_then(Type::size);
            // A flexible array that is initialised is larger than its type.
            let is_open = variable.ty().is_some_and(ends_openly);
            if let (Some(size), Some(theirs)) = (size, symbol.size) {
                ensure!(
                    size == theirs || is_open && size < theirs,
                    "{shown}: {variable:?} has {size} bytes, nm says {theirs}"
                );
                compared += 1;
            }
        }
        ensure!(compared >= FEWEST, "{shown}: only {compared} variables");
        let copied = copied(test, &program)?;
        let missing: Vec<&str> = symbols
            .iter()
            .filter(|symbol| {
                let is_copied = copied.contains(&symbol.address);
                // What templates of C++ make, which redis has in it to read numbers, is no variable of any name in the debug info.
                !placed.contains(&symbol.address)
                    && !symbol.name.starts_with("_Z")
                    && !is_copied
                    && !is_made(&symbol.name)
                    && !is_value(&table, &symbol.name)
            })
            .map(|symbol| symbol.name.as_str())
            .collect();
        ensure!(missing.is_empty(), "{shown}: nm knows {missing:?}");
        println!("{shown}: {compared} variables of {} symbols", symbols.len());
    }
    Ok(())
}

/// A structure whose last member is an array without length, or an array of unknown length.
pub(crate) fn ends_openly(ty: Type<'_>) -> bool {
    use mcrx_debuginfo::table::{Count, Kind};
    let Some(ty) = ty.resolved() else { return false };
    match ty.kind() {
        Kind::Array { count: Count::Open | Count::Exactly(0), .. } => true,
        Kind::Aggregate => ty.members().last().and_then(|member| member.ty()).is_some_and(ends_openly),
        _ => false,
    }
}

/// What the linker, the compiler and the start-up files make.
fn is_made(name: &str) -> bool {
    const EXACTLY: [&str; 14] = [
        "_DYNAMIC",
        "_GLOBAL_OFFSET_TABLE_",
        "_IO_stdin_used",
        "__FRAME_END__",
        "__GNU_EH_FRAME_HDR",
        "__TMC_END__",
        "__dso_handle",
        "__abi_tag",
        // libgcc's, for __builtin_cpu_supports.
        "__cpu_features2",
        "__cpu_model",
        "completed.0",
        "__do_global_dtors_aux_fini_array_entry",
        "__frame_dummy_init_array_entry",
        "data_start",
    ];
    EXACTLY.contains(&name)
        // Names of functions, and tables of switches and initialisers that have no name in the source.
        || name.starts_with("__func__")
        || name.starts_with("__PRETTY_FUNCTION__")
        || name.starts_with("CSWTCH")
}

/// A constant of C++ that the debug info gives as a value, not as a place.
fn is_value(table: &Table, symbol: &str) -> bool {
    let mut values = table.variables().filter(|variable| variable.storage() == Storage::Nowhere);
    symbol.starts_with("_Z")
        && values.any(|variable| symbol.contains(variable.name().rsplit(':').next().unwrap_or("?")))
}

/// Where the loader copies variables of shared libraries to (R_X86_64_COPY). They may have more names than one.
fn copied(test: &Context, program: &Path) -> Result<HashSet<u64>> {
    let text = programs::printed(Command::new(test.program("objdump")?).arg("--dynamic-reloc").arg(program))?;
    let copies = text.lines().filter_map(|line| line.split_once("R_X86_64_COPY"));
    Ok(copies.filter_map(|(address, _)| u64::from_str_radix(address.trim(), 16).ok()).collect())
}

fn symbols(test: &Context, program: &Path) -> Result<Vec<Symbol>> {
    let text = programs::printed(
        Command::new(test.program("nm")?).args(["--format=sysv", "--defined-only"]).arg(program),
    )?;
    // Name, value, class, type, size, line and section, with bars between.
    Ok(text
        .lines()
        .filter_map(|line| {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let [name, value, _, "OBJECT", size, ..] = columns[..] else { return None };
            let number = |text: &str| u64::from_str_radix(text, 16).ok();
            Some(Symbol { name: name.to_owned(), address: number(value)?, size: number(size) })
        })
        .collect())
}
