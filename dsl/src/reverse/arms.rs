//! The inverse of a `match`: where each old value has a new one of its own, arms turned round.

use super::inverse::{Given, Inverse, Scope};
use super::spell::{Text, expression, quoted, value};
use crate::rules::{Arm, Expression, Unary, Value};
use crate::source::At;

/// What old values become.
struct Became {
    /// As a value of an arm.
    text: String,
    /// As it was written, where that is no value of an arm.
    comment: Option<String>,
    /// The old values.
    old: Vec<String>,
}

impl<'t> Scope<'_, 't> {
    /// Of a match on an old member. Where several old values became one, which of them it was is left to be said.
    pub(super) fn arms(
        &self,
        path: String,
        arms: &[Arm],
        otherwise: Option<&At<Expression>>,
        given: &Given<'t>,
    ) -> Result<Vec<Inverse>, String> {
        let mut found: Vec<(Option<i128>, Became)> = Vec::new();
        for arm in arms {
            if is_fail(&arm.then.is) {
                continue;
            }
            let (number, text, comment) = self.new_value(&arm.then.is)?;
            for when in &arm.when {
                let old = match &when.is {
                    Value::Number(_) => value(&when.is),
                    Value::Name(name) if !name.is_prefix => value(&when.is),
                    Value::Name(_) | Value::Bits { .. } => {
                        return Err("an arm is for many old values".to_owned());
                    }
                };
                let same = found.iter_mut().find(|(other, became)| match (other, number) {
                    (Some(other), Some(number)) => *other == number,
                    _ => became.text == text,
                });
                match same {
                    Some((_, became)) => became.old.push(old),
                    None => {
                        let became = Became { text: text.clone(), comment: comment.clone(), old: vec![old] };
                        found.push((number, became));
                    }
                }
            }
        }
        let mut lost = Vec::new();
        let last = match otherwise {
            None => None,
            Some(last) if is_fail(&last.is) => Some(format!("_ => {}", expression(&last.is).text)),
            Some(last) => {
                let (number, text, _) = self.new_value(&last.is)?;
                let is_same = |(other, became): &(Option<i128>, Became)| match (other, number) {
                    (Some(other), Some(number)) => *other == number,
                    _ => became.text == text,
                };
                if let Some((_, became)) = found.iter_mut().find(|one| is_same(one)) {
                    became.old.push("another".to_owned());
                } else {
                    found.push((number, Became { text, comment: None, old: Vec::new() }));
                }
                None
            }
        };
        let mut lines = String::new();
        for (_, became) in &found {
            let then = match became.old.as_slice() {
                [one] => one.clone(),
                [] => {
                    lost.push(became.text.clone());
                    format!("todo {}", quoted("many old values became this one: which was it?"))
                }
                several => {
                    lost.push(became.text.clone());
                    format!("todo {}", quoted(&format!("which was it: {}?", several.join(", or "))))
                }
            };
            let comment = became.comment.as_ref().map_or_else(String::new, |text| format!("  // {text}"));
            lines.push_str(&format!("        {} => {then}{comment}\n", became.text));
        }
        lines.extend(last.map(|last| format!("        {last}\n")));
        if found.is_empty() {
            return Err("no arm has a value".to_owned());
        }
        let text = format!("match {} {{\n{lines}    }}", given.value.text);
        let mut inverse = given.inverse(path, Text::of(text));
        if !lost.is_empty() {
            inverse.lost = Some(format!("several old values became {}", lost.join(", ")));
        }
        Ok(vec![inverse])
    }

    /// A constant of the new release: its number, as a value of an arm, and as it was written where that is something else.
    fn new_value(&self, then: &Expression) -> Result<(Option<i128>, String, Option<String>), String> {
        match then {
            Expression::Name(name) if name.unit.is_none() => Ok((self.number(then), name.name.clone(), None)),
            Expression::Null => Ok((None, "null".to_owned(), None)),
            Expression::Truth(truth) => {
                let number = i128::from(*truth);
                Ok((Some(number), number.to_string(), Some(truth.to_string())))
            }
            Expression::Number(number) => Ok((Some(i128::from(*number)), number.to_string(), None)),
            Expression::Unary(Unary::Negate, of) if matches!(of.is, Expression::Number(_)) => {
                let number = self.number(then).ok_or("no number is so small")?;
                Ok((Some(number), number.to_string(), None))
            }
            _ => match self.number(then) {
                Some(number) => Ok((Some(number), number.to_string(), Some(expression(then).text))),
                None => Err("what an arm gives is no constant".to_owned()),
            },
        }
    }
}

fn is_fail(value: &Expression) -> bool {
    matches!(value, Expression::Call(name, _) if name.is == "fail")
}
