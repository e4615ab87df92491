//! Where the variables of one function live, instruction by instruction, as its debug info says.
//!
//! Only what the flow can be compared with is kept: variables that are whole in one general-purpose register, or in memory of the frame.
//! Those of inlined calls are among them, each with the scope that it belongs to: what an inlined function calls its parameter is as
//! weak a statement as the parameter of one that is called.

use super::value::Gpr;
use crate::dwarf::{Dwarf, Slice, Unit};
use crate::table::{Function, Table, Type, UnitId};
use gimli::{AttributeValue, DebuggingInformationEntry, Operation, UnitOffset, constants};

/// How many entries of a function are read, and how many places of variables are kept. The largest real functions have some ten
/// thousand.
const MOST_ENTRIES: usize = 1 << 18;
const MOST_PLACES: usize = 1 << 18;

/// How many references from one entry to the next are followed.
const MOST_ORIGINS: usize = 8;

/// What an offset of a variable in memory counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// The canonical frame address.
    Frame,
    /// What a register holds at that instruction.
    Register(Gpr),
}

/// How a variable is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// Its value is what the register holds plus so much.
    Register(Gpr, i64),
    /// It is in memory.
    Memory(Base, i64),
}

/// A variable over a range of instructions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Located<'t> {
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) home: Home,
    pub(super) ty: Type<'t>,
    /// An index into [`Variables::names`].
    pub(super) name: usize,
    /// An index into [`Variables::scopes`].
    pub(super) scope: usize,
    /// The place holds for all of the scope, whether the variable has been set or not.
    pub(super) always: bool,
    pub(super) is_parameter: bool,
}

impl Located<'_> {
    pub(super) fn covers(&self, address: u64) -> bool {
        self.low <= address && address < self.high
    }
}

/// A function, a block in it, or what was inlined.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) ranges: Vec<(u64, u64)>,
    /// The outermost scope of the same inlined call; 0: the function's own.
    pub(super) inlined: usize,
}

impl Scope {
    pub(super) fn covers(&self, address: u64) -> bool {
        self.ranges.iter().any(|(low, high)| *low <= address && address < *high)
    }
}

/// All variables of a function that live in its frame.
#[derive(Default)]
pub(super) struct Variables<'t> {
    /// By register.
    pub(super) in_registers: [Vec<Located<'t>>; Gpr::COUNT],
    pub(super) in_memory: Vec<Located<'t>>,
    pub(super) names: Vec<String>,
    pub(super) scopes: Vec<Scope>,
    /// The function's own parameters, by the register that they come in.
    pub(super) parameters: Vec<(Gpr, Type<'t>)>,
    count: usize,
}

impl<'t> Variables<'t> {
    /// Empty where the debug info does not say, or is damaged.
    pub(super) fn of<'a>(
        table: &'t Table,
        dwarf: &Dwarf<'a>,
        unit: &Unit<'a>,
        function: Function<'t>,
    ) -> Self {
        let mut variables = Variables::default();
        let mut reader =
            Reader { table, dwarf, unit, frame: None, entry: function.code().map(|code| code.0.0) };
        // What is damaged ends the walk; what was read before it holds.
        let _ = reader.read(function.die(), &mut variables);
        variables.parameters.extend(reader.parameters(function, &variables));
        variables
    }

    /// The scope of the inlined call that a variable belongs to, if that does not contain an instruction.
    pub(super) fn is_foreign(&self, located: &Located<'_>, address: u64) -> bool {
        let inlined = self.scopes.get(located.scope).map_or(0, |scope| scope.inlined);
        inlined != 0 && !self.scopes.get(inlined).is_some_and(|scope| scope.covers(address))
    }
}

struct Reader<'r, 'a, 't> {
    table: &'t Table,
    dwarf: &'r Dwarf<'a>,
    unit: &'r Unit<'a>,
    frame: Option<Base>,
    entry: Option<u64>,
}

type Die<'a> = DebuggingInformationEntry<Slice<'a>>;

impl<'a, 't> Reader<'_, 'a, 't> {
    fn read(&mut self, die: u32, variables: &mut Variables<'t>) -> gimli::Result<()> {
        let unit = &self.unit.unit;
        let offset = UnitOffset(usize::try_from(die).unwrap_or(usize::MAX));
        let mut cursor = unit.header.entries_at_offset(&unit.abbreviations, offset)?;
        // For each level that is open, its scope.
        let mut open: Vec<usize> = Vec::new();
        for _ in 0..MOST_ENTRIES {
            let Some(entry) = cursor.next_dfs()? else { break };
            let depth = usize::try_from(entry.depth()).unwrap_or(0);
            if depth == 0 && !open.is_empty() {
                break;
            }
            open.truncate(depth);
            let outer = open.last().copied();
            let scope = match (entry.tag(), outer) {
                (_, None) => self.open(entry, 0, variables),
                (constants::DW_TAG_lexical_block, Some(outer)) => self.open(entry, outer, variables),
                (constants::DW_TAG_inlined_subroutine, Some(outer)) => self.open(entry, outer, variables),
                (constants::DW_TAG_variable | constants::DW_TAG_formal_parameter, Some(outer)) => {
                    self.variable(entry, outer, variables);
                    outer
                }
                (_, Some(outer)) => outer,
            };
            if outer.is_none() {
                self.frame = self.frame_base(entry);
            }
            open.resize(depth, scope);
            open.push(scope);
        }
        Ok(())
    }

    fn open(&self, entry: &Die<'a>, outer: usize, variables: &mut Variables<'t>) -> usize {
        let index = variables.scopes.len();
        let is_inlined = entry.tag() == constants::DW_TAG_inlined_subroutine;
        let inlined =
            if is_inlined { index } else { variables.scopes.get(outer).map_or(0, |scope| scope.inlined) };
        let mut ranges = Vec::new();
        let lines = self.unit.lines();
        if let Ok(mut found) = lines.die_ranges(entry) {
            while let Ok(Some(range)) = found.next() {
                ranges.push((range.begin, range.end));
            }
        }
        if ranges.is_empty() && !is_inlined {
            ranges = variables.scopes.get(outer).map_or_else(Vec::new, |scope| scope.ranges.clone());
        }
        variables.scopes.push(Scope { ranges, inlined });
        index
    }

    fn frame_base(&self, entry: &Die<'a>) -> Option<Base> {
        let expression = entry.attr(constants::DW_AT_frame_base)?.exprloc_value()?;
        let mut operations = expression.operations(self.unit.unit.encoding());
        let base = match operations.next().ok()?? {
            Operation::CallFrameCFA => Base::Frame,
            Operation::Register { register } => Base::Register(Gpr::of_dwarf(register.0)?),
            _ => return None,
        };
        operations.next().ok()?.is_none().then_some(base)
    }

    fn variable(&self, entry: &Die<'a>, scope: usize, variables: &mut Variables<'t>) {
        let Some(location) = entry.attr_value(constants::DW_AT_location) else { return };
        let Some((ty, name)) = self.described(entry) else { return };
        let is_parameter = entry.tag() == constants::DW_TAG_formal_parameter;
        let name_index = variables.names.len();
        variables.names.push(name);
        let mut add = |low: u64, high: u64, expression: gimli::Expression<Slice<'a>>, always: bool| {
            let Some(home) = self.home(expression) else { return };
            variables.count += 1;
            if low >= high || variables.count > MOST_PLACES {
                return;
            }
            let located = Located { low, high, home, ty, name: name_index, scope, always, is_parameter };
            match home {
                Home::Register(register, _) => {
                    if let Some(list) = variables.in_registers.get_mut(register.index()) {
                        list.push(located);
                    }
                }
                Home::Memory(..) => variables.in_memory.push(located),
            }
        };
        if let AttributeValue::Exprloc(expression) = location {
            let ranges = variables.scopes.get(scope).map_or_else(Vec::new, |scope| scope.ranges.clone());
            ranges.into_iter().for_each(|(low, high)| add(low, high, expression, true));
            return;
        }
        let unit = self.unit.unit_ref();
        let Ok(Some(mut locations)) = unit.attr_locations(location) else { return };
        while let Ok(Some(place)) = locations.next() {
            add(place.range.begin, place.range.end, place.data, false);
        }
    }

    /// A variable's type and name, also of an inlined instance, whose entry refers to where it is declared.
    fn described(&self, entry: &Die<'a>) -> Option<(Type<'t>, String)> {
        if let Some(ty) = self.type_of(entry, self.unit) {
            return Some((ty, name_of(entry, self.unit)));
        }
        let mut from = self.origin(entry, self.unit)?;
        for _ in 0..MOST_ORIGINS {
            let other;
            let unit = if from.unit == self.unit.id {
                self.unit
            } else {
                other = self.dwarf.unit(from.unit).ok()?;
                &other
            };
            let offset = UnitOffset(usize::try_from(from.offset).ok()?);
            let entry = unit.unit.entry(offset).ok()?;
            if let Some(ty) = self.type_of(&entry, unit) {
                return Some((ty, name_of(&entry, unit)));
            }
            from = self.origin(&entry, unit)?;
        }
        None
    }

    fn type_of(&self, entry: &Die<'a>, unit: &Unit<'a>) -> Option<Type<'t>> {
        let to = self.dwarf.resolve(unit, entry.attr_value(constants::DW_AT_type)?)?;
        self.table.unit(UnitId(to.unit.0))?.type_at(to.offset)
    }

    fn origin(&self, entry: &Die<'a>, unit: &Unit<'a>) -> Option<crate::dwarf::DieRef> {
        let origin = entry.attr_value(constants::DW_AT_abstract_origin);
        let origin = origin.or_else(|| entry.attr_value(constants::DW_AT_specification))?;
        self.dwarf.resolve(unit, origin)
    }

    /// What an expression of one or two simple operations says.
    fn home(&self, expression: gimli::Expression<Slice<'a>>) -> Option<Home> {
        let mut operations = expression.operations(self.unit.unit.encoding());
        let first = operations.next().ok()??;
        let second = operations.next().ok()?;
        let third = if second.is_some() { operations.next().ok()? } else { None };
        match (first, second, third) {
            (Operation::Register { register }, None, None) => {
                Some(Home::Register(Gpr::of_dwarf(register.0)?, 0))
            }
            (Operation::FrameOffset { offset }, None, None) => match self.frame? {
                Base::Frame => Some(Home::Memory(Base::Frame, offset)),
                base @ Base::Register(_) => Some(Home::Memory(base, offset)),
            },
            (Operation::RegisterOffset { register, offset, .. }, None, None) => {
                Some(Home::Memory(Base::Register(Gpr::of_dwarf(register.0)?), offset))
            }
            (Operation::RegisterOffset { register, offset, .. }, Some(Operation::StackValue), None) => {
                Some(Home::Register(Gpr::of_dwarf(register.0)?, offset))
            }
            _ => None,
        }
    }

    /// The registers that parameters come in: as their places at the function's entry say, or, where none of them says, by the order in
    /// which the ABI hands them out. A function that was cloned for some callers may have lost any of them.
    fn parameters(&self, function: Function<'t>, variables: &Variables<'t>) -> Vec<(Gpr, Type<'t>)> {
        let Some(entry) = self.entry else { return Vec::new() };
        let own = |located: &&Located<'t>| {
            located.is_parameter && located.scope == 0 && !located.always && located.covers(entry)
        };
        let by_place: Vec<(Gpr, Type<'t>)> = variables
            .in_registers
            .iter()
            .flatten()
            .filter(own)
            .filter_map(|located| match located.home {
                Home::Register(register, 0) if register.argument().is_some() => Some((register, located.ty)),
                _ => None,
            })
            .collect();
        // Code that was not optimised keeps parameters in memory from the first instruction to the last.
        let is_plain = |located: &Located<'t>| located.is_parameter && located.always && located.scope == 0;
        let is_plain = variables.in_memory.iter().any(is_plain);
        if by_place.is_empty() && is_plain { by_abi(function) } else { by_place }
    }
}

/// The registers of a function's parameters as its declaration has them.
pub(super) fn by_abi(function: Function<'_>) -> Vec<(Gpr, Type<'_>)> {
    let mut registers = Gpr::ARGUMENTS.iter();
    let mut parameters = Vec::new();
    for parameter in function.parameters() {
        let Some(ty) = parameter.ty.and_then(Type::resolved) else { break };
        match ty.kind() {
            crate::table::Kind::Base(crate::table::Encoding::Float)
                if ty.size().is_some_and(|size| size <= 8) => {}
            crate::table::Kind::Base(_)
            | crate::table::Kind::Pointer(_)
            | crate::table::Kind::Enumeration(_)
                if ty.size().is_none_or(|size| size <= 8) =>
            {
                let Some(register) = registers.next() else { break };
                parameters.extend(parameter.ty.map(|ty| (*register, ty)));
            }
            // Structures go in registers or in memory by rules of their own.
            _ => break,
        }
    }
    parameters
}

fn name_of<'a>(entry: &Die<'a>, unit: &Unit<'a>) -> String {
    let name = entry.attr_value(constants::DW_AT_name);
    let name = name.and_then(|name| unit.unit_ref().attr_string(name).ok());
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
