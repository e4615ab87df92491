//! The inverse of a value: from what the new release's member holds, what the old one's held.
//!
//! | a rule's value | its inverse, given `y` |
//! |---|---|
//! | `x + c`, `x - c`, `c - x`, `-x`, `x ^ c` | `y - c`, `y + c`, `c - y`, `-y`, `y ^ c` |
//! | `x * c`, `x << c` | `y / c`, where it is a multiple of `c`; else the way back is refused |
//! | `clamp(x)`, `x else c` | `y`; what did not fit does not come back, and is told |
//! | `match x { A => B … }` | `match y { B => A … }`, where it is one to one: [`super::arms`] |
//! | `list`, `array`, `alloc`, `text` | [`super::sequences`] |
//!
//! Functions that rules define are looked into. All else has none: more than one old value would do.
//!
//! What it does not do: compute; know in which statement the value stands.

use super::spell::{Binds, Text, expression, quoted};
use crate::names::Constants;
use crate::rules::{Argument, Arm, Binary, Change, Expression, Rules, Step, Symbol, Unary};
use crate::source::At;
use mcrx_debuginfo::table::Type;

/// How deep definitions are looked into. They cannot call themselves; wrong ones may.
const DEEPEST: u32 = 32;

/// What an old member's value is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inverse {
    /// The old member; of a variable its name, and perhaps a member.
    pub(super) path: String,
    /// What it is made from.
    pub(super) value: String,
    /// What of it does not come back, if something may not.
    pub(super) lost: Option<String>,
    /// The member by which a list is linked that this makes: of elements of that type.
    pub(super) link: Option<(String, String)>,
}

/// Where a value's names are looked up.
pub(super) struct Scope<'a, 't> {
    pub(super) rules: &'a Rules,
    /// `old` is this variable; `None`: an object.
    pub(super) variable: Option<&'a str>,
    /// The value of a constant of the new release.
    pub(super) constant: &'a dyn Fn(&str) -> Option<i128>,
    /// The type of an old member, by its path.
    pub(super) old_type: &'a dyn Fn(&str) -> Option<Type<'t>>,
    /// Where the new release has the lengths of sequences: the sequence as it is written, and the member.
    pub(super) lengths: &'a [(String, String)],
}

/// What is known of the new member.
#[derive(Debug, Clone)]
pub(super) struct Given<'t> {
    /// How it is read.
    pub(super) value: Text,
    /// Its type.
    pub(super) ty: Option<Type<'t>>,
    /// What has to be true of it.
    guards: Vec<String>,
    lost: Option<String>,
}

impl<'t> Given<'t> {
    pub(super) fn of(value: impl Into<String>, ty: Option<Type<'t>>) -> Given<'t> {
        Given { value: Text::of(value), ty, guards: Vec::new(), lost: None }
    }

    fn with(&self, value: Text) -> Given<'t> {
        Given { value, ..self.clone() }
    }

    fn losing(&self, what: &str) -> Given<'t> {
        Given { lost: Some(what.to_owned()), ..self.clone() }
    }

    /// As an old member's.
    pub(super) fn inverse(&self, path: String, value: Text) -> Inverse {
        let value = if self.guards.is_empty() {
            value.text
        } else {
            let why = quoted("the new release has made it what it cannot have become from an old value");
            let value = value.within(Binds::Conditional);
            format!("{} ? {value} : fail({why})", self.guards.join(" && "))
        };
        Inverse { path, value, lost: self.lost.clone(), link: None }
    }
}

impl<'t> Scope<'_, 't> {
    /// The old members that can be told from a value. The error says why none can.
    pub(super) fn inverses(&self, value: &Expression, given: &Given<'t>) -> Result<Vec<Inverse>, String> {
        self.invert(value, given, DEEPEST)
    }

    fn invert(&self, value: &Expression, given: &Given<'t>, deeper: u32) -> Result<Vec<Inverse>, String> {
        if let Some(path) = self.path(value) {
            return Ok(vec![given.inverse(path, given.value.clone())]);
        }
        match value {
            Expression::Binary(operator, one, other) => {
                self.binary(operator.is, (&one.is, &other.is), given, deeper)
            }
            Expression::Unary(Unary::Negate, of) => {
                let negative = format!("-{}", given.value.within(Binds::Unary));
                self.invert(&of.is, &given.with(Text { text: negative, binds: Binds::Unary }), deeper)
            }
            Expression::Else(one, _) => {
                let lost = "what had no value, or one that does not fit, has become another";
                self.invert(&one.is, &given.losing(lost), deeper)
            }
            Expression::Call(name, arguments) => self.call(name, arguments, given, deeper),
            Expression::Match { on, arms, otherwise } => {
                let path = self.path(&on.is).ok_or("what it is told by is no member of the old object")?;
                self.arms(path, arms, otherwise.as_deref(), given)
            }
            Expression::Conditional(..) => Err("which of the two it was is not known".to_owned()),
            _ if self.is_about_old(value) => Err("no inverse is known of it".to_owned()),
            _ => Err("it does not depend on what the old release had".to_owned()),
        }
    }

    fn binary(
        &self,
        operator: Binary,
        (one, other): (&Expression, &Expression),
        given: &Given<'t>,
        deeper: u32,
    ) -> Result<Vec<Inverse>, String> {
        let y = &given.value;
        let constants = (self.number(one), self.number(other));
        let ((inner, constant), is_first) = match constants {
            (None, Some(constant)) => ((one, constant), true),
            (Some(constant), None) => ((other, constant), false),
            (None, None) => return Err("it is made of several values".to_owned()),
            (Some(_), Some(_)) => return Err("it does not depend on what the old release had".to_owned()),
        };
        let c = number(constant);
        let before = match (operator, is_first) {
            (Binary::Add, _) => given.with(y.and(Binary::Subtract, &c)),
            (Binary::Subtract, true) => given.with(y.and(Binary::Add, &c)),
            (Binary::Subtract, false) => given.with(c.and(Binary::Subtract, y)),
            (Binary::ExclusiveOr, _) => given.with(y.and(Binary::ExclusiveOr, &c)),
            (Binary::Multiply, _) if constant != 0 => divided(given, &c),
            (Binary::ShiftLeft, true) if (0..64).contains(&constant) => {
                let factor = u32::try_from(constant).ok().and_then(|bits| 1_i128.checked_shl(bits));
                divided(given, &number(factor.unwrap_or(1)))
            }
            (Binary::Divide | Binary::Remainder | Binary::ShiftRight, _) => {
                return Err("what is left of a division is gone".to_owned());
            }
            (Binary::And | Binary::Or, _) => return Err("some of its bits are gone".to_owned()),
            _ => return Err("more than one old value would become it".to_owned()),
        };
        self.invert(inner, &before, deeper)
    }

    fn call(
        &self,
        name: &At<String>,
        arguments: &[At<Argument>],
        given: &Given<'t>,
        deeper: u32,
    ) -> Result<Vec<Inverse>, String> {
        let first = arguments.iter().find_map(|argument| match &argument.is {
            Argument::Value(value) => Some(value),
            Argument::Via(_) => None,
        });
        if let Some(body) = self.defined(&name.is, arguments) {
            let deeper = deeper.checked_sub(1).ok_or("it calls itself")?;
            return self.invert(&body, given, deeper);
        }
        match (name.is.as_str(), first) {
            ("clamp", Some(value)) => {
                let lost = "what did not fit has become the nearest that does";
                self.invert(value, &given.losing(lost), deeper)
            }
            ("list", Some(sequence)) => self.list(sequence, arguments, given),
            ("array", Some(sequence)) => self.array(sequence, given),
            ("alloc", Some(value)) => self.alloc(value, given),
            ("text", Some(value)) => self.text(value, given),
            ("len", _) => Err("how many there were does not tell which".to_owned()),
            ("min" | "max", _) => Err("which of them it was is not known".to_owned()),
            _ => Err("no inverse is known of it".to_owned()),
        }
    }

    /// What a function of the rules' own is, given these arguments.
    fn defined(&self, name: &str, arguments: &[At<Argument>]) -> Option<Expression> {
        let (parameters, body) = self.rules.changes.iter().find_map(|change| match &change.is {
            Change::Define { name: defined, parameters, body } if defined.is == name => {
                Some((parameters, body))
            }
            _ => None,
        })?;
        let values = arguments.iter().filter_map(|argument| match &argument.is {
            Argument::Value(value) => Some(value.clone()),
            Argument::Via(_) => None,
        });
        let given: Vec<(&str, Expression)> =
            parameters.iter().map(|parameter| parameter.is.as_str()).zip(values).collect();
        Some(filled_in(&body.is, &given))
    }

    /// The member of the old object, or of an old variable, that a value is.
    pub(super) fn path(&self, value: &Expression) -> Option<String> {
        match value {
            Expression::Name(Symbol { name, unit: None }) if name == "old" => {
                self.variable.map(ToOwned::to_owned)
            }
            Expression::Member(of, name) => match &of.is {
                Expression::Name(Symbol { name: root, unit: None }) => match (root.as_str(), self.variable) {
                    ("old", None) => Some(name.is.clone()),
                    ("old", Some(variable)) => Some(format!("{variable}.{}", name.is)),
                    ("from", Some(_)) => Some(name.is.clone()),
                    _ => None,
                },
                below => Some(format!("{}.{}", self.path(below)?, name.is)),
            },
            Expression::Index(of, index) => {
                let Expression::Number(index) = index.is else { return None };
                Some(format!("{}[{index}]", self.path(&of.is)?))
            }
            _ => None,
        }
    }

    /// A number that is the same whatever the process holds.
    pub(super) fn number(&self, value: &Expression) -> Option<i128> {
        self.number_within(value, DEEPEST)
    }

    fn number_within(&self, value: &Expression, deeper: u32) -> Option<i128> {
        match value {
            Expression::Call(name, arguments) => {
                self.number_within(&self.defined(&name.is, arguments)?, deeper.checked_sub(1)?)
            }
            Expression::Number(number) => Some(i128::from(*number)),
            Expression::Name(Symbol { name, unit: None }) => (self.constant)(name),
            Expression::Unary(Unary::Negate, of) => self.number_within(&of.is, deeper)?.checked_neg(),
            Expression::Binary(operator, one, other) => {
                let one = self.number_within(&one.is, deeper)?;
                let other = self.number_within(&other.is, deeper)?;
                match operator.is {
                    Binary::Add => one.checked_add(other),
                    Binary::Subtract => one.checked_sub(other),
                    Binary::Multiply => one.checked_mul(other),
                    Binary::ShiftLeft => u32::try_from(other)
                        .ok()
                        .filter(|bits| *bits < 64)
                        .and_then(|bits| one.checked_shl(bits)),
                    Binary::Or => Some(one | other),
                    Binary::And => Some(one & other),
                    Binary::ExclusiveOr => Some(one ^ other),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether a value depends on what the old release had.
    pub(super) fn is_about_old(&self, value: &Expression) -> bool {
        let mut found = false;
        each(value, &mut |part| {
            found |= matches!(part, Expression::Name(Symbol { name, unit: None }) if name == "old" || name == "from");
        });
        found
    }
}

/// A number as it is written.
fn number(number: i128) -> Text {
    let binds = if number < 0 { Binds::Unary } else { Binds::Postfix };
    Text { text: number.to_string(), binds }
}

/// The inverse of a product: of what is no multiple there is none.
fn divided<'t>(given: &Given<'t>, factor: &Text) -> Given<'t> {
    let y = &given.value;
    let mut before = given.with(y.and(Binary::Divide, factor));
    let guard = y.and(Binary::Remainder, factor).and(Binary::Equal, &Text::of("0"));
    before.guards.push(guard.text);
    before
}

/// All parts of an expression, the larger before the smaller.
pub(super) fn each(value: &Expression, then: &mut dyn FnMut(&Expression)) {
    then(value);
    match value {
        Expression::Member(of, _) | Expression::Unary(_, of) => each(&of.is, then),
        Expression::Index(one, other) | Expression::Binary(_, one, other) | Expression::Else(one, other) => {
            each(&one.is, then);
            each(&other.is, then);
        }
        Expression::Slice(one, two, three) | Expression::Conditional(one, two, three) => {
            [one, two, three].iter().for_each(|part| each(&part.is, then));
        }
        Expression::Call(_, arguments) => arguments.iter().for_each(|argument| match &argument.is {
            Argument::Value(value) => each(value, then),
            Argument::Via(_) => {}
        }),
        Expression::Match { on, arms, otherwise } => {
            each(&on.is, then);
            arms.iter().for_each(|arm| each(&arm.then.is, then));
            otherwise.iter().for_each(|otherwise| each(&otherwise.is, then));
        }
        Expression::Literal(crate::rules::Literal::Object { members, .. }) => {
            members.iter().for_each(|(_, value)| each(&value.is, then));
        }
        Expression::Literal(crate::rules::Literal::List(values)) => {
            values.iter().for_each(|value| each(&value.is, then));
        }
        _ => {}
    }
}

/// A definition's body with what it is given in the place of its parameters.
fn filled_in(body: &Expression, given: &[(&str, Expression)]) -> Expression {
    let inner = |of: &At<Expression>| Box::new(At { is: filled_in(&of.is, given), span: of.span });
    match body {
        Expression::Name(Symbol { name, unit: None }) => {
            let value = given.iter().find(|(parameter, _)| parameter == name);
            value.map_or_else(|| body.clone(), |(_, value)| value.clone())
        }
        Expression::Member(of, name) => Expression::Member(inner(of), name.clone()),
        Expression::Unary(operator, of) => Expression::Unary(*operator, inner(of)),
        Expression::Index(one, other) => Expression::Index(inner(one), inner(other)),
        Expression::Binary(operator, one, other) => Expression::Binary(*operator, inner(one), inner(other)),
        Expression::Else(one, other) => Expression::Else(inner(one), inner(other)),
        Expression::Slice(one, two, three) => Expression::Slice(inner(one), inner(two), inner(three)),
        Expression::Conditional(one, two, three) => {
            Expression::Conditional(inner(one), inner(two), inner(three))
        }
        Expression::Call(name, arguments) => {
            let arguments = arguments.iter().map(|argument| match &argument.is {
                Argument::Value(value) => {
                    At { is: Argument::Value(filled_in(value, given)), span: argument.span }
                }
                Argument::Via(_) => argument.clone(),
            });
            Expression::Call(name.clone(), arguments.collect())
        }
        Expression::Match { on, arms, otherwise } => Expression::Match {
            on: inner(on),
            arms: arms.iter().map(|arm| Arm { when: arm.when.clone(), then: *inner(&arm.then) }).collect(),
            otherwise: otherwise.as_ref().map(|otherwise| inner(otherwise)),
        },
        other => other.clone(),
    }
}

/// A path of the language as it is written, without what is put in front of it.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for name in path.split('.') {
        let mut parts = name.split('[');
        steps.extend(parts.next().map(|name| Step::Member(name.to_owned())));
        let indices = parts.filter_map(|index| index.trim_end_matches(']').parse().ok());
        steps.extend(indices.map(Step::Index));
    }
    steps
}

/// A sequence as [`Scope::lengths`] has it.
pub(super) fn sequence(value: &Expression) -> String {
    expression(value).text
}

/// The number of a constant, if all enumerations that have one of that name agree.
pub(super) fn number_of(constants: &Constants<'_>, name: &str) -> Option<i128> {
    let (first, others) = constants.named(name).split_first()?;
    others.iter().all(|other| other.value == first.value).then_some(first.value)
}
