//! Small graphs whose marking is known.

use crate::program::{AREAS, Program, block};
use mcrx_tracer::facts::{FieldFact, Reading};
use mcrx_tracer::graph::Kind;

fn name(ty: &str) -> Option<String> {
    Some(format!("struct {ty}"))
}

#[test]
fn a_list_is_typed_by_following_it() {
    let program = Program::default()
        .block(&[block(1), 0, 1, 0])
        .block(&[block(2), 0, 2, block(3)])
        .block(&[0, 0, 3, 0])
        .block(&[7, 8])
        .root("node_ref", &[block(0)]);
    let result = program.run();
    assert_eq!(result.types, [name("node"), name("node"), name("node"), name("leaf")]);
    assert_eq!((result.pinned(), result.unreached()), (vec![], vec![]));
    assert!(result.differences.is_empty(), "{:?}", result.differences);
}

#[test]
fn what_no_root_leads_to_is_unreachable_even_in_a_circle() {
    let program = Program::default()
        .block(&[0, 0, 0, 0])
        .block(&[block(2), 0, 0, 0])
        .block(&[block(1), 0, 0, 0])
        .given(1, "node")
        .given(2, "node")
        .root("node_ref", &[block(0)]);
    let result = program.run();
    assert_eq!(result.unreached(), [1, 2]);
    assert_eq!(result.types, [name("node"), name("node"), name("node")]);
}

#[test]
fn a_union_pins_what_it_may_point_to() {
    let program =
        Program::default().block(&[1, block(1)]).block(&[0, 0, 0, 0]).root("choice_ref", &[block(0)]);
    let result = program.run();
    assert_eq!(result.edge(0).kind, Kind::Likely);
    assert_eq!(result.pinned(), [1]);
}

#[test]
fn a_void_pointer_keeps_alive_and_does_not_pin() {
    let program =
        Program::default().block(&[0, block(1), 0, 0]).block(&[5, 5, 5]).root("node_ref", &[block(0)]);
    let result = program.run();
    assert_eq!((result.edge(0).kind, result.types[1].clone()), (Kind::Opaque, None));
    assert_eq!((result.pinned(), result.unreached()), (vec![], vec![]));
}

#[test]
fn bytes_without_a_type_are_read_conservatively() {
    let program = Program::default().block(&[9, block(1) + 4]).block(&[0; 3]).conservative_root(&[block(0)]);
    let result = program.run();
    assert_eq!((result.edge(0).kind, result.edge(0).to_offset), (Kind::Likely, 4));
    assert_eq!(result.pinned(), [0, 1]);
}

#[test]
fn a_typed_pointer_into_untyped_bytes_makes_an_island() {
    let program = Program::default()
        .block(&[1, 2, 3, block(1), 0, 0, 0, 9, 9])
        .block(&[0, 0, 0, 0])
        .root("node_ref", &[block(0) + 24]);
    let result = program.run();
    assert_eq!(result.islands, [(0, 24, "struct node".to_owned())]);
    assert_eq!(result.types, [None, name("node")]);
    assert_eq!((result.edge(0).kind, result.edge(0).offset), (Kind::Precise, 24));
    assert_eq!(result.pinned(), []);
}

#[test]
fn types_that_disagree_are_reported_and_none_is_believed() {
    let program = Program::default()
        .block(&[block(1), 0])
        .block(&[0; 4])
        .root("leaf_ref", &[block(0)])
        .root("choice_ref", &[block(0)]);
    let result = program.run();
    assert_eq!(result.types[0], None);
    assert!(!result.marked.disagreements.is_empty());
    // Both pointers to it, and, now that it is read conservatively, the word in it.
    assert_eq!(result.pinned(), [0, 1]);
    assert_eq!(result.root_kinds(0), [Kind::Disagreeing]);
    assert!(result.differences.is_empty(), "{:?}", result.differences);
}

#[test]
fn what_was_read_by_a_type_that_is_in_dispute_is_forgotten() {
    // The second block is a node by the first's word alone.
    let program = Program::default()
        .block(&[block(1), 0, 0, 0])
        .block(&[0, 0, 0, 0])
        .root("node_ref", &[block(0)])
        .root("choice_ref", &[block(0)]);
    let result = program.run();
    assert_eq!(result.types, [None, None]);
    assert!(result.marked.passes > 1);
}

#[test]
fn a_structure_and_its_first_member_agree() {
    for roots in [["node_ref", "outer_ref"], ["outer_ref", "node_ref"]] {
        let program = Program::default()
            .block(&[0; 6])
            .root(roots[0], &[block(0)])
            .root(roots[1], &[block(0)])
            .root("leaf_ref", &[block(0) + 32]);
        let result = program.run();
        assert_eq!(result.types, [name("outer")], "{roots:?}");
        assert_eq!(result.marked.disagreements, []);
        assert_eq!(result.pinned(), []);
    }
}

#[test]
fn a_pointer_past_the_end_is_precise() {
    let program =
        Program::default().block(&[0; 4]).root("node_ref", &[block(0)]).root("node_ref", &[block(0) + 32]);
    let result = program.run();
    assert_eq!(result.root_kinds(1), [Kind::PastEnd]);
    assert_eq!((result.pinned(), result.types), (vec![], vec![name("node")]));
}

#[test]
fn a_flexible_array_is_as_long_as_the_block() {
    let program = Program::default()
        .block(&[2, block(1), block(2), 0])
        .block(&[0; 4])
        .block(&[0; 4])
        .root("list_ref", &[block(0)]);
    let result = program.run();
    assert_eq!(result.types, [name("list"), name("node"), name("node")]);
}

#[test]
fn a_site_types_an_array_only_if_the_size_divides() {
    let program = Program::default()
        .block(&[0, 0, 0, 0, block(1), 0, 0, 0])
        .block(&[0; 4])
        .block(&[0; 5])
        .given(0, "node")
        .given(2, "node")
        .conservative_root(&[block(0), block(2)]);
    let result = program.run();
    assert_eq!(result.types, [name("node"), name("node"), None]);
    assert_eq!(result.islands, [(2, 0, "struct node".to_owned())]);
}

#[test]
fn elements_that_would_point_nowhere_are_not_believed() {
    // A pointer to its start says that there is one node; its size would do for two.
    let program = Program::default().block(&[0, 0, 0, 0, 0xdead_0000, 0, 0, 0]).root("node_ref", &[block(0)]);
    let result = program.run();
    assert_eq!((result.types, result.islands), (vec![None], vec![(0, 0, "struct node".to_owned())]));
}

#[test]
fn bits_that_a_fact_names_are_taken_out_of_a_pointer() {
    let mut program =
        Program::default().block(&[block(1) | 5, 0, 0, 0]).block(&[0; 4]).root("node_ref", &[block(0)]);
    assert_eq!(program.run().types[1], None);
    program.facts.fields.push(FieldFact {
        owner: "node".to_owned(),
        field: "next".to_owned(),
        reading: Reading::Tagged(7),
    });
    let result = program.run();
    assert_eq!(result.types[1], name("node"));
    assert_eq!((result.edge(0).kind, result.edge(0).to_offset), (Kind::Precise, 0));
}

#[test]
fn the_way_to_an_object_is_the_precise_one() {
    let program = Program::default()
        .block(&[block(1), 0, 0, 0])
        .block(&[block(2), 0, 0, 0])
        .block(&[0; 4])
        .conservative_root(&[block(2)])
        .root("node_ref", &[block(0)]);
    let result = program.run();
    let path = result.graph.path_to(mcrx_tracer::graph::Node(2));
    assert_eq!(path.len(), 3);
    assert!(path.iter().all(|step| step.edge.kind == Kind::Precise));
}

#[test]
fn memory_that_is_no_block_is_reached_and_typed_where_something_points_into_it() {
    // The area: a node at 16, and a word that may be a pointer behind it.
    let mut program =
        Program::default().block(&[0; 4]).block(&[0; 3]).block(&[0; 3]).root("node_ref", &[AREAS + 16]);
    program.areas = vec![vec![0, 0, block(0), block(1), 0, 0, block(2)]];
    let result = program.run();
    assert_eq!(result.types[0], name("node"));
    assert_eq!(result.islands, [(3, 16, "struct node".to_owned())]);
    assert_eq!((result.pinned(), result.unreached()), (vec![2], vec![]));
    let path = result.graph.path_to(mcrx_tracer::graph::Node(1));
    assert_eq!(path.iter().map(|step| step.node.0).collect::<Vec<_>>(), [3], "a way begins at the area");
}

#[test]
fn objects_that_facts_place_are_read_whoever_points_to_the_block() {
    let record = |node: usize| [block(node), 0, 0, 0, 7];
    let words = [vec![1], record(1).to_vec(), record(2).to_vec(), record(3).to_vec()].concat();
    let mut program = Program::default()
        .block(&words)
        .block(&[0; 4])
        .block(&[0; 4])
        .block(&[0; 4])
        .conservative_root(&[block(0)]);
    program.placed = vec![(block(0) + 8, "node", 40, 2)];
    let result = program.run();
    // The third is beyond what was placed: bytes.
    assert_eq!(result.types, [None, name("node"), name("node"), None]);
    assert_eq!(result.islands, [(0, 8, "struct node".to_owned())]);
    assert_eq!(result.pinned(), [0, 3]);
    // Pointers to the second of them agree with it, and one in between does not.
    program = program.root("node_ref", &[block(0) + 48]);
    assert_eq!(program.run().marked.disagreements, []);
    // Then it is no array of nodes, and there is the one that is pointed to.
    let program = program.root("node_ref", &[block(0) + 56]);
    assert_eq!(program.run().islands, [(0, 48, "struct node".to_owned())]);
}

#[test]
fn what_is_reached_is_the_same_whether_or_not_it_had_to_be_found_out_anew() {
    // First taken for bytes, since only a conservative root leads to it; the node found through it says otherwise.
    let program = Program::default()
        .block(&[block(1), block(2), 0, 0, 9])
        .block(&[block(0), 0, 0, 0])
        .block(&[0; 3])
        .given(1, "node")
        .conservative_root(&[block(0)]);
    let result = program.run();
    assert_eq!(result.islands, [(0, 0, "struct node".to_owned())]);
    assert_eq!((result.unreached(), result.pinned()), (vec![], vec![0]));
}

#[test]
fn of_what_a_site_knows_to_be_there_once_are_as_many_as_lead_somewhere() {
    let mut program = Program::default()
        .block(&[0, 0, 0, 0, block(2), 0, 0, 0])
        .block(&[0, 0, 0, 0, 0xdead_0000, 0, 0, 0])
        .block(&[0; 4])
        .conservative_root(&[block(0), block(1)]);
    program.given_one = vec![(0, "node"), (1, "node")];
    let result = program.run();
    assert_eq!(result.types, [name("node"), None, name("node")]);
    assert_eq!(result.islands, [(1, 0, "struct node".to_owned())]);
    assert!(result.differences.is_empty(), "{:?}", result.differences);
}
