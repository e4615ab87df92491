//! httpd with connections that wait, downloads that their clients do not take, and heads that are half sent.

use super::nginx::{begin, complete};
use super::{Busy, Load, bytes, look_at, start};
use mcrx_harness::server::{Httpd, TEXT};
use mcrx_harness::{Context, Result, ensure};

/// More than the buffers of two sockets hold.
const LARGE: usize = 16 << 20;
/// As many processes as it starts with: none more is made, none ends.
const STEADY: &str = "StartServers 2\nServerLimit 2\nThreadsPerChild 16\nMaxRequestWorkers 32\nMinSpareThreads 16\nMaxSpareThreads 64";

pub(crate) fn httpd(test: &Context, load: Load, look: impl FnOnce(&Busy) -> Result<()>) -> Result<()> {
    let httpd = start(test, Httpd::of(test.first_server()?).with(STEADY))?;
    let large = bytes(LARGE, 2);
    httpd.place().write("docs/large", &large)?;
    let mut waiting = (0..load.connections / 10).map(|_| httpd.http()).collect::<Result<Vec<_>>>()?;
    for http in &mut waiting {
        ensure!(http.get("/text.txt")?.body == TEXT.as_bytes(), "the text came altered");
    }
    let mut downloads = (0..3).map(|_| httpd.http()).collect::<Result<Vec<_>>>()?;
    downloads.iter_mut().try_for_each(|http| begin(http, &large))?;
    let mut heads = (0..2).map(|_| httpd.http()).collect::<Result<Vec<_>>>()?;
    for http in &mut heads {
        http.send(b"GET /text.txt HTTP/1.1\r\nHost: local")?;
    }
    look_at(&httpd, look, || {
        for http in &mut waiting {
            ensure!(http.get("/text.txt")?.body == TEXT.as_bytes(), "the text came altered");
        }
        downloads.iter_mut().try_for_each(|http| complete(http, &large))?;
        for http in &mut heads {
            http.send(b"host\r\n\r\n")?;
            ensure!(http.receive()?.body == TEXT.as_bytes(), "the text came altered");
        }
        Ok(())
    })?;
    drop((waiting, downloads, heads));
    httpd.stop()?.expect_clean()
}
