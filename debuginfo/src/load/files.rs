//! Paths of the files that entries are declared in, from the line tables.

use crate::dwarf::Unit;
use crate::table::{Builder, StringId};
use rustc_hash::FxHashMap;

/// The paths met so far.
#[derive(Default)]
pub(super) struct Files {
    known: FxHashMap<(u32, u64), StringId>,
}

impl Files {
    /// The path of a file by its number in a unit; none where the line table does not have it.
    pub(super) fn path(&mut self, builder: &mut Builder, unit: &Unit<'_>, file: u64) -> StringId {
        // Before DWARF 5, files are counted from 1 and 0 means that none is said.
        if file == 0 && unit.unit.header.version() < 5 {
            return StringId::default();
        }
        *self.known.entry((unit.id.0, file)).or_insert_with(|| match path(unit, file) {
            Some(path) => builder.string(&path),
            None => StringId::default(),
        })
    }
}

fn path(unit: &Unit<'_>, file: u64) -> Option<Vec<u8>> {
    let header = unit.unit.line_program.as_ref()?.header();
    let file = header.file(file)?;
    let text = |value| unit.dwarf.attr_string(&unit.unit, value).map(|text| text.slice()).ok();
    let mut path = Vec::new();
    let mut join = |part: &[u8]| {
        if part.first() == Some(&b'/') {
            path.clear();
        } else if path.last().is_some_and(|last| *last != b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(part);
    };
    join(unit.unit.comp_dir.map_or(&[][..], |folder| folder.slice()));
    if let Some(folder) = file.directory(header).and_then(text) {
        join(folder);
    }
    join(text(file.path_name())?);
    Some(path)
}
