//! Every server of the project, in every release: it starts, serves a real exchange, stops, and nothing is left of it.
//!
//! This is the ground that all later tests stand on. If one of these fails, look at the server's build or at the
//! harness, not at mcrx, which has no part in them; but for those that are run once more, *preloaded*: they show that no server
//! and no client notices whose malloc it is.

use mcrx_harness::Suite;
use std::process::ExitCode;

#[path = "serve/httpd.rs"]
mod httpd;
#[path = "serve/memcached.rs"]
mod memcached;
#[path = "serve/nginx.rs"]
mod nginx;
#[path = "serve/redis.rs"]
mod redis;
#[path = "serve/sshd.rs"]
mod sshd;
#[path = "serve/vsftpd.rs"]
mod vsftpd;

fn main() -> ExitCode {
    let areas = [nginx::tests, httpd::tests, memcached::tests, redis::tests, sshd::tests, vsftpd::tests];
    areas.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).and_all_preloaded().run()
}
