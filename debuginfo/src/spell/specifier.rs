//! The innermost type of a declaration: `unsigned int`, `struct node`, `enum { RED, GREEN }`.

use super::{Anonymous, LEFT_OUT, Speller, constant};
use crate::table::{Encoding, Kind, Tag, Type};

impl Speller {
    /// As it is written before the declarator.
    pub(super) fn specifier(&mut self, ty: Option<Type<'_>>) -> String {
        let Some(ty) = ty else { return "void".to_owned() };
        match (ty.kind(), ty.name()) {
            (Kind::Aggregate | Kind::Enumeration(_), Some(name)) => format!("{} {name}", keyword(ty.tag())),
            (Kind::Aggregate, None) => format!("{} {{ {} }}", keyword(ty.tag()), self.members(ty)),
            (Kind::Enumeration(_), None) => format!("enum {{ {} }}", self.enumerators(ty)),
            (Kind::Array { element, .. }, _) if ty.flags().vector => {
                let element = self.declaration(element.filter(|_| self.left > 1), "");
                let bytes = ty.size().unwrap_or(0);
                format!("{element} __attribute__((vector_size({bytes})))")
            }
            (_, Some(name)) => name.to_owned(),
            (Kind::Base(encoding), None) => unnamed_base(encoding, ty.size()),
            (Kind::Unknown, None) => "/* unknown */ void".to_owned(),
            (_, None) => LEFT_OUT.to_owned(),
        }
    }

    fn members(&mut self, ty: Type<'_>) -> String {
        let deeper = self.deeper.checked_sub(1);
        let (Anonymous::WrittenOut, Some(deeper)) = (self.anonymous, deeper) else {
            return LEFT_OUT.to_owned();
        };
        self.deeper = deeper;
        let mut parts = Vec::new();
        for member in ty.members() {
            if !self.may_go_on() {
                parts.push(LEFT_OUT.to_owned());
                break;
            }
            let declaration = self.declaration(member.ty(), member.name().unwrap_or(""));
            parts.push(match member.bit_size() {
                Some(bits) => format!("{declaration} : {bits};"),
                None => format!("{declaration};"),
            });
        }
        self.deeper += 1;
        parts.join(" ")
    }

    fn enumerators(&mut self, ty: Type<'_>) -> String {
        if self.anonymous == Anonymous::LeftOut {
            return LEFT_OUT.to_owned();
        }
        let mut parts = Vec::new();
        // C counts up from the constant before.
        let mut expected = 0;
        for enumerator in ty.enumerators() {
            if !self.may_go_on() {
                parts.push(LEFT_OUT.to_owned());
                break;
            }
            parts.push(if enumerator.value == expected {
                enumerator.name.to_owned()
            } else {
                format!("{} = {}", enumerator.name, constant(enumerator.value, ty))
            });
            expected = enumerator.value.wrapping_add(1);
        }
        parts.join(", ")
    }
}

/// The word before the name.
pub(super) fn keyword(tag: Tag) -> &'static str {
    match tag {
        Tag::Union => "union",
        Tag::Class => "class",
        Tag::Enumeration => "enum",
        _ => "struct",
    }
}

fn unnamed_base(encoding: Encoding, size: Option<u64>) -> String {
    let word = match encoding {
        Encoding::Boolean => "_Bool",
        Encoding::Signed | Encoding::SignedChar => "int",
        Encoding::Unsigned | Encoding::UnsignedChar => "unsigned int",
        Encoding::Float => "float",
        Encoding::ComplexFloat => "complex",
        Encoding::Other => "base type",
    };
    match size {
        Some(size) => format!("/* {} bits */ {word}", size.saturating_mul(8)),
        None => word.to_owned(),
    }
}
