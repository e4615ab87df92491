//! Real servers come to rest after their start-up.

use mcrx_harness::server::{Memcached, Nginx, Redis};
use mcrx_harness::{Context, Need, Result, Suite, ensure};
use mcrx_live::park::{Patience, await_parked};
use std::time::Duration;

pub(crate) fn tests(suite: Suite, _: &dyn Fn() -> [Need; 1]) -> Suite {
    suite
        .each("memcached", [], memcached_comes_to_rest_though_its_maintenance_threads_nap)
        .each("nginx", [], nginx_comes_to_rest_master_and_workers)
        .each("redis", [], redis_comes_to_rest_though_it_wakes_ten_times_a_second)
}

const PATIENCE: Patience = Patience { settle: Duration::from_millis(60), limit: Duration::from_secs(60) };

fn memcached_comes_to_rest_though_its_maintenance_threads_nap(test: &Context) -> Result<()> {
    let memcached = test.start(Memcached::of(test.server("memcached")?))?;
    let parking = await_parked(memcached.pid(), PATIENCE)?;
    eprintln!("at rest after {:.0?}", parking.waited);
    ensure!(parking.processes.len() == 1 && parking.processes[0].threads.len() > 4, "{parking:?}");
    memcached.stop()?.expect_clean()
}

fn nginx_comes_to_rest_master_and_workers(test: &Context) -> Result<()> {
    let nginx = test.start(Nginx::of(test.server("nginx")?).workers(2))?;
    let parking = await_parked(nginx.pid(), PATIENCE)?;
    eprintln!("at rest after {:.0?}", parking.waited);
    let calls: Vec<String> =
        parking.processes.iter().map(|process| process.threads[0].call.to_string()).collect();
    ensure!(calls == ["rt_sigsuspend", "epoll_wait", "epoll_wait"], "{parking:?}");
    nginx.stop()?.expect_clean()
}

fn redis_comes_to_rest_though_it_wakes_ten_times_a_second(test: &Context) -> Result<()> {
    let redis = test.start(Redis::of(test.server("redis")?))?;
    let parking = await_parked(redis.pid(), PATIENCE)?;
    eprintln!("at rest after {:.0?}", parking.waited);
    ensure!(parking.processes.len() == 1, "{parking:?}");
    redis.stop()?.expect_clean()
}
