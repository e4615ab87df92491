//! vsftpd with two sessions logged in, one of them in the middle of a file.

use super::{Busy, Load, bytes, look_at, start};
use mcrx_harness::server::{TEXT, Vsftpd};
use mcrx_harness::{Context, Result, ensure};

/// More than the buffers of two sockets hold.
const LARGE: usize = 16 << 20;
/// How much of the file its client takes at first.
const TAKEN: usize = 100_000;

pub(crate) fn vsftpd(test: &Context, _load: Load, look: impl FnOnce(&Busy) -> Result<()>) -> Result<()> {
    let vsftpd = start(test, Vsftpd::of(test.server("vsftpd")?))?;
    let large = bytes(LARGE, 4);
    vsftpd.place().write("files/large", &large)?;
    let (mut idle, mut working) = (vsftpd.client()?, vsftpd.client()?);
    ensure!(idle.retrieve("text.txt")? == TEXT.as_bytes(), "the text came altered");
    let mut transfer = working.transfer("RETR large")?;
    ensure!(transfer.take(TAKEN)? == large[..TAKEN], "the beginning came altered");
    look_at(&vsftpd, look, || {
        ensure!(transfer.finish()? == large[TAKEN..], "the rest came altered");
        ensure!(idle.list("")? == ["large", "text.txt"], "the session lists other files");
        Ok(())
    })?;
    for ftp in [&mut idle, &mut working] {
        ensure!(ftp.retrieve("text.txt")? == TEXT.as_bytes(), "the text came altered");
    }
    idle.command("QUIT", 221)?;
    working.command("QUIT", 221)?;
    vsftpd.stop()?.expect_clean()
}
