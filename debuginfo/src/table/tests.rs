//! Tables made by hand.

use super::*;
use crate::image::{ImageError, checksum};

fn entry(tag: Tag, name: StringId) -> TypeEntry {
    TypeEntry {
        tag,
        name,
        size: None,
        extent: None,
        target: None,
        unit: UnitId(0),
        declared: Placement::default(),
        encoding: Encoding::Other,
        flags: TypeFlags::default(),
    }
}

fn member(name: StringId, target: TypeId, bit_offset: u64, bit_size: u32) -> MemberEntry {
    MemberEntry { name, target: Some(target), bit_offset, bit_size, variant: 0, is_base: false }
}

/// `struct node { char kind; unsigned seen : 3; struct node *next; union { int n; char c; }; int rest[]; };`, an `extern int depth[4]`
/// and two functions.
fn sample() -> Table {
    let mut builder = Builder::new();
    let mut name = |text: &str| builder.string(text.as_bytes());
    let [char, int, node, kind, seen, next, n, c, rest, depth, far, near] =
        ["char", "int", "node", "kind", "seen", "next", "n", "c", "rest", "depth", "far", "near"]
            .map(&mut name);
    builder.add_unit(UnitEntry { name: node, ..UnitEntry::default() });
    let char = builder.add_type(TypeEntry {
        size: Some(1),
        encoding: Encoding::SignedChar,
        ..entry(Tag::Base, char)
    });
    let int =
        builder.add_type(TypeEntry { size: Some(4), encoding: Encoding::Signed, ..entry(Tag::Base, int) });
    builder.add_offset(0x2a, int);
    let both = builder.add_type(TypeEntry { size: Some(4), ..entry(Tag::Union, StringId::default()) });
    builder.add_member(member(n, int, 0, 0));
    builder.add_member(member(c, char, 0, 0));
    let open = builder.add_type(TypeEntry { target: Some(int), ..entry(Tag::Array, StringId::default()) });
    let pointer = builder.next_type();
    let structure = TypeId(pointer.0 + 1);
    builder.add_type(TypeEntry {
        size: Some(8),
        target: Some(structure),
        ..entry(Tag::Pointer, StringId::default())
    });
    builder.add_type(TypeEntry { size: Some(24), ..entry(Tag::Structure, node) });
    builder.add_member(member(kind, char, 0, 0));
    builder.add_member(member(seen, int, 8, 3));
    builder.add_member(member(next, pointer, 64, 0));
    builder.add_member(member(StringId::default(), both, 128, 0));
    builder.add_member(member(rest, open, 160, 0));
    let four = builder.add_type(TypeEntry {
        target: Some(int),
        extent: Some(4),
        ..entry(Tag::Array, StringId::default())
    });
    builder.add_variable(VariableEntry {
        name: depth,
        linkage_name: StringId::default(),
        target: Some(four),
        unit: UnitId(0),
        function: None,
        declared: Placement::default(),
        storage: Storage::Static,
        address: Address(0x4000),
        external: true,
    });
    for (name, low) in [(far, 0x2000), (near, 0x1000)] {
        let code = Some((Address(low), Address(low + 0x10)));
        let function = builder.add_function(FunctionEntry {
            name,
            linkage_name: StringId::default(),
            returns: None,
            unit: UnitId(0),
            die: 0,
            declared: Placement::default(),
            code,
            external: true,
            declaration: false,
            noreturn: false,
        });
        builder.add_range(function, Address(low), Address(low + 0x10));
        builder.add_range(function, Address(low + 0x8000), Address(low + 0x8004));
    }
    builder.finish(&[0xAB; 20])
}

#[test]
fn an_image_reads_back_as_it_was_made() {
    let table = sample();
    let again = Table::from_bytes(table.as_bytes()).unwrap();
    assert_eq!(again.build_id(), [0xAB; 20]);
    for table in [&table, &again] {
        let node = table.types_named("node").next().unwrap();
        assert_eq!((node.tag(), node.size()), (Tag::Structure, Some(24)));
        assert_eq!(
            node.members().map(|member| member.name()).collect::<Vec<_>>(),
            [Some("kind"), Some("seen"), Some("next"), None, Some("rest")]
        );
        let (_, next) = node.field("next").unwrap();
        assert_eq!(next.ty().unwrap().target(), Some(node));
        assert_eq!(node.field("c").map(|(bit, _)| bit), Some(128));
        assert!(table.types_named("nod").next().is_none() && table.types_named("nodes").next().is_none());
        assert_eq!(table.unit(UnitId(0)).unwrap().type_at(0x2a).unwrap().name(), Some("int"));
    }
}

#[test]
fn functions_are_found_by_every_part_of_their_code() {
    let table = sample();
    for (address, name) in
        [(0x1000, "near"), (0x100F, "near"), (0x2000, "far"), (0x9003, "near"), (0xA000, "far")]
    {
        assert_eq!(table.function_at(Address(address)).unwrap().name(), name);
    }
    for address in [0, 0xFFF, 0x1010, 0x2010, 0x9004, u64::MAX] {
        assert!(table.function_at(Address(address)).is_none());
    }
}

#[test]
fn variables_are_found_by_each_of_their_bytes() {
    let table = sample();
    assert!(table.variable_at(Address(0x3FFF)).is_none());
    assert_eq!(table.variable_at(Address(0x4000)).unwrap().name(), "depth");
    assert_eq!(table.variable_at(Address(0x400F)).unwrap().name(), "depth");
    assert!(table.variable_at(Address(0x4010)).is_none());
    assert_eq!(table.variables_named("depth").count(), 1);
}

#[test]
fn holes_and_places_follow_the_layout() {
    let table = sample();
    let node = table.types_named("node").next().unwrap();
    let layout = Layout::of(node);
    assert_eq!(layout.holes, [Gap { bit_offset: 11, bits: 53 }]);
    assert_eq!(layout.padding, Some(Gap { bit_offset: 160, bits: 32 }));
    let path = |offset| node.place(offset).map(|place| (place.path, place.rest));
    assert_eq!(path(8), Some((".next".to_owned(), 0)));
    assert_eq!(path(11), Some((".next".to_owned(), 3)));
    assert_eq!(path(17), Some((String::new(), 1)));
    assert_eq!(path(20), Some((".rest[0]".to_owned(), 0)));
    assert_eq!(path(29), Some((".rest[2]".to_owned(), 1)));
    assert_eq!(path(4), None);
    let depth = table.variables_named("depth").next().unwrap().ty().unwrap();
    assert_eq!(depth.size(), Some(16));
    assert_eq!(depth.place(13).map(|place| (place.path, place.rest)), Some(("[3]".to_owned(), 1)));
    assert_eq!(depth.place(16), None);
}

#[test]
fn a_damaged_image_is_refused() {
    let bytes = sample().as_bytes().to_vec();
    assert_eq!(Table::from_bytes(&[]).err(), Some(ImageError::Truncated));
    assert_eq!(Table::from_bytes(b"\x7fELF\0\0\0\0").err(), Some(ImageError::Foreign));
    for len in [8, 100, 303, bytes.len() - 1] {
        assert_eq!(Table::from_bytes(&bytes[..len]).err(), Some(ImageError::Truncated), "{len}");
    }
    for place in (0..bytes.len()).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x10;
        assert!(Table::from_bytes(&bytes).is_err(), "{place}");
    }
    let mut newer = bytes.clone();
    newer[8] += 1;
    assert_eq!(
        Table::from_bytes(&newer).err(),
        Some(ImageError::Version { found: image::FORMAT.version + 1 })
    );
}

#[test]
fn wrong_indices_read_as_unknown_things() {
    // Whoever can forge the checksum can write any index: every accessor stays total.
    let honest = sample().as_bytes().to_vec();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..2_000 {
        let mut bytes = honest.clone();
        for _ in 0..8 {
            let place = 96 + usize::try_from(random()).unwrap() % (bytes.len() - 96);
            bytes[place] = random().to_le_bytes()[0];
        }
        let sum = checksum(&bytes);
        bytes[16..24].copy_from_slice(&sum.to_le_bytes());
        let table = Table::from_bytes(&bytes).unwrap();
        for ty in table.types() {
            let _ =
                (ty.name(), ty.size(), ty.resolved(), ty.place(9), ty.fields(), Layout::of(ty), ty.unit());
            let _ = (ty.enumerators().count(), ty.parameters().count(), ty.kind(), ty.declared());
        }
        for variable in table.variables() {
            let _ = (variable.name(), variable.ty(), variable.function(), variable.unit());
            let _ = table.variable_at(variable.address());
        }
        for function in table.functions() {
            let _ = (function.name(), function.returns(), function.parameters().count(), function.code());
        }
        let _ = (table.function_at(Address(0x1000)), table.types_named("node").count(), table.build_id());
    }
}

#[test]
fn structures_that_hold_each_other_twice_are_listed_in_bounded_time() {
    let mut builder = Builder::new();
    let mut below =
        builder.add_type(TypeEntry { size: Some(0), ..entry(Tag::Structure, StringId::default()) });
    for _ in 0..60 {
        let next =
            builder.add_type(TypeEntry { size: Some(0), ..entry(Tag::Structure, StringId::default()) });
        builder.add_member(member(StringId::default(), below, 0, 0));
        builder.add_member(member(StringId::default(), below, 0, 0));
        below = next;
    }
    let table = builder.finish(&[]);
    assert!(table.ty(below).unwrap().fields().is_empty());
}
