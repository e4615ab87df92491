//! All that is done with an image: every byte is read, and every process is traced.

use mcrx_debuginfo::cache::Cache;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::image::{Image, Process, ThreadMemory};
use mcrx_tracer::trace::{Known, Trace};

/// More memory than this is not looked at whole: an image may claim any amount, and costs nothing until it is read.
const MOST: u64 = 4 << 20;

/// Looks at everything.
pub fn walk(image: &Image) {
    image.processes.iter().for_each(look);
}

fn look(process: &Process) {
    for segment in process.memory.segments() {
        let range = segment.range();
        let len = range.end - range.start;
        for at in [0, 8, len / 2, len.saturating_sub(1), len.saturating_sub(8)] {
            let address = range.start + at;
            if process.memory.word(address).is_none() {
                assert!(process.memory.why_not(address, 8).is_some(), "unreadable for no reason");
            }
            let _ = (process.module_at(address), process.mapping_at(address));
        }
    }
    for thread in &process.threads {
        let memory = ThreadMemory::new(process, thread);
        let _ = process.modules.iter().filter(|module| memory.thread_local_block(module).is_some()).count();
    }
    if process.memory.len() > MOST {
        return;
    }
    // Modules are named by their paths: a file that is not there has no debug info.
    if let Ok(known) = Known::of(process, &Cache::at("/nonexistent")) {
        let facts = Facts::default();
        let model = known.model(&facts);
        let trace = Trace::of(process, &known, &model);
        let _ = (trace.totals(), trace.own_totals(), trace.own_pins());
    }
}
