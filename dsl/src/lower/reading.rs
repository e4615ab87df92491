//! How a member or pointer reads, for the tracer.

use super::facts::symbol;
use crate::rules::{self, Path, Pattern, ReadingMatch, Step, TypeName, Value};
use crate::source::At;
use mcrx_tracer::facts::{self as traced, Arm, Array, Choice, Reading};

/// `None`: it is an open question.
pub(super) fn reading(said: &rules::Reading) -> Option<Reading> {
    Some(match said {
        rules::Reading::Bytes => Reading::NotAPointer,
        rules::Reading::Pin => Reading::Conservative,
        rules::Reading::Opaque => Reading::Opaque,
        rules::Reading::Retained => Reading::Retained,
        rules::Reading::Declared => Reading::AsDeclared,
        rules::Reading::Member(member) => Reading::Member(path(member)),
        rules::Reading::To { to, tag: None } => Reading::To(type_name(&to.is)),
        rules::Reading::To { to, tag: Some(tag) } => {
            Reading::TaggedTo { bits: tag.is, to: type_name(&to.is) }
        }
        rules::Reading::Tagged(tag) => Reading::Tagged(tag.is),
        rules::Reading::Array { element, count, stride } => Reading::Array(Array {
            element: element.as_ref().map(|element| type_name(&element.is)),
            count: path(&count.is),
            stride: stride.as_ref().map(|stride| path(&stride.is)),
        }),
        // It points to a table of pointers; what each of those leads to is not told apart yet.
        rules::Reading::ByModule(_) => Reading::Opaque,
        rules::Reading::As { reading: of, variant } => {
            Reading::InVariant { variant: variant.is.clone(), reading: Box::new(reading(&of.is)?) }
        }
        rules::Reading::Match(choice) => Reading::Match(Box::new(chosen(choice))),
        rules::Reading::Hole(_) => return None,
    })
}

/// An arm that asks a question leaves things as they are; what no arm is about is read conservatively.
fn chosen(choice: &ReadingMatch) -> Choice<Reading> {
    let arms = choice.arms.iter().map(|arm| Arm {
        when: values(&arm.when),
        then: reading(&arm.then.is).unwrap_or(Reading::AsDeclared),
    });
    Choice {
        on: match &choice.on.is {
            rules::Subject::Member(member) => traced::Subject::Member(path(member)),
            rules::Subject::Global(global) => traced::Subject::Global(path(global)),
            rules::Subject::Bits(bits) => traced::Subject::Bits(*bits),
        },
        arms: arms.collect(),
        otherwise: match &choice.otherwise {
            Some(otherwise) => reading(&otherwise.is).unwrap_or(Reading::AsDeclared),
            None => Reading::Conservative,
        },
    }
}

/// Numbers that no C type has are no value of anything.
pub(super) fn values(values: &[At<Value>]) -> Vec<traced::Pattern> {
    let lowered = |value: &Value| match value {
        Value::Number(number) => {
            let signed = i64::try_from(*number).ok();
            let number = signed.or_else(|| u64::try_from(*number).ok().map(u64::cast_signed))?;
            Some(traced::Pattern::Number(number))
        }
        Value::Name(name) => Some(traced::Pattern::Name(pattern(name))),
        Value::Bits { mask, value } => Some(traced::Pattern::Bits { mask: *mask, value: *value }),
    };
    values.iter().filter_map(|value| lowered(&value.is)).collect()
}

pub(super) fn pattern(pattern: &Pattern) -> String {
    let star = if pattern.is_prefix { "*" } else { "" };
    format!("{}{star}", pattern.name)
}

pub(super) fn path(path: &Path) -> traced::Path {
    let steps = path.steps.iter().map(|step| match &step.is {
        Step::Member(name) => traced::Step::Member(name.clone()),
        Step::Index(index) => traced::Step::Index(*index),
    });
    traced::Path { steps: steps.collect() }
}

/// Without `struct` and lengths of arrays: a pointer to an array is one to its elements.
pub(super) fn type_name(ty: &TypeName) -> String {
    let stars = "*".repeat(usize::try_from(ty.pointers).unwrap_or(usize::MAX).min(8));
    format!("{}{stars}", symbol(&ty.symbol))
}
