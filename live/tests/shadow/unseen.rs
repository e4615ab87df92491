//! What a shadow is, and that nothing of it is seen.

use super::old::{Old, PATIENCE};
use mcrx_harness::{Context, Explain as _, Need, Result, Suite, ensure};
use mcrx_live::shadow::{Member, ParkedMember, Shadow};
use mcrx_tracer::image::{Content, Process};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;

pub(crate) fn tests(suite: Suite, needs: &dyn Fn() -> [Need; 2]) -> Suite {
    suite
        .test(needs(), a_shadow_has_the_old_ones_pids_and_touches_nothing)
        .test(needs(), a_daemon_gets_its_pids_though_another_process_was_started)
        .test(needs(), a_process_that_comes_and_goes_at_start_up_takes_no_number_that_is_wanted)
        .test(needs(), numbers_of_descriptors_that_are_taken_are_not_used)
        .test(needs(), a_long_log_is_not_copied)
        .test(needs(), a_program_that_closes_all_descriptors_is_told_of)
        .test(needs(), a_shadow_that_was_captured_is_an_image_of_all_its_processes)
}

fn inside(members: &[Member]) -> Vec<i32> {
    let mut pids: Vec<i32> = members.iter().map(|member| member.inside).collect();
    pids.sort_unstable();
    pids
}

fn outside(old: &Old) -> Result<Vec<i32>> {
    let mut pids: Vec<i32> = old.wanted()?.processes.iter().map(|process| process.pid).collect();
    pids.sort_unstable();
    Ok(pids)
}

fn a_shadow_has_the_old_ones_pids_and_touches_nothing(test: &Context) -> Result<()> {
    let old = Old::start(test, 2, 3, &[])?;
    let before = old.traces()?;
    let shadow = Shadow::start(&old.birth, &old.wanted()?, PATIENCE)?;
    eprintln!("3 processes: at rest after {:.0?}, {} attempts", shadow.took, shadow.attempts);
    ensure!(inside(&shadow.members) == outside(&old)?, "{:?}", shadow.members);
    ensure!(
        shadow.members.iter().all(|member| member.partner == Some(member.inside)),
        "{:?}",
        shadow.members
    );
    ensure!(shadow.said() == format!("listening as {}\n", old.root), "it said {:?}", shadow.said());
    let root = shadow.root().context("a root")?;
    let environment = fs::read(format!("/proc/{}/environ", root.outside))?;
    ensure!(
        environment == b"PATH=/usr/bin:/bin\0MCRX_EPOCH=2\0",
        "{:?}",
        String::from_utf8_lossy(&environment)
    );
    // Threads have the old ones' numbers, too.
    let threads = |wanted: &mcrx_live::shadow::Wanted| -> Vec<Vec<i32>> {
        wanted.processes.iter().map(|process| process.threads.clone()).collect()
    };
    let (its, the_old_ones) = (mcrx_live::shadow::Wanted::of(root.outside)?, old.wanted()?);
    ensure!(threads(&its) == threads(&the_old_ones), "{its:?} {the_old_ones:?}");
    drop(shadow);
    old.expect_untouched(&before)
}

fn a_daemon_gets_its_pids_though_another_process_was_started(test: &Context) -> Result<()> {
    let old = Old::start(test, 2, 0, &["daemon"])?;
    let before = old.traces()?;
    let shadow = Shadow::start(&old.birth, &old.wanted()?, PATIENCE)?;
    eprintln!("a daemon: at rest after {:.0?}, {} attempts", shadow.took, shadow.attempts);
    ensure!(inside(&shadow.members) == outside(&old)?, "{:?}", shadow.members);
    drop(shadow);
    old.expect_untouched(&before)
}

fn a_process_that_comes_and_goes_at_start_up_takes_no_number_that_is_wanted(test: &Context) -> Result<()> {
    // Three children end at once: the workers are the fourth and the fifth, as only a start shows.
    let old = Old::start(test, 2, 1, &["children"])?;
    let shadow = Shadow::start(&old.birth, &old.wanted()?, PATIENCE)?;
    ensure!(shadow.attempts == 2, "{} attempts", shadow.attempts);
    ensure!(inside(&shadow.members) == outside(&old)?, "{:?}", shadow.members);
    Ok(())
}

fn numbers_of_descriptors_that_are_taken_are_not_used(test: &Context) -> Result<()> {
    let old = Old::start(test, 1, 0, &[])?;
    let mut wanted = old.wanted()?;
    wanted.taken = vec![4, 7, 2000];
    let shadow = Shadow::start(&old.birth, &wanted, PATIENCE)?;
    for member in &shadow.members {
        ensure!(member.given_up.is_empty(), "{member:?}");
        let link = |number: i32| fs::read_link(format!("/proc/{}/fd/{number}", member.outside));
        ensure!(
            link(3)?.to_string_lossy().starts_with("socket:")
                && link(5)?.to_string_lossy().starts_with("socket:")
        );
    }
    Ok(())
}

fn a_long_log_is_not_copied(test: &Context) -> Result<()> {
    const LEN: u64 = 20 << 20;
    let old = Old::start(test, 0, 0, &["keep-log"])?;
    let log = old.directory.join("log");
    let bytes = vec![b'x'; usize::try_from(LEN)?];
    fs::OpenOptions::new().append(true).open(&log)?.write_all(&bytes)?;
    let (before, len) = (fs::metadata(&log)?.modified()?, fs::metadata(&log)?.len());
    let shadow = Shadow::start(&old.birth, &old.wanted()?, PATIENCE)?;
    let root = shadow.root().context("a root")?;
    let its = fs::metadata(format!("/proc/{}/root{}", root.outside, log.display()))?;
    ensure!(
        its.len() == len + 8 && its.blocks() * 512 < 1 << 20,
        "{} bytes, {} blocks",
        its.len(),
        its.blocks()
    );
    ensure!(fs::metadata(&log)?.modified()? == before && fs::metadata(&log)?.len() == len);
    Ok(())
}

fn a_program_that_closes_all_descriptors_is_told_of(test: &Context) -> Result<()> {
    let old = Old::start(test, 1, 0, &["closefrom"])?;
    let mut wanted = old.wanted()?;
    wanted.taken = vec![4, 9];
    let shadow = Shadow::start(&old.birth, &wanted, PATIENCE)?;
    ensure!(shadow.members.iter().all(|member| member.given_up == [4, 9]), "{:?}", shadow.members);
    Ok(())
}

fn a_shadow_that_was_captured_is_an_image_of_all_its_processes(test: &Context) -> Result<()> {
    let old = Old::start(test, 2, 1, &[])?;
    let shadow = Shadow::start(&old.birth, &old.wanted()?, PATIENCE)?;
    let parked = shadow.capture()?;
    drop(shadow);
    ensure!(parked.image.processes.len() == 3 && parked.members.len() == 3, "{:?}", parked.members);
    let outside = mcrx_live::capture::capture(mcrx_live::hold::Scope::Tree(old.root))?;
    for ParkedMember { member, kernel } in &parked.members {
        let process = parked.process(member).context("its image")?;
        let tids: Vec<i32> = kernel.threads.iter().map(|thread| thread.tid).collect();
        let wanted = old.wanted()?.processes.into_iter().find(|process| process.pid == member.inside);
        let wanted = wanted.context("what is wanted")?;
        ensure!(tids[0] == wanted.pid && tids[1..] == wanted.threads, "{tids:?} {wanted:?}");
        ensure!(kernel.threads.iter().all(|thread| thread.blocked_in.is_some()), "{kernel:?}");
        let partner = member.partner.context("a partner")?.cast_unsigned();
        let partner = outside.processes.iter().find(|process| process.pid == partner).context("its image")?;
        ensure!(modules(process) == modules(partner), "{:#?} {:#?}", modules(process), modules(partner));
        ensure!(process.threads.len() == partner.threads.len());
        // Mapped files are the same though they are seen through an overlay: what they hold is not copied.
        let (bytes, partners) = (copied(process), copied(partner));
        ensure!(bytes < partners + (1 << 20), "{bytes} bytes were copied, {partners} of its partner");
    }
    Ok(())
}

/// Paths and build-ids.
fn modules(process: &Process) -> Vec<String> {
    let mut modules: Vec<String> =
        process.modules.iter().map(|module| format!("{:?} {:?}", module.path, module.build_id)).collect();
    modules.sort();
    modules
}

/// Bytes that are in the image itself.
fn copied(process: &Process) -> u64 {
    let segments = process.memory.segments().iter();
    let held = segments.filter(|segment| matches!(**segment.content(), Content::Held(_)));
    held.map(|segment| segment.range().end - segment.range().start).sum()
}
