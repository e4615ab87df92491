//! How a value of one type becomes one of another: what is automatic.

use super::super::conversion::{Alternative, Stopped, alternatives, is_text};
use super::super::place::members;
use super::super::said::Said;
use super::super::{About, Asked, Constants, Conversion, Elements, Number, Place, Pointee};
use super::Making;
use super::members::List;
use mcrx_debuginfo::table::{Count, Encoding, Kind, Tag, Type};

/// How deep arrays and anonymous structures are followed. Real ones are a few levels deep; damaged debug info has circles.
const DEEPEST: u32 = 32;

/// Two types with the bits of a bit-field, or none.
type Sides<'t> = [(Type<'t>, Option<u32>); 2];

impl From<Stopped> for Asked<'_> {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Retyped => Asked::Retyped,
            Stopped::Narrowed => Asked::Narrowed,
            Stopped::Shrunk => Asked::Shrunk,
        }
    }
}

impl<'t> Making<'_, 't> {
    /// One member.
    pub(in super::super) fn convert(
        &mut self,
        list: &List<'_, 't>,
        from: &Place<'t>,
        to: &Place<'t>,
    ) -> Result<Conversion<'t>, Stopped> {
        // A member that came to share its bytes with others, or no longer does.
        if from.alternatives.is_empty() != to.alternatives.is_empty() {
            return Err(Stopped::Retyped);
        }
        let prefix = prefix(to);
        self.of_types(list, (from.ty, from.bit_size), (to.ty, to.bit_size), &prefix, DEEPEST)
    }

    fn of_types(
        &mut self,
        list: &List<'_, 't>,
        (old, old_bits): (Option<Type<'t>>, Option<u32>),
        (new, new_bits): (Option<Type<'t>>, Option<u32>),
        prefix: &str,
        deeper: u32,
    ) -> Result<Conversion<'t>, Stopped> {
        let Some(deeper) = deeper.checked_sub(1) else { return Err(Stopped::Retyped) };
        let (Some(old), Some(new)) = (old.and_then(Type::resolved), new.and_then(Type::resolved)) else {
            return Err(Stopped::Retyped);
        };
        let sides = [(old, old_bits), (new, new_bits)];
        match (old.kind(), new.kind()) {
            (Kind::Base(one), Kind::Base(other)) => number(sides, one, other),
            (Kind::Enumeration(_), Kind::Enumeration(_)) => self.enumeration(sides),
            (Kind::Pointer(one), Kind::Pointer(other)) => {
                self.pointee(one, other, DEEPEST).map(Conversion::Pointer).ok_or(Stopped::Retyped)
            }
            (Kind::PointerToMember(_), Kind::PointerToMember(_)) => self
                .relation
                .of(Some(old), Some(new))
                .is_none_or(|how| how.is_spelling())
                .then_some(Conversion::Same)
                .ok_or(Stopped::Retyped),
            (Kind::Array { element: one, count: few }, Kind::Array { element: other, count: many }) => {
                let inner = format!("{}[].", prefix.trim_end_matches('.'));
                let element = self.of_types(list, (one, None), (other, None), &inner, deeper)?;
                array(element, (one, few), (other, many))
            }
            (Kind::Aggregate, Kind::Aggregate) => self.aggregate(list, old, new, prefix),
            (Kind::Unknown, Kind::Unknown) if old.size() == new.size() => Ok(Conversion::Same),
            _ => Err(Stopped::Retyped),
        }
    }

    fn enumeration(&mut self, [old, new]: Sides<'t>) -> Result<Conversion<'t>, Stopped> {
        let ((old, old_bits), (new, new_bits)) = (old, new);
        let paired = self.of_old.get(&old.id()).filter(|id| self.of_new.get(&new.id()) == Some(id));
        if let (Some(pair), None, None) = (paired, old_bits, new_bits) {
            return Ok(Conversion::Pair(*pair));
        }
        let is_one = paired.is_some() || old.name().is_none() && new.name().is_none();
        let numbers = Number::of(old, old_bits).zip(Number::of(new, new_bits)).filter(|_| is_one);
        let (from, to) = numbers.ok_or(Stopped::Retyped)?;
        let constants = Constants::between(old, new);
        if paired.is_none() && !constants.gone.is_empty() {
            return Err(Stopped::Retyped);
        }
        Ok(Conversion::Constants(constants, from, to))
    }

    /// What both pointers lead to. `None`: different things.
    fn pointee(&mut self, old: Option<Type<'t>>, new: Option<Type<'t>>, deeper: u32) -> Option<Pointee> {
        let deeper = deeper.checked_sub(1)?;
        let (old, new) = (old.and_then(Type::resolved), new.and_then(Type::resolved));
        // `void *` leads to whatever it led to.
        let (Some(old), Some(new)) = (old, new) else { return Some(Pointee::Opaque) };
        if let Some(pair) = self.of_old.get(&old.id()).filter(|id| self.of_new.get(&new.id()) == Some(id)) {
            return match (self.beside.get(&new.id()), self.merged.contains(&old.id())) {
                (None, _) => Some(Pointee::Pair(*pair)),
                (Some(index), false) => Some(Pointee::Beside(*pair, *index)),
                // Of what is merged nothing is split off again.
                (Some(_), true) => None,
            };
        }
        match (old.kind(), new.kind()) {
            // The new release's function of that name is called through it, whatever it takes.
            (Kind::Function(_), Kind::Function(_)) => Some(Pointee::Function),
            _ if is_text(old) && is_text(new) => Some(Pointee::Text),
            (Kind::Base(_), Kind::Base(_)) => (old.size() == new.size()).then_some(Pointee::Other),
            (Kind::Pointer(one), Kind::Pointer(other))
            | (Kind::Array { element: one, .. }, Kind::Array { element: other, .. }) => {
                let below = self.pointee(one, other, deeper);
                below.filter(|below| !matches!(below, Pointee::Beside(..))).map(|_| Pointee::Other)
            }
            _ => {
                let difference = self.relation.of(Some(old), Some(new));
                difference.is_none_or(|how| how.is_spelling()).then_some(Pointee::Other)
            }
        }
    }

    fn aggregate(
        &mut self,
        list: &List<'_, 't>,
        old: Type<'t>,
        new: Type<'t>,
        prefix: &str,
    ) -> Result<Conversion<'t>, Stopped> {
        let pairs = (self.of_old.get(&old.id()), self.of_new.get(&new.id()));
        match pairs {
            (Some(one), Some(other)) if one == other => return Ok(Conversion::Pair(*one)),
            (None, None) if old.name().is_none() && new.name().is_none() => {}
            // Of the same name, and in one release only declared.
            (None, None) if old.name() == new.name() && old.size() == new.size() => {
                return Ok(Conversion::Same);
            }
            _ => return Err(Stopped::Retyped),
        }
        match (old.tag() == Tag::Union, new.tag() == Tag::Union) {
            (true, true) => Ok(Conversion::Union(self.alternatives(list.about, old, new, prefix, list.said))),
            (false, false) => {
                let before: Vec<_> = members(old, prefix).into_iter().map(|place| (0, place)).collect();
                let after = members(new, prefix);
                Ok(Conversion::Members(self.pair_up(list, &before, after, &mut Vec::new())))
            }
            _ => Err(Stopped::Retyped),
        }
    }

    /// The members of two unions. What is inside them is not asked about: which of them counts is.
    pub(super) fn alternatives(
        &mut self,
        about: About<'t>,
        old: Type<'t>,
        new: Type<'t>,
        prefix: &str,
        said: &Said<'t>,
    ) -> Vec<Alternative<'t>> {
        let list = List { about, said, is_union: false, old: &[] };
        alternatives(old, new, prefix, |old, new| {
            let asked = self.questions.len();
            let conversion = match self.convert(&list, old, new) {
                // Rules have no word for one of several: what does not fit is refused when it is met.
                Err(Stopped::Narrowed) => narrower(old, new),
                found => found.ok(),
            };
            let conversion = conversion.filter(|_| self.questions.len() == asked);
            self.questions.truncate(asked);
            conversion
        })
    }
}

fn prefix(place: &Place<'_>) -> String {
    match place.path.rsplit_once('.') {
        // The members of an unnamed union have its own prefix.
        Some((outer, _)) if !place.alternatives.is_empty() => format!("{outer}."),
        None if !place.alternatives.is_empty() || place.path.is_empty() => String::new(),
        _ => format!("{}.", place.path),
    }
}

fn number<'t>(
    [(old, old_bits), (new, new_bits)]: Sides<'t>,
    one: Encoding,
    other: Encoding,
) -> Result<Conversion<'t>, Stopped> {
    let plain = old_bits.is_none() && new_bits.is_none();
    let (Some(from), Some(to)) = (Number::of(old, old_bits), Number::of(new, new_bits)) else {
        // Complex numbers, and what has no name here.
        let is_same = one == other && old.size() == new.size() && plain;
        return is_same.then_some(Conversion::Same).ok_or(Stopped::Retyped);
    };
    if from.is_float && !to.is_float {
        return Err(Stopped::Retyped);
    }
    let is_truth = |encoding, bits: Option<u32>| encoding == Encoding::Boolean || bits == Some(1);
    if !from.fits(to) || is_truth(other, new_bits) && !is_truth(one, old_bits) {
        return Err(Stopped::Narrowed);
    }
    Ok(if plain && from.bits == to.bits && from.is_float == to.is_float {
        Conversion::Same
    } else {
        Conversion::Number { from, to }
    })
}

fn narrower<'t>(old: &Place<'t>, new: &Place<'t>) -> Option<Conversion<'t>> {
    let (from, to) = (Number::of(old.resolved()?, old.bit_size)?, Number::of(new.resolved()?, new.bit_size)?);
    Some(Conversion::Number { from, to })
}

fn array<'t>(
    element: Conversion<'t>,
    (old, few): (Option<Type<'t>>, Count),
    (new, many): (Option<Type<'t>>, Count),
) -> Result<Conversion<'t>, Stopped> {
    let elements = |count, ty: Option<Type<'t>>| Elements {
        count: match count {
            Count::Exactly(count) if count > 0 => Some(count),
            _ => None,
        },
        stride: ty.and_then(Type::size).unwrap_or(0),
    };
    let (from, to) = (elements(few, old), elements(many, new));
    match (from.count, to.count) {
        (None, None) => {}
        (Some(few), Some(many)) if few <= many => {}
        (Some(_), Some(_)) => return Err(Stopped::Shrunk),
        _ => return Err(Stopped::Retyped),
    }
    if matches!(element, Conversion::Same) && from == to {
        return Ok(Conversion::Same);
    }
    Ok(Conversion::Array { element: Box::new(element), from, to })
}
