//! Members whose meaning another value tells.

use crate::world::{World, code};
use mcrx_tracer::facts::{Arm, Choice, Pattern, Reading, Subject};
use mcrx_tracer::graph::Kind;

fn arm(when: &[Pattern], then: Reading) -> Arm<Reading> {
    Arm { when: when.to_vec(), then }
}

fn name(name: &str) -> Pattern {
    Pattern::Name(name.to_owned())
}

fn to(ty: &str) -> Reading {
    Reading::To(ty.to_owned())
}

fn by(on: Subject, arms: Vec<Arm<Reading>>) -> Reading {
    Reading::Match(Box::new(Choice { on, arms, otherwise: Reading::Conservative }))
}

/// A connection whose handler is this function; its `data`, and what that leads to.
fn handled(handler: Option<u64>) -> (World, u64, u64) {
    let arms = vec![
        arm(&[name("on_wait")], to("waiting")),
        arm(&[name("nobody"), name("on_request_*")], to("request")),
    ];
    let mut world = World::with("conn", "data", by(Subject::Member("read.handler".into()), arms));
    let (conn, event, what) = (world.object("conn"), world.object("event"), world.bytes(24));
    world.global("conn", conn);
    world.set(conn, "conn", "data", what);
    if let Some(handler) = handler {
        world.set(conn, "conn", "read", event);
        world.set(event, "event", "handler", handler);
    }
    (world, conn, what)
}

#[test]
fn a_pointer_is_what_the_function_beside_it_says() {
    let (world, conn, what) = handled(Some(code("on_request_body")));
    let traced = world.trace();
    assert_eq!(traced.edge(conn), Some((what, Kind::Precise)));
    assert_eq!(traced.ty(what), Some("struct request"));
    let (world, _, what) = handled(Some(code("on_wait")));
    assert_eq!(world.trace().island(what), Some(("struct waiting", 16)));
}

#[test]
fn what_no_arm_has_is_read_as_the_default_says() {
    let (world, conn, what) = handled(Some(code("main")));
    let traced = world.trace();
    assert_eq!(traced.edge(conn), Some((what, Kind::Likely)));
    assert!(traced.is_pinned(what));
}

#[test]
fn a_value_behind_a_null_pointer_makes_it_a_likely_pointer() {
    let (world, conn, what) = handled(None);
    assert_eq!(world.trace().edge(conn), Some((what, Kind::Likely)));
}

#[test]
fn a_fact_that_speaks_of_what_there_is_not_changes_nothing() {
    for path in ["write.handler", "read.nothing", "state.x"] {
        let arms = vec![arm(&[Pattern::Number(0)], to("request"))];
        let mut world = World::with("conn", "data", by(Subject::Member(path.into()), arms));
        world.say("connection", "data", Reading::Conservative);
        let (conn, what) = (world.object("conn"), world.object("request"));
        world.global("conn", conn);
        world.set(conn, "conn", "data", what);
        assert_eq!(world.trace().edge(conn), Some((what, Kind::Opaque)), "{path}");
    }
}

/// A connection with a union that is told by this subject, which has this value.
fn union(on: &str, pattern: Pattern, value: u64) -> Option<Kind> {
    let arms = vec![
        arm(&[pattern], Reading::Member("request".into())),
        arm(&[Pattern::Number(3)], Reading::Member("plain".into())),
        arm(&[Pattern::Number(4)], Reading::NotAPointer),
    ];
    let mut world = World::with("conn", "u", by(Subject::Member(on.into()), arms));
    let (conn, what) = (world.object("conn"), world.object("request"));
    world.global("conn", conn);
    world.set(conn, "conn", on, value);
    let at = world.set(conn, "conn", "u", what);
    world.trace().edge(at).map(|(_, kind)| kind)
}

#[test]
fn a_union_is_its_member_that_a_number_a_bit_field_or_a_constant_tells() {
    assert_eq!(union("state", name("BUSY"), 5), Some(Kind::Precise));
    assert_eq!(union("state", name("BUSY"), 0), Some(Kind::Likely));
    assert_eq!(union("coding", Pattern::Number(9), 9), Some(Kind::Precise));
    assert_eq!(union("coding", Pattern::Bits { mask: 8, value: 8 }, 9), Some(Kind::Precise));
    assert_eq!(union("coding", Pattern::Number(9), 1), Some(Kind::Likely));
    // A plain number may still hold a pointer; what is said to be none may not.
    assert_eq!(union("coding", Pattern::Number(9), 3), Some(Kind::Likely));
    assert_eq!(union("coding", Pattern::Number(9), 4), None);
}

#[test]
fn a_fact_about_a_member_of_an_anonymous_union_is_about_the_union() {
    for (reading, kind) in [(to("request"), Kind::Precise), (Reading::Opaque, Kind::Opaque)] {
        let mut world = World::with("conn", "either", reading);
        let (conn, what) = (world.object("conn"), world.object("request"));
        world.global("conn", conn);
        let at = world.set(conn, "conn", "or_number", what);
        assert_eq!(world.trace().edge(at), Some((what, kind)));
    }
}

#[test]
fn a_global_tells_too() {
    for (mode, kind) in [(1, Kind::Precise), (2, Kind::Likely)] {
        let on = Subject::Global("mode".into());
        let mut world = World::with("conn", "data", by(on, vec![arm(&[Pattern::Number(1)], to("request"))]));
        let (conn, what) = (world.object("conn"), world.object("request"));
        world.global("conn", conn);
        world.global("mode", mode);
        world.set(conn, "conn", "data", what);
        assert_eq!(world.trace().edge(conn), Some((what, kind)));
    }
}
