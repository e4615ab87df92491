//! What lies on a thread's stack while it makes system calls for us: signal frames.
//!
//! The kernel lays such a frame when it delivers a signal, and `rt_sigreturn(2)` takes all registers, the mask of blocked signals and the
//! floating-point state back out of it. We lay frames as if a signal had come, below the red zone of the stack. A thread that we have
//! given other registers comes back to its own by them, even if we die at that moment and it goes on alone:
//!
//! ```text
//!   higher      the program's own stack
//!               128 bytes: the red zone, which a function may use without saying so
//!   extended    floating-point and vector registers, as XSAVE lays them out
//!   last        return address, frame: the registers that the thread was stopped with
//!   ...         return address, frame: others, each of which does something and then goes on to the one above it
//!   lower       free, as it is below any stack pointer
//! ```
//!
//! Every return address is that of the instructions that call `rt_sigreturn`.
//!
//! Layouts: `struct rt_sigframe` and `restore_sigcontext` of arch/x86/kernel/signal_64.c, `struct _fpx_sw_bytes` of the kernel's
//! asm/sigcontext.h.

use super::code::Code;
use super::thread::Registers;
use nix::libc;

/// Below its stack pointer a function may keep as much without moving it (System V ABI for x86-64, 3.2.2).
const RED_ZONE: u64 = 128;
/// A return address and a `struct ucontext`.
pub(super) const FRAME_LEN: usize = 8 + 304;
const FRAME: u64 = FRAME_LEN as u64;
/// XSAVE's own need.
const ALIGN: u64 = 64;

/// The bytes, and where they are.
#[derive(Debug)]
pub(super) struct Frames {
    /// Where they begin.
    pub(super) start: u64,
    pub(super) bytes: Vec<u8>,
    /// The stack pointer with which a `ret` leads the thread back to its own registers.
    pub(super) last: u64,
    code: Code,
    at_extended: u64,
}

/// How much of the stack so many frames take, below the stack pointer.
pub(super) fn room(extended: usize, frames: u64) -> u64 {
    RED_ZONE + u64::try_from(extended).unwrap_or(u64::MAX / 2) + frames * FRAME + 2 * ALIGN + 16
}

impl Frames {
    /// Those of a thread that is to go on with these registers (`own`), blocks these signals, and has these extended registers: `last`.
    pub(super) fn new(own: &Registers, mask: u64, extended: &[u8], code: &Code) -> Frames {
        let extended = marked(extended);
        let end = own.rsp - RED_ZONE;
        let at_extended = (end - extended.len() as u64) / ALIGN * ALIGN;
        let last = (at_extended - FRAME) / 16 * 16;
        let mut bytes = vec![0; usize::try_from(end - last).unwrap_or(0)];
        let mut put = |at: u64, what: &[u8]| {
            let at = usize::try_from(at - last).unwrap_or(usize::MAX);
            if let Some(place) = bytes.get_mut(at..at + what.len()) {
                place.copy_from_slice(what);
            }
        };
        put(at_extended, &extended);
        put(last, &frame(code, own, mask, at_extended));
        Frames { start: last, bytes, last, code: *code, at_extended }
    }

    /// Another below all others, with no extended registers: what a `ret` with the stack pointer that is returned leads to.
    pub(super) fn add(&mut self, registers: &Registers, mask: u64) -> u64 {
        self.bytes.splice(0..0, frame(&self.code, registers, mask, 0));
        self.start -= FRAME;
        self.start
    }
}

impl Frames {
    /// The bytes of `last`, from its return address on.
    pub(super) fn back(&self) -> Vec<u8> {
        let at = usize::try_from(self.last - self.start).unwrap_or(usize::MAX);
        self.bytes.get(at..at + FRAME_LEN).unwrap_or_default().to_vec()
    }

    /// The bytes of a return address and a frame with these registers and the thread's own extended ones, for wherever they are put.
    pub(super) fn frame(&self, registers: &Registers, mask: u64) -> Vec<u8> {
        frame(&self.code, registers, mask, self.at_extended).to_vec()
    }

    /// A frame of its own, with all signals blocked, for a place below a stack pointer: where, and the bytes.
    pub(super) fn below(&self, stack_pointer: u64, registers: &Registers) -> (u64, Vec<u8>) {
        let start = (stack_pointer - RED_ZONE - FRAME) / 16 * 16;
        (start, frame(&self.code, registers, u64::MAX, 0).to_vec())
    }
}

/// Where in memory the rdi of the frame with this stack pointer is.
pub(super) fn rdi_of(frame: u64) -> u64 {
    frame + 8 + RDI
}

/// A system call's number as a register holds it.
pub(super) fn number(call: libc::c_long) -> u64 {
    call.cast_unsigned()
}

/// Where rdi is in a `struct ucontext`.
const RDI: u64 = 104;

/// A return address and a `struct ucontext`.
fn frame(code: &Code, registers: &Registers, mask: u64, extended: u64) -> [u8; FRAME_LEN] {
    /// UC_FP_XSTATE, UC_SIGCONTEXT_SS and UC_STRICT_RESTORE_SS of the kernel's asm/ucontext.h.
    const FLAGS: u64 = 1 | 2 | 4;
    /// No such flags: the kernel refuses to change the thread's alternate stack, and thinks nothing of it.
    const NO_ALTERNATE_STACK: u64 = 7;
    let r = registers;
    let segments = (r.cs & 0xFFFF) | (r.ss & 0xFFFF) << 48;
    let words = [
        code.sigreturn,
        FLAGS,
        0,
        0,
        NO_ALTERNATE_STACK,
        0,
        r.r8,
        r.r9,
        r.r10,
        r.r11,
        r.r12,
        r.r13,
        r.r14,
        r.r15,
        r.rdi,
        r.rsi,
        r.rbp,
        r.rbx,
        r.rdx,
        r.rax,
        r.rcx,
        r.rsp,
        r.rip,
        r.eflags,
        segments,
        // What went wrong, of a fault: nothing did.
        0,
        0,
        0,
        0,
        extended,
    ];
    let mut bytes = [0; FRAME_LEN];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    if let Some(place) = bytes.last_chunk_mut() {
        *place = mask.to_le_bytes();
    }
    bytes
}

/// Extended registers as a signal frame has them: their extent is said in bytes that XSAVE leaves to the software, and once more behind.
fn marked(extended: &[u8]) -> Vec<u8> {
    const SOFTWARE: usize = 464;
    const MAGIC_1: u32 = 0x4650_5853;
    const MAGIC_2: u32 = 0x4650_5845;
    let len = u32::try_from(extended.len()).unwrap_or(0);
    let mut bytes = extended.to_vec();
    // ptrace has the set of saved components there.
    let components = bytes.get(SOFTWARE..SOFTWARE + 8).map(<[u8]>::to_vec).unwrap_or_default();
    let mut software = Vec::with_capacity(24);
    software.extend(MAGIC_1.to_le_bytes());
    software.extend((len + 4).to_le_bytes());
    software.extend(components);
    software.extend(len.to_le_bytes());
    software.extend([0; 4]);
    if let Some(place) = bytes.get_mut(SOFTWARE..SOFTWARE + software.len()) {
        place.copy_from_slice(&software);
    }
    bytes.extend(MAGIC_2.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::interrupted::tests::registers;
    use super::*;

    fn word(frames: &Frames, address: u64) -> u64 {
        let at = usize::try_from(address - frames.start).unwrap();
        u64::from_le_bytes(frames.bytes[at..at + 8].try_into().unwrap())
    }

    fn frames() -> Frames {
        let own = Registers { rsp: 0x7fff_0000_1238, rip: 0x5555, rdi: 77, ..registers(-1, 5) };
        let code = Code { system_call: 0x1000, sigreturn: 0x2000, store: None };
        Frames::new(&own, 0x4000, &[1; 2696], &code)
    }

    #[test]
    fn nothing_touches_the_red_zone_or_goes_past_the_room() {
        let mut frames = frames();
        let others: Vec<u64> = (0..2).map(|number| frames.add(&registers(-1, number), 0)).collect();
        let end = frames.start + frames.bytes.len() as u64;
        assert_eq!(end, 0x7fff_0000_1238 - 128);
        assert!(0x7fff_0000_1238 - frames.start <= room(2696 + 4, 3));
        assert!(frames.start == others[1] && others[1] < others[0] && others[0] < frames.last);
    }

    #[test]
    fn the_thread_comes_back_to_its_own() {
        let mut frames = frames();
        let other = frames.add(&Registers { rdi: 99, ..registers(-1, 61) }, u64::MAX);
        for at in [other, frames.last] {
            assert_eq!(word(&frames, at), 0x2000, "a return address");
        }
        let register = |frame: u64, offset: u64| word(&frames, frame + 8 + offset);
        let (rdi, rax, rip, mask) = (104, 144, 168, 296);
        assert_eq!((register(other, rax), register(other, mask)), (61, u64::MAX));
        assert_eq!(word(&frames, rdi_of(other)), 99);
        assert_eq!((register(frames.last, rax), register(frames.last, rip)), (5, 0x5555));
        assert_eq!((register(frames.last, rdi), register(frames.last, mask)), (77, 0x4000));
        let extended = register(frames.last, 224);
        assert_eq!((extended % 64, word(&frames, extended) & 0xFF), (0, 1));
        assert_eq!(word(&frames, extended + 464) & 0xFFFF_FFFF, 0x4650_5853);
    }
}
