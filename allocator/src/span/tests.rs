//! Contains `unsafe`: the bytes of spans that the test was dealt.
//!
//! Spans against a model: what is in use, what is free, and that both together tile the region.

use super::*;
use crate::abi::FIRST_SLICE;

fn bytes_of(region: Region, slice: u32) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(usize::try_from(region.slice_address(slice)).unwrap())
}

/// A span in the model.
struct Held {
    slice: u32,
    slices: u32,
}

fn in_use(region: Region, held: &Held) {
    region.descriptor(held.slice).word.set(Word::new(Kind::Large, 0, 0, held.slices).0);
}

/// Walks the tiling: every slice belongs to one span, spans in use are the model's, no two free spans of one commitment touch.
fn check(region: Region, held: &[Held]) {
    let mut found = 0;
    let mut slice = FIRST_SLICE;
    let mut free_before = None;
    while slice < region.header().high.get() {
        let word = Word(region.descriptor(slice).word.get());
        let commitment = word.flags() & flag::COMMITTED;
        match word.kind() {
            Some(Kind::Free) => {
                assert_ne!(free_before, Some(commitment), "two free spans touch at {slice}");
                free_before = Some(commitment);
            }
            Some(Kind::Large) => {
                free_before = None;
                assert!(
                    held.iter().any(|h| h.slice == slice && h.slices == word.slices()),
                    "stray span at {slice}"
                );
                found += 1;
            }
            Some(Kind::Guard) => free_before = None,
            other => panic!("{other:?} at {slice}"),
        }
        slice += word.slices();
    }
    assert_eq!(slice, region.header().high.get(), "the last span ends where the region does");
    assert_eq!(found, held.len());
}

fn random(seed: &mut u64) -> u32 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    u32::try_from(*seed >> 40).unwrap()
}

fn exercise(region: Region, mut seed: u64, steps: u32) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    for step in 0..steps {
        let locked = lock(region);
        match random(&mut seed) % 8 {
            0..4 => {
                let slices = 1 + random(&mut seed) % [1, 4, 40, 600][random(&mut seed) as usize % 4];
                let align = 1 << (random(&mut seed) % 4);
                let span = locked.take(slices, align).unwrap();
                assert_eq!(span.slice % align, 0);
                let new = Held { slice: span.slice, slices };
                in_use(region, &new);
                held.push(new);
            }
            4 if !held.is_empty() => {
                let at = random(&mut seed) as usize % held.len();
                let span = &mut held[at];
                if span.slices > 1 {
                    let keep = 1 + random(&mut seed) % (span.slices - 1);
                    locked.shrink(span.slice, span.slices, keep, Word::new(Kind::Large, 0, 0, keep));
                    span.slices = keep;
                }
            }
            5 if !held.is_empty() => {
                let at = random(&mut seed) as usize % held.len();
                let span = &mut held[at];
                let more = 1 + random(&mut seed) % 8;
                let word = Word::new(Kind::Large, 0, 0, span.slices + more);
                if locked.extend(span.slice, span.slices, more, word).is_some() {
                    span.slices += more;
                }
            }
            _ if !held.is_empty() => {
                let at = random(&mut seed) as usize % held.len();
                let span = held.swap_remove(at);
                locked.give(span.slice, span.slices);
            }
            _ => {}
        }
        if step % 64 == 0 {
            locked.purge_all();
        }
        drop(locked);
        if step % 16 == 0 {
            check(region, &held);
        }
    }
    held
}

#[test]
fn spans_tile_the_region_whatever_is_taken_and_given() {
    for seed in 1..6 {
        let region = Region::create(None, 20).unwrap();
        let held = exercise(region, seed * 0x9E37_79B9, 3000);
        check(region, &held);
        // SAFETY: nobody else knows the region.
        unsafe { region.destroy() };
    }
}

#[test]
fn lists_made_anew_serve_as_the_old_ones_did() {
    let region = Region::create(None, 40).unwrap();
    let held = exercise(region, 7, 2000);
    let lists = region.header().span_lists.get();
    // As a fork would leave it that caught another thread with the lock.
    region.header().lock.set(1);
    region.header().span_lists.set(!0);
    rebuild(region);
    assert_eq!(region.header().span_lists.get(), lists);
    check(region, &held);
    let more = exercise(region, 8, 0);
    assert!(more.is_empty());
    for span in held {
        lock(region).give(span.slice, span.slices);
    }
    check(region, &[]);
    // SAFETY: nobody else knows the region.
    unsafe { region.destroy() };
}

#[test]
fn memory_given_back_reads_as_zero_when_it_is_said_to() {
    let region = Region::create(None, 50).unwrap();
    for slices in [1, 8, HUGE] {
        let span = lock(region).take(slices, 1).unwrap();
        in_use(region, &Held { slice: span.slice, slices });
        let start = bytes_of(region, span.slice);
        // SAFETY: the span was just dealt out to us.
        unsafe { start.write_bytes(0xAA, slices as usize * 65536) };
        lock(region).give(span.slice, slices);
        lock(region).purge_all();
        let again = lock(region).take(slices, 1).unwrap();
        assert!(again.zero);
        let start = bytes_of(region, again.slice);
        // SAFETY: as above.
        let bytes = unsafe { core::slice::from_raw_parts(start, slices as usize * 65536) };
        assert!(bytes.iter().all(|byte| *byte == 0));
        in_use(region, &Held { slice: again.slice, slices });
        lock(region).give(again.slice, slices);
    }
    // SAFETY: nobody else knows the region.
    unsafe { region.destroy() };
}
