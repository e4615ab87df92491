//! sshd with a session logged in, whose shell waits for its next line.

use super::{Busy, Load, look_at, start};
use mcrx_harness::server::Sshd;
use mcrx_harness::{Context, Result, ensure};

/// Needs `ssh` and `ssh-keygen`.
pub(crate) fn sshd(test: &Context, _load: Load, look: impl FnOnce(&Busy) -> Result<()>) -> Result<()> {
    let kind = Sshd::of(test.server("openssh")?, test.program("ssh")?, test.program("ssh-keygen")?);
    let sshd = start(test, kind)?;
    let mut session = sshd.client()?.session()?;
    let shell = session.line("echo $$")?;
    look_at(&sshd, look, || {
        ensure!(session.line("echo $$")? == shell, "it is another shell");
        let long = "0123456789".repeat(500);
        ensure!(session.line(&format!("echo {long}"))? == long, "what came back is altered");
        Ok(())
    })?;
    drop(session);
    sshd.stop()?;
    Ok(())
}
