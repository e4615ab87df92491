//! memcached: values that stay, on connections that stay.

use mcrx_harness::server::Memcached;
use mcrx_harness::{Context, Result, Suite, ensure};

pub(crate) fn tests(suite: Suite) -> Suite {
    suite.each("memcached", [], what_one_connection_sets_another_gets)
}

fn what_one_connection_sets_another_gets(test: &Context) -> Result<()> {
    let memcached = test.start(Memcached::of(test.server("memcached")?))?;
    let (mut writer, mut reader) = (memcached.client()?, memcached.client()?);
    // A value may hold the protocol's own line ends.
    let values: Vec<Vec<u8>> =
        (0..100_usize).map(|n| [b"END\r\n".as_slice(), &vec![7; n * n]].concat()).collect();
    for (n, value) in values.iter().enumerate() {
        writer.set(&format!("key{n}"), value)?;
    }
    for (n, value) in values.iter().enumerate() {
        ensure!(reader.get(&format!("key{n}"))?.as_ref() == Some(value), "key{n} came altered");
    }
    ensure!(reader.get("missing")?.is_none(), "there is a value that nobody set");
    let stats = reader.stats("")?;
    ensure!(stats.get("curr_items").map(String::as_str) == Some("100"), "{stats:?}");
    memcached.stop()?.expect_clean()
}
