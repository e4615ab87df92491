//! Whoever starts a shadow is killed, at many moments: nothing is left.

use super::old::{Old, PATIENCE};
use mcrx_harness::{Context, Explain as _, Need, Result, Suite, until};
use mcrx_live::birth::Birth;
use mcrx_live::shadow::{Shadow, Wanted};
use nix::unistd::Pid;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Set to a birth record and a process: this program starts a shadow and waits to be killed.
const BIRTH: &str = "MCRX_TEST_SHADOW_BIRTH";
const OLD: &str = "MCRX_TEST_SHADOW_OLD";

pub(crate) fn tests(suite: Suite, needs: &dyn Fn() -> [Need; 2]) -> Suite {
    suite.test(needs(), a_starter_that_is_killed_at_twenty_moments_leaves_nothing)
}

/// Starts a shadow, and waits to be killed, if this process is there for that.
pub(crate) fn starter() -> Option<ExitCode> {
    let birth = Birth::read(Path::new(&std::env::var_os(BIRTH)?));
    let old = Pid::from_raw(std::env::var(OLD).ok()?.parse().ok()?);
    let outcome = birth.map_err(|error| error.to_string()).and_then(|birth| {
        let wanted = Wanted::of(old).map_err(|error| error.to_string())?;
        Shadow::start(&birth, &wanted, PATIENCE).map_err(|error| error.to_string())
    });
    match outcome {
        Ok(_shadow) => loop {
            std::thread::park();
        },
        Err(error) => {
            eprintln!("{error}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn a_starter_that_is_killed_at_twenty_moments_leaves_nothing(test: &Context) -> Result<()> {
    let old = Old::start(test, 2, 2, &[])?;
    let record = test.scratch().directory().join("birth.json");
    old.birth.write(&record)?;
    let before = old.traces()?;
    for moment in 0..20 {
        let mut starter = Command::new(std::env::current_exe()?)
            .env(BIRTH, &record)
            .env(OLD, old.root.to_string())
            .stdin(Stdio::null())
            .spawn()?;
        // From before it does anything until after the shadow is at rest.
        std::thread::sleep(Duration::from_millis(moment * 20));
        starter.kill()?;
        starter.wait()?;
        let nobody = || Ok((old.others()?.is_empty() && inits()?.is_empty()).then_some(()));
        until(Duration::from_secs(20), "the shadow's end", nobody)
            .with_context(|| format!("killed after {} ms", moment * 20))?;
        old.expect_untouched(&before)?;
    }
    Ok(())
}

/// First processes of shadows whose starter is gone.
fn inits() -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if line.starts_with(b"mcrx: shadow\0") && status.contains("\nPPid:\t1\n") {
            found.push(entry.path().display().to_string());
        }
    }
    Ok(found)
}
