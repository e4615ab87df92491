//! Variables of modules and of threads.

use super::{Root, RootKind};
use crate::debug::Debug;
use crate::image::{MappingKind, Process, ThreadMemory};
use crate::model::Model;
use mcrx_debuginfo::table::{Storage, Type};
use std::ops::Range;
use std::path::Path;

/// The file name of the allocator's library, whose data is its own tables.
const ALLOCATOR: &str = "libmcrx.so";

/// Those that debug info describes. Of several that overlap (the compiler may lay one over another, and several units may declare one)
/// the largest is taken.
pub(super) fn variables(
    process: &Process,
    debug: &Debug,
    tables: &[Option<usize>],
    model: &Model<'_>,
) -> Vec<Root> {
    let mut roots = Vec::new();
    for ((module, described), place) in process.modules.iter().zip(&debug.modules).zip(tables) {
        let (Some(table), Some(place)) = (&described.table, place) else { continue };
        let blocks: Vec<(u32, u64)> = process
            .threads
            .iter()
            .filter_map(|thread| {
                Some((thread.tid, ThreadMemory::new(process, thread).thread_local_block(module)?))
            })
            .collect();
        for variable in table.variables() {
            let Some(ty) = variable.ty() else { continue };
            let (Some(len), Some(number)) = (ty.size().filter(|size| *size > 0), model.number(*place, ty))
            else {
                continue;
            };
            let name = match variable.function() {
                Some(function) => format!("{}::{}", function.name(), variable.name()),
                None => variable.name().to_owned(),
            };
            let root = |name, kind, address| Root { name, kind, address, len, ty: Some(number), value: None };
            match variable.storage() {
                Storage::Static => {
                    roots.push(root(name, RootKind::Variable, module.mapped(variable.address().0)));
                }
                Storage::ThreadLocal => {
                    for (tid, block) in &blocks {
                        let address = block.wrapping_add(variable.address().0);
                        let name = format!("{name} of thread {tid}");
                        roots.push(root(name, RootKind::ThreadLocal, address));
                    }
                }
                Storage::Nowhere | Storage::Elsewhere => {}
            }
        }
    }
    // What the image does not have cannot be read, and what would wrap around is no variable.
    roots.retain(|root| root.address.checked_add(root.len).is_some() && root.bytes(process).is_some());
    roots.sort_by_key(|root| (root.address, std::cmp::Reverse(root.len), root.ty));
    let mut end = 0;
    roots.retain(|root| {
        let is_new = root.address >= end;
        end = end.max(root.address + root.len);
        is_new
    });
    roots
}

/// Where the allocator has its own data.
pub(super) fn allocators_own(process: &Process) -> impl Iterator<Item = Range<u64>> {
    let is_its = |path: &Path| path.file_name().is_some_and(|name| name == ALLOCATOR);
    process.modules.iter().filter(move |module| is_its(&module.path)).map(|module| module.range.clone())
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

pub(super) fn mapping_name(kind: &MappingKind) -> String {
    match kind {
        MappingKind::Anonymous { name: Some(name) } => format!("memory \"{name}\""),
        MappingKind::Anonymous { name: None } => "anonymous memory".to_owned(),
        MappingKind::Heap => "brk heap".to_owned(),
        MappingKind::Stack => "stack".to_owned(),
        MappingKind::File { path, .. } => file_name(path),
        MappingKind::Shared { path, .. } => format!("shared {}", path.display()),
        MappingKind::Vdso | MappingKind::Vvar | MappingKind::Vsyscall => "the kernel's".to_owned(),
    }
}

/// Bytes of a variable of this type, if it is of any use to look at them.
pub(super) fn size_of(ty: Type<'_>) -> Option<usize> {
    /// Larger than any stack.
    const MOST: u64 = 1 << 30;
    usize::try_from(ty.size().filter(|size| (1..MOST).contains(size))?).ok()
}
