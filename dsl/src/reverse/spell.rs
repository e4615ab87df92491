//! Parts of rules as text, from plain data: what is derived stands nowhere yet.
//!
//! What it does not do: lay text out. `fmt` does.

use crate::check::operators::spelt;
use crate::rules::{
    Argument, Binary, Expression, Keyword, Literal, Path, Pattern, Step, Symbol, TypeName, Unary, Value,
};

/// How tight an operator binds: what binds less is put in brackets where it is an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Binds {
    Else,
    Conditional,
    Or,
    And,
    Comparison,
    Bits,
    Shift,
    Sum,
    Product,
    Unary,
    Postfix,
}

/// An expression in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) binds: Binds,
}

impl Text {
    /// Something that needs no brackets anywhere.
    pub(super) fn of(text: impl Into<String>) -> Text {
        Text { text: text.into(), binds: Binds::Postfix }
    }

    /// As an operand of something that binds like this.
    pub(super) fn within(&self, binds: Binds) -> String {
        if self.binds < binds { format!("({})", self.text) } else { self.text.clone() }
    }

    /// `self operator other`
    pub(super) fn and(&self, operator: Binary, other: &Text) -> Text {
        let binds = binds(operator);
        let next = tighter(binds);
        // Bits of different operators are not mixed without brackets, and comparisons not repeated.
        let first = if matches!(binds, Binds::Bits | Binds::Comparison) { next } else { binds };
        let text = format!("{} {} {}", self.within(first), spelt(operator), other.within(next));
        Text { text, binds }
    }
}

/// An expression.
pub(super) fn expression(expression: &Expression) -> Text {
    let operand = |of: &Expression| self::expression(of).within(Binds::Postfix);
    let plain = |of: &Expression| self::expression(of).text;
    match expression {
        Expression::Number(number) => Text::of(number.to_string()),
        Expression::Text(bytes) => Text::of(bytes_quoted(bytes)),
        Expression::Truth(truth) => Text::of(truth.to_string()),
        Expression::Null => Text::of("null"),
        Expression::Zero => Text::of("zero"),
        Expression::Name(name) => Text::of(symbol(name)),
        Expression::Member(of, name) => Text::of(format!("{}.{}", operand(&of.is), name.is)),
        Expression::Index(of, index) => Text::of(format!("{}[{}]", operand(&of.is), plain(&index.is))),
        Expression::Slice(of, from, to) => {
            Text::of(format!("{}[{} .. {}]", operand(&of.is), plain(&from.is), plain(&to.is)))
        }
        Expression::Unary(operator, of) => {
            let sign = match operator {
                Unary::Negate => "-",
                Unary::Not => "!",
                Unary::Complement => "~",
                Unary::AddressOf => "&",
            };
            let text = format!("{sign}{}", self::expression(&of.is).within(Binds::Unary));
            Text { text, binds: Binds::Unary }
        }
        Expression::Binary(operator, one, other) => {
            self::expression(&one.is).and(operator.is, &self::expression(&other.is))
        }
        Expression::Conditional(condition, yes, no) => {
            let condition = self::expression(&condition.is).within(Binds::Or);
            let text = format!("{condition} ? {} : {}", plain(&yes.is), plain(&no.is));
            Text { text, binds: Binds::Conditional }
        }
        Expression::Else(one, other) => {
            let one = self::expression(&one.is).within(Binds::Conditional);
            Text { text: format!("{one} else {}", plain(&other.is)), binds: Binds::Else }
        }
        Expression::SizeOf(ty) => Text::of(format!("sizeof({})", type_name(&ty.is))),
        Expression::Call(name, arguments) => {
            let arguments: Vec<String> = arguments
                .iter()
                .map(|argument| match &argument.is {
                    Argument::Value(value) => plain(value),
                    Argument::Via(via) => format!("via {}", path(via)),
                })
                .collect();
            Text::of(format!("{}({})", name.is, arguments.join(", ")))
        }
        Expression::Match { on, arms, otherwise } => {
            let mut lines = String::new();
            for arm in arms {
                let when: Vec<String> = arm.when.iter().map(|when| value(&when.is)).collect();
                lines.push_str(&format!("{} => {}\n", when.join(", "), plain(&arm.then.is)));
            }
            if let Some(otherwise) = otherwise {
                lines.push_str(&format!("_ => {}\n", plain(&otherwise.is)));
            }
            Text::of(format!("match {} {{\n{lines}}}", plain(&on.is)))
        }
        Expression::Literal(Literal::Object { ty, members }) => {
            let members =
                members.iter().map(|(to, value)| format!("{} = {}", path(&to.is), plain(&value.is)));
            let members: Vec<String> = members.collect();
            Text::of(format!("{} {{ {} }}", type_name(&ty.is), members.join(", ")))
        }
        Expression::Literal(Literal::List(values)) => {
            let values: Vec<String> = values.iter().map(|value| plain(&value.is)).collect();
            Text::of(format!("[{}]", values.join(", ")))
        }
        Expression::Hole(hole) => Text::of(format!("todo {}", quoted(&hole.why.is))),
    }
}

/// What an arm is for.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Name(Pattern { name, is_prefix }) => format!("{name}{}", if *is_prefix { "*" } else { "" }),
        Value::Bits { mask, value } if mask == value => format!("& {mask}"),
        Value::Bits { mask, value } => format!("& {mask} == {value}"),
    }
}

pub(super) fn symbol(symbol: &Symbol) -> String {
    match &symbol.unit {
        Some(unit) => format!("{}@{}", symbol.name, quoted(unit)),
        None => symbol.name.clone(),
    }
}

pub(super) fn path(path: &Path) -> String {
    let mut text = String::new();
    for step in &path.steps {
        match &step.is {
            Step::Member(name) if text.is_empty() => text.push_str(name),
            Step::Member(name) => text.push_str(&format!(".{name}")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

pub(super) fn type_name(ty: &TypeName) -> String {
    let keyword = match ty.keyword {
        Some(Keyword::Struct) => "struct ",
        Some(Keyword::Union) => "union ",
        Some(Keyword::Enum) => "enum ",
        None => "",
    };
    let stars = "*".repeat(usize::try_from(ty.pointers).unwrap_or_default());
    let stars = if stars.is_empty() { stars } else { format!(" {stars}") };
    let arrays: String = ty.arrays.iter().map(|count| format!("[{count}]")).collect();
    format!("{keyword}{}{stars}{arrays}", symbol(&ty.symbol))
}

/// A string of the language.
pub(super) fn quoted(text: &str) -> String {
    bytes_quoted(text.as_bytes())
}

fn bytes_quoted(bytes: &[u8]) -> String {
    let mut quoted = String::from("\"");
    for piece in bytes.utf8_chunks() {
        for letter in piece.valid().chars() {
            match letter {
                '"' | '\\' => quoted.extend(['\\', letter]),
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                letter if letter.is_ascii_control() => {
                    quoted.push_str(&format!("\\x{:02x}", u32::from(letter)))
                }
                letter => quoted.push(letter),
            }
        }
        piece.invalid().iter().for_each(|byte| quoted.push_str(&format!("\\x{byte:02x}")));
    }
    quoted.push('"');
    quoted
}

fn binds(operator: Binary) -> Binds {
    match operator {
        Binary::Either => Binds::Or,
        Binary::Both => Binds::And,
        Binary::Equal
        | Binary::NotEqual
        | Binary::Less
        | Binary::LessOrEqual
        | Binary::Greater
        | Binary::GreaterOrEqual => Binds::Comparison,
        Binary::And | Binary::Or | Binary::ExclusiveOr => Binds::Bits,
        Binary::ShiftLeft | Binary::ShiftRight => Binds::Shift,
        Binary::Add | Binary::Subtract => Binds::Sum,
        Binary::Multiply | Binary::Divide | Binary::Remainder => Binds::Product,
    }
}

fn tighter(binds: Binds) -> Binds {
    match binds {
        Binds::Else => Binds::Conditional,
        Binds::Conditional => Binds::Or,
        Binds::Or => Binds::And,
        Binds::And => Binds::Comparison,
        Binds::Comparison => Binds::Bits,
        Binds::Bits => Binds::Shift,
        Binds::Shift => Binds::Sum,
        Binds::Sum => Binds::Product,
        Binds::Product => Binds::Unary,
        Binds::Unary | Binds::Postfix => Binds::Postfix,
    }
}
