//! How long a rule file of 10,000 lines takes: to be read, to become rules, to be formatted.
//!
//! `cargo bench -p mcrx-dsl`. The file is made of statements of all kinds, each as long as they are in real files.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcrx_dsl::format::format;
use mcrx_dsl::load;
use mcrx_dsl::source::{FileId, Only};
use mcrx_dsl::syntax::parse;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

const LINES: usize = 10_000;

/// One after another, with a number in the place of `#`.
const STATEMENTS: &str = "
// How buffers of kind # are kept.
field ngx_buffer_#.start : bytes
field ngx_buffer_#.next : ngx_buffer_# tagged 0b11
field ngx_table_#.elts : item_#[nelts] stride size
field ngx_request_#.data : match read.handler {
    ngx_http_wait_#, ngx_http_keepalive_# => ngx_connection_#
    ngx_http_process_#_* => ngx_request_#
    & 7 == 2 => .value.pointer
    _ => pin
}
site ngx_create_# : ngx_request_# // as its callers say
wrapper ngx_array_init_#, ngx_list_init_#

type ngx_connection_# -> ngx_connection_n# {
    start_time = from.ngx_current_msec
    old_name_# -> new.name_#
    drop legacy_flags_#, spare[3]
    length = (old.length_# + root.block_size - 1) / root.block_size
    state = match old.state {
        IDLE_# => CONN_IDLE
        BUSY_#, CLOSING_# => CONN_BUSY
        _ => fail(\"no such state\")
    }
}
global counter_# -> stats.requests_#
for each old ngx_connection_# c where c.idle && !c.closed {
    insert c.queue into ngx_cycle.reusable_# at head
    c.count = list(old.elts[0 .. old.nelts], via next) else 0
}
assert every ngx_connection_n# c : c.fd >= -1 || c.closed
";

fn file() -> String {
    let mut text = String::from("mcrx 1\nprogram nginx\n");
    let mut lines = 2;
    for number in 0.. {
        for line in STATEMENTS.lines() {
            if lines == LINES && !line.starts_with(' ') && !line.starts_with('}') {
                return text;
            }
            // The last statement may go on beyond.
            lines = (lines + 1).min(LINES);
            let _ = writeln!(text, "{}", line.replace('#', &number.to_string()));
        }
    }
    text
}

fn ten_thousand_lines(criterion: &mut Criterion) {
    let text = file();
    assert!(parse(&text, FileId(0)).diagnostics.is_empty());
    let mut group = criterion.benchmark_group("10,000 lines");
    group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap_or(0)));
    group.bench_function("parse", |bencher| bencher.iter(|| parse(black_box(&text), FileId(0))));
    group.bench_function("format", |bencher| bencher.iter(|| format(black_box(&text))));
    let one = Only(&text);
    group.bench_function("load", |bencher| bencher.iter(|| load::rules(Path::new("a.mcrx"), &one)));
    group.finish();
}

criterion_group!(benches, ten_thousand_lines);
criterion_main!(benches);
