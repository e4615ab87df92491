//! Expressions: values from values, in finite time, with checked arithmetic.

use super::{Hole, Path, Pattern, Symbol, TypeName};
use crate::source::At;

/// How a value comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// A number, also a character.
    Number(u64),
    /// Bytes; C's zero at its end comes by itself where there is room.
    Text(Vec<u8>),
    /// `true`, `false`
    Truth(bool),
    /// `null`
    Null,
    /// `zero`: all bytes zero, of any type.
    Zero,
    /// A name: `old` or an object or parameter of a statement; else a constant, variable or function of the program.
    Name(Symbol),
    /// `a.b`: a member, also of what `a` points to. `from.x`, `to.x`: a variable of that release.
    Member(Box<At<Expression>>, At<String>),
    /// `a[i]`
    Index(Box<At<Expression>>, Box<At<Expression>>),
    /// `a[i .. j]`: elements from `i` up to but not with `j`.
    Slice(Box<At<Expression>>, Box<At<Expression>>, Box<At<Expression>>),
    /// `-a`, `!a`, `~a`, `&a`
    Unary(Unary, Box<At<Expression>>),
    /// `a + b`
    Binary(At<Binary>, Box<At<Expression>>, Box<At<Expression>>),
    /// `a ? b : c`
    Conditional(Box<At<Expression>>, Box<At<Expression>>, Box<At<Expression>>),
    /// `a else b`: `b` if `a` has no value: a number that does not fit, a null pointer on the way, a division by zero, no arm that fits.
    Else(Box<At<Expression>>, Box<At<Expression>>),
    /// `sizeof(conn)`
    SizeOf(At<TypeName>),
    /// `clamp(old.port)`: one of the language's functions, or one that is defined.
    Call(At<String>, Vec<At<Argument>>),
    /// `match old.state { IDLE => 1, _ => 2 }`
    Match {
        /// The value.
        on: Box<At<Expression>>,
        /// The first that fits counts.
        arms: Vec<Arm>,
        /// `_`: for all other values. `None`: there is none, and the update is refused.
        otherwise: Option<Box<At<Expression>>>,
    },
    /// `conn { id = 3 }`, `[1, 2]`: written out.
    Literal(Literal),
    /// Not known yet.
    Hole(Hole),
}

/// One operand's operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unary {
    /// `-`
    Negate,
    /// `!`
    Not,
    /// `~`
    Complement,
    /// `&`
    AddressOf,
}

/// Two operands' operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
    Or,
    ExclusiveOr,
    ShiftLeft,
    ShiftRight,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Both,
    Either,
}

/// What a function is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A value.
    Value(Expression),
    /// `via next`: the member by which elements are linked.
    Via(Path),
}

/// Values, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arm {
    /// One of these.
    pub when: Vec<At<Value>>,
    /// What follows.
    pub then: At<Expression>,
}

/// Values that an arm is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(i128),
    /// `IDLE`, `ngx_http_process_*`: constants of an enumeration, functions, variables.
    Name(Pattern),
    /// `& 4`, `& 7 == 2`: the bits under `mask` are these; without the second, all of them are set.
    Bits {
        /// Bits that are looked at.
        mask: u64,
        /// What they are.
        value: u64,
    },
}

/// An object, or several elements, written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `conn { id = 3 }`: members that are not named are zero, and in what a test expects not looked at.
    Object {
        /// Its type.
        ty: At<TypeName>,
        /// Its members.
        members: Vec<(At<Path>, At<Expression>)>,
    },
    /// `[1, 2]`
    List(Vec<At<Expression>>),
}
