//! Counted arrays.

use crate::world::{World, size};
use mcrx_tracer::facts::{Array, Reading};
use mcrx_tracer::graph::Kind;

fn counted(element: Option<&str>, count: &str, stride: Option<&str>) -> Reading {
    let (element, stride) = (element.map(str::to_owned), stride.map(Into::into));
    Reading::Array(Array { element, count: count.into(), stride })
}

/// A vector of three requests, with room for four, at so many bytes into a block; its pointer, and the first request.
fn vector(reading: Reading, member: &str, count: u64, stride: u64) -> (World, u64, u64) {
    let mut world = World::with("vec_t", member, reading);
    let (vec, elements) = (world.object("vec_t"), world.bytes(4 * size("request") + 8));
    world.global("vec", vec);
    world.set(vec, "vec_t", "nelts", count);
    world.set(vec, "vec_t", "size", stride);
    let at = world.set(vec, "vec_t", member, elements);
    // What is no request any more.
    world.word(elements + 3 * size("request"), vec);
    (world, at, elements)
}

#[test]
fn a_pointer_to_counted_objects_makes_as_many() {
    for (reading, member) in [
        (counted(None, "nelts", None), "elts"),
        (counted(Some("request"), "nelts", None), "any"),
        (counted(Some("request"), "nelts", Some("size")), "any"),
    ] {
        let (world, at, elements) = vector(reading, member, 3, size("request"));
        let traced = world.trace();
        assert_eq!(traced.edge(at), Some((elements, Kind::Precise)));
        assert_eq!(traced.island(elements), Some(("struct request", 3 * size("request"))));
        // Behind the last there may be anything.
        assert_eq!(traced.edge(elements + 3 * size("request")).map(|(_, kind)| kind), Some(Kind::Likely));
    }
}

#[test]
fn a_count_is_believed_where_a_size_would_not_be() {
    let mut world = World::with("vec_t", "elts", counted(None, "nelts", None));
    let (vec, elements) = (world.object("vec_t"), world.bytes(2 * size("request")));
    // A stale word where the second has its pointer.
    world.word(elements + size("request"), 0xdead_0000);
    world.global("vec", vec);
    world.set(vec, "vec_t", "elts", elements);
    for (count, objects) in [(1, 1), (2, 2)] {
        world.set(vec, "vec_t", "nelts", count);
        assert_eq!(world.trace().island(elements), Some(("struct request", objects * size("request"))));
    }
}

#[test]
fn no_elements_are_nothing_that_is_known() {
    let (world, at, elements) = vector(counted(None, "nelts", None), "elts", 0, 0);
    assert_eq!(world.trace().edge(at), Some((elements, Kind::Opaque)));
}

#[test]
fn elements_of_another_size_than_their_type_has_are_not_believed() {
    let (world, at, elements) = vector(counted(Some("request"), "nelts", Some("size")), "any", 3, 32);
    let traced = world.trace();
    assert_eq!(traced.edge(at), Some((elements, Kind::Likely)));
    assert_eq!(traced.island(elements), None);
}

#[test]
fn many_of_what_is_not_known_stay_unknown() {
    let (world, at, elements) = vector(counted(None, "nelts", Some("size")), "any", 3, 24);
    assert_eq!(world.trace().edge(at), Some((elements, Kind::Opaque)));
}

#[test]
fn of_an_array_in_place_only_what_is_in_use_is_read() {
    let mut world = World::with("slots", "slot", counted(None, "used", None));
    world.say("slots", "text", counted(None, "used", None));
    let (slots, what) = (world.object("slots"), world.object("request"));
    world.global("slots", slots);
    let used = 2;
    world.set(slots, "slots", "used", used);
    let first = slots + 8;
    (0..4).for_each(|index| world.word(first + index * 8, what));
    world.word(first + 32, what);
    let traced = world.trace();
    let kinds: Vec<_> = (0..5).map(|index| traced.edge(first + index * 8).map(|(_, kind)| kind)).collect();
    // Two bytes of text hold no word.
    assert_eq!(kinds, [Some(Kind::Precise), Some(Kind::Precise), None, None, None]);
}

#[test]
fn a_flexible_array_may_be_longer_than_what_is_in_use_of_it() {
    for (count, kind) in [(1, None), (2, Some(Kind::Precise))] {
        let mut world = World::with("message", "parts", counted(None, "count", None));
        let (message, what) = (world.bytes(8 + 3 * 8), world.object("request"));
        world.global("message", message);
        world.set(message, "message", "count", count);
        (0..3).for_each(|index| world.word(message + 8 + index * 8, what));
        let traced = world.trace();
        assert_eq!(traced.ty(message), Some("struct message"));
        assert_eq!(traced.edge(message + 8), Some((what, Kind::Precise)));
        assert_eq!(traced.edge(message + 16).map(|(_, kind)| kind), kind);
        assert_eq!(traced.edge(message + 24), None);
    }
}
