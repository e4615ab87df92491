//! `mcrx rules new` on adjacent releases of real servers: how many questions are left, that these are all that is wrong with the file, that
//! nothing which changed is missing, and that its guesses can be taken as they are.

use mcrx_harness::{Need, Suite, server};
use std::process::ExitCode;
use std::time::Duration;

#[path = "rules_new/answers.rs"]
mod answers;
#[path = "rules_new/file.rs"]
mod file;
#[path = "rules_new/releases.rs"]
mod releases;

fn main() -> ExitCode {
    let of = |name: &'static str, [old, new]: [&'static str; 2]| [server(name, old), server(name, new)];
    let none: [Need; 0] = [];
    Suite::new()
        .test(of("nginx", ["1.22.1", "1.26.3"]), releases::nginx_1_22_to_1_26)
        .test(of("nginx", ["1.26.3", "1.28.3"]), releases::nginx_1_26_to_1_28)
        .test(of("nginx", ["1.28.2", "1.28.3"]), releases::nginx_that_only_got_a_fix)
        .test(of("memcached", ["1.6.18", "1.6.38"]), releases::memcached_1_6_18_to_1_6_38)
        .test(of("redis", ["7.0.15", "8.0.2"]), releases::redis_7_to_8)
        .test(of("openssh", ["9.2p1", "10.0p1"]), releases::openssh_9_2_to_10)
        .test(none.clone(), file::a_file_that_is_there_is_left_alone)
        .test(none, file::json_says_how_many_questions_there_are)
        .within(Duration::from_secs(120))
        .run()
}
