//! `match`: which values an arm is for.

use super::{Compiler, compiled};
use crate::diagnostic::Release;
use crate::eval::code::{Code, Test};
use crate::eval::failure::Mistake;
use crate::eval::sort::Sort;
use crate::names;
use crate::rules::{self, Arm, Expression, Pattern};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Address, Storage, Type};
use rustc_hash::FxHashSet;

/// Compiles what follows when an arm is chosen.
pub(super) type Then<'a, 'c, 'r, 't> =
    &'a mut dyn FnMut(&mut Compiler<'c, 'r, 't>, &At<Expression>) -> Result<At<Code>, Mistake>;

impl<'c, 'r, 't> Compiler<'c, 'r, 't> {
    pub(super) fn matching(
        &mut self,
        on: &At<Expression>,
        arms: &[Arm],
        otherwise: Option<&At<Expression>>,
        span: Span,
        then: Then<'_, 'c, 'r, 't>,
    ) -> Result<At<Code>, Mistake> {
        let subject = self.value(on, None)?;
        let mut choices = Vec::new();
        for arm in arms {
            let tests =
                arm.when.iter().map(|value| self.test(value, &subject.sort)).collect::<Result<_, _>>()?;
            choices.push((tests, then(self, &arm.then)?));
        }
        let otherwise = otherwise.map(|otherwise| then(self, otherwise)).transpose()?;
        let code = Code::Match(Box::new(subject.code), choices, otherwise.map(Box::new));
        Ok(compiled(code, span, Sort::Never).code)
    }

    fn test(&self, value: &At<rules::Value>, subject: &Sort<'t>) -> Result<Test, Mistake> {
        let wrong =
            |what: &str| Mistake::new(value.span, format!("{what} never fits {}", subject.describe()));
        match (&value.is, subject) {
            (rules::Value::Number(number), Sort::Integer(_) | Sort::Truth | Sort::Never) => {
                Ok(Test::Integers(FxHashSet::from_iter([*number])))
            }
            (rules::Value::Number(0), Sort::Pointer(..)) => Ok(Test::Null),
            (rules::Value::Bits { mask, value }, Sort::Integer(_) | Sort::Never) => {
                Ok(Test::Bits { mask: *mask, value: *value })
            }
            (rules::Value::Name(pattern), Sort::Truth) => match pattern.name.as_str() {
                "true" => Ok(Test::Truth(true)),
                "false" => Ok(Test::Truth(false)),
                _ => Err(wrong("this name")),
            },
            (rules::Value::Name(pattern), Sort::Integer(of)) => self
                .constants(pattern, *of)
                .map(Test::Integers)
                .ok_or_else(|| no_constant(value.span, pattern)),
            (rules::Value::Name(pattern), Sort::Pointer(..))
                if pattern.name == "null" && !pattern.is_prefix =>
            {
                Ok(Test::Null)
            }
            (rules::Value::Name(pattern), Sort::Pointer(of, _)) => {
                let places = self.places(*of, pattern);
                if places.is_empty() {
                    let star = if pattern.is_prefix { "*" } else { "" };
                    let message = format!("no function or variable is called `{}{star}`", pattern.name);
                    return Err(Mistake::new(value.span, message));
                }
                Ok(Test::Places(places))
            }
            (rules::Value::Name(_), _) => Err(wrong("a name")),
            (rules::Value::Number(_), _) => Err(wrong("a number")),
            (rules::Value::Bits { .. }, _) => Err(wrong("a pattern of bits")),
        }
    }

    /// The values of constants that are called so: of this enumeration, or else of any.
    fn constants(&self, pattern: &Pattern, of: Option<(Release, Type<'t>)>) -> Option<FxHashSet<i128>> {
        let own = of.and_then(|(_, ty)| ty.resolved()).into_iter().flat_map(names::constants);
        let found: FxHashSet<i128> =
            own.filter(|one| names::is_named(pattern, one.name)).map(|one| one.value).collect();
        if !found.is_empty() {
            return Some(found);
        }
        let first = of.map_or(Release::Old, |(release, _)| release);
        let exact = |release| self.lookup(release).constant(&pattern.name).ok();
        let any = (!pattern.is_prefix).then(|| exact(first).or_else(|| exact(first.other()))).flatten()?;
        Some(FxHashSet::from_iter([any.value]))
    }

    /// Where functions and variables begin that are called so.
    fn places(&self, of: Release, pattern: &Pattern) -> FxHashSet<Address> {
        let table = self.lookup(of).table();
        let functions = names::functions_of_pattern(table, pattern).into_iter();
        let entries = functions.filter_map(|function| function.code().map(|(entry, _)| entry));
        let variables = names::variables_of_pattern(table, pattern).into_iter();
        let variables = variables.filter(|variable| variable.storage() == Storage::Static);
        entries.chain(variables.map(|variable| variable.address())).collect()
    }
}

fn no_constant(span: Span, pattern: &Pattern) -> Mistake {
    let star = if pattern.is_prefix { "*" } else { "" };
    Mistake::new(span, format!("no constant of an enumeration is called `{}{star}`", pattern.name))
}
