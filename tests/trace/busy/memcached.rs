//! memcached with four threads, items of all sizes, connections that wait, and one whose item is half sent.

use super::{Busy, Load, bytes, look_at, start};
use mcrx_harness::server::Memcached;
use mcrx_harness::{Context, Result, ensure};

/// Half of what redis is given.
const SHARE: usize = 2;

fn key(number: usize) -> String {
    format!("key {number}").replace(' ', &"_".repeat(1 + number % 50))
}

fn value(number: usize) -> Vec<u8> {
    // Now and then one of a larger class.
    let len = if number.is_multiple_of(1000) { 20_000 } else { number % 400 };
    number.to_string().into_bytes().into_iter().cycle().take(len).collect()
}

pub(crate) fn memcached(test: &Context, load: Load, look: impl FnOnce(&Busy) -> Result<()>) -> Result<()> {
    let memcached = start(test, Memcached::of(test.server("memcached")?).threads(4))?;
    let items = load.items / SHARE;
    let mut clients = (0..8).map(|_| memcached.client()).collect::<Result<Vec<_>>>()?;
    for (client, turn) in clients.iter_mut().zip(0..) {
        let own = (0..items).filter(|number| number % 8 == turn);
        client.set_all(own.map(|number| (key(number), value(number))))?;
    }
    let (mut half, body) = (memcached.client()?, bytes(50_000, 3));
    half.send(format!("set half 0 0 {}\r\n", body.len()).as_bytes())?;
    half.send(&body[..20_000])?;
    look_at(&memcached, look, || {
        half.send(&body[20_000..])?;
        half.send(b"\r\n")?;
        ensure!(half.line()? == "STORED", "the item that was half sent is not stored");
        for (client, turn) in clients.iter_mut().zip(0..) {
            ensure!(client.get("half")?.as_ref() == Some(&body), "an item came altered");
            for number in (turn..items).step_by(997) {
                ensure!(client.get(&key(number))? == Some(value(number)), "item {number} came altered");
            }
        }
        Ok(())
    })?;
    drop((clients, half));
    memcached.stop()?.expect_clean()
}
