//! Pairs of releases made up at random, there and back.
//!
//! The usual run takes a fixed few cases; `MCRX_CASES=N` takes N, of another seed each time or of `MCRX_SEED=S`. What their rules give up is numbers and texts, for which `down` says a first value: what only a pointer that is given up
//! leads to would be gone with it.

use super::case::{Case, Ready};
use super::emit::{Emitter, source};
use super::made_up::{MadeUp, asked};
use super::model::{Change, Program, Release, Struct, What, World};
use super::oracle::{Form, Line};
use super::rules::rules;
use super::run::{BUILDS, Fault};
use super::strategy::world;
use super::way::there_and_back;
use proptest::strategy::Strategy as _;
use rayon::prelude::*;
use std::fmt::Write as _;

/// Cases of the usual run, and their seed.
const USUAL: (usize, u64) = (120, 1);

/// The same, of which only what is no pointer is given up, and no element: what is derived for the way back of that a person completes. What something
/// is merged into is split on the way back: it is held by no other object, and what is split off it keeps its sizes.
fn reversible(mut world: World) -> World {
    let has_part: Vec<bool> = world.structs.iter().map(Struct::has_part).collect();
    let held_apart = |what: What| match what {
        What::Inside(of) | What::Counted(of) if has_part.get(of) == Some(&true) => What::Constant,
        other => other,
    };
    for member in world.structs.iter_mut().flat_map(|one| &mut one.members) {
        member.what = held_apart(member.what.not_shrunk());
        if member.change == Change::Merged {
            member.what = as_large(member.what);
        }
        if member.change == Change::Dropped && !is_plain(member.what) {
            member.change = Change::Stays;
        }
    }
    for global in &mut world.globals {
        global.what = held_apart(global.what);
        if global.change == Change::Dropped && !is_plain(global.what) {
            global.change = Change::Stays;
        }
    }
    world
}

fn as_large(what: What) -> What {
    match what {
        What::Int { new, .. } => What::Int { old: new, new },
        What::Ints { of, new, .. } => What::Ints { of, old: new, new },
        What::Text { new, .. } => What::Text { old: new, new },
        What::Real { new_is_wide, .. } => What::Real { old_is_wide: new_is_wide, new_is_wide },
        other => other,
    }
}

fn is_plain(what: What) -> bool {
    matches!(
        what,
        What::Int { .. }
            | What::Bits { .. }
            | What::Real { .. }
            | What::Text { .. }
            | What::Constant
            | What::Ints { .. }
    )
}

/// What is said for the way back: first values of what was given up. And what these are of.
fn down(program: &Program) -> (String, Vec<String>) {
    let (mut text, mut given_up) = (String::new(), Vec::new());
    for (number, world) in program.worlds.iter().enumerate() {
        let old = Emitter { number, world, release: Release::Old };
        let new = Emitter { release: Release::New, ..old };
        for (index, one) in world.structs.iter().enumerate() {
            let members =
                one.members.iter().enumerate().filter(|(_, member)| member.change == Change::Dropped);
            let members: Vec<String> =
                members.map(|(number, member)| old.member_name(number, member.change)).collect();
            if !members.is_empty() {
                let (from, mut to) = (new.type_name(index), old.type_name(index));
                // Of several types that are made each member's name begins with its own.
                let own = if one.has_part() { format!("{to}.") } else { String::new() };
                let sets: String = members.iter().map(|member| format!("{own}{member} = zero\n")).collect();
                if one.has_part() {
                    to = format!("{to} + {}", old.part_type(index));
                }
                let _ = writeln!(text, "type {from} -> {to} {{\n{sets}}}");
            }
            given_up.extend(members);
        }
        for (index, global) in world.globals.iter().enumerate() {
            if global.change == Change::Dropped {
                let name = old.global_name(index, global);
                let _ = writeln!(text, "global {name} = zero");
                given_up.push(name);
            }
        }
    }
    (if text.is_empty() { text } else { format!("down {{\n{text}}}\n") }, given_up)
}

fn case(program: &Program) -> (Case, Vec<String>) {
    let release = |release| source(program, release);
    let (down, given_up) = down(program);
    let rules = format!("{}{down}", rules(program));
    (Case { old: release(Release::Old), new: release(Release::New), rules, library: None }, given_up)
}

/// All is as it was, but what was given up has its first value.
fn comes_back(program: &Program) -> Result<(), Fault> {
    let (case, given_up) = case(program);
    let ready = Ready::of(&case, (BUILDS[program.builds.0], BUILDS[program.builds.1]))?;
    let (found, expected) = there_and_back(&ready)?;
    let is_given_up = |line: &Line| {
        let mut names = line.place.split(['.', '[']);
        names.any(|name| given_up.iter().any(|given_up| given_up == name))
    };
    let is_right = |(found, expected): (&Line, &Line)| {
        found == expected || found.place == expected.place && is_given_up(found)
    };
    let is_same = |found: &Form, expected: &Form| {
        found.lines.len() == expected.lines.len() && found.lines.iter().zip(&expected.lines).all(is_right)
    };
    match is_same(&found, &expected) {
        true => Ok(()),
        false => Err(format!("it did not come back as it was:\n{}", found.difference(&expected, 12))),
    }
}

#[test]
fn made_up_state_comes_back_as_it_was() {
    let made_up = MadeUp::of(&world().prop_map(reversible), asked().unwrap_or(USUAL), "round-trip");
    let tried = made_up.programs().par_iter().map(comes_back).collect();
    made_up.tell(tried, |program| case(program).0, comes_back);
}
