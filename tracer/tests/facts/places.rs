//! Parts of objects that hold nothing live, and objects in the program's own slabs.

use crate::world::{World, address_of, size};
use mcrx_tracer::facts::{Arm, Bound, Choice, Element, Facts, Pattern, Scratch, Slab, Subject};
use mcrx_tracer::graph::Kind;

fn scratch(from: Bound, to: Bound) -> Facts {
    let scratch = Scratch { owner: "pool".to_owned(), from, to };
    Facts { scratch: vec![scratch], ..Facts::default() }
}

#[test]
fn the_free_room_of_a_pool_is_not_read() {
    let last_to_end = || scratch(Bound::Pointer("last".into()), Bound::Pointer("end".into()));
    let element = |index: &str| Bound::Element { array: "last".into(), index: index.into() };
    let none = scratch(Bound::Pointer("nothing".into()), Bound::EndOfBlock);
    let facts = [
        (last_to_end(), Some(Kind::Likely), None),
        (scratch(Bound::Pointer("last".into()), Bound::EndOfBlock), Some(Kind::Likely), None),
        // Not with an index that is a pointer too large to be one.
        (scratch(element("end"), Bound::EndOfBlock), Some(Kind::Likely), Some(Kind::Likely)),
        (none, Some(Kind::Likely), Some(Kind::Likely)),
    ];
    for (facts, used, free) in facts {
        let mut world = World::default();
        world.facts = facts;
        let (pool, what) = (world.bytes(size("pool") + 40), world.bytes(100));
        world.global("pool", pool);
        let (first, second) = (pool + size("pool"), pool + size("pool") + 16);
        world.set(pool, "pool", "last", second);
        world.set(pool, "pool", "end", pool + size("pool") + 40);
        world.word(first, what);
        world.word(second, what);
        let traced = world.trace();
        assert_eq!(traced.island(pool), Some(("struct pool", size("pool"))));
        assert_eq!(traced.edge(first).map(|(_, kind)| kind), used);
        assert_eq!(traced.edge(second).map(|(_, kind)| kind), free);
    }
}

#[test]
fn what_follows_an_object_with_room_behind_it_is_no_further_one() {
    let scratched = scratch(Bound::Pointer("last".into()), Bound::Pointer("end".into()));
    for (facts, whole, island) in [
        (Facts::default(), Some("struct pool"), None),
        (scratched, None, Some(("struct pool", size("pool")))),
    ] {
        let mut world = World::default();
        world.facts = facts;
        // Its size divides that of the block, and nothing in the second half contradicts.
        let pool = world.bytes(2 * size("pool"));
        world.global("pool", pool);
        let traced = world.trace();
        assert_eq!((traced.ty(pool), traced.island(pool)), (whole, island));
    }
}

#[test]
fn scratch_in_an_object_itself_is_not_read() {
    let from = Bound::Element { array: "text".into(), index: "used".into() };
    let to = Bound::Element { array: "text".into(), index: "used".into() };
    for (to, kinds) in [(Bound::EndOfBlock, [Some(Kind::Likely), None]), (to, [Some(Kind::Likely); 2])] {
        let owner = "slots".to_owned();
        let scratch = Scratch { owner, from: from.clone(), to };
        let mut world = World::default();
        world.facts.scratch.push(scratch);
        let (slots, what) = (world.object("slots"), world.bytes(100));
        world.global("slots", slots);
        world.set(slots, "slots", "used", 8);
        let text = slots + size("slots") - 32;
        world.word(text, what);
        world.word(text + 8, what);
        let traced = world.trace();
        let kind = |at| traced.edge(at).map(|(_, kind)| kind);
        assert_eq!([kind(text), kind(text + 8)], kinds);
    }
}

/// Two pages of elements of 64 bytes; what is in them is for `kinds` to say.
fn slab(kinds: Option<Choice<Element>>, per_page: Option<&str>) -> (World, u64, u64) {
    let slab = Slab {
        classes: "classes".into(),
        pages: "list".into(),
        page_count: Some("pages".into()),
        stride: "size".into(),
        per_page: per_page.map(Into::into),
        element: "item".to_owned(),
        kinds,
    };
    let mut world = World::default();
    world.facts.slabs.push(slab);
    let (list, first, second) = (world.bytes(16), world.bytes(200), world.bytes(200));
    // The second class; the others are not in use.
    let class = address_of("classes") + size("class");
    let half = |low: u64, high: u64| low | high << 32;
    world.at(class, half(64, 2));
    world.at(class + 8, list);
    world.at(class + 16, 2);
    world.word(list, first);
    world.word(list + 8, second);
    (world, first, second)
}

fn kinds() -> Choice<Element> {
    let bit = |value| vec![Pattern::Bits { mask: value, value }];
    Choice {
        on: Subject::Member("flags".into()),
        arms: vec![
            Arm { when: bit(4), then: Element::Free },
            Arm { when: bit(2), then: Element::Live("chunk".to_owned()) },
            Arm { when: bit(1), then: Element::Unknown },
        ],
        otherwise: Element::Live("item".to_owned()),
    }
}

#[test]
fn objects_of_a_slab_are_found_in_its_pages() {
    for (per_page, bytes) in [(None, 192), (Some("per_page"), 128)] {
        let (mut world, first, second) = slab(None, per_page);
        let what = world.object("request");
        world.set(first + 64, "item", "of", what);
        let traced = world.trace();
        assert_eq!(traced.island(first), Some(("struct item", bytes)));
        assert_eq!(traced.island(second), Some(("struct item", bytes)));
        // Pages are reached by a pointer to no type, and still what is in them is known.
        assert_eq!(traced.edge(first + 64 + 8), Some((what, Kind::Precise)));
        assert_eq!(traced.ty(what), Some("struct request"));
    }
}

#[test]
fn an_element_is_what_its_flags_say_and_a_free_one_holds_nothing() {
    let (mut world, first, second) = slab(Some(kinds()), None);
    let what = world.bytes(100);
    for (at, flags) in [(first, 4), (first + 64, 2), (second, 1)] {
        world.set(at, "item", "flags", flags);
        world.word(at, what);
        world.word(at + 32, what);
    }
    let traced = world.trace();
    assert_eq!(traced.island(first).map(|(_, bytes)| bytes), Some(64));
    assert_eq!(traced.edge(first), None, "free, and its link is stale");
    assert_eq!(traced.island(first + 64), Some(("struct chunk", 64)));
    assert_eq!(traced.island(first + 128), Some(("struct item", 64)));
    assert_eq!((traced.island(second), traced.edge(second)), (None, Some((what, Kind::Likely))));
}

#[test]
fn a_slab_that_makes_no_sense_has_no_objects() {
    for (offset, value) in [(0, 0), (0, 10), (8, 0x1234), (16, u64::from(u32::MAX))] {
        let (mut world, first, _) = slab(None, None);
        world.at(address_of("classes") + size("class") + offset, value);
        assert_eq!(world.trace().island(first), None, "{value} at {offset}");
    }
}
