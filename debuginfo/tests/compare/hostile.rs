//! Tables that no compiler makes: circles, chains and crowds of types, and records with wrong numbers in them. Everything ends, soon.

use super::source::{lines, table};
use mcrx_debuginfo::compare::compare;
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{
    Builder, Encoding, MemberEntry, Placement, StringId, Table, Tag, TypeEntry, TypeFlags, TypeId, UnitEntry,
    UnitId,
};
use std::time::{Duration, Instant};

/// Far more than any of these takes.
const SOON: Duration = Duration::from_secs(20);

fn entry(tag: Tag, name: StringId, target: Option<TypeId>) -> TypeEntry {
    TypeEntry {
        tag,
        name,
        size: Some(8),
        extent: Some(2),
        target,
        unit: UnitId(0),
        declared: Placement::default(),
        encoding: Encoding::Other,
        flags: TypeFlags::default(),
    }
}

fn member(name: StringId, target: TypeId) -> MemberEntry {
    MemberEntry { name, target: Some(target), bit_offset: 0, bit_size: 0, variant: 0, is_base: false }
}

fn made(add: impl FnOnce(&mut Builder)) -> Table {
    let mut builder = Builder::new();
    builder.add_unit(UnitEntry::default());
    add(&mut builder);
    builder.finish(&[])
}

fn ends(old: &Table, new: &Table) {
    let started = Instant::now();
    for (one, other) in [(old, new), (new, old), (old, old)] {
        let _ = lines(&compare(one, other));
    }
    // Some: each may be as long as all of them.
    for ty in old.types().step_by(61) {
        let _ = type_name(Some(ty), Anonymous::WrittenOut);
        assert!(started.elapsed() < SOON, "spelling {ty:?}");
    }
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

/// Each of many levels holds the next one twice, without a name or with: 2 to the power of their number in all.
fn doubled(name: &str, last: Tag) -> Table {
    made(|builder| {
        let (root, name) = (builder.string(b"root"), builder.string(name.as_bytes()));
        for level in 0..60 {
            let own = if level == 0 { root } else { StringId::default() };
            let id = builder.add_type(entry(Tag::Structure, own, None));
            builder.add_member(member(name, TypeId(id.0 + 1)));
            builder.add_member(member(name, TypeId(id.0 + 1)));
        }
        builder.add_type(entry(last, StringId::default(), None));
    })
}

#[test]
fn levels_that_double_are_not_walked_to_the_end() {
    for name in ["", "x"] {
        ends(&doubled(name, Tag::Structure), &doubled(name, Tag::Base));
    }
}

#[test]
fn a_long_chain_of_types_is_not_descended() {
    let chain = |tag: Tag, last: Tag| {
        made(|builder| {
            let root = builder.string(b"root");
            builder.add_type(entry(Tag::Structure, root, None));
            builder.add_member(member(root, TypeId(1)));
            for _ in 0..2_000 {
                let id = builder.next_type();
                builder.add_type(entry(tag, StringId::default(), Some(TypeId(id.0 + 1))));
            }
            builder.add_type(entry(last, StringId::default(), None));
        })
    };
    for tag in [Tag::Pointer, Tag::Array, Tag::Const, Tag::Typedef, Tag::Function, Tag::Reference] {
        ends(&chain(tag, Tag::Base), &chain(tag, Tag::Structure));
    }
}

#[test]
fn structures_that_hold_themselves_or_each_other_end() {
    let circle = |size: u64| {
        made(|builder| {
            let names = [b"a", b"b", b"c"].map(|name| builder.string(name));
            for (index, name) in (0..).zip(names) {
                builder.add_type(TypeEntry { size: Some(size + index), ..entry(Tag::Structure, name, None) });
                builder.add_member(member(name, TypeId((u32::try_from(index).unwrap() + 1) % 3)));
            }
            // Around an anonymous one, a typedef of itself, and an array of itself.
            let id = builder.add_type(entry(Tag::Structure, StringId::default(), None));
            builder.add_member(member(StringId::default(), id));
            let own = builder.next_type();
            builder.add_type(entry(Tag::Typedef, names[0], Some(own)));
            builder.add_type(entry(Tag::Array, StringId::default(), Some(TypeId(own.0 + 1))));
        })
    };
    ends(&circle(8), &circle(16));
}

#[test]
fn wrong_numbers_do_no_harm() {
    let honest = table(
        "enum e { A, B }; typedef struct { enum e e; char name[16]; int (*f)(void *, ...); } in_t;
         struct node { struct node *next; union { int n; in_t in; }; unsigned low : 3, high : 5; in_t rest[]; };
         struct node *list; in_t in; static const in_t *table[4]; const in_t **get(void) { return table; }",
    );
    let bytes = honest.as_bytes();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..400 {
        let mut bytes = bytes.to_vec();
        for _ in 0..16 {
            let place = 304 + usize::try_from(random()).unwrap() % (bytes.len() - 304);
            bytes[place] = random().to_le_bytes()[0];
        }
        let seed = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
        let checksum = twox_hash::XxHash3_64::oneshot_with_seed(seed, &bytes[24..]);
        bytes[16..24].copy_from_slice(&checksum.to_le_bytes());
        ends(&Table::from_bytes(&bytes).unwrap(), &honest);
    }
}
