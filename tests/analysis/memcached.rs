//! memcached at work, which does not leak.

use crate::growing::{launched, snapshot};
use crate::suspects::suspects;
use mcrx_harness::server::Memcached;
use mcrx_harness::{Context, Result, Suite, ensure};

pub(crate) fn tests(suite: Suite) -> Suite {
    suite.each("memcached", [], a_healthy_memcached_has_no_suspects)
}

fn a_healthy_memcached_has_no_suspects(test: &Context) -> Result<()> {
    let memcached = launched(test, Memcached::of(test.server("memcached")?).threads(2))?;
    let pid = memcached.pid().to_string();
    // Connections come and go, and items are stored over others; one connection stays.
    let mut kept = memcached.client()?;
    let mut look = |turn: usize| -> Result<String> {
        for _ in 0..10 {
            let mut client = memcached.client()?;
            for number in 0..200 {
                client.set(&format!("key_{number}"), &vec![b'x'; 10 + (number + turn) % 90])?;
            }
            ensure!(client.get("key_7")?.is_some(), "an item is gone");
        }
        kept.set("kept", b"value")?;
        snapshot(test, &pid)
    };
    let [first, second, third] = [look(0)?, look(1)?, look(2)?];
    for targets in [&[&*first, &second][..], &[&second, &third], &[&first, &second, &third]] {
        let found = suspects(targets)?;
        ensure!(found.is_empty(), "{}", found[0]["sentences"]);
    }
    drop(kept);
    memcached.stop()?.expect_clean()
}
