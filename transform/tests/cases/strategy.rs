//! Programs made up at random, which shrink.

use super::model::{Change, First, Global, Int, Member, Registry, Struct, What, World};
use proptest::prelude::*;

/// What makes one case.
pub(crate) fn world() -> impl Strategy<Value = World> {
    let structs = prop::collection::vec(structure(), 1..4);
    let globals = prop::collection::vec(global(), 0..5);
    let flags = (any::<bool>(), any::<bool>());
    (structs, globals, prop::option::of(0..=4_usize), flags, any::<u16>()).prop_map(
        |(structs, globals, constant_before, (functions_renamed, start_differs), seed)| {
            World { structs, globals, constant_before, functions_renamed, start_differs, seed }
                .made_possible()
        },
    )
}

fn structure() -> impl Strategy<Value = Struct> {
    let members = prop::collection::vec(member(), 0..7);
    let registry =
        prop_oneof![Just(Registry::List), Just(Registry::Tree), (0..5_u8).prop_map(Registry::Array)];
    let flags = (prop::bool::weighted(0.2), any::<bool>());
    let objects = (0..4_u8, 0..3_u8, 0..4_u8, 0..4_u8);
    (members, registry, flags, objects).prop_map(
        |(members, registry, (is_renamed, id_last), (first, freed, later, changed))| Struct {
            members,
            registry,
            is_renamed,
            id_last,
            first,
            freed,
            later,
            changed,
        },
    )
}

fn member() -> impl Strategy<Value = Member> {
    let change = prop_oneof![
        4 => Just(Change::Stays),
        1 => Just(Change::Renamed),
        1 => Just(Change::Dropped),
        1 => Just(Change::MovedInside),
        1 => Just(Change::Merged),
        3 => first().prop_map(Change::Added),
    ];
    (what(), change, 0..4_u8).prop_map(|(what, change, rank)| Member { what, change, rank })
}

fn global() -> impl Strategy<Value = Global> {
    let change = prop_oneof![
        4 => Just(Change::Stays),
        1 => Just(Change::Renamed),
        1 => Just(Change::Dropped),
        1 => Just(Change::Added(First::Number(7))),
    ];
    (what(), change).prop_map(|(what, change)| Global { what, change })
}

fn first() -> impl Strategy<Value = First> {
    prop_oneof![
        (0..100_u8).prop_map(First::Number),
        (0..100_u8).prop_map(First::FromId),
        (0..100_u8).prop_map(First::Reset),
    ]
}

fn int() -> impl Strategy<Value = Int> {
    let bits = prop::sample::select(vec![32, 8, 16, 64_u8]);
    (bits, prop::bool::weighted(0.7)).prop_map(|(bits, is_signed)| Int { bits, is_signed })
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        4 => int().prop_map(|int| What::Int { old: int, new: int }),
        4 => (int(), int()).prop_map(|(old, new)| What::Int { old, new }),
        2 => (1..20_u8, 1..20_u8, any::<bool>())
            .prop_map(|(old, new, is_signed)| What::Bits { old, new, is_signed }),
        1 => any::<(bool, bool)>()
            .prop_map(|(old_is_wide, new_is_wide)| What::Real { old_is_wide, new_is_wide }),
        2 => (2..24_u8, 2..24_u8).prop_map(|(old, new)| What::Text { old, new }),
        2 => Just(What::Constant),
        2 => (int(), 1..5_u8, 1..5_u8).prop_map(|(of, old, new)| What::Ints { of, old, new }),
        2 => (0..3_usize).prop_map(What::Inside),
        4 => (0..3_usize).prop_map(What::Object),
        2 => (0..3_usize).prop_map(What::Tagged),
        2 => (0..3_usize).prop_map(What::Id),
        1 => (0..3_usize).prop_map(What::Part),
        2 => Just(What::Function),
        1 => Just(What::Variable),
        2 => Just(What::Literal),
        2 => Just(What::Name),
        2 => Just(What::Any),
        2 => (0..3_usize).prop_map(What::Counted),
        1 => int().prop_map(What::Numbers),
        2 => (any::<bool>(), 0..3_usize).prop_map(|(new_is_wide, to)| What::Union { new_is_wide, to }),
    ]
}
