//! Stacks on lines: `outer;inner;[type] bytes`, as Brendan Gregg's tools have them.

use crate::diff::Diff;
use crate::edges::at;
use crate::index::Group;
use crate::owners::Owner;
use crate::sources::Frame;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a stack is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The calls that made a block.
    Site,
    /// The way from a variable to it.
    Owner,
}

/// Bytes of each stack, before and after; a stack's outermost frame is first, and its last is the type of the blocks in brackets.
pub fn stacks(diff: &Diff, by: By) -> BTreeMap<Vec<String>, [u64; 2]> {
    let mut stacks: BTreeMap<Vec<String>, [u64; 2]> = BTreeMap::new();
    for (group, change) in &diff.rows {
        let bytes = stacks.entry(stack(diff, group, by)).or_default();
        bytes[0] += change.bytes_before;
        bytes[1] += change.bytes_after;
    }
    stacks
}

fn stack(diff: &Diff, group: &Group, by: By) -> Vec<String> {
    let mut stack = match by {
        By::Site => {
            let frames = diff.sites.get(at(group.site)).map_or(&[][..], Vec::as_slice);
            frames.iter().rev().map(name).collect()
        }
        By::Owner => steps(diff, group.owner),
    };
    if stack.is_empty() {
        stack.push("(not recorded)".to_owned());
    }
    let ty = diff.types.get(at(group.ty)).map_or("", String::as_str);
    stack.push(format!("[{ty}]"));
    stack
}

/// The steps of a way, the first one first.
pub fn steps(diff: &Diff, owner: Owner) -> Vec<String> {
    let mut steps: Vec<String> = std::iter::successors(Some(owner), |owner| diff.owners.holder(*owner))
        .map(|owner| diff.owners.last_step(owner))
        .collect();
    steps.reverse();
    steps
}

/// A call without its line: calls of one function are one box.
pub(crate) fn name(frame: &Frame) -> String {
    match (&frame.function, &frame.file) {
        (Some(function), _) => function.clone(),
        (None, Some(file)) => format!("{}+{:#x}", file.rsplit('/').next().unwrap_or(file), frame.offset),
        (None, None) => format!("{:#x}", frame.offset),
    }
}

/// The lines, with one number; or, of two snapshots, with that before and that after.
pub fn lines(stacks: &BTreeMap<Vec<String>, [u64; 2]>, of_two: bool) -> Vec<String> {
    let line = |(stack, [before, after]): (&Vec<String>, &[u64; 2])| {
        // What would end a frame or a line in the middle of a name.
        let plain = |frame: &String| frame.replace(';', ":").replace(['\n', '\r'], " ");
        let mut line = stack.iter().map(plain).collect::<Vec<String>>().join(";");
        let _ = if of_two { write!(line, " {before} {after}") } else { write!(line, " {after}") };
        line
    };
    let is_there = |(_, [before, after]): &(&Vec<String>, &[u64; 2])| *after > 0 || of_two && *before > 0;
    stacks.iter().filter(is_there).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_stack_and_its_bytes() {
        let stack = |frames: &[&str]| frames.iter().map(|frame| (*frame).to_owned()).collect::<Vec<String>>();
        let stacks = BTreeMap::from([
            (stack(&["main", "make;it", "[struct a]"]), [3, 5]),
            (stack(&["main", "[struct b]"]), [7, 0]),
        ]);
        assert_eq!(lines(&stacks, false), ["main;make:it;[struct a] 5"]);
        assert_eq!(lines(&stacks, true), ["main;[struct b] 7 0", "main;make:it;[struct a] 3 5"]);
    }
}
