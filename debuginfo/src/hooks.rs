//! How functions are hooked in a program that was not built for it: which of their first instructions make room for a jump, what these
//! are elsewhere, and the proof that it can be done.
//!
//! Hooked are functions that hand out parts of blocks (pools): the allocator replaces the entry of each by a jump, and is thereby told what
//! they return ([`mcrx_allocator::abi::HookRow`]). A function is refused, with the reason, unless
//! - the debug info says that it takes integers and pointers only, all in registers, and returns a pointer;
//! - all of its code can be decoded, and nothing in it jumps into the middle of what is replaced, or to where a table says;
//! - what is replaced can be run elsewhere: what depends on its place is a distance that can be made anew.
//!
//! Copies of it that the compiler has put into other functions are not hooked; they are named ([`Hooks::inlined`]). One inside another
//! hooked function does not matter: that one's result is the same.

mod inlined;
mod moved;
mod write;

pub use inlined::Inlined;
pub use moved::Unmovable;

use crate::file::{Binary, BuildId};
use crate::table::{Encoding, Function, Kind, Table, Type};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};
use mcrx_allocator::abi::{HookRow, PARAMETERS_MAX};

/// The longest code that is looked at for one function.
const FUNCTION_MAX: u64 = 16 << 20;

/// What is to be hooked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The function's name.
    pub function: String,
    /// Which of its parameters has the number of bytes asked for, from 0.
    pub size_parameter: usize,
    /// How many it has.
    pub parameters: usize,
}

/// The hooks of one binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hooks {
    build_id: BuildId,
    rows: Vec<HookRow>,
    hooked: Vec<String>,
    refused: Vec<Refused>,
    inlined: Vec<Inlined>,
}

/// A function that is not hooked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its name, or that of the copy.
    pub function: String,
    /// Why not.
    pub why: Why,
}

/// Why a function is not hooked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The facts are about another function of that name.
    #[error("it has {found} parameters, where the rule names {wanted}")]
    Parameters {
        /// Of the function.
        found: usize,
        /// In the rule.
        wanted: usize,
    },
    /// Arguments on the stack, or in vector registers.
    #[error("not all of its arguments are passed in integer registers")]
    Arguments,
    /// It returns no pointer.
    #[error("it does not return a pointer")]
    Result,
    /// Not the function as it is written, but a copy for some of its callers.
    #[error("the compiler has changed what it takes")]
    Clone,
    /// Its code is not in the file, or cannot be decoded.
    #[error("its code cannot be read")]
    NoCode,
    /// A jump by a table or a register.
    #[error("it jumps to where a table or a pointer says")]
    IndirectJump,
    /// A jump into what is replaced.
    #[error("it jumps to the middle of its first instructions")]
    JumpInside,
    /// Another function begins in what is replaced.
    #[error("another function begins within its first instructions")]
    Shared,
    /// What is replaced cannot be run elsewhere.
    #[error(transparent)]
    Unmovable(#[from] Unmovable),
}

/// Why no table can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HooksError {
    /// The allocator finds tables by it.
    #[error("the binary has no build-id, by which its hook table would be found: link it with --build-id")]
    NoBuildId,
    /// There is nothing to run.
    #[error("the binary has no part that is loaded")]
    NothingLoaded,
}

impl Hooks {
    /// Of those functions that the binary has, all of a name.
    pub fn of(binary: &Binary, table: &Table, hooks: &[Hook]) -> Result<Hooks, HooksError> {
        let build_id = *binary.build_id().ok_or(HooksError::NoBuildId)?;
        let base = binary.base().ok_or(HooksError::NothingLoaded)?;
        let mut made = Hooks {
            build_id,
            rows: Vec::new(),
            hooked: Vec::new(),
            refused: Vec::new(),
            inlined: Vec::new(),
        };
        let mut names = Vec::new();
        for hook in hooks {
            let functions: Vec<Function<'_>> = table.functions_named(&hook.function).collect();
            if functions.is_empty() {
                continue;
            }
            names.push(hook.function.as_str());
            for function in functions.into_iter().filter(|function| function.code().is_some()) {
                match row(binary, table, base.0, function, hook) {
                    Ok(row) => {
                        made.rows.push(row);
                        made.hooked.push(hook.function.clone());
                    }
                    Err(why) => made.refused.push(Refused { function: hook.function.clone(), why }),
                }
            }
        }
        // One code for two functions counts once, if both say the same of it.
        made.rows.sort_by_key(|row| row.offset);
        made.rows.dedup();
        if !names.is_empty() {
            made.inlined = inlined::find(binary, &names);
        }
        Ok(made)
    }

    /// Of the binary.
    pub fn build_id(&self) -> &BuildId {
        &self.build_id
    }

    /// By offset.
    pub fn rows(&self) -> &[HookRow] {
        &self.rows
    }

    /// The names of functions that are hooked.
    pub fn hooked(&self) -> &[String] {
        &self.hooked
    }

    /// Functions that the binary has and that are not hooked.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Copies that are not hooked.
    pub fn inlined(&self) -> &[Inlined] {
        &self.inlined
    }
}

fn row(
    binary: &Binary,
    table: &Table,
    base: u64,
    function: Function<'_>,
    hook: &Hook,
) -> Result<HookRow, Why> {
    signature(function, hook)?;
    let (low, _) = function.code().ok_or(Why::NoCode)?;
    // A copy for some callers (`name.constprop.0`) is called in its own way, whatever the debug info says of the original.
    let symbols = binary.symbols();
    if let Some(symbol) = symbols.function_at(low)
        && !symbols.named(&hook.function).any(|named| named.address == low)
        && symbol.name.contains('.')
    {
        return Err(Why::Clone);
    }
    let mut code = Vec::new();
    for (from, to, _) in table.ranges().filter(|(_, _, of)| *of == function.id()) {
        code.extend(decoded(binary, from.0, to.0).ok_or(Why::NoCode)?);
    }
    let first = code.iter().position(|instruction| instruction.ip() == low.0).ok_or(Why::NoCode)?;
    let moved = moved::first_instructions(binary, &code[first..], base)?;
    let replaced = moved.start..moved.start + u64::from(moved.row.replaced);
    for instruction in &code {
        match instruction.flow_control() {
            FlowControl::IndirectBranch => return Err(Why::IndirectJump),
            FlowControl::ConditionalBranch
            | FlowControl::UnconditionalBranch
            | FlowControl::XbeginXabortXend
                if (replaced.start + 1..replaced.end).contains(&instruction.near_branch_target()) =>
            {
                return Err(Why::JumpInside);
            }
            _ => {}
        }
    }
    let begins_inside = |address: u64| (low.0 + 1..replaced.end).contains(&address);
    if symbols.functions().any(|symbol| begins_inside(symbol.address.0)) {
        return Err(Why::Shared);
    }
    let size_parameter = u8::try_from(hook.size_parameter).map_err(|_| Why::Arguments)?;
    Ok(HookRow { size_parameter, ..moved.row })
}

/// Whether it is called as the stubs expect.
fn signature(function: Function<'_>, hook: &Hook) -> Result<(), Why> {
    let parameters: Vec<_> = function.parameters().collect();
    if parameters.len() != hook.parameters || hook.size_parameter >= parameters.len() {
        return Err(Why::Parameters { found: parameters.len(), wanted: hook.parameters });
    }
    let in_register = |ty: Option<Type<'_>>| {
        let ty = ty.and_then(Type::resolved);
        ty.is_some_and(|ty| match ty.kind() {
            Kind::Pointer(_) => true,
            Kind::Base(encoding) => is_integer(encoding) && ty.size().is_some_and(|size| size <= 8),
            Kind::Enumeration(_) => ty.size().is_some_and(|size| size <= 8),
            _ => false,
        })
    };
    if parameters.len() > usize::from(PARAMETERS_MAX)
        || !parameters.iter().all(|parameter| in_register(parameter.ty))
    {
        return Err(Why::Arguments);
    }
    match function.returns().and_then(Type::resolved).map(Type::kind) {
        Some(Kind::Pointer(_)) => Ok(()),
        _ => Err(Why::Result),
    }
}

fn is_integer(encoding: Encoding) -> bool {
    use Encoding::{Boolean, Signed, SignedChar, Unsigned, UnsignedChar};
    matches!(encoding, Boolean | Signed | SignedChar | Unsigned | UnsignedChar)
}

/// All instructions of a run of code. `None`: some are none.
fn decoded(binary: &Binary, low: u64, high: u64) -> Option<Vec<Instruction>> {
    let len = high.checked_sub(low).filter(|len| *len <= FUNCTION_MAX)?;
    let bytes = binary.code(crate::table::Address(low), usize::try_from(len).ok()?)?;
    let decoder = Decoder::with_ip(64, bytes, low, DecoderOptions::NONE);
    let all: Vec<Instruction> = decoder.into_iter().collect();
    all.iter().all(|instruction| !instruction.is_invalid()).then_some(all)
}
