//! The registers of a frame, and where each of them is kept.

use std::fmt;

/// A register that unwinding follows, numbered as DWARF numbers them (System V ABI for AMD64, figure 3.36).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the processor's manual describes them")]
pub enum Register {
    Rax = 0,
    Rdx,
    Rcx,
    Rbx,
    Rsi,
    Rdi,
    Rbp,
    Rsp,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    /// Of a frame: where it runs, or where it goes on after the call that it is in.
    Rip,
}

impl Register {
    /// All of them, by number.
    pub const ALL: [Register; 17] = {
        use Register::*;
        [Rax, Rdx, Rcx, Rbx, Rsi, Rdi, Rbp, Rsp, R8, R9, R10, R11, R12, R13, R14, R15, Rip]
    };

    /// `None`: a register that is not followed (of vectors, flags, segments).
    pub fn of(register: gimli::Register) -> Option<Register> {
        Register::ALL.get(usize::from(register.0)).copied()
    }

    /// Whether a function leaves it as it was (System V ABI for AMD64, 3.2.1).
    pub fn is_callee_saved(self) -> bool {
        use Register::*;
        matches!(self, Rbx | Rbp | R12 | R13 | R14 | R15)
    }

    fn index(self) -> usize {
        usize::from(self as u8)
    }
}

impl fmt::Display for Register {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 17] = [
            "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
            "r14", "r15", "rip",
        ];
        out.write_str(NAMES[self.index()])
    }
}

/// Where the value of a frame's register is kept while the functions below it run: what would have to be written to change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// In this register of the thread, as no function below has touched it.
    Register(Register),
    /// On the stack, at this address, where a function below saved it.
    Memory(u64),
    /// Nowhere: it follows from the layout of the stack.
    Nowhere,
}

/// The registers of one frame, as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Registers {
    values: [Option<(u64, Kept)>; 17],
}

impl Registers {
    /// None known.
    pub fn new() -> Registers {
        Registers::default()
    }

    /// The same, with a register of the thread itself.
    #[must_use]
    pub fn with(mut self, register: Register, value: u64) -> Registers {
        self.values[register.index()] = Some((value, Kept::Register(register)));
        self
    }

    /// The value. `None`: not known.
    pub fn get(&self, register: Register) -> Option<u64> {
        self.values[register.index()].map(|(value, _)| value)
    }

    /// Where it is kept. `None`: not known.
    pub fn kept(&self, register: Register) -> Option<Kept> {
        self.values[register.index()].map(|(_, kept)| kept)
    }

    pub(super) fn both(&self, register: Register) -> Option<(u64, Kept)> {
        self.values[register.index()]
    }

    pub(super) fn set(&mut self, register: Register, value: Option<(u64, Kept)>) {
        self.values[register.index()] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_have_their_dwarf_numbers() {
        for (number, register) in Register::ALL.into_iter().enumerate() {
            assert_eq!(Register::of(gimli::Register(u16::try_from(number).unwrap())), Some(register));
        }
        assert_eq!(Register::of(gimli::X86_64::RSI), Some(Register::Rsi));
        assert_eq!(Register::of(gimli::X86_64::RA), Some(Register::Rip));
        assert_eq!(Register::of(gimli::X86_64::XMM0), None);
    }

    #[test]
    fn a_register_is_known_once_it_is_given() {
        let registers = Registers::new().with(Register::Rsp, 7);
        assert_eq!(registers.get(Register::Rsp), Some(7));
        assert_eq!(registers.kept(Register::Rsp), Some(Kept::Register(Register::Rsp)));
        assert_eq!(registers.get(Register::Rip), None);
    }
}
