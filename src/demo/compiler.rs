//! Building the demo server with the machine's C compiler, as anyone would build a server: `-O2 -g`, nothing of ours.

use super::interrupt::Interrupt;
use super::sources::Release;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FLAGS: [&str; 4] = ["-std=c11", "-O2", "-g", "-pthread"];
const DEADLINE: Duration = Duration::from_secs(300);
const PROGRAM: &str = "larder";
const LOG: &str = "compiler.log";
const HOW_TO_INSTALL: &str = "install Debian's package build-essential: apt-get install build-essential";

/// A compilation under way. Dropping it ends the compiler.
pub(super) struct Build {
    folder: PathBuf,
    compiler: Child,
    started: Instant,
    over: bool,
}

/// A release that is ready to run.
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) build_time: Duration,
}

/// What CC says, which may be more than one word (`ccache gcc`); or `cc`.
fn compiler() -> (String, Vec<String>) {
    let cc = std::env::var("CC").unwrap_or_default();
    let mut words = cc.split_whitespace().map(str::to_owned);
    (words.next().unwrap_or_else(|| "cc".to_owned()), words.collect())
}

impl Build {
    /// Starts compiling `release` in `folder`, which is empty.
    pub(super) fn start(release: &Release, folder: &Path) -> Result<Build> {
        release.write_to(folder)?;
        let log = File::create(folder.join(LOG)).context("cannot write the compiler's log")?;
        let (name, arguments) = compiler();
        let compiler = Command::new(&name)
            .args(arguments)
            .args(FLAGS)
            .args(["-o", PROGRAM])
            .args(release.translation_units())
            .current_dir(folder)
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("cannot write the compiler's log")?)
            .stderr(log)
            .process_group(0)
            .spawn();
        match compiler {
            Ok(compiler) => {
                Ok(Build { folder: folder.to_owned(), compiler, started: Instant::now(), over: false })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("there is no C compiler: {name} was not found; {HOW_TO_INSTALL}")
            }
            Err(error) => Err(error).with_context(|| format!("cannot start the C compiler {name}")),
        }
    }

    /// Waits until the program is there.
    pub(super) fn finish(mut self, interrupt: &Interrupt) -> Result<Program> {
        let child = &mut self.compiler;
        let status = interrupt
            .wait_until(DEADLINE, || Ok(child.try_wait()?))?
            .with_context(|| format!("the C compiler did not end within {} s", DEADLINE.as_secs()))?;
        self.over = true;
        if !status.success() {
            let log = std::fs::read_to_string(self.folder.join(LOG)).unwrap_or_default();
            let beginning: Vec<&str> = log.lines().take(10).collect();
            bail!(
                "the C compiler {} failed ({status}):\n{}\nif headers or the linker are missing, {HOW_TO_INSTALL}",
                compiler().0,
                beginning.join("\n")
            );
        }
        Ok(Program { path: self.folder.join(PROGRAM), build_time: self.started.elapsed() })
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // The compiler leads a group of its own, in which its passes are too.
        if let Some(group) = i32::try_from(self.compiler.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.compiler.wait();
    }
}
