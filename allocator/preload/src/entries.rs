//! Contains `unsafe`: the exported names.
//!
//! A naked entry leaves the arguments where they are and adds two: the return address (at the stack pointer, since nothing
//! has been pushed) and the stack pointer as it is once the call has returned. The function it jumps to returns to the
//! caller directly.

use crate::{family, operators};
use core::arch::naked_asm;
use core::ffi::c_void;

/// Entries of one, two and three arguments. Unwind tables are ours to write in a naked function.
macro_rules! entry {
    ($name:literal 1 $function:path) => {
        entry!(@ $name $function, "mov rsi, qword ptr [rsp]", "lea rdx, [rsp + 8]");
    };
    ($name:literal 2 $function:path) => {
        entry!(@ $name $function, "mov rdx, qword ptr [rsp]", "lea rcx, [rsp + 8]");
    };
    ($name:literal 3 $function:path) => {
        entry!(@ $name $function, "mov rcx, qword ptr [rsp]", "lea r8, [rsp + 8]");
    };
    (@ $name:literal $function:path, $address:literal, $stack:literal) => {
        const _: () = {
            // SAFETY: no other definition of the name is in this library; taking its place in others is its purpose.
            #[unsafe(export_name = $name)]
            #[unsafe(naked)]
            unsafe extern "C" fn entry() {
                naked_asm!(".cfi_startproc", $address, $stack, "jmp {function}", ".cfi_endproc", function = sym $function)
            }
        };
    };
}

entry!("malloc" 1 family::malloc);
entry!("calloc" 2 family::calloc);
entry!("realloc" 2 family::realloc);
entry!("reallocarray" 3 family::reallocarray);
entry!("posix_memalign" 3 family::posix_memalign);
entry!("aligned_alloc" 2 family::aligned_alloc);
entry!("memalign" 2 family::memalign);
entry!("valloc" 1 family::valloc);
entry!("pvalloc" 1 family::pvalloc);

/// Entries of `operator new`: those with one, two and three arguments. They keep the arguments, to pass them on in case of failure.
macro_rules! new_entry {
    ($name:literal 1 $function:path) => {
        new_entry!(@ $name $function, "mov rsi, qword ptr [rsp + 24]", "lea rdx, [rsp + 32]");
    };
    ($name:literal 2 $function:path) => {
        new_entry!(@ $name $function, "mov rdx, qword ptr [rsp + 24]", "lea rcx, [rsp + 32]");
    };
    ($name:literal 3 $function:path) => {
        new_entry!(@ $name $function, "mov rcx, qword ptr [rsp + 24]", "lea r8, [rsp + 32]");
    };
    (@ $name:literal $function:path, $address:literal, $stack:literal) => {
        const _: () = {
            // SAFETY: as above.
            #[unsafe(export_name = $name)]
            #[unsafe(naked)]
            unsafe extern "C" fn entry() {
                naked_asm!(
                    ".cfi_startproc",
                    "push rdx",
                    ".cfi_adjust_cfa_offset 8",
                    "push rsi",
                    ".cfi_adjust_cfa_offset 8",
                    "push rdi",
                    ".cfi_adjust_cfa_offset 8",
                    $address,
                    $stack,
                    "call {function}",
                    "pop rdi",
                    ".cfi_adjust_cfa_offset -8",
                    "pop rsi",
                    ".cfi_adjust_cfa_offset -8",
                    "pop rdx",
                    ".cfi_adjust_cfa_offset -8",
                    "test rax, rax",
                    "jz 2f",
                    "ret",
                    "2: lea rax, [rip + 3f]",
                    "jmp mcrx_next_operator_new",
                    ".cfi_endproc",
                    ".pushsection .rodata",
                    concat!("3: .asciz \"", $name, "\""),
                    ".popsection",
                    function = sym $function,
                )
            }
        };
    };
}

// operator new(size_t), new[](size_t), each also nothrow, aligned, and both.
new_entry!("_Znwm" 1 operators::new);
new_entry!("_Znam" 1 operators::new);
new_entry!("_ZnwmRKSt9nothrow_t" 2 operators::new_nothrow);
new_entry!("_ZnamRKSt9nothrow_t" 2 operators::new_nothrow);
new_entry!("_ZnwmSt11align_val_t" 2 operators::new_aligned);
new_entry!("_ZnamSt11align_val_t" 2 operators::new_aligned);
new_entry!("_ZnwmSt11align_val_tRKSt9nothrow_t" 3 operators::new_aligned_nothrow);
new_entry!("_ZnamSt11align_val_tRKSt9nothrow_t" 3 operators::new_aligned_nothrow);

/// Entries that free: the address is the first argument, the rest (sizes, alignments) says nothing that the heap does not know.
macro_rules! free_entry {
    ($($name:literal)*) => {$(
        const _: () = {
            // SAFETY: as above.
            #[unsafe(export_name = $name)]
            #[unsafe(naked)]
            unsafe extern "C" fn entry(_: *mut c_void) {
                naked_asm!(".cfi_startproc", "mov rsi, qword ptr [rsp]", "jmp {function}", ".cfi_endproc", function = sym family::free)
            }
        };
    )*};
}

free_entry! {
    "free" "cfree" "free_sized" "free_aligned_sized"
    "_ZdlPv" "_ZdaPv" "_ZdlPvm" "_ZdaPvm"
    "_ZdlPvRKSt9nothrow_t" "_ZdaPvRKSt9nothrow_t"
    "_ZdlPvSt11align_val_t" "_ZdaPvSt11align_val_t" "_ZdlPvmSt11align_val_t" "_ZdaPvmSt11align_val_t"
    "_ZdlPvSt11align_val_tRKSt9nothrow_t" "_ZdaPvSt11align_val_tRKSt9nothrow_t"
}
