use super::*;
use crate::index::{Life, Process};
use mcrx_tracer::graph::Pair;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A block, as a test makes one up: address, generation, whether it is a pool's part, bytes, group.
type Made = (u64, u32, bool, u64, u32);

fn frame(build: u8, function: u64) -> Frame {
    Frame {
        function: Some(format!("make_{function}")),
        function_offset: Some(u64::from(build)),
        file: Some("/bin/server".to_owned()),
        offset: function * 64 + u64::from(build),
        source: None,
        line: None,
        build_id: BuildId::new(&[build; 20]),
    }
}

/// A process with eight groups: two types, two sites, two owners.
fn index(pid: u32, build: u8, made: &[Made]) -> Index {
    let mut owners = Owners::default();
    let start = owners.start("list");
    let step = owners.member("struct node", ".leaf");
    let leaf = owners.through(start, step);
    let groups = (0..8).map(|number| Group {
        ty: number & 1,
        site: number >> 1 & 1,
        owner: if number & 4 == 0 { start } else { leaf },
    });
    let blocks: BTreeMap<(u64, Life), Block> = made
        .iter()
        .map(|(address, generation, is_part, bytes, group)| {
            let life = Life::new(*generation, *is_part);
            ((*address, life), Block { address: *address, bytes: *bytes, life, group: *group })
        })
        .collect();
    let id = BuildId::new(&[build; 20]);
    let process = Process { pid, program: id, builds: id.into_iter().collect(), ..Process::default() };
    Index {
        process,
        blocks: blocks.into_values().collect(),
        groups: groups.collect(),
        types: vec![format!("struct of_{build}"), "struct leaf".to_owned()],
        sites: vec![vec![frame(build, 1)], vec![frame(build, 2), frame(build, 1)]],
        owners,
        ..Index::default()
    }
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let made = (0..40u64, 0..3u32, any::<bool>(), 0..100u64, 0..8u32);
    let process = (1..4u32, 1..3u8, prop::collection::vec(made, 0..60));
    prop::collection::vec(process, 0..4).prop_map(|processes| {
        let mut seen = BTreeSet::new();
        let processes = processes.into_iter().filter(|(pid, ..)| seen.insert(*pid));
        Snapshot { processes: processes.map(|(pid, build, made)| index(pid, build, &made)).collect() }
    })
}

/// The rows by name, and those in which there is nothing left out: the naive one makes none for groups without blocks.
fn named(diff: &Diff, before: &Snapshot, after: &Snapshot) -> naive::Rows {
    let builds = |snapshot: &Snapshot| -> BTreeSet<BuildId> {
        snapshot.processes.iter().flat_map(|index| index.process.builds.clone()).collect()
    };
    let in_both = builds(before).intersection(&builds(after)).copied().collect();
    let name = |(group, change): &(Group, Change)| {
        let frames = diff.sites[group.site as usize].iter().map(|frame| frame.key(&in_both)).collect();
        ((diff.types[group.ty as usize].clone(), frames, diff.owners.name(group.owner)), *change)
    };
    let is_there = |(_, change): &&(Group, Change)| {
        change.count_before + change.count_after + change.between.map_or(0, |pair| pair.blocks) > 0
    };
    diff.rows.iter().filter(is_there).map(name).collect()
}

proptest! {
    #[test]
    fn a_diff_is_what_the_naive_one_says(before in snapshot(), after in snapshot()) {
        let diff = Diff::of(&before, &after);
        prop_assert_eq!(named(&diff, &before, &after), naive::diff(&before, None, &after));
    }

    #[test]
    fn a_diff_of_three_is_what_the_naive_one_says(a in snapshot(), b in snapshot(), c in snapshot()) {
        let diff = Diff::of_three(&a, &b, &c);
        prop_assert_eq!(named(&diff, &a, &c), naive::diff(&a, Some(&b), &c));
    }

    #[test]
    fn every_table_adds_up_to_the_total(a in snapshot(), b in snapshot()) {
        let diff = Diff::of(&a, &b);
        let sum = |changes: Vec<Change>| {
            let mut sum = Change { made: diff.total.made.map(|_| Pair::default()), freed: diff.total.freed.map(|_| Pair::default()), ..Change::default() };
            changes.iter().for_each(|change| sum.add(change));
            sum
        };
        prop_assert_eq!(sum(diff.by_type().into_iter().map(|(_, change, _)| change).collect()), diff.total);
        prop_assert_eq!(sum(diff.by_site().into_iter().map(|(_, change, _)| change).collect()), diff.total);
        prop_assert_eq!(sum(diff.by_owner().into_iter().map(|(_, change, _)| change).collect()), diff.total);
        let through = diff.through_owners();
        let starts = diff.owners.iter().filter(|owner| diff.owners.holder(*owner).is_none());
        prop_assert_eq!(sum(starts.map(|owner| through[owner.0 as usize]).collect()), diff.total);
    }
}

fn pair(blocks: u64, bytes: u64) -> Option<Pair> {
    Some(Pair { blocks, bytes })
}

#[test]
fn an_address_that_was_used_again_is_another_block() {
    let before = Snapshot { processes: vec![index(7, 1, &[(16, 1, false, 10, 0), (32, 1, false, 5, 0)])] };
    let after = Snapshot { processes: vec![index(7, 1, &[(16, 2, false, 10, 0), (32, 1, false, 5, 0)])] };
    let total = Diff::of(&before, &after).total;
    assert_eq!((total.count_before, total.count_after, total.growth()), (2, 2, 0));
    assert_eq!((total.made, total.freed), (pair(1, 10), pair(1, 10)));
}

#[test]
fn what_was_made_after_the_second_snapshot_has_not_stayed_yet() {
    let at = |blocks: &[Made]| Snapshot { processes: vec![index(7, 1, blocks)] };
    let (old, leaked, freed, new) =
        ((16, 1, false, 1, 0), (32, 1, false, 20, 0), (48, 1, false, 300, 0), (64, 1, false, 4000, 0));
    let diff = Diff::of_three(&at(&[old]), &at(&[old, leaked, freed]), &at(&[old, leaked, new]));
    assert_eq!(diff.total.stayed, pair(1, 20));
    assert_eq!(diff.total.made, pair(2, 4020));
}

#[test]
fn processes_of_two_starts_are_compared_by_name_alone() {
    let before = Snapshot { processes: vec![index(7, 1, &[(16, 1, false, 10, 3)])] };
    let after = Snapshot { processes: vec![index(8, 2, &[(16, 1, false, 10, 3), (32, 1, false, 10, 3)])] };
    let diff = Diff::of(&before, &after);
    assert!(!diff.is_matched());
    // The type and the functions of the call have the same names in both releases, whatever their offsets.
    let by_type = diff.by_type();
    assert_eq!((by_type[0].0, by_type[0].1.count_before, by_type[0].1.count_after), ("struct leaf", 1, 2));
    assert_eq!(diff.by_site()[0].1.count_before, 1);
}

#[test]
fn a_process_that_an_update_gave_another_program_is_still_the_same() {
    let before = Snapshot { processes: vec![index(7, 1, &[(16, 1, false, 10, 0)])] };
    let after = Snapshot { processes: vec![index(7, 2, &[(16, 1, false, 10, 0)])] };
    assert_eq!(Diff::of(&before, &after).total.made, pair(0, 0));
    let mut restarted = index(7, 1, &[(16, 1, false, 10, 0)]);
    restarted.process.stack_end = 4096;
    assert!(!Diff::of(&before, &Snapshot { processes: vec![restarted] }).is_matched());
}
