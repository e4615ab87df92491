//! Copying much memory out of processes, as fast as it goes.

use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _, Piece};
use nix::unistd::Pid;
use std::num::NonZero;
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Bytes of one call: fewer cost more calls, more do not fit the cache.
pub(super) const CALL: u64 = 1 << 20;
/// From so many bytes on all processors take part.
const WORTH_THREADS: usize = 16 << 20;
/// What one thread takes at a time, in calls.
const TURN: usize = 16;

/// Bytes to be copied to where they belong.
pub(super) struct Job<'a> {
    pub(super) memory: &'a ProcessMemory,
    pub(super) address: u64,
    pub(super) buffer: &'a mut [u8],
}

/// What could not be copied.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) process: Pid,
    pub(super) range: Range<u64>,
}

/// Copies all; says what was not to be had.
pub(super) fn run(jobs: Vec<Job<'_>>) -> Vec<Unread> {
    let total: usize = jobs.iter().map(|job| job.buffer.len()).sum();
    let calls = calls(jobs);
    if total < WORTH_THREADS || processors() == 1 {
        return calls.into_iter().flat_map(call).collect();
    }
    let calls = Mutex::new(calls);
    let take_turns = || {
        let mut unread = Vec::new();
        loop {
            let mut waiting = calls.lock().unwrap_or_else(PoisonError::into_inner);
            let rest = waiting.len().saturating_sub(TURN);
            let turn = waiting.split_off(rest);
            drop(waiting);
            if turn.is_empty() {
                return unread;
            }
            unread.extend(turn.into_iter().flat_map(call));
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..processors()).map(|_| scope.spawn(take_turns)).collect();
        let mut unread = take_turns();
        for other in others {
            unread.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        unread
    })
}

/// How many there are for us. Files have to be read for that, so it is asked once, before anything is held.
pub(super) fn processors() -> usize {
    static NUMBER: OnceLock<usize> = OnceLock::new();
    *NUMBER.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZero::get))
}

/// Jobs of one process that make one call.
fn calls(jobs: Vec<Job<'_>>) -> Vec<Vec<Job<'_>>> {
    let mut calls: Vec<Vec<Job<'_>>> = Vec::new();
    let mut bytes = u64::MAX;
    for job in jobs {
        let len = job.buffer.len() as u64;
        let fits = bytes.saturating_add(len) <= CALL;
        match calls.last_mut() {
            Some(call) if fits && call.len() < 1024 && std::ptr::eq(call[0].memory, job.memory) => {
                bytes += len;
                call.push(job);
            }
            _ => {
                bytes = len;
                calls.push(vec![job]);
            }
        }
    }
    calls
}

fn call(jobs: Vec<Job<'_>>) -> Vec<Unread> {
    let Some(memory) = jobs.first().map(|job| job.memory) else { return Vec::new() };
    let pieces = jobs.into_iter().map(|job| Piece { address: Address(job.address), buffer: job.buffer });
    let mut pieces: Vec<Piece<'_>> = pieces.collect();
    if memory.read_many(&mut pieces).is_ok() {
        return Vec::new();
    }
    // One page of them is broken, or not there after all: the others are good.
    let mut unread = Vec::new();
    for piece in pieces {
        let mut address = piece.address.0;
        for page in piece.buffer.chunks_mut(4096) {
            let end = address + page.len() as u64;
            if memory.read(Address(address), page).is_err() {
                unread.push(Unread { process: memory.thread(), range: address..end });
            }
            address = end;
        }
    }
    unread
}
