//! redis: values of its kinds, and load.

use mcrx_harness::client::{RedisBenchmark, Value};
use mcrx_harness::server::Redis;
use mcrx_harness::{Context, Result, Suite, ensure, program};

pub(crate) fn tests(suite: Suite) -> Suite {
    suite.each("redis", [], what_one_connection_sets_another_gets).each(
        "redis",
        [program("redis-benchmark")],
        a_small_benchmark_sees_no_error,
    )
}

fn what_one_connection_sets_another_gets(test: &Context) -> Result<()> {
    let redis = test.start(Redis::of(test.server("redis")?))?;
    let (mut writer, mut reader) = (redis.client()?, redis.client()?);
    let value = [b"\r\n$-1\r\n".as_slice(), &[0; 10_000]].concat();
    ensure!(writer.command([b"SET".as_slice(), b"key", &value])? == Value::Status("OK".to_owned()), "no OK");
    ensure!(reader.command(["GET", "key"])? == Value::Bulk(value), "the value came altered");
    ensure!(reader.command(["GET", "missing"])? == Value::Nil, "there is a value that nobody set");
    ensure!(writer.command(["RPUSH", "list", "a", "b"])? == Value::Integer(2), "the list is not two long");
    let list = Value::Array(vec![Value::Bulk(b"a".into()), Value::Bulk(b"b".into())]);
    ensure!(reader.command(["LRANGE", "list", "0", "-1"])? == list, "the list came altered");
    redis.stop()?.expect_clean()
}

fn a_small_benchmark_sees_no_error(test: &Context) -> Result<()> {
    let redis = test.start(Redis::of(test.server("redis")?))?;
    let commands = RedisBenchmark::default().run(test.program("redis-benchmark")?, redis.address())?;
    ensure!(commands.iter().all(|command| command.requests_per_second > 100.0), "{commands:?}");
    redis.stop()?.expect_clean()
}
