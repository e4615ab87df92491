//! Programs that record every allocation, as ours does: what that costs when it is their whole purpose.
//!
//! heaptrack writes each call with its stack to a file; jemalloc, told to sample every allocation, keeps the stack of each live
//! block. They keep whole stacks where ours keeps a site. They are slow, so programs do a fraction of their work here, and
//! the ratios are to glibc on the same fraction.

use super::Options;
use super::contender::{BASELINE, Chosen, Contender, OURS};
use super::program::{Kind, Program, Size};
use super::rounds::{self, Measured};
use super::workshop::Workshop;
use std::num::NonZeroUsize;

/// Unless others are asked for: an interpreter, many short-lived blocks, blocks freed by other threads, many sizes.
const PROGRAMS: &[&str] = &["python", "espresso", "xmalloc", "fragment"];

/// Runs glibc's, ours and the recorders, once each: factors of ten need no second look. Nothing without recorders.
pub(super) fn measure(
    options: &Options,
    programs: &[&Program],
    chosen: &Chosen,
    workshop: &mut Workshop,
) -> Option<Measured> {
    if chosen.recorders.is_empty() {
        return None;
    }
    let wanted = |program: &Program| !options.programs.is_empty() || PROGRAMS.contains(&program.name);
    // heaptrack runs a program below a shell, which the signal that stops a server ends instead.
    let programs: Vec<&Program> =
        programs.iter().copied().filter(|program| wanted(program) && program.kind != Kind::Server).collect();
    let beside = |contender: &&Contender| [BASELINE, OURS].contains(&contender.name.as_str());
    let sides: Vec<Contender> =
        chosen.allocators.iter().filter(beside).chain(&chosen.recorders).cloned().collect();
    eprintln!("recorders, on a fraction of the work:");
    Some(rounds::measure(&programs, Size::Small, &sides, NonZeroUsize::MIN, workshop))
}
