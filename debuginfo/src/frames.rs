//! The frames of a stopped thread, and the variables that live in them.
//!
//! You supply the thread's registers, a way to read the process's memory ([`Memory`]; any closure will do), and which binaries are
//! mapped where ([`Modules`]). [`Unwinder::walk`] turns that into frames, [`Modules::variables`] a frame into variables with the
//! places where they are: what a debugger's `bt` and `info locals` show. Nothing here reads a process by itself, so a live process, a
//! snapshot and a test's made-up memory are one.
//!
//! ```no_run
//! use mcrx_debuginfo::file::Binary;
//! use mcrx_debuginfo::frames::{Module, Modules, Register, Registers, Unwinder};
//!
//! let binary = Binary::open("/usr/sbin/nginx".as_ref())?;
//! let modules = Modules::new([Module::new(&binary, 0x5555_5555_4000, 0x5555_5555_4000..0x5555_556f_0000)]);
//! let memory = |address: u64, bytes: &mut [u8]| false; // of a process, a snapshot, ...
//! let registers = Registers::new().with(Register::Rip, 0x5555_5560_1234).with(Register::Rsp, 0x7fff_ffff_e000);
//! let stack = Unwinder::new(&modules).walk(registers, &memory);
//! for frame in &stack.frames {
//!     println!("{:#x}", frame.pc());
//! }
//! println!("{}", stack.end);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Unwinding is by call frame information alone, through gimli: a frame without it ends the stack, with a reason. Nothing is guessed from
//! frame pointers or by looking for return addresses: what is found here decides what is a pointer, and may be written to.
//!
//! It is quick where it matters: a module costs nothing until a frame lies in it, and then a search in the sorted index of
//! `.eh_frame_hdr`. Of the debug info, the units that frames lie in are read, and of those the entries of the one function.
//!
//! What it does not do: vector registers (a `float` that lives in one is unavailable), other machines than x86-64, the vdso (it is no
//! file). Lines and names of functions that were inlined are [`crate::lines`]'s.

mod call_site;
pub(crate) mod cfi;
mod entry_value;
mod evaluate;
mod locals;
mod location;
mod memory;
mod module;
mod register;
mod scene;
mod sorted;
mod unavailable;
mod unwind;
mod variables;

pub use location::{Location, Piece, Place};
pub use memory::Memory;
pub use module::{Module, Modules};
pub use register::{Kept, Register, Registers};
pub use unavailable::{NoEntryValue, Unavailable};
pub use unwind::{End, Frame, Left, Stack, Unwinder};
pub use variables::{Scope, ScopeKind, State, Variable, VariablesError};
