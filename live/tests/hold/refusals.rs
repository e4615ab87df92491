//! What cannot be held: each is refused with its own error, and left as it was.

use super::program_under_test::Program;
use mcrx_harness::{Context, Need, Pid, Result, Suite, ensure, until};
use mcrx_live::hold::{HoldError, Scope, while_held};
use nix::sys::ptrace;
use std::process::Command;
use std::time::Duration;

pub(crate) fn tests(suite: Suite, compiler: &dyn Fn() -> [Need; 1]) -> Suite {
    suite
        .test([], a_process_that_is_not_there_is_gone)
        .test([], a_zombie_has_ended)
        .test([], nobody_holds_himself)
        .test(compiler(), a_process_under_a_debugger_is_left_alone)
        .test(compiler(), nothing_stays_held_when_one_of_a_tree_is_refused)
}

fn refusal(scope: Scope) -> Result<HoldError> {
    match while_held(scope, |_| ()) {
        Ok(_) => mcrx_harness::bail!("{scope:?} was held"),
        Err(error) => Ok(error),
    }
}

fn a_process_that_is_not_there_is_gone(_: &Context) -> Result<()> {
    // One past the largest that the kernel can be made to give.
    let nobody = Pid::from_raw(4_194_305);
    ensure!(refusal(Scope::Process(nobody))? == HoldError::Gone(nobody));
    ensure!(refusal(Scope::Tree(nobody))? == HoldError::Gone(nobody));
    Ok(())
}

fn a_zombie_has_ended(_: &Context) -> Result<()> {
    let mut child = Command::new("true").spawn()?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let is_zombie = || mcrx_harness::process::Process::read(pid).is_some_and(|process| process.is_zombie());
    until(Duration::from_secs(20), "it to end", || Ok(is_zombie().then_some(())))?;
    let error = refusal(Scope::Process(pid))?;
    child.wait()?;
    ensure!(error == HoldError::Gone(pid), "{error}");
    Ok(())
}

fn nobody_holds_himself(_: &Context) -> Result<()> {
    ensure!(refusal(Scope::Process(Pid::this()))? == HoldError::Ourselves);
    ensure!(refusal(Scope::Tree(Pid::this()))? == HoldError::Ourselves);
    Ok(())
}

fn a_process_under_a_debugger_is_left_alone(test: &Context) -> Result<()> {
    let program = Program::start_of(test, "hold", "crowd", &["1", "0"])?;
    ptrace::seize(program.pid(), ptrace::Options::empty())?;
    let error = refusal(Scope::Process(program.pid()))?;
    let HoldError::Traced { process, tracer } = &error else { mcrx_harness::bail!("{error}") };
    ensure!(*process == program.pid() && tracer.starts_with(&format!("{} (", Pid::this())), "{error}");
    Ok(())
}

fn nothing_stays_held_when_one_of_a_tree_is_refused(test: &Context) -> Result<()> {
    let mut program = Program::start_of(test, "hold", "crowd", &["2", "1"])?;
    program.line()?;
    let child = mcrx_harness::process::descendants(program.pid())[0].pid();
    ptrace::seize(child, ptrace::Options::empty())?;
    let error = refusal(Scope::Tree(program.pid()))?;
    ensure!(matches!(error, HoldError::Traced { process, .. } if process == child), "{error}");
    program.ask("sum")?;
    Ok(())
}
