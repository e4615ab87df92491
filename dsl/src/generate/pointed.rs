//! Which functions of a program pointers may lead to: those whose address its initial data or its code holds.

use mcrx_debuginfo::file::{Binary, Target};
use mcrx_debuginfo::table::{Address, FunctionId, Table};
use rustc_hash::{FxHashMap, FxHashSet};

/// `lea r64, [rip + disp32]`: REX.W with or without the register's fourth bit, the opcode, and the bits of ModRM that do not name the
/// register.
const REX: [u8; 2] = [0x48, 0x4C];
const LEA: u8 = 0x8D;
const OF_MODRM: u8 = 0xC7;
const RIP_RELATIVE: u8 = 0x05;

/// Bytes of that instruction.
const LENGTH: usize = 7;

/// Functions whose address is taken.
#[derive(Debug, Clone, Default)]
pub struct Pointed {
    functions: FxHashSet<FunctionId>,
}

impl Pointed {
    /// Looks for them. Bytes that only look like an instruction name a function's first byte by chance, which is one in many millions.
    pub fn of(binary: &Binary, table: &Table) -> Pointed {
        let entries: FxHashMap<Address, FunctionId> =
            table.functions().filter_map(|function| Some((function.code()?.0, function.id()))).collect();
        let mut functions = FxHashSet::default();
        for relocation in binary.relocations().iter() {
            let place = match relocation.target {
                Target::Place(place) => Some(place),
                Target::Symbol { defined, .. } => defined,
                Target::ResolvedBy(_) => None,
            };
            functions.extend(place.and_then(|place| entries.get(&place)));
        }
        for range in binary.text() {
            let length = range.end.0.saturating_sub(range.start.0);
            let bytes = usize::try_from(length).ok().and_then(|length| binary.code(range.start, length));
            for (window, at) in bytes.unwrap_or_default().windows(LENGTH).zip(range.start.0..) {
                if let [rex, LEA, modrm, displacement @ ..] = window
                    && REX.contains(rex)
                    && modrm & OF_MODRM == RIP_RELATIVE
                    && let Ok(displacement) = <[u8; 4]>::try_from(displacement)
                {
                    let next = at.wrapping_add(LENGTH as u64);
                    let target = next.wrapping_add_signed(i64::from(i32::from_le_bytes(displacement)));
                    functions.extend(entries.get(&Address(target)));
                }
            }
        }
        Pointed { functions }
    }

    /// Whether a pointer may lead to a function.
    pub fn has(&self, function: FunctionId) -> bool {
        self.functions.contains(&function)
    }
}
