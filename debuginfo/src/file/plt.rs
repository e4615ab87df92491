//! The stubs through which a program calls what other files define: its procedure linkage table.
//!
//! A stub jumps to where a word of the global offset table points, and the relocation of that word has the name. Linkers lay stubs out
//! in several ways (lazily bound, `-z now`, with and without IBT, ld, gold, lld, mold); all begin, at a multiple of 8, with few
//! instructions before that jump.

use super::elf::{Elf, Section};
use super::relocations::{Relocations, Target};
use super::{Address, Binary};

/// A stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stub<'a> {
    /// Where it begins: what calls of it call.
    pub address: Address,
    /// The word that has the address of what it leads to.
    pub slot: Address,
    /// What it leads to; without a version. Of a function that the program resolves for itself when it is loaded (in static programs,
    /// `memcpy` and the like) the name of that, if symbols tell.
    pub name: &'a str,
}

/// Stubs begin at multiples of this many bytes.
const STEP: usize = 8;
/// elf.h.
const SHF_EXECINSTR: u64 = 4;

/// Each stub with its word, by address.
pub(super) type Stubs = Vec<(u64, u64)>;

fn stubs(program: &Elf, relocations: &Relocations) -> Stubs {
    let mut stubs = Vec::new();
    for section in program.sections().iter().filter(|section| holds_stubs(program, section)) {
        let code = program.raw(section);
        let starts = (0..super::elf::to_u64(code.len())).step_by(STEP);
        stubs.extend(starts.filter_map(|offset| {
            let address = section.address.checked_add(offset)?;
            let slot = slot_of(code.get(usize::try_from(offset).ok()?..)?, address)?;
            relocations.at(Address(slot)).map(|_| (address, slot))
        }));
    }
    stubs.sort_unstable();
    stubs
}

fn holds_stubs(program: &Elf, section: &Section) -> bool {
    let name = program.name(section);
    section.flags.0 & SHF_EXECINSTR != 0 && (name.starts_with(b".plt") || name.starts_with(b".iplt"))
}

/// The word that the stub at an address jumps by.
fn slot_of(code: &[u8], address: u64) -> Option<u64> {
    const ENDBR64: &[u8] = &[0xF3, 0x0F, 0x1E, 0xFA];
    const BND: &[u8] = &[0xF2];
    const JMP_BY_WORD: &[u8] = &[0xFF, 0x25];
    let rest = code.strip_prefix(ENDBR64).unwrap_or(code);
    // mold: mov $INDEX, %r11d
    let rest = rest.strip_prefix(&[0x41, 0xBB]).map_or(Some(rest), |rest| rest.get(4..))?;
    let rest = rest.strip_prefix(BND).unwrap_or(rest);
    let (displacement, rest) = rest.strip_prefix(JMP_BY_WORD)?.split_first_chunk::<4>()?;
    let next = address.checked_add(super::elf::to_u64(code.len() - rest.len()))?;
    next.checked_add_signed(i64::from(i32::from_le_bytes(*displacement)))
}

impl Binary {
    /// All stubs, by address.
    pub fn stubs(&self) -> impl DoubleEndedIterator<Item = Stub<'_>> {
        self.stub_index().iter().filter_map(|(address, slot)| self.named_stub(*address, *slot))
    }

    /// The stub that begins at an address.
    pub fn stub_at(&self, address: Address) -> Option<Stub<'_>> {
        let stubs = self.stub_index();
        let index = stubs.binary_search_by_key(&address.0, |(address, _)| *address).ok()?;
        let (address, slot) = *stubs.get(index)?;
        self.named_stub(address, slot)
    }

    fn stub_index(&self) -> &Stubs {
        self.stubs.get_or_init(|| stubs(&self.program, self.relocations()))
    }

    fn named_stub(&self, address: u64, slot: u64) -> Option<Stub<'_>> {
        let name = match self.relocations().at(Address(slot))?.target {
            Target::Symbol { name, .. } => name,
            Target::Place(place) | Target::ResolvedBy(place) => {
                self.symbols().function_at(place).filter(|symbol| symbol.address == place)?.name
            }
        };
        Some(Stub { address: Address(address), slot: Address(slot), name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_of_all_linkers_are_understood() {
        let jump = [0xFF, 0x25, 0x10, 0, 0, 0];
        let with = |prefix: &[u8]| [prefix, &jump, &[0x90; 8]].concat();
        assert_eq!(slot_of(&with(&[]), 0x1000), Some(0x1016));
        assert_eq!(slot_of(&with(&[0xF3, 0x0F, 0x1E, 0xFA]), 0x1000), Some(0x101A));
        assert_eq!(slot_of(&with(&[0xF3, 0x0F, 0x1E, 0xFA, 0xF2]), 0x1000), Some(0x101B));
        assert_eq!(slot_of(&with(&[0xF3, 0x0F, 0x1E, 0xFA, 0x41, 0xBB, 7, 0, 0, 0]), 0x1000), Some(0x1020));
        // The first entry of a lazy table pushes a word before it jumps.
        assert_eq!(slot_of(&with(&[0xFF, 0x35, 2, 0, 0, 0]), 0x1000), None);
        assert_eq!(slot_of(&jump[..5], 0x1000), None);
    }
}
