//! A client that asks without a break while the server is updated, and checks every answer.
//!
//! It counts in the server: each request adds one to a number, and the answer is the sum. A request that was lost, or done twice, or whose
//! answer lost a byte, shows at once.

use super::client::Client;
use crate::exit::Failure;
use anyhow::{Result, anyhow};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// So long it does nothing between an answer and the next request.
const PAUSE: Duration = Duration::from_micros(200);

/// What it has seen.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Seen {
    /// Requests, each with its right answer.
    pub(super) requests: u64,
    /// For how long it has waited for an answer at most.
    pub(super) longest_wait_ms: f64,
}

/// One that goes on. Dropping it ends it.
pub(super) struct Traffic {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Seen>>>,
}

impl Traffic {
    /// By a client of its own.
    pub(super) fn start(mut client: Client) -> Result<Traffic> {
        client.ask("LOGIN ada lovelace")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || ask_until(&stopped, &mut client));
        Ok(Traffic { stop, thread: Some(thread) })
    }

    /// Ends it. An error if any answer was not the one expected.
    pub(super) fn end(mut self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or_else(|| anyhow!("it has ended"))?;
        thread.join().map_err(|_| anyhow!("the client that asks without a break has failed"))?
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn ask_until(stopped: &AtomicBool, client: &mut Client) -> Result<Seen> {
    let (mut requests, mut longest) = (0, Duration::ZERO);
    while !stopped.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let answer = client.ask("ADD requests 1")?;
        longest = longest.max(asked.elapsed());
        requests += 1;
        if answer != [format!(":{requests}")] {
            return Err(Failure::Finding(format!("request {requests} was answered {answer:?}")).into());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(Seen { requests, longest_wait_ms: longest.as_secs_f64() * 1000.0 })
}
