//! The variables of a frame: those of its function, of what was inlined into it at this place, and of the blocks around it.

use super::evaluate;
use super::locals::{self, Die, Entry, Locals};
use super::location::{Location, Piece, Place};
use super::memory::Memory;
use super::module::Modules;
use super::scene::{self, Asked, Scene};
use super::unavailable::Unavailable;
use super::unwind::Stack;
use crate::dwarf::{DieRef, Slice, Unit};
use crate::table::{self, FunctionId, TypeId};
use gimli::{AttributeValue, Expression};
use rustc_hash::FxHashSet;
use std::borrow::Cow;
use std::sync::Arc;

/// A part of a function that has variables of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope<'d> {
    /// What sort of part.
    pub kind: ScopeKind<'d>,
    /// The scope around it, by its place among those of the frame. `None`: the function itself.
    pub parent: Option<usize>,
    /// Its entry in the debug info.
    pub die: DieRef,
    /// Those that are declared in it and not in a scope inside, in the order of the debug info.
    pub variables: Vec<Variable<'d>>,
}

/// What sort of scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeKind<'d> {
    /// The function that the frame is of.
    Function {
        /// As written.
        name: Option<Cow<'d, str>>,
        /// Its number in the table.
        function: FunctionId,
    },
    /// A function that was inlined.
    Inlined {
        /// As written.
        name: Option<Cow<'d, str>>,
        /// The line of the call, in the function around it. 0: not said.
        call_line: u32,
    },
    /// A block in braces.
    Block,
}

/// A parameter or a local variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable<'d> {
    /// As written. `None`: it has none.
    pub name: Option<Cow<'d, str>>,
    /// What the function takes.
    pub is_parameter: bool,
    /// The line of its declaration. 0: not said.
    pub line: u32,
    /// The type, of the module's table. `None`: the debug info does not say, or the table does not have it.
    pub ty: Option<TypeId>,
    /// Its entry in the debug info.
    pub die: DieRef,
    /// Where it is, or why it is nowhere.
    pub state: State<'d>,
}

/// Where a variable is at the frame's pc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State<'d> {
    /// It is there, at least in part.
    Available(Location<'d>),
    /// The compiler left it out of the whole function, or says so for this place.
    OptimisedOut,
    /// It is somewhere else in the function, but nowhere at this place: not set yet, or not needed any more.
    NotLive,
    /// It is described, but something that it takes to find it is missing.
    Unavailable(Unavailable),
}

/// Why a frame's variables are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VariablesError {
    /// Counted from 0.
    #[error("the stack has no frame {0}")]
    NoFrame(usize),
    /// Or the module was not given any.
    #[error("there is no debug info for the code at {0:#x}")]
    NoDebugInfo(u64),
    /// It could not be read.
    #[error("the debug info of the function at {pc:#x} cannot be read: {why}")]
    Damaged {
        /// Where.
        pc: u64,
        /// What is wrong.
        why: Unavailable,
    },
}

impl<'d> Modules<'d> {
    /// The scopes around the pc of a frame, with their variables: the function first, then what is inside.
    ///
    /// The frames above are needed for what the compiler describes by the values that a function was entered with.
    pub fn variables(
        &self,
        stack: &Stack,
        frame: usize,
        memory: &dyn Memory,
    ) -> Result<Vec<Scope<'d>>, VariablesError> {
        let frames = stack.frames.get(frame..).unwrap_or_default();
        let pc = frames.first().ok_or(VariablesError::NoFrame(frame))?.pc();
        let asked = Asked::default();
        let scene = Scene::of(self, frames, memory, 0, &asked).ok_or(VariablesError::NoDebugInfo(pc))?;
        let scopes = scene.and_then(|scene| {
            Reader { scene: &scene, scopes: Vec::new(), seen: FxHashSet::default() }.read()
        });
        scopes.map_err(|why| VariablesError::Damaged { pc, why })
    }
}

struct Reader<'r, 's, 'd> {
    scene: &'r Scene<'s, 'd>,
    scopes: Vec<Scope<'d>>,
    /// What the entries that were read stand for: those that all instances of a function refer to.
    seen: FxHashSet<DieRef>,
}

/// A scope that is being read: how deep its entry is, and what it refers to.
struct Open {
    depth: isize,
    scope: usize,
    origin: Option<DieRef>,
}

impl<'d> Reader<'_, '_, 'd> {
    fn read(mut self) -> Result<Vec<Scope<'d>>, Unavailable> {
        let (unit, locals) = (Arc::clone(&self.scene.unit), self.scene.locals);
        let address = self.scene.address();
        let mut open: Vec<Open> = Vec::new();
        locals::walk(&unit, self.scene.die, |die, depth| {
            while let Some(inner) = open.pop_if(|inner| depth <= inner.depth) {
                self.close(&inner);
            }
            self.seen.extend(locals.origin(&unit, die));
            let is_scope = match die.tag() {
                _ if depth == 0 => true,
                gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine => {
                    match locals::covers(&unit, die, address)? {
                        Some(covers) => covers,
                        // Without code of its own, its variables are its parent's.
                        None => return Ok(die.tag() == gimli::DW_TAG_lexical_block),
                    }
                }
                gimli::DW_TAG_formal_parameter | gimli::DW_TAG_variable => {
                    let Some(inner) = open.last_mut() else { return Ok(false) };
                    self.add(inner.scope, &unit, die);
                    return Ok(false);
                }
                _ => return Ok(false),
            };
            if is_scope {
                let origin = locals.origin(&unit, die);
                let parent = open.last().map(|outer| outer.scope);
                open.push(Open { depth, scope: self.scopes.len(), origin });
                self.open(&unit, die, parent)?;
            }
            Ok(is_scope)
        })?;
        while let Some(inner) = open.pop() {
            self.close(&inner);
        }
        Ok(self.scopes)
    }

    fn open(
        &mut self,
        unit: &Arc<Unit<'d>>,
        die: &Die<'d>,
        parent: Option<usize>,
    ) -> Result<(), Unavailable> {
        let locals = self.scene.locals;
        let kind = match die.tag() {
            gimli::DW_TAG_lexical_block => ScopeKind::Block,
            gimli::DW_TAG_inlined_subroutine => {
                let call_line = die.attr_value(gimli::DW_AT_call_line).and_then(|line| line.udata_value());
                let call_line = call_line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
                ScopeKind::Inlined { name: locals.name(unit, die), call_line }
            }
            _ => ScopeKind::Function { name: locals.name(unit, die), function: self.scene.function.id() },
        };
        let entry = Entry { unit: Arc::clone(unit), die: die.clone() };
        let die = entry.reference().ok_or(Unavailable::Size)?;
        self.scopes.push(Scope { kind, parent, die, variables: Vec::new() });
        Ok(())
    }

    /// Adds what the compiler left out of this instance of a scope: it is only in the entry that all instances refer to, there perhaps in
    /// a block that was left out, too.
    fn close(&mut self, open: &Open) {
        let locals = self.scene.locals;
        let Some(origin) = open.origin.and_then(|origin| locals.entry(origin).ok()) else { return };
        let Some(at) = origin.reference() else { return };
        let unit = Arc::clone(&origin.unit);
        // Damage there costs only these: the rest was read already.
        let _ = locals::walk(&unit, at, |die, depth| {
            if depth == 0 {
                return Ok(true);
            }
            let entry = Entry { unit: Arc::clone(&unit), die: die.clone() };
            let is_left_out = entry.reference().is_some_and(|reference| !self.seen.contains(&reference));
            if is_left_out && is_variable(die) {
                self.add(open.scope, &unit, die);
            }
            Ok(is_left_out && die.tag() == gimli::DW_TAG_lexical_block)
        });
    }

    fn add(&mut self, scope: usize, unit: &Arc<Unit<'d>>, die: &Die<'d>) {
        // Of another unit, or another module.
        if die.has_attr(gimli::DW_AT_declaration) {
            return;
        }
        let locals = self.scene.locals;
        let entry = Entry { unit: Arc::clone(unit), die: die.clone() };
        let (Some(reference), Some(scope)) = (entry.reference(), self.scopes.get_mut(scope)) else { return };
        scope.variables.push(Variable {
            name: locals.name(unit, die),
            is_parameter: die.tag() == gimli::DW_TAG_formal_parameter,
            line: locals.line(unit, die),
            ty: type_of(locals, unit, die),
            die: reference,
            state: state(self.scene, unit, die),
        });
    }
}

fn is_variable(die: &Die<'_>) -> bool {
    matches!(die.tag(), gimli::DW_TAG_formal_parameter | gimli::DW_TAG_variable)
}

fn type_of<'d>(locals: &Locals<'d>, unit: &Arc<Unit<'d>>, die: &Die<'d>) -> Option<TypeId> {
    let (unit, value) = locals.inherited(unit, die, gimli::DW_AT_type)?;
    let at = locals.resolve(&unit, value)?;
    Some(locals.table.unit(table::UnitId(at.unit.0))?.type_at(at.offset)?.id())
}

fn state<'d>(scene: &Scene<'_, 'd>, unit: &Arc<Unit<'d>>, die: &Die<'d>) -> State<'d> {
    let locals = scene.locals;
    if let Some((unit, value)) = locals.inherited(unit, die, gimli::DW_AT_location) {
        let scene = scene.in_unit(&unit);
        return match scene.expression_at(value) {
            Ok(Some(expression)) if expression.0.is_empty() => State::OptimisedOut,
            Ok(Some(expression)) => located(&scene, expression),
            Ok(None) => State::NotLive,
            Err(why) => State::Unavailable(why),
        };
    }
    let constant = locals.inherited(unit, die, gimli::DW_AT_const_value);
    let constant = constant.and_then(|(unit, value)| constant_place(&unit, value));
    constant.map_or(State::OptimisedOut, |place| {
        State::Available(Location { pieces: vec![Piece { bits: None, bit_offset: 0, place }] })
    })
}

fn constant_place<'d>(unit: &Unit<'d>, value: AttributeValue<Slice<'d>>) -> Option<Place<'d>> {
    match value {
        AttributeValue::Block(bytes) => Some(Place::Bytes(bytes.slice())),
        AttributeValue::Data16(_) => None,
        AttributeValue::Sdata(value) => Some(Place::Value(value.cast_unsigned())),
        AttributeValue::String(_) | AttributeValue::DebugStrRef(_) | AttributeValue::DebugStrRefSup(_) => {
            Some(Place::Bytes(unit.unit_ref().attr_string(value).ok()?.slice()))
        }
        AttributeValue::Addr(value) => Some(Place::Value(value)),
        value => value.udata_value().map(Place::Value),
    }
}

fn located<'d>(scene: &Scene<'_, 'd>, expression: Expression<Slice<'d>>) -> State<'d> {
    let pieces = match evaluate::location(expression, scene.unit.unit.encoding(), None, scene) {
        Ok(pieces) => pieces,
        Err(why) => return State::Unavailable(why),
    };
    let pieces: Vec<Piece<'d>> = pieces.into_iter().map(|piece| known(scene, piece)).collect();
    if pieces.iter().all(|piece| piece.place == Place::Missing) {
        return State::OptimisedOut;
    }
    let hindrance = pieces.iter().find_map(|piece| match piece.place {
        Place::Unavailable(why) => Some(why),
        _ => None,
    });
    let is_some_there =
        pieces.iter().any(|piece| !matches!(piece.place, Place::Unavailable(_) | Place::Missing));
    match hindrance {
        Some(why) if !is_some_there => State::Unavailable(why),
        _ => State::Available(Location { pieces }),
    }
}

fn known<'d>(scene: &Scene<'_, 'd>, piece: gimli::Piece<Slice<'d>>) -> Piece<'d> {
    let place = match piece.location {
        gimli::Location::Empty => Place::Missing,
        gimli::Location::Address { address } => Place::Memory(address),
        gimli::Location::Register { register } => match scene::both(&scene.frame().registers, register) {
            Ok((register, value, kept)) => Place::Register { register, value, kept },
            Err(why) => Place::Unavailable(why),
        },
        gimli::Location::Value { value } => match number_of(value) {
            Ok(value) => Place::Value(value),
            Err(error) => Place::Unavailable(error.into()),
        },
        gimli::Location::Bytes { value } => Place::Bytes(value.slice()),
        gimli::Location::ImplicitPointer { value, byte_offset } => {
            let target = scene.locals.resolve(&scene.unit, AttributeValue::DebugInfoRef(value));
            Place::Pointer { target, offset: byte_offset }
        }
    };
    Piece { bits: piece.size_in_bits, bit_offset: piece.bit_offset.unwrap_or(0), place }
}

/// The bits of a value.
fn number_of(value: gimli::Value) -> Result<u64, gimli::Error> {
    match value {
        gimli::Value::F32(value) => Ok(u64::from(value.to_bits())),
        gimli::Value::F64(value) => Ok(value.to_bits()),
        value => value.to_u64(u64::MAX),
    }
}
