//! What a file is, by its first bytes.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

/// As much of a file as any of the below needs.
const HEAD: u64 = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// ELF, 64-bit, little-endian, for x86-64.
    X86_64,
    /// ELF of another machine, or in another form.
    OtherElf(String),
    /// The interpreter and its argument, as the first line has them.
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
    pub(crate) fn of(file: &mut (impl Read + Seek)) -> io::Result<Kind> {
        let mut head = Vec::new();
        file.take(HEAD).read_to_end(&mut head)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Kind::of_head(&head))
    }

    fn of_head(head: &[u8]) -> Kind {
        if let Some(line) = head.strip_prefix(b"#!") {
            let line = line.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
            return Kind::Script(String::from_utf8_lossy(line).trim().to_owned());
        }
        if !head.starts_with(b"\x7fELF") {
            return Kind::Unknown;
        }
        // elf(5): class, byte order; e_machine at 18 in that order.
        let (class, order) = (head.get(4).copied().unwrap_or(0), head.get(5).copied().unwrap_or(0));
        let machine = match (head.get(18..20).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok()), order) {
            (Some(bytes), 2) => u16::from_be_bytes(bytes),
            (Some(bytes), _) => u16::from_le_bytes(bytes),
            (None, _) => return Kind::Unknown,
        };
        let name = MACHINES.iter().find(|(number, _)| *number == machine).map(|(_, name)| *name);
        match (class, order, machine) {
            (2, 1, 62) => Kind::X86_64,
            (1, 1, 62) => Kind::OtherElf("x32".to_owned()),
            _ => Kind::OtherElf(name.map_or_else(|| format!("machine {machine}"), str::to_owned)),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::X86_64 => write!(out, "a program for x86-64"),
            Kind::OtherElf(machine) => write!(out, "for {machine}, not for x86-64"),
            Kind::Script(interpreter) => write!(out, "a script for {interpreter}"),
            Kind::Unknown => write!(out, "no program"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(class: u8, order: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut head = b"\x7fELF".to_vec();
        head.extend([class, order, 1, 0]);
        head.resize(18, 0);
        head.extend(machine);
        head
    }

    #[test]
    fn machines_are_told_apart_in_either_byte_order() {
        assert_eq!(Kind::of_head(&elf(2, 1, [62, 0])), Kind::X86_64);
        assert_eq!(Kind::of_head(&elf(1, 1, [62, 0])), Kind::OtherElf("x32".to_owned()));
        assert_eq!(Kind::of_head(&elf(1, 1, [3, 0])), Kind::OtherElf("32-bit x86".to_owned()));
        assert_eq!(Kind::of_head(&elf(2, 2, [0, 22])), Kind::OtherElf("S/390".to_owned()));
        assert_eq!(Kind::of_head(&elf(2, 1, [0xE7, 3])), Kind::OtherElf("machine 999".to_owned()));
    }

    #[test]
    fn scripts_and_rubbish_are_told_from_programs() {
        assert_eq!(Kind::of_head(b"#! /bin/sh -e\necho"), Kind::Script("/bin/sh -e".to_owned()));
        assert_eq!(Kind::of_head(b"#!"), Kind::Script(String::new()));
        for rubbish in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01", b"hello"] {
            assert_eq!(Kind::of_head(rubbish), Kind::Unknown);
        }
    }
}
