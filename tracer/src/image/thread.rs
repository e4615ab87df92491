//! A thread of a process, and memory as the thread sees it.

use super::{Memory, Process};
use mcrx_debuginfo::frames::{self, Register};
use serde::{Deserialize, Serialize};

/// A thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its id, in the namespace of who made the image.
    pub tid: u32,
    /// Its name, up to 15 bytes.
    pub name: String,
    /// What its registers were.
    pub registers: Registers,
    /// The system call that it was waiting in, by its number. `None`: it was on its way somewhere.
    pub blocked_in: Option<u32>,
}

/// The general registers of a thread, in the order of `struct user_regs_struct` (sys/user.h), which is that of core files too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the processor's manual describes them")]
pub struct Registers {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    /// The number of the system call that the thread is in; all ones: in none.
    pub orig_rax: u64,
    pub rip: u64,
    pub cs: u64,
    pub eflags: u64,
    pub rsp: u64,
    pub ss: u64,
    /// The thread pointer.
    pub fs_base: u64,
    pub gs_base: u64,
    pub ds: u64,
    pub es: u64,
    pub fs: u64,
    pub gs: u64,
}

impl Registers {
    /// Words of `struct user_regs_struct`.
    pub const COUNT: usize = 27;

    /// From the words of `struct user_regs_struct`.
    pub fn from_words(words: [u64; Registers::COUNT]) -> Registers {
        let [
            r15,
            r14,
            r13,
            r12,
            rbp,
            rbx,
            r11,
            r10,
            r9,
            r8,
            rax,
            rcx,
            rdx,
            rsi,
            rdi,
            orig_rax,
            rip,
            cs,
            eflags,
            rsp,
            ss,
            fs_base,
            gs_base,
            ds,
            es,
            fs,
            gs,
        ] = words;
        Registers {
            r15,
            r14,
            r13,
            r12,
            rbp,
            rbx,
            r11,
            r10,
            r9,
            r8,
            rax,
            rcx,
            rdx,
            rsi,
            rdi,
            orig_rax,
            rip,
            cs,
            eflags,
            rsp,
            ss,
            fs_base,
            gs_base,
            ds,
            es,
            fs,
            gs,
        }
    }

    /// Those that code computes with, and can hold pointers in, by name.
    pub fn general(&self) -> [(Register, u64); 16] {
        [
            (Register::Rax, self.rax),
            (Register::Rdx, self.rdx),
            (Register::Rcx, self.rcx),
            (Register::Rbx, self.rbx),
            (Register::Rsi, self.rsi),
            (Register::Rdi, self.rdi),
            (Register::Rbp, self.rbp),
            (Register::Rsp, self.rsp),
            (Register::R8, self.r8),
            (Register::R9, self.r9),
            (Register::R10, self.r10),
            (Register::R11, self.r11),
            (Register::R12, self.r12),
            (Register::R13, self.r13),
            (Register::R14, self.r14),
            (Register::R15, self.r15),
        ]
    }

    /// As [`frames::Unwinder`] wants them.
    pub fn for_unwinding(&self) -> frames::Registers {
        let general = self.general();
        let registers = frames::Registers::new().with(Register::Rip, self.rip);
        general.into_iter().fold(registers, |registers, (name, value)| registers.with(name, value))
    }
}

/// A process's memory as one of its threads sees it: with that thread's thread-local variables.
#[derive(Debug, Clone, Copy)]
pub struct ThreadMemory<'i> {
    process: &'i Process,
    thread_pointer: u64,
}

impl<'i> ThreadMemory<'i> {
    /// Of a thread of the process.
    pub fn new(process: &'i Process, thread: &Thread) -> ThreadMemory<'i> {
        ThreadMemory { process, thread_pointer: thread.registers.fs_base }
    }

    /// The memory.
    pub fn memory(&self) -> &'i Memory {
        &self.process.memory
    }

    /// Where the thread has its block of a module's thread-local variables. `None`: it has made no use of them yet, or it is not known.
    pub fn thread_local_block(&self, module: &super::Module) -> Option<u64> {
        /// `TLS_DTV_UNALLOCATED` of glibc: the block is made when it is first asked for.
        const UNALLOCATED: u64 = u64::MAX;
        let tls = module.tls?;
        if let Some(below) = tls.below_thread_pointer {
            return self.thread_pointer.checked_sub(below);
        }
        // The second word of glibc's tcbhead_t is the vector: pairs of a block and what to free it by, the first pair a count.
        let memory = self.memory();
        let vector = memory.word(self.thread_pointer.checked_add(8)?)?;
        let slots = memory.word(vector.checked_sub(16)?)?;
        if tls.number == 0 || tls.number > slots {
            return None;
        }
        let block = memory.word(vector.checked_add(tls.number.checked_mul(16)?)?)?;
        (block != UNALLOCATED && block != 0).then_some(block)
    }
}

impl frames::Memory for ThreadMemory<'_> {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        self.memory().read(address, bytes).is_ok()
    }

    fn thread_local(&self, module: u64, offset: u64) -> Option<u64> {
        let module = self.process.module_at(module)?;
        self.thread_local_block(module)?.checked_add(offset)
    }
}
