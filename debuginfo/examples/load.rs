//! Reads a binary's debug info and says how long it took. `cargo xtask bench debuginfo` measures it.

use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::load::load;
use std::time::Instant;

const USAGE: &str = "usage: load [--cache FOLDER] BINARY...";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let cache = match arguments.next_if(|argument| argument == "--cache") {
        Some(_) => Some(Cache::at(arguments.next().ok_or(USAGE)?)),
        None => None,
    };
    arguments.peek().ok_or(USAGE)?;
    for path in arguments {
        let start = Instant::now();
        let binary = Binary::open(path.as_ref())?;
        let table = match &cache {
            Some(cache) => cache.table(&binary)?,
            None => load(&binary)?,
        };
        println!(
            "{:.1} ms: {} types, {} variables, {} functions, {} units, {} bytes: {path}",
            start.elapsed().as_secs_f64() * 1e3,
            table.types().len(),
            table.variables().len(),
            table.functions().len(),
            table.units().len(),
            table.as_bytes().len(),
        );
    }
    Ok(())
}
