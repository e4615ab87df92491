//! A right image has no findings; each fault that is put into it is found.

use crate::scene::{ACT, LABEL, LEAF, NEXT, OWNER, Scene, function, program, put, thread_local, variable};
use mcrx_transform::target::Merged;
use mcrx_transform::verify::{Carried, Fault, Finding, Report, Sort};

/// What is found when words of a right image are written over.
fn with(words: &[(u64, u64)]) -> Report {
    let scene = Scene::shared();
    let mut merged: Merged = scene.carried_over();
    words.iter().for_each(|(at, word)| put(&mut merged, *at, *word));
    scene.verify(merged)
}

/// The only finding, but that what was pointed to before is lost.
fn found(words: &[(u64, u64)]) -> Finding {
    let mut report = with(words);
    report.findings.retain(|finding| finding.fault != Fault::Lost);
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    report.findings[0].clone()
}

fn fault(words: &[(u64, u64)]) -> Fault {
    found(words).fault
}

fn item(number: usize) -> u64 {
    Scene::shared().items()[number]
}

#[test]
fn an_image_without_faults_has_no_findings_though_the_program_has_stale_and_cast_pointers() {
    let report = with(&[]);
    assert!(report.is_clean(), "{report:#?}");
    assert!(report.pointers > 200, "{report:#?}");
    assert_eq!(with(&[(item(10) + NEXT, 0)]), with(&[(item(10) + NEXT, 0)]), "the same once more");
}

#[test]
fn a_pointer_to_where_nothing_is_mapped_is_found_with_its_address_and_the_way_to_it() {
    let finding = found(&[(item(2) + LEAF, 0x10_0008)]);
    assert_eq!((finding.address, &finding.fault), (item(2) + LEAF, &Fault::Dangling { to: 0x10_0008 }));
    assert_eq!(finding.path, "items->next->next->leaf");
    let far = found(&[(item(30) + LEAF, 0x10_0008)]).path;
    let (start, end) = ("items->next->next->next->next->next", "->next->next->next->next->next->next->leaf");
    assert_eq!(far, format!("{start}-> (19 pointers) {end}"), "of a long way only the ends are told");
}

#[test]
fn a_pointer_that_still_leads_to_the_old_program_is_found() {
    let old = variable(Scene::shared().now(), "label");
    assert_eq!(fault(&[(item(1) + LABEL, old)]), Fault::OldRelease { to: old });
    let old = function(Scene::shared().now(), "greet");
    assert_eq!(fault(&[(item(1) + ACT, old)]), Fault::OldRelease { to: old });
}

#[test]
fn a_pointer_to_a_block_that_does_not_live_is_found() {
    let scene = Scene::shared();
    let region = scene.now().regions()[0].0;
    assert_eq!(fault(&[(item(5) + LEAF, region + 64)]), Fault::Freed { to: region + 64 });
}

#[test]
fn a_pointer_into_the_middle_of_a_function_is_found() {
    let middle = function(Scene::shared().fresh(), "greet") + 1;
    assert_eq!(fault(&[(item(0) + ACT, middle)]), Fault::NoFunction { to: middle });
    let label = variable(Scene::shared().fresh(), "label");
    assert_eq!(fault(&[(item(0) + ACT, label)]), Fault::NoFunction { to: label });
}

#[test]
fn a_pointer_to_data_that_leads_into_code_is_found() {
    let code = function(Scene::shared().fresh(), "greet");
    assert_eq!(fault(&[(item(0) + LEAF, code)]), Fault::IntoCode { to: code });
}

#[test]
fn a_pointer_to_an_object_of_another_type_is_found() {
    let claim = |to, claimed: &str, found: &str| {
        let (claimed, found) = (claimed.to_owned(), found.to_owned());
        Fault::Disagrees { to, claimed, found }
    };
    // To a carried object, also where its own pointers say nothing against it.
    let leaf = Scene::shared().now().memory.word(item(9) + LEAF).expect("it is there");
    let report = with(&[(leaf + OWNER, leaf)]);
    let wanted = claim(leaf, "struct item", "struct leaf");
    assert!(report.findings.iter().any(|finding| finding.fault == wanted), "{report:#?}");
    // To a variable.
    let label = variable(Scene::shared().fresh(), "label");
    assert_eq!(fault(&[(item(9) + LEAF, label)]), claim(label, "struct leaf", "struct label"));
}

#[test]
fn objects_that_nothing_leads_to_any_more_are_found() {
    let report = with(&[(item(10) + NEXT, 0)]);
    // Items, leaves and bytes behind the eleventh; one leaf was freed, and leaves point to items.
    let behind = Scene::shared().items().len() - 11;
    assert_eq!(report.counts.get(&Sort::Lost).copied(), u64::try_from(3 * behind - 1).ok(), "{report:#?}");
    assert!(report.findings.iter().all(|finding| finding.fault == Fault::Lost), "{report:#?}");
    assert_eq!(report.findings.len(), 10, "the first ones are told, all are counted");
}

#[test]
fn an_object_that_only_the_old_threads_storage_leads_to_is_lost() {
    let scene = Scene::shared();
    let found = found_lost(&[(thread_local(scene.fresh(), "mine"), 0)]);
    assert_eq!(found, [scene.mine()]);
}

/// Where objects are that are found to be lost.
fn found_lost(words: &[(u64, u64)]) -> Vec<u64> {
    let lost = with(words).findings.into_iter().filter(|finding| finding.fault == Fault::Lost);
    lost.map(|finding| finding.address).collect()
}

#[test]
fn an_object_that_has_no_room_where_it_is_said_to_be_is_found() {
    let scene = Scene::shared();
    let nowhere = 0x10_0000..0x10_0010;
    let too_long = item(0)..item(0) + 4096;
    for range in [nowhere, too_long] {
        let carried = [Carried { range: range.clone(), ty: None }];
        let report = scene.verify_carried(scene.carried_over(), &carried);
        assert_eq!(report.findings.len(), 1, "{report:#?}");
        assert_eq!((report.findings[0].address, &report.findings[0].fault), (range.start, &Fault::Gone));
    }
}

#[test]
fn what_the_new_release_had_wrong_itself_is_found_once_it_is_wrong_in_another_way() {
    let scene = Scene::shared();
    let stale = variable(scene.fresh(), "stale");
    let to = program(scene.now()).range.start + 0x40;
    assert_eq!(fault(&[(stale, to)]), Fault::OldRelease { to });
    let cast = variable(scene.fresh(), "cast");
    let label = variable(scene.fresh(), "label");
    assert!(matches!(fault(&[(cast, label)]), Fault::Disagrees { .. }));
}
