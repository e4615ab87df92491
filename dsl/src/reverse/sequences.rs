//! Inverses of what makes blocks, arrays and lists: an array from a list and a list from an array, a buffer from a pointer.

use super::inverse::{Given, Inverse, Scope, sequence, steps};
use super::spell::{Text, path};
use crate::rules::{Argument, Expression, Step};
use crate::source::At;
use mcrx_debuginfo::table::{Count, Kind, Type};

impl<'t> Scope<'_, 't> {
    /// `list(old.a[0 .. old.n], via next)`: the array's elements are the list's, and its length is how many there are.
    pub(super) fn list(
        &self,
        of: &Expression,
        arguments: &[At<Argument>],
        given: &Given<'t>,
    ) -> Result<Vec<Inverse>, String> {
        let via = arguments.iter().find_map(|argument| match &argument.is {
            Argument::Via(via) => Some(path(via)),
            Argument::Value(_) => None,
        });
        let via = via.ok_or("it says no link")?;
        let chain = Text::of(format!("chain({}, via {via})", given.value.text));
        let (array, length) = match of {
            Expression::Slice(array, first, last) if first.is == Expression::Number(0) => {
                (self.path(&array.is), self.path(&last.is))
            }
            whole => (self.path(whole), None),
        };
        let array = array.ok_or("the list was made of several things")?;
        let length = length.map(|length| {
            let value = Text::of(format!("len({})", chain.text));
            given.inverse(length, value)
        });
        let elements = match array_of(self.type_of(&array)) {
            Some(_) => chain,
            None => Text::of(format!("array({})", chain.text)),
        };
        Ok([given.inverse(array, elements)].into_iter().chain(length).collect())
    }

    /// `array(chain(old.first, via next))`: the list's elements are the array's.
    pub(super) fn array(&self, of: &Expression, given: &Given<'t>) -> Result<Vec<Inverse>, String> {
        let Expression::Call(name, arguments) = of else {
            return Err("the array was made of several things".to_owned());
        };
        let (Some(first), Some(via)) = (
            arguments.iter().find_map(|argument| match &argument.is {
                Argument::Value(value) => Some(value),
                Argument::Via(_) => None,
            }),
            arguments.iter().find_map(|argument| match &argument.is {
                Argument::Via(via) => Some(path(via)),
                Argument::Value(_) => None,
            }),
        ) else {
            return Err("the array was made of several things".to_owned());
        };
        let first = self.path(first).filter(|_| name.is == "chain");
        let first = first.ok_or("the array was made of several lists")?;
        let written = sequence(of);
        let length = self.lengths.iter().find(|(sequence, _)| *sequence == written);
        let elements = match (length, array_of(given.ty)) {
            (Some((_, length)), _) => format!("{}[0 .. {length}]", given.value.text),
            (None, Some(_)) => given.value.text.clone(),
            (None, None) => return Err("nothing says how many elements the array has".to_owned()),
        };
        let element = self.type_of(&first).and_then(pointee).and_then(|ty| ty.name().map(ToOwned::to_owned));
        let mut inverse = given.inverse(first, Text::of(format!("list({elements}, via {via})")));
        inverse.link = element.map(|element| (element, via));
        Ok(vec![inverse])
    }

    /// `alloc(old.a)`: what is in the block.
    pub(super) fn alloc(&self, of: &Expression, given: &Given<'t>) -> Result<Vec<Inverse>, String> {
        let path = self.path(of).ok_or("the block was made of several things")?;
        let y = &given.value.text;
        let value = match array_of(self.type_of(&path)) {
            // Whatever room the new release gives to texts, up to their ends they are the same.
            Some((element, count)) if element.size() == Some(1) => {
                format!("text({y}) else {y}[0 .. {count}]")
            }
            Some((_, count)) => format!("{y}[0 .. {count}]"),
            None => format!("{y}[0]"),
        };
        Ok(vec![given.inverse(path, Text::of(value))])
    }

    /// `text(old.a)`: the same text.
    pub(super) fn text(&self, of: &Expression, given: &Given<'t>) -> Result<Vec<Inverse>, String> {
        let path = self.path(of).ok_or("the text was made of several things")?;
        let value = format!("text({})", given.value.text);
        Ok(vec![given.inverse(path, Text::of(value))])
    }

    fn type_of(&self, path: &str) -> Option<Type<'t>> {
        (self.old_type)(path).and_then(Type::resolved)
    }
}

/// Of an array: its elements' type and their number.
pub(super) fn array_of(ty: Option<Type<'_>>) -> Option<(Type<'_>, u64)> {
    match ty.and_then(Type::resolved)?.kind() {
        Kind::Array { element: Some(element), count: Count::Exactly(count) } if count > 0 => {
            Some((element.resolved()?, count))
        }
        _ => None,
    }
}

/// What a pointer leads to.
pub(super) fn pointee(ty: Type<'_>) -> Option<Type<'_>> {
    match ty.kind() {
        Kind::Pointer(to) => to.and_then(Type::resolved),
        _ => None,
    }
}

/// Where a path leads from a type, through members alone; below typedefs.
pub(super) fn below<'t>(ty: Type<'t>, path: &str) -> Option<Type<'t>> {
    declared(ty, path).and_then(Type::resolved)
}

/// The same as it is declared.
pub(super) fn declared<'t>(ty: Type<'t>, path: &str) -> Option<Type<'t>> {
    let mut current = ty;
    for step in steps(path) {
        let outer = current.resolved()?;
        current = match step {
            Step::Member(name) => outer.field(&name)?.1.ty()?,
            Step::Index(_) => match outer.kind() {
                Kind::Array { element, .. } => element?,
                _ => return None,
            },
        };
    }
    Some(current)
}
