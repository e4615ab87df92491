//! The sections that say how to unwind, as gimli takes them.

use super::Binary;
use super::elf::Elf;
use crate::dwarf::Slice;
use gimli::{BaseAddresses, DebugFrame, EhFrame, LittleEndian};

/// How to unwind the functions of a program.
pub struct Unwind<'a> {
    /// What every program has for exceptions, and so for all functions: `.eh_frame`, mapped in the running process.
    pub eh_frame: EhFrame<Slice<'a>>,
    /// What compilers write where there is no `.eh_frame` (`-fno-asynchronous-unwind-tables`); in the debug file of a stripped program.
    pub debug_frame: DebugFrame<Slice<'a>>,
    /// What pointers in `.eh_frame` may be relative to, as linked.
    pub bases: BaseAddresses,
}

impl Binary {
    /// The unwind sections; empty where the file has none, or where they do not decompress.
    pub fn unwind(&self) -> Unwind<'_> {
        let program = &self.program;
        let address = |name: &[u8]| program.section(name).map(|section| section.address);
        let mut bases = BaseAddresses::default();
        for (name, set) in [
            (&b".eh_frame"[..], BaseAddresses::set_eh_frame as fn(BaseAddresses, u64) -> BaseAddresses),
            (b".eh_frame_hdr", BaseAddresses::set_eh_frame_hdr),
            (b".text", BaseAddresses::set_text),
            (b".got", BaseAddresses::set_got),
        ] {
            if let Some(address) = address(name) {
                bases = set(bases, address);
            }
        }
        let debug_frame = [Some(program), self.separate.as_ref()].into_iter().flatten();
        let debug_frame =
            debug_frame.map(|elf| bytes_of(elf, ".debug_frame")).find(|bytes| !bytes.is_empty());
        let mut debug_frame = DebugFrame::new(debug_frame.unwrap_or_default(), LittleEndian);
        debug_frame.set_address_size(8);
        let mut eh_frame = EhFrame::new(bytes_of(program, ".eh_frame"), LittleEndian);
        eh_frame.set_address_size(8);
        Unwind { eh_frame, debug_frame, bases }
    }
}

fn bytes_of<'a>(elf: &'a Elf, name: &str) -> &'a [u8] {
    elf.debug_section(name).and_then(|section| elf.data(section).ok()).unwrap_or_default()
}
