//! A test's objects: made, and migrated.

use super::Problem;
use super::memory::{Block, Memory};
use crate::diagnostic::Release;
use crate::eval::run::NoMigration;
use crate::eval::value::Place;
use crate::eval::{
    Compiler, Definitions, Failure, Lookup, Machine, Making, Mistake, Patch, Reason, Sort, Stored,
    Unreadable, Value, World,
};
use crate::migrate::{Called, Migration, PairsOf, Tails};
use crate::pairing::{Origin, Pairing};
use crate::rules::{Expression, Given, Literal, Rules, Symbol};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Count, Kind, Tag, Type, TypeId};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How deep objects are looked for in objects.
const DEEPEST: u32 = 16;

/// How many objects of a type are looked for in one block.
const MOST_INSIDE: usize = 1 << 16;

/// An object that was given.
#[derive(Debug, Clone)]
pub(super) struct Object<'t> {
    pub(super) name: Option<String>,
    /// In the old release.
    pub(super) ty: Type<'t>,
    pub(super) address: u64,
}

/// What has become of a block.
#[derive(Debug, Clone)]
struct Move {
    len: u64,
    stride: u64,
    pair: Making,
    /// Where the objects begin that are made of the first element, of each type; those of others lie behind.
    made: Vec<(u64, u64)>,
}

/// All of a test.
pub(super) struct Scene<'s, 't> {
    pub(super) rules: &'t Rules,
    pub(super) pairing: &'s Pairing<'t>,
    pub(super) migration: &'s Migration,
    pub(super) old: &'s Lookup<'t>,
    pub(super) new: &'s Lookup<'t>,
    pub(super) memory: Memory<'s>,
    pub(super) objects: Vec<Object<'t>>,
    /// By the old address.
    moves: Rc<BTreeMap<u64, Move>>,
    pub(super) calls: Vec<Called>,
}

impl<'s, 't> Scene<'s, 't>
where
    't: 's,
{
    pub(super) fn new(
        rules: &'t Rules,
        pairing: &'s Pairing<'t>,
        migration: &'s Migration,
        old: &'s Lookup<'t>,
        new: &'s Lookup<'t>,
    ) -> Scene<'s, 't> {
        let memory = Memory::new(old.table(), new.table());
        let (objects, calls) = (Vec::new(), Vec::new());
        Scene { rules, pairing, migration, old, new, memory, objects, moves: Rc::default(), calls }
    }

    /// Lays out what is given.
    pub(super) fn give(&mut self, given: &[At<Given>]) -> Result<(), Problem> {
        self.memory.make_for(Release::Old);
        // All have a place before any is filled: they may point to each other.
        for one in given {
            let Given::Object { name, literal } = &one.is else { continue };
            let Literal::Object { ty, .. } = &literal.is else {
                return Err(Mistake::new(literal.span, "of which type is it? `NAME { … }`").into());
            };
            let found = self.old.ty(&ty.is).map_err(|why| {
                Mistake::new(
                    ty.span,
                    format!("the type `{}` {} of the old release", ty.is.symbol.name, why.describe()),
                )
            })?;
            let size = found.size().filter(|size| *size > 0);
            let size =
                size.ok_or_else(|| Mistake::new(ty.span, "the debug info does not say how large it is"))?;
            let address = self.memory.allocate(Some(found.id()), size).ok_or(Reason::NoRoom(size))?;
            let name = name.as_ref().map(|name| name.is.clone());
            self.objects.push(Object { name, ty: found, address });
        }
        let mut places = self.objects.clone().into_iter();
        for one in given {
            match &one.is {
                Given::Object { literal, .. } => {
                    let Some(object) = places.next() else { break };
                    let written = At { is: Expression::Literal(literal.is.clone()), span: literal.span };
                    self.put(Release::Old, object.address, object.ty, &written)?;
                }
                Given::Global(name, value) => {
                    let (of, variable) = match self.old.variable(&name.is) {
                        Ok(variable) => (Release::Old, variable),
                        Err(_) => (Release::New, self.variable(Release::New, name)?),
                    };
                    let ty = variable.ty().and_then(Type::resolved);
                    let ty =
                        ty.ok_or_else(|| Mistake::new(name.span, "the debug info does not say what it is"))?;
                    let size = ty.size().unwrap_or(0);
                    let address = self.memory.place_variable(of, variable.address(), size);
                    self.put(of, address, ty, value)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn variable(
        &self,
        of: Release,
        name: &At<Symbol>,
    ) -> Result<mcrx_debuginfo::table::Variable<'t>, Mistake> {
        let lookup = if of == Release::Old { self.old } else { self.new };
        lookup.variable(&name.is).map_err(|why| {
            Mistake::new(name.span, format!("the variable `{}` {}", name.is.name, why.describe()))
        })
    }

    /// Writes a value that is given.
    fn put(
        &mut self,
        of: Release,
        address: u64,
        ty: Type<'t>,
        value: &At<Expression>,
    ) -> Result<(), Problem> {
        let definitions = Definitions::of(self.rules);
        let mut pairs = PairsOf(self.pairing);
        let mut compiler = Compiler::new(&definitions, self.old, self.new, &mut pairs).writing(of).seeing(of);
        let mut locals = Vec::new();
        for object in &self.objects {
            // What the new release's start-up leaves knows of no old object.
            if let (Some(name), Release::Old) = (&object.name, of) {
                compiler = compiler.with(name.clone(), Sort::Object(Release::Old, object.ty));
                locals.push(Value::Object(Place { of: Release::Old, address: object.address }));
            }
        }
        let stored = compiler.stored(value, ty, None)?;
        self.memory.make_for(of);
        let mut machine = Machine::new(&self.memory, &NoMigration);
        let bytes = bytes(&stored, &mut machine, locals).map_err(|failure| failure.at(value.span))?;
        let patches = machine.take_effects().patches;
        self.memory.make_for(Release::Old);
        for patch in patches.into_iter().chain([Patch { address, bytes }]) {
            self.memory.write(of, &patch).map_err(|Unreadable| Reason::Unreadable(patch.address))?;
        }
        Ok(())
    }

    /// Everything that is given becomes the new release's.
    pub(super) fn migrate(&mut self) -> Result<(), Problem> {
        self.memory.make_for(Release::New);
        let blocks = self.memory.blocks(Release::Old);
        let moves: BTreeMap<u64, Move> =
            blocks.iter().filter_map(|(address, block)| Some((*address, self.place(block)?))).collect();
        self.moves = Rc::new(moves);
        self.move_pointers();
        let mut patches = Vec::new();
        let mut effects = Vec::new();
        for (address, to) in self.moves.iter() {
            for (made, (start, stride)) in to.made.iter().enumerate() {
                let how = Making { made, ..to.pair };
                let count = to.len.checked_div(to.stride).unwrap_or(0).max(1);
                for index in 0..count {
                    // The last one has all that is left: a flexible array.
                    let at = index.saturating_mul(to.stride);
                    let len = if index + 1 == count { to.len.saturating_sub(at) } else { to.stride };
                    let beside: Vec<u64> =
                        to.made.iter().map(|(start, stride)| start + stride * index).collect();
                    let mut machine = Machine::new(&self.memory, self.migration);
                    let bytes = self.migration.object(how, (address + at, len), &beside, &mut machine)?;
                    patches.push(Patch { address: start + stride * index, bytes });
                    effects.extend(machine.take_effects().patches);
                }
            }
        }
        self.variables(&blocks, &mut patches, &mut effects)?;
        // What an expression makes of other objects comes when these are made.
        for patch in patches.iter().chain(&effects) {
            self.write(patch)?;
        }
        self.act()
    }

    fn write(&self, patch: &Patch) -> Result<(), Failure> {
        let written = self.memory.write(Release::New, patch);
        written.map_err(|Unreadable| Failure::new(Reason::Unreadable(patch.address)))
    }

    /// Where a block's objects go. `None`: they stay where they are.
    fn place(&self, block: &Block) -> Option<Move> {
        let ty = self.old.table().ty(block.element?)?;
        let (id, pair) = self.pairing.of_old(ty)?;
        // Of merged types only the first has objects that live on.
        if pair.old.first() != Some(&ty) || ty.tag() == Tag::Enumeration {
            return None;
        }
        let len = u64::try_from(block.bytes.len()).unwrap_or(0);
        let stride = ty.size().filter(|size| *size > 0)?;
        let count = (len / stride).max(1);
        let mut made = Vec::new();
        for (index, one) in pair.made.iter().enumerate() {
            let recipe = self.migration.recipe(Making { pair: id, made: index })?;
            let new_stride = recipe.size(stride);
            let size =
                new_stride.saturating_mul(count - 1).saturating_add(recipe.size(len - stride * (count - 1)));
            made.push((self.memory.allocate(Some(one.ty.id()), size)?, new_stride));
        }
        Some(Move { len, stride, pair: Making { pair: id, made: 0 }, made })
    }

    /// Tells the memory where old places have gone.
    fn move_pointers(&self) {
        let (moves, migration) = (Rc::clone(&self.moves), self.migration);
        let (old_file, new_file) = (
            self.memory.loaded(Release::Old, mcrx_debuginfo::table::Address(0)).unwrap_or(0),
            self.memory.loaded(Release::New, mcrx_debuginfo::table::Address(0)).unwrap_or(0),
        );
        let mut statics: BTreeMap<u64, (u64, Option<u64>)> = BTreeMap::new();
        for pair in &self.pairing.variables {
            let Some(old) = pair.old else { continue };
            let size = old.ty().and_then(Type::size).unwrap_or(1).max(1);
            let new = pair.new.map(|new| new_file + new.address().0 + pair.to.bit_offset / 8);
            statics.insert(old_file + old.address().0, (size, new));
        }
        for pair in &self.pairing.functions {
            let Some((entry, end)) = pair.old.code() else { continue };
            let new = pair.new.and_then(|new| new.code()).map(|(entry, _)| new_file + entry.0);
            statics.insert(old_file + entry.0, (end.0.saturating_sub(entry.0).max(1), new));
        }
        self.memory.move_by(Box::new(move |old, apart| {
            if let Some(how) = apart {
                let to = moves.get(&old).filter(|to| to.pair.pair == how.pair)?;
                return to.made.get(how.made).map(|(first, _)| *first);
            }
            let (start, to) = moves.range(..=old).next_back().unzip();
            if let (Some(start), Some(to)) = (start, to)
                && old - start <= to.len
            {
                let (first, stride) = to.made.first()?;
                let inside = old - start;
                let index = inside / to.stride;
                let recipe = migration.recipe(to.pair)?;
                return Some(
                    first + stride * index + recipe.place(migration, to.stride, inside % to.stride)?,
                );
            }
            match statics.range(..=old).next_back() {
                Some((start, (size, new))) if old - start < *size => new.map(|new| new + (old - start)),
                // Nothing lies there that is known to go anywhere.
                _ => Some(old),
            }
        }));
    }

    /// Variables that are given, or that rules speak of.
    fn variables(
        &self,
        blocks: &[(u64, Block)],
        patches: &mut Vec<Patch>,
        effects: &mut Vec<Patch>,
    ) -> Result<(), Failure> {
        for (index, pair) in self.pairing.variables.iter().enumerate() {
            let (Some(recipe), Some(new)) = (self.migration.variable(index), pair.new) else { continue };
            let old = pair.old.and_then(|old| self.memory.loaded(Release::Old, old.address()));
            let is_given = old.is_some_and(|old| blocks.iter().any(|(address, _)| *address == old));
            if !is_given && !matches!(pair.origin, Some(Origin::Set(_))) {
                continue;
            }
            let Some(address) = self.memory.loaded(Release::New, new.address()) else { continue };
            let mut bytes = vec![0; usize::try_from(recipe.new_size).unwrap_or(0)];
            // What start-up has left stays where nothing else is said.
            self.memory
                .read(Release::New, address, &mut bytes)
                .map_err(|Unreadable| Failure::new(Reason::Unreadable(address)))?;
            let mut machine = Machine::new(&self.memory, self.migration);
            recipe.make_into((old.unwrap_or(0), recipe.old_size), &[], &mut bytes, &mut machine)?;
            effects.extend(machine.take_effects().patches);
            patches.push(Patch { address, bytes });
        }
        Ok(())
    }

    /// `for each`, `call`, `assert`.
    fn act(&mut self) -> Result<(), Problem> {
        let mut tails = Tails::default();
        let mut calls = Vec::new();
        for each in &self.migration.actions.each {
            let mut machine = Machine::new(&self.memory, self.migration);
            let objects = match each.objects(&mut machine)? {
                Some(objects) => objects,
                None => self.places(each.of, each.ty),
            };
            for object in objects {
                let become_of = match each.of {
                    Release::New => Some(object),
                    Release::Old => self.memory.counterpart(object),
                };
                let mut machine = Machine::new(&self.memory, self.migration);
                let mut apply = |patch: Patch| self.write(&patch);
                calls.extend(each.run(
                    object,
                    become_of.unwrap_or(0),
                    &mut tails,
                    &mut machine,
                    &mut apply,
                )?);
            }
        }
        for call in &self.migration.actions.calls {
            let mut machine = Machine::new(&self.memory, self.migration);
            calls.push(call.values(&mut machine)?);
            for patch in machine.take_effects().patches {
                self.write(&patch)?;
            }
        }
        for assert in &self.migration.actions.asserts {
            let mut machine = Machine::new(&self.memory, self.migration);
            let objects = match assert.every {
                None => vec![None],
                Some(ty) => self.places(Release::New, ty).into_iter().map(Some).collect(),
            };
            for object in objects {
                if !assert.holds(object, &mut machine)? {
                    return Err(Problem::NotTrue { span: assert.span, object });
                }
            }
        }
        self.calls = calls;
        Ok(())
    }

    /// All objects of a type, also those inside of others.
    fn places(&self, of: Release, wanted: TypeId) -> Vec<u64> {
        let table = self.memory.table(of);
        let mut found = Vec::new();
        for (address, block) in self.memory.blocks(of) {
            let element = match block.element {
                Some(element) => table.ty(element),
                None => self
                    .memory
                    .linked(of, address)
                    .and_then(|linked| table.variable_at(linked))
                    .and_then(|variable| variable.ty()),
            };
            let Some(element) = element.and_then(Type::resolved) else { continue };
            let stride = element.size().unwrap_or(0).max(1);
            let count = u64::try_from(block.bytes.len()).unwrap_or(0) / stride;
            for index in 0..count {
                inside(element, address + index * stride, wanted, DEEPEST, &mut found);
            }
        }
        found
    }

    /// What has become of an object: all that was made of it, with their types.
    pub(super) fn become_of(&self, object: &Object<'t>) -> Vec<(u64, Type<'t>)> {
        let Some(to) = self.moves.get(&object.address) else { return Vec::new() };
        let made = self.pairing.pair(to.pair.pair).map_or(&[][..], |pair| pair.made.as_slice());
        to.made.iter().zip(made).map(|((address, _), made)| (*address, made.ty)).collect()
    }

    /// Of which object a place of the new release is the beginning.
    pub(super) fn name_of(&self, address: u64) -> Option<&str> {
        let is_it = |object: &&Object<'t>| {
            let first = self.become_of(object).first().map_or(object.address, |(address, _)| *address);
            first == address
        };
        self.objects.iter().filter(is_it).find_map(|object| object.name.as_deref())
    }
}

/// A value's bytes.
pub(super) fn bytes(
    stored: &Stored,
    machine: &mut Machine<'_>,
    locals: Vec<Value>,
) -> Result<Vec<u8>, Failure> {
    let size = stored.scalar.map_or(stored.size, |scalar| u64::try_from(scalar.bytes()).unwrap_or(0));
    let mut bytes = vec![0; usize::try_from(size).map_err(|_| Failure::new(Reason::NoRoom(size)))?];
    machine.with(locals, |machine| machine.store(stored, &mut bytes))?;
    Ok(bytes)
}

fn inside(ty: Type<'_>, address: u64, wanted: TypeId, deeper: u32, found: &mut Vec<u64>) {
    let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return };
    if found.len() >= MOST_INSIDE {
        return;
    }
    if ty.id() == wanted {
        found.push(address);
    }
    match ty.kind() {
        Kind::Array { element: Some(element), count: Count::Exactly(count) } => {
            let stride = element.size().unwrap_or(0);
            let is_whole = element
                .resolved()
                .is_some_and(|ty| matches!(ty.kind(), Kind::Aggregate | Kind::Array { .. }));
            for index in 0..if is_whole { count } else { 0 } {
                inside(element, address + index * stride, wanted, deeper, found);
            }
        }
        Kind::Aggregate if ty.tag() != Tag::Union => {
            for member in ty.members().filter(|member| member.bit_size().is_none()) {
                if let Some(below) = member.ty() {
                    inside(below, address + member.offset(), wanted, deeper, found);
                }
            }
        }
        _ => {}
    }
}

/// So that callers need not spell spans.
pub(super) fn nowhere(span: Span) -> Mistake {
    Mistake::new(span, "nothing that was given is called so, or nothing has become of it")
}
