//! What an address is that points to no block and no variable: pointers to code and to string constants are no garbage.

use crate::image::{MappingKind, Process};
use std::ops::Range;

/// What is mapped at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outside {
    /// Code of a module: a function, or a place in one.
    Code,
    /// Data of a module that is not written to once it is linked: string constants, tables, virtual tables.
    Constant,
    /// Other data of a module.
    ModuleData,
    /// The stack of a thread.
    Stack,
    /// Other memory.
    Mapped,
    /// Nothing: what it pointed to is gone, or it is no pointer.
    Nowhere,
}

/// What is mapped where in a process.
#[derive(Debug, Default)]
pub struct Map {
    /// By address; none overlap.
    ranges: Vec<(Range<u64>, Outside)>,
}

impl Map {
    /// Of a process.
    pub fn of(process: &Process) -> Map {
        let what = |mapping: &crate::image::Mapping| {
            let permissions = mapping.permissions;
            let module = process.module_at(mapping.range.start);
            let holds_stack =
                || process.threads.iter().any(|thread| mapping.range.contains(&thread.registers.rsp));
            match (&mapping.kind, module) {
                (MappingKind::Vdso, _) => Outside::Code,
                _ if !permissions.read && !permissions.write && !permissions.execute => Outside::Nowhere,
                (_, Some(_)) if permissions.execute => Outside::Code,
                (_, Some(_)) if permissions.write => Outside::ModuleData,
                (_, Some(_)) => Outside::Constant,
                (MappingKind::Stack, _) => Outside::Stack,
                _ if holds_stack() => Outside::Stack,
                _ => Outside::Mapped,
            }
        };
        let ranges = process.mappings.iter().map(|mapping| (mapping.range.clone(), what(mapping)));
        Map { ranges: ranges.collect() }
    }

    /// What an address is. Live blocks and variables are for who asks to know first.
    pub fn what(&self, address: u64) -> Outside {
        let before = self.ranges.partition_point(|(range, _)| range.start <= address);
        let found = before.checked_sub(1).and_then(|before| self.ranges.get(before));
        found.filter(|(range, _)| range.contains(&address)).map_or(Outside::Nowhere, |(_, what)| *what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Fake, Mapping, Module, Permissions};

    #[test]
    fn code_constants_and_data_of_a_module_are_told_from_what_is_not_mapped() {
        let mut process = Fake::new().words(0x9000, &[0; 4]).process();
        process.modules.push(Module {
            path: "/lib/some.so".into(),
            build_id: None,
            bias: 0x1000,
            range: 0x1000..0x4000,
            tls: None,
        });
        let none = Permissions { read: false, write: false, execute: false };
        let parts = [Permissions::READ_EXECUTE, Permissions::READ, Permissions::READ_WRITE, none];
        for (place, permissions) in (1..).zip(parts) {
            let range = place * 0x1000..(place + 1) * 0x1000;
            let kind = MappingKind::Anonymous { name: None };
            process
                .mappings
                .insert(usize::try_from(place - 1).unwrap(), Mapping { range, permissions, kind });
        }
        let map = Map::of(&process);
        let expected = [
            (0xFFF, Outside::Nowhere),
            (0x1000, Outside::Code),
            (0x2FFF, Outside::Constant),
            (0x3000, Outside::ModuleData),
            (0x4000, Outside::Nowhere),
            (0x9010, Outside::Mapped),
            (0xA000, Outside::Nowhere),
        ];
        for (address, what) in expected {
            assert_eq!(map.what(address), what, "{address:#x}");
        }
    }
}
