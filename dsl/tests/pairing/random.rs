//! Random pairs of structures, against a twin that knows how C lays them out and does no more than look names up.

use super::between::rules;
use mcrx_debuginfo::table::{
    Builder, Encoding, MemberEntry, Placement, Table, Tag, TypeEntry, TypeFlags, TypeId, UnitEntry, UnitId,
};
use mcrx_dsl::pairing::{Asked, Body, Conversion, Origin, Pairing};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A member's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ty {
    /// An integer of so many bytes.
    Integer { bytes: u8, is_signed: bool },
    /// So many of them.
    Array { bytes: u8, count: u8 },
    /// `struct s*`, by its number.
    Pointer(u8),
}

/// Structures by number: their members by number, in order.
type Program = BTreeMap<u8, Vec<(u8, Ty)>>;

fn ty() -> impl Strategy<Value = Ty> {
    let bytes = || prop::sample::select(vec![1u8, 2, 4, 8]);
    prop_oneof![
        (bytes(), any::<bool>()).prop_map(|(bytes, is_signed)| Ty::Integer { bytes, is_signed }),
        (bytes(), 1u8..5).prop_map(|(bytes, count)| Ty::Array { bytes, count }),
        (0u8..4).prop_map(Ty::Pointer),
    ]
}

fn program() -> impl Strategy<Value = Program> {
    let members = prop::collection::btree_map(0u8..8, ty(), 0..8);
    let shuffled =
        members.prop_flat_map(|members| Just(members.into_iter().collect::<Vec<_>>()).prop_shuffle());
    prop::collection::btree_map(0u8..4, shuffled, 1..4)
}

impl Ty {
    /// Bytes, and what its place is a multiple of.
    fn size(self) -> (u64, u64) {
        match self {
            Ty::Integer { bytes, .. } => (u64::from(bytes), u64::from(bytes)),
            Ty::Array { bytes, count } => (u64::from(bytes) * u64::from(count), u64::from(bytes)),
            Ty::Pointer(_) => (8, 8),
        }
    }
}

/// Where C puts members, in bytes; and how large all of them are.
fn layout(members: &[(u8, Ty)]) -> (BTreeMap<u8, u64>, u64) {
    let (mut offsets, mut end, mut most) = (BTreeMap::new(), 0u64, 1);
    for (name, ty) in members {
        let (size, align) = ty.size();
        let start = end.next_multiple_of(align);
        offsets.insert(*name, start);
        end = start + size;
        most = most.max(align);
    }
    (offsets, end.next_multiple_of(most))
}

fn table(program: &Program) -> Table {
    let mut builder = Builder::new();
    let unit = builder.string(b"source.c");
    builder.add_unit(UnitEntry { name: unit, ..UnitEntry::default() });
    let nameless = builder.string(b"");
    let entry = |tag, name| TypeEntry {
        tag,
        name,
        size: None,
        extent: None,
        target: None,
        unit: UnitId(0),
        declared: Placement::default(),
        encoding: Encoding::Other,
        flags: TypeFlags::default(),
    };
    let mut integers = BTreeMap::new();
    for bytes in [1u8, 2, 4, 8] {
        for is_signed in [false, true] {
            let name = builder.string(format!("int{bytes}{is_signed}").as_bytes());
            let encoding = if is_signed { Encoding::Signed } else { Encoding::Unsigned };
            let size = Some(u64::from(bytes));
            integers.insert(
                (bytes, is_signed),
                builder.add_type(TypeEntry { size, encoding, ..entry(Tag::Base, name) }),
            );
        }
    }
    // Pointers come first and say what the structures' numbers will be.
    let mut next = builder.next_type().0;
    let all: BTreeSet<u8> = program
        .values()
        .flatten()
        .filter_map(|(_, ty)| match ty {
            Ty::Pointer(to) => Some(*to),
            _ => None,
        })
        .chain(program.keys().copied())
        .collect();
    let arrays: Vec<(u8, u8)> = program
        .values()
        .flatten()
        .filter_map(|(_, ty)| match ty {
            Ty::Array { bytes, count } => Some((*bytes, *count)),
            _ => None,
        })
        .collect();
    let count = |len: usize| u32::try_from(len).unwrap();
    next += count(all.len()) + count(arrays.len());
    let structure: BTreeMap<u8, TypeId> =
        all.iter().zip(next..).map(|(name, id)| (*name, TypeId(id))).collect();
    let mut pointers = BTreeMap::new();
    for name in &all {
        let target = structure.get(name).copied();
        let id = builder.add_type(TypeEntry { size: Some(8), target, ..entry(Tag::Pointer, nameless) });
        pointers.insert(*name, id);
    }
    let mut lists = BTreeMap::new();
    for (bytes, count) in arrays {
        let target = integers.get(&(bytes, true)).copied();
        let extent = Some(u64::from(count));
        lists.insert(
            (bytes, count),
            builder.add_type(TypeEntry { target, extent, ..entry(Tag::Array, nameless) }),
        );
    }
    for name in &all {
        let text = builder.string(format!("s{name}").as_bytes());
        let members = program.get(name);
        let (offsets, size) = layout(members.map_or(&[][..], Vec::as_slice));
        let flags = TypeFlags { declaration: members.is_none(), ..TypeFlags::default() };
        let size = members.map(|_| size);
        builder.add_type(TypeEntry { size, flags, ..entry(Tag::Structure, text) });
        for (name, ty) in members.into_iter().flatten() {
            let target = match ty {
                Ty::Integer { bytes, is_signed } => integers.get(&(*bytes, *is_signed)),
                Ty::Array { bytes, count } => lists.get(&(*bytes, *count)),
                Ty::Pointer(to) => pointers.get(to),
            };
            let text = builder.string(format!("m{name}").as_bytes());
            let bit_offset = offsets.get(name).unwrap() * 8;
            let (bit_size, variant, is_base) = (0, 0, false);
            builder.add_member(MemberEntry {
                name: text,
                target: target.copied(),
                bit_offset,
                bit_size,
                variant,
                is_base,
            });
        }
    }
    builder.finish(b"")
}

/// What becomes of a member, as the twin sees it.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// From this offset.
    From(u64),
    New,
    Asked,
}

fn fate(old: &[(u8, Ty)], name: u8, new: Ty) -> Fate {
    let Some((_, before)) = old.iter().find(|(other, _)| *other == name) else { return Fate::New };
    let fits = match (*before, new) {
        (Ty::Integer { bytes: one, .. }, Ty::Integer { bytes: other, .. }) => one <= other,
        (Ty::Array { bytes: one, count: few }, Ty::Array { bytes: other, count: many }) => {
            one <= other && few <= many
        }
        (Ty::Pointer(one), Ty::Pointer(other)) => one == other,
        _ => false,
    };
    if fits { Fate::From(*layout(old).0.get(&name).unwrap()) } else { Fate::Asked }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn members_come_from_where_the_twin_says(before in program(), after in program()) {
        let (old, new, nothing) = (table(&before), table(&after), rules(""));
        let pairing = Pairing::of(&old, &new, &nothing.rules);
        for (name, after) in &after {
            let Some(before) = before.get(name) else { continue };
            let pair = pairing.types.iter().find(|pair| pair.name == format!("s{name}")).unwrap();
            let made = pair.made.first().unwrap();
            let (offsets, size) = layout(after);
            let want: BTreeMap<String, (u64, Fate)> = after
                .iter()
                .map(|(name, ty)| (format!("m{name}"), (*offsets.get(name).unwrap(), fate(before, *name, *ty))))
                .collect();
            let is_same = (layout(before).0 == offsets)
                && layout(before).1 == size
                && after.iter().all(|(name, ty)| before.iter().any(|(other, old)| {
                    // A sign changes no bytes.
                    other == name && ty.size() == old.size() && std::mem::discriminant(ty) == std::mem::discriminant(old)
                        && !matches!((ty, old), (Ty::Pointer(one), Ty::Pointer(other)) if one != other)
                        && !matches!((ty, old), (Ty::Array { bytes: one, .. }, Ty::Array { bytes: other, .. }) if one != other)
                }));
            prop_assert_eq!(pair.is_same, is_same, "{:?} {:?}", before, after);
            let Body::Members(members) = &made.body else { continue };
            let found: BTreeMap<String, (u64, Fate)> = members
                .iter()
                .map(|member| {
                    let fate = match &member.origin {
                        Origin::Old { from, .. } => Fate::From(from.offset()),
                        Origin::Open(id) => match pairing.question(*id).unwrap().asked {
                            Asked::FirstValue => Fate::New,
                            _ => Fate::Asked,
                        },
                        origin => panic!("{origin:?}"),
                    };
                    (member.to.path.clone(), (member.to.offset(), fate))
                })
                .collect();
            prop_assert_eq!(found, want);
            let gone = pairing.questions.iter().filter(|question| {
                matches!(question.asked, Asked::Gone) && matches!(question.about, mcrx_dsl::pairing::About::Pair(id) if pairing.pair(id).unwrap().name == pair.name)
            });
            let gone: BTreeSet<String> = gone.map(|question| question.path().to_owned()).collect();
            let lost = before.iter().filter(|(name, _)| !after.iter().any(|(other, _)| other == name));
            prop_assert_eq!(gone, lost.map(|(name, _)| format!("m{name}")).collect::<BTreeSet<_>>());
        }
    }

    #[test]
    fn a_program_that_did_not_change_leaves_no_question(program in program()) {
        let (one, other, nothing) = (table(&program), table(&program), rules(""));
        let pairing = Pairing::of(&one, &other, &nothing.rules);
        prop_assert!(pairing.questions.is_empty());
        prop_assert!(pairing.types.iter().all(|pair| pair.is_same));
        prop_assert_eq!(pairing.types.len(), program.len());
    }

    #[test]
    fn there_and_back_the_same_types_are_pairs(before in program(), after in program()) {
        let (old, new, nothing) = (table(&before), table(&after), rules(""));
        let names = |pairing: &Pairing<'_>| -> BTreeSet<(String, String)> {
            let name = |ty: mcrx_debuginfo::table::Type<'_>| ty.name().unwrap_or("").to_owned();
            let types = pairing.types.iter();
            types.map(|pair| (name(*pair.old.first().unwrap()), name(pair.made.first().unwrap().ty))).collect()
        };
        let there = Pairing::of(&old, &new, &nothing.rules);
        let back = Pairing::of(&new, &old, &nothing.rules);
        let turned: BTreeSet<_> = names(&back).into_iter().map(|(one, other)| (other, one)).collect();
        prop_assert_eq!(names(&there), turned);
        // What keeps its bytes there keeps them back.
        let same = |pairing: &Pairing<'_>| pairing.types.iter().filter(|pair| pair.is_same).count();
        prop_assert_eq!(same(&there), same(&back));
    }

    #[test]
    fn numbers_are_converted_between_their_own_sizes(before in program(), after in program()) {
        let (old, new, nothing) = (table(&before), table(&after), rules(""));
        let pairing = Pairing::of(&old, &new, &nothing.rules);
        for pair in &pairing.types {
            let Some(Body::Members(members)) = pair.made.first().map(|made| &made.body) else { continue };
            for member in members {
                let Origin::Old { from, conversion: Conversion::Number { from: one, to: other }, .. } = &member.origin
                else {
                    continue;
                };
                prop_assert_eq!(from.size(), Some(u64::from(one.bits / 8)));
                prop_assert_eq!(member.to.size(), Some(u64::from(other.bits / 8)));
                prop_assert!(one.fits(*other));
            }
        }
    }
}
