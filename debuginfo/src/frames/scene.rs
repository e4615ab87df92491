//! A frame as the setting in which the expressions of its function are evaluated.

use super::call_site;
use super::entry_value::{self, Wanted};
use super::evaluate::{self, Surroundings};
use super::locals::{Locals, offset_of};
use super::memory::Memory;
use super::module::{Module, Modules};
use super::register::{Register, Registers};
use super::unavailable::{NoEntryValue, Unavailable};
use super::unwind::{Frame, Left};
use crate::dwarf::{DieRef, Slice, Unit};
use crate::table::{Address, Function};
use gimli::{AttributeValue, DieReference, Expression, UnitOffset, ValueType};
use std::cell::Cell;
use std::sync::Arc;

/// Callers that one value may be followed through.
const CALLERS_MAX: usize = 32;
/// Values at entry that are asked for on behalf of one frame, directly or by others: expressions may ask for many, and each of those
/// again.
const ENTRY_VALUES_MAX: usize = 4096;

/// A frame whose function has debug info.
#[derive(Clone)]
pub(super) struct Scene<'s, 'd> {
    pub(super) modules: &'s Modules<'d>,
    pub(super) module: &'s Module<'d>,
    pub(super) locals: &'s Locals<'d>,
    pub(super) memory: &'s dyn Memory,
    /// This frame, and those above.
    frames: &'s [Frame],
    /// Whose code it runs.
    pub(super) function: Function<'d>,
    pub(super) die: DieRef,
    /// Of the expression that is evaluated.
    pub(super) unit: Arc<Unit<'d>>,
    frame_base: Result<u64, Unavailable>,
    /// How many callers were asked already.
    depth: usize,
    pub(super) asked: &'s Asked,
}

/// Counts the values at entry that are asked for.
#[derive(Default)]
pub(super) struct Asked(Cell<usize>);

impl Asked {
    pub(super) fn once_more(&self) -> Result<(), Unavailable> {
        let asked = self.0.get() + 1;
        self.0.set(asked);
        if asked > ENTRY_VALUES_MAX { Err(Unavailable::Endless) } else { Ok(()) }
    }
}

impl<'s, 'd> Scene<'s, 'd> {
    /// The scene of the first of these frames. `None`: its code has no debug info.
    pub(super) fn of(
        modules: &'s Modules<'d>,
        frames: &'s [Frame],
        memory: &'s dyn Memory,
        depth: usize,
        asked: &'s Asked,
    ) -> Option<Result<Scene<'s, 'd>, Unavailable>> {
        let frame = frames.first()?;
        let module = modules.at(frame.lookup())?;
        let locals = module.locals.as_ref()?;
        let (die, function) = locals.function_at(module.linked(frame.lookup()))?;
        Some(locals.unit(die.unit).and_then(|unit| {
            let frame_base = Err(Unavailable::FrameBase);
            let mut scene = Scene {
                modules,
                module,
                locals,
                memory,
                frames,
                function,
                die,
                unit,
                frame_base,
                depth,
                asked,
            };
            let entry = locals.entry(die)?;
            if let Some(value) = entry.die.attr_value(gimli::DW_AT_frame_base) {
                scene.frame_base = scene.expression_at(value)?.map_or(Err(Unavailable::FrameBase), |found| {
                    evaluate::number(found, scene.unit.unit.encoding(), None, &scene)
                });
            }
            Ok(scene)
        }))
    }

    pub(super) fn frame(&self) -> &'s Frame {
        // `of` has seen one.
        &self.frames[0]
    }

    /// Where to look things up, as linked.
    pub(super) fn address(&self) -> Address {
        self.module.linked(self.frame().lookup())
    }

    /// The same scene, for expressions of another unit.
    pub(super) fn in_unit(&self, unit: &Arc<Unit<'d>>) -> Scene<'s, 'd> {
        Scene { unit: Arc::clone(unit), ..self.clone() }
    }

    /// The expression that an attribute gives for this address. `None`: it is a list, and has none for it.
    pub(super) fn expression_at(
        &self,
        value: AttributeValue<Slice<'d>>,
    ) -> Result<Option<Expression<Slice<'d>>>, Unavailable> {
        if let Some(expression) = value.exprloc_value() {
            return Ok(Some(expression));
        }
        let Address(address) = self.address();
        let Some(mut list) = self.unit.unit_ref().attr_locations(value)? else { return Ok(None) };
        while let Some(entry) = list.next()? {
            if entry.range.begin <= address && address < entry.range.end {
                return Ok(Some(entry.data));
            }
        }
        Ok(None)
    }

    /// What was passed to the function of this frame when it was entered.
    fn passed(&self, what: Wanted) -> Result<u64, Unavailable> {
        let above = self.frames.get(1..).unwrap_or_default();
        let is_call = above.first().is_some_and(|frame| frame.left == Left::ByCall);
        if !is_call {
            return Err(NoEntryValue::NoCaller.into());
        }
        self.asked.once_more()?;
        if self.depth == CALLERS_MAX {
            return Err(Unavailable::Endless);
        }
        let caller = Scene::of(self.modules, above, self.memory, self.depth + 1, self.asked);
        let caller = caller.ok_or(NoEntryValue::NoCallSite)??;
        let returns_to = caller.module.linked(caller.frame().pc());
        let site = call_site::returning_to(caller.locals, caller.die, returns_to)?;
        let site = site.ok_or(NoEntryValue::NoCallSite)?;
        entry_value::value(site, &caller, self, what)
    }
}

impl<'d> Surroundings<'d> for Scene<'_, 'd> {
    fn registers(&self) -> &Registers {
        &self.frame().registers
    }

    fn memory(&self) -> &dyn Memory {
        self.memory
    }

    fn bias(&self) -> u64 {
        self.module.bias()
    }

    fn cfa(&self) -> Result<u64, Unavailable> {
        self.frame().cfa.ok_or(Unavailable::Cfa)
    }

    fn frame_base(&self) -> Result<u64, Unavailable> {
        self.frame_base
    }

    fn thread_local(&self, offset: u64) -> Result<u64, Unavailable> {
        let found = self.memory.thread_local(self.module.range().start, offset);
        found.ok_or(Unavailable::ThreadLocal(offset))
    }

    fn entry_value(&self, expression: Expression<Slice<'d>>) -> Result<u64, Unavailable> {
        self.passed(Wanted::of(expression, self.unit.unit.encoding())?)
    }

    fn parameter(&self, die: UnitOffset) -> Result<u64, Unavailable> {
        let offset = u32::try_from(die.0).map_err(|_| Unavailable::Unsupported)?;
        self.passed(Wanted::Parameter(DieRef { unit: self.unit.id, offset }))
    }

    fn indexed_address(&self, index: gimli::DebugAddrIndex) -> Result<u64, Unavailable> {
        Ok(self.unit.unit_ref().address(index)?)
    }

    fn base_type(&self, die: UnitOffset) -> Result<ValueType, Unavailable> {
        let entry = self.unit.unit.entry(die)?;
        ValueType::from_entry(&entry)?.ok_or(Unavailable::Unsupported)
    }

    fn location_of(&self, die: DieReference) -> Result<Slice<'d>, Unavailable> {
        let at = match die {
            DieReference::UnitRef(offset) => AttributeValue::UnitRef(offset),
            DieReference::DebugInfoRef(offset) => AttributeValue::DebugInfoRef(offset),
        };
        let at = self.locals.resolve(&self.unit, at).ok_or(Unavailable::Unsupported)?;
        // Expressions of another unit would be read with this one's tables.
        if at.unit != self.unit.id {
            return Err(Unavailable::Unsupported);
        }
        let entry = self.unit.unit.entry(offset_of(at))?;
        let Some(value) = entry.attr_value(gimli::DW_AT_location) else { return Ok(evaluate::nothing()) };
        Ok(self.expression_at(value)?.map_or_else(evaluate::nothing, |expression| expression.0))
    }
}

/// What a register of the frame has, with where it is kept.
pub(super) fn both(
    registers: &Registers,
    register: gimli::Register,
) -> Result<(Register, u64, super::register::Kept), Unavailable> {
    let register = Register::of(register).ok_or(Unavailable::OtherRegister(register.0))?;
    let (value, kept) = registers.both(register).ok_or(Unavailable::Register(register))?;
    Ok((register, value, kept))
}
