//! DWARF expressions (DWARF 5, 2.5 and 2.6), evaluated with what a frame knows.

use super::memory::{self, Memory};
use super::register::{Register, Registers};
use super::unavailable::Unavailable;
use crate::dwarf::Slice;
use gimli::{
    DieReference, Encoding, EvaluationResult, Expression, LittleEndian, Piece, UnitOffset, Value, ValueType,
};

/// Operations that one expression may take. Compilers write tens; loops are possible.
const OPERATIONS_MAX: u32 = 10_000;

/// What an expression may ask for. All but registers and memory have no meaning in call frame information.
pub(super) trait Surroundings<'a> {
    fn registers(&self) -> &Registers;

    fn memory(&self) -> &dyn Memory;

    /// What the module's addresses are moved by.
    fn bias(&self) -> u64;

    fn cfa(&self) -> Result<u64, Unavailable> {
        Err(Unavailable::Unsupported)
    }

    fn frame_base(&self) -> Result<u64, Unavailable> {
        Err(Unavailable::Unsupported)
    }

    fn thread_local(&self, _offset: u64) -> Result<u64, Unavailable> {
        Err(Unavailable::Unsupported)
    }

    /// What the expression would have been when the function was entered.
    fn entry_value(&self, _expression: Expression<Slice<'a>>) -> Result<u64, Unavailable> {
        Err(Unavailable::Unsupported)
    }

    /// What the caller passed for a parameter.
    fn parameter(&self, _die: UnitOffset) -> Result<u64, Unavailable> {
        Err(Unavailable::Unsupported)
    }

    /// An entry of the table of addresses, as linked.
    fn indexed_address(&self, _index: gimli::DebugAddrIndex) -> Result<u64, Unavailable> {
        Err(Unavailable::Unsupported)
    }

    fn base_type(&self, _die: UnitOffset) -> Result<ValueType, Unavailable> {
        Err(Unavailable::Unsupported)
    }

    /// The expression that says where another entry is; empty if it has none.
    fn location_of(&self, _die: DieReference) -> Result<Slice<'a>, Unavailable> {
        Err(Unavailable::Unsupported)
    }
}

/// Evaluates an expression to the pieces of a location: of one without operations, none.
pub(super) fn location<'a>(
    expression: Expression<Slice<'a>>,
    encoding: Encoding,
    initial: Option<u64>,
    from: &impl Surroundings<'a>,
) -> Result<Vec<Piece<Slice<'a>>>, Unavailable> {
    let mut evaluation = expression.evaluation(encoding);
    evaluation.set_max_iterations(OPERATIONS_MAX);
    if let Some(initial) = initial {
        evaluation.set_initial_value(initial);
    }
    let value_type = |die: UnitOffset| match die {
        UnitOffset(0) => Ok(ValueType::Generic),
        die => from.base_type(die),
    };
    let mut result = evaluation.evaluate()?;
    loop {
        result = match result {
            EvaluationResult::Complete => return Ok(evaluation.result()),
            EvaluationResult::RequiresMemory { address, size, space: None, base_type } => {
                let value = memory::number(from.memory(), address, usize::from(size));
                let value = value.ok_or(Unavailable::Memory(address))?;
                evaluation.resume_with_memory(Value::from_u64(value_type(base_type)?, value)?)
            }
            EvaluationResult::RequiresRegister { register, base_type } => {
                let register = Register::of(register).ok_or(Unavailable::OtherRegister(register.0))?;
                let value = from.registers().get(register).ok_or(Unavailable::Register(register))?;
                evaluation.resume_with_register(Value::from_u64(value_type(base_type)?, value)?)
            }
            EvaluationResult::RequiresFrameBase => evaluation.resume_with_frame_base(from.frame_base()?),
            EvaluationResult::RequiresCallFrameCfa => evaluation.resume_with_call_frame_cfa(from.cfa()?),
            EvaluationResult::RequiresTls(offset) => evaluation.resume_with_tls(from.thread_local(offset)?),
            EvaluationResult::RequiresAtLocation(die) => {
                evaluation.resume_with_at_location(from.location_of(die)?)
            }
            EvaluationResult::RequiresEntryValue(inner) => {
                evaluation.resume_with_entry_value(Value::Generic(from.entry_value(inner)?))
            }
            EvaluationResult::RequiresParameterRef(die) => {
                evaluation.resume_with_parameter_ref(from.parameter(die)?)
            }
            EvaluationResult::RequiresRelocatedAddress(address) => {
                evaluation.resume_with_relocated_address(address.wrapping_add(from.bias()))
            }
            EvaluationResult::RequiresIndexedAddress { index, relocate } => {
                let bias = if relocate { from.bias() } else { 0 };
                evaluation.resume_with_indexed_address(from.indexed_address(index)?.wrapping_add(bias))
            }
            EvaluationResult::RequiresBaseType(die) => evaluation.resume_with_base_type(value_type(die)?),
            EvaluationResult::RequiresMemory { space: Some(_), .. }
            | EvaluationResult::RequiresWasmLocal { .. }
            | EvaluationResult::RequiresWasmGlobal { .. }
            | EvaluationResult::RequiresWasmStack { .. } => return Err(Unavailable::Unsupported),
        }?;
    }
}

/// Evaluates an expression to a number: what is on top of its stack, or the value that it says explicitly.
pub(super) fn number<'a>(
    expression: Expression<Slice<'a>>,
    encoding: Encoding,
    initial: Option<u64>,
    from: &impl Surroundings<'a>,
) -> Result<u64, Unavailable> {
    match *location(expression, encoding, initial, from)?.as_slice() {
        [Piece { location: gimli::Location::Address { address }, size_in_bits: None, .. }] => Ok(address),
        [Piece { location: gimli::Location::Value { value }, size_in_bits: None, .. }] => {
            Ok(value.to_u64(u64::MAX)?)
        }
        // A register's location stands for what is in it: frame bases, and what callers pass.
        [Piece { location: gimli::Location::Register { register }, size_in_bits: None, .. }] => {
            let register = Register::of(register).ok_or(Unavailable::OtherRegister(register.0))?;
            from.registers().get(register).ok_or(Unavailable::Register(register))
        }
        [Piece { location: gimli::Location::Bytes { value }, size_in_bits: None, .. }] => {
            let mut bytes = [0; 8];
            let given = value.slice();
            bytes.get_mut(..given.len()).ok_or(Unavailable::Size)?.copy_from_slice(given);
            Ok(u64::from_le_bytes(bytes))
        }
        [Piece { location: gimli::Location::ImplicitPointer { .. }, .. }] => Err(Unavailable::Implicit),
        _ => Err(Unavailable::InPart),
    }
}

/// What call frame information is evaluated with.
pub(super) struct Bare<'f> {
    pub(super) registers: &'f Registers,
    pub(super) memory: &'f dyn Memory,
    pub(super) bias: u64,
}

impl<'a> Surroundings<'a> for Bare<'_> {
    fn registers(&self) -> &Registers {
        self.registers
    }

    fn memory(&self) -> &dyn Memory {
        self.memory
    }

    fn bias(&self) -> u64 {
        self.bias
    }
}

/// An empty run of bytes.
pub(super) fn nothing<'a>() -> Slice<'a> {
    Slice::new(&[], LittleEndian)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::Kept;

    const ENCODING: Encoding = Encoding { address_size: 8, format: gimli::Format::Dwarf32, version: 5 };

    fn evaluated(bytes: &[u8]) -> Result<u64, Unavailable> {
        let mut registers = Registers::new().with(Register::Rbx, 40);
        registers.set(Register::Rbp, Some((16, Kept::Memory(8))));
        let memory = |address: u64, bytes: &mut [u8]| {
            bytes.fill(u8::try_from(address).unwrap_or(0));
            address < 64
        };
        let bare = Bare { registers: &registers, memory: &memory, bias: 0x1000 };
        number(Expression(Slice::new(bytes, LittleEndian)), ENCODING, None, &bare)
    }

    #[test]
    fn registers_memory_and_addresses_are_asked_for() {
        // breg3 2
        assert_eq!(evaluated(&[0x73, 2]), Ok(42));
        // breg6 4; deref_size 2
        assert_eq!(evaluated(&[0x76, 4, 0x94, 2]), Ok(0x1414));
        // addr 0x20
        assert_eq!(evaluated(&[0x03, 0x20, 0, 0, 0, 0, 0, 0, 0]), Ok(0x1020));
        // reg3: what is in it
        assert_eq!(evaluated(&[0x53]), Ok(40));
        // lit5; stack_value
        assert_eq!(evaluated(&[0x35, 0x9F]), Ok(5));
    }

    #[test]
    fn what_cannot_be_had_is_named() {
        assert_eq!(evaluated(&[0x70, 0]), Err(Unavailable::Register(Register::Rax)));
        assert_eq!(evaluated(&[0x92, 17, 0]), Err(Unavailable::OtherRegister(17)));
        // const1u 200; deref
        assert_eq!(evaluated(&[0x08, 200, 0x06]), Err(Unavailable::Memory(200)));
        // fbreg has no meaning here.
        assert_eq!(evaluated(&[0x91, 0]), Err(Unavailable::Unsupported));
        // lit1; lit0; div
        assert_eq!(evaluated(&[0x31, 0x30, 0x1B]), Err(Unavailable::Damaged(gimli::Error::DivisionByZero)));
        assert!(matches!(evaluated(&[0x06]), Err(Unavailable::Damaged(_))), "nothing on the stack");
    }

    #[test]
    fn an_expression_that_goes_round_is_ended() {
        // lit1; skip -4
        assert_eq!(evaluated(&[0x31, 0x2F, 0xFC, 0xFF]), Err(Unavailable::Endless));
    }
}
