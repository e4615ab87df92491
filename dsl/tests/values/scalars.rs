//! Numbers in bytes, against Rust's own types.

use mcrx_dsl::diagnostic::Release;
use mcrx_dsl::eval::{Bits, Scalar, Shape, Value};
use proptest::prelude::*;

fn whole(size: u32, signed: bool) -> Scalar {
    Scalar { shape: Shape::Integer { signed }, size, bits: None }
}

/// What Rust's own conversion says of a number, and its bytes.
fn rust(number: i128, size: u32, signed: bool) -> Option<Vec<u8>> {
    macro_rules! bytes {
        ($ty:ty) => {
            <$ty>::try_from(number).ok().map(|number| number.to_le_bytes().to_vec())
        };
    }
    match (size, signed) {
        (1, true) => bytes!(i8),
        (1, false) => bytes!(u8),
        (2, true) => bytes!(i16),
        (2, false) => bytes!(u16),
        (4, true) => bytes!(i32),
        (4, false) => bytes!(u32),
        (8, true) => bytes!(i64),
        (8, false) => bytes!(u64),
        (16, _) => bytes!(i128),
        _ => None,
    }
}

/// Numbers of all sizes, not only huge ones.
fn numbers() -> impl Strategy<Value = i128> {
    (any::<i128>(), 0_u32..128).prop_map(|(number, shift)| number >> shift)
}

proptest! {
    #[test]
    fn a_number_fits_where_rust_says_that_it_fits(number in numbers(), size in 0_u32..5, signed: bool) {
        let size = 1 << size;
        let signed = signed || size == 16;
        let scalar = whole(size, signed);
        match (scalar.fit(Value::Integer(number)), rust(number, size, signed)) {
            (Ok(value), Some(want)) => {
                let mut bytes = vec![0xa5; want.len()];
                scalar.write(&value, &mut bytes);
                prop_assert_eq!(&bytes, &want);
                prop_assert_eq!(scalar.read(Release::Old, &bytes), Ok(Value::Integer(number)));
            }
            (Err(_), None) => {}
            (ours, rusts) => prop_assert!(false, "{:?} {:?}", ours, rusts),
        }
    }

    #[test]
    fn a_bit_field_keeps_its_number_and_its_neighbours(
        number in numbers(), first in 0_u32..8, count in 1_u32..=64, signed: bool, around: [u8; 9],
    ) {
        let bits = Some(Bits { first, count });
        let scalar = Scalar { shape: Shape::Integer { signed }, size: 8, bits };
        let Ok(value) = scalar.fit(Value::Integer(number)) else { return Ok(()) };
        let mut bytes = around[..scalar.bytes()].to_vec();
        scalar.write(&value, &mut bytes);
        prop_assert_eq!(scalar.read(Release::Old, &bytes), Ok(Value::Integer(number)));
        let bit = |bytes: &[u8], at: u32| bytes[usize::try_from(at / 8).unwrap()] >> (at % 8) & 1;
        let end = u32::try_from(bytes.len()).unwrap() * 8;
        for at in (0..first).chain(first + count..end) {
            prop_assert_eq!(bit(&bytes, at), bit(&around, at), "bit {}", at);
        }
    }

    #[test]
    fn a_whole_number_goes_through_a_float_unharmed_or_not_at_all(number in numbers()) {
        let scalar = Scalar { shape: Shape::Float, size: 8, bits: None };
        if let Ok(value) = scalar.fit(Value::Integer(number)) {
            let mut bytes = [0; 8];
            scalar.write(&value, &mut bytes);
            let back = scalar.read(Release::Old, &bytes).unwrap();
            prop_assert_eq!(whole(16, true).fit(back), Ok(Value::Integer(number)));
        } else {
            prop_assert!(number.unsigned_abs() > 1 << 53);
        }
    }
}
