//! Real servers under load, held again and again.

use mcrx_harness::client::Wrk;
use mcrx_harness::server::Nginx;
use mcrx_harness::{Context, Need, Result, Suite, ensure, program};
use mcrx_live::hold::{Scope, while_held};
use std::time::Duration;

pub(crate) fn tests(suite: Suite, _: &dyn Fn() -> [Need; 1]) -> Suite {
    suite.each("nginx", [program("wrk")], no_request_fails_while_nginx_is_held_a_hundred_times)
}

fn no_request_fails_while_nginx_is_held_a_hundred_times(test: &Context) -> Result<()> {
    let nginx = test.start(Nginx::of(test.server("nginx")?).workers(2))?;
    let wrk = test.program("wrk")?;
    let load = Wrk { seconds: 5, connections: 32, threads: 1 };
    let url = nginx.url("/");
    let load = std::thread::scope(|scope| {
        let load = scope.spawn(|| load.run(wrk, &url));
        let mut pauses = Vec::new();
        for _ in 0..100 {
            let (processes, pause) = while_held(Scope::Tree(nginx.pid()), |held| held.processes.len())?;
            ensure!(processes == 3, "held {processes} processes");
            pauses.push(pause);
            std::thread::sleep(Duration::from_millis(30));
        }
        ensure!(!load.is_finished(), "the load ended before the last hold");
        pauses.sort();
        eprintln!("nginx, 3 processes: held for {:.2?} (median), {:.2?} (most)", pauses[50], pauses[99]);
        load.join().map_err(|_| mcrx_harness::anyhow!("the load panicked"))?
    })?;
    ensure!(load.errors() == 0 && load.requests > 100, "{load:?}");
    eprintln!("{} requests answered", load.requests);
    nginx.stop()?.expect_clean()
}
