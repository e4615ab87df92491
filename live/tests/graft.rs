//! A graft brings the new release's memory into the old process, byte for byte, and an undone one leaves nothing.

use mcrx_harness::{Context, Explain as _, Pid, Result, Suite, ensure, program};
use mcrx_live::capture::capture;
use mcrx_live::graft::{Graft, Left, Plan, Refusal, Source, Sources, Space};
use mcrx_live::hold::{Hands, Scope, while_held_then};
use mcrx_live::process::maps;
use mcrx_tracer::image::Process;
use program_under_test::Program;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::ExitCode;
use std::time::Duration;

#[path = "hold/program.rs"]
mod program_under_test;
#[path = "graft/switched.rs"]
mod switched;

fn main() -> ExitCode {
    let cc = || [program("cc")];
    Suite::new()
        .test(cc(), every_byte_of_the_new_release_is_in_the_old_process)
        .test(cc(), an_undone_graft_leaves_no_mapping_and_no_byte)
        .test(cc(), a_child_that_is_made_meanwhile_has_nothing_of_the_new_release)
        .test(cc(), what_the_old_process_maps_meanwhile_is_not_touched)
        .test(cc(), switched::the_old_process_goes_on_as_the_new_release)
        .test(cc(), switched::all_of_it_is_undone_up_to_the_last_step)
        .within(Duration::from_secs(120))
        .run()
}

/// An old process, and the image of one of the new release.
struct Two {
    old: Program,
    new: Program,
    image: Process,
}

fn start(test: &Context) -> Result<Two> {
    let mut old = Program::start_of(test, "graft", "server", &["old"])?;
    let new = Program::start_of(test, "graft", "next", &["new"])?;
    ensure!(old.ask("count")? == ["6 old constant 2 1"], "the old one answers");
    let mut image = capture(Scope::Process(new.pid()))?;
    Ok(Two { old, new, image: image.processes.remove(0) })
}

/// The list of mappings, and the bytes of each that can be read, by address.
type Everything = (String, Vec<(u64, Vec<u8>)>);

/// Everything that a process has, as it is while nothing of it runs; but for where the kernel tells a thread on which processor it is
/// (rseq(2)).
fn everything(hands: &Hands<'_>, pid: Pid) -> Result<Everything> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut bytes = Vec::new();
    let areas = hands.threads(pid).into_iter().map(|thread| hands.rseq(thread.id));
    let areas = areas.collect::<std::result::Result<Vec<_>, _>>()?;
    for mapping in maps::read(pid)?.iter().filter(|mapping| mapping.read) {
        let kernels = mapping.is("vvar") || mapping.is("vvar_vclock") || mapping.is("vsyscall");
        if !kernels {
            let mut content = vec![0; usize::try_from(mapping.bytes())?];
            memory.read_exact_at(&mut content, mapping.range.start)?;
            for area in areas.iter().flatten().filter(|area| mapping.range.contains(&area.address)) {
                let start = usize::try_from(area.address - mapping.range.start)?;
                content[start..start + 32].fill(0);
            }
            bytes.push((mapping.range.start, content));
        }
    }
    Ok((text, bytes))
}

fn same(before: &Everything, after: &Everything) -> Result<()> {
    ensure!(before.0 == after.0, "mappings:\n{}and not\n{}", after.0, before.0);
    for ((start, before), (_, after)) in before.1.iter().zip(&after.1) {
        if let Some(at) = before.iter().zip(after).position(|(one, other)| one != other) {
            mcrx_harness::bail!("bytes differ at {:#x}", start + u64::try_from(at)?);
        }
    }
    Ok(())
}

/// Does something in the held process by its main thread.
fn held<T: Send>(pid: Pid, work: impl FnOnce(&Hands<'_>) -> Result<T> + Send) -> Result<T> {
    let (done, _) = while_held_then(Scope::Process(pid), |_, hands| work(hands), |done| done)?;
    done
}

/// The two in one: mapped, and filled while the old one runs.
fn graft(two: &Two) -> Result<Graft> {
    let pid = two.old.pid();
    let plan = Plan::of(&two.image, &Space::of(pid)?, &[])?;
    let mut sources = Sources::default();
    sources.add(pid, &two.image, &plan)?;
    ensure!(sources.missing().is_empty(), "{:?}", sources.missing());
    let mut graft = Graft::new(pid, plan);
    held(pid, |hands| Ok(graft.make(hands, pid, &sources)?))?;
    let written = graft.fill(&two.image, &sources)?;
    ensure!(written > 300_000, "{written} bytes are written");
    Ok(graft)
}

fn every_byte_of_the_new_release_is_in_the_old_process(test: &Context) -> Result<()> {
    let mut two = start(test)?;
    let graft = graft(&two)?;
    let memory = File::open(format!("/proc/{}/mem", two.old.pid()))?;
    let mut compared = 0;
    for segment in two.image.memory.segments() {
        let range = segment.range();
        let Some(piece) = graft.plan().piece_at(range.start) else { continue };
        let mut bytes = vec![0; usize::try_from(range.end - range.start)?];
        memory.read_exact_at(&mut bytes, range.start).with_context(|| format!("{piece:x?}"))?;
        let mut wanted = vec![0; bytes.len()];
        two.image.memory.read(range.start, &mut wanted)?;
        ensure!(bytes == wanted, "{piece:x?} differs");
        compared += bytes.len();
    }
    ensure!(compared > 2 << 20, "{compared} bytes are compared");
    let is_mapped = |wanted: &Source| {
        graft
            .plan()
            .pieces
            .iter()
            .any(|piece| std::mem::discriminant(&piece.source) == std::mem::discriminant(wanted))
    };
    ensure!(is_mapped(&Source::Stack), "it has a stack");
    // As the new release has them: permissions, files.
    let theirs = maps::read(two.new.pid())?;
    let ours = maps::read(two.old.pid())?;
    for mapping in theirs
        .iter()
        .filter(|mapping| graft.plan().piece_at(mapping.range.start).is_some() && !mapping.shared)
    {
        let here = maps::holding(&ours, mapping.range.start).context("it is mapped")?;
        let protection = |mapping: &maps::Mapping| (mapping.read, mapping.write, mapping.execute);
        ensure!(protection(here) == protection(mapping), "{here:?} is not {mapping:?}");
        ensure!(mapping.path() == here.path(), "{here:?} is not {mapping:?}");
    }
    ensure!(two.old.ask("count")? == ["7 old constant 2 1"], "it goes on");
    Ok(())
}

fn an_undone_graft_leaves_no_mapping_and_no_byte(test: &Context) -> Result<()> {
    let mut two = start(test)?;
    let pid = two.old.pid();
    let before = held(pid, |hands| everything(hands, pid))?;
    let old = capture(Scope::Process(pid))?.processes.remove(0);
    let mut graft = graft(&two)?;
    held(pid, |hands| {
        let now = maps::read(pid)?;
        graft.undo(hands, pid)?;
        let left = Left::of(&old, &now, graft.plan());
        ensure!(left.ranges().len() > 3, "{left:x?}");
        Ok(())
    })?;
    same(&before, &held(pid, |hands| everything(hands, pid))?)?;
    ensure!(graft.journal().steps.is_empty(), "nothing is left to be undone");
    ensure!(two.old.ask("count")? == ["7 old constant 2 1"], "it goes on");
    Ok(())
}

fn a_child_that_is_made_meanwhile_has_nothing_of_the_new_release(test: &Context) -> Result<()> {
    let mut two = start(test)?;
    let before = two.old.ask("fork")?;
    let _graft = graft(&two)?;
    let after = two.old.ask("fork")?;
    ensure!(before == after, "{after:?} and not {before:?}");
    Ok(())
}

fn what_the_old_process_maps_meanwhile_is_not_touched(test: &Context) -> Result<()> {
    let two = start(test)?;
    let pid = two.old.pid();
    let plan = Plan::of(&two.image, &Space::of(pid)?, &[])?;
    let mut sources = Sources::default();
    sources.add(pid, &two.image, &plan)?;
    let mut first = Graft::new(pid, plan.clone());
    let mut second = Graft::new(pid, plan);
    held(pid, |hands| Ok(first.make(hands, pid, &sources)?))?;
    let before = held(pid, |hands| everything(hands, pid))?;
    let refused = held(pid, |hands| Ok(second.make(hands, pid, &sources).err()))?;
    ensure!(
        matches!(refused, Some(mcrx_live::graft::GraftError::Refused(Refusal::Collision { .. }))),
        "{refused:?}"
    );
    ensure!(second.journal().steps.is_empty(), "it has done nothing");
    same(&before, &held(pid, |hands| everything(hands, pid))?)
}
