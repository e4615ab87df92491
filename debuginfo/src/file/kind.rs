//! What a file is, by its first bytes: the kind that everything here is for, or what it is instead.

use std::fmt;

/// As many bytes of a file as tell its kind.
pub(crate) const HEAD: usize = 256;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// ELF, 64-bit, little-endian, for x86-64: program, library, or a file of debug info.
    X86_64,
    /// ELF for x86-64 that was not linked yet (`.o`), or is no program at all (a core dump).
    Unlinked(&'static str),
    /// ELF of another machine, or in another form.
    OtherElf(String),
    /// A script: the interpreter and its argument, as the first line has them.
    Script(String),
    /// Nothing that the kernel runs.
    Unknown,
}

/// Machines as `elf.h` numbers them.
const MACHINES: [(u16, &str); 9] = [
    (3, "32-bit x86"),
    (8, "MIPS"),
    (20, "32-bit PowerPC"),
    (21, "PowerPC"),
    (22, "S/390"),
    (40, "32-bit ARM"),
    (62, "x86-64"),
    (183, "64-bit ARM"),
    (243, "RISC-V"),
];

impl Kind {
    /// The kind of a file that begins with these bytes; 256 of them are enough.
    pub fn of(head: &[u8]) -> Kind {
        if let Some(line) = head.strip_prefix(b"#!") {
            let line = line.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
            let line = line.get(..HEAD).unwrap_or(line);
            return Kind::Script(String::from_utf8_lossy(line).trim().to_owned());
        }
        if !head.starts_with(b"\x7fELF") {
            return Kind::Unknown;
        }
        // elf(5): class, byte order; e_type at 16 and e_machine at 18 in that order.
        let (class, order) = (head.get(4).copied().unwrap_or(0), head.get(5).copied().unwrap_or(0));
        let half = |at: usize| {
            let bytes = head.get(at..at + 2).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok())?;
            Some(if order == 2 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
        };
        let (Some(elf_type), Some(machine)) = (half(16), half(18)) else { return Kind::Unknown };
        let name = MACHINES.iter().find(|(number, _)| *number == machine).map(|(_, name)| *name);
        match (class, order, machine, elf_type) {
            (2, 1, 62, 1) => Kind::Unlinked("an object file that was not linked yet"),
            (2, 1, 62, 4) => Kind::Unlinked("a core dump"),
            (2, 1, 62, _) => Kind::X86_64,
            (1, 1, 62, _) => Kind::OtherElf("x32".to_owned()),
            _ => Kind::OtherElf(name.map_or_else(|| format!("machine {machine}"), str::to_owned)),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::X86_64 => write!(out, "a program for x86-64"),
            Kind::Unlinked(what) => write!(out, "{what}"),
            Kind::OtherElf(machine) => write!(out, "for {machine}, not for x86-64"),
            Kind::Script(interpreter) => write!(out, "a script for {interpreter}"),
            Kind::Unknown => write!(out, "no program"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(class: u8, order: u8, elf_type: [u8; 2], machine: [u8; 2]) -> Vec<u8> {
        let mut head = b"\x7fELF".to_vec();
        head.extend([class, order, 1, 0]);
        head.resize(16, 0);
        head.extend(elf_type);
        head.extend(machine);
        head
    }

    #[test]
    fn machines_are_told_apart_in_either_byte_order() {
        assert_eq!(Kind::of(&elf(2, 1, [3, 0], [62, 0])), Kind::X86_64);
        assert_eq!(Kind::of(&elf(1, 1, [3, 0], [62, 0])), Kind::OtherElf("x32".to_owned()));
        assert_eq!(Kind::of(&elf(1, 1, [2, 0], [3, 0])), Kind::OtherElf("32-bit x86".to_owned()));
        assert_eq!(Kind::of(&elf(2, 2, [0, 2], [0, 22])), Kind::OtherElf("S/390".to_owned()));
        assert_eq!(Kind::of(&elf(2, 1, [2, 0], [0xE7, 3])), Kind::OtherElf("machine 999".to_owned()));
    }

    #[test]
    fn what_is_not_linked_is_no_program() {
        assert!(matches!(Kind::of(&elf(2, 1, [1, 0], [62, 0])), Kind::Unlinked(_)));
        assert!(matches!(Kind::of(&elf(2, 1, [4, 0], [62, 0])), Kind::Unlinked(_)));
    }

    #[test]
    fn scripts_and_rubbish_are_told_from_programs() {
        assert_eq!(Kind::of(b"#! /bin/sh -e\necho"), Kind::Script("/bin/sh -e".to_owned()));
        assert_eq!(Kind::of(b"#!"), Kind::Script(String::new()));
        for rubbish in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01", b"hello"] {
            assert_eq!(Kind::of(rubbish), Kind::Unknown);
        }
    }
}
