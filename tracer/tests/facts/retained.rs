//! What is kept alive by who does not read it.

use crate::world::{World, offset};
use mcrx_tracer::facts::Reading;
use mcrx_tracer::graph::Kind;

/// A box that keeps a block, which holds what leads to another one.
fn kept() -> (World, [u64; 3]) {
    let mut world = World::with("box", "held", Reading::Retained);
    let [holder, block, other] = ["box", "request", "request"].map(|ty| world.object(ty));
    world.global("box", holder);
    world.word(holder + offset("box", "held"), block);
    world.word(block + offset("request", "main"), other);
    (world, [holder, block, other])
}

#[test]
fn what_nothing_else_leads_to_counts_as_bytes() {
    let (world, [holder, block, other]) = kept();
    let traced = world.trace();
    assert_eq!(traced.edge(holder + offset("box", "held")), Some((block, Kind::Opaque)));
    assert_eq!(traced.ty(block), Some("char"));
    assert_eq!(traced.edge(block + offset("request", "main")), None);
    assert!(!traced.is_pinned(other));
}

#[test]
fn what_somebody_reads_is_what_he_takes_it_for() {
    let (mut world, [holder, block, other]) = kept();
    world.global("request", block);
    let traced = world.trace();
    assert_eq!(traced.edge(holder + offset("box", "held")), Some((block, Kind::Opaque)));
    assert_eq!(traced.ty(block), Some("struct request"));
    assert_eq!(traced.edge(block + offset("request", "main")), Some((other, Kind::Precise)));
}

#[test]
fn what_only_may_lead_to_it_reads_it_too() {
    let (mut world, [_, block, other]) = kept();
    // No type is known of the block in which this lies.
    let unknown = world.bytes(24);
    world.global("conn", unknown);
    world.word(unknown + 8, block);
    let traced = world.trace();
    assert_eq!(traced.ty(block), None);
    assert_eq!(traced.edge(block + offset("request", "main")), Some((other, Kind::Likely)));
    assert!(traced.is_pinned(block) && traced.is_pinned(other));
}
