//! What something was when the function of a frame was entered: told by what the callers passed.
//!
//! The call that the caller's frame is in leads to the function of the frame below it, or to one that got there by jumps, which leave no
//! frame: `f` calls `g`, `g` ends in a jump to `h`, and the frames are `f` and `h`. What `h` was passed is said at `g`'s jump, in terms of
//! what `g` was passed, and so on. That holds only if there is one way alone from `f`'s call to `h`, and if `h` cannot have come back to
//! itself by jumps. Where debug info does not tell, the answer is that it is not known. The rules are gdb's (`call_site_find_chain`,
//! `func_verify_no_selftailcall`).

use super::call_site::{self, CallSite, Passed, Target};
use super::evaluate::{self, Surroundings};
use super::locals::{Entry, Locals, die_of};
use super::memory::Memory;
use super::module::Module;
use super::register::{Register, Registers};
use super::scene::Scene;
use super::unavailable::{NoEntryValue, Unavailable};
use crate::dwarf::{DieRef, Slice};
use crate::table::Function;
use gimli::{Encoding, Expression, Operation};
use std::borrow::Cow;

/// Functions that are looked at for ways through jumps. Where there are more, nothing is known.
const REACHED_MAX: usize = 256;

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// What was in a register, or what that pointed at.
    In { register: gimli::Register, is_pointed_at: bool },
    /// What was passed for a parameter.
    Parameter(DieRef),
}

impl Wanted {
    /// What `DW_OP_entry_value` has as its operand.
    pub(super) fn of(expression: Expression<Slice<'_>>, encoding: Encoding) -> Result<Wanted, Unavailable> {
        let mut operations = expression.operations(encoding);
        match (operations.next()?, operations.next()?) {
            (Some(Operation::Register { register }), None) => {
                Ok(Wanted::In { register, is_pointed_at: false })
            }
            (Some(Operation::RegisterOffset { register, offset: 0, .. }), Some(Operation::Deref { .. })) => {
                Ok(Wanted::In { register, is_pointed_at: true })
            }
            _ => Err(Unavailable::Unsupported),
        }
    }

    fn at<'d>(self, site: &CallSite<'d>) -> Result<Expression<Slice<'d>>, Unavailable> {
        let is_it = |passed: &&Passed<'d>| match self {
            Wanted::In { register, .. } => passed.register == Some(register),
            Wanted::Parameter(die) => passed.of == Some(die),
        };
        let passed = site.parameters.iter().find(is_it).ok_or(NoEntryValue::NoParameter)?;
        let value = match self {
            Wanted::In { is_pointed_at: true, .. } => passed.pointed_at,
            Wanted::In { .. } | Wanted::Parameter(_) => passed.value,
        };
        Ok(value.ok_or(NoEntryValue::NoParameter)?)
    }
}

/// What was passed to the function of `callee`, whose caller's frame is in the call `site`.
pub(super) fn value<'s, 'd>(
    site: CallSite<'d>,
    caller: &Scene<'s, 'd>,
    callee: &Scene<'s, 'd>,
    wanted: Wanted,
) -> Result<u64, Unavailable> {
    let callee = Code { module: callee.module, locals: callee.locals, function: callee.function };
    // Parts and clones of one function (`f.part.0`) have one name: which one a call leads to is not said.
    if callee.namesakes() != 1 {
        return Err(NoEntryValue::OtherCallee.into());
    }
    let call = Link { site, module: caller.module, locals: caller.locals };
    let mut ways = Ways { caller, callee: &callee, found: None, steps: 0 };
    ways.follow(&call)?;
    let found = ways.found.take().ok_or(NoEntryValue::OtherCallee)?;
    if ways.may_return(&callee)? {
        return Err(NoEntryValue::TailCalls.into());
    }
    let links: Vec<Link<'s, 'd>> = std::iter::once(call).chain(found).collect();
    passed(&links, caller, wanted)
}

/// Evaluates what the last of some links passes: the first is a call in the caller, the others are jumps.
fn passed<'d>(links: &[Link<'_, 'd>], caller: &Scene<'_, 'd>, wanted: Wanted) -> Result<u64, Unavailable> {
    let (last, before) = links.split_last().ok_or(NoEntryValue::NoCallSite)?;
    let expression = wanted.at(&last.site)?;
    let encoding = last.site.unit.unit.encoding();
    if before.is_empty() {
        return evaluate::number(expression, encoding, None, &caller.in_unit(&last.site.unit));
    }
    // Before a jump, a function has given back its frame: what it had to save is as the caller had it.
    let mut registers = caller.frame().registers;
    registers.set(Register::Rsp, None);
    registers.set(Register::Rip, None);
    evaluate::number(expression, encoding, None, &AtJump { link: last, before, caller, registers })
}

/// A call or jump on the way to a function, and whose code it is in.
#[derive(Clone)]
struct Link<'s, 'd> {
    site: CallSite<'d>,
    module: &'s Module<'d>,
    locals: &'s Locals<'d>,
}

/// A function in a module.
#[derive(Clone, Copy)]
struct Code<'s, 'd> {
    module: &'s Module<'d>,
    locals: &'s Locals<'d>,
    function: Function<'d>,
}

impl<'d> Code<'_, 'd> {
    fn is(&self, other: &Code<'_, 'd>) -> bool {
        std::ptr::eq(self.locals, other.locals) && self.function.id() == other.function.id()
    }

    /// How many functions with code are of the same source function.
    fn namesakes(&self) -> usize {
        let root = self.locals.root(die_of(self.function));
        let named = self.locals.table.functions_named(self.function.name());
        let same = |other: &Function<'_>| other.code().is_some() && self.locals.root(die_of(*other)) == root;
        named.filter(same).count()
    }
}

/// The search for the ways from a call to a function, through jumps alone.
struct Ways<'w, 's, 'd> {
    caller: &'w Scene<'s, 'd>,
    callee: &'w Code<'s, 'd>,
    /// The jumps of the only way.
    found: Option<Vec<Link<'s, 'd>>>,
    steps: usize,
}

impl<'s, 'd> Ways<'_, 's, 'd> {
    /// Finds the only way from a call of the caller's.
    fn follow(&mut self, call: &Link<'s, 'd>) -> Result<(), Unavailable> {
        let target = match call.site.target {
            Target::Computed(expression) => self.computed(call, expression),
            Target::Function(_) | Target::NotSaid => self.target(call),
        };
        let target = target.ok_or(NoEntryValue::OtherCallee)?;
        let mut open = vec![(target, Vec::new())];
        while let Some((at, jumps)) = open.pop() {
            if at.is(self.callee) {
                if self.found.replace(jumps).is_some() {
                    return Err(NoEntryValue::OtherCallee.into());
                }
                continue;
            }
            for jump in self.jumps(&at)? {
                let target = self.target(&jump).ok_or(NoEntryValue::OtherCallee)?;
                // Once round a circle would be another way.
                let was_there = |link: &Link<'s, 'd>| self.target(link).is_none_or(|there| there.is(&target));
                if at.is(&target) || jumps.iter().any(was_there) {
                    return Err(NoEntryValue::OtherCallee.into());
                }
                let mut jumps = jumps.clone();
                jumps.push(jump);
                open.push((target, jumps));
            }
        }
        Ok(())
    }

    /// Whether a function may reach its own entry by jumps.
    fn may_return(&mut self, function: &Code<'s, 'd>) -> Result<bool, Unavailable> {
        let mut reached = vec![*function];
        let mut next = 0;
        while let Some(from) = reached.get(next).copied() {
            next += 1;
            for jump in self.jumps(&from)? {
                let Some(target) = self.target(&jump) else { return Ok(true) };
                if target.is(function) {
                    return Ok(true);
                }
                if !reached.iter().any(|known| known.is(&target)) {
                    reached.push(target);
                }
            }
        }
        Ok(false)
    }

    fn jumps(&mut self, from: &Code<'s, 'd>) -> Result<Vec<Link<'s, 'd>>, Unavailable> {
        self.steps += 1;
        if self.steps > REACHED_MAX {
            return Err(NoEntryValue::TailCalls.into());
        }
        let sites = call_site::jumps(from.locals, die_of(from.function))?;
        let link = |site| Link { site, module: from.module, locals: from.locals };
        Ok(sites.into_iter().map(link).collect())
    }

    /// The function that a call or jump leads to by name. `None`: not known for sure.
    fn target(&self, link: &Link<'s, 'd>) -> Option<Code<'s, 'd>> {
        match link.site.target {
            Target::Function(die) => self.definition(link, die),
            Target::Computed(_) | Target::NotSaid => None,
        }
    }

    /// The function that the caller calls by a pointer.
    fn computed(&self, link: &Link<'s, 'd>, expression: Expression<Slice<'d>>) -> Option<Code<'s, 'd>> {
        let encoding = link.site.unit.unit.encoding();
        let scene = self.caller.in_unit(&link.site.unit);
        let address = evaluate::number(expression, encoding, None, &scene).ok()?;
        let module = self.caller.modules.at(address)?;
        let locals = module.locals.as_ref()?;
        let (_, function) = locals.function_at(module.linked(address))?;
        let is_entry = function.code().is_some_and(|(entry, _)| entry == module.linked(address));
        is_entry.then_some(Code { module, locals, function })
    }

    /// The only function with code that an entry declares or stands for: in the same module, or else in another that offers it.
    fn definition(&self, link: &Link<'s, 'd>, at: DieRef) -> Option<Code<'s, 'd>> {
        let locals = link.locals;
        let entry = locals.entry(at).ok()?;
        let (root, name) = (locals.root(at), locals.name(&entry.unit, &entry.die)?);
        let is_external = locals.inherited(&entry.unit, &entry.die, gimli::DW_AT_external).is_some();
        let with_code = |locals: &Locals<'d>| -> Vec<Function<'d>> {
            locals.table.functions_named(&name).filter(|function| function.code().is_some()).collect()
        };
        let only = |module, locals, found: Vec<Function<'d>>| match found.as_slice() {
            [function] => Some(Code { module, locals, function: *function }),
            _ => None,
        };
        let mut here = with_code(locals);
        here.retain(|function| {
            locals.root(die_of(*function)) == root || is_external && function.is_external()
        });
        if !here.is_empty() || !is_external {
            return only(link.module, locals, here);
        }
        let symbol = symbol_of(locals, &entry)?;
        let mut elsewhere = self.caller.modules.iter().filter_map(|module| {
            let locals = module.locals.as_ref()?;
            let mut there = with_code(locals);
            there.retain(|function| {
                let names = [Some(function.name()), function.linkage_name()];
                function.is_external() && names.into_iter().flatten().any(|name| name == symbol)
            });
            (!there.is_empty()).then(|| only(module, locals, there))
        });
        let first = elsewhere.next()??;
        elsewhere.next().is_none().then_some(first)
    }
}

fn symbol_of<'d>(locals: &Locals<'d>, entry: &Entry<'d>) -> Option<Cow<'d, str>> {
    let linkage = locals.string(&entry.unit, &entry.die, gimli::DW_AT_linkage_name);
    linkage.or_else(|| locals.name(&entry.unit, &entry.die))
}

/// The setting of what is passed at a jump: there is no frame any more.
struct AtJump<'j, 's, 'd> {
    link: &'j Link<'s, 'd>,
    before: &'j [Link<'s, 'd>],
    caller: &'j Scene<'s, 'd>,
    registers: Registers,
}

impl<'d> Surroundings<'d> for AtJump<'_, '_, 'd> {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn memory(&self) -> &dyn Memory {
        self.caller.memory
    }

    fn bias(&self) -> u64 {
        self.link.module.bias()
    }

    fn entry_value(&self, expression: Expression<Slice<'d>>) -> Result<u64, Unavailable> {
        let wanted = Wanted::of(expression, self.link.site.unit.unit.encoding())?;
        self.caller.asked.once_more()?;
        passed(self.before, self.caller, wanted)
    }

    fn indexed_address(&self, index: gimli::DebugAddrIndex) -> Result<u64, Unavailable> {
        Ok(self.link.site.unit.unit_ref().address(index)?)
    }
}
