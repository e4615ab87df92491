//! Which types can have objects that outlive what the program is just doing, and where these are.
//!
//! An object lives in a variable, in a thread's variable, in a block, or in a frame that stays: whatever is reached from one of these
//! through members and pointers can be there when the program is updated. A type that only short-lived frames use cannot.
//!
//! Where the objects of a type are decides what has to be asked of it. In variables alone, both releases have made them, and what is new
//! in them is as the new release's start-up left it. In tables alone (variables that the program file initialises, with names or
//! functions in them), they are the new release's own. Anywhere else, an old object has to become a new one, member by member.
//!
//! What `void *` leads to is not seen, so blocks tell of themselves, by the program's allocation sites; and of frames, those of `main` and
//! of functions that never return are taken to stay. Blocks whose site has no type may be of any type that is reached: what has no home
//! that is known can be anywhere.

use super::conversion::is_text;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::frames::{End, Frame, Left, Module, Modules, Register, Registers, Stack};
use mcrx_debuginfo::sites::{Sites, Verdict};
use mcrx_debuginfo::table::{Address, Function, Kind, Storage, Table, Type, TypeId, Variable, VariableId};
use rustc_hash::FxHashSet;

/// How deep a type is looked into for names and functions.
const DEEPEST: u32 = 8;

/// Where objects of a type can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lives {
    /// Nowhere but in frames that do not last.
    Nowhere,
    /// Only in variables that are tables of the program's.
    InTables,
    /// Only in variables.
    InVariables,
    /// In blocks, in frames that stay, or where nobody knows.
    Anywhere,
}

/// Where objects of the old release's types can be.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// `None`: all can be anywhere.
    known: Option<Known>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    /// By members and pointers, from whatever lives.
    reached: FxHashSet<TypeId>,
    /// By value in blocks and in frames that stay.
    made: FxHashSet<TypeId>,
    /// By value in variables that are no tables.
    in_variables: FxHashSet<TypeId>,
    /// By value in tables.
    in_tables: FxHashSet<TypeId>,
    tables: FxHashSet<VariableId>,
}

impl Live {
    /// Whatever there is, anywhere.
    pub fn all() -> Live {
        Live { known: None }
    }

    /// What a program's variables, blocks and lasting frames hold.
    pub fn of(binary: &Binary, table: &Table, sites: &Sites) -> Live {
        let blocks = sites.iter().filter_map(|site| match site.verdict() {
            Verdict::Typed { ty, .. } => table.ty(ty),
            _ => None,
        });
        let frames = locals(binary, table).unwrap_or_default();
        let is_initial = |variable: &Variable<'_>| {
            let size = variable.ty().and_then(Type::size).and_then(|size| usize::try_from(size).ok());
            let is_static = variable.storage() == Storage::Static;
            size.is_some_and(|size| is_static && binary.bytes(variable.address(), size).is_some())
        };
        Live::within(table, blocks.chain(frames), is_initial)
    }

    /// The same from what is known otherwise: the types of blocks and of frames that stay, and which variables the program file
    /// initialises.
    pub fn within<'t>(
        table: &'t Table,
        made: impl IntoIterator<Item = Type<'t>>,
        is_initial: impl Fn(&Variable<'t>) -> bool,
    ) -> Live {
        let has_place =
            |variable: &Variable<'_>| matches!(variable.storage(), Storage::Static | Storage::ThreadLocal);
        let mut known = Known::default();
        for variable in table.variables().filter(has_place) {
            let Some(ty) = variable.ty() else { continue };
            let is_table = is_initial(&variable) && is_compound(ty) && names_things(ty, DEEPEST);
            if is_table {
                known.tables.insert(variable.id());
                hold(ty, &mut known.in_tables);
            } else {
                hold(ty, &mut known.in_variables);
            }
        }
        made.into_iter().for_each(|ty| hold(ty, &mut known.made));
        let roots = known.made.iter().chain(&known.in_variables).chain(&known.in_tables);
        known.reached = reach(table, roots.filter_map(|id| table.ty(*id)).collect());
        Live { known: Some(known) }
    }

    /// Where objects of this type can be.
    pub fn place(&self, ty: Type<'_>) -> Lives {
        let Some(known) = &self.known else { return Lives::Anywhere };
        let id = ty.id();
        if known.made.contains(&id) {
            Lives::Anywhere
        } else if known.in_variables.contains(&id) {
            Lives::InVariables
        } else if known.in_tables.contains(&id) {
            Lives::InTables
        } else if known.reached.contains(&id) {
            Lives::Anywhere
        } else {
            Lives::Nowhere
        }
    }

    /// Whether a variable is a table of the program's: initialised by its file, with names or functions in it.
    pub fn is_table(&self, variable: &Variable<'_>) -> bool {
        self.known.as_ref().is_some_and(|known| known.tables.contains(&variable.id()))
    }
}

/// Notes what something of this type holds by value.
fn hold(ty: Type<'_>, held: &mut FxHashSet<TypeId>) {
    let mut next = vec![ty];
    while let Some(ty) = next.pop() {
        if !held.insert(ty.id()) {
            continue;
        }
        match ty.kind() {
            Kind::Typedef(below) | Kind::Qualified(below) => next.extend(below),
            Kind::Array { element, .. } => next.extend(element),
            Kind::Aggregate => next.extend(ty.members().filter_map(|member| member.ty())),
            _ => {}
        }
    }
}

/// What is reached from these by members and pointers.
fn reach<'t>(table: &'t Table, mut next: Vec<Type<'t>>) -> FxHashSet<TypeId> {
    let mut reached: FxHashSet<TypeId> = next.iter().map(|ty| ty.id()).collect();
    while let Some(ty) = next.pop() {
        let members = ty.members().filter_map(|member| member.ty());
        let below = match ty.kind() {
            // No object is reached through a function.
            Kind::Function(_) => None,
            _ => ty.target(),
        };
        // What some unit only declares is what another defines.
        let name = ty.name().filter(|_| ty.is_declaration());
        let defined = name.into_iter().flat_map(|name| table.types_named(name));
        let found = members.chain(below).chain(defined.filter(|ty| !ty.is_declaration()));
        next.extend(found.filter(|ty| reached.insert(ty.id())));
    }
    reached
}

fn is_compound(ty: Type<'_>) -> bool {
    matches!(ty.resolved().map(Type::kind), Some(Kind::Aggregate | Kind::Array { .. }))
}

/// Whether it has, by value, a pointer to text or to a function: what a program file initialises it with is a table.
fn names_things(ty: Type<'_>, deeper: u32) -> bool {
    let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return false };
    match ty.kind() {
        Kind::Pointer(below) => below
            .and_then(Type::resolved)
            .is_some_and(|below| is_text(below) || matches!(below.kind(), Kind::Function(_))),
        Kind::Array { element: Some(element), .. } => names_things(element, deeper),
        Kind::Aggregate => ty.members().filter_map(|member| member.ty()).any(|ty| names_things(ty, deeper)),
        _ => false,
    }
}

/// The types of the locals of functions whose frames stay: `main`, and those that never return.
fn locals<'t>(binary: &Binary, table: &'t Table) -> Option<Vec<Type<'t>>> {
    let dwarf = binary.dwarf().ok()?;
    let code = binary.text();
    let range = code.iter().map(|range| range.start.0).min()?..code.iter().map(|range| range.end.0).max()?;
    // The module as it is linked: nothing is mapped.
    let modules = Modules::new([Module::new(binary, 0, range).described_by(&dwarf, table)]);
    let stays = |function: &Function<'_>| function.name() == "main" || function.never_returns();
    let mut found = Vec::new();
    for function in table.functions().filter(stays) {
        let Some((Address(low), _)) = function.code() else { continue };
        let registers = Registers::new().with(Register::Rip, low);
        let frame = Frame { registers, cfa: None, left: Left::Not, is_signal_trampoline: false };
        let stack = Stack { frames: vec![frame], end: End::Outermost };
        let nothing = |_: u64, _: &mut [u8]| false;
        let scopes = modules.variables(&stack, 0, &nothing).unwrap_or_default();
        let variables = scopes.iter().flat_map(|scope| &scope.variables);
        found.extend(variables.filter_map(|variable| table.ty(variable.ty?)));
    }
    Some(found)
}
