//! Contains `unsafe`: what glibc's malloc says of itself: `mallinfo`, `malloc_stats`, `malloc_info`.

use core::ffi::c_char;
use mcrx_allocator::{Totals, totals};

/// `struct mallinfo2`.
#[repr(C)]
pub(crate) struct MallInfo2 {
    arena: usize,
    ordblks: usize,
    smblks: usize,
    hblks: usize,
    hblkhd: usize,
    usmblks: usize,
    fsmblks: usize,
    uordblks: usize,
    fordblks: usize,
    keepcost: usize,
}

/// `struct mallinfo`.
#[repr(C)]
pub(crate) struct MallInfo {
    fields: [i32; 10],
}

fn word(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn current() -> MallInfo2 {
    let Totals { arena, in_slabs, in_large, large_blocks, .. } = totals();
    let in_arena = arena.saturating_sub(in_large);
    MallInfo2 {
        arena: word(in_arena),
        ordblks: 1,
        smblks: 0,
        hblks: word(large_blocks),
        hblkhd: word(in_large),
        usmblks: 0,
        fsmblks: 0,
        uordblks: word(in_slabs),
        fordblks: word(in_arena.saturating_sub(in_slabs)),
        keepcost: 0,
    }
}

/// `mallinfo2(3)`.
#[unsafe(no_mangle)]
extern "C" fn mallinfo2() -> MallInfo2 {
    current()
}

/// `mallinfo(3)`: values that do not fit are cut to 32 bits, as glibc's are.
#[unsafe(no_mangle)]
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "documented in mallinfo(3)")]
extern "C" fn mallinfo() -> MallInfo {
    let now = current();
    let fields = [
        now.arena,
        now.ordblks,
        now.smblks,
        now.hblks,
        now.hblkhd,
        now.usmblks,
        now.fsmblks,
        now.uordblks,
        now.fordblks,
        now.keepcost,
    ];
    MallInfo { fields: fields.map(|value| value as i32) }
}

unsafe extern "C" {
    static stderr: *mut libc::FILE;
}

fn write_xml(stream: *mut libc::FILE) -> i32 {
    let Totals { arena, in_slabs, slab_blocks, in_large, large_blocks } = totals();
    let format = c"<malloc version=\"mcrx-1\">\n<total type=\"slab\" count=\"%llu\" size=\"%llu\"/>\n<total type=\"large\" count=\"%llu\" \
size=\"%llu\"/>\n<system type=\"current\" size=\"%llu\"/>\n</malloc>\n";
    // SAFETY: the caller's stream, and a format whose five conversions match the five 64-bit arguments.
    let written = unsafe {
        libc::fprintf(stream, format.as_ptr(), slab_blocks, in_slabs, large_blocks, in_large, arena)
    };
    if written < 0 { -1 } else { 0 }
}

/// `malloc_info(3)`.
#[unsafe(no_mangle)]
extern "C" fn malloc_info(options: i32, stream: *mut libc::FILE) -> i32 {
    if options != 0 {
        crate::family::set_errno(libc::EINVAL);
        return -1;
    }
    write_xml(stream)
}

unsafe extern "C" {
    fn pthread_setcancelstate(state: i32, before: *mut i32) -> i32;
}

/// `PTHREAD_CANCEL_DISABLE` of `<pthread.h>`.
const CANCEL_DISABLE: i32 = 1;

/// `malloc_stats(3)`: no cancellation point, though it writes. Maxima are not kept: what is there now is the least they can be.
#[unsafe(no_mangle)]
extern "C" fn malloc_stats() {
    let Totals { arena, in_slabs, in_large, large_blocks, .. } = totals();
    let format: *const c_char = c"system bytes     = %10llu\nin use bytes     = %10llu\nmax mmap regions = %10llu\nmax mmap bytes   = %10llu\n"
        .as_ptr();
    let mut before = 0;
    // SAFETY: libc's stream, and a format whose four conversions match the arguments; the caller's cancel state is put back.
    unsafe {
        pthread_setcancelstate(CANCEL_DISABLE, &raw mut before);
        libc::fprintf(stderr, format, arena, in_slabs + in_large, large_blocks, in_large);
        pthread_setcancelstate(before, core::ptr::null_mut());
    }
}
