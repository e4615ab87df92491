//! nginx under load and under the tagging allocator, captured again and again.

use mcrx_allocator::reader::{Consistency, Heap, Limits};
use mcrx_harness::client::Wrk;
use mcrx_harness::server::Nginx;
use mcrx_harness::{Context, Result, Suite, ensure, preload, program};
use mcrx_live::capture::{Choice, capture, capture_by};
use mcrx_live::hold::Scope;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite.each("nginx", [program("wrk")], nginx_under_load_is_captured_with_its_heaps)
}

fn nginx_under_load_is_captured_with_its_heaps(test: &Context) -> Result<()> {
    let nginx = test.launch(Nginx::of(test.server("nginx")?).workers(2)).preload(preload()?).start()?;
    let (wrk, url) = (test.program("wrk")?, nginx.url("/"));
    let load = Wrk { seconds: 3, connections: 32, threads: 1 };
    let load = std::thread::scope(|scope| {
        let load = scope.spawn(|| load.run(wrk, &url));
        let mut pauses = Vec::new();
        while !load.is_finished() {
            let choice = if pauses.len() % 2 == 0 { Choice::Copy } else { Choice::Clone };
            let image = capture_by(Scope::Tree(nginx.pid()), choice)?;
            pauses.push(image.taken.held);
            ensure!(image.processes.len() == 3, "{} processes", image.processes.len());
            for process in &image.processes {
                let regions = process.regions();
                let heap = Heap::read(&process.memory, &regions, Consistency::Stopped, Limits::default())?;
                ensure!(heap.blocks().count() > 50, "{}: {} blocks", process.name, heap.blocks().count());
            }
        }
        pauses.sort();
        let (median, most) = (pauses[pauses.len() / 2], pauses[pauses.len() - 1]);
        eprintln!("captured {} times, held for {median:.1?} (median), {most:.1?} (most)", pauses.len());
        load.join().map_err(|_| mcrx_harness::anyhow!("the load panicked"))?
    })?;
    // A worker calls itself one soon after it was made.
    let image = capture(Scope::Tree(nginx.pid()))?;
    let titles: Vec<&str> = image.processes.iter().map(|process| process.name.as_str()).collect();
    let workers = titles.iter().filter(|title| **title == "nginx: worker process").count();
    ensure!(titles[0].starts_with("nginx: master process") && workers == 2, "{titles:?}");
    ensure!(load.errors() == 0 && load.requests > 100, "{load:?}");
    nginx.stop()?.expect_clean()
}
