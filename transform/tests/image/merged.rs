//! What a merged image has in it, in memory and read back from a file.

use crate::scene::{Scene, function, program, put, shelf, variable};
use mcrx_allocator::reader::Sites;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::image::{Image, Process};
use mcrx_tracer::paranoid;
use mcrx_tracer::snapshot::{self, Options};
use mcrx_tracer::trace::{Known, Trace};
use mcrx_transform::target::{MergeError, Merged, Room, Target};
use std::collections::BTreeSet;

/// Live blocks: address, requested size, generation.
fn blocks(process: &Process) -> BTreeSet<(u64, u64, u32)> {
    let known = Known::with(process, shelf()).expect("a heap");
    known.heap.blocks().map(|block| (block.address.0, block.requested, block.generation.0)).collect()
}

/// The same process, from a file.
fn through_a_file(process: Process) -> Image {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("merged.snap");
    let image = Image { processes: vec![process], taken: Scene::shared().now.taken.clone() };
    let options = Options::default();
    snapshot::save(&image, &options, &path).expect("it is written");
    snapshot::open(&path).expect("it is read")
}

#[test]
fn the_blocks_of_the_new_image_are_those_of_both_processes() {
    let scene = Scene::shared();
    let both: BTreeSet<_> = blocks(scene.now()).union(&blocks(scene.fresh())).copied().collect();
    assert_eq!(both.len(), blocks(scene.now()).len() + blocks(scene.fresh()).len());
    let mut merged = scene.carried_over();
    let room = merged.room().expect("a region");
    let made: Vec<(u64, u64)> =
        [1u64, 100, 70_000].iter().map(|size| (room.block(*size).expect("room"), *size)).collect();
    merged.add(&room).expect("address space");
    made.iter().for_each(|(address, _)| merged.write(*address, &[7]).expect("it is there"));
    let image = through_a_file(merged.finish());
    let found = blocks(&image.processes[0]);
    let beside: Vec<(u64, u64)> = found.difference(&both).map(|block| (block.0, block.1)).collect();
    assert_eq!(beside, {
        let mut made = made.clone();
        made.sort_unstable();
        made
    });
    assert!(found.is_superset(&both));
    assert!(made.iter().all(|(address, _)| image.processes[0].memory.bytes(*address, 1) == Some(&[7][..])));
}

#[test]
fn what_was_written_is_in_the_file_and_all_else_as_it_was() {
    let scene = Scene::shared();
    let items = scene.items();
    let image = through_a_file(scene.carried_over().finish());
    let memory = &image.processes[0].memory;
    assert_eq!(memory.word(variable(scene.fresh(), "items")), Some(items[0]));
    assert_eq!(memory.word(items[7] + 8), Some(function(scene.fresh(), "greet")));
    let area = scene.now().memory.word(variable(scene.now(), "area")).expect("it is there");
    assert_eq!(memory.word(area + 5 * 8), Some(55), "memory that the program mapped for itself");
    let old = program(scene.now()).range.start;
    assert!(image.processes[0].module_at(old).is_none() && memory.bytes(old, 1).is_none());
    for item in &items {
        assert_eq!(memory.word(item + 24), scene.now().memory.word(item + 24));
    }
}

#[test]
fn the_new_image_is_traced_from_the_new_programs_variables_into_the_old_heap() {
    let scene = Scene::shared();
    let image = scene.carried_over().finish();
    let known = Known::with(&image, shelf()).expect("a heap");
    let facts = Facts::default();
    let model = known.model(&facts);
    let trace = Trace::of(&image, &known, &model);
    for item in scene.items() {
        let (number, block, _) = trace.blocks.find(item).expect("it lives");
        let ty = trace.marked.ty(number).map(|ty| model.name(ty));
        assert_eq!(ty.as_deref(), Some("struct item"), "by the pointers that lead there");
        assert!(trace.graph.is_reached(mcrx_tracer::graph::Node(number)));
        assert_eq!(trace.by_site.given(block.site), None, "the old program is not there any more");
    }
    let against = paranoid::check(&trace.input(), &trace.marked, &trace.graph, 5);
    assert!(against.is_empty(), "the second tracer says otherwise: {against:#?}");
    let spare = image.memory.word(variable(scene.fresh(), "spare")).expect("it is there");
    let (_, block, _) = trace.blocks.find(spare).expect("it lives");
    assert!(trace.by_site.given(block.site).is_some(), "what the new program made is known by its site");
}

/// An old site must not be taken for what lies at its address now.
#[test]
fn sites_of_the_old_program_are_nowhere_in_the_new_image_and_those_of_libraries_where_these_are_now() {
    let scene = Scene::shared();
    let image = scene.merged().finish();
    let known = Known::with(&image, shelf()).expect("a heap");
    let sites = Sites::read(&image.memory, &known.heap).expect("tables");
    let (mut of_old, mut of_libraries, mut of_new) = (0, 0, 0);
    for frame in sites.all().flat_map(|(_, site)| site.frames().collect::<Vec<_>>()) {
        let module = frame.module.expect("all modules are known");
        let id = |process: &Process| program(process).build_id.expect("a build-id").as_bytes().to_vec();
        let found = image.frame_address(&frame);
        if *module.build_id == *id(scene.now()) {
            of_old += 1;
            assert_eq!(found, None);
        } else if *module.build_id == *id(scene.fresh()) {
            of_new += 1;
            assert_eq!(found, Some(frame.address().0));
        } else {
            of_libraries += 1;
            let now = image.module_at(found.expect("both have the same libraries")).expect("a library");
            assert_eq!(now.build_id.expect("a build-id").as_bytes(), &*module.build_id);
        }
    }
    assert!(of_old > 0 && of_new > 0 && of_libraries > 0, "{of_old} {of_new} {of_libraries}");
}

#[test]
fn two_processes_of_one_epoch_do_not_fit_into_one() {
    let scene = Scene::shared();
    let refused = Merged::of(scene.now(), scene.now()).expect_err("they are in one place");
    assert!(matches!(refused, MergeError::SameRegion { free: 1, .. }), "{refused}");
}

#[test]
fn neither_snapshot_is_changed_by_what_is_written() {
    let scene = Scene::shared();
    let (item, head) = (scene.items()[0], variable(scene.fresh(), "items"));
    let before = (scene.now().memory.word(item), scene.fresh().memory.word(head));
    let mut merged = scene.merged();
    put(&mut merged, item, 1);
    put(&mut merged, head, 2);
    let image = merged.finish();
    assert_eq!((image.memory.word(item), image.memory.word(head)), (Some(1), Some(2)));
    assert_eq!((scene.now().memory.word(item), scene.fresh().memory.word(head)), before);
}

#[test]
fn blocks_that_nothing_leads_to_have_the_types_that_are_told_of_them() {
    let scene = Scene::shared();
    let image = scene.merged().finish();
    let known = Known::with(&image, shelf()).expect("a heap");
    let facts = Facts::default();
    let model = known.model(&facts);
    let item = model.named("item").expect("a type");
    let size = model.ty(item).and_then(|ty| ty.size()).expect("a size");
    let told = scene.items().into_iter().map(|address| (address..address + size, item)).collect();
    let typed = |trace: &Trace<'_>| {
        let number = |address: u64| trace.blocks.find(address).expect("it lives").0;
        scene.items().iter().filter(|address| trace.marked.ty(number(**address)) == Some(item)).count()
    };
    assert_eq!(typed(&Trace::of(&image, &known, &model)), 0);
    let trace = Trace::knowing(&image, &known, &model, told);
    assert_eq!(typed(&trace), scene.items().len());
    let against = paranoid::check(&trace.input(), &trace.marked, &trace.graph, 5);
    assert!(against.is_empty(), "the second tracer says otherwise: {against:#?}");
}
