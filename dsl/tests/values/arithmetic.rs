//! Operators, against Rust's checked ones.

use super::world::{Block, table};
use mcrx_debuginfo::table::Table;
use mcrx_dsl::eval::run::NoMigration;
use mcrx_dsl::eval::{Compiler, Definitions, Lookup, Machine, NoPairs, Reason, Value};
use mcrx_dsl::rules::{Binary, Expression, Rules, Unary};
use mcrx_dsl::source::{At, FileId, Span};
use proptest::prelude::*;
use std::sync::LazyLock;

static EMPTY: LazyLock<Table> = LazyLock::new(|| table("int unused;"));

fn at<T>(is: T) -> At<T> {
    At { is, span: Span { file: FileId(0), start: 0, end: 0 } }
}

/// A number as it is written: what is below zero with a minus before it.
fn number(number: i128) -> At<Expression> {
    let size = Expression::Number(u64::try_from(number.unsigned_abs()).unwrap());
    if number < 0 { at(Expression::Unary(Unary::Negate, Box::new(at(size)))) } else { at(size) }
}

fn value(expression: &At<Expression>) -> Result<Value, Reason> {
    let rules = Rules::default();
    let definitions = Definitions::of(&rules);
    let lookup = Lookup::new(&EMPTY);
    let mut pairs = NoPairs;
    let mut compiler = Compiler::new(&definitions, &lookup, &lookup, &mut pairs);
    let compiled = compiler.value(expression, None).unwrap();
    let world = Block(Vec::new());
    Machine::new(&world, &NoMigration).value(&compiled.code).map_err(|failure| *failure.reason)
}

fn numbers() -> impl Strategy<Value = i128> {
    (any::<i64>(), 0_u32..64).prop_map(|(number, shift)| i128::from(number >> shift))
}

proptest! {
    #[test]
    fn operators_give_what_rust_gives(one in numbers(), other in numbers(), third in numbers()) {
        let shift = u32::try_from(other).ok().filter(|bits| *bits < 128);
        let expected = [
            (Binary::Add, one.checked_add(other)),
            (Binary::Subtract, one.checked_sub(other)),
            (Binary::Multiply, one.checked_mul(other)),
            (Binary::Divide, one.checked_div(other)),
            (Binary::Remainder, one.checked_rem(other)),
            (Binary::And, Some(one & other)),
            (Binary::Or, Some(one | other)),
            (Binary::ExclusiveOr, Some(one ^ other)),
            (Binary::ShiftRight, shift.map(|bits| one >> bits)),
            (Binary::ShiftLeft, shift.and_then(|bits| one.checked_mul(1_i128.checked_shl(bits)?)
                .filter(|_| bits < 127 || one == 0))),
        ];
        for (operator, want) in expected {
            let expression = at(Expression::Binary(at(operator), Box::new(number(one)), Box::new(number(other))));
            let found = value(&expression);
            match want {
                Some(want) => prop_assert_eq!(found, Ok(Value::Integer(want)), "{:?}", operator),
                None => {
                    prop_assert!(matches!(found, Err(Reason::Overflow | Reason::DivisionByZero)), "{:?} {:?}", operator, found);
                    // `else` takes over.
                    let instead = at(Expression::Else(Box::new(expression), Box::new(number(third))));
                    prop_assert_eq!(value(&instead), Ok(Value::Integer(third)));
                }
            }
        }
    }

    #[test]
    fn comparisons_give_what_rust_gives(one in numbers(), other in numbers()) {
        let expected = [
            (Binary::Equal, one == other),
            (Binary::NotEqual, one != other),
            (Binary::Less, one < other),
            (Binary::LessOrEqual, one <= other),
            (Binary::Greater, one > other),
            (Binary::GreaterOrEqual, one >= other),
        ];
        for (operator, want) in expected {
            let expression = at(Expression::Binary(at(operator), Box::new(number(one)), Box::new(number(other))));
            prop_assert_eq!(value(&expression), Ok(Value::Truth(want)));
        }
    }

    #[test]
    fn products_that_are_too_large_for_128_bits_are_refused(one: u64, other: u64, third: u64) {
        let product = |a, b| at(Expression::Binary(at(Binary::Multiply), Box::new(a), Box::new(b)));
        let expression = product(product(number(one.into()), number(other.into())), number(third.into()));
        let want = (i128::from(one)).checked_mul(other.into()).and_then(|all| all.checked_mul(third.into()));
        match want {
            Some(want) => prop_assert_eq!(value(&expression), Ok(Value::Integer(want))),
            None => prop_assert_eq!(value(&expression), Err(Reason::Overflow)),
        }
    }
}
