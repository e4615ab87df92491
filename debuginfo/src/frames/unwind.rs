//! From the registers of a thread to the frames of its stack.

use super::cfi::{Cfa, CfiError, Room, Rule, Rules};
use super::evaluate::{self, Bare};
use super::memory::{self, Memory};
use super::module::{Module, Modules};
use super::register::{Kept, Register, Registers};
use super::unavailable::Unavailable;
use crate::table::Address;

/// Frames of one stack that are followed: what a stack of 8 MiB has room for, if each frame has 128 bytes.
const FRAMES_MAX: usize = 1 << 16;

/// How a frame came to be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Left {
    /// It is the innermost: it runs.
    Not,
    /// It has called the frame below.
    ByCall,
    /// A signal interrupted it; below is the kernel's trampoline to the handler.
    BySignal,
}

/// One frame of a stack. Functions that were inlined share the frame of the function that they were inlined into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Of this frame, as they are while the frames below run; those that a caller may not rely on after a call are not known.
    pub registers: Registers,
    /// The canonical frame address: by ABI, what the stack pointer is once the function has returned. `None`: there is nothing that
    /// says how the frame is laid out.
    pub cfa: Option<u64>,
    /// How it was left.
    pub left: Left,
    /// The kernel's trampoline to a signal handler, no function of the program's.
    pub is_signal_trampoline: bool,
}

impl Frame {
    /// Where it runs, or goes on.
    pub fn pc(&self) -> u64 {
        self.registers.get(Register::Rip).unwrap_or(0)
    }

    /// The address to look up what belongs to this frame: in the call that it was left by, as the call may be the last of its function,
    /// or its block.
    pub fn lookup(&self) -> u64 {
        match self.left {
            Left::ByCall => self.pc().saturating_sub(1),
            Left::Not | Left::BySignal => self.pc(),
        }
    }
}

/// Why a stack goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// It is complete: the thread's first function.
    #[error("the outermost frame")]
    Outermost,
    /// Something is missing that the caller of this crate provides, or the frame is damaged.
    #[error("the frame at {pc:#x} cannot be unwound: {why}")]
    Unavailable {
        /// Where.
        pc: u64,
        /// What.
        why: Unavailable,
    },
    /// Code that no file is known of: made while the program runs, or the pointer is wrong.
    #[error("no module is mapped at {0:#x}")]
    NoModule(u64),
    /// Written in assembly without unwind information, or compiled without. There is no guessing by frame pointers: variables of the frames
    /// above would be wrong.
    #[error("there is no unwind information for {0:#x}")]
    NoUnwindInfo(u64),
    /// The stack pointer would not grow.
    #[error("the frame at {0:#x} is its own caller, or below its callee")]
    Loop(u64),
    /// More frames than a stack has room for.
    #[error("there are more than {FRAMES_MAX} frames")]
    TooDeep,
}

/// The frames of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Innermost first.
    pub frames: Vec<Frame>,
    /// Why there are no more.
    pub end: End,
}

/// Unwinds stacks. It keeps what can be used again for the next one.
pub struct Unwinder<'m, 'd> {
    modules: &'m Modules<'d>,
    room: Room,
}

impl<'m, 'd> Unwinder<'m, 'd> {
    /// For the threads of a process with these modules.
    pub fn new(modules: &'m Modules<'d>) -> Unwinder<'m, 'd> {
        Unwinder { modules, room: Room::new() }
    }

    /// All frames of a thread that has these registers. `rip` and `rsp` at least are needed; the more are known, the more variables are.
    pub fn walk(&mut self, registers: Registers, memory: &dyn Memory) -> Stack {
        let mut frames: Vec<Frame> = Vec::new();
        let (mut registers, mut left) = (registers, Left::Not);
        let end = loop {
            let mut frame = Frame { registers, cfa: None, left, is_signal_trampoline: false };
            let next = self.layout(&frame).and_then(|(module, rules)| {
                frame.is_signal_trampoline = rules.is_signal_trampoline;
                let cfa = Caller { frame: &frame, module, rules: &rules, memory }.cfa()?;
                frame.cfa = Some(cfa);
                Caller { frame: &frame, module, rules: &rules, memory }.registers(cfa)
            });
            let is_signal_trampoline = frame.is_signal_trampoline;
            frames.push(frame);
            match next {
                Err(end) => break end,
                Ok(_) if frames.len() == FRAMES_MAX => break End::TooDeep,
                Ok(next) => registers = next,
            }
            left = if is_signal_trampoline { Left::BySignal } else { Left::ByCall };
        };
        Stack { frames, end }
    }

    fn layout(&mut self, frame: &Frame) -> Result<(&'m Module<'d>, Rules<'d>), End> {
        let pc = frame.pc();
        let module = self.modules.at(frame.lookup()).ok_or(End::NoModule(pc))?;
        let Address(linked) = module.linked(frame.lookup());
        match module.cfi.rules(Address(linked), &mut self.room) {
            Ok(rules) => Ok((module, rules)),
            Err(CfiError::None) => Err(End::NoUnwindInfo(pc)),
            Err(CfiError::Damaged(error)) => Err(End::Unavailable { pc, why: Unavailable::Damaged(error) }),
        }
    }
}

/// A frame whose caller is wanted.
struct Caller<'f, 'd> {
    frame: &'f Frame,
    module: &'f Module<'d>,
    rules: &'f Rules<'d>,
    memory: &'f dyn Memory,
}

impl Caller<'_, '_> {
    fn cfa(&self) -> Result<u64, End> {
        let cfa = match self.rules.cfa {
            Cfa::Register(register, offset) => {
                self.register(register).map(|(base, _)| base.wrapping_add_signed(offset))
            }
            Cfa::Expression(expression) => {
                evaluate::number(expression, self.rules.encoding, None, &self.bare())
            }
        };
        cfa.map_err(|why| self.end(why))
    }

    /// The caller's registers.
    fn registers(&self, cfa: u64) -> Result<Registers, End> {
        let mut registers = Registers::new();
        for (register, rule) in Register::ALL.into_iter().zip(self.rules.registers) {
            let found = match (rule, register) {
                (Rule::Unspecified, Register::Rsp) => Ok((cfa, Kept::Nowhere)),
                // A function that does not save its return address, or says that there is none, has none.
                (Rule::Unspecified | Rule::Undefined, Register::Rip) => return Err(End::Outermost),
                (Rule::Unspecified, register) if !register.is_callee_saved() => continue,
                (Rule::Undefined | Rule::Unknown, _) => continue,
                (rule, register) => self.value(rule, register, cfa),
            };
            match found {
                Ok(found) => registers.set(register, Some(found)),
                Err(why) if matches!(register, Register::Rip | Register::Rsp) => return Err(self.end(why)),
                // What depends on it will not be available.
                Err(_) => {}
            }
        }
        let stack_pointer = |registers: &Registers| registers.get(Register::Rsp);
        if registers.get(Register::Rip) == Some(0) {
            return Err(End::Outermost);
        }
        // Handlers may run on a stack of their own, below or above.
        let grows = stack_pointer(&registers) > stack_pointer(&self.frame.registers);
        if !grows && !self.rules.is_signal_trampoline {
            return Err(End::Loop(self.frame.pc()));
        }
        Ok(registers)
    }

    fn value(&self, rule: Rule<'_>, register: Register, cfa: u64) -> Result<(u64, Kept), Unavailable> {
        let encoding = self.rules.encoding;
        match rule {
            Rule::Unspecified | Rule::SameValue => {
                self.frame.registers.both(register).ok_or(Unavailable::Register(register))
            }
            Rule::Saved(offset) => self.saved(cfa.wrapping_add_signed(offset)),
            Rule::Is(offset) => Ok((cfa.wrapping_add_signed(offset), Kept::Nowhere)),
            Rule::In(other) => self.register(other),
            Rule::SavedAt(expression) => {
                let expression = gimli::Expression(expression.0);
                self.saved(evaluate::number(expression, encoding, Some(cfa), &self.bare())?)
            }
            Rule::IsExpression(expression) => {
                let expression = gimli::Expression(expression.0);
                Ok((evaluate::number(expression, encoding, Some(cfa), &self.bare())?, Kept::Nowhere))
            }
            Rule::Constant(value) => Ok((value, Kept::Nowhere)),
            Rule::Undefined | Rule::Unknown => Err(Unavailable::Register(register)),
        }
    }

    fn register(&self, register: gimli::Register) -> Result<(u64, Kept), Unavailable> {
        let register = Register::of(register).ok_or(Unavailable::OtherRegister(register.0))?;
        self.frame.registers.both(register).ok_or(Unavailable::Register(register))
    }

    fn saved(&self, address: u64) -> Result<(u64, Kept), Unavailable> {
        let value = memory::number(self.memory, address, 8).ok_or(Unavailable::Memory(address))?;
        Ok((value, Kept::Memory(address)))
    }

    fn bare(&self) -> Bare<'_> {
        Bare { registers: &self.frame.registers, memory: self.memory, bias: self.module.bias() }
    }

    fn end(&self, why: Unavailable) -> End {
        End::Unavailable { pc: self.frame.pc(), why }
    }
}
