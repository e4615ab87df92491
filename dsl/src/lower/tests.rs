//! Each statement, and what the tracer is told by it.

use super::facts;
use crate::load;
use crate::source::Only;
use mcrx_tracer::facts::{
    Arm, Array, Bound, Choice, Element, Facts, FieldFact, Pattern, PointerFact, Reading, Scratch, SiteFact,
    SiteReading, Slab, Subject, Variant,
};
use std::path::Path;

fn lowered(text: &str) -> Facts {
    let loaded = load::rules(Path::new("test.mcrx"), &Only(text));
    assert_eq!(loaded.diagnostics, [], "{text}");
    facts(&loaded.rules)
}

fn field(owner: &str, field: &str, reading: Reading) -> FieldFact {
    FieldFact { owner: owner.to_owned(), field: field.to_owned(), reading }
}

/// What a member reads as.
fn reading(text: &str) -> Reading {
    let facts = lowered(&format!("field conn.data : {text}"));
    let [FieldFact { reading, .. }] = &facts.fields[..] else { panic!("{facts:?}") };
    reading.clone()
}

fn to(name: &str) -> Reading {
    Reading::To(name.to_owned())
}

#[test]
fn several_members_read_alike() {
    let facts = lowered("field conf.main, in.srv : opaque");
    assert_eq!(
        facts.fields,
        [field("conf", "main", Reading::Opaque), field("conf", "in.srv", Reading::Opaque)]
    );
}

#[test]
fn readings_are_the_tracers() {
    let array = |element: Option<&str>, stride: Option<&str>| {
        let (element, stride) = (element.map(str::to_owned), stride.map(Into::into));
        Reading::Array(Array { element, count: "n.used".into(), stride })
    };
    for (text, expected) in [
        ("bytes", Reading::NotAPointer),
        ("pin", Reading::Conservative),
        ("opaque", Reading::Opaque),
        ("retained", Reading::Retained),
        ("declared", Reading::AsDeclared),
        (".u.text", Reading::Member("u.text".into())),
        ("struct request", to("request")),
        ("request**", to("request**")),
        ("dict@\"src/dict.c\"", to("dict@src/dict.c")),
        ("request tagged 0b11", Reading::TaggedTo { bits: 3, to: "request".to_owned() }),
        ("tagged 1", Reading::Tagged(1)),
        ("by_module modules", Reading::Opaque),
        ("infer[n.used]", array(None, None)),
        ("request[n.used] stride size", array(Some("request"), Some("size"))),
        (
            "declared as zset_entry",
            Reading::InVariant { variant: "zset_entry".to_owned(), reading: Box::new(Reading::AsDeclared) },
        ),
    ] {
        assert_eq!(reading(text), expected, "{text}");
    }
}

#[test]
fn what_no_arm_is_about_is_read_conservatively() {
    let when = |patterns: &[Pattern], then| Arm { when: patterns.to_vec(), then };
    let name = |name: &str| Pattern::Name(name.to_owned());
    let arms = vec![
        when(&[name("on_read"), name("on_write_*")], to("request")),
        when(&[Pattern::Number(-1)], Reading::NotAPointer),
        when(&[Pattern::Number(-1)], Reading::Opaque),
        when(&[Pattern::Bits { mask: 7, value: 2 }], to("waiting")),
        when(&[Pattern::Bits { mask: 4, value: 4 }], Reading::AsDeclared),
    ];
    let text = "{ on_read, on_write_* => request -1 => bytes 0xffff_ffff_ffff_ffff => opaque
        & 7 == 2 => waiting & 4 => todo \"what then?\" }";
    for (subject, on) in [
        ("read.handler", Subject::Member("read.handler".into())),
        ("global mode.kind", Subject::Global("mode.kind".into())),
        ("bits 0b111", Subject::Bits(7)),
    ] {
        let choice = Choice { on, arms: arms.clone(), otherwise: Reading::Conservative };
        assert_eq!(reading(&format!("match {subject} {text}")), Reading::Match(Box::new(choice)));
    }
    let Reading::Match(choice) = reading("match kind { _ => opaque }") else { panic!() };
    assert_eq!(choice.otherwise, Reading::Opaque);
}

#[test]
fn an_open_question_says_nothing() {
    let text = "field conn.data : todo \"what is it?\"\nsite make_conn : todo \"what is it?\"";
    assert_eq!(lowered(text), Facts::default());
}

#[test]
fn a_member_of_a_structure_inside_has_its_path() {
    let facts = lowered("field pool.d.next : pool_data");
    assert_eq!(facts.fields, [field("pool", "d.next", to("pool_data"))]);
    // One element is no place of its own.
    assert_eq!(lowered("field pool.slots[2].next : pool_data").fields, []);
}

#[test]
fn pointers_and_variants_have_facts_of_their_own() {
    let facts =
        lowered("pointer entry : tagged 7\nvariant text_entry of entry { v : .text  v.more : opaque }");
    assert_eq!(facts.pointers, [PointerFact { to: "entry".to_owned(), reading: Reading::Tagged(7) }]);
    assert_eq!(facts.variants, [Variant { name: "text_entry".to_owned(), of: "entry".to_owned() }]);
    let text = field("text_entry", "v", Reading::Member("text".into()));
    assert_eq!(facts.fields, [text, field("text_entry", "v.more", Reading::Opaque)]);
}

#[test]
fn sites_are_spoken_of_by_functions() {
    let facts = lowered(
        "wrapper zmalloc, zcalloc_*\nsite create : robj\nsite a, b : bytes\nsite c : caller\nsite d : opaque",
    );
    let site = |function: &str, reading| SiteFact { function: function.to_owned(), reading };
    let expected = [
        site("zmalloc", SiteReading::CallerDecides),
        site("zcalloc_*", SiteReading::CallerDecides),
        site("create", SiteReading::Of("robj".to_owned())),
        site("a", SiteReading::NoPointers),
        site("b", SiteReading::NoPointers),
        site("c", SiteReading::CallerDecides),
        site("d", SiteReading::SaysNothing),
    ];
    assert_eq!(facts.sites, expected);
}

#[test]
fn a_slab_is_where_its_pages_are() {
    let text = "slab classes { pages = list[count] stride = size per_page = perslab element = item
        match flags { & 4 => free & 64 => chunk 3 => pin } }";
    let bits = |bits| vec![Pattern::Bits { mask: bits, value: bits }];
    let live = |name: &str| Element::Live(name.to_owned());
    let kinds = Choice {
        on: Subject::Member("flags".into()),
        arms: vec![
            Arm { when: bits(4), then: Element::Free },
            Arm { when: bits(64), then: live("chunk") },
            Arm { when: vec![Pattern::Number(3)], then: Element::Unknown },
        ],
        otherwise: live("item"),
    };
    let slab = Slab {
        classes: "classes".into(),
        pages: "list".into(),
        page_count: Some("count".into()),
        stride: "size".into(),
        per_page: Some("perslab".into()),
        element: "item".to_owned(),
        kinds: Some(kinds),
    };
    assert_eq!(lowered(text).slabs, [slab]);
}

#[test]
fn scratch_has_two_ends() {
    let scratch = |from, to| Scratch { owner: "pool".to_owned(), from, to };
    let pointer = |path: &str| Bound::Pointer(path.into());
    let element = Bound::Element { array: "text".into(), index: "used".into() };
    let facts = lowered("scratch pool [d.last .. d.end]\nscratch pool [text[used] .. end]");
    let expected = [scratch(pointer("d.last"), pointer("d.end")), scratch(element, Bound::EndOfBlock)];
    assert_eq!(facts.scratch, expected);
}

#[test]
fn of_a_container_the_elements_are_counted_unless_something_is_said_of_them() {
    let container = "container array { elements = elts[nelts] stride = size }";
    let counted = Array { element: None, count: "nelts".into(), stride: Some("size".into()) };
    assert_eq!(lowered(container).fields, [field("array", "elts", Reading::Array(counted))]);
    let facts = lowered(&format!("field array.elts : opaque\n{container}"));
    assert_eq!(facts.field("array", "elts"), Some(&Reading::Opaque));
}

#[test]
fn what_the_tracer_has_no_use_for_is_left_out() {
    let text = "module libcrypto pin\nhandle fd conn.fd\nhook pool palloc(pool, size)";
    let opaque_modules = vec!["libcrypto".to_owned()];
    assert_eq!(lowered(text), Facts { opaque_modules, ..Facts::default() });
}
