//! Objects of types that stay what they are keep their bytes; members that only move keep their values.

use super::world::{BLOCK, Block, table};
use mcrx_debuginfo::table::{Table, Type};
use mcrx_dsl::diagnostic::Release;
use mcrx_dsl::eval::{Lookup, Machine, Making, Scalar, Value};
use mcrx_dsl::load;
use mcrx_dsl::migrate::Migration;
use mcrx_dsl::pairing::Pairing;
use mcrx_dsl::rules::Rules;
use mcrx_dsl::source::Only;
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

const MEMBERS: &str = "
    char c; unsigned char uc; short s; unsigned short us; int i; unsigned u; long l; unsigned long ul;
    float f; double d; long double ld; enum color color; void *p; struct all *next; void (*handler)(int);
    int bits : 3; unsigned more : 7; long long wide : 40; unsigned char bytes[5]; int grid[2][3];
    struct inner { short x; struct all *back; int y; } inner[2]; union { int number; char text[8]; } either;
    struct { int a; int b; } nameless;";

fn source(before: &str) -> String {
    format!("enum color {{ RED, GREEN }}; struct all {{ {before} {MEMBERS} }} all;")
}

static OLD: LazyLock<Table> = LazyLock::new(|| table(&source("")));
static MOVED: LazyLock<Table> = LazyLock::new(|| table(&source("char added[3];")));

fn all(table: &Table) -> Type<'_> {
    table.types_named("all").find(|ty| ty.size().is_some()).unwrap()
}

/// The new bytes of an object.
fn migrated(rules: &Rules, new: &Table, bytes: &[u8]) -> Vec<u8> {
    let pairing = Pairing::of(&OLD, new, rules);
    let (migration, mistakes) = Migration::compile(&pairing, rules, &Lookup::new(&OLD), &Lookup::new(new));
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let (pair, _) = pairing.of_old(all(&OLD)).unwrap();
    let world = Block(bytes.to_vec());
    let mut machine = Machine::new(&world, &migration);
    let len = u64::try_from(bytes.len()).unwrap();
    let made = migration.object(Making { pair, made: 0 }, (BLOCK, len), &[], &mut machine);
    assert!(machine.take_effects().patches.is_empty());
    made.unwrap()
}

/// The values of all members that are numbers or pointers.
fn values(ty: Type<'_>, bytes: &[u8]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (bit_offset, member) in ty.fields() {
        let first = u32::try_from(bit_offset % 8).unwrap();
        let bits = member.bit_size().map(|count| mcrx_dsl::eval::Bits { first, count });
        let scalar = member.ty().and_then(|ty| Scalar::of(ty, bits));
        let start = usize::try_from(bit_offset / 8).unwrap();
        let name = member.name().unwrap_or_default().to_owned();
        let value = match (scalar, member.ty().and_then(Type::size)) {
            (Some(scalar), _) => {
                // All pointers are the new release's in what is compared.
                scalar.read(Release::New, &bytes[start..start + scalar.bytes()]).unwrap()
            }
            (None, Some(size)) if name != "inner" && name != "added" => {
                Value::Bytes(bytes[start..start + usize::try_from(size).unwrap()].to_vec())
            }
            _ => continue,
        };
        found.push((name, value));
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_object_of_a_type_that_stays_keeps_its_bytes(seed: [u8; 32]) {
        let size = usize::try_from(all(&OLD).size().unwrap()).unwrap();
        let bytes: Vec<u8> = seed.iter().copied().cycle().take(size).collect();
        prop_assert_eq!(migrated(&Rules::default(), &OLD, &bytes), bytes);
    }

    #[test]
    fn members_that_move_keep_their_values(seed: [u8; 32]) {
        let size = usize::try_from(all(&OLD).size().unwrap()).unwrap();
        let bytes: Vec<u8> = seed.iter().copied().cycle().take(size).collect();
        let loaded = load::rules(Path::new("a.mcrx"), &Only("type all { added = zero }"));
        let new = migrated(&loaded.rules, &MOVED, &bytes);
        let before = format!("{:?}", values(all(&OLD), &bytes));
        // Debug text, since what is no number is not equal to itself.
        let after = values(all(&MOVED), &new).into_iter().filter(|(name, _)| name != "added");
        prop_assert_eq!(before, format!("{:?}", after.collect::<Vec<_>>()));
    }
}
