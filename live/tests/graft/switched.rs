//! The new release's code in the old process.

use super::{Two, everything, graft, held, same, start};
use mcrx_harness::{Context, Explain as _, Pid, Result, ensure};
use mcrx_live::capture::capture;
use mcrx_live::graft::{Graft, Left, Noted};
use mcrx_live::hold::{Hands, Scope};
use mcrx_live::kernel::{KernelState, Survey};
use mcrx_live::process::maps;
use mcrx_live::switch::{Pairs, Switch};
use mcrx_tracer::image::Process;
use std::fs::File;
use std::os::fd::AsFd as _;

/// Gives the old process's threads the new ones' parts, up to the last step.
fn switch<'h, 'w>(
    two: &Two,
    graft: &mut Graft,
    hands: &'h Hands<'w>,
    new: &KernelState,
) -> Result<Switch<'h, 'w>> {
    let pid = two.old.pid();
    let old = Survey::of(pid).read(hands)?;
    let noted = graft.settle(hands, pid, &old.layout, &new.layout)?;
    ensure!(noted == Noted::Yes, "{noted:?}");
    let pairs = Pairs::of(&old.threads, &new.threads, |_| None, |_| None);
    ensure!(pairs.pairs.len() == 2, "{pairs:?}");
    Ok(Switch::make(hands, pid, &old, new, &pairs)?)
}

/// What the kernel has for the new process; and what the old one leaves behind.
fn surveyed(two: &Two, graft: &Graft, old: &Process) -> Result<(KernelState, Left)> {
    let new = two.new.pid();
    let survey = Survey::of(new);
    let state = held(new, |hands| Ok(survey.read(hands)?))?;
    let left = Left::of(old, &maps::read(two.old.pid())?, graft.plan());
    Ok((state, left))
}

/// What the kernel says of a program: its command line and its auxiliary vector.
fn told(pid: Pid) -> Result<[Vec<u8>; 2]> {
    Ok(["cmdline", "auxv"].map(|file| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()))
}

pub(crate) fn the_old_process_goes_on_as_the_new_release(test: &Context) -> Result<()> {
    let mut two = start(test)?;
    let pid = two.old.pid();
    let old = capture(Scope::Process(pid))?.processes.remove(0);
    let mut graft = graft(&two)?;
    let (state, left) = surveyed(&two, &graft, &old)?;
    held(pid, |hands| {
        switch(&two, &mut graft, hands, &state)?.finish()?;
        Ok(graft.hide(hands, pid, &left)?)
    })?;
    // Its own counter and text; the time is told by the kernel's page that was moved.
    ensure!(two.old.ask("count")? == ["6 new constant 2 1"], "the new one answers");
    let now = maps::read(pid)?;
    for range in left.ranges() {
        let mapping = maps::holding(&now, range.start).context("it is mapped")?;
        ensure!(!mapping.read && !mapping.write && !mapping.execute, "{mapping:?} is accessible");
    }
    let program = File::open(std::fs::read_link(format!("/proc/{}/exe", two.new.pid()))?)?;
    held(pid, |hands| {
        left.unmap(hands, pid)?;
        let noted = graft.name_program(hands, pid, &state.layout, program.as_fd())?;
        ensure!(noted == Noted::Yes, "{noted:?}");
        Ok(())
    })?;
    let exe = |pid: Pid| std::fs::read_link(format!("/proc/{pid}/exe"));
    ensure!(
        exe(pid)? == exe(two.new.pid())? && told(pid)? == told(two.new.pid())?,
        "the kernel takes it for the new program"
    );
    ensure!(two.old.ask("count")? == ["7 new constant 2 1"], "it goes on");
    // Its children have all of it.
    let mappings = maps::read(pid)?.len();
    ensure!(two.old.ask("fork")? == [format!("mappings {mappings}")], "a child has what it has");
    let theirs = std::fs::read_to_string(format!("/proc/{}/maps", two.new.pid()))?.lines().count();
    ensure!(mappings < theirs + 12, "{mappings} mappings are left, and the new release has {theirs}");
    Ok(())
}

pub(crate) fn all_of_it_is_undone_up_to_the_last_step(test: &Context) -> Result<()> {
    let mut two = start(test)?;
    let pid = two.old.pid();
    let before = held(pid, |hands| everything(hands, pid))?;
    let told_before = told(pid)?;
    let old = capture(Scope::Process(pid))?.processes.remove(0);
    let mut graft = graft(&two)?;
    let (state, left) = surveyed(&two, &graft, &old)?;
    held(pid, |hands| {
        let switch = switch(&two, &mut graft, hands, &state)?;
        graft.hide(hands, pid, &left)?;
        ensure!(told(pid)? != told_before, "the kernel knows of another program");
        graft.unhide(hands, pid)?;
        let undone = switch.undo();
        ensure!(undone.0.is_empty(), "{undone:?}");
        Ok(graft.undo(hands, pid)?)
    })?;
    same(&before, &held(pid, |hands| everything(hands, pid))?)?;
    ensure!(told(pid)? == told_before, "the kernel knows of the old program");
    ensure!(two.old.ask("count")? == ["7 old constant 2 1"], "it goes on");
    Ok(())
}
