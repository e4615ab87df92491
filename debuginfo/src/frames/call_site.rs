//! What a function's debug info says of the calls in it: where they lead, and what is passed (`DW_TAG_call_site`; DWARF 5, 3.4).

use super::locals::{self, Die, Locals};
use super::unavailable::Unavailable;
use crate::dwarf::{DieRef, Slice, Unit};
use crate::table::Address;
use gimli::{DwAt, Expression, Operation};
use std::sync::Arc;

/// A call, as the function that it is in describes it.
#[derive(Clone)]
pub(super) struct CallSite<'d> {
    pub(super) unit: Arc<Unit<'d>>,
    pub(super) target: Target<'d>,
    pub(super) parameters: Vec<Passed<'d>>,
}

/// Where a call leads.
#[derive(Clone, Copy)]
pub(super) enum Target<'d> {
    Function(DieRef),
    /// To an address that the expression gives, in the caller.
    Computed(Expression<Slice<'d>>),
    NotSaid,
}

/// Something that is passed. The expressions are the caller's.
#[derive(Clone, Copy)]
pub(super) struct Passed<'d> {
    pub(super) register: Option<gimli::Register>,
    /// The parameter of the function that is called.
    pub(super) of: Option<DieRef>,
    pub(super) value: Option<Expression<Slice<'d>>>,
    /// What it points at.
    pub(super) pointed_at: Option<Expression<Slice<'d>>>,
}

/// The call of a function that returns to an address.
pub(super) fn returning_to<'d>(
    locals: &Locals<'d>,
    function: DieRef,
    Address(address): Address,
) -> Result<Option<CallSite<'d>>, Unavailable> {
    let sites = read(locals, function, |unit, die| {
        let returns_to = either(die, [gimli::DW_AT_call_return_pc, gimli::DW_AT_low_pc]);
        let returns_to = match returns_to {
            Some(value) => unit.unit_ref().attr_address(value)?,
            None => None,
        };
        // Jumps do not return here.
        Ok(returns_to == Some(address) && !is_jump(die))
    })?;
    Ok(sites.into_iter().next())
}

/// Some calls of a function.
fn read<'d>(
    locals: &Locals<'d>,
    function: DieRef,
    mut is_wanted: impl FnMut(&Unit<'d>, &Die<'d>) -> Result<bool, Unavailable>,
) -> Result<Vec<CallSite<'d>>, Unavailable> {
    let unit = locals.unit(function.unit)?;
    let mut sites: Vec<CallSite<'d>> = Vec::new();
    locals::walk(&unit, function, |die, depth| match die.tag() {
        gimli::DW_TAG_call_site | gimli::DW_TAG_GNU_call_site => {
            let is_it = is_wanted(&unit, die)?;
            if is_it {
                let target = target_of(locals, &unit, die);
                sites.push(CallSite { unit: Arc::clone(&unit), target, parameters: Vec::new() });
            }
            Ok(is_it)
        }
        // Only below those that are wanted is anything read.
        gimli::DW_TAG_call_site_parameter | gimli::DW_TAG_GNU_call_site_parameter => {
            if let Some(site) = sites.last_mut() {
                site.parameters.push(passed(locals, &unit, die)?);
            }
            Ok(false)
        }
        gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine => Ok(true),
        _ => Ok(depth == 0),
    })?;
    Ok(sites)
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

/// Where a function may go by a jump instead of a call.
pub(super) fn jumps<'d>(locals: &Locals<'d>, function: DieRef) -> Result<Vec<CallSite<'d>>, Unavailable> {
    read(locals, function, |_, die| Ok(is_jump(die)))
}
