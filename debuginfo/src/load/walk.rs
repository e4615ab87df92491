//! The first pass over a unit: every entry is read once, in order, and an [`Outline`] is what remains.
//!
//! Entries nest; what is open around the current one is on a stack of our own, so that no depth of nesting exhausts the thread's.

mod things;

use super::attributes::{
    self, EnumeratorAttributes, MemberAttributes, Position, RootAttributes, SubrangeAttributes,
    TypeAttributes,
};
use super::error::Fault;
use super::gather::{DIMENSION, Gathered, NO_EXTENT};
use super::hash::mix;
use super::limits::{DEEPEST_TYPES, Excess};
use super::outline::{Named, Outline, Scope, at, number};
use super::reader::{Entry, Reader};
use super::source::Source;
use super::tags;
use crate::table::Tag;
use gimli::constants as dw;

/// Reads a whole unit.
pub(super) fn unit<'a>(source: &Source<'_, 'a>, scratch: &mut Scratch<'a>) -> Result<Outline<'a>, Fault> {
    let mut walk = Walk::new(source, std::mem::take(scratch));
    let mut reader = Reader::of_unit(source);
    while let Some(entry) = reader.next() {
        walk.close(entry.depth);
        walk.entry(entry, &mut reader);
    }
    walk.close(isize::MIN);
    let outline = walk.gathered.finish();
    *scratch = walk.into_scratch();
    source.settle()?;
    Ok(outline)
}

/// Room that one thread uses for one unit after the other.
#[derive(Default)]
pub(super) struct Scratch<'a> {
    gathered: Gathered<'a>,
    stack: Vec<Frame>,
    open: Vec<u64>,
}

/// An entry that others are in.
#[derive(Debug, Clone, Copy)]
struct Frame {
    depth: isize,
    inside: Inside,
    /// What names in it are in.
    scope: u32,
    /// The function that it is in, or is.
    function: Option<u32>,
    /// How many types it is in.
    types: usize,
}

#[derive(Debug, Clone, Copy)]
enum Inside {
    /// A unit, a namespace, something else that only holds others.
    Plain,
    /// A type whose members, constants or parameters follow.
    Type(Open),
    Array(Dimensions),
    /// The variants of a Rust enumeration, or one of them: of the type of this frame of the stack.
    Variants {
        owner: usize,
    },
    Variant {
        owner: usize,
        number: u64,
    },
    Function,
    /// A copy of another function's body.
    Inlined {
        die: u32,
    },
}

#[derive(Debug, Clone, Copy)]
struct Open {
    ty: u32,
    hash: u64,
    /// Where its children begin on the stack of children.
    first: usize,
    /// How many variants it has so far.
    variants: u64,
}

#[derive(Debug, Clone, Copy)]
struct Dimensions {
    /// The type of the last one so far.
    last: u32,
    count: u32,
    element: u64,
}

struct Walk<'s, 'u, 'a> {
    source: &'s Source<'u, 'a>,
    gathered: Gathered<'a>,
    stack: Vec<Frame>,
    /// Children of the types that are open, those of the innermost last.
    open: Vec<u64>,
    /// Whether names carry the scopes that they are in: not in C.
    qualifies: bool,
}

impl<'s, 'u, 'a> Walk<'s, 'u, 'a> {
    fn new(source: &'s Source<'u, 'a>, scratch: Scratch<'a>) -> Walk<'s, 'u, 'a> {
        let Scratch { mut gathered, mut stack, mut open } = scratch;
        gathered.clear();
        stack.clear();
        open.clear();
        Walk { source, gathered, stack, open, qualifies: true }
    }

    fn into_scratch(self) -> Scratch<'a> {
        Scratch { gathered: self.gathered, stack: self.stack, open: self.open }
    }

    fn entry(&mut self, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        match entry.plan.tag {
            dw::DW_TAG_member | dw::DW_TAG_inheritance => self.member(entry, reader),
            dw::DW_TAG_enumerator => self.enumerator(entry, reader),
            dw::DW_TAG_formal_parameter | dw::DW_TAG_unspecified_parameters => self.parameter(entry, reader),
            dw::DW_TAG_variable => self.variable(entry, reader),
            dw::DW_TAG_subprogram => self.function(entry, reader),
            dw::DW_TAG_subrange_type if self.dimensions(entry).is_some() => self.dimension(entry, reader),
            dw::DW_TAG_namespace | dw::DW_TAG_module => self.namespace(entry, reader),
            dw::DW_TAG_variant_part | dw::DW_TAG_variant => {
                self.variant(entry);
                reader.pass_over(entry);
            }
            dw::DW_TAG_inlined_subroutine => {
                let die = entry.die;
                self.push(entry, Inside::Inlined { die });
                reader.pass_over(entry);
            }
            dw::DW_TAG_compile_unit
            | dw::DW_TAG_partial_unit
            | dw::DW_TAG_type_unit
            | dw::DW_TAG_skeleton_unit => self.root(entry, reader),
            _ => match entry.plan.ty {
                Some(tag) => self.ty(tag, entry, reader),
                None => reader.pass_over(entry),
            },
        }
    }

    /// Puts what follows inside the entry, if something does.
    fn push(&mut self, entry: Entry, inside: Inside) {
        if entry.plan.has_children {
            let (scope, function, types) = self.surroundings();
            self.stack.push(Frame { depth: entry.depth, inside, scope, function, types });
        }
    }

    fn surroundings(&self) -> (u32, Option<u32>, usize) {
        self.stack.last().map_or((0, None, 0), |frame| (frame.scope, frame.function, frame.types))
    }

    /// The frame that the entry is directly in.
    fn parent(&self, entry: Entry) -> Option<&Frame> {
        self.stack.last().filter(|frame| frame.depth + 1 == entry.depth)
    }

    /// Ends what an entry at this depth is not in.
    fn close(&mut self, depth: isize) {
        while let Some(frame) = self.stack.pop_if(|frame| frame.depth >= depth) {
            match frame.inside {
                Inside::Type(open) => {
                    let children = self.open.drain(open.first.min(self.open.len())..);
                    self.gathered.set(open.ty, open.hash, children);
                }
                Inside::Array(Dimensions { last, count, element }) => {
                    self.gathered.set_only_child(last, element);
                    if count == 0 {
                        self.gathered.mix_into(last, NO_EXTENT);
                    }
                }
                _ => {}
            }
        }
    }

    /// The hash of a name with the scopes that it is in, from that of the name alone.
    fn qualified(&self, own: u64, scope: u32) -> u64 {
        match self.gathered.outline.scope_table.get(at(scope)) {
            Some(around) if scope != 0 => mix(around.hash, own),
            _ => own,
        }
    }

    fn root(&mut self, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        let found = RootAttributes::read(reader, entry);
        self.gathered.outline.producer = self.source.text(found.producer);
        self.gathered.outline.language = found.language;
        self.qualifies = !tags::is_c(gimli::DwLang(self.gathered.outline.language));
        self.push(entry, Inside::Plain);
    }

    fn namespace(&mut self, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        let name = attributes::name_of(reader, entry);
        let outer = self.surroundings().0;
        let hash = self.qualified(self.source.hash(name), outer);
        self.push(entry, Inside::Plain);
        self.enter_scope(entry, Scope { parent: outer, die: entry.die, hash });
    }

    /// Makes the frame pushed last a scope, if the language has such scopes.
    fn enter_scope(&mut self, entry: Entry, scope: Scope) {
        if let Some(frame) = self.stack.last_mut()
            && entry.plan.has_children
            && self.qualifies
            && frame.depth == entry.depth
        {
            frame.scope = number(self.gathered.outline.scope_table.len());
            self.gathered.outline.scope_table.push(scope);
        }
    }

    fn ty(&mut self, tag: Tag, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        let found = TypeAttributes::read(reader, entry);
        let (outer, function, types) = self.surroundings();
        // What completes a declaration is where that one is, whatever it is in itself.
        let (name_hash, scope) =
            self.declared_by(&found).unwrap_or_else(|| match self.source.hash(found.name) {
                0 => (0, outer),
                name => (self.qualified(name, outer), outer),
            });
        let flags = [found.declaration, found.prototyped, found.vector, found.artificial];
        let flags = flags.into_iter().fold(0, |bits, is| bits << 1 | u64::from(is));
        let kind = u64::from(tag as u8) << 16 | u64::from(found.encoding) << 8 | flags;
        let hash = mix(mix(kind, name_hash), found.byte_size.map_or(u64::MAX, |size| size));
        let ty = self.gathered.add(entry.die, hash, scope);
        if let Some(signature) = found.signature {
            // gcc gives it no name.
            self.gathered.outline.signatures.push((ty, signature));
        } else if let Some(family) = tags::family(tag).filter(|_| name_hash != 0) {
            let named = Named { ty, key: mix(family, name_hash) };
            if found.declaration {
                self.gathered.outline.declarations.push(named);
            } else if function.is_none() {
                self.gathered.outline.definitions.push(named);
            }
        }
        let target = self.gathered.child(found.target);
        let first = self.open.len();
        let inside = match tag {
            Tag::Structure | Tag::Union | Tag::Class => Inside::Type(Open { ty, hash, first, variants: 0 }),
            Tag::Enumeration | Tag::Function if entry.plan.has_children => {
                self.open.push(target);
                Inside::Type(Open { ty, hash, first, variants: 0 })
            }
            Tag::Array => Inside::Array(Dimensions { last: ty, count: 0, element: target }),
            _ => {
                self.gathered.set_only_child(ty, target);
                Inside::Plain
            }
        };
        if !entry.plan.has_children {
            if let Inside::Array(_) = inside {
                self.gathered.set_only_child(ty, target);
                self.gathered.mix_into(ty, NO_EXTENT);
            }
            return;
        }
        if types >= DEEPEST_TYPES {
            self.source.fail(Excess::Nesting.into());
            return;
        }
        self.push(entry, inside);
        if let Some(frame) = self.stack.last_mut() {
            frame.types += 1;
        }
        // clang gives what stands for a type unit no name; it has the one of the type there.
        let signature = || found.signature.map(|at| mix(u64::from(at.unit.0), u64::from(at.offset)));
        let hash = Some(name_hash).filter(|hash| *hash != 0).or_else(signature);
        if let Some(hash) = hash.filter(|_| tag.is_aggregate()) {
            self.enter_scope(entry, Scope { parent: scope, die: entry.die, hash });
        }
    }

    /// The hash of the name, and the scope, of the declaration that a definition elsewhere completes (`DW_AT_specification`).
    fn declared_by(&self, found: &TypeAttributes<'a>) -> Option<(u64, u32)> {
        let origin = found.origin.filter(|origin| origin.unit == self.source.unit.id)?;
        let ty = self.gathered.outline.dies.binary_search(&origin.offset).ok()?;
        let scope = self.gathered.scope(ty);
        let mut reader = Reader::at(self.source, origin.offset);
        let entry = reader.next()?;
        let own = self.source.hash(TypeAttributes::read(&mut reader, entry).name);
        (own != 0).then(|| (self.qualified(own, scope), scope))
    }

    fn member(&mut self, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        let (owner, variant) = match self.parent(entry).map(|frame| frame.inside) {
            Some(Inside::Type(_)) => (self.stack.len() - 1, 0),
            Some(Inside::Variants { owner }) => (owner, 0),
            Some(Inside::Variant { owner, number }) => (owner, number),
            _ => return reader.pass_over(entry),
        };
        let found = MemberAttributes::read(reader, entry);
        let Some(position) = found.position() else {
            if found.is_static {
                self.static_member(entry, found.name);
            }
            return;
        };
        let position = match position {
            Position::Bit(bit) => mix(bit, 0),
            Position::Storage { start, before_end } => mix(mix(start, 1), before_end.cast_unsigned()),
        };
        let kind = variant << 1 | u64::from(entry.plan.tag == dw::DW_TAG_inheritance);
        let bits = found.bit_size.unwrap_or(0);
        let all = mix(mix(mix(position, self.source.hash(found.name)), bits), kind);
        let target = self.gathered.child(found.target);
        if let Some(Inside::Type(open)) = self.stack.get_mut(owner).map(|frame| &mut frame.inside) {
            open.hash = mix(open.hash, all);
            self.open.push(target);
        }
    }

    fn enumerator(&mut self, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        let found = EnumeratorAttributes::read(reader, entry);
        let name = self.source.hash(found.name);
        if let Some(Inside::Type(open)) = self.parent_mut(entry) {
            open.hash = mix(mix(open.hash, name), found.value.cast_unsigned());
        }
    }

    fn parent_mut(&mut self, entry: Entry) -> Option<&mut Inside> {
        self.stack.last_mut().filter(|frame| frame.depth + 1 == entry.depth).map(|frame| &mut frame.inside)
    }

    fn parameter(&mut self, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        let rest = entry.plan.tag == dw::DW_TAG_unspecified_parameters;
        match self.parent(entry).map(|frame| (frame.inside, frame.function)) {
            Some((Inside::Function, Some(function))) if !rest => {
                self.gathered.outline.parameters.push(entry.die);
                if let Some(function) = self.gathered.outline.functions.get_mut(at(function)) {
                    // Of a function inside this one, between the parameters of this one, there is none in any real file.
                    if at(function.first_parameter + function.parameters) + 1
                        == self.gathered.outline.parameters.len()
                    {
                        function.parameters += 1;
                    }
                }
            }
            Some((Inside::Type(_), _)) => {
                let found = attributes::type_of(reader, entry);
                let target = if rest { None } else { Some(self.gathered.child(found)) };
                if let Some(Inside::Type(open)) = self.parent_mut(entry) {
                    open.hash = mix(open.hash, u64::from(rest));
                    self.open.extend(target);
                }
                return;
            }
            _ => {}
        }
        reader.pass_over(entry);
    }

    fn dimensions(&self, entry: Entry) -> Option<Dimensions> {
        match self.parent(entry)?.inside {
            Inside::Array(dimensions) => Some(dimensions),
            _ => None,
        }
    }

    fn dimension(&mut self, entry: Entry, reader: &mut Reader<'_, '_, 'a>) {
        let extent = SubrangeAttributes::read(reader, entry).extent();
        let Some(dimensions) = self.dimensions(entry) else { return };
        let mut last = dimensions.last;
        if dimensions.count > 0 {
            last = self.gathered.add(entry.die, DIMENSION, 0);
            self.gathered.outline.dimensions.push(last);
            self.gathered.set_only_child(dimensions.last, u64::from(entry.die));
        }
        self.gathered.mix_into(last, extent.map_or(NO_EXTENT, |extent| mix(extent, 1)));
        if let Some(Inside::Array(dimensions)) = self.parent_mut(entry) {
            dimensions.last = last;
            dimensions.count += 1;
        }
    }

    fn variant(&mut self, entry: Entry) {
        let inside = match (self.parent(entry).map(|frame| frame.inside), entry.plan.tag) {
            (Some(Inside::Type(_)), dw::DW_TAG_variant_part) => {
                Inside::Variants { owner: self.stack.len() - 1 }
            }
            (Some(Inside::Variant { owner, .. }), dw::DW_TAG_variant_part) => Inside::Variants { owner },
            (Some(Inside::Variants { owner }), dw::DW_TAG_variant) => {
                let Some(Inside::Type(open)) = self.stack.get_mut(owner).map(|frame| &mut frame.inside)
                else {
                    return;
                };
                open.variants += 1;
                open.hash = mix(open.hash, open.variants);
                Inside::Variant { owner, number: open.variants }
            }
            _ => Inside::Plain,
        };
        self.push(entry, inside);
    }
}
