//! Contains `unsafe`: replacing the entries of functions, and the code that they lead to.
//!
//! The program's own allocation functions, hooked: what they return is recorded as a part of the block that it lies in.
//!
//! `MCRX_HOOKS` names a directory; for a module with build-id `0123ab` that is loaded at start, the file `0123ab.hooks` in it says which
//! functions, as [`HookTableHeader`](crate::abi::HookTableHeader) describes it. Before `main`, while there is one thread, the entry of each
//! becomes a jump to a *stub* in a page near the module:
//!
//! ```text
//!   function:  jmp stub                      stub:   push SIZE
//!   resume:    ...                                   call moved
//!                                            back:   jmp [record]      -> part_made(result, SIZE, the caller); to the caller
//!                                            moved:  the instructions that the jump took the place of
//!                                                    jmp resume
//! ```
//!
//! All registers that a callee may change are kept across the recording: the compiler, which sees that such a function leaves some alone, may
//! have its callers rely on it (gcc's `-fipa-ra`). Of vector registers their lower 16 bytes are, which is all that code for any x86-64 uses.
//!
//! The caller's return address is 16 bytes above the stub's. Whoever walks a stack looks through stubs: [`through`].

use crate::abi::{
    HOOK_TABLE_MAGIC, HookRow, MOVED_FIXES_MAX, MOVED_MAX, MovedFix, PARAMETERS_MAX, REPLACED_MAX,
    STUBS_MAGIC, fix,
};
use crate::callers::{rows_in, tables_file};
use crate::fast::Caller;
use crate::module::{self, BuildId, Loaded};
use crate::parts;
use crate::report::Message;
use crate::runtime;
use crate::settings::SETTINGS;
use crate::sync::{AtomicU64, Field, Ordering};
use crate::sys;
use core::arch::naked_asm;

/// `jmp rel32`.
const JUMP: u8 = 0xE9;
const JUMP_LEN: u64 = 5;
/// What is left of replaced instructions: `int3`.
const TRAP: u8 = 0xCC;
const PAGE: u64 = 4096;
/// How far a jump reaches, less what a module and its stubs may be long.
const REACH: u64 = 0x7000_0000;
/// Where stubs are looked for a place: below the module, in steps of this.
const STEP: u64 = 0x1_0000;
/// Modules with hooks.
const MODULES: usize = 16;
const STUB_LEN: u64 = 96;
/// Pushes of the registers that parameters are in, in their order.
const PUSHES: [&[u8]; PARAMETERS_MAX as usize] =
    [&[0x57], &[0x56], &[0x52], &[0x51], &[0x41, 0x50], &[0x41, 0x51]];

/// Where the stubs of a module are.
struct Area {
    /// 0: none.
    start: AtomicU64,
    end: AtomicU64,
}

static AREAS: [Area; MODULES] =
    [const { Area { start: AtomicU64::new(0), end: AtomicU64::new(0) } }; MODULES];

/// The caller of a function that was called by way of stubs: as [`Caller`] says, a return address, and the stack pointer once it is
/// returned to.
pub(crate) fn through(mut caller: Caller) -> Caller {
    while is_stub(caller.address) {
        let at = core::ptr::with_exposed_provenance::<u64>(usize::try_from(caller.stack + 8).unwrap_or(0));
        // SAFETY: a stub that is returned to has pushed one word upon its own return address.
        caller = Caller { address: unsafe { at.read() }, stack: caller.stack + 16 };
    }
    caller
}

fn is_stub(address: u64) -> bool {
    for area in &AREAS {
        let start = area.start.load(Ordering::Acquire);
        if start == 0 {
            return false;
        }
        if address >= start && address < area.end.get() {
            return true;
        }
    }
    false
}

/// Replaces the entries of what hook tables name. To be called once, before `main`.
pub fn hook_program() {
    if runtime::home().or_else(runtime::start).is_none() || SETTINGS.hooks.get() == 0 {
        return;
    }
    if !sys::is_alone() {
        return Message::new().text("pools are not seen: there are threads already").send();
    }
    // SAFETY: the function is called with modules that stay, and returns 0.
    unsafe { libc::dl_iterate_phdr(Some(each_module), core::ptr::null_mut()) };
}

/// For [`hook_program`].
unsafe extern "C" fn each_module(
    info: *mut libc::dl_phdr_info,
    _: libc::size_t,
    _: *mut core::ffi::c_void,
) -> i32 {
    // SAFETY: the loader passes its own description of a module, with as many program headers as it says.
    let (bias, headers) = unsafe {
        let info = &*info;
        (info.dlpi_addr, core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)))
    };
    let first = headers.iter().find(|header| header.p_type == libc::PT_LOAD);
    let loaded = first.and_then(|first| module::loaded_at(bias.wrapping_add(first.p_vaddr)));
    if let Some(loaded) = loaded.filter(|loaded| loaded.build_id.len > 0) {
        hook(&loaded);
    }
    0
}

/// Hooks a module, if it has a table. Either all functions of it or none.
fn hook(loaded: &Loaded) {
    let rows = tables_file(SETTINGS.directory_of_hooks(), &loaded.build_id, b".hooks\0", check);
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return };
    if hook_rows(loaded, rows).is_none() {
        Message::new()
            .text("pools are not seen in the module at ")
            .hex(loaded.start)
            .text(": its code cannot be hooked")
            .send();
    }
}

fn hook_rows(loaded: &Loaded, rows: &[HookRow]) -> Option<()> {
    let area = AREAS.iter().find(|area| area.start.get() == 0)?;
    if rows.iter().any(|row| !is_as_expected(loaded, row)) {
        return None;
    }
    let first = u64::from(rows.iter().map(|row| row.offset).min()?);
    let last = rows.iter().map(|row| u64::from(row.offset) + JUMP_LEN).max()?;
    // The address of what records, a mark, then the stubs.
    let len = (STUB_LEN * (rows.len() as u64 + 1)).next_multiple_of(PAGE);
    let stubs = map_near(loaded, len)?;
    // SAFETY: mapped just now, for us alone.
    let bytes = unsafe { slice_at(stubs, len) };
    bytes.get_mut(..8)?.copy_from_slice(&(record_entry as *const () as u64).to_le_bytes());
    bytes.get_mut(8..16)?.copy_from_slice(&STUBS_MAGIC.to_le_bytes());
    for (number, row) in (1..).zip(rows) {
        let at = number * STUB_LEN;
        let stub = bytes.get_mut(usize::try_from(at).ok()?..usize::try_from(at + STUB_LEN).ok()?)?;
        write_stub(stub, stubs + at, stubs, loaded.start, row)?;
    }
    let read_execute = libc::PROT_READ | libc::PROT_EXEC;
    sys::protect(stubs, len, read_execute).ok()?;
    // Their addresses are known before the first of them runs.
    area.end.set(stubs + len);
    area.start.store(stubs, Ordering::Release);
    let page = (loaded.start + first) & !(PAGE - 1);
    let code = (loaded.start + last).next_multiple_of(PAGE) - page;
    // Executable throughout: what runs meanwhile, ours, may lie in these pages for all that is known.
    sys::protect(page, code, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC).ok()?;
    for (number, row) in (1..).zip(rows) {
        let entry = loaded.start + u64::from(row.offset);
        // SAFETY: the bytes were found there (`is_as_expected`), are writable now, and no thread is in them: this is the only one.
        let bytes = unsafe { slice_at(entry, u64::from(row.replaced)) };
        bytes.fill(TRAP);
        let [opcode, distance @ ..] = bytes else { continue };
        *opcode = JUMP;
        put(distance, 0, (stubs + number * STUB_LEN).wrapping_sub(entry + JUMP_LEN));
    }
    // Whether or not: it runs as it is.
    let _ = sys::protect(page, code, read_execute);
    Some(())
}

/// The code that a row is about lies in the module, and is what the row was made for.
fn is_as_expected(loaded: &Loaded, row: &HookRow) -> bool {
    let inside = |offset: u32, len: u8| {
        loaded.start.checked_add(u64::from(offset) + u64::from(len)).is_some_and(|end| end <= loaded.end)
    };
    let moved = usize::from(row.moved_len);
    let well_made = (JUMP_LEN..=REPLACED_MAX as u64).contains(&u64::from(row.replaced))
        && moved <= MOVED_MAX
        && row.size_parameter < PARAMETERS_MAX
        && usize::from(row.fixes_len) <= MOVED_FIXES_MAX
        && inside(row.offset, row.replaced);
    let fix_fits = |fix: &MovedFix| {
        let fits = usize::from(fix.at) + 4 <= moved && usize::from(fix.end) <= moved;
        inside(fix.target, 0) && fits && fix.kind <= fix::HIGH
    };
    if !well_made || !row.fixes.iter().take(usize::from(row.fixes_len)).all(fix_fits) {
        return false;
    }
    let entry = loaded.start + u64::from(row.offset);
    // By way of the kernel: between the segments of a module there may be nothing.
    (0..row.replaced).zip(&row.original).all(|(offset, byte)| {
        let word = sys::read_own(entry + u64::from(offset));
        word.is_some_and(|word| word.to_le_bytes()[0] == *byte)
    })
}

/// Memory that a jump from anywhere in the module reaches. Below it: behind a program its brk heap grows.
fn map_near(loaded: &Loaded, len: u64) -> Option<u64> {
    let lowest = loaded.end.saturating_sub(REACH).max(STEP);
    let mut at = (loaded.start & !(STEP - 1)).checked_sub(len.next_multiple_of(STEP))?;
    let mut step = STEP;
    while at >= lowest {
        if sys::map_rw(at, len).is_ok() {
            return Some(at);
        }
        at = at.checked_sub(step)?;
        // Far away there are no small gaps worth looking for.
        step = (step + step / 4) & !(STEP - 1);
        step = step.max(STEP);
    }
    None
}

/// # Safety
/// The range is mapped writable, and nobody else uses it while the reference lives.
unsafe fn slice_at(address: u64, len: u64) -> &'static mut [u8] {
    let start = core::ptr::with_exposed_provenance_mut::<u8>(usize::try_from(address).unwrap_or(0));
    // SAFETY: the caller's word.
    unsafe { core::slice::from_raw_parts_mut(start, usize::try_from(len).unwrap_or(0)) }
}

/// Writes the lower half of a number: of a distance all of it, but for its sign, since both ends are within reach.
fn put(bytes: &mut [u8], at: usize, number: u64) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&number.to_le_bytes()[..4]);
    }
}

/// `here`: where the stub will be run; `record`: where the address of what records lies.
fn write_stub(stub: &mut [u8], here: u64, record: u64, module: u64, row: &HookRow) -> Option<()> {
    stub.fill(TRAP);
    let push = PUSHES.get(usize::from(row.size_parameter))?;
    let moved_len = usize::from(row.moved_len);
    let call = push.len();
    let back = call + 5;
    let moved = back + 6;
    let resume = moved + moved_len;
    if resume + 5 > stub.len() {
        return None;
    }
    let address = |at: usize| here + at as u64;
    stub.get_mut(..call)?.copy_from_slice(push);
    *stub.get_mut(call)? = 0xE8;
    put(stub, call + 1, address(moved).wrapping_sub(address(back)));
    stub.get_mut(back..back + 2)?.copy_from_slice(&[0xFF, 0x25]);
    put(stub, back + 2, record.wrapping_sub(address(moved)));
    stub.get_mut(moved..resume)?.copy_from_slice(row.moved.get(..moved_len)?);
    for fix in row.fixes.iter().take(usize::from(row.fixes_len)) {
        let end = address(moved + usize::from(fix.end));
        let place = module + u64::from(fix.target);
        let value = match fix.kind {
            fix::LOW => place,
            fix::HIGH => place >> 32,
            _ => place.wrapping_sub(end),
        };
        put(stub, moved + usize::from(fix.at), value);
    }
    *stub.get_mut(resume)? = JUMP;
    let goes_on = module + u64::from(row.offset) + u64::from(row.replaced);
    put(stub, resume + 1, goes_on.wrapping_sub(address(resume + 5)));
    Some(())
}

/// Where stubs go on: the result in rax, the size on the stack, above it the caller's return address. Leaves every register as it is.
#[unsafe(naked)]
unsafe extern "C" fn record_entry() {
    naked_asm!(
        "push rax",
        "push rcx",
        "push rdx",
        "push rsi",
        "push rdi",
        "push r8",
        "push r9",
        "push r10",
        "push r11",
        "sub rsp, 264",
        "movups xmmword ptr [rsp], xmm0",
        "movups xmmword ptr [rsp + 16], xmm1",
        "movups xmmword ptr [rsp + 32], xmm2",
        "movups xmmword ptr [rsp + 48], xmm3",
        "movups xmmword ptr [rsp + 64], xmm4",
        "movups xmmword ptr [rsp + 80], xmm5",
        "movups xmmword ptr [rsp + 96], xmm6",
        "movups xmmword ptr [rsp + 112], xmm7",
        "movups xmmword ptr [rsp + 128], xmm8",
        "movups xmmword ptr [rsp + 144], xmm9",
        "movups xmmword ptr [rsp + 160], xmm10",
        "movups xmmword ptr [rsp + 176], xmm11",
        "movups xmmword ptr [rsp + 192], xmm12",
        "movups xmmword ptr [rsp + 208], xmm13",
        "movups xmmword ptr [rsp + 224], xmm14",
        "movups xmmword ptr [rsp + 240], xmm15",
        "mov rdi, rax",
        "mov rsi, qword ptr [rsp + 336]",
        "mov rdx, qword ptr [rsp + 344]",
        "lea rcx, [rsp + 352]",
        "call {record}",
        "movups xmm0, xmmword ptr [rsp]",
        "movups xmm1, xmmword ptr [rsp + 16]",
        "movups xmm2, xmmword ptr [rsp + 32]",
        "movups xmm3, xmmword ptr [rsp + 48]",
        "movups xmm4, xmmword ptr [rsp + 64]",
        "movups xmm5, xmmword ptr [rsp + 80]",
        "movups xmm6, xmmword ptr [rsp + 96]",
        "movups xmm7, xmmword ptr [rsp + 112]",
        "movups xmm8, xmmword ptr [rsp + 128]",
        "movups xmm9, xmmword ptr [rsp + 144]",
        "movups xmm10, xmmword ptr [rsp + 160]",
        "movups xmm11, xmmword ptr [rsp + 176]",
        "movups xmm12, xmmword ptr [rsp + 192]",
        "movups xmm13, xmmword ptr [rsp + 208]",
        "movups xmm14, xmmword ptr [rsp + 224]",
        "movups xmm15, xmmword ptr [rsp + 240]",
        "add rsp, 264",
        "pop r11",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rdi",
        "pop rsi",
        "pop rdx",
        "pop rcx",
        "pop rax",
        "lea rsp, [rsp + 8]",
        "ret",
        record = sym record,
    )
}

extern "C" fn record(result: u64, size: u64, address: u64, stack: u64) {
    parts::part_made(result, size, Caller { address, stack });
}

/// The rows of a table, if the file is one of this version for the module.
fn check(file: &'static [u8], build_id: &BuildId) -> Option<&'static [HookRow]> {
    let (rows, count) = rows_in::<HookRow>(file, build_id, HOOK_TABLE_MAGIC)?;
    let start = core::ptr::with_exposed_provenance::<HookRow>(rows.as_ptr().expose_provenance());
    // SAFETY: so many rows lie in the file's mapping, which stays; a row is integers, of which any bytes are some.
    Some(unsafe { core::slice::from_raw_parts(start, usize::try_from(count).ok()?) })
}
