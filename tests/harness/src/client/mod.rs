//! Clients of our own where a connection must be held and looked at, and the real ones where load or protocol matters.
//!
//! One file per protocol or program. All own clients give up after [`PATIENCE`] without a byte, so that a server that
//! went silent fails a test instead of hanging it.

mod ftp;
mod http;
mod memcached;
mod redis;
mod redis_benchmark;
mod ssh;
mod tls;
mod wrk;

pub use ftp::{Ftp, Transfer};
pub use http::{Http, Response, gunzip};
pub use memcached::Memcached;
pub use redis::{Redis, Value};
pub use redis_benchmark::{Command, RedisBenchmark};
pub use ssh::{Session, Ssh};
pub use tls::Tls;
pub use wrk::{Load, Wrk};

use anyhow::{Context, Result};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an own client waits for the next byte.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Connects to a server on this machine.
pub fn connect(address: SocketAddr) -> Result<TcpStream> {
    let connected = || {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    connected().with_context(|| format!("{address} cannot be connected to"))
}
