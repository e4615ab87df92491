//! What a shared library gives to a program that is linked with it today: of several versions of a symbol the default one.
//!
//! Layout: `.gnu.version`, one number for each entry of `.dynsym`, of "Symbol Versioning" in the Linux Standard Base, part 10.7. Its highest bit
//! says that only programs that were linked with that very version get it.

use super::elf::Section;
use super::symbols::entries;
use super::{Address, Binary};
use zerocopy::FromBytes as _;
use zerocopy::little_endian::U16;

const SHT_DYNSYM: u32 = 11;
const SHT_GNU_VERSYM: u32 = 0x6FFF_FFFF;
/// Of a version.
const HIDDEN: u16 = 0x8000;

impl Binary {
    /// Where a function or variable is that a program gets by this name, as linked.
    pub fn exported(&self, name: &str) -> Option<Address> {
        let elf = &self.program;
        let of_kind = |kind: u32| elf.sections().iter().find(move |section| section.kind.0 == kind);
        let table = of_kind(SHT_DYNSYM)?;
        let (symbols, strings) = entries(elf, table);
        let raw = of_kind(SHT_GNU_VERSYM).map_or(&[][..], |section: &Section| elf.raw(section));
        let versions = <[U16]>::ref_from_bytes(raw.get(..raw.len() - raw.len() % 2)?).ok()?;
        let is_default = |place: usize| versions.get(place).is_none_or(|version| version.get() & HIDDEN == 0);
        let mut found = symbols.iter().enumerate().filter(|(place, symbol)| {
            !symbol.is_undefined()
                && is_default(*place)
                && symbol
                    .name(elf.bytes(), &strings)
                    .is_some_and(|range| elf.bytes().get(range) == Some(name.as_bytes()))
        });
        found.next().map(|(_, symbol)| Address(symbol.value()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_versions_the_default_is_meant() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps
            .lines()
            .find_map(|line| line.split(' ').next_back().filter(|path| path.contains("/libc.so")));
        let binary = Binary::open(libc.unwrap().as_ref()).unwrap();
        let all: Vec<Address> =
            binary.symbols().named("pthread_cond_broadcast").map(|symbol| symbol.address).collect();
        assert_eq!(all.len(), 2, "one for programs of before 2003, and one for all others");
        let here = nix::libc::pthread_cond_broadcast as *const () as usize as u64;
        let exported = binary.exported("pthread_cond_broadcast").unwrap();
        assert!(all.contains(&exported));
        assert_eq!(exported.0 & 0xFFF, here & 0xFFF);
        assert!(binary.exported("no such thing").is_none());
    }
}
