//! `cargo xtask bench debuginfo`: a program's debug info read until it can be asked for any type, beside other readers.
//!
//! Each turn is a process: started, all of the debug info read, ended. Ours is the example `load` of `mcrx-debuginfo`, which makes the
//! whole table; the cached one maps it. Peers are asked for the same: pahole to print every structure, gdb to read all symbols in full
//! (`-readnow`), drgn to index everything and look a type up. All of them have the files in the page cache.
//!
//! Memory is the largest resident set, mapped files with it, beside the length of the debug sections.
//!
//! What it does not do: check what comes out. The tests of `mcrx-debuginfo` and of `mcrx types` do.

mod binary;
mod reader;

use super::area::{Area, Case, Figure, Method, Side};
use super::supply::Supply;
use anyhow::Result;
use binary::Binary;
use mcrx_harness::Scratch;
use reader::Reader;
use std::rc::Rc;

pub(crate) const AREA: Area = Area {
    name: "debuginfo",
    about: "reading a program's debug info, cold and from the cache, beside pahole, gdb and drgn",
    method: Method::Cases(cases),
};

fn cases(supply: &mut Supply) -> Vec<Case> {
    let Some(ours) = supply.or_missing(reader::ours()) else { return Vec::new() };
    let peers = reader::peers(supply);
    let mut cases = Vec::new();
    for binary in binary::all(supply) {
        let binary = Rc::new(binary);
        let side = |reader: &Reader| {
            let (reader, binary) = (reader.clone(), Rc::clone(&binary));
            Side::new(reader.name, move || reader.turn(&binary.path))
        };
        if !peers.is_empty() {
            let sides = [&ours].into_iter().chain(&peers).map(side).collect();
            cases.push(Case { name: binary.cold, sides });
        }
        if let Some(case) = supply.or_missing(cached(&ours, &binary)) {
            cases.push(case);
        }
        cases.push(memory(&ours, &binary));
    }
    cases
}

/// Ours from the cache beside ours without.
fn cached(ours: &Reader, binary: &Rc<Binary>) -> Result<Case> {
    let folder = Rc::new(Scratch::new("bench")?);
    let from_cache = ours.clone().with_cache(&folder.fresh("cache"));
    let (cold, path, own) = (ours.clone(), Rc::clone(binary), Rc::clone(binary));
    let sides = vec![
        Side::new("mcrx, cached", move || {
            // The folder is there as long as the case.
            let _kept = &folder;
            from_cache.turn(&own.path)
        }),
        Side::new("mcrx, cold", move || cold.turn(&path.path)),
    ];
    Ok(Case { name: binary.cached, sides })
}

/// What ours holds at most, beside what there is to read.
fn memory(ours: &Reader, binary: &Rc<Binary>) -> Case {
    let (ours, path, sections) = (ours.clone(), Rc::clone(binary), binary.debug_sections);
    let size = move |value| vec![Figure { name: "peak rss", unit: "MiB", value }];
    let sides = vec![
        Side::new("mcrx", move || {
            let figures = ours.turn(&path.path)?;
            Ok(size(
                figures.iter().find(|figure| figure.name == "peak rss").map_or(0.0, |figure| figure.value),
            ))
        }),
        Side::new("its debug sections", move || Ok(size(sections))),
    ];
    Case { name: binary.memory, sides }
}
