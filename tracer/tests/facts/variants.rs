//! Pointers that carry tags, and objects whose owners know what they are.

use crate::world::{World, address_of};
use mcrx_tracer::facts::{Arm, Array, Choice, FieldFact, Pattern, PointerFact, Reading, Subject, Variant};
use mcrx_tracer::graph::Kind;

#[test]
fn tagged_pointers_lead_into_objects_and_to_their_ends() {
    let mut world = World::with("tagged", "left", Reading::Tagged(7));
    let high = 0xFF << 56;
    world.say("tagged", "right", Reading::TaggedTo { bits: high, to: "tagged".to_owned() });
    let (one, other) = (world.object("tagged"), world.object("tagged"));
    world.global("tagged", one);
    world.word(one, other | 5);
    world.word(one + 16, other | 0xAB << 56);
    world.word(other, (one + 24) | 1);
    let traced = world.trace();
    assert_eq!(traced.ty(other), Some("struct tagged"));
    assert_eq!(traced.edge(one), Some((other, Kind::Precise)));
    assert_eq!(traced.edge(one + 16), Some((other, Kind::Precise)));
    assert_eq!(traced.edge(other), Some((one + 24, Kind::PastEnd)));
    world.word(one, (other + 16) | 3);
    // There is a pointer in the middle, no object of the type.
    assert_eq!(world.trace().edge(one), Some((other + 16, Kind::Disagreeing)));
}

/// Low bits of a pointer to a request say what it is, wherever it is.
fn by_bits() -> World {
    let arm = |value, then| Arm { when: vec![Pattern::Number(value)], then };
    let reading = Reading::Match(Box::new(Choice {
        on: Subject::Bits(3),
        arms: vec![
            arm(0, Reading::AsDeclared),
            arm(1, Reading::Tagged(3)),
            arm(2, Reading::TaggedTo { bits: 3, to: "waiting".to_owned() }),
        ],
        otherwise: Reading::Opaque,
    }));
    let mut world = World::default();
    world.facts.pointers.push(PointerFact { to: "request".to_owned(), reading });
    world
}

#[test]
fn what_is_said_of_pointers_to_a_type_holds_in_members_arrays_and_by_name() {
    for (bits, ty) in [(0, Some("struct request")), (1, Some("struct request")), (3, None)] {
        let mut world = by_bits();
        world.say("conn", "data", Reading::To("request".to_owned()));
        let (slots, conn) = (world.object("slots"), world.object("conn"));
        world.global("slots", slots);
        world.global("conn", conn);
        let (one, other) = (world.object("request"), world.object("request"));
        world.word(slots + 16, one | bits);
        world.word(conn, other | bits);
        let traced = world.trace();
        assert_eq!((traced.ty(one), traced.ty(other)), (ty, ty), "{bits}");
        assert!(!traced.is_pinned(one));
    }
    let mut world = by_bits();
    let (slots, waiting) = (world.object("slots"), world.object("waiting"));
    world.global("slots", slots);
    world.word(slots + 8, waiting | 2);
    assert_eq!(world.trace().ty(waiting), Some("struct waiting"));
}

/// A dictionary of two entries in one bucket; its kind says what they hold.
fn dictionary(kind: &str) -> (World, [u64; 3]) {
    let mut world = World::default();
    let fact = |owner: &str, field: &str, reading| FieldFact {
        owner: owner.to_owned(),
        field: field.to_owned(),
        reading,
    };
    let is = |kind: &str, variant: &str| Arm {
        when: vec![Pattern::Name(kind.to_owned())],
        then: Reading::InVariant {
            variant: variant.to_owned(),
            reading: Box::new(Reading::Array(Array { element: None, count: "size".into(), stride: None })),
        },
    };
    let table = Reading::Match(Box::new(Choice {
        on: Subject::Member("kind".into()),
        arms: vec![is("requests_kind", "requests"), is("numbers_kind", "numbers")],
        otherwise: Reading::AsDeclared,
    }));
    world.facts.fields.push(fact("dict", "table", table));
    for name in ["requests", "numbers"] {
        world.facts.variants.push(Variant { name: name.to_owned(), of: "entry".to_owned() });
        let member = if name == "numbers" { Reading::NotAPointer } else { Reading::Member("pointer".into()) };
        world.facts.fields.push(fact(name, "v", member));
    }
    let (dict, table) = (world.object("dict"), world.bytes(16));
    let (first, second, value) = (world.object("entry"), world.object("entry"), world.object("request"));
    world.global("dict", dict);
    world.set(dict, "dict", "kind", address_of(kind));
    world.set(dict, "dict", "table", table);
    world.set(dict, "dict", "size", 2);
    world.word(table + 8, first);
    for entry in [first, second] {
        world.set(entry, "entry", "v", value);
    }
    world.set(first, "entry", "next", second);
    (world, [first, second, value])
}

#[test]
fn what_an_entry_holds_its_dictionary_says() {
    for (kind, name, held) in [
        ("requests_kind", "struct entry (requests)", Some(Kind::Opaque)),
        ("numbers_kind", "struct entry (numbers)", None),
        ("mode", "struct entry", Some(Kind::Likely)),
    ] {
        let (world, [first, second, value]) = dictionary(kind);
        let traced = world.trace();
        for entry in [first, second] {
            assert_eq!(traced.ty(entry), Some(name));
            assert_eq!(traced.edge(entry + 8), held.map(|kind| (value, kind)), "{kind}");
        }
    }
}

#[test]
fn a_variant_and_its_type_agree_and_two_variants_do_not() {
    let (mut world, [first, ..]) = dictionary("requests_kind");
    // A plain pointer to an entry of a dictionary.
    world.say("conn", "data", Reading::To("entry".to_owned()));
    let conn = world.object("conn");
    world.global("conn", conn);
    world.word(conn, first);
    let traced = world.trace();
    assert_eq!(
        (traced.ty(first), traced.edge(conn)),
        (Some("struct entry (requests)"), Some((first, Kind::Precise)))
    );
    world.say("conn", "data", Reading::To("numbers".to_owned()));
    let traced = world.trace();
    assert_eq!((traced.ty(first), traced.edge(conn)), (None, Some((first, Kind::Disagreeing))));
}

#[test]
fn a_link_that_is_said_to_tell_nothing_tells_nothing_through_two_pointers_either() {
    for (reading, ty) in [(None, None), (Some(Reading::Opaque), Some("struct request"))] {
        let mut world = World::default();
        let to = "link".to_owned();
        world.facts.pointers.extend(reading.map(|reading| PointerFact { to, reading }));
        let (ring, request) = (world.object("ring"), world.object("request"));
        world.global("ring", ring);
        world.global("request", request);
        // While it is not in use, the request is on a list that ends in its first word, which is no link otherwise.
        let own = request + crate::world::offset("request", "own");
        world.set(ring, "ring", "first", own);
        world.set(ring, "ring", "last", own);
        assert_eq!(world.trace().ty(request), ty);
    }
}
