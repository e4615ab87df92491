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

#[cfg(test)]
mod tests {
    use super::super::{Fake, Module, Tls};
    use super::*;
    use mcrx_debuginfo::frames::Memory as _;

    const POINTER: u64 = 0x7000;

    fn module(start: u64, number: u64, below_thread_pointer: Option<u64>) -> Module {
        let tls = Some(Tls { number, below_thread_pointer, size: 64 });
        Module { path: "/lib".into(), build_id: None, bias: start, range: start..start + 0x1000, tls }
    }

    fn process(blocks: &[u64]) -> (Process, Thread) {
        let registers = Registers { fs_base: POINTER, ..Registers::default() };
        let thread = Thread { tid: 1, name: String::new(), registers, blocked_in: None };
        // Slots, what it frees by, generation, ditto, then a pair for each module.
        let mut vector = vec![u64::try_from(blocks.len()).unwrap(), 0, 1, 0];
        vector.extend(blocks.iter().flat_map(|block| [*block, 0]));
        let fake = Fake::new().words(POINTER, &[POINTER, 0x8010]).words(0x8000, &vector);
        let modules = [module(0x1000, 1, Some(64)), module(0x2000, 2, None), module(0x3000, 3, None)];
        let fake = modules.into_iter().fold(fake, Fake::module);
        (fake.thread(thread.clone()).process(), thread)
    }

    #[test]
    fn a_thread_local_variable_lies_below_the_thread_pointer_or_in_the_block_that_the_vector_says() {
        let (process, thread) = process(&[0, 0x9000, u64::MAX]);
        let memory = ThreadMemory::new(&process, &thread);
        assert_eq!(memory.thread_local(0x1000, 8), Some(POINTER - 64 + 8));
        assert_eq!(memory.thread_local(0x2000, 8), Some(0x9008));
        assert_eq!(memory.thread_local(0x3000, 8), None, "the thread has not used it yet");
        assert_eq!(memory.thread_local(0x4000, 8), None, "there is no such module");
    }

    #[test]
    fn a_vector_that_is_shorter_than_the_list_of_modules_has_no_block_for_the_last() {
        let (process, thread) = process(&[0, 0x9000]);
        let memory = ThreadMemory::new(&process, &thread);
        assert_eq!(memory.thread_local(0x3000, 0), None);
    }

    #[test]
    fn registers_are_in_the_kernels_order() {
        let registers = Registers::from_words(std::array::from_fn(|number| u64::try_from(number).unwrap()));
        // sys/user.h.
        assert_eq!((registers.r15, registers.rbp, registers.rax, registers.orig_rax), (0, 4, 10, 15));
        assert_eq!((registers.rip, registers.rsp, registers.fs_base, registers.gs), (16, 19, 21, 26));
        let unwinding = registers.for_unwinding();
        assert_eq!((unwinding.get(Register::Rip), unwinding.get(Register::Rbx)), (Some(16), Some(5)));
    }
}
