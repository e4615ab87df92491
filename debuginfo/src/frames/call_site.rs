//! What a caller's debug info says of a call: where it leads, and what was passed (`DW_TAG_call_site`; DWARF 5, 3.4).
//!
//! It is used to tell what a parameter was when its function was entered. That holds only if the call led to that very function: not by
//! jumps from one function to the next, which leave no frame. So where a call leads is checked, and that the function cannot have come
//! back to itself by jumps. The rules are gdb's (`call_site_target::iterate_over_addresses`, `func_verify_no_selftailcall`).

use super::evaluate;
use super::locals::{self, Die, Entry, Locals, die_of};
use super::scene::Scene;
use super::unavailable::{NoEntryValue, Unavailable};
use crate::dwarf::{DieRef, Slice, Unit};
use crate::table::{Address, Function};
use gimli::{DwAt, Expression, Operation};
use std::sync::Arc;

/// Functions that are looked at for jumps back. More are taken for a yes.
const REACHED_MAX: usize = 256;

/// A call, as the function that it is in describes it.
pub(super) struct CallSite<'d> {
    pub(super) unit: Arc<Unit<'d>>,
    target: Target<'d>,
    pub(super) parameters: Vec<Passed<'d>>,
}

/// Where a call leads.
#[derive(Clone, Copy)]
enum Target<'d> {
    Function(DieRef),
    /// To an address that the expression gives, in the caller.
    Computed(Expression<Slice<'d>>),
    NotSaid,
}

/// Something that is passed. The expressions are the caller's.
pub(super) struct Passed<'d> {
    register: Option<gimli::Register>,
    /// The parameter of the function that is called.
    pub(super) of: Option<DieRef>,
    pub(super) value: Option<Expression<Slice<'d>>>,
    /// What it points at.
    pub(super) pointed_at: Option<Expression<Slice<'d>>>,
}

impl<'d> CallSite<'d> {
    pub(super) fn parameter_in(&self, register: gimli::Register) -> Option<&Passed<'d>> {
        self.parameters.iter().find(|parameter| parameter.register == Some(register))
    }
}

/// The call of a function that returns to an address.
pub(super) fn returning_to<'d>(
    locals: &Locals<'d>,
    function: DieRef,
    Address(address): Address,
) -> Result<Option<CallSite<'d>>, Unavailable> {
    let unit = locals.unit(function.unit)?;
    let mut found: Option<CallSite<'d>> = None;
    let mut inside = None;
    locals::walk(&unit, function, |die, depth| {
        if inside.is_some_and(|site| depth <= site) {
            inside = None;
        }
        match die.tag() {
            gimli::DW_TAG_call_site | gimli::DW_TAG_GNU_call_site => {
                let returns_to = die.attr_value(gimli::DW_AT_call_return_pc);
                let returns_to = returns_to.or_else(|| die.attr_value(gimli::DW_AT_low_pc));
                let returns_to = match returns_to {
                    Some(value) => unit.unit_ref().attr_address(value)?,
                    None => None,
                };
                // Jumps do not return here.
                let is_it = found.is_none() && returns_to == Some(address) && !is_jump(die);
                if is_it {
                    let target = target_of(locals, &unit, die);
                    found = Some(CallSite { unit: Arc::clone(&unit), target, parameters: Vec::new() });
                    inside = Some(depth);
                }
                Ok(is_it)
            }
            gimli::DW_TAG_call_site_parameter | gimli::DW_TAG_GNU_call_site_parameter => {
                if let (Some(site), Some(_)) = (&mut found, inside) {
                    site.parameters.push(passed(locals, &unit, die)?);
                }
                Ok(false)
            }
            tag => Ok(depth == 0 || has_calls(tag)),
        }
    })?;
    Ok(found)
}

fn has_calls(tag: gimli::DwTag) -> bool {
    matches!(tag, gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine)
}

fn is_jump(die: &Die<'_>) -> bool {
    die.has_attr(gimli::DW_AT_call_tail_call) || die.has_attr(gimli::DW_AT_GNU_tail_call)
}

/// The first of some attributes that is there: the standard's, and what it was called before it was in the standard.
fn either<'d>(die: &Die<'d>, names: [DwAt; 2]) -> Option<locals::Value<'d>> {
    names.into_iter().find_map(|name| die.attr_value(name))
}

fn target_of<'d>(locals: &Locals<'d>, unit: &Unit<'d>, die: &Die<'d>) -> Target<'d> {
    let origin = either(die, [gimli::DW_AT_call_origin, gimli::DW_AT_abstract_origin]);
    if let Some(origin) = origin {
        return locals.resolve(unit, origin).map_or(Target::NotSaid, Target::Function);
    }
    let computed = either(die, [gimli::DW_AT_call_target, gimli::DW_AT_GNU_call_site_target]);
    let computed = computed.and_then(|value| value.exprloc_value());
    computed.map_or(Target::NotSaid, Target::Computed)
}

fn passed<'d>(locals: &Locals<'d>, unit: &Unit<'d>, die: &Die<'d>) -> Result<Passed<'d>, Unavailable> {
    let expression = |names| either(die, names).and_then(|value| value.exprloc_value());
    let mut register = None;
    if let Some(location) = die.attr_value(gimli::DW_AT_location).and_then(|value| value.exprloc_value()) {
        let mut operations = location.operations(unit.unit.encoding());
        if let (Some(Operation::Register { register: it }), None) = (operations.next()?, operations.next()?) {
            register = Some(it);
        }
    }
    let of = either(die, [gimli::DW_AT_call_parameter, gimli::DW_AT_abstract_origin]);
    Ok(Passed {
        register,
        of: of.and_then(|of| locals.resolve(unit, of)),
        value: expression([gimli::DW_AT_call_value, gimli::DW_AT_GNU_call_site_value]),
        pointed_at: expression([gimli::DW_AT_call_data_value, gimli::DW_AT_GNU_call_site_data_value]),
    })
}

/// Whether what was passed at this call is what the callee was entered with.
pub(super) fn check_leads_to<'d>(
    site: &CallSite<'d>,
    caller: &Scene<'_, 'd>,
    callee: &Scene<'_, 'd>,
) -> Result<(), Unavailable> {
    let leads_there = match site.target {
        Target::Function(target) => is_same(caller.locals, target, callee),
        Target::Computed(expression) => {
            let scene = caller.in_unit(&site.unit);
            let address = evaluate::number(expression, site.unit.unit.encoding(), None, &scene);
            let (entry, _) = callee.function.code().ok_or(NoEntryValue::OtherCallee)?;
            address == Ok(callee.module.mapped(entry))
        }
        Target::NotSaid => false,
    };
    if !leads_there {
        return Err(NoEntryValue::OtherCallee.into());
    }
    if may_jump_to_itself(callee.locals, callee.function)? {
        return Err(NoEntryValue::TailCalls.into());
    }
    Ok(())
}

fn is_same<'d>(locals: &Locals<'d>, target: DieRef, callee: &Scene<'_, 'd>) -> bool {
    // Parts and clones of one function (`f.part.0`) share its entry: which one was called is not said, and one may jump to another.
    let is_only_one = definitions(callee.locals, callee.die).is_some_and(|all| all.len() == 1);
    if !is_only_one {
        return false;
    }
    if std::ptr::eq(locals, callee.locals) && locals.root(target) == callee.locals.root(callee.die) {
        return true;
    }
    // Defined in another unit, or another module: then by its symbol.
    let Ok(entry) = locals.entry(target) else { return false };
    let symbol = callee.function.linkage_name().unwrap_or(callee.function.name());
    callee.function.is_external()
        && locals.inherited(&entry.unit, &entry.die, gimli::DW_AT_external).is_some()
        && symbol_of(locals, &entry).is_some_and(|name| name == symbol)
}

fn symbol_of<'d>(locals: &Locals<'d>, entry: &Entry<'d>) -> Option<std::borrow::Cow<'d, str>> {
    let linkage = locals.string(&entry.unit, &entry.die, gimli::DW_AT_linkage_name);
    linkage.or_else(|| locals.name(&entry.unit, &entry.die))
}

/// Whether the function may reach its own entry through jumps to other functions, or to itself. Jumps to where nothing is known of count
/// as a yes.
fn may_jump_to_itself<'d>(locals: &Locals<'d>, function: Function<'d>) -> Result<bool, Unavailable> {
    let mut reached = vec![function];
    let mut next = 0;
    while let Some(from) = reached.get(next).copied() {
        next += 1;
        for target in jumps(locals, die_of(from))? {
            let Target::Function(target) = target else { return Ok(true) };
            let Some(targets) = definitions(locals, target) else { return Ok(true) };
            for target in targets {
                if target.id() == function.id() || reached.len() == REACHED_MAX {
                    return Ok(true);
                }
                if reached.iter().all(|known| known.id() != target.id()) {
                    reached.push(target);
                }
            }
        }
    }
    Ok(false)
}

/// Where a function may go by a jump instead of a call.
fn jumps<'d>(locals: &Locals<'d>, function: DieRef) -> Result<Vec<Target<'d>>, Unavailable> {
    let unit = locals.unit(function.unit)?;
    let mut targets = Vec::new();
    locals::walk(&unit, function, |die, depth| match die.tag() {
        gimli::DW_TAG_call_site | gimli::DW_TAG_GNU_call_site => {
            if is_jump(die) {
                targets.push(target_of(locals, &unit, die));
            }
            Ok(false)
        }
        tag => Ok(depth == 0 || has_calls(tag)),
    })?;
    Ok(targets)
}

/// All functions with code that an entry declares or stands for. `None`: there is none.
fn definitions<'d>(locals: &Locals<'d>, at: DieRef) -> Option<Vec<Function<'d>>> {
    let entry = locals.entry(at).ok()?;
    let (root, name) = (locals.root(at), locals.name(&entry.unit, &entry.die)?);
    let is_external = locals.inherited(&entry.unit, &entry.die, gimli::DW_AT_external).is_some();
    let named = locals.table.functions_named(&name).filter(|function| function.code().is_some());
    let same = |function: &Function<'d>| {
        locals.root(die_of(*function)) == root || is_external && function.is_external()
    };
    let found: Vec<_> = named.filter(same).collect();
    (!found.is_empty()).then_some(found)
}
