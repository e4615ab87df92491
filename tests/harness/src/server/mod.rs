//! The kinds of server that can be started, one file each, with the clients that fit them.
//!
//! Each is configured for tests: on loopback, in a directory of its own, in the foreground, idle connections never timed
//! out, so that a test may hold one as long as it likes. As root the servers give up root's rights as they do in
//! production, to [`UNPRIVILEGED`].

mod httpd;
mod memcached;
mod nginx;
mod redis;
mod sshd;
mod vsftpd;

pub use httpd::Httpd;
pub use memcached::Memcached;
pub use nginx::Nginx;
pub use redis::Redis;
pub use sshd::Sshd;
pub use vsftpd::Vsftpd;

/// Whom workers run as when the server is started by root. Every Debian has this user, and its group `nogroup`.
pub const UNPRIVILEGED: &str = "nobody";

/// A text that compresses well and is long enough to be worth it to a server.
pub const TEXT: &str = include_str!("text.txt");
