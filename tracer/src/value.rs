//! Values: what a place of a traced process holds, read by its type, and where a pointer in it leads.
//!
//! A [`Value`] is a place in the graph (a root or a block, and an offset) with the type that is read there. From it one goes as C does:
//! to a member, to an element, and through a pointer. A pointer is followed along the graph's edges, never by the word alone: where it
//! leads is what marking has found there.
//!
//! ```no_run
//! # fn show(trace: &mcrx_tracer::trace::Trace<'_>) -> Option<()> {
//! use mcrx_tracer::value::Value;
//!
//! // ngx_cycle->connections[3].fd
//! let cycle = Value::variable(trace, "ngx_cycle")?.target()?;
//! let connection = cycle.member("connections")?.target()?.beside(3)?;
//! println!("{:?} at {:#x}", connection.member("fd")?.scalar()?, connection.address()?);
//! # None
//! # }
//! ```
//!
//! What it does not do: spell values for people, decide between the members of a union (whoever asks for one gets it), or change
//! anything.

use crate::graph::{Edge, Kind as EdgeKind, Node};
use crate::model::Relation;
use crate::roots::{Root, RootKind};
use crate::trace::Trace;
use mcrx_debuginfo::table::{Count, Encoding, Kind, Member, Type};

/// A place in the graph, and the type that is read there.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    trace: &'t Trace<'t>,
    node: Node,
    /// In bytes from the start of the node.
    offset: u64,
    ty: Type<'t>,
    bits: Option<Bits>,
}

/// Where a bit-field is, counted from the least significant bit of the byte at the value's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits {
    /// Bits before it, below 8.
    pub first: u32,
    /// How many it has.
    pub count: u32,
}

/// A number, as C would compute with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// An integer, a character, a truth value, or a constant of an enumeration.
    Integer(i128),
    /// `float` or `double`.
    Float(f64),
    /// A pointer's word, with all its bits.
    Pointer(u64),
}

impl<'t> Value<'t> {
    /// All of a root. `None`: there is no such root, or nothing is known of its type.
    pub fn root(trace: &'t Trace<'t>, number: usize) -> Option<Value<'t>> {
        let node = trace.graph.roots().nth(number)?;
        let ty = trace.model.ty(trace.roots.get(number)?.ty?)?;
        Some(Value { trace, node, offset: 0, ty, bits: None })
    }

    /// The first variable of this name; one that is local to a function is named `function::variable`.
    pub fn variable(trace: &'t Trace<'t>, name: &str) -> Option<Value<'t>> {
        let is_it = |root: &Root| root.kind == RootKind::Variable && root.name == name;
        Value::root(trace, trace.roots.iter().position(is_it)?)
    }

    /// The object that holds a place in a block. `None`: nothing is known of its type.
    pub fn in_block(trace: &'t Trace<'t>, block: u32, offset: u64) -> Option<Value<'t>> {
        let len = trace.blocks.get(block)?.len;
        let object = trace.marked.object_at(trace.model, len, block, offset)?;
        let ty = trace.model.ty(object.ty)?;
        Some(Value { trace, node: Node(block), offset: offset.checked_sub(object.within)?, ty, bits: None })
    }

    /// As it is declared, with typedefs and qualifiers.
    pub fn ty(&self) -> Type<'t> {
        self.ty
    }

    /// What it lies in.
    pub fn node(&self) -> Node {
        self.node
    }

    /// Where in that, in bytes; of a bit-field that of the first byte that holds some of it.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where it lies in its bytes, if it is a bit-field.
    pub fn bits(&self) -> Option<Bits> {
        self.bits
    }

    /// Its address in the process. `None`: it lies in a register, or is known from debug info alone.
    pub fn address(&self) -> Option<u64> {
        let start = match self.trace.graph.block(self.node) {
            Some(block) => self.trace.blocks.get(block)?.address,
            None => {
                let root = self.trace.roots.get(self.trace.graph.root(self.node)?)?;
                root.value.is_none().then_some(root.address)?
            }
        };
        start.checked_add(self.offset)
    }

    /// How many bytes it takes; of a bit-field those that hold some of it.
    pub fn size(&self) -> Option<u64> {
        match self.bits {
            Some(Bits { first, count }) => Some(u64::from((first + count).div_ceil(8))),
            None => self.ty.size(),
        }
    }

    /// Its bytes. `None`: its type has no size, it reaches past what it lies in, or the image does not have them.
    pub fn bytes(&self) -> Option<&'t [u8]> {
        let len = usize::try_from(self.size()?).ok()?;
        let start = usize::try_from(self.offset).ok()?;
        let node = match self.trace.graph.block(self.node) {
            Some(block) => {
                let block = self.trace.blocks.get(block)?;
                self.trace.process.memory.bytes(block.address, usize::try_from(block.len).ok()?)?
            }
            None => {
                let root = self.trace.roots.get(self.trace.graph.root(self.node)?)?;
                root.bytes(self.trace.process)?
            }
        };
        node.get(start..start.checked_add(len)?)
    }

    /// A member of a structure or union by its name, also one inside an anonymous member.
    pub fn member(&self, name: &str) -> Option<Value<'t>> {
        let (bit_offset, member) = self.ty.resolved()?.field(name)?;
        self.part(bit_offset, member)
    }

    /// All members that have names, as [`Value::member`] finds them.
    pub fn members(&self) -> Vec<(&'t str, Value<'t>)> {
        let fields = self.ty.resolved().map(Type::fields).unwrap_or_default();
        let named =
            |(bit_offset, member): (u64, Member<'t>)| Some((member.name()?, self.part(bit_offset, member)?));
        fields.into_iter().filter_map(named).collect()
    }

    fn part(&self, bit_offset: u64, member: Member<'t>) -> Option<Value<'t>> {
        let bits = match member.bit_size() {
            Some(count) => Some(Bits { first: u32::try_from(bit_offset % 8).ok()?, count }),
            None => None,
        };
        let offset = self.offset.checked_add(bit_offset / 8)?;
        Some(Value { offset, ty: member.ty()?, bits, ..*self })
    }

    /// An element of an array; of one whose length the type does not say, any that lies in the same root or block.
    pub fn element(&self, index: u64) -> Option<Value<'t>> {
        let Kind::Array { element: Some(ty), count } = self.ty.resolved()?.kind() else { return None };
        if matches!(count, Count::Exactly(count) if count > 0 && index >= count) {
            return None;
        }
        let offset = index.checked_mul(ty.size()?)?.checked_add(self.offset)?;
        Some(Value { offset, ty, bits: None, ..*self }).filter(|element| element.bytes().is_some())
    }

    /// What lies so many times its own size further on, in the same root or block: `pointer[index]` of what a pointer leads to.
    pub fn beside(&self, index: u64) -> Option<Value<'t>> {
        let offset = index.checked_mul(self.ty.size()?)?.checked_add(self.offset)?;
        Some(Value { offset, bits: None, ..*self }).filter(|other| other.bytes().is_some())
    }

    /// The number that it is. `None`: it is a structure or array, `long double`, complex, or cannot be read.
    pub fn scalar(&self) -> Option<Scalar> {
        let ty = self.ty.resolved()?;
        let is_signed = match ty.kind() {
            Kind::Pointer(_) => return Some(Scalar::Pointer(u64::try_from(self.word()?).ok()?)),
            Kind::Base(Encoding::Float) => return self.float().map(Scalar::Float),
            Kind::Base(Encoding::Signed | Encoding::SignedChar) => true,
            Kind::Base(Encoding::Unsigned | Encoding::UnsignedChar | Encoding::Boolean) => false,
            Kind::Enumeration(_) => !ty.flags().unsigned,
            _ => return None,
        };
        let bits = match self.bits {
            Some(bits) => bits.count,
            None => u32::try_from(ty.size()?).ok()?.checked_mul(8)?,
        };
        let unused = 128_u32.checked_sub(bits)?;
        let word = self.word()?.checked_shl(unused)?;
        // Shifting back fills up with the sign.
        Some(Scalar::Integer(if is_signed {
            word.cast_signed() >> unused
        } else {
            (word >> unused).cast_signed()
        }))
    }

    /// The name of the constant that it is, of an enumeration; of several with one value the first.
    pub fn constant(&self) -> Option<&'t str> {
        let Scalar::Integer(value) = self.scalar()? else { return None };
        let ty = self.ty.resolved()?;
        let is_it = |constant: i64| match ty.flags().unsigned {
            true => i128::from(constant.cast_unsigned()) == value,
            false => i128::from(constant) == value,
        };
        ty.enumerators().find(|enumerator| is_it(enumerator.value)).map(|enumerator| enumerator.name)
    }

    /// The function that it points to: its name, and how far into it, which is 0 of a pointer that code calls.
    pub fn function(&self) -> Option<(&'t str, u64)> {
        match self.scalar()? {
            Scalar::Pointer(word) => self.trace.known.debug.function(self.trace.process, word),
            Scalar::Integer(_) | Scalar::Float(_) => None,
        }
    }

    /// The pointer of the graph that lies here.
    pub fn edge(&self) -> Option<Edge> {
        if self.bits.is_some() {
            return None;
        }
        self.trace.graph.edges(self.node).find(|edge| edge.offset == self.offset)
    }

    /// The object that it points to, for sure: of the type that the pointer says, or, where it says none or a fact says another, of the
    /// one that is there. `None`: it leads nowhere, to just past an object, or into bytes whose type is not known, or may be no pointer.
    pub fn target(&self) -> Option<Value<'t>> {
        let Kind::Pointer(said) = self.ty.resolved()?.kind() else { return None };
        let edge = self.edge()?;
        let said =
            said.filter(|said| edge.kind == EdgeKind::Precise && said.size().is_some_and(|size| size > 0));
        let there = match (edge.kind, self.trace.graph.block(edge.to)) {
            (EdgeKind::Likely | EdgeKind::Disagreeing | EdgeKind::PastEnd, _) => return None,
            (EdgeKind::Precise | EdgeKind::Opaque, Some(block)) => {
                Value::in_block(self.trace, block, edge.to_offset)
            }
            (EdgeKind::Precise | EdgeKind::Opaque, None) => {
                Value::root(self.trace, self.trace.graph.root(edge.to)?)
            }
        };
        let offset = edge.to_offset;
        let said = said.filter(|said| self.is_there(*said, &edge));
        let found = match said {
            Some(ty) => Value { trace: self.trace, node: edge.to, offset, ty, bits: None },
            None => there.filter(|there| there.offset == offset)?,
        };
        found.bytes().map(|_| found)
    }

    /// Whether what a pointer is declared to point to is what is known of the place.
    fn is_there(&self, said: Type<'t>, edge: &Edge) -> bool {
        let Some((block, known)) =
            self.trace.graph.block(edge.to).and_then(|block| Some((block, self.trace.blocks.get(block)?)))
        else {
            return true;
        };
        let (model, marked) = (self.trace.model, &self.trace.marked);
        let Some(claimed) = model.number_in(said.table(), said) else { return true };
        let object = marked.object_at(model, known.len, block, edge.to_offset);
        model.is_number(claimed)
            || object
                .is_some_and(|object| model.relation(object.ty, object.within, claimed) == Relation::Within)
    }

    /// All its bits, as a number without sign. At most 128.
    fn word(&self) -> Option<u128> {
        let bytes = self.bytes()?;
        // A bit-field of 64 bits may touch nine bytes.
        let mut word = [0; 16];
        word.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let word = u128::from_le_bytes(word);
        match self.bits {
            Some(Bits { first, count }) => {
                let mask = 1_u128.checked_shl(count)?.wrapping_sub(1);
                Some(word >> first & mask)
            }
            None => Some(word),
        }
    }

    fn float(&self) -> Option<f64> {
        let bytes = self.bytes()?;
        match bytes.len() {
            4 => bytes.first_chunk().map(|bytes| f64::from(f32::from_le_bytes(*bytes))),
            8 => bytes.first_chunk().map(|bytes| f64::from_le_bytes(*bytes)),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Value { node, offset, ty, bits, .. } = self;
        write!(out, "Value({node:?}+{offset} {ty:?} {bits:?})")
    }
}
