//! What numbers, characters, strings and times are worth.
//!
//! What it does not do: report. Why a token is worth nothing is a [`Flaw`]; the parser says it once, and who builds rules skips it.

/// Why a token has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    /// There is no digit of this base where one is to be.
    Digits { base: u32 },
    /// More than 64 bits.
    TooLarge,
    /// No quote at its end.
    Open,
    /// No character, or several.
    NotOne,
    /// What follows a backslash, from this byte on, is nothing known.
    Escape { at: usize, length: usize },
    /// None of `ms`, `s`, `min`.
    Unit,
}

/// `12`, `0x1f`, `0b11`, `017`, each with `_`.
pub(super) fn number(text: &str) -> Result<u64, Flaw> {
    let (digits, base) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..), 16),
        [b'0', b'b' | b'B', ..] => (text.get(2..), 2),
        [b'0', _, ..] => (text.get(1..), 8),
        _ => (Some(text), 10),
    };
    let mut value: Option<u64> = Some(0);
    let mut any = false;
    for c in digits.unwrap_or("").chars().filter(|c| *c != '_') {
        let digit = c.to_digit(base).ok_or(Flaw::Digits { base })?;
        any = true;
        value = value
            .and_then(|value| value.checked_mul(u64::from(base)))
            .and_then(|value| value.checked_add(u64::from(digit)));
    }
    // `0_` is a zero, `0x` is nothing.
    if !any && base != 8 {
        return Err(Flaw::Digits { base });
    }
    value.ok_or(Flaw::TooLarge)
}

/// `5ms`, `5s`, `5min`, in milliseconds.
pub(super) fn duration(text: &str) -> Result<u64, Flaw> {
    let (count, unit) = split_duration(text);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        _ => return Err(Flaw::Unit),
    };
    number(count)?.checked_mul(milliseconds).ok_or(Flaw::TooLarge)
}

/// Its digits, and its unit.
pub(super) fn split_duration(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count();
    text.split_at_checked(digits).unwrap_or((text, ""))
}

/// The bytes of a string, quotes and all escapes resolved.
pub(super) fn string(text: &str) -> Result<Vec<u8>, Flaw> {
    let inner = between(text, '"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            let at = text.len() - 1 - rest.len();
            let (byte, length) = escape(rest).map_err(|length| Flaw::Escape { at, length })?;
            bytes.push(byte);
            rest = rest.get(length..).unwrap_or("");
        } else {
            let length = c.len_utf8();
            bytes.extend_from_slice(rest.as_bytes().get(..length).unwrap_or(&[]));
            rest = rest.get(length..).unwrap_or("");
        }
    }
    Ok(bytes)
}

/// The number of a character.
pub(super) fn character(text: &str) -> Result<u64, Flaw> {
    let inner = between(text, '\'')?;
    if inner.starts_with('\\') {
        let (byte, length) = escape(inner).map_err(|length| Flaw::Escape { at: 1, length })?;
        return if length == inner.len() { Ok(u64::from(byte)) } else { Err(Flaw::NotOne) };
    }
    // As in C, what is no single byte is no character.
    match inner.as_bytes() {
        [byte] => Ok(u64::from(*byte)),
        _ => Err(Flaw::NotOne),
    }
}

fn between(text: &str, quote: char) -> Result<&str, Flaw> {
    let opened = text.strip_prefix(quote).ok_or(Flaw::Open)?;
    let inner = opened.strip_suffix(quote).ok_or(Flaw::Open)?;
    // A backslash before the last quote, itself not after one, makes it a part of the text.
    let backslashes = inner.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if backslashes % 2 == 1 { Err(Flaw::Open) } else { Ok(inner) }
}

/// The byte that an escape stands for, and how long it is. Or how long what is none is.
fn escape(text: &str) -> Result<(u8, usize), usize> {
    let mut chars = text.chars().skip(1);
    let byte = match chars.next() {
        Some('n') => b'\n',
        Some('t') => b'\t',
        Some('r') => b'\r',
        Some('0') => 0,
        Some('\\') => b'\\',
        Some('"') => b'"',
        Some('\'') => b'\'',
        Some('x') => {
            let digits: String = chars.take(2).take_while(char::is_ascii_hexdigit).collect();
            return match u8::from_str_radix(&digits, 16) {
                Ok(byte) if digits.len() == 2 => Ok((byte, 4)),
                _ => Err(2 + digits.len()),
            };
        }
        Some(other) => return Err(1 + other.len_utf8()),
        None => return Err(1),
    };
    Ok((byte, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_their_base() {
        let values = ["12", "0x1f", "0b1_1", "017", "0", "0_", "1_000", "0xffffffffffffffff"].map(number);
        assert_eq!(values, [12, 31, 3, 15, 0, 0, 1000, u64::MAX].map(Ok));
    }

    #[test]
    fn what_is_no_number_says_why() {
        assert_eq!(number("08"), Err(Flaw::Digits { base: 8 }));
        assert_eq!(number("0x"), Err(Flaw::Digits { base: 16 }));
        assert_eq!(number("18446744073709551616"), Err(Flaw::TooLarge));
        assert_eq!(number("0x10000000000000000f"), Err(Flaw::TooLarge));
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(["5ms", "5s", "2min"].map(duration), [5, 5000, 120_000].map(Ok));
        assert_eq!(duration("5sec"), Err(Flaw::Unit));
        assert_eq!(duration("18446744073709551615s"), Err(Flaw::TooLarge));
    }

    #[test]
    fn escapes_stand_for_bytes() {
        assert_eq!(string(r#""a\n\x7f\"\\é""#), Ok(b"a\n\x7f\"\\\xc3\xa9".to_vec()));
        assert_eq!(string(r#""a\q""#), Err(Flaw::Escape { at: 2, length: 2 }));
        assert_eq!(string(r#""a\x1""#), Err(Flaw::Escape { at: 2, length: 3 }));
        assert_eq!(string(r#""a\""#), Err(Flaw::Open));
        assert_eq!(string("\""), Err(Flaw::Open));
    }

    #[test]
    fn a_character_is_one_byte() {
        assert_eq!([r"'a'", r"'\n'", r"'\x10'", r"'\''"].map(character), [97, 10, 16, 39].map(Ok));
        assert_eq!(character("''"), Err(Flaw::NotOne));
        assert_eq!(character("'ab'"), Err(Flaw::NotOne));
        assert_eq!(character("'\u{e9}'"), Err(Flaw::NotOne));
    }
}
