//! Processes that can be cloned, and others, which are copied.

use super::{check, server};
use mcrx_harness::{Context, Result, ensure};
use mcrx_live::capture::{Choice, capture_by};
use mcrx_live::hold::Scope;
use mcrx_live::process::status::Status;
use mcrx_tracer::image::Method;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Duration;

fn method(process: Pid, choice: Choice) -> Result<Method> {
    let image = capture_by(Scope::Process(process), choice)?;
    ensure!(image.processes.len() == 1 && image.processes[0].memory.len() > 1 << 20);
    Ok(image.taken.method)
}

/// Root may suspend it; whoever may not is refused a twin, and copies.
pub(crate) fn a_filtered_process_is_cloned_where_its_filter_can_be_suspended(test: &Context) -> Result<()> {
    let (mut program, _) = server(test, &["heap=4", "filter"])?;
    ensure!(Status::of(program.pid()).is_some_and(|status| status.is_filtered()));
    let expected = if nix::unistd::geteuid().is_root() { Method::Clone } else { Method::Copy };
    for _ in 0..20 {
        ensure!(method(program.pid(), Choice::Clone)? == expected);
        check(&mut program)?;
    }
    Ok(())
}

pub(crate) fn a_process_that_may_make_no_other_is_copied(test: &Context) -> Result<()> {
    let (mut program, _) = server(test, &["heap=4", "limit"])?;
    for _ in 0..10 {
        ensure!(method(program.pid(), Choice::Clone)? == Method::Copy);
        check(&mut program)?;
    }
    Ok(())
}

pub(crate) fn a_stopped_process_is_copied(test: &Context) -> Result<()> {
    let (mut program, _) = server(test, &["heap=4", "interrupted"])?;
    let process = program.pid();
    kill(process, Signal::SIGSTOP)?;
    let state = || mcrx_harness::process::Process::read(process).map(|process| process.state());
    mcrx_harness::until(Duration::from_secs(20), "it to stop", || Ok((state() == Some('T')).then_some(())))?;
    ensure!(method(process, Choice::Clone)? == Method::Copy);
    mcrx_harness::until(Duration::from_secs(20), "it to be stopped as before", || {
        Ok((state() == Some('T')).then_some(()))
    })?;
    kill(process, Signal::SIGCONT)?;
    check(&mut program)
}

pub(crate) fn a_small_process_is_copied_and_a_large_one_cloned(test: &Context) -> Result<()> {
    for (heap, expected) in [("heap=1", Method::Copy), ("heap=64", Method::Clone)] {
        let (mut program, _) = server(test, &[heap])?;
        ensure!(method(program.pid(), Choice::Quickest)? == expected, "{heap}");
        ensure!(method(program.pid(), Choice::Copy)? == Method::Copy, "{heap}");
        check(&mut program)?;
    }
    Ok(())
}
