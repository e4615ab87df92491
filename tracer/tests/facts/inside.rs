//! Members of structures that are in others, and types that are told apart by where they are declared.

use crate::world::{World, offset};
use mcrx_tracer::facts::{Arm, Choice, Pattern, Reading, Subject};
use mcrx_tracer::graph::Kind;

/// A shelf with two boxes in an array and one with a name; each box holds something, and the shelf has a number.
fn shelf(facts: &[(&str, &str, Reading)]) -> (World, [u64; 3], u64) {
    let mut world = World::default();
    for (owner, field, reading) in facts {
        world.say(owner, field, reading.clone());
    }
    let (shelf, what) = (world.object("shelf"), world.object("request"));
    world.global("shelf", shelf);
    world.set(shelf, "shelf", "number", 7);
    let boxes = offset("shelf", "boxes");
    let at = [shelf + boxes, shelf + boxes + 16, shelf + offset("shelf", "top")];
    at.iter().for_each(|at| world.word(*at, what));
    (world, at, what)
}

fn to_request() -> Reading {
    Reading::To("request".to_owned())
}

fn kinds(world: &World, places: [u64; 3]) -> [Option<Kind>; 3] {
    let traced = world.trace();
    places.map(|at| traced.edge(at).map(|(_, kind)| kind))
}

const OPAQUE: Option<Kind> = Some(Kind::Opaque);
const PRECISE: Option<Kind> = Some(Kind::Precise);

#[test]
fn a_path_is_about_members_inside_of_this_type_alone() {
    let (world, at, _) = shelf(&[("shelf", "top.held", to_request())]);
    assert_eq!(kinds(&world, at), [OPAQUE, OPAQUE, PRECISE]);
    let (world, at, _) = shelf(&[("box", "held", to_request())]);
    assert_eq!(kinds(&world, at), [PRECISE; 3]);
}

#[test]
fn a_path_through_an_array_is_about_all_its_elements() {
    let (world, at, _) = shelf(&[("shelf", "boxes.held", to_request())]);
    assert_eq!(kinds(&world, at), [PRECISE, PRECISE, OPAQUE]);
}

#[test]
fn what_is_said_from_outside_comes_before_what_is_said_of_the_structure_inside() {
    let none = Reading::NotAPointer;
    let (world, at, _) = shelf(&[("shelf", "top.held", none), ("box", "held", to_request())]);
    assert_eq!(kinds(&world, at), [PRECISE, PRECISE, None]);
}

#[test]
fn a_value_that_tells_of_a_member_inside_is_looked_for_from_the_outside() {
    for (number, kind) in [(7, PRECISE), (8, Some(Kind::Likely))] {
        let by = Reading::Match(Box::new(Choice {
            on: Subject::Member("number".into()),
            arms: vec![Arm { when: vec![Pattern::Number(number)], then: to_request() }],
            otherwise: Reading::Conservative,
        }));
        let facts = [("shelf", "boxes.held", by.clone()), ("shelf", "top.held", by)];
        let (world, at, _) = shelf(&facts);
        assert_eq!(kinds(&world, at), [kind; 3]);
    }
}

#[test]
fn a_name_may_have_the_file_that_declares_it() {
    for (owner, kind) in [("box@types.c", PRECISE), ("box@facts/types.c", PRECISE), ("box@other.c", OPAQUE)] {
        let (world, at, _) = shelf(&[(owner, "held", Reading::To("request@types.c".to_owned()))]);
        assert_eq!(kinds(&world, at), [kind; 3], "{owner}");
    }
}

#[test]
fn a_star_behind_a_name_is_a_pointer_to_it() {
    let mut world = World::with("box", "held", Reading::To("request*".to_owned()));
    let (box_, list, what) = (world.object("box"), world.bytes(8), world.object("request"));
    world.global("box", box_);
    let at = world.set(box_, "box", "held", list);
    world.word(list, what);
    let traced = world.trace();
    assert_eq!(traced.edge(at), Some((list, Kind::Precise)));
    assert_eq!(traced.edge(list), Some((what, Kind::Precise)));
    assert_eq!(traced.ty(what), Some("struct request"));
}
