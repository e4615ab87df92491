//! `libmcrx.so` for the demo's server. Installed it lies beside the command; who runs the command by cargo, from the sources, has it built
//! the first time.

use super::interrupt::Interrupt;
use crate::run;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::env;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(900);

/// Where it is.
pub(super) fn library(interrupt: &Interrupt, narrate: impl FnOnce(&str)) -> Result<PathBuf> {
    let missing = match run::library(None) {
        Ok(library) => return Ok(library),
        Err(missing) => missing,
    };
    // Cargo sets both for what it runs.
    let (Some(cargo), Some(sources)) = (env::var_os("CARGO"), env::var_os("CARGO_MANIFEST_DIR")) else {
        return Err(missing);
    };
    let own = env::current_exe().context("this command does not find itself")?;
    let target = own.ancestors().nth(2).context("this command lies in no build folder")?;
    narrate("building libmcrx.so, once: half a minute or so ...");
    let child = Command::new(cargo)
        .args(["build", "--quiet", "--profile", "preload", "--package", "mcrx-preload", "--target-dir"])
        .arg(target)
        .current_dir(sources)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .context("cargo cannot be run")?;
    let mut build = Build { child, over: false };
    let status = interrupt
        .wait_until(DEADLINE, || Ok(build.child.try_wait()?))?
        .with_context(|| format!("cargo did not end within {} s", DEADLINE.as_secs()))?;
    build.over = true;
    if !status.success() {
        bail!("libmcrx.so could not be built: cargo build --profile preload -p mcrx-preload");
    }
    run::library(None)
}

/// Cargo and its compilers. Dropping it ends them.
struct Build {
    child: Child,
    over: bool,
}

impl Drop for Build {
    fn drop(&mut self) {
        if !self.over {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
