//! Loads a binary's debug info and says how long it took: `cargo run --release --example load -- BINARY [ROUNDS]`.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::load::load;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: load BINARY [ROUNDS]")?;
    let rounds: u32 = arguments.next().map_or(Ok(1), |rounds| rounds.parse())?;
    for _ in 0..rounds {
        let start = Instant::now();
        let binary = Binary::open(path.as_ref())?;
        let table = load(&binary)?;
        println!(
            "{:?}: {} types, {} variables, {} functions, {} units, {} bytes",
            start.elapsed(),
            table.types().len(),
            table.variables().len(),
            table.functions().len(),
            table.units().len(),
            table.as_bytes().len(),
        );
    }
    Ok(())
}
